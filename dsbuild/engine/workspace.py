"""The folder a project's runs share: what nodes made, and the stores of answers that nothing invalidates."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dsbuild.engine.figures import add
from dsbuild.engine.files import ROW_GROUP, file_sha256, fsync, full_disk, write_parquet
from schemas.errors import DsbuildError
from schemas.ids import digest

_DONE = "node.json"
FORMAT = "dsbuild.node/1"
KEPT_DAYS = 30  # how long the finished batches of an unfinished node are kept


def safe_name(name: str) -> str:
    """`name` as a file name; names that differ only in forbidden characters stay apart."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    return plain if plain == name.replace(":", "-") else f"{plain}-{digest(name)[:6]}"


def alive(pid: int) -> bool:
    """Whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True)
class Output:
    """What a node made: named tables in Parquet parts, figures, and a hash of the content."""

    folder: Path
    key: str
    content: str
    figures: dict[str, Any]

    def parts(self, table: str) -> list[Path]:
        """The Parquet files of a table, in order; none if the node made no such table."""
        return sorted(self.folder.glob(f"{table}/part-*.parquet"))

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        """A table part by part."""
        for part in self.parts(table):
            yield self.read(part)

    def slices(self, table: str) -> Iterator[pl.DataFrame]:
        """A table some thousands of rows at a time, in order: what is handed on holds no more of it in memory."""
        for part in self.parts(table):
            try:
                file = pl.scan_parquet(part, glob=False)
                rows = file.select(pl.len()).collect().item()
                for begin in range(0, rows, ROW_GROUP):
                    yield file.slice(begin, ROW_GROUP).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                raise self._damaged(part, error) from error

    def frame(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A whole table; a frame without columns if the node made no such table."""
        frames = [self.read(part, columns) for part in self.parts(table)]
        return pl.concat(frames) if frames else pl.DataFrame()

    def read(self, part: Path, columns: list[str] | None = None) -> pl.DataFrame:
        """One of `parts`, or some of its columns.

        Raises:
            DsbuildError: the file is damaged or gone.
        """
        try:
            return pl.read_parquet(part, columns=columns, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(part, error) from error

    def _damaged(self, part: Path, error: Exception) -> DsbuildError:
        return DsbuildError(
            f"A part of the workspace is damaged: {str(error).splitlines()[0].rstrip('.')}.",
            where=str(part),
            fix=f"Delete the folder {self.folder} and run again; answers in the stores are not touched.",
        )


@dataclass
class Writer:
    """The temporary folder of a node that is running; `kept` is where it may keep finished batches for a later run."""

    folder: Path
    kept: Path
    figures: dict[str, Any] = field(default_factory=dict)
    _parts: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Append a part to a table. An empty frame makes a part only if the table has none yet."""
        number = self._parts.get(table, 0)
        if number and frame.is_empty():
            return
        path = self.folder / table / f"part-{number:05d}.parquet"
        path.parent.mkdir(exist_ok=True)
        write_parquet(frame, path)
        self._parts[table] = number + 1

    def ensure(self, table: str, none: pl.DataFrame) -> None:
        """Give a table that has no part yet one without rows."""
        if table not in self._parts:
            self.add(table, none)

    def adopt(self, table: str, file: Path) -> None:
        """Append a part that stands in a file already, which is neither copied nor moved.

        Raises:
            DsbuildError: the file is gone, or cannot be linked.
        """
        number = self._parts.get(table, 0)
        path = self.folder / table / f"part-{number:05d}.parquet"
        path.parent.mkdir(exist_ok=True)
        try:
            try:
                os.link(file, path)
            except PermissionError:  # a file system without hard links
                shutil.copyfile(file, path)
                fsync(path)
        except OSError as error:
            raise full_disk(error, path) from error
        self._parts[table] = number + 1

    def text(self, name: str, content: str) -> None:
        """Write a text file beside the tables."""
        path = self.folder / name
        try:
            path.write_text(content, encoding="utf-8")
            fsync(path)
        except OSError as error:
            raise full_disk(error, path) from error

    def count(self, figures: Mapping[str, Any]) -> None:
        """Add figures: numbers are summed, dictionaries merged."""
        add(self.figures, figures)

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Workspace:
    """`.dsbuild/`: outputs under the key of their node, the response store, the human store, logs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.nodes = root / "nodes"
        self.responses = root / "responses.sqlite"
        self.people = root / "people.sqlite"
        self.logs = root / "logs"
        self.cache = root / "cache"

    def ledger(self, dataset: str) -> Path:
        """Where the money that got lost on `dataset` is remembered (see `annotators.llm.spending.ledger`)."""
        return self.root / "budget" / safe_name(dataset)

    def prepare(self) -> None:
        """Make the folders and clear away what processes that died left unfinished."""
        try:
            for folder in (self.nodes, self.logs, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise full_disk(error, self.root) from error
        for stale in (*self.nodes.glob("*/*.tmp-*"), *self.nodes.glob("*/*.batches/*.tmp-*")):
            owner = stale.name.rpartition("-")[2]
            if not owner.isdigit() or not alive(int(owner)):
                shutil.rmtree(stale)
        for kept in self.nodes.glob("*/*.batches"):  # of a recipe, or of code, that nobody went back to
            if time.time() - kept.stat().st_mtime > KEPT_DAYS * 86_400:
                shutil.rmtree(kept)

    def log(self, event: str, **facts: Any) -> None:
        """Append a line of JSON to the workspace's log. What it holds is for people; nothing reads it back."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "pid": os.getpid(), "event": event, **facts}
        try:
            with (self.logs / "runs.jsonl").open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        except OSError as error:
            raise full_disk(error, self.logs) from error

    def _folder(self, name: str, key: str) -> Path:
        return self.nodes / safe_name(name) / key[:24]

    def _kept(self, name: str, key: str) -> Path:
        folder = self._folder(name, key)
        return folder.with_name(f"{folder.name}.batches")

    def find(self, name: str, key: str) -> Output | None:
        """What the node made under this key, None if it has not run to its end."""
        folder = self._folder(name, key)
        try:
            record = json.loads((folder / _DONE).read_text(encoding="utf-8"))
            if record["format"] != FORMAT or record["key"] != key:
                return None
            for file, size in record["files"].items():
                if not (folder / file).is_file() or (folder / file).stat().st_size != size:
                    raise ValueError(f"{file} is missing or was changed")
            return Output(folder, key, record["content"], record["figures"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            # Whatever stands there, it is not what a node leaves behind: the node runs again in its place.
            self.log("damaged record", node=name, file=str(folder / _DONE), error=str(error))
            shutil.rmtree(folder)
            return None

    def forget(self, name: str, key: str) -> None:
        """Remove what the node made under this key, finished or not, so that it runs again from the beginning."""
        for folder in (self._folder(name, key), self._kept(name, key)):
            if folder.exists():
                shutil.rmtree(folder)

    def begin(self, name: str, key: str) -> Writer:
        """A temporary folder for a node to write into."""
        final = self._folder(name, key)
        temporary = final.with_name(f"{final.name}.tmp-{os.getpid()}")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        except OSError as error:
            raise full_disk(error, temporary) from error
        return Writer(temporary, self._kept(name, key))

    def commit(self, name: str, key: str, writer: Writer) -> Output:
        """Make what was written durable and visible in one move."""
        final = self._folder(name, key)
        files = sorted(path for path in writer.folder.rglob("*") if path.is_file())
        content = digest({path.relative_to(writer.folder).as_posix(): file_sha256(path) for path in files})
        # Figures count as content: what reads a node's output may read its figures too. They are handed on as the file
        # will give them back, order included, so that a run that is resumed sees what an undisturbed one sees.
        written = json.dumps(writer.figures, ensure_ascii=False, allow_nan=False)
        figures: dict[str, Any] = json.loads(written)
        content = digest([content, written])
        sizes = {path.relative_to(writer.folder).as_posix(): path.stat().st_size for path in files}
        record = {"format": FORMAT, "name": name, "key": key, "content": content, "figures": figures, "files": sizes}
        try:
            done = writer.folder / _DONE
            done.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
            fsync(done)
            for folder in {path.parent for path in files} | {writer.folder}:
                fsync(folder)
            if final.exists():  # another process was faster; equal keys mean equal content
                shutil.rmtree(writer.folder)
            else:
                writer.folder.rename(final)
                fsync(final.parent)
            if writer.kept.exists():
                shutil.rmtree(writer.kept)
        except OSError as error:
            raise full_disk(error, final) from error
        return Output(final, key, content, figures)
