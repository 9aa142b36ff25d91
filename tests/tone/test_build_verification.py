"""People's answers about TONE, from an export in the format of the real server to the next build.

The exports here are made by `export`, after one of Label Studio 1.23.2; tests/live/test_tone_verification.py does the
same on the server itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dsbuild.tone import tables
from dsbuild.tone.build import Built, Embedding, Given, build, write
from dsbuild.tone.verification import PENDING, REJECTED, VERIFIED, decide, tasks
from schemas.errors import DsbuildError
from schemas.tone import nodes

Answer = tuple[int, str, Sequence[str] | None]  # who, verdict or "skip", where instead


def export(asked: list[dict[str, Any]], answers: dict[str, list[Answer]], created: str = "14") -> list[dict[str, Any]]:
    """A Label Studio export (exportType=JSON) of the tasks with those words, and people's answers to them."""
    made = []
    for number, task in enumerate((task for task in asked if task["data"]["word"] in answers), 1):
        annotations = []
        for place, (who, verdict, where) in enumerate(answers[task["data"]["word"]]):
            result: list[dict[str, Any]] = []
            if verdict != "skip":
                choice = {"from_name": "verdict", "to_name": "word", "type": "choices"}
                result.append(choice | {"value": {"choices": [verdict]}})
            if where is not None:
                chosen = {"from_name": "place", "to_name": "word", "type": "taxonomy"}
                result.append(chosen | {"value": {"taxonomy": [list(where)]}})
            annotations.append(
                {
                    "id": 100 * number + place,
                    "completed_by": who,
                    "result": result,
                    "was_cancelled": verdict == "skip",
                    "ground_truth": False,
                    "created_at": f"2026-11-24T{created}:43:24.{place:06d}Z",
                    "updated_at": f"2026-11-24T{created}:43:24.{place:06d}Z",
                    "draft_created_at": None,
                    "lead_time": 3.1,
                    "prediction": {},
                    "result_count": len(result),
                    "unique_id": f"4ec4c0b5-dfea-4198-ad09-cd14{number:04d}{place:04d}",
                    "import_id": None,
                    "last_action": None,
                    "bulk_created": False,
                    "task": number,
                    "project": 1,
                    "updated_by": who,
                    "parent_prediction": None,
                    "parent_annotation": None,
                    "last_created_by": None,
                }
            )
        made.append(
            {
                "id": number,
                "annotations": annotations,
                "drafts": [],
                "predictions": [],
                "data": task["data"],
                "meta": {},
                "created_at": f"2026-11-24T14:43:24.{number:06d}Z",
                "updated_at": "2026-11-24T14:50:24.318848Z",
                "allow_skip": True,
                "inner_id": number,
                "total_annotations": sum(not one["was_cancelled"] for one in annotations),
                "cancelled_annotations": sum(one["was_cancelled"] for one in annotations),
                "total_predictions": 0,
                "comment_count": 0,
                "unresolved_comment_count": 0,
                "last_comment_updated_at": None,
                "project": 1,
                "updated_by": 1,
                "comment_authors": [],
            }
        )
    return made


ANSWERS: dict[str, list[Answer]] = {
    "vexation": [(1, "right", None), (2, "right", None), (3, "wrong", None)],
    "preference": [(1, "wrong", None), (2, "wrong", None), (3, "right", None)],
    "boredom": [(1, "other", ["anger", "disgust", "disgust"]), (2, "other", ["anger", "disgust"]), (3, "right", None)],
    "mirth": [(1, "right", None), (2, "wrong", None)],
    "fetish": [(1, "skip", None)],
    "hate is the opposite of love": [(1, "right", None), (2, "right", None)],
    "sadness is a part of envy": [(1, "wrong", None), (2, "wrong", None), (3, "right", None)],
}


@pytest.fixture(scope="module")
def first(embedding: Embedding) -> Built:
    return build(Given(), embedding)


@pytest.fixture
def exported(first: Built, tmp_path: Path) -> Path:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export(tasks(first.questions), ANSWERS)), encoding="utf-8")
    return path


def _rows(built: Built, name: str, folder: Path) -> list[dict[str, str]]:
    write(built, folder)
    return tables.read(folder, name)


def test_people_are_asked_about_every_word_and_every_statement_that_is_not_inferred(
    first: Built, shipped: dict[str, list[dict[str, str]]]
) -> None:
    asked = {task["data"]["word"]: task["data"] for task in tasks(first.questions)}
    words = {row["word"] for row in shipped["vocabulary.tsv"]}
    statements = [row for row in shipped["statements.tsv"] if row["basis"] != "inferred"]
    assert len(asked) == len(words) + len(statements)
    assert asked["vexation"]["proposal"] == "anger > irritation > annoyance"
    assert asked["vexation"]["definition"] == "anger produced by some annoying irritation"
    assert asked["sad"]["proposal"] == "sadness or sadness > sadness or sadness > sadness > sadness"
    assert "fear of one speaker leads to anger of the other" in asked


def test_label_studio_takes_the_config_and_the_tasks(first: Built) -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface(first.config)
    interface.validate()
    verdict = interface.get_control("verdict")
    assert list(verdict.labels) == ["right", "wrong", "other"]
    assert interface.get_control("place").tag == "Taxonomy"
    for task in tasks(first.questions[:5]):
        assert interface.validate_task({"data": task["data"]})
    assert not interface.validate_task({"data": {"word": "vexation"}})


def test_the_tree_can_be_chosen_from_with_each_nodes_definition(first: Built) -> None:
    tree = ElementTree.fromstring(first.config).find(".//Taxonomy")
    assert tree is not None
    assert len(tree.findall("Choice")) == 6
    assert len(list(tree.iter("Choice"))) == len(nodes()) == 166
    assert all(choice.get("hint") for choice in tree.iter("Choice"))


def test_what_people_decided_is_in_the_next_build(embedding: Embedding, exported: Path, tmp_path: Path) -> None:
    built = build(Given(verified=[exported]), embedding)
    vocabulary = {row["word"]: row for row in _rows(built, "vocabulary.tsv", tmp_path / "tone")}
    assert vocabulary["vexation"]["verification"] == "verified"
    assert vocabulary["mirth"]["verification"] == "pending"
    assert vocabulary["fetish"]["verification"] == "pending"
    assert vocabulary["sad"]["verification"] == "pending"
    # Rejected: out of the vocabulary, but listed with the votes.
    assert "preference" not in vocabulary
    verdicts = {row["key"]: row for row in tables.read(tmp_path / "tone", "verdicts.tsv")}
    gone = verdicts["word preference | liking"]
    assert (gone["verification"], gone["right"], gone["wrong"], gone["other"]) == ("rejected", "1", "2", "0")
    # Moved: both said disgust, at one tier or the other.
    moved = [row for row in tables.read(tmp_path / "tone", "vocabulary.tsv") if row["word"] == "boredom"]
    assert [(row["term"], row["tier"], row["verification"]) for row in moved] == [
        ("disgust", "2", "verified"),
        ("disgust", "3", "verified"),
    ]
    assert all(row["source"].startswith("people, instead of longing: wordnet-3.0:") for row in moved)
    statements = {
        (row["subject_term"], row["predicate"], row["object_term"]): row["verification"]
        for row in tables.read(tmp_path / "tone", "statements.tsv")
    }
    assert statements["hate", "isOppositeOf", "love"] == "verified"
    assert statements["envy", "isComposedOf", "sadness"] == "rejected"
    assert statements["envy", "isComposedOf", "anger"] == "pending"
    assert built.counts["answers_read"] == {"answers": 16, "skipped": 1, "stale": 0, "foreign": 0}
    assert built.counts["verification"] == {"pending": 1, "rejected": 3, "verified": 2}


def test_the_next_build_remembers_and_asks_only_what_is_open(
    first: Built, embedding: Embedding, exported: Path, tmp_path: Path
) -> None:
    write(build(Given(verified=[exported]), embedding), tmp_path / "tone")
    later = build(Given(previous=tmp_path / "tone"), embedding)
    write(later, tmp_path / "later")
    for path in (tmp_path / "tone").glob("*.tsv"):
        assert path.read_bytes() == (tmp_path / "later" / path.name).read_bytes()
    asked, open_ = {each.key for each in first.questions}, {each.key for each in later.questions}
    # A tie is no decision, so it is asked again.
    assert asked - open_ == {
        "word vexation | annoyance",
        "word preference | liking",
        "word boredom | longing",
        "statement hate@3 isOppositeOf love@1",
        "statement envy@2 isComposedOf sadness@1 plutchik:envy",
    }


def test_an_export_that_is_given_twice_counts_once_and_the_later_answer_counts(
    first: Built, embedding: Embedding, tmp_path: Path
) -> None:
    early, late = tmp_path / "early.json", tmp_path / "late.json"
    asked = tasks(first.questions)
    early.write_text(json.dumps(export(asked, {"vexation": [(1, "right", None), (2, "right", None)]})))
    changed: dict[str, list[Answer]] = {"vexation": [(1, "wrong", None), (2, "wrong", None)]}
    late.write_text(json.dumps(export(asked, changed, created="15")))
    built = build(Given(verified=[late, early, early]), embedding)
    assert "\nword vexation | annoyance\t" in built.files["verdicts.tsv"]
    assert "\trejected\t0\t2\t0\t" in built.files["verdicts.tsv"]


def test_an_answer_to_a_question_that_reads_otherwise_by_now_decides_nothing(
    first: Built, embedding: Embedding, tmp_path: Path
) -> None:
    asked = tasks(first.questions)
    for task in asked:
        if task["data"]["word"] == "vexation":
            task["data"] = task["data"] | {"dsbuild_hash": "0" * 16}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(export(asked, {"vexation": [(1, "wrong", None)]})))
    built = build(Given(verified=[path]), embedding)
    assert built.counts["answers_read"] == {"answers": 0, "skipped": 0, "stale": 1, "foreign": 0}
    assert built.files["vocabulary.tsv"] == first.files["vocabulary.tsv"]


def test_tasks_of_something_else_are_counted_as_foreign(embedding: Embedding, first: Built, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    one = export(tasks(first.questions), {"vexation": [(1, "right", None)]})
    one[0]["data"] = {"text": "another project"}
    path.write_text(json.dumps(one))
    assert build(Given(verified=[path]), embedding).counts["answers_read"]["foreign"] == 1


@pytest.mark.parametrize(
    ("verdict", "where", "message"),
    [
        ("maybe", None, "The answer 'maybe' is none of right, wrong and other."),
        ("other", ["joy", "lunch"], "'lunch' is no emotion of the tree."),
    ],
)
def test_an_answer_the_config_does_not_allow_is_named(
    embedding: Embedding, first: Built, tmp_path: Path, verdict: str, where: list[str] | None, message: str
) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export(tasks(first.questions), {"vexation": [(1, verdict, where)]})))
    with pytest.raises(DsbuildError) as error:
        build(Given(verified=[path]), embedding)
    assert error.value.what == message
    assert error.value.where == f"{path}: task 1"


@pytest.mark.parametrize("content", ["{}", "[1]", "not json", '[{"data": 3}]'])
def test_what_is_no_export_is_refused(embedding: Embedding, tmp_path: Path, content: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(content)
    with pytest.raises(DsbuildError) as error:
        build(Given(verified=[path]), embedding)
    assert error.value.where == str(path)


@pytest.mark.parametrize(
    ("answers", "expected", "moved"),
    [
        ([("right", None)], VERIFIED, None),
        ([("wrong", None)], REJECTED, None),
        ([("right", None), ("wrong", None)], PENDING, None),
        ([("right", None), ("right", None), ("wrong", None)], VERIFIED, None),
        ([("other", "joy"), ("other", "pride"), ("wrong", None)], REJECTED, None),
        ([("other", "joy"), ("other", "joy"), ("wrong", None)], REJECTED, "joy"),
        ([("other", None), ("other", None)], REJECTED, None),
        ([("right", None), ("right", None), ("wrong", None), ("other", "joy")], PENDING, None),
    ],
)
def test_more_than_half_decide(answers: list[tuple[str, str | None]], expected: str, moved: str | None) -> None:
    verdict = decide("h", answers)
    assert (verdict.verification, verdict.moved_to) == (expected, moved)
