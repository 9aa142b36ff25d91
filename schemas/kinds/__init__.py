"""The kinds of task, one module each: what an answer is, how it is asked, checked, compared and laid out in columns.

`base` says what every kind has to say; a kind is looked up by `kind_of`.
"""

from schemas.kinds.base import Column, Kind, Rule, WideColumn
from schemas.kinds.registry import KINDS, kind_of

__all__ = ["KINDS", "Column", "Kind", "Rule", "WideColumn", "kind_of"]
