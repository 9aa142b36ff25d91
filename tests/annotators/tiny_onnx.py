"""Tiny ONNX models whose answers can be computed by hand, made by the tests that use them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers


def text_model(folder: Path, weights: dict[str, Sequence[float]], classes: Sequence[str] = (), **settings: Any) -> Path:
    """A folder as optimum exports one: `logits` are the sum over the text's tokens of each token's row of `weights`."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {"[UNK]": 0, **{word: number for number, word in enumerate(weights, start=1)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    size = len(next(iter(weights.values())))
    table = np.array([[0.0] * size, *weights.values()], dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
            helper.make_node("Mul", ["rows", "column"], ["seen"]),
            helper.make_node("ReduceSum", ["seen", "middle"], ["logits"], keepdims=0),
        ],
        "sum of rows",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", size])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "middle"),
        ],
    )
    _save(graph, folder / "model.onnx")
    named = {"id2label": {str(place): name for place, name in enumerate(classes)}} if classes else {}
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 16, **named, **settings}))
    return folder


def wave_model(path: Path) -> Path:
    """A model of sound: `out` is [mean of |x|, mean of x, 0.25] of each wave `input_values` (batch, samples)."""
    graph = helper.make_graph(
        [
            helper.make_node("Abs", ["input_values"], ["loud"]),
            helper.make_node("ReduceMean", ["loud", "axis"], ["a"], keepdims=1),
            helper.make_node("ReduceMean", ["input_values", "axis"], ["b"], keepdims=1),
            helper.make_node("Mul", ["a", "zero"], ["none"]),
            helper.make_node("Add", ["none", "quarter"], ["c"]),
            helper.make_node("Concat", ["a", "b", "c"], ["out"], axis=1),
        ],
        "means",
        [helper.make_tensor_value_info("input_values", TensorProto.FLOAT, ["n", "t"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
            numpy_helper.from_array(np.array([0.0], dtype=np.float32), "zero"),
            numpy_helper.from_array(np.array([0.25], dtype=np.float32), "quarter"),
        ],
    )
    _save(graph, path)
    return path


def _save(graph: onnx.GraphProto, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
