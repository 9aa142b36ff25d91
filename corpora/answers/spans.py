"""Answers that quote the item, or other turns of its dialogue: a column of the quoted texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from corpora.answers.plan import Plan, Slot
from corpora.answers.said import NO_SPAN, Said, as_said
from corpora.answers.strings import members
from schemas.kinds.quotes import find

SEVERAL = "not a turn for each quote"

_SPANS = pl.List(
    pl.Struct({"item_id": pl.String, "start": pl.Int32, "end": pl.Int32, "label": pl.String, "text": pl.String})
)
_READ = pl.Schema({"row": pl.UInt32(), "spans": _SPANS, "reason": pl.String(), "detail": pl.String()})

Turns = Mapping[float, tuple[str, str]]
"""{number of a turn: (its item, its text)} of one dialogue."""


def from_quotes(plan: Plan, slot: Slot, cells: pl.DataFrame, rows: pl.DataFrame) -> Said:
    """The spans quoted in a column of `cells`, found in the text of their item or, where the entry says `turns`, of
    the turns of its dialogue among all `rows`; offsets in characters. A blank cell is no answer; an empty JSON list is
    one: no span."""
    [(column, _)] = slot.columns
    entry = plan.entry
    dialogues = _dialogues(rows) if entry.turns is not None else {}
    columns = {"quotes": column, "text": "_text_", "item": "_id_"}
    columns |= {"turns": entry.turns, "dialogue": "_dialogue_"} if entry.turns is not None else {}
    given = cells.select(**columns).with_row_index("row").drop_nulls("quotes")
    read: list[dict[str, Any]] = []
    for row in given.iter_rows(named=True):
        quotes = members(row["quotes"], entry.separator)
        if quotes is None:
            continue
        if entry.turns is None:
            placed = _placed([(row["item"], row["text"] or "", quote) for quote in quotes])
        else:
            turns = members(row["turns"] or "", entry.separator) or []
            if len(turns) != len(quotes):
                detail = f"{len(quotes)} quotes, {len(turns)} turns"
                read.append({"row": row["row"], "spans": None, "reason": SEVERAL, "detail": detail})
                continue
            of = dialogues.get(row["dialogue"], {})
            placed = _placed(
                [
                    (*_turn(of, turn), quote if quote != turn else None)
                    for turn, quote in zip(turns, quotes, strict=True)
                ]
            )
        spans, missing = placed
        fault = missing is not None
        read.append(
            {
                "row": row["row"],
                "spans": None if fault else spans,
                "reason": NO_SPAN if fault else None,
                "detail": repr(missing) if fault else None,
            }
        )
    return Said(as_said(pl.DataFrame(read, schema=_READ)))


def _dialogues(rows: pl.DataFrame) -> dict[str, Turns]:
    found: dict[str, dict[float, tuple[str, str]]] = {}
    known = rows.select("_dialogue_", "_turn_", "_id_", "_text_").drop_nulls()
    for dialogue, turn, item, text in known.iter_rows():
        found.setdefault(dialogue, {})[turn] = (item, text)
    return dict(found)


def _turn(of: Turns, word: str) -> tuple[str | None, str]:
    """The item and the text of a turn; none where the word is no turn of the dialogue."""
    try:
        return of.get(float(word), (None, ""))
    except ValueError:
        return None, ""


def _placed(quoted: list[tuple[str | None, str, str | None]]) -> tuple[list[dict[str, Any]], str | None]:
    """The spans of {item, its text, quote}, each at the first place that no span before it has, and the first quote
    that does not stand there. What has no item lies outside."""
    spans: list[dict[str, Any]] = []
    for item, text, quote in quoted:
        place: tuple[int | None, int | None] = (None, None)
        if item is not None and quote is not None:
            taken = {(one["start"], one["end"]) for one in spans if one["item_id"] == item}
            found = find(text, quote, taken) or find(text, quote)
            if found is None:
                return [], quote
            place = found
        start, end = place
        span = {"item_id": item, "start": start, "end": end, "label": None}
        # Said again without a further place to stand, it is the same span.
        if span not in [{name: one[name] for name in span} for one in spans]:
            spans.append({**span, "text": text[start:end] if start is not None else None})
    return spans, None
