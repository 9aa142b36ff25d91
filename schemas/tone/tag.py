"""Emotion terms in text: every word of TONE that stands there whole, with its place and its node.

A word stands where its letters do, in any case of ASCII letters, with no letter, digit or underscore right before or
after it. A blank in a term is any run of blanks, any other mark in it is itself. Of terms that begin at the same
place the longest counts, and what lies inside a term is not looked at again. The terms are English words in ASCII;
text may be in any script, as UTF-8.

The way: bytes are classed by a table, and tokens are runs of word characters. Most tokens begin with no three letters
that a term of their length begins with, which one look into a small table tells. Of the rest the first and last eight
bytes with the length are the key (they are all of a word of up to 16 letters), which is looked up among the terms'
keys. So nothing is done per byte in Python, and little per token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
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
_OPEN_BITS: Final = 19
_PART = re.compile(r"[A-Za-z0-9_]+")
_BYTES_AT_ONCE: Final = 500_000


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
        buffer = np.frombuffer(b"".join(word + bytes(_PAD) for word in raw) + bytes(_PAD), dtype=np.uint8)
        length = np.array([len(word) for word in raw], dtype=np.int64)
        start = np.concatenate([[0], np.cumsum(length + _PAD)[:-1]]).astype(np.int64) if raw else length
        keys = _keys(buffer, start, length)
        if len(np.unique(keys)) != len(keys):
            raise ValueError("two terms have the same key")
        self._multiplier, self._slots, self._keys = _perfect(keys)
        # A token can only be a term, or the first part of one, if one of its length has its first three letters.
        self._opens = np.zeros(1 << _OPEN_BITS, dtype=np.bool_)
        for word in raw:
            # What follows a word of one or two letters is no part of it, so there it may be anything.
            ends = (
                [word[:3]]
                if len(word) > 2
                else [word + bytes(more) for more in product(range(32), repeat=3 - len(word))]
            )
            first_four = np.array([int.from_bytes(each, "little") for each in ends], dtype=np.uint32)
            self._opens[_opening(first_four, np.full(len(ends), len(word)))] = True
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
                if match is not None and _ends_whole(text, match.end()):
                    end[at], term[at] = match.end(), number
                    break
        kept = term >= 0
        start, end, term = start[kept], end[kept], term[kept]
        dropped = _beside_a_letter(text, data, start, end)
        if dropped.size:
            start, end, term = (np.delete(column, dropped) for column in (start, end, term))
        if several.size:
            dropped = _inside(start, end)
            start, end, term = (np.delete(column, dropped) for column in (start, end, term))
        return Hits(start, end, term)

    def _tokens(self, data: Bytes, size: int) -> tuple[Ints, Ints, Ints]:
        """Tokens that are, or begin, a term: where they start and end, and which of the first parts they are."""
        # bytes.translate and a comparison of bytes are the fastest passes over text that there are.
        word = np.frombuffer(b"\0" + data[: size + 1].tobytes().translate(_CLASS), dtype=np.bool_)
        edges = np.flatnonzero(word[1:] != word[:-1])
        start, end = np.ascontiguousarray(edges[0::2]), edges[1::2]
        four: NDArray[np.uint32] = np.ndarray((len(data) - 3,), dtype="<u4", buffer=data, strides=(1,))
        likely = np.flatnonzero(self._opens.take(_opening(four.take(start), end - start)))
        start, end = start[likely], end[likely]
        length = end - start
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


def _opening(four: NDArray[np.uint32], length: Ints) -> NDArray[np.uint32]:
    """(N,) what tokens open with: five bits of each of the first three letters, and the length up to 15."""
    long = np.minimum(length, 15).astype(np.uint32)
    first = four & np.uint32(31)
    second = (four >> np.uint32(3)) & np.uint32(31 << 5)
    third = (four >> np.uint32(6)) & np.uint32(31 << 10)
    return np.asarray(first | second | third | (long << np.uint32(15)))


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


def _ends_whole(text: bytes, end: int) -> bool:
    following = text[end : end + 4]
    return not following or not (
        _CLASS[following[0]] or (following[0] >= 128 and _is_letter(following.decode("utf-8", "ignore")[:1]))
    )


def _inside(start: Ints, end: Ints) -> Ints:
    """The hits that begin before one that is kept has ended."""
    dropped: list[int] = []
    reached = 0
    # Only hits that begin before an earlier one ends can be dropped, and those are few.
    for place in (np.flatnonzero(start[1:] < np.maximum.accumulate(end)[:-1]) + 1).tolist():
        before = place - 1
        if before not in dropped[-1:]:
            reached = max(reached, int(end[before]))
        if start[place] < reached:
            dropped.append(place)
        else:
            reached = int(end[place])
    return np.array(dropped, dtype=np.int64)


def _is_letter(character: str) -> bool:
    # Combining marks belong to the letter before them.
    import unicodedata

    return character.isalnum() or unicodedata.category(character or " ").startswith("M")


@cache
def tagger() -> Tagger:
    """The tagger of all of TONE's words."""
    from schemas.tone.ask import all_words

    return Tagger(sorted(word for word in all_words() if word.isascii()))


@cache
def _nodes() -> pl.DataFrame:
    """What each of the tagger's terms stands for, in their order."""
    import polars as pl

    from schemas.tone.ask import all_words

    names = all_words()
    best = [names[term][0] for term in tagger().terms]
    return pl.DataFrame(
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


def tag(texts: pl.Series) -> pl.DataFrame:
    """The emotion terms of `texts` (String), in order: {row: UInt32, start: Int64, end: Int64 (characters, exclusive),
    word, term, tier: Int8, primary, secondary, tertiary, known_as}.

    `word` is as it stands in the text; the node is the widest that the word stands for. Null texts have no terms.
    """
    return _frame([_texts(chunk, at) for chunk, at in _chunks(texts)])


def tag_lines(block: bytes) -> pl.DataFrame:
    """What `tag` gives for the lines of `block` (UTF-8), the row counting them from 0. Faster, since the block is
    searched as it is."""
    parts = []
    at = row = 0
    while at < len(block):
        cut = block.find(b"\n", at + _BYTES_AT_ONCE) + 1 or len(block)
        lines = block[at:cut]
        begins = np.flatnonzero(np.frombuffer(b"\n" + lines, dtype=np.uint8) == ord("\n"))
        parts.append(_found(lines.replace(b"\n", b"\0"), begins, row))
        row += len(begins) - 1
        at = cut
    return _frame(parts)


def _chunks(texts: pl.Series) -> list[tuple[pl.Series, int]]:
    """Runs of texts of half a megabyte, so that the work stays in the cache, with the row each begins at."""
    if not len(texts):
        return []
    sizes = texts.str.len_bytes().fill_null(0).to_numpy()
    number = np.cumsum(sizes.astype(np.int64)) // _BYTES_AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(texts)]
    return [(texts[a:b], a) for a, b in pairwise(cuts)]


@dataclass(frozen=True)
class _Part:
    """Hits by text: `row`, `start` and `end` in characters, `length` in bytes, `term`, all (N,) int64; their words'
    bytes one after the other."""

    row: Ints
    start: Ints
    end: Ints
    length: Ints
    term: Ints
    words: bytes


def _texts(texts: pl.Series, first_row: int) -> _Part:
    joined = texts.fill_null("")
    sizes = joined.str.len_bytes().to_numpy().astype(np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes + 1)[:-1]])
    return _found("\0".join(joined.to_list()).encode(), begins, first_row)


def _found(data: bytes, begins: Ints, first_row: int) -> _Part:
    """The terms in texts that begin at the bytes `begins` of `data`, a zero byte between two: no part of a word, and
    no blank in a term, so that no term reaches from one text into the next."""
    hits = tagger().find(data)
    raw = np.frombuffer(data, dtype=np.uint8)
    row = np.searchsorted(begins, hits.start, side="right") - 1
    start, end = hits.start - begins[row], hits.end - begins[row]
    if not data.isascii():
        # A character's later bytes are 10xxxxxx; offsets count characters.
        later = np.flatnonzero((raw & 0xC0) == 0x80)
        skipped = np.searchsorted(later, begins[row])
        start -= np.searchsorted(later, hits.start) - skipped
        end -= np.searchsorted(later, hits.end) - skipped
    length = hits.end - hits.start
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    words = raw[np.repeat(hits.start, length) + within].tobytes()
    return _Part(row + first_row, start, end, length, hits.term, words)


def _frame(parts: Sequence[_Part]) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa

    def joined(name: str) -> Ints:
        columns = [getattr(part, name) for part in parts]
        return np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)

    offsets = np.concatenate([[0], np.cumsum(joined("length"))]).astype(np.int64)
    words = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(b"".join(part.words for part in parts))
    )
    return pl.DataFrame(
        {
            "row": pl.Series(joined("row"), dtype=pl.UInt32),
            "start": pl.Series(joined("start"), dtype=pl.Int64),
            "end": pl.Series(joined("end"), dtype=pl.Int64),
            "word": pl.Series(pl.from_arrow(words), dtype=pl.String),
        }
    ).hstack(_nodes()[joined("term")])
