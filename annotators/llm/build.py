"""Opening what an LLM annotator needs, and closing it whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from annotators.llm.config import LLMConfig
from annotators.llm.spending.cost import cost_of
from schemas.config import nowhere
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from pathlib import Path

    from annotators.llm.annotator import LLMAnnotator
    from annotators.llm.processes import Processes
    from annotators.llm.seen import Seen
    from annotators.llm.shots.library import Library
    from schemas.config import Spending
    from schemas.protocols import Numbered, Progress
    from schemas.task import Task


@asynccontextmanager
async def build(
    config: LLMConfig,
    *,
    tasks: Sequence[Task],
    store_path: Path,
    workspace: Path,
    progress: Progress | None = None,
    retry_failed: bool = False,
    budget: Spending | None = None,
    log_dir: Path | None = None,
    folder: Callable[[str], Path] = nowhere,
    library: Library | None = None,
) -> AsyncIterator[LLMAnnotator | Processes]:
    """The annotator that `config` describes, ready to annotate.

    `tasks` are checked against the configuration before anything is started. `store_path` is the response store,
    `workspace` a folder for the weights of bundled models, `log_dir` where the server of a bundled model writes its
    own log (see LocalServer), `folder(corpus)` is where the files of a corpus's media lie, `library` where examples
    come from. `retry_failed` asks dead letters again.

    Raises:
        RecipeError: the configuration does not fit the tasks, or names what there is not.
        DsbuildError: a key is missing, the local server does not start, the store cannot be used, or a budget is set
            and nobody knows what the model costs.
    """
    from annotators.llm.annotator import LLMAnnotator
    from annotators.llm.batch import BatchTransport
    from annotators.llm.local.card import load_card
    from annotators.llm.local.server import LocalServer
    from annotators.llm.questions import Questions
    from annotators.llm.responses.store import ResponseStore, stored_keys
    from annotators.llm.wire.transport import Transport

    groups = Questions.groups(config, tasks, library)
    cost = cost_of(config)
    if budget is not None and not cost.known:
        raise DsbuildError(
            f'The budget cannot hold for annotator "{config.name}": {cost.note}.',
            fix="Give its price in the recipe: price: {input: ..., output: ...}, in USD per million tokens.",
        )
    async with AsyncExitStack() as stack:
        if config.processes > 1 and config.local is None and not config.batch:
            from annotators.llm.processes import Processes

            if budget is not None and not getattr(budget, "shared", False):
                raise DsbuildError(f'The budget of annotator "{config.name}" cannot be shared between processes.')
            yield Processes(
                config,
                store_path,
                workspace,
                logs=log_dir,
                budget=budget,
                library=library,
                folder=folder,
                retry_failed=retry_failed,
                progress=progress,
                count=partial(_count, config, store_path, budget, library, folder),
            )
            return
        store = await stack.enter_async_context(ResponseStore(store_path))
        if config.local is None:
            url, key, most, before = config.endpoint(), config.api_key(), config.concurrency, None
        else:
            card = load_card(config.local)
            server = await stack.enter_async_context(LocalServer(card, workspace, log_dir))
            # No more in flight than the server has slots: its answers then depend on nothing asked beside them.
            url, key, most, before = server.base_url, server.key, min(config.concurrency, card.launch.n_parallel), None
            if card.restore_head and groups:
                await server.remember(groups[0].prompt.head)
                before = server.recall
        transport: Transport | BatchTransport
        if config.batch:
            transport = await stack.enter_async_context(
                BatchTransport(
                    url,
                    key,
                    model=config.model,
                    journal=store_path.with_name(f"{store_path.stem}.batches.sqlite"),
                    max_attempts=config.max_attempts,
                    key_name=config.api_key_env,
                    stored=partial(stored_keys, store_path),
                )
            )
        else:
            transport = await stack.enter_async_context(
                Transport(
                    url,
                    key,
                    model=config.model,
                    concurrency=most,
                    max_attempts=config.max_attempts,
                    timeout=config.timeout_s,
                    key_name=config.api_key_env,
                    before=before,
                    requests_per_minute=config.requests_per_minute,
                    tokens_per_minute=config.tokens_per_minute,
                )
            )
        yield LLMAnnotator(
            config,
            store,
            transport,
            progress=progress,
            retry_failed=retry_failed,
            budget=budget,
            folder=folder,
            library=library,
        )


async def _count(
    config: LLMConfig,
    store_path: Path,
    budget: Spending | None,
    library: Library | None,
    folder: Callable[[str], Path],
    tasks: Sequence[Task],
    batches: Callable[[], Iterator[Numbered]],
) -> Seen:
    """What is stored goes on the budget once, before the processes begin."""
    from annotators.llm.annotator import LLMAnnotator
    from annotators.llm.responses.store import ResponseStore
    from annotators.llm.seen import Seen
    from annotators.llm.wire.transport import Transport

    key = config.api_key()  # a missing one is told before anything is started
    if budget is None:
        return Seen()
    unused = Transport(config.endpoint(), key, model=config.model, concurrency=1)
    async with ResponseStore(store_path) as store:
        counting = LLMAnnotator(config, store, unused, budget=budget, folder=folder, library=library)
        return await counting.count_stored(tasks, batches)
