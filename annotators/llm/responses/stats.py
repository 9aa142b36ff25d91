"""What the response store holds, and what it cost: by model and annotator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.reading import one_object, read_reply
from annotators.llm.responses.reading import opened
from annotators.llm.spending.cost import Cost
from annotators.llm.spending.intervals import wilson
from annotators.llm.spending.prices import find_price, price_table

if TYPE_CHECKING:
    import sqlite3

LOCAL: Final = "local/"

# One pass over the table. A body is a BLOB, which SQLite's JSON functions would take for JSONB; `said` is its text.
# `fine` answers end of their own accord and are a JSON object from end to end; only the others are looked at in Python.
_SUMS: Final = """
WITH told AS (
  SELECT *, CAST(body AS TEXT) AS said FROM answers),
judged AS (
  SELECT *, json_valid(said) AS readable,
    CASE WHEN json_valid(said) THEN json_extract(said, '$.choices[0].message.content') END AS content FROM told),
seen AS (
  SELECT *,
    CASE WHEN readable THEN coalesce(json_extract(said, '$.usage.prompt_tokens_details.cached_tokens'),
      json_extract(said, '$.usage.prompt_cache_hit_tokens'), 0) ELSE 0 END AS cached,
    CASE WHEN NOT readable THEN 0
      WHEN json_extract(said, '$.choices[0].finish_reason') IN ('length', 'content_filter') THEN 0
      WHEN json_extract(said, '$.choices[0].message.refusal') IS NOT NULL THEN 0
      WHEN typeof(content) <> 'text' OR NOT json_valid(content) THEN 0
      ELSE json_type(content) = 'object' END AS fine
  FROM judged)
SELECT model, annotator, count(*), count(DISTINCT key), count(DISTINCT item_id), sum(prompt_tokens),
  sum(completion_tokens), sum(min(cached, coalesce(prompt_tokens, 0))),
  sum(prompt_tokens IS NULL OR completion_tokens IS NULL), min(asked_at), max(asked_at), sum(length(body)),
  sum(seconds), sum(fine)
FROM seen GROUP BY model, annotator ORDER BY model, annotator
"""
_ODD: Final = _SUMS[: _SUMS.index("SELECT model, annotator")] + "SELECT model, annotator, body FROM seen WHERE NOT fine"


def stats(path: Path, costs: Mapping[tuple[str, str], Cost] | None = None) -> dict[str, Any]:
    """What the store at `path` holds.

    `costs` says what an (annotator, model) of a recipe costs; others are counted at the shipped table's price,
    wherever they were asked, and `price` says so.

    Returns:
        path, bytes (of the file), answers, usd, and `models`: for each model and annotator model, annotator, answers,
        requests (distinct), repeats (answers to a request that had one), items, prompt_tokens, completion_tokens,
        cached_tokens (of the prompts', which the server still had), uncounted (answers whose tokens it did not count),
        usd (null where no price is known), price (where it is from), first, last (ISO 8601, UTC), bytes (of the
        answers), seconds (mean of an answer), unusable {count, share, low, high (Wilson, 95%), reasons}. Unusable are
        answers without a JSON object (`invalid`), cut off (`truncated`) and refusals (`refused`); what a task
        makes of an object is not known here.

    Raises:
        DsbuildError: see `annotators.llm.responses.reading.opened`.
    """
    with opened(path) as db:
        sums = db.execute(_SUMS).fetchall()
        reasons = _reasons(db) if any(row[2] > row[-1] for row in sums) else {}
    rows = [_row(row, reasons, costs or {}) for row in sums]
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "answers": sum(row["answers"] for row in rows),
        "usd": round(sum(row["usd"] or 0.0 for row in rows), 6),
        "models": rows,
    }


def _row(
    row: tuple[Any, ...], reasons: Mapping[tuple[str, str], Counter[str]], costs: Mapping[tuple[str, str], Cost]
) -> dict[str, Any]:
    model, annotator, answers, requests, items, prompt, completion, cached, uncounted, first, last, size, took, _ = row
    cost = costs.get((annotator, model)) or _listed(model)
    odd = reasons.get((model, annotator), Counter())
    low, high = wilson(odd.total(), answers)
    return {
        "model": model,
        "annotator": annotator,
        "answers": answers,
        "requests": requests,
        "repeats": answers - requests,
        "items": items,
        "prompt_tokens": prompt or 0,
        "completion_tokens": completion or 0,
        "cached_tokens": cached,
        "uncounted": uncounted,
        "usd": round(cost.usd(prompt or 0, completion or 0, cached), 6) if cost.known else None,
        "price": cost.note,
        "first": _time(first),
        "last": _time(last),
        "bytes": size,
        "seconds": round(took / answers, 4),
        "unusable": {
            "count": odd.total(),
            "share": round(odd.total() / answers, 6),
            "low": round(low, 6),
            "high": round(high, 6),
            "reasons": dict(sorted(odd.items())),
        },
    }


def _listed(model: str) -> Cost:
    if model.startswith(LOCAL):
        return Cost(0, 0, True, "ran on this machine")
    listed = find_price(model, None, price_table())
    if listed is None:
        return Cost(0, 0, False, "no price is known; name the recipe it belongs to")
    return Cost(listed.input, listed.output, True, f"as at {listed.host}: {listed.origin}", listed.cached_input)


def _reasons(db: sqlite3.Connection) -> dict[tuple[str, str], Counter[str]]:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for model, annotator, body in db.execute(_ODD):
        reason = why_unusable(body)
        if reason is not None:
            found[model, annotator][reason] += 1
    return found


def why_unusable(body: bytes) -> str | None:
    """`invalid`, `truncated` or `refused`; null where the answer holds one JSON object, fenced or not."""
    reply = read_reply(body)
    if reply is None:
        return "invalid"
    if reply.refusal is not None or reply.finish_reason == "content_filter":
        return "refused"
    if reply.finish_reason == "length":
        return "truncated"
    try:
        one_object(reply.content or "")
    except ValueError:
        return "invalid"
    return None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
