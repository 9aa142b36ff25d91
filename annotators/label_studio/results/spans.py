"""Answers that are marked: characters of the text and of the turns before it, stretches of a recording.

Label Studio 1.23 counts the characters of a Text in code points, as ANNOTATIONS do, and those of Paragraphs in UTF-16
code units, of which a face (U+1F600) has two (both seen in its own pages). What was marked is stored beside its place,
and decides where a server counted in the other way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from annotators.label_studio.results.regions import (
    NOTHING,
    Given,
    Page,
    Region,
    Result,
    digits,
    seconds,
    strings,
    value_of,
)
from schemas.kinds.points import Points
from schemas.label_studio_config import CONTROL, ELSE, NONE, OUTSIDE, SPAN, TURNS
from schemas.task import Answer, Shown, Span, Task

MARKED_TURNS = f"{CONTROL}_{TURNS}"
VALUE = f"{CONTROL}_value"
_ASTRAY = "the marked words do not stand at their place"
_FAR = 0.5  # seconds to each side of a point that has no neighbour, when it is shown as a stretch


def read_spans(task: Task, result: Any, shown: Shown) -> Answer:
    """span: the marked parts by turn, then place; a region over several turns is a span in each."""
    wanted = {CONTROL: ("labels",), MARKED_TURNS: ("paragraphlabels",), ELSE: ("choices",)}
    given = Given(result, wanted)
    found = [_own(task, region, shown) for region in given.all(CONTROL)]
    for region in given.all(MARKED_TURNS):
        found += _turns(task, region, shown)
    if found and "own" not in task.where and given.all(CONTROL):
        raise ValueError("a part of the text itself was marked, but only other turns count")
    if found and "other" not in task.where and given.all(MARKED_TURNS):
        raise ValueError("a part of another turn was marked, but only the text itself counts")
    if given.other == NONE and found:
        raise ValueError("none of these was ticked beside spans")
    if given.other == OUTSIDE:
        if "other" not in task.where or task.taxonomy is not None:
            raise ValueError(f"{OUTSIDE!r} is no label of this question")
        found.append(Span(None))
    elif given.other is None and not found:
        raise ValueError(NOTHING)
    elif given.other not in (None, NONE):
        raise ValueError(f"{given.other!r} is no label of this question")
    if len(set(found)) != len(found):
        raise ValueError("the same span was marked twice")
    if task.most is not None and len(found) > task.most:
        raise ValueError(f"{len(found)} spans were marked, but at most {task.most} are wanted")
    turns = [*(turn.item_id for turn in shown.context), shown.item_id, None]
    return Answer(spans=sorted(found, key=lambda one: (turns.index(one.item_id), one.start or 0, one.end or 0)))


def _own(task: Task, region: Region, shown: Shown) -> Span:
    value = value_of(region)
    text = shown.text or ""
    start, end = _place(text, value.get("start"), value.get("end"), value.get("text"), units=False)
    return Span(shown.item_id, start, end, _label(task, region), text[start:end])


def _turns(task: Task, region: Region, shown: Shown) -> Iterator[Span]:
    value, label = value_of(region), _label(task, region)
    first, last = (_turn(value.get(key), shown) for key in ("start", "end"))
    quote = value.get("text")
    if first == last:
        turn = shown.context[first]
        text = turn.text or ""
        start, end = _place(text, value.get("startOffset"), value.get("endOffset"), quote, units=True)
        yield Span(turn.item_id, start, end, label, text[start:end])
        return
    parts = []
    for number in range(first, last + 1):
        turn = shown.context[number]
        text = turn.text or ""
        units = _units(text)
        start = _point(units, value.get("startOffset")) if number == first else 0
        end = _point(units, value.get("endOffset")) if number == last else len(text)
        if start < end:
            parts.append(Span(turn.item_id, start, end, label, text[start:end]))
    # Between the turns the quote holds what the page shows there: names and times.
    ends = [_bare(part.text or "") for part in (parts[0], parts[-1])] if parts else []
    if not ends or (
        isinstance(quote, str) and not (_bare(quote).startswith(ends[0]) and _bare(quote).endswith(ends[1]))
    ):
        raise ValueError(_ASTRAY)
    yield from parts


def _turn(given: Any, shown: Shown) -> int:
    try:
        number = int(given)
    except (TypeError, ValueError):
        raise ValueError("the result has no value") from None
    if not 0 <= number < len(shown.context):
        raise ValueError(f"turn {number} was marked, but there are {len(shown.context)} turns before the text")
    return number


def _label(task: Task, region: Region) -> str | None:
    given = strings(region)
    if len(given) != 1:
        raise ValueError("a marked part has more than one label" if given else "a marked part has no label")
    if task.taxonomy is None and given == [SPAN]:
        return None
    if given[0] not in task.label_ids:
        raise ValueError(f"{given[0]!r} is no label of this question")
    return given[0]


def _place(text: str, start: Any, end: Any, quote: Any, *, units: bool) -> tuple[int, int]:
    """The place of the characters `start` to `end` in code points. They are counted in UTF-16 `units`, or in code
    points, unless the `quote` stands only where the other way of counting says."""
    if any(isinstance(one, bool) or not isinstance(one, int) for one in (start, end)):
        raise ValueError("the result has no value")
    points = _units(text)
    counted = []
    if 0 <= start < end < len(points):
        counted.append((points[start], points[end]))
    if 0 <= start < end <= len(text):
        counted.insert(len(counted) if units else 0, (start, end))
    if not isinstance(quote, str):
        quote = text[slice(*counted[0])] if counted else ""
    # First the exact words, then without the blanks, which a page may leave out.
    for same in (str, _bare):
        for place in counted:
            if same(text[slice(*place)]) == same(quote):
                return place
    raise ValueError(_ASTRAY)


def _units(text: str) -> list[int]:
    """The code point that each UTF-16 code unit of `text` belongs to, and at the end how many code points there are."""
    points: list[int] = []
    for place, character in enumerate(text):
        points += [place] * (2 if ord(character) > 0xFFFF else 1)
    return [*points, len(text)]


def _point(units: list[int], given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < len(units):
        raise ValueError(_ASTRAY)
    return units[given]


def _bare(text: str) -> str:
    return "".join(text.split())


def write_spans(task: Task, answer: Answer, page: Page, shown: Shown) -> Result:
    """span: a span of which only the turn is known marks the whole turn."""
    if answer.spans is None:
        raise ValueError("there are no spans to suggest")
    if task.most is not None and len(answer.spans) > task.most:
        raise ValueError(f"{len(answer.spans)} spans are suggested, but at most {task.most} are wanted")
    numbers = {turn.item_id: place for place, turn in enumerate(shown.context)}
    result: Result = []
    for place, span in enumerate(answer.spans):
        if span.item_id is None:
            if "other" not in task.where or task.taxonomy is not None:
                raise ValueError("a span outside of the conversation cannot be suggested here")
            continue
        own = span.item_id == shown.item_id
        if ("own" if own else "other") not in task.where or not (own or span.item_id in numbers):
            raise ValueError("a span lies where none is asked for")
        text = (shown.text if own else shown.context[numbers[span.item_id]].text) or ""
        start, end = (0, len(text)) if span.start is None or span.end is None else (span.start, span.end)
        if not 0 <= start < end <= len(text) or (
            span.start is not None and text[start:end] != (span.text or text[start:end])
        ):
            raise ValueError("a span does not stand at its place")
        label = _box(task, span.label)
        if own:
            part = page.region(CONTROL, [label], id=f"s{place}", start=start, end=end, text=text[start:end])
        else:
            turn = str(numbers[span.item_id])
            first, last = (len(text[:one].encode("utf-16-le", "surrogatepass")) // 2 for one in (start, end))
            offsets: dict[str, Any] = {"startOffset": first, "endOffset": last, "text": text[start:end]}
            part = page.region(MARKED_TURNS, [label], id=f"s{place}", start=turn, end=turn, **offsets)
        result.append(part)
    if len(result) < len(answer.spans):
        result.append(page.region(ELSE, [OUTSIDE]))
    return result or [page.none()]


def _box(task: Task, label: str | None) -> str:
    if task.taxonomy is None and label is None:
        return SPAN
    if label is None or label not in task.label_ids:
        raise ValueError(f"{label!r} is no label of this question")
    return label


def read_trace(task: Task, result: Any) -> Answer:
    """trace: a point in the middle of each stretch, with the number given for it."""
    given = Given(result, {CONTROL: ("labels",), VALUE: ("number",)})
    numbers: dict[Any, float] = {}
    for region in given.all(VALUE):
        if region.get("id") in numbers:
            raise ValueError("a stretch has two numbers")
        numbers[region.get("id")] = digits(region)
    points = []
    for region in given.all(CONTROL):
        value = value_of(region)
        start, end = seconds(value, "start"), seconds(value, "end")
        if start < 0 or end < start:
            raise ValueError("a stretch ends before it begins")
        if region.get("id") not in numbers:
            raise ValueError("a stretch has no number")
        points.append({"t": round((start + end) / 2, 6), "value": numbers.pop(region.get("id"))})
    if numbers:
        raise ValueError("a number belongs to no stretch")
    return task.parse({"trace": sorted(points, key=lambda one: one["t"])})


def write_trace(task: Task, answer: Answer, page: Page) -> Result:
    """trace: a stretch around each point, which does not reach its neighbours."""
    if not answer.trace:
        raise ValueError("there is no trace to suggest")
    times = [t for t, _ in answer.trace]
    allowed = Points.of(task)
    result: Result = []
    for place, (t, value) in enumerate(answer.trace):
        near = [abs(t - other) / 2 for other in times[max(place - 1, 0) : place + 2] if other != t]
        half = math.floor(min([t, _FAR, *near]) * 1e6) / 1e6
        if half <= 0:
            raise ValueError("a point at the very beginning cannot be shown as a stretch")
        where = {"start": t - half, "end": t + half}
        result.append(page.region(CONTROL, [SPAN], id=f"t{place}", **where))
        result.append(page.region(VALUE, allowed.read("value", value), id=f"t{place}", **where))
    return result
