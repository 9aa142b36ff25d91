"""The emotional stimuli that papers put behind a prompt, by their names there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml


@cache
def stimuli() -> Mapping[str, str]:
    """EP01 to EP11 (EmotionPrompt) and NP01 to NP10 (NegativePrompt), each with its words; sources are in the file."""
    text = (files("annotators.llm.strategies") / "stimuli.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return found
