"""A process that annotates texts, for tests that kill it: `annotate_child.py '{"base_url": ..., "out": ...}'`."""

import asyncio
import json
import sys
from pathlib import Path

import polars as pl

from annotators.llm import LLMConfig, build
from schemas.ids import item_id
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

order = json.loads(sys.argv[1])
task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended")
items = conform(
    pl.DataFrame(
        {
            "item_id": [item_id("made", text) for text in order["texts"]],
            "corpus": "made",
            "modality": "text",
            "text": order["texts"],
        }
    ),
    ITEMS,
)


async def main():
    config = LLMConfig(name="stub", model=order.get("model", "stub"), **order["config"])
    async with build(
        config,
        tasks=[task],
        store_path=Path(order["store"]),
        workspace=Path(order["workspace"]),
        log_dir=Path(order["logs"]) if "logs" in order else None,
    ) as annotator:
        if "servers" in order:  # say which process serves the model, then go on
            print("ready", flush=True)
        output = await annotator.annotate(items, [task])
    out = Path(order["out"])
    out.mkdir(exist_ok=True)
    output.annotations.write_parquet(out / "annotations.parquet")
    output.dead_letters.write_parquet(out / "dead_letters.parquet")
    output.provenance.write_parquet(out / "provenance.parquet")
    (out / "figures.json").write_text(json.dumps(output.figures, sort_keys=True))


asyncio.run(main())
