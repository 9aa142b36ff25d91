"""`--set` changes one thing by its address, as if it stood in the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsbuild.recipe import BadRecipe, Recipe, dump, load

Write = Callable[..., str]


@pytest.fixture
def changed(write: Write, recipe_text: str) -> Callable[..., Recipe]:
    def load_with(*options: str) -> Recipe:
        return load(write(recipe_text), options).recipe

    return load_with


@pytest.fixture
def refused(changed: Callable[..., Recipe]) -> Callable[..., str]:
    def message(*options: str) -> str:
        with pytest.raises(BadRecipe) as caught:
            changed(*options)
        return str(caught.value)

    return message


def test_entries_go_by_their_names(changed: Callable[..., Recipe]) -> None:
    recipe = changed(
        "annotate.gpt.model=local/gemma-3-270m",
        "annotate.gpt-4.1.params.temperature=0.5",
        "aggregate.silver.compare=[majority, union]",
        "gold.main.suggest.share=1",
        "gates.krippendorff_alpha.at_least=0.3",
        "tasks.emotion.instructions.mr=सूचना",
        "corpora.tweets.language=mr",
        "seed=11",
        "budget.usd=2.5",
        "release.version=2.0.0",
        "data.emotion=gold",
    )

    assert recipe.annotate[0].model_dump()["model"] == "local/gemma-3-270m"
    assert recipe.annotate[1].model_dump()["params"]["temperature"] == 0.5
    assert recipe.aggregate[0].compare == ("majority", "union")
    assert recipe.gold[0].suggest is not None
    assert recipe.gold[0].suggest.share == 1
    assert recipe.gates[0].at_least == 0.3
    assert recipe.tasks[0].instructions == {"mr": "सूचना"}
    assert recipe.corpora[0].language == "mr"
    assert (recipe.seed, recipe.budget.usd, recipe.release.version) == (11, 2.5, "2.0.0")
    assert recipe.data == {"emotion": ("gold",)}


def test_steps_go_by_theirs_and_everything_by_its_index(changed: Callable[..., Recipe]) -> None:
    recipe = changed("build.deduplicate.near=0.95", "gates.1.near=0.9", "annotate.1.model=m")
    split = changed("build.split={by: [author], test: 0.2}", "gold.main.on={}")

    assert dump(recipe.build[2], Path())["deduplicate"]["near"] == 0.95
    assert recipe.annotate[1].model_dump()["model"] == "m"
    assert dump(split.build[1], Path())["split"]["test"] == 0.2
    # A step written as its name alone takes options too.
    assert dump(changed("build.normalise.invisible=remove").build[0], Path()) == {"normalise": {"invisible": "remove"}}


def test_later_options_win_and_whole_lists_can_be_set(changed: Callable[..., Recipe]) -> None:
    assert changed("seed=1", "seed=2").seed == 2
    assert changed("gates=[]").gates == ()
    assert changed("release.repo=").release.repo is None


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("annotate.gtp.model=x", '--set annotate.gtp.model: there is no entry "gtp" in annotate; did you mean "gpt"?'),
        ("annotat.gpt.model=x", '--set annotat.gpt.model: a recipe has no "annotat"; did you mean "annotate"?'),
        ("annotate.gpt.modle=x", '--set annotate.gpt.modle: annotate[0].modle: unknown key; did you mean "model"?'),
        ("annotate.9.model=x", '--set annotate.9.model: there is no entry "9" in annotate; it has: gpt, gpt-4.1'),
        ("build.dedup.near=1", '--set build.dedup.near: there is no entry "dedup" in build; did you mean "dedupl'),
        ("build.split.test=1", '--set build.split.test: build.split holds "source", which has no keys; set it as a'),
        ("seed.x=1", "--set seed.x: seed: wanted a whole number, not keys with values"),
        ("dataset.x=1", '--set dataset.x: dataset holds "tweets", which has no keys; set it as a whole'),
        ("seed=many", '--set seed: seed: wanted a whole number, not "many"'),
        ("seed", '--set: "seed" is not KEY=VALUE'),
        ("seed.=1", "--set seed.: this key has an empty part"),
        ("=1", "--set : this key has an empty part"),
        ("title=[a", "--set title: while parsing a flow sequence"),
        ("title=a: b: c", "--set title: a key cannot stand here"),
        ("extends=x.yaml", '--set extends: a recipe has no "extends"'),
        ("annotate.gpt.tasks=[emotoin]", '--set annotate.gpt.tasks: annotate[0].tasks[0]: there is no task "emotoin"'),
        ("corpora.tweets.path=no.csv", "--set corpora.tweets.path: corpora[0].path: There is no file"),
    ],
)
def test_a_mistake_is_told_by_the_option_itself(refused: Callable[..., str], option: str, said: str) -> None:
    assert refused(option).startswith(said)


def test_mistakes_of_options_and_of_the_file_are_told_together(refused: Callable[..., str]) -> None:
    message = refused("sede=1", "annotate.gpt.modle=x", "annotate.gtp.model=y")

    assert message.startswith("The recipe has 3 mistakes:")


def test_a_key_set_by_mistake_is_not_repeated(refused: Callable[..., str]) -> None:
    for option in ("annotate.gpt.api_key=sk-123456", "sk-123456", "annotate.gpt.api_key_env={a: sk-123456}"):
        message = refused(option)
        assert "api_key_env" in message or "KEY=VALUE" in message
        assert "sk-123456" not in message or option == "sk-123456"
