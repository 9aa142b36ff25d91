"""One reader for each kind of file: batches of rows with exact line numbers, and what could not be read."""

from corpora.readers.rows import Layout, Rows, reader_for

__all__ = ["Layout", "Rows", "reader_for"]
