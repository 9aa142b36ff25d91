"""What a page shows of an item: its text, its turns, its recording or picture; and which items cannot be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotators.label_studio.client import Client
from annotators.label_studio.wire import MEDIA, candidates
from schemas.errors import DsbuildError
from schemas.label_studio_config import Modality, task_config
from schemas.task import Task

if TYPE_CHECKING:
    import polars as pl

Files = Callable[[str, str], Path]
"""(corpus, path as the corpus has it) to the file."""

_LINKS = ("http://", "https://")


def modality_of(items: pl.DataFrame) -> Modality:
    """What is shown of `items` (ITEMS): their recordings or pictures where that is their modality, else their texts.

    Raises:
        DsbuildError: there are several, which one page cannot show.
    """
    found: set[Modality] = set()
    for name in items["modality"].unique().to_list():
        found.add(next((one for one in MEDIA if one == name), "text"))
    if len(found) > 1:
        raise DsbuildError(
            f"A session shows items of one modality, and these are of several: {', '.join(sorted(found))}.",
            fix="Make a session for each: `on: {corpora: [...]}`.",
        )
    return found.pop() if found else "text"


def refuse(items: pl.DataFrame, task: Task, modality: Modality) -> None:
    """Raises DsbuildError where the items cannot be asked about: no text, no file, no candidates, turns without ids, or
    Label Studio has no control for the task about them."""
    task_config(task, modality=modality)
    if (modality == "text" and task.kind != "pairwise") or task.kind == "span":
        bare = items.filter(items["text"].is_null() | (items["text"].str.strip_chars() == ""))
        if bare.height:
            raise DsbuildError(
                f"{bare.height} items have no text to show to people, the first being {bare['item_id'][0]}.",
                fix="Choose other items with the session's `on`.",
            )
    for item in items.select("item_id", "context", "media").iter_rows(named=True):
        why = _why_not(item, task, modality)
        if why is not None:
            raise DsbuildError(
                f"The item {item['item_id']} cannot be asked about: {why}.",
                where=task.name,
                fix="Choose other items with the session's `on`.",
            )


def _why_not(item: Mapping[str, Any], task: Task, modality: Modality) -> str | None:
    if task.kind == "pairwise":
        try:
            candidates(item)
        except ValueError as error:
            return str(error)
    if task.kind == "span" and "other" in task.where:
        ids = [turn["item_id"] for turn in item["context"] or ()]
        if None in ids or len({*ids, item["item_id"]}) <= len(ids):
            return "spans may lie in its other turns, and not each of them has an id of its own"
    if modality == "text":
        return None
    file = _file(item, modality)
    if file is None or not file["path"]:
        return f"it has no {modality} file"
    if file["start_s"] is not None or file["end_s"] is not None:
        return "it is a part of a file, and Label Studio would play all of it: cut it out into a file of its own"
    return None


def _file(item: Mapping[str, Any], modality: Modality) -> Mapping[str, Any] | None:
    for file in item["media"] or ():
        if file["role"] == modality or (file["mime"] or "").startswith(f"{modality}/"):
            return dict(file)
    return None


def file_of(item: Mapping[str, Any], modality: Modality, files: Files | None) -> dict[str, str]:
    """{field of the page's data: path or link} of an item's recording or picture."""
    if modality == "text":
        return {}
    file = _file(item, modality)
    assert file is not None  # `refuse` has looked
    path = str(file["path"])
    if path.startswith(_LINKS) or files is None:
        return {modality: path}
    return {modality: str(files(item["corpus"], path))}


def urls(wanted: Sequence[Mapping[str, str]], project: int, client: Client) -> list[dict[str, str]]:
    """Where the server has each of these files: uploaded once each, links as they are.

    Raises:
        DsbuildError: a file is not there.
    """
    paths = {path for files in wanted for path in files.values() if not path.startswith(_LINKS)}
    for path in sorted(paths):
        if not Path(path).is_file():
            raise DsbuildError(
                "A recording or picture that is to be shown is not there.",
                where=path,
                fix="Put it where the corpus says it is.",
            )
    there = {path: client.upload(project, Path(path)) for path in sorted(paths)}
    return [{name: there.get(path, path) for name, path in files.items()} for files in wanted]
