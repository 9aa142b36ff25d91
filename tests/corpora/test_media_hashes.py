"""Files of sound and image that a corpus names are known by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from corpora.entry import CorpusConfig, resolve
from corpora.pull import pull
from corpora.read import read_corpus


def test_a_file_below_the_corpus_has_its_hash_and_any_other_path_has_none(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    (corpus / "sub").mkdir(parents=True)
    (corpus / "sub" / "a.wav").write_bytes(b"sound")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (corpus / "link.wav").symlink_to(tmp_path / "secret.wav")
    paths = ["sub/a.wav", "none.wav", "../secret.wav", "link.wav", str(tmp_path / "secret.wav"), ""]
    (corpus / "own.csv").write_text("id,file\n" + "".join(f"i{n},{path}\n" for n, path in enumerate(paths)))
    config = CorpusConfig.model_validate(
        {"name": "own", "path": "corpus/own.csv", "columns": {"id": "id"}, "media": {"audio": "{file}"}}
    )
    source = pull(resolve(config, tmp_path), tmp_path / "cache").source
    assert source.folder == corpus
    items = pl.concat([batch.items for batch in read_corpus(source, {})])
    hashes = {row["path"]: row["sha256"] for row in items["media"].explode().drop_nulls().to_list()}
    assert hashes.pop("sub/a.wav") == hashlib.sha256(b"sound").hexdigest()
    assert set(hashes.values()) == {None}
