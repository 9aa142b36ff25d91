"""Importing the schema costs next to nothing: what is heavy comes when it is used."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

import schemas

MOST = 0.150  # seconds, the start of Python included


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_import_schemas_takes_under_150_ms() -> None:
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        _python("import schemas")
        taken.append(time.perf_counter() - started)
    # The machine may be busy with something else; it is not five times in a row.
    assert min(taken) < MOST


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("schemas", {"pydantic", "yaml", "pyarrow", "polars", "numpy"}),
        ("schemas.task", {"pyarrow", "polars", "numpy"}),
        ("schemas.tables", {"polars", "pydantic", "yaml"}),
    ],
)
def test_a_module_brings_only_what_it_needs(module: str, without: set[str]) -> None:
    loaded = set(_python(f"import sys, {module}; print(*sys.modules)").split())
    assert not loaded & without


def test_every_public_name_is_there_and_no_other() -> None:
    assert sorted(schemas.__all__) == dir(schemas)
    for name in schemas.__all__:
        assert getattr(schemas, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Tusk'"):
        schemas.Tusk  # noqa: B018
