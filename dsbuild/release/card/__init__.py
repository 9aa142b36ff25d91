"""What a release says about itself: the dataset card for people and Croissant metadata for machines."""

from dsbuild.release.card.croissant import croissant
from dsbuild.release.card.readme import readme

__all__ = ["croissant", "readme"]
