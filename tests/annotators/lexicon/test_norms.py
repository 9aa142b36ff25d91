"""Files of norms and of categories, as they are published."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.lexicon import LexiconAnnotator, LexiconConfig
from annotators.lexicon.categories import read_categories
from annotators.lexicon.norms import named_norms, read_norms
from annotators.lexicon.terms import find_terms
from schemas.errors import DsbuildError
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

NRC_1 = "Word\tValence\tArousal\tDominance\nhappy\t1.000\t0.735\t0.772\nsad\t0.225\t0.333\t0.149\n"
NRC_2 = "term\tvalence\tarousal\tdominance\nhappy\t1.000\t0.470\t0.544\nice cream\t0.5\t0.1\t0\nice\t-0.2\t-0.5\t-0.1\n"
WARRINER = ",Word,V.Mean.Sum,V.SD.Sum,A.Mean.Sum,D.Mean.Sum\n1,happy,8.47,1.21,6.05,7.21\n2,sad,2.1,1.4,3.49,3.84\n"
EMOLEX = "happy\tjoy\t1\nhappy\tanger\t0\nabandon\tfear\t1\nabandon\tsadness\t1\nice cream\tjoy\t1\nice\tfear\t1\n"


def scale(name: str, low: float = -1, high: float = 1, step: float | None = None) -> Task:
    return Task(name=name, kind="scale", range=(low, high), step=step, perspective="reader", instructions={"en": "?"})


def items(*texts: str | None) -> pl.DataFrame:
    columns = {"item_id": [f"i{n}" for n in range(len(texts))], "text": list(texts), "language": ["en"] * len(texts)}
    frame = pl.DataFrame(columns, schema_overrides={"text": pl.String})
    return conform(frame.with_columns(corpus=pl.lit("c"), modality=pl.lit("text")), ITEMS)


def annotate(tasks: list[Task], texts: list[str | None], **options: Any) -> AnnotatorOutput:
    annotator = LexiconAnnotator(LexiconConfig.model_validate({"name": "words", **options}))
    out = asyncio.run(annotator.annotate(items(*texts), tasks))
    for task in tasks:
        kept, rejects = task.validate_annotations(out.annotations.filter(pl.col("task") == task.name))
        assert rejects.is_empty(), rejects
        assert kept.height == out.annotations.filter(pl.col("task") == task.name).height
    return out


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str, name: str = "norms.tsv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_released_forms_are_read_with_the_scale_each_has(file: Any) -> None:
    for text, low, high, happy in ((NRC_1, 0, 1, 1.0), (NRC_2, -1, 1, 1.0), (WARRINER, 1, 9, 8.47)):
        norms = read_norms(file(text))
        assert (norms.low, norms.high, norms.declared) == (low, high, False)
        assert norms.dimensions == ("valence", "arousal", "dominance")
        assert norms.table.filter(term="happy")["valence"].to_list() == [happy]


def test_a_scale_in_the_header_or_a_comment_counts_and_one_that_cannot_be_told_is_asked_for(file: Any) -> None:
    five = "word\tvalence [1..5]\narousing\t3\n"
    assert (read_norms(file(five)).low, read_norms(file(five)).high) == (1, 5)
    assert read_norms(file("# scale: -4 to 4\nword\tvalence\nx\t3\n")).low == -4
    with pytest.raises(DsbuildError, match="scale of these norms cannot be told"):
        read_norms(file("word\tvalence\nx\t3\n"))
    with pytest.raises(DsbuildError, match=r"outside of the scale 0\.\.1"):
        read_norms(file("word\tvalence\nx\t3\n"), (0, 1))


def test_files_that_are_no_norms_say_what_is_wrong_and_where(file: Any) -> None:
    for text, message in (
        ("word\tvalence\nx\tmany\n", r"norms.tsv:2: A number is wanted here, not 'many'"),
        ("# none\nword\tvalence\nx\t1\ny\t\n", r"norms.tsv:4: A number is wanted"),
        ("word\tlength\nx\t1\n", "needs a column of words and one of valence"),
        ("", "empty"),
        ("only words\n", "no tab, comma or semicolon"),
    ):
        with pytest.raises(DsbuildError, match=message):
            read_norms(file(text))
    with pytest.raises(DsbuildError, match="cannot be read"):
        read_norms(Path("nowhere.tsv"))


def test_a_text_gets_the_mean_of_its_words_in_the_tasks_range_and_its_coverage(file: Any) -> None:
    out = annotate(
        [scale("valence"), scale("how-much-arousal", 0, 10)],
        ["Happy, HAPPY and sad", "the train leaves", None],
        vad=file(NRC_1),
    )
    valence = out.annotations.filter(pl.col("task") == "valence")
    # (1 + 1 + .225) / 3 on 0..1 is 2 * .741667 - 1 on -1..1; three of four words are known.
    assert valence["value"].to_list() == [pytest.approx(2 * 2.225 / 3 - 1), None]
    assert valence["confidence"].to_list() == [0.75, None]
    assert valence["skipped"].to_list() == [False, True]
    arousal = out.annotations.filter(pl.col("task") == "how-much-arousal")["value"].to_list()
    assert arousal == [pytest.approx(10 * (0.735 * 2 + 0.333) / 3), None]
    assert out.dead_letters.select("item_id", "reason").unique().rows() == [("i2", "no_text")]
    assert out.figures == {"asked": 6, "answered": 2, "passed": 2}


def test_a_phrase_is_found_before_the_word_it_begins_with(file: Any) -> None:
    out = annotate([scale("valence")], ["I love ice-cream", "on ice", "nice creaming"], vad=file(NRC_2))
    assert out.annotations["value"].to_list() == [0.5, pytest.approx(-0.2), None]
    assert out.annotations["confidence"].to_list() == [0.5, 0.5, None]


def test_a_scale_with_steps_gets_the_nearest_point(file: Any) -> None:
    out = annotate([scale("valence", 1, 5, 1)], ["happy sad", "sad"], vad=file(WARRINER))
    assert out.annotations["value"].to_list() == [3, 2]


def test_what_it_cannot_answer_is_said_before_anything_is_read(file: Any) -> None:
    def why(task: Task, **options: Any) -> str | None:
        return LexiconConfig.model_validate({"name": "words", **options}).cannot(task)

    assert "needs norms" in (why(scale("valence")) or "")
    assert why(scale("valence"), norms="tone") is None
    assert "have valence only" in (why(scale("arousal"), norms="vader") or "")
    assert "valence, arousal or dominance" in (why(scale("feeling"), norms="emobank") or "")
    assert why(scale("feeling"), norms="emobank", dimensions={"feeling": "valence"}) is None
    assert "it answers tasks of the kinds" in (why(Task(name="t", kind="text", perspective="reader")) or "")
    with pytest.raises(DsbuildError, match="norms of valence only"):
        annotate([scale("arousal")], ["x"], vad=file("word\tvalence\nx\t.3\ny\t-1\n"))


def test_norms_that_ship_or_come_in_a_package_need_no_file() -> None:
    assert named_norms("tone").dimensions == ("valence",)
    assert named_norms("emobank").dimensions == ("valence", "arousal", "dominance")
    assert named_norms("vader").table.height > 7000
    for name in ("tone", "emobank", "vader"):
        value = annotate([scale("valence")], ["such joy", "such anger"], norms=name).annotations["value"]
        assert value[0] > 0.2 > -0.2 > value[1], name


def test_a_file_of_categories_is_read_in_its_three_forms(file: Any) -> None:
    wide = "English Word\tMarathi\tanger\tjoy\nhappy\tआनंदी\t0\t1\nabandon\tत्याग\t1\t0\n"
    assert read_categories(file(wide)).table.rows() == [("abandon", "anger"), ("happy", "joy")]
    assert read_categories(file(EMOLEX)).labels == ("joy", "fear", "sadness")
    assert read_categories(file("word,emotion\nhappy,joy\n")).table.rows() == [("happy", "joy")]
    with pytest.raises(DsbuildError, match="No word of this file"):
        read_categories(file("happy\tjoy\t0\n"))


def test_categories_answer_label_tasks_with_what_was_found_and_name_the_words(file: Any) -> None:
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
    out = annotate(
        [task],
        ["So happy! Ice cream. Happy", "they abandon us", "nothing"],
        categories=file(EMOLEX),
        top=2,
        cause_words=2,
    )
    given = out.annotations.filter(pl.col("task") == "emotion")["labels"].to_list()
    assert [row and [one["label"] for one in row] for row in given] == [["joy"], ["sadness", "fear"], None]
    texts = out.annotations.filter(pl.col("text").is_not_null()).select("item_id", "task", "text").rows()
    assert texts == [
        ("i0", "emotion_topk", "joy"),
        ("i1", "emotion_topk", "fear, sadness"),
        ("i0", "cause_words", "happy, ice cream"),
        ("i1", "cause_words", "abandon"),
    ]


def test_the_shipped_words_name_their_causes_too() -> None:
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
    out = annotate([task], ["so happy, so grateful, and scared"], cause_words=5, top=3)
    assert out.annotations["text"].to_list() == [None, "joy, fear", "happy, grateful"]


def test_a_file_for_some_languages_leaves_the_others_as_dead_letters(file: Any) -> None:
    out = annotate([scale("valence")], ["happy"], vad=file(NRC_1), languages=["mr"])
    assert out.dead_letters.select("reason", "detail").rows() == [("language", "no lexicon for the language en")]


def test_another_file_of_the_same_name_is_another_key(file: Any) -> None:
    config = LexiconConfig.model_validate({"name": "words", "vad": file(NRC_1)})
    before = config.fingerprint([])
    file(NRC_1.replace("0.225", "0.226"))
    assert config.fingerprint([]) != before


@given(
    st.lists(st.sampled_from(["a", "b", "a b", "c a", "b c a"]), max_size=5),
    st.lists(st.sampled_from("abcx"), max_size=12),
)
def test_places_do_not_overlap_and_are_leftmost_longest(terms: list[str], words: list[str]) -> None:
    found = find_terms(pl.Series([" ".join(words)]), [term.replace(" ", "  ") for term in terms])
    wanted, at = [], 0
    while at < len(words):
        fits = [term for term in terms if words[at : at + len(term.split())] == term.split()]
        longest = max(fits, key=len, default="")
        if longest:
            wanted.append(longest)
        at += max(1, len(longest.split()))
    assert [term.replace("  ", " ") for term in found["term"].to_list()] == wanted
    assert found["words"].to_list() == [len(term.split()) for term in wanted]
