"""Splits keep groups whole and depend on the seed and the ids alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.split import Split
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, conform


def counts(items: pl.DataFrame) -> dict[str, int]:
    return dict(Counter(items["split"].to_list()))


def test_the_sources_splits_are_taken_over(items: Any, run: Any) -> None:
    rows = [{"text": "a", "source_split": "train"}, {"text": "b", "source_split": "dev"}, {"text": "c"}]
    done = run(Split.from_recipe("source"), items(rows))
    assert done.items["split"].to_list() == ["train", "dev"]
    assert done.rejects.select("item_id", "reason").rows() == [("i2", "no split in the source")]
    assert done.figures == {"items": {"dev": 1, "train": 1}}


def test_a_source_without_splits_is_an_error(items: Any, run: Any) -> None:
    with pytest.raises(DsbuildError, match=r"name no splits.*split: \{by"):
        run(Split(source=True), items([{"text": "a"}]))


def test_shares_hold_in_every_corpus_and_language(items: Any, run: Any) -> None:
    rows = [{"text": str(n), "corpus": "ab"[n % 2], "language": ["mr", "hi", "en"][n % 3]} for n in range(600)]
    done = run(Split.from_recipe({"test": 0.2, "validation": 0.1}), items(rows), batch=70)
    assert counts(done.items) == {"train": 420, "validation": 60, "test": 120}
    for _, part in done.items.group_by("corpus", "language"):
        assert counts(part) == {"train": 70, "validation": 10, "test": 20}


def test_small_strata_together_still_get_their_shares(items: Any, run: Any) -> None:
    rows = [{"text": str(n), "language": f"l{n // 2}"} for n in range(200)]
    done = run(Split(test=0.1, validation=0.1), items(rows))
    assert counts(done.items) == {"train": 160, "validation": 20, "test": 20}


def test_labels_are_spread_evenly_where_asked(items: Any) -> None:
    frame = items([{"text": str(n)} for n in range(200)])
    rare = [f"i{n}" for n in range(0, 200, 10)]
    annotations = conform(
        pl.DataFrame(
            {
                "annotation_id": [f"a{n}" for n in range(200)],
                "item_id": frame["item_id"],
                "task": ["emotion"] * 200,
                "annotator": ["x"] * 200,
                "annotator_kind": ["human"] * 200,
                "labels": [[{"label": "fear" if i in rare else "joy"}] for i in frame["item_id"].to_list()],
            }
        ),
        ANNOTATIONS,
    )
    step = Split.from_recipe({"test": 0.2, "validation": 0.2, "stratify": "emotion"})
    assert step.wants_annotations
    done = step.apply(frame, step.decide(step.summarise(frame, annotations))).items
    assert counts(done.filter(pl.col("item_id").is_in(rare))) == {"train": 12, "validation": 4, "test": 4}
    with pytest.raises(DsbuildError, match="none were handed in"):
        step.summarise(frame)


def test_groups_named_alike_in_two_corpora_are_two(items: Any) -> None:
    group = [{"kind": "speaker", "id": "1"}]
    frame = items([{"text": "a", "corpus": "a", "groups": group}, {"text": "b", "corpus": "b", "groups": group}])
    step = Split(test=0, validation=0)
    assert len(set(step.summarise(frame)["groups"].explode())) == 2


def test_near_duplicates_stay_together_where_asked(items: Any, run: Any) -> None:
    texts = ["".join(chr(0x900 + (n * 7 + k * k) % 100) for k in range(30)) for n in range(40)]
    frame = items([{"text": text + end} for text in texts for end in ("", "!")])
    done = run(Split(test=0.3, validation=0.2, near=0.9), frame).items
    by_text = done.with_columns(pl.col("text").str.strip_chars("!")).group_by("text").agg(pl.col("split").n_unique())
    assert by_text["split"].to_list() == [1] * 40
    assert set(counts(done)) == {"train", "validation", "test"}


def test_a_giant_component_is_refused_with_its_reason(items: Any, run: Any) -> None:
    rows = [{"text": str(n), "groups": [{"kind": "topic", "id": "one"}]} for n in range(50)]
    with pytest.raises(DsbuildError, match=r"50 of 50 items are connected through the groups topic"):
        run(Split.from_recipe({"by": ["topic"]}), items(rows))
    assert counts(run(Split.from_recipe({"by": ["dialogue"]}), items(rows)).items)["test"] == 5


GROUPS = st.lists(st.tuples(st.sampled_from(["dialogue", "speaker"]), st.integers(0, 30)), max_size=2)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(GROUPS, min_size=1, max_size=60), seed=st.integers(0, 5), order=st.randoms())
def test_connected_groups_stay_whole_whatever_the_order_of_rows(
    items: Any, run: Any, groups: list[list[tuple[str, int]]], seed: int, order: Any
) -> None:
    rows = [{"text": str(n), "groups": [{"kind": k, "id": str(i)} for k, i in own]} for n, own in enumerate(groups)]
    frame = items(rows)
    step = Split(test=0.2, validation=0.2, seed=seed)
    try:
        done = run(step, frame, batch=7).items
    except DsbuildError as refused:  # a giant component: refusing is one of the two right answers
        if "connected" not in refused.what:
            raise
        return
    assert done["split"].null_count() == 0
    long = done.select("split", "groups").explode("groups").drop_nulls("groups").unnest("groups")
    assert long.group_by("kind", "id").agg(pl.col("split").n_unique())["split"].max() in (1, None)
    shuffled = list(range(frame.height))
    order.shuffle(shuffled)
    again = run(step, frame[shuffled]).items
    assert dict(again.select("item_id", "split").iter_rows()) == dict(done.select("item_id", "split").iter_rows())


def test_another_seed_gives_another_split(items: Any, run: Any) -> None:
    frame = items([{"text": str(n)} for n in range(100)])
    first, same, other = (run(Split(seed=seed), frame).items["split"].to_list() for seed in (7, 7, 8))
    assert first == same
    assert first != other


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("sources", "split is `source`, or a mapping"),
        (None, "split is `source`, or a mapping"),
        ({"source": True, "test": 0.3}, "nothing else can be set"),
        ({"test": 0.6, "validation": 0.4}, "leave nothing for train"),
        ({"tset": 0.1}, "Extra inputs"),
    ],
)
def test_what_is_no_split_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Split.from_recipe(value)


def test_a_split_written_out_in_full_is_read_again() -> None:
    for value in ("source", {"by": ["dialogue"], "test": 0.2, "seed": 3}):
        step = Split.from_recipe(value)
        assert Split.from_recipe(step.model_dump(mode="json")) == step
