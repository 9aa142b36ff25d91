"""Whatever the data says, it stays text, and short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markup import Markup, assert_inert

from audits.report import render
from audits.report.inert import LONGEST, inert
from schemas.task import Task
from schemas.taxonomy import Label, Taxonomy

Pilot = tuple[dict[str, Any], list[Task]]

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style></table><img src=x onerror=alert(1)>",
    "\"' onmouseover=alert(1) x='",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- ",
    "]]><svg/onload=alert(1)>",
    "&lt;script&gt;&#x3c;b&#x3e;",
    "javascript:alert(1)",
    "`code` `",
    "a\x00b\x1b[31mc\ud800d",
    "\u202egnirts \u2066\u2069\u2069",
    "क" + "\u093f" * 500,
    "Z\u0336" * 400,
    "x" * 100_000,
    "\n\n\t" * 50_000,
    "",
]


def everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every string changed, the keys that come from the data too."""
    if isinstance(value, dict):
        return {key if key in KEYS else change(key): everywhere(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [everywhere(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


KEYS = {
    "format", "dataset", "title", "sample", "items", "total", "by_split", "by_language", "by_corpus", "funnel", "node",
    "in", "out", "rejects", "figures", "annotators", "name", "kind", "model", "strategy", "asked", "answered",
    "dead_letters", "reasons", "agreement", "task", "over", "from", "metric", "distance", "value", "low", "high",
    "level", "resamples", "units", "annotations", "note", "labels", "label", "scores", "of", "against", "by", "n",
    "accuracy", "macro_f1", "micro_f1", "precision", "recall", "f1", "support", "predicted", "confusion", "counts",
    "aggregates", "method", "options", "tier", "unlabelled", "ties", "none", "compare", "fit", "distribution",
    "aggregate", "split", "leakage", "exact", "near", "group", "pairs", "texts", "groups", "threshold", "sampled",
    "missed", "examples", "a", "b", "split_a", "split_b", "text_a", "text_b", "similarity", "id", "conflicts", "text",
    "item_id", "answers", "gates", "wanted", "seen", "passed", "fix", "rows_by_split", "mapped",
}  # fmt: skip


@pytest.mark.parametrize("evil", HOSTILE, ids=lambda evil: ascii(evil[:16]))
def test_no_string_of_the_metrics_gets_out_of_its_place(pilot: Pilot, evil: str) -> None:
    metrics, _ = pilot
    page = render(everywhere(metrics, lambda text: evil + text), [])
    assert_inert(page)
    assert len(page.encode()) < 1_500_000
    page.encode("utf-8")


def test_hostile_tasks_stay_text_too(pilot: Pilot) -> None:
    evil = "</dd><script>alert(1)</script>\u202e" + "y" * 5_000
    label = Label(id="a<b>", definition=evil, tone_note="test")
    taxonomy = Taxonomy(name="t", title=evil, source="here", labels=(label, Label(id="b", tone_note="test")))
    task = Task(name="emotion", kind="choice", taxonomy=taxonomy, perspective="reader", instructions={'en"><b>': evil})
    page = render(pilot[0], [task])
    assert_inert(page)
    assert "\u202e" not in page
    assert "y" * 1_000 not in page


def test_directional_controls_are_written_out_and_joiners_stay() -> None:
    assert inert("a\u202eb\u2069") == "a[U+202E]b[U+2069]"
    assert inert("क्\u200dष") == "क्\u200dष"


def test_controls_and_lone_surrogates_are_replaced() -> None:
    assert inert("a\x00b\x1bc\ud800\x85") == "a\ufffdb\ufffdc\ufffd"


def test_long_texts_are_cut_between_letters_and_say_how_long_they_are() -> None:
    assert inert("x" * 100_000, 10) == "xxxxxxxxxx… (100,000 characters)"
    assert inert("कि" * 100, 5) == "किकि… (200 characters)"
    assert inert("short", 5) == "short"
    assert inert("क" + "\u093f" * 100, 20).startswith("क" + "\u093f" * 19 + "…")
    assert inert(" a \n\t b ") == "a b"


def test_text_in_the_page_is_isolated_from_the_direction_around_it(pilot: Pilot) -> None:
    metrics = {"conflicts": {"texts": 1, "items": 2, "examples": [{"text": "مرحبا", "items": []}]}}
    assert "<bdi>مرحبا</bdi>" in render(metrics, [])


SINGLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([evil for evil in HOSTILE if len(evil) < 1_000])
)
NAMES = st.sampled_from(sorted(KEYS)) | st.text(max_size=5)
ANY = st.recursive(
    SINGLE, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=5), max_leaves=15
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(metrics=st.dictionaries(st.sampled_from(sorted(KEYS)), ANY, max_size=8))
def test_a_report_comes_out_of_anything(metrics: dict[str, Any]) -> None:
    page = render(metrics, [])
    assert_inert(page)
    page.encode("utf-8")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(evil=st.text(st.characters(codec=None), max_size=40))
def test_any_text_as_title_and_example_is_read_as_that_text(evil: str) -> None:
    metrics = {"title": "t" + evil, "conflicts": {"texts": 1, "examples": [{"text": "c" + evil, "items": []}]}}
    text = assert_inert(render(metrics, [])).text
    assert " ".join(inert("t" + evil).split()) in text
    assert " ".join(inert("c" + evil).split()) in text


@given(text=st.text(st.characters(codec=None), max_size=60), longest=st.integers(1, 40))
def test_inert_text_is_bounded_and_stays_as_it_is_when_read_again(text: str, longest: int) -> None:
    once = inert(text, longest)
    assert len(once) <= longest + len("… (100 characters)")
    assert inert(inert(text)) == inert(text)
    assert len(inert(text * 1_000)) <= LONGEST + 40
    Markup(f"<p>{once.replace('&', '&amp;').replace('<', '&lt;')}</p>")
