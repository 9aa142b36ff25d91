"""Prompts and answers as a person reads them: whatever a text holds, on a terminal it is only looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import typer

from dsbuild.prompts import AskedText, Part, Shown, Tried, content_text

# Control characters but the line break, marks of writing direction, line and paragraph separators, halves of
# characters. Joiners stay: Marathi and Hindi cannot be written without them.
_ACTING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def escaped(text: str) -> str:
    """`text` with every character that acts instead of being shown written as JSON escapes it."""
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_data(found: Sequence[Any]) -> None:
    """Print dataclasses as JSON. Nothing in it acts on a terminal, and it reads back as what was meant."""
    typer.echo(escaped(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2)))


def shown_text(found: Sequence[Shown]) -> str:
    """What annotators would send. Messages are indented, so that nothing in them looks like a heading."""
    return "\n\n".join("\n".join(_shown(one)) for one in found)


def _shown(shown: Shown) -> Iterator[str]:
    versions = ", ".join(
        name if version is None else f"{name} version {version}" for name, version in shown.templates.items()
    )
    yield f"{shown.annotator}: strategy {shown.strategy} ({versions})"
    yield f"to          {shown.endpoint}, model {shown.model}"
    yield f"parameters  {escaped(json.dumps(shown.parameters, ensure_ascii=False))}"
    yield f"schema      {escaped(json.dumps(shown.schema, ensure_ascii=False))}"
    yield from (f"note        {note}" for note in shown.notes)
    before: list[Any] = []
    for asked in shown.asked:
        yield ""
        yield _heading(asked)
        head = asked.messages[:-1]
        if len(head) > 1 and head == before:
            yield f"--- the same {len(head)} messages as above, and"
            yield from _messages(asked.messages[-1:])
        else:
            yield from _messages(asked.messages)
        before = list(head)


def _heading(asked: AskedText) -> str:
    said = f"=== item {', '.join(asked.items)}" + (f", sample {asked.sample}" if asked.sample else "")
    if asked.lacks is not None:
        return f"{said} (not asked: {asked.lacks})"
    return said + (" (answered before)" if asked.stored else "")


def _messages(messages: Sequence[Any]) -> Iterator[str]:
    for message in messages:
        yield f"--- {message['role']}"
        yield _indented(content_text(message["content"]))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in escaped(text).split("\n"))


def diff_text(parts: Sequence[Part]) -> str:
    """The parts that differ, each with its diff, and the names of those that are the same."""
    lines = []
    for part in parts:
        if part.lines:
            lines += [f"=== {part.name}", *(f"    {escaped(line)}" for line in part.lines), ""]
    same = [part.name for part in parts if not part.lines]
    if same:
        lines.append(f"The same: {'; '.join(same)}.")
    return "\n".join(lines).rstrip()


def tried_text(found: Sequence[Tried]) -> str:
    """What asking would cost, or what came back: raw, what it was read as, tokens and money."""
    return "\n\n".join("\n".join(_tried(one)) for one in found)


def _tried(tried: Tried) -> Iterator[str]:
    estimate = tried.estimate
    if not tried.sent:
        calls = estimate["calls"] - estimate["cached"]
        yield (
            f"{tried.annotator}: {calls:,} calls to make, {estimate['cached']:,} answered before; at most "
            f"${estimate['usd']:,.4f}. Nothing was sent; add --send to ask."
        )
        if estimate.get("note"):
            yield f"note  {estimate['note']}"
        return
    yield f"{tried.annotator}:"
    for answer in tried.answers:
        yield f"=== item {', '.join(answer['items'])}, sample {answer['sample']} ({answer['asked']})"
        yield "--- said"
        yield _indented(answer["raw"])
        yield "--- read as"
        yield from (f"    {escaped(json.dumps(_brief(one), ensure_ascii=False))}" for one in answer["parsed"])
        yield f"--- {_tokens(answer)}"
    for letter in tried.dead_letters:
        yield f"Dead letter: item {letter['item_id']}, task {letter['task']}: " + escaped(
            f"{letter['reason']}, {letter['detail']}"
        )
    sums = tried.figures
    asked = f"{sums.get('answered', 0)} of {sums.get('asked', 0)} answered"
    yield f"{asked}; {_tokens(sums)} in {sums.get('answers', 0)} answers"


def _brief(parsed: dict[str, Any]) -> dict[str, Any]:
    """Labels by their ids, with their scores where they have any, in place of the table's columns."""
    found = {}
    for name, answer in parsed.items():
        if isinstance(answer, dict) and isinstance(answer.get("labels"), list):
            labels = [
                one["label"] if one["score"] is None else [one["label"], one["score"]] for one in answer["labels"]
            ]
            answer = answer | {"labels": labels}
        found[name] = answer
    return found


def _tokens(answer: dict[str, Any]) -> str:
    counts = (answer.get("prompt_tokens"), answer.get("completion_tokens"))
    told = " + ".join("?" if count is None else f"{count:,}" for count in counts) + " tokens"
    usd = answer.get("usd")
    return told if usd is None else f"{told}, ${usd:,.6f}"
