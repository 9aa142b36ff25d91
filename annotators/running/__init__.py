"""Models of the user's that run in this process: ONNX by onnxruntime, or a folder or hub name by transformers. Nothing
here is imported before a model is opened."""

from annotators.running.source import Opened, Output, Source, open_text_model

__all__ = ["Opened", "Output", "Source", "open_text_model"]
