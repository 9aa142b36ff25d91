"""What can be asked of the response store, and taken out of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from annotators.llm.config import LLMConfig
from annotators.llm.responses.export import RESPONSES, Wanted, export
from annotators.llm.responses.gc import Kept, gc
from annotators.llm.responses.stats import stats
from annotators.llm.responses.store import ResponseStore
from annotators.llm.spending.cost import Cost
from schemas.errors import DsbuildError, RecipeError

TEXTS = [f"text number {n} about a day" for n in range(12)]


def config(url: str, **more) -> LLMConfig:
    return LLMConfig(**({"name": "stub", "model": "stub", "max_failed": 1, "base_url": url} | more))


def keys(path: Path) -> set[bytes]:
    with sqlite3.connect(path) as db:
        return {key for (key,) in db.execute("SELECT key FROM answers")}


def test_stats_count_every_answer_the_unusable_ones_too(stub, run, tmp_path):
    server = stub(garble=["number 3 "], truncate=["number 4 "], refuse=["number 5 "], tokens=[100, 10])
    run(TEXTS, base_url=server.url)
    run(TEXTS[:2], base_url=server.url, name="second", params={"top_p": 0.5})
    found = stats(tmp_path / "responses.sqlite", {("stub", "stub"): Cost(1000, 2000, True, "made up")})
    first, second = sorted(found["models"], key=lambda row: row["answers"], reverse=True)
    assert first["annotator"] == "stub"
    asked = len(server.asked())
    assert found["answers"] == asked == first["answers"] + second["answers"]
    assert first["usd"] == pytest.approx(0.12 * first["answers"])
    assert second["usd"] is None
    assert "no price is known" in second["price"]
    assert (second["answers"], second["items"], second["repeats"]) == (2, 2, 0)
    # A garbled row is asked three times, a truncated one too, a refused one twice.
    assert first["unusable"]["reasons"] == {"invalid": 3, "refused": 2, "truncated": 3}
    assert first["unusable"]["low"] < first["unusable"]["share"] < first["unusable"]["high"]
    assert first["prompt_tokens"] == 100 * first["answers"]
    assert first["first"] <= first["last"]
    assert datetime.fromisoformat(first["last"]).tzinfo is not None


def test_tokens_that_the_server_still_had_cost_what_they_cost(tmp_path):
    path = tmp_path / "responses.sqlite"
    body = {"choices": [{"message": {"content": "{}"}}], "usage": {"prompt_tokens_details": {"cached_tokens": 60}}}
    _put(path, [(b"a", json.dumps(body).encode(), 100, 10), (b"b", b"\xff not json", None, None)])
    [row] = stats(path, {("a", "m"): Cost(1000, 2000, True, "made up", cached_input=100)})["models"]
    assert row["cached_tokens"] == 60
    assert row["usd"] == pytest.approx((40 * 1000 + 60 * 100 + 10 * 2000) / 1e6)
    assert row["uncounted"] == 1
    assert row["unusable"]["reasons"] == {"invalid": 1}


def _put(path: Path, answers: list[tuple[bytes, bytes, int | None, int | None]]) -> None:
    async def put() -> None:
        async with ResponseStore(path):
            pass

    asyncio.run(put())
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO answers (key, body, prompt_tokens, completion_tokens, model, annotator, item_id, asked_at,"
            " seconds) VALUES (?, ?, ?, ?, 'm', 'a', 'i', 1.5, 0.1)",
            answers,
        )


def test_an_export_holds_the_answers_as_they_came_and_no_secret(stub, run, tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_KEY", "sk-very-secret")
    server = stub(key="sk-very-secret")
    run(TEXTS, base_url=server.url, api_key_env="STUB_KEY")
    path = tmp_path / "responses.sqlite"
    assert export(path, tmp_path / "all.parquet") == 12
    table = pl.read_parquet(tmp_path / "all.parquet")
    assert table.columns == RESPONSES.names
    assert {bytes.fromhex(key) for key in table["key"]} == keys(path)
    assert json.loads(table["body"][0])["object"] == "chat.completion"
    assert table["asked_at"].dtype == pl.Datetime("us", "UTC")
    export(path, tmp_path / "some.jsonl", Wanted(items=table["item_id"].head(3).to_list()))
    lines = [json.loads(line) for line in (tmp_path / "some.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == table["key"].head(3).to_list()
    for file in ("all.parquet", "some.jsonl"):
        assert b"very-secret" not in (tmp_path / file).read_bytes()
    assert export(path, tmp_path / "none.jsonl", Wanted(until=datetime(2020, 1, 1, tzinfo=UTC))) == 0
    assert export(path, tmp_path / "none.parquet", Wanted(annotators=["nobody"])) == 0
    assert pl.read_parquet(tmp_path / "none.parquet").columns == RESPONSES.names
    with pytest.raises(RecipeError, match="exists already"):
        export(path, tmp_path / "all.parquet")
    with pytest.raises(RecipeError, match="neither"):
        export(path, tmp_path / "all.csv")
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))


def test_only_what_no_recipe_needs_is_removed_and_nothing_is_asked_again(stub, run, items, task, tmp_path):
    server = stub(garble=["number 3 "])
    first = run(TEXTS, base_url=server.url)
    run(TEXTS, base_url=server.url, params={"top_p": 0.5})
    path = tmp_path / "responses.sqlite"
    asked = len(server.asked())
    assert asked == 28  # each time one of the twelve is asked three times
    kept = [Kept(config(server.url), [task], lambda: iter([items(TEXTS)]))]
    dry = gc(path, kept)
    assert (dry["answers"], dry["needed"], dry["unneeded"], dry["removed"]) == (28, 14, 14, 0)
    assert len(keys(path)) == 28, "a dry run removes nothing"
    done = gc(path, kept, remove=True)
    assert done["removed"] == 14
    assert done["file_bytes_after"] < done["file_bytes_before"]
    again = run(TEXTS, base_url=server.url)
    assert len(server.asked()) == asked
    assert again.annotations.equals(first.annotations)
    assert gc(path, kept)["unneeded"] == 0
    fewer = [Kept(config(server.url), [task], lambda: iter([items(TEXTS[:2])]))]
    assert gc(path, fewer)["needed"] == 2


def test_the_first_of_several_answers_is_the_one_that_is_kept(tmp_path, task, items):
    path = tmp_path / "responses.sqlite"
    from annotators.llm.questions import Questions, items_of

    some = items(TEXTS[:1])
    asked = config("http://localhost:1/v1")
    [item] = items_of(some)
    key = Questions.groups(asked, [task])[0].ask(item, 0).key
    body = {"choices": [{"finish_reason": "stop", "message": {"content": '{"labels": ["joy"]}'}}]}
    _put(path, [(key, json.dumps(body).encode(), 1, 1), (key, b"later", 1, 1)])
    assert stats(path)["models"][0]["repeats"] == 1
    done = gc(path, [Kept(asked, [task], lambda: iter([some]))], remove=True)
    assert done["removed"] == 1
    with sqlite3.connect(path) as db:
        assert [row[0] for row in db.execute("SELECT body FROM answers")] == [json.dumps(body).encode()]


def test_nothing_is_removed_while_another_process_works(stub, run, tmp_path):
    path = tmp_path / "responses.sqlite"
    run(TEXTS[:1], base_url=stub().url)

    async def main() -> None:
        async with ResponseStore(path):
            with pytest.raises(DsbuildError, match="Another process"):
                gc(path, [], remove=True)
            assert len(keys(path)) == 1

    asyncio.run(main())
    assert len(keys(path)) == 1
    assert gc(path, [], remove=True)["removed"] == 1


def test_what_is_no_store_is_said(tmp_path):
    with pytest.raises(DsbuildError, match="nobody has been asked"):
        stats(tmp_path / "none.sqlite")
    with sqlite3.connect(tmp_path / "other.sqlite") as db:
        db.execute("CREATE TABLE t (x)")
    with pytest.raises(DsbuildError, match="not a response store"):
        stats(tmp_path / "other.sqlite")
