"""What a recipe says about the memory probe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Probe(BaseModel):
    """`memory` items, the first of the seeded order that are long enough, are put to the model to see whether it knows
    them by heart: up to six requests each, on the annotator's budget. A figure above `margin` (of its lower bound) is
    a warning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory: int = Field(ge=10, le=2000)
    margin: float = Field(default=0.05, ge=0, le=1)
