"""What one annotator reads of others: their annotations as a whole, or beside the items of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from dsbuild.engine.sources import by, makers_of
from dsbuild.engine.workspace import Output
from schemas.errors import DsbuildError
from schemas.given import seen
from schemas.tables import ANNOTATIONS, empty

if TYPE_CHECKING:
    from dsbuild.recipe import Recipe
    from schemas.task import Task


class Others:
    """The annotations (ANNOTATIONS) of those an annotator may read, by their names.

    Only which part of whose table holds which item is kept, so that a batch reads the parts that it needs.
    """

    def __init__(self, names: Sequence[str], recipe: Recipe, outputs: Mapping[str, Output]) -> None:
        self._names = tuple(names)
        self._recipe = recipe
        self._outputs = outputs
        self._places: dict[str, pl.DataFrame] = {}

    def frame(self, name: str) -> pl.DataFrame:
        """All annotations by whom `name` stands for.

        Raises:
            DsbuildError: the annotator's configuration does not say that it reads them.
        """
        if name not in self._names:
            raise DsbuildError(
                f"An annotator wants to read {name!r}, but its configuration does not say so.",
                fix=f"What it `reads`: {', '.join(self._names) or 'nothing'}.",
            )
        found = [empty(ANNOTATIONS)]
        for node in makers_of([name], self._recipe):
            made = self._outputs[node].frame("annotations")
            if made.width:
                found.append(made.filter(by(name, node)))
        return pl.concat(found).unique("annotation_id", maintain_order=True)

    def beside(self, items: pl.DataFrame, names: Sequence[str], tasks: Sequence[Task]) -> pl.DataFrame:
        """`items` (ITEMS) with the column `seen` (`schemas.given`): what `names`, in their order, say about them."""
        ids = items.select("item_id")
        said = []
        for name in names:
            found = [empty(ANNOTATIONS)]
            for node in makers_of([name], self._recipe):
                for part in self._parts(node, ids):
                    made = self._outputs[node].read(part).join(ids, on="item_id", how="semi", maintain_order="left")
                    found.append(made.filter(by(name, node)))
            said.append(pl.concat(found))
        return seen(said, tasks, items)

    def _parts(self, node: str, ids: pl.DataFrame) -> list[Path]:
        """The parts of what `node` made that hold any of `ids` (item_id)."""
        parts = self._outputs[node].parts("annotations")
        if node not in self._places:
            places = [
                self._outputs[node]
                .read(part, ["item_id"])
                .unique()
                .with_columns(pl.lit(number, dtype=pl.UInt32).alias("part"))
                for number, part in enumerate(parts)
            ]
            nothing = pl.DataFrame(schema={"item_id": pl.String, "part": pl.UInt32})
            self._places[node] = pl.concat([nothing, *places])
        wanted = self._places[node].join(ids, on="item_id", how="semi")["part"].unique().sort()
        return [parts[number] for number in wanted]
