"""Label sets against the real files: ids are the released strings, codes the released ids, nothing is unresolved."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from schemas.taxonomy import load_taxonomy


def _column(path: Path, name: str, separator: str = ",") -> list[str]:
    quotes = '"' if separator == "," else None
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(
            file, delimiter=separator, quotechar=quotes, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
        )
    return [row[header.index(name)] for row in rows]


def _header(path: Path, separator: str = ",") -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file, delimiter=separator))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _dailydialog(data: Path, field: str) -> list[str]:
    lines = (data / "dailydialog" / "valid.json").read_text(encoding="utf-8").splitlines()
    return [turn[field] for line in lines for turn in json.loads(line)["dialogue"]]


def _emorynlp(data: Path) -> list[str]:
    episodes = _json(data / "emorynlp" / "emotion-detection-dev.json")["episodes"]
    return [each["emotion"] for episode in episodes for scene in episode["scenes"] for each in scene["utterances"]]


def _reccon(data: Path, name: str) -> list[str]:
    dialogues = _json(data / "reccon" / f"{name}.json").values()
    return [turn["emotion"] for dialogue in dialogues for part in dialogue for turn in part]


def _wassa(data: Path, year: int) -> list[str]:
    lines = (data / "wassa2022" / f"WASSA{year}_goldstandard_dev.tsv").read_text(encoding="utf-8").splitlines()
    return [label for line in lines for label in line.split("\t")[2].split("/")]


def _tec(data: Path) -> list[str]:
    lines = (data / "tec" / "first4000.txt").read_text(encoding="utf-8").splitlines()
    return [line.rsplit(":: ", 1)[1] for line in lines]


def _osum(data: Path) -> list[str]:
    text = (data / "OSUM" / "prompt_config.yaml").read_text(encoding="utf-8")
    found = re.search(r"共分为8类：(sad[\w，]+other)", text)
    assert found is not None
    return [word.strip("以及") for word in found[1].split("，")]


def _mahaemotions(data: Path) -> list[str]:
    files = ("train", "validation", "test")
    return [label for file in files for label in _column(data / "mahaemotions" / f"{file}.csv", "Label")]


def _emotiontalk(data: Path) -> list[str]:
    files = ("mm", "audio", "video", "transcription")
    return [label for file in files for label in _column(data / "EmotionTalk" / f"{file}.csv", "emotion")]


# Files that write the ids themselves.
EXACT: dict[str, Callable[[Path], Iterable[str]]] = {
    "goemotions": lambda data: (data / "goemotions" / "labels.txt").read_text(encoding="utf-8").split(),
    "meld": lambda data: _column(data / "meld" / "dev_sent_emo.csv", "Emotion"),
    "meld-sentiment": lambda data: _column(data / "meld" / "dev_sent_emo.csv", "Sentiment"),
    "emorynlp": _emorynlp,
    "dailydialog": lambda data: _dailydialog(data, "emotion"),
    "dailydialog-acts": lambda data: _dailydialog(data, "act"),
    "cped": lambda data: _column(data / "cped" / "valid_split.csv", "Emotion"),
    "cped-sentiment": lambda data: _column(data / "cped" / "valid_split.csv", "Sentiment"),
    "cped-acts": lambda data: _column(data / "cped" / "valid_split.csv", "DA"),
    "cped-scenes": lambda data: _column(data / "cped" / "valid_split.csv", "Scene"),
    "emotiontalk": _emotiontalk,
    "emonet": lambda data: _json(data / "EmoNet-Face" / "guide.json")["options"]["labels"],
    "emoset": lambda data: _json(data / "EmoSet" / "info.json")["emotion"]["label2idx"],
    "brighter": lambda data: _column(data / "brighter" / "mar_all_test_individuals.csv", "emotion"),
    "emoevent": lambda data: _column(data / "emoevent" / "dev.tsv", "emotion", "\t"),
    "tec": _tec,
    "wassa2022": lambda data: _wassa(data, 22),
    "wassa2023": lambda data: _wassa(data, 23),
    "isear": lambda data: _column(data / "isear" / "isear.csv", "Field1", "|"),
    "abaw-compound": lambda data: _header(data / "C-EXPR-DB" / "annotation" / "14.csv")[2:],
    "osum": _osum,
}
# Files that write the ids in another spelling, language or case, or only some of them.
SPELLED: dict[str, tuple[str, Callable[[Path], Iterable[str]]]] = {
    "PELD": ("meld", lambda data: _column(data / "peld" / "Dyadic_PELD.tsv", "Emotion_3", "\t")),
    "PELD sentiment": ("meld-sentiment", lambda data: _column(data / "peld" / "Dyadic_PELD.tsv", "Sentiment_3", "\t")),
    "RECCON, DailyDialog": ("dailydialog", lambda data: _reccon(data, "dailydialog_valid")),
    "RECCON, IEMOCAP": ("iemocap", lambda data: _reccon(data, "iemocap_test")),
    "MahaEmotions": ("mahaemotions", _mahaemotions),
    "EmoNet-Face votes": ("emonet", lambda data: _column(data / "EmoNet-Face" / "binary.csv", "emotion")),
    "CREMA-D votes": (
        "crema-d",
        lambda data: [
            vote for each in _column(data / "CREMA-D" / "tabulatedVotes.csv", "emoVote") for vote in each.split(":")
        ],
    ),
    "CREMA-D clips": (
        "crema-d",
        lambda data: [each.split("_")[2] for each in _column(data / "CREMA-D" / "summaryTable.csv", "FileName")],
    ),
    "CREMA-D columns": (
        "crema-d",
        lambda data: [
            found[1]
            for name in _header(data / "CREMA-D" / "tabulatedVotes.csv")
            if (found := re.fullmatch(r"mean(?!Emo)(\w+)Resp", name))
        ],
    ),
    "EMO-SUPERB, CREMA-D": (
        "crema-d",
        lambda data: _header(data / "EMO-SUPERB" / "CREMA-D_labels_consensus_1.csv")[1:-3],
    ),
    "EMO-SUPERB, MSP-Podcast": (
        "msp-podcast",
        lambda data: _header(data / "EMO-SUPERB" / "chatgpt_input_dev.csv")[1:-1],
    ),
    "EMO-SUPERB, MSP-IMPROV": (
        "msp-podcast-secondary",
        lambda data: _header(data / "EMO-SUPERB" / "MSP-IMPROV_secondary_labels_consensus_1.csv")[1:-6],
    ),
    "EMER, English": ("mer2023", lambda data: _column(data / "EMER" / "v1-gt-eng.csv", "emotions")),
    "EMER, Chinese": ("mer2023", lambda data: _column(data / "EMER" / "v1-gt-chi.csv", "emotions")),
    "EmoSet faces": ("ekman", lambda data: _json(data / "EmoSet" / "info.json")["facial_expression"]["label2idx"]),
    "Earkick": ("ekman", lambda data: ["happy", "sad", "fear", "disgust", "anger", "surprise"]),
    "Snow 2008": (
        "semeval2007",
        lambda data: [path.name.split(".")[0] for path in (data / "snow2008").glob("*.standardized.tsv")],
    ),
    "GoEmotions raters": ("goemotions", lambda data: _header(data / "goemotions" / "raw_part.csv")[9:]),
    "WRIME": (
        "wrime",
        lambda data: [
            each.split("_")[1] for each in _header(data / "wrime" / "sample.tsv", "\t") if each.startswith("主観_")
        ],
    ),
}
COMPLETE = {"PELD", "PELD sentiment", "RECCON, DailyDialog", "MahaEmotions", "EmoNet-Face votes", "CREMA-D votes"}
COMPLETE |= {"CREMA-D clips", "CREMA-D columns", "EMO-SUPERB, CREMA-D", "EmoSet faces", "Earkick"}


@pytest.mark.parametrize("name", EXACT)
def test_ids_are_the_strings_of_the_released_file(name: str, shared_data: Path) -> None:
    assert set(EXACT[name](shared_data)) == set(load_taxonomy(name).ids)


@pytest.mark.parametrize("release", SPELLED)
def test_another_spelling_of_a_release_resolves_label_for_label(release: str, shared_data: Path) -> None:
    name, read = SPELLED[release]
    taxonomy = load_taxonomy(name)
    strings = set(read(shared_data))
    resolved = {each: taxonomy.resolve(each) for each in strings}
    assert strings
    assert [each for each, label in resolved.items() if label is None] == []
    if release in COMPLETE:
        assert set(resolved.values()) == set(taxonomy.ids)


def test_earkick_has_the_six_columns_read_as_ekman(shared_data: Path) -> None:
    header = _header(shared_data / "Earkick_ABAW2023" / "assessment.csv")
    assert set(header) >= set(SPELLED["Earkick"][1](shared_data))


def test_the_vote_file_of_emonet_differs_from_the_guide_in_one_label(shared_data: Path) -> None:
    strings = set(_column(shared_data / "EmoNet-Face" / "binary.csv", "emotion"))
    assert strings - set(load_taxonomy("emonet").ids) == {"Hopelessness"}


# Order and codes


def test_goemotions_stands_in_the_order_of_its_ids(shared_data: Path) -> None:
    taxonomy = load_taxonomy("goemotions")
    names = (shared_data / "goemotions" / "labels.txt").read_text(encoding="utf-8").split()
    assert taxonomy.ids == names == _header(shared_data / "goemotions" / "raw_part.csv")[9:]
    assert [taxonomy.resolve(str(code)) for code in range(28)] == names


def test_neutral_is_not_exclusive_where_released_rows_have_it_beside_another(shared_data: Path) -> None:
    rows = (shared_data / "goemotions" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    codes = [row.split("\t")[1].split(",") for row in rows]
    assert sum("27" in each and len(each) > 1 for each in codes) == 174
    joined = (shared_data / "wassa2022" / "WASSA23_goldstandard_dev.tsv").read_text(encoding="utf-8")
    assert "Neutral/Sadness" in joined
    assert load_taxonomy("goemotions").exclusive == load_taxonomy("wassa2023").exclusive == ()


def test_wrime_stands_in_the_order_of_its_columns(shared_data: Path) -> None:
    taxonomy = load_taxonomy("wrime")
    headers = SPELLED["WRIME"][1](shared_data)
    assert [taxonomy.resolve(each) for each in headers] == taxonomy.ids
    assert taxonomy.levels == ("no", "weak", "medium", "strong")


def test_isear_codes_are_the_column_emot(shared_data: Path) -> None:
    path = shared_data / "isear" / "isear.csv"
    pairs = set(zip(_column(path, "EMOT", "|"), _column(path, "Field1", "|"), strict=True))
    assert pairs == {(str(label.code), label.id) for label in load_taxonomy("isear").labels}


def test_emoset_codes_are_info_json(shared_data: Path) -> None:
    codes = {label.id: label.code for label in load_taxonomy("emoset").labels}
    assert codes == _json(shared_data / "EmoSet" / "info.json")["emotion"]["label2idx"]


@pytest.mark.parametrize(
    ("strings", "numbers"), [("mm", "mm_label"), ("audio", "audio_label"), ("video", "video_label")]
)
def test_emotiontalk_codes_are_the_numbers_beside_the_strings(strings: str, numbers: str, shared_data: Path) -> None:
    folder = shared_data / "EmotionTalk"
    names = [Path(each).stem for each in _column(folder / f"{strings}.csv", "file_name")]
    by_name = dict(zip(names, _column(folder / f"{strings}.csv", "emotion"), strict=True))
    taxonomy = load_taxonomy("emotiontalk")
    with np.load(folder / f"{numbers}.npz", allow_pickle=True) as arrays:
        parts = [arrays[part].item() for part in arrays.files]
    labelled = {name: label["emo"] for part in parts for name, label in part.items()}
    assert len(labelled) == 19250
    assert {name: taxonomy.resolve(str(number)) for name, number in labelled.items()} == by_name


def test_crema_d_codes_are_the_columns_of_the_vote_file(shared_data: Path) -> None:
    letters = _header(shared_data / "CREMA-D" / "tabulatedVotes.csv")[1:7]
    assert [label.code for label in load_taxonomy("crema-d").labels] == letters


def test_compound_codes_are_those_of_the_folds_whose_list_is_alphabetical(shared_data: Path) -> None:
    path = shared_data / "C-EXPR-DB" / "folds" / "split0_class_id.yaml"
    published = yaml.safe_load(path.read_text(encoding="utf-8"))
    taxonomy = load_taxonomy("abaw-compound")
    assert {label.id: label.code for label in taxonomy.labels[:7]} == published
    assert list(published) == sorted(published) != taxonomy.ids[:7]
    assert _header(shared_data / "C-EXPR-DB" / "annotation" / "14.csv")[2:] == taxonomy.ids


CODES = {
    "dailydialog": "0 1 2 3 4 5 6",
    "dailydialog-acts": "1 2 3 4",
    "leia": "0 1 2 3 4",
    "cped": "0 1 2 3 4 5 6 7 8 9 10 11 12",
    "cped-acts": "g q ans sv sd fa c aa dag a ba ij fc ft ^q rj ir cf oth",
    "iemocap": "neu hap sad ang fru exc fea sur dis oth xxx",
    "msp-podcast": "A S H U F D C N O X",
    "abaw-basic": "0 1 2 3 4 5 6 7",
    "emotiontalk-sentiment": "-2 -1 0 1 2",
    "imhi-cams": "0 1 2 3 4 5",
    "imhi-sad": "0 1 2 3 4 5 6 7 8",
    "imhi-yesno": "0 1",
}


@pytest.mark.parametrize("name", CODES)
def test_published_codes_resolve_to_their_label(name: str) -> None:
    taxonomy = load_taxonomy(name)
    assert [taxonomy.resolve(code) for code in CODES[name].split()] == taxonomy.ids


@pytest.mark.parametrize("name", ["imhi-swmh", "imhi-tsid"])
def test_sets_that_are_numbered_in_two_ways_have_no_codes(name: str) -> None:
    taxonomy = load_taxonomy(name)
    assert [label.code for label in taxonomy.labels] == [None] * len(taxonomy.ids)
    assert taxonomy.resolve("0") is None


@pytest.mark.parametrize(
    ("name", "spelling", "label"),
    [
        ("dailydialog", "no emotion", "no_emotion"),
        ("dailydialog", "noemotion", "no_emotion"),
        ("cped", "other-positive", "positive-other"),
        ("cped", "feared", "fear"),
        ("cped-scenes", "other-scene", "other-venue"),
        ("leia", "Joy", "Happiness"),
        ("brighter", "tristete", "Sadness"),
        ("brighter", "SURPRIZA", "Surprise"),
        ("brighter", "happy", "Joy"),
        ("crowdflower", "happy", "happiness"),
        ("empathetic-dialogues", "gratitude", "grateful"),
        ("empathetic-dialogues", "disappointment", "disappointed"),
        ("emonet", "Thankfulness", "Thankfulness/Gratitude"),
        ("emonet", "Impatience%20and%20Irritability", "Impatience and Irritability"),
        ("emonet", "Jealousy / Envy", "Jealousy & Envy"),
        ("iemocap", "Frustration", "frustrated"),
        ("iemocap", "hap", "happy"),
        ("msp-podcast", "no-agreement", "no agreement"),
        ("osum", "<ANGER>", "anger"),
        ("osum", "<ANGRY>", "anger"),
        ("abaw-compound", "Fearfully_Surprised", "Fearfully Surprised"),
        ("imhi-swmh", "no mental disorders", "no mental"),
        ("imhi-sad", "everyday decision making", "everyday"),
        ("mahaemotions-11", "anger", "Anger"),
        ("ren20k", "dont_care", "don't care"),
        ("crowd-envent", "no emotion", "no-emotion"),
    ],
)
def test_two_releases_that_spell_a_label_differently_both_load(name: str, spelling: str, label: str) -> None:
    assert load_taxonomy(name).resolve(spelling) == label
