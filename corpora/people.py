"""The people of a corpus: who speaks, writes, or annotates, as rows of PEOPLE."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from corpora.columns import PeopleColumns
from corpora.entry import Source
from corpora.labels import LabelColumns
from corpora.pseudonyms import Pseudonyms
from corpora.scope import Scope
from schemas.tables import PEOPLE, conform, polars_schema

CONTRADICTION = "contradicting facts about one person"

_FACTS = ("gender", "age", "languages")
_LONG = {"person": pl.String, "role": pl.String, "identity": pl.String, "fact": pl.String, "value": pl.String}


class People:
    """Collects what files say about people. Memory: one row for each person and fact, however many rows say it."""

    def __init__(self, source: Source, names: Pseudonyms) -> None:
        self._source = source
        self._names = names
        self._found: list[pl.DataFrame] = []

    def see(self, entry: PeopleColumns, scope: Scope, rows: pl.DataFrame) -> None:
        """What `rows` say about the people of `entry`."""
        facts = {fact: scope.expr(text) for fact in _FACTS if (text := getattr(entry, fact)) is not None}
        for scale, columns in entry.traits.items():
            facts |= {json.dumps([scale, column]): scope.expr(column) for column in columns}
        wide = (
            rows.select(scope.expr(entry.id).alias("person"), **facts).drop_nulls("person").unique(maintain_order=True)
        )
        wide = wide.with_columns(self._names.column(wide["person"]))
        self._add(wide.select("person"), self._role(entry), None, "", None)
        for fact in facts:
            self._add(wide.select("person", value=fact), self._role(entry), None, fact, "value")

    def seen(self, annotations: pl.DataFrame, entry: LabelColumns, identity: str | None) -> None:
        """That the annotators of `annotations` answered `entry`."""
        if identity is None:
            return
        told = annotations.select(person=pl.col("annotator").str.strip_prefix(f"{self._source.name}:")).unique()
        role = "author" if entry.kind == "author" else "annotator"
        self._add(told, role, identity, "", None)

    def spoke(self, column: pl.Series, role: str) -> None:
        """That the people named in `column` have this role for items."""
        self._add(column.drop_nulls().unique().rename("person").to_frame(), role, "person", "", None)

    def _role(self, entry: PeopleColumns) -> str | None:
        """What the people of `entry` are, where the entry or the use of the same column says it."""
        if entry.role is not None:
            return entry.role
        if entry.id == self._source.columns.speaker:
            return "speaker"
        for label in self._source.labels:
            if label.annotator in (entry.id, "{" + entry.id + "}"):
                return "author" if label.kind == "author" else "annotator"
        return next((kind for kind, text in self._source.reading.groups.items() if text == entry.id), None)

    def _add(self, frame: pl.DataFrame, role: str | None, identity: str | None, fact: str, value: str | None) -> None:
        if frame.is_empty():
            return
        values = pl.col(value) if value is not None else pl.lit(None, dtype=pl.String)
        self._found.append(
            frame.select(
                "person",
                pl.lit(role, dtype=pl.String).alias("role"),
                pl.lit(identity, dtype=pl.String).alias("identity"),
                pl.lit(fact).alias("fact"),
                values.alias("value"),
            )
        )
        if len(self._found) > 200:
            self._found = [pl.concat(self._found).unique(maintain_order=True)]

    def table(self) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
        """PEOPLE, sorted, and rejects {reason, detail}: a fact that rows tell differently about one person is none."""
        if not self._found:
            return conform(pl.DataFrame(schema=polars_schema(PEOPLE)), PEOPLE), []
        found = pl.concat([pl.DataFrame(schema=_LONG), *self._found]).unique()
        told = found.filter((pl.col("fact") != "") & pl.col("value").is_not_null()).select("person", "fact", "value")
        told = told.unique().sort("person", "fact", "value")
        several = told.group_by("person", "fact", maintain_order=True).agg("value")
        torn = several.filter(pl.col("value").list.len() > 1)
        facts = several.filter(pl.col("value").list.len() == 1).select("person", "fact", pl.col("value").list.first())
        people = found.group_by("person").agg(
            pl.col("role").drop_nulls().unique().sort().alias("roles"),
            pl.col("identity").drop_nulls().sort().first().fill_null("person"),
        )
        for fact in _FACTS:
            of_fact = facts.filter(pl.col("fact") == fact).select("person", pl.col("value").alias(fact))
            people = people.join(of_fact, on="person", how="left")
        of_traits = facts.filter(pl.col("fact").str.starts_with("["))
        pairs = {name: json.loads(name) for name in of_traits["fact"].unique().to_list()}
        traits = of_traits.with_columns(
            scale=pl.col("fact").replace_strict({k: v[0] for k, v in pairs.items()}, return_dtype=pl.String),
            name=pl.col("fact").replace_strict({k: v[1] for k, v in pairs.items()}, return_dtype=pl.String),
        ).sort("person", "scale", "name")
        lists = traits.group_by("person", maintain_order=True).agg(pl.struct("scale", "name", "value").alias("traits"))
        people = people.join(lists, on="person", how="left").with_columns(
            pl.format("{}:{}", pl.lit(self._source.name), "person").alias("person"),
            pl.col("languages").str.split(",").list.eval(pl.element().str.strip_chars()),
        )
        rejects = [
            {
                "reason": CONTRADICTION,
                "detail": f"{self._source.name}:{person}: {_told(fact)} is {' and '.join(values)}",
            }
            for person, fact, values in torn.iter_rows()
        ]
        return conform(people.sort("person"), PEOPLE), rejects


def _told(fact: str) -> str:
    return ", ".join(json.loads(fact)) if fact.startswith("[") else fact
