"""The fusion as an annotator: reads what others said, fuses it in arrays, and says how far they disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from annotators.fusion import methods, vectors
from annotators.fusion.config import FusionConfig, Weights
from annotators.labelled import decided, label_lists, soft_labels
from annotators.rows import Hand, on_scale, with_hashes
from schemas.errors import RecipeError
from schemas.kinds.points import Points
from schemas.protocols import AnnotatorOutput
from schemas.task import Task
from schemas.taxonomy import Taxonomy, load_taxonomy

_CODE = "annotators.fusion/1"
Floats = NDArray[np.float64]


class FusionAnnotator:
    """Answers a task with what others answered, fused. Items that fewer than `least` of them answered become dead
    letters (`no_answers`)."""

    kind = "model"

    def __init__(self, config: FusionConfig, read: Callable[[str], pl.DataFrame]) -> None:
        self.config = config
        self.name = config.name
        self._read = read
        self._answers: dict[str, pl.DataFrame] = {}

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS).

        Raises:
            RecipeError: a compound label has no two basic ones, or a weight is of a label there is not.
            DsbuildError: one that is fused gave labels the task does not have.
        """
        hand = self._hand()
        for name in self.config.from_:
            if name not in self._answers:
                self._answers[name] = vectors.first_answers(self._read(name))
        items = with_hashes(items)
        made: list[pl.DataFrame] = []
        dead: list[pl.DataFrame] = []
        for task in tasks:
            rows, letters = (
                self._numbers(items, task, hand) if task.kind == "scale" else self._labels(items, task, hand)
            )
            made += rows
            dead.append(letters)
        return hand.output(items.height * len(tasks), made, dead)

    def _labels(self, items: pl.DataFrame, task: Task, hand: Hand) -> tuple[list[pl.DataFrame], pl.DataFrame]:
        config, one = self.config, task.kind == "choice"
        compound = config.method in ("ppa", "pfsa")
        taxonomy = load_taxonomy(config.taxonomy) if config.taxonomy is not None else task.taxonomy
        assert taxonomy is not None
        labels = taxonomy.ids
        asked = config.basic or task.name
        p = np.stack(
            [
                vectors.label_shares(
                    self._answers[name].filter(pl.col("task") == asked),
                    items["item_id"],
                    labels,
                    one=one,
                    by_confidence=config.by_confidence,
                    where=f"annotate.{self.name}.from: {name}",
                )
                for name in config.from_
            ]
        )  # (annotators, items, labels)
        answered = (~np.isnan(p)).all(axis=2).sum(axis=0)
        held = vectors.held(p, one)
        if config.method == "mhpf":
            logits = np.stack([self._weights(head.weights, labels, 0.0) for head in config.heads])
            fused = methods.multi_head(p, logits, np.array([head.weight for head in config.heads]))
        elif config.method == "majority":
            fused = methods.majority(held, p, one)
        else:
            fused = methods.weighted(p, self._weights(config.weights, labels, 1.0))
        if compound:
            pairs = [self._pair(task, label, taxonomy) for label in task.label_ids]
            places = [(labels.index(a), labels.index(b)) for a, b in pairs if a and b]
            known = [number for number, (a, _) in enumerate(pairs) if a]
            aggregate = methods.pair_probability if config.method == "ppa" else methods.pair_similarity
            whole = np.zeros((items.height, len(task.label_ids)))
            whole[:, known] = methods.shares(aggregate(fused, places))
            fused = whole
        enough = (answered >= config.least) & ~np.isnan(fused).any(axis=1)
        judged = items.filter(pl.Series(enough))
        fused, apart = fused[enough], methods.disagreement(p, one)[enough]
        rows = [
            hand.answers(
                judged,
                task,
                labels=self._given(task, fused),
                confidence=pl.Series(methods.certainty(fused, one)),
            )
        ]
        if config.disagreement:
            rows.append(hand.words(judged, "disagreement", _written(apart)))
        return rows, self._dead(items, task, answered, enough, hand)

    def _given(self, task: Task, fused: Floats) -> pl.Series:
        """(items,) the column `labels`: the share of every label, or those decided on, the largest share first."""
        if self.config.gives_shares:
            return soft_labels(task, fused)
        return label_lists(decided(task, fused, self.config.threshold), task.label_ids, best_first=fused)

    def _numbers(self, items: pl.DataFrame, task: Task, hand: Hand) -> tuple[list[pl.DataFrame], pl.DataFrame]:
        points = Points.of(task)
        given = np.stack(
            [
                vectors.values(self._answers[name].filter(pl.col("task") == task.name), items["item_id"])
                for name in self.config.from_
            ]
        )  # (annotators, items)
        answered = (~np.isnan(given)).sum(axis=0)
        weights = self._weights(self.config.weights, [""], 1.0)
        fused = methods.weighted(given[:, :, None], weights)[:, 0]
        enough = (answered >= self.config.least) & ~np.isnan(fused)
        judged = items.filter(pl.Series(enough)).with_columns(pl.Series("_fused", fused[enough]))
        apart = methods.spread(given, points.width)[enough]
        rows = [
            hand.answers(
                judged,
                task,
                value=on_scale(task, pl.col("_fused"), points.low, points.high),
                confidence=pl.Series(1 - apart).fill_nan(None),
            )
        ]
        if self.config.disagreement:
            rows.append(hand.words(judged, "disagreement", _written(apart)))
        return rows, self._dead(items, task, answered, enough, hand)

    def _dead(
        self, items: pl.DataFrame, task: Task, answered: NDArray[np.int64], enough: NDArray[np.bool_], hand: Hand
    ) -> pl.DataFrame:
        left = items.with_columns(pl.Series("_answered", answered)).filter(~pl.Series(enough))
        detail = pl.format("{} of {} answered", pl.col("_answered"), pl.lit(len(self.config.from_)))
        return hand.letters(left, [task], "no_answers", detail)

    def _weights(self, given: Weights, labels: Sequence[str], default: float) -> Floats:
        """(annotators, labels) the weight of each."""
        found = np.full((len(self.config.from_), len(labels)), default)
        for number, name in enumerate(self.config.from_):
            weight = given.get(name, default)
            if not isinstance(weight, dict):
                found[number] = weight
                continue
            for label, one in weight.items():
                if label not in labels:
                    raise RecipeError(
                        f'"{label}" has a weight and is none of: {", ".join(labels)}.', where=f"annotate.{self.name}"
                    )
                found[number, labels.index(label)] = one
        return found

    def _pair(self, task: Task, label: str, basic: Taxonomy) -> tuple[str, str] | tuple[None, None]:
        """The two basic labels that `label` blends, as `pairs` says or by their places in TONE; none for one that
        stands for what the others leave over."""
        assert task.taxonomy is not None
        if label in self.config.pairs:
            found = tuple(basic.resolve(one) for one in self.config.pairs[label])
        else:
            entry = task.taxonomy.labels[task.taxonomy.index[label]]
            if entry.role is not None:
                return None, None
            by_place = {basic.places(one): one for one in basic.ids if len(basic.places(one)) == 1}
            found = tuple(by_place.get((place,)) for place in entry.places)
        if len(found) != 2 or found[0] is None or found[1] is None:
            raise RecipeError(
                f'Nothing says which two labels of "{basic.name}" the compound label "{label}" blends.',
                where=f"annotate.{self.name}.pairs",
                fix=f'Write it down: pairs: {{"{label}": [ONE, OTHER]}}.',
            )
        return found[0], found[1]

    def _hand(self) -> Hand:
        config = self.config
        params = config.model_dump(
            mode="json",
            by_alias=True,
            include={"from_", "weights", "heads", "basic", "taxonomy", "pairs", "by_confidence", "threshold", "least"},
        )
        return Hand(
            self.name,
            self.kind,
            model=config.method,
            identity=f"fusion by {config.method} of {', '.join(config.from_)}",
            params={**params, "soft": config.gives_shares},
            strategy=config.method,
            code=_CODE,
        )


def _written(apart: Floats) -> pl.Series:
    """Numbers as texts with four digits; null where there is none."""
    return pl.Series([None if np.isnan(one) else f"{one:.4f}" for one in apart.tolist()], dtype=pl.String)
