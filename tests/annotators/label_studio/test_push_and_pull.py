"""Push, people answering, pull, and what it comes to: with a server in memory (tests/live has the real one)."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from annotators.label_studio import SessionConfig
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.outcome import Outcome, outcome
from annotators.label_studio.pull import pull
from annotators.label_studio.push import push
from annotators.label_studio.session import gets_suggestion
from schemas.errors import DsbuildError
from schemas.label_studio_config import NONE
from schemas.tables import ANNOTATIONS, conform
from schemas.task import Task

SESSION = SessionConfig.model_validate(
    {"name": "main", "people": ["p1", "p2", "p3"], "adjudicate": {"rule": "majority", "else": "p0"}}
)


def _labels(found: Outcome) -> dict[tuple[str, str], list[str] | None]:
    return {
        (row["item_id"], row["annotator"]): None if row["labels"] is None else [one["label"] for one in row["labels"]]
        for row in found.annotations.to_dicts()
    }


def _suggestions(items: pl.DataFrame, label: str = "joy") -> pl.DataFrame:
    rows = [
        {
            "annotation_id": f"s-{item}",
            "item_id": item,
            "task": "emotion",
            "annotator": "gpt",
            "annotator_kind": "llm",
            "sample": 0,
            "labels": [{"label": label, "score": 0.9, "original": label}],
        }
        for item in items["item_id"]
    ]
    return conform(pl.DataFrame(rows), ANNOTATIONS)


@pytest.fixture
def pushed(items: pl.DataFrame, task: Task, store: HumanStore, server: Any) -> Any:
    push(SESSION, items, task, None, server, store)
    return server


def test_pushing_twice_imports_nothing_twice(items: pl.DataFrame, task: Task, store: HumanStore, server: Any) -> None:
    assert push(SESSION, items, task, None, server, store).imported == 3
    again = push(SESSION, items, task, None, server, store)
    assert (again.imported, again.waiting) == (0, 3)
    assert len(server.tasks) == 3
    assert len(server.projects) == 1


def test_a_push_killed_before_it_noted_its_project_finds_it_again(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(HumanStore, "add_project", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            push(SESSION, items, task, None, server, store)
    push(SESSION, items, task, None, server, store)
    assert len(server.projects) == 1
    assert len(server.tasks) == 3


def test_new_items_join_the_project_that_is_there(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    push(SESSION, items.head(1), task, None, server, store)
    assert outcome(store, SESSION, items, task).unpushed == 2
    more = push(SESSION, items, task, None, server, store)
    assert (more.imported, more.waiting) == (2, 1)
    assert len(server.projects) == 1


def test_what_an_import_brought_twice_is_removed_unless_somebody_answered_it(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    first = pushed.task_of("i0")
    pushed.add_task(1, first["data"])
    pushed.answer("p1", "i0", "joy")  # the later of the two
    double = pushed.task_of("i1")
    pushed.add_task(1, double["data"])
    push(SESSION, items, task, None, pushed, store)
    assert sorted(t["data"]["dsbuild_id"] for t in pushed.tasks.values()) == ["i0", "i1", "i2"]
    assert len(pushed.task_of("i0")["annotations"]) == 1


def test_answers_become_annotations_of_the_people_who_gave_them(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    pushed.answer("p1", "i0", "joy")
    pushed.answer("p2", "i0", "sadness", "joy")
    pushed.answer("p3", "i0", NONE)
    pushed.answer("p1", "i1", skip=True)
    found = pull(SESSION, pushed, store)
    assert (found.new, found.skipped, found.rejected) == (4, 1, 0)
    session = outcome(store, SESSION, items, task)
    assert _labels(session) == {
        ("i0", "p1"): ["joy"],
        ("i0", "p2"): ["joy", "sadness"],
        ("i0", "p3"): [],
        ("i1", "p1"): None,
    }
    rows = {(row["item_id"], row["annotator"]): row for row in session.annotations.to_dicts()}
    assert rows["i1", "p1"]["skipped"]
    assert rows["i0", "p1"]["annotator_kind"] == "human"
    assert rows["i0", "p1"]["round"] == "first"
    assert rows["i0", "p1"]["lead_time"] == 4.5
    assert (session.missing, session.unpushed, session.waiting) == (2, 0, 2)
    assert session.people == {"p1": (1, 1), "p2": (1, 0), "p3": (1, 0)}
    kept, rejects = task.validate_annotations(session.annotations)
    assert (kept.height, rejects.height) == (4, 0)
    assert set(session.annotations["provenance"]) == set(session.provenance["provenance"])


def test_a_pull_takes_only_what_changed(items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any) -> None:
    annotation = pushed.answer("p1", "i0", "joy")
    pushed.answer("p2", "i0", "joy")
    assert pull(SESSION, pushed, store).new == 2
    assert pull(SESSION, pushed, store).new == 0
    pushed.change(annotation, "sadness")
    found = pull(SESSION, pushed, store)
    assert (found.new, found.edited, found.deleted) == (0, 1, 0)
    assert _labels(outcome(store, SESSION, items, task))["i0", "p1"] == ["sadness"]
    pushed.delete(annotation)
    found = pull(SESSION, pushed, store)
    assert (found.new, found.edited, found.deleted) == (0, 0, 1)
    assert _labels(outcome(store, SESSION, items, task)) == {("i0", "p2"): ["joy"]}
    assert len(store.history("main", "emotion")) == 4


def test_a_pull_that_breaks_off_keeps_what_it_had_and_the_next_one_goes_on(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in ("i0", "i1", "i2"):
        pushed.answer("p1", item, "joy")
    whole = pushed.records

    def broken(project: int, changes: Any) -> Any:
        yield from list(whole(project, changes))[:2]
        raise DsbuildError("Label Studio cannot be reached.")

    monkeypatch.setattr("annotators.label_studio.pull._BATCH", 1)
    with monkeypatch.context() as patch:
        patch.setattr(pushed, "records", broken)
        with pytest.raises(DsbuildError, match="cannot be reached"):
            pull(SESSION, pushed, store)
    assert len(store.history("main", "emotion")) == 2
    assert pull(SESSION, pushed, store).new == 1


def test_a_task_deleted_on_the_server_takes_no_answer_with_it(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    pushed.answer("p1", "i0", "joy")
    pull(SESSION, pushed, store)
    pushed.delete_task(1)
    # The server gives the number out again.
    pushed.tasks[1] = pushed.tasks.pop(3) | {"updated_at": pushed.tick()}
    pushed.answer("p1", "i2", "sadness")
    found = pull(SESSION, pushed, store)
    assert found.deleted == 0
    assert _labels(outcome(store, SESSION, items, task)) == {("i0", "p1"): ["joy"], ("i2", "p1"): ["sadness"]}


@pytest.mark.parametrize(
    ("labels", "reason"), [(["glee"], "no label"), (["joy", "neutral"], "beside"), ([NONE, "joy"], "beside")]
)
def test_an_answer_that_is_none_is_kept_but_does_not_count(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any, labels: list[str], reason: str
) -> None:
    annotation = pushed.answer("p1", "i0", *labels)
    assert pull(SESSION, pushed, store).rejected == 1
    session = outcome(store, SESSION, items, task)
    assert session.annotations.height == 0
    [(person, item, why)] = session.rejected
    assert (person, item) == ("p1", "i0")
    assert reason in why
    pushed.change(annotation, "joy")
    pull(SESSION, pushed, store)
    assert outcome(store, SESSION, items, task).rejected == ()


def test_an_answer_that_somebody_else_changed_is_nobodys(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    annotation = pushed.answer("p1", "i0", "joy")
    pull(SESSION, pushed, store)
    annotation["updated_by"] = pushed.user("p2")
    pushed._touch(annotation)  # starred, say
    assert pull(SESSION, pushed, store).edited == 0
    pushed.change(annotation, "sadness", by="p2")
    assert pull(SESSION, pushed, store).rejected == 1
    assert outcome(store, SESSION, items, task).rejected[0][2] == "the answer was changed by another account"


def test_an_answer_to_a_text_changed_on_the_server_does_not_count(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    pushed.task_of("i0")["data"]["text"] = "something else"
    pushed.answer("p1", "i0", "joy")
    assert pull(SESSION, pushed, store).reasons == {"the text was changed in Label Studio": 1}


def test_strangers_are_reported_under_a_pseudonym_and_take_nobodys_place(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    session = SESSION.model_copy(update={"overlap": 1})
    push(session, items, task, None, server, store)
    server.answer("somebody", "i0", "joy")
    found = pull(session, server, store)
    [name] = found.strangers
    assert "somebody" not in name
    result = outcome(store, session, items, task)
    assert result.strangers == {name: 1}
    assert result.missing == 3
    assert result.annotations.height == 0
    # Label Studio thinks the item is done; the next push puts it before one more person.
    assert push(session, items, task, None, server, store).reopened == 1
    assert server.task_of("i0")["overlap"] == 2
    assert push(session, items, task, None, server, store).reopened == 0


def test_a_stranger_named_later_is_found_again(items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any) -> None:
    pushed.answer("p4", "i0", "joy")
    pull(SESSION, pushed, store)
    later = SESSION.model_copy(update={"people": ("p1", "p4"), "overlap": 1})
    assert _labels(outcome(store, later, items, task)) == {("i0", "p4"): ["joy"]}


def test_two_accounts_of_one_name_are_refused(items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any) -> None:
    pushed.answer("p1", "i0", "joy")
    pushed.answer("P1", "i1", "joy")
    with pytest.raises(DsbuildError, match="Two accounts answered as p1"):
        pull(SESSION, pushed, store)


def test_an_item_is_done_when_enough_answered_or_nobody_is_left(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    session = SESSION.model_copy(update={"overlap": 2})
    push(session, items, task, None, server, store)
    server.answer("p1", "i0", "joy")
    server.answer("p2", "i0", "joy")
    server.answer("p1", "i1", skip=True)
    server.answer("p2", "i1", "joy")
    pull(session, server, store)
    assert outcome(store, session, items, task).missing == 2
    server.answer("p3", "i1", skip=True)
    pull(session, server, store)
    assert outcome(store, session, items, task).missing == 1
    assert push(session, items, task, None, server, store).complete == 2


def test_a_changed_text_keeps_its_answers_as_stale_and_is_asked_again_only_on_request(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    for person in ("p1", "p2", "p3"):
        pushed.answer(person, "i0", "joy")
    pull(SESSION, pushed, store)
    changed = items.with_columns(pl.col("text") + "!")
    result = outcome(store, SESSION, changed, task)
    assert (result.stale, result.missing, result.annotations.height) == (3, 3, 0)
    assert push(SESSION, changed, task, None, pushed, store).changed == 3
    assert len(pushed.tasks) == 3
    assert push(SESSION, changed, task, None, pushed, store, again=True).imported == 3
    # The two unanswered old texts went, the answered one stayed.
    assert len(pushed.tasks) == 4
    pushed.answer("p1", "i0", "sadness")
    pull(SESSION, pushed, store)
    result = outcome(store, SESSION, changed, task)
    assert (result.stale, result.annotations.height) == (2, 1)
    assert outcome(store, SESSION, items, task).adjudicated["i0"].labels == ["joy"], (
        "the old text's answers are all there"
    )


def test_a_changed_question_makes_answers_stale_and_a_better_translation_does_not(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    pushed.answer("p1", "i0", "joy")
    pull(SESSION, pushed, store)
    other = task.model_copy(update={"instructions": {"en": "What would a stranger feel?"}})
    assert outcome(store, SESSION, items, other).stale == 1
    assert push(SESSION, items, other, None, pushed, store).changed == 3
    assert task.taxonomy is not None
    renamed = task.taxonomy.model_copy(
        update={"labels": tuple(one.model_copy(update={"names": {"en": f"{one.id}!"}}) for one in task.taxonomy.labels)}
    )
    translated = task.model_copy(update={"taxonomy": renamed})
    session = SESSION.model_copy(update={"language": "en"})
    assert outcome(store, session, items, translated).stale == 0
    push(session, items, translated, None, pushed, store)
    assert 'value="joy!"' in pushed.projects[1]["config"], "the project that is there is drawn anew"


def test_a_suggestion_is_shown_on_its_share_and_remembered(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    session = SessionConfig.model_validate({"name": "s", "people": ["p1"], "suggest": {"from": "gpt", "share": 0.5}})
    shown = {item: gets_suggestion(session, item, 3) for item in items["item_id"]}
    assert set(shown.values()) == {True, False}, "the seed is chosen so that both happen"
    found = push(session, items, task, _suggestions(items), server, store, seed=3)
    assert found.suggested == sum(shown.values())
    for item, has in shown.items():
        assert bool(server.task_of(item)["predictions"]) is has
        server.answer("p1", item, "joy")
    pull(session, server, store)
    parents = {row["item_id"]: row["parent"] for row in outcome(store, session, items, task).annotations.to_dicts()}
    assert parents == {item: f"s-{item}" if has else None for item, has in shown.items()}


def test_a_suggestion_that_does_not_fit_is_left_out(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    session = SessionConfig.model_validate({"name": "s", "people": ["p1"], "suggest": {"from": "gpt"}})
    found = push(session, items, task, _suggestions(items, "glee"), server, store)
    assert (found.imported, found.suggested, found.unsuggestable) == (3, 0, 3)


def test_a_project_that_is_gone_is_said_and_replaced_only_on_request(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    for person in SESSION.people:
        pushed.answer(person, "i0", "joy")
    pull(SESSION, pushed, store)
    pushed.projects[1]["mark"] = "somebody else's project of the same number"
    with pytest.raises(DsbuildError, match=r"Project 1 .* is gone"):
        pull(SESSION, pushed, store)
    with pytest.raises(DsbuildError, match=r"Project 1 .* is gone"):
        push(SESSION, items, task, None, pushed, store)
    found = push(SESSION, items, task, None, pushed, store, new_project=True)
    assert (found.imported, found.complete) == (2, 1)
    pushed.answer("p1", "i1", "joy")
    assert pull(SESSION, pushed, store).new == 1


def test_a_session_that_was_never_pushed_cannot_be_pulled(store: HumanStore, server: Any) -> None:
    with pytest.raises(DsbuildError, match="has not been pushed"):
        pull(SESSION, server, store)


def test_items_without_a_text_are_refused(items: pl.DataFrame, task: Task, store: HumanStore, server: Any) -> None:
    with pytest.raises(DsbuildError, match="1 items have no text"):
        push(SESSION, items.with_columns(text=pl.Series([None, "a", "b"])), task, None, server, store)


def test_tasks_that_dsbuild_did_not_put_there_are_counted_and_left_alone(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    pushed.add_task(1, {"text": "mine", "dsbuild_id": "mine"})
    pushed.answer("p1", "mine", "joy")
    assert pull(SESSION, pushed, store).foreign == 1
    assert outcome(store, SESSION, items, task).annotations.height == 0


def test_the_same_store_gives_the_same_frames(items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any) -> None:
    for person in ("p3", "p1", "p2"):
        pushed.answer(person, "i1", "joy")
        pushed.answer(person, "i0", "sadness")
    pull(SESSION, pushed, store)
    one, two = (outcome(store, SESSION, items, task) for _ in range(2))
    assert one.annotations.equals(two.annotations)
    assert one.annotations["annotator"].to_list() == ["p1", "p2", "p3"] * 2
