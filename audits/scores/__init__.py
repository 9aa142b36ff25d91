"""How well given labels match reference labels: `score` measures it; `f1` and `confusion` hold the definitions."""

from audits.scores.measure import score

__all__ = ["score"]
