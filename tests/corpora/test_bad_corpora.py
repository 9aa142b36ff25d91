"""What is wrong with a corpus as a whole is one clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.entry import CorpusConfig, resolve
from schemas.errors import DsbuildError, RecipeError

ReadCorpus = Callable[..., Any]
LABELS = {"task": "emotion", "columns": "label", "annotator": "ann", "kind": "human"}


def entry(**rest: Any) -> CorpusConfig:
    return CorpusConfig.model_validate({"name": "c", "columns": {"text": "text"}, **rest})


def test_a_missing_file_is_named_with_its_nearest_neighbour(tmp_path: Path) -> None:
    (tmp_path / "tweets.csv").write_text("text\none\n")
    with pytest.raises(DsbuildError, match=r'There is no file .*tweet\.csv.*Did you mean "tweets\.csv"\?'):
        resolve(entry(path="tweet.csv"), tmp_path)


def test_a_wrong_column_is_named_with_those_that_exist(read: ReadCorpus) -> None:
    with pytest.raises(RecipeError) as caught:
        read("id,tweet\n1,one\n", columns={"text": "twet"})
    assert str(caught.value) == (
        "corpora.c.columns.text: c.csv has no column 'twet'. Did you mean \"tweet\"? It has: id, tweet."
    )


def test_a_wrong_label_column_is_named_too(read: ReadCorpus) -> None:
    with pytest.raises(RecipeError, match=r"corpora\.c\.labels: c\.csv has no column 'label'"):
        read("text,Label\none,joy\n", labels=[LABELS])


def test_a_wrong_delimiter_is_suspected_where_the_header_is_one_field(read: ReadCorpus) -> None:
    with pytest.raises(RecipeError, match="say so with `delimiter`"):
        read("text;label\none;joy\n")
    assert read("text;label\none;joy\n", delimiter=";").texts() == ["one"]


@pytest.mark.parametrize(("content", "suffix"), [("", ".csv"), ("\n", ".csv"), ("", ".jsonl"), ("text\n", ".csv")])
def test_an_empty_corpus_is_an_error_with_its_file(read: ReadCorpus, content: str, suffix: str) -> None:
    with pytest.raises(DsbuildError, match=r"empty|no JSON object") as caught:
        read(content, suffix)
    assert "c" + suffix in str(caught.value.where)


def test_a_corpus_of_which_nothing_can_be_read_is_empty_too(read: ReadCorpus) -> None:
    with pytest.raises(DsbuildError, match=r"c\.csv:2: empty text: .*none of its 2 rows could be read"):
        read("text,label\n,joy\n,joy\n")


def test_a_file_that_is_no_parquet_is_said_to_be_none(read: ReadCorpus) -> None:
    with pytest.raises(DsbuildError, match=r"c\.parquet: This is no Parquet file"):
        read("not parquet", ".parquet")


def test_a_file_in_utf16_is_told_to_be_converted(read: ReadCorpus) -> None:
    with pytest.raises(DsbuildError, match=r"The header is no UTF-8 text.*Convert"):
        read("text,label\none,joy\n".encode("utf-16"))


def test_a_kind_of_file_that_is_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.xlsx").write_bytes(b"PK")
    with pytest.raises(DsbuildError, match=r"does not read files like c\.xlsx.*\.csv"):
        resolve(entry(path="c.xlsx"), tmp_path)


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(RecipeError, match="is a folder, and no card"):
        resolve(entry(path="data"), tmp_path)


def test_an_unknown_corpus_without_a_path_suggests_one(tmp_path: Path) -> None:
    with pytest.raises(DsbuildError, match=r"no corpus 'mahaemotion'.*Did you mean \"mahaemotions\""):
        resolve(CorpusConfig(name="mahaemotion"), tmp_path)


def test_a_corpus_of_ones_own_needs_its_text_column(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("text\none\n")
    with pytest.raises(RecipeError, match="has to say which column holds the text"):
        resolve(CorpusConfig(name="c", path="c.csv"), tmp_path)


def test_labels_of_a_task_that_the_recipe_lacks_are_an_error(read: ReadCorpus) -> None:
    with pytest.raises(RecipeError, match=r"task 'emotions'.*Did you mean \"emotion\".*labels: none"):
        read("text,label\none,joy\n", labels=[{**LABELS, "task": "emotions"}])


def test_more_rejects_than_allowed_fail_the_run(read: ReadCorpus) -> None:
    content = "text,label\none,joy\ntwo\nthree\n"
    assert read(content, max_rejects=2).texts() == ["one"]
    with pytest.raises(DsbuildError, match=r"c\.csv:3: too few fields: .*more than the 1 rejects"):
        read(content, max_rejects=1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({**LABELS, "columns": "客観{rater}_{label}"}, r"may hold \{label\} only, not \{rater\}"),
        ({**LABELS, "annotator": "{rater_id}"}, "cannot be taken from a column"),
        ({**LABELS, "columns": "{label}", "separator": "|"}, "separator belongs to"),
        ({**LABELS, "votes": True}, "Extra inputs"),
        ({**LABELS, "on": {"languages": ["en"]}}, "by splits only, not by languages"),
    ],
)
def test_what_labels_cannot_say_yet_is_refused(labels: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        entry(path="c.csv", labels=[labels])


def test_a_pattern_in_a_path_is_refused() -> None:
    with pytest.raises(ValidationError, match="cannot hold a pattern"):
        entry(path="annotations/{song_id}.csv")


def test_a_pattern_that_no_column_fits_names_columns_and_labels(read: ReadCorpus) -> None:
    with pytest.raises(
        RecipeError, match=r"No column fits 'is_\{label\}'.*The file has: text, is_bliss\. The labels are: joy"
    ):
        read("text,is_bliss\none,1\n", labels=[{**LABELS, "columns": "is_{label}"}])
