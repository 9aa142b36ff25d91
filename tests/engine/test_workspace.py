"""The workspace keeps what was finished, whole, and nothing else."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from dsbuild.engine.figures import add
from dsbuild.engine.workspace import Workspace, safe_name
from schemas.errors import DsbuildError


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / ".dsbuild")
    made.prepare()
    return made


def test_what_was_committed_is_found_again_under_its_key_only(workspace: Workspace) -> None:
    writer = workspace.begin("build:1:x", "a" * 64)
    writer.add("items", pl.DataFrame({"n": [1, 2]}))
    writer.add("items", pl.DataFrame({"n": [3]}))
    writer.count({"items": 3, "reasons": {"empty": 1}})
    made = workspace.commit("build:1:x", "a" * 64, writer)
    found = workspace.find("build:1:x", "a" * 64)
    assert found is not None
    assert found.content == made.content
    assert found.frame("items")["n"].to_list() == [1, 2, 3]
    assert found.figures == {"items": 3, "reasons": {"empty": 1}}
    assert workspace.find("build:1:x", "b" * 64) is None


def test_equal_content_has_an_equal_hash_whatever_the_key(workspace: Workspace) -> None:
    outputs = []
    for key in ("a" * 64, "b" * 64):
        writer = workspace.begin("n", key)
        writer.add("items", pl.DataFrame({"n": [1]}))
        outputs.append(workspace.commit("n", key, writer))
    assert outputs[0].content == outputs[1].content


def test_what_was_not_committed_is_not_found_and_is_cleared_away_when_its_process_is_gone(workspace: Workspace) -> None:
    writer = workspace.begin("n", "a" * 64)
    writer.add("items", pl.DataFrame({"n": [1]}))
    assert workspace.find("n", "a" * 64) is None
    workspace.prepare()
    assert writer.folder.exists(), "its process is alive: this one"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stale = writer.folder.with_name(f"{'b' * 24}.tmp-{gone.pid}")
    stale.mkdir()
    workspace.prepare()
    assert not stale.exists()
    assert writer.folder.exists()


def test_two_processes_that_make_the_same_thing_do_not_disturb_each_other(workspace: Workspace) -> None:
    first = workspace.begin("n", "a" * 64)
    first.add("items", pl.DataFrame({"n": [1]}))
    done = workspace.commit("n", "a" * 64, first)
    late = workspace.begin("n", "a" * 64)
    late.add("items", pl.DataFrame({"n": [1]}))
    assert workspace.commit("n", "a" * 64, late).content == done.content
    assert not late.folder.exists()


def test_a_full_disk_is_told_as_such(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = workspace.begin("n", "a" * 64)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(DsbuildError, match="disk is full"):
        writer.add("items", pl.DataFrame({"n": [1]}))


def test_a_workspace_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DsbuildError, match="Cannot write"):
        Workspace(tmp_path / "file" / ".dsbuild").prepare()


def test_names_that_differ_have_folders_that_differ() -> None:
    names = ["build:1:x", "build-1-x", "corpus:a/b", "corpus:a:b", "../../etc"]
    assert len({safe_name(name) for name in names}) >= len(names) - 1
    assert all("/" not in safe_name(name) for name in names)


def test_figures_add_up_whatever_their_shape() -> None:
    total: dict[str, object] = {}
    add(total, {"n": 1, "by": {"a": 1}, "list": [1], "word": "x", "flag": True})
    add(total, {"n": 2, "by": {"a": 2, "b": 1}, "list": [2], "word": "y", "flag": False})
    assert total == {"n": 3, "by": {"a": 3, "b": 1}, "list": [1, 2], "word": "y", "flag": False}


def test_figures_are_the_same_whether_just_made_or_read_back(workspace: Workspace) -> None:
    writer = workspace.begin("n", "a" * 64)
    writer.count({"z": 1, "a": {"y": (1, 2), "b": 2}})
    made = workspace.commit("n", "a" * 64, writer)
    found = workspace.find("n", "a" * 64)
    assert found is not None
    assert str(made.figures) == str(found.figures) == "{'z': 1, 'a': {'y': [1, 2], 'b': 2}}"


def test_a_damaged_record_means_the_node_runs_again(workspace: Workspace) -> None:
    writer = workspace.begin("n", "a" * 64)
    made = workspace.commit("n", "a" * 64, writer)
    (made.folder / "node.json").write_text("{bad")
    assert workspace.find("n", "a" * 64) is None
    again = workspace.commit("n", "a" * 64, workspace.begin("n", "a" * 64))
    assert workspace.find("n", "a" * 64) == again


def test_a_damaged_table_is_named_with_what_to_do(workspace: Workspace) -> None:
    writer = workspace.begin("n", "a" * 64)
    writer.add("items", pl.DataFrame({"n": [1]}))
    made = workspace.commit("n", "a" * 64, writer)
    part = made.parts("items")[0]
    part.write_bytes(b"x" * part.stat().st_size)
    for read in (lambda: made.frame("items"), lambda: list(made.batches("items"))):
        with pytest.raises(DsbuildError, match="Delete the folder"):
            read()


def test_a_table_that_lost_a_part_or_was_cut_means_the_node_runs_again(workspace: Workspace) -> None:
    for damage in ("remove", "cut"):
        writer = workspace.begin("n", "a" * 64)
        writer.add("items", pl.DataFrame({"n": [1]}))
        writer.add("items", pl.DataFrame({"n": [2]}))
        part = workspace.commit("n", "a" * 64, writer).parts("items")[1]
        if damage == "remove":
            part.unlink()
        else:
            part.write_bytes(part.read_bytes()[:20])
        assert workspace.find("n", "a" * 64) is None
