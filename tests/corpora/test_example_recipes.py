"""The recipes in examples/corpora on the real files: labels, people and dialogues without a line of Python (real data,
counted beforehand; every alpha is computed anew from our annotations by the package krippendorff)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import polars as pl
import pytest

from corpora.entry import resolve
from corpora.read import read_corpus
from dsbuild.recipe import load
from dsbuild.recipe.defaults import tasks_of
from schemas.task import Task

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "corpora"
PATHS = {
    "goemotions": {
        "goemotions.path.validation": "goemotions/dev.tsv",
        "goemotions-raw.path": "goemotions/raw_part.csv",
    },
    "wrime": {"wrime.path": "wrime/sample.tsv"},
    "crema-d": {"crema-d.path": "CREMA-D/tabulatedVotes.csv"},
    "emotiontalk": {"emotiontalk.path": "EmotionTalk/transcription.csv"},
    "cped": {"cped.path.validation": "cped/valid_split.csv"},
    "snow2008": {"snow2008.path": "snow2008/affect.tsv"},
    "emobank": {
        "emobank.path": "emobank/emobank.csv",
        "emobank-ratings.path": "emobank/individual_reader_ratings.csv",
        "emobank-careful.path": "emobank/individual_reader_ratings.csv",
    },
    "brighter": {"brighter.path": "brighter/mar_all_test_individuals.csv"},
    "emonet-face": {"emonet-face.path": "EmoNet-Face/binary.csv"},
    "dailydialog": {"dailydialog.path": "dailydialog/valid.json"},
    "reccon": {"reccon.path.validation": "reccon/dailydialog_valid.json"},
}


@dataclass(frozen=True)
class Corpus:
    """A corpus as its recipe reads it."""

    items: pl.DataFrame
    annotations: pl.DataFrame
    rejects: pl.DataFrame
    people: pl.DataFrame
    tasks: dict[str, Task]

    def answers(self, task: str, annotator: str | None = None) -> pl.DataFrame:
        chosen = self.annotations.filter(pl.col("task") == task)
        return chosen if annotator is None else chosen.filter(pl.col("annotator") == annotator)


Corpora = Callable[[str], dict[str, Corpus]]


@pytest.fixture(scope="module")
def corpora(shared_data: Path) -> Corpora:
    @cache
    def of(example: str) -> dict[str, Corpus]:
        sets = [f"corpora.{key}={shared_data / path}" for key, path in PATHS[example].items()]
        loaded = load(EXAMPLES / f"{example}.yaml", sets)
        tasks = tasks_of(loaded.recipe)
        found = {}
        for entry in loaded.recipe.corpora:
            batches = list(read_corpus(resolve(entry, loaded.directory), tasks))
            found[entry.name] = Corpus(
                *(pl.concat([getattr(one, name) for one in batches]) for name in ("items", "annotations", "rejects")),
                batches[-1].people,
                tasks,
            )
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DSBUILD_PEOPLE_KEY", "a key for the names of these tests")
        yield of


def scores(annotations: pl.DataFrame) -> pl.DataFrame:
    """{item_id, annotator, votes, label, score}, a row for each label of an answer."""
    return (
        annotations.select("item_id", "annotator", "votes", "labels")
        .explode("labels")
        .unnest("labels")
        .drop_nulls("label")
    )


def alpha(long: pl.DataFrame, level: str) -> float:
    """Krippendorff's alpha of {item_id, annotator, value}."""
    wide = long.pivot("annotator", index="item_id", values="value").drop("item_id")
    return float(krippendorff.alpha(wide.to_numpy().T.astype(float), level_of_measurement=level))


def counted_alpha(counts: pl.DataFrame, level: str, domain: list[Any]) -> float:
    """The same of {item_id, value, n}: for raters without names, how many of an item gave each value."""
    wide = counts.pivot("value", index="item_id", values="n", aggregate_function="sum").fill_null(0)
    table = wide.select(str(one) for one in domain).to_numpy()
    ordered = domain if level != "nominal" else None
    return float(krippendorff.alpha(value_counts=table, value_domain=ordered, level_of_measurement=level))


def by_label(annotations: pl.DataFrame) -> dict[str, int]:
    return dict(scores(annotations)["label"].value_counts().iter_rows())


def test_goemotions_released_labels_come_from_a_file_without_header(corpora: Corpora) -> None:
    got = corpora("goemotions")["goemotions"]
    answers = got.answers("emotion")
    assert (got.items.height, answers.height, got.rejects.height) == (5_426, 5_426, 0)
    assert answers.filter(pl.col("labels").list.len() > 1).height == 878
    assert (got.items["source_split"].unique().to_list(), got.items["source"][0]["key"]) == (["validation"], "edgurhb")
    assert by_label(answers)["neutral"] == 1_766
    assert answers["labels"][1].to_list()[0]["original"] == "4"


def test_goemotions_raters_are_annotators_of_comments_that_share_an_id(corpora: Corpora) -> None:
    got = corpora("goemotions")["goemotions-raw"]
    answers = got.answers("emotion")
    assert (got.items.height, answers.height, got.rejects.height) == (4_703, 4_895, 0)
    assert answers["annotator"].n_unique() == got.people.height == 79
    assert answers["item_id"].is_duplicated().sum() == 2 * 192
    assert answers.filter("skipped").height == 58
    assert answers.filter("skipped")["labels"].null_count() == 58
    sizes = answers.filter(~pl.col("skipped"))["labels"].list.len().value_counts().sort("labels").rows()
    assert sizes == [(1, 4_020), (2, 703), (3, 100), (4, 11), (6, 2), (7, 1)]
    counts = by_label(answers)
    expected = {"neutral": 1306, "approval": 418, "admiration": 355, "annoyance": 315, "gratitude": 272}
    expected |= {"disapproval": 268, "curiosity": 242, "pride": 20, "grief": 12}
    assert {name: counts[name] for name in expected} == expected
    assert sum(counts.values()) == 4_020 + 2 * 703 + 3 * 100 + 4 * 11 + 2 * 6 + 7


@pytest.mark.parametrize(
    ("label", "value"),
    [("gratitude", 0.83432), ("love", 0.59037), ("admiration", 0.53058), ("neutral", 0.20249), ("anger", -0.03514)],
)
def test_goemotions_alphas_of_the_comments_rated_twice(corpora: Corpora, label: str, value: float) -> None:
    answers = corpora("goemotions")["goemotions-raw"].answers("emotion")
    twice = answers.filter(pl.col("item_id").is_duplicated())
    # A rater who found a comment unclear stands in the released figure with no to every label.
    said = pl.col("labels").list.eval(pl.element().struct.field("label") == label).list.any().fill_null(False)
    ratings = twice.select("item_id", "annotator", value=said.cast(pl.Int8))
    assert alpha(ratings, "nominal") == pytest.approx(value, abs=5e-6)


def test_wrime_has_a_writer_by_user_id_and_three_reader_slots(corpora: Corpora) -> None:
    got = corpora("wrime")["wrime"]
    assert (got.items.height, got.answers("intensity_writer").height, got.answers("intensity_reader").height) == (
        100,
        100,
        300,
    )
    people = dict(got.people.select("person", "identity").iter_rows())
    assert people == {"wrime:44": "person", **{f"wrime:reader-{n}": "slot" for n in (1, 2, 3)}}
    writer = got.answers("intensity_writer")
    assert (writer["annotator"].unique().to_list(), writer["annotator_kind"].unique().to_list()) == (
        ["wrime:44"],
        ["author"],
    )
    assert got.items["groups"][0].to_list() == [{"kind": "author", "id": "44"}]
    # Zero is a level like any other, and all eight were asked.
    assert writer["labels"].list.len().unique().to_list() == [8]
    assert got.annotations["asked"].null_count() == 400
    assert writer["labels"][0].to_list()[0]["original"] == "主観_喜び"
    assert set(json.loads(got.items["extra"][0])) == {"投稿日時"}


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("Joy", 0.68316),
        ("Sadness", 0.55619),
        ("Anticipation", 0.59617),
        ("Surprise", 0.30877),
        ("Anger", 0.32884),
        ("Fear", 0.43219),
        ("Disgust", 0.31145),
        ("Trust", -0.01701),
    ],
)
def test_wrime_ordinal_alphas_of_the_readers(corpora: Corpora, label: str, value: float) -> None:
    long = scores(corpora("wrime")["wrime"].answers("intensity_reader")).filter(pl.col("label") == label)
    assert alpha(long.select("item_id", "annotator", value="score"), "ordinal") == pytest.approx(value, abs=5e-6)


def test_wrime_hidden_anger_stands_in_three_posts(corpora: Corpora) -> None:
    got = corpora("wrime")["wrime"]
    anger = {
        task: scores(got.answers(f"intensity_{task}"))
        .filter(pl.col("label") == "Anger")
        .group_by("item_id")
        .agg(pl.col("score").max())
        for task in ("writer", "reader")
    }
    both = anger["writer"].join(anger["reader"], on="item_id")
    assert both.filter((pl.col("score") >= 1) & (pl.col("score_right") == 0)).height == 3


@pytest.mark.parametrize(
    ("annotator", "shown", "value", "responses", "ties"),
    [
        ("listeners", "audio", 0.28110, 68_568, 644),
        ("viewers", "video", 0.45825, 71_654, 470),
        ("observers", "all", 0.49667, 71_778, 420),
    ],
)
def test_crema_d_votes_are_the_whole_answers_of_three_pools(
    corpora: Corpora, annotator: str, shown: str, value: float, responses: int, ties: int
) -> None:
    got = corpora("crema-d")["crema-d"]
    answers = got.answers("emotion", f"crema-d:{annotator}")
    assert (answers.height, answers["shown"].unique().to_list()) == (7_442, [shown])
    assert answers["votes"].sum() == responses
    long = scores(answers)
    assert long["score"].sum() == responses
    best = long.filter(pl.col("score") == pl.col("score").max().over("item_id"))
    assert best.group_by("item_id").len().filter(pl.col("len") > 1).height == ties
    names = sorted(long["label"].unique().to_list())
    counts = long.select("item_id", value="label", n="score")
    assert counted_alpha(counts, "nominal", names) == pytest.approx(value, abs=5e-6)


def test_crema_d_actors_are_people_and_say_what_they_acted(corpora: Corpora) -> None:
    got = corpora("crema-d")["crema-d"]
    assert (got.items.height, got.annotations.height, got.rejects.height) == (7_442, 3 * 7_442 + 7_442, 0)
    actors = got.people.filter(pl.col("roles").list.contains("speaker"))
    assert actors.height == 91
    [first] = actors.filter(pl.col("person") == "crema-d:1001").to_dicts()
    assert (first["roles"], first["identity"]) == (["author", "speaker"], "person")
    assert (first["gender"], first["age"]) == ("Male", "51")
    assert first["traits"] == [
        {"scale": "demographics", "name": "Ethnicity", "value": "Not Hispanic"},
        {"scale": "demographics", "name": "Race", "value": "Caucasian"},
    ]
    acted = got.answers("acted")
    assert acted["annotator"].n_unique() == 91
    share = (
        scores(got.answers("emotion", "crema-d:observers"))
        .join(scores(acted).select("item_id", acted="label"), on="item_id")
        .select(pl.col("score").filter(pl.col("label") == pl.col("acted")).sum() / pl.col("score").sum())
    ).item()
    assert share == pytest.approx(0.6307, abs=1e-3)
    assert [one["role"] for one in got.items["media"][0].to_list()] == ["video", "audio"]


def test_emotiontalk_has_a_layer_for_what_was_shown(corpora: Corpora) -> None:
    got = corpora("emotiontalk")["emotiontalk"]
    assert (got.items.height, got.annotations.height, got.rejects.height) == (19_250, 4 * 19_250, 0)
    layers = dict(got.annotations.group_by("annotator", "shown").len().select("annotator", "shown").iter_rows())
    assert layers == {f"emotiontalk:by-{name}": name for name in ("text", "audio", "video", "all")}
    assert by_label(got.answers("emotion", "emotiontalk:by-all")) == {
        "neutral": 6853,
        "happy": 3592,
        "angry": 3698,
        "surprised": 1661,
        "disgusted": 1371,
        "sad": 1153,
        "fearful": 922,
    }
    assert by_label(got.answers("emotion", "emotiontalk:by-audio"))["neutral"] == 9_378
    groups = got.items["groups"].explode().struct.unnest()
    assert dict(groups.group_by("kind").agg(pl.col("id").n_unique()).iter_rows()) == {
        "dialogue": 742,
        "group": 15,
        "speaker": 19,
    }


def test_emotiontalk_alpha_of_the_three_layers_of_one_modality(corpora: Corpora) -> None:
    got = corpora("emotiontalk")["emotiontalk"].annotations.filter(pl.col("shown") != "all")
    names = sorted(by_label(got))
    long = scores(got).select("item_id", "annotator", value=pl.col("label").replace_strict(names, range(len(names))))
    assert alpha(long, "nominal") == pytest.approx(0.2848, abs=5e-5)


def test_cped_utterances_stand_in_their_dialogues(corpora: Corpora) -> None:
    got = corpora("cped")["cped"]
    assert (got.items.height, got.annotations.height, got.rejects.height) == (11_137, 3 * 11_137, 0)
    assert got.items["modality"].unique().to_list() == ["dialogue"]
    groups = got.items["groups"].explode().struct.unnest()
    assert dict(groups.group_by("kind").agg(pl.col("id").n_unique()).iter_rows()) == {
        "dialogue": 934,
        "speaker": 38,
        "play": 5,
    }
    assert got.items["context"].list.len().max() == 5
    assert got.items.filter(pl.col("context").list.len() == 0).height == 934
    third = got.items.row(2, named=True)
    assert [(turn["speaker"], turn["text"]) for turn in third["context"]] == [
        ("32-于春晓", "怎么了"),
        ("32-于春晓", "撞车了吗"),
    ]
    assert [turn["item_id"] for turn in third["context"]] == got.items["item_id"][:2].to_list()
    assert set(json.loads(third["extra"])) == {"Scene", "FacePosition_LU", "FacePosition_RD"}


def test_cped_labels_and_the_speakers_gender_age_and_big_five(corpora: Corpora) -> None:
    got = corpora("cped")["cped"]
    emotions = by_label(got.answers("emotion"))
    assert (len(emotions), emotions["neutral"], emotions["negative-other"], emotions["grateful"]) == (
        13,
        3126,
        1702,
        13,
    )
    assert by_label(got.answers("sentiment")) == {"negative": 6319, "neutral": 3126, "positive": 1692}
    assert len(by_label(got.answers("act"))) == 19
    speakers = got.people.filter(pl.col("roles").list.contains("speaker"))
    assert speakers.height == 38
    [one] = speakers.filter(pl.col("person") == "cped:32-于春晓").to_dicts()
    assert (one["gender"], one["age"]) == ("female", "young")
    assert [(trait["name"], trait["value"]) for trait in one["traits"]] == [
        ("Agreeableness", "high"),
        ("Conscientiousness", "high"),
        ("Extraversion", "high"),
        ("Neuroticism", "high"),
        ("Openness", "low"),
    ]


SNOW = {
    "anger": (0.35329, 14.675),
    "disgust": (0.42753, 16.01),
    "fear": (0.28543, 10.348),
    "joy": (0.21587, 10.486),
    "sadness": (0.43703, 19.156),
}


def test_snow_ratings_of_five_files_are_one_answer_of_each_worker(corpora: Corpora) -> None:
    got = corpora("snow2008")["snow2008"]
    answers = got.answers("emotion")
    assert (got.items.height, answers.height, got.rejects.height) == (1_000, 1_000, 0)
    assert answers["item_id"].n_unique() == 100
    assert answers["asked"].to_list() == [list(SNOW)] * 1_000
    assert got.people.height == answers["annotator"].n_unique() == 38
    first = got.items.filter(pl.col("source").struct.field("key") == "594")["extra"].item()
    assert [row["gold"] for row in json.loads(first)["anger.standardized.tsv"]] == ["37"] * 10


@pytest.mark.parametrize("label", list(SNOW))
def test_snow_interval_alphas_and_means(corpora: Corpora, label: str) -> None:
    long = scores(corpora("snow2008")["snow2008"].answers("emotion")).filter(pl.col("label") == label)
    expected, mean = SNOW[label]
    assert alpha(long.select("item_id", "annotator", value="score"), "interval") == pytest.approx(expected, abs=5e-6)
    assert long["score"].mean() == pytest.approx(mean, abs=5e-4)


def test_names_of_workers_stand_nowhere_in_what_was_read(corpora: Corpora, shared_data: Path) -> None:
    got = corpora("snow2008")["snow2008"]
    table = pl.read_csv(shared_data / "snow2008/anger.standardized.tsv", separator="\t", infer_schema=False)
    told = "".join(frame.write_json() for frame in (got.items, got.annotations, got.people, got.rejects))
    assert not [one for one in table["!amt_worker_ids"].unique() if one in told]


EMOBANK = {"valence": (0.34357, 0.34382), "arousal": (0.24474, 0.08974), "dominance": (0.22016, 0.09433)}


@pytest.mark.parametrize("task", list(EMOBANK))
@pytest.mark.parametrize(
    ("corpus", "place", "n"), [("emobank-ratings", 0, 53_055), ("emobank-careful", 1, 53_055 - 5_130)]
)
def test_emobank_alphas_of_ratings_without_rater_ids(
    corpora: Corpora, task: str, corpus: str, place: int, n: int
) -> None:
    got = corpora("emobank")[corpus]
    answers = got.answers(f"{task}_reader")
    assert (got.items.height, answers.height) == (10_548, n)
    counts = answers.group_by("item_id", value=pl.col("value").cast(pl.Int64)).agg(n=pl.len())
    assert counted_alpha(counts, "interval", [1, 2, 3, 4, 5]) == pytest.approx(EMOBANK[task][place], abs=5e-6)


def test_emobank_means_are_answers_of_pools_with_their_number_of_people(corpora: Corpora) -> None:
    got = corpora("emobank")["emobank"]
    assert got.items["source_split"].value_counts().sort("source_split").rows() == [
        ("dev", 1_000),
        ("test", 1_000),
        ("train", 8_062),
    ]
    # Means of sentences that emobank.csv has no text of are rejects, each with its file and line.
    readers = got.answers("valence_reader")
    assert readers.height + got.rejects.filter(pl.col("file") == "reader.csv").height == 10_325
    assert got.answers("valence_writer").height + got.rejects.filter(pl.col("file") == "writer.csv").height == 10_279
    assert got.rejects["reason"].unique().to_list() == ["no such item"]
    assert set(readers["votes"].unique()) == {3, 2, 4, 5, 6, 7}
    # The combined mean is that of readers and writers weighted by their number, in every row of the shared sentences.
    writers = got.answers("valence_writer").select("item_id", "value", "votes")
    both = readers.select("item_id", "value", "votes").join(writers, on="item_id").join(got.items, on="item_id")
    n, m = both["votes"].to_numpy(), both["votes_right"].to_numpy()
    mean = (both["value"].to_numpy() * n + both["value_right"].to_numpy() * m) / (n + m)
    released = np.array([float(json.loads(one)["V"]) for one in both["extra"]])
    assert both.height == 10_062
    assert np.abs(mean - released).max() <= 0.005 + 1e-9
    slots = corpora("emobank")["emobank-ratings"].people
    assert slots["person"].to_list() == [f"emobank-ratings:reader-{n}" for n in range(1, 8)]
    assert slots["identity"].unique().to_list() == ["slot"]


BRIGHTER = {
    "Joy": 0.81429,
    "Fear": 0.89874,
    "Anger": 0.83147,
    "Sadness": 0.85894,
    "Disgust": 0.82061,
    "Surprise": 0.95573,
}


def test_brighter_rows_of_a_text_and_an_emotion_are_one_answer_of_each_annotator(corpora: Corpora) -> None:
    got = corpora("brighter")["brighter"]
    answers = got.answers("emotion")
    assert (got.items.height, answers.height, answers["annotator"].n_unique()) == (1_000, 4_000, 4)
    assert answers["labels"].list.len().unique().to_list() == [6]
    counts = scores(answers)["score"].value_counts().sort("score").rows()
    assert counts == [(0.0, 20_701), (1.0, 939), (2.0, 1_618), (3.0, 742)]


@pytest.mark.parametrize("label", list(BRIGHTER))
def test_brighter_ordinal_alphas(corpora: Corpora, label: str) -> None:
    long = scores(corpora("brighter")["brighter"].answers("emotion")).filter(pl.col("label") == label)
    value = alpha(long.select("item_id", "annotator", value="score"), "ordinal")
    assert value == pytest.approx(BRIGHTER[label], abs=5e-6)


def test_emonet_experts_said_no_only_to_what_they_were_asked(corpora: Corpora) -> None:
    got = corpora("emonet-face")["emonet-face"]
    answers = got.answers("emotion")
    assert (got.items.height, got.items["modality"].unique().to_list()) == (19_999, ["image"])
    assert answers["asked"].list.len().sum() == 65_686
    assert answers["labels"].list.len().sum() == 37_800
    assert answers["annotator"].n_unique() == 7
    asked = answers.group_by("annotator").agg(pl.col("asked").list.len().sum()).sort("annotator")
    assert asked["asked"].to_list() == [15_875, 6_629, 7_999, 18_278, 4_000, 8_905, 4_000]
    assert got.items["media"][0].to_list()[0]["path"] == "00000.jpg"


def test_dailydialog_turns_are_records_inside_the_lines_of_a_file(corpora: Corpora) -> None:
    got = corpora("dailydialog")["dailydialog"]
    assert (got.items.height, got.rejects.height) == (8_069, 0)
    assert by_label(got.answers("emotion")) == {
        "no_emotion": 7108,
        "happiness": 684,
        "surprise": 107,
        "sadness": 79,
        "anger": 77,
        "fear": 11,
        "disgust": 3,
    }
    assert by_label(got.answers("act")) == {"inform": 3125, "question": 2244, "directive": 1775, "commissive": 925}
    assert got.items["groups"].explode().struct.unnest()["id"].n_unique() == 1_000
    assert got.items["source_split"].unique().to_list() == ["validation"]
    assert json.loads(got.items["extra"][0]) == {"topic": "tourism"}
    assert got.items["context"][1].to_list()[0]["text"].startswith("Good morning , sir .")


def test_reccon_causes_are_spans_of_this_turn_an_earlier_one_or_none(corpora: Corpora) -> None:
    got = corpora("reccon")["reccon"]
    causes = got.answers("cause")
    assert (got.items.height, causes.height, got.rejects.height) == (493, 200, 0)
    spans = causes.select(of="item_id", spans="spans").explode("spans").unnest("spans")
    # 352 quotes, of which one is told twice and is one span.
    assert spans.height == 351
    outside = spans.filter(pl.col("item_id").is_null())
    assert outside.height == 5
    assert outside.select(pl.col("start", "end", "text").is_null().all()).row(0) == (True, True, True)
    texts = dict(got.items.select("item_id", "text").iter_rows())
    context = {row["item_id"]: [turn["item_id"] for turn in row["context"]] for row in got.items.to_dicts()}
    own = 0
    for span in spans.drop_nulls("item_id").to_dicts():
        assert texts[span["item_id"]][span["start"] : span["end"]] == span["text"]
        assert span["item_id"] == span["of"] or span["item_id"] in context[span["of"]]
        own += span["item_id"] == span["of"]
    assert 0 < own < 346
    assert got.tasks["cause"].validate_annotations(causes, got.items)[1].is_empty()
