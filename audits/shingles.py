"""Sets of character 5-grams and their exact Jaccard similarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from audits.arrays import Codes, Floats, dense

SIZE = 5


@dataclass(frozen=True)
class Shingles:
    """The 5-gram sets of I texts, each gram by its number among the G distinct ones."""

    grams: int
    """G"""
    size: Codes
    """(I,) distinct grams of each text."""
    start: Codes
    """(I,) where a text's grams begin in `code`."""
    code: Codes
    """Grams of all texts, in text order, ascending within a text."""
    by_size: Codes
    """(I,) the texts by ascending size."""
    code_by_size: Codes
    """As `code`, the texts in the order of `by_size`."""

    def similarity(self, a: Codes, b: Codes) -> Floats:
        """The Jaccard similarity of the texts at `a` with those at `b`, pair by pair."""
        if not len(a):
            return np.zeros(0)
        owner = np.repeat(np.arange(len(self.size)), self.size)
        keys = owner * self.grams + self.code
        pair = np.repeat(np.arange(len(a)), self.size[a])
        within = np.arange(len(pair)) - np.repeat(np.cumsum(self.size[a]) - self.size[a], self.size[a])
        wanted = b[pair] * self.grams + self.code[self.start[a][pair] + within]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        shared = np.bincount(pair[keys[place] == wanted], minlength=len(a))
        return np.asarray(shared / (self.size[a] + self.size[b] - shared))

    def at_least(self, one: int, threshold: float) -> tuple[Codes, Floats]:
        """All texts whose similarity to text `one` is `threshold` or more, itself among them, and the similarities.

        Sets of sizes a <= b have a similarity of at most a / b, so only sizes near enough are compared.
        """
        size = self.size[one]
        ordered = self.size[self.by_size]
        low = np.searchsorted(ordered, np.floor(size * threshold), side="left")
        high = np.searchsorted(ordered, np.ceil(size / threshold), side="right")
        sizes = ordered[low:high]
        mark = np.zeros(self.grams, dtype=np.uint8)
        mark[self.code[self.start[one] : self.start[one] + size]] = 1
        begin = int(ordered[:low].sum())
        hits = mark[self.code_by_size[begin : begin + int(sizes.sum())]]
        shared = np.add.reduceat(hits, np.cumsum(sizes) - sizes, dtype=np.int64)
        similarity = shared / (size + sizes - shared)
        near = similarity >= threshold
        return self.by_size[low:high][near], similarity[near]


def shingles(texts: pl.Series) -> Shingles:
    """The 5-gram sets of `texts` (strings of one character or more); a shorter text is one gram by itself."""
    padded = texts.str.pad_end(SIZE, "\0")
    length = padded.str.len_chars().to_numpy().astype(np.int64)
    points = np.frombuffer("".join(padded.to_list()).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    # Numbers of longer and longer grams, made dense at each step so that they always fit.
    one = _numbered(points)
    two = _numbered(_joined(one, one, 1))
    four = _numbered(_joined(two, two, 2))
    five = _joined(four, one, 4)
    owner = np.repeat(np.arange(len(length)), length)[: len(five)]
    end = np.cumsum(length)
    inside = np.arange(len(five)) + SIZE <= end[owner]
    code = _numbered(five[inside])
    grams = int(code.max(initial=-1)) + 1
    owner, code = np.divmod(np.unique(owner[inside] * max(grams, 1) + code), max(grams, 1))
    size = np.bincount(owner, minlength=len(length))
    start = np.cumsum(size) - size
    by_size = np.argsort(size, kind="stable")
    moved = np.argsort(np.argsort(by_size)[owner], kind="stable")
    return Shingles(grams, size, start, code, by_size, code[moved])


def _numbered(keys: Codes) -> Codes:
    return dense(keys)[1]


def _joined(left: Codes, right: Codes, offset: int) -> Codes:
    """A number for each left[i] followed by right[i + offset]."""
    followers = right[offset:]
    height = min(len(left), len(followers))
    return left[:height] * (int(right.max(initial=0)) + 1) + followers[:height]
