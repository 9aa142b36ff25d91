"""What bad input gets: one clear paragraph or a counted reject, and never a traceback."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from tests.cli.lab import Lab, serve_once


def _told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    paragraph = [line for line in done.stderr.splitlines() if line.startswith("dsbuild: ")]
    assert len(paragraph) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def _rejects(lab: Lab) -> pl.DataFrame:
    return pl.read_parquet(lab.release() / "audit" / "rejects.parquet")


def test_a_missing_file_is_named(lab: Lab) -> None:
    lab.recipe(path="tweet.csv")
    _told(lab.run(), 2, "tweet.csv", 'Did you mean "tweets.csv"')


def test_a_missing_recipe_is_named(lab: Lab) -> None:
    _told(lab.run("nowhere.yaml"), 2, "nowhere.yaml")


def test_a_wrong_column_is_answered_with_those_there_are(lab: Lab) -> None:
    lab.recipe(columns={"id": "id", "text": "txt"})
    _told(lab.run(), 2, "no column 'txt'", 'Did you mean "text"', "It has: id, text, label")


def test_a_broken_line_is_rejected_with_its_line_and_the_rest_is_read(lab: Lab) -> None:
    lab.file("id,text,label\n1,fine,joy\n2,too,many,fields,here\n3,also fine,fear\n")
    lab.recipe(more="max_rejects: 10")
    done = lab.run()
    assert done.returncode == 0, done.stderr
    rejects = _rejects(lab)
    assert rejects.select("file", "line").rows() == [("tweets.csv", 3)]
    assert "many" in rejects["raw"][0]
    assert "1" in done.stdout.partition("Rejected at corpus:tweets")[2].splitlines()[0]


def test_an_open_quote_does_not_swallow_the_rest_of_the_file(lab: Lab) -> None:
    lab.file('id,text,label\n1,fine,joy\n2,"open,fear\n3,also fine,fear\n4,fine too,joy\n')
    lab.recipe(more="max_rejects: 10")
    assert lab.run().returncode == 0
    assert _rejects(lab)["line"].to_list() == [3]
    assert lab.items().height == 3


def test_bad_utf8_costs_its_own_line_only(lab: Lab) -> None:
    lab.file(b"id,text,label\n1,fine,joy\n2,br\xff\xfeken,fear\n3,also fine,fear\n")
    lab.recipe(more="max_rejects: 10")
    assert lab.run().returncode == 0
    assert _rejects(lab)["line"].to_list() == [3]
    assert lab.items().height == 2


def test_an_empty_corpus_is_told_as_such(lab: Lab) -> None:
    lab.file("id,text,label\n")
    _told(lab.run(), 1, "'tweets' is empty", "tweets.csv")


def test_a_label_outside_the_taxonomy_is_a_reject_and_its_item_stays(lab: Lab) -> None:
    lab.file("id,text,label\n1,fine,joy\n2,so hungry,hangry\n")
    lab.recipe(more="max_rejects: 10")
    assert lab.run().returncode == 0
    rejects = _rejects(lab)
    assert rejects["reason"].to_list() == ["label outside the taxonomy"]
    assert "hangry" in str(rejects.row(0))
    assert lab.items().height == 2


def test_a_duplicate_id_is_rejected_with_both_places(lab: Lab) -> None:
    lab.file("id,text,label\n1,fine,joy\n1,another,fear\n")
    lab.recipe(more="max_rejects: 10")
    assert lab.run().returncode == 0
    row = _rejects(lab).row(0, named=True)
    assert (row["reason"], row["line"]) == ("duplicate id", 3)
    assert "tweets.csv:2" in row["detail"]


def test_over_max_rejects_the_run_fails_with_the_reasons(lab: Lab) -> None:
    lab.file("id,text,label\n1,fine,joy\n1,another,fear\n")
    lab.recipe(more="max_rejects: 0")
    _told(lab.run(), 1, "1 rejects in 2 rows", "1 duplicate id")


def test_an_unreachable_server_is_named_with_its_address(lab: Lab) -> None:
    lab.recipe(annotate="{name: gpt, kind: llm, model: m, base_url: 'http://127.0.0.1:9/v1', max_attempts: 1}")
    _told(lab.run(), 1, "127.0.0.1:9")


def test_a_wrong_key_is_told_without_the_key(lab: Lab) -> None:
    with serve_once(401, {"error": {"message": "Incorrect API key provided: sk-sec***ret"}}) as url:
        lab.recipe(annotate=f"{{name: gpt, kind: llm, model: m, base_url: '{url}/v1', api_key_env: LAB_KEY}}")
        done = lab.run(env={"LAB_KEY": "sk-secret-0123456789"})
    _told(done, 1, "401", "LAB_KEY")
    everything = done.stdout + done.stderr
    kept = [path for path in lab.folder.rglob("*") if path.is_file()]
    assert "sk-secret-0123456789" not in everything
    assert not [path for path in kept if b"sk-secret-0123456789" in path.read_bytes()]


def test_a_missing_key_names_the_variable_that_should_hold_it(lab: Lab) -> None:
    lab.recipe(annotate="{name: gpt, kind: llm, model: gpt-4o}")
    _told(lab.run(), 1, "OPENAI_API_KEY")


def test_a_full_disk_is_told_and_what_was_finished_is_kept(lab: Lab, full_disk: Path) -> None:
    text = "".join(f"{n},{f'word {n} ' * 40},joy\n" for n in range(6000))
    lab.file("id,text,label\n" + text)
    lab.recipe(build="[normalise]")
    done = lab.run("--workspace", str(full_disk / "w"))
    _told(done, 1, "disk is full")
    again = lab.run()
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("change", "place", "told"),
    [
        (("perspective: reader", "perspective: raeder"), ":3:", "reader"),
        (("kind: multi", "kimd: multi"), ":3:", 'did you mean "kind"'),
        (("taxonomy: ekman-neutral", "taxonomy: ekman-neutrl"), ":3:", "ekman-neutral"),
    ],
)
def test_a_mistake_in_the_recipe_is_told_with_line_column_and_what_was_meant(
    lab: Lab, change: tuple[str, str], place: str, told: str
) -> None:
    path = lab.recipe()
    path.write_text(path.read_text().replace(*change))
    done = lab.run()
    _told(done, 2, place)
    assert told.casefold() in done.stderr.casefold()


def test_an_unknown_node_or_stage_is_answered_with_those_there_are(lab: Lab) -> None:
    _told(lab.run("--until", "anotate"), 2, "Stages: corpora, build, annotate")
    _told(lab.run("--only", "corpus:tweet"), 2, 'Did you mean "corpus:tweets"')


def test_a_failed_gate_says_what_it_saw_what_it_wanted_and_leaves_no_release(lab: Lab) -> None:
    lab.recipe(more="gates: [{metric: max_share, task: emotion, from: [stated], at_most: 0.1}]")
    done = lab.run()
    _told(done, 4, "max_share", "at_most 0.1", "report.html")
    assert not (lab.folder / "releases").exists() or not lab.releases()
    report = Path(done.stderr.partition("report ")[2].partition(".html")[0] + ".html")
    assert (lab.folder / report).is_file()


def test_json_is_json_whatever_a_text_holds(lab: Lab) -> None:
    lab.file('id,text,label\n1,"a ""quote"" and\na line",joy\n2,"<script>alert(1)</script>",fear\n')
    done = lab.run("--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"]["items"] == 2
    report = (lab.release() / "audit" / "report.html").read_text()
    assert "<script>alert" not in report
