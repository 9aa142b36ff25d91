"""The store must not lie: whatever an answer may depend on asks again when it changes, and nothing else does.

Every case runs a recipe, changes one thing, runs it again, and counts what the server was asked. The server's answer is
drawn from the bytes of the request, so an answer that was given to another question would be seen in the labels.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import dsbuild
from tests.annotators.llm.faults.client import FaultServer
from tests.e2e.annotating import NAME, labels, made, recipe, text_of, write_corpus, write_recipe
from tests.e2e.conftest import ROOT, Project
from tests.e2e.test_kills import prompts_served

Recipe = dict[str, Any]
ROWS = 5
TEMPLATE = """{% extends "direct.j2" %}{% block how %}Think about it. {% endblock %}
{% block user %}Here: {{ text | quoted }}{% endblock %}"""
TAXONOMY = {
    "name": "own",
    "title": "Own",
    "source": "made for a test",
    "exclusive": ["neutral"],
    "labels": [
        {"id": "joy", "definition": "Glad.", "tone": {"term": "joy", "tier": 1}},
        {"id": "fear", "definition": "Afraid.", "tone": {"term": "fear", "tier": 1}},
        {"id": "neutral", "definition": "Neither.", "tone_note": "no emotion"},
    ],
}
SHOTS = [{"language": "en", "text": "What a day!", "labels": ["joy"]}]


@dataclass(frozen=True)
class Asking:
    """A folder with a recipe, and the server that it asks."""

    folder: Path
    server: FaultServer
    workspace: str = ".dsbuild"

    @property
    def project(self) -> Project:
        return Project(self.folder)

    def recipe(self) -> Recipe:
        content = recipe(self.server.url, prompt="own.j2", shots="shots.yaml", params={"seed": 1})
        content["tasks"][0] |= {"taxonomy": "own.yaml", "instructions": "What is felt?"}
        return content

    def lay_out(self) -> None:
        write_corpus(self.folder / "rows.csv", [text_of(number) for number in range(ROWS)])
        (self.folder / "own.j2").write_text(TEMPLATE, encoding="utf-8")
        (self.folder / "own.yaml").write_text(json.dumps(TAXONOMY), encoding="utf-8")
        (self.folder / "shots.yaml").write_text(json.dumps(SHOTS), encoding="utf-8")

    def asked(self, content: Recipe, file: str = "recipe.yaml") -> int:
        """Run the annotator, whether or not the workspace has its output; how many requests that took."""
        write_recipe(self.project, content, file)
        before = self.server.stats()["requests"]
        name = content["annotate"][0]["name"]
        dsbuild.run(
            self.folder / file,
            until="annotate",
            redo=f"annotate:{name}",
            workspace=self.folder / self.workspace,
            out=self.folder / "releases",
        )
        return int(self.server.stats()["requests"] - before)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    with FaultServer(log=tmp_path_factory.mktemp("server") / "requests.jsonl") as running:
        yield running


@pytest.fixture
def asking(server: FaultServer, tmp_path: Path) -> Asking:
    """A recipe that was run once, with its answers in the store."""
    made_here = Asking(tmp_path, server)
    made_here.lay_out()
    assert made_here.asked(made_here.recipe()) == ROWS
    assert made_here.asked(made_here.recipe()) == 0
    return made_here


def annotator(**options: Any) -> Callable[[Recipe, Path], None]:
    def change(content: Recipe, folder: Path) -> None:
        content["annotate"][0] |= options

    return change


def task(**options: Any) -> Callable[[Recipe, Path], None]:
    def change(content: Recipe, folder: Path) -> None:
        content["tasks"][0] |= options

    return change


def template(old: str, new: str) -> Callable[[Recipe, Path], None]:
    def change(content: Recipe, folder: Path) -> None:
        assert old in TEMPLATE
        (folder / "own.j2").write_text(TEMPLATE.replace(old, new), encoding="utf-8")

    return change


def shots(**options: Any) -> Callable[[Recipe, Path], None]:
    def change(content: Recipe, folder: Path) -> None:
        (folder / "shots.yaml").write_text(json.dumps([SHOTS[0] | options]), encoding="utf-8")

    return change


def label(place: int, **options: Any) -> Callable[[Recipe, Path], None]:
    def change(content: Recipe, folder: Path) -> None:
        own = copy.deepcopy(TAXONOMY)
        added = {"id": "awe", "definition": "Small before something great.", "tone_note": "made for a test"}
        entries: list[Any] = own["labels"]  # type: ignore[assignment]
        if place == len(entries):
            entries.append(added)
        entries[place] |= options
        (folder / "own.yaml").write_text(json.dumps(own), encoding="utf-8")

    return change


def endpoint(content: Recipe, folder: Path) -> None:
    content["annotate"][0]["base_url"] = content["annotate"][0]["base_url"].replace("127.0.0.1", "localhost")


def texts(content: Recipe, folder: Path) -> None:
    write_corpus(folder / "rows.csv", [text_of(number) + "." for number in range(ROWS)])


def strategy(content: Recipe, folder: Path) -> None:
    content["annotate"][0] |= {"strategy": "cotr"}
    content["annotate"][0].pop("prompt")


ASKS_AGAIN: dict[str, Callable[[Recipe, Path], None]] = {
    "the words of the system prompt": template("Think about it.", "Think."),
    "the words around an item": template("Here:", "There:"),
    "the task's instruction": task(instructions="What does one feel?"),
    "the endpoint as written": endpoint,
    "the model": annotator(model="another"),
    "the temperature": annotator(params={"seed": 1, "temperature": 0.7}),
    "max_tokens": annotator(params={"seed": 1, "max_tokens": 99}),
    "the seed": annotator(params={"seed": 2}),
    "top_p": annotator(params={"seed": 1, "top_p": 0.5}),
    "another field of the request": annotator(params={"seed": 1, "extra_body": {"min_p": 0.1}}),
    "the texts of the items": texts,
    "the text of a shot": shots(text="What a night!"),
    "the label of a shot": shots(labels=["fear"]),
    "no shots": annotator(shots=None),
    "a label more in the taxonomy": label(3),
    "a label's definition": label(1, definition="Scared."),
    "the strategy": strategy,
    "the kind of task, and so the response schema": task(kind="choice"),
    "the task's name": task(name="feeling"),
    "the perspective": lambda content, folder: content["tasks"][0].update(perspective="reader", instructions={}),
    "a persona": annotator(persona="a nurse of fifty"),
}


@pytest.mark.parametrize("what", ASKS_AGAIN)
def test_a_change_of_the_question_asks_it_again(asking: Asking, what: str) -> None:
    old = labels(asking.project)
    content = asking.recipe()
    ASKS_AGAIN[what](content, asking.folder)
    content["aggregate"][0]["task"] = content["tasks"][0]["name"]
    assert asking.asked(content) == ROWS
    newest = {entry.row: [entry.label] for entry in asking.server.entries()}
    allowed = {"joy", "fear", "neutral", "awe"}
    new = labels(asking.project)
    assert {row: said for row, said in new.items() if newest[row][0] in allowed} == {
        row: newest[row] for row in new if newest[row][0] in allowed
    }
    # Back to the first question: its own answers are still there.
    asking.lay_out()
    assert asking.asked(asking.recipe()) == 0
    assert labels(asking.project) == old


def rename_annotator(asking: Asking, content: Recipe) -> Asking:
    content["annotate"][0]["name"] = "someone-else"
    content["aggregate"][0]["from"] = ["someone-else"]
    return asking


def reverse(asking: Asking, content: Recipe) -> Asking:
    numbers = list(reversed(range(ROWS)))
    write_corpus(asking.folder / "rows.csv", {str(number): text_of(number) for number in numbers})
    return asking


def other_ids(asking: Asking, content: Recipe) -> Asking:
    write_corpus(asking.folder / "rows.csv", {f"id-{number}": text_of(number) for number in range(ROWS)})
    return asking


def another_dataset(asking: Asking, content: Recipe) -> Asking:
    content |= {"dataset": "another", "title": "Another", "seed": 99, "licence": "CC-BY-4.0"}
    return asking


def moved(asking: Asking, content: Recipe) -> Asking:
    (asking.folder / ".dsbuild").rename(asking.folder / "elsewhere")
    return replace(asking, workspace="elsewhere")


def store_alone(asking: Asking, content: Recipe) -> Asking:
    (asking.folder / "new").mkdir()
    shutil.copyfile(asking.folder / ".dsbuild" / "responses.sqlite", asking.folder / "new" / "responses.sqlite")
    return replace(asking, workspace="new")


def with_key(asking: Asking, content: Recipe) -> Asking:
    content["annotate"][0]["api_key_env"] = "SOME_KEY"
    return asking


def renamed_files(asking: Asking, content: Recipe) -> Asking:
    for old, new in (("own.j2", "mine.j2"), ("shots.yaml", "examples.yaml")):
        (asking.folder / old).rename(asking.folder / new)
    content["annotate"][0] |= {"prompt": "mine.j2", "shots": "examples.yaml"}
    return asking


def options(**given: Any) -> Callable[[Asking, Recipe], Asking]:
    def change(asking: Asking, content: Recipe) -> Asking:
        content["annotate"][0] |= given
        return asking

    return change


ASKS_NOTHING: dict[str, Callable[[Asking, Recipe], Asking]] = {
    "the order of the rows": reverse,
    "the ids of the rows": other_ids,
    "the annotator's name": rename_annotator,
    "concurrency": options(concurrency=2),
    "deadlines, attempts and time-outs": options(deadline_s=99, timeout_s=9, max_attempts=2),
    "the share of rows that may fail": options(max_failed=0.9),
    "the price": options(price={"input": 1, "output": 2}),
    "the variable that holds the key": with_key,
    "a new recipe of another dataset with the same question": another_dataset,
    "a workspace that was moved": moved,
    "a new workspace with the same store": store_alone,
    "the names of the prompt's and the shots' files": renamed_files,
}


@pytest.mark.parametrize("what", ASKS_NOTHING)
def test_what_is_no_part_of_the_question_asks_nothing(
    asking: Asking, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-never-to-be-seen")
    content = asking.recipe()
    changed = ASKS_NOTHING[what](asking, content)
    assert changed.asked(content, "second.yaml") == 0
    name = content["annotate"][0]["name"]
    assert made(changed.project, name, changed.workspace).table("annotations").height == ROWS
    for path in changed.folder.rglob("*"):
        assert not path.is_file() or b"never-to-be-seen" not in path.read_bytes()


def test_an_item_more_asks_about_that_one_only(asking: Asking) -> None:
    write_corpus(asking.folder / "rows.csv", [text_of(number) for number in range(ROWS + 1)])
    assert asking.asked(asking.recipe()) == 1
    assert set(labels(asking.project)) == {f"row-{number:06d}" for number in range(ROWS + 1)}


def test_an_item_less_asks_nothing_and_is_gone(asking: Asking) -> None:
    write_corpus(asking.folder / "rows.csv", [text_of(number) for number in range(ROWS - 1)])
    assert asking.asked(asking.recipe()) == 0
    assert made(asking.project).table("annotations").height == ROWS - 1


def test_more_samples_ask_for_the_new_ones_only_and_fewer_for_none(asking: Asking) -> None:
    content = asking.recipe()
    content["annotate"][0] |= {"samples": 3}
    assert asking.asked(content) == 2 * ROWS
    content["annotate"][0] |= {"samples": 2}
    assert asking.asked(content) == 0


def test_equal_texts_are_asked_about_once(asking: Asking) -> None:
    write_corpus(asking.folder / "rows.csv", {"a": "twice row-9", "b": "twice row-9", "c": text_of(0)})
    assert asking.asked(asking.recipe()) == 1
    assert made(asking.project).table("annotations").height == 3


def test_a_changed_turn_asks_again_about_the_turns_that_show_it_and_no_others(
    server: FaultServer, tmp_path: Path
) -> None:
    asking = Asking(tmp_path, server)
    asking.lay_out()
    content = asking.recipe()
    content["annotate"][0].pop("prompt")  # the shipped one shows the turns before
    content["corpora"][0]["columns"] = {"id": "id", "text": "text", "dialogue": "dialogue", "turn": "turn"}

    def write(first: str) -> None:
        said = [first, "Why?", "Because.", "Hello.", "Hm."]
        lines = [f"{n},{text},d{n // 3},{n % 3}" for n, text in enumerate(said)]
        (tmp_path / "rows.csv").write_text("\n".join(["id,text,dialogue,turn", *lines]) + "\n", encoding="utf-8")

    write("I left.")
    assert asking.asked(content) == 5
    write("I stayed.")
    assert asking.asked(content) == 3
    write("I left.")
    assert asking.asked(content) == 0


def test_a_local_model_is_asked_once_whatever_port_its_server_has(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_corpus(tmp_path / "rows.csv", ["I won!", "I am afraid of the dark."])
    content = recipe("", model="local/gemma-3-270m", shots="quickstart")
    content["annotate"][0].pop("base_url")
    first = write_recipe(project, content)
    project.run("run", first, "--until", "annotate")
    served = prompts_served(project)
    assert sum(served.values()) >= 2
    project.run("run", first, "--until", "annotate", "--redo", f"annotate:{NAME}")
    assert prompts_served(project) == served
    assert made(project).table("provenance")["identity"].str.contains("127.0.0.1|localhost").any() is False
    assert (ROOT / "examples" / "quickstart.yaml").is_file()
