"""A row that breaks the schema is named with field, value and rule; every other row stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from schemas.errors import DsbuildError
from schemas.forms.check import check_annotations, check_items, require, split_rows
from schemas.forms.definitions import ANNOTATIONS, DECLARED, ITEMS
from schemas.forms.json_schema import json_schema, to_json
from schemas.tables import ANNOTATIONS as ANNOTATIONS_ARROW
from schemas.tables import TABLES, polars_schema

GOOD: dict[str, dict[str, Any]] = {
    "items": {"item_id": "i1", "corpus": "c", "modality": "text", "language": "mr", "extra": '{"likes": 3}'},
    "annotations": {
        "annotation_id": "a1",
        "item_id": "i1",
        "task": "emotion",
        "annotator": "gpt",
        "annotator_kind": "llm",
        "labels": [{"label": "joy", "score": 1.0}],
    },
    "labels": {"item_id": "i1", "task": "emotion", "aggregate": "gold", "tier": "gold"},
    "people": {"person": "c:p1", "roles": ["annotator"], "identity": "person"},
    "provenance": {"provenance": "p", "annotator": "gpt", "kind": "llm"},
}
MODALITIES = "text, dialogue, audio, image, video, music, physiology"

# table, what is changed in a good row, how the reject tells it, whether JSON Schema can say it too
BAD: list[tuple[str, dict[str, Any], str, bool]] = [
    ("items", {"modality": "smell"}, f'modality = "smell": not one of {MODALITIES}', True),
    ("items", {"modality": None}, "modality = null: required", True),
    ("items", {"item_id": " "}, 'item_id = " ": blank', True),
    ("items", {"language": "Marathi!"}, 'language = "Marathi!": not a BCP 47 language tag', True),
    ("items", {"language": "zh_CN"}, 'language = "zh_CN": not a BCP 47 language tag', True),
    ("items", {"split": "a/b"}, 'split = "a/b": not the name of a split', True),
    ("items", {"split": " "}, 'split = " ": not the name of a split', True),
    ("items", {"extra": "{likes: 3}"}, 'extra = "{likes: 3}": not a JSON object', False),
    ("items", {"extra": "[1]"}, 'extra = "[1]": not a JSON object', False),
    ("items", {"extra": '{"a": NaN}'}, 'extra = "{\\"a\\": NaN}": not a JSON object', False),
    ("items", {"source": {"row": -1}}, "source.row = -1: below 0", True),
    ("items", {"groups": [{"kind": "dialogue", "id": None}]}, "groups.id = null: required", True),
    ("items", {"groups": [None]}, "groups = null: an entry of the list is null", True),
    ("items", {"media": [{"role": "smell"}]}, 'media.role = "smell": not one of audio, video, image,', True),
    ("items", {"media": [{"role": "audio", "sha256": "AB"}]}, 'media.sha256 = "AB": not 64 lower-case', True),
    ("items", {"media": [{"role": "audio", "mime": "wav"}]}, 'media.mime = "wav": not a media type', True),
    ("items", {"media": [{"role": "audio", "rate": 0}]}, "media.rate = 0: below 1", True),
    (
        "items",
        {"media": [{"role": "audio"}, {"role": "audio", "start_s": 2.0, "end_s": 1.5}]},
        "media.end_s = 1.5: less than start_s",
        False,
    ),
    ("annotations", {"annotator_kind": "robot"}, 'annotator_kind = "robot": not one of human, llm,', True),
    ("annotations", {"perspective": "me"}, 'perspective = "me": not one of writer, reader,', True),
    ("annotations", {"round": "second"}, 'round = "second": not one of first, repeat, adjudication', True),
    ("annotations", {"shown": "smell"}, 'shown = "smell": not one of text, audio, video, image, all', True),
    ("annotations", {"sample": -1}, "sample = -1: below 0", True),
    ("annotations", {"votes": 0}, "votes = 0: below 1", True),
    ("annotations", {"confidence": 1.5}, "confidence = 1.5: not from 0 to 1", True),
    ("annotations", {"value": float("nan")}, "value = NaN: not a finite number", False),
    ("annotations", {"asked": ["joy", None]}, "asked = null: an entry of the list is null", True),
    ("annotations", {"labels": [{"label": None}]}, "labels.label = null: required", True),
    (
        "annotations",
        {"labels": [{"label": "joy", "score": 1.0}, {"label": "fear", "score": float("inf")}]},
        "labels.score = inf: not a finite number",
        False,
    ),
    ("annotations", {"labels": [{"label": "joy", "mapping": "near"}]}, 'labels.mapping = "near": not one of', True),
    ("annotations", {"labels": [{"label": "joy", "loss": -0.5}]}, "labels.loss = -0.5: below 0", True),
    ("annotations", {"spans": [{"start": 3, "end": 2}]}, "spans.end = 2: less than start", False),
    ("annotations", {"spans": [{"start": 3}]}, "spans.end = null: start and end go together", False),
    ("annotations", {"trace": [{"t": 0.0, "value": None}]}, "trace.value = null: required", True),
    ("annotations", {"item_hash": "XY"}, 'item_hash = "XY": not lower-case hexadecimal digits', True),
    ("labels", {"tier": "bronze"}, 'tier = "bronze": not one of gold, silver, mixed, stated', True),
    ("labels", {"labels": [{"label": "joy", "p": 1.01}]}, "labels.p = 1.01: not from 0 to 1", True),
    ("labels", {"soft": [{"label": "joy", "p": None}]}, "soft.p = null: required", True),
    ("labels", {"annotators": -1}, "annotators = -1: below 0", True),
    ("people", {"identity": "ghost"}, 'identity = "ghost": not one of person, slot, pool', True),
    ("people", {"roles": ["annotator", "king"]}, 'roles = "king": not one of annotator, speaker,', True),
    ("people", {"traits": [{"scale": "b5", "name": " "}]}, 'traits.name = " ": blank', True),
    ("provenance", {"kind": "robot"}, 'kind = "robot": not one of human, llm,', True),
    ("provenance", {"params": "{"}, 'params = "{": not a JSON object', False),
]


def frame(table: str, *rows: dict[str, Any]) -> pl.DataFrame:
    dtypes = polars_schema(TABLES[table])
    return pl.DataFrame([{name: row.get(name) for name in dtypes} for row in rows], schema=dtypes)


@pytest.mark.parametrize(("table", "change", "said", "in_json"), BAD, ids=[said[:40] for _, _, said, _ in BAD])
def test_a_broken_row_is_named_with_field_value_and_rule(
    table: str, change: dict[str, Any], said: str, in_json: bool
) -> None:
    good = GOOD[table]
    rows = frame(table, good, {**good, **change}, good)
    kept, rejects = split_rows(rows, DECLARED[table])
    assert kept.equals(frame(table, good, good))
    assert rejects.height == 1
    told = rejects.row(0, named=True)
    assert told["stage"] == "schema"
    assert told["detail"].startswith(said)
    assert told["reason"].partition(":")[0] == said.partition(" = ")[0]
    assert told["item_id"] == rows[1].to_dicts()[0].get("item_id")
    assert json.loads(told["raw"]).keys() == set(rows.columns)
    # JSON Schema is an implementation of its own of most of the rules.
    if in_json:
        validator = Draft202012Validator(json_schema(table))
        assert not validator.is_valid(to_json(table, rows.row(1, named=True)))
        assert validator.is_valid(to_json(table, rows.row(0, named=True)))


def test_a_row_with_several_faults_is_one_reject_for_the_first_of_them() -> None:
    rows = frame("items", {**GOOD["items"], "modality": "smell", "split": "/", "media": [{"role": "x"}, {"role": "y"}]})
    kept, rejects = check_items(rows)
    assert (kept.height, rejects.height) == (0, 1)
    assert rejects["reason"][0] == "modality: outside its vocabulary"


def test_rejects_stand_in_the_order_of_the_rows_and_name_their_own() -> None:
    bad = [{"annotation_id": f"a{n}", "votes": 0 if n % 2 else 1, "sample": -1 if n == 4 else 0} for n in range(6)]
    kept, rejects = check_annotations(frame("annotations", *({**GOOD["annotations"], **one} for one in bad)))
    assert kept["annotation_id"].to_list() == ["a0", "a2"]
    assert rejects["detail"].to_list() == [
        "votes = 0: below 1; annotation_id a1",
        "votes = 0: below 1; annotation_id a3",
        "sample = -1: below 0; annotation_id a4",
        "votes = 0: below 1; annotation_id a5",
    ]


def test_lists_that_are_null_or_empty_do_not_shift_the_blame() -> None:
    labels = [None, [], [{"label": "joy"}, {"label": "fear", "loss": -1.0}], None, [], [{"label": " "}]]
    rows = [{**GOOD["annotations"], "annotation_id": f"a{n}", "labels": one} for n, one in enumerate(labels)]
    whole = frame("annotations", *rows)
    for start in range(3):  # slices, whose buffers begin elsewhere
        _, rejects = check_annotations(whole.slice(start))
        assert [text.rpartition(" ")[2] for text in rejects["detail"]] == ["a2", "a5"]


def test_half_a_surrogate_pair_in_json_is_json() -> None:
    texts = ['{"a": "\\ud800"}', '{"a": 1}', '{"a"}']
    kept, rejects = check_items(frame("items", *({**GOOD["items"], "extra": text} for text in texts)))
    assert kept["extra"].to_list() == texts[:2]
    assert rejects.height == 1


def test_a_frame_that_lacks_columns_and_fields_is_filled_before_it_is_judged() -> None:
    given = pl.DataFrame({"person": ["p"], "traits": [[{"scale": "big-five", "name": "openness"}]]})
    kept, rejects = split_rows(given, DECLARED["people"])
    assert rejects.is_empty()
    assert kept["traits"].to_list() == [[{"scale": "big-five", "name": "openness", "value": None}]]
    with pytest.raises(DsbuildError, match="emoji"):
        split_rows(pl.DataFrame({"emoji": ["x"]}), DECLARED["labels"])


def test_what_is_required_is_refused_with_the_first_row_and_the_number_of_others() -> None:
    rows = frame("items", GOOD["items"], *({**GOOD["items"], "item_id": f"i{n}", "modality": "x"} for n in range(3)))
    with pytest.raises(DsbuildError, match=r'item i0: .*items.*modality = "x".*\(2 more rows'):
        require(rows, ITEMS)
    assert require(rows.head(1), ITEMS).height == 1


# One utterance, clip, picture or recording of every modality, as a corpus would have it.
OF_EVERY_MODALITY: list[dict[str, Any]] = [
    {"modality": "text", "language": "mr", "text": "आज खूप छान वाटतंय"},
    {
        "modality": "dialogue",
        "language": "zh-Hans",
        "text": "你怎么了？",
        "speaker": "A",
        "context": [{"item_id": "i0", "speaker": "B", "text": "……"}],
        "groups": [{"kind": "dialogue", "id": "d1"}, {"kind": "speaker", "id": "A"}],
    },
    {
        "modality": "audio",
        "language": "en",
        "text": "It's eleven o'clock.",
        "media": [
            {"role": "audio", "path": "1001_IEO_ANG_HI.wav", "mime": "audio/x-wav", "rate": 16000, "channels": 1}
        ],
    },
    {"modality": "image", "media": [{"role": "image", "path": "a.jpg", "mime": "image/jpeg", "sha256": "0" * 64}]},
    {
        "modality": "video",
        "media": [
            {"role": "video", "path": "dia0_utt0.mp4", "start_s": 1.5, "end_s": 4.0, "rate": 25},
            {"role": "audio", "path": "dia0_utt0.wav"},
        ],
    },
    {"modality": "music", "media": [{"role": "audio", "path": "2.mp3", "start_s": 15.0, "end_s": 45.0, "rate": 44100}]},
    {
        "modality": "physiology",
        "groups": [{"kind": "subject", "id": "s01"}],
        "media": [
            {"role": "eeg", "path": "DREAMER.mat", "rate": 128, "channels": 14},
            {"role": "ecg", "path": "DREAMER.mat", "rate": 256, "channels": 2},
            {"role": "stimulus", "path": "clip-07.mp4"},
        ],
    },
]


def test_every_modality_has_its_place_in_the_tables() -> None:
    from schemas.forms.vocabularies import MODALITIES as WORDS

    rows = [{"item_id": f"i{n}", "corpus": "c", **row} for n, row in enumerate(OF_EVERY_MODALITY)]
    assert {row["modality"] for row in rows} == set(WORDS.words)
    filled = [{**row, "media": [_medium(one) for one in row.get("media", [])]} for row in rows]
    kept, rejects = check_items(frame("items", *filled))
    assert rejects["detail"].to_list() == []
    validator = Draft202012Validator(json_schema("items"))
    assert all(validator.is_valid(to_json("items", row)) for row in kept.iter_rows(named=True))


def _medium(given: dict[str, Any]) -> dict[str, Any]:
    media = next(column for column in ITEMS.columns if column.name == "media")
    return {field.name: given.get(field.name) for field in media.of}


MILLION = """
import resource, time
import polars as pl
from schemas.forms.check import check_annotations
from schemas.tables import ANNOTATIONS, conform
n = 1_000_000
number = pl.int_range(n, eager=True)
labels = pl.Series([[{"label": w, "score": 0.5, "original": w.upper()}] for w in ("joy", "fear")] + [[]])
rows = pl.select(
    annotation_id=pl.format("annotation-{}", number), item_id=pl.format("item-{}", number // 3),
    item_hash=pl.lit("0123456789abcdef"), task=pl.lit("emotion"), perspective=pl.lit("reader"),
    annotator=pl.lit("gpt"), annotator_kind=pl.lit("llm"), sample=pl.lit(0), round=pl.lit("first"),
    provenance=pl.lit("0123456789abcdef"),
)
rows = conform(rows.with_columns(labels=labels.gather(number % 3)), ANNOTATIONS)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
taken = []
for _ in range(3):
    started = time.process_time()
    kept, rejects = check_annotations(rows)
    taken.append(time.process_time() - started)
assert (kept.height, rejects.height) == (n, 0)
print(min(taken), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_a_million_annotations_are_checked_in_under_a_second_of_one_core() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MILLION], capture_output=True, text=True, check=True, cwd=root, timeout=120
    )
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 0.8  # of processor time over all threads
    assert megabytes < 250  # beside the rows themselves


def test_the_declaration_is_the_arrow_schema() -> None:
    assert ANNOTATIONS_ARROW.names == [column.name for column in ANNOTATIONS.columns]
    assert TABLES.keys() == DECLARED.keys()
