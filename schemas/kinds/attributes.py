"""Several small questions in one task: choices, sets and numbers that describe an item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.answer import Answer
from schemas.config import NAME
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import (
    NONE,
    NONE_NAMES,
    OBJECT,
    Box,
    boxes,
    free,
    header,
    numbered,
    points,
    required,
    word,
)
from schemas.kinds.points import Points
from schemas.kinds.sets import INDEX, SHARES
from schemas.markdown import escape
from schemas.taxonomy import fold

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Attribute, Task

_QUESTION = {"en": "Answer each.", "mr": "प्रत्येकाचे उत्तर द्या.", "hi": "हर एक का उत्तर दीजिए।"}


class Attributes(Kind):
    """An answer is in `labels`: ATTRIBUTE:OPTION for every option chosen, ATTRIBUTE with the number as `score`. `asked`
    names the attributes that were put to the annotator; one that was not asked is not one without any option."""

    name = "attributes"
    answered_by = "an answer to each of several small questions"
    column = "labels"
    key = "attributes"
    takes = frozenset({"attributes"})
    needs = frozenset({"attributes"})

    def check(self, task: Task) -> None:
        for name, one in task.attributes.items():
            if not re.match(NAME, name):
                raise ValueError(f"attribute {name!r}: a name has letters, digits, _, . and - only")
            if one.kind == "scale":
                if one.options or one.range is None:
                    raise ValueError(f"attribute {name}: a scale has a range, and no options")
                Points.of(one).check()
            else:
                if one.range is not None or one.step is not None:
                    raise ValueError(f"attribute {name}: only a scale has a range or a step")
                least = 2 if one.kind == "choice" else 1
                if len({fold(option) for option in one.options} - {""}) != max(len(one.options), least):
                    raise ValueError(f"attribute {name}: {one.kind} needs {least} different options or more")

    def label_ids(self, task: Task) -> list[str]:
        return list(self.asks(task))

    def asks(self, task: Task) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, one in task.attributes.items():
            found |= dict.fromkeys([name] if one.kind == "scale" else _ids(name, one), name)
        return found

    def slots(self, task: Task) -> dict[str, str]:
        return {label: name for label, name in self.asks(task).items() if task.attributes[name].kind == "choice"}

    def json_schema(self, task: Task) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for name, one in task.attributes.items():
            if one.kind == "scale":
                properties[name] = Points.of(one).schema()
            elif one.kind == "choice":
                properties[name] = {"enum": [*one.options, None]}
            else:
                properties[name] = {"type": "array", "items": {"enum": list(one.options)}, "uniqueItems": True}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        if not isinstance(given, dict):
            raise ValueError(f'"{self.key}" must be an object with an answer to each attribute')
        missing = [name for name in task.attributes if name not in given]
        if missing:
            raise ValueError(f'"{self.key}" has nothing about: {", ".join(missing)}')
        unknown = [name for name in given if name not in task.attributes]
        if unknown:
            raise ValueError(f'"{self.key}" has {unknown[0]!r}, which is none of: {", ".join(task.attributes)}')
        found: dict[str, tuple[str, float | None]] = {}
        for name, one in task.attributes.items():
            what = given[name]
            if one.kind == "scale":
                found[name] = (str(what), Points.of(one).read(name, what))
                continue
            if one.kind == "choice":
                what = [] if what is None else [what]
            known = {fold(option): option for option in one.options}
            for option in sets.listed(name, what, "options"):
                meant = known.get(fold(option)) if isinstance(option, str) else None
                if meant is None:
                    raise ValueError(f'"{name}" holds {option!r}, which is none of: {", ".join(one.options)}')
                found.setdefault(f"{name}:{meant}", (option, None))
        return Answer(
            labels=list(found),
            originals=[original for original, _ in found.values()],
            scores=[score for _, score in found.values()],
        )

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        wanted = task.attributes if answer.asked is None else answer.asked
        return {name: _said(answer, name, task.attributes[name]) for name in wanted}

    def rules(self, task: Task) -> list[Rule]:
        label, score = pl.col("label"), pl.col("score")
        scales = {name: one for name, one in task.attributes.items() if one.kind == "scale"}
        rules = sets.label_rules(task, task.label_ids)
        rules.append(
            Rule("more than one label", "labels.label", pl.col("_crowded"), "beside another option", of="entry")
        )
        number = label.is_in(list(scales))
        rules.append(
            Rule("a score beside an option", "labels.score", ~number & score.is_not_null(), "null", of="entry")
        )
        if scales:
            due = pl.col("asked").list.set_intersection(pl.lit(list(scales), dtype=pl.List(pl.String))).list.len()
            due = due.fill_null(len(scales))
            absent = pl.col("labels").is_not_null() & (pl.col("_scored") < due)
            found = pl.format("{} of {} numbers", "_scored", due)
            says = "an attribute that was asked has no number"
            rules.append(Rule("a number without a score", "labels.score", number & score.is_null(), "null", of="entry"))
            rules.append(Rule("an asked attribute has no number", "labels", absent, says, value=found))
        for name, one in scales.items():
            rules += Points.of(one).rules("labels.score", of_entries=True, asked=label == name)
        return rules

    def distance(self, task: Task) -> Literal["gower"]:
        return "gower"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """The mean, over the attributes that both were asked, of 0 or 1 for a choice, 1 - |A and B| / |A or B| for a
        multi (0 between two empty sets) and |a - b| / (highest - lowest) for a scale: Gower (1971), "A general
        coefficient of similarity and some of its properties", Biometrics 27(4), as a distance."""
        parts = []
        for name, one in task.attributes.items():
            if any(name not in (task.attributes if given.asked is None else given.asked) for given in (a, b)):
                continue
            mine, other = _said(a, name, one), _said(b, name, one)
            if one.kind == "choice":
                parts.append(float(mine != other))
            elif one.kind == "multi":
                both = {*mine, *other}
                parts.append(1 - len({*mine} & {*other}) / len(both) if both else 0.0)
            elif mine is not None and other is not None:
                parts.append(abs(mine - other) / Points.of(one).width)
        if not parts:
            raise ValueError("no attribute was put to both of them")
        return float(sum(parts) / len(parts))

    def wide(self, task: Task) -> list[WideColumn]:
        found = []
        for name, one in task.attributes.items():
            column = f"{task.name}_{name}"
            if one.kind == "scale":
                found.append(WideColumn(column, pa.float64()))
            else:
                index = INDEX if one.kind == "choice" else pa.list_(INDEX)
                found += [WideColumn(column, index, list(one.options)), WideColumn(f"{column}_p", SHARES)]
        return found

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """Each attribute's option (its place), options or number, and the share of every option. Null where the rule
        has neither an option of the attribute nor, in `soft`, a share of one: nobody was asked it."""
        sets.places(sets.entries(labels, "labels"), task.label_ids, labels)
        made = {}
        for name, one in task.attributes.items():
            column = f"{task.name}_{name}"
            mine = _of(labels, name, one)
            if one.kind == "scale":
                made[column] = mine["labels"].list.first().struct.field("score")
            elif one.kind == "choice":
                made[column] = sets.one_index(mine, _ids(name, one))
                made[f"{column}_p"] = sets.shares_of(mine, _ids(name, one))
            else:
                found = sets.places(sets.entries(mine, "labels"), _ids(name, one), mine).sort("row", "index")
                made[column] = sets.grouped(found, "index", mine["labels"].is_not_null())
                made[f"{column}_p"] = sets.shares_of(mine, _ids(name, one))
        return made

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        """The boxes or the number of each attribute, as `answer_1`, `answer_2`, ... in their order."""
        drawn = [header(word(_QUESTION, language), 5)]
        for place, (name, one) in enumerate(task.attributes.items(), 1):
            free(task, f"{name}:{NONE}")
            drawn.append(header(name, 6))
            control = required(language, name=numbered(place), about=about)
            if one.kind == "scale":
                drawn.append(points(control, Points.of(one)))
            else:
                shown = [Box(option, option) for option in one.options]
                shown.append(Box(NONE, word(NONE_NAMES, language)))
                drawn.append(boxes(control, one.kind == "multi", shown))
        return drawn

    def card(self, task: Task) -> list[str]:
        lines = ["", "| attribute | answer | values |", "| --- | --- | --- |"]
        how = {"choice": "one or none", "multi": "any number", "scale": "a number"}
        for name, one in task.attributes.items():
            values = Points.of(one).in_words() if one.kind == "scale" else ", ".join(one.options)
            lines.append(f"| {escape(name)} | {how[one.kind]} | {escape(values)} |")
        return lines


def _ids(name: str, one: Attribute) -> list[str]:
    return [f"{name}:{option}" for option in one.options]


def _said(answer: Answer, name: str, one: Attribute) -> Any:
    """What an answer says about an attribute, in its JSON form: an option or null, a list of options, a number."""
    labels = answered(answer.labels)
    if one.kind == "scale":
        scores = dict(zip(labels, answer.scores or [None] * len(labels), strict=True))
        return scores.get(name)
    options = [option for option in one.options if f"{name}:{option}" in labels]
    return options if one.kind == "multi" else (options[0] if options else None)


def _of(labels: pl.DataFrame, name: str, one: Attribute) -> pl.DataFrame:
    """`labels` (LABELS) with what they say about one attribute only; null where that is nothing."""
    ids = [name] if one.kind == "scale" else _ids(name, one)
    mine = pl.element().struct.field("label").is_in(ids)
    known = (pl.col("labels").list.len() > 0) | (pl.col("soft").list.len() > 0)
    return labels.with_columns(pl.col("labels", "soft").list.filter(mine)).with_columns(
        pl.when(known).then(column) for column in ("labels", "soft")
    )
