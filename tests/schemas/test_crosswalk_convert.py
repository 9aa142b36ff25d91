"""Answers to one task made into answers to another: nothing is lost in silence, and the original is always there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.crosswalk import crosswalk
from schemas.crosswalk.convert import PART, Converted, convert
from schemas.crosswalk.fits import why_not
from schemas.tables import ANNOTATIONS, conform
from schemas.task import Task
from schemas.taxonomy import Taxonomy, load_taxonomy, parse_taxonomy

NO_PLACE = "no place in b"


def set_of(name: str, exclusive: Sequence[str] = (), **labels: str) -> Taxonomy:
    """A taxonomy of id="term:tier", "term:tier+term:tier" or "neutral"."""
    made: list[dict[str, Any]] = []
    for label, places in labels.items():
        if ":" not in places:
            made.append({"id": label, "tone_note": "no emotion", "role": places or None})
            continue
        parts = [{"term": one.split(":")[0], "tier": int(one.split(":")[1])} for one in places.split("+")]
        made.append({"id": label, **({"tone": parts[0]} if len(parts) == 1 else {"tone_parts": parts})})
    data = {"name": name, "title": name, "source": "a test", "exclusive": list(exclusive), "labels": made}
    return parse_taxonomy(data, name)


A = set_of(
    "a",
    glad="joy:1",
    bliss="bliss:3",
    mad="anger:1",
    mixed="fear:1+joy:1",
    sly="",
    calm="neutral",
)
B = set_of(
    "b", ["none"], happy="joy:1", rage="rage:2", disgust="disgust:2", fear="fear:1", love="love:1", none="neutral"
)


def task(kind: str, taxonomy: Taxonomy | None = None, name: str = "emotion", **more: Any) -> Task:
    return Task.model_validate({"name": name, "kind": kind, "taxonomy": taxonomy, "perspective": "reader", **more})


def rows_of(source: Task, *answers: Any, **columns: Sequence[Any]) -> pl.DataFrame:
    """ANNOTATIONS of `source`, one an answer: labels, or (label, score)s, or null."""
    made = []
    for number, answer in enumerate(answers):
        labels = None
        if answer is not None:
            pairs = [one if isinstance(one, tuple) else (one, None) for one in answer]
            labels = [{"label": label, "score": score, "original": label.upper()} for label, score in pairs]
        more = {name: values[number] for name, values in columns.items()}
        made.append(_row(source, number, labels=labels, skipped=answer is None, **more))
    return conform(pl.DataFrame(made, infer_schema_length=None), ANNOTATIONS)


def _row(source: Task, number: int, **columns: Any) -> dict[str, Any]:
    return {
        "annotation_id": f"{source.name}-{number}",
        "item_id": f"item-{number}",
        "task": source.name,
        "perspective": source.perspective,
        "annotator": "corpus:rater",
        "annotator_kind": "human",
        "sample": 0,
        "round": "first",
        "provenance": "p",
        **columns,
    }


def converted(source: Task, target: Task, *answers: Any, **columns: Sequence[Any]) -> Converted:
    rows = rows_of(source, *answers, **columns)
    kept, refused = source.validate_annotations(rows)
    assert refused.is_empty(), refused["detail"].to_list()
    return convert(kept, source, target, stage="convert:emotion")


def said(result: Converted) -> list[Any]:
    """The labels of each annotation, with their scores where they have any."""
    return [
        None if row is None else [one["label"] if one["score"] is None else (one["label"], one["score"]) for one in row]
        for row in result.annotations["labels"].to_list()
    ]


# One label


def test_a_converted_label_carries_its_original_the_kind_and_the_bits() -> None:
    source, target = task("choice", A, "corpus.emotion"), task("choice", B)
    result = converted(source, target, ["glad"], ["bliss"], ["bliss"], ["bliss"], ["calm"])
    first = result.annotations.row(0, named=True)
    assert first["labels"] == [{"label": "happy", "score": None, "original": "glad", "mapping": "exact", "loss": 2.0}]
    assert (first["task"], first["parent"], first["annotator"]) == ("emotion", "corpus.emotion-0", "corpus:rater")
    assert result.annotations["labels"][1][0]["mapping"] == "broader"
    # glad is one of four that became happy, bliss three of them: log2 4 and log2 4/3 bits.
    assert result.annotations["labels"][1][0]["loss"] == pytest.approx(0.415037, abs=1e-6)
    assert result.annotations["labels"][4][0]["loss"] == 0.0
    assert result.figures["bits"] == pytest.approx((2 + 3 * 0.415037) / 5, abs=1e-6)
    assert result.annotations["annotation_id"].n_unique() == 5


def test_what_has_no_place_or_may_be_several_labels_is_rejected_with_the_whole_answer() -> None:
    source, target = task("choice", A, "corpus.emotion"), task("choice", B)
    result = converted(source, target, ["sly"], ["mad"], ["mixed"], ["glad"])
    assert said(result) == [["happy"]]
    assert result.rejects["reason"].to_list() == [NO_PLACE] * 3
    assert result.rejects["stage"].unique().to_list() == ["convert:emotion"]
    assert [row.split(";")[0] for row in result.rejects["detail"].to_list()] == [
        "sly (none): no place in TONE: no emotion",
        "mad (narrower): anger (tier 1), above rage, disgust",
        "mixed (several): a blend of fear (tier 1) and joy (tier 1)",
    ]
    assert json.loads(result.rejects["raw"][0])["annotation_id"] == "corpus.emotion-0"
    assert (result.figures["in"], result.figures["converted"], result.figures["rejected"]) == (4, 1, 3)
    by_label = {one["label"]: one for one in result.figures["labels"]}
    assert (by_label["mad"]["n"], by_label["mad"]["converted"]) == (1, 0)
    assert (by_label["glad"]["n"], by_label["glad"]["converted"]) == (1, 1)


def test_shares_of_a_choice_are_added_up_and_a_blend_is_divided() -> None:
    source, target = task("choice", A, "corpus.emotion"), task("choice", B)
    soft = [("glad", 0.25), ("bliss", 0.25), ("mixed", 0.5)]
    result = converted(source, target, soft)
    assert said(result) == [[("happy", 0.75), ("fear", 0.25)]]
    assert result.annotations["labels"][0][0]["original"] == "glad, bliss, mixed"


def test_votes_stay_counts_of_the_same_people() -> None:
    source, target = task("choice", A, "corpus.emotion"), task("choice", B)
    result = converted(source, target, [("glad", 3.0), ("bliss", 4.0), ("sly", 2.0), ("mad", 0.0)], votes=[10])
    assert said(result) == [[("happy", 7.0)]]
    assert result.annotations["votes"].to_list() == [10]
    assert result.rejects["reason"].to_list() == [NO_PLACE + PART]


def test_an_answer_of_several_labels_loses_only_those_that_say_nothing_here() -> None:
    source, target = task("multi", A, "corpus.emotion"), task("multi", B)
    result = converted(source, target, ["glad", "bliss"], ["sly", "glad"], ["mad", "glad"], ["mixed"], ["sly"], [])
    assert said(result) == [["happy"], ["happy"], ["happy", "fear"], []]
    merged = result.annotations["labels"][0][0]
    assert (merged["original"], merged["mapping"]) == ("glad, bliss", "broader")
    assert sorted(result.rejects["reason"].to_list()) == [NO_PLACE, NO_PLACE, NO_PLACE + PART]
    assert (result.figures["converted"], result.figures["rejected"], result.figures["left_out"]) == (4, 2, 1)


def test_several_labels_are_no_choice_and_an_exclusive_one_stands_alone() -> None:
    source = task("multi", A, "corpus.emotion")
    result = converted(source, task("choice", B), ["glad", "bliss"], ["glad", "mixed"])
    assert said(result) == [["happy"]]
    b = task("choice", set_of("b", happy="joy:1", rage="rage:2", none="neutral"))
    assert converted(source, b, ["glad", "calm"]).figures["reasons"] == {"more than one label": 1}
    result = converted(source, task("multi", B), ["glad", "calm"], ["calm"])
    assert said(result) == [["none"]]
    assert result.figures["reasons"] == {"an exclusive label stands beside others": 1}


def test_a_skipped_question_stays_skipped() -> None:
    result = converted(task("choice", A, "corpus.emotion"), task("choice", B), None, ["glad"])
    assert result.annotations["skipped"].to_list() == [True, False]
    assert result.annotations["labels"].to_list()[0] is None


# What was asked


def test_only_what_the_labels_cover_counts_as_asked() -> None:
    source, target = task("multi", A, "corpus.emotion"), task("multi", B)
    result = converted(source, target, ["bliss"], [], ["calm"], ["mixed"], asked=[None, None, ["bliss", "calm"], None])
    asked = [sorted(one) for one in result.annotations["asked"].to_list()]
    # Love was never asked. Anger was: who did not say it said neither rage nor disgust. Fear only stands in a blend.
    assert asked[1] == ["disgust", "happy", "none", "rage"]
    # Bliss is less than joy, so without joy's own label its absence is no answer about joy.
    assert asked[2] == ["none"]
    assert asked[3] == ["disgust", "fear", "happy", "none", "rage"]


def test_all_labels_asked_is_null_as_everywhere() -> None:
    meld, ekman = task("choice", load_taxonomy("meld"), "meld.emotion"), task("choice", load_taxonomy("ekman-neutral"))
    assert converted(meld, ekman, ["joy"]).annotations["asked"].to_list() == [None]


# Every kind of labels against a reading row by row

LABELS = st.lists(st.sampled_from(A.ids), unique=True, max_size=4)


def _reference(
    answer: Sequence[tuple[str, float | None]], source: Task, target: Task
) -> dict[str, float | None] | None:
    """What the documentation says, one answer at a time; null for a reject."""
    walk = crosswalk(A, B)
    low = source.range[0] if source.range else 0.0
    given = [(label, score) for label, score in answer if source.kind == "ranking" or score is None or score > low]
    found: dict[str, list[float | None]] = {}
    for label, score in given:
        mapping = walk.by_label[label]
        if mapping.kind == "none":
            continue
        divided = target.kind == "choice" and score is not None
        if not mapping.sure or (len(mapping.targets) > 1 and target.kind == "choice" and not divided):
            return None
        for one in mapping.targets:
            part = score / len(mapping.targets) if divided and score is not None else score
            found.setdefault(one, []).append(part)
    if given and not found:
        return None
    pick: Any = {"choice": sum, "ranking": min}.get(target.kind, max)
    return {label: None if scores[0] is None else pick(scores) for label, scores in found.items()}


@settings(deadline=None)  # dozens of polars queries each, on a machine that others share
@given(st.lists(LABELS, max_size=8), st.sampled_from(["choice", "multi"]))
def test_sets_of_labels_are_converted_as_documented(answers: list[list[str]], kind: str) -> None:
    source, target = task("multi", A, "corpus.emotion"), task(kind, B)
    result = (
        converted(source, target, *answers)
        if answers
        else convert(rows_of(source, ["glad"]).clear(), source, target, stage="s")
    )
    wanted = {}
    for number, answer in enumerate(answers):
        found = _reference([(label, None) for label in answer], source, target)
        alone = found is not None and ("none" not in found or len(found) == 1)
        if found is not None and alone and (kind == "multi" or len(found) <= 1):
            wanted[f"corpus.emotion-{number}"] = set(found)
    got = dict(zip(result.annotations["parent"], said(result), strict=True))
    assert {parent: set(labels) for parent, labels in got.items()} == wanted
    whole = result.rejects.filter(~pl.col("reason").str.ends_with(PART)).height
    assert result.figures["in"] == len(answers) == result.annotations.height + whole


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(A.ids), st.integers(0, 5), min_size=1), min_size=1, max_size=8))
def test_votes_are_converted_as_documented(pools: list[dict[str, int]]) -> None:
    source, target = task("choice", A, "corpus.emotion"), task("choice", B)
    answers = [[(label, float(n)) for label, n in pool.items()] for pool in pools]
    result = converted(source, target, *answers, votes=[max(sum(pool.values()), 1) for pool in pools])
    got = dict(zip(result.annotations["parent"], said(result), strict=True))
    for number, answer in enumerate(answers):
        wanted = _reference(answer, source, target)
        labels = got.get(f"corpus.emotion-{number}")
        assert (labels is None) == (wanted is None)
        if wanted is not None:
            assert dict(labels or []) == pytest.approx(wanted)


@settings(deadline=None)
@given(st.lists(st.permutations(A.ids).map(lambda ids: ids[:3]), min_size=1, max_size=8))
def test_rankings_keep_the_best_rank_and_count_from_one(answers: list[list[str]]) -> None:
    source, target = task("ranking", A, "corpus.ranks"), task("ranking", B)
    result = converted(source, target, *([(label, rank) for rank, label in enumerate(ids, 1)] for ids in answers))
    got = dict(zip(result.annotations["parent"], said(result), strict=True))
    for number, ids in enumerate(answers):
        wanted = _reference([(label, float(rank)) for rank, label in enumerate(ids, 1)], source, target)
        labels = got.get(f"corpus.ranks-{number}")
        if wanted is None or ("none" in wanted and len(wanted) > 1):
            assert labels is None
            continue
        ranks = sorted(set(wanted.values()), key=lambda rank: rank or 0)
        order = {label: 1 + sum(other < rank for other in wanted.values()) for label, rank in wanted.items()}  # type: ignore[operator]
        assert dict(labels or []) == order
        assert [score for _, score in labels or []] == sorted(order.values())
        assert ranks


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=len(A.ids), max_size=len(A.ids)), min_size=1, max_size=6))
def test_levels_keep_the_highest_and_every_asked_label_has_one(answers: list[list[int]]) -> None:
    source = task("intensity", A, "corpus.levels", range=[0, 3], step=1)
    target = task("intensity", B, range=[0, 1])
    rows = [[(label, float(level)) for label, level in zip(A.ids, levels, strict=True)] for levels in answers]
    result = converted(source, target, *rows)
    got = dict(zip(result.annotations["parent"], result.annotations.iter_rows(named=True), strict=True))
    for number, answer in enumerate(rows):
        wanted = _reference(answer, source, target)
        row = got.get(f"corpus.levels-{number}")
        assert (row is None) == (wanted is None)
        if row is None or wanted is None:
            continue
        levels = {one["label"]: one["score"] for one in row["labels"]}
        assert set(levels) == set(row["asked"] or B.ids)
        for label, level in levels.items():
            assert level == pytest.approx((wanted.get(label) or 0.0) / 3)


# Numbers


def test_a_scale_is_stretched_so_that_its_ends_meet() -> None:
    source = task("scale", name="msp.arousal", range=[1, 7], step=1)
    rows = conform(pl.DataFrame([_row(source, n, value=float(v)) for n, v in enumerate([1, 4, 7, 2])]), ANNOTATIONS)
    result = convert(rows, source, task("scale", range=[-1, 1]), stage="s")
    assert result.annotations["value"].to_list() == pytest.approx([-1, 0, 1, -2 / 3])
    assert result.figures["scale"] == {"from": [1, 7], "to": [-1, 1]}
    assert result.annotations["parent"].to_list() == rows["annotation_id"].to_list()


def test_a_trace_is_stretched_point_by_point_at_the_same_times() -> None:
    source = task("trace", name="deam.arousal", range=[-1, 1])
    trace = [{"t": 0.5, "value": -1.0}, {"t": 1.0, "value": 0.5}]
    rows = conform(pl.DataFrame([_row(source, 0, trace=trace)]), ANNOTATIONS)
    result = convert(rows, source, task("trace", range=[0, 100]), stage="s")
    assert result.annotations["trace"].to_list() == [[{"t": 0.5, "value": 0.0}, {"t": 1.0, "value": 75.0}]]


@settings(deadline=None)
@given(st.integers(-9, 9), st.integers(1, 20), st.integers(-9, 9), st.integers(1, 20), st.floats(0, 1))
def test_stretching_there_and_back_gives_the_number_again(
    low: int, width: int, to: int, wide: int, part: float
) -> None:
    source = task("scale", name="c.v", range=[low, low + width])
    target = task("scale", name="v", range=[to, to + wide])
    value = low + part * width
    rows = conform(pl.DataFrame([_row(source, 0, value=value)]), ANNOTATIONS)
    there = convert(rows, source, target, stage="s").annotations
    assert there.height == 1
    again = convert(there, target, source, stage="s").annotations
    assert again["value"][0] == pytest.approx(value, abs=1e-9)


def test_texts_and_open_words_are_taken_as_they_are() -> None:
    source = task("text", name="c.why")
    rows = conform(pl.DataFrame([_row(source, 0, text="She smiles.")]), ANNOTATIONS)
    result = convert(rows, source, task("text", name="why"), stage="s")
    assert result.annotations.select("task", "text", "parent").rows() == [("why", "She smiles.", "c.why-0")]


# What cannot be converted


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        (task("choice", A, "c.e"), task("scale", range=[0, 1]), "can be made of scale; c.e is choice"),
        (task("scale", name="c.v", range=[1, 7]), task("choice", B), "can be made of choice or multi"),
        (task("choice", A, "c.e", perspective="writer"), task("choice", B), "perspective writer"),
        (
            task("choice", load_taxonomy("meld-sentiment"), "c.s"),
            task("choice", B),
            "no label of meld-sentiment has a place in b",
        ),
        (
            task("scale", name="c.v", range=[1, 7], step=1),
            task("scale", name="v", range=[1, 5], step=1),
            "2 of c.v would lie between the points of v",
        ),
        (task("scale", name="c.v", range=[1, 7]), task("scale", name="v", range=[1, 5], step=1), "any number"),
        (task("pairwise", name="c.p"), task("pairwise", name="p", ties=False), "declared alike"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(source: Task, target: Task, why: str) -> None:
    assert why in (why_not(source, target) or "")
    with pytest.raises(ValueError, match=re.escape(why)):
        convert(rows_of(source, []).clear(), source, target, stage="s")


def test_points_that_meet_points_fit() -> None:
    coarse = task("scale", name="v", range=[0, 1], step=0.5)
    assert why_not(task("scale", name="c.v", range=[1, 3], step=1), coarse) is None


def test_two_answers_of_one_annotator_get_numbers_of_their_own() -> None:
    source = task("choice", A, "c.e")
    rows = rows_of(source, ["glad"], ["calm"]).with_columns(pl.lit("item-0").alias("item_id"))
    result = convert(rows, source, task("choice", B), stage="s")
    assert result.annotations["annotation_id"].n_unique() == 2


def test_a_hundred_thousand_answers_take_few_seconds() -> None:
    source, target = task("multi", load_taxonomy("goemotions"), "g.e"), task("multi", load_taxonomy("ekman-neutral"))
    rng = np.random.default_rng(7)
    picks = rng.integers(0, 27, size=(100_000, 2))
    lists = pl.DataFrame(
        {"_row": np.repeat(np.arange(len(picks)), 2), "label": np.array(source.label_ids)[picks.ravel()]}
    )
    labels = lists.unique().group_by("_row", maintain_order=True).agg(pl.struct("label").alias("labels")).sort("_row")
    base = pl.DataFrame([_row(source, 0)]).select(pl.all().repeat_by(len(picks)).explode())
    number = pl.int_range(pl.len()).cast(pl.String)
    rows = base.with_columns(number.alias("annotation_id"), number.alias("item_id"), labels["labels"])
    rows = conform(rows, ANNOTATIONS)
    begun = time.process_time()  # of all cores; others may be at work on this machine
    result = convert(rows, source, target, stage="s")
    assert time.process_time() - begun < 5
    assert result.figures["in"] == 100_000 == result.figures["converted"] + result.figures["rejected"]
