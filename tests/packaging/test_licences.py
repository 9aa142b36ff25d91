"""Every dependency's licence is written down."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


def _locked(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line.partition("==")[0] for line in lines if "==" in line and not line.startswith(" ")}


def test_every_locked_package_is_listed_with_a_licence() -> None:
    listed = dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+) \| (?:dsbuild|gold or dev) \|$", PAGE, re.M))
    assert set(listed) == _locked("requirements.lock") | _locked("requirements-dev.lock")
    assert not [name for name, licence in listed.items() if licence.strip() in ("", "UNKNOWN", "not installed here")]


def test_both_lock_files_hold_the_same_versions() -> None:
    def versions(name: str) -> set[str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith(" ")}

    assert versions("requirements.lock") <= versions("requirements-dev.lock")
    assert all("://" not in line for line in (ROOT / "requirements.lock").read_text().splitlines())


def test_every_bundled_model_is_listed_with_its_terms() -> None:
    import yaml

    for card in (ROOT / "annotators" / "llm" / "local" / "models").glob("*.yaml"):
        facts = yaml.safe_load(card.read_text(encoding="utf-8"))
        assert facts["weights"]["package"] in PAGE
        assert len(facts["weights"]["sha256"]) == 64
