"""Build steps over items, the items they leave, and the annotations that corpora carried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from dsbuild.engine.node import Context, Stage
from dsbuild.engine.nodes.places import settle
from dsbuild.engine.workspace import Output, Writer
from schemas.ids import annotation_id
from schemas.protocols import StepOutput
from schemas.selection import in_order
from schemas.tables import ANNOTATIONS, ITEMS, REJECTS, conform, empty

if TYPE_CHECKING:
    from schemas.protocols import Step

GONE = "its item left in the build"
MOVED = "the words of its span left in the build"
PARTITION = 50_000  # items; fixed, because what a partition holds must not depend on the machine


def _rebatch(frames: Iterator[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """The same rows in batches of `size`, the last one shorter."""
    kept: list[pl.DataFrame] = []
    rows = 0
    for frame in frames:
        kept.append(frame)
        rows += frame.height
        while rows >= size:
            joined = pl.concat(kept)
            yield joined.head(size)
            rest = joined.slice(size)
            kept, rows = [rest], rest.height
    if rows:
        yield pl.concat(kept)


@dataclass(frozen=True)
class StepNode:
    """One build step. The first takes the items of every corpus, in the recipe's order."""

    name: str
    step: Step
    step_name: str
    before: tuple[str, ...]
    options: Mapping[str, Any]
    corpora: tuple[str, ...]
    stage: Stage = "build"
    code: tuple[str, ...] = ("builders", "schemas", "dsbuild.engine.nodes.build")

    @property
    def inputs(self) -> tuple[str, ...]:
        more = self.corpora if self._wants_annotations else ()
        return tuple(dict.fromkeys((*self.before, *more)))

    @property
    def _wants_annotations(self) -> bool:
        """Whether the step looks at the labels that corpora came with, to spread them evenly."""
        return bool(getattr(self.step, "wants_annotations", False))

    def config(self, ctx: Context) -> Any:
        return {"step": self.step_name, "options": self.options}

    def _batches(self, inputs: Mapping[str, Output]) -> Iterator[pl.DataFrame]:
        return _rebatch((batch for name in self.before for batch in inputs[name].batches("items")), PARTITION)

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        total = sum(inputs[name].figures.get("items", 0) for name in self.before)
        show = ctx.progress(self.name)
        out.add("items", empty(ITEMS))
        out.count({"in": 0, "items": 0, "reasons": {}, "step": {}})
        done = 0
        for batch, result in self._apply(inputs):
            rejects = result.rejects.with_columns(pl.lit(self.name).alias("stage"))
            out.add("items", result.items)
            out.add("rejects", rejects)
            out.add("moved", result.moved)
            reasons = dict(rejects["reason"].value_counts().sort("reason").iter_rows())
            out.count(
                {"in": batch.height, "items": result.items.height, "reasons": reasons, "step": dict(result.figures)}
            )
            done += batch.height
            show(done, total)

    def _apply(self, inputs: Mapping[str, Output]) -> Iterator[tuple[pl.DataFrame, StepOutput]]:
        if self.step.shape == "map":
            for batch in self._batches(inputs):
                yield batch, self.step.apply(batch)
            return
        summarise = self._summarise(self.step, inputs)
        summaries = [summarise(batch) for batch in self._batches(inputs)]
        decision = self.step.decide(pl.concat(summaries) if summaries else summarise(empty(ITEMS)))
        for batch in self._batches(inputs):
            yield batch, self.step.apply(batch, decision)

    def _summarise(self, step: Any, inputs: Mapping[str, Output]) -> Callable[[pl.DataFrame], pl.DataFrame]:
        if not self._wants_annotations:
            return cast("Callable[[pl.DataFrame], pl.DataFrame]", step.summarise)
        carried = [frame for name in self.corpora if (frame := inputs[name].frame("annotations")).width]
        annotations = pl.concat([empty(ANNOTATIONS), *carried])

        def summarise(batch: pl.DataFrame) -> pl.DataFrame:
            of_batch = annotations.join(batch.select("item_id"), on="item_id", how="semi", maintain_order="left")
            return cast("pl.DataFrame", step.summarise(batch, of_batch))

        return summarise


@dataclass(frozen=True)
class ItemsNode:
    """The items that annotators see, in the seeded order; with `--sample`, its head."""

    inputs: tuple[str, ...]
    name: str = "items"
    stage: Stage = "build"
    code: tuple[str, ...] = ("schemas", "dsbuild.engine.nodes.build")

    def config(self, ctx: Context) -> Any:
        return {"seed": ctx.seed, "sample": ctx.sample}

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        frames = [inputs[name].frame("items") for name in self.inputs]
        ordered = in_order(pl.concat(frames), ctx.seed)
        chosen = ordered if ctx.sample is None else ordered.head(ctx.sample)
        out.count({"in": ordered.height, "items": chosen.height})
        if chosen.is_empty():
            out.add("items", empty(ITEMS))
        for part in chosen.iter_slices(PARTITION):
            out.add("items", part)


@dataclass(frozen=True)
class CarriedNode:
    """The annotations that corpora came with, after the build: merged items keep both sides' annotations, annotations
    of items that left are gone with them, and several answers of one annotator are numbered."""

    corpora: tuple[str, ...]
    steps: tuple[str, ...]
    name: str = "carried"
    stage: Stage = "build"
    code: tuple[str, ...] = ("schemas", "dsbuild.engine.nodes.build", "dsbuild.engine.nodes.places")

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.corpora, *self.steps, "items")

    def config(self, ctx: Context) -> Any:
        return {}

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        frames = [frame for name in self.corpora if (frame := inputs[name].frame("annotations")).width]
        places = pl.concat([inputs[name].frame("items", ["item_id", "source"]) for name in self.corpora])
        annotations = pl.concat([empty(ANNOTATIONS), *frames])
        before = annotations.height
        annotations = annotations.join(places, on="item_id", how="left", maintain_order="left").with_columns(
            pl.col("item_id").alias("_of")
        )
        for name in self.steps:
            moves = inputs[name].frame("moved")
            if moves.height:
                annotations = annotations.join(moves, on="item_id", how="left", maintain_order="left")
                annotations = annotations.with_columns(pl.coalesce("to", "item_id").alias("item_id")).drop("to")
        moved = annotations.filter(pl.col("_of") != pl.col("item_id")).height
        built = inputs[self.steps[-1]].frame("items", ["item_id"]) if self.steps else places
        gone = annotations.join(built, on="item_id", how="anti")
        there = annotations.join(inputs["items"].frame("items", ["item_id"]), on="item_id", how="semi")
        kept, lost = self._settled(there, inputs)
        rejects = pl.concat([_rejected(gone, GONE), _rejected(lost, MOVED)])
        numbered = _numbered(kept)
        undecided = numbered.filter(pl.col("round") == "repeat")
        out.add("annotations", numbered)
        out.add("rejects", rejects)
        provenance = [frame for name in self.corpora if (frame := inputs[name].frame("provenance")).width]
        if provenance:
            out.add("provenance", pl.concat(provenance).unique(maintain_order=True))
        out.count(
            {
                "in": before,
                "annotations": kept.height,
                "moved": moved,
                "undecided": undecided["item_id"].n_unique(),
                "reasons": {reason: n for reason, n in ((GONE, gone.height), (MOVED, lost.height)) if n},
            }
        )

    def _settled(self, annotations: pl.DataFrame, inputs: Mapping[str, Output]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Spans where their words stand after the build, and annotations whose words do not stand there any more."""
        if not (annotations["spans"].list.len() > 0).any():
            return annotations, annotations.clear()
        shown = ["item_id", "text", "context"]
        raw = pl.concat([inputs[name].frame("items", shown) for name in self.corpora])
        return settle(annotations, raw, inputs["items"].frame("items", shown))


def _rejected(gone: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Annotations that the build left without their item or their words, as REJECTS that hold all of them."""
    source = pl.col("source")
    return conform(
        gone.sort("annotation_id").select(
            pl.lit("carried").alias("stage"),
            pl.lit(reason).alias("reason"),
            "item_id",
            source.struct.field("file").alias("file"),
            source.struct.field("row").alias("line"),
            pl.col("annotator").alias("detail"),
            pl.struct(pl.exclude("source", "_of")).struct.json_encode().alias("raw"),
        ),
        REJECTS,
    )


def _numbered(annotations: pl.DataFrame) -> pl.DataFrame:
    """Answers that one annotator gave to an item and its repeats, numbered 0, 1, ...

    The answer that most of them give comes first, whatever the order of the source. Where no answer has a majority the
    annotator contradicts themselves: all of these become round `repeat`, so none of them is taken for their judgement.
    """
    one = ["item_id", "task", "annotator", "round"]
    entry = pl.element().struct
    scores = pl.col("labels").list.eval(pl.format("{}={}", entry.field("label"), entry.field("score"))).list.sort()
    answer = pl.struct(
        pl.col("labels").list.eval(entry.field("label")).list.sort(),
        "value",
        "text",
        scores.list.drop_nulls().alias("scores"),  # none where no label has one
        "spans",
        "trace",
    )
    ranked = annotations.with_columns(answer.struct.json_encode().alias("_answer"))
    ranked = ranked.with_columns(pl.len().over([*one, "_answer"]).alias("_like"), pl.len().over(one).alias("_all"))
    ranked = ranked.with_columns((2 * pl.col("_like").max().over(one) <= pl.col("_all")).alias("_torn"))
    order = [pl.col("sample").fill_null(0), -pl.col("_like").cast(pl.Int64), pl.col("_answer"), pl.col("_of")]
    ordered = ranked.sort([*map(pl.col, one), *order])
    numbered = ordered.with_columns(
        pl.int_range(pl.len(), dtype=pl.Int32).over(one).alias("sample"),
        pl.when((pl.col("_all") > 1) & pl.col("_torn")).then(pl.lit("repeat")).otherwise("round").alias("round"),
        # What was said of a repeat leads back to the annotation of that row of the source.
        pl.when(pl.col("_of") != pl.col("item_id")).then("annotation_id").otherwise("parent").alias("parent"),
    ).drop("_of", "source", "_answer", "_like", "_all", "_torn")
    named = numbered.select("item_id", "task", "annotator", "sample", "round")
    ids = [annotation_id(*row) for row in named.iter_rows()]
    return numbered.with_columns(pl.Series("annotation_id", ids, dtype=pl.String))
