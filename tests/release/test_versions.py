"""What makes a new version, and of which kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dsbuild.release import Contents, verify, write_release
from schemas.errors import DsbuildError
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

Make = Callable[..., Contents]


def more_precise(tasks: Any) -> Any:
    """The tasks, with another wording of a label's definition."""
    taxonomy = tasks[0].taxonomy
    label = taxonomy.labels[0].model_copy(update={"definition": "Pleasure."})
    other = taxonomy.model_copy(update={"labels": (label, *taxonomy.labels[1:])})
    return [tasks[0].model_copy(update={"taxonomy": other}), *tasks[1:]]


def figures(metrics: Any) -> Any:
    return {**metrics, "conflicts": {"texts": 2, "examples": []}}


@pytest.mark.parametrize(
    ("change", "version"),
    [
        (lambda c: {}, "1.0.0"),
        (lambda c: {"code": "0.2.0"}, "1.0.0"),
        (lambda c: {"items": c.items.reverse()}, "1.0.0"),
        (lambda c: {"tasks": [t.model_copy(update={"instructions": {"en": "Look."}}) for t in c.tasks]}, "1.0.0"),
        (lambda c: {"title": "Tweets and more"}, "1.0.1"),
        (lambda c: {"recipe_text": "dataset: tweets # and a comment\n"}, "1.0.1"),
        (lambda c: {"report_html": "<!doctype html>"}, "1.0.1"),
        (lambda c: {"metrics": figures(c.metrics)}, "1.0.1"),
        (lambda c: {"rejects": None}, "1.0.1"),
        (lambda c: {"licence": "CC0-1.0"}, "1.0.1"),
        (lambda c: {"labels": c.labels.with_columns(pl.col("agreement").fill_null(0.5))}, "1.1.0"),
        (lambda c: {"labels": c.labels.head(3)}, "1.1.0"),
        (lambda c: {"items": c.items.with_columns(pl.col("text") + " ")}, "1.1.0"),
        (lambda c: {"items": c.items.with_columns(split=pl.lit("train"))}, "1.1.0"),
        (lambda c: {"annotations": c.annotations.with_columns(votes=pl.lit(1, pl.Int32))}, "1.1.0"),
        (lambda c: {"data_order": {"emotion": ["silver"]}}, "1.1.0"),
        (lambda c: {"tasks": more_precise(c.tasks)}, "2.0.0"),
        (lambda c: {"tasks": [*c.tasks[:2], c.tasks[2].model_copy(update={"perspective": "observer"})]}, "2.0.0"),
        (lambda c: {"tasks": c.tasks[:2]}, "2.0.0"),
    ],
)
def test_what_changed_decides_the_version(change: Any, version: str, contents: Make, tmp_path: Path) -> None:
    first = write_release(contents(), tmp_path)
    second = write_release(contents(**change(contents())), tmp_path)
    assert (first.version, second.version) == ("1.0.0", version)
    assert second.created == (version != "1.0.0")
    assert second.manifest.base_version == (None if version == "1.0.0" else "1.0.0")


def test_versions_are_compared_as_numbers_and_only_with_the_newest(contents: Make, tmp_path: Path) -> None:
    write_release(contents(version="9.9.9"), tmp_path)
    write_release(contents(version="10.0.0", title="Other"), tmp_path)
    assert write_release(contents(title="Other"), tmp_path).version == "10.0.0"
    # Back to what 9.9.9 says is a change against 10.0.0.
    assert write_release(contents(), tmp_path).version == "10.0.1"


def test_a_version_of_ones_own_is_never_given_to_something_else(contents: Make, tmp_path: Path) -> None:
    first = write_release(contents(version="2.0.0"), tmp_path)
    before = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    again = write_release(contents(version="2.0.0"), tmp_path)
    assert (again.version, again.created) == ("2.0.0", False)
    with pytest.raises(DsbuildError, match=r"Release 2\.0\.0 exists and says something else"):
        write_release(contents(version="2.0.0", title="Other"), tmp_path)
    assert {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("version", ["1", "v1.0.0", "1.0.0-rc1", "01.0.0", "../1.0.0", ""])
def test_what_is_no_version_is_refused(version: str, contents: Make, tmp_path: Path) -> None:
    with pytest.raises(DsbuildError, match="is no version"):
        write_release(contents(version=version), tmp_path)


def test_a_damaged_release_does_not_stand_for_the_present_one(contents: Make, tmp_path: Path) -> None:
    first = write_release(contents(), tmp_path)
    (first.path / "README.md").write_text("mine now")
    with pytest.raises(DsbuildError, match=r"README\.md has changed"):
        write_release(contents(), tmp_path)
    shutil.rmtree(first.path)
    assert write_release(contents(), tmp_path).version == "1.0.0"


def test_a_sample_has_no_version_and_replaces_the_sample_before_it(contents: Make, tmp_path: Path) -> None:
    write_release(contents(version="sample"), tmp_path)
    second = write_release(contents(version="sample", title="Other"), tmp_path)
    assert second.path == tmp_path / "tweets/sample"
    card = (second.path / "README.md").read_text()
    assert "# Other" in card
    assert "**This is a sample:**" in card
    verify(second.path)
    # It counts for nothing when a version is computed.
    assert write_release(contents(), tmp_path).version == "1.0.0"
    assert sorted(path.name for path in (tmp_path / "tweets").iterdir()) == [".lock", "1.0.0", "sample"]


def test_another_taxonomy_makes_a_major_version(contents: Make, tmp_path: Path) -> None:
    write_release(contents(), tmp_path)
    given = contents()
    none_of_these = given.labels.with_columns(
        pl.when(pl.col("labels").is_not_null()).then(pl.lit([], dtype=given.labels.schema["labels"])).alias("labels")
    )
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("mahaemotions"), perspective="reader")
    changed = contents(tasks=[task, *given.tasks[1:]], labels=none_of_these)
    assert write_release(changed, tmp_path).version == "2.0.0"
