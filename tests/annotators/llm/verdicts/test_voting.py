"""Several samples of one annotator become one annotation that every audit reads as one soft label."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.llm import LLMConfig
from annotators.llm.reading import Bad, Good
from annotators.llm.rows import Row
from annotators.llm.strategies import Item
from annotators.llm.verdicts.consensus import VOTED, voted
from annotators.llm.verdicts.voting import vote
from audits.aggregate import aggregate
from schemas.errors import RecipeError
from schemas.ids import annotation_id
from schemas.kinds import KINDS
from schemas.tables import ANNOTATIONS, conform
from schemas.task import Answer, Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")


def task(kind: str, **more: Any) -> Task:
    return Task.model_validate({"name": kind, "kind": kind, "perspective": "reader", **more})


CHOICE, MULTI = task("choice", taxonomy=EKMAN), task("multi", taxonomy=EKMAN)
POINTS, FINE = task("scale", range=(1, 7), step=1), task("scale", range=(-1, 1))
LEVELS = task("intensity", taxonomy=EKMAN, levels=("none", "weak", "strong"))


def labels(*given: list[str]) -> list[Answer]:
    return [Answer(labels=one) for one in given]


def values(*given: float) -> list[Answer]:
    return [Answer(value=one) for one in given]


def shares(answer: Answer) -> dict[str, float | None]:
    return dict(zip(answer.labels or (), answer.scores or (), strict=True))


def test_a_choice_is_the_shares_of_its_labels() -> None:
    found = voted(CHOICE, labels(["joy"], ["fear"], ["joy"], [], ["joy"]))
    assert shares(found.soft) == {"joy": 0.6, "fear": 0.2}
    assert found.hard == Answer(labels=["joy"])
    assert found.confidence == 0.6


def test_none_of_these_can_win_and_then_has_the_rest() -> None:
    found = voted(CHOICE, labels([], [], ["joy"]))
    assert shares(found.soft) == {"joy": pytest.approx(1 / 3)}
    assert (found.hard, found.confidence) == (Answer(labels=[]), pytest.approx(2 / 3, abs=1e-6))
    assert voted(CHOICE, labels([], [])).soft == Answer(labels=[], originals=[])


def test_a_tie_stays_one() -> None:
    found = voted(CHOICE, labels(["fear"], ["joy"]))
    assert shares(found.soft) == {"fear": 0.5, "joy": 0.5}
    assert (found.hard, found.confidence) == (None, 0.5)


def test_a_multi_is_decided_label_by_label() -> None:
    found = voted(MULTI, labels(["joy", "surprise"], ["joy"], ["joy", "fear"]))
    assert shares(found.soft) == pytest.approx({"joy": 1.0, "fear": 1 / 3, "surprise": 1 / 3})
    assert found.hard == Answer(labels=["joy"])
    # MASI to ["joy"]: 1, and twice 1/2 * 2/3
    assert found.confidence == pytest.approx((1 + 1 / 3 + 1 / 3) / 3, abs=1e-6)
    assert voted(MULTI, labels(["joy"], ["fear"])).hard == Answer(labels=[]), "half is no majority"


def test_numbers_give_their_median_and_an_even_number_of_points_one_of_the_middle_ones() -> None:
    assert voted(POINTS, values(1, 7, 6)).soft.value == 6
    assert voted(POINTS, values(1, 3, 4, 7)).soft.value == 4, "the mean is 3.75"
    assert voted(POINTS, values(1, 3, 4, 4)).soft.value == 3, "the mean is 3"
    assert voted(POINTS, values(3, 4)).soft.value == 3, "as near: the lower"
    assert voted(FINE, values(0.1, 0.2, 0.4, 0.9)).soft.value == pytest.approx(0.3)
    assert voted(POINTS, values(4, 4, 1)).confidence == pytest.approx(1 - 0.5 / 3, abs=1e-6)
    assert voted(POINTS, values(4, 4)).confidence == 1


def test_an_intensity_is_the_median_of_each_label() -> None:
    def levels(joy: float, fear: float) -> Answer:
        scores = [{"joy": joy, "fear": fear}.get(label, 0.0) for label in EKMAN.ids]
        return Answer(labels=EKMAN.ids, scores=list[float | None](scores))

    found = voted(LEVELS, [levels(2, 0), levels(2, 1), levels(0, 1)])
    assert {k: v for k, v in shares(found.soft).items() if v} == {"joy": 2, "fear": 1}
    assert len(found.soft.labels or ()) == len(EKMAN.ids)


@given(st.lists(st.lists(st.sampled_from(EKMAN.ids), max_size=1), min_size=1, max_size=9), st.randoms())
def test_the_order_of_samples_does_not_matter_and_a_label_of_all_is_certain(given: Any, random: Any) -> None:
    shuffled = [*given]
    random.shuffle(shuffled)
    assert voted(CHOICE, labels(*given)) == voted(CHOICE, labels(*shuffled))
    assert voted(CHOICE, labels(*[given[0]] * 3)).confidence == 1


def found(*samples: list[str] | Bad, item: str = "i") -> list[tuple[Row, Good | Bad]]:
    rows = [Row(item, "hash", Item("text", item_id=item), n) for n in range(len(samples))]
    return [
        (row, s if isinstance(s, Bad) else Good((Answer(labels=s),), {})) for row, s in zip(rows, samples, strict=True)
    ]


DEAD = Bad("invalid", "broken", "{")


def test_the_vote_is_sample_0_and_the_samples_follow_as_they_were() -> None:
    made, figures = vote(found(["joy"], ["fear"], ["joy"]), [CHOICE], 3)
    assert [row.sample for row, _ in made] == [0, 1, 2, 3]
    (decided,) = made[0][1].answers  # type: ignore[union-attr]
    assert shares(decided) == pytest.approx({"joy": 2 / 3, "fear": 1 / 3})  # type: ignore[arg-type]
    assert [v.answers[0].labels for _, v in made[1:]] == [["joy"], ["fear"], ["joy"]]  # type: ignore[union-attr]
    assert figures == {"dead_samples": 0, "votes": 1, "agreeing": pytest.approx(2 / 3, abs=1e-6)}


def test_dead_samples_are_counted_and_a_vote_needs_more_than_half() -> None:
    made, figures = vote(found(["joy"], DEAD, ["joy"]), [CHOICE], 3)
    assert [row.sample for row, _ in made] == [0, 1, 3]
    assert isinstance(made[0][1], Good)
    assert figures["dead_samples"] == 1
    made, figures = vote(found(["joy"], DEAD, Bad("refused", "no", "sorry"), DEAD), [CHOICE], 4)
    (_, bad), (kept, _) = made
    assert isinstance(bad, Bad)
    assert (bad.reason, bad.raw, kept.sample) == ("invalid", "{", 1)
    assert "1 of 4 samples" in bad.detail
    assert figures == {"dead_samples": 3, "votes": 0, "agreeing": 0}


def test_each_task_votes_by_itself() -> None:
    rows = found(["joy"], ["joy"], ["joy"])
    both = [(row, Good((Answer(labels=["joy"]), DEAD), {}, complete=False)) for row, _ in rows[:2]]
    both.append((rows[2][0], Good((Answer(labels=["joy"]), Answer(labels=["fear"])), {})))
    made, figures = vote(list(both), [CHOICE, MULTI], 3)
    decided = made[0][1]
    assert isinstance(decided, Good)
    assert not decided.complete
    assert isinstance(decided.answers[0], Answer)
    assert isinstance(decided.answers[1], Bad)
    assert figures["dead_samples"] == 2


def frame(asked: Task, votes: dict[str, Answer], annotator: str = "llm") -> pl.DataFrame:
    rows = [
        {
            "annotation_id": annotation_id(item, asked.name, annotator),
            "item_id": item,
            "task": asked.name,
            "perspective": asked.perspective,
            "annotator": annotator,
            "annotator_kind": "llm",
            "sample": 0,
            "round": "first",
            "skipped": False,
            **answer.columns(),
        }
        for item, answer in votes.items()
    ]
    columns = {name: [row.get(name) for row in rows] for name in ANNOTATIONS.names}
    from schemas.tables import polars_schema

    return conform(pl.DataFrame(columns, schema=polars_schema(ANNOTATIONS)), ANNOTATIONS)


@pytest.mark.parametrize(
    ("asked", "given", "label"),
    [
        (CHOICE, [["joy"], ["joy"], ["fear"]], ["joy"]),
        (CHOICE, [[], [], ["fear"]], []),
        (CHOICE, [["joy"], ["fear"]], None),
        (MULTI, [["joy", "fear"], ["joy"], ["joy", "fear"]], ["fear", "joy"]),
        (MULTI, [[], [], ["fear"]], []),
    ],
)
def test_audits_read_a_vote_as_it_was_decided(asked: Task, given: list[list[str]], label: list[str] | None) -> None:
    made = voted(asked, labels(*given))
    annotations = frame(asked, {"i": made.soft})
    assert asked.validate_annotations(annotations)[1].is_empty()
    decided, _ = aggregate(annotations, asked, name="a")
    got = decided["labels"][0]
    assert (None if got is None else sorted(one["label"] for one in got)) == label
    assert decided["annotators"][0] == 1, "one voter, not several people"


@pytest.mark.parametrize("asked", [POINTS, FINE])
def test_a_median_is_an_answer_that_the_task_allows(asked: Task) -> None:
    top = 7 if asked is POINTS else 1
    annotations = frame(asked, {"i": voted(asked, values(1, top)).soft})
    assert asked.validate_annotations(annotations)[1].is_empty()


def test_a_vote_is_for_kinds_that_have_one_and_needs_samples_that_differ() -> None:
    config = LLMConfig(name="v", model="m", vote=True, samples=5, params={"temperature": 0.7})
    assert config.cannot(CHOICE) is None
    assert "vote" in str(config.cannot(task("text", instructions={"en": "Why?"})))
    assert set(VOTED) < set(KINDS)
    with pytest.raises(RecipeError, match="several samples"):
        LLMConfig(name="v", model="m", vote=True)
    with pytest.raises(RecipeError, match="temperature"):
        LLMConfig(name="v", model="m", vote=True, samples=3)


def test_self_consistency_votes_unless_it_says_otherwise() -> None:
    config = LLMConfig(name="v", model="m", strategy="self_consistency")
    assert (config.vote, config.samples, config.params.temperature) == (True, 5, 0.7)
    own = LLMConfig(name="v", model="m", strategy="self_consistency", samples=9, params={"top_p": 0.9}, vote=False)
    assert (own.vote, own.samples, own.params.temperature, own.params.top_p) == (False, 9, 0.7, 0.9)
