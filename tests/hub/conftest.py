"""A Hub on this machine, a small release to push to it, and a look back with a cache that has seen nothing."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsbuild.hub import Patience
from dsbuild.release.manifest import FileEntry, Manifest
from dsbuild.release.verify import sha256_of
from schemas.tables import SCHEMA_VERSION

HERE = Path(__file__).resolve().parent
REPO = "emotion-lab/tiny"
NAMES = ["joy", "anger"]

CARD = """---
license: cc0-1.0
language: [en, mr]
size_categories: [n<1K]
task_categories: [text-classification]
configs:
- config_name: data
  default: true
  data_files: [{split: train, path: data/train-*.parquet}, {split: test, path: data/test-*.parquet}]
- config_name: annotations
  data_files: [{split: train, path: annotations/*.parquet}]
dataset_info:
- config_name: data
  features:
  - {name: text, dtype: string}
  - {name: emotion, dtype: {class_label: {names: {'0': joy, '1': anger}}}}
- config_name: annotations
  features: [{name: item_id, dtype: string}, {name: annotator, dtype: string}]
---
# Tiny
"""


@functools.cache
def _server_module() -> ModuleType:
    # Its siblings have names of their own; "server" alone would meet the servers of other folders.
    sys.path.insert(0, str(HERE))
    spec = importlib.util.spec_from_file_location("hub_server", HERE / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hub_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A running Hub, this process pointed at it with a token that may write."""
    with _server_module().Hub(page_size=3) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", hub.writer)
        yield hub


@pytest.fixture
def patience() -> Patience:
    """Repeats as always, without the long waits."""
    return Patience(connect=2.0, answer=10.0, waits=(0.01, 0.02, 0.05), longest_wait=3.0)


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Path]:
    """Makes a release of two configs in a folder of its own; `texts` and `extra` files tell versions apart."""

    def make(
        version: str = "1.0.0",
        texts: tuple[str, ...] = ("What a day!", "Not again.", "खूप आनंद झाला"),
        extra: dict[str, str] | None = None,
        card: str = CARD,
        writer: str = "zstd",
        content: str | None = None,
        dataset: str = "tiny",
    ) -> Path:
        folder = tmp_path / f"release-{len(list(tmp_path.glob('release-*')))}"
        labels = [index % len(NAMES) for index in range(len(texts))]
        table = pa.table({"text": list(texts), "emotion": pa.array(labels, pa.int64())})
        people = pa.table({"item_id": ["a", "a", "b"], "annotator": ["p1", "p2", "p1"]})
        for name, rows in {"data/train-0": table, "data/test-0": table[:1], "annotations/train-0": people}.items():
            path = folder / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows, path, compression=writer)
        for name, text in {"README.md": card, "audit/metrics.json": "{}", **(extra or {})}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        files = {
            path.relative_to(folder).as_posix(): FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        manifest = Manifest(
            dataset=dataset,
            version=version,
            base_version=None,
            schema_version=SCHEMA_VERSION,
            content_hash=content or f"{hash_of(texts)}",
            schema_hash=hash_of("schema"),
            metadata_hash=hash_of([card, extra]),
            code="0.1.0",
            tables={},
            files=files,
            recipe="dataset: tiny",
            corpora=[],
            models=[],
            prompts=[],
        )
        (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
        return folder

    return make


def hash_of(value: object) -> str:
    """A stand-in for the hashes that a release computes from its tables."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


@pytest.fixture
def look(hub: Any, tmp_path: Path) -> Callable[..., Any]:
    """Runs Python `code` in a fresh process with a fresh cache; what it prints last is JSON, and is returned.

    A process of its own because huggingface_hub reads its settings once, when it is imported.
    """

    def run(code: str, token: str | None = hub.writer) -> Any:
        home = tmp_path / f"home-{len(list(tmp_path.glob('home-*')))}"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        settings = {
            "HF_HOME": str(home),
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        if token:
            settings["HF_TOKEN"] = token
        prelude = "import json, warnings; warnings.simplefilter('ignore')\n"
        done = subprocess.run(
            [sys.executable, "-c", prelude + code],
            env={**kept, **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
