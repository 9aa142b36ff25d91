"""bespokelabs-curator labels rows: `python curator_rows.py URL ROWS CONCURRENCY FOLDER`, rows as JSON lines in FOLDER.

Structured output by a pydantic model, its online OpenAI back end with as many requests in flight as are asked for, and
limits per minute high enough not to count. Whoever starts it turns telemetry off and says where its cache is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from bespokelabs import curator
from datasets import Dataset
from pydantic import BaseModel

URL, ROWS, CONCURRENCY, FOLDER = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])


class Answer(BaseModel):
    labels: list[Literal["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"]]


class Labeller(curator.LLM):
    response_format = Answer

    def prompt(self, row):
        return [
            {"role": "system", "content": row["system"]},
            {"role": "user", "content": "Text: " + json.dumps(row["text"])},
        ]

    def parse(self, row, answer):
        return {"text": row["text"], "label": answer.labels[0]}


def main():
    rows = [json.loads(line) for line in (FOLDER / "rows.jsonl").read_text(encoding="utf-8").splitlines()][:ROWS]
    labeller = Labeller(
        model_name="gpt-4o-mini",
        backend="openai",
        backend_params={
            "base_url": URL,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 2_000_000_000,
            "max_concurrent_requests": CONCURRENCY,
            "require_all_responses": False,
            "request_timeout": 60,
        },
        generation_params={"temperature": 0},
    )
    made = labeller(Dataset.from_list(rows))
    made = getattr(made, "dataset", made)
    print("LABELLED", sum(label is not None for label in made["label"]))


if __name__ == "__main__":
    main()
