"""Sequences of emotions in real dialogues, as the primaries and secondaries of the tree that their labels name."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import DsbuildError

# Ekman's six, which all three corpora have under one name or another. What is called happiness, happy and joy is one
# category of his and stands at the primary here; disgust has its highest place in the tree at the second tier. CPED's
# other labels are none of the six and stand for no emotion here, as neutral does.
NODES: Mapping[str, Mapping[str, tuple[str, int] | None]] = {
    "dailydialog": {
        "anger": ("anger", 1),
        "disgust": ("disgust", 2),
        "fear": ("fear", 1),
        "happiness": ("joy", 1),
        "sadness": ("sadness", 1),
        "surprise": ("surprise", 1),
        "no_emotion": None,
    },
    "peld": {
        "anger": ("anger", 1),
        "disgust": ("disgust", 2),
        "fear": ("fear", 1),
        "joy": ("joy", 1),
        "sadness": ("sadness", 1),
        "surprise": ("surprise", 1),
        "neutral": None,
    },
    "cped": {
        "anger": ("anger", 1),
        "disgust": ("disgust", 2),
        "fear": ("fear", 1),
        "happy": ("joy", 1),
        "sadness": ("sadness", 1),
        "astonished": ("surprise", 1),
        "neutral": None,
        "negative-other": None,
        "positive-other": None,
        "depress": None,
        "worried": None,
        "relaxed": None,
        "grateful": None,
    },
}

Term = tuple[str, int]
Exchange = tuple[Term | None, ...]


@dataclass(frozen=True)
class Dialogues:
    """What one corpus adds: exchanges, that is turns of which each is by another speaker than the one before, as the
    emotion of each turn (null: none of the six)."""

    corpus: str
    exchanges: tuple[Exchange, ...]


def read_dailydialog(path: Path) -> Dialogues:
    """DailyDialog's JSON lines: two people who take turns."""
    dialogues = [json.loads(line)["dialogue"] for line in path.read_text(encoding="utf-8").splitlines()]
    return _exchanges("dailydialog", path, ([turn["emotion"] for turn in dialogue] for dialogue in dialogues))


def read_peld(path: Path) -> Dialogues:
    """PELD's triples of turns (first speaker, second, first again) out of longer dialogues, put together again.

    The triples of one dialogue overlap by one turn or by two, and some are in the file twice. A row goes on with the
    row before if its first two turns are the last two there, or its first turn is the last; and a turn of the file
    counts once as the answer to another.
    """
    dialogues: list[list[tuple[str, str, str]]] = []
    answered: set[tuple[tuple[str, str, str], tuple[str, str, str]]] = set()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            speakers = (row["Speaker_1"], row["Speaker_2"], row["Speaker_1"])
            turns = [(speakers[n], row[f"Utterance_{n + 1}"], row[f"Emotion_{n + 1}"]) for n in range(3)]
            last = dialogues[-1] if dialogues else []
            known = next((n for n in (2, 1) if last[-n:] == turns[:n]), 0)
            if not known:
                last = [turns[0]]
                dialogues.append(last)
                known = 1
            for turn in turns[known:]:
                if (last[-1], turn) in answered:
                    last = [turn]
                    dialogues.append(last)
                else:
                    answered.add((last[-1], turn))
                    last.append(turn)
    return _exchanges("peld", path, ([emotion for *_, emotion in dialogue] for dialogue in dialogues))


def read_cped(path: Path) -> Dialogues:
    """CPED's table; a dialogue is cut where one person has two turns in a row, since nobody answered in between."""
    exchanges: list[list[str]] = []
    before: tuple[str, str] | None = None
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if before is None or before[0] != row["Dialogue_ID"] or before[1] == row["Speaker"]:
                exchanges.append([])
            exchanges[-1].append(row["Emotion"])
            before = (row["Dialogue_ID"], row["Speaker"])
    return _exchanges("cped", path, exchanges)


READERS: Mapping[str, Callable[[Path], Dialogues]] = {
    "cped": read_cped,
    "dailydialog": read_dailydialog,
    "peld": read_peld,
}


def _exchanges(corpus: str, path: Path, labels: Iterable[Iterable[str]]) -> Dialogues:
    nodes = NODES[corpus]
    try:
        return Dialogues(corpus, tuple(tuple(nodes[label] for label in exchange) for exchange in labels))
    except KeyError as error:
        raise DsbuildError(f"{error} is none of the emotions of {corpus}.", where=str(path)) from None
