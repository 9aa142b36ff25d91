"""A number that changes over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from schemas.answer import Answer
from schemas.errors import DsbuildError
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import CONTROL, OBJECT, SPAN, header, safe, span_box, word
from schemas.kinds.points import Points, number, plain

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {
    "en": "Mark one stretch after another, from the first to the last, and give each its number.",
    "mr": "पहिल्यापासून शेवटपर्यंत एकामागून एक भाग निवडा आणि प्रत्येकाला एक संख्या द्या.",
    "hi": "शुरू से अंत तक एक के बाद एक हिस्सा चुनिए और हर एक को एक संख्या दीजिए।",
}
_POINTS = pa.list_(pa.float64())


class Trace(Kind):
    """An answer is in `trace`: points in the order of time, t in seconds from the start of the item. Between two of
    its points a trace is a straight line."""

    name = "trace"
    answered_by = "a number over time"
    column = "trace"
    key = "trace"
    takes = frozenset({"range", "rate"})
    needs = frozenset({"range"})

    def check(self, task: Task) -> None:
        Points.of(task).check()

    def json_schema(self, task: Task) -> dict[str, Any]:
        point = {
            "type": "object",
            "properties": {"t": {"type": "number", "minimum": 0}, "value": Points.of(task).schema()},
            "required": ["t", "value"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": point, "minItems": 1}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        points: list[tuple[float, float]] = []
        for one in sets.listed(self.key, given, "points"):
            if not isinstance(one, dict) or "t" not in one or "value" not in one:
                raise ValueError(f'"{self.key}" holds {one!r}, which is no point with "t" and "value"')
            t = one["t"]
            if isinstance(t, bool) or not isinstance(t, int | float) or not math.isfinite(t) or t < 0:
                raise ValueError(f'"t" must be a number of seconds, not {t!r}')
            if points and t <= points[-1][0]:
                raise ValueError(f'"t" is {number(t)} after {number(points[-1][0])}: the points must be in order')
            points.append((float(t), Points.of(task).read("value", one["value"])))
        if not points:
            raise ValueError(f'"{self.key}" has no points')
        return Answer(trace=points)

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        return [{"t": plain(t), "value": plain(value)} for t, value in answered(answer.trace)]

    def rules(self, task: Task) -> list[Rule]:
        t, value = pl.col("t"), pl.col("value")
        empty = pl.col("trace").is_not_null() & (pl.col("_entries") == 0)
        return [
            Rule("a trace without points", "trace", empty, "one point at least", value=pl.lit("[]")),
            Rule("no time", "trace.t", t.is_null() | ~t.is_finite() | (t < 0), "seconds from the start", of="entry"),
            Rule("times out of order", "trace.t", t <= pl.col("before:t"), "not after the point before it", of="entry"),
            Rule("a point without a value", "trace.value", value.is_null(), "a number", of="entry"),
            *Points.of(task).rules("trace.value", of_entries=True),
        ]

    def distance(self, task: Task) -> Literal["interval"]:
        return "interval"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """The mean of |a - b| over the time that both cover, by the exact integral of the two polygons, divided by
        highest - lowest."""
        mine, other = (np.asarray(answered(one.trace), dtype=np.float64).reshape(-1, 2) for one in (a, b))
        if not len(mine) or not len(other) or mine[0, 0] > other[-1, 0] or other[0, 0] > mine[-1, 0]:
            raise ValueError("the two have no time in common")
        first, last = max(mine[0, 0], other[0, 0]), min(mine[-1, 0], other[-1, 0])
        times = np.union1d(mine[:, 0], other[:, 0])
        times = times[(times >= first) & (times <= last)]
        apart = np.interp(times, mine[:, 0], mine[:, 1]) - np.interp(times, other[:, 0], other[:, 1])
        mean = abs(apart[0]) if last == first else _area(times, apart) / (last - first)
        return min(float(mean) / Points.of(task).width, 1.0)

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, _POINTS), WideColumn(f"{task.name}_t", _POINTS)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The values, and their times in seconds."""
        known = labels["trace"].is_not_null()
        found = sets.entries(labels, "trace")
        return {task.name: sets.grouped(found, "value", known), f"{task.name}_t": sets.grouped(found, "t", known)}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        """Stretches of a recording, `answer`, each with its number, `answer_value`.

        Raises:
            DsbuildError: the trace is to have a rate, or there is no recording to mark stretches of.
        """
        fix = (
            "Collect it with a tool that records a slider or a joystick, and read its files as a corpus: "
            '`columns: "..._{t}..."`, or `time: COLUMN`.'
        )
        if task.rate is not None:
            raise DsbuildError(
                f"Label Studio has no control that records a rating {number(task.rate)} times a second.",
                where=task.name,
                fix=fix,
            )
        if about == OBJECT:
            raise DsbuildError("A trace runs along a recording, and a text has no time.", where=task.name, fix=fix)
        allowed = Points.of(task)
        box = span_box(language)
        stretches = Element("Labels", {"name": CONTROL, "toName": about})
        SubElement(stretches, "Label", value=safe(box.name), alias=SPAN)
        bounds = {"min": number(allowed.low), "max": number(allowed.high), "perRegion": "true", "required": "true"}
        value = Element("Number", {"name": f"{CONTROL}_value", "toName": about, **bounds})
        return [header(word(_QUESTION, language), 5), stretches, value]

    def card(self, task: Task) -> list[str]:
        rate = "" if task.rate is None else f", meant to be taken {number(task.rate)} times a second"
        return ["", f"Each point is a number {Points.of(task).in_words()}{rate}; t counts seconds."]


def _area(times: NDArray[np.float64], apart: NDArray[np.float64]) -> float:
    """The integral of |apart| between `times`, straight lines between them, which may cross 0."""
    left, right = np.abs(apart[:-1]), np.abs(apart[1:])
    total = left + right
    crossing = apart[:-1] * apart[1:] < 0
    heights = np.where(crossing, (left**2 + right**2) / np.where(total, total, 1.0), total) / 2
    return float((heights * np.diff(times)).sum())
