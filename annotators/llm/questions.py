"""From a configuration and tasks to requests: everything that is known before anything is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

from annotators.llm.local.card import load_card
from annotators.llm.media import content as content_parts
from annotators.llm.reading import Bad, Good, read_answer
from annotators.llm.request import Family, Request, canonical, messages_json
from annotators.llm.shots import Shots, named
from annotators.llm.strategies import Item, Prompt, prompt_hash, prompt_text
from schemas.errors import RecipeError
from schemas.ids import digest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    import polars as pl
    from pydantic import JsonValue

    from annotators.llm.config import LLMConfig
    from annotators.llm.shots.choosing import Chooser
    from annotators.llm.shots.library import Library
    from schemas.task import Task


# How many other tokens a server is asked to give with each, for better measures of confidence than today's.
TOP_LOGPROBS = 5
# What a recipe sets of a prompt beside the strategy, as provenance keeps it.
SHOWN_OPTIONS = (
    "vote",
    "items_per_prompt",
    "media",
    "cues",
    "sees",
    "persona",
    "language",
    "pivot",
    "original",
    "stimulus",
)


class Questions:
    """The requests that one annotator asks about items for one set of tasks, and where they come from.

    Raises:
        RecipeError: an unknown model, strategy, task or file of shots, or one that does not fit the tasks.
        DsbuildError: the bundled model's server is not installed.
    """

    def __init__(self, config: LLMConfig, tasks: Sequence[Task], library: Library | None = None) -> None:
        self.config = config
        self.tasks = tuple(tasks)
        self.card = None if config.local is None else load_card(config.local)
        self.instructed = config.follows_instructions
        self.chooser = _chooser(config.shots, tasks, library)
        shots = () if self.chooser is None else [self.chooser.pool.shots[n] for n in self.chooser.usual]
        self.prompt = Prompt(
            tasks,
            strategy=config.strategy,
            own=config.prompt,
            shots=shots,
            instructed=self.instructed,
            language=config.language,
            pivot=config.pivot,
            persona=config.persona,
            stimulus=config.stimulus,
            original=config.original,
            shots_later=config.shots is not None and self.chooser is None,
        )
        self.identity: dict[str, JsonValue] = (
            {"base_url": config.endpoint(), "model": config.model} if self.card is None else self.card.identity()
        )
        params = config.params_for(tasks)
        fields = ({"logprobs": True, "top_logprobs": TOP_LOGPROBS} if config.logprobs else {}) | params.body()
        fields |= {} if self.card is None else self.card.request
        model = config.model if self.card is None else self.card.name
        self.family = Family(self.identity, model, fields, self.prompt.schema, answer_tokens=params.answer_tokens)
        self.compares = any(task.kind == "pairwise" for task in tasks)
        self._heads: dict[str, str] = {}
        self._turns: dict[tuple[str, int], str] = {}
        self._unread = config.shots is not None and self.chooser is None

    @classmethod
    def groups(cls, config: LLMConfig, tasks: Sequence[Task], library: Library | None = None) -> list[Self]:
        """The sets of tasks that are answered in one call each: one set, of the annotator's own tasks.

        Examples that come from a corpus stand in `library`; without it the questions say all about themselves but
        these.
        """
        known = {task.name: task for task in tasks}
        missing = [name for name in config.tasks or () if name not in known]
        if missing:
            raise RecipeError(
                f'Annotator "{config.name}" has no task "{missing[0]}".', fix=f"There is: {', '.join(known)}."
            )
        mine = [task for task in tasks if config.tasks is None or task.name in config.tasks]
        return [cls(config, mine, library)] if mine else []

    async def prepare(self, items: pl.DataFrame) -> None:
        """Get ready for questions about `items` (ITEMS): choose the examples that each is shown."""
        if self.chooser is not None:
            await self.chooser.prepare(items)

    def ask(self, item: Item, sample: int, ask: int = 0, *, longer: bool = False) -> Request:
        """The request about `item`, for the n-th sample, the n-th time it is asked; if `longer`, with room for an
        answer of twice the tokens, where the recipe or its default says how many there may be."""
        item = self.prompt.turned(item, sample)
        family = self.roomy if longer else self.family
        asked = self.prompt.user(item)
        user: Mapping[str, object] = asked
        if item.media or item.cues is not None:
            user = {**asked, "content": content_parts(asked["content"], item.media, item.cues)}
        # As messages_json of all messages, but what is the same for every item is written once.
        return Request(family, f"{self._head(item)}{messages_json([user])[1:]}", sample, ask, item.media)

    @cached_property
    def roomy(self) -> Family:
        """The family of requests that allow an answer of twice the tokens."""
        limits = {
            name: 2 * limit
            for name in ("max_tokens", "max_completion_tokens")
            if isinstance(limit := self.family.fields.get(name), int)
        }
        if not limits:
            return self.family
        return replace(self.family, fields=self.family.fields | limits, answer_tokens=2 * self.family.answer_tokens)

    def read(self, body: bytes, item: Item, sample: int = 0, form: str | None = None) -> Good | Bad:
        """What an answer to `ask(item, sample)` says; `form` is the response format it was asked for, null if nobody
        knows, which is read as strictly as any but plain text."""
        shown = self.prompt.turned(item, sample).shown
        verdict = read_answer(
            body,
            self.tasks,
            self.prompt.extra,
            shown,
            form=form or "json_schema",
            logprobs=self.config.logprobs,
        )
        return self.prompt.meant(verdict, sample) if isinstance(verdict, Good) else verdict

    def _head(self, item: Item) -> str:
        """The messages that those about `item` begin with, as JSON that is still open at its end."""
        if self._unread:
            raise RecipeError(
                f'The examples of annotator "{self.config.name}" come from a corpus, which only a run of its recipe'
                " reads."
            )
        language = self.prompt.language_of(item)
        if self.chooser is not None and (chosen := self.chooser.of(item.item_id)) != self.chooser.usual:
            return self._own_head(language, chosen)
        if language not in self._heads:
            head = self.prompt.head_for(item)
            self._heads[language] = messages_json(head)[:-1] + ("," if head else "")
        return self._heads[language]

    def _own_head(self, language: str, chosen: Sequence[int]) -> str:
        """The same with examples chosen for the item; each of them is written once in each language."""
        assert self.chooser is not None
        parts = [messages_json(self.prompt.opening(language))[1:-1]]
        for number in chosen:
            if (language, number) not in self._turns:
                shot = self.chooser.pool.shots[number]
                self._turns[language, number] = messages_json(self.prompt.turns_of(shot, number + 1, language))[1:-1]
            parts.append(self._turns[language, number])
        return "[" + "".join(f"{part}," for part in parts if part)

    def repair(self, request: Request, raw: str, error: str, item: Item | None = None) -> Request:
        """The request that shows the model its unusable answer and what is wrong with it, in the language of `item`."""
        messages = messages_json(self.prompt.repair(request.messages, raw, error, item))
        return Request(self.family, messages, request.sample, request.ask, request.media)

    def _shots(self) -> JsonValue:
        shots = self.config.shots
        if not isinstance(shots, Shots):
            return named(shots)
        kept = shots.model_dump(mode="json", by_alias=True, exclude={"api_key_env", "pool"}, exclude_defaults=True)
        return kept | {"from": named(shots), "examples": self.examples}

    @property
    def examples(self) -> list[str | None]:
        """What besides the prompt decides which examples are shown, where they are picked: a hash of those there are
        to pick from (null where they come from a corpus and nobody has read it), and what measures nearness."""
        shots = self.config.shots
        if not isinstance(shots, Shots):
            return []
        from annotators.llm.shots.nearest import named_model

        digest = None if self.chooser is None else self.chooser.pool.digest
        return [digest, named_model(shots)] if shots.pick == "nearest" else [digest]

    def provenance(self) -> dict[str, Any]:
        """The row of PROVENANCE; its id is a hash of the rest."""
        config = self.config
        row = {
            "annotator": config.name,
            "kind": config.kind,
            "model": config.model,
            "identity": canonical(self.identity),
            "params": canonical(
                {
                    "fields": self.family.fields,
                    "samples": config.samples,
                    "shots": self._shots(),
                    "tasks": [task.name for task in self.tasks],
                    "templates": {source.name: source.version for source in self.prompt.chain.sources},
                    "options": _set_options(config),
                }
            ),
            "prompt": prompt_text(self.prompt),
            "prompt_hash": prompt_hash(self.prompt),
            "strategy": config.strategy if config.prompt is None else config.prompt.name,
            "code": code_version(),
        }
        return {"provenance": digest(row)[:16], **row}


def _chooser(shots: str | Shots | None, tasks: Sequence[Task], library: Library | None) -> Chooser | None:
    if shots is None:
        return None
    from annotators.llm.shots.library import Library

    library = library or Library()
    return library.chooser(shots, tasks) if library.has(shots) else None


def _set_options(config: LLMConfig) -> dict[str, JsonValue]:
    """What the recipe sets beside the strategy."""
    options = config.model_dump(mode="json", include=set(SHOWN_OPTIONS), exclude_defaults=True)
    return {name: options[name] for name in SHOWN_OPTIONS if name in options}


def items_of(items: pl.DataFrame) -> Iterator[Item]:
    """What prompts show of the rows of ITEMS, in their order."""
    more = [name for name in MORE if name in items.columns]
    for item_id, text, context, language, *rest in items.select(
        "item_id", "text", "context", "language", *more
    ).iter_rows():
        yield Item(text or "", context or (), item_id, language, **beside(more, rest))


# What an item has beside ITEMS: what others said about it, its files, what was measured on it.
MORE = ("seen", "attached", "cues")


def beside(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """The fields of an Item that the columns `names` (of MORE) hold."""
    given = dict(zip(names, values, strict=True))
    return {"seen": given.get("seen") or (), "media": given.get("attached") or (), "cues": given.get("cues")}


@cache
def code_version() -> str:
    """A hash of all sources of annotators.llm, and of the sentences of its prompts: whatever turns an item into a
    question and an answer into annotations."""
    found = hashlib.sha256()
    for place, source in _sources(files("annotators.llm"), "annotators/llm"):
        found.update(f"{place}\0".encode() + source + b"\0")
    return found.hexdigest()[:16]


def _sources(folder: Traversable, place: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        here = f"{place}/{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, here)
        elif entry.name.endswith((".py", ".j2")) or (entry.name.endswith(".yaml") and "/strategies/" in here):
            yield here, entry.read_bytes()
