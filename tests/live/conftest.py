"""What the live tests share: one Label Studio server, one browser, and a place for screenshots."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Tests are imported by path, so their neighbours are not on the import path by themselves.
sys.path.insert(0, str(Path(__file__).parent))

from label_studio_server import ROOT, LabelStudioServer, executable

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path(os.environ.get("DSBUILD_CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """A real server for the whole session; every test makes projects of its own there."""
    if not executable().exists():
        pytest.fail(f"there is no {executable()}: run scripts/install-label-studio.sh")
    with LabelStudioServer(tmp_path_factory.mktemp("label-studio")) as server:
        print(f"Label Studio was ready after {server.started_in:.0f} s")
        yield server


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots go."""
    folder = Path(os.environ.get("DSBUILD_ARTEFACTS", ROOT / "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium without a window; for a module at a time, since no other event loop runs beside playwright's."""
    from playwright.sync_api import sync_playwright

    if not CHROMIUM.exists():
        pytest.fail(f"there is no {CHROMIUM}: run scripts/install-system-packages.sh")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield opened
        opened.close()
