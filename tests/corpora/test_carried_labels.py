"""Every shape in which a file can carry labels, on files small enough to read here."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora import catalog
from corpora.card import parse_card
from corpora.patterns import Pattern
from schemas.errors import RecipeError
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

ReadCorpus = Callable[..., Any]
EKMAN = load_taxonomy("ekman-neutral")
LEVELS = Task(
    name="level",
    kind="intensity",
    taxonomy=EKMAN,
    perspective="reader",
    levels=("none", "a little", "moderate", "extreme"),
)
CHOICE = Task(name="one", kind="choice", taxonomy=EKMAN, perspective="reader")
AROUSAL = Task(name="arousal", kind="scale", perspective="reader", range=(-1, 1))
TRACE = Task(name="trace", kind="trace", perspective="reader", range=(-1, 1))
WORDS = Task(name="words", kind="open", perspective="reader")
RANKS = Task(name="ranks", kind="ranking", taxonomy=EKMAN, perspective="reader")
CAUSE = Task(name="cause", kind="span", perspective="reader")
HUMAN = {"annotator": "people", "kind": "human", "identity": "pool"}


def labels_of(annotations: pl.DataFrame) -> list[Any]:
    """{label: score} of each answer."""
    return [None if one is None else {m["label"]: m["score"] for m in one} for one in annotations["labels"].to_list()]


def by_annotator(annotations: pl.DataFrame) -> dict[str, Any]:
    return dict(zip(annotations["annotator"], labels_of(annotations), strict=True))


def test_names_of_levels_are_numbers_and_unknown_ones_are_refused(read: ReadCorpus) -> None:
    entry = {"task": "level", "columns": "{label}_{who}", "annotator": "rater-{who}", "kind": "human"}
    content = "text,joy_a,fear_a,joy_b,fear_b\none,A little,none,extreme,\ntwo,much,none,,\n"
    got = read(content, labels=[entry], tasks=[LEVELS])
    assert by_annotator(got.annotations) == {"c:rater-a": {"joy": 1.0, "fear": 0.0}, "c:rater-b": {"joy": 3.0}}
    # Two of seven labels were put to a, of which b answered one.
    assert got.annotations["asked"].to_list() == [["joy", "fear"], ["joy"]]
    assert got.reasons() == [("value is no number", "c.csv", 3)]
    assert got.rejects["detail"][0] == "joy_a: 'much'"
    assert got.batches[0].figures["unanswered"] == 1
    assert (
        got.people.rows()
        == [(f"c:rater-{who}", ["annotator"], "slot", None, None, None, None) for who in ("a", "b")][:2]
    )


def test_counts_are_the_whole_answer_of_a_pool(read: ReadCorpus) -> None:
    entry = {"task": "one", "columns": "{label}", "votes": True, **HUMAN}
    content = "text,joy,fear,neutral\na,3,0,1\nb,0,0,0\nc,1.5,0,0\nd,-1,0,0\n"
    got = read(content, labels=[entry], tasks=[CHOICE])
    assert labels_of(got.annotations) == [{"joy": 3.0, "neutral": 1.0}]
    assert got.annotations["votes"].to_list() == [4]
    assert got.reasons() == [("value is no count", "c.csv", 4), ("value is no count", "c.csv", 5)]
    assert got.batches[0].figures["unanswered"] == 1


def test_counts_of_several_labels_take_the_number_of_people_from_a_column_or_the_recipe(read: ReadCorpus) -> None:
    content = "text,n,joy,fear\na,5,4,3\nb,2,0,0\n"
    for votes, expected in (("n", [5, 2]), (7, [7, 7])):
        got = read(content, labels=[{"task": "emotion", "columns": "{label}", "votes": votes, **HUMAN}])
        assert got.annotations["votes"].to_list() == expected
        # Two people of whom nobody gave a label said "none of these".
        assert labels_of(got.annotations) == [{"joy": 4.0, "fear": 3.0}, {}]


def test_shares_are_a_soft_label(read: ReadCorpus) -> None:
    got = read(
        "text,joy,fear\na,.75,.25\nb,2,0\n",
        labels=[{"task": "one", "columns": "{label}", "soft": True, **HUMAN}],
        tasks=[CHOICE],
    )
    assert labels_of(got.annotations) == [{"joy": 0.75, "fear": 0.25}]
    assert got.annotations["votes"].to_list() == [None]
    assert got.reasons() == [("value is no share", "c.csv", 3)]


def test_a_scale_keeps_its_number_and_says_who_is_behind_it(read: ReadCorpus) -> None:
    entry = {"task": "arousal", "columns": "v", "votes": "n", "values": {-10: None, "high": 1}, **HUMAN}
    got = read("text,v,n\na,0.2,5\nb,-10,5\nc,high,3\nd,3,5\ne,x,5\nf,,\n", labels=[entry], tasks=[AROUSAL])
    assert got.annotations["value"].to_list() == [0.2, 1.0]
    assert got.annotations["votes"].to_list() == [5, 3]
    assert [(reason, line) for reason, _, line in got.reasons()] == [
        ("value is no number", 6),
        ("value outside the range", 5),
    ]
    assert got.batches[0].figures["unanswered"] == 2


def test_codes_of_the_recipe_stand_for_labels_and_for_no_answer(read: ReadCorpus) -> None:
    entry = {"task": "emotion", "columns": "label", "separator": ",", "values": {0: "joy", 1: "fear", 9: None}, **HUMAN}
    got = read('text,label\na,"0,1"\nb,9\nc,"9,1"\nd,7\n', labels=[entry])
    assert labels_of(got.annotations) == [{"joy": None, "fear": None}, {"fear": None}]
    assert got.annotations["labels"][0].to_list()[0]["original"] == "0"
    assert got.reasons() == [("label outside the taxonomy", "c.csv", 5)]


def test_a_rank_for_each_label_and_a_list_of_labels_say_the_same(read: ReadCorpus) -> None:
    wide = {"task": "ranks", "columns": "{label}", **HUMAN}
    tall = {"task": "ranks", "columns": "list", "separator": ">", **HUMAN, "annotator": "others"}
    got = read("text,joy,fear,anger,list\na,2,,1,anger > joy\n", labels=[wide, tall], tasks=[RANKS])
    assert labels_of(got.annotations) == [{"anger": 1.0, "joy": 2.0}] * 2
    assert [list(one) for one in labels_of(got.annotations)] == [["anger", "joy"]] * 2


def test_words_of_an_open_set_are_folded_and_kept_as_written(read: ReadCorpus) -> None:
    got = read(
        "text,w\na,Hopeful; wistful\nb,\n",
        labels=[{"task": "words", "columns": "w", "separator": ";", **HUMAN}],
        tasks=[WORDS],
    )
    [labels] = got.annotations["labels"].to_list()
    assert [(one["label"], one["original"]) for one in labels] == [("hopeful", "Hopeful"), ("wistful", "wistful")]


def test_quoted_causes_become_spans_with_offsets_in_characters(read: ReadCorpus) -> None:
    rows = [("घर मिळालं! We won, we won", ["मिळालं", "we won"]), ("b", []), ("c", ["x"])]
    content = "".join(json.dumps({"text": text, "q": quotes}) + "\n" for text, quotes in rows)
    got = read(content, ".jsonl", labels=[{"task": "cause", "columns": "q", **HUMAN}], tasks=[CAUSE])
    first, second = got.annotations["spans"].to_list()
    text = got.items["text"][0]
    assert [text[one["start"] : one["end"]] for one in first] == ["मिळालं", "we won"]
    assert {one["item_id"] for one in first} == {got.items["item_id"][0]}
    assert second == []
    assert got.reasons() == [("the quoted text does not stand in the item", "c.jsonl", 3)]


def test_a_trace_stands_in_columns_named_by_their_time_in_a_file_for_each_song(
    tmp_path: Path, read_entry: ReadCorpus
) -> None:
    folder = tmp_path / "annotations"
    folder.mkdir()
    (folder / "10.csv").write_text("WorkerId,sample_15000ms,sample_15500ms\nw1,.1,.2\nw2,.3,\n")
    (folder / "2.csv").write_text("WorkerId,sample_15000ms\nw1,-1\nw3,x\n")
    entry = {"task": "trace", "columns": "sample_{t}ms", "annotator": "{WorkerId}", "kind": "human"}
    got = read_entry(
        path="annotations/{song_id}.csv", columns={"id": "{song_id}"}, labels=[entry], names="keep", tasks=[TRACE]
    )
    assert got.items["source"].struct.field("key").to_list() == ["10", "2"]
    traces = [[(one["t"], one["value"]) for one in trace] for trace in got.annotations["trace"].to_list()]
    assert traces == [[(15.0, 0.1), (15.5, 0.2)], [(15.0, 0.3)], [(15.0, -1.0)]]
    assert got.annotations["annotator"].to_list() == ["c:w1", "c:w2", "c:w1"]
    assert got.reasons() == [("value is no number", "2.csv", 3)]


def test_a_trace_with_a_row_for_each_sample_is_sorted_by_time(read: ReadCorpus) -> None:
    entry = {"task": "trace", "columns": "v", "time": "ms", "unit": "ms", "annotator": "{who}", "kind": "human"}
    content = "id,who,ms,v\na,x,500,.5\na,x,0,.1\na,y,0,.9\nb,x,0,-1\n"
    got = read(content, columns={"id": "id"}, labels=[entry], tasks=[TRACE], names="keep")
    assert [[tuple(one.values()) for one in trace] for trace in got.annotations["trace"].to_list()] == [
        [(0.0, 0.1), (0.5, 0.5)],
        [(0.0, 0.9)],
        [(0.0, -1.0)],
    ]


def test_a_label_of_the_files_name_or_of_the_recipe_is_the_answer(tmp_path: Path, read: ReadCorpus) -> None:
    (tmp_path / "joy.tsv").write_text("key\n1\n")
    (tmp_path / "fear.tsv").write_text("key\n2\n9\n")
    entry = {"task": "one", "file": "{which}.tsv", "id": "key", "label": "{which}", **HUMAN}
    got = read("id,text\n1,one\n2,two\n", columns={"id": "id", "text": "text"}, labels=[entry], tasks=[CHOICE])
    assert labels_of(got.annotations) == [{"fear": None}, {"joy": None}]
    assert got.reasons() == [("no such item", "fear.tsv", 3)]
    assert json.loads(got.rejects["raw"][0]) == {"key": "9"}


def test_a_rating_of_the_same_label_again_is_another_answer(read: ReadCorpus) -> None:
    entry = {"task": "level", "columns": "v", "label": "{e}", "annotator": "{who}", "kind": "human"}
    content = "id,text,who,e,v\n1,t,x,joy,1\n1,t,x,fear,0\n1,t,x,joy,2\n1,t,y,joy,3\n1,t,y,bliss,1\n1,t,,joy,1\n"
    got = read(content, columns={"id": "id", "text": "text"}, labels=[entry], tasks=[LEVELS], names="keep")
    answers = got.annotations.select("annotator", "sample").rows()
    assert answers == [("c:x", 0), ("c:x", 1), ("c:y", 0)]
    assert labels_of(got.annotations) == [{"joy": 1.0, "fear": 0.0}, {"joy": 2.0}, {"joy": 3.0}]
    assert got.annotations["annotation_id"].n_unique() == 3
    assert sorted(got.reasons()) == [("label outside the taxonomy", "c.csv", 6), ("no annotator", "c.csv", 7)]


def test_rows_of_an_item_that_differ_keep_all_that_has_no_place(read: ReadCorpus) -> None:
    entry = {"task": "emotion", "columns": "label", "annotator": "{who}", "kind": "human"}
    content = (
        "id,text,who,label,at,place\n1,t,x,joy,10:00,P\n2,u,x,joy,10:05,Q\n1,t,y,fear,11:00,P\n1,other,z,fear,12:00,P\n"
    )
    got = read(content, columns={"id": "id", "text": "text"}, labels=[entry], names="keep")
    assert [json.loads(one) for one in got.items["extra"]] == [
        {"rows": [{"at": "10:00", "place": "P"}, {"at": "11:00", "place": "P"}]},
        {"at": "10:05", "place": "Q"},
    ]
    assert got.reasons() == [("duplicate id", "c.csv", 5)]
    assert got.rejects["detail"][0] == "1 stands at c.csv:2 already, and is something else there"


def test_rows_are_chosen_left_out_and_passed_by_their_cells(read: ReadCorpus) -> None:
    entry = {
        "task": "emotion",
        "columns": "label",
        "annotator": "{who}",
        "kind": "human",
        "rows": {"round": ["1{x}", "final"]},
        "except": {"label": "joy", "trap": 1},
        "skipped": {"unclear": "True"},
    }
    content = (
        "id,text,who,round,trap,unclear,label\n1,t,a,1a,0,False,joy\n1,t,b,2a,0,False,joy\n1,t,c,final,1,False,joy\n"
        "1,t,d,final,1,True,fear\n1,t,e,final,0,False,\n"
    )
    got = read(content, columns={"id": "id", "text": "text"}, labels=[entry], names="keep")
    assert by_annotator(got.annotations) == {"c:a": {"joy": None}, "c:d": None}
    assert got.annotations["skipped"].to_list() == [False, True]
    assert (got.batches[0].figures["left_out"], got.batches[0].figures["unanswered"]) == (2, 1)


def test_what_a_cell_is_made_of_can_be_used_by_name(read: ReadCorpus) -> None:
    content = "file,text\n7/7_ann/x.wav,one\n7/8_ann/x.wav,two\n\u0928/\u0928_bo/y.wav,three\n"
    got = read(
        content,
        columns={"id": "{group}-{who}", "text": "text", "speaker": "{who}"},
        bind={"file": "{group}/{group}_{who}/{take}.wav"},
        groups={"take": "{take}"},
        media={"audio": {"path": "wav/{file}"}},
        names="keep",
    )
    assert got.items["source"].struct.field("key").to_list() == ["7-ann", "न-bo"]
    assert got.items["speaker"].to_list() == ["ann", "bo"]
    assert got.items["groups"][0].to_list() == [{"kind": "speaker", "id": "ann"}, {"kind": "take", "id": "x"}]
    [media] = got.items["media"][1].to_list()
    assert (media["role"], media["path"], media["mime"]) == ("audio", "wav/न/न_bo/y.wav", "audio/x-wav")
    assert got.items["modality"].unique().to_list() == ["audio"]
    assert got.reasons() == [("cell does not fit its pattern", "c.csv", 3)]


def test_turns_are_sorted_by_number_and_see_so_many_before_them(read: ReadCorpus) -> None:
    columns = {"id": "id", "text": "text", "dialogue": "d", "turn": "t", "speaker": "s"}
    rows = [f"{d}{t},{d},{t},{'AB'[t % 2]},text {d}{t}\n" for d in "xy" for t in range(9, 12)] + ["z,y,last,A,text\n"]
    random.Random(1).shuffle(rows)
    got = read("id,d,t,s,text\n" + "".join(rows), columns=columns, context=1, names="keep", batch_rows=2)
    by_key = {row["source"]["key"]: row for row in got.items.to_dicts()}
    assert by_key["x9"]["context"] == []
    assert [(one["speaker"], one["text"]) for one in by_key["y11"]["context"]] == [("A", "text y10")]
    assert by_key["y11"]["context"][0]["item_id"] == by_key["y10"]["item_id"]
    assert [reason for reason, _, _ in got.reasons()] == ["turn is no number"]
    assert got.items["modality"].unique().to_list() == ["dialogue"]


def test_media_times_are_read_as_clock_or_seconds(read: ReadCorpus) -> None:
    content = 'id,a,b\n1,"00:20:57,256",00:21:00.049\n2,1.5,62\n3,soon,2\n'
    got = read(content, columns={"id": "id"}, media={"video": {"path": "{id}.mp4", "start": "a", "end": "b"}})
    times = [(one["start_s"], one["end_s"]) for media in got.items["media"].to_list() for one in media]
    assert times == [(1257.256, 1260.049), (1.5, 62.0)]
    assert got.reasons() == [("start or end is no time", "c.csv", 4)]


def test_two_entries_that_let_one_annotator_answer_twice_give_two_samples(read: ReadCorpus) -> None:
    entries = [{"task": "emotion", "columns": name, **HUMAN} for name in ("first", "second")]
    got = read("text,first,second\nt,joy,fear\n", labels=entries)
    assert got.annotations["sample"].to_list() == [0, 1]
    assert got.annotations["annotation_id"].n_unique() == 2


def test_one_column_for_each_label_and_one_row_for_each_label_say_the_same(read: ReadCorpus) -> None:
    seen = random.Random(5)
    names = EKMAN.ids
    table = {(item, who): [seen.choice(["0", "1", "2", "3", ""]) for _ in names] for item in "abc" for who in "xy"}
    wide = f"id,text,who,{','.join(names)}\n" + "".join(f"{i},t{i},{w},{','.join(v)}\n" for (i, w), v in table.items())
    long = "id,text,who,e,v\n" + "".join(
        f"{i},t{i},{w},{name},{v}\n" for (i, w), values in table.items() for name, v in zip(names, values, strict=True)
    )
    entry = {"task": "level", "annotator": "{who}", "kind": "human"}
    common = {"columns": {"id": "id", "text": "text"}, "tasks": [LEVELS], "names": "keep"}
    one = read(wide, labels=[{**entry, "columns": "{label}"}], **common)
    other = read(long, labels=[{**entry, "columns": "v", "label": "{e}"}], **common)
    assert labels_of(one.annotations) == labels_of(other.annotations)
    same = ["annotation_id", "item_id", "item_hash", "annotator", "asked"]
    assert one.annotations.select(same).equals(other.annotations.select(same))


def test_attributes_are_words_or_numbers_in_a_column_each(read: ReadCorpus) -> None:
    task = Task.model_validate(
        {
            "name": "look",
            "kind": "attributes",
            "perspective": "reader",
            "attributes": {
                "brightness": {"kind": "scale", "range": (0, 1)},
                "scene": {"kind": "choice", "options": ("air", "sea")},
                "object": {"kind": "multi", "options": ("dog", "car")},
            },
        }
    )
    rows = [
        {"text": "a", "brightness": 0.4, "scene": "AIR", "object": ["car", "dog"]},
        {"text": "b", "scene": "-1", "object": []},
        {"text": "c", "scene": "moon", "object": ["dog"]},
        {"text": "d", "brightness": "dim"},
        {"text": "e"},
    ]
    entry = {"task": "look", "columns": "{label}", "values": {-1: None}, **HUMAN}
    content = "".join(json.dumps(row) + "\n" for row in rows)
    got = read(content, ".jsonl", labels=[entry], tasks=[task])
    assert labels_of(got.annotations) == [
        {"brightness": 0.4, "scene:air": None, "object:car": None, "object:dog": None},
        {},
    ]
    # An empty list is a "no" to all that was asked; what has no value was not asked.
    assert got.annotations["asked"].to_list() == [None, ["object"]]
    assert got.rejects.select("reason", "line", "detail").rows() == [
        ("label outside the taxonomy", 3, "scene: 'moon'"),
        ("value is no number", 4, "brightness: 'dim'"),
    ]
    assert got.batches[0].figures["unanswered"] == 1


def test_records_inside_a_json_file_know_what_is_told_above_them(tmp_path: Path, read_entry: ReadCorpus) -> None:
    data = {
        "season": 1,
        "episodes": [
            {"episode": "e1", "scenes": [{"place": "bar", "lines": [{"who": ["Ann"], "says": "Hi."}, 3]}]},
            {"episode": "e2", "scenes": [{"lines": [{"who": ["Ann", "Bo"], "says": "Bye!", "feels": "joy"}]}]},
        ],
    }
    (tmp_path / "show.json").write_text(json.dumps(data), encoding="utf-8")
    got = read_entry(
        path="show.json",
        records="episodes/{e}/scenes/{s}/lines/{turn}",
        columns={
            "id": "{episode}-{s}-{turn}",
            "text": "says",
            "dialogue": "{episode}-{s}",
            "turn": "{turn}",
            "speaker": "who",
        },
        labels=[{"task": "emotion", "columns": "feels", **HUMAN}],
        names="keep",
    )
    assert got.items["source"].struct.field("key").to_list() == ["e1-0-0", "e2-0-0"]
    assert got.items["speaker"].to_list() == ["Ann", "Ann, Bo"]
    assert [json.loads(one) for one in got.items["extra"]] == [
        {"season": 1, "e": "0", "place": "bar"},
        {"season": 1, "e": "1"},
    ]
    assert labels_of(got.annotations) == [{"joy": None}]
    assert got.reasons() == [("broken JSON", "show.json", 2)]


def test_a_file_of_labels_without_rows_answers_nothing(tmp_path: Path, read: ReadCorpus) -> None:
    (tmp_path / "labels.csv").write_text("id,label\n")
    entry = {"task": "emotion", "file": "labels.csv", "columns": "label", **HUMAN}
    got = read("id,text\n1,one\n", columns={"id": "id", "text": "text"}, labels=[entry])
    assert (got.items.height, got.annotations.height, got.rejects.height) == (1, 0, 0)


def test_columns_may_be_called_what_documents_call_their_keys(read: ReadCorpus) -> None:
    content = "_id,_text,_file,_line,joy\na,one,f,7,1\n"
    got = read(
        content,
        columns={"id": "_id", "text": "_text", "split": "_file"},
        labels=[{"task": "emotion", "columns": "{label}", **HUMAN}],
    )
    assert (got.texts(), got.items["source_split"].to_list()) == (["one"], ["f"])
    assert json.loads(got.items["extra"][0]) == {"_line": "7"}
    with pytest.raises(RecipeError, match="'_id_', with a line at both ends"):
        read("_id_,text\n1,one\n", columns={"id": "_id_", "text": "text"})


def test_counts_whose_number_of_people_is_not_told_are_refused(read: ReadCorpus) -> None:
    content = "text,n,joy,fear\na,,2,0\nb,2.5,1,0\nc,3,3,1\n"
    got = read(content, labels=[{"task": "emotion", "columns": "{label}", "votes": "n", **HUMAN}])
    assert got.annotations["votes"].to_list() == [3]
    assert [(reason, line) for reason, _, line in got.reasons()] == [("value is no count", 2), ("value is no count", 3)]


NAMES = st.text("ab_1", min_size=1, max_size=3)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=NAMES, second=NAMES, text=st.sampled_from(["{x}-{y}", "{x}/{x}_{y}", "{y}.{x}.wav", "{x}"]))
def test_a_filled_pattern_is_read_back_alike_by_both_engines(first: str, second: str, text: str) -> None:
    pattern = Pattern(text)
    filled = pl.select(pattern.filled({"x": pl.lit(first), "y": pl.lit(second)})).item()
    frame = pl.DataFrame({"cell": [filled, "?", None]}, schema={"cell": pl.String})
    read = frame.select(**dict(pattern.columns(pl.col("cell")))).row(0, named=True)
    assert read == pattern.match(filled)
    again = pl.select(pattern.filled({name: pl.lit(value) for name, value in read.items()})).item()
    assert again == filled


def test_a_name_of_labels_in_a_column_is_the_longest_that_fits() -> None:
    known = {"label": ["sad", "sadness", "joy"]}
    assert Pattern("{who}_{label}").match("a_b_sadness", known) == {"who": "a_b", "label": "sadness"}
    assert Pattern("{label}{n}".replace("{n}", "_{n}")).match("SAD_2", known) == {"label": "SAD", "n": "2"}
    assert Pattern("{label}").match("glee", known) is None


def test_a_bound_name_and_a_path_that_say_the_same_are_refused(tmp_path: Path, read_entry: ReadCorpus) -> None:
    (tmp_path / "a.csv").write_text("key,text\nx-1,t\n")
    with pytest.raises(RecipeError, match="bound by the path and by the cells"):
        read_entry(path="{s}.csv", columns={"id": "key", "text": "text"}, bind={"key": "{s}-{n}"})


def test_a_card_says_how_files_of_labels_and_people_are_read(
    tmp_path: Path, read_entry: ReadCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts.csv").write_text("key,text\n1,one\n")
    (tmp_path / "joy.ratings.csv").write_text("key,who,v\n1,x,1\n")
    (tmp_path / "raters.csv").write_text("who,sex\nx,f\n")
    card = parse_card(
        {
            "name": "c",
            "title": "C",
            "licence": "CC0-1.0",
            "citation": "Us",
            "languages": ["en"],
            "files": {
                "train": {"path": "texts.csv"},
                "joy": {"path": "joy.ratings.csv"},
                "raters": {"path": "raters.csv"},
            },
            "columns": {"id": "key", "text": "text"},
            "names": "keep",
            "people": {"file": "raters.csv", "id": "who", "gender": "sex", "role": "annotator"},
            "labels": [
                {
                    "task": "emotion",
                    "file": "{e}.ratings.csv",
                    "columns": "v",
                    "label": "{e}",
                    "annotator": "{who}",
                    "kind": "human",
                }
            ],
        },
        "here",
    )
    monkeypatch.setattr(catalog, "find", lambda name: catalog.Entry(card, tmp_path))
    for entry in ({}, {"path": "."}, {"path": {"train": "texts.csv"}}):
        got = read_entry(**entry)
        assert got.items["source_split"].to_list() == ["train"]
        assert by_annotator(got.annotations) == {"c:x": {"joy": None}}
        assert got.people.rows()[0][:4] == ("c:x", ["annotator"], "person", "f")
