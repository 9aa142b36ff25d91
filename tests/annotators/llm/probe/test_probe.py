"""The memory probe of a model behind a server: one that knows half of the items by heart, and one that knows none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsbuild import api
from dsbuild.recipe import BadRecipe, load

WORDS = "amber river stone lantern quiet market copper orchard winter signal velvet harbour meadow thunder paper window"
RECIPE = """dataset: lab
tasks: [{{name: emotion, kind: choice, taxonomy: ekman-neutral, perspective: reader}}]
corpora:
  - name: lab
    path: rows.csv
    columns: {{id: id, text: text}}
    language: en
    labels: [{{task: emotion, columns: label, annotator: author, kind: author}}]
annotate:
  - {{name: gpt, kind: llm, model: m, base_url: "{url}", probe: {{memory: {wanted}}}{more}}}
aggregate: [{{name: stated, task: emotion, from: [lab]}}]
"""
LABELS = ("joy", "anger", "fear", "sadness", "disgust", "surprise", "neutral")


def texts(count: int) -> list[tuple[str, str, str]]:
    """(id, text, label) of items whose words are drawn one by one, so that nothing but memory goes on from a half."""
    import numpy as np

    generator = np.random.default_rng(3)
    words = WORDS.split()
    return [
        (f"k{n}", " ".join(generator.choice(words, 16).tolist()) + f" tail{n}", LABELS[generator.integers(7)])
        for n in range(count)
    ]


def lab(folder: Path, url: str, *, wanted: int = 20, more: str = "", count: int = 24) -> list[tuple[str, str, str]]:
    items = texts(count)
    rows = "\n".join(",".join(row) for row in [("id", "text", "label"), *items])
    (folder / "rows.csv").write_text(rows + "\n", encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url, wanted=wanted, more=more), encoding="utf-8")
    return items


def test_a_plan_counts_what_a_probe_may_ask(stub: Callable[..., Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    server = stub()
    lab(tmp_path, server.url, more=", price: {input: 1, output: 2}")
    planned = api.plan("recipe.yaml")
    [row] = [one for one in planned.rows if one.node == "probe:gpt"]
    assert (row.figures["items"], row.figures["calls"], row.figures["cached"]) == (20, 6 * 20, 0)
    [annotator] = [one for one in planned.rows if one.node == "annotate:gpt"]
    assert planned.calls == 120 + 24
    assert planned.usd == pytest.approx(row.figures["usd"] + annotator.figures["usd"], abs=1e-4)
    api.run("recipe.yaml", until="annotate")
    assert 24 + 80 < len(server.asked()) <= planned.calls, "equal rewritings are asked about once"
    # What does not hang on the model's own words is found in the store again.
    again = api.plan("recipe.yaml", overrides=["annotate.gpt.probe.margin=0.5"])
    [row] = [one for one in again.rows if one.node == "probe:gpt"]
    assert row.figures["cached"] == 4 * 20


def known(items: list[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """What a model that has read every second item would answer: to its opening, to its id, to its first words."""
    found: dict[str, dict[str, str]] = {}
    for key, text, label in items[::2]:
        words = text.split()
        opening, rest = " ".join(words[:8]), " ".join(words[8:])
        found[f'"{opening}"'] = {"continuation": rest, "rewriting": "said otherwise"}
        found[f'"{key}"'] = {"label": label}
        found[f'"{" ".join(words[:4])}"'] = {"label": label}
    return found


def probed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], api.Result]:
    monkeypatch.chdir(folder)
    result = api.run("recipe.yaml", until="audit")
    metrics = json.loads((result.ran.outputs["audit"].folder / "metrics.json").read_text(encoding="utf-8"))
    return {one["probe"]: one for one in metrics["memory"]}, result


def test_a_model_that_knows_half_of_the_items_is_found_out(
    stub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stub(knows=known(texts(24)))
    lab(tmp_path, server.url)
    figures, result = probed(tmp_path, monkeypatch)
    assert list(figures) == ["continuation", "label from the id", "label from the first words"]
    for one in figures.values():
        assert one["known"], one
        assert one["p"] < 0.05
        assert 0.2 < one["difference"] < 0.8
        assert one["items"] == 20
    report = (result.ran.outputs["audit"].folder / "report.html").read_text(encoding="utf-8")
    assert "knows items of this dataset by heart" in report
    # What was answered is in the store: asked anew, nothing is sent.
    before = len(server.asked())
    api.run("recipe.yaml", until="audit", redo="probe:gpt")
    assert len(server.asked()) == before


def test_a_model_that_knows_nothing_raises_no_alarm(
    stub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stub()
    lab(tmp_path, server.url)
    figures, result = probed(tmp_path, monkeypatch)
    assert not any(one["known"] for one in figures.values())
    assert all(one["items"] == 20 for one in figures.values())
    report = (result.ran.outputs["audit"].folder / "report.html").read_text(encoding="utf-8")
    assert "knows items of this dataset by heart" not in report


def test_a_probe_changes_no_annotation_and_costs_what_it_says(
    stub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stub()
    lab(tmp_path, server.url)
    monkeypatch.chdir(tmp_path)
    first = api.run("recipe.yaml", until="annotate")
    assert "probe:gpt" in first.ran.done
    # 24 items to annotate; 20 openings, rewritings and their continuations, ids, first words twice: equal ones once.
    before = len(server.asked())
    assert 24 + 20 * 4 <= before <= 24 + 20 * 6
    wider = api.run("recipe.yaml", until="annotate", overrides=["annotate.gpt.probe.memory=22"])
    assert wider.ran.done == ["probe:gpt"]
    assert before < len(server.asked()) <= before + 2 * 6
    none = api.run("recipe.yaml", until="annotate", overrides=["annotate.gpt.probe=null"])
    assert none.ran.done == []


def test_unusable_answers_have_no_part_in_the_figures(
    stub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = texts(24)
    broken = {" ".join(text.split()[:4]) for _, text, _ in items[:5]}
    server = stub(garble=sorted(broken))
    lab(tmp_path, server.url, wanted=24, more=", max_failed: 1.0")
    figures, _ = probed(tmp_path, monkeypatch)
    assert figures["continuation"]["items"] == 19
    assert figures["label from the id"]["items"] == 24


def test_the_probe_stays_within_the_budget(
    stub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from schemas.errors import DsbuildError

    server = stub()
    lab(tmp_path, server.url, more=", price: {input: 10, output: 10}")
    text = (tmp_path / "recipe.yaml").read_text(encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(text + "budget: {usd: 0.08}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DsbuildError, match="budget"):
        api.run("recipe.yaml", until="annotate")
    assert 24 <= len(server.asked()) < 24 + 20 * 6
    # 110 tokens an answer at 10 USD a million.
    assert len(server.asked()) * 110 * 10 / 1e6 <= 0.08


def test_a_base_model_cannot_be_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab(tmp_path, "http://localhost:9/v1", more=", instructed: false")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadRecipe, match="needs a model that follows instructions"):
        load("recipe.yaml")
