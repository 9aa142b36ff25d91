"""Every strategy put to a real model: the one that runs here. Its answers may be poor; that each is read, or refused
with a reason, and that the server takes every request, is what is promised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.llm import LLMConfig, build
from annotators.llm.strategies import shown_only, strategies
from schemas.given import SEEN
from schemas.ids import item_id
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

TEXTS = [
    "My sister had her baby this morning, both are well and I keep grinning at strangers.",
    "अंधाऱ्या जिन्यात कोणीतरी माझ्या मागे चालत होतं, माझे हातपाय कापत होते.",
]
REASONS = frozenset({"invalid", "truncated", "refused", "deadline"})
EMOTION = Task(
    name="emotion",
    kind="multi",
    taxonomy=load_taxonomy("ekman-neutral"),
    perspective="writer",
    instructions={"en": "Which emotions does the writer express?"},
)
WORDS = Task(name="words", kind="open", perspective="writer", instructions={"en": "How does the writer feel?"})
SADDER = Task(name="sadder", kind="pairwise", perspective="reader", instructions={"en": "Which of the two is sadder?"})
SAID = [
    {"task": "emotion", "answer": '{"labels": ["joy"], "scores": {"joy": 0.7, "fear": 0.2}}', "extra": None},
    {"task": "translation", "answer": None, "extra": "A translation."},
    {"task": "cause_words", "answer": None, "extra": "baby, grinning"},
]
SHOTS = [
    ("en", "The shop closes at six.", "The shop closes at six.", "neutral", "Only a fact is told."),
    ("mr", "आज मला नोकरी मिळाली!", "I got the job today!", "joy", "Good news is shared."),
    ("en", "The brakes failed and I froze.", "The brakes failed and I froze.", "fear", "There was danger."),
    ("mr", "घर रिकामं वाटतं.", "The house feels empty.", "sadness", "Somebody is missed."),
]
NEEDED: dict[str, dict[str, Any]] = {
    "hints": {"sees": ["other"]},
    "critic": {"sees": ["other"]},
    "translate_then_label": {"sees": ["other"]},
    "emotion_prompt": {"stimulus": ["EP02", "EP10"]},
    "negative_prompt": {"stimulus": "NP01"},
    "self_consistency": {"samples": 2},
    "pairwise": {"samples": 2, "params": {"temperature": 0.7, "seed": 1, "max_tokens": 128}},
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def asked(strategy: str) -> Task:
    return {"open": WORDS, "pairwise": SADDER}.get(strategy, EMOTION)


def shots(folder: Path) -> str:
    """Examples that show every text a strategy may ask for."""
    path = folder / "shots.yaml"
    pair = [{"speaker": "a", "text": "It rains."}, {"speaker": "b", "text": "Her chair stays empty."}]
    examples = [
        {
            "language": language,
            "text": text,
            "english": english,
            "context": pair,
            "answers": {
                "emotion": {"labels": [label]},
                "words": {"labels": [label]},
                "sadder": {"preferred": "b"},
            },
            "extra": {"reasoning": why, "rationale": why, "clues": why},
        }
        for language, text, english, label, why in SHOTS
    ]
    path.write_text(json.dumps(examples), encoding="utf-8")
    return str(path)


def items() -> pl.DataFrame:
    seen = [{"annotator": "other", "annotation_id": str(n), **one} for n, one in enumerate(SAID)]
    pair = [{"item_id": None, "speaker": who, "text": text} for who, text in (("a", TEXTS[0]), ("b", TEXTS[1]))]
    frame = pl.DataFrame(
        {
            "item_id": [item_id("made", str(number)) for number in range(len(TEXTS))],
            "corpus": "made",
            "modality": "text",
            "language": ["en", "mr"],
            "text": TEXTS,
            "context": [pair] * len(TEXTS),
        }
    )
    return conform(frame, ITEMS).with_columns(pl.Series("seen", [seen] * len(TEXTS), dtype=pl.List(SEEN)))


def annotate(
    config: LLMConfig, tasks: Sequence[Task], frame: pl.DataFrame, place: Path, cache: Path
) -> AnnotatorOutput:
    async def run() -> AnnotatorOutput:
        async with build(
            config,
            tasks=tasks,
            store_path=place / "responses.sqlite",
            workspace=cache,
            log_dir=place / "logs",
        ) as annotator:
            return await annotator.annotate(frame, tasks)

    return asyncio.run(run())


@pytest.mark.parametrize("strategy", strategies())
def test_a_strategy_is_taken_by_a_real_server_and_its_answers_are_read(
    strategy: str, cache: Path, tmp_path: Path
) -> None:
    task = asked(strategy)
    told = strategy not in shown_only()
    config = LLMConfig.model_validate(
        {
            "name": "gemma",
            "model": "local/gemma-3-270m",
            "strategy": strategy,
            "shots": shots(tmp_path),
            "instructed": True if told else None,
            "params": {"max_tokens": 128},
            "max_failed": 1,
            **NEEDED.get(strategy, {}),
        }
    )
    output = annotate(config, [task], items(), tmp_path, cache)
    rows = output.figures["asked"]
    assert rows == len(TEXTS) * (1 if config.vote else config.samples)
    dead = output.dead_letters
    # No request was turned down: what is dead was answered, and the answer was no use.
    assert set(dead["reason"]) <= REASONS
    assert dead["detail"].str.len_chars().min() or dead.is_empty()
    mine = output.annotations.filter(pl.col("task") == task.name)
    assert mine.height + dead.height >= len(TEXTS)
    assert task.validate_annotations(mine)[1].is_empty()
    for name in set(output.annotations["task"]) - {task.name}:
        assert output.annotations.filter(pl.col("task") == name)["text"].null_count() == 0
    print(f"{strategy}: {mine.height} answers, {dead.height} dead letters {sorted(set(dead['reason']))}")
