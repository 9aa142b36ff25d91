"""Rows per second of the LLM annotator, store and validation on, against a bare aiohttp loop in the same run.

    python benchmarks/annotate_throughput.py --rows 20000 --latency 0.05 --concurrency 256

Both talk to the stub server of the tests, in a process of its own on this machine; the loop does nothing but post and
read. The annotator's output is checked before its figure counts. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import polars as pl

from annotators.llm import LLMConfig, build
from schemas.ids import item_id
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

STUB = Path(__file__).resolve().parents[1] / "tests" / "annotators" / "llm" / "stub_server.py"


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def figures(rows: int, begun: float, cpu: float) -> dict[str, float]:
    seconds = time.perf_counter() - begun
    return {
        "rows_per_s": round(rows / seconds, 1),
        "cpu_s_per_1000": round((cpu_seconds() - cpu) / rows * 1000, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


async def bare(url: str, texts: list[str], concurrency: int) -> dict[str, float]:
    """Post one body per text and read the label, with as many in flight."""
    begun, cpu = time.perf_counter(), cpu_seconds()
    rest = iter(texts)
    labels: list[str] = []

    async def work(session: aiohttp.ClientSession) -> None:
        for text in rest:
            messages = [{"role": "system", "content": "Label it."}, {"role": "user", "content": text}]
            body = json.dumps({"model": "stub", "messages": messages, "temperature": 0}).encode()
            async with session.post(f"{url}/chat/completions", data=body) as response:
                answer = json.loads(await response.read())
            labels.append(json.loads(answer["choices"][0]["message"]["content"])["labels"][0])

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))
    assert len(labels) == len(texts)
    return figures(len(texts), begun, cpu)


async def ours(url: str, texts: list[str], concurrency: int, folder: Path) -> dict[str, float]:
    """The annotator through its public entry, with a response store of its own."""
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended")
    items = conform(
        pl.DataFrame(
            {
                "item_id": [item_id("bench", str(number)) for number in range(len(texts))],
                "corpus": "bench",
                "modality": "text",
                "text": texts,
            }
        ),
        ITEMS,
    )
    config = LLMConfig(name="stub", model="stub", base_url=url, concurrency=concurrency)
    begun, cpu = time.perf_counter(), cpu_seconds()
    async with build(config, tasks=[task], store_path=folder / "responses.sqlite", workspace=folder) as annotator:
        output = await annotator.annotate(items, [task])
    measured = figures(len(texts), begun, cpu)
    assert output.annotations.height == len(texts)
    assert output.dead_letters.height == 0
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--concurrency", type=int, default=256)
    options = parser.parse_args()
    texts = [f"row {number}: we walked home in the rain and nobody said a word" for number in range(options.rows)]
    stub = subprocess.Popen(
        [sys.executable, str(STUB), json.dumps({"latency": options.latency})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert stub.stdout is not None
        url = f"http://127.0.0.1:{int(stub.stdout.readline())}/v1"
        loop = asyncio.run(bare(url, texts, options.concurrency))
        with tempfile.TemporaryDirectory() as folder:
            annotator = asyncio.run(ours(url, texts, options.concurrency, Path(folder)))
    finally:
        assert stub.stdin is not None
        stub.stdin.close()
        stub.wait(10)
    ratio = annotator["rows_per_s"] / loop["rows_per_s"]
    print(json.dumps({"bare_loop": loop, "annotator": annotator, "ratio": round(ratio, 3), **vars(options)}, indent=1))


if __name__ == "__main__":
    main()
