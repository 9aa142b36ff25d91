"""One row: ask, repair, ask afresh, and then a dead letter that says why and what was said."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from annotators.llm import LLMConfig
from annotators.llm.questions import Questions
from annotators.llm.reading import Bad, Good
from annotators.llm.rows import Row, RowAnnotator
from annotators.llm.strategies import Item
from schemas.task import Answer, Task
from schemas.taxonomy import load_taxonomy
from tests.annotators.llm.scripted import Scripted, completion, failed

EKMAN = load_taxonomy("ekman-neutral")
MAIN = Task(name="main", kind="choice", taxonomy=EKMAN, perspective="reader")
ALL = Task(name="all", kind="multi", taxonomy=EKMAN, perspective="reader")
HOW = Task(name="how", kind="scale", range=(1, 7), step=1, perspective="reader", instructions={"en": "How strong?"})
ROW = Row("i1", "hash", Item("What a day.", item_id="i1"), 0)
CUT = completion('{"label": "jo', "length")
BROKEN = "}{ no json"


def annotate(endpoint: Any, *tasks: Task, retry_failed: bool = False, deadline: float = 5, **config: Any) -> Good | Bad:
    questions = Questions(LLMConfig(name="m", model="m", **config), tasks or (MAIN,))
    row = RowAnnotator(questions, endpoint, deadline=deadline, retry_failed=retry_failed)
    return asyncio.run(row.annotate(ROW))


def in_turn(*said: Any) -> Any:
    return Scripted(lambda request, n: said[n])


def test_a_usable_answer_ends_it() -> None:
    endpoint = in_turn({"label": "joy"})
    found = annotate(endpoint)
    assert isinstance(found, Good)
    assert found.answers == (Answer(labels=["joy"], originals=["joy"]),)
    assert len(endpoint.asked) == 1


def test_the_repair_turn_shows_the_answer_and_what_the_validator_said() -> None:
    endpoint = in_turn({"label": "bliss"}, {"label": "joy"})
    assert isinstance(annotate(endpoint), Good)
    *before, said, wrong = endpoint.asked[1].messages
    assert before == endpoint.asked[0].messages
    assert said == {"role": "assistant", "content": '{"label": "bliss"}'}
    assert "bliss" in wrong["content"]
    assert "none of: " in wrong["content"]


def test_after_a_repair_that_fails_the_question_is_asked_afresh_and_then_never_again() -> None:
    endpoint = in_turn(BROKEN, BROKEN, {"label": "bliss"})
    found = annotate(endpoint)
    assert isinstance(found, Bad)
    assert (found.reason, found.raw) == ("invalid", '{"label": "bliss"}')
    first, _, fresh = endpoint.asked
    assert fresh.messages == first.messages
    assert (first.ask, fresh.ask) == (0, 1)
    assert first.key != fresh.key
    assert annotate(endpoint) == found
    assert len(endpoint.asked) == 3, "all three answers are in the store, so nothing is asked again"


@pytest.mark.parametrize(
    ("said", "reason", "raw", "asks"),
    [
        (BROKEN, "invalid", BROKEN, 3),
        (CUT, "truncated", '{"label": "jo', 3),
        (completion(None, refusal="I cannot help with that."), "refused", "I cannot help with that.", 2),
        (completion("Sorry", "content_filter"), "refused", "Sorry", 2),
        (b"<html>busy</html>", "invalid", "<html>busy</html>", 3),
    ],
)
def test_invalid_truncated_and_refused_are_told_apart_and_keep_what_was_said(
    said: Any, reason: str, raw: str, asks: int
) -> None:
    endpoint = Scripted(lambda request, n: said)
    found = annotate(endpoint)
    assert isinstance(found, Bad)
    assert (found.reason, found.raw) == (reason, raw)
    assert len(endpoint.asked) == asks, "a refusal has no repair turn"


def test_after_an_answer_that_was_cut_off_the_fresh_ask_allows_twice_the_tokens() -> None:
    endpoint = in_turn(CUT, CUT, {"label": "joy"})
    assert isinstance(annotate(endpoint), Good)
    limits = [json.loads(request.body("text"))["max_tokens"] for request in endpoint.asked]
    assert limits == [256, 256, 512]
    assert endpoint.asked[2].family.answer_tokens == 512, "the budget reserves as much"
    own = in_turn(CUT, CUT, {"label": "joy"})
    annotate(own, params={"max_completion_tokens": 30})
    assert [json.loads(request.body("text")).get("max_completion_tokens") for request in own.asked] == [30, 30, 60]
    none = in_turn(CUT, CUT, {"label": "joy"})
    annotate(none, params={"max_tokens": None})
    assert "max_tokens" not in json.loads(none.asked[2].body("text")), "no limit of ours cut it off"


def test_a_failure_on_the_way_keeps_the_last_answer_there_was_and_is_no_answer() -> None:
    endpoint = in_turn(BROKEN, failed("HTTP 500: no"))
    found = annotate(endpoint)
    assert isinstance(found, Bad)
    assert (found.reason, found.detail, found.raw) == ("http", "HTTP 500: no", BROKEN)
    assert len(endpoint.store) == 1, "the paid answer is kept, the failure is not"
    assert annotate(in_turn(failed())) == Bad("http", "HTTP 500: no", "")


def test_a_deadline_keeps_the_last_answer_too() -> None:
    class Slow(Scripted):
        async def answer(self, request: Any, item_id: str) -> Any:
            if self.asked:
                await asyncio.sleep(30)
            return await super().answer(request, item_id)

    found = annotate(Slow(lambda request, n: BROKEN), deadline=0.05)
    assert isinstance(found, Bad)
    assert (found.reason, found.raw) == ("deadline", BROKEN)


def test_a_dead_letter_is_asked_again_only_on_request_and_then_in_one_more_round() -> None:
    endpoint = Scripted(lambda request, n: BROKEN)
    annotate(endpoint)
    annotate(endpoint, retry_failed=True)
    assert [request.ask for request in endpoint.asked] == [0, 0, 1, 2, 2, 3]
    annotate(endpoint)
    assert len(endpoint.asked) == 6


def test_a_better_parser_reads_old_answers_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Scripted(lambda request, n: {"label": "bliss"})
    assert isinstance(annotate(endpoint), Bad)
    asked = len(endpoint.asked)
    from schemas.taxonomy import Taxonomy

    known = Taxonomy.resolve
    monkeypatch.setattr(Taxonomy, "resolve", lambda self, text: known(self, "joy" if text == "bliss" else text))
    found = annotate(endpoint)
    assert isinstance(found, Good)
    assert found.answers[0] == Answer(labels=["joy"], originals=["bliss"])
    assert len(endpoint.asked) == asked


def test_the_code_is_in_the_provenance_and_not_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from annotators.llm import questions as module

    questions = Questions(LLMConfig(name="m", model="m"), [MAIN])
    before = questions.ask(ROW.item, 0).key, questions.provenance()
    monkeypatch.setattr(module, "code_version", lambda: "another")
    after = questions.ask(ROW.item, 0).key, questions.provenance()
    assert before[0] == after[0]
    assert before[1]["provenance"] != after[1]["provenance"]


def test_the_version_of_the_code_covers_every_file_of_the_package() -> None:
    from importlib.resources import files

    from annotators.llm.questions import _sources

    folder = Path(str(files("annotators.llm")))
    expected = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".py", ".j2")}
    covered = {
        place.removeprefix("annotators/llm/") for place, _ in _sources(files("annotators.llm"), "annotators/llm")
    }
    assert expected <= covered
    assert {"packing/pack.py", "shots/choosing.py", "verdicts/loose.py", "wire/pace.py"} <= covered


def test_plain_text_is_read_loosely_where_it_was_asked_for_as_text() -> None:
    for form, kind in (("text", Good), ("json_schema", Bad), (None, Bad)):
        assert isinstance(annotate(Scripted(lambda request, n: "Label: joy", form)), kind)


GOOD = {"main": {"label": "joy"}, "all": {"labels": ["joy"]}, "how": {"value": 3}}


def test_an_answer_that_lacks_one_of_several_tasks_is_repaired_and_the_repaired_one_counts() -> None:
    endpoint = in_turn(GOOD | {"how": {"value": 9}}, GOOD | {"main": {"label": "fear"}})
    found = annotate(endpoint, MAIN, ALL, HOW)
    assert isinstance(found, Good)
    assert found.complete
    assert found.answers[0] == Answer(labels=["fear"], originals=["fear"])
    assert 'under the key \\"how\\"' in endpoint.asked[1].messages[-1]["content"]
    assert "main" not in endpoint.asked[1].messages[-1]["content"].partition("Answer again")[0]


def test_after_the_last_ask_the_valid_tasks_stay_and_the_others_are_dead() -> None:
    found = annotate(Scripted(lambda request, n: GOOD | {"how": {"value": 9}}), MAIN, ALL, HOW)
    assert isinstance(found, Good)
    assert not found.complete
    assert [isinstance(answer, Answer) for answer in found.answers] == [True, True, False]
    bad = found.answers[2]
    assert isinstance(bad, Bad)
    assert (bad.reason, json.loads(bad.raw)["how"]) == ("invalid", {"value": 9})


def test_a_task_that_only_another_ask_answered_has_its_answer_from_there() -> None:
    endpoint = in_turn(
        {"main": {"label": "joy"}, "all": 3, "how": {"value": 2}},
        BROKEN,
        {"main": {"label": "fear"}, "all": GOOD["all"]},
    )
    found = annotate(endpoint, MAIN, ALL, HOW)
    assert isinstance(found, Good)
    assert found.complete
    assert [answer.labels or answer.value for answer in found.answers] == [["joy"], ["joy"], 2]  # type: ignore[union-attr]


def test_tasks_that_were_answered_outlive_a_failure_on_the_way() -> None:
    found = annotate(in_turn(GOOD | {"how": None}, failed()), MAIN, ALL, HOW)
    assert isinstance(found, Good)
    assert [type(answer) for answer in found.answers] == [Answer, Answer, Bad]
    assert found.answers[2].reason == "http"  # type: ignore[union-attr]


def test_when_all_tasks_fail_the_row_does() -> None:
    found = annotate(Scripted(lambda request, n: {"main": 1, "all": 2, "how": 3}), MAIN, ALL, HOW)
    assert isinstance(found, Bad)
    assert found.detail.count("under the key") == 3
