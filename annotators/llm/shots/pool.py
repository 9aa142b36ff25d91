"""The examples to pick from: a file's, or the items of a corpus with the labels they came with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from annotators.llm.shots.choice import TRAIN, Shots
from annotators.llm.shots.load import Shot, ShotTurn, load_shots
from annotators.llm.verdicts.consensus import VOTED, voted
from schemas.answer import Answer, Shown, Turn
from schemas.errors import RecipeError
from schemas.ids import digest
from schemas.taxonomy import fold

if TYPE_CHECKING:
    import polars as pl

    from schemas.task import Task

Group = tuple[str, str]


def same_text(text: str) -> str:
    """What two texts that are the same to a reader have in common: words, whatever the case and the blanks."""
    return " ".join(fold(text).split())


@dataclass(frozen=True)
class Pool:
    """Examples in the order they are preferred in; beside each the item it is (null for a file's) and its groups."""

    shots: tuple[Shot, ...]
    items: tuple[str | None, ...]
    groups: tuple[frozenset[Group], ...]

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What `same_text` makes of each."""
        return tuple(same_text(shot.text) for shot in self.shots)

    @cached_property
    def digest(self) -> str:
        """A hash of all that they show."""
        return digest([shot.model_dump(mode="json") for shot in self.shots])[:16]


def pool_of(
    shots: str | Shots,
    tasks: Sequence[Task],
    read: Callable[[str], pl.DataFrame] | None = None,
    items: Callable[[], Iterable[pl.DataFrame]] | None = None,
) -> Pool:
    """The examples that `shots` names. A corpus is read by `read` (name to ANNOTATIONS) and `items` (batches of ITEMS).

    Raises:
        RecipeError: there are none, or one does not answer the tasks.
    """
    if isinstance(shots, str) or shots.corpus is None:
        found = load_shots(shots if isinstance(shots, str) else shots.from_, tasks)
        return Pool(found, (None,) * len(found), (frozenset(),) * len(found))
    if read is None or items is None:
        raise RecipeError(f'The examples come from the corpus "{shots.corpus}", which only a run of the recipe reads.')
    answers = _answers(read(shots.corpus), tasks)
    chosen = sorted(_candidates(items(), answers, shots), key=lambda row: _drawn(row["item_id"], shots.seed))
    made: list[tuple[Shot, str, frozenset[Group]]] = []
    for row in chosen:
        if len(made) == shots.pool:
            break
        shot = _shot(row, answers[row["item_id"]], tasks)
        if shot is not None:
            groups = frozenset((group["kind"], group["id"]) for group in row["groups"] or ())
            made.append((shot, row["item_id"], groups))
    if not made:
        raise RecipeError(
            f'No item of "{shots.corpus}" in {" or ".join(shots.of_splits)} came with answers to '
            f"{' and '.join(task.name for task in tasks)}, so there are no examples.",
            fix="Name another corpus or other splits in shots, or a file of examples.",
        )
    return Pool(tuple(one[0] for one in made), tuple(one[1] for one in made), tuple(one[2] for one in made))


def _drawn(item: str, seed: int) -> bytes:
    return hashlib.blake2b(item.encode(), digest_size=8, key=str(seed).encode()).digest()


def _answers(annotations: pl.DataFrame, tasks: Sequence[Task]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """{item: {task: its annotations}} of the items that came with an answer to every one of `tasks`."""
    import polars as pl

    first = (pl.col("round").fill_null("first") == "first") & ~pl.col("skipped").fill_null(False)
    names = [task.name for task in tasks]
    mine = annotations.filter(pl.col("task").is_in(names) & first).sort("annotation_id")
    whole = mine.group_by("item_id").agg(pl.col("task").n_unique().alias("n")).filter(pl.col("n") == len(names))
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    columns = ["item_id", "task", "labels", "value", "votes", "text"]
    for row in mine.join(whole, on="item_id", how="semi").select(columns).iter_rows(named=True):
        found.setdefault(row["item_id"], {}).setdefault(row["task"], []).append(row)
    return found


def _candidates(batches: Iterable[pl.DataFrame], answers: dict[str, Any], shots: Shots) -> Iterator[dict[str, Any]]:
    import polars as pl

    known = pl.Series(list(answers), dtype=pl.String)
    for batch in batches:
        inside = pl.col("split").fill_null(TRAIN).is_in(list(shots.of_splits))
        said = pl.col("text").fill_null("").str.strip_chars() != ""
        here = batch.filter(inside & said & pl.col("item_id").is_in(known.implode()))
        yield from here.select("item_id", "text", "language", "context", "groups").iter_rows(named=True)


def _shot(row: dict[str, Any], answers: dict[str, list[dict[str, Any]]], tasks: Sequence[Task]) -> Shot | None:
    """The item as an example; null where those who judged it did not agree on one answer to each task."""
    turns = [turn for turn in row["context"] or () if turn["text"]]
    shown = Shown(row["item_id"], row["text"], tuple(Turn(t["item_id"], t["speaker"], t["text"]) for t in turns))
    given: dict[str, dict[str, Any]] = {}
    for task in tasks:
        try:
            answer = _one(task, answers[task.name])
            part = None if answer is None else task.given(answer, shown)
            if part is None:
                return None
            task.parse(part, shown)
        except ValueError:  # such as a soft label: what nobody could have answered is no example
            return None
        given[task.name] = part
    return Shot(
        language=row["language"] or "und",
        text=row["text"],
        context=tuple(ShotTurn(speaker=turn["speaker"], text=turn["text"]) for turn in turns),
        answers=given,
    )


def _one(task: Task, rows: Sequence[dict[str, Any]]) -> Answer | None:
    """What several annotations of an item come to: their vote, or for kinds without one the first."""
    found: list[Answer] = []
    for row in rows:
        entries = row["labels"]
        scores = None if entries is None else [entry["score"] for entry in entries]
        labels = None if entries is None else [entry["label"] for entry in entries]
        if task.kind in ("choice", "multi") and scores and scores[0] is not None:
            people = row["votes"] or 1
            labels = [label for label, score in zip(labels or (), scores, strict=True) if 2 * score > people]
            scores = None
        elif task.kind in ("choice", "multi"):
            scores = None
        if labels is not None or row["value"] is not None or row["text"] is not None:
            found.append(Answer(labels=labels, scores=scores, value=row["value"], text=row["text"]))
    if not found or task.kind not in VOTED:
        return found[0] if found else None
    return voted(task, found).hard
