"""A broken row costs that row, is named with its file and line, and nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

ReadCorpus = Callable[..., Any]
LABELS = [{"task": "emotion", "columns": "label", "annotator": "ann", "kind": "human"}]


def test_rows_with_too_many_or_too_few_fields_are_rejected_with_their_line(read: ReadCorpus) -> None:
    got = read("text,label\none,joy\ntwo,joy,extra\nthree\nfour,joy\n")
    assert got.texts() == ["one", "four"]
    assert got.reasons() == [("too many fields", "c.csv", 3), ("too few fields", "c.csv", 4)]
    assert json.loads(got.rejects["raw"][0]) == ["two", "joy", "extra"]
    assert got.rejects["detail"].to_list() == ["3 instead of 2", "1 instead of 2"]


def test_an_unterminated_quote_does_not_swallow_the_rows_after_it(read: ReadCorpus) -> None:
    got = read('text,label\none,joy\n"two,joy\nthree,joy\nfour,"joy"\nfive,joy\n')
    assert got.texts() == ["one", "three", "four", "five"]
    assert got.reasons() == [("unterminated quote", "c.csv", 3)]
    assert json.loads(got.rejects["raw"][0]) == '"two,joy\n'


def test_a_quote_that_is_open_at_the_end_of_the_file_loses_its_row_only(read: ReadCorpus) -> None:
    got = read('text,label\none,joy\n"two,joy\nthree,joy\nfour,joy')
    assert got.texts() == ["one", "three", "four"]
    assert got.reasons() == [("unterminated quote", "c.csv", 3)]


def test_a_swallowed_row_is_found_where_the_next_quote_happens_to_close(read: ReadCorpus) -> None:
    # The quote of line 2 closes at the first one of line 4, which gives a row of three fields and no syntax error.
    got = read('text,label\n"one,joy\ntwo,joy\n", three",joy\nfour,joy\n')
    assert got.reasons()[0] == ("unterminated quote", "c.csv", 2)
    assert "two" in got.texts()
    assert "four" in got.texts()


def test_a_quote_left_open_in_every_row_rejects_every_row_and_ends(read: ReadCorpus) -> None:
    rows = "".join(f'"row {i},joy\n' for i in range(2000))
    got = read(f"text,label\ngood,joy\n{rows}last,joy\n")
    assert got.texts() == ["good", "last"]
    assert got.rejects.height == 2000
    assert got.rejects["line"].to_list() == list(range(3, 2003))


def test_a_quoted_text_over_several_lines_is_one_row(read: ReadCorpus) -> None:
    got = read('text,label\n"one\ntwo, and ""three""",joy\r\nfour,joy\n')
    assert got.texts() == ['one\ntwo, and "three"', "four"]
    assert got.items["source"].struct.field("row").to_list() == [2, 4]
    assert got.rejects.is_empty()


def test_a_row_over_several_lines_with_a_wrong_number_of_fields_is_rejected_whole(read: ReadCorpus) -> None:
    got = read('text,label\n"one\nstill one",joy,extra\ntwo,joy\n')
    assert got.texts() == ["two"]
    assert got.reasons() == [("too many fields", "c.csv", 2)]


def test_the_rest_of_a_row_broken_by_a_quote_is_no_row(read: ReadCorpus) -> None:
    got = read('text,label\n"he said "hi" to me\nand left",joy\ntwo,joy\n')
    assert got.texts() == ["two"]
    assert got.reasons() == [("misplaced quote", "c.csv", 2), ("continues a broken row", "c.csv", 3)]


def test_a_field_without_end_costs_one_row(read: ReadCorpus) -> None:
    got = read(f"text,label\n{'x' * 200_000},joy\ntwo,joy\n")
    assert got.texts() == ["two"]
    assert got.reasons() == [("field too long", "c.csv", 2)]


def test_quotes_are_plain_characters_where_the_recipe_says_so(read: ReadCorpus) -> None:
    got = read('text\tlabel\n"one\tjoy\ntwo" or so\tjoy\n', ".tsv", quoted=False)
    assert got.texts() == ['"one', 'two" or so']
    assert got.rejects.is_empty()


def test_bad_utf8_rejects_only_its_row_and_shows_the_bytes(read: ReadCorpus) -> None:
    got = read(b"text,label\none,joy\ncaf\xe9,joy\n\xe0\xa4,joy\nfour,joy\n")
    assert got.texts() == ["one", "four"]
    assert got.reasons() == [("bad UTF-8", "c.csv", 3), ("bad UTF-8", "c.csv", 4)]
    assert json.loads(got.rejects["raw"][0].replace("\\x", "\\\\x"))["text"] == "caf\\xe9"


def test_a_nul_character_rejects_only_its_row(read: ReadCorpus) -> None:
    got = read(b"text,label\none,joy\ntw\0o,joy\nthree,joy\n")
    assert got.texts() == ["one", "three"]
    assert got.reasons() == [("NUL character", "c.csv", 3)]


def test_a_byte_order_mark_is_no_part_of_the_first_column(read: ReadCorpus) -> None:
    assert read("\ufefftext,label\none,joy\n").texts() == ["one"]
    assert read('\ufeff{"text": "one"}\n', ".jsonl").texts() == ["one"]


def test_an_empty_text_is_rejected(read: ReadCorpus) -> None:
    got = read("text,label\none,joy\n,joy\n \u00a0,joy\n")
    assert got.texts() == ["one"]
    assert got.reasons() == [("empty text", "c.csv", 3), ("empty text", "c.csv", 4)]
    assert json.loads(got.rejects["raw"][0]) == {"text": "", "label": "joy"}


def test_blank_lines_between_rows_are_passed_over(read: ReadCorpus) -> None:
    got = read("text,label\none,joy\n\n\ntwo,joy\n")
    assert got.texts() == ["one", "two"]
    assert got.items["source"].struct.field("row").to_list() == [2, 5]


def test_a_duplicate_id_rejects_the_second_and_names_both_lines(read: ReadCorpus) -> None:
    got = read("id,text\na,one\nb,two\na,three\n", columns={"id": "id", "text": "text"})
    assert got.texts() == ["one", "two"]
    assert got.reasons() == [("duplicate id", "c.csv", 4)]
    assert got.rejects["detail"][0] == "a stands at c.csv:2 already"
    assert json.loads(got.rejects["raw"][0]) == {"id": "a", "text": "three"}


def test_a_duplicate_id_in_another_file_and_batch_is_found(read: ReadCorpus) -> None:
    files = {"train": "id,text\na,one\nb,two\nc,three\n", "test": "id,text\nd,four\nb,five\n"}
    got = read(files, batch_rows=1, columns={"id": "id", "text": "text"})
    assert got.reasons() == [("duplicate id", "test.csv", 3)]
    assert got.rejects["detail"][0] == "b stands at train.csv:3 already"


def test_a_row_without_an_id_is_rejected_where_ids_are_named(read: ReadCorpus) -> None:
    got = read("id,text\na,one\n,two\n", columns={"id": "id", "text": "text"})
    assert got.reasons() == [("no id", "c.csv", 3)]


def test_a_label_outside_the_taxonomy_costs_the_annotation_and_keeps_the_item(read: ReadCorpus) -> None:
    got = read("text,label\none,joy\ntwo,bliss\nthree,sadness\n", labels=LABELS)
    assert got.texts() == ["one", "two", "three"]
    assert got.annotations.height == 2
    assert got.reasons() == [("label outside the taxonomy", "c.csv", 3)]
    assert "'bliss' is none of: joy" in got.rejects["detail"][0]
    assert got.rejects["item_id"][0] == got.items["item_id"][1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "two"', "broken JSON"),
        (b"[1, 2]", "broken JSON"),
        (b'{"text": "caf\xe9"}', "bad UTF-8"),
        (b'{"text": "\\ud800"}', "bad UTF-8"),
        (b'{"text": "a\\u0000b"}', "NUL character"),
        (b'{"text": null}', "empty text"),
        (b'{"other": 1}', "empty text"),
        (b"[" * 100_000, "broken JSON"),
    ],
)
def test_a_bad_line_of_json_lines_costs_that_line(read: ReadCorpus, line: bytes, reason: str) -> None:
    got = read(b'{"text": "one"}\n' + line + b'\n\n{"text": "three"}\n', ".jsonl")
    assert got.texts() == ["one", "three"]
    assert got.reasons() == [(reason, "c.jsonl", 2)]


def test_rejects_never_hold_a_path(read: ReadCorpus, tmp_path: Any) -> None:
    got = read("text,label\none,joy\ntwo\n", labels=LABELS)
    assert str(tmp_path) not in got.rejects.write_json()
    assert str(tmp_path) not in got.items.write_json()
