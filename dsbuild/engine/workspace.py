"""The folder a project's runs share: what nodes made, and the stores of answers that nothing invalidates."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dsbuild.engine.figures import add
from schemas.errors import DsbuildError
from schemas.ids import digest

_DONE = "node.json"
FORMAT = "dsbuild.node/1"


def safe_name(name: str) -> str:
    """`name` as a file name; names that differ only in forbidden characters stay apart."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    return plain if plain == name.replace(":", "-") else f"{plain}-{digest(name)[:6]}"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Make a file or a folder's entries durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def alive(pid: int) -> bool:
    """Whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def full_disk(error: OSError, place: Path) -> DsbuildError:
    """What to say when writing failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DsbuildError(
            "The disk is full; nothing that was finished is lost.",
            where=str(place),
            fix="Free some space, or move the workspace with --workspace, and run the same command again.",
        )
    return DsbuildError(f"Cannot write: {error.strerror or error}.", where=str(place))


class _Failed(OSError):
    """polars reports a failed write as text; this gives it back its error number."""


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
            yield self._read(part)

    def frame(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A whole table; a frame without columns if the node made no such table."""
        frames = [self._read(part, columns) for part in self.parts(table)]
        return pl.concat(frames) if frames else pl.DataFrame()

    def _read(self, part: Path, columns: list[str] | None = None) -> pl.DataFrame:
        try:
            return pl.read_parquet(part, columns=columns, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DsbuildError(
                f"A part of the workspace is damaged: {str(error).splitlines()[0].rstrip('.')}.",
                where=str(part),
                fix=f"Delete the folder {self.folder} and run again; answers in the stores are not touched.",
            ) from error


@dataclass
class Writer:
    """The temporary folder of a node that is running."""

    folder: Path
    figures: dict[str, Any] = field(default_factory=dict)
    _parts: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Append a part to a table. An empty frame makes a part only if the table has none yet."""
        number = self._parts.get(table, 0)
        if number and frame.is_empty():
            return
        path = self.folder / table / f"part-{number:05d}.parquet"
        path.parent.mkdir(exist_ok=True)
        try:
            with path.open("wb") as file:
                frame.write_parquet(file, compression="zstd", compression_level=1, statistics=False)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise full_disk(error, path) from error
        except pl.exceptions.PolarsError as error:
            if "No space left" in str(error):
                raise full_disk(_Failed(errno.ENOSPC, "no space left"), path) from error
            raise
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
        for stale in self.nodes.glob("*/*.tmp-*"):
            owner = stale.name.rpartition("-")[2]
            if not owner.isdigit() or not alive(int(owner)):
                shutil.rmtree(stale)

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
        """Remove what the node made under this key, so that it runs again."""
        folder = self._folder(name, key)
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
        return Writer(temporary)

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
        except OSError as error:
            raise full_disk(error, final) from error
        return Output(final, key, content, figures)
