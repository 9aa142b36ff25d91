"""A run does what is missing and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dsbuild
from dsbuild import api
from dsbuild.engine.plan import status
from schemas.errors import DsbuildError, RecipeError

TEXTS = "id,text,label\n1,What a lovely morning,joy\n2,Who left the gate open again,anger\n3,See you at noon,neutral\n"
RECIPE = """dataset: lab
tasks: [{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}]
corpora:
  - name: tweets
    path: tweets.csv
    columns: {id: id, text: text}
    language: en
    labels: [{task: emotion, columns: label, annotator: author, kind: author}]
build: [normalise, {deduplicate: {near: 0.9}}]
annotate: [{name: lexicon, kind: lexicon, without_words: exclusive}]
aggregate:
  - {name: stated, task: emotion, from: [tweets]}
  - {name: silver, task: emotion, from: [lexicon]}
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tweets.csv").write_text(TEXTS, encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(**options: Any) -> api.Result:
    return api.run("recipe.yaml", **options)


def test_the_second_run_is_idle(lab: Path) -> None:
    first = _run()
    assert first.ran.done[0] == "corpus:tweets"
    assert first.ran.done[-1] == "release"
    second = _run()
    assert second.idle
    assert second.release == first.release


def test_a_changed_option_runs_that_node_and_what_reads_it(lab: Path) -> None:
    _run()
    again = _run(overrides=["annotate.lexicon.without_words=none"])
    assert "corpus:tweets" in again.ran.cached
    assert again.ran.done == ["annotate:lexicon", "aggregate:silver", "audit", "release"]


def test_a_changed_option_that_gives_the_same_content_stops_there(lab: Path) -> None:
    _run()
    again = _run(overrides=["build.deduplicate.near=0.95"])
    assert again.ran.done[0] == "build:2:deduplicate"
    assert "annotate:lexicon" in again.ran.cached


def test_a_changed_text_is_seen_by_its_content_and_a_touched_file_is_not_changed(lab: Path) -> None:
    _run()
    path = lab / "tweets.csv"
    path.write_text(TEXTS, encoding="utf-8")
    assert _run().idle
    path.write_text(TEXTS.replace("lovely", "terrible"), encoding="utf-8")
    assert not _run().idle


def test_the_place_of_a_corpus_does_not_matter(lab: Path) -> None:
    _run()
    (lab / "elsewhere").mkdir()
    (lab / "tweets.csv").rename(lab / "elsewhere" / "tweets.csv")
    again = _run(overrides=["corpora.tweets.path=elsewhere/tweets.csv"])
    assert "corpus:tweets" in again.ran.cached


def test_until_stops_after_its_stage_and_only_runs_one_node(lab: Path) -> None:
    built = _run(until="build")
    assert built.release is None
    assert built.ran.done[-1] == "carried"
    alone = _run(only="annotate:lexicon")
    assert alone.ran.done == ["annotate:lexicon"]
    with pytest.raises(DsbuildError, match="cannot run alone"):
        _run(only="audit")


def test_redo_runs_a_node_anew(lab: Path) -> None:
    _run()
    again = _run(redo="annotate:lexicon")
    assert again.ran.done == ["annotate:lexicon"], "it made the same, so nothing that reads it runs"


def test_a_release_that_was_deleted_is_written_again(lab: Path) -> None:
    import shutil

    first = _run()
    assert first.release is not None
    shutil.rmtree(first.release)
    again = _run()
    assert again.ran.done == ["release"]
    assert again.release == first.release


def test_more_labels_make_a_minor_version_and_another_title_a_patch(lab: Path) -> None:
    assert str(_run().release).endswith("1.0.0")
    assert str(_run(overrides=["title=Another title"]).release).endswith("1.0.1")
    (lab / "tweets.csv").write_text(TEXTS + "4,My knees shook,fear\n", encoding="utf-8")
    assert str(_run(overrides=["title=Another title"]).release).endswith("1.1.0")


def test_a_sample_has_no_version_and_leaves_the_releases_alone(lab: Path) -> None:
    whole = _run()
    sample = _run(sample=2)
    assert sample.release == Path("releases/lab/sample")
    items = pl.read_parquet(sorted(sample.release.glob("items/*.parquet")))
    assert items.height == 2
    assert _run().idle
    assert whole.release is not None
    assert whole.release.is_dir()


def test_the_same_sample_is_the_head_of_the_larger_one(lab: Path) -> None:
    small, large = _run(sample=1), _run(sample=2)
    for result, many in ((small, 1), (large, 2)):
        assert result.ran.outputs["items"].figures["items"] == many
    first = small.ran.outputs["items"].frame("items")["item_id"].to_list()
    assert large.ran.outputs["items"].frame("items")["item_id"].to_list()[:1] == first


def test_every_run_is_written_down(lab: Path) -> None:
    _run()
    lines = (lab / ".dsbuild" / "logs" / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["node"] for event in events if event["event"] == "end"][-1] == "release"
    assert all(event["seconds"] >= 0 for event in events if event["event"] == "end")


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
def test_repeats_keep_all_their_answers_and_the_majority_counts_whatever_their_order(
    lab: Path, order: list[int]
) -> None:
    rows = ["1,So it goes,sadness", "2,So  it goes,joy", "3,So it  goes,joy", "4,See you at noon,neutral"]
    (lab / "tweets.csv").write_text("id,text,label\n" + "\n".join(rows[n] for n in order), encoding="utf-8")
    outputs = _run().ran.outputs
    carried = outputs["carried"].frame("annotations").sort("item_id", "sample")
    thrice = carried.filter(pl.col("sample").max().over("item_id") == 2)
    labels = [[one["label"] for one in labels] for labels in thrice["labels"].to_list()]
    assert labels == [["joy"], ["joy"], ["sadness"]]
    assert thrice["annotation_id"].n_unique() == 3
    assert thrice["parent"].null_count() == 1, "what was said of a repeat leads back to its row"
    stated = outputs["aggregate:stated"].frame("labels")
    assert sorted(one["label"] for labels in stated["labels"].to_list() for one in labels) == ["joy", "neutral"]


def test_repeats_whose_answers_contradict_each_other_give_no_label_and_are_counted(lab: Path) -> None:
    rows = "id,text,label\n1,So it goes,sadness\n2,So  it goes,joy\n3,See you at noon,neutral\n"
    (lab / "tweets.csv").write_text(rows, encoding="utf-8")
    outputs = _run().ran.outputs
    assert outputs["carried"].figures["undecided"] == 1
    assert outputs["carried"].frame("annotations").height == 3, "nothing is lost"
    stated = outputs["aggregate:stated"].frame("labels")
    said = [labels and [one["label"] for one in labels] for labels in stated["labels"].to_list()]
    assert sorted(said, key=str) == [None, ["neutral"]]
    metrics = json.loads((outputs["audit"].folder / "metrics.json").read_text(encoding="utf-8"))
    assert "have no majority" in metrics["aggregates"][0]["note"]


def test_the_labels_of_what_is_dropped_are_among_the_rejects(lab: Path) -> None:
    long = "I have been standing in the rain in front of the wrong station for an hour and a half"
    rows = f"id,text,label\n1,{long},anger\n2,{long}!,sadness\n3,See you at noon,neutral\n"
    (lab / "tweets.csv").write_text(rows, encoding="utf-8")
    release = _run().release
    assert release is not None
    rejects = pl.read_parquet(release / "audit" / "rejects.parquet")
    gone = rejects.filter(pl.col("stage") == "carried")
    assert gone["reason"].to_list() == ["its item left in the build"]
    assert '"sadness"' in gone["raw"][0]
    assert gone["line"].to_list() == [3]


def test_status_runs_nothing(lab: Path) -> None:
    before = {row.state for row in status("recipe.yaml")}
    assert "done" not in before
    _run()
    assert {row.state for row in status("recipe.yaml")} == {"done"}


def test_the_public_functions_are_those_of_the_api(lab: Path) -> None:
    result = dsbuild.run("recipe.yaml")
    assert result.release is not None
    assert dsbuild.verify(result.release).version == "1.0.0"
    assert dsbuild.plan("recipe.yaml").calls == 0
    with pytest.raises(RecipeError):
        dsbuild.run("nowhere.yaml")


def test_only_and_redo_of_two_nodes_are_refused_and_nothing_is_removed(lab: Path) -> None:
    _run()
    with pytest.raises(RecipeError, match="contradict"):
        _run(only="annotate:lexicon", redo="aggregate:stated")
    assert _run().idle
