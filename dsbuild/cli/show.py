"""Results as a person reads them, and progress while they wait."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from dsbuild.api import Result
    from dsbuild.engine.plan import Plan, Row
    from dsbuild.engine.progress import Display
    from dsbuild.engine.workspace import Output


class Watch(dict[str, Any]):
    """What to hand to a run so that a person sees how far it is; `displays` are those that were begun."""

    displays: list[Display]


@contextmanager
def shows_progress() -> Iterator[Watch]:
    """What to hand to a run so that a person sees how far it is; bars are cleared away at the end."""
    from dsbuild.engine.progress import Display

    displays: list[Display] = []

    def begin(name: str) -> Display:
        displays.append(Display(name))
        return displays[-1]

    watch = Watch(progress=begin, say=lambda line: typer.echo(line, err=True))
    watch.displays = displays
    try:
        yield watch
    finally:
        for display in displays:
            display.close()


@dataclass(frozen=True)
class Summary:
    """What a person wants to know after a run."""

    figures: dict[str, Any]
    lines: list[str]

    def as_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return self.figures

    def as_text(self) -> str:
        """The summary as lines."""
        return "\n".join(self.lines)


def summary(result: Result, displays: Sequence[Display] = ()) -> Summary:
    """What a run did, where the release and its report are, and the figures that matter; `displays` have watched it."""
    ran = result.ran
    figures: dict[str, Any] = {
        "dataset": result.context.recipe.dataset,
        "ran": ran.done,
        "cached": ran.cached,
        "blocked": ran.blocked,
    }
    lines = []
    if result.idle:
        lines.append("Nothing to do: every node had run on just this before.")
    figures["annotators"] = asked = annotator_rows(ran.outputs, displays)
    if any(row["sent"] is not None for row in asked):
        lines += [annotators_text(asked), ""]
    audit = ran.outputs.get("audit")
    if audit is not None:
        metrics = json.loads((audit.folder / "metrics.json").read_text(encoding="utf-8"))
        key = key_figures(metrics)
        figures["figures"] = key
        lines += _figure_lines(key)
    rejected = {
        name: output.figures["reasons"] for name, output in ran.outputs.items() if output.figures.get("reasons")
    }
    figures["rejects"] = {name: reasons for name, reasons in rejected.items() if not name.startswith("annotate:")}
    figures["dead_letters"] = {name: reasons for name, reasons in rejected.items() if name.startswith("annotate:")}
    for title, found in (("Rejected", figures["rejects"]), ("Dead letters", figures["dead_letters"])):
        for name, reasons in found.items():
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            lines.append(f"{title} at {name}: {told}")
    figures["warnings"] = warned = {
        name: said for name, output in ran.outputs.items() if (said := output.figures.get("more", {}).get("warnings"))
    }
    lines += [f"Warning at {name}: {one}" for name, said in warned.items() for one in said]
    release = result.release
    if release is not None:
        figures["release"] = str(release)
        figures["report"] = str(release / "audit" / "report.html")
        lines += [f"Release  {release}", f"Report   {release / 'audit' / 'report.html'}"]
    elif ran.blocked:
        lines.append(f"Not run: {', '.join(ran.blocked)}")
    return Summary(figures, lines)


def annotator_rows(outputs: Mapping[str, Output], displays: Sequence[Display]) -> list[dict[str, Any]]:
    """Each annotator that costs something: what it made, and, where it was watched in this run, how that went.

    Keys: annotator, rows, answered, dead_letters {reason: rows}, from_store (answers), sent (requests, repeated ones
    included), prompt_tokens, completion_tokens, usd, seconds, rows_per_second; what is the run's own (from_store, sent,
    seconds, rows_per_second) is null where the output was there already.
    """
    watched = {display.name: display for display in displays if display.total}
    found = []
    for name, output in outputs.items():
        more = output.figures.get("more", {})
        if not name.startswith("annotate:") or "usd" not in more:
            continue
        seen = watched.get(name)
        found.append(
            {
                "annotator": name.removeprefix("annotate:"),
                "rows": more.get("asked", 0),
                "answered": more.get("answered", 0),
                "dead_letters": more.get("reasons", {}),
                "from_store": None if seen is None else seen.figures.get("stored"),
                "sent": None if seen is None else seen.figures.get("sent"),
                "prompt_tokens": more.get("prompt_tokens", 0),
                "completion_tokens": more.get("completion_tokens", 0),
                "usd": more["usd"],
                "seconds": None if seen is None else round(seen.seconds, 2),
                "rows_per_second": None if seen is None or not seen.seconds else round(seen.done / seen.seconds, 2),
            }
        )
    return found


def annotators_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """`annotator_rows` as a table."""
    return rows_text(
        [
            {
                **{key.replace("_", " "): value for key, value in row.items() if key not in ("usd", "rows_per_second")},
                "USD": f"{row['usd']:,.4f}",
                "rows/s": row["rows_per_second"],
            }
            for row in rows
        ]
    )


def key_figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Items, agreement, and how well machines match what people or authors said."""
    return {
        "items": metrics["items"]["total"],
        "agreement": [
            {key: entry[key] for key in ("task", "from", "distance", "value", "low", "high", "units", "note")}
            for entry in metrics["agreement"]
        ],
        "macro_f1": [
            {
                "of": entry["of"],
                "against": entry["against"],
                "task": entry["task"],
                "n": entry["n"],
                **entry["macro_f1"],
            }
            for entry in metrics["scores"]
            if not entry["by"]
        ],
        "gates": [{key: gate[key] for key in ("metric", "wanted", "seen", "passed")} for gate in metrics["gates"]],
    }


def _figure_lines(key: Mapping[str, Any]) -> list[str]:
    lines = [f"Items    {key['items']:,}"]
    for entry in key["agreement"]:
        lines.append(
            f"Alpha    {_interval(entry)}  between {', '.join(entry['from'])} on {entry['task']} "
            f"({entry['distance']}, {entry['units']:,} items)"
        )
    lines += [
        f"MacroF1  {_interval(entry)}  {entry['of']} against {entry['against']} on {entry['task']} "
        f"({entry['n']:,} of {key['items']:,} items)"
        for entry in key["macro_f1"]
    ]
    if key["gates"]:
        passed = sum(gate["passed"] for gate in key["gates"])
        lines.append(f"Gates    {passed} of {len(key['gates'])} passed")
    return lines


def _interval(entry: Mapping[str, Any]) -> str:
    if entry["value"] is None:
        return "undefined"
    if entry["low"] is None:
        return f"{entry['value']:.3f}"
    return f"{entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]"


def plan_text(plan: Plan) -> str:
    """A plan as a table, with the sums below."""
    rows = []
    for row in plan.rows:
        told = ""
        if row.stage == "annotate" and "calls" in row.figures:
            asked = row.figures["calls"] - row.figures["cached"]
            told = f"{row.figures['items']:,} items, {asked:,} calls, {row.figures['cached']:,} answered before"
            if row.figures["usd"]:
                told += f", at most ${row.figures['usd']:,.2f} (likely ${row.figures.get('likely_usd', 0):,.2f})"
            if row.figures.get("forecast"):
                told += f"; forecast from {row.figures['forecast']['from']:,} items"
        elif row.stage == "gold" and "answers" in row.figures and "hours" in row.figures:
            told = f"{row.figures['items']:,} items, {row.figures['answers']:,} answers, {row.figures['hours']:g} hours"
        elif "items" in row.figures:
            told = f"{row.figures['items']:,} items"
        rows.append({"node": row.node, "state": row.state, "": told})
    lines = [
        rows_text(rows),
        "",
        f"LLM calls to make: {plan.calls:,}; at most ${plan.usd:,.2f}, likely about ${plan.likely_usd:,.2f}"
        + (f" (budget ${plan.budget_usd:,.2f})" if plan.budget_usd is not None else ""),
        f"People: about {plan.hours:g} hours"
        + (f" (budget {plan.budget_hours:g})" if plan.budget_hours is not None else ""),
    ]
    lines += _forecast_lines(plan)
    if plan.lost_usd:
        lines.append(f"Lost in earlier runs (paid perhaps, without an answer): ${plan.lost_usd:,.4f}")
    if plan.budget_usd is not None and plan.usd > plan.budget_usd:
        lines.append("The most it can cost is over the budget: the run would stop there, and go on when it is raised.")
    if plan.budget_hours is not None and plan.hours > plan.budget_hours:
        lines.append("People would need more hours than the budget has.")
    return "\n".join([*lines, *plan.notes])


def _forecast_lines(plan: Plan) -> list[str]:
    """What the annotators are likely to take, or how to find out."""
    if plan.forecast is None:
        if not plan.calls:
            return []
        return [
            "These are upper bounds (a token for every byte of a prompt, max_tokens for every answer, one ask an item)."
            " Run with --sample 50, then plan again, for a forecast from what was measured."
        ]
    rows = []
    for row in plan.rows:
        one = row.figures.get("forecast")
        if not one:
            continue
        rows.append(
            {
                "forecast": row.node.removeprefix("annotate:"),
                "calls": _span(one["calls"], ",.0f"),
                "prompt tokens": _span(one["prompt_tokens"], ",.0f"),
                "answer tokens": _span(one["completion_tokens"], ",.0f"),
                "USD": _span(one["usd"], ",.2f"),
                "hours": _span(one["hours"], ",.2f"),
                "dead letters": _span(one["dead_letters"], ",.0f"),
            }
        )
    usd, hours = plan.forecast["usd"], plan.forecast["hours"]
    lines = ["", rows_text(rows)]
    lines.append(
        f"Likely: ${usd['value']:,.2f} [{usd['low']:,.2f}, {usd['high']:,.2f}] and {hours['value']:,.2f} hours"
        f" [{hours['low']:,.2f}, {hours['high']:,.2f}] for {', '.join(plan.forecast['annotators'])}"
    )
    if plan.forecast["without"]:
        lines.append(f"Not measured yet, so not among these: {', '.join(plan.forecast['without'])}")
    methods = {row.figures["forecast"]["method"] for row in plan.rows if row.figures.get("forecast")}
    return [*lines, *(f"How: {method}." for method in sorted(methods))]


def _span(one: Mapping[str, float], form: str) -> str:
    return f"{one['value']:{form}} [{one['low']:{form}}, {one['high']:{form}}]"


def status_text(rows: Sequence[Row]) -> str:
    """Where a recipe stands, a line a node."""
    shown = []
    for row in rows:
        figures = {
            key: value
            for key, value in row.figures.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        told = ", ".join(f"{value:,} {key.replace('_', ' ')}" for key, value in figures.items())
        shown.append({"node": row.node, "state": row.state, "": told})
    return rows_text(shown)


def pushed_text(result: Any, *, dry_run: bool) -> str:
    """What a push did."""
    if dry_run:
        return f"Would push to {result.url}: {result.uploaded} files, tag {result.tag}. Nothing was sent."
    if result.unchanged:
        return f"{result.url} has this release already: commit {result.commit}, tag {result.tag}."
    return f"Pushed to {result.url}: {result.uploaded} files in commit {result.commit}, tag {result.tag}."


def corpus_row(name: str) -> dict[str, Any]:
    """A line of the catalog."""
    from corpora.catalog import get

    card = get(name).card
    return {
        "name": name,
        "languages": " ".join(card.languages),
        "licence": card.licence,
        "taxonomy": card.taxonomy,
        "title": card.title,
    }


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.category(char) in ("Mn", "Me", "Cf") for char in text)


def rows_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as a table of plain text."""
    if not rows:
        return "None."
    names = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(_width(line[place]) for line in [names, *cells]) for place in range(len(names))]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [names, *cells]
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def tree_text(value: Any, indent: int = 0) -> str:
    """Nested data as indented lines."""
    pad = "  " * indent
    if isinstance(value, Mapping):
        return "\n".join(
            f"{pad}{key}:\n{tree_text(inner, indent + 1)}"
            if isinstance(inner, (Mapping, list))
            else f"{pad}{key}: {inner}"
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return "\n".join(
            f"{pad}-\n{tree_text(inner, indent + 1)}" if isinstance(inner, (Mapping, list)) else f"{pad}- {inner}"
            for inner in value
        )
    return f"{pad}{value}"
