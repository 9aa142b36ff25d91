"""What the page shows, from metrics that the real audits made."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

from markup import Markup, assert_inert

from audits.report import render
from schemas.task import Task

Pilot = tuple[dict[str, Any], list[Task]]
SECTIONS = [
    "gates", "question", "way", "crosswalk", "items", "labels", "annotators", "memory", "agreement", "scores",
    "aggregates", "leakage", "conflicts", "definitions",
]  # fmt: skip


def test_the_page_is_well_formed_and_asks_the_network_for_nothing(pilot: Pilot) -> None:
    page = render(*pilot)
    assert_inert(page)
    assert "url(" not in page
    assert "@import" not in page
    assert "http:" not in page
    assert "https:" not in page


def test_its_policy_allows_its_own_style_and_nothing_else(pilot: Pilot) -> None:
    page = render(*pilot)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = [tag for tag in Markup(page).of("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    wanted = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy["content"] == wanted


def test_equal_metrics_give_an_equal_page_whatever_the_order_of_hashing(pilot: Pilot) -> None:
    metrics, tasks = pilot
    page = render(metrics, tasks)
    again = render(json.loads(json.dumps(metrics)), tasks)
    assert page == again
    code = (
        "import json, sys; from audits.report import render;"
        "print(hash('a'), file=sys.stderr);"
        "sys.stdout.buffer.write(render(json.load(sys.stdin), []).encode())"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(metrics).encode(),
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert pages == {render(metrics, []).encode()}


def test_every_section_is_there_and_in_the_contents(pilot: Pilot) -> None:
    for page in (render(*pilot), render({}, [])):
        markup = assert_inert(page)
        assert [attrs["id"] for attrs in markup.of("section")] == SECTIONS
        links = [attrs["href"] for attrs in markup.of("a")]
        assert links[0] == "#report"
        first = links.index("#question") - 1
        assert links[first : first + len(SECTIONS)] == [f"#{name}" for name in SECTIONS]


def test_without_data_every_section_says_so_in_one_sentence_and_shows_no_table() -> None:
    empty = {
        "format": "dsbuild.metrics/1", "dataset": "none", "title": "", "sample": None,
        "items": {"total": 0, "by_split": {}, "by_language": {}, "by_corpus": {}},
        "funnel": [], "annotators": [], "agreement": [], "scores": [], "aggregates": [], "distribution": [],
        "leakage": {}, "conflicts": {"texts": 0, "items": 0, "examples": []}, "gates": [],
    }  # fmt: skip
    for metrics in (empty, {}):
        markup = assert_inert(render(metrics, []))
        assert markup.of("table") == []
        nothing = [attrs for attrs in markup.of("p") if attrs.get("class") == "nothing"]
        assert len(nothing) == len(SECTIONS) - 1
        assert "No gate was set" in markup.text
        assert "Agreement between annotators is not known." in markup.text


def test_a_failed_gate_is_the_first_thing_said_with_what_would_fix_it(pilot: Pilot) -> None:
    metrics, tasks = pilot
    text = assert_inert(render(metrics, tasks)).text
    assert "2 of 3 gates are not passed." in text
    for gate in metrics["gates"]:
        if not gate["passed"]:
            assert gate["fix"].replace("`", " ").split(":")[0] in text
    assert text.index("not passed") < text.index("Contents")


def test_passed_gates_are_said_to_be_passed(pilot: Pilot) -> None:
    metrics, tasks = copy.deepcopy(pilot[0]), pilot[1]
    metrics["gates"] = [{**gate, "passed": True, "fix": ""} for gate in metrics["gates"]]
    assert "All 3 gates are passed." in assert_inert(render(metrics, tasks)).text
    metrics["gates"] = metrics["gates"][:1]
    assert "The gate is passed." in assert_inert(render(metrics, tasks)).text


def test_only_true_counts_as_passed(pilot: Pilot) -> None:
    metrics = copy.deepcopy(pilot[0])
    metrics["gates"] = [{**metrics["gates"][0], "passed": "no"}]
    assert "The gate is not passed." in assert_inert(render(metrics, [])).text


def test_a_trial_on_a_sample_says_that_it_is_one(pilot: Pilot) -> None:
    metrics = {**pilot[0], "sample": 50}
    assert "a trial on a sample of 50, not a release" in assert_inert(render(metrics, [])).text


def test_agreement_is_shown_with_its_interval_and_items(pilot: Pilot) -> None:
    metrics, tasks = pilot
    text = assert_inert(render(metrics, tasks)).text
    one = metrics["agreement"][0]
    for entry in (one, *one["labels"]):
        shown = f"{entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}] {entry['units']}"
        assert shown.replace("-", "−") in text


def test_an_undefined_figure_is_called_undefined_with_its_note(pilot: Pilot) -> None:
    metrics, tasks = copy.deepcopy(pilot[0]), pilot[1]
    note = metrics["agreement"][1]["note"]
    assert metrics["agreement"][1]["value"] is None
    assert note in assert_inert(render(metrics, tasks)).text
    one = metrics["scores"][0]
    one["macro_f1"] = {"value": None, "low": None, "high": None}
    one["note"] = "Undefined: no label occurs."
    metrics["gates"] = [{**metrics["gates"][1], "seen": None, "passed": False}]
    metrics["agreement"][0]["labels"][2] |= {"value": None, "low": None, "high": None}
    text = assert_inert(render(metrics, tasks)).text
    assert "undefined: Undefined: no label occurs." in text
    assert "seen undefined" in text
    assert "Alpha of anger: undefined" in text


def test_nan_and_infinity_are_undefined_too(pilot: Pilot) -> None:
    metrics = copy.deepcopy(pilot[0])
    metrics["scores"][0]["macro_f1"] = {"value": float("nan"), "low": float("-inf"), "high": float("inf")}
    page = render(metrics, [])
    assert_inert(page)
    assert not re.search(r"\b(nan|inf)\b", page)


def test_scores_stand_beside_n_by_annotator_and_by_language(pilot: Pilot) -> None:
    metrics, tasks = pilot
    text = assert_inert(render(metrics, tasks)).text
    for one in metrics["scores"]:
        figures = one["macro_f1"]
        assert f"{figures['value']:.3f} [{figures['low']:.3f}, {figures['high']:.3f}] {one['n']}" in text


def test_the_confusion_matrix_shows_every_count(pilot: Pilot) -> None:
    metrics, tasks = copy.deepcopy(pilot[0]), pilot[1]
    metrics["scores"] = [one for one in metrics["scores"] if not one["by"]][:1]
    counts = metrics["scores"][0]["confusion"]["counts"]
    counts[0][0], counts[1][2] = 12345, 1.5
    text = assert_inert(render(metrics, tasks)).text
    row = " ".join(f"{n:,.0f}" if float(n).is_integer() else f"{n:,.1f}" for n in counts[0])
    assert f"joy {row}" in text
    assert "none of these" in text


def test_the_way_of_the_data_tells_what_was_mapped_and_why_rows_left(pilot: Pilot) -> None:
    text = assert_inert(render(*pilot)).text
    assert "Corpus quickstart" in text
    assert "happiness → joy 61" in text
    assert "repeat within its split 21 4.7%" in text
    assert "450 in, 420 out (93.3%), 30 left here" in text
    assert "As the corpora came 320 60 78 458" in text


def test_label_counts_before_and_after_are_signed(pilot: Pilot) -> None:
    metrics = copy.deepcopy(pilot[0])
    metrics["items"]["by_split"] = {"train": 300, "validation": 61, "test": 70}
    assert "Change −20 +1 −8 −27" in assert_inert(render(metrics, [])).text


def test_numbers_have_separators_and_a_real_minus() -> None:
    metrics = {
        "items": {"total": 1234567, "by_split": {"train": 1234567}},
        "agreement": [{"task": "e", "over": ["a", "b"], "value": -0.25, "low": -0.5, "high": -0.0001, "units": 4321}],
    }
    text = assert_inert(render(metrics, [])).text
    assert "1,234,567 items" in text
    assert "−0.250 [−0.500, 0.000]" in text
    assert "4,321" in text


def test_labels_keep_their_tasks_order_and_zeros_are_shown(pilot: Pilot) -> None:
    metrics, tasks = pilot
    one = {"task": "emotion", "aggregate": "gold", "split": "test", "label": "fear", "n": 3}
    metrics = {**metrics, "distribution": [one]}
    text = assert_inert(render(metrics, tasks)).text
    start = text.index("gold on emotion")
    places = [text.index(label, start) for label in tasks[0].label_ids]
    assert places == sorted(places)
    assert re.search(r"joy joy in test: 0, 0\.0% 0 0\.0%", text[start:])


def test_leaks_tell_what_was_checked_by_brute_force_and_show_examples(pilot: Pilot) -> None:
    metrics, tasks = pilot
    text = assert_inert(render(metrics, tasks)).text
    near = metrics["leakage"]["near"]
    assert near["missed"] > 0
    assert f"{near['sampled']} held-out items were compared with all of the other splits by brute force" in text
    assert f"the search had missed {near['missed']} pairs" in text
    assert near["examples"][0]["text_a"] in text


def test_conflicts_show_the_text_and_who_said_what(pilot: Pilot) -> None:
    metrics, tasks = pilot
    text = assert_inert(render(metrics, tasks)).text
    assert metrics["conflicts"]["texts"] == 1
    assert "1 text carries labels" in text
    assert "फक्त एवढंच" in text


def test_every_chart_says_in_words_what_it_draws(pilot: Pilot) -> None:
    page = render(*pilot)
    drawings = re.findall(r"<svg[^>]*>", page)
    assert len(drawings) > 100
    for drawing in drawings:
        assert 'role="img"' in drawing or 'aria-hidden="true"' in drawing
    assert len(re.findall(r'<svg[^>]*role="img"[^>]*><title>[^<]+</title>', page)) == page.count('role="img"')


def test_tables_are_described_and_their_headers_have_a_scope(pilot: Pilot) -> None:
    page = render(*pilot)
    markup = Markup(page)
    assert all(attrs.get("scope") in ("col", "row", "rowgroup") for attrs in markup.of("th"))
    for table in re.findall(r"<table.*?</table>", page, re.S):
        assert "<caption" in table or "aria-labelledby" in table[:200]
    for attrs in markup.of("div"):
        if attrs.get("class") == "scroll":
            assert attrs.get("tabindex") == "0"
            assert attrs.get("aria-label") or attrs.get("aria-labelledby")


def test_headings_never_skip_a_level(pilot: Pilot) -> None:
    levels = [int(tag[1]) for tag, _ in Markup(render(*pilot)).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_typical_report_is_small_and_a_big_one_is_bounded_and_quick(pilot: Pilot) -> None:
    metrics, tasks = pilot
    assert len(render(metrics, tasks).encode()) < 500_000
    many = copy.deepcopy(metrics)
    names = [f"annotator-{n}" for n in range(500)]
    many["annotators"] = [{**metrics["annotators"][0], "name": name} for name in names]
    many["agreement"] = [{**metrics["agreement"][0], "over": names}] * 50
    many["scores"] = [{**one, "of": name} for name in names[:60] for one in metrics["scores"][:5]]
    many["distribution"] = [
        {"task": "emotion", "aggregate": "silver", "split": f"fold {n % 40}", "label": f"label {n // 40}", "n": n}
        for n in range(20_000)
    ]
    many["funnel"] = [
        {"node": f"build:{n}:x", "in": 9, "out": 5, "rejects": {f"r{k}": k for k in range(500)}, "figures": {"f": {}}}
        for n in range(100)
    ]
    start = time.process_time()
    page = render(many, tasks)
    assert time.process_time() - start < 10
    assert_inert(page)
    assert len(page.encode()) < 3_000_000
    assert "300 more annotators are in metrics.json." in Markup(page).text


def test_a_high_score_over_few_items_does_not_lead(pilot: Pilot) -> None:
    score = {**pilot[0]["scores"][0], "by": {}, "against": "gold"}
    few = {**score, "of": "few", "n": 20, "macro_f1": {"value": 0.9, "low": 0.8, "high": 1.0}}
    most = {**score, "of": "most", "n": 900, "macro_f1": {"value": 0.4, "low": 0.3, "high": 0.5}}
    text = assert_inert(render({"scores": [few, most]}, [])).text
    assert text.index("most against gold") < text.index("few against gold")
    assert "The figures are over different items" in text


def test_rows_without_a_split_are_not_held_against_splits(pilot: Pilot) -> None:
    metrics = {
        "items": {"total": 9, "by_split": {"train": 6, "test": 3}},
        "funnel": [{"node": "corpus:c", "in": 9, "out": 9, "rejects": {}, "figures": {"rows_by_split": {"": 9}}}],
    }
    text = assert_inert(render(metrics, [])).text
    assert "As the corpora came 9 9" in text
    assert "rows by split (none) 9" in text
    assert "Change" not in text


def test_a_model_that_knows_the_items_by_heart_is_told_on(pilot: Pilot) -> None:
    one = {
        "annotator": "gpt", "probe": "label from the id", "items": 50, "value": 0.6, "control": 0.2, "difference": 0.4,
        "low": 0.3, "high": 0.5, "p": 0.0005, "margin": 0.05, "known": True, "note": None,
    }  # fmt: skip
    nothing = {**one, "annotator": "<b>llama</b>", "known": False, "difference": None, "low": None, "high": None}
    text = assert_inert(render({**pilot[0], "memory": [one, nothing]}, pilot[1])).text
    assert "gpt knows items of this dataset by heart" in text
    assert "[0.300, 0.500]" in text
    assert "<b>llama</b>" in text
    assert text.count("knows items of this dataset by heart") == 1
