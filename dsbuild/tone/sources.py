"""What TONE is built from: which files, in which version, known by their checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuild.tone.wordnet import COUNTS, EXCEPTIONS
from schemas.errors import DsbuildError


@dataclass(frozen=True)
class Source:
    """A source as it was when TONE was built: `files` are {name: SHA-256}."""

    name: str
    origin: str
    licence: str
    files: Mapping[str, str]


KNOWN: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source(
            "wordnet",
            "WordNet 3.0, as in Debian's wordnet-base 1:3.0-37",
            "WordNet 3.0",
            {
                "data.noun": "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
                "index.noun": "a490d99d93d017bf4822fe2f0ffa51fd73911ce271dc7535fade21f8814b5a04",
                "data.verb": "adcf43e35b581e8036d8b5a52d63d9cd3d3b4870b2720d3c03c799df44777bc2",
                "index.verb": "e2ac24816c3a8289dcb72aaa9cf8db81fdf25ec34d792bfc96ac5b7a20c8b4ae",
                "data.adj": "c89120dfc1f046ddff4a631bf9b7e9fa1a36b5e86565a23bf82dbe14f30b88a7",
                "index.adj": "c9865d7b4d1f805bdef82ccdcea5282436e23083e6f6f1b33e716327c4eda810",
                "data.adv": "444a63bf3955080ab7524f5079cfc07ff9bc682cb98bdb1db73b0fb9829f1139",
                "index.adv": "6f5465ed5758fe9c8a2f7ec17b1300f3aa875756c70ff7cba162f7e71bcf88ea",
                EXCEPTIONS: "dbbcf9a601b2d77e934e413b91d90e88ec7f933a8b77cfc00602a923b891b42c",
                COUNTS: "a198580b8f705fa02797bba8b13e5cbe4a9f9f40cb1697e774c7fc6a5865b035",
            },
        ),
        Source(
            "vader",
            "vaderSentiment 3.3.2 (PyPI), vader_lexicon.txt",
            "MIT",
            {"vader_lexicon.txt": "1ec9c6e9ee19aade328f8beb393a6afa71a5bb3acf7d3cc22d4ef568df374bf5"},
        ),
        Source(
            "emobank",
            "JULIELab/EmoBank@248ce2a, corpus/emobank.csv",
            "CC BY-SA 4.0",
            {"emobank.csv": "1ade4a4a453e880c0f39d0536d2b355e8a716e0cf88236c64cdb4d438cf9605b"},
        ),
        Source(
            "cped",
            "scutcyr/CPED@1e4b81c, data/CPED/valid_split.csv",
            "Apache-2.0 (the repository); only counts are kept",
            {"valid_split.csv": "f434a04d21640bb38c849f3e9598c2b7b2fbdb49be6a7365b2ae016019bd389b"},
        ),
        Source(
            "dailydialog",
            "declare-lab/dialogue-understanding@911a760, dailydialog/valid.json",
            "CC BY-NC-SA 4.0; only counts are kept",
            {"valid.json": "0a7678ca703f5aa716519a65087a0a0757508f77e2335c823852a1298eb436b5"},
        ),
        Source(
            "peld",
            "preke/PELD@a467d19, data/Dyadic_PELD.tsv",
            "none stated; only counts are kept",
            {"Dyadic_PELD.tsv": "e7885800f3e2611108d06af33c1df7c9c8184a28d663df7deb5b559ba5ac8c1f"},
        ),
    )
}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        DsbuildError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise DsbuildError("There is no such file.", where=str(path)) from None


def check(name: str, path: Path, *, others: bool = False, also: Mapping[str, str] | None = None) -> dict[str, str]:
    """{file: SHA-256} of a source at `path` (its folder for WordNet, else its file).

    `also` are further checksums that are right too; `others` lets any pass.

    Raises:
        DsbuildError: a file is missing or is not the one TONE was built from.
    """
    known = KNOWN[name].files
    files = {file: path / file for file in known} if len(known) > 1 else {next(iter(known)): path}
    found = {file: sha256(place) for file, place in files.items()}
    for file, sum_ in found.items():
        if not others and sum_ != known[file] and sum_ != (also or {}).get(file):
            raise DsbuildError(
                f"This is not the file that TONE was built from ({KNOWN[name].origin}): its SHA-256 is {sum_}.",
                where=str(files[file]),
                fix="Give that version, or say --other-sources to build from this one.",
            )
    return found
