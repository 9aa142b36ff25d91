"""How far annotators agree: `agreement` measures it for one task; `alpha` and `masi` hold the formulas."""

from audits.agreement.measure import agreement

__all__ = ["agreement"]
