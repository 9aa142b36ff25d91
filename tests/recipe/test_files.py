"""What is no recipe at all is refused with its place, and nothing in a file can do harm."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dsbuild.recipe import BadRecipe, load

Write = Callable[..., str]


def refusal(name: str) -> str:
    with pytest.raises(BadRecipe) as caught:
        load(name)
    return str(caught.value)


def test_a_missing_file_a_folder_and_an_empty_file_are_told_apart(write: Write, folder: Path) -> None:
    (folder / "recipes").mkdir()
    (folder / "recipes/one.yaml").write_text("", encoding="utf-8")

    assert refusal("nothing.yaml") == "nothing.yaml: There is no such file."
    assert refusal("recipes") == "recipes: This is a folder; a recipe is a file. It holds: one.yaml."
    for empty in ("", "\n\n", "# only a comment\n", "---\n"):
        assert "the file is empty; it needs at least dataset, tasks and corpora" in refusal(write(empty))
    assert refusal(write("- a\n- b\n")).startswith("r.yaml:1:1: a recipe is keys with values")
    assert refusal(write("hello")).startswith("r.yaml:1:1: a recipe is keys with values")


def test_bytes_that_are_not_utf8_are_shown_by_line_and_column(folder: Path) -> None:
    (folder / "r.yaml").write_bytes("dataset: x\ntitle: भा ".encode() + "é".encode("latin-1") + b"t\xe9\n")
    assert refusal("r.yaml") == "r.yaml:2:11: the byte 0xe9 is not UTF-8; save the file as UTF-8"

    (folder / "r.yaml").write_bytes(b"\xef\xbb\xbf" + b"dataset: \xff\n")
    assert refusal("r.yaml") == "r.yaml:1:10: the byte 0xff is not UTF-8; save the file as UTF-8"

    (folder / "r.yaml").write_bytes("dataset: x".encode("utf-16"))
    assert "this file is UTF-16; save it as UTF-8" in refusal("r.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dataset: x\ntasks:\n\t- {name: a}\n", "r.yaml:3:1: a tab stands where YAML wants blanks"),
        ("dataset: x\ntitle: a: b\n", "r.yaml:2:9: a key cannot stand here; check the indentation, and put a text"),
        ("dataset: x\nbudget: {usd: 1\ntasks: 3\n", "check the brackets"),
        ("dataset: x\nbuild:\n- a\n  - b: c\n d: e\n", "r.yaml:4:6: "),
        ("dataset: x\ntitle: *name\n", "r.yaml:2:8: found undefined alias 'name'; put a text that starts with * into"),
        ("dataset: x\n---\ndataset: y\n", "r.yaml:2:1: the file holds a second document (after ---)"),
        ("dataset: x\ntitle: a\u0001b\n", "r.yaml:2:9: the character U+0001 is not allowed in YAML"),
        ("dataset: 'x\n", "while scanning a quoted scalar"),
        ("dataset: x\n? [a]\n: b\n", "r.yaml:2:3: a key must be a plain text"),
        ("dataset: x\ndataset: y\n", 'r.yaml:2:1: the key "dataset" stands here twice (first in line 1)'),
        ("dataset: !!python/object/apply:os.system ['true']\n", "the tag"),
        ("dataset: !secret x\n", "r.yaml:1:10: the tag"),
        ("dataset: &a [*a]\n", "r.yaml:1:10: this holds an alias of itself"),
        ("dataset: " + "[" * 100 + "]" * 100, "this is nested too deep for a recipe"),
        ("dataset: " + "[" * 5000, "r.yaml:1:"),
    ],
)
def test_what_is_no_yaml_of_a_recipe_is_shown_by_line_and_column(write: Write, text: str, said: str) -> None:
    message = refusal(write(text))

    assert said in message
    assert message.startswith("r.yaml:")
    assert "\n" not in message


def test_all_repeated_keys_are_told_at_once(write: Write) -> None:
    message = refusal(write("a: 1\na: 2\nb: {c: 1, c: 2}\n"))

    assert 'r.yaml:2:1: the key "a" stands here twice' in message
    assert 'r.yaml:3:11: the key "c" stands here twice' in message


def test_aliases_that_blow_up_are_refused_in_no_time(write: Write) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    start = time.perf_counter()

    message = refusal(write("\n".join(["a0: &a0 [x, y]", *levels])))

    assert "with its aliases written out the file has over 50,000 values" in message
    assert time.perf_counter() - start < 3


def test_a_file_beyond_all_size_is_not_read_as_yaml(folder: Path) -> None:
    (folder / "r.yaml").write_bytes(b"x" * (2 << 20))

    assert refusal("r.yaml") == "r.yaml: The file has 2,097,152 bytes; a recipe has at most 1,048,576."


def test_an_anchor_used_as_intended_works(write: Write, recipe_text: str) -> None:
    text = recipe_text.replace("strategy: cotr", "on: &all {splits: [test]}").replace("on: {splits", "on: *all #")

    assert load(write(text)).recipe.gold[0].on.splits == ("test",)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(write: Write, recipe_text: str) -> None:
    text = (
        recipe_text.replace("licence:", "license:")
        .replace("strategy: cotr", "strategey: cotr")
        .replace("from: [gpt, gpt-4.1]", "from: [gtp, gpt-4.1]")
        .replace("metric: leakage", "metric: leek")
        .replace("data: {emotion", "data: {emotoin")
    )

    with pytest.raises(BadRecipe) as caught:
        load(write(text))

    assert [mistake.key for mistake in caught.value.mistakes] == [
        "license",
        "annotate[0].strategey",
        "aggregate[0].from[0]",
        "gates[1].metric",
        "data.emotoin",
    ]
    lines = str(caught.value).splitlines()
    assert lines[0] == "The recipe has 5 mistakes:"
    assert lines[1] == '  r.yaml:2:1: license: unknown key; did you mean "licence"?'


def test_what_a_file_holds_cannot_steer_the_terminal(write: Write, recipe_text: str) -> None:
    message = refusal(write(recipe_text.replace("kind: multi", 'kind: "\\e[31mred\\n\\u202Efake"')))

    assert message.isprintable()
    assert "red" in message


def test_the_password_of_a_url_is_not_repeated(write: Write, recipe_text: str) -> None:
    for wrong in ("https://bob:pw@host/train.csv", "https://bob@host/train.csv"):
        message = refusal(write(recipe_text.replace("train: train.csv", f"train: '{wrong}'")))
        assert "a URL must not hold a user or a password; secrets come from the environment" in message
        assert "bob" not in message
