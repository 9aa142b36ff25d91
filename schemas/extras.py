"""The one place for imports that belong to an optional extra."""

from __future__ import annotations

import importlib
from types import ModuleType

from schemas.errors import DsbuildError


def need(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    Raises:
        DsbuildError: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A module that is there but misses one of its own parts is a broken install, not a missing extra.
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise DsbuildError(
            f"This needs the package {module.partition('.')[0]}, which the extra '{extra}' brings.",
            fix=f'Run: pip install "dsbuild[{extra}]"',
        ) from error
