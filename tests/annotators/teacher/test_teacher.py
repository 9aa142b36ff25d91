"""Models of numbers in ONNX whose answers can be computed by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from annotators.teacher import TeacherAnnotator, TeacherConfig
from schemas.errors import DsbuildError, RecipeError
from schemas.protocols import Annotator, AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from tests.annotators.sounds import tone, wav
from tests.annotators.tiny_onnx import text_model, wave_model

VALENCE = Task(name="valence", kind="scale", range=(1, 9), perspective="reader")
AROUSAL = Task(name="arousal", kind="scale", range=(-1, 1), perspective="reader")
WORDS = {"won": [0.9, 0.6], "lost": [0.1, 0.4], "the": [0.0, 0.0]}


def items(rows: list[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(len(rows))],
            "text": [row.get("text") for row in rows],
            "media": [row.get("media") for row in rows],
        },
        schema={"item_id": pl.String, "text": pl.String, "media": pl.List(pl.Struct(_MEDIUM))},
    )
    return conform(frame.with_columns(corpus=pl.lit("c"), modality=pl.lit("text")), ITEMS)


_MEDIUM = {"role": pl.String, "path": pl.String, "start_s": pl.Float64, "end_s": pl.Float64}


def annotate(rows: list[dict[str, Any]], tasks: list[Task], folder: Path = Path(), **options: Any) -> AnnotatorOutput:
    annotator = TeacherAnnotator(TeacherConfig.model_validate({"name": "teacher", **options}), lambda corpus: folder)
    assert isinstance(annotator, Annotator)
    out = asyncio.run(annotator.annotate(items(rows), tasks))
    for task in tasks:
        assert task.validate_annotations(out.annotations.filter(pl.col("task") == task.name))[1].is_empty()
    return out


def values(out: AnnotatorOutput, task: Task) -> list[float]:
    return out.annotations.filter(pl.col("task") == task.name)["value"].to_list()


def test_the_outputs_of_a_text_model_are_moved_into_the_tasks_ranges(tmp_path: Path) -> None:
    model = text_model(tmp_path / "m", WORDS)
    rows = [{"text": "we won"}, {"text": "we lost the match"}, {}, {"text": "won won"}]
    out = annotate(
        rows, [VALENCE, AROUSAL], path=model, outputs={"valence": 0, "arousal": {"output": "logits", "index": 1}}
    )
    # .9 of 0..1 is 1 + .9 * 8 of 1..9; two words that won are 1.8, which the scale ends before.
    assert values(out, VALENCE) == [pytest.approx(8.2), pytest.approx(1.8), 9]
    assert values(out, AROUSAL) == [pytest.approx(0.2), pytest.approx(-0.2), 1]
    assert out.dead_letters.select("item_id", "task", "reason").rows() == [
        ("i2", "valence", "no_text"),
        ("i2", "arousal", "no_text"),
    ]


def test_a_range_and_an_activation_say_what_the_models_numbers_mean(tmp_path: Path) -> None:
    model = text_model(tmp_path / "m", {"up": [2.0], "down": [-2.0]})
    rows = [{"text": "up"}, {"text": "down"}]
    out = annotate(rows, [AROUSAL], path=model, outputs={"arousal": 0}, activation="tanh", range=(-1, 1))
    assert values(out, AROUSAL) == [pytest.approx(np.tanh(2), abs=1e-5), pytest.approx(-np.tanh(2), abs=1e-5)]
    assert values(annotate(rows, [AROUSAL], path=model, outputs={"arousal": 0}, range=(-4, 4)), AROUSAL) == [0.5, -0.5]


def test_sounds_are_heard_from_start_to_end_at_the_models_rate(tmp_path: Path) -> None:
    model = wave_model(tmp_path / "wave.onnx")
    (tmp_path / "loud.wav").write_bytes(wav(np.concatenate([np.full(8000, 0.8), np.full(8000, 0.2)]), 8000))
    medium = {"role": "audio", "path": "loud.wav"}
    rows = [
        {"media": [medium]},
        {"media": [{"role": "image", "path": "x.png"}, {**medium, "start_s": 0.1, "end_s": 0.9}]},
        {"media": [{**medium, "start_s": 1.1, "end_s": 1.9}]},
    ]
    outputs = {"valence": 0, "arousal": 2}
    out = annotate(rows, [VALENCE, AROUSAL], tmp_path, path=model, outputs=outputs, input="audio")
    assert values(out, VALENCE) == [pytest.approx(5, abs=0.1), pytest.approx(7.4, abs=0.1), pytest.approx(2.6, abs=0.1)]
    assert values(out, AROUSAL) == [-0.5] * 3
    assert set(out.annotations["shown"]) == {"audio"}


def test_a_sound_that_cannot_be_used_is_a_dead_letter_with_its_reason(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (tmp_path / "outside.wav").write_bytes(wav(tone(440, 0.1)))
    (corpus / "long.wav").write_bytes(wav(tone(440, 10)))
    (corpus / "fine.wav").write_bytes(wav(tone(440, 0.1)))
    (corpus / "text.wav").write_bytes(b"no sound at all")
    names = ["../outside.wav", "none.wav", "long.wav", "text.wav", "fine.wav"]
    rows: list[dict[str, Any]] = [{"media": [{"role": "audio", "path": name}]} for name in names]
    rows += [{"media": []}, {"media": [{"role": "video", "path": "fine.wav"}]}]
    model = wave_model(tmp_path / "wave.onnx")
    out = annotate(rows, [VALENCE], corpus, path=model, outputs={"valence": 0}, input="audio", max_mb=0.1, batch_size=2)
    assert out.annotations["item_id"].to_list() == ["i4"]
    assert out.dead_letters["reason"].to_list() == [
        "media_outside", "media_missing", "media_too_large", "media_type", "no_media", "no_media",
    ]  # fmt: skip


def test_normalised_sound_has_mean_zero_and_variance_one(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(0.3 + tone(440, 1, loud=0.1)))
    rows = [{"media": [{"role": "audio", "path": "a.wav"}]}]
    options: dict[str, Any] = {"path": wave_model(tmp_path / "w.onnx"), "outputs": {"arousal": 1}, "range": (-1, 1)}
    plain = values(annotate(rows, [AROUSAL], tmp_path, input="audio", **options), AROUSAL)
    assert plain == [pytest.approx(0.3, abs=0.01)]
    flat = values(annotate(rows, [AROUSAL], tmp_path, input="audio", normalise=True, **options), AROUSAL)
    assert flat == [pytest.approx(0, abs=0.01)]


def test_a_sounds_answer_does_not_depend_on_the_others_of_its_batch(tmp_path: Path) -> None:
    rows = []
    for number in range(5):
        (tmp_path / f"{number}.wav").write_bytes(wav(tone(100 * (number + 1), 0.1 * (number + 1), loud=0.1 * number)))
        rows.append({"media": [{"role": "audio", "path": f"{number}.wav"}]})
    options: dict[str, Any] = {"path": wave_model(tmp_path / "w.onnx"), "outputs": {"arousal": 0}, "input": "audio"}
    together = values(annotate(rows, [AROUSAL], tmp_path, **options), AROUSAL)
    assert [values(annotate([row], [AROUSAL], tmp_path, **options), AROUSAL)[0] for row in rows] == together
    assert values(annotate(rows, [AROUSAL], tmp_path, batch_size=2, **options), AROUSAL) == together


def test_what_there_is_not_is_said(tmp_path: Path) -> None:
    model = text_model(tmp_path / "m", WORDS)
    with pytest.raises(RecipeError, match='no output "vad"'):
        annotate([{"text": "x"}], [VALENCE], path=model, outputs={"valence": {"output": "vad"}})
    with pytest.raises(RecipeError, match="has 2 numbers, counted from 0"):
        annotate([{"text": "x"}], [VALENCE], path=model, outputs={"valence": 2})
    with pytest.raises(DsbuildError, match="no ONNX model here"):
        annotate([], [VALENCE], path=model / "none.onnx", outputs={"valence": 0})
    config = TeacherConfig(name="t", path=model, outputs={"valence": 0})
    assert "nothing says which output is arousal" in (config.cannot(AROUSAL) or "")
    assert config.cannot(VALENCE) is None
    for options in ({"outputs": {}}, {"outputs": {"valence": 0}, "range": (1, 1)}):
        with pytest.raises(ValidationError):
            TeacherConfig.model_validate({"name": "t", "path": model, **options})


def test_no_items_give_no_rows(tmp_path: Path) -> None:
    model = text_model(tmp_path / "m", WORDS)
    assert annotate([], [VALENCE], path=model, outputs={"valence": 0}).annotations.is_empty()
    audio = annotate([], [VALENCE], path=wave_model(tmp_path / "w.onnx"), outputs={"valence": 0}, input="audio")
    assert audio.annotations.is_empty()


def test_models_of_transformers_answer_for_texts_and_for_sound(tmp_path: Path) -> None:
    transformers = pytest.importorskip(
        "transformers", reason="the extra transformers is not installed (torch is large)"
    )
    torch = pytest.importorskip("torch", reason="the extra transformers is not installed (torch is large)")
    torch.manual_seed(5)
    config = transformers.Wav2Vec2Config(
        vocab_size=4, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_kernel=(10, 8), conv_stride=(10, 8), num_feat_extract_layers=2,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, classifier_proj_size=8, num_labels=2,
    )  # fmt: skip
    model = transformers.Wav2Vec2ForSequenceClassification(config).eval()
    folder = tmp_path / "ear"
    model.save_pretrained(folder)
    extract = transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True)
    extract.save_pretrained(folder)
    sound = tone(300, 0.5)
    (tmp_path / "a.wav").write_bytes(wav(sound))
    rows = [{"media": [{"role": "audio", "path": "a.wav"}]}]
    out = annotate(rows, [AROUSAL], tmp_path, path=folder, outputs={"arousal": 1}, input="audio", range=(-1, 1))
    with torch.inference_mode():
        given = np.round(sound * 32768) / 32768
        wanted = model(**extract(given.astype(np.float32), sampling_rate=16_000, return_tensors="pt")).logits[0, 1]
    assert values(out, AROUSAL) == [pytest.approx(float(wanted), abs=1e-3)]
