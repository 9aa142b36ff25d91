"""distilabel labels rows: `python distilabel_rows.py URL ROWS CONCURRENCY FOLDER`, rows as JSON lines in FOLDER.

A task of its own on its OpenAI model; a batch is what it asks at once, so a batch is as large as the concurrency.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import Task

URL, ROWS, CONCURRENCY, FOLDER = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])


class Label(Task):
    @property
    def inputs(self):
        return ["text", "system"]

    @property
    def outputs(self):
        return ["label", "model_name"]

    def format_input(self, row):
        return [
            {"role": "system", "content": row["system"]},
            {"role": "user", "content": "Text: " + json.dumps(row["text"])},
        ]

    def format_output(self, output, row=None):
        return {"label": json.loads(output)["labels"][0], "model_name": self.llm.model_name}


def main():
    rows = [json.loads(line) for line in (FOLDER / "rows.jsonl").read_text(encoding="utf-8").splitlines()][:ROWS]
    settings = {"response_format": {"type": "json_object"}, "temperature": 0.0, "max_new_tokens": 64}
    with Pipeline(name="bench", cache_dir=str(FOLDER / "cache")) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=CONCURRENCY)
        model = OpenAILLM(model="gpt-4o-mini", base_url=URL, api_key="sk-none", generation_kwargs=settings)
        label = Label(name="label", llm=model, input_batch_size=CONCURRENCY, add_raw_input=False)
        load >> label
    made = pipeline.run(use_cache=False)
    print("LABELLED", sum(one is not None for one in made["default"]["train"]["label"]))


if __name__ == "__main__":
    main()
