"""A text model in ONNX: its tokenizer.json, batches of texts of one length, its outputs in the texts' order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotators.running.onnx_session import OnnxModel
from annotators.running.source import Opened, Output, Source, class_names
from schemas.errors import DsbuildError
from schemas.extras import need

DEFAULT_TOKENS = 512


def open_onnx(source: Source) -> Opened:
    """The ONNX text model at `source.path`; see `open_text_model`."""
    file, folder = source.onnx_file(), source.folder
    assert file is not None
    assert folder is not None
    settings = source.settings()
    tokens = source.max_tokens or _most(settings)
    tokenizer = _tokenizer(folder, tokens)
    model = OnnxModel(file, source.threads)
    opened: list[Opened] = []

    def run(texts: Sequence[str]) -> Output:
        encodings = tokenizer.encode_batch(opened[0].shortened(texts))
        opened[0].counted["cut"] += sum(bool(one.overflowing) for one in encodings)
        ids = [one.ids for one in encodings]
        # Texts of one length together: no padding, which is faster and lets no text's length touch another's answer.
        order = sorted(range(len(ids)), key=lambda n: len(ids[n]))
        parts: list[tuple[list[int], Output]] = []
        start = 0
        while start < len(order):
            size = len(ids[order[start]])
            stop = start
            while stop < len(order) and stop - start < source.batch_size and len(ids[order[stop]]) == size:
                stop += 1
            chosen = order[start:stop]
            parts.append((chosen, model(_inputs([encodings[n] for n in chosen]))))
            start = stop
        return _in_order(parts, model.outputs, len(ids))

    opened.append(
        Opened(
            run,
            source.identity(),
            class_names(settings),
            tokens,
            settings.get("problem_type") == "multi_label_classification",
            settings,
        )
    )
    return opened[0]


def _most(settings: dict[str, Any]) -> int:
    most = settings.get("max_position_embeddings")
    if not isinstance(most, int) or most < 8:
        return DEFAULT_TOKENS
    # RoBERTa counts its positions from the padding's id on.
    return most - 2 if settings.get("model_type") in ("roberta", "xlm-roberta", "camembert") else most


def _tokenizer(folder: Any, tokens: int) -> Any:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise DsbuildError(
            "The ONNX model has no tokenizer.json beside it.",
            where=str(folder),
            fix="Save it with the model: tokenizer.save_pretrained(FOLDER).",
        )
    try:
        tokenizer = need("tokenizers", "onnx").Tokenizer.from_file(str(file))
    except DsbuildError:
        raise
    except Exception as error:
        raise DsbuildError(f"This tokenizer.json cannot be read: {str(error)[:300]}", where=str(file)) from error
    tokenizer.enable_truncation(tokens)
    tokenizer.no_padding()
    return tokenizer


def _inputs(encodings: Sequence[Any]) -> dict[str, NDArray[np.int64]]:
    return {
        "input_ids": np.array([one.ids for one in encodings], dtype=np.int64),
        "attention_mask": np.array([one.attention_mask for one in encodings], dtype=np.int64),
        "token_type_ids": np.array([one.type_ids for one in encodings], dtype=np.int64),
    }


def _in_order(parts: list[tuple[list[int], Output]], names: Sequence[str], count: int) -> Output:
    """The outputs of all batches, in the order of the texts. One that has a row for each token has its mean instead:
    rows of different lengths make no array, and the mean is what sentence vectors are made of."""
    found: Output = {}
    for name in names:
        for rows, outputs in parts:
            value = outputs[name]
            if value.ndim == 3:
                value = value.mean(axis=1)
            value = value.reshape(len(rows), -1)
            whole = found.setdefault(name, np.zeros((count, value.shape[1])))
            whole[rows] = value
        found.setdefault(name, np.zeros((0, 0)))
    return found
