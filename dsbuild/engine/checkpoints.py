"""The finished batches of a node that is not finished: a run that goes on takes them as they are.

Beside a node's output, under the same key, stands `KEY.batches/`, a folder for each finished batch: its tables, one
Parquet file each, and `batch.json` with its figures, the sizes of its files, and the hash of the items it was made
from. A folder is written under a temporary name, made durable and renamed, so a killed run leaves only whole ones.
When the node is finished its parts are those very files, and the folder goes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from dsbuild.engine.files import fsync, full_disk, write_parquet
from schemas.errors import DsbuildError

FORMAT: Final = "dsbuild.batch/1"
_RECORD: Final = "batch.json"


def content_of(batch: pl.DataFrame) -> str:
    """A hash of everything a batch holds."""
    buffer = io.BytesIO()
    batch.write_ipc(buffer, compression="uncompressed")
    return hashlib.sha256(buffer.getbuffer()).hexdigest()


@dataclass(frozen=True)
class Made:
    """What was made of a batch: a Parquet file for each table that has rows, and figures."""

    folder: Path
    tables: tuple[str, ...]
    figures: dict[str, Any]

    def file(self, table: str) -> Path | None:
        """The file of a table; null if the batch made none."""
        return self.folder / f"{table}.parquet" if table in self.tables else None

    def frame(self, table: str) -> pl.DataFrame | None:
        """A table; null if the batch made none."""
        file = self.file(table)
        if file is None:
            return None
        try:
            return pl.read_parquet(file, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DsbuildError(
                f"A finished batch is damaged or gone: {str(error).splitlines()[0].rstrip('.')}.",
                where=str(file),
                fix=f"Delete the folder {self.folder} and run again; answers in the stores are not touched.",
            ) from error


class Checkpoints:
    """The finished batches in `folder`, by their number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, number: int, content: str) -> Made | None:
        """What was made of the batch `number`, if it was made of the same items and is whole; null otherwise."""
        folder = self._place(number)
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            if record["format"] != FORMAT or record["content"] != content:
                return None
            for table, size in record["tables"].items():
                if (folder / f"{table}.parquet").stat().st_size != size:
                    return None
            return Made(folder, tuple(record["tables"]), record["figures"])
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
            return None  # not there, or not what a batch leaves behind: it is made anew in its place

    def keep(self, number: int, content: str, tables: Mapping[str, pl.DataFrame], figures: Mapping[str, Any]) -> Made:
        """Make a finished batch durable; tables without rows are left out.

        Raises:
            DsbuildError: it cannot be written.
        """
        final = self._place(number)
        temporary = final.with_name(f"{final.name}.tmp-{os.getpid()}")
        filled = {name: frame for name, frame in tables.items() if not frame.is_empty()}
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            sizes = {name: write_parquet(frame, temporary / f"{name}.parquet") for name, frame in filled.items()}
            record = {"format": FORMAT, "content": content, "figures": figures, "tables": sizes}
            written = json.dumps(record, ensure_ascii=False, allow_nan=False)
            (temporary / _RECORD).write_text(written, encoding="utf-8")
            fsync(temporary / _RECORD)
            fsync(temporary)
            if final.exists():
                shutil.rmtree(final)
            temporary.rename(final)
            fsync(final.parent)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, OSError):
                raise full_disk(error, final) from error
            raise
        # As the file will give them back, so that a run that goes on sees what an undisturbed one sees.
        return Made(final, tuple(filled), json.loads(written)["figures"])

    def _place(self, number: int) -> Path:
        return self.folder / f"{number:06d}"
