"""YAML read into a tree in which every value knows where it stands.

Of YAML 1.2 this takes the core schema, so that `no`, `on`, `2024-01-01` and `12:30` stay what was written. It refuses
what has no place in a recipe or could do harm: tags, keys that stand twice, several documents, aliases that loop or
blow up, and files beyond a size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from dsbuild.recipe.problems import BadRecipe, Mistake, Position, quoted

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_VALUES = 50_000  # after aliases are written out

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Tree:
    """A value and where it stands. The keys of a mapping have places of their own, in `keys`."""

    data: Scalar | dict[str, Tree] | list[Tree]
    at: Position
    keys: dict[str, Position]

    def plain(self) -> Any:
        """The value without its places: dicts, lists and scalars."""
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data

    def child(self, part: str | int) -> Tree | None:
        """The value under a key or at an index, None where there is none."""
        if isinstance(self.data, dict) and isinstance(part, str):
            return self.data.get(part)
        if isinstance(self.data, list) and isinstance(part, int) and 0 <= part < len(self.data):
            return self.data[part]
        return None


def locate(tree: Tree, loc: Sequence[str | int], *, key: bool = False) -> tuple[Position, tuple[str | int, ...]]:
    """Where `loc` stands, and the part of it that exists in the tree.

    Parts that the tree does not have (a validator's own, such as the branch of a union) are passed over. With `key`
    the place is that of the last key itself, not of its value.
    """
    here, at, found = tree, tree.at, []
    for part in loc:
        child = here.child(part)
        if child is None:
            continue
        at = here.keys[part] if key and isinstance(part, str) and part in here.keys else child.at
        here = child
        found.append(part)
    return at, tuple(found)


def read_tree(path: Path, shown: str) -> tuple[Tree, str]:
    """The tree of the YAML file at `path`, and its text. `shown` is what the file is called in messages.

    Raises:
        BadRecipe: the file is not there, is no text, or is not the YAML of a recipe; with line and column.
    """
    start = Position(shown, path.parent)

    def refuse(what: str) -> BadRecipe:
        return BadRecipe([Mistake(start, "", what)])

    if path.is_dir():
        inside = sorted(file.name for file in path.glob("*.y*ml"))
        hint = f" It holds: {', '.join(inside[:5])}." if inside else ""
        raise refuse(f"This is a folder; a recipe is a file.{hint}")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refuse("There is no such file.") from None
    except OSError as error:
        raise refuse(f"The file cannot be read: {error.strerror or type(error).__name__}.") from error
    if len(raw) > MAX_BYTES:
        raise refuse(f"The file has {len(raw):,} bytes; a recipe has at most {MAX_BYTES:,}.")
    text = _decode(raw, start)
    return parse_tree(text, start), text


def parse_tree(text: str, start: Position) -> Tree:
    """The tree of a YAML text that stands at `start` (whose line and column are null for a `--set` option).

    Raises:
        BadRecipe: as `read_tree`.
    """
    in_file = not start.source.startswith("--set")

    def place(mark: yaml.Mark | None) -> Position:
        if mark is None or not in_file:
            return start
        return replace(start, line=mark.line + 1, column=mark.column + 1)

    try:
        node = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        at = start
        if in_file:
            at = replace(start, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        what = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise BadRecipe([Mistake(at, "", what)]) from error
    except yaml.MarkedYAMLError as error:
        raise BadRecipe([Mistake(place(error.problem_mark or error.context_mark), "", _explain(error))]) from error
    if node is None:
        return Tree(None, start, {})
    converter = _Converter(place)
    tree = converter.convert(node)
    if converter.mistakes:
        raise BadRecipe(converter.mistakes)
    return tree


def _decode(raw: bytes, start: Position) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadRecipe([Mistake(start, "", "this file is UTF-16; save it as UTF-8")])
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        what = f"the byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise BadRecipe([Mistake(replace(start, line=line, column=column), "", what)]) from error


_PLAIN = "plain"  # the tag of a scalar written without quotes and without a tag


class _Loader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer):
    """PyYAML's reader up to the tree of nodes; scalars are resolved here, objects are never made."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        self._depth = 0

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else "quoted"
        return "collection"

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
            mark = cast(yaml.Mark, event.start_mark)
            raise yaml.composer.ComposerError(None, None, "this is nested too deep for a recipe", mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


class _Converter:
    def __init__(self, place: Callable[[yaml.Mark | None], Position]) -> None:
        self.place = place
        self.values = 0
        self.open: list[yaml.Node] = []
        self.mistakes: list[Mistake] = []

    def convert(self, node: yaml.Node) -> Tree:
        at = self.place(node.start_mark)
        self.values += 1
        if self.values > MAX_VALUES:
            raise BadRecipe([Mistake(at, "", f"with its aliases written out the file has over {MAX_VALUES:,} values")])
        if any(node is parent for parent in self.open):
            raise BadRecipe([Mistake(at, "", "this holds an alias of itself")])
        if node.tag not in (_PLAIN, "quoted", "collection"):
            raise BadRecipe([Mistake(at, "", f"the tag {quoted(node.tag)} has no place in a recipe")])
        if isinstance(node, yaml.ScalarNode):
            return Tree(scalar(node.value) if node.tag == _PLAIN else node.value, at, {})
        self.open.append(node)
        if isinstance(node, yaml.SequenceNode):
            tree = Tree([self.convert(child) for child in node.value], at, {})
        else:
            tree = self._mapping(node, at)
        self.open.pop()
        return tree

    def _mapping(self, node: yaml.Node, at: Position) -> Tree:
        data: dict[str, Tree] = {}
        keys: dict[str, Position] = {}
        for key_node, value_node in node.value:
            key_at = self.place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                raise BadRecipe([Mistake(key_at, "", "a key must be a plain text")])
            key = key_node.value
            if key == "<<" and key_node.tag == _PLAIN:
                what = "YAML 1.2 merges no keys with <<; write them out, or use `extends`"
                self.mistakes.append(Mistake(key_at, "", what))
                continue
            if key in keys:
                first = f" (first in line {keys[key].line})" if keys[key].line else ""
                self.mistakes.append(Mistake(key_at, "", f"the key {quoted(key)} stands here twice{first}"))
                continue
            keys[key] = key_at
            data[key] = self.convert(value_node)
        return Tree(data, at, keys)


_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def scalar(text: str) -> Scalar:
    """What an unquoted scalar means in YAML 1.2's core schema (without hexadecimal, octal, infinite numbers)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    # A number of more digits than this is an identifier; Python also refuses to read very long ones.
    if _INT.fullmatch(text) and len(text) <= 18:
        return int(text)
    if _FLOAT.fullmatch(text) and not _INT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "this is not YAML"
    if "'\\t'" in problem:
        return "a tab stands where YAML wants blanks; indent with blanks"
    if "mapping values are not allowed" in problem:
        return 'a key cannot stand here; check the indentation, and put a text that holds ": " into quotes'
    if "could not find expected ':'" in problem:
        return 'a key without ":"; check this line and the one before'
    if "expected a single document" in (error.context or ""):
        return "the file holds a second document (after ---); a recipe is one"
    if "undefined alias" in problem:
        return f"{problem}; put a text that starts with * into quotes"
    if "expected <block end>" in problem:
        return f"{error.context}, {problem}; check the indentation"
    if "expected ',' or" in problem:
        return f"{error.context}, {problem}; check the brackets, and put texts with marks like ? : # into quotes"
    return f"{error.context}, {problem}" if error.context else problem
