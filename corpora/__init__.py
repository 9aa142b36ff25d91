"""Raw material: the catalog of corpora, pulling them with checksums, and reading them into items and annotations."""

from corpora.card import Card
from corpora.catalog import entries, get
from corpora.columns import Columns
from corpora.entry import CorpusConfig, Source, resolve
from corpora.labels import LabelColumns
from corpora.read import Batch, read_corpus

__all__ = [
    "Batch",
    "Card",
    "Columns",
    "CorpusConfig",
    "LabelColumns",
    "Source",
    "entries",
    "get",
    "read_corpus",
    "resolve",
]
