"""Answers as Label Studio stores them: a result is read as an Answer, and an Answer is written as a result.

How each kind is drawn, and what its controls hold, is said in `schemas.label_studio_config`.
"""

from annotators.label_studio.results.convert import read, write

__all__ = ["read", "write"]
