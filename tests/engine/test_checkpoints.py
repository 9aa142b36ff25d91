"""Finished batches outlive an unfinished node, and only whole ones, made of the same items."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import polars as pl
import pytest

from dsbuild.engine import choosing
from dsbuild.engine.checkpoints import Checkpoints, content_of
from dsbuild.engine.nodes.annotate import AnnotateNode
from dsbuild.engine.workspace import Output, Workspace
from schemas.config import AnnotatorConfig
from schemas.errors import DsbuildError
from schemas.ids import annotation_id, item_id
from schemas.protocols import AnnotatorOutput, no_dead_letters
from schemas.tables import ANNOTATIONS, ITEMS, PROVENANCE, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TASK = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
KEY = "k" * 64


class Judge:
    """Says joy; fails at texts in `fails`; every third text is a dead letter. `judged` keeps what it was shown."""

    name, kind = "judge", "model"
    judged: ClassVar[list[str]] = []
    fails: ClassVar[set[str]] = set()

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        texts = items["text"].to_list()
        if self.fails & set(texts):
            raise DsbuildError("It broke.")
        self.judged.extend(texts)
        dead = pl.Series([int(text.rpartition(" ")[2]) % 3 == 2 for text in texts])
        good, bad = items.filter(~dead), items.filter(dead)
        rows = {
            "annotation_id": [annotation_id(item, "emotion", self.name) for item in good["item_id"]],
            "item_id": good["item_id"],
            "task": "emotion",
            "annotator": self.name,
            "annotator_kind": "model",
            "labels": [[{"label": "joy"}]] * good.height,
            "skipped": False,
            "provenance": "p",
        }
        letters = bad.select(
            "item_id", task=pl.lit("emotion"), annotator=pl.lit("judge"), reason=pl.lit("invalid"), detail=pl.lit("no"),
            raw=pl.lit("?"),
        )  # fmt: skip
        provenance = pl.DataFrame([{"provenance": "p", "annotator": "judge", "kind": "model"}])
        return AnnotatorOutput(
            conform(pl.DataFrame(rows), ANNOTATIONS),
            pl.concat([no_dead_letters(), letters]),
            conform(provenance, PROVENANCE),
            {"asked": items.height, "usd": 0.5},
        )


class Config(AnnotatorConfig):
    kind: Literal["judge"] = "judge"

    @asynccontextmanager
    async def open(self, env: Any, tasks: Sequence[Task]) -> AsyncIterator[Judge]:  # type: ignore[override]
        yield Judge()


class Purse:
    """A budget that adds up."""

    def __init__(self) -> None:
        self.counted = 0.0

    def count(self, usd: float) -> None:
        self.counted += usd


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the node over 50 items in batches of 10, in a workspace of its own."""
    monkeypatch.setattr(choosing, "BATCH", 10)
    monkeypatch.setattr(Judge, "judged", [])
    monkeypatch.setattr(Judge, "fails", set())
    workspace = Workspace(tmp_path / "w")
    workspace.prepare()
    frame = conform(
        pl.DataFrame(
            {
                "item_id": [item_id("made", str(n)) for n in range(50)],
                "corpus": "made",
                "modality": "text",
                "text": [f"text {n}" for n in range(50)],
            }
        ),
        ITEMS,
    )
    (tmp_path / "items" / "items").mkdir(parents=True)
    frame.write_parquet(tmp_path / "items" / "items" / "part-00000.parquet")

    def run(*, retry_failed: bool = False, budget: Any = None, frame: pl.DataFrame | None = None) -> Output:
        if frame is not None:
            frame.write_parquet(tmp_path / "items" / "items" / "part-00000.parquet")
        items = Output(tmp_path / "items", "0" * 64, "content", {})
        ctx = SimpleNamespace(
            workspace=workspace,
            tasks={"emotion": TASK},
            recipe=SimpleNamespace(tasks=[], max_failed=None),
            directory=tmp_path,
            progress=lambda name: None,
            retry_failed=retry_failed,
        )
        node = AnnotateNode(Config(name="judge"), budget)
        writer = workspace.begin(node.name, KEY)
        try:
            node.run(ctx, {"items": items}, writer)  # type: ignore[arg-type]  # what the node needs of it
        except BaseException:
            writer.discard()
            raise
        return workspace.commit(node.name, KEY, writer)

    return SimpleNamespace(run=run, workspace=workspace, frame=frame, path=tmp_path)


def contents(output: Output) -> dict[str, bytes]:
    return {
        file.relative_to(output.folder).as_posix(): file.read_bytes()
        for file in sorted(output.folder.rglob("*.parquet"))
    }


def kept(lab: Any) -> list[Path]:
    return sorted(lab.path.glob("w/nodes/*/*.batches/*"))


def test_a_run_that_goes_on_makes_only_the_batches_that_are_missing_and_ends_with_the_same_bytes(lab: Any) -> None:
    undisturbed = lab.run()
    whole, figures = contents(undisturbed), undisturbed.figures
    assert len(undisturbed.parts("annotations")) == 6
    lab.workspace.forget("annotate:judge", KEY)
    Judge.judged.clear()
    Judge.fails = {"text 33"}
    with pytest.raises(DsbuildError, match="broke"):
        lab.run()
    assert Judge.judged == [f"text {n}" for n in range(30)]
    assert [folder.name for folder in kept(lab)] == ["000000", "000001", "000002"]
    Judge.fails = set()
    Judge.judged.clear()
    purse = Purse()
    again = lab.run(budget=purse)
    assert Judge.judged == [f"text {n}" for n in range(30, 50)]
    assert purse.counted == 1.5
    assert contents(again) == whole
    assert again.figures == figures
    assert again.content == undisturbed.content
    assert kept(lab) == []


def stopped(lab: Any) -> None:
    Judge.fails = {"text 33"}
    with pytest.raises(DsbuildError, match="broke"):
        lab.run()
    Judge.fails = set()
    Judge.judged.clear()


def test_a_batch_that_is_damaged_or_made_of_other_items_is_made_again(lab: Any) -> None:
    stopped(lab)
    first, second, third = kept(lab)
    (first / "batch.json").write_text("{")
    (second / "annotations.parquet").write_bytes(b"short")
    lab.run(frame=lab.frame.with_columns(text=pl.col("text").str.replace("text 25", "changed 25")))
    made = [int(text.rpartition(" ")[2]) for text in Judge.judged]
    assert made == list(range(50))
    assert json.loads(json.dumps(third.name)) == "000002"


def test_what_a_killed_process_left_half_done_is_swept_away(lab: Any) -> None:
    stopped(lab)
    (half,) = {folder.parent for folder in kept(lab)}
    (half / "000003.tmp-999999999").mkdir()
    lab.workspace.prepare()
    assert [folder.name for folder in kept(lab)] == ["000000", "000001", "000002"]


def test_batches_with_dead_letters_are_made_again_where_they_are_asked_for_again(lab: Any) -> None:
    stopped(lab)
    lab.run(retry_failed=True)
    assert len(Judge.judged) == 50


def test_forgetting_a_node_forgets_its_finished_batches(lab: Any) -> None:
    stopped(lab)
    lab.workspace.forget("annotate:judge", KEY)
    assert kept(lab) == []


def test_the_content_of_a_batch_is_all_of_it(lab: Any) -> None:
    one = lab.frame.head(10)
    assert content_of(one) == content_of(lab.frame.slice(0, 10).clone())
    for other in (one.reverse(), one.head(9), one.with_columns(language=pl.lit("mr"))):
        assert content_of(other) != content_of(one)


def test_a_full_disk_is_told_and_leaves_no_half_batch(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    points = Checkpoints(tmp_path / "points")
    with pytest.raises(DsbuildError, match="disk is full"):
        points.keep(0, "c", {"annotations": lab.frame}, {})
    monkeypatch.undo()
    assert points.find(0, "c") is None
    assert list((tmp_path / "points").iterdir()) == []
