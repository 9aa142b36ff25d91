"""Folders that last as long as the process that made them, and no longer, even if it is killed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A new folder in `root`, removed at the end; those that killed processes left there are removed first.

    Its lock is the kernel's and goes with the process, so what is not locked belongs to nobody.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as making:
        fcntl.flock(making, fcntl.LOCK_EX)  # nobody sweeps while a folder is there but not yet locked
        for other in root.iterdir():
            if other.is_dir() and not _in_use(other):
                shutil.rmtree(other, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=root))
        held = (folder / "lock").open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.close()


def _in_use(folder: Path) -> bool:
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
