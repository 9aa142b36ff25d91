"""The requests of the example recipes, byte for byte: whoever has answers to them in a store is not asked again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from annotators.llm.questions import Questions
from annotators.llm.strategies import Item, strategies
from dsbuild.recipe import load, tasks_of
from tests.annotators.llm.golden_texts import FOLDER, GOLDEN, golden

EXAMPLES = Path(__file__).parents[3] / "examples"
ITEMS = [Item('He said "no".', [{"speaker": "A", "text": "Well?"}]), Item("आज खूप छान वाटतंय")]

# Of what is asked about ITEMS: messages, repair turn, schema, parameters; from the first version that had the recipes.
REQUESTS = {
    ("quickstart", "gemma"): "48f9c7e7f81ddf5a0442d14cbeefee5dba566f8c77483fa97bc99cb31bda0857",
    ("quickstart", "gemma-cotr"): "70ea28f45ca0359f7ba7b793ff9fd0cc3847a6720c6fa9dfaad3c72ef4e73db3",
    ("marathi-cotr", "gpt"): "588b4a1509baaf9e011d6d3e29f1ee0854678a03423179dda4091a30a146da2c",
    ("marathi-cotr", "llama"): "f89f62b78f61063fc2c3821dd3704e15e261d538395fdacfe5a0bf3a6ccecf5e",
}


@pytest.mark.parametrize(("example", "name"), REQUESTS)
def test_the_requests_of_an_example_are_what_they_always_were(example: str, name: str) -> None:
    recipe = load(EXAMPLES / f"{example}.yaml").recipe
    (config,) = (entry for entry in recipe.annotate if entry.name == name)
    (questions,) = Questions.groups(config, list(tasks_of(recipe).values()))
    found = hashlib.sha256()
    for item in ITEMS:
        request = questions.ask(item, 0)
        repair = questions.repair(request, "{}", "bad")
        asked = [request.messages, repair.messages, questions.family.schema, questions.family.fields]
        found.update(json.dumps(asked, ensure_ascii=False).encode())
    assert found.hexdigest() == REQUESTS[example, name]


@pytest.mark.parametrize("name", GOLDEN)
def test_every_message_of_a_strategy_is_the_one_that_was_read(name: str) -> None:
    """To change a prompt, see golden_texts.py."""
    assert golden(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_every_strategy_has_such_a_text() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(GOLDEN)
    assert {name.partition(".")[0] for name in GOLDEN} == set(strategies())
