"""Emotion terms found in text: as a plain reading finds them, at any speed."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsbuild.tone.tag_file import blocks_of, tagged
from schemas.errors import DsbuildError
from schemas.tone.tag import Tagger, tag, tag_lines, tagger

SHARED = Path(__file__).parents[3] / "shared" / "data"
Found = list[tuple[int, int, int, str]]


def plain(terms: tuple[str, ...]) -> re.Pattern[str]:
    """A regular expression for the terms, the longest first: letters of ASCII in any case and blanks of ASCII, with no
    letter of any script, and no accent, before or after."""
    longest = sorted(terms, key=len, reverse=True)
    each = "|".join(r"\s+".join(map(re.escape, term.split())) for term in longest)
    letter = r"[\w\u0300-\u036f]"
    return re.compile(rf"(?<!{letter})(?a:{each})(?!{letter})", re.IGNORECASE)


PLAIN = plain(tagger().terms)


def plainly(texts: list[str | None]) -> Found:
    """What the regular expression finds."""
    return [
        (row, hit.start(), hit.end(), hit.group())
        for row, text in enumerate(texts)
        for hit in PLAIN.finditer(text or "")
    ]


def found(texts: list[str | None]) -> Found:
    frame = tag(pl.Series(texts, dtype=pl.String))
    return list(frame.select("row", "start", "end", "word").iter_rows())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grief!", [("Grief", 0, 5)]),
        ("so sad, sadly", [("sad", 3, 6), ("sadly", 8, 13)]),
        ("crusade, gladiator, sadx, _joy, joy2", []),
        ("“joy” and joy’s", [("joy", 1, 4), ("joy", 10, 13)]),
        ("éjoy joyé joy", [("joy", 10, 13)]),
        ("joy\u0301", []),
        ("怒り joy 喜び", [("joy", 3, 6)]),
        ("", []),
        ("JOY", [("JOY", 0, 3)]),
        ("joy\x00grief", [("joy", 0, 3), ("grief", 4, 9)]),
    ],
)
def test_terms_stand_whole_in_any_case_with_offsets_in_characters(
    text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert [(word, start, end) for _, start, end, word in found([text])] == expected
    for word, start, end in expected:
        assert text[start:end] == word


def test_a_longer_term_counts_instead_of_the_words_in_it() -> None:
    find = Tagger(["ill temper", "temper", "ill", "temper tantrum", "self-pity", "pity"])
    data = b"ill temper; an ILL\n temper, temper  tantrum, self-pity, self pity ill tempered"
    hits = find.find(data)
    assert [data[a:b].decode() for a, b in zip(hits.start, hits.end, strict=True)] == [
        "ill temper", "ILL\n temper", "temper  tantrum", "self-pity", "pity", "ill",
    ]  # fmt: skip
    assert [find.terms[one] for one in hits.term][:2] == ["ill temper", "ill temper"]


PARTS = st.sampled_from(["a", "b", "ab", "ba", "abc", "joy", "-", "'"])
TERMS = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "joy"]), min_size=1, max_size=3), min_size=1, max_size=6
)


@given(TERMS, st.sampled_from([" ", "-"]), st.lists(PARTS | st.sampled_from([" ", "  ", "\u0301", "é"]), max_size=14))
@example([["a", "b"], ["b", "ab"], ["ab"]], " ", ["a", " ", "b", " ", "ab"])
@example([["a", "b", "joy"], ["a"]], " ", ["a", " ", "b", " ", "joy", "\u0301"])
@example([["a"], ["a", "b"], ["b", "a", "b"], ["b", "joy"]], " ", ["a", " ", "b", " ", "a", " ", "b", " ", "joy"])
def test_any_terms_are_found_as_a_plain_reading_finds_them(
    parts: list[list[str]], between: str, pieces: list[str]
) -> None:
    terms = tuple(dict.fromkeys(between.join(part) for part in parts))
    text = "".join(pieces)
    hits = Tagger(terms).find(text.encode())
    ours = [text.encode()[a:b].decode() for a, b in zip(hits.start, hits.end, strict=True)]
    assert ours == [hit.group() for hit in plain(terms).finditer(text)]


def test_words_of_more_than_16_letters_are_told_apart_by_their_middle() -> None:
    find = Tagger(["disenchantmentations"])
    assert len(find.find(b"disenchantmentations disenchaXXmentations").start) == 1


def test_a_term_never_reaches_from_one_text_into_the_next() -> None:
    find = next(term for term in tagger().terms if " " in term)
    first, rest = find.split(" ", 1)
    assert [row for row, *_ in found([first, rest])] == [row for row, *_ in plainly([first, rest])]
    assert found([find])[0][3] == find


WORDS = st.sampled_from(
    [*tagger().terms[::9], "é", "joy", "x", "怒り", "’", "-", " ", "\n", "_", "9", "İ", "ſad", "\u0301", "in", "at", ""]
)


@given(
    st.lists(
        st.one_of(st.none(), st.lists(WORDS, max_size=8).map("".join), st.lists(WORDS, max_size=8).map(" ".join)),
        max_size=4,
    )
)
@example(["in  love", None, "out of in love"])
def test_the_terms_are_those_of_a_plain_reading(texts: list[str | None]) -> None:
    assert found(texts) == plainly(texts)


def test_on_real_text_the_terms_are_those_of_a_regular_expression() -> None:
    texts = pl.read_csv(SHARED / "meld" / "dev_sent_emo.csv")["Utterance"]
    texts = pl.concat([texts, pl.read_csv(SHARED / "goemotions" / "raw_part.csv")["text"][:1000]])
    expected = plainly(texts.to_list())
    assert len(expected) > 100
    assert found(texts.to_list()) == expected


def test_a_file_is_tagged_in_blocks_as_it_is_in_one(tmp_path: Path) -> None:
    text = ("I feel joy\r\nनिराशा grief\n\nno\n" * 300).encode()
    whole = list(tagged(blocks_of(io.BytesIO(text), "whole")))
    cut = list(tagged(blocks_of(io.BytesIO(text), "cut", size=7)))
    assert pl.concat(whole).equals(pl.concat(cut))
    assert pl.concat(whole)["row"].to_list() == [row for n in range(300) for row in (4 * n, 4 * n + 1)]


def test_lines_are_tagged_as_texts_are() -> None:
    lines = ["in", "love with joy", "", "निराशा grief\r", "x" * 600_000, "\x00joy", *tagger().terms]
    assert tag_lines("\n".join(lines).encode()).equals(tag(pl.Series(lines)))
    assert tag_lines(b"").equals(tag(pl.Series([], dtype=pl.String)))


def test_a_line_that_is_no_text_is_named() -> None:
    with pytest.raises(DsbuildError, match=r"mine:3: This line is no UTF-8"):
        list(blocks_of(io.BytesIO(b"joy\nok\n\xff\n"), "mine"))


def test_a_term_needs_letters_at_both_ends() -> None:
    for term in ("", "-joy", "joy ", "é"):
        with pytest.raises(ValueError, match="is no term"):
            Tagger([term])


def test_the_command_writes_every_term_with_its_node(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from dsbuild.cli.main import app

    (tmp_path / "d.csv").write_text("id,text\n1,I am vexed\n2,\n3,pure bliss\n", "utf-8")
    out = tmp_path / "terms.jsonl"
    done = CliRunner().invoke(
        app, ["tone", "tag", str(tmp_path / "d.csv"), "--column", "text", "--jsonl", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(row["row"], row["word"], row["primary"]) for row in rows] == [(0, "vexed", "anger"), (2, "bliss", "joy")]
