"""Metrics for the report, made once by the real audits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

# Tests are imported by path, so their neighbours are not on the import path by themselves.
sys.path.insert(0, str(Path(__file__).parent))

from audited import audited

from schemas.task import Task


@pytest.fixture(scope="session")
def pilot() -> tuple[dict[str, Any], list[Task]]:
    """(metrics, tasks); not to be changed."""
    return audited()
