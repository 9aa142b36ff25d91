"""A text model by transformers: the pipeline for texts with classes, and the bare model's outputs as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from annotators.running.source import Opened, Output, Source, class_names
from schemas.errors import DsbuildError
from schemas.extras import need


def open_transformers(source: Source) -> Opened:
    """The model that transformers loads from `source`; its output is `logits`. See `open_text_model`."""
    transformers = need("transformers", "transformers")
    torch = need("torch", "transformers")
    where = str(source.path) if source.path is not None else source.model
    if source.path is not None and not source.path.is_dir():
        raise DsbuildError("There is no folder of a model here.", where=where)
    more: dict[str, Any] = {"revision": source.revision} if source.revision is not None else {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **more)
        # Weights as data, never as pickles; code that comes with a model is not run.
        model = transformers.AutoModelForSequenceClassification.from_pretrained(where, use_safetensors=True, **more)
    except (OSError, ValueError, ImportError) as error:
        raise DsbuildError(f"transformers cannot load this model: {str(error)[:300]}", where=where) from error
    model.eval()
    torch.set_num_threads(source.threads)
    settings: dict[str, Any] = model.config.to_dict()
    tokens = source.max_tokens or min(int(tokenizer.model_max_length), _positions(settings))
    commit = getattr(model.config, "_commit_hash", None)
    identity = source.identity() if commit is None else f"{source.model}@{commit}"
    opened: list[Opened] = []

    def run(texts: Sequence[str]) -> Output:
        short = opened[0].shortened(texts)
        encoded = tokenizer(short, truncation=True, max_length=tokens)
        # One token more than fits says whether something was cut off.
        opened[0].counted["cut"] += sum(
            len(ids) > tokens for ids in tokenizer(short, truncation=True, max_length=tokens + 1)["input_ids"]
        )
        lengths = [len(ids) for ids in encoded["input_ids"]]
        order = sorted(range(len(short)), key=lambda n: lengths[n])
        logits = np.zeros((len(short), int(model.config.num_labels)))
        for start in range(0, len(order), source.batch_size):
            chosen = order[start : start + source.batch_size]
            batch = tokenizer.pad(
                {key: [value[n] for n in chosen] for key, value in encoded.items()}, return_tensors="pt"
            )
            with torch.inference_mode():
                logits[chosen] = model(**batch).logits.double().numpy()
        return {"logits": logits}

    opened.append(
        Opened(
            run,
            identity,
            class_names(settings),
            tokens,
            settings.get("problem_type") == "multi_label_classification",
            settings,
        )
    )
    return opened[0]


def _positions(settings: dict[str, Any]) -> int:
    most = settings.get("max_position_embeddings")
    return most - 2 if isinstance(most, int) and most > 10 else 512
