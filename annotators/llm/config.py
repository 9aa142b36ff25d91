"""What a recipe says about an LLM annotator."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from annotators.llm.media_options import Media
from annotators.llm.params import Params, Price
from annotators.llm.probe.config import Probe
from annotators.llm.shots.choice import Shots
from annotators.llm.verdicts import options as verdicts
from schemas.config import NAME, VARIABLE, AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from annotators.llm.strategies.options import Options
    from schemas.protocols import Annotator
    from schemas.task import Task

DEFAULT_BASE_URL = "https://api.openai.com/v1"
LOCAL = "local/"
LANGUAGE = r"^[a-z]{2,8}(-[A-Za-z0-9]{1,8})*$"  # a BCP 47 tag, or the word "item"
TOKENS_AN_ENTRY = 16  # "disappointment": "strongly", with quotes, in tokens of a few letters each
Personas = dict[Annotated[str, Field(pattern=NAME)], Annotated[str, Field(min_length=1, max_length=2000)]]
TOKENS_OF_REASONS = 384  # four long sentences, in scripts of which a token holds one letter or two
# Kinds of task whose labels, if they have any, do not say what is asked.
_UNSAID = ("scale", "span", "pairwise", "attributes")


class LLMConfig(AnnotatorConfig):
    """An LLM as an annotator.

    `model` is a name the endpoint knows, or `local/NAME` for a bundled model that is started and stopped for the run.
    `strategy` names the prompt template, `prompt` is a template file of one's own instead. `shots` is the name of a
    shipped file of examples or a path, or says how examples are picked (see `annotators.llm.shots.Shots`). `base_url`
    defaults to OPENAI_BASE_URL, else OpenAI's own; `api_key_env` names the variable that holds the key. Without it
    OPENAI_API_KEY is used, but only where the recipe names no `base_url`: a recipe cannot send that key to a server of
    its own choosing.

    `concurrency` is the most requests in flight, of all `processes` together, which use a core each (a bundled model
    and the batch API are asked by one); `max_attempts` how often a request that fails (not one that is told
    to wait) is sent; `timeout_s` bounds one request and `deadline_s` one row, waiting included; `max_failed` is the
    share of dead letters above which the run fails. `instructed` is false for a base model, which is shown examples
    only; a bundled model's card says it. `price` overrides the price table.

    `requests_per_minute` and `tokens_per_minute` are limits to keep to, beside those that the server's headers tell;
    waiting for them counts towards no deadline. With `batch` everything is asked through the provider's batch API,
    which takes up to a day and often costs half.

    `samples` answers are asked for; with `vote` they become one (see `annotators.llm.verdicts.voting`), which the
    strategy self_consistency implies. `logprobs` asks for the probability of each token, which becomes the answer's
    `confidence`. `items_per_prompt` puts several items into one prompt; `checked_singly` of them are also asked one by
    one, to see what that changes (see `annotators.llm.packing`).

    `probe: {memory: N}` asks before the report whether the model knows N of the items, or their labels, by heart (see
    `annotators.llm.probe`); a node of its own does so, on the same budget.

    `media` shows the item's images and sounds (see `annotators.llm.media.Media`), `cues` what was measured on it: keys
    of the item's `extra`, such as pitch.

    What a strategy shows: `sees` names annotators whose answers enter the prompt; `persona` says in one line who is to
    answer, and `personas` {NAME: who} stands for one annotator for each of them, called ENTRY-NAME; `language` is that
    of the prompt, a code, or "item" for each item's own where the tasks have instructions in it; `pivot` is the
    language that cotr translates into, `original` whether translate_then_label shows the text itself too, `stimulus`
    what emotion_prompt (EP01 to EP11) and negative_prompt (NP01 to NP10) put behind the question.
    """

    shares: ClassVar[tuple[str, ...]] = ("annotators.media", "annotators.sound")
    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {
            "concurrency",
            "processes",
            "max_attempts",
            "timeout_s",
            "deadline_s",
            "api_key_env",
            "price",
            "max_failed",
            "probe",
            "batch",
            "requests_per_minute",
            "tokens_per_minute",
        }
    )

    kind: Literal["llm"] = "llm"
    model: str = Field(min_length=1)
    strategy: str = Field(default="direct", pattern=r"^[a-z][a-z0-9_]*$")
    prompt: Path | None = None
    shots: str | Shots | None = None
    sees: tuple[str, ...] = ()
    media: Media | None = None
    cues: tuple[str, ...] = ()
    persona: str | None = Field(default=None, min_length=1, max_length=2000)
    personas: Personas = Field(default={})
    language: str = Field(default="en", pattern=LANGUAGE)
    pivot: str = Field(default="en", pattern=LANGUAGE)
    original: bool = True
    stimulus: tuple[str, ...] = ()
    base_url: str | None = None
    api_key_env: str | None = Field(default=None, pattern=VARIABLE)
    params: Params = Params()
    samples: int = Field(default=1, ge=1, le=100)
    vote: bool = False
    logprobs: bool = False
    items_per_prompt: int = Field(default=1, ge=1, le=100)
    checked_singly: int = Field(default=50, ge=0)
    concurrency: int = Field(default=32, ge=1, le=4096)
    processes: int = Field(default=1, ge=1, le=64)
    max_attempts: int = Field(default=6, ge=1)
    max_failed: float = Field(default=0.5, ge=0, le=1)
    timeout_s: float = Field(default=120, gt=0)
    deadline_s: float = Field(default=600, gt=0)
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    batch: bool = False
    instructed: bool | None = None
    price: Price | None = None
    probe: Probe | None = None

    @field_validator("stimulus", mode="before")
    @classmethod
    def _one_stands_for_a_list(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _fits_its_strategy(self) -> Self:
        self.options.check()
        if self.batch and self.local is not None:
            raise ValueError("batch is for a provider's batch API; a bundled model has none")
        verdicts.check(self)
        if self.probe is not None and not self.follows_instructions:
            raise ValueError("`probe` needs a model that follows instructions; a base model does not")
        if self.persona is not None and self.personas:
            raise ValueError("`persona` is one, `personas` are several: give one of the two")
        if self.attaches and not self.follows_instructions:
            raise ValueError("a base model is shown plain texts only, without `media` and `cues`")
        if self.attaches and self.items_per_prompt > 1:
            raise ValueError("`media` and `cues` belong to one item, so `items_per_prompt` must be 1")
        return self

    @model_validator(mode="before")
    @classmethod
    def _implied_by_its_strategy(cls, given: Any) -> Any:
        return verdicts.with_defaults(given) if isinstance(given, Mapping) else given

    def shots_fault(self, scored: Iterable[str]) -> str | None:
        """Why its examples must not be shown to its items, where a recipe scores the splits `scored` too; null where
        they may (see `annotators.llm.shots.Shots.fault`)."""
        return self.shots.fault(self.on.splits, scored) if isinstance(self.shots, Shots) else None

    @property
    def reads(self) -> tuple[str, ...]:
        """Whose answers enter the prompt, beside an item or as examples."""
        corpus = self.shots.corpus if isinstance(self.shots, Shots) else None
        return tuple(dict.fromkeys((*self.shown_answers, *([] if corpus is None else [corpus]))))

    @property
    def shown_answers(self) -> tuple[str, ...]:
        """Whose answers enter the prompt."""
        return self.sees

    @property
    def answers_each(self) -> int:
        """One where the samples vote, else as many as there are samples."""
        return 1 if self.vote else self.samples

    def expanded(self) -> tuple[Self, ...]:
        """The annotators that this entry stands for: itself, or one for each of its personas."""
        return tuple(
            self.model_copy(update={"name": f"{self.name}-{name}", "persona": who, "personas": {}})
            for name, who in self.personas.items()
        ) or (self,)

    @property
    def options(self) -> Options:
        """What is set beside the strategy, to be held against it."""
        from annotators.llm.strategies.options import Options

        return Options(
            strategy=self.strategy,
            own=self.prompt,
            has_shots=self.shots is not None,
            samples=self.samples,
            temperature=self.params.temperature,
            stimulus=self.stimulus,
            pivot=self.pivot,
            sees=self.sees,
            personas=(*self.personas.values(), *([self.persona] if self.persona is not None else [])),
            language=self.language,
            original=self.original,
            instructed=self.follows_instructions,
        )

    @property
    def follows_instructions(self) -> bool:
        """Whether the model can be told what to do; a base model can only be shown."""
        from annotators.llm.local.card import load_card, names

        if self.instructed is not None:
            return self.instructed
        return self.local is None or self.local not in names() or load_card(self.local).instructed

    @field_validator("base_url")
    @classmethod
    def _is_a_url_without_secrets(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, _, rest = url.partition("://")
        if scheme not in ("http", "https") or not rest:
            raise ValueError("base_url must begin with http:// or https://")
        if "@" in rest.partition("/")[0]:
            raise ValueError("base_url must not hold a user or a password; name the key's variable in api_key_env")
        return url

    @property
    def local(self) -> str | None:
        """The name of the bundled model, if it is one."""
        return self.model.removeprefix(LOCAL) if self.model.startswith(LOCAL) else None

    def endpoint(self) -> str:
        """The base URL, as written in the recipe or in OPENAI_BASE_URL."""
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL

    def api_key(self) -> str | None:
        """The key from the environment; null where the recipe names an endpoint and no key for it.

        Raises:
            DsbuildError: the variable that should hold the key is not set.
        """
        name = self.api_key_env or ("OPENAI_API_KEY" if self.base_url is None else None)
        if name is None:
            return None
        key = os.environ.get(name, "").strip()
        if not key:
            raise DsbuildError(
                f'The key for annotator "{self.name}" is missing: the environment variable {name} is not set.',
                where=self.endpoint(),
                fix=f"Set it (export {name}=...), or name another one in api_key_env.",
            )
        if not key.isascii() or not key.isprintable():
            raise DsbuildError(
                f"The key in the environment variable {name} holds characters that no key has.",
                fix="Copy it again, without line breaks.",
            )
        return key

    def priced(self, prices: Path) -> Self:
        """The same with its price from the file `prices`, where that has one and the entry gives none of its own."""
        from annotators.llm.spending.prices import find_price, read_prices

        table = read_prices(prices)
        if self.price is not None or self.local is not None:
            return self
        listed = find_price(self.model, urlsplit(self.endpoint()).hostname or "", table)
        if listed is None:
            return self
        given = listed.model_dump(include={"input", "output", "cached_input", "batch_input", "batch_output"})
        return self.model_copy(update={"price": Price(**given, source=listed.origin)})

    def cannot(self, task: Task) -> str | None:
        """A curve over time is more than a chat answers, and a number means nothing to who is not told of what."""
        if task.kind == "trace":
            return f"an LLM gives no value for every moment, so it cannot answer {task.name}, which is a trace"
        if task.kind in _UNSAID and not task.instructions:
            return f"an LLM has to be told what {task.name} asks; give the task instructions"
        return self.options.cannot(task) or verdicts.cannot(self, task)

    def judge(self, figures: Mapping[str, Any], dead_letters: Callable[[], pl.DataFrame]) -> None:
        """Hold the figures of all that was annotated so far against `max_failed`."""
        asked, dead = figures.get("asked", 0), figures.get("dead_letters", 0)
        if dead <= self.max_failed * asked:
            return
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(figures["reasons"].items()))
        first = dead_letters().sort("item_id", "detail").row(0, named=True)
        raw = first["raw"] or ""
        said = f"; the answer was {json.dumps(raw[:120], ensure_ascii=False)}" if raw else ""
        raise DsbuildError(
            f'Annotator "{self.name}" has no usable answer to {dead} of {asked} rows ({counts}).',
            where=f"item {first['item_id']}",
            fix=f"There: {first['detail']}{said}. max_failed allows a share of {self.max_failed:g}.",
        )

    def params_for(self, tasks: Sequence[Task]) -> Params:
        """The sampling parameters: those of the recipe, with room in an answer for a level of every label, for every
        attribute and for the reasons a strategy asks for, where the recipe does not say how long an answer may be."""
        entries = sum(len(task.label_ids) for task in tasks if task.kind == "intensity")
        entries += sum(len(task.attributes) for task in tasks)
        room = TOKENS_AN_ENTRY * entries + TOKENS_OF_REASONS * self.options.reasons
        if not room or {"max_tokens", "max_completion_tokens"} & self.params.model_fields_set:
            return self.params
        return self.params.model_copy(update={"max_tokens": (self.params.max_tokens or 0) + room})

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """What besides the options decides the answers: who is asked, and every word of the prompt."""
        from annotators.llm.questions import Questions
        from annotators.llm.strategies.prompt import prompt_hash

        return {
            "asked": [
                [group.identity, prompt_hash(group.prompt), *group.examples] for group in Questions.groups(self, tasks)
            ],
        }

    @property
    def attaches(self) -> bool:
        """Whether files or measures of an item enter its prompt."""
        return self.media is not None or bool(self.cues)

    def attached(self, items: pl.DataFrame, folder: Callable[[str], Path]) -> pl.DataFrame:
        """`items` (ITEMS) with what of their files and measures enters the prompt, see `annotators.llm.media.attach`;
        `folder(corpus)` is where the files of a corpus lie."""
        if not self.attaches:
            return items
        from annotators.llm.media import attach

        return attach(items, self.media, self.cues, folder)

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator with its store and its connection; a bundled model's server runs until the context ends."""
        from annotators.llm.build import build
        from annotators.llm.shots.library import Library

        return build(
            self,
            tasks=tasks,
            store_path=env.store,
            workspace=env.cache,
            progress=env.progress,
            retry_failed=env.retry_failed,
            budget=env.budget,
            log_dir=env.logs,
            folder=env.folder,
            library=Library.of(env),
        )

    def estimate(self, env: AnnotatorEnv, tasks: Sequence[Task], items: pl.DataFrame) -> dict[str, Any]:
        """What annotating `items` would take; see `annotators.llm.spending.cost.estimate`."""
        from annotators.llm.spending.cost import estimate

        items = self.attached(items, env.folder)
        return estimate(self, items, tasks, store_path=env.store if env.store.exists() else None)

    def plan(
        self, env: AnnotatorEnv, tasks: Sequence[Task], batches: Callable[[], Iterator[pl.DataFrame]]
    ) -> dict[str, Any]:
        """What annotating all the items would take, with a forecast where some of them have been asked; see
        `annotators.llm.spending.forecast.plan`."""
        from annotators.llm.shots.library import Library
        from annotators.llm.spending.forecast import plan

        store = env.store if env.store.exists() else None
        return plan(self, batches, tasks, store_path=store, library=Library.of(env))
