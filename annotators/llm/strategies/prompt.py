"""Prompts from a strategy's template: system message, shots as turns, the item, and the repair turn.

A strategy is one Jinja file with the blocks `system`, `user` and `repair`; `{% set extra = [...] %}` names text
fields that the answer holds before the tasks' own. Templates run in a sandbox. They see `tasks` (name, instruction,
labels, rule), `form` (the JSON asked for), `instructed`, `candidates` (whether turns a and b of the context are to
be compared), `numbered` (whether an answer names turns by their number), and for an item `text` and `context`.

Corpus text is data. `quoted` writes it as a JSON string on one line in which no chat template finds a control token;
`one_line` does the same for a base model, which is shown plain lines: a text that could open a new line could pretend
to be the next example.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.reading import answer_schema
from annotators.llm.request import Message
from annotators.llm.shots import Shot
from annotators.llm.strategies.rules import ASKED, rule
from schemas.errors import RecipeError
from schemas.ids import digest
from schemas.task import Shown, Task, Turn

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

# What chat templates use as control tokens: <|...|> (DeepSeek: with a full-width bar), <start_of_turn>, </s>, [INST].
_TOKEN = re.compile(r"<(?=[|\uff5c/!]|[^\W\d])|\[(?=/?[A-Z])")
BLOCKS: Final = ("system", "user", "repair")
RAW_SHOWN: Final = 4000  # characters of an unusable answer that are shown again


def quoted(text: str) -> str:
    """`text` as a JSON string: one line, no unescaped quote, no control token, other scripts as they are."""
    string = json.dumps(text, ensure_ascii=False)
    string = re.sub(r"[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", _escaped, string)
    return _TOKEN.sub(_escaped, string)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def one_line(text: str) -> str:
    """`text` on one line: control and direction characters and runs of white space become one blank, and a blank
    stands behind what could open a control token."""
    text = re.sub(r"[\s\x00-\x1f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+", " ", text)
    return _TOKEN.sub(lambda match: match[0] + " ", text).strip()


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import PackageLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("annotators.llm", "strategies"),
        undefined=StrictUndefined,
        autoescape=False,  # a prompt is no HTML; corpus text goes through the two filters
        keep_trailing_newline=False,
    )
    environment.filters["quoted"] = quoted
    environment.filters["one_line"] = one_line
    return environment


def strategies() -> list[str]:
    """The names of the strategies, sorted."""
    return sorted(name.removesuffix(".j2") for name in _environment().list_templates(extensions=["j2"]))


@dataclass(frozen=True)
class Item:
    """What a prompt shows of an item: its text, and the turns before it ({speaker, text, and the item_id of each}); of
    a pairwise comparison the turns a and b are the two candidates."""

    text: str
    context: Sequence[Mapping[str, Any]] = ()
    item_id: str | None = None

    @property
    def candidates(self) -> list[str]:
        """Which of the turns are candidates to compare, in their order: a and b, where there is one of each."""
        speakers = ((turn.get("speaker") or "").strip().lower() for turn in self.context)
        return [speaker for speaker in speakers if speaker in ("a", "b")]

    @property
    def shown(self) -> Shown:
        """The same for the task, which looks quotes up in it."""
        turns = (Turn(turn.get("item_id"), turn.get("speaker"), turn.get("text")) for turn in self.context)
        return Shown(self.item_id, self.text, tuple(turns))


class Prompt:
    """The prompt of one annotator for one set of tasks.

    `head` is what all its requests begin with (the system message, the shots as turns), `extra` the text fields that
    an answer holds before the tasks' own, `schema` the JSON Schema of an answer, `sources` the templates by name.

    Raises:
        RecipeError: no such strategy, a template that does not work, or a base model without shots.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        strategy: str = "direct",
        own: Path | None = None,
        shots: Sequence[Shot] = (),
        instructed: bool = True,
    ) -> None:
        if not instructed and not shots:
            raise RecipeError(
                "A base model cannot be told what to do, only shown, and no shots are given.",
                fix="Name a file of examples in `shots`.",
            )
        self.instructed = instructed
        self.where = str(own) if own is not None else f"strategy {strategy}"
        chain = _chain(strategy, own)
        self.sources = {name: source for name, source, _ in chain}
        self._template = chain[0][2]
        # A block is looked for in the template, then in the one it extends, and so on; a block may call super().
        self._blocks: dict[str, list[Any]] = {}
        for _, _, template in chain:
            for name, block in template.blocks.items():
                self._blocks.setdefault(name, []).append(block)
        missing = [name for name in BLOCKS if name not in self._blocks]
        if missing:
            raise RecipeError(f'The prompt template has no block "{missing[0]}".', where=self.where)
        self._values: dict[str, Any] = {
            "instructed": instructed,
            "tasks": [_described(task) for task in tasks],
            "numbered": any(task.kind == "span" and "other" in task.where for task in tasks),
            "candidates": any(task.kind == "pairwise" for task in tasks),
        }
        self.extra = self._extra()
        self.schema = answer_schema(tasks, self.extra)
        self._values["form"] = _form(self.schema)
        self.head = self._head(tasks, shots)

    def messages(self, item: Item) -> list[Message]:
        """The messages that ask about `item`."""
        return [*self.head, self.user(item)]

    def user(self, item: Item) -> Message:
        """The last of the messages that ask about `item`, the only one that depends on it."""
        return {"role": "user", "content": self._user(item)}

    def repair(self, messages: Sequence[Message], raw: str, error: str) -> list[Message]:
        """The messages of a second turn: what was asked, the unusable answer, and what is wrong with it."""
        return [
            *messages,
            {"role": "assistant", "content": raw[:RAW_SHOWN]},
            {"role": "user", "content": self._render("repair", error=error[:RAW_SHOWN])},
        ]

    def _user(self, item: Item) -> str:
        return self._render("user", text=item.text, context=item.context)

    def _head(self, tasks: Sequence[Task], shots: Sequence[Shot]) -> list[Message]:
        messages: list[Message] = []
        if self.instructed:
            messages.append({"role": "system", "content": self._render("system").strip()})
        for shot in shots:
            answer: dict[str, Any] = dict.fromkeys(self.extra, shot.english or shot.text)
            for task in tasks:
                part = shot.answer(task)
                answer |= part if len(tasks) == 1 else {task.name: part}
            messages.append({"role": "user", "content": self._user(Item(shot.text, shot.turns))})
            messages.append({"role": "assistant", "content": json.dumps(answer, ensure_ascii=False)})
        return messages

    def _extra(self) -> tuple[str, ...]:
        blank = {"form": "", "text": "", "context": (), "error": ""}
        with _explained(self.where):
            names = getattr(self._template.make_module(self._values | blank), "extra", ())
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) and n.isidentifier() for n in names):
            raise RecipeError("`extra` must be a list of names.", where=self.where)
        return tuple(names)

    def _render(self, block: str, **values: Any) -> str:
        with _explained(self.where):
            context = self._template.new_context(self._values | values)
            context.blocks = self._blocks
            return "".join(self._blocks[block][0](context))


@contextmanager
def _explained(where: str) -> Iterator[None]:
    from jinja2 import TemplateError

    try:
        yield
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise RecipeError(f"The prompt template does not work: {error}", where=where) from error


def _chain(strategy: str, own: Path | None) -> list[tuple[str, str, Template]]:
    """Name, source and compiled form of the template, of the one it extends, and so on."""
    from jinja2 import nodes

    if own is not None:
        try:
            name, source = own.name, own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"The prompt cannot be read: {error}", where=str(own)) from error
    elif strategy in strategies():
        name, source = f"{strategy}.j2", _shipped(f"{strategy}.j2")
    else:
        raise RecipeError(f'There is no strategy "{strategy}".', fix=f"There is: {', '.join(strategies())}.")
    chain = []
    where = str(own) if own is not None else f"strategy {strategy}"
    while True:
        with _explained(where):
            chain.append((name, source, _environment().from_string(source)))
            parent = _environment().parse(source).find(nodes.Extends)
            if parent is None:
                return chain
            name = str(parent.template.as_const())
            source = _shipped(name)


def _shipped(name: str) -> str:
    if name.removesuffix(".j2") not in strategies():
        raise RecipeError(f'There is no strategy "{name}" to extend.', fix=f"There is: {', '.join(strategies())}.")
    return (files("annotators.llm") / "strategies" / name).read_text(encoding="utf-8")


def _described(task: Task) -> dict[str, Any]:
    labels = () if task.taxonomy is None else task.taxonomy.labels
    return {
        "name": task.name,
        "instruction": task.instruction("en") or ASKED[task.perspective],
        "labels": [{"id": label.id, "definition": label.definition} for label in labels],
        "rule": rule(task),
    }


def _form(schema: Mapping[str, Any], word: str = "") -> str:
    """An object of the schema's form, with placeholders: what a model without structured output has to go by."""
    fields = (f'"{name}": {_placeholder(name, part, word or name)}' for name, part in schema["properties"].items())
    return "{" + ", ".join(fields) + "}"


def _placeholder(name: str, part: Mapping[str, Any], word: str) -> str:
    """What stands for the value of the key `name`; where it is one of several words, `word` says what they are."""
    given = part.get("type", ())
    kinds = {given} if isinstance(given, str) else set(given)
    options = part.get("enum", ())
    null = " or null" if "null" in kinds or None in options else ""
    if "anyOf" in part:
        return " or ".join(_placeholder(name, one, word) for one in part["anyOf"])
    if name == "turn" and options:  # the words that stand for turns are few, and have to be known
        return " or ".join(json.dumps(one) for one in options)
    if "object" in kinds:
        return _form(part, "level" if name == "levels" else "")
    if "array" in kinds:
        return f"[{_entry(part.get('items', {}))}, ...]"
    if options:
        text = any(isinstance(one, str) for one in options)
        return (f'"<{"label" if null else word}>"' if text else "<number>") + null
    return ("<number>" if {"number", "integer"} & kinds else '"<text>"') + null


def _entry(part: Mapping[str, Any]) -> str:
    if part.get("type") == "object":
        return _form(part)
    return '"<word>"' if part.get("type") == "string" else '"<label>"'


def prompt_text(prompt: Prompt) -> str:
    """The prompt as provenance keeps it: the templates, the strategy's own first, each under its name, and then the
    messages that all requests begin with, one JSON object a line."""
    templates = [f"{{# {name} #}}\n{source}" for name, source in prompt.sources.items()]
    head = [json.dumps(message, ensure_ascii=False) for message in prompt.head]
    return "\n".join([*templates, "{# head #}", *head])


def prompt_hash(prompt: Prompt) -> str:
    """A hash of all that an annotator is shown besides the item: templates, system message, shots, schema."""
    return digest([prompt.sources, list(prompt.head), prompt.schema, prompt.instructed])
