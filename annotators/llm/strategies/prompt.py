"""Prompts from a strategy's template: system message, shots as turns, the item, and the repair turn.

Templates (see `annotators.llm.strategies.templates`) see `tasks` (name, instruction, labels, rule), `form` (the JSON
asked for), `instructed`, `candidates` (whether turns a and b of the context are to be compared), `numbered` (whether an
answer names turns by their number), `persona`, `language` (a code), `pivot` (code, field, name), `stimulus` (texts),
`original` (whether the text itself is shown beside a translation), `_` (says an English sentence in the language), and
for an item `text`, `context` and `seen` (what other annotators said; see `seen_entry`).

Corpus text is data, and so are the words of other models. `quoted` writes them as JSON on one line in which no chat
template finds a control token; `one_line` does the same for a base model, which is shown plain lines: a text that could
open a new line could pretend to be the next example.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.reading import Good, answer_schema
from annotators.llm.request import Message
from annotators.llm.strategies.form import form
from annotators.llm.strategies.item import Item, seen_entry
from annotators.llm.strategies.phrases import (
    ENGLISH,
    phrases,
    pivot_name,
    primary,
    say_in,
    translated,
    translation_field,
    translation_fields,
)
from annotators.llm.strategies.rules import ASKED, rule
from annotators.llm.strategies.stimuli import stimuli
from annotators.llm.strategies.templates import chain_of, strategies, texts_of
from schemas.errors import RecipeError
from schemas.ids import digest
from schemas.task import Answer
from schemas.taxonomy import fold

if TYPE_CHECKING:
    from annotators.llm.shots import Shot
    from annotators.llm.strategies.phrases import Say
    from schemas.task import Task

RAW_SHOWN: Final = 4000  # characters of an unusable answer that are shown again
OF_ITEM: Final = "item"  # the language of the prompt is the item's own
_NO_ITEM: Final[dict[str, Any]] = {"text": "", "context": (), "seen": (), "error": ""}


class Prompt:
    """The prompt of one annotator for one set of tasks.

    `head` is what its requests begin with (the system message, the shots as turns), in the language of all items or in
    English where each has its own; `by_products` are the text fields that an answer holds beside the tasks' own, each
    with the text task that its words answer, `extra` their names; `schema` is the JSON Schema of an answer, `chain` the
    templates.

    Raises:
        RecipeError: no such strategy, a template that does not work, a base model that is shown nothing or would have
            to be told something, or shots that do not show what the strategy asks for.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        strategy: str = "direct",
        own: Path | None = None,
        shots: Sequence[Shot] = (),
        instructed: bool = True,
        language: str = ENGLISH,
        pivot: str = ENGLISH,
        persona: str | None = None,
        stimulus: Sequence[str] = (),
        original: bool = True,
        shots_later: bool = False,
    ) -> None:
        self.instructed = instructed
        self.language = language
        self._language = ENGLISH if language == OF_ITEM else language
        self.chain = chain_of(strategy, own)
        self.where = self.chain.where
        self._tasks = tuple(tasks)
        self._shots = tuple(shots)
        self._pivot = pivot
        self._common: dict[str, Any] = {
            "instructed": instructed,
            "numbered": any(task.kind == "span" and "other" in task.where for task in tasks),
            "candidates": any(task.kind == "pairwise" for task in tasks),
            "persona": persona,
            "stimulus": [stimuli()[name] for name in stimulus],
            "original": original,
        }
        settings = self.chain.settings(self._common | self._said(ENGLISH) | _NO_ITEM | {"form": ""})
        needs = settings.get("needs", ())
        before = texts_of(settings.get("extra", ()), "extra", self.where)
        after = texts_of(settings.get("after", ()), "after", self.where)
        self.by_products = {
            name: "translation" if name in translation_fields() else task for name, task in (before | after).items()
        }
        self.extra = tuple(self.by_products)
        self._swaps = bool(settings.get("swaps", False))
        self._wants = [name for name in ("seen", "answer", "translation") if name in needs]
        self._mine = frozenset(task.name for task in tasks)
        if not instructed:
            self._base_model(bool(settings.get("told", False)), shots_later)
        self.schema = answer_schema(tasks, tuple(before), tuple(after))
        self._common["form"] = form(self.schema)
        self._values: dict[str, dict[str, Any]] = {}
        self._heads: dict[str, list[Message]] = {}
        self.head = self._head(self._language, self._shots)
        self._heads[self._language] = self.head

    def language_of(self, item: Item) -> str:
        """The language in which `item` is asked about: the prompt's, or the item's own where all tasks can be asked in
        it, else English."""
        if self.language != OF_ITEM:
            return self.language
        code = primary(item.language or "")
        return code if code in _languages(self._tasks) else ENGLISH

    def head_for(self, item: Item) -> list[Message]:
        """What the messages about `item` begin with; the same list for all items in its language."""
        language = self.language_of(item)
        if language not in self._heads:
            self._heads[language] = self._head(language, self._shots)
        return self._heads[language]

    def messages(self, item: Item, shots: Sequence[Shot] | None = None) -> list[Message]:
        """The messages that ask about `item`, with `shots` chosen for it in place of the prompt's own."""
        head = self.head_for(item) if shots is None else self._head(self.language_of(item), shots)
        return [*head, self.user(item)]

    def user(self, item: Item) -> Message:
        """The last of the messages that ask about `item`, the only one that depends on it."""
        return {"role": "user", "content": self._user(item, self._values_in(self.language_of(item)))}

    def repair(self, messages: Sequence[Message], raw: str, error: str, item: Item | None = None) -> list[Message]:
        """The messages of a second turn: what was asked, the unusable answer, and what is wrong with it; in the
        language of `item`, if it is given."""
        language = self._language if item is None else self.language_of(item)
        values = self._values_in(language) | _NO_ITEM | {"error": error[:RAW_SHOWN]}
        return [
            *messages,
            {"role": "assistant", "content": raw[:RAW_SHOWN]},
            {"role": "user", "content": self.chain.render("repair", values)},
        ]

    def lacks(self, item: Item) -> str | None:
        """Why `item` cannot be asked about: what the strategy shows of other annotators is not there; null if it is."""
        for want in self._wants:
            if want == "seen" and not item.seen:
                return "none of the annotators it sees has said anything about the item"
            if want == "translation" and not any(one["task"] == "translation" and one["extra"] for one in item.seen):
                return "no annotator it sees has translated the text"
            if want == "answer" and not any(one["task"] in self._mine and one["answer"] for one in item.seen):
                return "no annotator it sees has answered its task about the item"
        return None

    def turned(self, item: Item, sample: int) -> Item:
        """`item` as the n-th sample (from 0) shows it: a strategy that swaps candidates does so in every second."""
        return item.swapped() if self._swaps and sample % 2 else item

    def meant(self, answer: Good, sample: int) -> Good:
        """What an answer about `turned(item, sample)` says about `item`."""
        if not (self._swaps and sample % 2):
            return answer
        other = {"a": "b", "b": "a"}
        answers = [
            replace(one, labels=[other.get(label, label) for label in one.labels])
            if task.kind == "pairwise" and isinstance(one, Answer) and one.labels
            else one
            for task, one in zip(self._tasks, answer.answers, strict=True)
        ]
        return replace(answer, answers=tuple(answers))

    def _user(self, item: Item, values: Mapping[str, Any]) -> str:
        seen = [seen_entry(entry, self._mine) for entry in item.seen] if item.seen else ()
        return self.chain.render("user", {**values, "text": item.text, "context": item.context, "seen": seen})

    def _head(self, language: str, shots: Sequence[Shot]) -> list[Message]:
        turns = [self.turns_of(shot, number, language) for number, shot in enumerate(shots, 1)]
        return [*self.opening(language), *(turn for both in turns for turn in both)]

    def opening(self, language: str) -> list[Message]:
        """The system message; none for a base model."""
        if not self.instructed:
            return []
        system = self.chain.render("system", self._values_in(language) | _NO_ITEM)
        return [{"role": "system", "content": system.strip()}]

    def turns_of(self, shot: Shot, number: int, language: str) -> list[Message]:
        """A shot, the n-th (from 1), as two turns."""
        answer = json.dumps(self._answer(shot, number), ensure_ascii=False)
        asked = self._user(Item(shot.text, shot.turns), self._values_in(language))
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]

    def _answer(self, shot: Shot, number: int) -> dict[str, Any]:
        """The answer that a shot shows, its fields in the schema's order."""
        fields: dict[str, Any] = {name: self._by_product(shot, name, number) for name in self.extra}
        for task in self._tasks:
            part = shot.answer(task)
            fields |= part if len(self._tasks) == 1 else {task.name: part}
        return {name: fields[name] for name in self.schema["properties"]}

    def _by_product(self, shot: Shot, name: str, number: int) -> str:
        if name in shot.extra:
            return shot.extra[name]
        if name in translation_fields():
            if name == translation_field(shot.language):
                return shot.text
            if name == translation_field(ENGLISH) and shot.english is not None:
                return shot.english
        raise RecipeError(
            f'Shot {number} shows no "{name}", which the strategy asks for.',
            where=self.where,
            fix=f"Give it in the shot as `extra: {{{name}: ...}}`"
            + (", or as `english`." if name == translation_field(ENGLISH) else "."),
        )

    def _base_model(self, told: bool, shots_later: bool) -> None:
        if told:
            free = ", ".join(shown_only())
            raise RecipeError(
                "This strategy has to be told in words, and a base model is only shown examples.",
                where=self.where,
                fix=f"A base model can have: {free}. Where the model does follow instructions, say `instructed: true`.",
            )
        if not self._shots and not shots_later:
            raise RecipeError(
                "A base model cannot be told what to do, only shown, and no shots are given.",
                fix="Name a file of examples in `shots`.",
            )

    def _values_in(self, language: str) -> dict[str, Any]:
        if language not in self._values:
            self._values[language] = self._common | self._said(language)
        return self._values[language]

    def _said(self, language: str) -> dict[str, Any]:
        say = say_in(language)
        pivot = {"code": self._pivot, "field": translation_field(self._pivot), "name": pivot_name(self._pivot, say)}
        tasks = [_described(task, language, say) for task in self._tasks]
        return {"_": say, "language": language, "pivot": pivot, "tasks": tasks}


def shown_only() -> list[str]:
    """The strategies that a base model can have: whatever sets them apart stands in examples too."""
    return [name for name in strategies() if not chain_of(name).declared.get("told", False)]


def _described(task: Task, language: str, say: Say) -> dict[str, Any]:
    labels = () if task.taxonomy is None else task.taxonomy.labels
    return {
        "name": task.name,
        "instruction": task.instruction(language) or say(ASKED[task.perspective]),
        "labels": [
            {
                "id": label.id,
                "name": _other_name(label.id, label.names, language),
                "definition": label.definition,
            }
            for label in labels
        ],
        "rule": rule(task, say),
    }


def _other_name(label: str, names: Mapping[str, str], language: str) -> str | None:
    """The label's name in another language than English; null where there is none, or it is its id."""
    name = None if primary(language) == ENGLISH else names.get(language, names.get(primary(language)))
    return None if name is None or fold(name) == fold(label) else name


def _languages(tasks: Iterable[Task]) -> set[str]:
    """The languages in which all tasks can be asked: there are instructions, or none at all and only our sentences."""
    found = [{primary(one) for one in task.instructions} or {ENGLISH, *translated()} for task in tasks]
    return set.intersection(*found) if found else set()


def prompt_text(prompt: Prompt) -> str:
    """The prompt as provenance keeps it: the templates, the strategy's own first, each under its name, and then the
    messages that requests begin with, one JSON object a line."""
    templates = [f"{{# {source.name} #}}\n{source.text}" for source in prompt.chain.sources]
    head = [json.dumps(message, ensure_ascii=False) for message in prompt.head]
    return "\n".join([*templates, "{# head #}", *head])


def prompt_hash(prompt: Prompt) -> str:
    """A hash of all that an annotator is shown besides the item: templates, sentences in the languages it may be asked
    in, system message, shots, schema."""
    sources = {source.name: source.text for source in prompt.chain.sources}
    languages = _languages(prompt._tasks) if prompt.language == OF_ITEM else {prompt.language}
    words = {code: phrases(code) for code in sorted(languages) if phrases(code)}
    return digest([sources, words, list(prompt.head), prompt.schema, prompt.instructed, prompt.language])
