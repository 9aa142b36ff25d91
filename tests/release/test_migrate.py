"""An older release becomes one of today's schema, and stays what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsbuild.cli.main import app
from dsbuild.release import Contents, Release, read_manifest, verify, write_release
from dsbuild.release.content_hash import TableHash, content_hash
from dsbuild.release.migrate import migrate
from dsbuild.release.migrate_tables import SCHEMAS, STEPS, steps_from
from dsbuild.release.parquet import write_parquet
from dsbuild.release.tables import KEYS
from dsbuild.release.verify import files_in, sha256_of
from schemas.errors import DsbuildError
from schemas.forms.features import features, with_features
from schemas.ids import digest
from schemas.tables import SCHEMA_VERSION, TABLES

Make = Callable[..., Contents]
RECIPE = """\
dataset: tweets
tasks:
- {name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: [reader]}
- {name: feeling, kind: choice, taxonomy: ekman-neutral, perspective: [writer]}
- {name: translation, kind: text, perspective: [reader]}
"""
SENTENCE = f" Its tables keep to version {SCHEMA_VERSION} of the schema."


def as_1_0_0(release: Release, folder: Path, recipe_tasks: list[Any]) -> Path:
    """The release as dsbuild wrote it under version 1.0.0 of the schema, in `folder`: tables without the later
    columns, files and card that do not say their version, hashes of that time."""
    described: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {}
    for name in files_in(release.path):
        source, target = release.path / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        config = "rejects" if name == "audit/rejects.parquet" else name.partition("/")[0]
        if source.suffix == ".parquet":
            rows = pq.read_table(source)
            schema = _old_schema(config, rows.schema)
            old = _narrowed(rows, schema)
            write_parquet([old], target, schema, KEYS[config])
            _forget_version(target)
            if config != "rejects":
                split = "train" if source.stem == config else source.stem
                hashed = TableHash(schema)
                hashed.update(old)
                tables.setdefault(config, {})[split] = {"rows": old.num_rows, "hash": hashed.hexdigest()}
                described[config] = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        else:
            target.write_bytes(source.read_bytes().replace(SENTENCE.encode(), b""))
    manifest = json.loads((release.path / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {
        "schema_version": "1.0.0",
        "schema_hash": digest({"features": described, "tasks": recipe_tasks}),
        "content_hash": content_hash(
            described, {name: {split: one["hash"] for split, one in splits.items()} for name, splits in tables.items()}
        ),
        "tables": tables,
        "files": {
            name: {"sha256": sha256_of(folder / name), "bytes": (folder / name).stat().st_size}
            for name in files_in(folder)
            if name != "manifest.json"
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    return folder


def _old_schema(config: str, found: pa.Schema) -> pa.Schema:
    if config in SCHEMAS["1.0.0"]:
        return with_features(SCHEMAS["1.0.0"][config])
    fields = [
        pa.field(one.name, pa.list_(one.type.value_type), one.nullable) if pa.types.is_list(one.type) else one
        for one in found
    ]
    return pa.schema(fields, {b"huggingface": found.metadata[b"huggingface"]})


def _narrowed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Only the columns and fields of `schema`."""

    def cut(value: Any, kind: pa.DataType) -> Any:
        if value is None:
            return None
        if pa.types.is_list(kind):
            return [cut(one, kind.value_type) for one in value]
        if pa.types.is_struct(kind):
            return {field.name: cut(value[field.name], field.type) for field in kind}
        return value

    cells = [{field.name: cut(row[field.name], field.type) for field in schema} for row in rows.to_pylist()]
    return pa.Table.from_pylist(cells, schema=schema)


def _forget_version(path: Path) -> None:
    table = pq.read_table(path)
    metadata = {key: value for key, value in table.schema.metadata.items() if key != b"dsbuild.schema_version"}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def tasks_then(contents: Contents) -> list[Any]:
    """What the schema hash of that time was made of, besides the columns."""
    return [
        {
            "name": task.name,
            "kind": task.kind,
            "perspective": task.perspective,
            "taxonomy": task.taxonomy
            and {
                "name": task.taxonomy.name,
                "exclusive": list(task.taxonomy.exclusive),
                "labels": [[one.id, one.definition, *task.taxonomy.tone_path(one.id)] for one in task.taxonomy.labels],
            },
        }
        for task in contents.tasks
    ]


@pytest.fixture
def fresh(contents: Make, tmp_path: Path) -> Release:
    """The release as it is written today."""
    return write_release(contents(recipe_text=RECIPE), tmp_path / "today")


@pytest.fixture
def old(fresh: Release, contents: Make, tmp_path: Path) -> Path:
    """The same release as it was written under version 1.0.0 of the schema."""
    return as_1_0_0(fresh, tmp_path / "releases/tweets/1.0.0", tasks_then(contents()))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_old_release_is_one_of_the_old_schema(old: Path) -> None:
    assert verify(old).schema_version == "1.0.0"
    assert pl.read_parquet(old / "labels/train.parquet").columns == SCHEMAS["1.0.0"]["labels"].names
    assert b"dsbuild.schema_version" not in pq.read_schema(old / "labels/train.parquet").metadata
    assert SENTENCE not in (old / "README.md").read_text(encoding="utf-8")


def test_a_migrated_release_says_what_a_release_of_today_says(old: Path, fresh: Release) -> None:
    before = bytes_of(old)
    done = migrate(old)
    assert done.path == old.parent / "2.0.0"
    assert (done.version, done.base, done.steps, done.created) == ("2.0.0", "1.0.0", ("1.0.0", "1.1.0"), True)
    assert bytes_of(old) == before
    manifest = verify(done.path)
    assert manifest == done.manifest == read_manifest(done.path)
    assert (manifest.base_version, manifest.schema_version) == ("1.0.0", SCHEMA_VERSION)
    # The same rows in the schema of today: not only the same hashes but the same bytes.
    assert manifest.content_hash == fresh.manifest.content_hash
    assert manifest.schema_hash == fresh.manifest.schema_hash
    assert manifest.tables == fresh.manifest.tables
    for name in files_in(done.path):
        if name.endswith(".parquet"):
            assert (done.path / name).read_bytes() == (fresh.path / name).read_bytes(), name
    assert manifest.recipe == RECIPE


def test_the_migrated_card_and_metadata_are_of_the_new_version(old: Path, offline: Any) -> None:
    import mlcroissant

    done = migrate(old)
    card = (done.path / "README.md").read_text(encoding="utf-8")
    assert "\nVersion 2.0.0 of tweets: 5 items" in card
    assert "they are those of release 1.0.0, migrated from version 1.0.0" in card
    assert '"releases/tweets/2.0.0"' in card
    assert "1.0.0/" not in card
    assert card.partition("\n---\n")[0] == (old / "README.md").read_text(encoding="utf-8").partition("\n---\n")[0]
    dataset = mlcroissant.Dataset(jsonld=str(done.path / "croissant.json"))
    assert not dataset.metadata.issues.errors
    assert str(dataset.metadata.version) == "2.0.0"
    first = next(iter(dataset.records("annotations-train")))
    assert "annotations-train/labels/mapping" in first["annotations-train/labels"][0]
    loaded = offline.load_dataset(str(done.path), "labels", split="train")
    assert loaded.features == offline.Features.from_dict(features(TABLES["labels"]))
    assert set(loaded["soft"]) == {None}


def test_migrating_twice_makes_one_release(old: Path) -> None:
    first, second = migrate(old), migrate(old)
    assert (first.created, second.created) == (True, False)
    assert second.path == first.path
    assert sorted(path.name for path in old.parent.iterdir() if not path.name.startswith(".")) == ["1.0.0", "2.0.0"]


def test_a_release_of_today_needs_no_migration(fresh: Release) -> None:
    done = migrate(fresh.path)
    assert (done.path, done.created, done.steps) == (fresh.path, False, (SCHEMA_VERSION,))
    assert [path.name for path in fresh.path.parent.iterdir() if not path.name.startswith(".")] == ["1.0.0"]


def test_the_version_comes_after_all_there_are_and_out_is_the_folder_of_releases(
    old: Path, contents: Make, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    write_release(contents(version="4.2.0"), elsewhere)
    done = migrate(old, elsewhere)
    assert done.path == elsewhere / "tweets/5.0.0"
    assert done.manifest.base_version == "1.0.0"


def test_a_run_after_a_migration_makes_no_major_version(old: Path, contents: Make) -> None:
    migrate(old)
    again = write_release(contents(recipe_text=RECIPE), old.parent.parent)
    assert again.version == "2.0.1"  # the same columns and rows; only the card says other things
    labels = contents().labels
    changed = contents(recipe_text=RECIPE, labels=labels.with_columns(pl.lit("union").alias("method")))
    assert write_release(changed, old.parent.parent).version == "2.1.0"


def test_where_the_tasks_are_no_longer_what_they_were_the_schema_is_another_one(
    fresh: Release, contents: Make, tmp_path: Path
) -> None:
    then = tasks_then(contents())
    then[0]["taxonomy"]["labels"][0][1] = "as it was defined in those days"
    old = as_1_0_0(fresh, tmp_path / "then/tweets/1.0.0", then)
    done = migrate(old)
    assert done.manifest.content_hash == fresh.manifest.content_hash
    assert done.manifest.schema_hash not in (fresh.manifest.schema_hash, read_manifest(old).schema_hash)


def test_a_row_that_todays_schema_refuses_is_named_and_nothing_is_written(
    old: Path, fresh: Release, contents: Make, tmp_path: Path
) -> None:
    path = old / "items/test.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("modality")
    broken = table.set_column(place, table.schema.field(place), pa.array(["smell"] * table.num_rows))
    pq.write_table(broken, path)
    manifest = json.loads((old / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["items/test.parquet"] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    (old / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DsbuildError, match='modality = "smell": not one of text, dialogue'):
        migrate(old)
    assert [one.name for one in old.parent.iterdir() if not one.name.startswith(".lock")] == ["1.0.0"]


def test_a_damaged_release_and_a_sample_are_not_migrated(old: Path, contents: Make, tmp_path: Path) -> None:
    sample = write_release(contents(version="sample"), tmp_path / "trial")
    with pytest.raises(DsbuildError, match="A sample has no version"):
        migrate(sample.path)
    (old / "README.md").write_text("x", encoding="utf-8")
    with pytest.raises(DsbuildError, match=r"README\.md has changed"):
        migrate(old)


def with_schema(folder: Path, version: str) -> Path:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema_version": version}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("version", ["1.2.0", "1.10.0", "2.0.0"])
def test_a_newer_schema_is_refused_wherever_a_release_is_read(fresh: Release, version: str, contents: Make) -> None:
    from dsbuild.hub import push

    folder = with_schema(fresh.path, version)
    said = rf"conforms to version {version} of the schema.*knows versions up to {SCHEMA_VERSION}.*newer version"
    readers: list[Callable[[], Any]] = [
        lambda: read_manifest(folder),
        lambda: verify(folder),
        lambda: migrate(folder),
        lambda: push(folder, "lab/tweets", dry_run=True),
        lambda: write_release(contents(title="Other"), folder.parent.parent),
    ]
    for read in readers:
        with pytest.raises(DsbuildError, match=said):
            read()


@pytest.mark.parametrize("version", ["1", "one", "01.0.0", "1.0.0-rc1", ""])
def test_what_is_no_version_of_a_schema_is_damage(fresh: Release, version: str) -> None:
    with pytest.raises(DsbuildError, match="schema_version"):
        read_manifest(with_schema(fresh.path, version))


def test_a_version_that_no_step_leads_on_from_is_said(fresh: Release) -> None:
    with pytest.raises(DsbuildError, match=r"No migration leads from schema version 0\.9\.0"):
        migrate(with_schema(fresh.path, "0.9.0"))


def test_the_steps_lead_from_every_known_version_to_todays() -> None:
    assert list(SCHEMAS)[-1] == SCHEMA_VERSION
    assert SCHEMAS[SCHEMA_VERSION] == TABLES
    for version in SCHEMAS:
        steps = steps_from(version)
        assert [step.before for step in steps] == list(SCHEMAS)[list(SCHEMAS).index(version) : -1]
    for step in STEPS:
        for name, schema in SCHEMAS[step.before].items():
            nothing = pl.DataFrame(pl.from_arrow(schema.empty_table()))
            made = step.change(name, nothing).to_arrow(compat_level=pl.CompatLevel.oldest())
            assert made.cast(SCHEMAS[step.after][name]).num_rows == 0


def test_the_command_says_what_it_did(old: Path) -> None:
    from typer.testing import CliRunner

    told = json.loads(CliRunner().invoke(app, ["migrate", str(old), "--json"]).stdout)
    assert told["path"] == str(old.parent / "2.0.0")
    assert (told["version"], told["base"], told["created"]) == ("2.0.0", "1.0.0", True)
    assert told["schema_versions"] == ["1.0.0", "1.1.0"]
    assert "migrated to before" in CliRunner().invoke(app, ["migrate", str(old)]).stdout
    assert "keeps to version 1.1.0" in CliRunner().invoke(app, ["migrate", told["path"]]).stdout
