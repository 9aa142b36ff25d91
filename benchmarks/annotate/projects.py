"""A project for each measurement, run by the command line as a user runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.annotate.measured import Measured, measure
from tests.annotators.llm.faults.client import FaultServer
from tests.e2e.annotating import made, recipe, text_of, write_corpus, write_recipe
from tests.e2e.conftest import Project

RECIPE = "recipe.yaml"


@contextmanager
def project(server: FaultServer, rows: int, **annotator: Any) -> Iterator[Project]:
    """A folder with a corpus of `rows` and a recipe; the items are made already, nothing is annotated."""
    with TemporaryDirectory(prefix="bench-annotate-") as folder:
        new = Project(Path(folder))
        write_corpus(new.folder / "rows.csv", [text_of(number) for number in range(rows)])
        write_recipe(new, recipe(server.url, **annotator))
        new.run("run", RECIPE, "--until", "build", timeout=1800)
        yield new


def annotate(project: Project, *, timeout: float = 3600, memory: bool = False) -> Measured:
    """Annotate, in a process of its own.

    Raises:
        RuntimeError: the command failed.
    """
    command = project.command("run", RECIPE, "--until", "annotate")
    # As for a user: with the bytecode that the first of these runs leaves behind.
    env = {name: value for name, value in project.env.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ran = measure(command, project.folder, env, timeout=timeout, memory=memory)
    if ran.code:
        raise RuntimeError(f"dsbuild ended with {ran.code}: {ran.output[-2000:]}")
    return ran


def checked(project: Project, rows: int, said: dict[str, str] | None = None) -> None:
    """Every row has one label, and it is the one the server gave it, where `said` (row: label) is known.

    Raises:
        RuntimeError: it does not.
    """
    output = made(project)
    found = output.table("annotations").select("item_id", pl.col("labels").list.first().struct.field("label"))
    if found.height != rows or found["item_id"].n_unique() != rows or output.table("dead_letters").height:
        raise RuntimeError(f"{found.height} annotations for {rows} rows")
    if found["label"].null_count():
        raise RuntimeError("there are annotations without a label")
    if said is None:
        return
    paths = sorted((project.folder / ".dsbuild" / "nodes").glob("items/*/items/*.parquet"))
    items = pl.concat([pl.read_parquet(path, columns=["item_id", "text"]) for path in paths])
    texts = items.select("item_id", pl.col("text").str.extract(r"(row-\d+)").alias("row"))
    told = pl.DataFrame({"row": list(said), "said": list(said.values())})
    both = found.join(texts, on="item_id").join(told, on="row")
    if both.height != rows or both.filter(pl.col("label") != pl.col("said")).height:
        raise RuntimeError("labels are not the ones that the server gave")
