"""An annotator that knows words and nothing else.

It is the third opinion of the quick start: different in kind from models, right where somebody names the feeling, and
silent elsewhere. It does not understand negation ("not happy" counts as joy), irony, or who feels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from annotators.lexicon.categories import Categories, read_categories
from annotators.lexicon.config import LexiconConfig
from annotators.lexicon.norms import Norms, named_norms, read_norms
from annotators.lexicon.terms import count_all_words, find_terms
from annotators.lexicon.words import count_words, lexicon_labels, lexicons, spotted_words
from annotators.rows import LABELS, Hand, on_scale, with_hashes
from schemas.errors import DsbuildError
from schemas.ids import digest
from schemas.protocols import AnnotatorOutput
from schemas.task import Task

_CODE = "annotators.lexicon/2"


class LexiconAnnotator:
    """Answers a task with the labels whose words a text holds, or with the mean of its words' numbers.

    A multi task gets every such label, a choice task the one with most words (the earlier in the taxonomy when equal).
    The confidence is the best label's share of the emotion words found; labels have no scores, which would make a soft
    label of them (`schemas.task`), and a word that is missing is no probability. Labels of
    the lexicon reach a task's taxonomy by its ids and aliases; `original` keeps the lexicon's own name.

    A scale task gets the mean over the words found, moved from the norms' scale into the task's range; the confidence
    is their share of all words of the text. A text without any is passed over.
    """

    kind = "lexicon"

    def __init__(self, config: LexiconConfig) -> None:
        self.config = config
        self.name = config.name
        self._categories: Categories | None = None if config.categories is None else read_categories(config.categories)
        self._norms: Norms | None = None
        if config.vad is not None:
            self._norms = read_norms(config.vad, config.scale)
        elif config.norms is not None:
            self._norms = named_norms(config.norms)
        self._own = lexicon_labels() if self._categories is None else list(self._categories.labels)

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS). Items without text or in a language without a lexicon become dead letters.

        Raises:
            DsbuildError: a task has no labels the lexicon has words for, lacks the exclusive label asked for, or asks
                for a dimension that the norms do not have.
        """
        labelled = [task for task in tasks if task.kind != "scale"]
        scaled = [task for task in tasks if task.kind == "scale"]
        crosswalks = {task.name: self._crosswalk(task) for task in labelled}
        hand = self._hand()
        made: list[pl.DataFrame] = []
        dead: list[pl.DataFrame] = []
        items = with_hashes(items)
        if labelled:
            counts = count_words(items) if self._categories is None else self._categories.count(items["text"])
            known = counts[self._own[0]].is_not_null() & self._for_files(items, self._categories is not None)
            judged = items.with_columns(counts).filter(known)
            made += [self._labels(judged, task, crosswalks[task.name], hand) for task in labelled]
            made += self._by_products(judged, hand)
            dead.append(self._dead(items.filter(~known), labelled, hand))
        if scaled:
            known = items["text"].is_not_null() & self._for_files(items, True)
            made += self._numbers(items.filter(known), scaled, hand)
            dead.append(self._dead(items.filter(~known), scaled, hand))
        passed = sum(int(part["skipped"].sum()) for part in made)
        return hand.output(items.height * len(tasks), made, dead, passed=passed)

    def _for_files(self, items: pl.DataFrame, of_a_file: bool) -> pl.Series:
        """(rows,) whether the language of each of `items` is one that the files are for."""
        if not of_a_file or self.config.languages is None:
            return pl.Series([True], dtype=pl.Boolean).new_from_index(0, items.height)
        primary = items["language"].str.to_lowercase().str.split("-").list.first()
        return primary.is_in(list(self.config.languages)).fill_null(False)

    def _crosswalk(self, task: Task) -> dict[str, list[str]]:
        """{label of the task: the lexicon's labels that stand for it}, in the taxonomy's order."""
        found: dict[str, list[str]] = {}
        if task.taxonomy is not None:
            resolved = {label: task.taxonomy.resolve(label) for label in self._own}
            found = {i: [own for own, given in resolved.items() if given == i] for i in task.label_ids}
            found = {i: own for i, own in found.items() if own}
        if not found:
            raise DsbuildError(
                f'The lexicon "{self.name}" has no words for the labels of the task "{task.name}".',
                fix=f"Leave the task out of its `tasks`; the lexicon has words for {', '.join(self._own)}.",
            )
        if self.config.without_words == "exclusive" and not task.exclusive:
            raise DsbuildError(
                f'The task "{task.name}" has no exclusive label to give to texts without emotion words.',
                where=f"annotate.{self.name}.without_words",
                fix='Use "pass" or "none".',
            )
        return found

    def _labels(self, judged: pl.DataFrame, task: Task, crosswalk: dict[str, list[str]], hand: Hand) -> pl.DataFrame:
        """One ANNOTATIONS row for each of `judged` (ITEMS and a count for each label of the lexicon)."""
        hits = {label: pl.sum_horizontal(own) for label, own in crosswalk.items()}
        total = pl.sum_horizontal(list(hits.values()))
        best = pl.max_horizontal(list(hits.values()))
        structs = []
        for label, count in hits.items():
            # Where several of the lexicon's labels stand for one (anger and disgust), the one that was found is kept.
            original = pl.coalesce(*(pl.when(pl.col(own) > 0).then(pl.lit(own)) for own in crosswalk[label]))
            score = pl.lit(None, dtype=pl.Float64).alias("score")
            one = pl.struct(pl.lit(label).alias("label"), score, original.alias("original"))
            structs.append(pl.when(count > 0 if task.kind == "multi" else count == best).then(one))
        given = pl.concat_list(structs).list.drop_nulls()
        if task.kind == "choice":
            given = given.list.head(1)
        none = pl.lit([], dtype=LABELS)
        if self.config.without_words == "exclusive":
            none = pl.lit([{"label": task.exclusive[0], "score": None, "original": None}], dtype=LABELS)
        elif self.config.without_words == "pass":
            none = pl.lit(None, dtype=LABELS)
        found = judged.with_columns(
            pl.when(total > 0).then(given.cast(LABELS)).otherwise(none).alias("labels"),
            pl.when(total > 0).then(best / total).alias("confidence"),
        )
        skipped = pl.col("labels").is_null()
        return hand.answers(found, task, labels=pl.col("labels"), confidence=pl.col("confidence"), skipped=skipped)

    def _by_products(self, judged: pl.DataFrame, hand: Hand) -> list[pl.DataFrame]:
        """`emotion_topk` and `cause_words` of `judged` (ITEMS and counts), in the lexicon's own labels."""
        if not self.config.top and not self.config.cause_words:
            return []
        counts = judged.select(self._own).to_numpy()
        order = np.argsort(-counts.astype(np.int64), axis=1, kind="stable")
        made = []
        if self.config.top:
            row = np.repeat(np.arange(judged.height), len(self._own))
            ranked = pl.DataFrame({"row": row, "label": pl.Series(self._own)[order.ravel()]})
            ranked = ranked.filter(pl.Series(counts[row, order.ravel()] > 0))
            made.append(hand.words(judged, "emotion_topk", _joined(ranked, "label", judged.height, self.config.top)))
        if self.config.cause_words:
            best = pl.Series(self._own)[order[:, 0]] if judged.height else pl.Series([], dtype=pl.String)
            if self._categories is None:
                words = spotted_words(judged.with_columns(best.alias("_best")))
            else:
                places = self._categories.found(judged["text"])
                tops = pl.DataFrame({"emotion": best}).with_row_index("row")
                words = places.join(tops, on=["row", "emotion"], maintain_order="left").with_columns(
                    word=pl.col("term").str.replace_all("  ", " ", literal=True)
                )
            spotted = words.unique(["row", "word"], keep="first", maintain_order=True)
            made.append(
                hand.words(judged, "cause_words", _joined(spotted, "word", judged.height, self.config.cause_words))
            )
        return made

    def _numbers(self, judged: pl.DataFrame, tasks: Sequence[Task], hand: Hand) -> list[pl.DataFrame]:
        """One ANNOTATIONS row for each of `judged` (ITEMS) and scale task."""
        norms = self._norms
        wanted = {task.name: self.config.dimension(task) for task in tasks}
        for task, dimension in wanted.items():
            if norms is None or dimension not in norms.dimensions:
                there = "no norms" if norms is None else f"norms of {', '.join(norms.dimensions)} only"
                raise DsbuildError(
                    f'The lexicon "{self.name}" has {there}, and the task "{task}" asks for {dimension}.',
                    where=f"annotate.{self.name}",
                    fix="Name a file with that column in `vad`, or leave the task out of its `tasks`.",
                )
        assert norms is not None
        places = find_terms(judged["text"], norms.table["term"].to_list())
        means = (
            places.join(norms.table, on="term", how="left")
            .group_by("row")
            .agg(pl.col("words").sum(), *(pl.col(name).mean() for name in norms.dimensions))
        )
        rows = pl.DataFrame({"_words": count_all_words(judged["text"])}).with_row_index("row")
        found = rows.join(means, on="row", how="left", maintain_order="left")
        frame = judged.with_columns(found.drop("row").rename(lambda name: name if name == "_words" else f"_{name}_"))
        return [
            hand.answers(
                frame,
                task,
                value=on_scale(task, pl.col(f"_{wanted[task.name]}_"), norms.low, norms.high),
                confidence=pl.col("_words_") / pl.col("_words"),
                skipped=pl.col(f"_{wanted[task.name]}_").is_null(),
            )
            for task in tasks
        ]

    def _dead(self, left: pl.DataFrame, tasks: Sequence[Task], hand: Hand) -> pl.DataFrame:
        no_text = pl.col("text").is_null()
        return hand.letters(
            left,
            tasks,
            pl.when(no_text).then(pl.lit("no_text")).otherwise(pl.lit("language")),
            pl.when(no_text)
            .then(pl.lit("the item has no text"))
            .otherwise(pl.format("no lexicon for the language {}", pl.col("language").fill_null("unknown"))),
        )

    def _hand(self) -> Hand:
        sources = []
        if self._categories is not None:
            sources.append(self._categories.identity)
        else:
            sources.append(f"words sha256:{digest(lexicons())}")
        params: dict[str, object] = {"without_words": self.config.without_words}
        if self._norms is not None:
            sources.append(self._norms.identity)
            told = "declared" if self._norms.declared else "told from the numbers"
            params |= {"scale": [self._norms.low, self._norms.high], "scale_is": told, "oov": "left out of the mean"}
        return Hand(
            self.name,
            self.kind,
            model="lexicon",
            identity="; ".join(sources),
            params=params,
            strategy="words",
            code=_CODE,
        )


def _joined(ranked: pl.DataFrame, column: str, height: int, most: int) -> pl.Series:
    """(height,) the first `most` of each row's `column` in `ranked` (row, ...), comma between them; null for none."""
    lists = ranked.group_by("row", maintain_order=True).agg(pl.col(column).head(most).str.join(", "))
    rows = pl.DataFrame({"row": pl.int_range(height, dtype=pl.UInt32, eager=True)})
    return rows.join(lists.cast({"row": pl.UInt32}), on="row", how="left", maintain_order="left")[column]
