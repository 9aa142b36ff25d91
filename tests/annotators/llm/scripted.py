"""An endpoint that says what a test wants it to say, without a wire: whoever asks gets the next answer, once and for
all, as the response store would keep it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from annotators.llm.request import Request
from annotators.llm.responses.answers import Stored
from annotators.llm.wire.transport import RowFailed

Says = Callable[[Request, int], Any]


def completion(content: str | None, finish: str = "stop", refusal: str | None = None) -> bytes:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}]}).encode()


class Scripted:
    """`says(request, n)` is the content of the n-th answer (from 0): a text, an object, a body, or an error to
    raise."""

    def __init__(self, says: Says, form: str | None = "json_schema") -> None:
        self._says = says
        self._form = form
        self.store: dict[bytes, Stored] = {}
        self.asked: list[Request] = []
        self.about: list[str] = []

    async def answer(self, request: Request, item_id: str) -> Stored:
        if request.key not in self.store:
            said = self._says(request, len(self.asked))
            self.asked.append(request)
            self.about.append(item_id)
            if isinstance(said, Exception):
                raise said
            body = said if isinstance(said, bytes) else completion(said if isinstance(said, str) else json.dumps(said))
            self.store[request.key] = Stored(body, None, None, self._form)
        return self.store[request.key]

    async def has(self, request: Request) -> bool:
        return request.key in self.store


def failed(detail: str = "HTTP 500: no") -> RowFailed:
    return RowFailed(detail)
