"""Items cut in two: what is shown of each, and what a model that knows it would say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

LEAST = 12  # tokens of a text: six to begin with, and six to go on with
FIRST = 4  # tokens that an opening is recognised by
_WORD = re.compile(r"\w+")
# Scripts that are written without blanks between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class Piece:
    """An item's `opening` and `rest`, its first words, and its key in the corpus it comes from (null where it has none,
    or where the key is the text)."""

    item_id: str
    opening: str
    rest: str
    first: str
    key: str | None
    corpus: str


def tokens(text: str) -> list[str]:
    """The words of a text, folded; of scripts without blanks the characters."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return [one for word in _WORD.findall(folded) for one in (word if _UNSPACED.search(word) else (word,))]


def pieces(batches: Iterable[pl.DataFrame], wanted: int) -> list[Piece]:
    """The first `wanted` items (ITEMS, in the seeded order) whose text is long enough, each text once."""
    found: list[Piece] = []
    seen: set[str] = set()
    for batch in batches:
        for item_id, corpus, text, source in batch.select("item_id", "corpus", "text", "source").iter_rows():
            cut = None if text is None else halves(text)
            if cut is None or text in seen:
                continue
            seen.add(text)
            key = None if source is None else source["key"]
            found.append(Piece(item_id, cut[0], cut[1], first_words(text), key if key != text else None, corpus))
            if len(found) == wanted:
                return found
    return found


def halves(text: str) -> tuple[str, str] | None:
    """The text cut before the token in its middle; null where it has fewer than `LEAST` tokens."""
    places = list(_places(text))
    if len(places) < LEAST:
        return None
    middle = places[len(places) // 2]
    return text[:middle].rstrip(), text[middle:].lstrip()


def first_words(text: str) -> str:
    """The text up to its token after the first `FIRST`."""
    places = list(_places(text))
    return text if len(places) <= FIRST else text[: places[FIRST]].rstrip()


def _places(text: str) -> Iterator[int]:
    """Where each token of `text` begins."""
    for found in _WORD.finditer(text):
        yield from range(*found.span()) if _UNSPACED.search(found[0]) else (found.start(),)


def likeness(said: Sequence[str], true: Sequence[str]) -> float:
    """How much of `true` stands in `said` word for word: the longest run of tokens in both, as a share of `true`.

    A run is what memory gives and a good guess hardly ever does.
    """
    if not true:
        return 0.0
    best = 0
    before = [0] * (len(said) + 1)
    for one in true:
        now = [0] * (len(said) + 1)
        for place, other in enumerate(said, start=1):
            if one == other:
                now[place] = before[place - 1] + 1
                best = max(best, now[place])
        before = now
    return best / len(true)
