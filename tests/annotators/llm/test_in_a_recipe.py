"""What a recipe says beside one annotator: whom it sees, personas, a template of one's own, how much may fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dsbuild import api
from dsbuild.recipe import BadRecipe, load
from schemas.errors import DsbuildError

RECIPE = """dataset: lab
tasks: [{{name: emotion, kind: choice, taxonomy: ekman-neutral, perspective: reader}}]
corpora:
  - name: lab
    path: rows.csv
    columns: {{id: id, text: text}}
    language: en
    labels: [{{task: emotion, columns: label, annotator: author, kind: author}}]
annotate:
{annotate}
aggregate: [{{name: stated, task: emotion, from: [lab]}}]
{more}
"""
LLM = 'kind: llm, model: m, base_url: "{url}"'


@pytest.fixture
def lab(stub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A recipe whose annotators ask the stub server; `annotate` are its entries, {LLM} what makes one an LLM."""
    rows = [f"{n},text number {n},{('joy', 'fear')[n % 2]}" for n in range(6)]
    (tmp_path / "rows.csv").write_text("\n".join(["id,text,label", *rows]) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def make(*annotate: str, more: str = "", **options: Any) -> Any:
        server = stub(**options)
        entries = "\n".join(f"  - {{{one.replace('LLM', LLM.format(url=server.url))}}}" for one in annotate)
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(annotate=entries, more=more), encoding="utf-8")
        return server

    return make


def test_a_critic_is_shown_what_the_first_model_said_of_each_item(lab: Callable[..., Any]) -> None:
    server = lab("name: critic, LLM, strategy: critic, sees: [gpt]", "name: gpt, LLM")
    ran = api.run("recipe.yaml", until="annotate").ran
    assert ran.done.index("annotate:gpt") < ran.done.index("annotate:critic")
    said = dict(ran.outputs["annotate:gpt"].frame("annotations").select("item_id", pl.col("labels")).iter_rows())
    texts = dict(ran.outputs["items"].frame("items").select("item_id", "text").iter_rows())
    shown = [one for one in server.asked() if "Answer of another annotator" in one]
    assert len(shown) == 6
    for item, labels in said.items():
        [question] = [one for one in shown if texts[item] in one]
        assert labels[0]["label"] in question
    # Asked again only where what is shown has changed.
    assert api.run("recipe.yaml", until="annotate").ran.done == []


def test_one_persona_runs_alone(lab: Callable[..., Any]) -> None:
    server = lab("name: gpt, LLM, personas: {nurse: a nurse of sixty, poet: a young poet}")
    api.run("recipe.yaml", until="build")
    done = api.run("recipe.yaml", only="annotate:gpt-poet").ran
    assert "annotate:gpt-poet" in done.done
    assert "annotate:gpt-nurse" in done.blocked
    assert len(server.asked()) == 6
    whole = api.run("recipe.yaml", until="annotate").ran
    origins = [whole.outputs[f"annotate:gpt-{name}"].frame("provenance")["prompt"][0] for name in ("nurse", "poet")]
    assert "a nurse of sixty" in origins[0]
    assert "a young poet" in origins[1]
    assert whole.outputs["annotate:gpt-nurse"].frame("annotations")["annotator"].unique().to_list() == ["gpt-nurse"]


def test_a_template_of_one_s_own_lies_beside_the_recipe_and_counts_with_every_word(
    lab: Callable[..., Any], tmp_path: Path
) -> None:
    server = lab("name: gpt, LLM, prompt: mine/weather.j2")
    (tmp_path / "mine").mkdir()
    own = tmp_path / "mine" / "weather.j2"
    own.write_text('{% extends "direct.j2" %}{% block how %}Mind the weather. {% endblock %}', encoding="utf-8")
    origin = api.run("recipe.yaml", until="annotate").ran.outputs["annotate:gpt"].frame("provenance")
    assert "Mind the weather." in origin["prompt"][0]
    assert len(server.asked()) == 6
    own.write_text('{% extends "direct.j2" %}{% block how %}Mind the moon. {% endblock %}', encoding="utf-8")
    again = api.run("recipe.yaml", until="annotate").ran
    assert again.done == ["annotate:gpt"]
    assert len(server.asked()) == 12
    assert again.outputs["annotate:gpt"].frame("provenance")["prompt_hash"][0] != origin["prompt_hash"][0]


def test_a_template_that_is_not_there_is_told_when_the_recipe_is_read(lab: Callable[..., Any]) -> None:
    lab("name: gpt, LLM, prompt: mine/gone.j2")
    with pytest.raises(BadRecipe, match=r"gone\.j2"):
        load("recipe.yaml")


@pytest.mark.parametrize(("bound", "fails"), [("0.1", True), ("1", True), ("0.5", False), ("2", False)])
def test_max_failed_bounds_every_annotator_of_the_recipe(lab: Callable[..., Any], bound: str, fails: bool) -> None:
    lab("name: gpt, LLM", more=f"max_failed: {bound}", garble=["number 3", "number 4"])
    if fails:
        with pytest.raises(DsbuildError, match="gpt leaves 2 of 6 answers as dead letters"):
            api.run("recipe.yaml", until="annotate")
    else:
        assert api.run("recipe.yaml", until="annotate").ran.outputs["annotate:gpt"].figures["dead_letters"] == 2


def test_a_stricter_bound_counts_for_what_has_run_and_asks_nothing_twice(lab: Callable[..., Any]) -> None:
    server = lab("name: gpt, LLM", garble=["number 3"])
    api.run("recipe.yaml", until="annotate")
    asked = len(server.asked())
    with pytest.raises(DsbuildError, match="max_failed allows 0"):
        api.run("recipe.yaml", until="annotate", overrides=["max_failed=0"])
    assert len(server.asked()) == asked


def test_people_get_what_real_requests_dispute(lab: Callable[..., Any]) -> None:
    """Two models behind one server, whose answers are drawn from the prompt: other prompts give other labels."""
    lab(
        "name: one, LLM",
        "name: two, LLM, strategy: cot",
        more="gold: [{name: main, people: [p1], on: {where: disagree(one, two)}}]",
    )
    ran = api.run("recipe.yaml", until="annotate").ran
    labels = [
        dict(
            ran.outputs[f"annotate:{name}"]
            .frame("annotations")
            .filter(pl.col("task") == "emotion")
            .select("item_id", pl.col("labels").list.first().struct.field("label"))
            .iter_rows()
        )
        for name in ("one", "two")
    ]
    apart = {item for item in labels[0] if labels[0][item] != labels[1].get(item)}
    from dsbuild.engine.session_items import session_items
    from dsbuild.engine.setup import context

    ctx = context("recipe.yaml")
    found = session_items(ctx, ctx.recipe.gold[0], ran.outputs)
    assert set(found.items["item_id"]) == apart
    assert json.dumps(found.figures())


def test_an_annotator_that_no_item_is_for_says_so(lab: Callable[..., Any]) -> None:
    server = lab("name: gpt, LLM, on: {languages: [mr]}")
    ran = api.run("recipe.yaml", until="annotate").ran
    assert ran.outputs["annotate:gpt"].figures["more"]["warnings"] == [
        "No item fits what its `on` asks for, so it was asked about none."
    ]
    assert server.asked() == []


def test_a_row_that_was_never_asked_about_is_not_said_to_have_answered(lab: Callable[..., Any]) -> None:
    lab("name: gpt, LLM, media: {}")
    with pytest.raises(DsbuildError) as caught:
        api.run("recipe.yaml", until="annotate")
    assert "no_media" in str(caught.value)
    assert "the answer was" not in str(caught.value)


@pytest.mark.parametrize(("more", "answers"), [("vote: true, ", 6), ("", 18)])
def test_a_node_counts_the_votes_or_every_sample_and_never_both(
    lab: Callable[..., Any], more: str, answers: int
) -> None:
    lab(f"name: gpt, LLM, samples: 3, {more}params: {{temperature: 1}}, max_failed: 1", garble=["number 3"])
    figures = api.run("recipe.yaml", until="annotate").ran.outputs["annotate:gpt"].figures
    dead = answers // 6
    assert (figures["asked"], figures["answered"], figures["dead_letters"]) == (answers, answers - dead, dead)
