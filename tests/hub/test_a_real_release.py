"""A release that dsbuild made, pushed by the commands of docs/release.md and loaded back by its version."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DSBUILD = str(Path(sys.executable).with_name("dsbuild"))

TEXTS = """id,language,text,labels
1,en,We got the house!! I still can't believe it,joy|surprise
2,mr,आज पाऊस नाही,sadness
3,en,"Bus at 7:40, bring the blue folder.",neutral
4,en,Who left the gate open again,anger
"""
RECIPE = """dataset: quickstart
title: A small dataset
licence: CC0-1.0
tasks: [{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: intended}]
corpora:
  - name: texts
    path: texts.csv
    columns: {id: id, text: text, language: language}
    labels: [{task: emotion, columns: labels, separator: "|", annotator: author, kind: author}]
build: [normalise]
annotate: [{name: lexicon, kind: lexicon}]
aggregate: [{name: stated, task: emotion, from: [texts]}]
"""
LOAD = """
import json, sys
from datasets import load_dataset
loaded = load_dataset(sys.argv[1], sys.argv[2], revision="1.0.0")
rows = [row for split in loaded.values() for row in split]
features = {name: repr(feature) for name, feature in loaded["train"].features.items()}
print(json.dumps({"rows": rows, "features": features}, default=str))
"""


@pytest.fixture
def environment(hub: Any, tmp_path: Path) -> dict[str, str]:
    """The local Hub, a token that may write, and a cache that has seen nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return kept | {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.writer,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    }


def test_what_is_pushed_loads_back_by_its_version(hub: Any, environment: dict[str, str], tmp_path: Path) -> None:
    import json

    (tmp_path / "texts.csv").write_text(TEXTS, encoding="utf-8")
    (tmp_path / "quickstart.yaml").write_text(RECIPE, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([DSBUILD, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert hub.writer not in done.stdout + done.stderr
        return done

    run("run", "quickstart.yaml")
    page = (ROOT / "docs" / "release.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```console hub\n(.*?)^```$", page, re.M | re.S)
    block = block.replace("my-lab/", "emotion-lab/")  # whose token this is
    told = [run(*shlex.split(line.removeprefix("$ dsbuild "))).stdout for line in block.splitlines()]
    assert "Nothing was sent" in told[0]
    assert "tag 1.0.0" in told[1]
    again = run("push", "releases/quickstart/1.0.0", "emotion-lab/quickstart")
    assert "has this release already" in again.stdout

    loaded = {}
    for config in ("data", "annotations"):
        done = subprocess.run(
            [sys.executable, "-c", LOAD, "emotion-lab/quickstart", config],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        loaded[config] = json.loads(done.stdout.splitlines()[-1])
    assert "ClassLabel" in loaded["data"]["features"]["emotion"]
    texts = {row["text"]: row["emotion"] for row in loaded["data"]["rows"]}
    assert texts["We got the house!! I still can't believe it"] == [0, 4]
    who = {row["annotator"] for row in loaded["annotations"]["rows"]}
    assert who == {"texts:author", "lexicon"}
