"""Batches of items on their way through the store and the endpoint, several at a time.

What is stored is read a slice at a time and costs no task, no future and no transaction of its own. What is not is
claimed a slice ahead of the workers, so that no place in flight stays empty. A row that waits (for Retry-After, for
another process, for a second try) holds up nobody: the rows of the next batches go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.asking import POLL_SECONDS, Asker, Desk
from annotators.llm.reading import Bad, Good
from annotators.llm.responses.answers import Busy, Looked, Stored
from annotators.llm.rows import Row, RowAnnotator
from annotators.llm.wire.deadline import CLOCKED
from annotators.llm.wire.transport import RowFailed

if TYPE_CHECKING:
    import polars as pl

    from annotators.llm.request import Request

SLICE: Final = 256  # rows whose keys are made and looked up at once; the event loop waits that long
OPEN: Final = 16  # batches that may be unfinished at a time


@dataclass(eq=False)
class Batch:
    """`items` that come back together: their `rows` in order, and the verdict on each once there is one.

    Where several rows share a prompt, `packs` holds the places of those that do, and `many` settles them. `more` gives
    figures of what happened on the way.
    """

    number: int
    items: pl.DataFrame
    rows: list[Row]
    one: RowAnnotator
    asker: Asker
    packs: Sequence[Sequence[int]] | None = None
    many: Callable[[Sequence[Row]], Awaitable[Sequence[Good | Bad]]] | None = None
    more: Callable[[], Mapping[str, Any]] = dict
    verdicts: list[Good | Bad | None] = field(default_factory=list)
    left: int = 0

    def __post_init__(self) -> None:
        self.verdicts = [None] * len(self.rows)
        self.left = len(self.rows)

    def found(self) -> list[tuple[Row, Good | Bad]]:
        """All rows with their verdicts, in the rows' order."""
        return [(row, verdict) for row, verdict in zip(self.rows, self.verdicts, strict=True) if verdict is not None]


@dataclass(eq=False, slots=True)
class Job:
    """A row to be settled; with a `request` it is about that one, which was looked up, else about all of the row. A
    job of a pack is about the rows at all its `places`."""

    batch: Batch
    place: int
    request: Request | None
    since: float = 0.0
    places: Sequence[int] = ()
    held: bool = False  # by ourselves: its deadline stands still
    heard: Good | Bad | None = None  # the answer that was read already and does not do

    @property
    def row(self) -> Row:
        return self.batch.rows[self.place]


class Stream:
    """`async for batch in Stream(...).run(batches)`: the finished batches, in the order in which they are finished.

    `most` is how many requests may be in flight, `deadline` the seconds that a row may take, `tick` is called when
    rows were settled.
    """

    def __init__(self, desk: Desk, *, most: int, deadline: float, tick: Callable[[int, int], None]) -> None:
        self._desk = desk
        self._workers = 2 * most  # so that those who wait for a second try leave no place in flight empty
        self._ahead = max(SLICE, most)
        self._deadline = deadline
        self._tick = tick
        self._jobs: deque[Job] = deque()
        self._busy: list[Job] = []
        self._open = 0
        self._finished: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._idle: deque[asyncio.Future[None]] = deque()  # workers that wait for a job
        self._less = asyncio.Event()  # there are few jobs, or a batch less
        self._at_work: dict[asyncio.Task[None], Job] = {}
        self._stopping = False
        self._late: set[asyncio.Task[None]] = set()

    async def run(self, batches: AsyncIterator[Batch]) -> AsyncGenerator[Batch]:
        """Settle every row of every batch.

        Raises:
            DsbuildError: no row can be answered; what was answered is in the store.
        """
        tasks = [asyncio.create_task(self._feed(batches)), asyncio.create_task(self._watch())]
        tasks += [asyncio.create_task(self._work()) for _ in range(self._workers)]
        ended = asyncio.create_task(_first_error(tasks))
        try:
            while True:
                if self._finished.empty():  # what is finished is handed on even if the next row stops the run
                    following = asyncio.create_task(self._finished.get())
                    await asyncio.wait([following, ended], return_when=asyncio.FIRST_COMPLETED)
                    if not following.done():
                        following.cancel()
                        ended.result()
                    batch = following.result()
                else:
                    batch = self._finished.get_nowait()
                if batch is None:
                    return
                yield batch
        finally:
            self._stopping = True
            for task in (ended, *tasks):
                task.cancel()
            await asyncio.gather(ended, *tasks, return_exceptions=True)

    async def _feed(self, batches: AsyncIterator[Batch]) -> None:
        """Look up the rows of one batch after the other, as far ahead as the workers need it."""
        async for batch in batches:
            self._open += 1
            if not batch.rows:
                self._close(batch)
            jobs = self._begin(batch)
            while some := list(islice(jobs, SLICE)):
                await self._look(some)
                while len(self._jobs) >= self._ahead:
                    self._less.clear()
                    await self._less.wait()
                await asyncio.sleep(0)
            while self._open >= OPEN:
                self._less.clear()
                await self._less.wait()
        while self._open:
            self._less.clear()
            await self._less.wait()
        self._finished.put_nowait(None)

    def _begin(self, batch: Batch) -> Iterator[Job]:
        if batch.packs is not None:
            for places in batch.packs:
                yield Job(batch, places[0], None, places=places)
            return
        for place, row in enumerate(batch.rows):
            yield Job(batch, place, batch.one.first(row))

    async def _look(self, jobs: Sequence[Job]) -> None:
        """Settle the jobs whose answers are stored, and line up the others."""
        wanted: dict[bytes, Job] = {}
        double: list[Job] = []
        for job in jobs:
            if job.request is None:
                self._line_up(job)
            elif self._desk.asking(job.request.key) is not None or job.request.key in wanted:
                double.append(job)
            else:
                wanted[job.request.key] = job
        looked = await self._desk.look(list(wanted))
        for key, job in wanted.items():
            found = looked[key]
            if isinstance(found, Stored):
                self._read(job, found)
            elif isinstance(found, Busy):
                job.since = job.since or asyncio.get_running_loop().time()
                self._busy.append(job)
            else:
                self._line_up(job)
        for job in double:
            self._follow(job, looked)

    def _follow(self, job: Job, looked: Mapping[bytes, Looked]) -> None:
        """A row that asks the same as another one has its answer as soon as that one has it."""
        assert job.request is not None
        found = looked.get(job.request.key)
        future = self._desk.asking(job.request.key)
        if isinstance(found, Stored):
            self._read(job, found)
        elif future is None:
            self._line_up(Job(job.batch, job.place, None))
        else:
            future.add_done_callback(lambda done: self._followed(job, done))

    def _followed(self, job: Job, done: asyncio.Future[Stored]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._read(job, done.result())
        elif not done.cancelled() and isinstance(error := done.exception(), RowFailed):
            self._settle(job, Bad("http", error.detail, ""))
        else:
            self._line_up(Job(job.batch, job.place, None))

    def _read(self, job: Job, stored: Stored) -> None:
        assert job.request is not None
        job.batch.asker.use(job.request.key, stored)
        verdict = job.batch.one.read(job.row, stored)
        if isinstance(verdict, Good) and verdict.complete:
            self._settle(job, verdict)
        else:
            self._line_up(Job(job.batch, job.place, None, heard=verdict))

    def _line_up(self, job: Job) -> None:
        self._jobs.append(job)
        while self._idle:  # one is woken for one job: there may be thousands of them
            worker = self._idle.popleft()
            if not worker.done():
                worker.set_result(None)
                return

    def _settle(self, job: Job, verdict: Good | Bad) -> None:
        batch = job.batch
        batch.verdicts[job.place] = verdict
        batch.left -= 1
        self._tick(1, isinstance(verdict, Bad))
        if not batch.left:
            self._close(batch)

    def _close(self, batch: Batch) -> None:
        self._open -= 1
        self._less.set()
        self._finished.put_nowait(batch)

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        while True:
            while not self._jobs:
                idle: asyncio.Future[None] = loop.create_future()
                self._idle.append(idle)
                await idle
            job = self._jobs.popleft()
            if len(self._jobs) < self._ahead:
                self._less.set()
            job.since = job.since or loop.time()
            CLOCKED.set(job)
            if job.places:
                assert job.batch.many is not None
                verdicts = await job.batch.many([job.batch.rows[place] for place in job.places])
                for place, verdict in zip(job.places, verdicts, strict=True):
                    self._settle(Job(job.batch, place, None), verdict)
            else:
                self._settle(job, await self._asked(job, task) or await self._annotated(job))

    async def _asked(self, job: Job, task: asyncio.Task[None]) -> Good | Bad | None:
        """What the answer to the job's request says, null if the row needs more than that."""
        if job.request is None:
            return None
        row, batch = job.row, job.batch
        self._at_work[task] = job
        try:
            stored = await batch.asker.ask(job.request, row.item_id)
        except RowFailed as error:
            return Bad("http", error.detail, "")
        except asyncio.CancelledError:
            if self._stopping or task not in self._late:
                raise
            self._late.discard(task)
            task.uncancel()
            return self._too_late()
        finally:
            del self._at_work[task]
        job.heard = batch.one.read(row, stored)
        return job.heard if isinstance(job.heard, Good) and job.heard.complete else None

    async def _annotated(self, job: Job) -> Good | Bad:
        spent = asyncio.get_running_loop().time() - job.since
        return await job.batch.one.annotate(job.row, spent, job.heard)

    async def _watch(self) -> None:
        """Look again for what other processes are asking, and end what takes too long.

        One clock for all rows: a timer for each would cost more than the rest of the row.
        """
        loop = asyncio.get_running_loop()
        pause = min(POLL_SECONDS, self._deadline / 10)
        while True:
            await asyncio.sleep(pause)
            begun = loop.time() - self._deadline
            for task, job in list(self._at_work.items()):
                if job.since < begun and not job.held and task not in self._late:
                    self._late.add(task)
                    task.cancel()
            busy, self._busy = self._busy, []
            for job in busy:
                if job.since < begun:
                    self._settle(job, self._too_late())
            if waiting := [job for job in busy if job.since >= begun]:
                await self._look(waiting)

    def _too_late(self) -> Bad:
        return Bad("deadline", f"no usable answer within {self._deadline:g} s", "")


async def _first_error(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Return never, but end all the tasks when the first one fails, and raise what it raised."""
    rest: set[asyncio.Task[None]] = set(tasks)
    while rest:
        done, rest = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                for other in rest:
                    other.cancel()  # at once: nothing more is sent
            task.result()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
