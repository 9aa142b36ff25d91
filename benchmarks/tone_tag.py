"""How fast emotion terms are found, against a regular expression of the same terms.

    python benchmarks/tone_tag.py TEXTS.csv COLUMN [MEGABYTES]

The texts are repeated up to MEGABYTES (default 200). Both find the same terms, which is checked first on all distinct
texts; then each is timed in CPU seconds of one thread (the regular expression on a tenth of the text, at most).
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import time

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

from schemas.tone.tag import tag, tagger


def main(path: str, column: str, megabytes: float = 200) -> None:
    texts = pl.read_csv(path)[column].drop_nulls()
    terms = sorted(tagger().terms, key=len, reverse=True)
    each = "|".join(r"\s+".join(map(re.escape, term.split())) for term in terms)
    plain = re.compile(rf"(?<!\w)(?:{each})(?!\w)", re.IGNORECASE)
    ours = list(tag(texts).select("row", "start", "end").iter_rows())
    theirs = [(row, *hit.span()) for row, text in enumerate(texts) for hit in plain.finditer(text)]
    if ours != theirs:
        sys.exit(f"the terms differ: {len(ours)} and {len(theirs)}")
    size = int(texts.str.len_bytes().sum()) / 1e6
    many = pl.concat([texts] * max(1, round(megabytes / size)))
    size = int(many.str.len_bytes().sum()) / 1e6
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        found = tag(many).height
        seconds.append(time.process_time() - begun)
    few = many[: len(many) // 10]
    begun = time.process_time()
    for text in few.to_list():
        for _ in plain.finditer(text):
            pass
    rate = size / statistics.median(seconds)
    regex = int(few.str.len_bytes().sum()) / 1e6 / (time.process_time() - begun)
    print(f"{size:.0f} MB, {found} terms of {len(terms)}, one thread, median of {len(seconds)}")
    print(f"tag      {rate:8.1f} MB/s ({size / max(seconds):.1f} to {size / min(seconds):.1f})")
    print(f"regex    {regex:8.2f} MB/s")
    print(f"ratio    {rate / regex:8.0f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:4]))
