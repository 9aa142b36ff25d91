"""What a recipe declares, so that what refers to it can be looked up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from corpora.entry import ITEMS, CorpusConfig, Source, resolve
from corpora.labels import LabelColumns
from dsbuild.recipe.draft import Draft
from dsbuild.recipe.filled import local_names
from dsbuild.recipe.problems import quoted, suggestion
from schemas.config import AnnotatorConfig
from schemas.errors import DsbuildError
from schemas.task import Task

# Steps that set no split; without another, items are in none.
_LEAVE_SPLITS = {"normalise", "identify_language", "deduplicate"}

Loc = tuple[str | int, ...]
Fault = tuple[Loc, str]


class Key(str):
    """The last part of a location, where the key itself is at fault and not its value."""


def names_of(entry: Any) -> tuple[str, ...]:
    """The names that an entry takes: its own, and those of the annotators it stands for."""
    members = [one.name for one in entry.expanded()] if isinstance(entry, AnnotatorConfig) else []
    return tuple(dict.fromkeys((entry.name, *members)))


WORDS = {"tasks": "task", "corpora": "corpus", "annotate": "annotator", "gold": "session", "aggregate": "aggregate"}


@dataclass(frozen=True)
class Names:
    """The names in a draft. An entry that is left out for a mistake of its own still counts as declared."""

    draft: Draft
    sources: Mapping[str, Source]
    """The corpora whose files and labels are known."""

    def entries(self, section: str) -> Iterator[tuple[Loc, Any]]:
        """The valid entries of a section, each with its location in the file."""
        entries = getattr(self.draft.recipe, section)
        for place, entry in zip(self.draft.index.get(section, ()), entries, strict=True):
            yield (section, place), entry

    def of(self, section: str) -> list[str]:
        """All names declared in a section; of an entry that stands for several annotators its own and theirs."""
        valid: Iterable[str] = self.draft.recipe.task_names
        if section != "tasks":
            valid = [name for _, entry in self.entries(section) for name in names_of(entry)]
        return [*valid, *self.draft.broken.get(section, ())]

    def find(self, section: str, name: str) -> Any:
        """The valid entry of that name, or that stands for an annotator of that name; null where there is none."""
        return next((entry for _, entry in self.entries(section) if name in names_of(entry)), None)

    def annotators_in(self, name: str) -> tuple[str, ...]:
        """The annotators that `name` stands for, where it is an entry of `annotate`; else none."""
        entry = self.find("annotate", name)
        if entry is None:
            return ()
        members = tuple(one.name for one in entry.expanded())
        return members if name == entry.name else (name,)

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks of the valid entries by name. Those at fault, a name that is taken twice among them, are told where
        they stand and are not in it."""
        found: list[Task] = []
        for _, entry in self.entries("tasks"):
            try:
                found += entry.tasks()
            except (DsbuildError, ValidationError):
                continue
        declared = Counter(self.of("tasks"))
        return {task.name: task for task in found if declared[task.name] == 1}

    def missing(self, name: str, *sections: str) -> str | None:
        """Why `name` refers to nothing in `sections`, with a suggestion; null where it does, or where what it may
        refer to cannot be read."""
        declared = [one for section in sections for one in self.of(section)]
        if name in declared or any(section in self.draft.unknown for section in sections):
            return None
        words = " or ".join(WORDS[section] for section in sections)
        return f"there is no {words} {quoted(name)}; {suggestion(name, declared, kind='there are')}"

    def missing_source(self, name: str, task: str | None, *sections: str) -> str | None:
        """As `missing`; where a corpus may stand, CORPUS:ANNOTATOR may, for the annotations it came with by one."""
        corpus, colon, annotator = name.partition(":")
        if not colon or "corpora" not in sections:
            return self.missing(name, *sections)
        labels = self.carried(corpus)
        meant = None if task is None else local_names(self.draft.recipe, corpus, task)
        fitting = [one for one in labels or () if meant is None or one.task in meant]
        known = sorted({one.annotator for one in fitting})
        if labels is None or any(one.answers_as(annotator) for one in fitting):
            return self.missing(corpus, "corpora")
        of_task = "" if task is None else f" of {quoted(task)}"
        near = suggestion(annotator, known, kind="it has")
        return f"the corpus {quoted(corpus)} came with no annotator {quoted(annotator)}{of_task}; {near}"

    def references(self, loc: Loc, names: Iterable[str] | None, *sections: str) -> Iterator[Fault]:
        """A fault for each of `names`, a list at `loc`, that refers to nothing in `sections`."""
        for place, name in enumerate(names or ()):
            why = self.missing(name, *sections)
            if why is not None:
                yield (*loc, place), why

    def carried(self, corpus: str) -> tuple[LabelColumns, ...] | None:
        """How the labels that a corpus came with are read; null where that is not known."""
        source = self.sources.get(corpus)
        return None if source is None else source.labels

    def splits(self) -> list[str] | None:
        """The splits that items can be in; null where only the files themselves, or steps unknown here, say it."""
        if "build" in self.draft.unknown or "split" in self.draft.broken.get("build", ()):
            return None
        steps = {entry.name for _, entry in self.entries("build")} | self.draft.broken.get("build", set())
        if steps <= _LEAVE_SPLITS:
            return []
        for _, entry in self.entries("build"):
            if entry.name == "split" and not getattr(entry.step, "source", False):
                return ["train", *(name for name in ("validation", "test") if getattr(entry.step, name, None))]
        found: set[str] = set()
        if "split" not in steps:
            return None
        if self.draft.broken.get("corpora") or "corpora" in self.draft.unknown:
            return None
        for name in self.of("corpora"):
            source = self.sources.get(name)
            files = [] if source is None else source.files_for(ITEMS)
            if source is None or source.columns.split is not None or any(file.split is None for file in files):
                return None
            found.update(file.split for file in files if file.split is not None)
        return sorted(found)


def sources_of(draft: Draft, directory: Path) -> tuple[dict[str, Source], list[Fault]]:
    """The corpora that the catalog and the recipe together say enough about, and what is wrong with the others."""
    found: dict[str, Source] = {}
    faults: list[Fault] = []
    for place, corpus in zip(draft.index.get("corpora", ()), draft.recipe.corpora, strict=True):
        if ("corpora", place) in draft.reduced:
            continue  # what is missing from it now is no mistake of its author
        try:
            found.setdefault(corpus.name, resolve(corpus, directory))
        except DsbuildError as error:
            faults.append(_source_fault(("corpora", place), corpus, error))
    return found, faults


def _source_fault(loc: Loc, corpus: CorpusConfig, error: DsbuildError) -> Fault:
    what = error.what if error.fix is None else f"{error.what} {error.fix}"
    of_path = (error.where or "").endswith(".path") and corpus.path is not None
    return (*loc, "path") if of_path else loc, what
