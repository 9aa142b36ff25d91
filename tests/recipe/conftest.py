"""A small valid recipe, written where a test wants it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RECIPE = """\
dataset: tweets
licence: CC0-1.0
tasks:
  - {name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: writer}
  - {name: mood, kind: choice, taxonomy: ekman-neutral, perspective: [reader, writer]}
corpora:
  - name: tweets
    path: {train: train.csv, test: test.csv}
    columns: {id: id, text: text}
    labels: [{task: emotion, columns: emotion, annotator: self, kind: author, separator: "|"}]
build:
  - normalise
  - split: source
  - deduplicate: {near: 0.9, keep: [test, train]}
annotate:
  - {name: gpt, kind: llm, model: gpt-4o, strategy: cotr}
  - {name: gpt-4.1, kind: llm, model: gpt-4.1, tasks: [emotion]}
gold:
  - name: main
    on: {splits: [test]}
    people: [p1, p2]
    suggest: {from: gpt, share: 0.5}
aggregate:
  - {name: silver, task: emotion, from: [gpt, gpt-4.1], method: intersection, compare: [union]}
  - {name: gold, task: emotion, from: main}
  - {name: stated, task: emotion, from: ["tweets:self"]}
gates:
  - {metric: krippendorff_alpha, task: emotion, from: [main], at_least: 0.6}
  - {metric: leakage, by: [exact, near], near: 0.9, at_most: 0}
release: {repo: lab/tweets}
data: {emotion: [gold, silver]}
"""


@pytest.fixture
def recipe_text() -> str:
    return RECIPE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with the corpus's files in it."""
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("id,text,emotion\n1,hello,joy\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[..., str]:
    """Write a recipe beside the corpus; the name it goes by in messages."""

    def written(text: str, name: str = "r.yaml") -> str:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        return name

    return written
