"""An older release brought to the schema of today, as a new release beside it; the old one is never touched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pydantic import ValidationError

import dsbuild
from dsbuild.release.card.croissant import file_object, record_set
from dsbuild.release.content_hash import content_hash
from dsbuild.release.contents import SAMPLE
from dsbuild.release.folder import locked, put_into_place, unfinished, write_text
from dsbuild.release.manifest import NAME, FileEntry, Identity, Manifest, read_manifest, to_json
from dsbuild.release.migrate_tables import Step, steps_from
from dsbuild.release.shape import DEFAULT_CONFIG, Config
from dsbuild.release.tables import KEYS, REJECTS_PATH, WHOLE, TableFile
from dsbuild.release.verify import files_in, sha256_of, verify
from dsbuild.release.versions import parse, released
from dsbuild.release.write import schema_hash
from schemas.errors import DsbuildError
from schemas.forms.check import require
from schemas.forms.definitions import DECLARED
from schemas.forms.features import Features, with_features
from schemas.ids import digest
from schemas.tables import REJECTS, SCHEMA_VERSION, TABLES
from schemas.task import Task

ROWS_AT_ONCE = 100_000
_HUGGINGFACE = b"huggingface"


@dataclass(frozen=True)
class Migrated:
    """A release of today's schema; `created` is false where there was nothing to do, or it had been done before.

    `steps` are the versions of the schema it went through, the old one first.
    """

    path: Path
    version: str
    base: str | None
    steps: tuple[str, ...]
    created: bool
    manifest: Manifest


def migrate(folder: Path, out: Path | None = None) -> Migrated:
    """Bring the release in `folder` to the schema of today: a new release, of the next major version, whose base it is.

    Args:
        out: the folder of releases; default: that which `folder` is in.

    Raises:
        DsbuildError: the release is damaged, a sample, or of a schema that is unknown here; a row of it breaks a rule
            of today's schema; the new folder cannot be written.
    """
    old = verify(folder)
    if old.version == SAMPLE:
        raise DsbuildError(
            "A sample has no version, so nothing rests on it.",
            where=str(folder),
            fix="Make it again with `dsbuild run --sample`.",
        )
    try:
        path = steps_from(old.schema_version)
    except KeyError as error:
        raise DsbuildError(
            f"No migration leads from schema version {old.schema_version} to {SCHEMA_VERSION}.",
            where=str(folder / NAME),
            fix="Make the release again from its recipe, which is in the manifest.",
        ) from error
    went = (old.schema_version, *(step.after for step in path))
    if not path:
        return Migrated(folder, old.version, old.base_version, went, False, old)
    home = folder.parent if out is None else out / old.dataset
    try:
        with locked(home), unfinished(home) as place:
            return _migrate(folder, old, path, home, place)
    except OSError as error:
        raise DsbuildError(
            f"The migrated release could not be written: {error.strerror or error}.",
            where=str(home),
            fix="Make room or give write access there, or choose another folder with --out.",
        ) from error


def _migrate(folder: Path, old: Manifest, path: Sequence[Step], home: Path, place: Path) -> Migrated:
    configs, before = _write_tables(folder, old, path, place)
    now = {config.name: config.features for config in configs}
    rows = {config.name: {file.split: file.content for file in config.files} for config in configs}
    identity = Identity(
        schema_hash=_schema_hash(old, before, now),
        content_hash=content_hash(now, rows),
        metadata_hash=digest({"migrated": old.metadata_hash, "schema": SCHEMA_VERSION}),
    )
    went = (old.schema_version, *(step.after for step in path))
    for version in released(home):
        there = read_manifest(home / version)
        if there.base_version == old.version and there.identity == identity:
            return Migrated(home / version, version, old.version, went, False, verify(home / version))
    version = _next_major([old.version, *released(home)])
    for name in ("audit/report.html", "audit/metrics.json"):
        write_text(place / name, (folder / name).read_text(encoding="utf-8"))
    write_text(place / "README.md", _card((folder / "README.md").read_text(encoding="utf-8"), old, version))
    described = _croissant(json.loads((folder / "croissant.json").read_text(encoding="utf-8")), configs, version, place)
    write_text(place / "croissant.json", to_json(described))
    manifest = old.model_copy(
        update={
            "version": version,
            "base_version": old.version,
            "schema_version": SCHEMA_VERSION,
            **identity._asdict(),
            "code": f"{old.code}; tables migrated by dsbuild {dsbuild.__version__}",
            "tables": {
                config.name: {file.split: {"rows": file.rows, "hash": file.content} for file in config.files}
                for config in configs
            },
            "files": {
                name: FileEntry(sha256=sha256_of(place / name), bytes=(place / name).stat().st_size)
                for name in files_in(place)
            },
        }
    )
    write_text(place / NAME, manifest.to_json())
    put_into_place(place, home / version)
    return Migrated(home / version, version, old.version, went, True, manifest)


def _next_major(versions: Sequence[str]) -> str:
    return f"{max((parse(version) or (0, 0, 0))[0] for version in versions) + 1}.0.0"


def _write_tables(
    folder: Path, old: Manifest, path: Sequence[Step], place: Path
) -> tuple[list[Config], dict[str, Features]]:
    """Write every table below `place`; its configs, and the features that the old ones had, by config."""
    configs, before = [], {}
    for name, splits in old.tables.items():
        files = []
        for split in splits:
            file = f"{name}/{name if name in WHOLE else split}.parquet"
            schema, was = _schemas(name, folder / file)
            before[name] = was
            with TableFile(place, file, schema, KEYS[name]) as written:
                for frame in _frames(folder / file):
                    written.write(_changed(name, frame, path))
            files.append(written.split_file(split))
        configs.append(Config(name, schema, _classes(schema), tuple(files)))
    with TableFile(place, REJECTS_PATH, with_features(REJECTS), KEYS["rejects"]) as written:
        for frame in _frames(folder / REJECTS_PATH):
            written.write(_changed("rejects", frame, path))
    return configs, before


def _frames(path: Path) -> Iterator[pl.DataFrame]:
    for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE):
        frame = pl.from_arrow(pa.Table.from_batches([batch]))
        assert isinstance(frame, pl.DataFrame)
        yield frame


def _changed(name: str, frame: pl.DataFrame, path: Sequence[Step]) -> pl.DataFrame:
    """The rows in the schema of today; those of `data` are the recipe's affair and stay."""
    if name not in TABLES:
        return frame
    for step in path:
        frame = step.change(name, frame)
    return require(frame, DECLARED[name])


def _schemas(name: str, path: Path) -> tuple[pa.Schema, Features]:
    """The Arrow schema that the file is written in, with its features, and the features that it had."""
    found = pq.read_schema(path)
    had: Features = json.loads(found.metadata[_HUGGINGFACE])["info"]["features"]
    if name in TABLES:
        return with_features(TABLES[name]), had
    fields = [field.with_type(_as_written(field.type)) for field in found]
    return pa.schema(fields, {_HUGGINGFACE: found.metadata[_HUGGINGFACE]}), had


def _as_written(kind: pa.DataType) -> pa.DataType:
    """The type that Parquet was given: what it hands back calls the elements of lists by another name."""
    if pa.types.is_list(kind):
        return pa.list_(_as_written(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_as_written(field.type)) for field in kind])
    return kind


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """The class names of the integer columns, as the file says them."""
    classes = {}
    for name, feature in json.loads(schema.metadata[_HUGGINGFACE])["info"]["features"].items():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else {}
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel":
            classes[name] = list(inner["names"])
    return classes


def _schema_hash(old: Manifest, before: dict[str, Features], now: dict[str, Features]) -> str:
    """The hash that a run of the recipe gives a release of these columns, if its tasks are still what they were.

    Whether they are is known from the old hash, which they must explain; otherwise the new one is made of the old.
    """
    tasks = _tasks(old.recipe)
    if tasks is not None:
        told = [_task_1_0_0(task) for task in tasks]
        if digest({"features": before, "tasks": told}) == old.schema_hash:
            return schema_hash(now, tasks)
    return digest({"features": now, "migrated": old.schema_hash})


def _tasks(recipe: str) -> list[Task] | None:
    """The tasks of a recipe, null where it cannot be read on its own: a taxonomy in a file is not there."""
    from dsbuild.recipe import TaskEntry

    data = yaml.safe_load(recipe)
    entries = data.get("tasks") if isinstance(data, dict) else None
    try:
        return [task for entry in entries or () for task in TaskEntry.model_validate(entry).tasks()]
    except (ValidationError, DsbuildError):
        return None


def _task_1_0_0(task: Task) -> dict[str, Any]:
    """What releases of schema 1.0.0 hashed of a task."""
    taxonomy = task.taxonomy and {
        "name": task.taxonomy.name,
        "exclusive": list(task.taxonomy.exclusive),
        "labels": [[label.id, label.definition, *task.taxonomy.tone_path(label.id)] for label in task.taxonomy.labels],
    }
    return {"name": task.name, "kind": task.kind, "perspective": task.perspective, "taxonomy": taxonomy}


def _card(text: str, old: Manifest, version: str) -> str:
    """The old card, of the new version, with a sentence that says where its rows come from."""
    head = re.compile(rf"^Version {re.escape(old.version)} of {re.escape(old.dataset)}: .*$", re.M)
    said = (
        f" Its tables keep to version {SCHEMA_VERSION} of the schema; they are those of release {old.version}, "
        f"migrated from version {old.schema_version}."
    )

    def renamed(match: re.Match[str]) -> str:
        line = re.sub(r" Its tables keep to version \S+ of the schema.*$", "", match[0])
        return line.replace(f"Version {old.version} of", f"Version {version} of", 1) + said

    text, found = head.subn(renamed, text, count=1)
    if not found:
        raise DsbuildError(
            "The card has no line that says the release's version.",
            where="README.md",
            fix="It was not written by dsbuild; make the release again from its recipe.",
        )
    for before in (f'revision="{old.version}"', f'"releases/{old.dataset}/{old.version}"'):
        text = text.replace(before, before.replace(old.version, version))
    return text


def _croissant(described: dict[str, Any], configs: Sequence[Config], version: str, place: Path) -> dict[str, Any]:
    """The old metadata with the new version, files and columns; what it says of the columns of `data` stays."""
    files = [(config, file) for config in configs for file in config.files]
    fresh = [record_set(config, file, {}) for config, file in files if config.name != DEFAULT_CONFIG]
    known = {one["@id"]: one for one in fresh}
    return {
        **described,
        "version": version,
        "distribution": [file_object(file.path, sha256_of(place / file.path)) for _, file in files],
        "recordSet": [known.get(one["@id"], one) for one in described["recordSet"]],
    }
