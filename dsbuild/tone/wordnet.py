"""WordNet's dictionary files: a parser of what TONE needs, which remembers what was read so that it can be shipped.

The format is WordNet's own (wndb(5WN) and wninput(5WN) of WordNet 3.0): `data.POS` holds a synset a line, `index.POS` a
lemma a line with the offsets of its synsets, the most frequent sense first. An offset is a name here, never a place in
the file, so a file with only some of the lines reads like the whole one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from schemas.errors import DsbuildError

EXCEPTIONS = "verb.exc"
COUNTS = "cntlist.rev"
FILES = ("noun", "verb", "adj", "adv")
_SS_TYPE = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}  # in the keys of meanings
_FILE = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}

NOUN_ATTRIBUTE, NOUN_FEELING, NOUN_STATE = 7, 12, 26
VERB_EMOTION = 37

ANTONYM, SIMILAR, DERIVED, PERTAINS, PARTICIPLE, HYPERNYM, HYPONYM = "!", "&", "+", "\\", "<", "@", "~"

_MARKER = re.compile(r"\((?:a|p|ip)\)$")  # where an adjective may stand; no part of the word


@dataclass(frozen=True)
class Pointer:
    """A relation to another synset; `source` and `target` number the words it holds between, 0 for all of them."""

    symbol: str
    offset: str
    pos: str
    source: int
    target: int


@dataclass(frozen=True)
class Synset:
    """One meaning: the words that have it, and its gloss. `pos` is n, v, a, s (an adjective satellite) or r."""

    offset: str
    pos: str
    lexfile: int
    words: tuple[str, ...]
    pointers: tuple[Pointer, ...]
    gloss: str

    @property
    def id(self) -> str:
        """How a source names it, without the version: `07516354-n`."""
        return f"{self.offset}-{self.pos}"

    @property
    def definition(self) -> str:
        """The gloss without its examples."""
        return re.split(r';\s*"', self.gloss, maxsplit=1)[0].strip()

    def to(self, symbol: str, word: str | None = None) -> Iterator[Pointer]:
        """The pointers of that kind; with `word`, those that hold for it."""
        for pointer in self.pointers:
            if pointer.symbol == symbol and (
                word is None or pointer.source == 0 or self.words[pointer.source - 1] == word
            ):
                yield pointer


def parse(line: str) -> Synset:
    """A line of a data file.

    Raises:
        ValueError: the line is none.
    """
    left, bar, gloss = line.partition(" | ")
    fields = left.split()
    if not bar or len(fields) < 6:
        raise ValueError("no synset")
    offset, lexfile, pos, count = fields[0], int(fields[1]), fields[2], int(fields[3], 16)
    words = tuple(plain(fields[4 + 2 * place]) for place in range(count))
    at = 4 + 2 * count
    pointers = []
    for place in range(int(fields[at])):
        symbol, target, target_pos, ends = fields[at + 1 + 4 * place : at + 5 + 4 * place]
        pointers.append(Pointer(symbol, target, target_pos, int(ends[:2], 16), int(ends[2:], 16)))
    return Synset(offset, pos, lexfile, words, tuple(pointers), gloss.strip())


def plain(word: str) -> str:
    """A word of a dictionary file as it is written in a text: blanks for underscores, lower case."""
    return _MARKER.sub("", word).replace("_", " ").lower()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DsbuildError(
            "There is no such dictionary file.",
            where=str(path),
            fix="Give the folder that holds data.noun, index.noun, verb.exc and so on of WordNet 3.0.",
        ) from None


class WordNet:
    """The dictionary in a folder (`data.noun`, `index.noun`, ...)."""

    def __init__(self, folder: Path) -> None:
        """Raises DsbuildError if a file is missing or is no dictionary file."""
        self._head: dict[str, list[str]] = {}
        self._data: dict[tuple[str, str], str] = {}
        self._index: dict[tuple[str, str], str] = {}
        self._parsed: dict[tuple[str, str], Synset] = {}
        self._read_lemmas: set[tuple[str, str]] = set()
        self._adverbs_read: set[str] = set()
        self._exceptions: dict[str, list[str]] = defaultdict(list)  # lines: a form, then its verbs
        self._exceptions_read: set[str] = set()
        for file in FILES:
            self._load(folder, file)
        for line in _lines(folder / EXCEPTIONS):
            for verb in line.split()[1:]:
                self._exceptions[plain(verb)].append(line)

        self._counts: dict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
        for line in _lines(folder / COUNTS):
            key, sense, count = line.split()
            lemma, _, rest = key.partition("%")
            self._counts[plain(lemma)].append((line, _SS_TYPE[rest[0]], int(sense), int(count)))
        self._counts_read: set[str] = set()

    def _load(self, folder: Path, file: str) -> None:
        for kind in ("data", "index"):
            path = folder / f"{kind}.{file}"
            lines = _lines(path)
            # The licence stands at the head of every file, in lines that begin with two blanks.
            self._head[path.name] = [line for line in lines if line.startswith("  ")]
            for line in lines:
                if not line.startswith("  "):
                    key = line.partition(" ")[0]
                    (self._data if kind == "data" else self._index)[file, key] = line

    @property
    def licence(self) -> str:
        """The notice at the head of the files."""
        return "\n".join(line[2:].partition(" ")[2].rstrip() for line in self._head["data.noun"]).strip() + "\n"

    def synset(self, offset: str, pos: str) -> Synset:
        """The synset that a pointer or an index line names.

        Raises:
            DsbuildError: there is none.
        """
        key = (_FILE[pos], offset)
        if key not in self._parsed:
            try:
                self._parsed[key] = parse(self._data[key])
            except KeyError:
                raise DsbuildError(f"WordNet has no synset {offset}-{pos}.", where=f"data.{key[0]}") from None
        return self._parsed[key]

    def senses(self, word: str, pos: str) -> list[Synset]:
        """The synsets of a word as noun (n), verb (v), adjective (a) or adverb (r), the most frequent first."""
        file, lemma = _FILE[pos], word.lower().replace(" ", "_")
        line = self._index.get((file, lemma))
        if line is None:
            return []
        self._read_lemmas.add((file, lemma))
        fields = line.split()
        return [self.synset(offset, pos) for offset in fields[-int(fields[2]) :]]

    def exceptions(self, verb: str) -> list[str]:
        """The forms of a verb that the regular endings do not give."""
        if verb not in self._exceptions:
            return []
        self._exceptions_read.add(verb)
        return [plain(line.split()[0]) for line in self._exceptions[verb]]

    def share(self, word: str, pos: str, sense: int) -> float | None:
        """The part of a word's uses in WordNet's tagged texts, as any part of speech, that have the meaning with that
        number; null for a word that does not occur in them."""
        counts = self._counts.get(word)
        if not counts:
            return None
        self._counts_read.add(word)
        return sum(count for _, *of, count in counts if of == [pos, sense]) / sum(count for *_, count in counts)

    @cached_property
    def _adverbs(self) -> dict[tuple[str, str], list[Synset]]:
        """Adverbs by (offset of the adjective they pertain to, the adjective)."""
        found: dict[tuple[str, str], list[Synset]] = defaultdict(list)
        for (file, _), line in sorted(self._data.items()):
            if file == "adv" and f" {PERTAINS} " in line:
                synset = parse(line)
                for pointer in synset.to(PERTAINS):
                    # The adjective's line is read without counting as read: most of these adverbs are never asked for.
                    adjective = self._data.get(("adj", pointer.offset))
                    if adjective is not None:
                        found[pointer.offset, parse(adjective).words[pointer.target - 1]].append(synset)
        return dict(found)

    def adverbs_of(self, adjective: Synset, word: str) -> list[tuple[str, Synset]]:
        """The adverbs that WordNet derives from `word` in that meaning (its pointers run from the adverb only)."""
        found = []
        for synset in self._adverbs.get((adjective.offset, word), ()):
            self._adverbs_read.add(synset.offset)
            for pointer in synset.to(PERTAINS):
                if pointer.offset == adjective.offset and adjective.words[pointer.target - 1] == word:
                    found.append((synset.words[pointer.source - 1], synset))
        return found

    def excerpt(self) -> dict[str, str]:
        """{file name: content}: the lines that were read so far, below the licence, in the files' own format."""
        wanted = set(self._parsed) | {("adv", offset) for offset in self._adverbs_read}
        files = {}
        for file in FILES:
            data = sorted(self._data[key] for key in wanted if key[0] == file)
            index = sorted(self._index[key] for key in self._read_lemmas if key[0] == file)
            files[f"data.{file}"] = "\n".join([*self._head[f"data.{file}"], *data]) + "\n"
            files[f"index.{file}"] = "\n".join([*self._head[f"index.{file}"], *index]) + "\n"
        # These two files have no place for the licence: every line of theirs is read.
        forms = sorted({line for verb in self._exceptions_read for line in self._exceptions[verb]})
        files[EXCEPTIONS] = "".join(f"{line}\n" for line in forms)
        counts = sorted(line for word in self._counts_read for line, *_ in self._counts[word])
        files[COUNTS] = "".join(f"{line}\n" for line in counts)
        return files
