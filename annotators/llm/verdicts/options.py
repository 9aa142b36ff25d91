"""Whether what a recipe says about samples, votes and packs goes together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.verdicts.consensus import VOTED
from schemas.errors import RecipeError

if TYPE_CHECKING:
    from annotators.llm.config import LLMConfig
    from schemas.task import Task

SELF_CONSISTENCY: Final = "self_consistency"
_SAMPLES: Final = 5
_TEMPERATURE: Final = 0.7


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the recipe; where its strategy is self_consistency, with a vote of 5 samples at temperature 0.7,
    unless it says otherwise."""
    entry = dict(given)
    if entry.get("strategy") != SELF_CONSISTENCY:
        return entry
    params = entry.get("params", {})
    if isinstance(params, Mapping):
        entry["params"] = {"temperature": _TEMPERATURE, **params}
    return {"vote": True, "samples": _SAMPLES, **entry}


def check(config: LLMConfig) -> None:
    """Raises RecipeError where the options contradict each other."""
    if config.vote and config.samples < 2:
        raise RecipeError("`vote` is taken among several samples, and there is one.", fix="Set samples: 5.")
    if config.vote and config.params.temperature == 0:
        raise RecipeError(
            "`vote` needs samples that differ, and at temperature 0 all are the same.",
            fix="Set params: {temperature: 0.7}.",
        )
    if config.items_per_prompt == 1:
        return
    if not config.follows_instructions:
        raise RecipeError(
            "A base model cannot be told to answer about several items.", fix="Leave items_per_prompt out."
        )
    if config.language == "item":
        raise RecipeError(
            "Several items in a prompt share its language.", fix="Name it in language, or leave items_per_prompt out."
        )
    if config.logprobs:
        raise RecipeError(
            "The probability of an answer is measured on one item at a time.",
            fix="Leave out logprobs or items_per_prompt.",
        )
    if not isinstance(config.shots, str | None) and config.shots.pick == "nearest":
        raise RecipeError(
            "Several items in a prompt share its examples, so none has examples of its own.",
            fix="Take pick: random, or leave items_per_prompt out.",
        )
    if config.sees:
        raise RecipeError(
            "What other annotators said is shown beside one item at a time.", fix="Leave out sees or items_per_prompt."
        )


def cannot(config: LLMConfig, task: Task) -> str | None:
    """Why `task` cannot be voted on or packed; null where it can, or need not be."""
    if config.vote and task.kind not in VOTED:
        return f"{task.name} is of kind {task.kind}, and `vote` is taken on: {', '.join(VOTED)}"
    if config.items_per_prompt > 1 and task.kind in ("pairwise", "span"):
        return f"{task.name} is of kind {task.kind}, which is asked about one item at a time, without items_per_prompt"
    return None
