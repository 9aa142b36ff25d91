"""The page that a person reads and the vocabularies are what the declarations say, everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from corpora.card import Modality
from corpora.columns import PeopleColumns
from corpora.labels import AnnotatorKind, Identity, Shown
from dsbuild.release.wide import TIERS
from schemas.crosswalk.mapping import MappingKind
from schemas.forms import vocabularies as v
from schemas.forms.definitions import DECLARED
from schemas.forms.dictionary import _KINDS, _LOOKS, anchor, dictionary, paths, plain, used_in
from schemas.forms.page import EXAMPLES, example, page
from schemas.kinds import KINDS
from schemas.tables import SCHEMA_VERSION, TABLES
from schemas.task import Perspective
from schemas.taxonomy import load_taxonomy, shipped

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_docs_is_the_one_that_the_declarations_give() -> None:
    made = page()
    assert (ROOT / "docs/schema.md").read_text(encoding="utf-8") == made, (
        "run: dsbuild schema --markdown > docs/schema.md"
    )
    assert f"version {SCHEMA_VERSION} of the schema" in made


def test_the_page_names_every_table_column_word_kind_and_taxonomy() -> None:
    made = page()
    headings = re.findall(r"^### (.+)$", made, re.M)
    vocabularies = [words.name for words in v.VOCABULARIES]
    assert headings == [*DECLARED, *vocabularies, *KINDS]
    for table in DECLARED.values():
        for path, _ in paths(table.columns):
            assert f"| `{path}` |" in dictionary(table.name)
    for words in v.VOCABULARIES:
        assert used_in(words), words.name
        assert all(f"| `{entry.word}` | {entry.meaning} |" in made for entry in words.entries)
        assert f"(#{anchor(words)})" in made
    for name in shipped():
        assert f"| `{name}` | {len(load_taxonomy(name).ids)} |" in made


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    made = page()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", made, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", made)) <= headings


def test_every_table_of_the_page_has_the_same_cells_in_each_row() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", page(), re.M):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1, block[:200]


@pytest.mark.parametrize("kind", KINDS)
def test_the_declaration_that_the_page_shows_of_a_kind_is_one(kind: str) -> None:
    section = page().partition(f"\n### {kind}\n\nEvery annotation is ")[2]
    shown = re.search(r"```yaml\n(.*?)```", section, re.S)
    assert shown is not None
    assert yaml.safe_load(shown[1]) == [{"name": "answer", "kind": kind, "perspective": "reader", **EXAMPLES[kind]}]
    assert example(kind).kind == kind


def test_the_words_are_the_same_wherever_a_program_needs_them_written_out() -> None:
    assert get_args(Perspective) == v.PERSPECTIVES.words
    assert set(get_args(Modality)) == set(v.MODALITIES.words)
    assert set(get_args(AnnotatorKind)) == set(v.ANNOTATOR_KINDS.words)
    assert set(get_args(Identity)) == set(v.IDENTITIES.words)
    assert set(get_args(Shown)) == set(v.SHOWN.words)
    assert set(get_args(MappingKind)) - {"none"} == set(v.MAPPINGS.words)
    assert set(TIERS) == set(v.TIERS.words)
    role = get_args(PeopleColumns.model_fields["role"].annotation)[0]
    assert set(get_args(role)) == set(v.ROLES.words)


def test_every_type_and_form_has_words_for_a_reader() -> None:
    columns = [column for table in DECLARED.values() for _, column in paths(table.columns)]
    assert {column.kind for column in columns} == set(_KINDS)
    assert {column.form for column in columns} - {None, "id"} == set(_LOOKS)
    for column in columns:
        assert column.meaning
        assert not column.meaning.endswith(".")


@pytest.mark.parametrize("table", TABLES)
def test_a_terminal_gets_a_line_for_every_column(table: str) -> None:
    lines = plain(table).splitlines()
    assert lines[0] == f"{table}: a row is {DECLARED[table].row}"
    for path, column in paths(DECLARED[table].columns):
        assert any(line.split()[:1] == [path] and line.endswith(column.meaning) for line in lines)
