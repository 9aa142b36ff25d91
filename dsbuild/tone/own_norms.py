"""A user's own norms of valence, arousal and dominance: read, put on TONE's nodes, never shipped."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from dsbuild.tone.norms import Measured, norms
from schemas.errors import DsbuildError
from schemas.tone.load import Norm

DIMENSIONS = ("valence", "arousal", "dominance")
_WARRINER = {"valence": "V.Mean.Sum", "arousal": "A.Mean.Sum", "dominance": "D.Mean.Sum"}
_WARRINER_SD = {"valence": "V.SD.Sum", "arousal": "A.SD.Sum", "dominance": "D.SD.Sum"}


@dataclass(frozen=True)
class OwnNorms:
    """Words with their places on the dimensions, from -1 to 1: {dimension: {word: measured}}."""

    source: str
    words: dict[str, dict[str, Measured]]

    def on_nodes(self) -> tuple[Norm, ...]:
        """A norm for each node and dimension: `data` where the file has the node's word, else `interpolated` over the
        tree as the shipped ones are."""
        return tuple(
            Norm(
                each.node,
                each.dimension,
                each.value,
                each.sd if each.n else None,
                each.n or None,
                each.source,
                "data" if each.basis == "data" else "interpolated",
            )
            for dimension in DIMENSIONS
            for each in norms(dimension, self.words[dimension], self.source)
        )


def read_norms(path: Path) -> OwnNorms:
    """Norms in the form of NRC-VAD (word, valence, arousal, dominance, separated by tabs, from 0 to 1 or, where any
    is below 0, from -1 to 1; a header or none), or of Warriner et al. 2013 (CSV, columns Word, V.Mean.Sum, ...; 1 to
    9). Several lines of one word: the last counts.

    Raises:
        DsbuildError: the file is in neither form, or a value is no number or out of its scale.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        if "\t" in first:
            return _nrc(path, [line.rstrip("\r\n").split("\t") for line in file])
        reader = csv.DictReader(file)
        if reader.fieldnames is None or not {"Word", *_WARRINER.values()} <= set(reader.fieldnames):
            raise DsbuildError(
                "These are no norms that dsbuild can read.",
                where=str(path),
                fix="NRC-VAD: word, valence, arousal, dominance between tabs; Warriner: CSV with Word, V.Mean.Sum, ...",
            )
        found: dict[str, dict[str, Measured]] = {dimension: {} for dimension in DIMENSIONS}
        for number, row in enumerate(reader, 2):
            for dimension in DIMENSIONS:
                value = _number(row[_WARRINER[dimension]], 1, 9, path, number)
                spread = row.get(_WARRINER_SD[dimension])
                sd = _number(spread, 0, 9, path, number) / 4 if spread else 0.0
                found[dimension][row["Word"].strip().lower()] = Measured((value - 5) / 4, sd, 0)
        return OwnNorms(path.name, found)


def _nrc(path: Path, lines: list[list[str]]) -> OwnNorms:
    rows = [(number, line) for number, line in enumerate(lines, 1) if line != [""]]
    if rows and not _is_number(rows[0][1][-1]):
        rows = rows[1:]
    for number, line in rows:
        if len(line) != 4:
            raise DsbuildError(f"This line has {len(line)} fields, not 4.", where=f"{path}:{number}")
    values = [(line[0].strip().lower(), [_number(cell, -1, 1, path, n) for cell in line[1:]]) for n, line in rows]
    bipolar = any(value < 0 for _, three in values for value in three)
    found: dict[str, dict[str, Measured]] = {dimension: {} for dimension in DIMENSIONS}
    for word, three in values:
        for dimension, value in zip(DIMENSIONS, three, strict=True):
            found[dimension][word] = Measured(value if bipolar else 2 * value - 1, 0.0, 0)
    return OwnNorms(path.name, found)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, low: float, high: float, path: Path, line: int) -> float:
    value = float(text) if _is_number(text) else float("nan")
    if not low <= value <= high:
        raise DsbuildError(f"{text!r} is no number from {low:g} to {high:g}.", where=f"{path}:{line}")
    return value
