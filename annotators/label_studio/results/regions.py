"""The parts of a Label Studio result: regions, each of a control, a type and a value; read with care, written plainly.

The server checks next to nothing (by default it takes a prediction with an unknown choice, and always an annotation
with one), so everything is checked here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from schemas.kinds.points import Points, plain
from schemas.label_studio_config import ELSE, NONE

Region = dict[str, Any]
Result = list[Region]

NOTHING = "nothing was ticked or written"
# The key of a region's value that holds what was given.
_KEYS = {
    "choices": "choices",
    "number": "number",
    "textarea": "text",
    "labels": "labels",
    "paragraphlabels": "paragraphlabels",
}
_TYPES = {
    "Choices": "choices",
    "Number": "number",
    "TextArea": "textarea",
    "Labels": "labels",
    "ParagraphLabels": "paragraphlabels",
}
POINT = ("choices", "number")
"""The types of a control for a number: boxes for the points where there are few."""


class Given:
    """A result by its controls: `wanted` names those of the question and which types each may have.

    Raises:
        ValueError: it is no result, is empty, or has a region of another question.
    """

    def __init__(self, result: Any, wanted: Mapping[str, Collection[str]]) -> None:
        if not isinstance(result, list):
            raise ValueError("the result is not a list")
        if not result:
            raise ValueError(NOTHING)
        self._regions: dict[str, list[Region]] = {}
        for region in result:
            if not isinstance(region, dict) or region.get("type") not in wanted.get(str(region.get("from_name")), ()):
                raise ValueError("the result belongs to another question")
            self._regions.setdefault(str(region["from_name"]), []).append(region)

    def all(self, name: str) -> list[Region]:
        """Every region of a control, in the order given."""
        return self._regions.get(name, [])

    def one(self, name: str) -> Region | None:
        """The region of a control that has one at most; null where it was not touched."""
        found = self.all(name)
        if len(found) > 1:
            raise ValueError("the question was answered twice")
        return found[0] if found else None

    def strings(self, name: str) -> list[str] | None:
        """What was ticked or written with a control; null where it was not touched."""
        region = self.one(name)
        return None if region is None else strings(region)

    def point(self, name: str, allowed: Points) -> float | None:
        """The number given with a control, one of those `allowed`; null where it was not touched."""
        region = self.one(name)
        return None if region is None else allowed.read(name, digits(region))

    @property
    def other(self) -> str | None:
        """Which box of the control beside the others was ticked: NONE, OUTSIDE, or none of them."""
        found = self.strings(ELSE) or []
        if len(found) > 1:
            raise ValueError("more than one box was ticked")
        return found[0] if found else None


def value_of(region: Region) -> dict[str, Any]:
    """The value of a region, which must have one."""
    value = region.get("value")
    if not isinstance(value, dict):
        raise ValueError("the result has no value")
    return value


def strings(region: Region) -> list[str]:
    """The strings that a region of boxes, labels or texts holds."""
    kind = str(region["type"])
    found = value_of(region).get(_KEYS[kind])
    if kind == "textarea" and isinstance(found, str):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError("the result has no value")
    return found


def digits(region: Region) -> float:
    """The number that a region holds, as itself or as the box of a point."""
    if region["type"] == "choices":
        ticked = strings(region)
        if len(ticked) != 1:
            raise ValueError("more than one number was given" if ticked else NOTHING)
        try:
            return float(ticked[0])
        except ValueError:
            raise ValueError(f"{ticked[0]!r} is no number of this question") from None
    number = value_of(region).get("number")
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise ValueError("the result has no value")
    return float(number)


def seconds(value: Mapping[str, Any], key: str) -> float:
    """A time in a region's value."""
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError("the result has no value")
    return float(found)


class Page:
    """The controls of a labelling config, for results that are written: which type each has and what it is about."""

    def __init__(self, config: str) -> None:
        from xml.etree.ElementTree import fromstring

        self._controls = {
            element.get("name", ""): (_TYPES[element.tag], element.get("toName", ""))
            for element in fromstring(config).iter()
            if element.tag in _TYPES
        }

    def region(self, name: str, given: Any, *, id: str | None = None, **place: Any) -> Region:
        """A region of the control `name` that holds `given`: strings, or a number."""
        kind, about = self._controls[name]
        if kind == "choices" and not isinstance(given, list):
            given = [f"{given:.12g}"]
        elif kind == "number":
            given = plain(given)
        region = {"from_name": name, "to_name": about, "type": kind, "value": {**place, _KEYS[kind]: given}}
        return region if id is None else {"id": id, **region}

    def none(self) -> Region:
        """The box for "none of these" beside the other controls."""
        return self.region(ELSE, [NONE])
