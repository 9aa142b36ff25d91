"""TONE as OWL and SKOS: nothing lost on the way there and back, and the questions it was made for answered."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import owlready2
import owlrl
import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdflib.namespace import OWL, RDF, RDFS, SKOS

from dsbuild.tone_io import Ontology, read, shipped, write
from dsbuild.tone_io.names import BASE
from dsbuild.tone_io.write import Form
from schemas.errors import DsbuildError
from schemas.tone import Node, node, nodes
from schemas.tone.load import Alternative, Definition, Norm, Statement, Word

TONE = rdflib.Namespace(BASE)
ROOT = Path(__file__).resolve().parents[2]
ERROR = rdflib.URIRef("http://www.daml.org/2002/03/agents/agent-ont#error")


@pytest.fixture(scope="module")
def owl() -> str:
    return write(shipped(), "owl")


@pytest.fixture(scope="module")
def skos() -> str:
    return write(shipped(), "skos")


@pytest.fixture(scope="module")
def graph(owl: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=owl, format="turtle")


@pytest.fixture(scope="module")
def concepts(skos: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=skos, format="turtle")


# There and back


@pytest.mark.parametrize("form", ["owl", "skos"])
def test_what_ships_comes_back_as_it_was(form: Form, owl: str, skos: str) -> None:
    ontology = shipped()
    assert (len(ontology.nodes), len(ontology.definitions)) == (166, 166)
    assert len(ontology.words) > 1_400
    assert read({"owl": owl, "skos": skos}[form]) == ontology


def test_n_triples_come_back_as_they_were_too() -> None:
    assert read(write(shipped(), "owl", "nt"), syntax="nt") == shipped()


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
NODES = st.sampled_from(nodes())
# What a blank means is that there is none; a word or a source is never blank.
MAYBE = st.one_of(st.just(""), TEXT)
REAL = st.decimals(-1, 1, places=6).map(float)
FIGURES = st.dictionaries(TEXT, st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT))
PENDING = st.sampled_from(["pending", "verified", "rejected"])
ONTOLOGIES = st.builds(
    Ontology,
    st.just(nodes()),
    st.lists(st.builds(Definition, NODES, TEXT, TEXT), max_size=3).map(tuple),
    st.lists(
        st.builds(Word, TEXT, NODES, TEXT, st.integers(1, 9), st.none() | REAL, PENDING, MAYBE, MAYBE), max_size=3
    ).map(tuple),
    st.lists(st.builds(Alternative, TEXT, NODES, TEXT, MAYBE), max_size=3).map(tuple),
    st.lists(
        st.builds(
            Statement,
            NODES,
            st.sampled_from(["isOppositeOf", "isComposedOf", "leadsTo"]),
            NODES,
            MAYBE,
            TEXT,
            st.sampled_from(["stated", "data", "inferred", "editorial"]),
            PENDING,
            FIGURES,
        ),
        max_size=3,
    ).map(tuple),
    st.lists(
        st.builds(
            Norm,
            NODES,
            st.sampled_from(["valence", "arousal", "dominance"]),
            REAL,
            st.none() | REAL.map(abs),
            st.none() | st.integers(1, 99),
            TEXT,
            st.sampled_from(["data", "interpolated"]),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ONTOLOGIES, st.sampled_from(["owl", "skos"]), st.sampled_from(["turtle", "nt"]))
def test_whatever_rows_there_are_come_back(ontology: Ontology, form: Form, syntax: Any) -> None:
    assert read(write(ontology, form, syntax), syntax=syntax) == ontology.ordered()


def test_several_sources_of_one_statement_stay_apart() -> None:
    one = Statement(node("joy", 1), "isOppositeOf", node("sadness", 1), "", "a", "stated", "pending")
    other = dataclasses.replace(one, source="b", basis="editorial", figures={"p": 1e-07, "n": 3})
    ontology = Ontology(nodes(), (), (), (), (one, other), ())
    assert read(write(ontology, "owl")).statements == (one, other)


def test_the_same_ontology_gives_the_same_bytes_in_every_process() -> None:
    code = (
        "import hashlib; from dsbuild.tone_io import *; "
        "print([hashlib.sha256(write(shipped(), f, s).encode()).hexdigest() "
        "for f, s in (('owl', 'turtle'), ('skos', 'nt'))])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


# What is refused


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: "this is no Turtle", "cannot be read as turtle"),
        (lambda text: "", "neither an ontology nor a concept scheme"),
        (
            lambda text: text + "\ntone:tertiary-grief tone:leadsTo tone:primary-joy .",
            r"said without a source: .*tertiary-grief",
        ),
        (
            lambda text: text + "\ntone:tertiary-grief rdfs:subClassOf tone:secondary-neglect .",
            "tertiary-grief> needs one node of tier 2 above it, and has .*neglect.*sadness",
        ),
        (
            lambda text: text + "\ntone:somewhere a tone:Tertiary .",
            "somewhere> is no node's name",
        ),
        (
            lambda text: (
                text + "\ntone:tertiary-grief tone:leadsTo tone:primary-joy . [] a owl:Axiom ; "
                "owl:annotatedSource tone:tertiary-grief ; owl:annotatedProperty tone:leadsTo ; "
                'owl:annotatedTarget tone:primary-joy ; tone:basis "stated" ; tone:verification "pending" .'
            ),
            r"terms/source> is missing of: .*tertiary-grief",
        ),
        (
            lambda text: (
                text + "\n[] a owl:Axiom ; owl:annotatedSource tone:tertiary-grief ; "
                "owl:annotatedProperty tone:leadsTo ; owl:annotatedTarget tone:primary-joy ."
            ),
            "What is annotated is not said",
        ),
        (lambda text: text.replace('tone:basis "data"', 'tone:basis "hearsay"'), "not 'hearsay'"),
        (
            lambda text: (
                text + "\n[] a owl:Axiom ; owl:annotatedProperty skos:altLabel ; "
                "owl:annotatedSource tone:tertiary-annoyance ."
            ),
            "What is annotated is not said",
        ),
        (lambda text: text.replace('tone:verification "pending"', 'tone:verification "true"'), "not 'true'"),
        (lambda text: re.sub(r"tone:figures (\".*?[^\\\\]\"|'.*?')", 'tone:figures "[1]"', text), "JSON object"),
        (lambda text: re.sub(r"tone:figures (\".*?[^\\\\]\"|'.*?')", 'tone:figures "{"', text), "JSON object"),
        (
            lambda text: text.replace('tone:basis "data"', 'tone:basis "data" ; tone:basis "stated"', 1),
            "is said 2 times",
        ),
        (lambda text: text.replace("tone:claimedBy 1 ;", 'tone:claimedBy "one" ;'), "'one' should be a whole number"),
    ],
)
def test_a_file_that_is_broken_is_refused_with_what_is_wrong(change: Any, told: str) -> None:
    whole = shipped()
    counted = tuple(one for one in whole.statements if one.basis == "data")
    text = write(dataclasses.replace(whole, words=whole.words[:3], statements=counted, norms=()), "owl")
    assert read(text)
    with pytest.raises(DsbuildError, match=told) as failure:
        read(change(text), "mine.ttl")
    assert failure.value.where == "mine.ttl"


# A reasoner


def reasoned(graph: rdflib.Graph) -> rdflib.Graph:
    """`graph` with all that OWL 2 RL infers, without its annotations, which mean nothing to a reasoner."""
    closed = rdflib.Graph()
    axioms = set(graph.subjects(RDF.type, OWL.Axiom))
    annotating = {RDFS.label, *graph.subjects(RDF.type, OWL.AnnotationProperty)}
    for triple in graph:
        if triple[0] not in axioms and triple[1] not in annotating:
            closed.add(triple)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(closed)
    return closed


def faults(graph: rdflib.Graph) -> list[str]:
    """What the reasoner finds inconsistent."""
    return [str(message) for message in reasoned(graph).objects(None, ERROR)]


def test_an_owl_rl_reasoner_finds_the_ontology_consistent(graph: rdflib.Graph) -> None:
    assert faults(graph) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "tone:episode a tone:tertiary-grief, tone:tertiary-glee .",  # sad and joyful: the primaries are disjoint
        "tone:primary-joy tone:isOppositeOf tone:primary-joy .",
        "tone:primary-joy tone:isComposedOf tone:tertiary-delight .",  # delight is composed of joy
        "tone:primary-joy a tone:Tertiary .",
        "tone:primary-sadness tone:isBelow tone:secondary-sadness .",
    ],
)
def test_the_reasoner_finds_what_cannot_be(graph: rdflib.Graph, wrong: str) -> None:
    broken = rdflib.Graph()
    broken += graph
    broken.parse(data=f"@prefix tone: <{BASE}> .\n{wrong}", format="turtle")
    assert faults(broken) != []


def test_one_episode_may_be_grief_and_sorrow_at_once(graph: rdflib.Graph) -> None:
    fine = rdflib.Graph()
    fine += graph
    fine.add((TONE.episode, RDF.type, TONE["tertiary-grief"]))
    fine.add((TONE.episode, RDF.type, TONE["tertiary-sorrow"]))
    closed = reasoned(fine)
    assert not list(closed.objects(None, ERROR))
    assert (TONE.episode, RDF.type, TONE["primary-sadness"]) in closed
    assert (TONE["primary-sadness"], TONE.isOppositeOf, TONE["tertiary-grief"]) not in closed


def test_opposites_are_inferred_in_the_other_direction(graph: rdflib.Graph) -> None:
    closed = reasoned(graph)
    assert (TONE["primary-sadness"], TONE.isOppositeOf, TONE["primary-joy"]) not in graph
    assert (TONE["primary-sadness"], TONE.isOppositeOf, TONE["primary-joy"]) in closed


# Questions it has to answer


def ask(graph: rdflib.Graph, where: str, *names: str) -> set[Any]:
    """The answers to a SPARQL question: a set of strings, or of tuples where several things are asked."""
    wanted = " ".join(f"?{name}" for name in names)
    prefixes = f"PREFIX tone: <{BASE}> PREFIX dcterms: <http://purl.org/dc/terms/>"
    rows = graph.query(f"{prefixes} SELECT DISTINCT {wanted} WHERE {{ {where} }}")
    plain = [tuple(str(cell).removeprefix(BASE) for cell in row) for row in rows]  # type: ignore[union-attr]
    return {row[0] for row in plain} if len(names) == 1 else set(plain)


def test_what_is_the_primary_of_vexation(graph: rdflib.Graph) -> None:
    where = """?node (rdfs:label | skos:altLabel) "vexation"@en ; rdfs:subClassOf* ?primary .
               ?primary a tone:Primary ; rdfs:label ?name"""
    assert ask(graph, where, "name") == {"anger"}


def test_what_is_opposite_to_grief_and_what_does_that_rest_on(graph: rdflib.Graph) -> None:
    where = """?axiom owl:annotatedProperty tone:isOppositeOf ; tone:basis ?basis ; dcterms:source ?source .
               { ?axiom owl:annotatedSource tone:tertiary-grief ; owl:annotatedTarget ?other } UNION
               { ?axiom owl:annotatedTarget tone:tertiary-grief ; owl:annotatedSource ?other }"""
    answers = ask(graph, where, "other", "basis", "source")
    assert {other for other, _, _ in answers} == {"primary-joy", "tertiary-happiness"}
    assert {basis for _, basis, _ in answers} == {"inferred"}
    assert all(source.startswith("inherited from sadness@") for _, _, source in answers)


def test_every_inferred_opposite_follows_from_a_stated_one_above(graph: rdflib.Graph) -> None:
    where = """?inferred owl:annotatedProperty tone:isOppositeOf ; tone:basis "inferred" ;
                 owl:annotatedSource ?node ; owl:annotatedTarget ?other .
               ?stated owl:annotatedProperty tone:isOppositeOf ; tone:basis "stated" .
               ?node rdfs:subClassOf+ ?above .
               { ?stated owl:annotatedSource ?above ; owl:annotatedTarget ?other } UNION
               { ?stated owl:annotatedTarget ?above ; owl:annotatedSource ?other }"""
    inferred = [one for one in shipped().statements if one.basis == "inferred"]
    assert len(inferred) > 200
    assert len(ask(graph, where, "node", "other")) == len(inferred)


def test_what_is_composed_of_joy_and_surprise(graph: rdflib.Graph) -> None:
    where = "?what tone:isComposedOf tone:primary-joy, tone:primary-surprise"
    assert ask(graph, where, "what") == {"tertiary-delight"}
    where = "?what tone:isComposedOf tone:primary-anger, tone:primary-sadness"
    assert ask(graph, where, "what") == {"secondary-envy"}


def test_the_secondaries_of_fear(graph: rdflib.Graph) -> None:
    where = "?node rdfs:subClassOf tone:primary-fear ; a tone:Secondary ; rdfs:label ?name"
    assert ask(graph, where, "name") == {"horror", "nervousness"}


def test_what_anger_leads_to_with_the_counts_behind_it(graph: rdflib.Graph) -> None:
    where = """tone:primary-anger tone:leadsTo ?then . ?axiom owl:annotatedSource tone:primary-anger ;
               owl:annotatedProperty tone:leadsTo ; owl:annotatedTarget ?then ; tone:basis ?basis ;
               tone:figures ?figures"""
    answers = ask(graph, where, "then", "basis", "figures")
    assert {(then, basis) for then, basis, _ in answers} == {("primary-fear", "data")}
    for _, _, figures in answers:
        assert json.loads(figures)["p_holm"] < 0.05


def test_every_node_has_one_definition_and_its_source(graph: rdflib.Graph) -> None:
    where = """?node a ?tier ; skos:definition ?meaning . ?tier rdfs:subClassOf tone:Node .
               ?axiom owl:annotatedSource ?node ; owl:annotatedProperty skos:definition ;
               owl:annotatedTarget ?meaning ; dcterms:source ?source"""
    answers = ask(graph, where, "node", "meaning", "source")
    assert len(answers) == len({name for name, _, _ in answers}) == len(nodes())
    assert all(source for _, _, source in answers)


def test_sadness_stands_at_every_tier_each_with_its_words(graph: rdflib.Graph) -> None:
    where = '?node rdfs:label "sadness"@en ; a ?tier . ?tier rdfs:subClassOf tone:Node'
    assert ask(graph, where, "node", "tier") == {
        ("primary-sadness", "Primary"),
        ("secondary-sadness", "Secondary"),
        ("tertiary-sadness", "Tertiary"),
    }
    for tier, name in ((1, "primary"), (2, "secondary"), (3, "tertiary")):
        found = ask(graph, f"tone:{name}-sadness skos:altLabel ?word", "word")
        ours = {word.word for word in shipped().words if word.node == node("sadness", tier)}
        assert found == ours
        assert "sadly" in found


def test_words_of_the_short_form_are_labels_of_the_node_they_stand_for(graph: rdflib.Graph) -> None:
    where = """?axiom owl:annotatedProperty skos:altLabel ; tone:knownAs "alternative" ;
               owl:annotatedSource ?node ; owl:annotatedTarget ?word"""
    answers = ask(graph, where, "node", "word")
    assert ("tertiary-hate", "hatred") in answers
    assert len(answers) == len(shipped().alternatives)


def test_nothing_is_said_to_be_verified_that_no_person_has_seen(graph: rdflib.Graph) -> None:
    assert ask(graph, "?axiom tone:verification ?state", "state") == {
        one.verification for one in (*shipped().words, *shipped().statements)
    }


def test_both_forms_say_that_they_are_a_reconstruction_and_carry_the_licences(owl: str, skos: str) -> None:
    for text in (owl, skos):
        assert "A reconstruction of TONE" in text
        assert "WordNet 3.0 Copyright 2006 by Princeton University" in text
        assert "CC BY-SA 4.0" in text
    assert "this file as a whole is CC BY-SA" in owl
    bare = write(shipped(emobank=False), "owl")
    assert "this file as a whole is CC BY-SA" not in bare
    assert {norm.dimension for norm in read(bare).norms} == {"valence"}


# Other readers


def test_owlready2_reads_the_tree_the_meanings_and_the_dependencies(tmp_path: Path) -> None:
    path = tmp_path / "tone.nt"
    path.write_text(write(shipped(), "owl", "nt"), encoding="utf-8")
    world = owlready2.World()
    ontology = world.get_ontology(path.as_uri()).load()
    assert len([one for one in ontology.classes() if "-" in one.name]) == len(nodes())
    grief = world[f"{BASE}tertiary-grief"]
    assert {one.name for one in grief.ancestors()} == {
        *("tertiary-grief", "secondary-sadness", "primary-sadness", "Emotion", "Thing")
    }
    definition, source = world[str(SKOS.definition)], world["http://purl.org/dc/terms/source"]
    (meaning,) = definition[grief]
    assert source[grief, definition, meaning] == ["wordnet-3.0:07535010-n"]
    assert world[f"{BASE}valence"][grief] == [-0.55]
    question = f"SELECT ?other WHERE {{ <{BASE}tertiary-grief> <{BASE}isOppositeOf> ?other }}"
    assert {one.name for (one,) in world.sparql(question)} == {"primary-joy", "tertiary-happiness"}


def test_numbers_keep_every_digit(graph: rdflib.Graph) -> None:
    for norm in shipped().norms:
        values = set(graph.objects(TONE[_name(norm.node)], TONE[norm.dimension]))
        assert values == {rdflib.Literal(Decimal(repr(norm.value)))}


def _name(of: Node) -> str:
    return f"{('primary', 'secondary', 'tertiary')[of.tier - 1]}-{of.term}"


def test_the_concept_scheme_keeps_the_conditions_of_skos(concepts: rdflib.Graph) -> None:
    """S9, S13, S14 and S27 of the SKOS reference, and one way up from every concept to the six on top."""
    all_of = set(concepts.subjects(RDF.type, SKOS.Concept))
    scheme = concepts.value(None, RDF.type, SKOS.ConceptScheme)
    assert len(all_of) == len(nodes())
    assert scheme not in all_of
    assert len(set(concepts.objects(scheme, SKOS.hasTopConcept))) == 6
    for concept in all_of:
        (label,) = concepts.objects(concept, SKOS.prefLabel)
        assert label not in set(concepts.objects(concept, SKOS.altLabel))
        ways_up = list(concepts.objects(concept, SKOS.broader))
        assert len(ways_up) == (0 if (concept, SKOS.topConceptOf, scheme) in concepts else 1)
        for above in ways_up:
            assert (above, SKOS.narrower, concept) in concepts
    assert not list(concepts.subject_objects(SKOS.related))


def test_the_tree_is_the_same_in_both_forms(graph: rdflib.Graph, concepts: rdflib.Graph) -> None:
    subclasses = {(a, b) for a, b in graph.subject_objects(RDFS.subClassOf) if "-" in str(b).removeprefix(BASE)}
    assert subclasses == set(concepts.subject_objects(SKOS.broader))
    assert subclasses == set(graph.subject_objects(TONE.isBelow))
    assert len(subclasses) == 25 + 135


# The command


def test_the_command_writes_a_file_that_reads_back(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from dsbuild.cli.main import app

    for form, syntax in (("owl", "turtle"), ("skos", "nt")):
        path = tmp_path / f"{form}.{syntax}"
        words = ["tone", "export", "--to", form, "--syntax", syntax, "--out", str(path)]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert read(path.read_text("utf-8"), syntax=syntax) == shipped(emobank=False)


def test_without_the_extra_the_command_says_which_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdflib", None)
    with pytest.raises(DsbuildError, match=r"extra 'tone'.*dsbuild\[tone\]"):
        write(shipped(), "owl")
