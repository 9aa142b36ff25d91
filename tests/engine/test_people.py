"""Who annotated reaches the workspace, and the release where the recipe asks for it, under pseudonyms only."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from corpora.pseudonyms import VARIABLE, fingerprint
from dsbuild import api
from dsbuild.release.verify import verify
from schemas.errors import DsbuildError

KEY = "a key that lies in no recipe and in no release"
RECIPE = """dataset: crowd
tasks: [{name: fear, kind: scale, range: [0, 100], perspective: reader}]
corpora:
  - name: crowd
    path: texts.csv
    columns: {id: id, text: text}
    language: en
    people: {file: workers.csv, id: worker, gender: sex, role: annotator}
    labels: [{task: fear, file: fear.csv, columns: said, annotator: "{worker}", kind: human}]
aggregate: [{name: mean, task: fear, from: crowd}]
release: {people: true}
"""


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "texts.csv").write_text("id,text\n1,A storm is coming\n2,All is well\n", encoding="utf-8")
    (tmp_path / "fear.csv").write_text("id,worker,said\n1,Xenia Q,70\n1,Yolanda R,90\n2,Xenia Q,0\n", encoding="utf-8")
    (tmp_path / "workers.csv").write_text("worker,sex\nXenia Q,f\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, KEY)
    return tmp_path


def test_people_are_released_under_pseudonyms_where_the_recipe_asks_for_them(crowd: Path) -> None:
    release = api.run("recipe.yaml").release
    assert release is not None
    folder = Path(release)
    verify(folder)
    people = pl.read_parquet(folder / "people/people.parquet")
    annotations = pl.read_parquet(folder / "annotations")
    assert sorted(people["gender"].fill_null("?")) == ["?", "f"]
    assert set(annotations["annotator"]) == set(people["person"])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    [corpus] = manifest["corpora"]
    assert corpus["people_key"] == fingerprint(KEY.encode())
    assert [file["name"] for file in corpus["files"]] == ["texts.csv", "fear.csv", "workers.csv"]
    tables = [pl.read_parquet(path).write_json() for path in folder.rglob("*.parquet")]
    texts = [
        path.read_text(encoding="utf-8") for path in folder.rglob("*.*") if path.suffix in (".json", ".md", ".html")
    ]
    for secret in ("Xenia", "Yolanda", KEY):
        assert not [one for one in (*tables, *texts) if secret in one]


def test_people_stay_in_the_workspace_where_the_recipe_does_not_ask(crowd: Path) -> None:
    text = (crowd / "recipe.yaml").read_text(encoding="utf-8").replace("release: {people: true}\n", "")
    (crowd / "recipe.yaml").write_text(text, encoding="utf-8")
    done = api.run("recipe.yaml")
    assert done.ran.outputs["corpus:crowd"].frame("people").height == 2
    assert done.release is not None
    assert not (Path(done.release) / "people").exists()


def test_another_key_reads_the_corpus_again_and_no_key_reads_nothing(
    crowd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.run("recipe.yaml", until="corpora").ran.outputs["corpus:crowd"]
    assert api.run("recipe.yaml", until="corpora").ran.done == []
    monkeypatch.setenv(VARIABLE, "another key that lies nowhere either")
    again = api.run("recipe.yaml", until="corpora")
    assert again.ran.done == ["corpus:crowd"]
    assert set(again.ran.outputs["corpus:crowd"].frame("people")["person"]).isdisjoint(first.frame("people")["person"])
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(DsbuildError, match="DSBUILD_PEOPLE_KEY is not set"):
        api.run("recipe.yaml", until="corpora")
