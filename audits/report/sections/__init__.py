"""The sections of the report: each module turns its part of metrics.json into what its template shows."""
