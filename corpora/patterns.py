"""Patterns with names in braces: `"客観{rater}_{label}"` over column names, `"{key}.wav"` over cells and file names.

Read against a text, a pattern says what stands for each name; filled, it gives a text. A name that stands twice has to
stand for the same both times.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

_BRACES = re.compile(r"\{([^{}]*)\}")


def names_in(text: str) -> list[str]:
    """The names in the braces of `text`, in their order, each once."""
    return list(dict.fromkeys(_BRACES.findall(text)))


def fault_of(text: str) -> str | None:
    """Why `text` is no pattern: empty braces, or one that nothing closes; null where it is one."""
    rest = _BRACES.sub("", text)
    if "{" in rest or "}" in rest:
        return f"a brace in {text!r} is not closed or not opened"
    if "" in _BRACES.findall(text):
        return f"the braces in {text!r} hold no name"
    if re.search(r"\}\{", text):
        return f"nothing stands between two names in {text!r}, so nothing says where the first ends"
    return None


@dataclass(frozen=True)
class Pattern:
    """A text with names in braces."""

    text: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(names_in(self.text))

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        """Literal texts at even places, names at odd ones."""
        return tuple(_BRACES.split(self.text))

    def match(self, text: str, known: Mapping[str, Sequence[str]] | None = None) -> dict[str, str] | None:
        """What stands for each name in `text`; null where it does not fit. A name in `known` stands for one of these
        texts only, whatever their case; any other for as little as will do, but for something."""
        return self._find(unicodedata.normalize("NFC", text), known or {})

    def _find(self, text: str, known: Mapping[str, Sequence[str]]) -> dict[str, str] | None:
        groups: dict[str, str] = {}
        made = []
        for place, part in enumerate(self._parts):
            if place % 2 == 0:
                made.append(re.escape(unicodedata.normalize("NFC", part)))
            elif part in groups:
                made.append(f"(?P={groups[part]})")
            else:
                groups[part] = f"g{len(groups)}"
                if part in known:
                    # Longest first, so that "sad" does not win over "sadness".
                    spellings = sorted({unicodedata.normalize("NFC", one) for one in known[part]}, key=len)
                    inner = "(?i:" + "|".join(re.escape(one) for one in reversed(spellings)) + ")"
                else:
                    inner = ".+?"
                made.append(f"(?P<{groups[part]}>{inner})")
        found = re.fullmatch("".join(made), text, re.DOTALL)
        return None if found is None else {name: found[group] for name, group in groups.items()}

    def columns(self, cells: pl.Expr) -> Iterator[tuple[str, pl.Expr]]:
        """(name, what stands for it in the texts `cells`): null for every name where a text does not fit."""
        if len(self._parts) // 2 == len(self.names):
            regex = "".join("(.+?)" if place % 2 else re.escape(part) for place, part in enumerate(self._parts))
            found = cells.str.extract_groups(f"(?s)^{regex}$")
        else:
            # polars knows no back references, which a name that stands twice needs.
            found = cells.map_batches(self._matched, return_dtype=self._struct)
        for place, name in enumerate(self.names):
            yield name, found.struct[place]

    @property
    def _struct(self) -> pl.Struct:
        return pl.Struct(dict.fromkeys(self.names, pl.String))

    def _matched(self, cells: pl.Series) -> pl.Series:
        nothing: dict[str, str | None] = dict.fromkeys(self.names)
        known = cells.unique().to_list()
        found = [nothing if one is None else self.match(one) or nothing for one in known]
        table = pl.DataFrame(
            {"cell": known, "found": found}, schema={"cell": pl.String, "found": self._struct}, strict=False
        )
        rows = (
            cells.rename("cell").to_frame().join(table, on="cell", how="left", maintain_order="left", nulls_equal=True)
        )
        return rows["found"]

    def fits(self, cells: pl.Expr) -> pl.Expr:
        """Whether the texts `cells` fit; a null does not."""
        if not self.names:
            return (cells == self.text).fill_null(False)
        [(_, first), *_] = self.columns(cells)
        return first.is_not_null()

    def filled(self, cells: Mapping[str, pl.Expr]) -> pl.Expr:
        """The pattern with the cells of each name in its place; null where one of them is null."""
        parts = [cells[part] if place % 2 else pl.lit(part) for place, part in enumerate(self._parts) if part]
        return pl.concat_str(parts) if len(parts) > 1 else parts[0]
