"""A small dataset in two languages, with every case a release has to keep apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from dsbuild.release import Contents
from schemas.ids import annotation_id, item_hash, item_id
from schemas.tables import ANNOTATIONS, ITEMS, LABELS, PROVENANCE, REJECTS, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TEXTS = [
    ("a", "en", "train", "The train was late again and nobody said a word."),
    ("b", "mr", "train", "आज खूप छान वाटतंय"),
    ("c", "en", "validation", "I miss the old house."),
    ("d", "mr", "test", "काय सांगू, भीती वाटते"),
    ("e", "en", None, "It is what it is."),
]


def _items() -> pl.DataFrame:
    rows = [
        {
            "item_id": item_id("tweets", key),
            "corpus": "tweets",
            "modality": "text",
            "language": language,
            "text": text,
            "context": [{"item_id": None, "speaker": "A", "text": "Well?"}] if key == "a" else None,
            "groups": [] if key == "b" else None,
            "created_at": datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC) if key == "c" else None,
            "split": split,
            "source": {"key": key, "file": "tweets.csv", "row": number},
            "extra": '{"likes": 3}',
        }
        for number, (key, language, split, text) in enumerate(TEXTS)
    ]
    return conform(pl.DataFrame(rows, schema_overrides=_overrides(ITEMS, rows[0])), ITEMS)


def _overrides(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    return {name: kind for name, kind in polars_schema(table).items() if name in row}


def _annotations() -> pl.DataFrame:
    answers = {"a": ["anger"], "b": ["joy"], "c": ["sadness"], "d": ["fear"], "e": []}
    rows = [
        {
            "annotation_id": annotation_id(item_id("tweets", key), task, annotator),
            "item_id": item_id("tweets", key),
            "item_hash": item_hash(text),
            "task": task,
            "perspective": "reader",
            "annotator": annotator,
            "annotator_kind": "llm",
            "sample": 0,
            "round": "first",
            "labels": [{"label": label, "score": 0.5, "original": label} for label in answers[key]]
            if task == "emotion"
            else None,
            "text": "in English" if task == "translation" else None,
            "provenance": "0123456789abcdef",
        }
        for key, _, _, text in TEXTS
        for task, annotator in (("emotion", "gpt"), ("emotion", "llama"), ("translation", "gpt"))
    ]
    return conform(pl.DataFrame(rows, schema_overrides=_overrides(ANNOTATIONS, rows[0])), ANNOTATIONS)


def _labels() -> pl.DataFrame:
    given: list[tuple[str, str, str, str, list[dict[str, Any]] | None]] = [
        ("a", "emotion", "silver", "silver", [{"label": "anger", "p": 0.75}, {"label": "joy", "p": 0.5}]),
        ("a", "emotion", "gold", "gold", [{"label": "sadness", "p": 1.0}]),
        ("b", "emotion", "silver", "silver", [{"label": "joy", "p": None}]),
        ("c", "emotion", "silver", "silver", []),
        ("d", "emotion", "silver", "silver", None),
        ("a", "feeling", "stated", "stated", [{"label": "anger", "p": 1.0}]),
        ("b", "feeling", "stated", "stated", []),
    ]
    rows = [
        {
            "item_id": item_id("tweets", key),
            "task": task,
            "perspective": "reader",
            "aggregate": aggregate,
            "tier": tier,
            "labels": labels,
            "method": "majority",
            "annotators": 2,
        }
        for key, task, aggregate, tier, labels in given
    ]
    return conform(pl.DataFrame(rows, schema_overrides=_overrides(LABELS, rows[0])), LABELS)


def _figure(value: float | None) -> dict[str, float | None]:
    return {
        "value": value,
        "low": None if value is None else value - 0.05,
        "high": None if value is None else value + 0.05,
    }


def _metrics() -> dict[str, Any]:
    return {
        "format": "dsbuild.metrics/1",
        "dataset": "tweets",
        "title": "Tweets",
        "items": {
            "total": 5,
            "by_split": {"train": 3, "validation": 1, "test": 1},
            "by_language": {"en": 3, "mr": 2},
            "by_corpus": {"tweets": 5},
        },
        "funnel": [
            {"node": "corpus:tweets", "in": 7, "out": 6, "rejects": {"no text": 1}, "figures": {}},
            {"node": "build:1:deduplicate", "in": 6, "out": 5, "rejects": {"repeats another item": 1}, "figures": {}},
        ],
        "annotators": [
            {
                "name": "gpt",
                "kind": "llm",
                "model": "gpt-4o",
                "strategy": "cotr",
                "asked": 5,
                "answered": 4,
                "dead_letters": 1,
                "reasons": {"no JSON": 1},
            }
        ],
        "agreement": [
            {
                "task": "emotion",
                "over": ["gpt", "llama"],
                "metric": "krippendorff_alpha",
                "distance": "masi",
                "level": 0.95,
                "resamples": 1000,
                "units": 5,
                "annotations": 10,
                "note": None,
                "labels": [],
                **_figure(0.612),
            }
        ],
        "scores": [
            {
                "task": "emotion",
                "of": "gpt",
                "against": "gold",
                "by": {"language": "mr"},
                "n": 2,
                "accuracy": _figure(0.5),
                "macro_f1": _figure(0.4),
                "micro_f1": _figure(None),
                "labels": [],
                "confusion": {"labels": [], "counts": []},
                "note": None,
            }
        ],
        "aggregates": [
            {
                "name": name,
                "task": task,
                "method": "majority",
                "from": ["gpt", "llama"],
                "tier": name,
                "items": 5,
                "unlabelled": 1,
                "labels": {"joy": 1},
                "ties": 0,
                "compare": [],
            }
            for name, task in (("silver", "emotion"), ("gold", "emotion"), ("stated", "feeling"))
        ],
        "distribution": [
            {"task": "emotion", "aggregate": "silver", "split": "test", "label": "anger", "n": 1},
            {"task": "emotion", "aggregate": "silver", "split": "train", "label": "joy", "n": 2},
        ],
        "leakage": {
            "exact": {"pairs": 0, "items": 0, "examples": []},
            "near": {"threshold": 0.9, "pairs": 0, "items": 0, "sampled": 5, "missed": 0, "examples": []},
            "group": {"pairs": 0},
        },
        "conflicts": {"texts": 0, "examples": []},
        "gates": [
            {
                "metric": "leakage",
                "task": None,
                "from": [],
                "by": ["exact"],
                "wanted": "at_most 0",
                "seen": 0.0,
                "passed": True,
                "n": 0,
                "fix": "",
            }
        ],
    }


@pytest.fixture
def contents() -> Callable[..., Contents]:
    """A function that makes the Contents of a small dataset, with what it is given in place of the usual."""

    def make(**changes: Any) -> Contents:
        taxonomy = load_taxonomy("ekman-neutral")
        usual: dict[str, Any] = {
            "dataset": "tweets",
            "title": "Tweets",
            "licence": "CC-BY-NC-SA-4.0",
            "languages": ["en", "mr"],
            "tasks": [
                Task(name="emotion", kind="multi", taxonomy=taxonomy, perspective="reader"),
                Task(name="feeling", kind="choice", taxonomy=taxonomy, perspective="writer"),
                Task(name="translation", kind="text", perspective="reader"),
            ],
            "items": _items(),
            "annotations": _annotations(),
            "labels": _labels(),
            "provenance": conform(
                pl.DataFrame(
                    {
                        "provenance": ["0123456789abcdef"],
                        "annotator": ["gpt"],
                        "kind": ["llm"],
                        "prompt": ["Which emotions?"],
                        "prompt_hash": ["ff00"],
                        "strategy": ["cotr"],
                    }
                ),
                PROVENANCE,
            ),
            "rejects": conform(pl.DataFrame({"stage": ["read"], "reason": ["no text"], "line": [3]}), REJECTS),
            "metrics": _metrics(),
            "report_html": "<!doctype html><title>Tweets</title>",
            "recipe_text": "dataset: tweets\n",
            "corpora": [
                {
                    "name": "tweets",
                    "licence": "CC-BY-NC-SA-4.0",
                    "citation": "@misc{tweets, title={Tweets}}",
                    "files": [{"name": "tweets.csv", "sha256": "ab" * 32}],
                }
            ],
            "models": [{"annotator": "gpt", "model": "gpt-4o"}],
            "code": "0.1.0",
        }
        return Contents(**{**usual, **changes})

    return make


@pytest.fixture
def offline(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library `datasets`, with caches of its own and no network."""
    import datasets

    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(cache))
    datasets.disable_progress_bars()
    return datasets
