"""Items chosen by what annotators say about them: who judges what others dispute, and within which budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.label_studio.human_store import HumanAnswer, HumanStore
from annotators.label_studio.question import Question
from annotators.label_studio.session import FIRST
from dsbuild import api, sessions
from dsbuild.engine.graph import graph_of
from dsbuild.engine.plan import plan
from dsbuild.engine.session_items import session_items
from dsbuild.engine.setup import context
from dsbuild.recipe import BadRecipe, load
from schemas.errors import DsbuildError, WaitingForPeople
from schemas.ids import item_hash

# Two raters of a file play the models: they agree on item 1, half agree on 2, differ on 3 and 4, and b left out 5.
ROWS = """id,text,who,emotion
1,I won,a,joy
1,I won,b,joy
2,He left me,a,sadness|anger
2,He left me,b,sadness
3,Go away,a,anger
3,Go away,b,fear
4,What is this,a,surprise
4,What is this,b,neutral
5,Nothing new,a,neutral
"""
RECIPE = """dataset: lab
tasks: [{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}]
corpora:
  - name: lab
    path: rows.csv
    columns: {id: id, text: text}
    language: en
    labels: [{task: emotion, columns: emotion, annotator: "{who}", kind: model, separator: "|"}]
budget: {}
gold:
  - {name: main, on: {where: "disagree('lab:a', 'lab:b')"}, people: [p1]}
aggregate:
  - {name: silver, task: emotion, from: [lab], on: {where: "not missing('lab:b')"}}
  - {name: gold, task: emotion, from: [main]}
"""
# A person's answers to items, as the human store keeps them.
TEXTS = {"1": "I won", "2": "He left me", "3": "Go away", "4": "What is this", "5": "Nothing new"}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def about(*overrides: str) -> tuple[list[str], Any]:
    """The texts that the session puts before people, in their order, and what it says of them."""
    ctx = context("recipe.yaml", overrides=overrides)
    ran = api.run("recipe.yaml", until="annotate", overrides=overrides).ran
    found = session_items(ctx, ctx.recipe.gold[0], ran.outputs)
    return found.items["text"].to_list(), found


def answer(workspace: Path, text: str) -> None:
    """Somebody's answer to the item with this text, as a pull would have brought it."""
    ctx = context("recipe.yaml")
    items = api.run("recipe.yaml", until="build").ran.outputs["items"].frame("items")
    [item] = items.filter(pl.col("text") == text)["item_id"]
    question = Question.of(ctx.tasks["emotion"], None)
    with HumanStore(workspace / ".dsbuild" / "people.sqlite") as store:
        number = len(store.history("main", "emotion"))
        projects = store.projects("main", task="emotion", round=FIRST)
        project = (
            projects[0] if projects else store.add_project("main", question, FIRST, "http://ls", 1, "mark", "<V/>")
        )
        when = f"2026-01-0{number + 1}T00:00:00Z"
        row = HumanAnswer(
            "main", "emotion", question.hash, FIRST, item, item_hash(text, None, None), "p1", "answer", ["joy"], None,
            None, "http://ls", 1, number, number, when, when, 1.0, None, None, None, [],
        )  # fmt: skip
        store.add(project, [row], {number: None})


def test_people_get_what_machines_dispute_the_most_disputed_first(lab: Path) -> None:
    texts, found = about()
    assert set(texts[:2]) == {"Go away", "What is this"}
    assert texts[2:] == ["He left me"]  # MASI 2/3 apart, and not altogether
    assert (found.wanted, found.over, found.kept) == (3, 0, 0)


def test_an_aggregate_is_made_of_the_items_its_condition_chooses(lab: Path) -> None:
    (lab / "recipe.yaml").write_text(
        RECIPE.replace("gold:\n  - {name: main", "gold: []\nx:\n  - {name: main").split("x:\n")[0]
        + "aggregate:\n  - {name: silver, task: emotion, from: [lab], on: {where: \"not missing('lab:b')\"}}\n",
        encoding="utf-8",
    )
    labels = api.run("recipe.yaml", until="aggregate").ran.outputs["aggregate:silver"].frame("labels")
    items = api.run("recipe.yaml", until="build").ran.outputs["items"].frame("items")
    assert sorted(items.join(labels, on="item_id")["text"]) == ["Go away", "He left me", "I won", "What is this"]


def test_a_threshold_and_missing_answers_are_conditions_too(lab: Path) -> None:
    assert about("gold.main.on.where=disagree('lab:a', 'lab:b', over: 0.9)")[0][2:] == []
    assert about("gold.main.on.where=missing('lab:b')")[0] == ["Nothing new"]
    assert len(about("gold.main.on.where=disagree(lab) or missing('lab:b')")[0]) == 4


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("disagree(lab:a, lab:b)", "disagree(lab:a, lab:b)"),
        ("disagree(lab:a, lab:b, over: 0.3), sample: 9", "disagree(lab:a, lab:b, over: 0.3)"),
        ("disagree(lab, over=0.3, task: emotion) and not missing(lab:b)", None),
        ("not (missing(lab:a) or missing(lab:b)) and disagree(lab)", None),
        ("\"missing('lab:b')\"", "missing(lab:b)"),
    ],
)
def test_a_condition_needs_no_quotes(lab: Path, written: str, meant: str | None) -> None:
    """YAML takes commas and colons for its own; the recipe reads what was written."""
    text = RECIPE.replace("\"disagree('lab:a', 'lab:b')\"", written)
    (lab / "recipe.yaml").write_text(text, encoding="utf-8")
    on = load("recipe.yaml").recipe.gold[0].on
    assert on.where == (meant or written.replace("=", ": "))
    assert on.sample == (9 if "sample" in written else None)


@pytest.mark.parametrize("budget", ["gold.main.budget={items: 2}", "budget.human_hours=0.0112"])
def test_a_budget_takes_the_most_disputed_and_says_how_many_are_left(lab: Path, budget: str) -> None:
    texts, found = about(budget)
    assert set(texts) == {"Go away", "What is this"}
    assert (found.wanted, found.over) == (3, 1)
    assert about(budget)[0] == texts


def test_answers_stay_when_models_change_their_minds(lab: Path) -> None:
    """What was disputed and answered stays in the session although the models now agree; what is new comes in."""
    answer(lab, "Go away")
    answer(lab, "He left me")
    agree = ROWS.replace("3,Go away,b,fear", "3,Go away,b,anger").replace("1,I won,b,joy", "1,I won,b,fear")
    (lab / "rows.csv").write_text(agree, encoding="utf-8")
    texts, found = about()
    assert set(texts) == {"Go away", "He left me", "I won", "What is this"}
    assert found.kept == 1
    # What people have done counts: with room for three, one of the two that nobody has answered is asked.
    texts, found = about("gold.main.budget={items: 3}")
    assert {"Go away", "He left me"} < set(texts)
    assert (len(texts), found.over) == (3, 1)


def test_a_session_waits_for_people_and_goes_on_with_their_answers(lab: Path) -> None:
    with pytest.raises(WaitingForPeople, match="3 of 3 items wait"):
        api.run("recipe.yaml")
    for text in ("Go away", "He left me", "What is this"):
        answer(lab, text)
    done = api.run("recipe.yaml").ran
    assert done.outputs["aggregate:gold"].frame("labels").height == 3
    assert done.outputs["gold:main"].figures["wanted"] == 3
    [row] = sessions.status("recipe.yaml", None)
    assert (row["items"], row["missing"], row["over_budget"], row["withdrawn"]) == (3, 0, 0, 0)


def test_a_plan_tells_the_hours_of_what_is_disputed(lab: Path) -> None:
    api.run("recipe.yaml", until="annotate")
    [row] = [row for row in plan("recipe.yaml").rows if row.node == "gold:main"]
    assert row.figures["items"] == 3


def test_the_session_s_node_reads_those_whose_answers_decide(lab: Path) -> None:
    node = next(node for node in graph_of(context("recipe.yaml")) if node.name == "gold:main")
    assert node.inputs == ("items", "carried")


def test_how_sure_somebody_is_who_never_says_it_cannot_be_asked(lab: Path) -> None:
    with pytest.raises(DsbuildError, match="never says how sure it is"):
        about("gold.main.on.where=uncertain('lab:a')")


def test_labels_of_a_corpus_cannot_be_chosen_by_a_condition(lab: Path) -> None:
    text = RECIPE.replace("kind: model,", "kind: model, on: {where: missing(lab)},")
    (lab / "recipe.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BadRecipe, match="where"):
        load("recipe.yaml")


def test_a_push_sends_what_is_disputed_and_says_what_is_left_out(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotators.label_studio import push as pushing
    from annotators.label_studio.client import Client

    sent: list[pl.DataFrame] = []

    def send(entry: Any, items: pl.DataFrame, *rest: Any, **options: Any) -> pushing.Pushed:
        sent.append(items)
        return pushing.Pushed(1, "http://ls/projects/1", imported=items.height)

    monkeypatch.setattr(pushing, "push", send)
    monkeypatch.setattr(Client, "from_environment", lambda: None)
    [row] = sessions.push("recipe.yaml", "main", overrides=["gold.main.budget={items: 2}"])
    assert set(sent[0]["text"]) == {"Go away", "What is this"}
    assert (row["imported"], row["over_budget"], row["kept"], row["withdrawn"]) == (2, 1, 0, 0)
