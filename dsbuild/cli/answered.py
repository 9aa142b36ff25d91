"""The response store as a person reads about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsbuild.cli.show import rows_text


def stats_text(found: Mapping[str, Any]) -> str:
    """What `annotators.llm.responses.stats.stats` returns, as text."""
    rows = [
        {
            "annotator": row["annotator"],
            "model": row["model"],
            "answers": row["answers"],
            "repeats": row["repeats"],
            "items": row["items"],
            "prompt tokens": row["prompt_tokens"],
            "answer tokens": row["completion_tokens"],
            "USD": "unknown" if row["usd"] is None else f"{row['usd']:,.4f}",
            "s each": f"{row['seconds']:.2f}",
            "of no use": _share(row["unusable"]),
            "MB": f"{row['bytes'] / 1e6:,.1f}",
            "first": row["first"][:10],
            "last": row["last"][:10],
        }
        for row in found["models"]
    ]
    lines = [rows_text(rows), "", f"{found['answers']:,} answers in {found['path']} ({found['bytes'] / 1e6:,.1f} MB)"]
    notes = {row["model"]: row["price"] for row in found["models"]}
    return "\n".join([*lines, *(f"{model}: {price}" for model, price in notes.items())])


def gc_text(found: Mapping[str, Any]) -> str:
    """What `annotators.llm.responses.gc.gc` returns, as text."""
    lines = [f"{found['needed']:,} of {found['answers']:,} answers are needed by these recipes."]
    if not found["unneeded"]:
        return "\n".join([*lines, "Nothing to remove."])
    rows = [{**row, "bytes": f"{row['bytes'] / 1e6:,.2f} MB"} for row in found["by"]]
    lines += ["", rows_text(rows), ""]
    size = f"{found['unneeded']:,} answers ({found['bytes'] / 1e6:,.2f} MB)"
    if found["removed"]:
        before, after = found["file_bytes_before"] / 1e6, found["file_bytes_after"] / 1e6
        lines.append(f"Removed: {size}; the file went from {before:,.2f} to {after:,.2f} MB.")
    else:
        lines.append(f"Would be removed: {size}. They were paid for: add --yes to remove them all the same.")
    return "\n".join(lines)


def _share(unusable: Mapping[str, Any]) -> str:
    if not unusable["count"]:
        return "0"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in unusable["reasons"].items())
    return f"{100 * unusable['share']:.1f}% ({reasons})"
