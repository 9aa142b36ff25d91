"""The sentences of prompts in other languages, and what languages are called.

Templates and rules hold English sentences, `_("...")`; a file phrases/CODE.yaml maps each of them to its translation.
What has none stays English.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Protocol

import yaml

ENGLISH = "en"


class Say(Protocol):
    """An English sentence in the language of the prompt, with `values` put in for {names}."""

    def __call__(self, sentence: str, **values: str) -> str: ...


def primary(language: str) -> str:
    """The primary subtag of a BCP 47 tag: pt of pt-BR."""
    return language.partition("-")[0].lower()


@cache
def translated() -> tuple[str, ...]:
    """The languages that prompts' sentences are translated into, by their codes."""
    folder = files("annotators.llm.strategies") / "phrases"
    names = {entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return tuple(sorted(names - {"languages"}))


@cache
def phrases(language: str) -> Mapping[str, str]:
    """The sentences in `language` by the English ones; empty where there are none."""
    code = primary(language)
    return _read(code) if code in translated() else {}


@cache
def say_in(language: str) -> Say:
    """The function that says English sentences in `language`."""
    known = phrases(language)

    def say(sentence: str, **values: str) -> str:
        found = known.get(sentence, sentence)
        return found.format_map(values) if values else found

    return say


@cache
def language_name(code: str) -> str | None:
    """The English name of a language; null where the list has none."""
    return _read("languages").get(primary(code))


@cache
def translation_field(code: str) -> str:
    """The name of the field of an answer that holds a text in this language: "english", "marathi", "translation"."""
    name = language_name(code)
    return "translation" if name is None else name.lower().replace(" ", "_")


@cache
def translation_fields() -> frozenset[str]:
    """Every such name."""
    return frozenset(map(translation_field, _read("languages"))) | {"translation"}


def pivot_name(code: str, say: Say) -> str:
    """What the language to translate into is called in the prompt: its name, or the code where it has none."""
    name = language_name(code)
    if name is None:
        return code
    said = say(name)
    return said if primary(code) == code else f"{said} ({code})"


@cache
def _read(name: str) -> dict[str, str]:
    path = files("annotators.llm.strategies") / "phrases" / f"{name}.yaml"
    found: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
