"""`dsbuild schema` tells people and programs the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dsbuild.cli.main import app
from schemas.errors import RecipeError
from schemas.forms.definitions import DECLARED
from schemas.forms.dictionary import dictionary, plain
from schemas.forms.json_schema import json_schema, json_schemas


def printed(*words: str) -> str:
    done = CliRunner().invoke(app, ["schema", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_program_gets_json_schema() -> None:
    assert json.loads(printed("labels", "--json")) == json_schema("labels")
    assert json.loads(printed("--json")) == json_schemas()


def test_a_person_gets_lines_or_markdown() -> None:
    assert printed("people") == plain("people") + "\n"
    assert printed("people", "--markdown") == dictionary("people")
    assert printed().count("a row is") == len(DECLARED)


def test_the_page_of_the_docs_is_what_the_command_prints() -> None:
    page = Path(__file__).parents[2] / "docs/schema.md"
    assert printed("--markdown") == page.read_text(encoding="utf-8")


def test_an_unknown_table_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no table 'item'.*items, annotations, labels"):
        printed("item")
