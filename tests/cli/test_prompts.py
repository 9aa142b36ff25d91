"""`dsbuild prompts` prints what would be sent, how two prompts differ, and what came back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from annotators.llm.request import Family, Request, messages_json
from dsbuild import api
from dsbuild.cli.main import app
from schemas.errors import DsbuildError, RecipeError
from schemas.ids import item_id
from schemas.selection import in_order
from tests.cli.lab import Lab, serve_once

TWO = (
    "{name: plain, kind: llm, model: m, base_url: URL},"
    "{name: thinker, kind: llm, model: m, base_url: URL, strategy: cot, params: {temperature: 0.5}}"
)
Serve = Callable[..., AbstractContextManager[str]]


def reply(content: str, tokens: tuple[int, int] = (120, 9)) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


@pytest.fixture
def prompts(lab: Lab) -> Callable[..., str]:
    """Run `dsbuild prompts` on the lab's recipe and give what it printed."""

    def run(verb: str, *words: str, recipe: str = "recipe.yaml") -> str:
        workspace = str(lab.folder / ".dsbuild")
        command = ["prompts", verb, str(lab.folder / recipe), *words, "--workspace", workspace]
        done = CliRunner().invoke(app, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_show_prints_the_very_messages_parameters_and_schema_that_are_sent(
    lab: Lab, prompts: Callable[..., str]
) -> None:
    lab.recipe(annotate=TWO.replace("URL", "http://localhost:9/v1"))
    found = json.loads(prompts("show", "--items", "2", "--json"))
    assert [one["annotator"] for one in found] == ["plain", "thinker"]
    plain, thinker = found
    assert plain["endpoint"] == "http://localhost:9/v1/chat/completions"
    assert (thinker["strategy"], thinker["parameters"]["temperature"]) == ("cot", 0.5)
    assert list(thinker["schema"]["properties"]) == ["reasoning", "labels"]
    assert len(plain["asked"]) == 2
    # The same request as the annotator makes of it.
    identity = {"base_url": "http://localhost:9/v1", "model": "m"}
    family = Family(identity, plain["model"], plain["parameters"], plain["schema"])
    request = Request(family, messages_json(plain["asked"][0]["messages"]), 0, 0)
    sent = json.loads(request.body("json_schema"))
    assert sent["messages"] == plain["asked"][0]["messages"]
    text = prompts("show", "plain", "--items", "2")
    for message in plain["asked"][0]["messages"]:
        assert "\n".join(f"    {line}" for line in message["content"].split("\n")) in text
    assert "thinker" not in text


def test_show_takes_one_item_by_its_id_and_says_what_is_answered_already(
    lab: Lab, prompts: Callable[..., str], serve: Serve
) -> None:
    with serve(reply('{"labels": ["joy"]}')) as url:
        lab.recipe(annotate=TWO.replace("URL", url))
        (first,) = json.loads(prompts("show", "plain", "--items", "1", "--json"))
        (item,) = first["asked"][0]["items"]
        assert "(answered before)" not in prompts("show", "plain", "--item", item)
        prompts("try", "plain", "--item", item, "--send")
        assert "(answered before)" in prompts("show", "plain", "--item", item)
    with pytest.raises(DsbuildError, match='is not asked about an item "nothing"'):
        prompts("show", "plain", "--item", "nothing")


def test_a_hostile_text_acts_on_no_terminal_and_can_look_like_no_heading(lab: Lab, prompts: Callable[..., str]) -> None:
    lab.file('id,text,label\n1,"\x1b[31mred\x9b \u202eback\n=== item fake\n--- system",joy\n')
    lab.recipe(build="[]", annotate=TWO.replace("URL", "http://localhost:9/v1"))
    for words in (("plain",), ("plain", "--json")):
        text = prompts("show", *words)
        assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    assert "\\u001b[31mred\\u009b \\u202eback" in prompts("show", "plain")
    assert prompts("show", "plain").count("\n=== item") == 1
    (found,) = json.loads(prompts("show", "plain", "--json"))
    assert "\\u202eback" in found["asked"][0]["messages"][-1]["content"]


def test_diff_names_what_differs_between_two_annotators(lab: Lab, prompts: Callable[..., str]) -> None:
    lab.recipe(annotate=TWO.replace("URL", "http://localhost:9/v1"))
    text = prompts("diff", "plain", "thinker", "--items", "2")
    assert "=== strategy" in text
    assert '+ "temperature": 0.5' in text
    assert "+First think step by step" in text
    assert '+  "reasoning": {' in text
    assert text.splitlines()[-1].startswith("The same: endpoint and model; notes; item ")
    parts = {part["name"]: part["lines"] for part in json.loads(prompts("diff", "plain", "thinker", "--json"))}
    assert parts["endpoint and model"] == []
    assert any(line.startswith("-{") for line in parts["the messages that all requests begin with"])


def test_diff_compares_an_annotator_in_two_recipes(lab: Lab, prompts: Callable[..., str]) -> None:
    lab.recipe(annotate=TWO.replace("URL", "http://localhost:9/v1"))
    other = lab.folder / "other.yaml"
    other.write_text((lab.folder / "recipe.yaml").read_text().replace("perspective: reader", "perspective: writer"))
    text = prompts("diff", str(other), "plain")
    assert '-Task "emotion": Which emotions would a reader say' in text
    assert '+Task "emotion": Which emotions does the writer express?' in text
    same = prompts("diff", str(lab.folder / "recipe.yaml"), "plain")
    assert same.startswith("The same: ")
    assert "===" not in same
    with pytest.raises(RecipeError, match=r"several LLM annotators: plain, thinker"):
        prompts("diff", str(other))
    with pytest.raises(RecipeError, match="compared with nothing"):
        prompts("diff", "plain")


def test_try_asks_nobody_without_send(lab: Lab, prompts: Callable[..., str]) -> None:
    lab.recipe(annotate=TWO.replace("URL", "http://localhost:9/v1"))
    text = prompts("try", "plain")
    assert text.startswith("plain: 3 calls to make, 0 answered before; at most $")
    assert "add --send to ask" in text


def test_try_prints_what_came_back_and_keeps_it_for_the_run(
    lab: Lab, prompts: Callable[..., str], serve: Serve
) -> None:
    with serve(reply('{"labels": ["fear", "joy"]}')) as url:
        lab.recipe(annotate=TWO.replace("URL", url).replace("model: m", "model: m, price: {input: 10, output: 20}"))
        (tried,) = json.loads(prompts("try", "plain", "--items", "2", "--send", "--json"))
        assert tried["sent"]
        assert [answer["asked"] for answer in tried["answers"]] == ["first", "first"]
        for answer in tried["answers"]:
            assert answer["raw"] == '{"labels": ["fear", "joy"]}'
            assert [one["label"] for one in answer["parsed"][0]["emotion"]["labels"]] == ["fear", "joy"]
            assert answer["usd"] == pytest.approx((120 * 10 + 9 * 20) / 1e6)
        assert tried["figures"]["answers"] == 2
        text = prompts("try", "plain", "--items", "2", "--send")
        assert '    {"emotion": {"labels": ["fear", "joy"]}}' in text
        assert "--- 120 + 9 tokens, $0.001380" in text
        assert "1 calls to make, 2 answered before" in prompts("try", "plain")


def test_try_says_why_an_answer_cannot_be_used(lab: Lab, prompts: Callable[..., str], serve: Serve) -> None:
    with serve(reply('{"labels": ["\x1b[31mbliss"]}')) as url:
        lab.recipe(annotate=TWO.replace("URL", url))
        (tried,) = json.loads(prompts("try", "plain", "--items", "1", "--send", "--json"))
        assert [answer["asked"] for answer in tried["answers"]] == ["first", "repair", "again"]
        assert all("invalid" in answer["parsed"][0]["problem"] for answer in tried["answers"])
        (letter,) = tried["dead_letters"]
        assert (letter["task"], letter["reason"]) == ("emotion", "invalid")
        text = prompts("try", "plain", "--items", "1", "--send")
        assert "Dead letter: item" in text
        assert "\x1b" not in text


def test_try_stops_at_the_budget(lab: Lab, prompts: Callable[..., str], serve: Serve) -> None:
    with serve(reply('{"labels": ["joy"]}')) as url:
        dear = "model: m, price: {input: 100000, output: 100000}"
        lab.recipe(annotate=TWO.replace("URL", url).replace("model: m", dear), more="budget: {usd: 0.01}")
        with pytest.raises(DsbuildError, match="budget"):
            prompts("try", "plain", "--send")


def test_what_an_annotator_sees_is_shown_once_it_is_there(lab: Lab, prompts: Callable[..., str], serve: Serve) -> None:
    with serve(reply('{"labels": ["anger"]}')) as url:
        critic = "{name: critic, kind: llm, model: m, base_url: URL, strategy: critic, sees: [plain]}"
        lab.recipe(annotate=f"{TWO},{critic}".replace("URL", url))
        before = prompts("show", "critic")
        assert "annotate:plain has not run yet: what it says is missing here." in before
        assert before.count("(not asked: no annotator it sees has answered its task about the item)") == 3
        with pytest.raises(DsbuildError, match="reads what has not run yet: annotate:plain"):
            prompts("try", "critic", "--send")
        place = {"workspace": lab.folder / ".dsbuild", "out": lab.folder / "releases"}
        api.run(lab.folder / "recipe.yaml", until="build", **place)
        api.run(lab.folder / "recipe.yaml", only="annotate:plain", **place)
        assert prompts("show", "critic").count('Answer of another annotator: {"labels": ["anger"]}') == 3
        (tried,) = json.loads(prompts("try", "critic", "--send", "--json"))
        assert tried["dead_letters"] == []


def test_all_samples_and_personas_are_shown(lab: Lab, prompts: Callable[..., str]) -> None:
    lab.recipe(
        annotate="{name: judge, kind: llm, model: m, strategy: self_consistency, samples: 3},"
        "{name: jury, kind: llm, model: m, personas: {nurse: a nurse from Pune, cook: a cook}}"
    )
    (judge,) = json.loads(prompts("show", "judge", "--items", "1", "--json"))
    assert [one["sample"] for one in judge["asked"]] == [0, 1, 2]
    jury = json.loads(prompts("show", "jury", "--items", "1", "--json"))
    assert [one["annotator"] for one in jury] == ["jury-nurse", "jury-cook"]
    assert 'Answer as this person would: "a cook"' in jury[1]["asked"][0]["messages"][0]["content"]
    assert [one["annotator"] for one in json.loads(prompts("show", "jury-cook", "--json"))] == ["jury-cook"]


def test_items_that_share_a_prompt_are_shown_together(lab: Lab, prompts: Callable[..., str], serve: Serve) -> None:
    pair = "{name: pair, kind: llm, model: m, base_url: URL, items_per_prompt: 2, checked_singly: 0}"
    lab.recipe(annotate=pair.replace("URL", "http://localhost:9/v1"))
    (found,) = json.loads(prompts("show", "--json"))
    assert [len(one["items"]) for one in found["asked"]] == [2, 1]
    code = found["asked"][0]["messages"][-1]["content"].split()[1]
    said = {"code": code, "1": {"labels": ["joy"]}, "2": {"labels": ["fear"]}}
    with serve(reply(json.dumps(said))) as url:
        lab.recipe(annotate=pair.replace("URL", url))
        (tried,) = json.loads(prompts("try", "--items", "2", "--send", "--json"))
        (answer,) = tried["answers"]
        labels = [[one["label"] for one in parsed["emotion"]["labels"]] for parsed in answer["parsed"]]
        assert sorted(labels) == [["fear"], ["joy"]]
        assert tried["dead_letters"] == []


def test_a_pack_is_shown_as_a_run_would_send_it(lab: Lab, prompts: Callable[..., str]) -> None:
    pair = "{name: pair, kind: llm, model: m, base_url: 'http://localhost:9/v1', items_per_prompt: 2}"
    lab.file("id,text,label\n" + "".join(f"{n},Text number {n},joy\n" for n in range(6)))
    lab.recipe(annotate=pair)
    (three,) = json.loads(prompts("show", "--items", "3", "--json"))
    assert [len(one["items"]) for one in three["asked"]] == [2, 2], "whole prompts, not one with what is left"
    (alone,) = json.loads(prompts("show", "--item", three["asked"][0]["items"][0], "--json"))
    assert alone["notes"] == ["alone here; in a run up to 2 items share a prompt"]
    assert "4 calls" not in prompts("try", "--items", "3")
    assert "2 calls" in prompts("try", "--items", "3")


def test_try_knows_examples_that_come_from_a_corpus(lab: Lab, prompts: Callable[..., str], serve: Serve) -> None:
    with serve(reply('{"labels": ["joy"]}')) as url:
        lab.file("id,text,label\n" + "".join(f"{n},Text number {n},joy\n" for n in range(6)))
        near = "{name: near, kind: llm, model: m, base_url: URL, shots: {from: tweets, pick: random, k: 2}}"
        lab.recipe(annotate=near.replace("URL", url))
        assert "1 calls" in prompts("try", "--items", "1")
        (tried,) = json.loads(prompts("try", "--items", "1", "--send", "--json"))
        assert [one["raw"] for one in tried["answers"]] == ['{"labels": ["joy"]}']


def test_a_recipe_without_such_an_annotator_says_which_there_are(lab: Lab, prompts: Callable[..., str]) -> None:
    lab.recipe(annotate=TWO.replace("URL", "http://localhost:9/v1"))
    with pytest.raises(RecipeError, match=r'called "plane".*It has: plain, thinker'):
        prompts("show", "plane")
    lab.recipe(annotate="{name: words, kind: lexicon}")
    with pytest.raises(RecipeError, match="no LLM annotator"):
        prompts("show")


def test_the_order_is_that_of_a_run(lab: Lab, prompts: Callable[..., str]) -> None:
    rows = "".join(f"{n},Text number {n},joy\n" for n in range(50))
    lab.file("id,text,label\n" + rows)
    lab.recipe(annotate="{name: plain, kind: llm, model: m, on: {sample: 5}}")
    (found,) = json.loads(prompts("show", "--items", "9", "--json"))
    ids = pl.DataFrame({"item_id": [item_id("tweets", str(n)) for n in range(50)]})
    assert [one["items"] for one in found["asked"]] == [[one] for one in in_order(ids, seed=7)["item_id"].head(5)]


@pytest.fixture
def serve() -> Serve:
    """A server that answers every request in the same way."""
    return lambda body: serve_once(200, body)


def test_files_are_part_of_what_is_shown(lab: Lab, prompts: Callable[..., str]) -> None:
    (lab.folder / "there.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    lab.file("id,text,label,image\n1,One,joy,there.png\n2,Two,joy,gone.png\n")
    eye = "{name: eye, kind: llm, model: m, base_url: 'http://localhost:9/v1', media: {roles: [image]}}"
    lab.recipe(annotate=eye)
    recipe = lab.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("language: en", "language: en\n    media: {image: '{image}'}"))
    (found,) = json.loads(prompts("show", "--json"))
    there, gone = sorted(found["asked"], key=lambda one: one["lacks"] is not None)
    assert there["lacks"] is None
    assert [part["type"] for part in there["messages"][-1]["content"]] == ["image_url", "text"]
    assert "gone.png" in gone["lacks"]
    assert "1 calls to make" in prompts("try")
