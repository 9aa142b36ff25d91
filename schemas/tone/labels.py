"""TONE for the labels of a taxonomy: how far apart they are, and what they come to at a coarser tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.tone.ask import distance_matrix, expand

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from schemas.taxonomy import Taxonomy


def label_distances(taxonomy: Taxonomy) -> NDArray[np.float64]:
    """(L, L) float64, from 0 to 1: how far apart the labels are in the ontology, for agreement that knows that anger
    and annoyance are nearly the same.

    Between nodes it is `schemas.tone.ask.distance`. Between blends: of every part the way to the nearest part of the
    other, the mean of both directions (the average Hausdorff distance, Dubuisson and Jain, ICPR 1994, their d6 with
    f2 replaced by the mean). A label without a node is at distance 1 from all others.
    """
    import numpy as np

    places = [label.places for label in taxonomy.labels]
    nodes = [node for parts in places for node in parts]
    owner = np.array([number for number, parts in enumerate(places) for _ in parts], dtype=np.int64)
    between = distance_matrix(nodes)
    result = np.ones((len(places), len(places)))
    for a, parts in enumerate(places):
        for b, others in enumerate(places):
            if parts and others:
                part = between[np.ix_(owner == a, owner == b)]
                result[a, b] = (part.min(axis=1).mean() + part.min(axis=0).mean()) / 2
    np.fill_diagonal(result, 0.0)
    return result


def expand_labels(labels: pl.Series, taxonomy: Taxonomy, tier: int) -> pl.DataFrame:
    """What each of `labels` (String, ids of `taxonomy`) comes to at `tier`: {label, terms: list<String>}, the terms
    of its nodes' ancestors there, each once; an empty list where the label has no node, null where it is null.

    Raises:
        DsbuildError: a label is none of the taxonomy's.
        ValueError: there is no such tier.
    """
    import polars as pl

    from schemas.errors import DsbuildError

    strangers = set(labels.drop_nulls().unique().to_list()) - set(taxonomy.ids)
    if strangers:
        raise DsbuildError(f"{min(strangers)!r} is no label of {taxonomy.name}.")
    terms = [list(dict.fromkeys(expand(node, tier).term for node in label.places)) for label in taxonomy.labels]
    table = pl.DataFrame(
        {"label": taxonomy.ids, "terms": terms}, schema={"label": pl.String, "terms": pl.List(pl.String)}
    )
    return labels.rename("label").to_frame().join(table, on="label", how="left", maintain_order="left")
