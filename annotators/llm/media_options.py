"""What a recipe says about the files of an item that a chat is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["image", "audio"]


class Media(BaseModel):
    """Which files of an item a chat is shown: those of the `roles`, each of at most `max_mb` megabytes, images scaled
    down to `max_px` pixels at their longer side (extra `image`). They lie below the corpus's folder, or below `folder`.
    An item that has none is a dead letter, unless `optional`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: tuple[Role, ...] = Field(default=("image", "audio"), min_length=1)
    max_mb: float = Field(default=10, gt=0, le=500)
    max_px: int | None = Field(default=None, ge=32)
    folder: Path | None = None
    optional: bool = False
