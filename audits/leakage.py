"""What stands in two splits at once: the same text, nearly the same text, or items of one group."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from audits.arrays import Codes
from audits.figures import figure
from audits.shingles import Shingles, shingles
from audits.text_key import text_key
from schemas.errors import DsbuildError
from schemas.selection import in_order

SAMPLE = 300
EXAMPLES = 5
_SHOWN = 200


def leakage(
    items: pl.DataFrame,
    near_pairs: pl.DataFrame,
    *,
    threshold: float,
    sample: int = SAMPLE,
    seed: int = 0,
    examples: int = EXAMPLES,
) -> dict[str, Any]:
    """Count pairs of `items` (ITEMS) in different splits that are too alike. Items without a split are in none.

    - exact: the same text by `audits.text_key`.
    - near: not the same text, but a Jaccard similarity of at least `threshold` between the sets of character 5-grams of
      the texts' keys. Two counts: `pairs`, those among `near_pairs` (columns `item_a`, `item_b`; the result of a search
      over these items at this threshold), each measured again here; and `missed`, those that `near_pairs` lacks,
      found by comparing a sample of every held-out split (up to `sample` items, seeded) with all items of the other
      splits. Held out is every split but `train`; where none has that name, every split but the largest.
    - group: the same group (kind and id) in two splits; a pair counts once for each group it shares.

    Returns:
        `leakage` of metrics.json: exact {pairs, items, texts, examples}, near {threshold, pairs, items, sampled,
        missed, examples}, group {pairs, items, groups, examples}. `items` are distinct; `near.items` counts those of
        the missed pairs too. Examples: a, split_a, text_a, b, split_b, text_b, and similarity, or kind and id.

    Raises:
        DsbuildError: the threshold is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise DsbuildError(f"The near threshold of the leakage audit is {threshold}.", fix="It lies above 0, up to 1.")
    placed = (
        items.filter(pl.col("split").is_not_null())
        .select("item_id", "split", "groups", text_key().alias("text"))
        .sort("item_id")
    )
    texts = placed.filter(pl.col("text").str.len_chars() > 0).drop("groups")
    groups = (
        placed.select("item_id", "split", "text", "groups")
        .explode("groups")
        .filter(pl.col("groups").is_not_null())
        .with_columns(pl.col("groups").struct.field("kind"), pl.col("groups").struct.field("id"))
        .drop("groups")
        .unique(["item_id", "kind", "id"])
    )
    return {
        "exact": _across(texts, ["text"], "texts", examples),
        "near": _near(texts, near_pairs, threshold, sample, seed, examples),
        "group": _across(groups, ["kind", "id"], "groups", examples),
    }


def _across(frame: pl.DataFrame, key: list[str], called: str, examples: int) -> dict[str, Any]:
    """Pairs of rows with the same `key` in different splits: n rows, n_s in split s, make (n^2 - sum n_s^2) / 2."""
    counts = frame.group_by(*key, "split").len()
    shared = (
        counts.group_by(key)
        .agg(
            pl.len().alias("splits"),
            ((pl.col("len").cast(pl.Int64).sum() ** 2 - (pl.col("len").cast(pl.Int64) ** 2).sum()) // 2).alias("pairs"),
        )
        .filter(pl.col("splits") > 1)
        .sort(key)
    )
    involved = frame.join(shared, on=key, how="semi")
    # One item of each split stands for it; the first two splits make the example.
    shown = (
        involved.join(shared.head(examples), on=key, how="semi")
        .sort(*key, "split", "item_id")
        .unique([*key, "split"], keep="first", maintain_order=True)
        .group_by(key, maintain_order=True)
        .head(2)
    )
    rows = list(shown.iter_rows(named=True))
    named = [name for name in key if name != "text"]
    return {
        "pairs": int(shared["pairs"].sum()),
        "items": involved["item_id"].n_unique(),
        called: shared.height,
        "examples": [
            {**_example(a, b), **{name: a[name] for name in named}} for a, b in zip(rows[::2], rows[1::2], strict=True)
        ],
    }


def _example(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for side, row in (("a", a), ("b", b)):
        text = (row["text"] or "")[:_SHOWN]
        shown |= {side: row["item_id"], f"split_{side}": row["split"], f"text_{side}": text}
    return shown


def _near(
    texts: pl.DataFrame, near_pairs: pl.DataFrame, threshold: float, sample: int, seed: int, examples: int
) -> dict[str, Any]:
    grams = shingles(texts["text"])
    _, split = np.unique(texts["split"].to_numpy(), return_inverse=True)
    _, text = np.unique(texts["text"].to_numpy(), return_inverse=True)

    handed = _positions(texts["item_id"], near_pairs)
    apart = handed[(split[handed[:, 0]] != split[handed[:, 1]]) & (text[handed[:, 0]] != text[handed[:, 1]])]
    alike = grams.similarity(apart[:, 0], apart[:, 1])
    found = {(int(a), int(b)): float(j) for (a, b), j in zip(apart, alike, strict=True) if j >= threshold}

    sampled = _sampled(texts, sample, seed)
    brute = _brute_force(grams, sampled, split, text, threshold)
    missed = {pair: j for pair, j in brute.items() if pair not in found}
    rows = texts.rows(named=True) if found or missed else []
    shown = sorted((found | missed).items(), key=lambda entry: (-entry[1], entry[0]))[:examples]
    return {
        "threshold": threshold,
        "pairs": len(found),
        "items": len({position for pair in found | missed for position in pair}),
        "sampled": len(sampled),
        "missed": len(missed),
        "examples": [{**_example(rows[a], rows[b]), "similarity": figure(j)} for (a, b), j in shown],
    }


def _positions(items: pl.Series, near_pairs: pl.DataFrame) -> Codes:
    """The handed pairs (pairs, 2) as positions in `items`, the smaller first, each once; strangers are left out."""
    known = near_pairs.select(pl.col("item_a", "item_b").cast(pl.String)).filter(
        pl.all_horizontal(pl.col("item_a", "item_b").is_in(items.implode()))
    )
    both = np.stack([items.search_sorted(known[side]).to_numpy() for side in ("item_a", "item_b")], axis=1)
    return np.unique(np.sort(both.astype(np.int64), axis=1), axis=0)


def _sampled(texts: pl.DataFrame, sample: int, seed: int) -> list[int]:
    """Positions of the sampled items of every held-out split."""
    sizes = texts.group_by("split").len().sort("len", "split", descending=[True, False])["split"].to_list()
    kept_in = "train" if "train" in sizes else next(iter(sizes), None)
    numbered = texts.with_row_index("position")
    return [
        position
        for name in sorted(sizes)
        if name != kept_in
        for position in in_order(numbered.filter(pl.col("split") == name), seed).head(sample)["position"]
    ]


def _brute_force(
    grams: Shingles,
    sampled: list[int],
    split: Codes,
    text: Codes,
    threshold: float,
) -> dict[tuple[int, int], float]:
    """Every pair of a sampled item and an item of another split, with another text, at `threshold` or over."""
    found = {}
    for one in sampled:
        others, alike = grams.at_least(one, threshold)
        counted = (split[others] != split[one]) & (text[others] != text[one])
        for other, j in zip(others[counted].tolist(), alike[counted].tolist(), strict=True):
            found[min(one, other), max(one, other)] = j
    return found
