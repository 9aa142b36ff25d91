"""A release that is not what its manifest says is named by the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsbuild.release import Contents, Release, verify, write_release
from schemas.errors import DsbuildError

Make = Callable[..., Contents]


@pytest.fixture
def release(contents: Make, tmp_path: Path) -> Release:
    return write_release(contents(), tmp_path)


def test_a_good_release_gives_its_manifest(release: Release) -> None:
    assert verify(release.path) == release.manifest


def test_what_git_and_the_hub_put_there_is_no_fault(release: Release) -> None:
    (release.path / ".gitattributes").write_text("*.parquet filter=lfs\n")
    (release.path / ".cache/huggingface").mkdir(parents=True)
    (release.path / ".cache/huggingface/x.metadata").write_text("")
    verify(release.path)


@pytest.mark.parametrize("name", ["data/train.parquet", "README.md", "croissant.json", "audit/report.html"])
def test_one_flipped_bit_is_found_in_any_file(name: str, release: Release) -> None:
    path = release.path / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DsbuildError, match=f"{name} has changed"):
        verify(release.path)


def damage_missing(folder: Path) -> None:
    (folder / "items/test.parquet").unlink()


def damage_extra(folder: Path) -> None:
    (folder / "data/train-2.parquet").write_bytes(b"PAR1")


def damage_link(folder: Path) -> None:
    (folder / "README.md").rename(folder.parent / "elsewhere.md")
    (folder / "README.md").symlink_to(folder.parent / "elsewhere.md")


def damage_two(folder: Path) -> None:
    damage_missing(folder)
    damage_extra(folder)


def damage_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text[: len(text) // 2])


def damage_field(folder: Path) -> None:
    raw = json.loads((folder / "manifest.json").read_text())
    raw["files"]["README.md"] = {"sha256": 5}
    (folder / "manifest.json").write_text(json.dumps(raw))


def damage_format(folder: Path) -> None:
    raw = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**raw, "format": "dsbuild.release/9"}))


def damage_outside(folder: Path) -> None:
    raw = json.loads((folder / "manifest.json").read_text())
    raw["files"]["../elsewhere"] = {"sha256": "0", "bytes": 0}
    (folder / "manifest.json").write_text(json.dumps(raw))


def damage_no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_missing, r"items/test\.parquet is missing"),
        (damage_extra, r"data/train-2\.parquet is not in the manifest"),
        (damage_link, r"README\.md is no plain file"),
        (damage_two, r"items/test\.parquet is missing \(and 1 more\)"),
        (damage_manifest, "manifest cannot be read"),
        (damage_field, r"files\.README\.md\.sha256"),
        (damage_format, r"'dsbuild\.release/9'"),
        (damage_outside, r"outside the release: '\.\./elsewhere'"),
        (damage_no_manifest, "it has no manifest"),
    ],
)
def test_every_damage_is_said_with_its_file(damage: Any, said: str, release: Release) -> None:
    damage(release.path)
    with pytest.raises(DsbuildError, match=said) as caught:
        verify(release.path)
    assert caught.value.where
    assert caught.value.fix
