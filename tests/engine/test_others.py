"""Annotators that read what others said: run after them, shown their answers, and run again when these change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest

from dsbuild import api
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context
from dsbuild.engine.plan import status
from dsbuild.engine.run import Ran, execute
from dsbuild.engine.setup import context
from dsbuild.recipe import BadRecipe, load
from schemas.config import AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError
from schemas.protocols import AnnotatorOutput
from schemas.task import Task

TEXTS = "id,text,label\n1,What a lovely morning,joy\n2,Who left the gate open again,anger\n3,See you at noon,neutral\n"
RECIPE = """dataset: lab
tasks: [{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}]
corpora:
  - name: tweets
    path: tweets.csv
    columns: {id: id, text: text}
    language: en
    labels: [{task: emotion, columns: label, annotator: author, kind: author}]
annotate: [{name: lexicon, kind: lexicon, without_words: exclusive}]
aggregate: [{name: stated, task: emotion, from: [tweets]}]
"""
SAW: list[pl.DataFrame] = []


@dataclass
class Watcher:
    """Says nothing, and remembers what it was handed."""

    name: str
    env: AnnotatorEnv
    kind: str = "model"
    read: dict[str, int] = field(default_factory=dict)

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        SAW.append(items)
        read = {name: self.env.read(name).height for name in ("lexicon", "tweets")}
        return AnnotatorOutput(figures={"read": read, "items": sum(batch.height for batch in self.env.items())})


class Watching(AnnotatorConfig):
    kind: Literal["watching"] = "watching"
    shown: tuple[str, ...] = ("lexicon", "tweets:author")
    more: tuple[str, ...] = ("tweets",)

    @property
    def shown_answers(self) -> tuple[str, ...]:
        return self.shown

    @property
    def reads(self) -> tuple[str, ...]:
        return (*self.shown, *self.more)

    @asynccontextmanager
    async def _watch(self, env: AnnotatorEnv) -> AsyncIterator[Watcher]:
        yield Watcher(self.name, env)

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> Any:
        return self._watch(env)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tweets.csv").write_text(TEXTS, encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    SAW.clear()
    return tmp_path


def watched(*overrides: str, **options: Any) -> tuple[Ran, Context]:
    """A run of the recipe with a watcher that stands before the one whom it reads."""
    ctx = context("recipe.yaml", overrides=overrides)
    entries = (Watching(name="watcher", **options), *ctx.recipe.annotate)
    ctx = replace(ctx, recipe=ctx.recipe.model_copy(update={"annotate": entries}))
    return execute(graph_of(ctx), ctx, until="annotate"), ctx


def test_who_is_read_runs_first_and_is_shown_item_by_item(lab: Path) -> None:
    ran, _ = watched()
    assert ran.done.index("annotate:lexicon") < ran.done.index("annotate:watcher")
    assert ran.outputs["annotate:watcher"].figures["more"] == {"read": {"lexicon": 3, "tweets": 3}, "items": 3}
    [items] = SAW
    told = {row["text"]: [(one["annotator"], one["answer"]) for one in row["seen"]] for row in items.to_dicts()}
    assert told == {
        "What a lovely morning": [("lexicon", '{"labels": ["joy"]}'), ("tweets:author", '{"labels": ["joy"]}')],
        "Who left the gate open again": [
            ("lexicon", '{"labels": ["neutral"]}'),
            ("tweets:author", '{"labels": ["anger"]}'),
        ],
        "See you at noon": [("lexicon", '{"labels": ["neutral"]}'), ("tweets:author", '{"labels": ["neutral"]}')],
    }


def test_only_a_change_in_what_is_read_runs_the_reader_again(lab: Path) -> None:
    watched()
    assert watched()[0].done == []
    assert watched("annotate.lexicon.without_words=none")[0].done == ["annotate:lexicon", "annotate:watcher"]


def test_nobody_reads_whom_their_configuration_does_not_name(lab: Path) -> None:
    with pytest.raises(DsbuildError, match="wants to read 'tweets', but its configuration does not say so"):
        watched(shown=("lexicon",), more=())


def test_without_others_the_items_are_as_they_were(lab: Path) -> None:
    watched(shown=(), more=("lexicon", "tweets"))
    assert "seen" not in SAW[0].columns


PERSONAS = """
annotate:
  - {name: lexicon, kind: lexicon}
  - {name: gpt, kind: llm, model: m, base_url: "http://localhost:9/v1", strategy: critic, sees: [lexicon],
     personas: {nurse: "a nurse", poet: "a poet"}}
  - {name: judge, kind: llm, model: m, base_url: "http://localhost:9/v1", strategy: critic, sees: [gpt, lexicon]}
gold:
  - {name: main, people: [p], suggest: {from: gpt}, on: {where: disagree(gpt)}}
aggregate:
  - {name: stated, task: emotion, from: [tweets]}
  - {name: silver, task: emotion, from: [gpt, lexicon]}
  - {name: nurse, task: emotion, from: [gpt-nurse]}
gates:
  - {metric: krippendorff_alpha, task: emotion, from: [gpt], at_least: 0}
"""


def personas(lab: Path, text: str = PERSONAS) -> None:
    (lab / "recipe.yaml").write_text(RECIPE.partition("annotate:")[0] + text, encoding="utf-8")


def test_each_persona_is_an_annotator_and_the_entry_s_name_means_all_of_them(lab: Path) -> None:
    personas(lab)
    recipe = load("recipe.yaml").recipe
    assert [entry.name for entry in recipe.annotate] == ["lexicon", "gpt-nurse", "gpt-poet", "judge"]
    nurse, judge = recipe.annotate[1], recipe.annotate[3]
    assert (getattr(nurse, "persona", None), getattr(nurse, "personas", None)) == ("a nurse", {})
    assert judge.reads == ("gpt-nurse", "gpt-poet", "lexicon")
    both = ("gpt-nurse", "gpt-poet")
    assert recipe.gold[0].suggest is not None
    assert recipe.gold[0].suggest.from_ == both
    assert recipe.gold[0].on.where == "disagree(gpt-nurse, gpt-poet)"
    assert [entry.from_ for entry in recipe.aggregate] == [("tweets",), (*both, "lexicon"), ("gpt-nurse",)]
    assert recipe.gates[0].from_ == both
    nodes = [row.node for row in status("recipe.yaml")]
    assert nodes.index("annotate:gpt-nurse") < nodes.index("annotate:judge")
    assert "annotate:gpt-poet" in nodes


def test_one_persona_can_be_run_alone(lab: Path) -> None:
    personas(lab)
    with pytest.raises(DsbuildError, match=r"no node 'annotate:gpt-nuse'\. Did you mean \"annotate:gpt-nurse\""):
        api.run("recipe.yaml", only="annotate:gpt-nuse")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("from: [gpt-nurse]", "from: [gpt-norse]", 'did you mean "gpt-nurse"'),
        ("name: judge,", "name: gpt-poet,", "is taken"),
        ("from: [gpt], at", "from: [gpt-nurse], at", "agreement is between at least two annotators"),
        ("sees: [gpt, lexicon]", "sees: [gpt, judge]", '"judge" needs "judge"'),
        (
            "strategy: critic, sees: [lexicon]",
            "strategy: critic, sees: [judge]",
            '"gpt" needs "judge", "judge" needs "gpt"',
        ),
    ],
)
def test_what_is_wrong_with_personas_is_told(lab: Path, before: str, after: str, said: str) -> None:
    assert before in PERSONAS
    personas(lab, PERSONAS.replace(before, after))
    with pytest.raises(BadRecipe) as told:
        load("recipe.yaml")
    assert said in str(told.value)
