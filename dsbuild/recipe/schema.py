"""The JSON Schema of a recipe, for editors that complete and check YAML: `python -m dsbuild.recipe.schema`."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel

from dsbuild.recipe import plugins
from dsbuild.recipe.fields import EXTENDS
from dsbuild.recipe.model import Recipe


def json_schema() -> dict[str, Any]:
    """The schema of a recipe, with the annotators and steps of every package that is installed.

    Raises:
        DsbuildError: an installed plugin is broken.
    """
    schema = Recipe.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    annotators = [_add(plugins.annotator_class(kind), definitions) for kind in plugins.names(plugins.ANNOTATORS)]
    steps: list[dict[str, Any]] = []
    for name in plugins.names(plugins.STEPS):
        # A step's shorthand (`split: source`) is its own affair, so its options are only described here.
        options: dict[str, Any] = {"anyOf": [_add(plugins.step_class(name), definitions), {"type": ["string", "null"]}]}
        steps += [
            {"const": name},
            {"type": "object", "properties": {name: options}, "required": [name], "additionalProperties": False},
        ]
    schema["properties"]["annotate"]["items"] = {"anyOf": annotators}
    schema["properties"]["build"]["items"] = {"anyOf": steps}
    schema["properties"][EXTENDS] = {"type": "string", "description": "the path of a recipe that this one builds on"}
    # What another recipe may give is not required here.
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": [EXTENDS]}]
    # One name may stand for a list of one.
    for owner, key in (
        ("TaskEntry", "perspective"),
        ("TaskEntry", "where"),
        ("TaskEntry", "from"),
        ("AggregateEntry", "from"),
        ("AggregateEntry", "compare"),
        ("Suggestions", "from"),
    ):
        listed = definitions[owner]["properties"][key]
        definitions[owner]["properties"][key] = {"anyOf": [listed, listed["items"]]}
    instructions = definitions["TaskEntry"]["properties"]["instructions"]
    definitions["TaskEntry"]["properties"]["instructions"] = {"anyOf": [{"type": "string"}, instructions]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _add(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, str]:
    """Put the schema of `model` among the definitions; a reference to it."""
    own = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{model.__module__}.{{model}}")
    for name, inner in own.pop("$defs", {}).items():
        definitions[f"{model.__module__}.{name}"] = inner
    name = f"{model.__module__}.{model.__name__}"
    definitions[name] = own
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
