"""A folder of one's own for the commands of a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The command line in a folder of its own."""
    return Project(tmp_path)
