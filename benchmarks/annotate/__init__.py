"""The bars of the annotation engine, measured: `python -m benchmarks.annotate`, or `make bench-annotate`."""
