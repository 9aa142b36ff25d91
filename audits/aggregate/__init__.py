"""From annotations to labels: `aggregate` applies a rule, one file each; `Method` is what a recipe may say."""

from audits.aggregate.combine import Method, aggregate, as_method

__all__ = ["Method", "aggregate", "as_method"]
