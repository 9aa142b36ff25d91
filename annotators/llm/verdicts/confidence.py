"""How probable an answer was to the model, from the log-probabilities of its tokens.

Of one value, a label say: the product of the probabilities of the tokens that spell it,

    p(value) = exp(sum of logprob(t) over the tokens t that have a byte between the value's first and last),

given everything before it. Quotes around a string do not count, unless a token holds both a quote and a letter. Of an
answer with several values (the labels of a multi, the levels of an intensity): the mean of these. "None of these" is
spelt by `null` or `[]`. It is the model's own certainty, so it is calibrated against gold before anyone trusts it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.verdicts.places import places
from schemas.kinds import kind_of

if TYPE_CHECKING:
    from schemas.task import Task

DECIMALS: Final = 6
# A text of one's own words has no probability that says how sure its judgement is.
_SPELT: Final = frozenset({"choice", "multi", "ranking", "intensity", "scale", "pairwise", "attributes"})


def confidences(logprobs: Any, content: str, start: int, tasks: Sequence[Task]) -> tuple[float | None, ...]:
    """The probability of the answer to each of `tasks`, null where it cannot be known.

    `logprobs` is the server's `choices[0].logprobs`; in `content` the JSON object begins at character `start`.
    """
    unknown: tuple[float | None, ...] = (None,) * len(tasks)
    tokens = _tokens(logprobs)
    if not tokens:
        return unknown
    spoken = b"".join(raw for raw, _ in tokens)
    body = content.encode("utf-8", "surrogatepass")
    # Some servers count the end of the turn, or blanks that they cut off from the answer, among the tokens.
    shift = spoken.find(body)
    if shift < 0:
        return unknown
    ends = list(accumulate(len(raw) for raw, _ in tokens))
    found: dict[str, list[float]] = {}
    several = len(tasks) > 1
    keys = {kind_of(task).key: task for task in tasks}
    for path, _, first, last in places(content, start):
        owner = str(path[0]) if several else (tasks[0].name if path and path[0] in keys else "")
        begin = shift + len(content[:first].encode("utf-8", "surrogatepass"))
        end = shift + len(content[:last].encode("utf-8", "surrogatepass"))
        if begin < end:
            p = _product(tokens, ends, begin, end)
            if p is None:
                return unknown
            found.setdefault(owner, []).append(p)
    return tuple(
        round(sum(mine) / len(mine), DECIMALS) if task.kind in _SPELT and (mine := found.get(task.name)) else None
        for task in tasks
    )


def _product(tokens: Sequence[tuple[bytes, float]], ends: Sequence[int], begin: int, end: int) -> float | None:
    first = bisect_right(ends, begin)  # the token that holds the byte `begin`
    last = bisect_left(ends, end)
    chosen = tokens[first : last + 1]
    total = sum(logprob for _, logprob in chosen)
    return min(math.exp(total), 1.0) if chosen and not math.isnan(total) else None


def _tokens(logprobs: Any) -> list[tuple[bytes, float]]:
    """(bytes, log-probability) of every token; empty where the server gave none, or not in OpenAI's form."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return []
    found: list[tuple[bytes, float]] = []
    for token in content:
        raw = token.get("bytes") if isinstance(token, dict) else None
        said, logprob = (token.get("token"), token.get("logprob")) if isinstance(token, dict) else (None, None)
        if isinstance(logprob, bool) or not isinstance(logprob, int | float) or logprob > 1e-3:
            return []
        if isinstance(raw, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in raw):
            found.append((bytes(raw), float(logprob)))
        elif isinstance(said, str):
            found.append((said.encode("utf-8", "surrogatepass"), float(logprob)))
        else:
            return []
    return found
