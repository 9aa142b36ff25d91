"""Build TONE's data files: the same sources and answers give the same bytes.

Parts whose sources are not given are carried over from the data that there is: WordNet and VADER from the excerpts that
are shipped with it (what the build read of them, so it reads the same again), EmoBank's norms and what was counted on
dialogues as rows.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import schemas.tone
from dsbuild.tone import norms, sources, tables, verification
from dsbuild.tone.dialogues import READERS
from dsbuild.tone.leads_to import transitions
from dsbuild.tone.notice import notice
from dsbuild.tone.senses import definitions, nodes_of, senses, words_of_the_tree
from dsbuild.tone.statements import LEADS_TO, compositions, inherited, opposites, sequels
from dsbuild.tone.verification import PENDING, REJECTED, VERIFIED, Question, Read, Verdict
from dsbuild.tone.vocabulary import Embed, Entry, claims, settle
from dsbuild.tone.wordnet import WordNet
from schemas.errors import DsbuildError

SHIPPED = Path(schemas.tone.__file__).with_name("data")
WORDNET, VADER = "sources/wordnet-3.0", "sources/vader/vader_lexicon.txt"


@dataclass(frozen=True)
class Given:
    """What a build is made from; null carries over what `previous` (a folder of data files) has.

    `wordnet` is a folder, the rest are files; `dialogues` are by corpus, all of them or none. `verified` are Label
    Studio exports. `others` lets sources pass that are not the ones TONE was built from.
    """

    wordnet: Path | None = None
    vader: Path | None = None
    emobank: Path | None = None
    dialogues: Mapping[str, Path] = field(default_factory=dict)
    verified: Sequence[Path] = ()
    others: bool = False
    previous: Path = SHIPPED


@dataclass(frozen=True)
class Built:
    """`files` are {name: content}; `questions` what people may be asked that they have not decided, `config` how
    Label Studio asks it; `counts` for a report."""

    files: dict[str, str]
    questions: list[Question]
    config: str
    counts: dict[str, Any]


@dataclass(frozen=True)
class Embedding:
    """An encoder of texts into unit vectors, and what it is."""

    embed: Embed
    identity: str


def build(given: Given, embedding: Embedding) -> Built:
    """Build every file.

    Raises:
        DsbuildError: a source is missing or another one, an export cannot be read, or a file breaks its format.
    """
    before = _meta(given.previous)
    shipped: dict[str, dict[str, str]] = before.get("excerpts", {})
    meta: dict[str, Any] = {"tone": 1, "reconstruction": True, "embedding": embedding.identity, "sources": {}}

    wordnet_folder = given.wordnet or given.previous / WORDNET
    found = sources.check("wordnet", wordnet_folder, others=given.others, also=shipped.get("wordnet"))
    meta["sources"]["wordnet"] = found if found != shipped.get("wordnet") else before["sources"]["wordnet"]
    vader_file = given.vader or given.previous / VADER
    found = sources.check("vader", vader_file, others=given.others, also=shipped.get("vader"))
    meta["sources"]["vader"] = found if found != shipped.get("vader") else before["sources"]["vader"]

    wordnet = WordNet(wordnet_folder)
    chosen = senses(wordnet)
    words = words_of_the_tree()
    defined = definitions(chosen)
    # The deepest tier's definition stays: that is the gloss, without what the node takes in.
    glosses = {each.node.term: each.text for each in sorted(defined, key=lambda each: each.node.tier)}
    alternatives = _alternatives()

    taken = {*words, *(row[0] for row in alternatives)}
    compared = {word: f"{word}: {gloss}" for word, gloss in glosses.items()}
    stand, lost = settle(claims(wordnet, chosen), taken, compared, embedding.embed)
    standing = frozenset(stand)

    stated = opposites(wordnet, words)
    composed, left_out = compositions(words)
    counted, tested = _sequels(given, meta, before)
    statements = [
        (*each.key, each.source, each.basis, each.figures) for each in (*stated, *composed, *inherited(stated))
    ] + counted

    questions = [verification.word_question(e.claim.word, e.claim.term, glosses[e.claim.term]) for e in stand]
    questions += [
        verification.statement_question(row[:6], glosses[row[0]]) for row in statements if row[7] != "inferred"
    ]
    read = verification.read_exports(given.verified, questions)
    verdicts = _verdicts(given.previous, questions, read)

    files = {
        "definitions.tsv": tables.render(
            "definitions.tsv",
            [(d.node.term, d.node.tier, d.node.primary, d.text, d.source) for d in defined],
        ),
        "vocabulary.tsv": tables.render("vocabulary.tsv", _vocabulary(stand, verdicts)),
        "contested.tsv": tables.render(
            "contested.tsv",
            [
                (e.claim.word, e.claim.term, e.claim.path, _cosine(e), "yes" if e in standing else "no")
                for e in (*stand, *lost)
                if e.cosine is not None
            ],
        ),
        "verdicts.tsv": tables.render(
            "verdicts.tsv",
            [(key, v.hash, v.verification, v.right, v.wrong, v.other, v.moved_to) for key, v in verdicts.items()],
        ),
        "alternatives.tsv": tables.render("alternatives.tsv", alternatives),
        "statements.tsv": tables.render("statements.tsv", _checked(statements, verdicts)),
        "norms.tsv": tables.render("norms.tsv", _valence(vader_file)),
        "norms-emobank.tsv": _emobank(given, meta, before),
        "NOTICE": notice(wordnet.licence),
    }
    for name, content in wordnet.excerpt().items():
        files[f"{WORDNET}/{name}"] = content
    files[VADER] = _vader_excerpt(vader_file)
    meta["excerpts"] = {
        "wordnet": {Path(name).name: _sha256(files[name]) for name in files if name.startswith(WORDNET)},
        "vader": {Path(VADER).name: _sha256(files[VADER])},
    }
    counts = _counts(files, stand, lost, left_out, read)
    meta["transitions_tested"] = tested
    meta["left_out_compositions"] = left_out
    meta["counts"] = {key: value for key, value in counts.items() if key != "answers_read"}
    files["meta.json"] = json.dumps(meta, indent=2, sort_keys=True) + "\n"
    decided = {key for key, verdict in verdicts.items() if verdict.verification != PENDING}
    open_ = [each for each in questions if each.key not in decided]
    return Built(files, open_, verification.labelling_config({d.node: d.text for d in defined}), counts)


def write(built: Built, folder: Path) -> None:
    """Write the files to `folder`, each whole or not at all; what else is there is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as temporary:
        for name, content in built.files.items():
            place = Path(temporary) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8", newline="\n")
        for name in built.files:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (Path(temporary) / name).replace(target)


def write_tasks(built: Built, path: Path) -> Path:
    """Write the Label Studio tasks to `path`, and beside them the labelling config, whose path is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(verification.tasks(built.questions), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    config = path.with_suffix(".xml")
    config.write_text(built.config + "\n", encoding="utf-8")
    return config


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    if not path.exists():
        return {}
    meta: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return meta


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _alternatives() -> list[tuple[str, str, int, str, str]]:
    data = yaml.safe_load(Path(__file__).with_name("alternatives.yaml").read_text(encoding="utf-8"))
    return [
        (word, place["term"], place["tier"], data["source"], place["note"]) for word, place in data["words"].items()
    ]


def _sequels(given: Given, meta: dict[str, Any], before: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], int]:
    if given.dialogues:
        missing = sorted(set(READERS) - set(given.dialogues))
        if missing:
            raise DsbuildError(
                "What follows what is counted on all the dialogues together.", fix=f"Give {', '.join(missing)} too."
            )
        corpora = []
        for name, path in sorted(given.dialogues.items()):
            meta["sources"][name] = sources.check(name, path, others=given.others)
            corpora.append(READERS[name](path))
        tested = transitions(corpora)
        return [(*each.key, each.source, each.basis, each.figures) for each in sequels(tested)], len(tested)
    if not before:
        raise DsbuildError("There is no earlier build to carry the counts of dialogues over from.", fix="Give them.")
    for name in READERS:
        meta["sources"][name] = before["sources"][name]
    rows = [
        (
            *(row["subject_term"], int(row["subject_tier"]), row["predicate"]),
            *(row["object_term"], int(row["object_tier"]), row["group"]),
            *(row["source"], row["basis"], row["figures"]),
        )
        for row in tables.read(given.previous, "statements.tsv")
        if row["predicate"] == LEADS_TO
    ]
    return rows, before["transitions_tested"]


def _verdicts(previous: Path, questions: Sequence[Question], read: Read) -> dict[str, Verdict]:
    """By question: what the exports decide, else what an earlier build knew, if the question still reads the same."""
    asked = {each.key: each.hash for each in questions}
    known: dict[str, Verdict] = {}
    if (previous / "verdicts.tsv").exists():
        for row in tables.read(previous, "verdicts.tsv"):
            if asked.get(row["key"]) == row["hash"]:
                known[row["key"]] = Verdict(
                    row["hash"],
                    row["verification"],
                    int(row["right"]),
                    int(row["wrong"]),
                    int(row["other"]),
                    row["moved_to"] or None,
                )
    return dict(sorted((known | read.verdicts).items()))


def _cosine(entry: Entry) -> str:
    return "" if entry.cosine is None else f"{entry.cosine:.4f}"


def _vocabulary(stand: Sequence[Entry], verdicts: Mapping[str, Verdict]) -> list[tuple[Any, ...]]:
    rows = []
    for entry in stand:
        claim = entry.claim
        verdict = verdicts.get(verification.word_question(claim.word, claim.term, "").key)
        term, source, state = claim.term, claim.path, PENDING if verdict is None else verdict.verification
        if verdict is not None and state == REJECTED:
            if verdict.moved_to is None:
                continue  # verdicts.tsv lists it
            term, source, state = verdict.moved_to, f"people, instead of {claim.term}: {claim.path}", VERIFIED
        rows += [
            (
                *(claim.word, term, node.tier, source, entry.claimed_by, _cosine(entry), state),
                *(claim.pos, claim.sense),
            )
            for node in nodes_of(term)
        ]
    return rows


def _checked(statements: Sequence[tuple[Any, ...]], verdicts: Mapping[str, Verdict]) -> list[tuple[Any, ...]]:
    rows = []
    for row in statements:
        verdict = verdicts.get(verification.statement_question(row[:6], "").key)
        rows.append((*row[:9], PENDING if verdict is None else verdict.verification))
    return rows


def _valence(path: Path) -> list[tuple[Any, ...]]:
    lexicon = norms.read_vader(path)
    rated = {word: lexicon[word][1] for word in words_of_the_tree() if word in lexicon}
    return _rows(norms.norms("valence", rated, norms.VADER))


def _vader_excerpt(path: Path) -> str:
    lexicon = norms.read_vader(path)
    return "".join(f"{lexicon[word][0]}\n" for word in sorted(words_of_the_tree()) if word in lexicon)


def _emobank(given: Given, meta: dict[str, Any], before: Mapping[str, Any]) -> str:
    if given.emobank is not None:
        meta["sources"]["emobank"] = sources.check("emobank", given.emobank, others=given.others)
        measured = norms.read_emobank(given.emobank, words_of_the_tree())
        rows = [row for dimension, of in measured.items() for row in _rows(norms.norms(dimension, of, norms.EMOBANK))]
        return tables.render("norms-emobank.tsv", rows)
    if not before:
        raise DsbuildError("There is no earlier build to carry EmoBank's norms over from.", fix="Give emobank.csv.")
    meta["sources"]["emobank"] = before["sources"]["emobank"]
    return tables.render(
        "norms-emobank.tsv", [tuple(row.values()) for row in tables.read(given.previous, "norms-emobank.tsv")]
    )


def _rows(made: Sequence[norms.Norm]) -> list[tuple[Any, ...]]:
    return [
        (n.node.term, n.node.tier, n.dimension, f"{n.value:.4f}", _float(n.sd), n.n, n.source, n.basis) for n in made
    ]


def _float(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _counts(
    files: Mapping[str, str],
    stand: Sequence[Entry],
    lost: Sequence[Entry],
    left_out: Mapping[str, Sequence[str]],
    read: Read,
) -> dict[str, Any]:
    def rows(name: str) -> list[list[str]]:
        return [line.split("\t") for line in files[name].splitlines()[1:]]

    statements = Counter(f"{row[2]} {row[7]}" for row in rows("statements.tsv"))
    return {
        "nodes": len(rows("definitions.tsv")),
        "words_of_nodes": len(words_of_the_tree()),
        "vocabulary_words": len({row[0] for row in rows("vocabulary.tsv")}),
        "vocabulary_rows": len(rows("vocabulary.tsv")),
        "contested_words": sum(entry.cosine is not None for entry in stand),
        "claims_lost": len(lost),
        "alternatives": len(rows("alternatives.tsv")),
        "statements": dict(sorted(statements.items())),
        "compositions_left_out": len(left_out),
        "norms": dict(
            sorted(Counter(f"{row[2]} {row[7]}" for n in ("norms.tsv", "norms-emobank.tsv") for row in rows(n)).items())
        ),
        "verification": dict(sorted(Counter(row[2] for row in rows("verdicts.tsv")).items())),
        "answers_read": {
            "answers": read.answers,
            "skipped": read.skipped,
            "stale": read.stale,
            "foreign": read.foreign,
        },
    }
