"""What is wrong with a corpus as a whole is one clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.entry import CorpusConfig, resolve
from schemas.errors import DsbuildError, RecipeError
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")

ReadCorpus = Callable[..., Any]
TASKS = [
    Task(name="level", kind="intensity", taxonomy=EKMAN, perspective="reader", range=(0, 3)),
    Task(name="arousal", kind="scale", perspective="reader", range=(1, 7)),
]
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
        ({**LABELS, "columns": "{label}", "separator": "|"}, "separator belongs to"),
        ({**LABELS, "columns": "{label}", "label": "joy"}, "columns has {label} already"),
        ({**LABELS, "columns": "{a}{label}"}, "nothing stands between two names"),
        ({**LABELS, "columns": "is_{label"}, "is not closed"),
        ({**LABELS, "columns": "is_{}"}, "hold no name"),
        ({**LABELS, "columns": "{#}_{label}"}, "is the number of a row"),
        ({**LABELS, "columns": None}, "needs columns, or a label"),
        ({**LABELS, "columns": "{label}", "votes": True, "soft": True}, "only one of them"),
        ({**LABELS, "votes": 0}, "1 or more"),
        ({**LABELS, "id": "key"}, "id belongs to a file of its own"),
        ({**LABELS, "file": "x.csv", "on": {"splits": ["a"]}}, "on belongs to the corpus's own rows"),
        ({**LABELS, "file": "x.csv", "bind": {"a": "{x}-{y}", "b": "{x}"}}, "{x} is bound twice"),
        ({**LABELS, "file": "x.csv", "bind": {"a": "b"}}, "binds nothing"),
        ({**LABELS, "on": {"languages": ["en"]}}, "by splits only, not by languages"),
    ],
)
def test_labels_that_contradict_themselves_are_refused(labels: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        entry(path="c.csv", labels=[labels])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"columns": "客観{rater}_{label}"}, r"has \{rater\}, and nothing says whose answer.*ann-\{rater\}"),
        ({"columns": "label", "annotator": "{ratr}"}, r'Nothing in c\.csv is called \{ratr\}\. Did you mean "rater"'),
        ({"columns": "{label}", "votes": True}, "do not say how many people there were"),
        ({"columns": "label", "soft": True}, "numbers, one for each label"),
        ({"columns": "label", "rows": {"no": "1"}}, "no column 'no'"),
        ({"columns": "label", "time": "rater"}, "A trace, and nothing else, has times"),
        ({"columns": "label", "task": "level"}, "wants one number for each label"),
        ({"columns": "label", "task": "arousal", "separator": "|"}, "has one answer in a cell"),
        ({"columns": "{label}", "task": "arousal"}, "the task 'arousal' has none"),
        ({"columns": "label", "file": "other.csv"}, "no id to find them by"),
    ],
)
def test_labels_that_do_not_fit_file_or_task_are_refused(
    read: ReadCorpus, tmp_path: Path, labels: dict[str, Any], message: str
) -> None:
    (tmp_path / "other.csv").write_text("text,label\none,joy\n")
    content = "text,label,rater,joy,客観1_joy\none,joy,r,1,1\n"
    with pytest.raises(RecipeError, match=message):
        read(content, labels=[{**LABELS, **labels}], tasks=TASKS, names="keep")


def test_a_pattern_of_paths_that_no_file_fits_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.txt").write_text("x")
    with pytest.raises(DsbuildError, match=r"No file in .*annotations fits '\{song_id\}\.csv'.*a\.txt"):
        resolve(entry(path="annotations/{song_id}.csv"), tmp_path)


def test_a_pattern_that_no_column_fits_names_columns_and_labels(read: ReadCorpus) -> None:
    with pytest.raises(
        RecipeError, match=r"No column fits 'is_\{label\}'.*The file has: text, is_bliss\. The labels are: joy"
    ):
        read("text,is_bliss\none,1\n", labels=[{**LABELS, "columns": "is_{label}"}])
