"""The kinds there are, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.kinds.attributes import Attributes
from schemas.kinds.base import Kind
from schemas.kinds.choice import Choice
from schemas.kinds.intensity import Intensity
from schemas.kinds.multi import Multi
from schemas.kinds.open import Open
from schemas.kinds.pairwise import Pairwise
from schemas.kinds.ranking import Ranking
from schemas.kinds.scale import Scale
from schemas.kinds.span import Spans
from schemas.kinds.text import Text
from schemas.kinds.trace import Trace

if TYPE_CHECKING:
    from schemas.task import Task

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Choice(),
        Multi(),
        Ranking(),
        Intensity(),
        Scale(),
        Spans(),
        Text(),
        Trace(),
        Open(),
        Pairwise(),
        Attributes(),
    )
}


def kind_of(task: Task) -> Kind:
    """What the kind of `task` is like."""
    return KINDS[task.kind]
