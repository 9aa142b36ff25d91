"""What a name in a recipe stands for in the rows of a file: a column, part of a cell, or part of the file's name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from corpora.labels import NUMBER
from corpora.patterns import Pattern, names_in
from corpora.readers.rows import LIST_SEPARATOR
from schemas.errors import RecipeError

NO_FIT = "cell does not fit its pattern"
ROW_NUMBER = "{#}"  # of the row among those of its item, from 1


@dataclass(frozen=True)
class Scope:
    """The columns of a file, the names taken out of its cells (`bind`, {column: pattern}) and of its path.

    In a frame, what a name stands for that is no column lies in the column `{name}`, braces included.
    """

    corpus: str
    file: str
    columns: tuple[str, ...]
    bind: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)

    def _bound(self) -> dict[str, str]:
        """{name: the column it is taken out of}."""
        return {name: column for column, text in self.bind.items() for name in names_in(text)}

    def names_of(self, column: str) -> list[str]:
        """The names that are taken out of a column."""
        return names_in(self.bind[column])

    def needs(self, text: str | None, where: str, given: Iterable[str] = ()) -> list[str]:
        """The file's columns behind `text`, a column's name or a text with names, of which `given` are known.

        Raises:
            RecipeError: the file has no such column, or nothing has that name.
        """
        if text is None:
            return []
        names = [name for name in names_in(text) if name not in given]
        if not names_in(text):
            self.must_have(text, where)
            return [text]
        bound = self._bound()
        needed = []
        for name in names:
            if name in bound:
                self.must_have(bound[name], "bind")
                needed.append(bound[name])
            elif name in self.columns:
                needed.append(name)
            elif name not in self.path:
                raise self._unknown(name, where)
        return needed

    def expr(self, text: str, given: Mapping[str, str] | None = None) -> pl.Expr:
        """The cells that `text` (as in `needs`) stands for, null where one of them is blank; `given` names stand for
        fixed texts."""
        if not names_in(text):
            return _said(pl.col(text))
        bound = self._bound()
        cells = {}
        for name in names_in(text):
            if given and name in given:
                cells[name] = pl.lit(given[name])
            elif name == NUMBER:
                cells[name] = pl.col(ROW_NUMBER)
            elif name in self.columns and name not in bound:
                cells[name] = _said(pl.col(name))
            else:
                cells[name] = _said(pl.col("{" + name + "}"))
        return Pattern(text).filled(cells)

    def binding(self, needed: Iterable[str]) -> dict[str, pl.Expr]:
        """{column of a frame: expression} for the names taken out of those `needed` columns, and of the path."""
        made = {
            "{" + name + "}": cells
            for column, text in self.bind.items()
            if column in set(needed)
            for name, cells in Pattern(text).columns(pl.col(column))
        }
        return {**{"{" + name + "}": pl.lit(value) for name, value in self.path.items()}, **made}

    def must_have(self, column: str, key: str) -> None:
        """Raises RecipeError where the file has no such column."""
        if column in self.columns:
            return
        close = difflib.get_close_matches(column, self.columns, n=1)
        close = close or [name for name in self.columns if name.lower() == column.lower()]
        hint = f'Did you mean "{close[0]}"? ' if close else ""
        if len(self.columns) == 1 and any(mark in self.columns[0] for mark in ";\t|,"):
            hint = "Its header is one single field; if something else separates the fields, say so with `delimiter`. "
        raise RecipeError(
            f"{self.file} has no column '{column}'.",
            where=f"corpora.{self.corpus}.{key}",
            fix=f"{hint}It has: {listed(self.columns)}.",
        )

    def _unknown(self, name: str, where: str) -> RecipeError:
        known = [*self.columns, *self._bound(), *self.path]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'Did you mean "{close[0]}"? ' if close else ""
        return RecipeError(
            f"Nothing in {self.file} is called {{{name}}}.",
            where=f"corpora.{self.corpus}.{where}",
            fix=f"{hint}A name in braces is a column, or bound by `bind` or the path. There are: {listed(known)}.",
        )


def _said(cells: pl.Expr) -> pl.Expr:
    """`cells`, null where they are blank; a list with its members after one another."""
    text = cells.str.strip_prefix(LIST_SEPARATOR).str.replace_all(LIST_SEPARATOR, ", ", literal=True)
    return pl.when(text.str.strip_chars() != "").then(text)


def listed(names: Sequence[str], most: int = 40) -> str:
    """`names` for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def chosen(cells: Mapping[str, Sequence[str]]) -> pl.Expr:
    """Whether all of `cells` are what they should be, or fit it: {column: texts or patterns}."""
    return pl.all_horizontal(
        pl.any_horizontal(Pattern(text).fits(pl.col(column)) for text in texts) for column, texts in cells.items()
    )
