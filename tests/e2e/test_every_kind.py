"""One task of every kind, from the columns of a file and an LLM through aggregates to a release."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dsbuild
from audits.methods import METHODS

STUB = Path(__file__).parents[1] / "annotators" / "llm" / "stub_server.py"

RECIPE = """\
dataset: kinds
title: One of every kind
licence: CC0-1.0
tasks:
  - {name: emotion, kind: choice, taxonomy: ekman-neutral, perspective: reader}
  - {name: several, kind: multi, taxonomy: ekman-neutral, perspective: reader}
  - {name: ranked, kind: ranking, taxonomy: ekman-neutral, most: 3, perspective: reader}
  - {name: level, kind: intensity, taxonomy: ekman-neutral, levels: [none, weak, strong], perspective: reader}
  - {name: valence, kind: scale, range: [1, 7], step: 1, perspective: reader, instructions: How pleasant.}
  - {name: cause, kind: span, perspective: speaker, instructions: What made them feel so.}
  - {name: why, kind: text, perspective: reader, instructions: Explain.}
  - {name: arousal, kind: trace, range: [-1, 1], rate: 2, perspective: observer}
  - {name: words, kind: open, most: 5, perspective: reader}
  - {name: better, kind: pairwise, perspective: reader, instructions: Which is sadder.}
  - name: picture
    kind: attributes
    perspective: evoked
    instructions: What is to be seen.
    attributes:
      scene: {kind: choice, options: [airport, beach]}
      light: {kind: scale, range: [0, 1]}
corpora:
  - name: own
    path: own.csv
    names: keep
    columns: {id: id, text: text, dialogue: dialogue, turn: turn, speaker: speaker}
    labels:
      - {task: emotion, columns: "emotion_{r}", annotator: "r{r}", kind: human}
      - {task: several, columns: "votes_{label}", annotator: crowd, identity: pool, kind: human, votes: 4}
      - {task: ranked, columns: "ranked_{r}", separator: "|", annotator: "r{r}", kind: human}
      - {task: level, columns: "level_{r}_{label}", annotator: "r{r}", kind: human}
      - {task: valence, columns: "valence_{r}", annotator: "r{r}", kind: human}
      - {task: cause, columns: "cause_{r}", annotator: "r{r}", kind: human}
      - {task: why, columns: why, annotator: self, kind: author}
      - {task: arousal, columns: "arousal_{r}_{t}ms", annotator: "r{r}", kind: human}
      - {task: words, columns: "words_{r}", separator: "|", annotator: "r{r}", kind: human}
build:
  - normalise
annotate:
  - {name: gpt, kind: llm, model: stub, base_url: URL, tasks: [emotion, ranked, level, valence, cause, why, picture]}
  - {name: judge, kind: llm, model: stub, base_url: URL, tasks: [better], max_failed: 0.9}
aggregate:
  - {name: emotion-gold, task: emotion, from: [own]}
  - {name: several-gold, task: several, from: [own]}
  - {name: ranked-gold, task: ranked, from: [own, gpt]}
  - {name: level-gold, task: level, from: [own], compare: [median]}
  - {name: valence-gold, task: valence, from: [own]}
  - {name: cause-gold, task: cause, from: [own]}
  - {name: why-stated, task: why, from: [own]}
  - {name: why-silver, task: why, from: [gpt]}
  - {name: arousal-gold, task: arousal, from: [own]}
  - {name: words-gold, task: words, from: [own]}
  - {name: better-silver, task: better, from: [judge]}
  - {name: picture-silver, task: picture, from: [gpt]}
gates:
  - {metric: krippendorff_alpha, task: valence, from: [own], at_least: 0.1}
"""

EKMAN = ["joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral"]
ITEMS: list[dict[str, Any]] = [
    {"id": "1", "text": "I lost  my job today.", "dialogue": "d1", "turn": 1, "speaker": "a"},
    {"id": "2", "text": "We got the house!", "dialogue": "d1", "turn": 2, "speaker": "b"},
    {"id": "3", "text": "And you \U0001f600 laughed.", "dialogue": "d1", "turn": 3, "speaker": "a"},
]


def answers(place: int) -> dict[str, Any]:
    """What the file says about an item: three raters, who agree but for the last."""
    one, other = EKMAN[place + 1], EKMAN[0]
    quote = ["lost  my job", "house", "\U0001f600 laughed"][place]
    row: dict[str, Any] = {"why": f"Because of {place}."}
    row |= {f"votes_{label}": {one: 3, other: 1}.get(label, 0) for label in EKMAN}
    for rater in (1, 2, 3):
        row[f"emotion_{rater}"] = other if rater == 3 else one
        row[f"ranked_{rater}"] = f"{one}|{other}"
        row |= {f"level_{rater}_{label}": (2 if label == one else 0) for label in EKMAN}
        row[f"valence_{rater}"] = 2 * place + rater
        row[f"cause_{rater}"] = quote if rater < 3 else ""
        row |= {f"arousal_{rater}_{t}ms": round(0.1 * rater + place / 10, 2) for t in (0, 500, 1000)}
        row[f"words_{rater}"] = "wistful|Calm" if rater < 3 else "calm"
    return row


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("kinds")
    rows = [{**item, **answers(place)} for place, item in enumerate(ITEMS)]
    with (folder / "own.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    server = subprocess.Popen(
        [sys.executable, str(STUB), "{}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        (folder / "recipe.yaml").write_text(RECIPE.replace("URL", f'"{url}"'), encoding="utf-8")
        result = dsbuild.run(folder / "recipe.yaml", workspace=folder / "work", out=folder / "releases")
        assert result.release is not None
        yield result.release
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(10)


def loaded(release: Path, config: str) -> Any:
    from datasets import load_dataset

    return load_dataset(str(release), config, split="train", cache_dir=str(release.parent.parent / "cache"))


def test_every_kind_of_task_is_there() -> None:
    for kind in METHODS:
        assert f"kind: {kind}," in RECIPE or f"kind: {kind}\n" in RECIPE


def test_datasets_loads_the_wide_table_with_the_right_features(released: Path) -> None:
    from datasets import ClassLabel, List, Value

    data = loaded(released, "data")
    features = data.features
    assert features["emotion"] == ClassLabel(names=EKMAN)
    assert features["emotion_p"] == List(Value("float32"))
    assert features["several"] == List(ClassLabel(names=EKMAN))
    assert features["ranked"] == List(ClassLabel(names=EKMAN))
    assert features["level"] == List(Value("float32"))
    assert features["valence"] == Value("float64")
    assert set(features["cause"].feature) == {"item_id", "start", "end", "label", "text"}
    assert features["why"] == Value("string")
    assert features["words"] == List(Value("string"))
    assert features["better"] == ClassLabel(names=["a", "tie", "b"])
    assert features["picture_scene"] == ClassLabel(names=["airport", "beach"])
    assert features["picture_light"] == Value("float64")


def test_every_answer_comes_back_as_it_was_given(released: Path) -> None:
    rows = {row["text"]: row for row in loaded(released, "data")}
    ids = {row["text"]: row["item_id"] for row in loaded(released, "items")}
    said = {
        row["item_id"]: {one["label"]: one["score"] for one in row["labels"]}
        for row in loaded(released, "annotations")
        if row["task"] == "picture"
    }
    for place, item in enumerate(ITEMS):
        text = " ".join(item["text"].split())
        row = rows[text]
        given = EKMAN.index(EKMAN[place + 1])
        assert (row["emotion"], row["emotion_tier"]) == (given, "gold")
        # All asked labels, not only the chosen one.
        assert [round(p, 4) for p in row["emotion_p"]] == [
            {EKMAN[place + 1]: 0.6667, "joy": 0.3333}.get(label, 0.0) for label in EKMAN
        ]
        assert row["several"] == [given]
        assert [round(p, 2) for p in row["several_p"]] == [
            {EKMAN[place + 1]: 0.75, "joy": 0.25}.get(label, 0.0) for label in EKMAN
        ]
        assert row["ranked"][0] == given
        assert row["ranked_tier"] == "mixed"
        assert row["level"] == [2.0 if n == given else 0.0 for n in range(7)]
        assert row["valence"] == 2 * place + 2
        (span,) = row["cause"]
        assert span["item_id"] == ids[text]
        assert span["text"] == text[span["start"] : span["end"]]
        assert span["text"] == ["lost my job", "house", "\U0001f600 laughed"][place]
        assert (row["why"], row["why_tier"]) == (f"Because of {place}.", "stated")
        assert row["arousal"] == pytest.approx([0.2 + place / 10] * 3)
        assert row["arousal_t"] == [0.0, 0.5, 1.0]
        assert row["words"] == ["calm", "wistful"]
        scene = ["airport", "beach"][row["picture_scene"]]
        assert said[ids[text]] == {f"scene:{scene}": None, "light": row["picture_light"]}
        assert sum(row["picture_scene_p"]) == 1.0
    # Only the third turn has two before it to compare.
    assert [rows[" ".join(item["text"].split())]["better_tier"] for item in ITEMS] == [None, None, "silver"]


def test_the_report_and_the_card_have_every_task(released: Path) -> None:
    metrics = json.loads((released / "audit" / "metrics.json").read_text(encoding="utf-8"))
    figures = {(one["task"], tuple(one["from"])): one for one in metrics["agreement"]}
    assert figures["valence", ("own",)]["distance"] == "interval"
    assert figures["level", ("own",)]["value"] == 1.0
    assert "computes no agreement" in figures["cause", ("own",)]["note"]
    assert "label by label only" in figures["several", ("own",)]["note"]
    assert {one["name"]: one["method"] for one in metrics["aggregates"]} == {
        "emotion-gold": "majority",
        "several-gold": "majority",
        "ranked-gold": "borda",
        "level-gold": "mean",
        "valence-gold": "mean",
        "cause-gold": "majority",
        "why-stated": "stated",
        "why-silver": "majority",
        "arousal-gold": "mean",
        "words-gold": "majority",
        "better-silver": "majority",
        "picture-silver": "majority",
    }
    card = (released / "README.md").read_text(encoding="utf-8")
    report = (released / "audit" / "report.html").read_text(encoding="utf-8")
    for task in ("emotion", "several", "ranked", "level", "valence", "cause", "arousal", "words", "better", "picture"):
        assert f"### {task}" in card
        assert task in report
    assert "| `picture_light` | double |" in card


def test_the_release_is_the_same_when_it_is_made_again(released: Path) -> None:
    folder = released.parents[2]
    again = dsbuild.run(folder / "recipe.yaml", workspace=folder / "work", out=folder / "releases")
    assert again.idle


def test_the_labels_keep_the_whole_distribution_and_the_spans_their_turns(released: Path) -> None:
    labels = pl.read_parquet(released / "labels" / "train.parquet")
    soft = labels.filter(pl.col("task") == "emotion")["soft"]
    assert all([one["label"] for one in row] == EKMAN for row in soft)
    assert all(math.isclose(sum(one["p"] for one in row), 1, abs_tol=1e-5) for row in soft)
