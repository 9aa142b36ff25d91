"""Editors get a JSON Schema that knows what the loader knows."""

from __future__ import annotations

import json
import subprocess
import sys

import yaml
from jsonschema import Draft202012Validator

from dsbuild.recipe.schema import json_schema


def test_the_schema_takes_a_recipe_and_refuses_what_the_loader_refuses(recipe_text: str) -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    # The loader's YAML leaves `on` a word; this one has to be told.
    recipe = yaml.load(recipe_text, Loader=yaml.BaseLoader)
    recipe["gold"][0]["suggest"]["share"] = 0.5
    recipe["build"][2]["deduplicate"]["near"] = 0.9
    recipe["gates"][0]["at_least"] = 0.6
    recipe["gates"][1].update(near=0.9, at_most=0)

    assert list(validator.iter_errors(recipe)) == []
    assert list(validator.iter_errors({"extends": "base.yaml"})) == []
    for change in (
        {"titel": "x"},
        {"build": ["normalize"]},
        {"build": [{"deduplicate": {"nera": 0.9}}]},
        {"annotate": [{"name": "x", "kind": "lmm"}]},
        {"tasks": [{"name": "x", "kind": "scales", "perspective": "reader"}]},
    ):
        assert list(validator.iter_errors({**recipe, **change})), change


def test_the_schema_is_printed_by_its_module() -> None:
    done = subprocess.run([sys.executable, "-m", "dsbuild.recipe.schema"], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["title"] == "Recipe"
