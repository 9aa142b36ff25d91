"""A function called batch by batch; what it returns is checked, and its faults cost its own rows only.

What a function may return for a batch of n items and its tasks:

- a list of n answers. Of one task an answer is what `Task.json_schema` asks for ({"label": "joy"}, {"value": 3}), or
  the bare value in it ("joy", ["joy", "fear"], 3); of several tasks {task name: answer}. Null is no answer (skipped).
  Beside the answer's own key there may be "confidence" (0..1), and "scores" {label: share}, which make a soft label.
- a polars frame of n rows: a column for each task by its name (bare values, or structs as above) and, if it likes,
  `NAME_confidence`. With a column `item_id` the rows may come in any order, and items may be left out (skipped).
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from annotators.callable.config import CallableConfig, Function, source_hash
from annotators.rows import Hand, with_hashes
from schemas.answer import Answer, Shown, Turn
from schemas.errors import DsbuildError
from schemas.protocols import AnnotatorOutput, Progress
from schemas.task import Task

_CODE = "annotators.callable/1"
_SHOWN_OF_ANSWER = 300
_BLANK = Answer().columns()


class CallableAnnotator:
    """An annotator that calls a function. An exception makes the items of that call dead letters (`failed`), an answer
    that breaks its task's rules makes its item one (`invalid`)."""

    def __init__(self, config: CallableConfig, function: Function, progress: Progress | None = None) -> None:
        self.config = config
        self.name = config.name
        self.kind: str = config.annotator_kind
        self._function = function
        self._progress = progress

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS).

        Raises:
            DsbuildError: every call failed.
        """
        hand = self._hand()
        made: list[pl.DataFrame] = []
        dead: list[pl.DataFrame] = []
        failed: list[str] = []
        calls = 0
        for start in range(0, items.height, self.config.batch_size):
            batch = with_hashes(items.slice(start, self.config.batch_size))
            calls += 1
            try:
                answers = _by_task(await self._call(batch, tasks), batch, tasks)
            except Exception as error:  # noqa: BLE001  a stranger's code may raise anything; it is told, row by row
                failed.append(_last_line(error))
                dead.append(hand.letters(batch, tasks, "failed", failed[-1]))
                continue
            for task in tasks:
                rows, letters = self._rows(batch, task, answers[task.name], hand)
                made.append(rows)
                dead.append(letters)
            if self._progress is not None:
                self._progress(start + batch.height, items.height)
        if calls and len(failed) == calls:
            raise DsbuildError(
                f'The function of annotator "{self.name}" failed in every one of {calls} calls.',
                where=self.config.function,
                fix=f"The last: {failed[-1]}",
            )
        return hand.output(items.height * len(tasks), made, dead, calls=calls, failed_calls=len(failed))

    async def _call(self, batch: pl.DataFrame, tasks: Sequence[Task]) -> Any:
        items = batch.drop("_item_hash")
        if inspect.iscoroutinefunction(self._function):
            return await self._function(items, list(tasks), **self.config.options)
        return await asyncio.to_thread(self._function, items, list(tasks), **self.config.options)

    def _rows(
        self, batch: pl.DataFrame, task: Task, answers: Sequence[Any], hand: Hand
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The annotations of `batch` and the dead letters of what cannot be read."""
        columns: dict[str, list[Any]] = {name: [] for name in (*_BLANK, "confidence", "skipped")}
        details: list[str | None] = []
        shown = batch.select("item_id", "text", "context").iter_rows()
        # One answer at a time: each is an object of Python's already, and Task.parse says what is wrong with it.
        for answer, (item_id, text, context) in zip(answers, shown, strict=True):
            try:
                row = _read(task, answer, item_id, text, context or ())
                details.append(None)
            except (ValueError, TypeError) as error:
                row = {**_BLANK, "confidence": None, "skipped": True}
                details.append(f"{error}; it was {str(answer)[:_SHOWN_OF_ANSWER]}")
            for name, column in columns.items():
                column.append(row[name])
        wrong = pl.Series(details, dtype=pl.String)
        types = hand.answers(batch.clear(), task).schema
        series: dict[str, pl.Expr | pl.Series] = {
            name: pl.Series(column, dtype=types[name]) for name, column in columns.items()
        }
        annotations = hand.answers(batch, task, "text", **series).filter(wrong.is_null())
        faulty = batch.with_columns(wrong.alias("_detail")).filter(wrong.is_not_null())
        return annotations, hand.letters(faulty, [task], "invalid", pl.col("_detail"))

    def _hand(self) -> Hand:
        return Hand(
            self.name,
            self.kind,
            model=self.config.function,
            identity=f"{self.config.function} source sha256:{source_hash(self._function)}",
            params={"options": self.config.options},
            strategy="function",
            code=_CODE,
        )


def _by_task(returned: Any, batch: pl.DataFrame, tasks: Sequence[Task]) -> dict[str, Sequence[Any]]:
    """{task: an answer for each item of `batch`}; ValueError or TypeError where `returned` is in neither form."""
    names = [task.name for task in tasks]
    if isinstance(returned, pl.DataFrame):
        return _of_frame(returned, batch, names)
    if not isinstance(returned, Sequence) or isinstance(returned, str):
        raise TypeError(f"it returned {type(returned).__name__}, and not a list of answers or a polars frame")
    if len(returned) != batch.height:
        raise ValueError(f"it returned {len(returned)} answers for {batch.height} items")
    if len(names) == 1:
        one = names[0]
        return {
            one: [
                answer[one] if isinstance(answer, Mapping) and set(answer) == {one} else answer for answer in returned
            ]
        }
    answers: dict[str, Sequence[Any]] = {}
    for name in names:
        if any(answer is not None and not isinstance(answer, Mapping) for answer in returned):
            raise TypeError(f"with several tasks an answer is {{task: answer}}, for {', '.join(names)}")
        answers[name] = [None if answer is None else answer.get(name) for answer in returned]
    return answers


def _of_frame(frame: pl.DataFrame, batch: pl.DataFrame, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"its frame has no column {missing[0]}, only {', '.join(frame.columns)}")
    if "item_id" in frame.columns:
        if frame["item_id"].is_duplicated().any():
            raise ValueError("its frame has an item twice")
        strange = frame.filter(~pl.col("item_id").is_in(batch["item_id"].to_list()))
        if strange.height:
            raise ValueError(f"its frame has the item {strange['item_id'][0]}, which it was not given")
        frame = batch.select("item_id").join(frame, on="item_id", how="left", maintain_order="left")
    if frame.height != batch.height:
        raise ValueError(f"its frame has {frame.height} rows for {batch.height} items")
    answers: dict[str, Sequence[Any]] = {}
    for name in names:
        values = frame[name].to_list()
        if f"{name}_confidence" in frame.columns:
            sure = frame[f"{name}_confidence"].to_list()
            values = [
                None if value is None else {**(value if isinstance(value, dict) else {_BARE: value}), "confidence": one}
                for value, one in zip(values, sure, strict=True)
            ]
        answers[name] = values
    return answers


_BARE = ""  # stands for the key of the task's own answer


def _read(
    task: Task, answer: Any, item_id: str, text: str | None, context: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The columns of ANNOTATIONS of one answer; ValueError where it breaks the task's rules."""
    if answer is None:
        return {**_BLANK, "confidence": None, "skipped": True}
    key = next(iter(task.json_schema()["properties"]))
    given = dict(answer) if isinstance(answer, Mapping) and ({key, _BARE, "scores"} & set(answer)) else {_BARE: answer}
    confidence = given.pop("confidence", None)
    scores = given.pop("scores", None)
    if confidence is not None and not 0 <= confidence <= 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    if scores is not None:
        return {**_soft(task, scores).columns(), "confidence": confidence, "skipped": False}
    turns = tuple(Turn(turn.get("item_id"), turn.get("speaker"), turn.get("text")) for turn in context)
    parsed = task.parse({key: given.get(key, given.get(_BARE))}, Shown(item_id, text, turns))
    return {**parsed.columns(), "confidence": confidence, "skipped": False}


def _soft(task: Task, scores: Any) -> Answer:
    if task.taxonomy is None or task.kind not in ("choice", "multi"):
        raise ValueError(f"a {task.kind} task has no scores of labels")
    if not isinstance(scores, Mapping):
        raise ValueError('"scores" must be {label: share}')
    labels: dict[str, float] = {}
    for given, share in scores.items():
        label = task.taxonomy.resolve(given)
        if label is None:
            raise ValueError(f'"scores" holds {given!r}, which is none of: {", ".join(task.label_ids)}')
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"the score of {given!r} is no share: {share!r}")
        labels[label] = labels.get(label, 0.0) + float(share)
    return Answer(labels=list(labels), originals=list(labels), scores=list(labels.values()))


def _last_line(error: Exception) -> str:
    """The traceback's last line, with the place in the function where it happened."""
    last = traceback.format_exception_only(error)[-1].strip()
    frames = traceback.extract_tb(error.__traceback__)
    return f"{last} ({frames[-1].name}, line {frames[-1].lineno})" if frames else last
