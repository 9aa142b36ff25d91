"""A stranger's step and annotator work exactly as ours do: by an entry point, and by nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from audits.aggregate import Method as Rule
from audits.methods import METHODS, all_methods
from dsbuild.recipe import BadRecipe, dump, load
from dsbuild.recipe.plugins import _points

Write = Callable[..., str]

CODE = """
from pathlib import Path
from typing import Literal
from pydantic import BaseModel, ConfigDict
from schemas.config import AnnotatorConfig
from schemas.errors import DsbuildError

class Shout(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    times: int = 1
    table: Path | None = None

    @classmethod
    def from_recipe(cls, value):
        if value == 0:
            raise DsbuildError("Zero times is silence.", fix="Leave the step out.")
        return cls(times=value) if isinstance(value, int) else cls.model_validate(value or {})

class Oracle(AnnotatorConfig):
    kind: Literal["oracle"] = "oracle"
    wisdom: float

class NoStep:
    pass
"""


@pytest.fixture
def stranger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that somebody else has installed: its module and its metadata."""
    site = tmp_path_factory.mktemp("site")
    (site / "stranger_plugin.py").write_text(CODE, encoding="utf-8")
    info = site / "stranger_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-plugin\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[dsbuild.steps]\nshout = stranger_plugin:Shout\nno_step = stranger_plugin:NoStep\n"
        "broken = stranger_gone:Step\n"
        "[dsbuild.annotators]\noracle = stranger_plugin:Oracle\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    _points.cache_clear()
    yield site
    _points.cache_clear()
    sys.modules.pop("stranger_plugin", None)


def refusal(name: str) -> str:
    with pytest.raises(BadRecipe) as caught:
        load(name)
    return str(caught.value)


@pytest.mark.usefixtures("stranger")
def test_a_stranger_s_step_and_annotator_are_found_by_name(write: Write, folder: Path, recipe_text: str) -> None:
    text = recipe_text.replace("- normalise", "- shout\n  - shout: 3\n  - shout: {times: 2, table: t.csv}")
    text = text.replace("kind: llm, model: gpt-4o, strategy: cotr", "kind: oracle, wisdom: 0.5")

    recipe = load(write(text)).recipe

    assert [dump(step, folder) for step in recipe.build[:3]] == [
        {"shout": {"times": 1, "table": None}},
        {"shout": {"times": 3, "table": None}},
        {"shout": {"times": 2, "table": "t.csv"}},
    ]
    assert recipe.build[2].step.model_dump()["table"] == folder / "t.csv"
    assert dump(recipe.annotate[0], folder) == {
        "name": "gpt",
        "kind": "oracle",
        "tasks": None,
        "on": {"splits": None, "corpora": None, "languages": None, "where": None, "sample": None},
        "wisdom": 0.5,
    }


@pytest.mark.usefixtures("stranger")
def test_mistakes_in_a_stranger_s_entry_have_a_place_too(write: Write, recipe_text: str) -> None:
    for wrong, said in (
        ("- shout: {tmies: 2}", 'r.yaml:12:13: build[0].shout.tmies: unknown key; did you mean "times"?'),
        ("- shout: {times: many}", 'r.yaml:12:20: build[0].shout.times: wanted a whole number, not "many"'),
        ("- shout: 0", "r.yaml:12:12: build[0].shout: Zero times is silence. Leave the step out."),
        ("- shuot", 'r.yaml:12:5: build[0]: there is no step "shuot"; did you mean "shout"?'),
    ):
        assert refusal(write(recipe_text.replace("- normalise", wrong))) == said
    text = recipe_text.replace("kind: llm, model: gpt-4o, strategy: cotr", "kind: oracle, wisdm: 0.5")
    assert refusal(write(text)) == 'r.yaml:16:31: annotate[0].wisdm: unknown key; did you mean "wisdom"?'


@pytest.mark.usefixtures("stranger")
def test_a_broken_plugin_is_named(write: Write, recipe_text: str) -> None:
    broken = refusal(write(recipe_text.replace("- normalise", "- broken")))
    assert 'The entry point "broken" of dsbuild.steps cannot be used' in broken
    assert "stranger_gone" in broken
    no_step = refusal(write(recipe_text.replace("- normalise", "- no_step")))
    assert "it is no pydantic model with a class method from_recipe" in no_step


def test_two_packages_with_one_name_are_a_conflict(stranger: Path, write: Write, recipe_text: str) -> None:
    points = stranger / "stranger_plugin-1.0.dist-info/entry_points.txt"
    points.write_text("[dsbuild.steps]\nnormalise = stranger_plugin:Shout\n", encoding="utf-8")
    importlib.invalidate_caches()
    _points.cache_clear()

    message = refusal(write(recipe_text))

    assert "several packages register it: builders.normalise:Normalise and stranger_plugin:Shout" in message


def test_the_methods_of_a_recipe_are_the_rules_of_the_audits() -> None:
    rules = get_args(get_args(Rule)[0])

    assert {rule.model_fields["rule"].default for rule in rules} == set(all_methods())
    assert {method for methods in METHODS.values() for method in methods} == set(all_methods())
