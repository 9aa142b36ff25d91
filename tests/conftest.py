"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real annotation files, which live beside the checkout and are never copied into it."""
    folder = Path(os.environ.get("DSBUILD_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("needs the real annotation files beside the checkout (DSBUILD_SHARED)")
    return folder
