"""A comparison as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsbuild.cli.show import rows_text

SHOWN_FLIPS = 10
_WORDS = {"macro_f1": "macro-F1", "micro_f1": "micro-F1", "mae": "mean absolute error", "r": "Pearson's r"}


def compared_text(found: Mapping[str, Any]) -> str:
    """What `dsbuild.engine.comparison.compare_in_recipe` returns, as text."""
    parts = [_task(entry) for entry in found["tasks"]]
    costs = [
        f"{name}: ${cost['usd']:,.4f} for {cost['rows']:,} rows"
        + (f", ${1000 * cost['usd_an_item']:,.4f} per 1,000" if cost["usd_an_item"] is not None else "")
        + f" ({cost['answers']:,} answers, {cost['prompt_tokens']:,} + {cost['completion_tokens']:,} tokens)"
        for name, cost in zip((found["a"], found["b"]), found["cost"], strict=True)
        if cost is not None
    ]
    return "\n\n".join([*parts, *(["\n".join(["Cost", *costs])] if costs else [])])


def _task(entry: Mapping[str, Any]) -> str:
    a, b = entry["a"], entry["b"]
    alpha = entry["agreement"]
    lines = [
        f"{entry['task']}: {a} and {b} on {entry['items']:,} items"
        f" ({entry['only_a']:,} by {a} alone, {entry['only_b']:,} by {b} alone)",
    ]
    if entry["same"] is not None:
        lines.append(f"The same answer on {100 * entry['same']:.1f}%; Krippendorff's alpha {_with(alpha, 'value')}")
    for part in ([entry["gold"]] if entry["gold"] else []) + entry["by"]:
        lines += ["", *_against(part, a, b)]
    if entry.get("note"):
        lines += ["", str(entry["note"])]
    if entry["flips"]:
        rows = [
            {a: flip["a"], b: flip["b"], "items": flip["count"], "for example": " ".join(flip["items"])}
            for flip in entry["flips"][:SHOWN_FLIPS]
        ]
        lines += ["", "Where they differ", rows_text(rows)]
    return "\n".join(lines)


def _against(part: Mapping[str, Any], a: str, b: str) -> list[str]:
    where = f"{part['column']} {part['value']}: " if "column" in part else ""
    clustered = "" if part["clusters"] == part["items"] else f" in {part['clusters']:,} groups"
    rows = [
        {
            "": _WORDS.get(name, name),
            a: _number(figures["a"]),
            b: _number(figures["b"]),
            f"{a} minus {b}": _with(figures, "difference", sign=True),
        }
        for name, figures in part["figures"].items()
    ]
    return [
        f"{where}Against gold, on {part['items']:,} items{clustered}",
        rows_text(rows),
        f"{a} alone is better on {part['a_better']:,} items, {b} alone on {part['b_better']:,}"
        f" (exact test: p = {part['p']:.3g}); both are right on {part['both_right']:,}",
    ]


def _number(value: float | None, sign: bool = False) -> str:
    return "undefined" if value is None else f"{value:+.3f}" if sign else f"{value:.3f}"


def _with(figures: Mapping[str, Any], name: str, *, sign: bool = False) -> str:
    shown = _number(figures[name], sign)
    if figures["low"] is None:
        return shown
    return f"{shown} [{_number(figures['low'], sign)}, {_number(figures['high'], sign)}]"
