"""Many batches at a time: nothing waits for the slowest row, and what is stored costs nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from annotators.llm import LLMConfig
from annotators.llm.annotator import LLMAnnotator
from annotators.llm.columns import _labels
from annotators.llm.responses import store as store_module
from annotators.llm.responses.store import ResponseStore
from annotators.llm.seen import RECENT, Seen
from annotators.llm.wire.pace import Pace
from annotators.llm.wire.transport import Traffic
from schemas.answer import Answer
from schemas.errors import DsbuildError
from schemas.ids import annotation_id, annotation_ids, digest, item_hash
from schemas.tables import ANNOTATIONS, polars_schema

TEXTS = [f"text number {n} about a day" for n in range(60)]
ANSWER = json.dumps(
    {"choices": [{"message": {"content": '{"labels": ["joy"]}'}, "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
).encode()  # fmt: skip


class Endpoint:
    """An endpoint without a wire; `until(body)` says what an answer has to wait for."""

    def __init__(self, most: int, until: Callable[[bytes], asyncio.Event | None] = lambda body: None) -> None:
        self.pace = Pace(most)
        self.traffic = Traffic()
        self.asked: list[bytes] = []
        self._until = until

    async def ask(self, body: Callable[[str], bytes], purse: Any = None, key: bytes = b"") -> tuple[bytes, float]:
        sent = body("json_schema")
        self.asked.append(sent)
        event = self._until(sent)
        await (asyncio.sleep(0) if event is None else event.wait())
        return ANSWER, 0.0


def batches_of(frame: pl.DataFrame, size: int) -> Callable[[], Any]:
    return lambda: enumerate(frame.iter_slices(size))


async def annotated(
    tmp_path: Path, endpoint: Endpoint, frame: pl.DataFrame, task: Any, size: int, **config: Any
) -> Any:
    settings = LLMConfig(name="stub", model="stub", base_url="http://127.0.0.1:1/v1", **config)
    async with ResponseStore(tmp_path / "responses.sqlite") as store:
        one = LLMAnnotator(settings, store, endpoint)  # type: ignore[arg-type]  # a double
        async for number, _, output in one.annotate_all(batches_of(frame, size), [task], frame.height):
            yield number, output


def test_a_row_that_waits_holds_up_no_other_batch(tmp_path, items, task):
    async def order() -> list[int]:
        released = asyncio.Event()
        endpoint = Endpoint(2, lambda body: released if b"number 3 " in body else None)
        numbers = []
        async for number, output in annotated(tmp_path, endpoint, items(TEXTS), task, 10):
            numbers.append(number)
            assert output.annotations.height == 10
            if len(numbers) == 5:
                released.set()
        return numbers

    assert asyncio.run(asyncio.wait_for(order(), 10)) == [1, 2, 3, 4, 5, 0]


def test_a_row_has_no_longer_than_its_deadline_and_the_others_have_their_answers(tmp_path, items, task):
    async def outputs() -> list[Any]:
        never = asyncio.Event()
        endpoint = Endpoint(4, lambda body: never if b"number 3 " in body else None)
        config = {"deadline_s": 0.4}
        return [one async for one in annotated(tmp_path, endpoint, items(TEXTS), task, 60, **config)]

    begun = time.monotonic()
    ((_, output),) = asyncio.run(asyncio.wait_for(outputs(), 10))
    assert time.monotonic() - begun < 3
    assert output.annotations.height == 59
    assert output.dead_letters.select("reason", "detail").rows() == [("deadline", "no usable answer within 0.4 s")]


def test_equal_requests_of_different_batches_are_asked_once(tmp_path, items, task):
    async def outputs() -> tuple[int, int]:
        endpoint = Endpoint(4)
        done = [one async for one in annotated(tmp_path, endpoint, items(["the same"] * 40), task, 7)]
        return len(endpoint.asked), sum(output.annotations.height for _, output in done)

    assert asyncio.run(outputs()) == (1, 40)


def test_what_is_stored_takes_no_claim_and_no_transaction(tmp_path, items, task, monkeypatch):
    async def run() -> tuple[int, list[Any]]:
        endpoint = Endpoint(8)
        done = [output async for _, output in annotated(tmp_path, endpoint, items(TEXTS), task, 20)]
        return len(endpoint.asked), done

    asked, first = asyncio.run(run())
    claimed: list[Any] = []
    look_all = ResponseStore.look_all

    async def counted(self: ResponseStore, keys: Any) -> Any:
        claimed.extend(keys)
        return await look_all(self, keys)

    monkeypatch.setattr(ResponseStore, "look_all", counted)
    again, second = asyncio.run(run())
    assert (asked, again, claimed) == (60, 0, [])
    by_item = [sorted(output.annotations["annotation_id"]) for output in (*first, *second)]
    assert sorted(map(tuple, by_item[:3])) == sorted(map(tuple, by_item[3:]))


def test_finished_batches_come_out_even_if_the_next_row_stops_the_run(tmp_path, items, task):
    async def outputs() -> tuple[list[int], bool]:
        endpoint = Endpoint(1)
        ask = endpoint.ask

        async def failing(body: Any, purse: Any = None, key: bytes = b"") -> Any:
            if b"number 25 " in body("json_schema"):
                raise DsbuildError("The key was refused.")
            return await ask(body, purse)

        endpoint.ask = failing  # type: ignore[method-assign]
        numbers = []
        try:
            async for number, _ in annotated(tmp_path, endpoint, items(TEXTS), task, 10):
                numbers.append(number)
        except DsbuildError as error:
            return numbers, "refused" in str(error)
        return numbers, False

    numbers, told = asyncio.run(outputs())
    assert told
    assert numbers[:2] == [0, 1]
    assert 2 not in numbers


@given(st.lists(st.binary(min_size=8, max_size=8), max_size=80), st.integers(1, 7))
def test_a_hash_is_new_once(keys, recent):
    seen, known = Seen(), set()
    import annotators.llm.seen as module

    module.RECENT = recent  # type: ignore[misc]
    try:
        for key in keys:
            assert seen.add(key) == (key not in known)
            known.add(key)
    finally:
        module.RECENT = RECENT  # type: ignore[misc]
    assert len(seen) == len(known)


labels = st.lists(st.sampled_from(["joy", "fear", "ärger"]), max_size=3, unique=True)


@given(st.lists(st.tuples(st.none() | labels, st.booleans(), st.booleans()), max_size=12))
def test_labels_made_of_flat_columns_are_those_made_of_dicts(drawn):
    answers = [
        Answer(
            labels=names,
            originals=[name.upper() for name in names] if original and names is not None else None,
            scores=[0.5] * len(names) if scored and names is not None else None,
        )
        for names, original, scored in drawn
    ]
    wanted = polars_schema(ANNOTATIONS)["labels"]
    slow = pl.Series([answer.columns()["labels"] for answer in answers], dtype=wanted)
    fields = ["label", "score", "original"]
    quick = _labels(answers).to_list() if answers else []
    assert quick == [
        None if row is None else [{name: one[name] for name in fields} for one in row] for row in slow.to_list()
    ]


@given(st.none() | st.text(), st.text(), st.integers(0, 3))
def test_the_quick_hashes_are_the_plain_ones(text, name, sample):
    assert item_hash(text) == digest([text, [], []])[:16]
    assert annotation_ids([(name, sample)], "task", "who") == [annotation_id(name, "task", "who", sample)]


def test_a_store_of_the_first_format_is_read_and_gets_the_new_column(stub, run, tmp_path):
    server = stub()
    run(TEXTS, base_url=server.url)
    db = sqlite3.connect(tmp_path / "responses.sqlite")
    assert {form for (form,) in db.execute("SELECT form FROM answers")} == {"json_schema"}
    db.execute("ALTER TABLE answers DROP COLUMN form")
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    output = run(TEXTS, base_url=server.url)
    assert (output.annotations.height, len(server.asked())) == (60, 60)
    db = sqlite3.connect(tmp_path / "responses.sqlite")
    assert db.execute("SELECT count(*), count(form) FROM answers").fetchone() == (60, 0)
    assert db.execute("PRAGMA user_version").fetchone() == (store_module.FORMAT,)
