"""The catalog: what ships is registered as a stranger's card would be."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from corpora import catalog
from corpora.card import Card, load_card, parse_card
from schemas.errors import DsbuildError

PLAIN: dict[str, Any] = {
    "name": "theirs",
    "title": "Theirs",
    "licence": "CC0-1.0",
    "citation": "Them, 2026",
    "languages": ["no"],
    "files": {"all": {"path": "texts.csv"}},
    "columns": {"text": "text"},
}
FIND = catalog.find.__wrapped__
A_CARD = parse_card(PLAIN, "here")


def register(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    def select(group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if name is None or point.name == name]

    monkeypatch.setattr(catalog, "entry_points", select)
    # Without its memory, in which cards of other tests stay.
    monkeypatch.setattr(catalog, "find", FIND)


def point(value: str, name: str = "theirs") -> EntryPoint:
    return EntryPoint(name=name, value=value, group=catalog.GROUP)


def test_what_ships_is_in_the_catalog_with_its_facts() -> None:
    card = catalog.get("mahaemotions").card
    assert card.licence == "CC-BY-NC-SA-4.0"
    assert (card.language, card.perspective, card.taxonomy) == ("mr", "reader", "mahaemotions")
    assert [(labels.annotator, labels.kind, labels.on.splits) for labels in card.labels] == [
        ("gpt-4-cotr", "llm", ("train",)),
        ("people", "human", ("validation", "test")),
    ]
    assert all(
        file.url and file.sha256 and "8ee29fa1329d6a841030eb46659d3c10614b5e59" in file.url
        for file in card.files.values()
    )
    assert card.file_name("train") == "train.csv"


def test_a_strangers_card_may_be_an_object_a_file_a_folder_or_a_function(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "{name: theirs, title: T, licence: L, citation: C, languages: [no], files: {all: {}}, columns: {text: t}}"
    (tmp_path / "card.yaml").write_text(text)
    for made in (A_CARD, tmp_path, tmp_path / "card.yaml", lambda name: tmp_path):
        monkeypatch.setattr(EntryPoint, "load", lambda self, made=made: made)
        register(monkeypatch, point("theirs:made"))
        entry = catalog.get("theirs")
        assert entry.card.name == "theirs"
        assert entry.card.languages == ("no",)
    assert entry.folder == tmp_path


def test_an_unknown_name_is_answered_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DsbuildError, match=r'no corpus \'mahaemotion\'\. Did you mean "mahaemotions"\?'):
        catalog.get("mahaemotion")


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, point("a:card"), point("b:card"))
    with pytest.raises(DsbuildError, match="Several packages register the corpus 'theirs': a:card and b:card"):
        catalog.find("theirs")


def test_a_package_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, point("no_such_module_at_all:card"))
    with pytest.raises(DsbuildError, match=r"entry point no_such_module_at_all:card: .*cannot be loaded"):
        catalog.find("theirs")


def test_a_card_under_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda self: A_CARD)
    register(monkeypatch, point("a:card", name="other"))
    with pytest.raises(DsbuildError, match="'other' has a card with the name 'theirs'"):
        catalog.find("other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"files": {"all": {"path": "../secret.csv"}}}, "stays inside it"),
        ({"files": {"all": {"path": "/etc/passwd"}}}, "stays inside it"),
        ({"files": {"all": {"sha256": "abc"}}}, "files.all.sha256"),
        ({"assignment": "some"}, "assignment"),
        ({"languages": []}, "languages"),
    ],
)
def test_a_broken_card_names_every_fault(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DsbuildError, match=message):
        parse_card({**PLAIN, **change}, "card.yaml")


def test_on_and_no_are_words_in_a_card(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(
        "{name: x, title: X, licence: L, citation: C, languages: [no, en], synthetic: true, files: {on: {}},"
        " columns: {text: t}, labels: [{task: a, columns: b, annotator: c, kind: author, on: {splits: [on]}}]}"
    )
    card = load_card(path)
    assert isinstance(card, Card)
    assert card.languages == ("no", "en")
    assert card.synthetic is True
    assert card.labels[0].on.splits == ("on",)


def test_a_card_that_is_no_yaml_or_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(DsbuildError, match="There is no such card"):
        load_card(tmp_path / "card.yaml")
    (tmp_path / "card.yaml").write_text("a: [")
    with pytest.raises(DsbuildError, match="This is no YAML file"):
        load_card(tmp_path / "card.yaml")
