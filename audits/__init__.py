"""Audits: agreement, aggregates, scores, leakage, conflicts and gates, as pure functions from frames to figures."""
