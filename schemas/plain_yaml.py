"""YAML as people write it: `on`, `off`, `yes` and `no` are words, since cards have a key `on` and Norwegian is `no`."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

_BOOL = "tag:yaml.org,2002:bool"


def _plain(base: Any) -> Any:
    """`base` as a loader whose only booleans are `true` and `false`."""

    class Loader(base):  # type: ignore[misc]  # which of PyYAML's two it is, is known at run time only
        yaml_implicit_resolvers: ClassVar[Any] = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|false)$"), list("tf"))
    return Loader


_LOADER = _plain(yaml.SafeLoader)
# Eight times as fast, but nesting without end is a crash in it and an error in the other: for files of our own only.
_FAST = _plain(yaml.CSafeLoader) if yaml.__with_libyaml__ else _LOADER


def load_yaml(text: str, *, ours: bool = False) -> Any:
    """What a YAML text holds; `ours` is one that comes with this package, which is read faster.

    Raises:
        yaml.YAMLError: it is no YAML, or nested too deep.
    """
    try:
        return yaml.load(text, _FAST if ours else _LOADER)
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deep") from error
