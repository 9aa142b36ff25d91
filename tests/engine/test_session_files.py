"""Where a session finds the recordings and pictures that its corpora name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsbuild import sessions
from dsbuild.engine.setup import context

RECIPE = """
dataset: sounds
corpora:
  - {name: sounds, path: %s, columns: {id: id, text: text}, labels: none, licence: CC0-1.0, language: en}
tasks:
  - {name: valence, kind: scale, range: [0, 1], perspective: observer}
gold:
  - {name: main, people: [p1]}
"""


@pytest.mark.parametrize("path", ["corpus/list.csv", "corpus/{split}.csv", "{train: corpus/list.csv}"])
def test_a_file_is_looked_for_beside_the_corpus_and_then_beside_the_recipe(tmp_path: Path, path: str) -> None:
    (tmp_path / "corpus" / "wav").mkdir(parents=True)
    (tmp_path / "corpus" / "list.csv").write_text("id,text\n1,hello\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE % (path if path.startswith("{") else f'"{path}"'))
    for place in ("corpus/wav/a.wav", "b.wav"):
        (tmp_path / place).write_bytes(b"RIFF")
    ctx = context(recipe, workspace=tmp_path / ".dsbuild", out=tmp_path / "out")
    assert sessions._file(ctx, "sounds", "wav/a.wav") == tmp_path / "corpus" / "wav" / "a.wav"
    assert sessions._file(ctx, "sounds", "b.wav") == tmp_path / "b.wav"
    # Where it ought to be, for the message that it is not there.
    assert sessions._file(ctx, "sounds", "c.wav") == tmp_path / "corpus" / "c.wav"
    assert sessions._file(ctx, "sounds", str(tmp_path / "b.wav")) == tmp_path / "b.wav"
