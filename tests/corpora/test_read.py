"""Rows become items with ids that last, and annotations that say whose they are."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from corpora.entry import CorpusConfig, resolve
from corpora.provenance import provenance
from corpora.read import read_corpus
from schemas.ids import annotation_id, item_hash, item_id, item_id_from_content
from schemas.tables import ANNOTATIONS, ITEMS, REJECTS, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

ReadCorpus = Callable[..., Any]
LABELS = {"task": "emotion", "columns": "label", "annotator": "ann", "kind": "human", "identity": "person"}


def task(kind: Any) -> Task:
    return Task(name="emotion", kind=kind, taxonomy=load_taxonomy("ekman-neutral"), perspective="writer")


def labels_of(annotations: pl.DataFrame) -> list[list[str] | None]:
    return [None if given is None else [one["label"] for one in given] for given in annotations["labels"].to_list()]


def test_an_item_keeps_its_key_file_row_and_every_extra_column(read: ReadCorpus) -> None:
    got = read('key,text,likes,place\nk1,"Héllo  there",3,\n', columns={"id": "key", "text": "text"}, language="fr")
    [item] = got.items.to_dicts()
    assert got.items.schema == polars_schema(ITEMS)
    assert item["item_id"] == item_id("c", "k1")
    assert item["text"] == "Héllo  there"
    assert (item["corpus"], item["modality"], item["language"]) == ("c", "text", "fr")
    assert item["source"] == {"key": "k1", "file": "c.csv", "row": 2}
    assert json.loads(item["extra"]) == {"likes": "3", "place": ""}
    assert item["split"] is None


def test_an_annotation_says_whose_it_is_and_keeps_the_files_string(read: ReadCorpus) -> None:
    got = read("text,label\none,JOY\n", labels=[{**LABELS, "shown": "text"}])
    [annotation] = got.annotations.to_dicts()
    assert got.annotations.schema == polars_schema(ANNOTATIONS)
    item = got.items["item_id"][0]
    assert annotation["annotation_id"] == annotation_id(item, "emotion", "c:ann")
    assert (annotation["item_id"], annotation["item_hash"]) == (item, item_hash("one"))
    assert (annotation["annotator"], annotation["annotator_kind"]) == ("c:ann", "human")
    assert (annotation["perspective"], annotation["shown"], annotation["skipped"]) == ("reader", "text", False)
    [label] = annotation["labels"]
    assert {name: value for name, value in label.items() if value is not None} == {"label": "joy", "original": "JOY"}
    assert got.batches[0].figures["mapped"] == {"JOY -> joy": 1}


def test_a_separator_gives_several_labels_and_a_blank_cell_gives_none(read: ReadCorpus) -> None:
    got = read("text,label\none,joy|sadness\ntwo,\nthree, fear | joy \n", labels=[{**LABELS, "separator": "|"}])
    assert labels_of(got.annotations) == [["joy", "sadness"], ["fear", "joy"]]
    assert got.batches[0].figures["unanswered"] == 1
    assert got.rejects.is_empty()


def test_rules_of_the_task_reject_an_annotation_with_its_line(read: ReadCorpus) -> None:
    content = "text,label\none,joy|sadness\ntwo,neutral|joy\nthree,joy|joy\n"
    got = read(content, labels=[{**LABELS, "separator": "|"}])
    assert got.reasons() == [
        ("an exclusive label stands beside others", "c.csv", 3),
        ("the same label twice", "c.csv", 4),
    ]
    got = read(content, labels=[{**LABELS, "separator": "|"}], task=task("choice"))
    assert ("more than one label", "c.csv", 2) in got.reasons()


def test_wide_columns_of_0_and_1_are_one_answer(read: ReadCorpus) -> None:
    content = "text,is_joy,is_sad,is_x,is_fear\na,1,0,9,1\nb,0,0,9,0\nc,,,9,\nd,1.0,,9,\ne,2,0,9,0\n"
    got = read(content, labels=[{**LABELS, "columns": "is_{label}"}])
    assert labels_of(got.annotations) == [["joy", "fear"], [], ["joy"]]
    fear = got.annotations["labels"].to_list()[0][1]
    assert (fear["label"], fear["score"], fear["original"]) == ("fear", None, "is_fear")
    # The file has columns for three of the seven labels; where cells are blank, for fewer.
    assert got.annotations["asked"].to_list() == [["joy", "sadness", "fear"], ["joy", "sadness", "fear"], ["joy"]]
    assert got.reasons() == [("value is neither 0 nor 1", "c.csv", 6)]
    assert got.batches[0].figures["unanswered"] == 1
    assert json.loads(got.items["extra"][0]) == {"is_x": "9"}


def test_wide_columns_for_all_labels_leave_asked_null(read: ReadCorpus) -> None:
    names = load_taxonomy("ekman-neutral").ids
    content = f"text,{','.join(names)}\none,{','.join('1' if n == 'fear' else '0' for n in names)}\n"
    got = read(content, labels=[{**LABELS, "columns": "{label}"}])
    assert got.annotations["asked"].to_list() == [None]
    assert labels_of(got.annotations) == [["fear"]]


def test_a_text_task_takes_the_text_of_its_column(read: ReadCorpus) -> None:
    translation = Task(name="english", kind="text", perspective="reader")
    entry = {**LABELS, "task": "english", "columns": "en"}
    got = read("text,en\nuno,one\ndos,\n", labels=[entry], task=translation)
    assert got.annotations["text"].to_list() == ["one"]
    assert got.annotations["labels"].to_list() == [None]


def test_labels_none_ignores_what_is_there_and_keeps_it_as_extra(read: ReadCorpus) -> None:
    got = read("text,label\none,joy\n", labels="none")
    assert got.annotations.is_empty()
    assert json.loads(got.items["extra"][0]) == {"label": "joy"}


def test_splits_come_from_the_files_or_from_a_column(read: ReadCorpus) -> None:
    labels = [
        {**LABELS, "annotator": "machine", "kind": "llm", "on": {"splits": ["train"]}},
        {**LABELS, "annotator": "people", "on": {"splits": ["test"]}},
    ]
    by_file = read({"train": "text,label\none,joy\n", "test": "text,label\ntwo,joy\n"}, labels=labels)
    assert by_file.items["source_split"].to_list() == ["train", "test"]
    assert by_file.annotations["annotator"].to_list() == ["c:machine", "c:people"]
    content = "text,label,part\none,joy,train\ntwo,joy,test\nthree,joy,\n"
    by_column = read(content, labels=labels, columns={"text": "text", "split": "part"})
    assert by_column.items["source_split"].to_list() == ["train", "test", None]
    assert sorted(by_column.annotations["annotator"].to_list()) == ["c:machine", "c:people"]


def test_a_language_column_goes_before_the_entrys_language(read: ReadCorpus) -> None:
    got = read("text,lang\none,mr\ntwo,\n", columns={"text": "text", "language": "lang"}, language="hi")
    assert got.items["language"].to_list() == ["mr", "hi"]


def test_json_lines_keep_lists_numbers_and_nested_values(read: ReadCorpus) -> None:
    content = (
        '{"n": 7, "text": "one", "label": ["joy", "fear"], "meta": {"a": [1, null]}, "x": NaN}\n'
        '{"n": 8, "text": "two", "label": []}\n{"n": 9, "text": "three", "label": null}\n'
    )
    got = read(content, ".jsonl", columns={"id": "n", "text": "text"}, labels=[LABELS])
    assert labels_of(got.annotations) == [["joy", "fear"], []]
    assert got.items["source"].struct.field("key").to_list() == ["7", "8", "9"]
    assert json.loads(got.items["extra"][0]) == {"meta": {"a": [1, None]}, "x": "NaN"}


def test_parquet_is_read_like_any_other_file(tmp_path: Path, read: ReadCorpus) -> None:
    table = pa.table(
        {"id": [1, 2], "text": ["one", "two"], "label": [["joy"], []], "score": [0.5, None], "raw": [b"x", None]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    got = read((tmp_path / "t.parquet").read_bytes(), ".parquet", columns={"id": "id", "text": "text"}, labels=[LABELS])
    assert got.items["item_id"].to_list() == [item_id("c", "1"), item_id("c", "2")]
    assert labels_of(got.annotations) == [["joy"], []]
    assert json.loads(got.items["extra"][0]) == {"score": 0.5, "raw": "eA=="}


def test_without_a_key_equal_texts_are_told_apart_by_their_number(read: ReadCorpus) -> None:
    got = read("text\nsame\nother\nsame\nsame\n")
    assert got.items["item_id"].to_list() == [
        item_id_from_content("c", text, n) for text, n in (("same", 0), ("other", 0), ("same", 1), ("same", 2))
    ]


def test_content_ids_do_not_depend_on_row_order_or_label(read: ReadCorpus) -> None:
    rows = [(f"text {i % 17}", "joy" if i % 2 else "fear") for i in range(60)]
    ids = set(read("text,label\n" + "".join(f"{t},{x}\n" for t, x in rows), labels=[LABELS]).items["item_id"])
    random.Random(3).shuffle(rows)
    again = read("text,label\n" + "".join(f"{t},sadness\n" for t, _ in rows), labels=[LABELS], batch_rows=7)
    assert set(again.items["item_id"]) == ids
    assert len(ids) == 60


def test_provenance_names_the_corpus_and_tells_annotators_apart(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("text,label\none,joy\n")
    config = CorpusConfig.model_validate(
        {
            "name": "c",
            "path": "c.csv",
            "columns": {"text": "text"},
            "labels": [LABELS, {**LABELS, "annotator": "other"}],
        }
    )
    source = resolve(config, tmp_path)
    frame = provenance(source)
    assert frame["annotator"].to_list() == ["c:ann", "c:other"]
    assert json.loads(frame["params"][0])["identity"] == "person"
    [batch] = read_corpus(source, {"emotion": task("multi")})
    assert set(batch.annotations["provenance"]) == set(frame["provenance"])


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(CELLS, st.sampled_from(["joy", "Fear", "bliss", "", "joy|sadness"])), min_size=1, max_size=12
    ),
    junk=st.lists(
        st.sampled_from(['"open,joy\n', "a,b,c,d\n", "one\n", '"a"b,joy\n', "\n", '"x\ny",joy,z\n']), max_size=4
    ),
    seed=st.integers(0, 99),
)
def test_batches_of_one_row_read_the_same_as_one_batch(
    read: ReadCorpus, rows: list[tuple[str, str]], junk: list[str], seed: int
) -> None:
    lines = ['"' + text.replace('"', '""') + f'",{label}\n' for text, label in rows] + junk
    random.Random(seed).shuffle(lines)
    content = "text,label\nfirst,joy\n" + "".join(lines)
    labels = [{**LABELS, "separator": "|"}]
    whole, single = read(content, labels=labels), read(content, labels=labels, batch_rows=1)
    assert_frame_equal(whole.items, single.items)
    assert_frame_equal(whole.annotations, single.annotations)
    key = ["line", "reason", "raw", "detail", "item_id"]
    assert whole.rejects.schema == polars_schema(REJECTS)
    assert_frame_equal(whole.rejects.sort(key), single.rejects.sort(key))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(CELLS.filter(lambda text: bool(text.strip())), min_size=1, max_size=10))
def test_every_text_that_csv_can_hold_comes_back_as_it_was(read: ReadCorpus, texts: list[str]) -> None:
    content = "text\n" + "".join('"' + text.replace('"', '""') + '"\n' for text in texts)
    got = read(content)
    rejected = set(got.rejects["reason"])
    assert rejected <= {"empty text"}
    kept = [text for text in texts if text in set(got.texts())]
    assert got.texts() == kept


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_the_same_rows_in_another_kind_of_file_give_the_same_items(read: ReadCorpus, suffix: str) -> None:
    rows = [{"text": "एक दोन", "label": "joy"}, {"text": "two, 2", "label": "fear"}]
    mark = "\t" if suffix == ".tsv" else ","
    delimited = "".join(mark.join(f'"{value}"' for value in row.values()) + "\n" for row in rows)
    content = "".join(json.dumps(row) + "\n" for row in rows) if suffix == ".jsonl" else f"text{mark}label\n{delimited}"
    got = read(content, suffix, labels=[LABELS])
    assert got.items["item_id"].to_list() == [item_id_from_content("c", str(row["text"]), 0) for row in rows]
    assert labels_of(got.annotations) == [["joy"], ["fear"]]
