"""Scripts that run in the peers' own environments; each prints what it labelled."""
