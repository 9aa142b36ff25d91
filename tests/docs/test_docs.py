"""Every command in the documentation does what it says.

A block `console` is run as it stands, `console stub` with a stub for OpenAI's endpoint, `console live` by no test here.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import QUICK, ROOT, Project

BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.M | re.S)
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """(language, what follows it, content) of every fenced block."""
    return [(kind, word or "", text) for kind, word, text in BLOCK.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_works(page: Path, project: Project, endpoint: Callable[[], str]) -> None:
    shutil.copytree(ROOT / "examples", project.folder / "examples")
    for example in (ROOT / "examples").glob("*.yaml"):
        shutil.copy(example, project.folder)
    ran = 0
    for kind, word, text in blocks(page):
        if kind in ("csv", "yaml") and word:
            (project.folder / word).write_text(text, encoding="utf-8")
        if (kind, word) == ("console", "stub") and not project.environment:
            project.environment.update(OPENAI_BASE_URL=endpoint(), OPENAI_API_KEY="a-key-of-nobody")
        if kind == "console" and word in ("", "stub"):
            for line in text.splitlines():
                assert line.startswith("$ dsbuild "), line
                words = shlex.split(line.removeprefix("$ dsbuild "), comments=True)
                few = QUICK if words[0] in ("run", "compare") and "quickstart.yaml" in words[1] else ()
                project.run(*words, *few)
                ran += 1
    named = re.findall(r"^\$ dsbuild ", page.read_text(encoding="utf-8"), re.M)
    assert ran or not named or "console live" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_command_has_help_with_an_example() -> None:
    import typer.main

    from dsbuild.cli.main import app

    group = typer.main.get_command(app)
    pending = [([], group)]
    seen = 0
    while pending:
        path, command = pending.pop()
        commands = getattr(command, "commands", None)
        if commands:
            pending += [([*path, name], inner) for name, inner in commands.items()]
        else:
            seen += 1
            assert "Example: dsbuild " + " ".join(path) in (command.help or ""), path
    assert seen >= 12
