"""How fast `dsbuild tone tag` finds emotion terms in a file, against a regular expression of the same terms.

    python benchmarks/tone_tag.py TEXTS.csv COLUMN [MEGABYTES]

The texts are repeated up to MEGABYTES (default 200) and written to a file, a text a line. Both have to find the same
terms, which is checked first on all distinct texts. Then reading the file, finding the terms and writing them as TSV is
timed, in CPU seconds of one thread; the regular expression runs over a tenth of the texts at most, in memory.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

from dsbuild.tone.tag_file import blocks_of, tagged, write
from schemas.tone.tag import tag, tagger


def main(path: str, column: str, megabytes: float = 200) -> None:
    texts = pl.read_csv(path)[column].drop_nulls().str.replace_all(r"[\r\n]+", " ")
    terms = sorted(tagger().terms, key=len, reverse=True)
    each = "|".join(r"\s+".join(map(re.escape, term.split())) for term in terms)
    plain = re.compile(rf"(?<!\w)(?:{each})(?!\w)", re.IGNORECASE)
    ours = list(tag(texts).select("row", "start", "end").iter_rows())
    theirs = [(row, *hit.span()) for row, text in enumerate(texts) for hit in plain.finditer(text)]
    if ours != theirs:
        sys.exit(f"the terms differ: {len(ours)} and {len(theirs)}")
    once = ("\n".join(texts) + "\n").encode()
    times = max(1, round(megabytes * 1e6 / len(once)))
    size = len(once) * times / 1e6
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.txt"
        with file.open("wb") as stream:
            for _ in range(times):
                stream.write(once)
        for _ in range(5):
            begun = time.process_time()
            with file.open("rb") as source, (Path(folder) / "terms.tsv").open("wb") as out:
                found = write(tagged(blocks_of(source, file.name)), out, "tsv")
            seconds.append(time.process_time() - begun)
    if found != len(ours) * times:
        sys.exit(f"the file has {found} terms, not {len(ours) * times}")
    few = texts[: max(1, min(len(texts), len(texts) * times // 10))].to_list()
    begun = time.process_time()
    for text in few:
        for _ in plain.finditer(text):
            pass
    regex = sum(len(text.encode()) for text in few) / 1e6 / (time.process_time() - begun)
    rate = size / statistics.median(seconds)
    print(f"{size:.0f} MB, {found} terms of {len(terms)}, one thread, median of {len(seconds)}")
    print(f"tag      {rate:8.1f} MB/s ({size / max(seconds):.1f} to {size / min(seconds):.1f})")
    print(f"regex    {regex:8.2f} MB/s")
    print(f"ratio    {rate / regex:8.0f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:4]))
