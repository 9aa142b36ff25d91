"""The recipe: the file that says how a dataset is made, as typed models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from annotators.label_studio.session import SessionConfig
from audits.gates import GateConfig
from audits.methods import MethodName
from corpora.entry import CorpusConfig
from dsbuild.recipe import plugins
from dsbuild.recipe.problems import quoted
from schemas.config import NAME, AnnotatorConfig
from schemas.errors import DsbuildError
from schemas.selection import Selection
from schemas.task import Attribute, Kind, Perspective, Task, Where
from schemas.taxonomy import load_taxonomy

MISTAKE = "recipe_mistake"  # pydantic's type of an error whose message is ours
SLUG = r"^[a-z0-9][a-z0-9_.-]*$"
VERSION = r"^(auto|(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*))$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_tuple(value: Any) -> Any:
    """One name stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _catch(value: Any, handler: Callable[[Any], Any]) -> Any:
    """What a room says about an entry of its own becomes a mistake of that entry, with its place."""
    try:
        return handler(value)
    except DsbuildError as error:
        raise PydanticCustomError(MISTAKE, "{what}", {"what": str(error)}) from error


def _annotator(value: Any) -> Any:
    if isinstance(value, AnnotatorConfig):
        return value
    if not isinstance(value, dict):
        raise ValueError("an annotator is keys with values: {name: ..., kind: ..., ...}")
    kind = value.get("kind")
    if not isinstance(kind, str):
        raise _fault("kind", f"wanted a kind of annotator: {', '.join(plugins.names(plugins.ANNOTATORS))}", kind)
    try:
        model = plugins.annotator_class(kind)
    except ValueError as error:
        raise _fault("kind", str(error), kind) from error
    return model.model_validate(value)


def _fault(key: str, what: str, given: Any) -> ValidationError:
    """A mistake of one key of the entry that is being validated."""
    details = InitErrorDetails(type=PydanticCustomError(MISTAKE, "{what}", {"what": what}), loc=(key,), input=given)
    return ValidationError.from_exception_data("entry", [details])


class StepEntry(_Part):
    """An entry of `build`: `- NAME`, or `- NAME: OPTIONS`, made into the step that its entry point names."""

    name: str
    step: SerializeAsAny[BaseModel]

    @model_validator(mode="before")
    @classmethod
    def _from_recipe(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("step"), BaseModel):
            return value
        if isinstance(value, str):
            value = {value: None}
        if not isinstance(value, dict) or not value:
            raise ValueError("a step is its name, or {name: options}")
        if len(value) > 1:
            first, *rest = value
            raise ValueError(
                f"an entry of build is one step, but this one has the keys {quoted(first)} and {quoted(rest[0])}; "
                f"options are indented below the step's name"
            )
        [(name, options)] = value.items()
        make: Callable[[Any], BaseModel] = getattr(plugins.step_class(name), "from_recipe")  # noqa: B009
        try:
            return {"name": name, "step": make(options)}
        except ValidationError:
            raise
        except (ValueError, DsbuildError) as error:
            raise _fault(name, str(error), options) from error

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {self.name: self.step.model_dump(mode="json", by_alias=True)}


class Budget(_Part):
    """What making the dataset may cost: US dollars for requests, hours of people."""

    usd: float | None = Field(default=None, ge=0, strict=True)
    human_hours: float | None = Field(default=None, ge=0, strict=True)


class TaskEntry(_Part):
    """One question, or with a list of perspectives the questions NAME_PERSPECTIVE; its keys are `schemas.task.Task`'s,
    with the taxonomy by its name or file.

    `from_` (in the file: `from`) names tasks of corpora, CORPUS.TASK, whose answers are converted into answers to this
    one: labels by crosswalk, numbers by a linear change of scale. With several perspectives each fills its own.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    name: str = Field(pattern=NAME)
    kind: Kind
    taxonomy: str | None = None
    perspective: Annotated[tuple[Perspective, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    instructions: dict[str, str] = {}
    range: tuple[float, float] | None = None
    step: float | None = None
    levels: tuple[str, ...] = ()
    rate: float | None = None
    where: Annotated[tuple[Where, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = ("own", "other")
    most: int | None = None
    ties: bool = True
    attributes: dict[str, Attribute] = {}
    from_: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(alias="from")] = ()

    @field_validator("instructions", mode="before")
    @classmethod
    def _plain_is_english(cls, value: Any) -> Any:
        return {"en": value} if isinstance(value, str) else value

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tasks that this entry declares."""
        if len(self.perspective) == 1:
            return (self.name,)
        return tuple(f"{self.name}_{perspective}" for perspective in self.perspective)

    def tasks(self) -> tuple[Task, ...]:
        """The tasks that this entry declares.

        Raises:
            DsbuildError: the taxonomy does not exist or is no taxonomy.
            ValidationError: what the entry says does not fit its kind of task.
        """
        # What the entry leaves out is left to the Task: levels set a range only where there is none.
        given = {key: getattr(self, key) for key in self.model_fields_set & Task.model_fields.keys()}
        if self.taxonomy is not None:
            given["taxonomy"] = load_taxonomy(self.taxonomy)
        return tuple(
            Task.model_validate({**given, "name": name, "perspective": perspective})
            for name, perspective in zip(self.names, self.perspective, strict=True)
        )


class AggregateEntry(_Part):
    """A named rule that makes labels of annotations.

    `from_` (in the file: `from`) names annotators, sessions, corpora (the annotations they came with) or
    CORPUS:ANNOTATOR; `compare` are methods that only the report shows; `options` belong to the method. Where no method
    is given, a loaded recipe has `adjudicated` for a single session, `stated` for authors, else the first that the
    task's kind can have: majority, for numbers mean, for a ranking borda.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    name: str = Field(pattern=NAME)
    task: str
    from_: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(alias="from", min_length=1)]
    on: Selection = Selection()
    method: MethodName = "majority"
    compare: Annotated[tuple[MethodName, ...], BeforeValidator(_as_tuple)] = ()
    options: dict[str, str | int | float | bool] = {}


class ReleaseEntry(_Part):
    """How a release is called and where it goes; `licence` where it differs from the dataset's; `people` releases the
    table of who annotated, spoke and wrote."""

    version: str = Field(default="auto", pattern=VERSION)
    repo: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
    licence: str | None = Field(default=None, min_length=1)
    people: bool = False


class CorpusEntry(CorpusConfig):
    """A corpus, and its own tasks: questions that its files answer and nobody else is asked. `task` in its `labels`
    means one of these before it means one of the recipe's; elsewhere such a task is called CORPUS.TASK."""

    tasks: tuple[TaskEntry, ...] = ()


Corpus = Annotated[CorpusEntry, WrapValidator(_catch)]


def _rejects(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError("wanted a share (0.05) or a count (100)")
    if isinstance(value, float) and value > 1:
        raise ValueError("a share is at most 1.0; a count is written without a point")
    return value


class Recipe(_Part):
    """How a dataset is made. `load` makes one of a file, with everything that has a default filled in.

    `max_rejects` is a share of the rows (a float from 0 to 1) or a count (an int) above which the run fails;
    `max_failed` the same of each annotator's answers that there should be, for dead letters (default: no bound but an
    annotator's own).
    `data` says which aggregates fill a task's column of the wide table, first come first. Where there is no title, a
    loaded recipe has the dataset's name for it. `prices` is a file of prices that go before the shipped table's.
    """

    dataset: str = Field(pattern=SLUG, max_length=96)
    title: str = ""
    licence: str | None = Field(default=None, min_length=1)
    seed: int = Field(default=7, strict=True, ge=0)
    budget: Budget = Budget()
    prices: Path | None = None
    max_rejects: Annotated[int | float, BeforeValidator(_rejects)] = 0.05
    max_failed: Annotated[int | float, BeforeValidator(_rejects)] | None = None
    tasks: tuple[TaskEntry, ...] = Field(min_length=1)
    corpora: tuple[Corpus, ...] = Field(min_length=1)
    build: tuple[Annotated[StepEntry, WrapValidator(_catch)], ...] = ()
    annotate: tuple[
        Annotated[SerializeAsAny[AnnotatorConfig], BeforeValidator(_annotator), WrapValidator(_catch)], ...
    ] = ()
    gold: tuple[Annotated[SessionConfig, WrapValidator(_catch)], ...] = ()
    aggregate: tuple[AggregateEntry, ...] = ()
    gates: tuple[Annotated[GateConfig, WrapValidator(_catch)], ...] = ()
    release: ReleaseEntry = ReleaseEntry()
    data: dict[str, Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]] = {}

    @property
    def task_names(self) -> tuple[str, ...]:
        """The names of all tasks."""
        return tuple(name for entry in self.tasks for name in entry.names)
