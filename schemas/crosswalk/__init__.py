"""From one taxonomy to another through TONE: what each label becomes, by which path, and how much that loses.

`mapping` computes it, `loss` puts the loss into bits, `published` holds it against groupings that others published.
"""

from schemas.crosswalk.loss import Losses, losses
from schemas.crosswalk.mapping import KINDS, Crosswalk, Mapping, MappingKind, crosswalk
from schemas.crosswalk.published import Comparison, against, looked_up

__all__ = [
    "KINDS",
    "Comparison",
    "Crosswalk",
    "Losses",
    "Mapping",
    "MappingKind",
    "against",
    "crosswalk",
    "looked_up",
    "losses",
]
