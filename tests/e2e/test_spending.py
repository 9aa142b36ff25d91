"""Money from the command line: a forecast from a sample, a budget that stops a run, and going on when it is raised."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

STUB = Path(__file__).parents[1] / "annotators" / "llm" / "stub_server.py"
DSBUILD = str(Path(sys.executable).with_name("dsbuild"))
ITEMS = 400

RECIPE = """dataset: lab
budget: {{usd: {usd}}}
prices: prices.yaml
tasks: [{{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}}]
corpora: [{{name: tweets, path: tweets.csv, columns: {{id: id, text: text}}, language: en, labels: none}}]
annotate:
  - {{name: one, kind: llm, model: stub, base_url: "{url}", max_failed: 1, concurrency: 16}}
  - {{name: other, kind: llm, model: stub, base_url: "{url}", max_failed: 1, concurrency: 16, params: {{top_p: 0.5}}}}
aggregate: [{{name: silver, task: emotion, from: [one, other]}}]
"""


class Lab:
    def __init__(self, folder: Path, url: str, log: Path) -> None:
        self.folder, self.url, self.log = folder, url, log
        texts = "\n".join(
            f"{k},{'garbled' if k % 20 == 0 else 'lovely'} text {'long ' * (k % 7)}{k}" for k in range(ITEMS)
        )
        (folder / "tweets.csv").write_text(f"id,text\n{texts}\n", encoding="utf-8")
        # A dollar for a thousand tokens of prompt: an answer of 100 and 10 tokens costs 0.12.
        (folder / "prices.yaml").write_text("- {model: stub, input: 1000, output: 2000}\n", encoding="utf-8")
        self.recipe(1e6)

    def recipe(self, usd: float) -> None:
        (self.folder / "recipe.yaml").write_text(RECIPE.format(usd=usd, url=self.url), encoding="utf-8")

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([DSBUILD, *words], cwd=self.folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def json(self, *words: str) -> dict:
        return json.loads(self.run(*words, "--json").stdout)

    def asked(self) -> int:
        return sum('"event": "asked"' in line for line in self.log.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    log = tmp_path / "requests.jsonl"
    options = {"log": str(log), "garble": ["garbled"], "tokens": [100, 10], "latency": 0.005}
    server = subprocess.Popen(
        [sys.executable, str(STUB), json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    yield Lab(tmp_path, f"http://127.0.0.1:{int(server.stdout.readline())}/v1", log)
    server.communicate()


def test_a_sample_forecasts_what_the_whole_then_takes(lab: Lab) -> None:
    assert "upper bounds" in lab.run("plan", "recipe.yaml").stdout
    lab.run("run", "recipe.yaml", "--sample", "100")
    assert (lab.folder / "releases" / "lab" / "sample" / "README.md").exists()
    items = pl.read_parquet(sorted((lab.folder / "releases/lab/sample").glob("items/*.parquet")))
    assert items.height == 100
    planned = lab.json("plan", "recipe.yaml")
    assert planned["calls"] == 600
    forecast = planned["forecast"]
    assert forecast["annotators"] == ["one", "other"]
    assert forecast["without"] == []
    asked = lab.asked()
    told = lab.json("run", "recipe.yaml")
    calls = lab.asked() - asked
    # Of 300 items about 15 are garbled, and each of those is asked, repaired and asked again: two more calls.
    assert forecast["calls"]["low"] <= calls <= forecast["calls"]["high"]
    usd = sum(row["usd"] for row in told["annotators"]) - 0.12 * asked
    assert usd == pytest.approx(0.12 * calls, rel=1e-6)
    assert forecast["usd"]["low"] <= usd <= forecast["usd"]["high"]
    assert forecast["usd"]["high"] < planned["usd"], "a forecast says more than the bound"
    dead = sum(sum(row["dead_letters"].values()) for row in told["annotators"])
    assert dead == 40, "those of the sample are among them"
    assert forecast["dead_letters"]["low"] <= dead - 2 * 5 <= forecast["dead_letters"]["high"] + 10
    assert told["annotators"][0]["from_store"] >= 100
    assert told["annotators"][0]["rows_per_second"] > 0
    text = lab.run("plan", "recipe.yaml").stdout
    assert "LLM calls to make: 0" in text


def test_a_budget_stops_the_run_and_says_how_to_go_on_and_nothing_is_asked_twice(lab: Lab) -> None:
    lab.recipe(20.0)
    stopped = lab.run("run", "recipe.yaml", code=5)
    words = re.sub(r"\s+", " ", stopped.stderr)
    found = re.search(r"has settled (\d+) of 400 rows, a random sample of them.* (\d+) are left", words)
    assert found is not None, words
    done, left = map(int, found.groups())
    assert done + left == 400
    assert 80 < done < 170
    assert "--set budget.usd=" in words
    assert 0.12 * lab.asked() <= 20
    before = lab.asked()
    lab.run("run", "recipe.yaml", code=5)
    assert lab.asked() - before <= 16, "what is left pays for a short prompt or two at most"
    assert 0.12 * lab.asked() <= 20
    lab.run("run", "recipe.yaml", "--set", "budget.usd=1000000.0")
    texts = [
        (json.loads(line)["hash"]) for line in lab.log.read_text().splitlines() if json.loads(line)["event"] == "asked"
    ]
    # Each annotator asks each text once, and each garbled one twice more with the same words but another history.
    assert len(texts) == 2 * (400 + 2 * 20)
    stats = lab.json("responses", "stats", "recipe.yaml")
    assert stats["answers"] == len(texts)
    assert stats["usd"] == pytest.approx(0.12 * len(texts))
    assert {row["repeats"] for row in stats["models"]} == {0}
    assert [row["unusable"]["reasons"] for row in stats["models"]] == [{"invalid": 60}] * 2


def test_what_a_finished_annotator_has_cost_is_on_the_budget_of_all_that_ask_later(lab: Lab) -> None:
    lab.run("run", "recipe.yaml", "--until", "build")
    lab.run("run", "recipe.yaml", "--only", "annotate:other")
    paid = 0.12 * lab.asked()
    assert paid == pytest.approx(0.12 * 440)
    limit = paid + 5
    stopped = lab.run("run", "recipe.yaml", "--set", f"budget.usd={limit}", code=5)
    assert paid + 2 < 0.12 * lab.asked() <= limit
    # The last value of a key holds, so the command that is offered does raise the budget.
    offered = re.sub(r"\s+", " ", stopped.stderr)
    assert f"--set budget.usd={limit} --set budget.usd=USD" in offered
