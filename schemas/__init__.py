"""The shared emotion schema: tables, tasks, taxonomies and TONE, and what every room needs to speak to the others."""

from schemas.errors import DsbuildError, GateFailed, RecipeError, WaitingForPeople
from schemas.task import Answer, Task
from schemas.taxonomy import Label, Taxonomy, load_taxonomy

__all__ = [
    "Answer",
    "DsbuildError",
    "GateFailed",
    "Label",
    "RecipeError",
    "Task",
    "Taxonomy",
    "WaitingForPeople",
    "load_taxonomy",
]
