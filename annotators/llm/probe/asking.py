"""Putting the probe's questions to a model, by the annotator's own transport, store and budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from annotators.llm.annotator import LLMAnnotator
from annotators.llm.asking import Desk
from annotators.llm.build import build
from annotators.llm.probe.figures import Figure, against_others, against_own
from annotators.llm.probe.pieces import Piece, first_words, likeness, pieces, tokens
from annotators.llm.questions import Questions
from annotators.llm.reading import one_object, read_reply
from annotators.llm.request import Family, Request, messages_json
from annotators.llm.strategies.quote import quoted
from annotators.llm.wire.transport import RowFailed
from schemas.answer import Answer
from schemas.errors import DsbuildError
from schemas.kinds import kind_of

if TYPE_CHECKING:
    import polars as pl

    from annotators.llm.config import LLMConfig
    from schemas.config import AnnotatorEnv
    from schemas.task import Task

TOKENS = 512  # room for an answer, where the annotator's own is for a label


def _text_schema(field: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field: {"type": "string"}},
        "required": [field],
        "additionalProperties": False,
    }


CONTINUATION, REWRITING = _text_schema("continuation"), _text_schema("rewriting")


@cache
def template(name: str) -> str:
    """A prompt of the probe, as it ships."""
    return (files("annotators.llm.probe") / "prompts" / f"{name}.j2").read_text(encoding="utf-8")


def system_of(name: str, **values: object) -> str:
    """A prompt of the probe with `values` in their places."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    return environment.from_string(template(name)).render(**values).strip()


async def probe(
    config: LLMConfig,
    env: AnnotatorEnv,
    tasks: Sequence[Task],
    batches: Iterable[pl.DataFrame],
    gold: Mapping[str, pl.DataFrame],
    seed: int,
) -> list[Figure]:
    """What the model that `config` names knows by heart of the items in `batches` (ITEMS, in the seeded order).

    `gold` has LABELS by task of the items that came with people's answers; the first of `tasks` that is in it is asked
    about. Answers are stored, so that asking again costs nothing.

    Raises:
        DsbuildError: no request can be answered (endpoint, key, quota, budget, full disk).
    """
    assert config.probe is not None  # whoever calls has looked
    found = pieces(batches, config.probe.memory)
    margin = config.probe.margin
    plain = config.model_copy(update={"batch": False, "logprobs": False, "processes": 1})
    async with build(
        plain,
        tasks=tasks,
        store_path=env.store,
        workspace=env.cache,
        budget=env.budget,
        log_dir=env.logs,
        folder=env.folder,
        library=None,
    ) as annotator:
        assert isinstance(annotator, LLMAnnotator)  # of one process
        asker = _Asker(plain, annotator.desk(), Questions.groups(plain, tasks)[0], env)
        figures = await _continued(asker, found, margin, seed)
        asked = next((task for task in tasks if task.name in gold), None)
        if asked is not None:
            figures += await _labelled(asker, found, asked, gold[asked.name], margin, seed)
    return figures


def family_for(of: Family, schema: Mapping[str, Any]) -> Family:
    """The requests of an annotator's family `of` that are answered in another form, with room for a few sentences."""
    fields = dict(of.fields)
    room = next((name for name in ("max_completion_tokens", "max_tokens") if name in fields), None)
    if room is not None:
        fields[room] = max(TOKENS, int(fields[room] or 0))  # type: ignore[arg-type]  # a whole number, by Params
    return Family(of.identity, of.model, fields, dict(schema), max(TOKENS, of.answer_tokens))


def request(family: Family, system: str, text: str) -> Request:
    """The request that puts `text` to the model."""
    turns = [{"role": "system", "content": system}, {"role": "user", "content": text}]
    return Request(family, messages_json(turns), 0, 0)


def words_of(found: Sequence[Piece]) -> int:
    """In how many words the model is asked to go on: as many as are left of an item on average."""
    return round(np.mean([len(tokens(piece.rest)) for piece in found])) if found else 0


def label_form(task: Task) -> tuple[str, dict[str, Any]]:
    """The prompt that asks for the label, and the schema of its answer."""
    question = task.instruction("en") or f"The task {task.name}."
    labels = f" Labels: {', '.join(task.label_ids)}." if task.label_ids else ""
    schema = task.json_schema()
    form = quoted(dict.fromkeys(schema["properties"], "..."))
    return system_of("label", question=f"{question}{labels}", form=form), schema


class _Asker:
    """Questions of one form at a time, asked all at once: the transport holds back what is too much."""

    def __init__(self, config: LLMConfig, desk: Desk, questions: Questions, env: AnnotatorEnv) -> None:
        self._desk = desk
        self._config = config
        self._of = questions.family
        self._env = env
        self._done = 0

    async def ask(self, system: str, schema: Mapping[str, Any], shown: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """The JSON objects that answer `system` about each of `shown` ({item: JSON}); what is none is not there."""
        family = family_for(self._of, schema)

        async def one(item: str, text: str) -> tuple[str, dict[str, Any] | None]:
            try:
                async with asyncio.timeout(self._config.deadline_s):
                    stored = await self._desk.answer(request(family, system, text), item)
                answer = _object(stored.body)
            except (RowFailed, TimeoutError):
                answer = None  # a row that fails has no part in the figures, whose `items` say how many have
            self._done += 1
            self._env.progress(self._done, max(self._done, len(shown)))
            return item, answer

        answers = await asyncio.gather(*(one(item, text) for item, text in shown.items()))
        return {item: answer for item, answer in answers if answer is not None}


def _object(body: bytes) -> dict[str, Any] | None:
    reply = read_reply(body)
    if reply is None or reply.content is None:
        return None
    try:
        return one_object(reply.content)
    except ValueError:
        return None


def _said(answers: Mapping[str, Mapping[str, Any]], field: str) -> dict[str, str]:
    return {item: one[field] for item, one in answers.items() if isinstance(one.get(field), str) and one[field].strip()}


async def _rewritten(asker: _Asker, found: Sequence[Piece]) -> dict[str, str]:
    shown = {piece.item_id: quoted(piece.opening) for piece in found}
    return _said(await asker.ask(system_of("rewrite"), REWRITING, shown), "rewriting")


async def _continued(asker: _Asker, found: Sequence[Piece], margin: float, seed: int) -> list[Figure]:
    """The second half of items: nearer to the truth than to other items' halves, and than what follows the same opening
    in other words. The larger of the two controls counts, item by item."""
    system, schema = system_of("continue", words=words_of(found)), CONTINUATION
    plain = _said(await asker.ask(system, schema, {one.item_id: quoted(one.opening) for one in found}), "continuation")
    other = await _rewritten(asker, found)
    again = _said(await asker.ask(system, schema, {item: quoted(text) for item, text in other.items()}), "continuation")
    usable = [piece for piece in found if piece.item_id in plain and piece.item_id in again]
    truths = [tokens(piece.rest) for piece in usable]
    said = [tokens(plain[piece.item_id]) for piece in usable]
    reworded = [tokens(again[piece.item_id]) for piece in usable]
    near = np.array([likeness(one, true) for one, true in zip(said, truths, strict=True)])
    own = np.array([likeness(one, true) for one, true in zip(reworded, truths, strict=True)])
    strange = np.array([_others(place, said[place], truths, seed) for place in range(len(usable))])
    return [against_own("continuation", near, np.maximum(own, strange) if len(usable) else own, margin, seed)]


def _others(place: int, said: Sequence[str], truths: Sequence[Sequence[str]], seed: int, most: int = 20) -> float:
    """How near `said` is on average to the halves of other items, at most so many of them."""
    others = [one for one in range(len(truths)) if one != place]
    if not others:
        return 0.0
    drawn = np.random.default_rng([seed, place]).permutation(len(others))[:most]
    return float(np.mean([likeness(said, truths[others[one]]) for one in drawn]))


async def _labelled(
    asker: _Asker, found: Sequence[Piece], task: Task, gold: pl.DataFrame, margin: float, seed: int
) -> list[Figure]:
    """The label from the item's id alone, against other items' labels; and from its first words, against the same words
    rewritten, since words say something of the label to whoever understands them."""
    column = kind_of(task).column
    truths = {
        row["item_id"]: Answer.from_columns(_as_annotation(row)) for row in gold.to_dicts() if row[column] is not None
    }
    usable = [piece for piece in found if piece.item_id in truths]
    system, schema = label_form(task)
    by_id = {one.item_id: quoted({"corpus": one.corpus, "id": one.key}) for one in usable if one.key is not None}
    figures = []
    if by_id:
        answers = _answers(await asker.ask(system, schema, by_id), task)
        places = [item for item in by_id if item in answers]
        matrix = np.array([[_nearness(task, answers[row], truths[col]) for col in places] for row in places])
        figures.append(against_others("label from the id", matrix.reshape(len(places), len(places)), margin, seed))
    rewritten = await _rewritten(asker, usable)
    shown = {one.item_id: quoted({"corpus": one.corpus, "first words": one.first}) for one in usable}
    corpora = {one.item_id: one.corpus for one in usable}
    control = {
        item: quoted({"corpus": corpora[item], "first words": first_words(text)}) for item, text in rewritten.items()
    }
    first = _answers(await asker.ask(system, schema, shown), task)
    other = _answers(await asker.ask(system, schema, control), task)
    places = [item for item in shown if item in first and item in other]
    near = np.array([_nearness(task, first[item], truths[item]) for item in places])
    own = np.array([_nearness(task, other[item], truths[item]) for item in places])
    figures.append(against_own("label from the first words", near, own, margin, seed))
    return figures


def _answers(given: Mapping[str, Mapping[str, Any]], task: Task) -> dict[str, Answer]:
    found = {}
    for item, one in given.items():
        try:
            found[item] = task.parse(one)
        except ValueError:
            continue  # no answer to the task, so no part in the figures
    return found


def _nearness(task: Task, one: Answer, true: Answer) -> float:
    try:
        return 1 - task.difference(one, true)
    except ValueError as error:
        raise DsbuildError(
            f"The labels of {task.name} that the corpus came with cannot be compared: {error}."
        ) from error


def _as_annotation(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of LABELS as a row of ANNOTATIONS, its labels without the shares behind them."""
    fields = {name: row.get(name) for name in ("value", "spans", "trace", "text")}
    labels = row["labels"]
    if labels is not None:
        labels = [{"label": one["label"], "score": one.get("score"), "original": None} for one in labels]
    return {**fields, "labels": labels, "asked": None}
