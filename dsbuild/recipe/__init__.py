"""The recipe: the file that says how a dataset is made, as typed models, with every mistake told by its place."""

from dsbuild.recipe.defaults import tasks_of
from dsbuild.recipe.load import LoadedRecipe, load
from dsbuild.recipe.model import AggregateEntry, Budget, Recipe, ReleaseEntry, StepEntry, TaskEntry
from dsbuild.recipe.paths import dump
from dsbuild.recipe.problems import BadRecipe, Mistake, Position

__all__ = [
    "AggregateEntry",
    "BadRecipe",
    "Budget",
    "LoadedRecipe",
    "Mistake",
    "Position",
    "Recipe",
    "ReleaseEntry",
    "StepEntry",
    "TaskEntry",
    "dump",
    "load",
    "tasks_of",
]
