"""The Marathi example to its end, by the commands of docs/gold.md: two LLM annotators that run here, three scripted
people on a real Label Studio server, one who decides, and a release."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from label_studio_server import ADMIN_TOKEN, ROOT, LabelStudioServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(1500)]

DSBUILD = str(Path(sys.executable).with_name("dsbuild"))
LABELS = ["Neutral", "Happiness", "Sadness", "Anger/Disgust", "Respect", "Pride"]


def commands() -> list[list[str]]:
    """The words of every command in the page's live block."""
    page = (ROOT / "docs" / "gold.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```console live\n(.*?)^```$", page, re.M | re.S)
    return [shlex.split(line.removeprefix("$ dsbuild ")) for line in block.splitlines()]


def answer(server: LabelStudioServer, project: int, who: str, pick: Any) -> int:
    """Have a person answer everything the server puts before them; how many that were."""
    person = server.person(who)
    done = 0
    while (task := person.next_task(project)) is not None:
        person.answer(task["id"], pick(task["data"]["dsbuild_id"]))
        done += 1
    return done


def test_the_commands_of_the_page_lead_to_a_release_with_a_gold_set(
    label_studio: LabelStudioServer, shared_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    environment = os.environ | {"LABEL_STUDIO_URL": label_studio.url, "LABEL_STUDIO_API_KEY": ADMIN_TOKEN}
    local = ["--set", f"corpora.mahaemotions.path={shared_data / 'mahaemotions'}"]

    def run(words: list[str], code: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [DSBUILD, *words, *local, "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
        assert ADMIN_TOKEN not in done.stdout + done.stderr
        return done

    first, push, status, pull, adjudicate, pull_again, last = commands()
    waiting = run(first, 3)
    assert "dsbuild gold push" in waiting.stderr
    [pushed] = json.loads(run(push, 0).stdout)
    assert pushed["imported"] > 4
    assert 0 < pushed["suggested"] < pushed["imported"]
    [again] = json.loads(run(push, 0).stdout)
    assert again["imported"] == 0

    def pick(item: str, person: int) -> str:
        place = int(item[:8], 16) % len(LABELS)
        # On one item in eight everyone sees something else.
        return LABELS[(place + (person if int(item[-2:], 16) % 8 == 0 else 0)) % len(LABELS)]

    for number, who in enumerate(("p1", "p2", "p3")):
        assert answer(label_studio, pushed["project"], who, lambda item, n=number: pick(item, n)) == pushed["imported"]
    [pulled] = json.loads(run(pull, 0).stdout)
    assert pulled["new"] == 3 * pushed["imported"]
    [stands] = json.loads(run(status, 0).stdout)
    assert stands["missing"] == 0

    decided = json.loads(run(adjudicate, 0).stdout)
    assert [row["imported"] for row in decided] == ([stands["disputed"]] if stands["disputed"] else [])
    if decided:
        unfinished = run(last, 3)
        assert "p0 has not decided" in unfinished.stderr
        assert answer(label_studio, decided[0]["project"], "p0", lambda item: "Neutral") == stands["disputed"]
    run(pull_again, 0)
    told = json.loads(run(last, 0).stdout)

    release = tmp_path / told["release"]
    assert release == tmp_path / "releases" / "marathi-cotr" / "sample"
    labels = pl.read_parquet(sorted(release.glob("labels/*.parquet")))
    gold = labels.filter(pl.col("aggregate") == "gold")
    assert gold.height == pushed["imported"]
    assert set(gold["tier"]) == {"gold"}
    assert gold["labels"].null_count() == 0
    annotations = pl.read_parquet(sorted(release.glob("annotations/*.parquet")))
    people = annotations.filter(pl.col("annotator_kind") == "human")
    assert set(people["annotator"]) == {"p1", "p2", "p3"} | ({"p0"} if decided else set())
    assert annotations.filter((pl.col("annotator") == "gpt") & pl.col("text").is_not_null()).height > 40
    silver = labels.filter(pl.col("aggregate") == "silver")
    assert set(silver["tier"]) == {"silver"}
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".gguf"]
    assert not [path for path in kept if ADMIN_TOKEN.encode() in path.read_bytes()]
    emails = [person.email.encode() for person in label_studio.people.values()]
    assert not [path for path in release.rglob("*") if path.is_file() and any(e in path.read_bytes() for e in emails)]
