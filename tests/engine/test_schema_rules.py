"""A row that breaks the tables' rules is a reject of the node that brought it, and takes nothing with it unsaid."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from corpora.columns import Reading
from dsbuild import api
from dsbuild.engine.nodes.annotate import _checked
from dsbuild.engine.nodes.schema_rules import ITEM_REFUSED, SchemaRules
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

RECIPE = """\
dataset: lab
tasks:
  - {{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}}
corpora:
  - name: tweets
    path: tweets.csv
    columns: {{id: id, text: text, language: lang}}
    labels: [{{task: emotion, columns: label, annotator: author, kind: author}}]
annotate: [{{name: words, kind: lexicon}}]
aggregate: [{{name: stated, task: emotion, from: [tweets]}}]
max_rejects: {most}
"""
ROWS = """\
id,text,lang,label
1,What a lovely morning,en,joy
2,Who left the gate open,English language,anger
3,See you at noon,en-GB,neutral
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("tweets.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def run(most: int) -> api.Result:
    Path("recipe.yaml").write_text(RECIPE.format(most=most), encoding="utf-8")
    return api.run("recipe.yaml")


def test_an_item_that_breaks_the_schema_is_a_reject_with_its_labels_and_its_line(lab: Path) -> None:
    release = run(most=2).release
    assert release is not None
    rejects = pl.read_parquet(release / "audit/rejects.parquet").sort("reason")
    assert rejects["stage"].unique().to_list() == ["corpus:tweets"]
    assert rejects["reason"].to_list() == [ITEM_REFUSED, "language: not a BCP 47 language tag"]
    assert rejects["detail"][1] == 'language = "English language": not a BCP 47 language tag'
    assert (rejects["file"][1], rejects["line"][1]) == ("tweets.csv", 3)
    assert pl.read_parquet(release / "items/*.parquet").height == 2
    assert pl.read_parquet(release / "labels/*.parquet").height == 2


def test_too_many_of_them_stop_the_run_and_say_why(lab: Path) -> None:
    with pytest.raises(DsbuildError, match="1 language: not a BCP 47 language tag"):
        run(most=0)


def _item(**changes: str | None) -> dict[str, str | None]:
    return {"item_id": "i", "corpus": "c", "modality": "text", **changes}


def _annotation(**changes: object) -> dict[str, object]:
    return {
        "annotation_id": "a",
        "item_id": "i",
        "task": "emotion",
        "annotator": "x",
        "annotator_kind": "llm",
        "labels": [{"label": "joy"}],
        **changes,
    }


def test_annotations_of_a_refused_item_go_with_it_in_later_batches_too() -> None:
    rules = SchemaRules()
    items = conform(pl.DataFrame([_item(), _item(item_id="j", modality="smell")]), ITEMS)
    nothing = conform(pl.DataFrame(), ANNOTATIONS)
    kept, _, rejects = rules.split(items, nothing)
    assert (kept["item_id"].to_list(), rejects["item_id"].to_list()) == (["i"], ["j"])
    later = conform(pl.DataFrame([_annotation(), _annotation(annotation_id="b", item_id="j")]), ANNOTATIONS)
    _, annotations, rejects = rules.split(items.clear(), later)
    assert annotations["annotation_id"].to_list() == ["a"]
    assert rejects.select("item_id", "reason", "detail").rows() == [("j", ITEM_REFUSED, "annotation_id b")]


def test_what_an_annotator_says_is_held_against_the_table_before_its_task() -> None:
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
    said = [_annotation(), _annotation(annotation_id="b", annotator_kind="robot")]
    said += [_annotation(annotation_id="c", labels=[{"label": "hunger"}])]
    items = conform(pl.DataFrame([_item()]), ITEMS)
    kept, rejects = _checked(conform(pl.DataFrame(said), ANNOTATIONS), [task], items)
    assert kept["annotation_id"].to_list() == ["a"]
    assert rejects["reason"].to_list() == ["annotator_kind: outside its vocabulary", "label outside the taxonomy"]


def test_a_media_role_that_the_schema_lacks_is_refused_before_a_file_is_read() -> None:
    with pytest.raises(ValueError, match="no media role 'smell'; there are: audio, video, image"):
        Reading.model_validate({"media": {"smell": {"path": "a.txt"}}})
    assert Reading.model_validate({"media": {"eeg": {"path": "a.edf"}}}).media["eeg"].path == "a.edf"
