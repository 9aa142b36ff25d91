"""Opening what an LLM annotator needs, and closing it whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from annotators.llm.config import LLMConfig
from annotators.llm.spending.cost import cost_of
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from pathlib import Path

    from annotators.llm.annotator import LLMAnnotator
    from schemas.config import Spending
    from schemas.protocols import Progress
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
) -> AsyncIterator[LLMAnnotator]:
    """The annotator that `config` describes, ready to annotate.

    `tasks` are checked against the configuration before anything is started. `store_path` is the response store,
    `workspace` a folder for the weights of bundled models, `log_dir` where the server of a bundled model writes its
    own log (see LocalServer). `retry_failed` asks dead letters again.

    Raises:
        RecipeError: the configuration does not fit the tasks, or names what there is not.
        DsbuildError: a key is missing, the local server does not start, the store cannot be used, or a budget is set
            and nobody knows what the model costs.
    """
    from annotators.llm.annotator import LLMAnnotator
    from annotators.llm.local.card import load_card
    from annotators.llm.local.server import LocalServer
    from annotators.llm.questions import Questions
    from annotators.llm.responses.store import ResponseStore
    from annotators.llm.wire.transport import Transport

    groups = Questions.groups(config, tasks)
    cost = cost_of(config)
    if budget is not None and not cost.known:
        raise DsbuildError(
            f'The budget cannot hold for annotator "{config.name}": {cost.note}.',
            fix="Give its price in the recipe: price: {input: ..., output: ...}, in USD per million tokens.",
        )
    async with AsyncExitStack() as stack:
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
            )
        )
        yield LLMAnnotator(config, store, transport, progress=progress, retry_failed=retry_failed, budget=budget)
