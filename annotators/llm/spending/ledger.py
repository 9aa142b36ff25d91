"""The ledger of a shared budget: a few numbers in files that several processes see, and that outlive them.

A folder with one file `total` and one for each process that takes part. Each holds 64-bit integers (picodollars):

- `total`: counted, held, lost. Counted and held are the sums over the processes that run; lost is what was paid without
  an answer to show for it, for ever. Together they never pass the limit.
- a process's own: counted and held (its share of the totals), and of what it holds: in flight (reserved for requests)
  and paid (by answers, not yet in counted); stored (to be counted, needs no reservation); and what it paid in its last
  one to two seconds (recent, older).

`total` is changed under a lock between the processes, which a process takes for some requests at once: it holds a
little more than it has in flight, and gives that back when nothing is. Its own file a process writes alone, without a
lock, and holds a lock of the kernel's on it while it lives. When it has died, the next one that looks takes its part
out of the total, since its answers are in the response store and are counted from there, and adds what it had in flight
to what is lost. So it does with the answers of its last second, which may not have reached the store: the budget then
counts a second's answers twice rather than not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from schemas.errors import DsbuildError

PICO: Final = 1_000_000_000_000  # picodollars in a dollar
RECENT_SECONDS: Final = 1.0  # the store promises to have written an answer within 0.2 s
_WIDTH: Final = 8  # bytes of a number
# Places in `total` and, the first two, in a process's own file.
COUNTED, HELD, LOST = range(3)
_IN_FLIGHT, _PAID, _STORED, _RECENT, _OLDER = range(2, 7)
_FIELDS: Final = 7
BULK: Final = 32  # for how many requests like the next one is taken at once, where there is plenty


class _Numbers:
    """A file of integers that is mapped into memory."""

    def __init__(self, path: Path) -> None:
        # Opened without truncating: another process may have it mapped.
        self.file: IO[bytes] = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        if os.fstat(self.file.fileno()).st_size < _FIELDS * _WIDTH:
            self.file.truncate(_FIELDS * _WIDTH)
        self._map = mmap.mmap(self.file.fileno(), _FIELDS * _WIDTH)
        self._bytes = memoryview(self._map)
        self._numbers = self._bytes.cast("q")

    def __getitem__(self, place: int) -> int:
        return self._numbers[place]

    def __setitem__(self, place: int, value: int) -> None:
        self._numbers[place] = value

    def close(self) -> None:
        self._numbers.release()
        self._bytes.release()
        self._map.close()
        self.file.close()


class Ledger:
    """One process's part in the budget whose ledger is the folder `folder`, made where there is none.

    Raises:
        DsbuildError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder = folder
            self._total = _Numbers(folder / "total")
            with self._locked():
                self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
                self._own = _Numbers(self._path)
                fcntl.flock(self._own.file, fcntl.LOCK_EX)
                self._bury()
        except OSError as error:
            raise DsbuildError(f"The budget's ledger cannot be used: {error.strerror}.", where=str(folder)) from error
        self._turn = time.monotonic()

    def take(self, amount: int, limit: int) -> bool:
        """Reserve `amount` if that keeps everything together within `limit`."""
        own = self._own
        if self._free() < amount:
            with self._locked():
                self._post()
                if not self._refill(amount, limit):
                    return False
        own[_IN_FLIGHT] += amount
        return True

    def move(self, reserved: int, counted: int) -> None:
        """Replace a reservation by what was counted for it; without one, count what is in the store already."""
        own = self._own
        if not reserved:
            own[_STORED] += counted
            return
        own[_IN_FLIGHT] -= reserved
        own[_PAID] += counted
        self._remember(counted)
        if own[_IN_FLIGHT] <= 0 or self._free() < 0:  # or it cost more than was reserved
            with self._locked():
                self._post()
                self._give_back()

    def lose(self, reserved: int) -> None:
        """Replace a reservation by as much that is lost."""
        with self._locked():
            self._own[_IN_FLIGHT] -= reserved
            self._hold(-reserved)
            self._total[LOST] += reserved
            if self._own[_IN_FLIGHT] <= 0:
                self._post()
                self._give_back()

    def counted(self) -> int:
        """What all have counted and lost."""
        with self._locked():
            self._post()
            return self._total[COUNTED] + self._total[LOST]

    def held_by_others(self) -> int:
        """What other processes hold."""
        with self._locked():
            held = self._total[HELD] - self._own[HELD]
            if held > 0:
                self._bury()
                held = self._total[HELD] - self._own[HELD]
            return held

    def close(self) -> None:
        """Leave: what was counted is in the store; what is still in flight was sent and never answered."""
        with self._locked():
            self._post()
            self._total[COUNTED] -= self._own[COUNTED]
            self._total[HELD] -= self._own[HELD]
            self._total[LOST] += self._own[_IN_FLIGHT]
            self._path.unlink(missing_ok=True)
        self._own.close()
        self._total.close()

    def _free(self) -> int:
        """What may be reserved without asking the others; less while something waits to be counted."""
        own = self._own
        return own[HELD] - own[_IN_FLIGHT] - own[_PAID] - own[_STORED]

    # From here on the lock is held.

    def _post(self) -> None:
        """Bring what was paid, and what is stored, into the totals."""
        own, total = self._own, self._total
        paid, stored = own[_PAID], own[_STORED]
        self._hold(-paid)
        own[COUNTED] += paid + stored
        total[COUNTED] += paid + stored
        own[_PAID] = own[_STORED] = 0

    def _refill(self, amount: int, limit: int) -> bool:
        """Hold enough for `amount`, and where there is plenty for some more like it."""
        missing = amount - self._free()
        if missing <= 0:
            return True
        left = limit - self._sum()
        if left < missing:
            self._bury()
            left = limit - self._sum()
        if left < missing:
            self._give_back()
            return False
        self._hold(max(missing, min(BULK * amount, left // 8)))
        return True

    def _give_back(self) -> None:
        """Hold no more than is in flight."""
        self._hold(self._own[_IN_FLIGHT] - self._own[HELD])

    def _hold(self, more: int) -> None:
        self._own[HELD] += more
        self._total[HELD] += more

    def _sum(self) -> int:
        return self._total[COUNTED] + self._total[HELD] + self._total[LOST]

    def _remember(self, counted: int) -> None:
        now = time.monotonic()
        if now - self._turn > RECENT_SECONDS:
            self._own[_OLDER] = self._own[_RECENT] if now - self._turn < 2 * RECENT_SECONDS else 0
            self._own[_RECENT] = 0
            self._turn = now
        self._own[_RECENT] += counted

    def _bury(self) -> None:
        """Settle for processes that have died."""
        for path in self._folder.iterdir():
            if path.name in ("total", self._path.name) or not _is_free(path):
                continue
            dead = _Numbers(path)
            self._total[COUNTED] -= dead[COUNTED]
            self._total[HELD] -= dead[HELD]
            self._total[LOST] += dead[_IN_FLIGHT] + dead[_RECENT] + dead[_OLDER]
            path.unlink()
            dead.close()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._total.file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._total.file, fcntl.LOCK_UN)


def lost(folder: Path) -> float:
    """What the budget whose ledger is `folder` has lost, in USD; 0 where there is none."""
    path = folder / "total"
    if not path.exists():
        return 0.0
    total = _Numbers(path)
    try:
        return total[LOST] / PICO
    finally:
        total.close()


def _is_free(path: Path) -> bool:
    """Whether no living process holds the lock on `path`."""
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True
