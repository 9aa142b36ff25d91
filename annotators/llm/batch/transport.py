"""Asking through a batch API: what many rows ask is gathered, submitted as one file, waited for and handed out.

Nothing is submitted twice: a batch is written down with the keys in it before it is made, found again by its metadata
if we died before we knew its id, and attached to by the next run. What a batch leaves unanswered (it expired, the
provider was overloaded) is submitted again, and only that.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from annotators.llm.batch.journal import Journal, Pending
from annotators.llm.batch.lines import key_of, line_of, write_lines
from annotators.llm.batch.provider import ENDED, Provider
from annotators.llm.wire.connection import Outcome
from annotators.llm.wire.deadline import held
from annotators.llm.wire.endpoint import Endpoint
from annotators.llm.wire.formats import FORMATS, simpler
from annotators.llm.wire.health import Health
from annotators.llm.wire.pace import Pace
from annotators.llm.wire.transport import Purse, RowFailed, Traffic
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from openai.types import Batch

MOST_REQUESTS: Final = 50_000  # in a batch, as OpenAI allows
MOST_BYTES: Final = 190_000_000  # in its file; OpenAI allows 200 MB
WAITING: Final = 25_000  # what `pace.most` says: twice as many rows can wait, which is as much as a batch holds
LINGER: Final = 2.0  # seconds without another request, after which a batch is complete
POLL: Final = (2.0, 60.0)  # seconds: the first look at a batch, the longest between two
MOST_KEPT: Final = 1000  # answers in memory before they are written down


@dataclass(eq=False, slots=True)
class _Ask:
    """A request that waits: its line in the file, its response format, and whether a batch has it."""

    key: bytes
    form: str
    line: bytes
    answer: asyncio.Future[Outcome]
    submitted: bool = False


@dataclass
class _Gathered:
    asks: list[_Ask] = field(default_factory=list)
    bytes: int = 0


class BatchTransport:
    """`async with BatchTransport(url, key, ...) as transport:` one endpoint's batch API, with `Transport`'s interface.

    `journal` is the file in which batches are written down, `stored` says which keys are answered elsewhere by now.
    `max_attempts` is how often a request is submitted that comes back without an answer; `timeout` bounds a call to the
    API, `linger` is how long nothing more may come before a batch is complete, `poll` the first and the longest pause
    between two looks at it, all in seconds. No row's deadline runs while it waits here.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        model: str,
        journal: Path,
        max_attempts: int = 6,
        timeout: float = 600,
        key_name: str | None = None,
        linger: float = LINGER,
        poll: tuple[float, float] = POLL,
        stored: Callable[[Sequence[bytes]], Collection[bytes]] | None = None,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.pace = Pace(WAITING)
        self.traffic = Traffic()
        self.response_format = FORMATS[0]
        self._endpoint = Endpoint(url, model, key, key_name)
        self._provider = Provider(self._endpoint, timeout=timeout)
        self._journal = Journal(journal, url)
        self._folder = journal.parent
        self._max_attempts = max_attempts
        self._linger = linger
        self._poll = poll
        self._stored = stored
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._health = Health()
        self._open: dict[bytes, _Ask] = {}
        self._at_provider: dict[bytes, str] = {}  # keys in batches of earlier runs, with their format
        self._kept: dict[bytes, str] = {}
        self._handed_out: list[bytes] = []
        self._gathered = _Gathered()
        self._arrived = asyncio.Event()
        self._last = self._pause_until = 0.0
        self._following = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None

    async def __aenter__(self) -> Self:
        await self._journal.__aenter__()
        try:
            self._kept = await self._journal.kept()
            if self._stored is not None and self._kept:
                await self._forget(list(self._stored(list(self._kept))))
            for pending in await self._journal.pending():
                await self._attach(pending)
            self._start(self._submit_all())
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:  # whoever asked has stored them all
                await self._forget(self._handed_out)
        finally:
            await self._close()

    async def _forget(self, keys: Sequence[bytes]) -> None:
        await self._journal.forget(keys)
        for key in keys:
            self._kept.pop(key, None)

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._provider.__aexit__(None, None, None)
        await self._journal.__aexit__()

    async def ask(
        self, body: Callable[[str], bytes], purse: Purse | None = None, key: bytes = b""
    ) -> tuple[bytes, float]:
        """The answer to `body(response format)`, and the seconds since it was asked for.

        `key` (not empty) names the request in every run. The last call of `body` is with the format of the request
        that was answered. `purse` is asked before the request joins a batch; the caller settles for the answer.

        Raises:
            RowFailed: this request fails for good.
            DsbuildError: no request can succeed (key, quota, model, endpoint), so the run has to stop.
        """
        if not key:
            raise ValueError("a request in a batch needs a key, or nobody could find it again")
        begun = asyncio.get_running_loop().time()
        attempts = 0
        self.pace.in_flight += 1
        try:
            with held():
                while True:
                    form, outcome = await self._once(body, purse, key)
                    if outcome.status == 200:
                        self.traffic.answered += 1
                        self._health.succeeded()
                        self._handed_out.append(key)
                        return outcome.body, asyncio.get_running_loop().time() - begun
                    attempts += self._attempt(form, outcome)
                    if attempts >= self._max_attempts:
                        raise self._row_failed(outcome)
        finally:
            self.pace.in_flight -= 1

    async def _once(self, body: Callable[[str], bytes], purse: Purse | None, key: bytes) -> tuple[str, Outcome]:
        """Put the request into a batch, unless one has it already, and wait for what comes of it."""
        if self._failed is not None:
            raise self._failed
        if purse is not None:
            await purse.reserve()
        settled = False
        ask: _Ask | None = None
        try:
            if (form := self._kept.get(key)) is not None:
                body(form)
                outcome = Outcome(200, await self._journal.answer(key))
            else:
                form = self._at_provider.get(key)
                form, new = (self.response_format, True) if form is None else (form, False)
                ask = _Ask(key, form, line_of(key, body(form)), asyncio.get_running_loop().create_future(), not new)
                self._open[key] = ask
                if new:
                    self._gather(ask)
                outcome = await ask.answer
            self.traffic.count(str(outcome.status or outcome.trouble))
            settled = outcome.status == 200
            return form, outcome
        finally:
            if ask is not None:
                self._open.pop(key, None)
            if purse is not None and not settled:
                # Only a request that is still in a batch may yet be charged.
                if ask is not None and ask.submitted and not ask.answer.done():
                    purse.lost()
                else:
                    purse.refused()

    def _attempt(self, form: str, outcome: Outcome) -> int:
        """What an answer that is none means: 1 if asking again counts as an attempt, else 0."""
        if (hopeless := self._endpoint.hopeless(outcome.status, outcome.body)) is not None:
            raise hopeless
        if (other := simpler(form, outcome.status, outcome.body)) is not None:
            if self.response_format == form:
                self.response_format = other
            return 0
        if 400 <= outcome.status < 500 and outcome.status not in (408, 409, 425, 429):
            raise self._row_failed(outcome)
        if outcome.trouble == "unreachable":
            return 0
        self.traffic.failed += 1
        return 1

    def _row_failed(self, outcome: Outcome) -> Exception:
        said = self._endpoint.said(outcome.body)
        detail = f"HTTP {outcome.status}: {said}" if outcome.status else said
        if rows := self._health.failed(str(outcome.status or outcome.trouble)):
            return DsbuildError(f"Nearly all of the last {rows} rows failed. The last: {detail}", where=self._shown)
        return RowFailed(detail)

    @property
    def _shown(self) -> str:
        return self._endpoint.shown

    def _gather(self, ask: _Ask) -> None:
        self._gathered.asks.append(ask)
        self._gathered.bytes += len(ask.line)
        self._last = asyncio.get_running_loop().time()
        self._arrived.set()

    @property
    def _is_full(self) -> bool:
        return len(self._gathered.asks) >= self._most_requests or self._gathered.bytes >= self._most_bytes

    async def _submit_all(self) -> None:
        """Submit one batch after the other, each as soon as it is full or nothing more comes."""
        loop = asyncio.get_running_loop()
        while True:
            self._arrived.clear()
            if not self._gathered.asks:
                await self._arrived.wait()
            while not self._is_full and (left := self._last + self._linger - loop.time()) > 0:
                self._arrived.clear()
                try:
                    await asyncio.wait_for(self._arrived.wait(), left)
                except TimeoutError:
                    break
            await asyncio.sleep(max(0.0, self._pause_until - loop.time()))
            await self._submit(self._cut())

    def _cut(self) -> list[_Ask]:
        """As many of those gathered as a batch may hold; who no longer waits is left out."""
        waiting = [ask for ask in self._gathered.asks if not ask.answer.done()]
        asks: list[_Ask] = []
        size = 0
        while len(asks) < min(len(waiting), self._most_requests):
            size += len(waiting[len(asks)].line)
            if asks and size > self._most_bytes:
                break
            asks.append(waiting[len(asks)])
        rest = waiting[len(asks) :]
        self._gathered = _Gathered(rest, sum(len(ask.line) for ask in rest))
        return asks

    async def _submit(self, asks: Sequence[_Ask]) -> None:
        if not asks:
            return
        local, since = uuid.uuid4().hex, time.time()
        requests = {ask.key: ask.form for ask in asks}
        await self._journal.begin(local, requests)
        self._at_provider.update(requests)
        lines = [ask.line for ask in asks]
        for ask in asks:
            ask.submitted, ask.line = True, b""
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="batch-") as folder:
            file = Path(folder) / f"{local}.jsonl"
            await asyncio.to_thread(write_lines, file, lines)
            batch = await self._provider.submit(file, local, since)
        await self._journal.submitted(local, batch)
        self.traffic.sent += len(asks)
        self._start(self._follow(Pending(local, batch, since, requests)))

    async def _attach(self, pending: Pending) -> None:
        """Take up a batch of an earlier run."""
        batch = pending.batch
        if batch is None:  # that run died while it submitted it
            batch = await self._provider.find(pending.local, pending.made_at)
            if batch is None:
                await self._journal.end(pending.local)
                return
            await self._journal.submitted(pending.local, batch)
        self._at_provider.update(pending.requests)
        self._start(self._follow(Pending(pending.local, batch, pending.made_at, pending.requests)))

    async def _follow(self, pending: Pending) -> None:
        """Look at a batch until it has ended, and hand out what came of it."""
        self._following += 1
        try:
            await self._hand_out(pending)
        finally:
            self._following -= 1

    async def _hand_out(self, pending: Pending) -> None:
        assert pending.batch is not None
        pause, longest = self._poll
        while (batch := await self._provider.look(pending.batch)).status not in ENDED:
            await asyncio.sleep(pause)
            pause = min(longest, pause * 1.5)
        outcomes: dict[bytes, Outcome] = {}
        for file in (batch.output_file_id, batch.error_file_id):
            if file is not None:
                await self._collect(file, pending, outcomes)
        await self._journal.end(pending.local)
        nothing = Outcome(0, f"the batch ended ({batch.status}) without an answer".encode(), "lost")
        if batch.status == "failed" and _queue_is_full(batch) and (len(pending.requests) > 1 or self._following > 1):
            # What the account may have in its queue is not known beforehand; smaller batches fit sooner or later.
            self._most_requests = max(1, min(self._most_requests, len(pending.requests)) // 2)
            self._pause_until = asyncio.get_running_loop().time() + longest
            nothing = Outcome(0, b"the account's queue is full", "unreachable")
        elif batch.status == "cancelled" or (batch.status == "failed" and not outcomes):
            raise self._ended_badly(batch)
        for key in pending.requests:
            self._at_provider.pop(key, None)
            if (ask := self._open.get(key)) is not None and ask.submitted and not ask.answer.done():
                ask.answer.set_result(outcomes.get(key, nothing))

    async def _collect(self, file: str, pending: Pending, outcomes: dict[bytes, Outcome]) -> None:
        """Read a file; every answer in it is written down before anybody sees it."""
        good: list[tuple[bytes, str, bytes]] = []
        for line in await self._provider.collect(file):
            key = key_of(line.custom_id)
            if key not in pending.requests:
                raise DsbuildError(
                    f'The provider answered a request that is not in the batch: "{line.custom_id[:80]}".',
                    where=self._shown,
                )
            outcomes[key] = line.outcome
            if line.outcome.status == 200:
                good.append((key, pending.requests[key], line.outcome.body))
        for start in range(0, len(good), MOST_KEPT):
            await self._journal.keep(good[start : start + MOST_KEPT])
        self._kept.update({key: form for key, form, _ in good})

    def _ended_badly(self, batch: Batch) -> DsbuildError:
        errors = (batch.errors.data if batch.errors is not None else None) or []
        if batch.status == "cancelled":
            return DsbuildError(
                f"The batch {batch.id} was cancelled at the provider; what it had answered is kept.",
                where=self._shown,
                fix="Run again to submit the rest.",
            )
        said = "; ".join(dict.fromkeys(f"{error.code}: {error.message}" for error in errors)) or "it does not say why"
        quota = any(error.code in ("insufficient_quota", "billing_hard_limit_reached") for error in errors)
        return DsbuildError(
            f"The provider refuses the batch {batch.id}: {self._endpoint.said(said.encode())}",
            where=self._shown,
            fix="Top the account up and run again."
            if quota
            else "The account's queue does not hold even one request of this size."
            if _queue_is_full(batch)
            else "If the message does not say what to change, take `batch: true` out of the recipe.",
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """When one of ours fails everybody who waits is told."""
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._failed = self._failed or error
        for ask in self._open.values():
            if not ask.answer.done():
                ask.answer.set_exception(error)


def _queue_is_full(batch: Batch) -> bool:
    errors = (batch.errors.data if batch.errors is not None else None) or []
    return any(error.code == "token_limit_exceeded" for error in errors)
