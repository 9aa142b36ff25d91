"""What a recipe says about a function of one's own, and how it is found."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, PositiveInt, model_validator

from schemas.config import AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError, RecipeError

if TYPE_CHECKING:
    from schemas.protocols import Annotator
    from schemas.task import Task

GROUP = "dsbuild.functions"
Function = Callable[..., Any]


class CallableConfig(AnnotatorConfig):
    """A Python function as an annotator.

    `function` is `module:name`, or the name of an entry point of the group `dsbuild.functions`; with `file`, a Python
    file of one's own, it is the name there. It is called as `function(items, tasks, **options)` with at most
    `batch_size` items (a polars frame of ITEMS) and the tasks (`schemas.task.Task`); an `async def` is awaited. What
    it may return stands in `annotators.callable.annotator`. `annotator_kind` is what it counts as in the annotations.
    """

    shares: ClassVar[tuple[str, ...]] = ("annotators.rows",)

    kind: Literal["callable"] = "callable"
    function: str = Field(min_length=1)
    file: Path | None = None
    options: dict[str, JsonValue] = Field(default={})
    batch_size: PositiveInt = 1000
    annotator_kind: Literal["model", "lexicon", "llm"] = "model"

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if self.file is not None and ":" in self.function:
            raise ValueError("with `file`, `function` is the name of the function in it, without a module")
        return self

    def load(self) -> Function:
        """The function.

        Raises:
            RecipeError: there is none of that name, or what has the name cannot be called.
        """
        where = f"annotate.{self.name}.function"
        if self.file is not None:
            module, name = _module_of(self.file, where), self.function
        elif ":" in self.function:
            path, _, name = self.function.partition(":")
            module = _imported(path, where)
        else:
            points = [point for point in entry_points(group=GROUP) if point.name == self.function]
            if len({point.value for point in points}) != 1:
                known = ", ".join(sorted({point.name for point in entry_points(group=GROUP)})) or "none"
                raise RecipeError(
                    f'There is no function "{self.function}" in the group {GROUP} of entry points.',
                    where=where,
                    fix=f"There: {known}. A function of your own is module:name, or its name beside `file`.",
                )
            path, _, name = points[0].value.partition(":")
            module = _imported(path, where)
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            what = "cannot be called" if found is not None else "does not exist"
            raise RecipeError(f'"{name}" of {module.__name__} {what}.', where=where)
        function: Function = found
        return function

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """A hash of the function's source."""
        return {"source": source_hash(self.load())}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; there is nothing to start or stop."""
        from annotators.callable.annotator import CallableAnnotator

        return nullcontext(CallableAnnotator(self, self.load(), env.progress))


def source_hash(function: Function) -> str:
    """SHA-256, in hexadecimal, of the source of the whole module that `function` is in (what it calls there counts);
    of its own source where it has no module file, as in a notebook.

    Raises:
        DsbuildError: it has no source in Python, so nobody could say when its answers have to be made again.
    """
    unwrapped: Any = inspect.unwrap(function)
    if not (inspect.isroutine(unwrapped) or inspect.isclass(unwrapped)):
        unwrapped = type(unwrapped)
    try:
        path = inspect.getsourcefile(unwrapped)
        if path is not None and Path(path).is_file():
            source = Path(path).read_bytes()
        else:
            source = inspect.getsource(unwrapped).encode()
    except (TypeError, OSError) as error:
        raise DsbuildError(
            f"The function {getattr(function, '__qualname__', function)!r} has no source in Python: {error}.",
            fix="Wrap it in a function of your own, in a file.",
        ) from error
    return hashlib.sha256(source).hexdigest()


def _imported(path: str, where: str) -> ModuleType:
    # The folder one stands in, as `python -m` has it: a module beside the recipe is found where the command runs.
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        raise RecipeError(
            f'There is no module "{path}".', where=where, fix="Install it, or name its file in `file`."
        ) from error
    finally:
        sys.path.remove(here)


def _module_of(path: Path, where: str) -> ModuleType:
    if not path.is_file():
        raise RecipeError(f"There is no file {path.name}.", where=where)
    name = f"dsbuild_function_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RecipeError(f"{path.name} is no Python file.", where=where)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise RecipeError(f"{path.name} cannot be run: {type(error).__name__}: {error}", where=where) from error
    return module
