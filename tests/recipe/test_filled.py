"""Tasks of corpora, and tasks that are filled from them: what the recipe means, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsbuild.recipe import BadRecipe, dump, load
from dsbuild.recipe.filled import fillings, local_names, tasks_for
from dsbuild.recipe.schema import json_schema

Write = Callable[[str], str]

RECIPE = """\
dataset: merged
tasks:
  - {name: emotion, kind: choice, taxonomy: ekman-neutral, perspective: reader, from: [meld.emotion, tweets.feeling]}
  - {name: mood, kind: multi, taxonomy: ekman, perspective: [reader, writer], from: [tweets.feeling, tweets.own]}
  - {name: arousal, kind: scale, range: [0, 1], perspective: reader, from: tweets.arousal}
corpora:
  - name: meld
    path: meld.csv
    columns: {id: id, text: text}
    tasks: [{name: emotion, kind: choice, taxonomy: meld, perspective: reader}]
    labels: [{task: emotion, columns: label, annotator: raters, kind: human}]
  - name: tweets
    path: tweets.csv
    columns: {id: id, text: text}
    tasks:
      - {name: feeling, kind: choice, taxonomy: own.yaml, perspective: reader}
      - {name: own, kind: choice, taxonomy: emoevent, perspective: writer}
      - {name: arousal, kind: scale, range: [1, 7], perspective: reader}
    labels:
      - {task: feeling, columns: label, annotator: raters, kind: human}
      - {task: own, columns: own, annotator: author, kind: author}
      - {task: arousal, columns: arousal, annotator: raters, kind: human}
build: [normalise, {split: {test: 0.5}}]
aggregate:
  - {name: people, task: emotion, from: [meld, tweets]}
  - {name: authors, task: mood_writer, from: [tweets]}
  - {name: raters, task: arousal, from: ["tweets:raters"]}
"""
OWN = (
    "name: own\ntitle: Own\nsource: me\nlabels: [{id: glad, tone: {term: joy, tier: 1}}, {id: meh, tone_note: none}]\n"
)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    for name in ("meld.csv", "tweets.csv"):
        (tmp_path / name).write_text("id,text,label,own,arousal\n1,hello,joy,joy,3\n", encoding="utf-8")
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
        return "r.yaml"

    return write


def test_a_corpus_has_tasks_of_its_own_under_its_own_name(write: Write) -> None:
    recipe = load(write(RECIPE)).recipe
    tweets = tasks_for(recipe.corpora[1], {})
    assert {name: task.name for name, task in tweets.items()} == {
        "feeling": "tweets.feeling",
        "own": "tweets.own",
        "arousal": "tweets.arousal",
    }
    assert tweets["feeling"].label_ids == ["glad", "meh"]
    # The recipe's tasks are what annotators are asked and the wide table shows; a corpus's own are neither.
    assert recipe.task_names == ("emotion", "mood_reader", "mood_writer", "arousal")


def test_each_perspective_is_filled_by_the_tasks_that_have_it(write: Write) -> None:
    recipe = load(write(RECIPE)).recipe
    filled = {entry.name: entry.from_ for entry in recipe.tasks}
    assert filled["mood_reader"] == ("tweets.feeling",)
    assert filled["mood_writer"] == ("tweets.own",)
    assert [one.task.name for one in fillings(recipe, "emotion")] == ["meld.emotion", "tweets.feeling"]
    assert local_names(recipe, "tweets", "emotion") == {"emotion", "feeling"}
    # Labels of meld called emotion are its own task's, not the recipe's of that name.
    assert local_names(recipe, "meld", "emotion") == {"emotion"}
    assert local_names(recipe, "meld", "arousal") == {"arousal"}


def test_an_aggregate_of_converted_answers_has_the_method_of_whoever_gave_them(write: Write) -> None:
    methods = {entry.name: entry.method for entry in load(write(RECIPE)).recipe.aggregate}
    assert methods == {"people": "majority", "authors": "stated", "raters": "mean"}


def test_a_task_of_the_recipe_may_fill_another(write: Write) -> None:
    text = RECIPE.replace("from: tweets.arousal", "from: meld.intensity").replace(
        "corpora:", "  - {name: intensity, kind: scale, range: [1, 7], perspective: reader}\ncorpora:", 1
    )
    text = text.replace(
        "label, annotator: raters, kind: human}]",
        "label, annotator: raters, kind: human},\n      "
        "{task: intensity, columns: arousal, annotator: raters, kind: human}]",
        1,
    )
    recipe = load(write(text.replace('from: ["tweets:raters"]', "from: [meld]"))).recipe
    assert [(one.name, one.task.name) for one in fillings(recipe, "arousal")] == [("meld.intensity", "intensity")]


def test_paths_of_own_taxonomies_are_relative_to_the_recipe_and_leave_no_trace(write: Write, tmp_path: Path) -> None:
    loaded = load(write(RECIPE))
    assert loaded.recipe.corpora[1].tasks[0].taxonomy == str(tmp_path / "own.yaml")
    assert dump(loaded.recipe, loaded.directory)["corpora"][1]["tasks"][0]["taxonomy"] == "own.yaml"
    assert str(tmp_path) not in str(dump(loaded.recipe, loaded.directory))


def test_the_editors_schema_knows_the_keys() -> None:
    definitions = json_schema()["$defs"]
    assert {"items", "type"} <= definitions["TaskEntry"]["properties"]["from"]["anyOf"][0].keys()
    assert "tasks" in definitions["CorpusEntry"]["properties"]


MISTAKES = [
    ("meld.emotion, tweets", "§meld.emotions, tweets", 'answer no task "emotions"; did you mean "emotion"?'),
    ("[meld.emotion, tweets", "[§mled.emotion, tweets", 'no corpus for "mled.emotion"; did you mean "meld"?'),
    ("[meld.emotion, tweets", "[§emotion, tweets", "wanted CORPUS.TASK"),
    ("[meld.emotion, tweets.feeling]", "[§meld.emotion, meld.emotion]", "stands here twice"),
    (
        "perspective: reader, from: [meld",
        "perspective: writer, from: [§meld",
        "meld.emotion asks from the perspective reader, emotion from the perspective writer",
    ),
    (
        "[reader, writer], from: [tweets.feeling,",
        "[speaker, writer], from: [§tweets.feeling,",
        "this one from: speaker, writer",
    ),
    (
        "from: tweets.arousal",
        "from: §tweets.feeling",
        "arousal is scale and can be made of scale; tweets.feeling is choice",
    ),
    ("range: [0, 1], perspective", "range: [0, 1], step: 0.5, perspective", "tweets.arousal any number"),
    (
        "    tasks: [{name: emotion, kind: choice, taxonomy: meld, perspective: reader}]\n",
        "",
        "this is the task itself; add tasks: [{name: emotion, ...}]",
    ),
    ("taxonomy: meld,", "taxonomy: §mled,", 'Did you mean "meld"?'),
    (
        "{name: emotion, kind: choice, taxonomy: meld,",
        "{name: §emotoin, kind: choice, taxonomy: meld,",
        "no labels of this corpus",
    ),
    ("kind: choice, taxonomy: emoevent,", "kind: choice,", "needs a taxonomy"),
    ("{name: own, kind", "{name: §feeling, kind", "is taken by another task of this corpus"),
    (
        "perspective: writer}\n      - {name: arousal",
        "perspective: writer, from: §meld.emotion}\n      - {name: arousal",
        "a corpus's own task is read from its files",
    ),
    ("{split: {test: 0.5}}", "{split: {test: 0.5, stratify: §emotion}}", "nothing can be stratified by it"),
    ("task: emotion, from: [meld, tweets]", "task: arousal, from: [§meld, tweets]", 'no annotations of "arousal"'),
]


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES, ids=[row[2][:40] for row in MISTAKES])
def test_a_mistake_is_told_with_its_place(write: Write, right: str, wrong: str, told: str) -> None:
    assert RECIPE.count(right) >= 1
    before = RECIPE.replace(right, wrong, 1).partition("§")[0]
    name = write(RECIPE.replace(right, wrong.replace("§", ""), 1))
    with pytest.raises(BadRecipe) as caught:
        load(name)
    message = str(caught.value)
    assert told in message
    if "§" in wrong:
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        assert f"r.yaml:{line}:{column}: " in message
