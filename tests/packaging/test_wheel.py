"""What is built is whole: installed far from the checkout, it makes a dataset."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "corpora", "builders", "annotators", "audits", "dsbuild")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    source = tmp_path_factory.mktemp("source") / "dsbuild"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(source)], check=True, capture_output=True
    )
    [made] = out.glob("*.whl")
    return made


def test_the_wheel_holds_the_rooms_with_their_types_and_data_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for room in ROOMS:
        assert f"{room}/py.typed" in names
    tops = {name.partition("/")[0] for name in names if not name.startswith("dsbuild-")}
    assert tops == set(ROOMS)
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *ROOMS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    missing = [name for name in tracked.stdout.split() if (ROOT / name).is_file() and name not in names]
    assert missing == []


@pytest.mark.timeout(600)
def test_the_wheel_installed_outside_the_checkout_runs_the_quick_start(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run(
        [
            str(home / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--constraint",
            str(_plain_constraints(tmp_path)),
            f"{wheel}[local]",
        ],
        check=True,
    )
    place = tmp_path / "elsewhere"
    place.mkdir()
    recipe = place / "quickstart.yaml"
    recipe.write_bytes((ROOT / "examples" / "quickstart.yaml").read_bytes())
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    few = ["--set", "annotate.gemma.on.sample=2", "--set", "annotate.gemma-cotr.on.sample=2"]
    done = subprocess.run(
        [str(home / "bin" / "dsbuild"), "run", "quickstart.yaml", *few],
        cwd=place,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (place / "releases" / "quickstart" / "1.0.0" / "README.md").is_file()


def _plain_constraints(folder: Path) -> Path:
    """The locked versions without their hashes, as pip takes them for constraints beside a local wheel."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line.split(" ")[0] for line in lines if "==" in line and not line.startswith(" ")]
    path = folder / "constraints.txt"
    path.write_text("\n".join(pinned) + "\n", encoding="utf-8")
    return path
