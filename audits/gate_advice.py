"""What would most likely make a failed gate pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audits.figures import NONE

NO_FIGURE: Mapping[str, Any] = {
    "note": "The audit has no such figure: check the gate's task, from, against and by against the recipe's names, and "
    "that annotators and reference share items."
}

_LEAKS = {
    "exact": "deduplicate after splitting, with `keep` naming the splits in order",
    "near": "lower deduplicate's `near` to the gate's threshold or below",
    "group": "split with `by` naming the kinds of groups that stay together",
}


def advice(metric: str, kinds: Sequence[str], entry: Mapping[str, Any]) -> str:
    """One or two sentences for a person, from the entry of metrics.json that the gate looked at."""
    if _undefined(metric, entry):
        return str(entry.get("note") or "The figure is undefined: there is nothing to compute it from.")
    if metric == "krippendorff_alpha":
        return _agreement(entry)
    if metric in ("accuracy", "macro_f1", "micro_f1"):
        return _scores(entry)
    if metric == "leakage":
        return _leakage(kinds, entry)
    if metric == "max_share":
        label = max(entry["labels"], key=lambda name: entry["labels"][name])
        return f"{label} has {entry['labels'][label]:,} items: draw more items of other labels, or sample by label."
    return (
        f"{entry['unlabelled']:,} of {entry['items']:,} items have no label ({entry['ties']:,} ties): adjudicate them, "
        "ask one more annotator, or take a method that decides ties."
    )


def _undefined(metric: str, entry: Mapping[str, Any]) -> bool:
    if metric == "krippendorff_alpha":
        return entry.get("value") is None
    if metric in ("accuracy", "macro_f1", "micro_f1"):
        return not entry.get("n") or entry[metric]["value"] is None
    if metric == "leakage":
        return "exact" not in entry
    return not entry.get("items") or entry["items"] == entry["unlabelled"] == 0


def _agreement(entry: Mapping[str, Any]) -> str:
    interval = f" The interval is {entry['low']:.3g} to {entry['high']:.3g}." if entry["low"] is not None else ""
    if not entry["labels"]:
        return f"Sharpen the instructions with examples, and repeat a round on items where annotators differ.{interval}"
    known = [label for label in entry["labels"] if label["value"] is not None]
    worst = sorted(known, key=lambda label: float(label["value"]))[:3]
    named = ", ".join(f"{label['label']} ({label['value']:.3g})" for label in worst)
    return (
        f"Annotators agree least on {named}: sharpen these definitions with examples, or merge them, and repeat a "
        f"round on items where they differ.{interval}"
    )


def _scores(entry: Mapping[str, Any]) -> str:
    supported = [label for label in entry["labels"] if label["support"]]
    worst = sorted(supported, key=lambda label: float(label["f1"]))[:3]
    named = ", ".join(f"{label['label']} (F1 {label['f1']:.3g} of {label['support']:,})" for label in worst)
    names, counts = entry["confusion"]["labels"], entry["confusion"]["counts"]
    confused = [
        (float(counts[row][column]), names[row], names[column])
        for row in range(len(names))
        for column in range(len(names))
        if row != column and counts[row][column]
    ]
    mistaken = ""
    if confused:
        times, wanted, given = max(confused, key=lambda one: one[0])
        given = "no label" if given == NONE else given
        mistaken = f"; most often {given} is given for {wanted} ({times:.3g} times)"
    return f"{entry['of']} is weakest on {named}{mistaken}: sharpen these definitions or change the annotator."


def _leakage(kinds: Sequence[str], entry: Mapping[str, Any]) -> str:
    said = []
    for kind in kinds:
        found = entry[kind]
        missed = found.get("missed", 0)
        if not found["pairs"] + missed:
            continue
        extra = f" and {missed:,} that the search missed" if missed else ""
        shown = "".join(f", such as {one['a']} and {one['b']}" for one in found["examples"][:1])
        said.append(f"{found['pairs']:,} {kind} pairs{extra}{shown}: {_LEAKS[kind]}.")
    return " ".join(said)
