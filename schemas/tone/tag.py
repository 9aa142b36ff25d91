"""Emotion terms in text: every word of TONE that stands there whole, with its place and its node.

A word stands where its letters do, in any case of ASCII letters, with no letter, digit or underscore right before or
after it. A blank in a term is any run of blanks, any other mark in it is itself. Of terms that begin at the same
place the longest counts, and what lies inside a term is not looked at again. The terms are English words in ASCII;
text may be in any script, as UTF-8.

The way: bytes are classed by a table, tokens are runs of word characters, and a token's first and last eight bytes
with its length are its key (they are all of a word of up to 16 letters), which is looked up among the terms' keys.
So nothing is done per byte in Python, and little per token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_PAD: Final = 16
_LETTERS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_CLASS: Final = bytes(byte in _LETTERS for byte in range(256))
_LOWER = np.uint64(0x2020202020202020)
# Masks for the first n bytes of a little-endian word of eight, n from 0 to 8.
_FIRST = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [(1 << 64) - 1], dtype=np.uint64)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SLOT_BITS: Final = 18
_PART = re.compile(r"[A-Za-z0-9_]+")
_BYTES_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True)
class Hits:
    """N hits in a buffer: byte offsets `start` and `end` (exclusive), and `term`, the position in the tagger's terms;
    sorted by start, none within another. All (N,) int64."""

    start: Ints
    end: Ints
    term: Ints


class Tagger:
    """Finds `terms` (ASCII; folded, so that no two are alike but for case) in UTF-8 text.

    Raises:
        ValueError: a term has letters outside ASCII, or none at all.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = tuple(terms)
        parts = [_PART.findall(term) for term in terms]
        for term, found in zip(terms, parts, strict=True):
            if not term.isascii() or not found or not (term[0] + term[-1]).replace("_", "a").isalnum():
                raise ValueError(f"{term!r} is no term: ASCII letters or digits have to begin and end it")
        single = [number for number, found in enumerate(parts) if len(found) == 1]
        firsts = sorted({found[0].lower() for found in parts})
        self._firsts = firsts
        raw = [first.encode() for first in firsts]
        self._lengths = (min(map(len, raw), default=0), max(map(len, raw), default=0))
        buffer = np.frombuffer(b"".join(word + bytes(_PAD) for word in raw) + bytes(_PAD), dtype=np.uint8)
        length = np.array([len(word) for word in raw], dtype=np.int64)
        start = np.concatenate([[0], np.cumsum(length + _PAD)[:-1]]).astype(np.int64) if raw else length
        keys = _keys(buffer, start, length)
        if len(np.unique(keys)) != len(keys):
            raise ValueError("two terms have the same key")
        self._multiplier, self._slots, self._keys = _perfect(keys)
        # A token can only be a term if a term begins with its first two bytes.
        self._opens = np.zeros(65536, dtype=np.bool_)
        for word in raw:
            self._opens[(word[0] | (word[1] << 8) | 0x2020) if len(word) > 1 else 0] = True
        self._short = any(len(word) == 1 for word in raw)
        place = {first: number for number, first in enumerate(firsts)}
        self._alone = np.full(len(firsts), -1, dtype=np.int64)
        for number in single:
            self._alone[place[parts[number][0].lower()]] = number
        # Terms of several parts by the first of them, the longest first, each as what has to follow.
        self._longer: dict[int, list[tuple[re.Pattern[bytes], int]]] = {}
        for number, (term, found) in enumerate(zip(terms, parts, strict=True)):
            if len(found) > 1:
                pattern = rb"\s+".join(re.escape(piece.encode()) for piece in term.split())
                rest = re.compile(pattern, re.IGNORECASE)
                self._longer.setdefault(place[found[0].lower()], []).append((rest, number))
        for listed in self._longer.values():
            listed.sort(key=lambda one: -len(self.terms[one[1]]))
        # What may follow such a first part: one mark and two bytes, or two marks. Most of these parts are as common as
        # "in" and "at", so this saves nearly all of the looks.
        self._row = np.full(len(firsts), -1, dtype=np.int64)
        self._row[list(self._longer)] = np.arange(len(self._longer))
        self._follows = np.zeros((len(self._longer), 65536), dtype=np.bool_)
        marks = np.array([not _CLASS[byte] for byte in range(256)])
        self._follows |= marks[np.arange(65536) & 255]
        for first, listed in self._longer.items():
            for _, number in listed:
                second = parts[number][1].lower().encode() + b"\0"
                opening = second[0] | 0x20 | ((second[1] | 0x20) << 8)
                if second[1] == 0:  # a part of one letter: anything may come after it
                    self._follows[self._row[first], second[0] | 0x20 :: 256] = True
                self._follows[self._row[first], opening] = True

    def find(self, text: bytes) -> Hits:
        """The terms in `text`, UTF-8 of any length."""
        data = np.frombuffer(text + bytes(_PAD), dtype=np.uint8)
        start, end, first = self._tokens(data, len(text))
        term = self._alone[first]
        rows = self._row[first]
        several = np.flatnonzero(rows >= 0)
        two = _pairs(data)
        following = two[np.minimum(end[several] + 1, len(two) - 1)]
        several = several[self._follows[rows[several], following] | self._follows[rows[several], following | 0x2020]]
        for at in several.tolist():
            for pattern, number in self._longer[int(first[at])]:
                match = pattern.match(text, int(start[at]))
                if match is not None and not (match.end() < len(text) and _CLASS[text[match.end()]]):
                    end[at], term[at] = match.end(), number
                    break
        kept = term >= 0
        start, end, term = start[kept], end[kept], term[kept]
        outside = _beside_a_letter(text, data, start, end)
        if outside.size:
            start, end, term = (np.delete(column, outside) for column in (start, end, term))
        inside = np.flatnonzero(start[1:] < np.maximum.accumulate(end)[:-1]) if several.size else start[:0]
        if inside.size:
            start, end, term = (np.delete(column, inside + 1) for column in (start, end, term))
        return Hits(start, end, term)

    def _tokens(self, data: Bytes, size: int) -> tuple[Ints, Ints, Ints]:
        """Tokens that are, or begin, a term: where they start and end, and which of the first parts they are."""
        # bytes.translate and a comparison of bytes are the fastest passes over text that there are.
        word = np.frombuffer(b"\0" + data[: size + 1].tobytes().translate(_CLASS), dtype=np.bool_)
        edges = np.flatnonzero(word[1:] != word[:-1])
        start, end = edges[0::2], edges[1::2]
        likely = self._opens[_pairs(data)[start] | np.uint16(0x2020)]
        length = end - start
        low, high = self._lengths
        likely &= (length >= low) & (length <= high)
        if self._short:
            likely |= length == 1
        start, end, length = start[likely], end[likely], length[likely]
        keys = _keys(data, start, length)
        first = self._slots[_slot(keys, self._multiplier)]
        same = np.flatnonzero((self._keys[first] == keys) & (first >= 0))
        start, end, first = start[same], end[same], first[same]
        # Beyond 16 letters the key does not hold the middle of the word.
        for place in np.flatnonzero(end - start > 16)[::-1].tolist():
            found = data[start[place] : end[place]].tobytes().decode("ascii").lower()
            if found != self._firsts[int(first[place])]:
                start, end, first = (np.delete(column, place) for column in (start, end, first))
        return start.copy(), end.copy(), first


def _pairs(data: Bytes) -> NDArray[np.uint16]:
    """(len(data) - 1,) every two bytes that follow each other, the first one low."""
    return np.ndarray((len(data) - 1,), dtype="<u2", buffer=data, strides=(1,))


def _slot(keys: NDArray[np.uint64], multiplier: np.uint64) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return np.asarray((keys * multiplier) >> np.uint64(64 - _SLOT_BITS))


def _perfect(keys: NDArray[np.uint64]) -> tuple[np.uint64, Ints, NDArray[np.uint64]]:
    """A multiplier that gives each key a slot of its own, the place in `keys` behind each slot (-1: none), `keys`."""
    for odd in range(1, 20_001, 2):
        multiplier = np.uint64((int(_MIX) * odd) % 2**64)
        slots = _slot(keys, multiplier)
        if len(np.unique(slots)) == len(keys):
            table = np.full(1 << _SLOT_BITS, -1, dtype=np.int64)
            table[slots] = np.arange(len(keys))
            return multiplier, table, keys
    raise ValueError(f"{len(keys)} terms are more than this tagger's table can tell apart")


def _keys(data: Bytes, start: Ints, length: Ints) -> NDArray[np.uint64]:
    """(N,) a number for each token of `data`: its length, its first and its last eight bytes, mixed."""
    eight: NDArray[np.uint64] = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    mask = _FIRST[np.minimum(length, 8)]
    first = (eight[start] | _LOWER) & mask
    last = (eight[np.maximum(start + length - 8, start)] | _LOWER) & mask
    with np.errstate(over="ignore"):
        return np.asarray((first * _MIX) ^ (last + length.astype(np.uint64)) * np.uint64(0xC2B2AE3D27D4EB4F))


def _beside_a_letter(text: bytes, data: Bytes, start: Ints, end: Ints) -> Ints:
    """The hits that a letter outside ASCII touches: they are parts of longer words."""
    before = (start > 0) & (data[np.maximum(start - 1, 0)] >= 128)
    after = data[end] >= 128
    bad = []
    for place in np.flatnonzero(before | after).tolist():
        left = text[max(0, int(start[place]) - 4) : int(start[place])].decode("utf-8", "ignore")[-1:]
        right = text[int(end[place]) : int(end[place]) + 4].decode("utf-8", "ignore")[:1]
        if (before[place] and _is_letter(left)) or (after[place] and _is_letter(right)):
            bad.append(place)
    return np.array(bad, dtype=np.int64)


def _is_letter(character: str) -> bool:
    # Combining marks belong to the letter before them.
    import unicodedata

    return character.isalnum() or unicodedata.category(character or " ").startswith("M")


@cache
def tagger() -> Tagger:
    """The tagger of all of TONE's words."""
    from schemas.tone.ask import all_words

    return Tagger(sorted(word for word in all_words() if word.isascii()))


def tag(texts: pl.Series) -> pl.DataFrame:
    """The emotion terms of `texts` (String), in order: {row: UInt32, start: Int64, end: Int64 (characters, exclusive),
    word, term, tier: Int8, primary, secondary, tertiary, known_as}.

    `word` is as it stands in the text; the node is the widest that the word stands for. Null texts have no terms.
    """
    import polars as pl

    from schemas.tone.ask import all_words

    find = tagger()
    names = all_words()
    best = [names[term][0] for term in find.terms]
    table = pl.DataFrame(
        {
            "term": [one.node.term for one in best],
            "tier": [one.node.tier for one in best],
            "primary": [one.node.primary for one in best],
            "secondary": [one.node.secondary for one in best],
            "tertiary": [one.node.tertiary for one in best],
            "known_as": [one.known_as for one in best],
        },
        schema_overrides={"tier": pl.Int8, "secondary": pl.String, "tertiary": pl.String},
    )
    parts = [_tag(chunk, at, find, table) for chunk, at in _chunks(texts)]
    return pl.concat(parts) if parts else _tag(texts.clear(), 0, find, table)


def _chunks(texts: pl.Series) -> list[tuple[pl.Series, int]]:
    """Runs of texts of a few megabytes, so that the work stays in the cache, with the row each begins at."""
    if not len(texts):
        return []
    sizes = texts.str.len_bytes().fill_null(0).to_numpy()
    number = np.cumsum(sizes.astype(np.int64)) // _BYTES_AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(texts)]
    return [(texts[a:b], a) for a, b in pairwise(cuts)]


def _tag(texts: pl.Series, first_row: int, find: Tagger, table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    # A newline between two texts is no part of a word; in a term it would be a blank, so a hit may not cross it.
    joined = texts.fill_null("").rechunk()
    sizes = joined.str.len_bytes().to_numpy().astype(np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes + 1)[:-1]]) if len(sizes) else sizes
    data = joined.str.join("\x00").item().encode()
    hits = find.find(data)
    row = np.searchsorted(begins, hits.start, side="right") - 1
    raw = np.frombuffer(data, dtype=np.uint8)
    # A character's later bytes are 10xxxxxx; offsets count characters.
    later = np.flatnonzero((raw & 0xC0) == 0x80)
    skipped = np.searchsorted(later, begins[row])
    start = hits.start - begins[row] - (np.searchsorted(later, hits.start) - skipped)
    end = hits.end - begins[row] - (np.searchsorted(later, hits.end) - skipped)
    words = [data[a:b].decode() for a, b in zip(hits.start.tolist(), hits.end.tolist(), strict=True)]
    return pl.DataFrame(
        {
            "row": pl.Series(row + first_row, dtype=pl.UInt32),
            "start": pl.Series(start, dtype=pl.Int64),
            "end": pl.Series(end, dtype=pl.Int64),
            "word": pl.Series(words, dtype=pl.String),
        }
    ).hstack(table[hits.term])
