"""The schema as a page that a person reads, generated from the declarations: docs/schema.md."""

from __future__ import annotations

import inspect
from typing import Any

import pyarrow as pa

from schemas.forms.definitions import DECLARED
from schemas.forms.dictionary import dictionary, used_in, vocabulary
from schemas.forms.vocabularies import VOCABULARIES
from schemas.kinds import KINDS, kind_of
from schemas.markdown import escape
from schemas.tables import SCHEMA_VERSION
from schemas.task import Task
from schemas.taxonomy import load_taxonomy, shipped
from schemas.tone.tree import nodes

# A declaration of each kind, as a recipe has it.
EXAMPLES: dict[str, dict[str, Any]] = {
    "choice": {"taxonomy": "ekman-neutral"},
    "multi": {"taxonomy": "goemotions"},
    "ranking": {"taxonomy": "ekman", "most": 3},
    "intensity": {"taxonomy": "plutchik", "levels": ["none", "weak", "medium", "strong"]},
    "scale": {"range": [1, 7], "step": 1},
    "span": {"where": ["own", "other"]},
    "text": {},
    "trace": {"range": [-1, 1], "rate": 2},
    "open": {"most": 8},
    "pairwise": {},
    "attributes": {
        "attributes": {
            "scene": {"kind": "choice", "options": ["airport", "beach"]},
            "brightness": {"kind": "scale", "range": [0, 1]},
        }
    },
}

_HEAD = f"""\
# The schema

<!-- Made by `dsbuild schema --markdown`; change the declarations in schemas/, not this page. -->

This is what every dataset made with dsbuild has in common, version {SCHEMA_VERSION} of the schema.
A release says in its manifest, in its card and in each of its Parquet files which version it keeps to;
`dsbuild migrate` brings an older release to this one. Programs read the same as JSON Schema.

```console
$ dsbuild schema annotations
$ dsbuild schema annotations --json
```

Two distinctions run through all tables. Null is not an empty list: null says that nobody answered, an empty list that
somebody did and said "none of these". And not asked is not no: where an annotator was asked about some labels only,
`asked` names them.

## Tables
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD, *_tables(), *_vocabularies(), *_kinds(), *_taxonomies()])


def example(kind: str) -> Task:
    """A task of this kind, as the page shows it."""
    given = dict(EXAMPLES[kind])
    if "taxonomy" in given:
        given["taxonomy"] = load_taxonomy(given["taxonomy"])
    return Task.model_validate({"name": "answer", "kind": kind, "perspective": "reader", **given})


def _tables() -> list[str]:
    parts = []
    for table in DECLARED.values():
        where = (
            "In `audit/rejects.parquet`; not a config." if table.name == "rejects" else f"The config `{table.name}`."
        )
        key = f" Its key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
        parts.append(f"### {table.name}\n\nA row is {table.row}. {where}{key}\n\n{dictionary(table.name)}")
    return parts


def _vocabularies() -> list[str]:
    parts = ["## Vocabularies\n\nThe words that a column may hold; any other is refused with the row that has it.\n"]
    for words in VOCABULARIES:
        used = ", ".join(f"`{path}`" for path in used_in(words))
        parts.append(f"### {words.name}\n\n{words.about} In {used}.\n\n{vocabulary(words)}")
    return parts


def _kinds() -> list[str]:
    parts = [
        "## Kinds of task\n\n"
        "A task is one question asked about an item. Its kind decides how an answer is stored, checked, compared and "
        "laid out in the config `data`.\n"
    ]
    for name, kind in KINDS.items():
        task = example(name)
        told = " ".join((inspect.getdoc(type(kind)) or "").split())
        columns = ", ".join(
            f"`{column.name}` ({_said(column.type, column.classes is not None)})" for column in task.wide_columns()
        )
        lines = [
            f"### {name}",
            "",
            f"Every annotation is {kind_of(task).answered_by}. {told}",
            "",
            "```yaml",
            f"- {_flow({'name': 'answer', 'kind': name, 'perspective': 'reader', **EXAMPLES[name]})}",
            "```",
            "",
            f"Distance of two answers: {kind_of(task).distance(task)}. In `data`: {columns}, `answer_tier`.",
            "",
        ]
        parts.append("\n".join(lines))
    return parts


def _said(kind: pa.DataType, labels: bool) -> str:
    """A type in words."""
    if pa.types.is_list(kind):
        return f"list of {_said(kind.value_type, labels)}s"
    if pa.types.is_struct(kind):
        return "record"
    return "label" if labels else "text" if pa.types.is_string(kind) else "number"


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _taxonomies() -> list[str]:
    by_tier = [sum(node.tier == tier for node in nodes()) for tier in (1, 2, 3)]
    found = [load_taxonomy(name) for name in shipped()]
    rows = [
        f"| `{one.name}` | {len(one.ids)} | {one.kind} | {escape(one.title)} | {escape(one.source)} |" for one in found
    ]
    labels = [f"- `{one.name}`: {', '.join(escape(label) for label in one.ids)}" for one in found]
    return [
        "## Taxonomies\n\n"
        "The sets of labels that come with dsbuild. Every label that names an emotion has its place in TONE, a tree of "
        f"{by_tier[0]} primary, {by_tier[1]} secondary and {by_tier[2]} tertiary emotions, or says why it has none; "
        "`dsbuild taxonomies show NAME` tells definitions and places.\n",
        "\n".join(["| taxonomy | labels | of | title | source |", "| --- | --- | --- | --- | --- |", *rows]) + "\n",
        "Their labels, spelled and ordered as released:\n",
        "\n".join(labels) + "\n",
    ]
