"""A chat request: its body, and the hash under which its answer is stored.

The hash covers everything an answer may depend on: who answers (`identity`), every byte of every message, the schema
asked for, the sampling parameters, which sample it is, and how often it was asked before because an answer was
unusable. It covers nothing else: no port, no key, no time, no order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from pydantic import JsonValue

FORMAT: Final = "dsbuild.request/1"


class Message(TypedDict):
    """A chat message, as in `openai.types.chat`: role is system, user or assistant."""

    role: str
    content: str


def canonical(value: Any) -> str:
    """JSON with sorted keys, no blanks, as UTF-8 text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Family:
    """What all requests of one annotator and one set of tasks have in common.

    `identity` says who answers; `model` goes into the body; `fields` are the sampling parameters and whatever else
    the body holds; `schema` is the JSON Schema of the answer; `answer_tokens` is the most an answer can have (for the
    budget; the hash has it in `fields`).
    """

    identity: dict[str, JsonValue]
    model: str
    fields: dict[str, JsonValue]
    schema: dict[str, Any]
    answer_tokens: int = 4096

    @cached_property
    def head(self) -> bytes:
        """The part of the hashed text that all requests share."""
        return canonical([FORMAT, self.identity, self.model, self.fields, self.schema]).encode("utf-8", "surrogatepass")

    @cached_property
    def rest_of_body(self) -> dict[str, dict[str, Any]]:
        """What stands in a body besides the messages, for each response format a server may understand."""
        # Some servers call a function with a schema, and understand no schema for the answer itself.
        schema = {"name": "annotation", "strict": True, "schema": without_unique(self.schema)}
        function = {"name": "annotation", "strict": True, "parameters": schema["schema"]}
        choice = {"type": "function", "function": {"name": "annotation"}}
        fields = {"model": self.model, **self.fields}
        return {
            "json_schema": fields | {"response_format": {"type": "json_schema", "json_schema": schema}},
            "tool": fields | {"tools": [{"type": "function", "function": function}], "tool_choice": choice},
            "json_object": fields | {"response_format": {"type": "json_object"}},
            "text": fields,
        }

    def tail(self, response_format: str, sample: int) -> bytes:
        """What follows the messages in a body, for the n-th sample."""
        tail = self._tails.get((response_format, sample))
        if tail is None:
            fields = self.rest_of_body[response_format]
            seed = fields.get("seed")
            if isinstance(seed, int):
                fields = fields | {"seed": seed + sample}
            tail = self._tails[response_format, sample] = json.dumps(fields, separators=(",", ":")).encode()[1:]
        return tail

    @cached_property
    def _tails(self) -> dict[tuple[str, int], bytes]:
        return {}


class Request:
    """One request of a family: its messages, the number of the sample, and of the ask (0 for the first).

    `key` (32 bytes) is its hash. The messages are kept as their JSON, which is hashed and sent as it is, but for the
    files of `media`, whose bytes take the place of their references when it is sent.
    """

    __slots__ = ("_text", "ask", "family", "key", "media", "sample")

    def __init__(
        self, family: Family, messages: str, sample: int, ask: int, media: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.family = family
        self.media = media
        self.sample = sample
        self.ask = ask
        self._text = messages
        # JSON holds no raw line break, so the three parts cannot run into each other.
        tail = f"\n{messages}\n{sample}/{ask}".encode("utf-8", "surrogatepass")
        self.key = hashlib.sha256(family.head + tail).digest()

    @property
    def messages(self) -> list[Message]:
        """The messages."""
        parsed: list[Message] = json.loads(self._text)
        return parsed

    def size(self) -> int:
        """An upper bound for the tokens of the prompt: the bytes of the messages as JSON, names and all."""
        text = len(self._text.encode("utf-8", "surrogatepass"))
        if not self.media:
            return text
        from annotators.llm.media import most_tokens

        return text + most_tokens(self.media)

    def body(self, response_format: str) -> bytes:
        """The HTTP body; `response_format` is one of wire.formats.FORMATS, by what the server understands."""
        text = self._text
        if self.media:
            from annotators.llm.media import filled

            text = filled(text, self.media)
        try:
            messages = text.encode()
        except UnicodeEncodeError:
            # A lone surrogate has no UTF-8; its JSON escape has.
            messages = json.dumps(json.loads(text)).encode()
        return b'{"messages":' + messages + b"," + self.family.tail(response_format, self.sample)


_MESSAGES = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def messages_json(messages: Sequence[Message] | Sequence[Mapping[str, object]]) -> str:
    """Messages as the JSON that is hashed and sent."""
    return _MESSAGES.encode(messages)


def without_unique(schema: Any) -> Any:
    """The schema without `uniqueItems`, which OpenAI's strict mode refuses; the Task's own check still holds it."""
    if isinstance(schema, dict):
        return {name: without_unique(value) for name, value in schema.items() if name != "uniqueItems"}
    if isinstance(schema, list):
        return [without_unique(value) for value in schema]
    return schema
