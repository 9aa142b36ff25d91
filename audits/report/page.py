"""The page: every section's view of the metrics, put into one template."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from audits.report import inert as limits
from audits.report.axis import UNIT
from audits.report.definitions import DEFINITIONS
from audits.report.inert import inert
from audits.report.numbers import count, figure, several
from audits.report.sections.aggregates import aggregates
from audits.report.sections.agreement import agreement
from audits.report.sections.annotators import annotators
from audits.report.sections.conflicts import conflicts
from audits.report.sections.crosswalk import crosswalk
from audits.report.sections.gates import gates
from audits.report.sections.items import items
from audits.report.sections.labels import labels
from audits.report.sections.leakage import leakage
from audits.report.sections.memory import memory
from audits.report.sections.question import label_order, question
from audits.report.sections.scores import scores
from audits.report.sections.verdict import verdict
from audits.report.sections.way import way
from schemas.task import Task

_TEMPLATES = Path(__file__).parent / "templates"


def render(metrics: Mapping[str, Any], tasks: Sequence[Task]) -> str:
    """One HTML page that shows `metrics` (metrics.json) of a dataset with `tasks`.

    The page needs no network and no script, and its policy forbids both. Every string is escaped, bounded and rid of
    control characters; equal arguments give an equal page. Keys that are missing are shown as missing.
    """
    checked = gates(metrics)
    order = label_order(tasks)
    style = _style()
    page = _environment().get_template("page.html.jinja")
    return page.render(
        style=Markup(style),  # our own file: it holds nothing of the data
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        verdict=verdict(metrics, checked),
        gates=checked,
        asked=question(tasks),
        way=way(metrics),
        items=items(metrics),
        crosswalk=crosswalk(metrics),
        distributions=labels(metrics, order),
        annotators=annotators(metrics),
        memory=memory(metrics),
        agreement=agreement(metrics),
        references=scores(metrics),
        aggregates=aggregates(metrics, order),
        leakage=leakage(metrics),
        conflicts=conflicts(metrics),
        definitions=DEFINITIONS,
    )


def _style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.filters.update(
        name=_name,
        passage=_passage,
        prose=_prose,
        plain_name=lambda value: inert(str(value), limits.NAME),
        count=count,
        figure=figure,
        several=several,
    )
    environment.globals.update(unit=UNIT)
    return environment


def _finalize(value: Any) -> Any:
    """The last thing that happens to a value before it is escaped and printed."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _name(value: object) -> Markup:
    """A name from the data, isolated from the direction of what is around it."""
    return Markup("<bdi>{}</bdi>").format(inert(str(value), limits.NAME))


def _passage(value: object) -> Markup:
    """A text from the data, likewise."""
    return Markup("<bdi>{}</bdi>").format(inert(str(value), limits.PASSAGE))


def _prose(value: object) -> Markup:
    """A sentence of ours about the data, in which `backticks` set code."""
    parts = inert(str(value), limits.REMARK).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )
