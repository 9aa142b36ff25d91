"""What a release's own figures say against it."""

from __future__ import annotations

from collections.abc import Iterator

from dsbuild.release.contents import Contents

# Krippendorff, K. (2004). Content Analysis, 2nd ed., p. 241: below .667 no conclusion, below .800 tentative ones only.
TENTATIVE, RELIABLE = 0.667, 0.800


def limitations(contents: Contents) -> list[str]:
    """Sentences, plain text, each true of this release by its figures."""
    return [
        *_perspectives(contents),
        *_synthetic(contents),
        *_machines(contents),
        *_agreement(contents),
        *_unanswered(contents),
        *_converted(contents),
        *_overlap(contents),
    ]


def _perspectives(contents: Contents) -> Iterator[str]:
    for task in contents.tasks:
        if task.kind != "text":
            yield (
                f"{task.name} is asked from one perspective, {task.perspective}; how others would judge the same texts "
                "is not in it."
            )


def _synthetic(contents: Contents) -> Iterator[str]:
    names = ", ".join(str(corpus["name"]) for corpus in contents.corpora if corpus.get("synthetic"))
    if names:
        yield (
            f"The texts of {names} were written to express a stated emotion; figures measured on them do not carry "
            "over to what people write unasked."
        )


def _machines(contents: Contents) -> Iterator[str]:
    for aggregate in contents.metrics["aggregates"]:
        if aggregate["tier"] == "silver":
            yield f"The labels of {aggregate['name']} (silver) were given by machines and not checked by people."
        elif aggregate["tier"] == "mixed":
            yield f"The labels of {aggregate['name']} (mixed) come from people and machines together."
        if aggregate["unlabelled"]:
            counts = f"{aggregate['unlabelled']:,} of {aggregate['items']:,}"
            yield f"{aggregate['name']} leaves {counts} items without a label."


def _agreement(contents: Contents) -> Iterator[str]:
    for figure in contents.metrics["agreement"]:
        over = ", ".join(figure["over"])
        if figure["value"] is None:
            yield f"How far {over} agree on {figure['task']} is undefined: {figure['note'] or 'too little data'}."
        elif figure["value"] < RELIABLE:
            found = f"Agreement of {over} on {figure['task']} is {figure['value']:.3f} over {figure['units']:,} items"
            if figure["value"] < TENTATIVE:
                yield f"{found}, below {TENTATIVE}, under which no conclusion should rest on it."
            else:
                yield f"{found}, below {RELIABLE}: conclusions from it are tentative."


def _unanswered(contents: Contents) -> Iterator[str]:
    for annotator in contents.metrics["annotators"]:
        if annotator["dead_letters"]:
            yield (
                f"{annotator['name']} gave no usable answer to {annotator['dead_letters']:,} of "
                f"{annotator['asked']:,} questions."
            )


def _converted(contents: Contents) -> Iterator[str]:
    for one in contents.metrics.get("conversions", ()):
        lost = []
        if one["rejected"]:
            lost.append(f"{one['rejected']:,} of {one['in']:,} answers, which have no place in it")
        if one["left_out"]:
            lost.append(f"{one['left_out']:,} single labels of other answers")
        if one.get("bits"):
            lost.append(f"{one['bits']:.3f} bits of every other label")
        if lost:
            yield f"Making {one['from']} into {one['task']} lost {', and '.join(lost)}."


def _overlap(contents: Contents) -> Iterator[str]:
    leakage = contents.metrics["leakage"]
    for kind, said in (("exact", "the same text"), ("near", "nearly the same text"), ("group", "one group")):
        if leakage[kind]["pairs"]:
            yield f"{leakage[kind]['pairs']:,} pairs of items in different splits have {said}."
    if contents.metrics["conflicts"]["texts"]:
        texts = contents.metrics["conflicts"]["texts"]
        yield f"In the sources {texts:,} texts stand more than once with labels that differ."
