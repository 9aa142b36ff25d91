"""The templates of strategies: Jinja files that run in a sandbox, and what each declares about itself.

A template has the blocks `system`, `user` and `repair`, its own or those of the one it extends, and may set:

- `version`: a number that grows when its words change;
- `extra`: text fields that an answer holds before the tasks' own, `after`: behind them; a list of names, or a mapping
  from each name to the text task that its words answer;
- `needs`: what it cannot do without: "shots", "samples", "stimulus", and of the answers it is shown "seen" (any),
  "answer" (one to a task of its own), "translation";
- `stimuli`: how the names of its stimuli begin; `kinds`: the kinds of task it is for; `swaps`: whether the candidates
  change places in every second sample;
- `told`: whether it has to be told in words, so that a base model, which is only shown examples, cannot have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.strategies.quote import one_line, quoted
from schemas.errors import RecipeError

if TYPE_CHECKING:
    from jinja2 import Template, nodes
    from jinja2.sandbox import SandboxedEnvironment

BLOCKS: Final = ("system", "user", "repair")
SETTINGS: Final = ("extra", "after", "needs", "stimuli", "kinds", "swaps", "told")


@dataclass(frozen=True)
class Source:
    """One template of a chain: its name, its text, its compiled form, and the number of its version if it has one."""

    name: str
    text: str
    template: Template
    version: int | None


class Chain:
    """A strategy's template, the one it extends, and so on.

    `reads` are the variables that any of them reads; `where` says which template is meant, for messages.

    Raises:
        RecipeError: no such strategy, a file that cannot be read, or a template that does not work.
    """

    def __init__(self, strategy: str, own: Path | None = None) -> None:
        from jinja2 import meta

        self.where = str(own) if own is not None else f"strategy {strategy}"
        self.sources: list[Source] = []
        self._settings: list[Template] = []
        self.reads: set[str] = set()
        # A block is looked for in the template, then in the one it extends, and so on; a block may call super().
        self.blocks: dict[str, list[Any]] = {}
        for name, text in _texts(strategy, own, self.where):
            with working(self.where):
                tree = _environment().parse(text)
                template = _environment().from_string(text)
                settings = _environment().from_string(_only_settings(tree))
            self.sources.append(Source(name, text, template, _version(tree)))
            self._settings.append(settings)
            self.reads |= meta.find_undeclared_variables(tree)
            for block, code in template.blocks.items():
                self.blocks.setdefault(block, []).append(code)
        self._globals: dict[str, Any] = dict(self.sources[0].template.globals)
        missing = [name for name in BLOCKS if name not in self.blocks]
        if missing:
            raise RecipeError(f'The prompt template has no block "{missing[0]}".', where=self.where)

    @cached_property
    def declared(self) -> dict[str, Any]:
        """What the templates set where nothing is known of tasks or options yet."""
        return self.settings({"pivot": {"code": "", "field": "translation", "name": ""}})

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the templates set, the strategy's own before what it extends."""
        found: dict[str, Any] = {}
        with working(self.where):
            for template in reversed(self._settings):
                module = template.make_module(dict(values))
                found |= {name: vars(module)[name] for name in SETTINGS if name in vars(module)}
        return found

    def render(self, block: str, values: dict[str, Any]) -> str:
        """The text of a block."""
        try:
            # As Template.new_context, which copies all of Jinja's globals one by one for every item.
            template = self.sources[0].template
            context = template.environment.context_class(
                template.environment, self._globals | values, template.name, template.blocks
            )
            context.blocks = self.blocks
            return "".join(self.blocks[block][0](context))
        except Exception as error:
            raise _explained(error, self.where, self.sources[0].template) from error


def chain_of(strategy: str, own: Path | None = None) -> Chain:
    """The chain of a strategy, or of a template of one's own, which is read anew each time."""
    return _shipped_chain(strategy) if own is None else Chain(strategy, own)


@cache
def _shipped_chain(strategy: str) -> Chain:
    return Chain(strategy)


@contextmanager
def working(where: str) -> Iterator[None]:
    """What goes wrong in a template is told as a mistake of the recipe, at `where`."""
    try:
        yield
    except Exception as error:
        raise _explained(error, where) from error


def _explained(error: Exception, where: str, own: Template | None = None) -> Exception:
    from jinja2 import TemplateError

    if isinstance(error, TemplateError | TypeError | ValueError | ArithmeticError | LookupError | AttributeError):
        line = _line_of(error, own)
        place = where if line is None else f"{where}:{line}" if where.endswith(".j2") else f"{where}, line {line}"
        return RecipeError(f"The prompt template does not work: {error}", where=place)
    return error


def _line_of(error: Exception, own: Template | None) -> int | None:
    """The line of the template `own` (null: of any) that something went wrong in; null where nobody can tell."""
    from jinja2 import TemplateSyntaxError

    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    line = None
    for frame, at in walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and own in (None, template):
            line = template.get_corresponding_lineno(at)
        elif template is None and own is None and frame.f_code.co_filename == "<template>":
            line = at  # Jinja has put the template's line there
    return line


def strategies() -> list[str]:
    """The names of the strategies, sorted."""
    return sorted(name.removesuffix(".j2") for name in _environment().list_templates(extensions=["j2"]))


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import PackageLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("annotators.llm.strategies", "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # a prompt is no HTML; corpus text goes through the two filters
        keep_trailing_newline=False,
    )
    environment.filters["quoted"] = quoted
    environment.filters["one_line"] = one_line
    return environment


def _texts(strategy: str, own: Path | None, where: str) -> Iterator[tuple[str, str]]:
    """Name and text of the template, of the one it extends, and so on."""
    from jinja2 import nodes

    if own is not None:
        try:
            name, text = own.name, own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (isinstance(error, OSError) and error.strerror) or error
            raise RecipeError(f"The prompt cannot be read: {why}", where=str(own)) from error
    else:
        name, text = f"{strategy}.j2", _shipped(strategy, f'There is no strategy "{strategy}".')
    while True:
        yield name, text
        with working(where):
            parent = _environment().parse(text).find(nodes.Extends)
            if parent is None:
                return
            name = str(parent.template.as_const())
        text = _shipped(name.removesuffix(".j2"), f'There is no strategy "{name}" to extend.')


def _shipped(strategy: str, otherwise: str) -> str:
    if strategy not in strategies():
        raise RecipeError(otherwise, fix=f"There is: {', '.join(strategies())}.")
    path = files("annotators.llm.strategies") / "templates" / f"{strategy}.j2"
    return path.read_text(encoding="utf-8")


def _only_settings(tree: nodes.Template) -> Any:
    """The template without what it prints or extends: run alone, a parent's settings cannot undo a child's."""
    from jinja2 import nodes

    kept = [one for one in tree.body if isinstance(one, nodes.Assign | nodes.If)]
    return nodes.Template(kept, lineno=1)


def _version(tree: nodes.Template) -> int | None:
    from jinja2 import nodes

    for one in tree.body:
        if isinstance(one, nodes.Assign) and isinstance(one.target, nodes.Name) and one.target.name == "version":
            return one.node.value if isinstance(one.node, nodes.Const) and isinstance(one.node.value, int) else None
    return None


def texts_of(setting: Any, name: str, where: str) -> dict[str, str]:
    """The fields that `extra` or `after` names, each with the text task that its words answer.

    Raises:
        RecipeError: it is neither a list nor a mapping of names.
    """
    pairs: Sequence[tuple[Any, Any]]
    if isinstance(setting, Mapping):
        pairs = list(setting.items())
    elif isinstance(setting, list | tuple):
        pairs = [(one, one) for one in setting]
    else:
        pairs = [(None, None)]
    if not all(isinstance(one, str) and one.isidentifier() for pair in pairs for one in pair):
        raise RecipeError(f"`{name}` must be a list of names, or a mapping from names to names.", where=where)
    return dict(pairs)
