"""The YAML at the head of a dataset card, as the Hub and `datasets` read it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from dsbuild.release.card.licences import hub_licence
from dsbuild.release.card.plain_text import one_line
from dsbuild.release.contents import Contents
from dsbuild.release.shape import DEFAULT_CONFIG, Config, Shape
from schemas.forms.features import yaml_features

_SIZES = ("K", "M", "B", "T")
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_CATEGORIES = {
    "text-classification": {"choice", "multi", "ranking", "intensity", "scale", "pairwise", "attributes"},
    "token-classification": {"span"},
    "text-generation": {"text", "open"},
}
_TASK_IDS = {
    "multi-class-classification": {"choice"},
    "multi-label-classification": {"multi"},
    "text-scoring": {"scale", "intensity"},
}
_NO_LANGUAGE = {"und", "zxx", "mis"}


def front_matter(contents: Contents, shape: Shape) -> str:
    """The block between two lines of dashes, those included."""
    fields: dict[str, Any] = {
        "pretty_name": one_line(contents.title),
        **hub_licence(contents.licence),
        **_languages(contents),
        "size_categories": [size_category(shape.items)],
        "task_categories": _categories(contents),
        **_task_ids(contents),
        "tags": _tags(contents),
        # `datasets` cannot load a table without rows.
        "configs": [_config(config) for config in shape.configs if config.rows],
        "dataset_info": [{"config_name": DEFAULT_CONFIG, "features": yaml_features(shape.data.features)}],
    }
    # Wide lines and quoted strings: nothing of a title can begin a line of its own and so end the block.
    text = yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=2**31 - 1, line_break="\n")
    return f"---\n{text}---\n"


def size_category(n: int) -> str:
    """The Hub's word for a dataset of `n` items: n<1K, 1K<n<10K, ..., n>1T."""
    low = 1000
    if n < low:
        return "n<1K"
    while n >= low * 10 and low < 10**12:
        low *= 10
    return "n>1T" if low >= 10**12 else f"{_short(low)}<n<{_short(low * 10)}"


def _short(n: int) -> str:
    power = (len(str(n)) - 1) // 3
    return f"{n // 1000**power}{_SIZES[power - 1]}"


def _languages(contents: Contents) -> dict[str, Any]:
    tags = [tag for tag in dict.fromkeys(contents.languages) if _TAG.fullmatch(tag)]
    primary = dict.fromkeys(tag.split("-")[0].lower() for tag in tags)
    known = [code for code in primary if code not in _NO_LANGUAGE]
    longer = [tag for tag in tags if "-" in tag]
    fields: dict[str, Any] = {"language": known} if known else {}
    return {**fields, "language_bcp47": longer} if longer else fields


def _categories(contents: Contents) -> list[str]:
    """The Hub's words for what can be trained; a trace has none of its own."""
    kinds = {task.kind for task in contents.tasks}
    found = [name for name, of in _CATEGORIES.items() if kinds & of]
    return found or ["text-classification"]


def _task_ids(contents: Contents) -> dict[str, Any]:
    kinds = {task.kind for task in contents.tasks}
    ids = [name for name, of in _TASK_IDS.items() if kinds & of]
    return {"task_ids": ids} if ids else {}


def _tags(contents: Contents) -> list[str]:
    tags = ["emotion", "dsbuild"]
    if any(corpus.get("synthetic") for corpus in contents.corpora):
        tags.append("synthetic")
    return tags + list(dict.fromkeys(f"perspective:{task.perspective}" for task in contents.tasks))


def _config(config: Config) -> dict[str, Any]:
    entry: dict[str, Any] = {"config_name": config.name}
    if config.name == DEFAULT_CONFIG:
        entry["default"] = True
    return {**entry, "data_files": [{"split": file.split, "path": file.path} for file in config.files]}
