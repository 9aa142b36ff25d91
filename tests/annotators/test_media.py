"""Files of items: below the corpus's folder, within limits, and nothing else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from annotators.media import Unusable, find, read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.wav").write_bytes(b"secret")
    corpus = tmp_path / "corpus"
    (corpus / "sub").mkdir(parents=True)
    (corpus / "sub" / "a.wav").write_bytes(b"sound")
    (corpus / "out.wav").symlink_to(tmp_path / "secret.wav")
    (corpus / "in.wav").symlink_to(corpus / "sub" / "a.wav")
    (corpus / "loop").symlink_to(corpus / "loop")
    os.mkfifo(corpus / "pipe.wav")
    return corpus


def medium(path: Any, **more: Any) -> dict[str, Any]:
    return {"role": "audio", "path": path, "sha256": None, **more}


@pytest.mark.parametrize("path", ["sub/a.wav", "./sub/../sub/a.wav", "in.wav"])
def test_a_file_below_the_folder_is_found_and_read(folder: Path, path: str) -> None:
    assert read(find(medium(path), folder, 100), 100) == b"sound"


def test_an_absolute_path_counts_where_it_leads_into_the_folder(folder: Path) -> None:
    assert read(find(medium(str(folder / "sub" / "a.wav")), folder, 100), 100) == b"sound"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.wav", "media_outside"),
        ("sub/../../secret.wav", "media_outside"),
        ("/etc/passwd", "media_outside"),
        ("/proc/self/environ", "media_outside"),
        ("out.wav", "media_outside"),
        ("sub", "media_outside"),
        ("pipe.wav", "media_outside"),
        ("loop", "media_missing"),
        ("none.wav", "media_missing"),
        ("a\0b", "media_missing"),
        ("x" * 5000, "media_missing"),
        ("", "media_missing"),
        (None, "media_missing"),
    ],
)
def test_whatever_leads_elsewhere_is_refused_with_its_reason(folder: Path, path: str | None, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        find(medium(path), folder, 100)
    assert caught.value.reason == reason


def test_a_file_that_is_too_large_or_grows_or_changes_is_not_handed_on(folder: Path) -> None:
    with pytest.raises(Unusable, match="are allowed"):
        find(medium("sub/a.wav"), folder, 4)
    found = find(medium("sub/a.wav"), folder, 5)
    (folder / "sub" / "a.wav").write_bytes(b"more sound")
    with pytest.raises(Unusable, match="has more than"):
        read(found, 5)
    stated = find(medium("sub/a.wav", sha256=hashlib.sha256(b"sound").hexdigest()), folder, 100)
    with pytest.raises(Unusable) as caught:
        read(stated, 100)
    assert caught.value.reason == "media_changed"
