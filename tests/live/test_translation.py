"""A real translation server, through a recipe."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from apertium import EXECUTABLE, apertium

import dsbuild

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not EXECUTABLE.exists(), reason="Apertium is not installed: scripts/install-system-packages.sh"),
]

RECIPE = """
dataset: translated
licence: CC0-1.0
tasks: [{{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: intended}}]
corpora: [{{name: quickstart}}]
annotate:
  - {{name: mt, kind: translator, backend: apertium, base_url: "{url}", on: {{languages: [es, en]}}}}
"""


def test_a_recipe_translates_with_a_real_server_and_asks_it_once(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    with apertium() as url:
        recipe.write_text(RECIPE.format(url=url))
        ran = dsbuild.run(recipe, until="annotate", workspace=tmp_path / "ws", out=tmp_path / "releases")
    figures = ran.ran.outputs["annotate:mt"].figures["more"]
    rows = ran.ran.outputs["annotate:mt"].frame("annotations")
    without = rows.filter(pl.col("confidence").is_null())  # what is English already has no way back
    assert (figures["back_translated"], figures["same_language"]) == (101, without.height)
    assert rows.height == 101 + without.height
    assert 0.5 < figures["back_chrf_sum"] / 101 < 0.95  # between near languages; a stub would be at 0 or 1
    # The server is gone: everything comes from what was kept.
    again = dsbuild.run(
        recipe, until="annotate", redo="annotate:mt", workspace=tmp_path / "ws", out=tmp_path / "releases"
    )
    assert again.ran.outputs["annotate:mt"].frame("annotations").equals(rows)
