"""A hash of source code, so that what changed code made is made again."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from schemas.errors import DsbuildError

# What a package's behaviour depends on besides its modules: templates, taxonomies, word lists.
_DATA = {".py", ".yaml", ".j2", ".jinja", ".tsv", ".csv", ".css", ".js"}


@cache
def code_hash(*modules: str) -> str:
    """SHA-256, in hexadecimal, over the sources of the named modules; a package counts with all it holds."""
    sha = hashlib.sha256()
    for module in sorted(modules):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise DsbuildError(f"The module {module} cannot be found.")
        origin = Path(spec.origin)
        base = origin.parent
        files = [origin]
        if spec.submodule_search_locations is not None:
            files = [path for path in base.rglob("*") if path.suffix in _DATA and "__pycache__" not in path.parts]
        for path in sorted(files):
            sha.update(f"{module}/{path.relative_to(base).as_posix()}\0".encode())
            sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()
