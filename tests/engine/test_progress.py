"""What a person sees while they wait."""

from __future__ import annotations

import io

from dsbuild.engine.progress import Display


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_less_than_a_second_shows_nothing() -> None:
    clock, stream = _Clock(), io.StringIO()
    show = Display("n", stream, clock)
    show(1, 10)
    clock.now = 0.9
    show(10, 10)
    assert stream.getvalue() == ""


def test_away_from_a_terminal_a_plain_line_comes_every_30_seconds_and_at_the_end() -> None:
    clock, stream = _Clock(), io.StringIO()
    show = Display("annotate:gemma", stream, clock)
    for second in range(65):
        clock.now = float(second)
        show(second, 64, failed=2)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4  # after 1, 31 and 61 seconds, and at the end
    assert lines[0] == "annotate:gemma: 1 of 64 (1.0/s, 63 s left, failed 2)"
    assert lines[-1].startswith("annotate:gemma: 64 of 64")


def test_on_a_terminal_there_is_a_bar_and_it_is_cleared_away() -> None:
    clock, stream = _Clock(), _Terminal()
    show = Display("n", stream, clock)
    show(0, 10)
    clock.now = 2.0
    show(5, 10)
    show.close()
    assert "5/10" in stream.getvalue()
