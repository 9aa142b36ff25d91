"""Requests about packs of items, and what an answer says about each item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from annotators.llm.packing.pack import code_of, numbered
from annotators.llm.reading import Bad, Good, read_fields, read_reply, thought, unusable
from annotators.llm.request import Family, Message, Request, messages_json
from annotators.llm.strategies import Item
from annotators.llm.strategies.phrases import say_in

if TYPE_CHECKING:
    from annotators.llm.questions import Questions
    from annotators.llm.rows import Row
    from annotators.llm.shots import Shot

# Said behind the strategy's own system message, whose form is that of one answer.
TOLD = (
    "Here each user message holds a code and several texts, each behind its number. Judge each of them by itself, as "
    'if it were the only one. Answer with one JSON object that repeats the code under "code" and holds, under every '
    "number, the answer to that text in the form above:"
)
CODE = "code"
TOKENS_A_NUMBER = 8
TOKENS_OF_THE_CODE = 16


class PackQuestions:
    """The requests that put several items into one prompt."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._families: dict[int, Family] = {}
        self._heads: dict[int, str] = {}

    def ask(self, pack: Sequence[Row]) -> Request:
        """The request about the rows of `pack`, which are of one sample."""
        texts = [(number, pack[place].item) for number, place in numbered(pack).items()]
        messages = f"{self._head(len(pack))}{messages_json([self._user(code_of(pack), texts)])[1:]}"
        return Request(self._family(len(pack)), messages, pack[0].sample, 0)

    def read(self, body: bytes, pack: Sequence[Row], form: str | None) -> list[Good | Bad]:
        """What an answer says about each row of `pack`, and why it says nothing that can be used."""
        reply = read_reply(body)
        raw = (reply.content if reply is not None else None) or ""
        wrong = unusable(reply, body)
        if wrong is not None:
            return [wrong] * len(pack)
        try:
            entries = _entries(raw, code_of(pack))
        except ValueError as error:
            return [Bad("invalid", str(error), raw)] * len(pack)
        places = numbered(pack)
        strangers = [number for number, _ in entries if number not in places]
        if strangers:
            detail = f"the answer has the number {strangers[0][:20]!r}, which no text has"
            return [Bad("invalid", detail, raw)] * len(pack)
        found: list[Good | Bad] = [Bad("invalid", "the answer has nothing under its number", raw)] * len(pack)
        for number, place in places.items():
            given = [fields for one, fields in entries if one == number]
            if len(given) > 1:
                found[place] = Bad("invalid", "the answer has its number twice", raw)
            elif given:
                row = pack[place]
                item = self._questions.prompt.turned(row.item, row.sample)
                prompt = self._questions.prompt
                verdict = read_fields(given[0], raw, self._questions.tasks, prompt.extra, item.shown)
                found[place] = prompt.meant(verdict, row.sample) if isinstance(verdict, Good) else verdict
        return found

    def _user(self, code: str, texts: Sequence[tuple[str, Item]]) -> Message:
        # Texts are quoted on one line, so none of them can begin with a number or a code of its own making.
        prompt = self._questions.prompt
        shown = [f"[{number}]\n{str(prompt.user(item)['content']).strip()}" for number, item in texts]
        return {"role": "user", "content": "\n\n".join([f"[{CODE}] {code}", *shown])}

    def _head(self, size: int) -> str:
        if size not in self._heads:
            messages = self._opening(size)
            self._heads[size] = messages_json(messages)[:-1] + ("," if messages else "")
        return self._heads[size]

    def _opening(self, size: int) -> list[Message]:
        prompt = self._questions.prompt
        language = self._questions.config.language
        (system,) = prompt.opening(language)
        form = f'{{"{CODE}": "<{CODE}>", ' + ", ".join(f'"{number}": {{...}}' for number in range(1, min(size, 3) + 1))
        form += ', ..., "' + str(size) + '": {...}}' if size > 3 else "}"
        messages: list[Message] = [
            {"role": "system", "content": f"{system['content']}\n{say_in(language)(TOLD)}\n{form}"}
        ]
        chooser = self._questions.chooser
        shots = [] if chooser is None else [(n, chooser.pool.shots[n]) for n in chooser.usual]
        for start in range(0, len(shots), size):
            messages += self._shown(shots[start : start + size], language)
        return messages

    def _shown(self, shots: Sequence[tuple[int, Shot]], language: str) -> list[Message]:
        """Examples as a pack of their own with its answer."""
        asked: list[tuple[str, Item]] = []
        code = hashlib.sha256(" ".join(shot.text for _, shot in shots).encode()).hexdigest()[:8]
        answers: dict[str, Any] = {CODE: code}
        for number, (place, shot) in enumerate(shots, 1):
            asked.append((str(number), Item(shot.text, shot.turns)))
            answer = self._questions.prompt.turns_of(shot, place + 1, language)[1]["content"]
            answers[str(number)] = json.loads(str(answer))
        return [self._user(code, asked), {"role": "assistant", "content": json.dumps(answers, ensure_ascii=False)}]

    def _family(self, size: int) -> Family:
        """What requests about packs of `size` share: a schema with their numbers, and room for as many answers."""
        if size not in self._families:
            one = self._questions.family
            numbers = [str(number) for number in range(1, size + 1)]
            schema = {
                "type": "object",
                "properties": {CODE: {"type": "string"}} | {number: {"$ref": "#/$defs/answer"} for number in numbers},
                "required": [CODE, *numbers],
                "additionalProperties": False,
                "$defs": {"answer": one.schema},
            }
            limits = {
                name: size * (limit + TOKENS_A_NUMBER) + TOKENS_OF_THE_CODE
                for name in ("max_tokens", "max_completion_tokens")
                if isinstance(limit := one.fields.get(name), int)
            }
            room = size * (one.answer_tokens + TOKENS_A_NUMBER) + TOKENS_OF_THE_CODE
            self._families[size] = replace(one, schema=schema, fields=one.fields | limits, answer_tokens=room)
        return self._families[size]


def _entries(text: str, code: str) -> list[tuple[str, dict[str, Any]]]:
    """(number, answer) of every object in the answer, doubles and all.

    The form asked for is one object with the pack's `code` and an answer by number; a list of objects that say their
    `id`, or the object by number, under the key `items` beside the code is understood too.

    Raises:
        ValueError: it is none of these, or its code is another: then it may be what one of the texts says.
    """
    start = text.find("{", thought(text))
    if start < 0:
        raise ValueError("there is no JSON object in the answer")
    try:
        found, end = _PAIRS.raw_decode(text, start)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"the JSON is broken: {error}") from error
    if "{" in text[end:]:
        raise ValueError("there is more than one JSON object in the answer")
    if not isinstance(found, _Pairs):
        raise ValueError("the answer is no object of answers by number")
    said = [value for name, value in found if name == CODE]
    if said != [code]:
        raise ValueError("the answer does not repeat the code of its texts")
    rest = _Pairs((name, value) for name, value in found if name != CODE)
    found = rest[0][1] if len(rest) == 1 and rest[0][0] == "items" else rest
    if isinstance(found, _Pairs):
        return [(name, _plain(fields)) for name, fields in found]
    if not isinstance(found, list):
        raise ValueError("the answer is no object of answers by number")
    entries = []
    for one in found:
        fields = _plain(one)
        number = fields.pop("id", None)
        if isinstance(number, bool) or not isinstance(number, int | str):
            raise ValueError('an answer in the list has no "id"')
        entries.append((str(number), fields))
    return entries


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its keys, those that stand in it twice among them."""


_PAIRS = json.JSONDecoder(object_pairs_hook=_Pairs)


def _plain(value: Any) -> dict[str, Any]:
    if not isinstance(value, _Pairs):
        raise ValueError("an answer is not a JSON object")
    return {name: _whole(inner) for name, inner in _once(value)}


def _whole(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {name: _whole(inner) for name, inner in _once(value)}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half of a character, which no file can hold
    return value


def _once(pairs: _Pairs) -> _Pairs:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands in an answer twice")
    return pairs
