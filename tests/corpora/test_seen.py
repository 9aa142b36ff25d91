"""The memory of keys says what a dictionary would."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpora.seen import Seen


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=8))
def test_counts_and_first_places_are_those_of_a_dictionary(batches: list[list[int]]) -> None:
    seen = Seen()
    known: dict[int, list[int]] = {}
    place = 0
    for batch in batches:
        counts, firsts = seen.occurrences(
            np.array(batch, dtype=np.uint64), np.arange(place, place + len(batch), dtype=np.int64)
        )
        for key, count, first in zip(batch, counts, firsts, strict=True):
            places = known.setdefault(key, [])
            places.append(place)
            assert (count, first) == (len(places) - 1, places[0])
            place += 1
