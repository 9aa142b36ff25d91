"""Classifiers in ONNX whose answers can be computed by hand, and a real transformers model where there is one."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from annotators.classifier import ClassifierAnnotator, ClassifierConfig
from schemas.errors import DsbuildError, RecipeError
from schemas.protocols import Annotator, AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy
from tests.annotators.tiny_onnx import text_model

EKMAN = load_taxonomy("ekman-neutral")
ONE = Task(name="emotion", kind="choice", taxonomy=EKMAN, perspective="reader")
SET = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
# Columns: joy, sadness, anger, what is none of them
WORDS = {"won": [3.0, 0, 0, 0], "lost": [0, 2.0, 1.0, 0], "train": [0, 0, 0, 1.0], "we": [0.1, 0, 0, 0]}
CLASSES = ("joy", "sadness", "Anger", "calm")


def items(texts: list[str | None]) -> pl.DataFrame:
    columns = {"item_id": [f"i{n}" for n in range(len(texts))], "text": texts}
    frame = pl.DataFrame(columns, schema={"item_id": pl.String, "text": pl.String})
    return conform(frame.with_columns(corpus=pl.lit("c"), modality=pl.lit("text")), ITEMS)


def annotate(task: Task, texts: list[str | None], **options: Any) -> AnnotatorOutput:
    annotator = ClassifierAnnotator(ClassifierConfig.model_validate({"name": "small", **options}))
    assert isinstance(annotator, Annotator)
    out = asyncio.run(annotator.annotate(items(texts), [task]))
    assert task.validate_annotations(out.annotations.filter(pl.col("task") == task.name))[1].is_empty()
    return out


def scores(out: AnnotatorOutput, row: int = 0) -> dict[str, float | None]:
    return {one["label"]: one["score"] for one in out.annotations["labels"].to_list()[row]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_model(tmp_path_factory.mktemp("models") / "small", WORDS, CLASSES)


def test_the_softmax_of_the_classes_becomes_a_soft_label_by_name_and_alias(folder: Path) -> None:
    out = annotate(ONE, ["we won", "lost"], path=folder, labels={"calm": "neutral"})
    powers = [math.exp(3.1), 1, 1, 1]
    shares = [power / sum(powers) for power in powers]
    wanted = dict(zip(("joy", "sadness", "anger", "neutral"), shares, strict=True))
    assert scores(out) == pytest.approx(wanted, abs=1e-5)
    assert next(iter(scores(out, 1))) == "sadness"
    assert out.annotations["confidence"][0] == pytest.approx(shares[0], abs=1e-5)


def test_a_class_that_is_no_label_is_named_until_the_recipe_says_what_it_is(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r'no labels of "ekman-neutral": calm'):
        annotate(ONE, ["we won"], path=folder)
    left = annotate(ONE, ["train"], path=folder, labels={"calm": None}, soft=False)
    # What it gives to calm belongs to none of these, which is more than any label has.
    assert left.annotations["labels"].to_list() == [[]]
    with pytest.raises(RecipeError, match='no class "calmness"'):
        annotate(ONE, ["x"], path=folder, labels={"calmness": None})


def test_classes_that_are_one_label_add_up_under_softmax_and_take_the_largest_under_sigmoid(folder: Path) -> None:
    labels = {"sadness": "fear", "Anger": "fear", "calm": "neutral"}
    both = scores(annotate(ONE, ["lost"], path=folder, labels=labels))["fear"]
    total = math.exp(2) + math.exp(1) + 2
    assert both == pytest.approx((math.exp(2) + math.exp(1)) / total, abs=1e-5)
    largest = scores(annotate(SET, ["lost"], path=folder, labels=labels, activation="sigmoid"))["fear"]
    assert largest == pytest.approx(1 / (1 + math.exp(-2)), abs=1e-5)


def test_a_multi_without_soft_labels_holds_what_is_over_the_threshold(tmp_path: Path) -> None:
    model = text_model(
        tmp_path / "m", WORDS, ("joy", "sadness", "anger", "neutral"), problem_type="multi_label_classification"
    )
    texts: list[str | None] = ["won lost", "x"]
    out = annotate(SET, texts, path=model, soft=False, threshold=0.7)
    assert [[one["label"] for one in row] for row in out.annotations["labels"].to_list()] == [
        ["joy", "sadness", "anger"],
        [],
    ]
    assert [one["score"] for one in out.annotations["labels"].to_list()[0]] == [None] * 3


def test_answers_do_not_depend_on_neighbours_order_batch_size_or_threads(folder: Path) -> None:
    texts: list[str | None] = ["we won", "lost", "the train is late and we lost it", "won won won", ""]
    options: dict[str, Any] = {"path": folder, "labels": {"calm": None}}
    together = annotate(ONE, texts, **options).annotations["labels"].to_list()
    assert annotate(ONE, texts[::-1], **options).annotations["labels"].to_list()[::-1] == together
    assert annotate(ONE, texts, batch_size=1, threads=2, **options).annotations["labels"].to_list() == together
    assert [annotate(ONE, [text], **options).annotations["labels"].to_list()[0] for text in texts] == together


def test_long_texts_are_cut_to_what_the_model_reads_and_counted(folder: Path) -> None:
    started = time.perf_counter()
    long = "won " * 1_000_000
    out = annotate(ONE, ["we won", long, None, "a" * 3_000_000], path=folder, labels={"calm": None})
    assert out.figures["cut_texts"] == 1
    assert out.dead_letters.select("item_id", "reason").rows() == [("i2", "no_text")]
    assert time.perf_counter() - started < 2
    assert scores(out, 1) == scores(annotate(ONE, ["won " * 16], path=folder, labels={"calm": None}))


def test_hints_are_the_models_own_classes_and_the_words_that_carry_the_first(folder: Path) -> None:
    out = annotate(ONE, ["Today we won, we won", "train", ""], path=folder, labels={"calm": None}, top=2, cause_words=2)
    texts = out.annotations.filter(pl.col("text").is_not_null()).select("item_id", "task", "text").rows()
    assert texts[:3] == [
        ("i0", "emotion_topk", "joy, sadness"),
        ("i1", "emotion_topk", "calm, joy"),
        ("i2", "emotion_topk", "joy, sadness"),
    ]
    assert texts[3:] == [("i0", "cause_words", "won, we"), ("i1", "cause_words", "train")]
    assert out.figures["answered"] == 3


def test_the_model_is_known_by_its_files_and_not_by_its_place(folder: Path, tmp_path: Path) -> None:
    def key(path: Path) -> Any:
        return ClassifierConfig(name="small", path=path).fingerprint([])["model"].rpartition(" ")[2]

    assert key(text_model(tmp_path / "again", WORDS, CLASSES)) == key(folder)
    other = text_model(tmp_path / "other", {**WORDS, "won": [3.5, 0, 0, 0]}, CLASSES)
    assert key(other) != key(folder)
    (tmp_path / "again" / "config.json").write_text("{}")
    assert key(tmp_path / "again") != key(folder)
    out = annotate(ONE, ["x"], path=folder, labels={"calm": None})
    assert key(folder) in out.provenance["identity"][0]
    assert json.loads(out.provenance["params"][0])["labels"]["emotion"]["anger"] == ["Anger"]


def test_models_that_cannot_be_used_say_why(folder: Path, tmp_path: Path) -> None:
    bare = text_model(tmp_path / "bare", WORDS)
    with pytest.raises(RecipeError, match="does not name its classes"):
        annotate(ONE, ["x"], path=bare)
    with pytest.raises(DsbuildError, match="has 4 classes, and 2 have a name"):
        annotate(ONE, ["x"], path=bare, classes=["joy", "fear"])
    (bare / "tokenizer.json").unlink()
    with pytest.raises(DsbuildError, match=r"no tokenizer.json"):
        annotate(ONE, ["x"], path=bare, classes=list(CLASSES))
    (bare / "model.onnx").write_bytes(b"no model")
    (bare / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    with pytest.raises(DsbuildError, match="cannot be loaded"):
        annotate(ONE, ["x"], path=bare, classes=list(CLASSES))
    with pytest.raises(RecipeError, match='no output "scores"'):
        annotate(ONE, ["x"], path=folder, labels={"calm": None}, output="scores")
    with pytest.raises(RecipeError, match="are no shares"):
        annotate(ONE, ["won"], path=folder, labels={"calm": None}, activation="none")


@pytest.mark.parametrize(("module", "extra"), [("onnxruntime", "onnx"), ("tokenizers", "onnx")])
def test_a_missing_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DsbuildError, match=f"extra '{extra}'"):
        annotate(ONE, ["x"], path=folder, labels={"calm": None})


def test_options_that_do_not_belong_together_are_refused(folder: Path) -> None:
    for options in (
        {},
        {"path": folder, "model": "x/y"},
        {"path": folder, "revision": "1"},
        {"path": folder, "threshold": 0.3},
    ):
        with pytest.raises(ValidationError):
            ClassifierConfig.model_validate({"name": "small", **options})


def test_a_folder_of_transformers_gives_what_its_own_pipeline_gives(tmp_path: Path) -> None:
    transformers = pytest.importorskip(
        "transformers", reason="the extra transformers is not installed (torch is large)"
    )
    torch = pytest.importorskip("torch", reason="the extra transformers is not installed (torch is large)")
    text_model(tmp_path / "words", WORDS)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "words" / "tokenizer.json"), unk_token="[UNK]", pad_token="[UNK]"
    )
    torch.manual_seed(3)
    names = dict(enumerate(("joy", "sadness", "anger", "neutral")))
    config = transformers.BertConfig(
        vocab_size=5, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=32, id2label=names, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path / "bert"
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    texts: list[str | None] = ["we won", "lost train we lost", "won " * 200]
    out = annotate(ONE, texts, path=folder)
    pipeline = transformers.pipeline("text-classification", model=str(folder), top_k=None)
    for row, text in enumerate(texts):
        wanted = {one["label"]: one["score"] for one in pipeline([text], truncation=True, max_length=30)[0]}
        assert scores(out, row) == pytest.approx(wanted, abs=1e-4)
    assert out.figures["cut_texts"] == 1
