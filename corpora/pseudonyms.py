"""Names of people as keyed hashes.

A hash without a key is no pseudonym: who has a list of worker ids or user names hashes them all and compares. So the
key comes from the environment, never from a recipe, and only its fingerprint is written down: with the same key, a
rebuild gives the same pseudonyms; with another, others; without one, no name is read at all. A key that is drawn anew
for each workspace would look the same and could never be rebuilt, so there is none.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

import polars as pl

from schemas.errors import DsbuildError

VARIABLE = "DSBUILD_PEOPLE_KEY"
SHORTEST = 16  # characters of a key
_DIGITS = 16  # hexadecimal digits of a pseudonym, 64 bits


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of one corpus: one person in two corpora has two. `key` is null where names are kept."""

    corpus: str
    key: bytes | None

    def of(self, name: str) -> str:
        """The pseudonym of one person: `p-` and 64 bits of HMAC-SHA256 over corpus and name (RFC 2104)."""
        if self.key is None:
            return name
        message = f"{self.corpus}\0{name}".encode()
        return "p-" + hmac.new(self.key, message, hashlib.sha256).hexdigest()[:_DIGITS]

    def column(self, names: pl.Series) -> pl.Series:
        """The pseudonyms of `names` (String), null and blank where they are; each name is hashed once."""
        if self.key is None or not names.len():
            return names
        told = names.drop_nulls().unique()
        known = pl.DataFrame({"name": told, "to": pl.Series([self.of(one) for one in told.to_list()], dtype=pl.String)})
        found = names.rename("name").to_frame().join(known, on="name", how="left", maintain_order="left")
        return found["to"].rename(names.name)


def people_key() -> bytes | None:
    """The key that the environment gives, null where it gives none.

    Raises:
        DsbuildError: it is too short to keep a list of names from being tried.
    """
    given = os.environ.get(VARIABLE, "")
    if not given:
        return None
    if len(given) < SHORTEST:
        raise DsbuildError(
            f"The key in {VARIABLE} has {len(given)} characters; names of people need one of {SHORTEST} or more.",
            fix=_ADVICE,
        )
    return given.encode()


def fingerprint(key: bytes) -> str:
    """What may be written down of a key, to tell whether a rebuild has the same one: 64 bits of its HMAC."""
    return hmac.new(key, b"dsbuild: fingerprint of a key for names of people", hashlib.sha256).hexdigest()[:16]


def pseudonyms(corpus: str, names: str, place: str | None) -> Pseudonyms:
    """How the names of people in a corpus are written: `names` is what its entry says (hash or keep), `place` where in
    the entry the first of them is named, null where nobody is.

    Raises:
        DsbuildError: names are to be hashed and the environment has no key.
    """
    if names == "keep" or place is None:
        return Pseudonyms(corpus, None)
    key = people_key()
    if key is None:
        raise DsbuildError(
            f"Corpus '{corpus}' names people, and {VARIABLE} is not set to hash their names with.",
            where=f"corpora.{corpus}.{place}",
            fix=f"{_ADVICE} If they are pseudonyms already, or nobody's names, write `names: keep`.",
        )
    return Pseudonyms(corpus, key)


_ADVICE = (
    f"Make a key once and keep it with your other secrets: export {VARIABLE}=$(openssl rand -hex 32). "
    f"With the same key a rebuild gives the same pseudonyms."
)
