"""The command line: each command parses its options, calls one function, and shows what came of it."""

from dsbuild.cli.main import main

__all__ = ["main"]
