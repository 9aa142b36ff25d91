"""The report: one HTML file that shows a person every figure of metrics.json, so that they can decide to trust it."""

from audits.report.page import render

__all__ = ["render"]
