"""What a recipe says about a lexicon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from annotators.lexicon.norms import DIMENSIONS, LICENCES, Dimension, Named
from schemas.config import AnnotatorConfig, AnnotatorEnv
from schemas.protocols import Annotator
from schemas.task import Task


class LexiconConfig(AnnotatorConfig):
    """An entry of the recipe's `annotate` for the lexicon.

    Labels: `categories` is a file of words and emotions (in the form of NRC's Emotion Lexicon) instead of the shipped
    words. `without_words` is what a text without any emotion word gets: "pass" (default) answers nothing, since a
    missing word is no evidence; "exclusive" gives the taxonomy's label for that (neutral); "none" says none of the
    labels.

    Numbers: `vad` is a file of the valence, arousal and dominance of words (in the form of NRC-VAD), `norms` names one
    that needs no file instead: "tone" (valence), "emobank" (all three, CC BY-SA 4.0), "vader" (valence, from the
    package vaderSentiment). `scale` is the file's lowest and highest number, where its header does not say it.
    `dimensions` says which dimension a scale task asks for, where its name does not.

    `languages` are those the files are for (default: every text is looked at). `top` adds the by-product
    `emotion_topk`, so many of the labels found, most words first; `cause_words` so many words of the first of them.
    """

    shares: ClassVar[tuple[str, ...]] = ("annotators.rows",)

    kind: Literal["lexicon"] = "lexicon"
    without_words: Literal["pass", "exclusive", "none"] = "pass"
    categories: Path | None = None
    vad: Path | None = None
    norms: Named | None = None
    scale: tuple[float, float] | None = None
    dimensions: dict[str, Dimension] = Field(default={})
    languages: tuple[str, ...] | None = None
    top: int = Field(default=0, ge=0, le=50)
    cause_words: int = Field(default=0, ge=0, le=50)

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.vad is not None and self.norms is not None:
            raise ValueError("give `vad`, a file of norms, or `norms`, the name of some, but not both")
        if self.scale is not None and (self.vad is None or not self.scale[0] < self.scale[1]):
            raise ValueError("`scale` is the lowest and the highest number of the file that `vad` names")
        return self

    def dimension(self, task: Task) -> Dimension | None:
        """What the scale `task` asks for: as `dimensions` says, else the one dimension its name holds."""
        words = set(re.findall("[a-z]+", task.name.lower()))
        named: list[Dimension] = [one for one in DIMENSIONS if one in words]
        return self.dimensions.get(task.name, named[0] if len(named) == 1 else None)

    def cannot(self, task: Task) -> str | None:
        """It gives labels of a closed set, and numbers of the three dimensions it has norms of."""
        if task.kind in ("choice", "multi"):
            return None
        if task.kind != "scale":
            return (
                f"a lexicon gives labels and the mean of its words' numbers, so it answers tasks of the kinds choice, "
                f"multi and scale; {task.name} is {task.kind}"
            )
        if self.vad is None and self.norms is None:
            named = ", ".join(LICENCES)
            return (
                f"for the scale {task.name} a lexicon needs norms: name a file in `vad`, or in `norms` one of {named}"
            )
        wanted = self.dimension(task)
        if wanted is None:
            return (
                f"nothing says whether {task.name} is valence, arousal or dominance: "
                f"dimensions: {{{task.name}: valence}}"
            )
        if self.norms in ("tone", "vader") and wanted != "valence":
            return f'the norms "{self.norms}" have valence only, and {task.name} is {wanted}'
        return None

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """The contents of the files and of the norms by name."""
        from annotators.lexicon.norms import named_norms
        from annotators.lexicon.tables import sha256_of

        files = {key: sha256_of(path) for key in ("categories", "vad") if (path := getattr(self, key)) is not None}
        if self.norms is not None:
            files["norms"] = named_norms(self.norms).identity
        return files

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; there is nothing to start or stop."""
        from annotators.lexicon.annotator import LexiconAnnotator

        return nullcontext(LexiconAnnotator(self))
