"""An ONNX model in this process, and what its inputs are called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotators.running.source import Output
from schemas.errors import DsbuildError
from schemas.extras import need


class OnnxModel:
    """The model in the file at `path`, run on the processor by `threads` threads.

    Raises:
        DsbuildError: onnxruntime is missing, or the file is no model it can run.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        runtime = need("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if not path.is_file():
            raise DsbuildError("There is no ONNX model here.", where=str(path))
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        # onnxruntime's errors have no common base that it names.
        except Exception as error:
            raise DsbuildError(f"This ONNX model cannot be loaded: {str(error)[:300]}", where=str(path)) from error
        self.path = path
        self.inputs: dict[str, str] = {one.name: one.type for one in self._session.get_inputs()}
        self.outputs: tuple[str, ...] = tuple(one.name for one in self._session.get_outputs())

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Output:
        """The outputs by name, as float64, for those of `inputs` that the model has.

        Raises:
            DsbuildError: an input is missing, or the model cannot run on these.
        """
        missing = [name for name in self.inputs if name not in inputs]
        if missing:
            raise DsbuildError(
                f"The ONNX model wants the input {missing[0]!r}, and there are: {', '.join(inputs)}.",
                where=str(self.path),
            )
        fed: dict[str, NDArray[Any]] = {
            name: np.asarray(inputs[name], dtype=_TYPES.get(kind, np.float32)) for name, kind in self.inputs.items()
        }
        try:
            found = self._session.run(None, fed)
        except Exception as error:
            raise DsbuildError(f"The ONNX model cannot run: {str(error)[:300]}", where=str(self.path)) from error
        return {name: np.asarray(value, dtype=np.float64) for name, value in zip(self.outputs, found, strict=True)}


_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
}
