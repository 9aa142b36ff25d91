"""Files come with checksums, once, and what goes wrong says what to do."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from corpora import catalog
from corpora.card import Card, parse_card
from corpora.catalog import Entry
from corpora.entry import CorpusConfig, Source, resolve
from corpora.pull import pull
from schemas.errors import DsbuildError

CONTENT = b"text\none\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Server:
    """A local file server that counts what it is asked; `short` promises more bytes than it sends."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    short: bool = False


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server(files={"/c.csv": CONTENT})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + (5 if state.short else 0)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            return

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def card(**file: Any) -> Card:
    return parse_card(
        {
            "name": "c",
            "title": "C",
            "licence": "CC0-1.0",
            "citation": "C, 2026",
            "languages": ["en"],
            "files": {"train": file},
            "columns": {"text": "text"},
        },
        "card",
    )


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """source(card, **entry): the corpus `c` of the catalog, whose card is this one."""

    def make(one: Card, **entry: Any) -> Source:
        monkeypatch.setattr(catalog, "find", lambda name: Entry(one, None) if name == "c" else None)
        return resolve(CorpusConfig.model_validate({"name": "c", **entry}), tmp_path)

    return make


def test_a_file_is_downloaded_once_and_kept_by_its_checksum(server: Server, source: Any, tmp_path: Path) -> None:
    one = source(card(url=f"{server.url}/c.csv", sha256=sha256(CONTENT)))
    for _ in range(2):
        pulled = pull(one, tmp_path / "cache")
        [file] = pulled.source.files
        assert file.path is not None
        assert file.path.read_bytes() == CONTENT
        assert file.actual == sha256(CONTENT)
        assert pulled.figures == {"files": 1, "bytes": len(CONTENT), "checksum differs from the card": 0}
    assert server.asked == ["/c.csv"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"{sha256(CONTENT)}.csv"]


def test_a_kept_file_that_a_disk_has_damaged_is_downloaded_again(server: Server, source: Any, tmp_path: Path) -> None:
    one = source(card(url=f"{server.url}/c.csv", sha256=sha256(CONTENT)))
    [file] = pull(one, tmp_path / "cache").source.files
    assert file.path is not None
    file.path.write_bytes(b"damaged")
    pull(one, tmp_path / "cache")
    assert file.path.read_bytes() == CONTENT


def test_a_wrong_checksum_names_both_and_keeps_nothing(server: Server, source: Any, tmp_path: Path) -> None:
    one = source(card(url=f"{server.url}/c.csv", sha256="0" * 64))
    with pytest.raises(DsbuildError) as caught:
        pull(one, tmp_path / "cache")
    assert sha256(CONTENT) in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert caught.value.where == f"{server.url}/c.csv"
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_unreachable_server_says_how_to_use_a_local_copy(source: Any, tmp_path: Path) -> None:
    one = source(card(url="http://127.0.0.1:9/c.csv"))
    with pytest.raises(DsbuildError, match=r"c\.csv cannot be reached: .*--set corpora\.c\.path=DIR"):
        pull(one, tmp_path / "cache")


def test_a_server_without_the_file_says_the_same(server: Server, source: Any, tmp_path: Path) -> None:
    one = source(card(url=f"{server.url}/gone.csv"))
    with pytest.raises(DsbuildError, match=r"answers 404 .*--set corpora\.c\.path=DIR"):
        pull(one, tmp_path / "cache")


def test_a_download_that_breaks_off_is_no_file(server: Server, source: Any, tmp_path: Path) -> None:
    server.short = True
    with pytest.raises(DsbuildError, match="broke off"):
        pull(source(card(url=f"{server.url}/c.csv")), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_full_disk_is_one_clear_error(
    server: Server, source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("corpora.pull.os.fsync", full)
    with pytest.raises(DsbuildError, match=r"could not be stored: No space left on device.*Make room"):
        pull(source(card(url=f"{server.url}/c.csv")), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_content_of_ones_own_is_allowed_and_said(source: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"text\nmine\n")
    pulled = pull(source(card(path="c.csv", sha256=sha256(CONTENT)), path="mine.csv"), tmp_path / "cache")
    assert pulled.figures["checksum differs from the card"] == 1
    assert pulled.figures["files that differ from the card"] == "mine.csv"
    assert pulled.source.files[0].actual == sha256(b"text\nmine\n")


def test_a_checksum_that_the_recipe_demands_is_kept_to(source: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(CONTENT)
    one = card(path="c.csv")
    assert pull(source(one, path="mine.csv", sha256=sha256(CONTENT)), tmp_path / "cache").figures["files"] == 1
    with pytest.raises(DsbuildError, match="it should be " + "1" * 64):
        pull(source(one, path="mine.csv", sha256="1" * 64), tmp_path / "cache")


def test_a_folder_holds_the_files_that_the_card_names(source: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "c.csv").write_bytes(CONTENT)
    pulled = pull(source(card(path="c.csv", sha256=sha256(CONTENT)), path="data"), tmp_path / "cache")
    assert pulled.figures["checksum differs from the card"] == 0
    assert [(file.split, file.name) for file in pulled.source.files] == [("train", "c.csv")]


def test_files_of_one_name_in_two_folders_stay_apart(tmp_path: Path) -> None:
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "data.csv").write_bytes(CONTENT)
    config = CorpusConfig.model_validate(
        {"name": "mine", "path": {"train": "a/data.csv", "test": "b/data.csv"}, "columns": {"text": "text"}}
    )
    assert [file.name for file in resolve(config, tmp_path).files] == ["train/data.csv", "test/data.csv"]
