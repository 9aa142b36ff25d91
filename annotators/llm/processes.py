"""Several processes that annotate as one: for servers that answer faster than one process can ask.

The parent hands out whole batches, in order, to whichever process has room for one more; each asks, reads and stores
as a single process does, and hands back the batch's output. So the outputs are those of a single process, byte for
byte. The store's claims keep two of them from asking the same; the budget is shared through its ledger.

Parent and children speak over the children's standard input and output, in pickles with their length before them. A
child whose input ends stores what it has and ends too, so none is left when the parent is killed.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import struct
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas.errors import DsbuildError
from schemas.protocols import AnnotatorOutput

if TYPE_CHECKING:
    from annotators.llm.annotator import LLMAnnotator
    from annotators.llm.config import LLMConfig
    from annotators.llm.seen import Seen
    from annotators.llm.shots.library import Library
    from schemas.config import Spending
    from schemas.protocols import Numbered, Progress
    from schemas.task import Task

_LENGTH: Final = struct.Struct("<Q")
GRACE_SECONDS: Final = 10.0  # for a child to store what it has


@dataclass(frozen=True)
class Order:
    """What a child is told at first: everything an annotator is built from, its share of the limits in `config`."""

    config: LLMConfig
    tasks: Sequence[Task]
    store: Path
    workspace: Path
    logs: Path | None
    budget: Spending | None
    counted: Seen
    library: Library | None
    retry_failed: bool
    total: int


class Processes:
    """An annotator (see schemas.protocols) that is `config.processes` processes; made by `annotators.llm.build`.

    `count` puts on the budget what is stored already, and says which answers that were.
    """

    kind = "llm"

    def __init__(
        self,
        config: LLMConfig,
        store: Path,
        workspace: Path,
        *,
        logs: Path | None,
        budget: Spending | None,
        library: Library | None,
        folder: Callable[[str], Path],
        retry_failed: bool,
        progress: Progress | None,
        count: Callable[[Sequence[Task], Callable[[], Iterator[Numbered]]], Any],
    ) -> None:
        self.name = config.name
        self.config = config
        self._store = store
        self._workspace = workspace
        self._logs = logs
        self._budget = budget
        self._library = library
        self._folder = folder
        self._retry_failed = retry_failed
        self._progress = progress
        self._count = count

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """As LLMAnnotator.annotate; a single batch has work for a single process."""
        result = AnnotatorOutput()
        async with aclosing(self.annotate_all(lambda: iter([(0, items)]), tasks, items.height)) as outputs:
            async for _, _, output in outputs:
                result = output
        self.config.judge(result.figures, lambda: result.dead_letters)
        return result

    async def annotate_all(
        self, batches: Callable[[], Iterator[Numbered]], tasks: Sequence[Task], total: int
    ) -> AsyncGenerator[tuple[int, pl.DataFrame, AnnotatorOutput]]:
        """As LLMAnnotator.annotate_all.

        Raises:
            DsbuildError: a process says so, or is gone.
        """
        order = Order(
            self._share(),
            tasks,
            self._store.absolute(),
            self._workspace.absolute(),
            None if self._logs is None else self._logs.absolute(),
            self._budget,
            await self._count(tasks, batches),
            None if self._library is None else self._library.portable(),
            self._retry_failed,
            total,
        )
        rest = self._attached(batches())
        out: dict[int, pl.DataFrame] = {}
        arrived: asyncio.Queue[tuple[int, AnnotatorOutput] | BaseException | None] = asyncio.Queue()
        shown: list[tuple[int, dict[str, Any]]] = [(0, {})] * self.config.processes

        def show(child: int, done: int, figures: dict[str, Any]) -> None:
            shown[child] = (done, figures)
            if self._progress is not None:
                sums: Counter[str] = Counter()
                for _, more in shown:
                    sums.update({name: value for name, value in more.items() if isinstance(value, int | float)})
                self._progress(sum(done for done, _ in shown), total * self.config.samples, **sums)

        async def serve(child: int) -> None:
            """Give one child what it asks for, until there is nothing more."""
            process = await _start(order)
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                while True:
                    said = await _read(process.stdout)
                    if said is None:
                        raise DsbuildError(
                            f'A process of annotator "{self.name}" is gone (exit {await process.wait()}).',
                            fix="Run again; what was answered is not asked again.",
                        )
                    kind, *more = said
                    if kind == "more":
                        given = next(rest, None)
                        if given is not None:
                            out[given[0]] = given[1]
                        await _write(process.stdin, given if given is None else (given[0], *given[2:]))
                    elif kind == "shows":
                        show(child, *more)
                    elif kind == "made":
                        arrived.put_nowait((more[0], more[1]))
                    elif kind == "fails":
                        error, what, where, fix = more
                        raise error(what, where=where, fix=fix)
                    elif kind == "breaks":
                        raise RuntimeError(f"A process of annotator {self.name!r} failed:\n{more[0]}")
                    else:
                        return
            finally:
                await _surely(_end(process))

        async def all_of_them() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for child in range(self.config.processes):
                        group.create_task(serve(child))
                arrived.put_nowait(None)
            except BaseExceptionGroup as errors:
                arrived.put_nowait(_first(errors))

        children = asyncio.create_task(all_of_them())
        try:
            while (one := await arrived.get()) is not None:
                if isinstance(one, BaseException):
                    raise one
                number, output = one
                yield number, out.pop(number), output
        finally:
            children.cancel()
            with suppress(asyncio.CancelledError):
                await children

    def _share(self) -> LLMConfig:
        """The configuration of one process: its share of what may be in flight and of the limits per minute."""
        many = self.config.processes
        limits = {
            name: limit / many
            for name in ("requests_per_minute", "tokens_per_minute")
            if (limit := getattr(self.config, name)) is not None
        }
        shared = {"processes": 1, "concurrency": -(-self.config.concurrency // many), **limits}
        return self.config.model_copy(update=shared)

    def _attached(
        self, batches: Iterator[Numbered]
    ) -> Iterator[tuple[int, pl.DataFrame, pl.DataFrame, dict[str, Path]]]:
        """Each batch with its number, once as it came and once to be sent, and where the files of its corpora lie."""
        for number, items in batches:
            folders: dict[str, Path] = {}
            if self.config.attaches:
                folders = {corpus: self._folder(corpus).absolute() for corpus in items["corpus"].unique().sort()}
            yield number, items, items, folders


def _first(errors: BaseExceptionGroup) -> BaseException:
    """Of several errors the one to tell: one about the run rather than that another process had to stop for it."""
    flat: list[BaseException] = []
    for error in errors.exceptions:
        flat += [_first(error)] if isinstance(error, BaseExceptionGroup) else [error]
    return next((error for error in flat if isinstance(error, DsbuildError)), flat[0])


async def _start(order: Order) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "annotators.llm.processes",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)},
    )
    assert process.stdin is not None
    await _write(process.stdin, order)
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the child's input, which ends it; one that does not end is killed."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _surely(ending: Coroutine[Any, Any, None]) -> None:
    """Do it to its end, even if the task is cancelled meanwhile: no child is left behind for being in a hurry."""
    task = asyncio.ensure_future(ending)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _write(stream: asyncio.StreamWriter, message: Any) -> None:
    packed = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    with suppress(BrokenPipeError, ConnectionResetError):  # why it is gone is said where its words are read
        stream.write(_LENGTH.pack(len(packed)) + packed)
        await stream.drain()


async def _read(stream: asyncio.StreamReader) -> Any:
    """The next message; null at the end of the stream."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return pickle.loads(await stream.readexactly(length))  # written by our own other half
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None


class Child:
    """The other half: one process of several."""

    def __init__(self, given: asyncio.StreamReader, said: int) -> None:
        self._given = given
        self._said = said
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._batches: asyncio.Queue[tuple[int, pl.DataFrame, dict[str, Path]] | None] = asyncio.Queue()
        self._folders: dict[str, Path] = {}

    async def run(self) -> None:
        """Do what the parent says until it has nothing more, or is gone."""
        order = await _read(self._given)
        if order is None:
            return
        speaking = asyncio.create_task(self._speak())
        working = asyncio.create_task(self._work(order))
        hearing = asyncio.create_task(self._hear())
        await asyncio.wait([working, hearing, speaking], return_when=asyncio.FIRST_COMPLETED)
        for task in (working, hearing):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await working
        if not speaking.done():
            self._messages.put_nowait(None)
        await asyncio.wait([speaking], timeout=GRACE_SECONDS)

    async def _hear(self) -> None:
        """Batches as they come; returns when the parent closes the pipe or is gone."""
        while not self._given.at_eof():
            message = await _read(self._given)
            if message is None and self._given.at_eof():
                return
            self._batches.put_nowait(message)

    async def _speak(self) -> None:
        while (message := await self._messages.get()) is not None:
            packed = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
            try:
                await asyncio.to_thread(_write_all, self._said, _LENGTH.pack(len(packed)) + packed)
            except BrokenPipeError:
                return

    async def _work(self, order: Order) -> None:
        try:
            await self._annotate(order)
            self._messages.put_nowait(("done",))
        except DsbuildError as error:
            self._messages.put_nowait(("fails", type(error), error.what, error.where, error.fix))
        except Exception:  # noqa: BLE001  # told whole to the parent, which raises it
            import traceback

            self._messages.put_nowait(("breaks", traceback.format_exc()))

    async def _annotate(self, order: Order) -> None:
        from annotators.llm.build import build

        async with build(
            order.config,
            tasks=order.tasks,
            store_path=order.store,
            workspace=order.workspace,
            log_dir=order.logs,
            budget=order.budget,
            library=order.library,
            folder=self._folder,
            retry_failed=order.retry_failed,
            progress=self._show,
        ) as annotator:
            one: LLMAnnotator = annotator  # type: ignore[assignment]  # its share is of one process
            outputs = one.annotate_stream(self._more(), order.tasks, order.total, order.counted)
            async with aclosing(outputs) as made:
                async for number, _, output in made:
                    self._messages.put_nowait(("made", number, output))

    async def _more(self) -> AsyncIterator[Numbered]:
        while True:
            self._messages.put_nowait(("more",))
            given = await self._batches.get()
            if given is None:
                return
            number, items, folders = given
            self._folders |= folders
            yield number, items

    def _folder(self, corpus: str) -> Path:
        return self._folders[corpus]

    def _show(self, done: int, total: int, **figures: Any) -> None:
        self._messages.put_nowait(("shows", done, figures))


def _write_all(to: int, packed: bytes) -> None:
    view = memoryview(packed)
    while view:
        view = view[os.write(to, view) :]


async def _main(said: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await Child(reader, said).run()


if __name__ == "__main__":
    # Ctrl-C and its like reach every process of a terminal; what they mean is the parent's to decide.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    words = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no message
    asyncio.run(_main(words))
