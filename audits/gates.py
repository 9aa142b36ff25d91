"""Conditions that a release has to meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from audits.gate_advice import NO_FIGURE, advice

Metric = Literal["krippendorff_alpha", "accuracy", "macro_f1", "micro_f1", "leakage", "max_share", "unlabelled_share"]
Entry = Mapping[str, Any]

_SCORES = ("accuracy", "macro_f1", "micro_f1")
_KINDS = ("exact", "near", "group")


class GateConfig(BaseModel):
    """An entry of the recipe's `gates`: a figure of the audit and the bound that it must keep.

    - `krippendorff_alpha`: on `task` between `from`.
    - `accuracy`, `macro_f1`, `micro_f1`: on `task` of each of `from` `against` a reference; with `by: [language]` in
      every language by itself. The worst decides.
    - `leakage`: pairs across splits, `by` kind (exact, near, group; default all), added up; near counts what the
      search found and what it missed. `near` is the similarity from which texts count as near.
    - `max_share`: the largest share that one label has among the labelled items, of each aggregate in `from`.
    - `unlabelled_share`: the share of items that each aggregate in `from` leaves without a label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    metric: Metric
    task: str | None = None
    from_: tuple[str, ...] = Field(default=(), alias="from")
    against: str | None = None
    by: tuple[str, ...] = ()
    near: float | None = Field(default=None, gt=0, le=1)
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a gate has exactly one of at_least and at_most")
        if self.metric == "leakage":
            unknown = set(self.by) - set(_KINDS)
            if unknown:
                raise ValueError(f"leakage is counted by {', '.join(_KINDS)}, not by {', '.join(sorted(unknown))}")
            if self.task or self.from_ or self.against:
                raise ValueError("leakage looks at items: it has no task, from or against")
        else:
            if self.task is None:
                raise ValueError(f"{self.metric} needs a task")
            if self.near is not None:
                raise ValueError("only leakage has near")
        if self.metric in _SCORES and (self.against is None or not self.from_):
            raise ValueError(f"{self.metric} needs from (whose labels) and against (the reference)")
        if self.metric not in _SCORES and self.against is not None:
            raise ValueError(f"{self.metric} is not measured against anything")
        if self.metric in ("max_share", "unlabelled_share") and not self.from_:
            raise ValueError(f"{self.metric} needs from (aggregates)")
        if self.metric not in (*_SCORES, "leakage") and self.by:
            raise ValueError(f"{self.metric} is not counted by anything")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of leakage that count."""
        return self.by or _KINDS

    @property
    def wanted(self) -> str:
        """The bound as it is reported."""
        return f"at_least {self.at_least:g}" if self.at_least is not None else f"at_most {self.at_most:g}"

    def keeps(self, seen: float | None) -> bool:
        """Whether a figure keeps the bound; an undefined one never does."""
        if seen is None:
            return False
        return seen >= self.at_least if self.at_least is not None else seen <= (self.at_most or 0.0)


def check(
    gates: Iterable[GateConfig], metrics: Entry, *, members: Mapping[str, Sequence[str]] | None = None
) -> list[dict[str, Any]]:
    """Hold the figures of metrics.json against `gates`.

    `members` says which annotators a name in `from` stands for (a session, a corpus); any other name is itself.

    Returns:
        `gates` of metrics.json, in the order of `gates`: metric, task, from, by, wanted, seen (None: undefined or not
        measured, which never passes), passed, n (items behind the figure), fix (empty where passed).
    """
    return [_checked(gate, metrics, members or {}) for gate in gates]


def _checked(gate: GateConfig, metrics: Entry, members: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    figures = _figures(gate, metrics, members)
    seen, n, entry = _worst(gate, figures)
    passed = gate.keeps(seen)
    result = {
        "metric": gate.metric,
        "task": gate.task,
        "from": list(gate.from_),
        "against": gate.against,
        "by": list(gate.kinds if gate.metric == "leakage" else gate.by),
        "wanted": gate.wanted,
        "seen": seen,
        "passed": passed,
        "n": n,
    }
    return {**result, "fix": "" if passed else advice(gate.metric, gate.kinds, entry)}


def _worst(gate: GateConfig, figures: list[tuple[float | None, int, Entry]]) -> tuple[float | None, int, Entry]:
    """The figure that is furthest on the wrong side; an undefined one is worse than any."""
    if not figures:
        return None, 0, NO_FIGURE
    for one in figures:
        if one[0] is None:
            return one
    known = [(seen, n, entry) for seen, n, entry in figures if seen is not None]
    return min(known, key=lambda one: one[0] if gate.at_least is not None else -one[0])


def _figures(
    gate: GateConfig, metrics: Entry, members: Mapping[str, Sequence[str]]
) -> list[tuple[float | None, int, Entry]]:
    if gate.metric == "leakage":
        return _leaks(gate, metrics["leakage"])
    if gate.metric == "krippendorff_alpha":
        people = {person for name in gate.from_ for person in members.get(name, [name])}
        of_task = [entry for entry in metrics["agreement"] if entry["task"] == gate.task]
        named = [entry for entry in of_task if not gate.from_ or set(entry["over"]) in (people, set(gate.from_))]
        return [(entry["value"], entry["units"], entry) for entry in named]
    found: list[tuple[float | None, int, Entry]] = []
    for name in gate.from_:
        if gate.metric in _SCORES:
            entries = [
                (entry[gate.metric]["value"], entry["n"], entry)
                for entry in metrics["scores"]
                if (entry["task"], entry["of"], entry["against"]) == (gate.task, name, gate.against)
                and set(entry["by"]) == set(gate.by)
            ]
        else:
            entries = [
                _share(gate.metric, entry)
                for entry in metrics["aggregates"]
                if (entry["task"], entry["name"]) == (gate.task, name)
            ]
        # A name without a figure is a condition that nothing shows to be met.
        found += entries or [(None, 0, NO_FIGURE)]
    return found


def _share(metric: str, entry: Entry) -> tuple[float | None, int, Entry]:
    labelled = entry["items"] - entry["unlabelled"]
    if metric == "unlabelled_share":
        return (entry["unlabelled"] / entry["items"] if entry["items"] else None), entry["items"], entry
    most = max(entry["labels"].values(), default=0)
    return (most / labelled if labelled else None), labelled, entry


def _leaks(gate: GateConfig, found: Entry) -> list[tuple[float | None, int, Entry]]:
    n = sum(found[kind]["items"] for kind in gate.kinds)
    searched = found["near"]["threshold"] if "near" in gate.kinds else None
    if searched is not None and gate.near is not None and searched > gate.near:
        note = f"Near texts were searched from {searched:g} up, the gate wants {gate.near:g}."
        return [(None, n, {"note": note})]
    pairs = sum(found[kind]["pairs"] for kind in gate.kinds)
    missed = found["near"]["missed"] if "near" in gate.kinds else 0
    return [(float(pairs + missed), n, found)]
