"""Answers that are ticked or typed: labels, levels, ranks, numbers, words, texts."""

from __future__ import annotations

from typing import Any

from annotators.label_studio.results.regions import NOTHING, POINT, Given, Page, Result, digits
from schemas.kinds.points import Points, plain
from schemas.label_studio_config import CONTROL, ELSE, NONE, numbered
from schemas.task import Answer, Attribute, Task

_BOXES = ("choices",)


def read_labels(task: Task, result: Any) -> Answer:
    """choice and multi: the ticked labels in the taxonomy's order, none for the box "none of these"."""
    given = Given(result, {CONTROL: _BOXES}).strings(CONTROL)
    if not given:
        raise ValueError(NOTHING)
    if NONE in given:
        if len(given) > 1:
            raise ValueError("none of these was ticked beside labels")
        return Answer(labels=[])
    check_labels(task, given)
    return Answer(labels=sorted(given, key=task.label_ids.index))


def write_labels(task: Task, answer: Answer, page: Page) -> Result:
    """choice, multi and pairwise."""
    if answer.labels is None:
        raise ValueError("there are no labels to suggest")
    check_labels(task, answer.labels)
    if task.kind == "pairwise" and not answer.labels:
        raise ValueError("there are no labels to suggest")
    return [page.region(CONTROL, list(answer.labels) or [NONE])]


def check_labels(task: Task, labels: list[str]) -> None:
    """Raises ValueError where these are no answer to a choice, multi or pairwise task."""
    known = set(task.label_ids)
    for label in labels:
        if label not in known:
            raise ValueError(f"{label!r} is no label of this question")
    if len(set(labels)) != len(labels):
        raise ValueError("the same label was given twice")
    if task.kind != "multi" and len(labels) > 1:
        raise ValueError("more than one label was given")
    alone = [label for label in labels if label in task.exclusive]
    if alone and len(labels) > 1:
        raise ValueError(f"{alone[0]!r} was given beside other labels")
    if task.most is not None and len(labels) > task.most:
        raise ValueError(f"{len(labels)} labels were given, but at most {task.most} are wanted")


def read_preference(task: Task, result: Any) -> Answer:
    """pairwise: the one that was ticked."""
    given = Given(result, {CONTROL: _BOXES}).strings(CONTROL)
    if not given:
        raise ValueError(NOTHING)
    check_labels(task, given)
    return Answer(labels=given)


def read_scale(task: Task, result: Any) -> Answer:
    """scale: one number."""
    value = Given(result, {CONTROL: POINT}).point(CONTROL, Points.of(task))
    assert value is not None  # there is a region, and no other control it could belong to
    return Answer(value=value)


def write_scale(task: Task, answer: Answer, page: Page) -> Result:
    """scale."""
    if answer.value is None:
        raise ValueError("there is no number to suggest")
    return [page.region(CONTROL, Points.of(task).read("value", answer.value))]


def read_levels(task: Task, result: Any) -> Answer:
    """intensity: a level for every label, in the taxonomy's order."""
    names = {label: numbered(place) for place, label in enumerate(task.label_ids, 1)}
    given = Given(result, dict.fromkeys(names.values(), POINT))
    levels = {label: given.point(name, Points.of(task)) for label, name in names.items()}
    missing = [label for label, level in levels.items() if level is None]
    if missing:
        raise ValueError(f"no level was given for {missing[0]!r}")
    return Answer(labels=list(levels), scores=list(levels.values()))


def write_levels(task: Task, answer: Answer, page: Page) -> Result:
    """intensity: every label needs a level, for one left out would look like one not yet given."""
    levels = dict(zip(answer.labels or [], answer.scores or [], strict=True))
    if set(levels) != set(task.label_ids) or None in levels.values():
        raise ValueError("not every label has a level to suggest")
    allowed = Points.of(task)
    return [
        page.region(numbered(place), allowed.read(label, levels[label]))
        for place, label in enumerate(task.label_ids, 1)
    ]


def read_ranks(task: Task, result: Any) -> Answer:
    """ranking: labels with equal numbers are tied; the numbers' order counts, not their gaps, but one has to be 1."""
    names = {label: numbered(place) for place, label in enumerate(task.label_ids, 1)}
    given = Given(result, {**dict.fromkeys(names.values(), ("number",)), ELSE: _BOXES})
    places: dict[float, list[str]] = {}
    for label, name in names.items():
        region = given.one(name)
        if region is None:
            continue
        rank = digits(region)
        if not rank.is_integer() or not 1 <= rank <= len(task.label_ids):
            raise ValueError(f"{rank:.12g} is no rank")
        places.setdefault(rank, []).append(label)
    none(given, bool(places), "ranks")
    if places and 1 not in places:
        raise ValueError("no label was ranked first")
    ranking = [places[rank] if len(places[rank]) > 1 else places[rank][0] for rank in sorted(places)]
    answer = task.parse({"ranking": ranking})
    return Answer(labels=answer.labels, scores=answer.scores)


def write_ranks(task: Task, answer: Answer, page: Page) -> Result:
    """ranking."""
    if answer.labels is None:
        raise ValueError("there is no ranking to suggest")
    task.parse(task.given(answer))
    ranks = dict(zip(answer.labels, answer.scores or range(1, len(answer.labels) + 1), strict=True))
    names = {label: numbered(place) for place, label in enumerate(task.label_ids, 1)}
    return [page.region(names[label], rank) for label, rank in ranks.items()] or [page.none()]


def none(given: Given, answered: bool, what: str) -> None:
    """Raises ValueError unless there is an answer or the box for none was ticked, and not both."""
    if given.other is None and not answered:
        raise ValueError(NOTHING)
    if given.other not in (None, NONE):
        raise ValueError(f"{given.other!r} is no label of this question")
    if given.other == NONE and answered:
        raise ValueError(f"none of these was ticked beside {what}")


def read_text(task: Task, result: Any) -> Answer:
    """text: what was written, without the blanks around it."""
    given = Given(result, {CONTROL: ("textarea",)}).strings(CONTROL)
    text = "\n".join(given or []).strip()
    if not text:
        raise ValueError("the text is empty")
    return Answer(text=text)


def write_text(task: Task, answer: Answer, page: Page) -> Result:
    """text."""
    if not answer.text:
        raise ValueError("there is no text to suggest")
    return [page.region(CONTROL, [answer.text])]


def read_words(task: Task, result: Any) -> Answer:
    """open: each submission is a word, kept as it was written; the same word twice counts once."""
    given = Given(result, {CONTROL: ("textarea",), ELSE: _BOXES})
    words = [word for word in given.strings(CONTROL) or [] if word.strip()]
    none(given, bool(words), "words")
    return task.parse({"labels": words})


def write_words(task: Task, answer: Answer, page: Page) -> Result:
    """open."""
    if answer.labels is None:
        raise ValueError("there are no words to suggest")
    words = list(answer.originals or answer.labels)
    task.parse({"labels": words})
    return [page.region(CONTROL, words)] if words else [page.none()]


def read_attributes(task: Task, result: Any) -> Answer:
    """attributes: something about each of them."""
    names = {name: numbered(place) for place, name in enumerate(task.attributes, 1)}
    wanted = {names[name]: POINT if one.kind == "scale" else _BOXES for name, one in task.attributes.items()}
    given = Given(result, wanted)
    answer = task.parse(
        {"attributes": {name: _attribute(given, name, names[name], one) for name, one in task.attributes.items()}}
    )
    return Answer(labels=answer.labels, scores=answer.scores)


def _attribute(given: Given, name: str, control: str, one: Attribute) -> Any:
    if one.kind == "scale":
        value = given.point(control, Points.of(one))
        if value is None:
            raise ValueError(f"nothing was said about {name!r}")
        return value
    ticked = given.strings(control)
    if not ticked:
        raise ValueError(f"nothing was said about {name!r}")
    if NONE in ticked:
        if len(ticked) > 1:
            raise ValueError("none of these was ticked beside options")
        ticked = []
    for option in ticked:
        if option not in one.options:
            raise ValueError(f"{option!r} is no option of {name!r}")
    if one.kind == "multi":
        if len(set(ticked)) != len(ticked):
            raise ValueError("the same option was given twice")
        return ticked
    if len(ticked) > 1:
        raise ValueError(f"more than one option of {name!r} was given")
    return ticked[0] if ticked else None


def write_attributes(task: Task, answer: Answer, page: Page) -> Result:
    """attributes: something about each, for one left out would look like one not yet answered."""
    given = task.given(answer)
    task.parse(given)
    result = []
    for place, (name, one) in enumerate(task.attributes.items(), 1):
        said = given["attributes"][name]
        if one.kind != "scale":
            said = ([said] if isinstance(said, str) else said) or [NONE]
        result.append(page.region(numbered(place), said if isinstance(said, list) else plain(said)))
    return result
