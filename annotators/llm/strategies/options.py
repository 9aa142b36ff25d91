"""Whether what a recipe sets beside a strategy fits it: every option is shown by it, and what it needs is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from annotators.llm.strategies.phrases import ENGLISH, primary, translated, translation_fields
from annotators.llm.strategies.prompt import OF_ITEM, shown_only
from annotators.llm.strategies.stimuli import stimuli
from annotators.llm.strategies.templates import chain_of, strategies, texts_of
from schemas.errors import RecipeError

if TYPE_CHECKING:
    from schemas.task import Task


@dataclass(frozen=True)
class Options:
    """What a recipe sets beside the strategy; `has_shots` and `sees` whether there are any shots and annotators to see,
    `instructed` whether the model follows instructions."""

    strategy: str = "direct"
    own: Path | None = None
    has_shots: bool = False
    samples: int = 1
    temperature: float | None = None
    stimulus: tuple[str, ...] = ()
    pivot: str = ENGLISH
    sees: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    language: str = ENGLISH
    original: bool = True
    instructed: bool = True

    def check(self) -> None:
        """Hold the options against the strategy's template.

        Raises:
            RecipeError: there is no such strategy or stimulus, the strategy does not show an option that is set, or it
                lacks what it needs.
        """
        chain = chain_of(self.strategy, self.own)
        if self.own is not None and self.strategy != "direct":
            raise RecipeError(
                f"`prompt` is a template of its own and `strategy: {self.strategy}` another: one of the two is asked.",
                fix=f'Leave strategy out; the template can begin with {{% extends "{self.strategy}.j2" %}}.',
            )
        settings = chain.declared
        for name, given in {
            "stimulus": bool(self.stimulus),
            "pivot": self.pivot != ENGLISH,
            "persona": bool(self.personas),
            "original": not self.original,
        }.items():
            if given and name not in chain.reads:
                raise RecipeError(
                    f"`{name}` is set, and the {chain.where} does not show it.",
                    fix=f"Leave it out, or take {_or(_showing(name))}.",
                )
        if self.sees and "seen" not in chain.reads:
            raise RecipeError(
                f"`sees` is set, and the {chain.where} does not show what other annotators said.",
                fix=f"Leave it out, or take {_or(_showing('seen'))}.",
            )
        if not self.instructed and settings.get("told"):
            raise RecipeError(
                f"The {chain.where} has to be told in words, and a base model is only shown examples.",
                fix=f"A base model can have: {', '.join(shown_only())}. Where the model does follow instructions, "
                "say `instructed: true`.",
            )
        for need in settings.get("needs", ()):
            self._needs(need, chain.where)
        self._stimuli(str(settings.get("stimuli", "")), chain.where)
        if any(len(persona.splitlines()) != 1 for persona in self.personas):
            raise RecipeError("A persona is one line that says who answers.", fix="Write it without line breaks.")

    def _needs(self, need: str, where: str) -> None:
        if need == "shots" and not self.has_shots:
            raise RecipeError(f"The {where} needs examples.", fix="Name a file of examples in `shots`.")
        if need in ("seen", "answer", "translation") and not self.sees:
            what = {"translation": "a translator", "answer": "the annotator whose answers it checks"}
            raise RecipeError(
                f"The {where} shows what other annotators said, and it sees none.",
                fix=f"Name {what.get(need, 'the annotators that give the hints')} in `sees`: sees: [NAME].",
            )
        if need == "samples" and (self.samples < 2 or self.temperature == 0):
            raise RecipeError(
                f"The {where} needs several samples that differ.",
                fix="Set samples: 5 and params: {temperature: 0.7}, or take cot for one answer.",
            )
        if need == "stimulus" and not self.stimulus:
            raise RecipeError(f"The {where} needs a stimulus.", fix="Name one or several: stimulus: NAME.")

    def _stimuli(self, prefix: str, where: str) -> None:
        names = [name for name in stimuli() if name.startswith(prefix)]
        for name in self.stimulus:
            if name not in names:
                raise RecipeError(f'The {where} has no stimulus "{name}".', fix=f"There are {names[0]} to {names[-1]}.")

    @property
    def reasons(self) -> int:
        """How many texts of a few sentences an answer holds beside a translation: reasons, clues."""
        chain = chain_of(self.strategy, self.own)
        settings = chain.declared
        texts = [texts_of(settings.get(name, ()), name, chain.where) for name in ("extra", "after")]
        return sum(name not in translation_fields() for some in texts for name in some)

    def cannot(self, task: Task) -> str | None:
        """Why `task` cannot be asked in this way; null where it can."""
        chain = chain_of(self.strategy, self.own)
        kinds: Sequence[str] = chain.declared.get("kinds", ())
        if kinds and task.kind not in kinds:
            return f"the {chain.where} is for tasks of kind {_or(kinds)}, and {task.name} is of kind {task.kind}"
        if not self.original and task.kind == "span":
            return f"{task.name} wants quotes from the text, which is not shown with `original: false`"
        if self.language not in (ENGLISH, OF_ITEM):
            known = {primary(one) for one in task.instructions}
            if primary(self.language) not in known | {*translated(), ENGLISH}:
                return (
                    f"{task.name} has no instructions in the language {self.language}, nor have prompts sentences in it"
                )
        return None


@cache
def _showing(variable: str) -> list[str]:
    """The strategies whose own template reads `variable`."""
    return [name for name in strategies() if variable in chain_of(name, None).reads]


def _or(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
