"""The language of `on: {where: ...}`: what is written is what is meant, and a slip is shown in its place."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.selection import Selection
from schemas.where import All, Call, Condition, Not, Some, WhereError, calls, names_in, parse, renamed

_NAMES = st.one_of(
    st.sampled_from(["gpt", "llama-3.3", "gold:r12", "a_b", "over", "not"]),
    st.text(
        st.characters(blacklist_characters="\"'", codec="utf-8", categories=["L", "N", "P", "Zs"]),
        min_size=1,
        max_size=8,
    ),
)
_BOUNDS = st.one_of(st.none(), st.integers(0, 100).map(lambda n: n / 100))


def _call(word: str) -> st.SearchStrategy[Call]:
    names = st.lists(_NAMES, min_size=1, max_size=3, unique=True).map(tuple)
    bound = st.none() if word == "missing" else _BOUNDS
    return st.builds(Call, st.just(word), names, bound, st.one_of(st.none(), st.just("emotion")))  # type: ignore[arg-type]


def _nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(All, several), st.builds(Some, several))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(_call("disagree"), _call("uncertain"), _call("missing")), _nested, max_leaves=6
)


def _truth(condition: Condition, facts: dict[Call, bool]) -> bool:
    if isinstance(condition, Call):
        return facts[condition]
    if isinstance(condition, Not):
        return not _truth(condition.of, facts)
    return (all if isinstance(condition, All) else any)(_truth(one, facts) for one in condition.of)


@given(CONDITIONS, st.data())
def test_what_is_written_is_read_as_it_was_meant(condition: Condition, data: st.DataObject) -> None:
    read = parse(str(condition))
    assert str(read) == str(condition)
    facts = {call: data.draw(st.booleans()) for call in calls(condition)}
    assert _truth(read, facts) == _truth(condition, facts)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = (Call("missing", (name,)) for name in "abc")
    assert parse("missing(a) or missing(b) and not missing(c)") == Some((a, All((b, Not(c)))))
    assert parse("(missing(a) or missing(b)) and missing(c)") == All((Some((a, b)), c))


@pytest.mark.parametrize(
    "written", ["disagree(a,b,over:0.3)", "disagree( a , b , over = 0.3 )", "disagree(a, 'b', over: 0.3)"]
)
def test_blanks_and_quotes_change_nothing(written: str) -> None:
    assert parse(written) == Call("disagree", ("a", "b"), 0.3)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("disagre(a, b)", "there is no such question, did you mean disagree?: >>>disagre<<<(a, b)"),
        ("sure(a)", "there is no such question, there are disagree, uncertain, missing: >>>sure<<<(a)"),
        ("disagree(a, b", "wanted , or ): disagree(a, b>>>end<<<"),
        ("disagree a", "wanted ( and whom disagree asks about: disagree >>>a<<<"),
        ("uncertain()", "uncertain needs the name of an annotator: uncertain(>>>)<<<"),
        ("uncertain(a, over: 0.5)", "uncertain has no such option, it has below, task: uncertain(a, >>>over<<<: 0.5)"),
        ("uncertain(a, below: 60)", "below is a number from 0 to 1: uncertain(a, below: >>>60<<<)"),
        ("uncertain(a, below: 0.5, below: 0.6)", "this option stands here twice"),
        ("uncertain(below: 0.5, a)", "names come before options: uncertain(below: 0.5, >>>a<<<)"),
        ("missing(a) missing(b)", "wanted and, or, or nothing more: missing(a) >>>missing<<<(b)"),
        ("missing(a) and", "wanted disagree, uncertain, missing, not or (: missing(a) and>>>end<<<"),
        ("missing(a; b)", "this character means nothing here: missing(a>>>;<<< b)"),
        ("", "wanted disagree, uncertain, missing, not or (: >>>end<<<"),
        ("not " * 400 + "missing(a)", "nested too deeply"),
        ("missing(a) or " * 200, "a condition has at most 2000 characters"),
    ],
)
def test_a_slip_is_shown_in_its_place(written: str, said: str) -> None:
    with pytest.raises(WhereError) as told:
        parse(written)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_or_refused(written: str) -> None:
    with suppress(WhereError):
        assert str(parse(written))


def test_a_selection_keeps_its_condition_as_text() -> None:
    on = Selection.model_validate({"where": "disagree(a,b)  and not missing(c)"})
    assert on.where == "disagree(a, b) and not missing(c)"
    assert on.condition is not None
    assert names_in(on.condition) == ("a", "b", "c")
    assert str(renamed(on.condition, {"a": ("a-1", "a-2")})) == "disagree(a-1, a-2, b) and not missing(c)"
