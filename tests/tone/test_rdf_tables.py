"""TONE as RDF against the data files themselves, cell by cell, read here without dsbuild's loaders; and a second
reasoner, of full OWL 2 DL."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import owlready2
import pytest
import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SKOS

from dsbuild.tone_io import shipped, write
from dsbuild.tone_io.names import BASE
from dsbuild.tone_io.write import Form

TONE = rdflib.Namespace(BASE)
TIERS = {"1": "primary", "2": "secondary", "3": "tertiary"}
PARTS = {
    "owl": (OWL.Axiom, OWL.annotatedSource, OWL.annotatedProperty, OWL.annotatedTarget),
    "skos": (RDF.Statement, RDF.subject, RDF.predicate, RDF.object),
}
# Subject, predicate, object, and {what is said of them: its value}, all as text.
Row = tuple[str, str, str, frozenset[tuple[str, str]]]


@pytest.fixture(scope="module")
def graphs() -> dict[Form, rdflib.Graph]:
    forms: tuple[Form, ...] = ("owl", "skos")
    return {form: rdflib.Graph().parse(data=write(shipped(), form), format="turtle") for form in forms}


def cells(data: Path, name: str) -> Iterator[dict[str, str]]:
    with (data / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def row(subject: str, predicate: str, value: str, **said: str) -> Row:
    return subject, predicate, value, frozenset((key, text) for key, text in said.items() if text != "")


def number(text: str) -> str:
    return str(float(text)) if text else ""


def expected(data: Path) -> Iterator[Row]:
    """Every line of every data file, as the triple and the annotations that it should be."""

    def place(line: dict[str, str], before: str = "") -> str:
        return f"{BASE}{TIERS[line[before + 'tier']]}-{line[before + 'term']}"

    for line in cells(data, "definitions.tsv"):
        yield row(place(line), str(SKOS.definition), line["definition"], source=line["source"])
    for line in cells(data, "vocabulary.tsv"):
        said = {key: line[key] for key in ("source", "verification", "pos", "sense")}
        said |= {"knownAs": "vocabulary", "claimedBy": line["claimed_by"], "cosine": number(line["cosine"])}
        yield row(place(line), str(SKOS.altLabel), line["word"], **said)
    for line in cells(data, "alternatives.tsv"):
        said = {"source": line["source"], "note": line["note"], "knownAs": "alternative"}
        yield row(place(line), str(SKOS.altLabel), line["word"], **said)
    for line in cells(data, "statements.tsv"):
        said = {key: line[key] for key in ("group", "source", "basis", "verification")}
        said["figures"] = json.dumps(json.loads(line["figures"]), sort_keys=True) if line["figures"] else ""
        yield row(place(line, "subject_"), BASE + line["predicate"], place(line, "object_"), **said)
    for name in ("norms.tsv", "norms-emobank.tsv"):
        for line in cells(data, name):
            said = {"source": line["source"], "basis": line["basis"], "sd": number(line["sd"]), "n": line["n"]}
            yield row(place(line), BASE + line["dimension"], number(line["value"]), **said)


def found(graph: rdflib.Graph, form: Form) -> Iterator[Row]:
    kind, *parts = PARTS[form]
    for annotation in graph.subjects(RDF.type, kind):
        subject, predicate, value = (graph.value(annotation, part) for part in parts)
        assert None not in (subject, predicate, value)
        assert (subject, predicate, value) in graph
        said = {
            str(key).rpartition("#")[2].rpartition("/")[2]: str(text)
            for key, text in graph.predicate_objects(annotation)
            if key not in (RDF.type, *parts)
        }
        yield row(str(subject), str(predicate), str(value), **said)


@pytest.mark.parametrize("form", ["owl", "skos"])
def test_every_cell_of_the_data_files_is_in_the_ontology_and_nothing_else(
    form: Form, graphs: dict[Form, rdflib.Graph], data: Path
) -> None:
    wanted = Counter(expected(data))
    assert wanted.total() > 2_000
    assert Counter(found(graphs[form], form)) == wanted


def test_the_owl_form_uses_no_property_that_it_does_not_declare(graphs: dict[Form, rdflib.Graph]) -> None:
    graph = graphs["owl"]
    declared = {
        name for kind in (OWL.ObjectProperty, OWL.AnnotationProperty) for name in graph.subjects(RDF.type, kind)
    }
    built_in = (str(OWL), str(RDF), str(RDFS))
    assert {name for name in graph.predicates() if not str(name).startswith(built_in)} <= declared


def test_no_concept_is_broader_than_itself_over_any_number_of_steps(graphs: dict[Form, rdflib.Graph]) -> None:
    graph = graphs["skos"]
    assert not list(graph.query("SELECT ?one WHERE { ?one skos:broader+ ?one }"))
    broken = rdflib.Graph()
    broken += graph
    broken.add((TONE["primary-sadness"], SKOS.broader, TONE["tertiary-grief"]))
    assert list(broken.query("SELECT ?one WHERE { ?one skos:broader+ ?one }", initNs={"skos": SKOS}))


def test_what_remorse_is_composed_of_and_what_disgust_is_a_part_of(graphs: dict[Form, rdflib.Graph]) -> None:
    graph = graphs["owl"]
    parts = {str(part).removeprefix(BASE) for part in graph.objects(TONE["tertiary-remorse"], TONE.isComposedOf)}
    assert parts == {"primary-sadness", "secondary-disgust"}
    wholes = {str(one).removeprefix(BASE) for one in graph.subjects(TONE.isComposedOf, TONE["secondary-disgust"])}
    assert wholes == {"tertiary-remorse", "tertiary-contempt", "secondary-shame"}
    # Plutchik's morbidness, joy and disgust, is no word of the tree.
    assert not wholes & {str(one).removeprefix(BASE) for one in graph.subjects(TONE.isComposedOf, TONE["primary-joy"])}


# HermiT, which comes with owlready2 and needs Java


@pytest.fixture
def reason(tmp_path: Path) -> Callable[[str], set[str]]:
    if shutil.which("java") is None:
        pytest.skip("HermiT needs Java")

    def run(more: str) -> set[str]:
        """The names of the classes that can have no member; raises where the whole is inconsistent."""
        graph = rdflib.Graph().parse(data=write(shipped(), "owl", "nt"), format="nt")
        graph.parse(data=f"@prefix tone: <{BASE}> .\n@prefix owl: <{OWL}> .\n{more}", format="turtle")
        path = tmp_path / "tone.nt"
        graph.serialize(path, format="nt", encoding="utf-8")
        world = owlready2.World()
        with world.get_ontology(path.as_uri()).load():
            owlready2.sync_reasoner_hermit(world, debug=0)
        return {one.name for one in world.inconsistent_classes()} - {"Nothing"}

    return run


def test_hermit_finds_the_ontology_consistent_and_every_class_possible(reason: Callable[[str], set[str]]) -> None:
    assert reason("") == set()


def test_hermit_finds_that_nothing_can_stand_below_two_primaries(reason: Callable[[str], set[str]]) -> None:
    more = f"tone:both a owl:Class ; <{RDFS.subClassOf}> tone:primary-joy, tone:primary-fear ."
    assert reason(more) == {"both"}


def test_hermit_refuses_an_episode_of_grief_and_glee(reason: Callable[[str], set[str]]) -> None:
    with pytest.raises(owlready2.OwlReadyInconsistentOntologyError):
        reason("tone:episode a tone:tertiary-grief, tone:tertiary-glee .")
