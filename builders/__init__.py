"""Steps that turn raw records into clean items; each is a model of its options, one to a file."""

from builders.deduplicate import Deduplicate
from builders.identify_language import IdentifyLanguage
from builders.near_duplicates import pairs
from builders.normalise import Normalise
from builders.split import Split

__all__ = ["Deduplicate", "IdentifyLanguage", "Normalise", "Split", "pairs"]
