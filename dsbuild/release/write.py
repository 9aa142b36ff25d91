"""Writing a release."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from dsbuild.release.card import croissant, readme
from dsbuild.release.content_hash import content_hash
from dsbuild.release.contents import SAMPLE, Contents, scan
from dsbuild.release.folder import locked, put_into_place, unfinished, write_text
from dsbuild.release.manifest import NAME, FileEntry, Identity, Manifest, to_json
from dsbuild.release.shape import Config, Shape
from dsbuild.release.tables import write_tables
from dsbuild.release.verify import files_in, sha256_of, verify
from dsbuild.release.versions import decide
from schemas.errors import DsbuildError
from schemas.forms.features import Features
from schemas.ids import digest
from schemas.tables import SCHEMA_VERSION
from schemas.task import Task

_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_REPO = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_ANY_VERSION = "0.0.0"


@dataclass(frozen=True)
class Release:
    """A release on disk; `created` is false where an earlier release already says the same."""

    path: Path
    version: str
    content_hash: str
    created: bool
    manifest: Manifest


def write_release(contents: Contents, out: Path) -> Release:
    """Write `contents` as the folder `out`/DATASET/VERSION, which appears whole or not at all.

    Nothing of the clock, the machine or the order of rows goes into it: equal contents give equal bytes under one
    version of pyarrow, and an equal content hash under any.

    Raises:
        DsbuildError: the contents contradict themselves; an explicit version stands for something else; the release
            that already says the same is damaged; the disk is full or the folder cannot be written.
    """
    if not _DATASET.fullmatch(contents.dataset):
        raise DsbuildError(
            f"{contents.dataset!r} cannot be a dataset's name.",
            fix="Use letters, digits, dots, dashes and underscores, a letter or digit first.",
        )
    if contents.repo is not None and not _REPO.fullmatch(contents.repo):
        raise DsbuildError(f"{contents.repo!r} is no repository of the Hub.", fix="Write NAMESPACE/NAME.")
    folder = out / contents.dataset
    try:
        with locked(folder), unfinished(folder) as path:
            return _write(contents, folder, path)
    except OSError as error:
        raise DsbuildError(
            f"The release could not be written: {error.strerror or error}.",
            where=str(folder),
            fix="Make room or give write access there, or choose another folder with --out, and run again.",
        ) from error


def _write(contents: Contents, folder: Path, path: Path) -> Release:
    metrics = to_json(contents.metrics)
    configs, rejects = write_tables(contents, path)
    identity = _identity(contents, configs, rejects)
    decision = decide(contents.version, identity, folder)
    target = folder / decision.version
    if decision.existing is not None:
        return Release(target, decision.version, identity.content_hash, False, verify(target))

    write_text(path / "audit/report.html", contents.report_html)
    write_text(path / "audit/metrics.json", metrics)
    shape = Shape(decision.version, configs)
    write_text(path / "README.md", readme(contents, shape))
    described = replace(shape, sha256={name: sha256_of(path / name) for name in files_in(path)})
    write_text(path / "croissant.json", to_json(croissant(contents, described)))
    manifest = _manifest(contents, path, described, identity, decision.base)
    write_text(path / NAME, manifest.to_json())
    put_into_place(path, target, replace=decision.version == SAMPLE)
    return Release(target, decision.version, identity.content_hash, True, manifest)


def _identity(contents: Contents, configs: tuple[Config, ...], rejects: str) -> Identity:
    features = {config.name: config.features for config in configs}
    rows = {config.name: {file.split: file.content for file in config.files} for config in configs}
    shape = Shape(_ANY_VERSION, configs)
    metadata = {
        # The card and Croissant as they would be under any version: neither names bytes that the writer decides on.
        "card": readme(contents, shape),
        "croissant": croissant(contents, shape),
        "report": contents.report_html,
        "metrics": contents.metrics,
        "recipe": contents.recipe_text,
        "corpora": list(contents.corpora),
        "models": list(contents.models),
        "rejects": rejects,
    }
    return Identity(
        schema_hash=schema_hash(features, contents.tasks),
        content_hash=content_hash(features, rows),
        metadata_hash=digest(metadata),
    )


def schema_hash(features: Mapping[str, Features], tasks: Sequence[Task]) -> str:
    """The hash of a release's columns, by config, and of its tasks."""
    return digest({"features": dict(features), "tasks": [_task(task) for task in tasks]})


def _task(task: Task) -> dict[str, Any]:
    """What makes a task another task. Wording that only annotators see is not in it: it changes rows, if anything."""
    taxonomy = task.taxonomy and {
        "name": task.taxonomy.name,
        "exclusive": list(task.taxonomy.exclusive),
        "labels": [[label.id, label.definition, *task.taxonomy.tone_path(label.id)] for label in task.taxonomy.labels],
    }
    # What a kind of task has no use for is left out, so that a new field of Task makes no other task of an old one.
    declared = task.model_dump(mode="json", exclude_defaults=True, exclude={"taxonomy", "instructions"})
    return {**declared, "taxonomy": taxonomy}


def _manifest(contents: Contents, path: Path, shape: Shape, identity: Identity, base: str | None) -> Manifest:
    asked = scan(contents.provenance).filter(pl.col("prompt_hash").is_not_null())
    columns = ["annotator", "strategy", "prompt_hash"]
    return Manifest(
        dataset=contents.dataset,
        version=shape.version,
        base_version=base,
        schema_version=SCHEMA_VERSION,
        content_hash=identity.content_hash,
        schema_hash=identity.schema_hash,
        metadata_hash=identity.metadata_hash,
        code=contents.code,
        tables={
            config.name: {file.split: {"rows": file.rows, "hash": file.content} for file in config.files}
            for config in shape.configs
        },
        files={
            name: FileEntry(sha256=sha256_of(path / name), bytes=(path / name).stat().st_size)
            for name in files_in(path)
        },
        recipe=contents.recipe_text,
        corpora=[dict(corpus) for corpus in contents.corpora],
        models=[dict(model) for model in contents.models],
        prompts=asked.select(columns).unique().sort(columns).collect().to_dicts(),
    )
