"""README.md: the dataset card, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from dsbuild.release.card.front_matter import front_matter
from dsbuild.release.card.limitations import limitations
from dsbuild.release.card.plain_text import visible
from dsbuild.release.contents import Contents
from dsbuild.release.shape import Config, Shape
from dsbuild.release.splits import DEFAULT, in_order
from schemas.markdown import escape
from schemas.tables import SCHEMA_VERSION

_LONGEST = 300  # characters of a text that are shown in the example row
_MOST = 60  # entries of a list


class Markdown(str):
    """Markdown that we wrote, so that it goes into the card as it is."""

    __slots__ = ()


def readme(contents: Contents, shape: Shape) -> str:
    """The card: YAML front matter, then Markdown. All that comes from corpora, recipe or models is escaped."""
    template = _environment().get_template("card.md.j2")
    body = template.render(
        contents=contents,
        shape=shape,
        schema_version=SCHEMA_VERSION,
        metrics=contents.metrics,
        columns=_columns(shape.data),
        by_split=_ordered(contents.metrics["items"]["by_split"], in_order(contents.metrics["items"]["by_split"])),
        distribution=_distribution(contents),
        limitations=limitations(contents),
        synthetic=[corpus for corpus in contents.corpora if corpus.get("synthetic")],
        example=None if shape.data.first_row is None else _example(shape.data.first_row),
    )
    return front_matter(contents, shape) + "\n" + body


@cache
def _environment() -> Environment:
    # Every value is escaped on its way out, whatever the template forgets.
    environment = Environment(
        loader=PackageLoader("dsbuild.release.card", "."),
        finalize=lambda value: value if isinstance(value, Markdown) else escape(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters.update(
        number=_number, estimate=_estimate, share=_share, block=_block, counts=_counts, seen=_seen
    )
    environment.filters["ours"] = Markdown
    return environment


def _number(value: float | None) -> str:
    """A figure for reading; null is "undefined"."""
    if value is None:
        return "undefined"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _estimate(figure: Mapping[str, Any]) -> Markdown:
    """A value with its interval, such as 0.612 [0.553, 0.668]."""
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    if value is None:
        return Markdown("undefined")
    return Markdown(_number(value) if low is None or high is None else f"{value:.3f} \\[{low:.3f}, {high:.3f}\\]")


def _seen(value: float | None) -> str:
    """What a gate saw: a count or a figure, to four digits."""
    return "undefined" if value is None else f"{value:.4g}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "0%"


def _counts(counts: Mapping[str, int]) -> str:
    """Reasons and how often, most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return "; ".join(f"{name}: {n:,}" for name, n in ordered) or "none"


def _block(text: str, language: str = "") -> Markdown:
    """A fenced block that nothing inside it can close."""
    lines = "\n".join(visible(line) for line in text.strip("\n").split("\n"))
    fence = "```"
    while fence in lines:
        fence += "`"
    return Markdown(f"{fence}{language}\n{lines}\n{fence}")


def _example(row: Mapping[str, Any]) -> Markdown:
    def cut(value: Any) -> Any:
        if isinstance(value, list):
            # A trace can have thousands of points.
            return [*value[:_MOST], "..."] if len(value) > _MOST else value
        return value[:_LONGEST] + "..." if isinstance(value, str) and len(value) > _LONGEST else value

    shown = {
        name: [round(p, 4) for p in value] if name.endswith("_p") and isinstance(value, list) else cut(value)
        for name, value in row.items()
    }
    lines = (f"  {_json(name)}: {_json(value)}" for name, value in shown.items())
    return _block("{\n" + ",\n".join(lines) + "\n}", "json")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _columns(config: Config) -> list[tuple[str, str]]:
    """The columns of a table and what is in them."""

    def said(kind: pa.DataType, names: Sequence[str] | None) -> str:
        if pa.types.is_list(kind):
            return f"list of {said(kind.value_type, names)}"
        if pa.types.is_struct(kind):
            return f"{{{', '.join(field.name for field in kind)}}}"
        return f"one of {len(names)} class labels" if names is not None else str(kind)

    return [(field.name, said(field.type, config.classes.get(field.name))) for field in config.schema]


def _distribution(contents: Contents) -> list[dict[str, Any]]:
    """The labels' counts as tables, one for each task and aggregate: {task, aggregate, splits, labels}.

    Splits stand in their usual order; `labels` gives for each label, in the taxonomy's order, its counts by split.
    """
    tables: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
    for row in contents.metrics["distribution"]:
        label = row["label"] if row["label"] is not None else "(none of these)"
        counts = tables.setdefault((row["task"], row["aggregate"]), {}).setdefault(label, {})
        split = row["split"] or DEFAULT
        counts[split] = counts.get(split, 0) + row["n"]
    places = {task.name: task.label_ids for task in contents.tasks}
    return [
        {
            "task": task,
            "aggregate": aggregate,
            "splits": in_order(split for counts in labels.values() for split in counts),
            "labels": _ordered(labels, places.get(task, [])),
        }
        for (task, aggregate), labels in tables.items()
    ]


def _ordered(counts: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """`counts` with its keys in the order given, the others behind them by name."""
    place = {name: position for position, name in enumerate(order)}
    return {name: counts[name] for name in sorted(counts, key=lambda name: (place.get(name, len(place)), name))}
