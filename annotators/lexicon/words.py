"""Which emotion words a text holds.

A lexicon file has a language and, for each label, words and phrases. A word stands for itself; with a trailing `*` it
stands for everything that begins with it, which is how the endings of Marathi and Hindi (and of German or Spanish)
are covered: `आनंद*` finds आनंदाने and आनंदी.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import polars as pl
import yaml

FOLDER = Path(__file__).with_name("data")

# Accents, the nukta and the two joiners: people leave them out or put them in as their keyboards have it.
_UNSEEN = r"[\u0300-\u036f\u093c\u200c\u200d]"
_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"


def folded(text: pl.Expr) -> pl.Expr:
    """`text` as words are compared: lower case, without accents and nukta, words parted and framed by one blank on
    either side (so two between neighbours, and every word has its own pair of borders)."""
    plain = text.str.to_lowercase().str.normalize("NFD").str.replace_all(_UNSEEN, "")
    return pl.format(" {} ", plain.str.replace_all(_NO_WORD, "  ").str.strip_chars(" "))


@cache
def lexicons() -> dict[str, dict[str, tuple[str, ...]]]:
    """{language: {label: entries as written}}, in the order of the files' names."""
    read = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml")))
    return {data["language"]: {label: tuple(words) for label, words in data["labels"].items()} for data in read}


def languages() -> list[str]:
    """The languages there is a lexicon for, as BCP 47 primary subtags."""
    return list(lexicons())


def lexicon_labels() -> list[str]:
    """The labels the lexicons have words for, in their order."""
    return list(dict.fromkeys(label for words in lexicons().values() for label in words))


@cache
def patterns(language: str) -> dict[str, str]:
    """{label: regular expression over folded text, one match for one word or phrase found}."""
    found = {}
    for label, entries in lexicons()[language].items():
        texts = pl.DataFrame({"text": [entry.removesuffix("*") for entry in entries]}).select(folded(pl.col("text")))
        choices = []
        for entry, text in zip(entries, texts.to_series().to_list(), strict=True):
            # Letters and marks alone are left, but a mark may mean something to a regular expression one day.
            choices.append(re.escape(text.strip(" ")).replace(r"\ ", " ") + ("[^ ]*" if entry.endswith("*") else ""))
        # The longest first: a phrase is found before a word it begins with.
        found[label] = f" (?:{'|'.join(sorted(set(choices), key=lambda c: (-len(c), c)))}) "
    return found


def count_words(frame: pl.DataFrame) -> pl.DataFrame:
    """How many words of each label every text holds.

    `frame` has `text` and `language` (a region or script subtag is not looked at). The result has its rows in its
    order and one UInt32 column for each of `lexicon_labels()`; a row is null throughout where its language has no
    lexicon or its text is null.
    """
    labels = lexicon_labels()
    primary = pl.col("language").str.to_lowercase().str.split("-").list.first()
    rows = frame.select(pl.col("text"), primary.alias("language")).with_row_index("row").cast({"row": pl.UInt32})
    parts = [pl.DataFrame(schema={"row": pl.UInt32, **dict.fromkeys(labels, pl.UInt32)})]
    for language in languages():
        wanted = patterns(language)
        part = rows.filter((pl.col("language") == language) & pl.col("text").is_not_null())
        parts.append(
            part.with_columns(folded(pl.col("text")).alias("text")).select(
                "row",
                *(
                    pl.col("text").str.count_matches(wanted[label]).cast(pl.UInt32).alias(label)
                    if label in wanted
                    else pl.lit(0, dtype=pl.UInt32).alias(label)
                    for label in labels
                ),
            )
        )
    counted = pl.concat(parts)
    return rows.select("row").join(counted, on="row", how="left", maintain_order="left").drop("row")


def spotted_words(frame: pl.DataFrame) -> pl.DataFrame:
    """{row: UInt32, word: String}: the words (folded) of the label `_best` that the text of each row of `frame` (text,
    language, _best) holds, in the order of the text."""
    primary = pl.col("language").str.to_lowercase().str.split("-").list.first()
    rows = frame.select(folded(pl.col("text")).alias("text"), primary.alias("language"), "_best").with_row_index("row")
    parts = [pl.DataFrame(schema={"row": pl.UInt32, "word": pl.String})]
    for (language, label), part in rows.group_by("language", "_best"):
        wanted = patterns(str(language)).get(str(label)) if language in lexicons() else None
        if wanted is not None:
            found = part.select(pl.col("row").cast(pl.UInt32), pl.col("text").str.extract_all(wanted).alias("word"))
            parts.append(found.filter(pl.col("word").list.len() > 0).explode("word"))
    word = pl.col("word").str.strip_chars(" ").str.replace_all("  ", " ", literal=True)
    return pl.concat(parts).sort("row", maintain_order=True).with_columns(word)
