"""What a word stands for, what is opposite to it, and how far apart emotions are."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuild.tone.own_norms import read_norms
from schemas.errors import DsbuildError
from schemas.taxonomy import load_taxonomy
from schemas.tone import Node, node, nodes
from schemas.tone.ask import (
    all_words,
    children,
    definition,
    distance,
    distance_matrix,
    expand,
    find,
    lookup,
    norm,
    opposites,
    parent,
    words,
)
from schemas.tone.features import features
from schemas.tone.labels import expand_labels, label_distances
from schemas.tone.load import statements

NODES = st.sampled_from(nodes())
PARROTT = Path(__file__).parents[3] / "shared" / "data" / "parrott"


def test_the_primary_of_vexation_is_anger() -> None:
    assert find("vexation").primary == "anger"
    assert lookup("vexation")[0].known_as == "vocabulary"


@pytest.mark.parametrize(
    ("word", "term"),
    [("grief", "grief"), ("GRIEF", "grief"), ("  ill   temper ", None), ("unhappy", "unhappiness"), ("suspense", None)],
)
def test_words_resolve_in_any_case_and_with_any_blanks(word: str, term: str | None) -> None:
    if term is None:
        assert lookup(word) == lookup(" ".join(word.split()))
    else:
        assert find(word).term == term


def test_every_word_of_both_published_forms_of_the_tree_resolves() -> None:
    for name in ("long.tsv", "short.tsv"):
        with (PARROTT / name).open(encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t"))[1:]
        for row in rows:
            for word in row[:3]:
                assert lookup(word), (name, word)


def test_a_word_at_several_tiers_is_several_nodes_the_widest_first() -> None:
    assert [one.node.tier for one in lookup("sadness")][:3] == [1, 2, 3]
    assert find("sadness") == Node("sadness")
    assert find("sadness@3") == Node("sadness", "sadness", "sadness")
    with pytest.raises(DsbuildError, match="no 'grief' at tier 1"):
        find("grief@1")


def test_a_word_that_is_not_there_is_told_with_its_neighbours() -> None:
    with pytest.raises(DsbuildError, match=r"Did you mean .*happiness"):
        find("hapiness")


def test_every_node_has_a_definition_and_every_word_leads_back_to_its_node() -> None:
    for each in nodes():
        assert definition(each).definition
        assert definition(each).source
        for word in words(each):
            assert each in {one.node for one in lookup(word.word)}
    assert len(all_words()) > 1_200


def test_opposites_hold_in_both_directions_and_say_what_they_rest_on() -> None:
    for one in statements():
        if one.predicate == "isOppositeOf":
            assert one.object in {other for other, _ in opposites(one.subject)}
            assert one.subject in {other for other, _ in opposites(one.object)}
    assert {other.term for other, said in opposites(find("hate@3")) if said.basis == "stated"} >= {"love"}
    of_grief = opposites(find("grief"))
    assert of_grief
    assert all(said.basis == "inferred" for _, said in of_grief)
    assert {other.primary for other, _ in of_grief} == {"joy"}


@given(NODES, NODES, NODES)
def test_distance_is_a_metric_between_0_and_1(a: Node, b: Node, c: Node) -> None:
    assert 0 <= distance(a, b) <= 1
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-12


def test_distance_counts_the_edges_between_two_nodes_of_the_tree() -> None:
    annoyance, rage, grief = find("annoyance"), find("rage@3"), find("grief")
    assert distance(annoyance, node("irritation", 2)) == 1 / 6
    assert distance(annoyance, rage) == 4 / 6
    assert distance(annoyance, grief) == 1
    assert distance(node("love", 1), node("fear", 1)) == 2 / 6


def test_the_matrix_holds_every_distance() -> None:
    matrix = distance_matrix(nodes())
    for (a, one), (b, other) in combinations(enumerate(nodes()), 2):
        assert matrix[a, b] == matrix[b, a] == pytest.approx(distance(one, other), abs=1e-12)
    assert not matrix.diagonal().any()


def test_labels_of_a_taxonomy_are_as_far_apart_as_their_nodes_and_blends_lie_between() -> None:
    taxonomy = load_taxonomy("goemotions")
    matrix = label_distances(taxonomy)
    at = taxonomy.index
    assert matrix[at["anger"], at["annoyance"]] == pytest.approx(distance(node("anger", 1), find("annoyance")))
    assert matrix[at["anger"], at["joy"]] > matrix[at["anger"], at["annoyance"]] - 1e-12
    neutral = np.delete(matrix[at["neutral"]], at["neutral"])
    assert (neutral == 1).all()
    assert np.allclose(matrix, matrix.T)
    blends = load_taxonomy("abaw-compound")
    of = label_distances(blends)
    a, b, c = (blends.index[name] for name in ("Fearfully Surprised", "Sadly Surprised", "Sadly Angry"))
    assert 0 < of[a, b] < of[a, c]


@given(NODES, st.integers(1, 3))
def test_expanding_goes_up_to_the_tier_and_never_down(each: Node, tier: int) -> None:
    up = expand(each, tier)
    assert up.tier == min(tier, each.tier)
    assert up.primary == each.primary
    above: Node | None = each
    while above is not None and above != up:
        above = parent(above)
    assert above == up


def test_labels_expand_to_a_coarser_tier() -> None:
    taxonomy = load_taxonomy("goemotions")
    made = expand_labels(pl.Series(["annoyance", "neutral", None, "grief"]), taxonomy, 1)
    assert made["terms"].to_list() == [["anger"], [], None, ["sadness"]]
    assert expand_labels(pl.Series(["Sadly Angry"]), load_taxonomy("abaw-compound"), 1)["terms"].to_list() == [
        ["sadness", "anger"]
    ]
    with pytest.raises(DsbuildError, match="'sad' is no label of goemotions"):
        expand_labels(pl.Series(["sad"]), taxonomy, 1)


def test_children_and_parents_agree() -> None:
    for each in nodes():
        for child in children(each):
            assert parent(child) == each


def test_a_norm_says_whether_it_was_measured() -> None:
    joy = norm(find("joy"))
    assert joy is not None
    assert joy.basis == "data"
    assert joy.value > 0.5
    assert joy.n == 10
    assert {norm(each).basis for each in nodes()} == {"data", "interpolated"}  # type: ignore[union-attr]


def test_features_count_terms_by_primary_and_average_their_valence() -> None:
    texts = pl.Series(["I am so happy and grateful, but grief came.", "nothing here", None, "", "Vexed. VEXED!"])
    made = features(texts)
    assert made["words"].to_list() == [9, 2, 0, 0, 2]
    assert made["terms"].to_list() == [3, 0, 0, 0, 2]
    assert made["joy"].to_list()[0] == 2
    assert made["sadness"].to_list()[0] == 1
    assert made["anger"].to_list() == [0, 0, 0, 0, 2]
    assert made["coverage"].to_list()[:2] == [3 / 9, 0.0]
    assert made["coverage"].to_list()[2] is None
    assert made["valence"].to_list()[1] is None
    assert made["valence"].to_list()[4] < 0
    expected = [norm(find(word)).value for word in ("happy", "grateful", "grief")]  # type: ignore[union-attr]
    assert made["valence"].to_list()[0] == pytest.approx(sum(expected) / 3)


def test_features_count_at_a_finer_tier_what_stands_there_or_below() -> None:
    texts = pl.Series(["grief and sorrow, anger", "irritation", None])
    second, third = features(texts, tier=2), features(texts, tier=3)
    assert second.columns[4:] == [each.term for each in nodes() if each.tier == 2]
    assert (second["sadness"].to_list(), second["irritation"].to_list()) == ([2, 0, 0], [0, 1, 0])
    assert (third["grief"].to_list(), third["irritation"].to_list()) == ([1, 0, 0], [0, 0, 0])
    assert third.width == 4 + 135
    # "anger" is a primary first of all, so it is in no secondary; it counts as a term all the same.
    assert second.select(second.columns[4:]).sum_horizontal().to_list() == [2, 1, 0]
    assert second["terms"].to_list() == [3, 1, 0]
    with pytest.raises(ValueError, match="a tier is 1, 2 or 3, not 4"):
        features(texts, tier=4)


def test_norms_of_ones_own_plug_in_in_both_published_forms(tmp_path: Path) -> None:
    nrc = tmp_path / "nrc.txt"
    nrc.write_text("Word\tValence\tArousal\tDominance\njoy\t0.98\t0.8\t0.7\ngrief\t0.07\t0.64\t0.47\n", "utf-8")
    warriner = tmp_path / "w.csv"
    header = "Word,V.Mean.Sum,V.SD.Sum,A.Mean.Sum,A.SD.Sum,D.Mean.Sum,D.SD.Sum"
    warriner.write_text(f"{header}\njoy,8.21,1.1,5.55,2,7,1.9\n", "utf-8")
    of = {(one.node, one.dimension): one for one in read_norms(nrc).on_nodes()}
    assert of[node("joy", 1), "valence"].value == pytest.approx(0.96)
    assert of[node("grief", 3), "valence"].basis == "data"
    assert of[node("sorrow", 3), "valence"].basis == "interpolated"
    assert of[node("sadness", 1), "valence"].value == pytest.approx(-0.86)
    rated = {(one.node, one.dimension): one for one in read_norms(warriner).on_nodes()}
    assert rated[node("joy", 1), "valence"].value == pytest.approx((8.21 - 5) / 4, abs=1e-4)
    assert len(rated) == 3 * len(nodes())
    valence = {place: one.value for (place, dimension), one in of.items() if dimension == "valence"}
    assert features(pl.Series(["joy"]), valence)["valence"].to_list() == [pytest.approx(0.96)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("word,v\njoy,1\n", "no norms that dsbuild can read"),
        ("joy\t0.9\t0.8\n", "3 fields, not 4"),
        ("joy\t0.9\t8\t0.7\n", "'8' is no number from -1 to 1"),
    ],
)
def test_a_file_that_holds_no_norms_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "norms"
    path.write_text(text, "utf-8")
    with pytest.raises(DsbuildError, match=told) as failure:
        read_norms(path)
    assert str(path) in str(failure.value)
