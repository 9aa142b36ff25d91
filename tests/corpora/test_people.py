"""The people of a corpus: told once, named by keyed hashes, and nowhere in clear."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpora.pseudonyms import VARIABLE, Pseudonyms, fingerprint
from schemas.errors import DsbuildError
from schemas.tables import PEOPLE, polars_schema

ReadCorpus = Callable[..., Any]
KEY = "one key of thirty-two characters"
RATERS = [{"task": "emotion", "columns": "label", "annotator": "{who}", "kind": "human"}]
CONTENT = "id,text,who,label\n1,one,Ann,joy\n1,one,Bob,fear\n2,two,Ann,joy\n3,,Carla,joy\n"
COLUMNS = {"id": "id", "text": "text"}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, KEY)
    return KEY


def test_without_a_key_no_name_is_read_and_the_error_says_what_to_do(
    read: ReadCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(DsbuildError, match="names people, and DSBUILD_PEOPLE_KEY is not set") as caught:
        read(CONTENT, columns=COLUMNS, labels=RATERS)
    assert caught.value.where == "corpora.c.labels"
    assert "openssl rand -hex 32" in str(caught.value.fix)
    assert "names: keep" in str(caught.value.fix)
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(DsbuildError, match="has 5 characters"):
        read(CONTENT, columns=COLUMNS, labels=RATERS)
    assert read(CONTENT, columns=COLUMNS, labels=RATERS, names="keep").people["person"].to_list() == ["c:Ann", "c:Bob"]


def test_names_are_keyed_hashes_and_stand_nowhere_in_clear(read: ReadCorpus, key: str) -> None:
    got = read(CONTENT, columns=COLUMNS, labels=RATERS)
    assert got.people.height == 2
    assert got.annotations["annotator"].n_unique() == 2
    told = "".join(frame.write_json() for frame in (got.items, got.annotations, got.people, got.rejects))
    assert not [name for name in ("Ann", "Bob", "Carla") if name in told]
    # The row without a text is a reject that still tells the same person apart from others.
    assert json.loads(got.rejects["raw"][0])["who"] == Pseudonyms("c", key.encode()).of("Carla")


def test_a_row_that_cannot_be_taken_apart_is_withheld_where_it_may_name_people(read: ReadCorpus, key: str) -> None:
    got = read(CONTENT + "4,four,Dora\n", columns=COLUMNS, labels=RATERS)
    [raw] = [row["raw"] for row in got.rejects.to_dicts() if row["reason"] == "too few fields"]
    assert raw == "withheld, since it may name people"


def test_a_pseudonym_depends_on_the_key_and_the_corpus_and_on_nothing_else(tmp_path: Path) -> None:
    one, other = Pseudonyms("c", KEY.encode()), Pseudonyms("c", b"another key of some length")
    assert one.of("Ann") != other.of("Ann")
    assert one.of("Ann") != Pseudonyms("d", KEY.encode()).of("Ann")
    assert fingerprint(KEY.encode()) != fingerprint(b"another key of some length")
    # The same by a program that knows nothing of ours (RFC 2104).
    said = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", KEY], input=b"c\0Ann", capture_output=True, check=True
    ).stdout.decode()
    assert one.of("Ann") == "p-" + said.split()[-1][:16]


def test_speakers_are_hashed_in_items_context_groups_and_people_alike(read: ReadCorpus, key: str) -> None:
    content = "id,d,t,s,sex,text\n1,x,1,Rachel,f,Hi.\n2,x,2,Ross,m,Hi!\n"
    columns = {"id": "id", "text": "text", "dialogue": "d", "turn": "t", "speaker": "s"}
    got = read(content, columns=columns, people={"id": "s", "gender": "sex"})
    rachel = Pseudonyms("c", key.encode()).of("Rachel")
    assert got.items["speaker"][0] == rachel
    assert got.items["context"][1].to_list()[0]["speaker"] == rachel
    assert {"kind": "speaker", "id": rachel} in got.items["groups"][0].to_list()
    assert (f"c:{rachel}", ["speaker"], "person", "f", None, None, None) in got.people.rows()
    assert got.people.schema == polars_schema(PEOPLE)
    assert "Rachel" not in got.items.write_json()


def test_a_fixed_name_and_a_slot_are_nobodys_and_need_no_key(read: ReadCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    entries = [
        {"task": "emotion", "columns": "a{n}", "annotator": "reader-{n}", "kind": "human"},
        {"task": "emotion", "columns": "b", "annotator": "crowd", "identity": "pool", "kind": "human"},
        {"task": "emotion", "columns": "c", "annotator": "{model}", "kind": "llm"},
    ]
    got = read("text,a1,a2,b,c,model\nt,joy,fear,joy,joy,gpt\n", labels=entries)
    assert dict(got.people.select("person", "identity").iter_rows()) == {
        "c:crowd": "pool",
        "c:reader-1": "slot",
        "c:reader-2": "slot",
    }
    assert got.annotations["annotator"].to_list() == ["c:reader-1", "c:reader-2", "c:crowd", "c:gpt"]


def test_a_fact_that_rows_tell_differently_is_none_and_said(read: ReadCorpus) -> None:
    content = "id,text,who,sex,age,O,N\n1,a,x,f,30,hi,lo\n2,b,x,f,31,hi,\n3,c,y,m,20,,\n"
    people = {"id": "who", "gender": "sex", "age": "age", "traits": {"big-five": ["O", "N"]}, "role": "author"}
    got = read(content, columns=COLUMNS, people=people, names="keep", batch_rows=1)
    x, y = got.people.to_dicts()
    assert (x["gender"], x["age"], x["roles"]) == ("f", None, ["author"])
    assert [(one["scale"], one["name"], one["value"]) for one in x["traits"]] == [
        ("big-five", "N", "lo"),
        ("big-five", "O", "hi"),
    ]
    assert (y["age"], y["traits"]) == ("20", None)
    assert got.rejects.select("reason", "detail").rows() == [
        ("contradicting facts about one person", "c:x: age is 30 and 31")
    ]
    # They are in the table of people, so they are not repeated with every item.
    assert got.items["extra"].to_list() == [None, None, None]


def test_people_of_a_file_of_their_own_join_those_who_annotated(tmp_path: Path, read: ReadCorpus, key: str) -> None:
    (tmp_path / "raters.tsv").write_text("worker\tsex\tlangs\nAnn\tf\tmr, en\nZoe\tf\thi\n")
    people = {"file": "raters.tsv", "id": "worker", "gender": "sex", "languages": "langs", "role": "annotator"}
    got = read(CONTENT, columns=COLUMNS, labels=RATERS, people=people)
    names = Pseudonyms("c", key.encode())
    facts = {row["person"]: (row["gender"], row["languages"]) for row in got.people.to_dicts()}
    assert facts == {
        f"c:{names.of('Ann')}": ("f", ["mr", "en"]),
        f"c:{names.of('Bob')}": (None, None),
        f"c:{names.of('Zoe')}": ("f", ["hi"]),
    }
