"""A model of sound: waves in, its outputs by name, one row for each wave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotators.running.onnx_session import OnnxModel
from annotators.running.source import Output, Source
from schemas.errors import DsbuildError
from schemas.extras import need

Wave = NDArray[np.float32]


def open_sound_model(source: Source, rate: int) -> Callable[[Sequence[Wave]], Output]:
    """The model at `source`, which hears waves of `rate` samples a second. Each wave is heard by itself: a batch would
    pad the shorter ones, and many models of sound hear the padding.

    Raises:
        DsbuildError: the extra that runs it is missing, or it cannot be loaded.
    """
    file = source.onnx_file()
    return _transformers(source, rate) if file is None else _onnx(OnnxModel(file, source.threads))


def _onnx(model: OnnxModel) -> Callable[[Sequence[Wave]], Output]:
    waves = [name for name in model.inputs if name != "attention_mask"]
    if len(waves) != 1:
        raise DsbuildError(
            f"A model of sound has one input for the wave; this one has {', '.join(model.inputs)}.",
            where=str(model.path),
        )

    def run(sounds: Sequence[Wave]) -> Output:
        rows = [
            model({waves[0]: sound[None], "attention_mask": np.ones((1, len(sound)), dtype=np.int64)})
            for sound in sounds
        ]
        return _stacked(rows, model.outputs)

    return run


def _transformers(source: Source, rate: int) -> Callable[[Sequence[Wave]], Output]:
    transformers = need("transformers", "transformers")
    torch = need("torch", "transformers")
    where = str(source.path) if source.path is not None else source.model
    more: dict[str, Any] = {"revision": source.revision} if source.revision is not None else {}
    try:
        extract = transformers.AutoFeatureExtractor.from_pretrained(where, **more)
        model = transformers.AutoModelForAudioClassification.from_pretrained(where, use_safetensors=True, **more)
    except (OSError, ValueError, ImportError) as error:
        raise DsbuildError(f"transformers cannot load this model: {str(error)[:300]}", where=where) from error
    model.eval()
    torch.set_num_threads(source.threads)

    def run(sounds: Sequence[Wave]) -> Output:
        rows = []
        for sound in sounds:
            with torch.inference_mode():
                logits = model(**extract(sound, sampling_rate=rate, return_tensors="pt")).logits
            rows.append({"logits": logits.double().numpy()})
        return _stacked(rows, ("logits",))

    return run


def _stacked(rows: Sequence[Output], names: Sequence[str]) -> Output:
    """(sounds, numbers) for each output; one with a row for each frame has their mean."""
    found: Output = {}
    for name in names:
        parts = [row[name].mean(axis=1) if row[name].ndim == 3 else row[name].reshape(1, -1) for row in rows]
        found[name] = np.concatenate(parts) if parts else np.zeros((0, 0))
    return found
