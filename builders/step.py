"""What the steps that ship with dsbuild share: how a recipe's shorthand becomes their options."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class StepOptions(BaseModel):
    """The options of a step, as an entry of the recipe's `build` gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_recipe(cls, value: Any) -> Self:
        """A step from what stands after its name: nothing (`- normalise`), or a mapping of options.

        Raises:
            ValueError: an option is unknown or does not fit (pydantic's ValidationError is one).
        """
        if value is None:
            return cls()
        if not isinstance(value, dict):
            raise ValueError(f"options are a mapping, {{{', '.join(cls.model_fields)}}}, not {value!r}")
        return cls.model_validate(value)
