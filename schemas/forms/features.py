"""What `datasets` has to know about a table, derived from its Arrow schema.

`datasets` reads a table's features from the key "huggingface" of the Arrow schema that a Parquet file carries, or from
the card. Both are written here from one description, without importing `datasets`: it takes longer to load than a
small release takes to write. Its form is that of `datasets.Features.to_dict()`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

Features = dict[str, Any]


def features(schema: pa.Schema, classes: Mapping[str, Sequence[str]] | None = None) -> Features:
    """The features of `schema`; `classes` gives the names behind the integers of a column, or of a column of lists.

    Raises:
        TypeError: a column's type has no place in a release.
    """
    classes = classes or {}
    return {field.name: _feature(field.type, classes.get(field.name)) for field in schema}


def with_features(schema: pa.Schema, classes: Mapping[str, Sequence[str]] | None = None) -> pa.Schema:
    """`schema` with its features in the metadata, where `datasets` looks for them."""
    described = json.dumps({"info": {"features": features(schema, classes)}}, ensure_ascii=True)
    return schema.with_metadata({"huggingface": described})


def yaml_features(described: Features) -> list[dict[str, Any]]:
    """The same features as the card's `dataset_info` lists them."""
    return [{"name": name, **_yaml(feature)} for name, feature in described.items()]


def _feature(kind: pa.DataType, names: Sequence[str] | None) -> Any:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type, names), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type, None) for field in kind}
    if names is not None:
        if not pa.types.is_int64(kind):
            raise TypeError(f"class labels are int64, not {kind}")
        return {"names": list(names), "_type": "ClassLabel"}
    return {"dtype": _dtype(kind), "_type": "Value"}


def _dtype(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return f"timestamp[{kind.unit}, tz={kind.tz}]" if kind.tz else f"timestamp[{kind.unit}]"
    if pa.types.is_floating(kind):
        return f"float{kind.bit_width}"
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind):
        return str(kind)
    raise TypeError(f"{kind} has no place in a release")


def _yaml(feature: Any) -> dict[str, Any]:
    kind = feature.get("_type") if isinstance(feature, dict) else None
    if kind == "Value":
        return {"dtype": feature["dtype"]}
    if kind == "ClassLabel":
        return {"dtype": {"class_label": {"names": {str(i): name for i, name in enumerate(feature["names"])}}}}
    if kind == "List":
        inner = _yaml(feature["feature"])
        return {"list": inner.get("dtype", inner.get("struct", inner))}
    return {"struct": yaml_features(feature)}
