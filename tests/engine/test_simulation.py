"""What routing would have gained on real answers: LLMs and the people who judged the same 2,552 statements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from typer.testing import CliRunner

from dsbuild.cli.main import app
from dsbuild.engine.simulation import simulate
from schemas.errors import DsbuildError, RecipeError

TAXONOMY = """name: frames
title: whether a statement frames
source: Calderon et al. (2025)
labels:
  - {id: "yes", tone_note: says nothing of an emotion}
  - {id: "no", tone_note: says nothing of an emotion}
"""
RECIPE = """dataset: framing
tasks: [{name: frame, kind: choice, taxonomy: frames.yaml, perspective: reader}]
corpora:
  - name: framing
    path: answers.csv
    columns: {id: id, text: text}
    language: en
    names: keep
    labels:
      - {task: frame, columns: answer, annotator: "{who}", kind: llm, rows: {kind: [llm]}}
      - {task: frame, columns: answer, annotator: "{who}", kind: human, rows: {kind: [human]}}
gold: [{name: main, on: {where: disagree(framing:gpt-4o, framing:llama-31)}, people: [p1]}]
aggregate:
  - name: humans
    task: frame
    from: ["framing:worker_0", "framing:worker_1", "framing:worker_2", "framing:worker_3"]
"""
MODELS = ("gemini_flash", "gemini_pro", "gpt-4o", "llama-31", "gpt-4o-mini", "mistral-v03")
TWO = "disagree(framing:gpt-4o, framing:llama-31)"
ALL = f"disagree({', '.join(f'framing:{name}' for name in MODELS)})"


@pytest.fixture
def framing(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The answers to the task `framing` of Calderon, Reichart and Dror (2025), "The alternative annotator test for
    LLM-as-a-judge", ACL: six LLMs, and four people, of whom two or three judged each statement."""
    rows = []
    for kind in ("llm", "human"):
        file = shared_data / "alttest" / f"framing-{kind}_annotations.json"
        rows += [
            {"id": place, "text": place, "kind": kind, "who": who, "answer": answer}
            for who, given in json.loads(file.read_text(encoding="utf-8")).items()
            for place, answer in given.items()
        ]
    pl.DataFrame(rows).write_csv(tmp_path / "answers.csv")
    (tmp_path / "frames.yaml").write_text(TAXONOMY, encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_routing_what_llms_dispute_beats_random_sampling_on_real_answers(framing: Path) -> None:
    found = simulate("recipe.yaml", where=[TWO, ALL], machines="framing:gpt-4o", resamples=200)
    two, every = found.curves
    assert (found.items, found.metric, found.gold) == (2549, "accuracy", "humans")
    # At no item the model alone, at all of them the people's labels.
    assert two.points[-1].value == every.points[-1].value == 1.0
    assert two.points[0].value == every.points[0].value == pytest.approx(_accuracy(framing), abs=1e-9)
    for one in found.curves:
        assert one.area_low > 0
        assert one.area_low <= one.area <= one.area_high
        values = [point.value for point in one.points]
        assert values == sorted(values)
    # Six models know more of what is hard than two.
    assert every.area > two.area
    assert 0 < two.holds < every.holds < 1


def _accuracy(folder: Path) -> float:
    """The model's accuracy against the people's majority, without any code of ours; ties have no label."""
    answers = pl.read_csv(folder / "answers.csv").filter(pl.col("answer").is_in(["yes", "no"]))
    votes = (
        answers.filter(pl.col("kind") == "human").group_by("id").agg((pl.col("answer") == "yes").mean().alias("yes"))
    )
    model = answers.filter(pl.col("who") == "gpt-4o")
    both = votes.join(model, on="id").filter(pl.col("yes") != 0.5)
    right = ((both["yes"] > 0.5) & (both["answer"] == "yes")) | ((both["yes"] < 0.5) & (both["answer"] == "no"))
    return float(right.mean())  # type: ignore[arg-type]


def test_the_session_s_condition_is_the_policy_where_none_is_given(framing: Path) -> None:
    found = simulate("recipe.yaml", resamples=20)
    assert [one.policy for one in found.curves] == ["disagree(framing:gpt-4o, framing:llama-31)"]
    assert found.machines == "framing:gpt-4o"


def test_the_command_tells_it_as_a_table_as_json_and_as_a_picture(framing: Path) -> None:
    command = ["simulate", "recipe.yaml", "--machines", "framing:gpt-4o", "--people", "3"]
    told = CliRunner().invoke(app, [*command, "--out", "curve.svg"])
    assert told.exit_code == 0, told.output
    assert "accuracy of framing:gpt-4o against humans on frame: 2,549 items" in told.output
    assert "better than random sampling by +0.0" in told.output
    root = ElementTree.parse(framing / "curve.svg").getroot()
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    plain: dict[str, Any] = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert plain["curves"][0]["points"][-1]["items"] == 2549
    assert plain["curves"][0]["points"][-1]["hours"] == round(2549 * 3 * 20 / 3600, 2)
    page = CliRunner().invoke(app, [*command, "--out", "curve.html", "--where", "missing('framing:<script>x')"])
    assert page.exit_code == 0, page.output
    html = (framing / "curve.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": ["disagree(framin)"]}, 'did you mean "framing"'),
        ({"where": ["disagree framing"]}, "wanted \\( and whom disagree asks about"),
        ({"gold": "humand"}, 'did you mean "humans"'),
        ({"task": "fram"}, 'did you mean "frame"'),
        ({"metric": "mae"}, "a choice task is measured by accuracy, macro_f1, micro_f1"),
        ({"gold": "main"}, "Not everybody has answered yet: gold:main"),
        ({"where": ["uncertain('framing:gpt-4o')"]}, "never says how sure it is"),
    ],
)
def test_what_cannot_be_simulated_is_told(framing: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises((DsbuildError, RecipeError), match=said):
        simulate("recipe.yaml", resamples=5, **options)
