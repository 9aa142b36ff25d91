"""What a recipe says about how an LLM samples, and about what its tokens cost."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

# What a body says beside the parameters; two values would leave open what was asked, and of whom.
_OUR_FIELDS = frozenset(
    {"model", "messages", "response_format", "tools", "tool_choice", "n", "stream", "stream_options"}
)


class Params(BaseModel):
    """Sampling parameters, by the names the chat completions API gives them; what is null is not sent.

    `extra_body` holds fields of the request body that a server has beyond that API, as in the openai SDK. With several
    samples, the n-th (from 0) is asked with `seed + n`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    temperature: float | None = Field(default=0.0, ge=0, le=2)
    max_tokens: int | None = Field(default=256, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    reasoning_effort: str | None = None
    extra_body: dict[str, JsonValue] = {}

    @field_validator("extra_body")
    @classmethod
    def _adds_to_the_body(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(extra.keys() & (_OUR_FIELDS | (cls.model_fields.keys() - {"extra_body"})))
        if taken:
            raise ValueError(
                f"extra_body holds what a request has beside dsbuild's own fields, and {taken[0]} is one of these"
            )
        return extra

    @property
    def answer_tokens(self) -> int:
        """The most tokens an answer can have; what a budget reserves for it."""
        return self.max_completion_tokens or self.max_tokens or 4096

    def body(self) -> dict[str, JsonValue]:
        """The fields of the request body, `max_tokens` giving way to `max_completion_tokens`."""
        fields: dict[str, JsonValue] = self.model_dump(exclude_none=True, exclude={"extra_body"})
        if "max_completion_tokens" in fields:
            fields.pop("max_tokens", None)
        return fields | self.extra_body


class Price(BaseModel):
    """USD per million tokens of input and output, of input that the provider still had, and by its batch API (null:
    not known). `source` says where that was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    batch_input: float | None = Field(default=None, ge=0)
    batch_output: float | None = Field(default=None, ge=0)
    source: str | None = None
