"""What models cost to ask: the shipped table, and files of the same form that a user keeps."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence

# A provider's dated snapshot of a model: gpt-4o-2024-08-06, claude-haiku-4-5-20251001.
_SNAPSHOT: Final = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


class ListedPrice(BaseModel):
    """A row of a price table: USD per million tokens of input and output at `host` (null: wherever it is asked).

    `cached_input` is what the part of a prompt costs that the provider still had, `batch_input` and `batch_output`
    what its batch API bills; null where that is not known. `source` says where the figures were read, `seen` when.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()
    host: str | None = None
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    batch_input: float | None = Field(default=None, ge=0)
    batch_output: float | None = Field(default=None, ge=0)
    seen: date | None = None
    source: str | None = None

    @property
    def origin(self) -> str:
        """Where the figures come from, in words."""
        return f"{self.source}, seen {self.seen}" if self.seen else str(self.source)


_TABLE: Final = TypeAdapter(tuple[ListedPrice, ...])


@cache
def price_table() -> tuple[ListedPrice, ...]:
    """The shipped price table."""
    text = (files("annotators.llm.spending") / "prices.yaml").read_text(encoding="utf-8")
    return _TABLE.validate_python(yaml.safe_load(text))


def read_prices(path: Path) -> tuple[ListedPrice, ...]:
    """A user's own price table: a list of rows as in the shipped one, of which `model`, `input` and `output` have to be
    there.

    Raises:
        RecipeError: the file cannot be read or is no such list; said with the row and the key.
    """
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"The price file cannot be read: {error.strerror}.",
            where=str(path),
            fix="Name an existing file in prices (recipe) or DSBUILD_PRICES.",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"The price file is not YAML: {' '.join(str(error).split())}.", where=str(path)) from error
    try:
        found = _TABLE.validate_python(rows)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise RecipeError(
            f"The price file is no list of prices: {place or 'the file'}: {fault['msg']}.",
            where=str(path),
            fix="A row is, for example: - {model: gpt-4o, host: api.openai.com, input: 2.5, output: 10}, in USD per"
            " million tokens.",
        ) from error
    return tuple(row if row.source else row.model_copy(update={"source": path.name}) for row in found)


def find_price(model: str, host: str | None, table: Sequence[ListedPrice]) -> ListedPrice | None:
    """The row of `table` for `model` at `host`; with `host` None, the first for the model wherever it is asked.

    A model goes by its own name, without its owner's (`openai/gpt-oss-120b`) and, where the table has no row of that
    very name, without the date of a snapshot.
    """
    name = model.rpartition("/")[2].lower()
    for wanted in dict.fromkeys((name, _SNAPSHOT.sub("", name))):
        for row in table:
            if host is not None and row.host not in (None, host):
                continue
            if wanted in (row.model.rpartition("/")[2].lower(), *(alias.lower() for alias in row.aliases)):
                return row
    return None
