"""What a recipe's LLM annotators are asked, word for word: shown, compared, and tried on a few items."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from dsbuild.engine.choosing import chosen, route
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context, Node
from dsbuild.engine.nodes.annotate import AnnotateNode, environment
from dsbuild.engine.others import Others
from dsbuild.engine.plan import outputs_of
from dsbuild.engine.run import execute
from dsbuild.engine.setup import budget_of, context
from dsbuild.engine.workspace import Output
from schemas.errors import DsbuildError, RecipeError

if TYPE_CHECKING:
    from annotators.llm.config import LLMConfig
    from annotators.llm.preview import Heard, Preview
    from annotators.llm.request import Message

ITEMS: Final = 3


@dataclass(frozen=True)
class AskedText:
    """The messages about `items`; `stored` says whether their answer is there already, `lacks` why they would not be
    sent."""

    items: tuple[str, ...]
    sample: int
    messages: list[Message]
    stored: bool
    lacks: str | None


@dataclass(frozen=True)
class Shown:
    """What one annotator would send: to whom, with which parameters and which JSON Schema, and all messages about some
    items. `notes` say what is not as it would be in a run."""

    annotator: str
    strategy: str
    templates: dict[str, int | None]
    endpoint: str
    model: str
    parameters: dict[str, Any]
    schema: dict[str, Any]
    asked: list[AskedText]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A part of two prompts, and its unified diff; no lines where it is the same in both."""

    name: str
    lines: list[str]


@dataclass(frozen=True)
class Tried:
    """What came of asking: every answer in the order of asking, the rows without a usable one {item_id, task, reason,
    detail}, and the sum {answers, prompt_tokens, completion_tokens, usd, ...}. Where nothing was sent there is only the
    `estimate` {calls, cached, usd, ...}."""

    annotator: str
    sent: bool
    estimate: dict[str, Any]
    answers: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def show(
    recipe: str | Path, annotator: str | None = None, *, items: int = ITEMS, item: str | None = None, **options: Any
) -> list[Shown]:
    """What the recipe's LLM annotators (or the one named) would send about their first `items`, or about `item`.

    Corpora are read and built for this; nobody is asked. `options` are those of `dsbuild.engine.setup.context`.

    Raises:
        RecipeError: the recipe is wrong, or has no such annotator.
        DsbuildError: there is no such item.
    """
    bench = _Bench(recipe, options)
    return [bench.shown(node, bench.items(node, items, item)) for node in bench.nodes(annotator)]


def diff(
    recipe: str | Path,
    a: str | None,
    b: str | None,
    *,
    other: str | Path | None = None,
    items: int = ITEMS,
    **options: Any,
) -> list[Part]:
    """How the prompts of annotators `a` and `b` differ, part by part, about the same items: those of `a`.

    With `other`, a second recipe, `b` is looked for there; null is the annotator called `a`, and null for `a` the only
    LLM annotator there is.

    Raises:
        RecipeError: as for `show`.
    """
    first = _Bench(recipe, options)
    second = first if other is None else _Bench(other, options)
    node_a = first.only(a)
    node_b = second.only(b or a)
    frame = first.items(node_a, items, None)
    return _parts(first.shown(node_a, frame), second.shown(node_b, second.beside(node_b, frame)))


def try_out(
    recipe: str | Path,
    annotator: str | None = None,
    *,
    send: bool = False,
    items: int = ITEMS,
    item: str | None = None,
    **options: Any,
) -> list[Tried]:
    """What asking the recipe's LLM annotators (or the one named) about a few items would cost, and with `send` what
    they answer. Answers are kept, so a run that asks the same does not pay for it again; the recipe's budget holds.

    Raises:
        RecipeError: as for `show`.
        DsbuildError: an annotator's inputs are not there yet, its endpoint cannot be used, or the budget is spent.
    """
    bench = _Bench(recipe, options)
    return [bench.tried(node, bench.items(node, items, item), send=send) for node in bench.nodes(annotator)]


class _Bench:
    """A recipe with its corpora read and built, and whatever its annotators have said already."""

    def __init__(self, recipe: str | Path, options: Mapping[str, Any]) -> None:
        self.ctx: Context = context(recipe, **options)
        self.budget = budget_of(self.ctx)
        self.graph: list[Node] = graph_of(self.ctx, self.budget)
        execute([node for node in self.graph if node.stage in ("corpora", "build")], self.ctx)
        self.outputs: dict[str, Output] = outputs_of(self.graph, self.ctx)

    def nodes(self, annotator: str | None) -> list[AnnotateNode]:
        """The nodes of all LLM annotators, or of the one that is named, or of the personas of an entry of that name."""
        from annotators.llm.config import LLMConfig

        found = [node for node in self.graph if isinstance(node, AnnotateNode) and isinstance(node.entry, LLMConfig)]
        if annotator is not None:
            exact = [node for node in found if node.entry.name == annotator]
            found = exact or [node for node in found if _is_persona_of(annotator, _config(node))]
        if not found:
            names = [node.entry.name for node in self.nodes(None)] if annotator is not None else []
            raise RecipeError(
                "The recipe has no LLM annotator" + ("." if annotator is None else f' called "{annotator}".'),
                where=str(self.ctx.recipe_path),
                fix=f"It has: {', '.join(names)}." if names else "Prompts are what LLM annotators are asked.",
            )
        return found

    def only(self, annotator: str | None) -> AnnotateNode:
        """The node of the annotator, or of the only one there is."""
        found = self.nodes(annotator)
        if len(found) > 1:
            raise RecipeError(
                f"There are several LLM annotators: {', '.join(node.entry.name for node in found)}.",
                where=str(self.ctx.recipe_path),
                fix="Name the one that is meant.",
            )
        return found[0]

    def items(self, node: AnnotateNode, count: int, item: str | None) -> pl.DataFrame:
        """The head of the annotator's items in the seeded order, or the one item; with `seen` where it sees others.
        Where several share a prompt, as many as fill whole prompts."""
        size = _config(node).items_per_prompt
        count = -(-count // size) * size
        parts: list[pl.DataFrame] = []
        for batch in self._chosen(node):
            some = batch if item is None else batch.filter(pl.col("item_id") == item)
            parts.append(some.head(count - sum(part.height for part in parts)))
            if sum(part.height for part in parts) >= (count if item is None else 1):
                break
        frame = pl.concat(parts) if parts else pl.DataFrame()
        if frame.is_empty():
            what = "has no items" if item is None else f'is not asked about an item "{item}"'
            raise DsbuildError(f'The annotator "{node.entry.name}" {what}.', where=str(self.ctx.recipe_path))
        return self.beside(node, frame)

    def _chosen(self, node: AnnotateNode) -> Iterator[pl.DataFrame]:
        on = node.entry.on
        if self.missing(node):
            # Whoever decides which items it is for has not spoken yet.
            return chosen(self.outputs["items"], on.model_copy(update={"where": None}))
        return chosen(self.outputs["items"], on, route(on, node.tasks(self.ctx), self.ctx.recipe, self.outputs))

    def beside(self, node: AnnotateNode, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` (ITEMS) with what the annotator sees of others, as far as it is there."""
        frame = frame.drop("seen", strict=False)
        shown = node.entry.shown_answers
        if not shown or self.missing(node):
            return frame
        return self._others(node).beside(frame, shown, list(self.ctx.tasks.values()))

    def missing(self, node: AnnotateNode) -> list[str]:
        """The nodes that the annotator reads and that have not run on just this."""
        return [name for name in node.inputs if name not in self.outputs]

    def _others(self, node: AnnotateNode) -> Others:
        return Others(node.entry.reads, self.ctx.recipe, self.outputs)

    def _preview(self, node: AnnotateNode, frame: pl.DataFrame) -> Preview:
        from annotators.llm.preview import Preview
        from annotators.llm.shots.library import Library

        env = environment(self.ctx, node.name, None, self.outputs, self._others(node))
        library = None if self.missing(node) else Library.of(env)
        whole = _config(node).attached(frame, env.folder)
        return Preview(_config(node), node.tasks(self.ctx), whole, library)

    def shown(self, node: AnnotateNode, frame: pl.DataFrame) -> Shown:
        """What the annotator would send about the items in `frame`."""
        config = _config(node)
        preview = self._preview(node, frame)
        asked = list(preview.asked())
        have = _stored([one.request.key for one in asked], self.ctx)
        missing = self.missing(node)
        family = preview.questions.family if not asked else asked[0].request.family
        return Shown(
            annotator=config.name,
            strategy=config.strategy if config.prompt is None else config.prompt.name,
            templates={source.name: source.version for source in preview.questions.prompt.chain.sources},
            endpoint=f"{config.endpoint()}/chat/completions" if config.local is None else f"bundled: {config.model}",
            model=family.model,
            parameters=dict(family.fields),
            schema=family.schema,
            asked=[
                AskedText(one.items, one.sample, one.request.messages, one.request.key in have, one.lacks)
                for one in asked
            ],
            notes=_notes(config, missing, frame.height),
        )

    def tried(self, node: AnnotateNode, frame: pl.DataFrame, *, send: bool) -> Tried:
        """What asking about the items in `frame` would cost, or what came of it."""
        from annotators.llm.preview import estimated

        config, tasks = _config(node), node.tasks(self.ctx)
        if missing := self.missing(node):
            raise DsbuildError(
                f'"{config.name}" reads what has not run yet: {", ".join(missing)}.',
                fix=f"Run it first: dsbuild run {self.ctx.command(f'--only {missing[0]}')}",
            )
        env = environment(self.ctx, node.name, self.budget, self.outputs, self._others(node))
        config = config.model_copy(update={"checked_singly": 0})  # what packing changes is for a run to measure
        asked = list(self._preview(node, frame).asked())
        estimate = estimated(config, asked, _stored([one.request.key for one in asked], self.ctx))
        if not send:
            return Tried(config.name, False, estimate)
        # At once, by one process, and however few of the answers are usable: that is what is to be seen.
        quick = config.model_copy(update={"max_failed": 1.0, "batch": False, "processes": 1})

        async def ask() -> tuple[list[dict[str, Any]], dict[str, Any]]:
            async with quick.open(env, tasks) as annotator:
                result = await annotator.annotate(frame, tasks)
                letters = result.dead_letters.select("item_id", "task", "reason", "detail")
                return list(letters.iter_rows(named=True)), dict(result.figures)

        letters, figures = asyncio.run(ask())
        cost = _cost_of(config)
        answers = [_told(one, tasks, cost) for one in self._heard(node, frame)]
        return Tried(config.name, True, estimate, answers, letters, figures)

    def _heard(self, node: AnnotateNode, frame: pl.DataFrame) -> list[Heard]:
        preview = self._preview(node, frame)

        async def read() -> list[Heard]:
            from annotators.llm.responses.store import ResponseStore

            async with ResponseStore(self.ctx.workspace.responses) as store:
                return list(preview.heard(store.read))

        return asyncio.run(read())


def _notes(config: LLMConfig, missing: Sequence[str], items: int) -> list[str]:
    found = [f"{', '.join(missing)} has not run yet: what it says is missing here."] if missing else []
    if items == 1 < config.items_per_prompt:
        found.append(f"alone here; in a run up to {config.items_per_prompt} items share a prompt")
    return found


def _is_persona_of(name: str, config: LLMConfig) -> bool:
    return config.persona is not None and config.name.startswith(f"{name}-")


def _config(node: AnnotateNode) -> LLMConfig:
    from annotators.llm.config import LLMConfig

    assert isinstance(node.entry, LLMConfig)  # `nodes` picks no others
    return node.entry


def _cost_of(config: LLMConfig) -> Any:
    from annotators.llm.spending.cost import cost_of

    return cost_of(config)


def _stored(keys: Sequence[bytes], ctx: Context) -> set[bytes]:
    """Which of the requests have an answer already."""
    if not ctx.workspace.responses.exists():
        return set()

    async def look() -> set[bytes]:
        from annotators.llm.responses.store import ResponseStore

        async with ResponseStore(ctx.workspace.responses) as store:
            return set(store.read(keys))

    return asyncio.run(look())


def _told(heard: Heard, tasks: Sequence[Any], cost: Any) -> dict[str, Any]:
    from annotators.llm.preview import parsed

    usd = cost.usd(heard.prompt_tokens or 0, heard.completion_tokens or 0) if cost.known else None
    return {
        "items": list(heard.items),
        "sample": heard.sample,
        "asked": heard.asked,
        "raw": heard.raw,
        "parsed": [parsed(verdict, tasks) for verdict in heard.verdicts],
        "prompt_tokens": heard.prompt_tokens,
        "completion_tokens": heard.completion_tokens,
        "usd": None if usd is None else round(usd, 8),
    }


def _parts(a: Shown, b: Shown) -> list[Part]:
    """The parts of two prompts, each with its diff; what all items share is compared once."""
    names = (a.annotator, b.annotator) if a.annotator != b.annotator else (f"{a.annotator} (1)", f"{b.annotator} (2)")

    def part(name: str, one: Sequence[str], other: Sequence[str]) -> Part:
        return Part(name, list(difflib.unified_diff(one, other, *names, lineterm="")))

    found = [
        part("strategy", [a.strategy, *_versions(a)], [b.strategy, *_versions(b)]),
        part("endpoint and model", [a.endpoint, a.model], [b.endpoint, b.model]),
        part("parameters", _json_lines(a.parameters), _json_lines(b.parameters)),
        part("schema", _json_lines(a.schema), _json_lines(b.schema)),
        part("notes", a.notes, b.notes),
    ]
    heads = [_head(a), _head(b)]
    shared = None not in heads
    if shared:
        found.append(part("the messages that all requests begin with", *(_lines(head or ()) for head in heads)))
    mine = {(one.items, one.sample): one.messages for one in a.asked}
    theirs = {(one.items, one.sample): one.messages for one in b.asked}
    for key in dict.fromkeys((*mine, *theirs)):
        sides = [side.get(key, []) for side in (mine, theirs)]
        name = f"item {', '.join(key[0])}" + (f", sample {key[1]}" if key[1] else "")
        found.append(part(name, *(_lines(side[-1:] if shared else side) for side in sides)))
    return found


def _versions(shown: Shown) -> list[str]:
    return [name if version is None else f"{name} {version}" for name, version in shown.templates.items()]


def _head(shown: Shown) -> list[Message] | None:
    """What comes before the last message, where that is the same for all items."""
    heads = [one.messages[:-1] for one in shown.asked]
    return heads[0] if heads and all(head == heads[0] for head in heads) else None


def _lines(messages: Sequence[Message]) -> list[str]:
    return [line for one in messages for line in (f"=== {one['role']}", *content_text(one["content"]).split("\n"))]


def content_text(content: Any) -> str:
    """A message's content as text: itself, or where it has parts (a recording, an image) those as JSON."""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)


def _json_lines(value: Any) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=1).split("\n")
