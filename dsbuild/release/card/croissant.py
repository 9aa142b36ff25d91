"""croissant.json: the release for machines, by the Croissant format 1.1 (mlcommons.org/croissant).

There is one record set for each file, so that a split is told by the record set's name, and one for the names behind
each task's class labels. `datePublished` is left out: a release knows no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from dsbuild.release.contents import Contents
from dsbuild.release.shape import Config, Shape, SplitFile
from dsbuild.release.wide import column_names
from schemas.forms.column import Column
from schemas.forms.definitions import DECLARED
from schemas.forms.vocabularies import TIERS

# The vocabulary of the format; mlcroissant wants it whole, used or not.
_TERMS = """
arrayShape citeAs column containedIn equivalentProperty extract field fileObject fileProperty fileSet format includes
isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate
separator source subField transform
"""
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}


def croissant(contents: Contents, shape: Shape) -> dict[str, Any]:
    """The metadata as a JSON-LD object."""
    files = [(config, file) for config in shape.configs for file in config.files]
    citations = [str(corpus["citation"]) for corpus in contents.corpora if corpus.get("citation")]
    metadata: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": contents.dataset,
        "description": contents.description or contents.title,
        "license": contents.licence,
        "version": shape.version,
        "inLanguage": list(contents.languages),
        "keywords": ["emotion", *(f"perspective: {task.perspective}" for task in contents.tasks)],
    }
    if contents.repo:
        metadata["url"] = f"https://huggingface.co/datasets/{contents.repo}"
    if citations:
        metadata["citeAs"] = "\n".join(citations)
    return {
        **metadata,
        "rai:dataAnnotationProtocol": _annotation_protocol(contents),
        "rai:machineAnnotationTools": sorted({str(m["model"]) for m in contents.metrics["annotators"] if m["model"]}),
        "distribution": [file_object(file.path, shape.sha256.get(file.path, "")) for _, file in files],
        "recordSet": [
            *(record_set(config, file, _about_data(contents)) for config, file in files),
            *_class_names(shape.data),
        ],
    }


def file_object(path: str, sha256: str) -> dict[str, Any]:
    """A Parquet file of the release."""
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _annotation_protocol(contents: Contents) -> str:
    asked = "; ".join(f"{task.name} ({task.kind}, perspective {task.perspective})" for task in contents.tasks)
    return f"Tasks: {asked}. Who answered them, and how, is in the record sets annotations and provenance."


# What stands in the columns TASK, TASK_p, ... of the config data.
_BEHIND = {
    "": "the label; null is no label",
    "_p": "the share of every label, in the order of the taxonomy",
    "_rank": "the rank of every label, in the order of the taxonomy",
    "_t": "the times of the values, in seconds",
}


def _about_data(contents: Contents) -> dict[str, Column]:
    """What the columns of `data` hold: those of the items as `items` has them, and those of the tasks."""
    about = {column.name: column for column in DECLARED["items"].columns}
    for task in contents.tasks:
        said = f"the task {task.name} ({task.kind}, perspective {task.perspective})"
        *answers, tier = column_names(task)
        for name in answers:
            what = _BEHIND.get(name.removeprefix(task.name), "the label's part of this name")
            about[name] = Column(name, "string", f"{what}; {said}")
        about[tier] = Column(tier, "string", f"whose judgement it rests on; {said}", words=TIERS)
    return about


def record_set(config: Config, file: SplitFile, data: Mapping[str, Column]) -> dict[str, Any]:
    """A file's record set: every column is described, down to the fields of its records; `data` for the config data."""
    name = f"{config.name}-{file.split}"
    declared = DECLARED.get(config.name)
    about = data if declared is None else {column.name: column for column in declared.columns}
    row = "an item with its labels, ready to train on" if declared is None else declared.row
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The split {file.split} of the table {config.name}: {file.rows} rows. A row is {row}.",
        "field": [
            _field(f"{name}/{field.name}", file.path, field.name, field.type, about.get(field.name))
            for field in config.schema
        ],
    }


def _field(
    at: str, path: str, column: str, kind: pa.DataType, about: Column | None, json_path: str | None = None
) -> dict[str, Any]:
    """The field for a column, or for what `json_path` finds in each of its values."""
    field: dict[str, Any] = {"@type": "cr:Field", "@id": at, "name": at.rpartition("/")[2]}
    if about is not None:
        field["description"] = _described(about)
    inner = kind.value_type if pa.types.is_list(kind) else kind
    if pa.types.is_list(kind):
        field |= {"isArray": True, "arrayShape": "-1"}
    if pa.types.is_struct(inner):
        fields = {one.name: one for one in about.of} if about is not None else {}
        return field | {
            "subField": [
                _field(f"{at}/{child.name}", path, column, child.type, fields.get(child.name), child.name)
                for child in inner
            ]
        }
    source: dict[str, Any] = {"fileObject": {"@id": path}, "extract": {"column": column}}
    if json_path is not None:
        source["transform"] = {"jsonPath": f"$.{json_path}"}
    return field | {"dataType": _data_type(inner), "source": source}


def _described(column: Column) -> str:
    words = f"; one of: {', '.join(column.closed)}" if column.closed is not None else ""
    return column.described + words


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    if pa.types.is_floating(kind):
        return "sc:Float"
    if pa.types.is_timestamp(kind):
        return "sc:DateTime"
    return "sc:Text"


def _class_names(data: Config) -> list[dict[str, Any]]:
    """For each column of class labels, the label behind each integer."""
    found = []
    for column, names in data.classes.items():
        name = f"{column}-labels"
        found.append(
            {
                "@type": "cr:RecordSet",
                "@id": name,
                "name": name,
                "description": f"What the integers of the column {column} stand for.",
                "dataType": "sc:Enumeration",
                "key": {"@id": f"{name}/index"},
                "field": [
                    {"@type": "cr:Field", "@id": f"{name}/index", "name": "index", "dataType": "sc:Integer"},
                    {"@type": "cr:Field", "@id": f"{name}/name", "name": "name", "dataType": "sc:Text"},
                ],
                "data": [{f"{name}/index": index, f"{name}/name": label} for index, label in enumerate(names)],
            }
        )
    return found
