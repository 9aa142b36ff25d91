"""Every label is placed in TONE or says why not, and every spelling leads to one label."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import taxonomy
from schemas.errors import DsbuildError
from schemas.markdown import escape
from schemas.plain_yaml import load_yaml
from schemas.taxonomy import FOLDER, Taxonomy, fold, load_taxonomy, parse_taxonomy, shipped
from schemas.tone import node, nodes


def test_the_tree_has_6_primaries_25_secondaries_and_135_tertiaries() -> None:
    assert Counter(each.tier for each in nodes()) == {1: 6, 2: 25, 3: 135}
    tertiaries = [each.term for each in nodes() if each.tier == 3]
    assert len(set(tertiaries)) == 135


def test_the_tree_is_the_published_one(shared_data: Path) -> None:
    lines = (shared_data / "parrott" / "long.tsv").read_text(encoding="utf-8").lower().splitlines()
    published = {tuple(line.split("\t")[:3]) for line in lines if line.count("\t") >= 2}
    ours = {(each.primary, each.secondary, each.tertiary) for each in nodes() if each.tier == 3}
    assert ours <= published
    assert len(published - ours) <= 1  # a header


def test_a_word_at_several_tiers_is_several_nodes() -> None:
    assert node("sadness", 1) != node("sadness", 2) != node("sadness", 3)
    with pytest.raises(DsbuildError, match="tier 1, 3"):
        node("joy", 2)
    with pytest.raises(DsbuildError, match="does not have this word"):
        node("hangry", 1)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_label_is_defined_and_placed_or_explained(name: str) -> None:
    taxonomy = load_taxonomy(name)
    assert taxonomy.source
    for label in taxonomy.labels:
        assert label.definition
        assert (not label.places) == bool(label.tone_note)
        if label.tone is not None and fold(label.tone.term) not in label.spellings:
            assert label.tone_reason, f"{label.id} stands at another word's node"


def test_mahaemotions_has_the_ten_released_strings_and_the_two_in_lower_case_resolve() -> None:
    taxonomy = load_taxonomy("mahaemotions")
    assert set(taxonomy.ids) == {
        "Neutral",
        "Anger/Disgust",
        "Happiness",
        "Respect",
        "Pride",
        "Sadness",
        "Surprise",
        "Excitement",
        "Fear",
        "Sarcasm",
    }
    assert (taxonomy.resolve("respect"), taxonomy.resolve("sadness")) == ("Respect", "Sadness")


@given(st.sampled_from(shipped()), st.data())
def test_any_case_and_any_blanks_around_an_id_resolve_to_it(name: str, data: st.DataObject) -> None:
    taxonomy = load_taxonomy(name)
    label = data.draw(st.sampled_from(taxonomy.ids))
    assert taxonomy.resolve(f" {label.upper()}\n") == label


def test_what_is_no_label_resolves_to_nothing() -> None:
    assert load_taxonomy("ekman-neutral").resolve("hangry") is None


def test_an_unknown_taxonomy_is_told_with_the_nearest_name() -> None:
    with pytest.raises(DsbuildError, match='Did you mean "mahaemotions"'):
        load_taxonomy("mahaemotion")


JOY = {"term": "joy", "tier": 1}


def _two(**changes: object) -> dict[str, object]:
    labels = [{"id": "a", "tone_note": "-"}, {"id": "b", "tone_note": "-"}]
    return {"name": "t", "title": "T", "source": "S", "labels": labels} | changes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": [{"id": "a", "tone_note": "-"}, {"id": "A", "tone_note": "-"}]}, "stands for both"),
        ({"labels": [{"id": "a"}, {"id": "b", "tone_note": "-"}]}, "needs one of"),
        ({"labels": [{"id": "a", "tone": {"term": "hangry", "tier": 1}}, {"id": "b", "tone_note": "-"}]}, "hangry"),
        ({"exclusive": ["c"]}, "exclusive names no label"),
        ({"colour": "red"}, "colour"),
        ({"labels": [{"id": "a", "tone_note": "-", "code": "N"}, {"id": "b", "tone_note": "-", "code": "n"}]}, "code"),
        ({"labels": [{"id": "a", "tone_note": "-", "role": "loud"}, {"id": "b", "tone_note": "-"}]}, "role"),
        ({"groups": {"by": {"x": ["a", "c"]}}}, "groups.by names a label twice, or one there is not"),
        ({"groups": {"by": {"x": ["a"], "y": ["a"]}}}, "groups.by names a label twice"),
        (
            {"kind": "act", "labels": [{"id": "a", "tone": JOY}, {"id": "b", "tone_note": "-"}]},
            "kind act are no emotions",
        ),
        ({"labels": [{"id": "a", "tone_parts": [JOY]}, {"id": "b", "tone_note": "-"}]}, "one part: write it as `tone`"),
        ({"labels": [{"id": "a", "tone_parts": [JOY, JOY]}, {"id": "b", "tone_note": "-"}]}, "the same part twice"),
        ({"labels": [{"id": "a", "tone": JOY, "tone_note": "-"}, {"id": "b", "tone_note": "-"}]}, "needs one of"),
    ],
)
def test_a_taxonomy_that_contradicts_itself_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(DsbuildError, match=told):
        parse_taxonomy(_two(**changes), "mine.yaml")


def test_a_file_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\ntitle: M\nsource: me\nlabels:\n"
        "- {id: glad, tone: {term: joy, tier: 1}, descriptions: [I am glad]}\n"
        "- {id: meh, tone_note: no emotion}\n",
        encoding="utf-8",
    )
    taxonomy: Taxonomy = load_taxonomy(str(path))
    assert taxonomy.tone_path("glad") == ("joy", None, None)
    assert taxonomy.labels[0].descriptions == {"en": ("I am glad",)}
    with pytest.raises(DsbuildError, match="no such taxonomy file"):
        load_taxonomy(str(tmp_path / "other.yaml"))


def test_a_released_code_stands_for_its_label_and_never_hides_a_name() -> None:
    labels = [{"id": "a", "code": 1, "tone_note": "-"}, {"id": "1", "code": "x", "tone_note": "-"}]
    taxonomy = parse_taxonomy(_two(labels=labels), "mine.yaml")
    assert [taxonomy.resolve(text) for text in ("1", "X", "a", "2")] == ["1", "1", "a", None]
    assert load_taxonomy("goemotions").resolve("27") == "neutral"


def test_a_blend_has_the_places_of_its_parts_and_no_place_of_its_own() -> None:
    taxonomy = load_taxonomy("abaw-compound")
    assert taxonomy.places("Fearfully Surprised") == (node("fear", 1), node("surprise", 1))
    assert taxonomy.tone("Fearfully Surprised") is None
    assert taxonomy.tone_path("Fearfully Surprised") == (None, None, None)


def test_our_own_files_read_the_fast_way_say_the_same() -> None:
    for path in FOLDER.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert load_yaml(text, ours=True) == load_yaml(text)


def test_a_file_of_ones_own_that_is_nested_without_end_is_an_error_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(DsbuildError, match="nested too deep"):
        load_taxonomy(str(path))


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    labels = "[{id: a, definition: WORDS, tone: {term: joy, tier: 1}}, {id: b, tone: {term: fear, tier: 1}}]"
    words = f"name: own\ntitle: Own\nsource: us\nlabels: {labels}\n"
    for definition in ("glad", "pleased"):
        path.write_text(words.replace("WORDS", definition), encoding="utf-8")
        assert load_taxonomy(str(path)).labels[0].definition == definition


def test_all_taxonomies_are_loaded_in_a_moment() -> None:
    begun = time.process_time()
    taxonomy._parsed.cache_clear()
    assert len([load_taxonomy(name) for name in shipped()]) > 40
    assert time.process_time() - begun < 0.5


@given(st.text())
def test_escaped_text_is_one_line_without_live_markup(text: str) -> None:
    line = escape(text)
    assert "\n" not in line
    assert "<" not in line
    assert "|" not in line.replace("\\|", "")
