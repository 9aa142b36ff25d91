"""Who reads whom in a recipe: names that refer to nothing, circles that have no beginning, and the order to run in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from dsbuild.recipe.expand import naming
from dsbuild.recipe.names import Fault, Loc, Names
from dsbuild.recipe.problems import quoted
from schemas.config import AnnotatorConfig
from schemas.where import Condition, calls, names_in


def needs(entry: AnnotatorConfig) -> tuple[str, ...]:
    """The names that must have answered before `entry` begins: those it reads, and those its items depend on."""
    condition = entry.on.condition
    asked = () if condition is None else names_in(condition)
    return tuple(dict.fromkeys((*entry.reads, *asked)))


def in_order(entries: Sequence[AnnotatorConfig]) -> list[AnnotatorConfig]:
    """The annotators so that whoever is read comes before who reads; otherwise in the recipe's order."""
    waiting = list(entries)
    names = {entry.name for entry in entries}
    done: set[str] = set()
    found: list[AnnotatorConfig] = []
    while waiting:
        ready = next((one for one in waiting if not (set(needs(one)) & names) - done), None)
        assert ready is not None, "the recipe's loader refuses circles"
        waiting.remove(ready)
        done.add(ready.name)
        found.append(ready)
    return found


def read_by_annotators(names: Names) -> Iterator[Fault]:
    """Faults of what annotators read of others: names of nobody, and circles."""
    reads: dict[str, list[str]] = {}
    places: dict[str, Loc] = {}
    for loc, entry in names.entries("annotate"):
        for name in entry.reads:
            where: Loc = (*loc, *naming(entry, name))
            why = names.missing_source(name, None, "annotate", "corpora")
            if why is not None:
                yield where, why
            places.setdefault(entry.name, where)
        if entry.on.condition is not None:
            places.setdefault(entry.name, (*loc, "on", "where"))
        owners = (names.find("annotate", name) for name in needs(entry))
        reads[entry.name] = [owner.name for owner in owners if owner is not None]
    found = circle(reads)
    if found is not None:
        told = ", ".join(f"{quoted(one)} needs {quoted(other)}" for one, other in pairwise(found))
        yield places[found[0]], f"none of them can be the first: {told}"


def circle(needs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A circle among {name: names it needs}, its first name again at the end; null where there is none."""
    clear: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str] | None:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in clear:
            return None
        for other in needs.get(name, ()):
            found = follow(other, [*way, name])
            if found is not None:
                return found
        clear.add(name)
        return None

    for name in needs:
        found = follow(name, [])
        if found is not None:
            return found
    return None


def condition_faults(
    names: Names, loc: Loc, condition: Condition, tasks: Sequence[str] | None, *people: str
) -> Iterator[Fault]:
    """Faults of a condition at `loc` about `tasks` (null: all of the recipe), whose names may stand for annotators,
    corpora, and what is in the sections `people`."""
    answered = names.of("tasks") if tasks is None else tasks
    for call in calls(condition):
        for name in call.names:
            why = names.missing_source(name, call.task, "annotate", "corpora", *people)
            entry = names.find("annotate", name)
            if why is not None:
                yield loc, f"{why}; in {call}"
            elif entry is not None and entry.tasks is not None and not set(entry.tasks) & set(answered):
                yield loc, f"{quoted(name)} answers none of the tasks in question; in {call}"
        if call.task is not None and (why := names.missing(call.task, "tasks")) is not None:
            yield loc, f"{why}; in {call}"
        elif call.task is not None and call.task not in answered:
            yield loc, f"the task {quoted(call.task)} is none of this entry's; in {call}"
        alone = [one for name in call.names for one in names.annotators_in(name) or (name, f"{name}:")]
        if call.word == "disagree" and len(alone) == 1:
            yield loc, f"one annotator cannot disagree, name at least two; in {call}"
