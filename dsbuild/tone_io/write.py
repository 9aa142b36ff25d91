"""TONE as RDF, in OWL 2 or in SKOS.

What is said about a node is one triple, and what is said about that triple (source, basis, verification, figures)
hangs on an annotation of it: `owl:Axiom` in OWL, `rdf:Statement` in SKOS. In OWL a node is a class, with the node
above it as its superclass, and also an individual of the same name (OWL 2 calls it punning): classes carry the tree,
individuals the dependencies, since a property between classes is none that OWL 2 has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from dsbuild.tone_io.names import ABOUT, DIMENSIONS, ONTOLOGY, PREDICATES, RIGHTS, RIGHTS_EMOBANK, TIERS, Kit, iri, kit
from dsbuild.tone_io.ontology import Ontology
from schemas.tone import Node
from schemas.tone.ask import parent
from schemas.tone.load import DATA

Form = Literal["owl", "skos"]
Syntax = Literal["turtle", "nt"]


def write(ontology: Ontology, form: Form, syntax: Syntax = "turtle") -> str:
    """`ontology` as Turtle or, for owlready2, which does not read Turtle, as N-Triples; the same ontology gives the
    same text.

    Raises:
        DsbuildError: the extra `tone` is not installed.
    """
    use = kit()
    graph = use.rdflib.Graph()
    for prefix, space in (("tone", use.tone), ("owl", use.owl), ("skos", use.skos), ("dcterms", use.dcterms)):
        graph.bind(prefix, space)
    for triple in _head(use, ontology, form):
        graph.add(triple)
    for node in ontology.nodes:
        for triple in _tree(use, node, form):
            graph.add(triple)
    rows = sorted(_rows(use, ontology.ordered()), key=lambda row: tuple(part.n3() for part in row[:3]))
    for number, (subject, predicate, value, said) in enumerate(rows):
        graph.add((subject, predicate, value))
        # The blank nodes are numbered, so that the text does not depend on chance.
        for triple in _annotation(use, form, f"a{number:06}", (subject, predicate, value), said):
            graph.add(triple)
    if syntax == "turtle":
        return str(graph.serialize(format="turtle"))
    return "".join(sorted(str(graph.serialize(format="nt11")).splitlines(keepends=True)))


def _head(use: Kit, ontology: Ontology, form: Form) -> Iterator[Any]:
    name, text = use.rdflib.URIRef(ONTOLOGY), use.rdflib.Literal
    rights = RIGHTS + (RIGHTS_EMOBANK if any(row.dimension != "valence" for row in ontology.norms) else "")
    yield name, use.rdf.type, use.owl.Ontology if form == "owl" else use.skos.ConceptScheme
    yield name, use.dcterms.title, text("TONE, a reconstruction", lang="en")
    yield name, use.dcterms.description, text(ABOUT, lang="en")
    yield name, use.dcterms.rights, text(rights, lang="en")
    # WordNet's licence wants its notice on every copy of what is made from it.
    yield name, use.dcterms.license, text((DATA / "NOTICE").read_text(encoding="utf-8"), lang="en")
    yield name, use.dcterms.source, use.rdflib.URIRef("https://arxiv.org/abs/2401.06810")
    for predicate in (*PREDICATES, *(("isBelow",) if form == "owl" else ())):
        yield use.tone[predicate], use.rdf.type, use.owl.ObjectProperty
    yield use.tone.isOppositeOf, use.rdf.type, use.owl.SymmetricProperty
    if form == "owl":
        yield from _axioms(use, ontology)


def _axioms(use: Kit, ontology: Ontology) -> Iterator[Any]:
    """What has to hold, so that a reasoner can find an ontology that is wrong."""
    for name in ("isOppositeOf", "isComposedOf", "isBelow"):
        yield use.tone[name], use.rdf.type, use.owl.IrreflexiveProperty
    yield use.tone.isComposedOf, use.rdf.type, use.owl.AsymmetricProperty
    yield use.tone.isBelow, use.rdf.type, use.owl.AsymmetricProperty
    for name in (*PREDICATES, "isBelow"):
        yield use.tone[name], use.rdfs.domain, use.tone.Node
        yield use.tone[name], use.rdfs.range, use.tone.Node
    for name in ("Emotion", "Node", *(tier.title() for tier in TIERS)):
        yield use.tone[name], use.rdf.type, use.owl.Class
    for tier in TIERS:
        yield use.tone[tier.title()], use.rdfs.subClassOf, use.tone.Node
    yield from _disjoint(use, "tiers", [use.tone[tier.title()] for tier in TIERS])
    # Every tertiary stands under exactly one primary; blends (delight is joy and surprise) are statements between
    # nodes, not classes below two.
    yield from _disjoint(use, "primaries", [use.rdflib.URIRef(iri(node)) for node in ontology.nodes if node.tier == 1])
    for name in (*DIMENSIONS, *_ABOUT_TRIPLES):
        yield use.tone[name], use.rdf.type, use.owl.AnnotationProperty
    for outside in (
        *(use.skos.definition, use.skos.altLabel, use.dcterms.source, use.dcterms.title),
        *(use.dcterms.description, use.dcterms.rights, use.dcterms.license),
    ):
        yield outside, use.rdf.type, use.owl.AnnotationProperty


_ABOUT_TRIPLES = (
    *("basis", "verification", "group", "figures", "knownAs", "note", "claimedBy", "cosine", "pos", "sense", "sd", "n"),
)


def _disjoint(use: Kit, name: str, classes: list[Any]) -> Iterator[Any]:
    each = use.rdflib.BNode(f"disjoint-{name}")
    yield each, use.rdf.type, use.owl.AllDisjointClasses
    links = [use.rdflib.BNode(f"disjoint-{name}-{number}") for number in range(len(classes))]
    yield each, use.owl.members, links[0] if links else use.rdf.nil
    for link, following, member in zip(links, [*links[1:], use.rdf.nil], classes, strict=True):
        yield link, use.rdf.first, member
        yield link, use.rdf.rest, following


def _tree(use: Kit, node: Node, form: Form) -> Iterator[Any]:
    name, above = use.rdflib.URIRef(iri(node)), parent(node)
    label = use.rdflib.Literal(node.term, lang="en")
    if form == "owl":
        yield name, use.rdf.type, use.owl.Class
        yield name, use.rdf.type, use.owl.NamedIndividual
        yield name, use.rdf.type, use.tone[TIERS[node.tier - 1].title()]
        yield name, use.rdfs.label, label
        yield name, use.rdfs.subClassOf, use.tone.Emotion if above is None else use.rdflib.URIRef(iri(above))
        if above is not None:
            yield name, use.tone.isBelow, use.rdflib.URIRef(iri(above))
        return
    scheme = use.rdflib.URIRef(ONTOLOGY)
    yield name, use.rdf.type, use.skos.Concept
    yield name, use.skos.inScheme, scheme
    yield name, use.skos.prefLabel, label
    if above is None:
        yield name, use.skos.topConceptOf, scheme
        yield scheme, use.skos.hasTopConcept, name
    else:
        yield name, use.skos.broader, use.rdflib.URIRef(iri(above))
        yield use.rdflib.URIRef(iri(above)), use.skos.narrower, name


def _rows(use: Kit, ontology: Ontology) -> Iterator[tuple[Any, Any, Any, Mapping[Any, Any]]]:
    """(subject, predicate, object, what is said about the three) of every row."""
    text, ref, tone = use.rdflib.Literal, use.rdflib.URIRef, use.tone
    source = use.dcterms.source
    for each in ontology.definitions:
        yield (
            *(ref(iri(each.node)), use.skos.definition, text(each.definition, lang="en")),
            {source: text(each.source)},
        )
    for word in ontology.words:
        said = {
            source: text(word.source),
            tone.knownAs: text("vocabulary"),
            tone.claimedBy: text(word.claimed_by),
            tone.cosine: _number(use, word.cosine),
            tone.verification: text(word.verification),
            tone.pos: text(word.pos),
            tone.sense: text(word.sense),
        }
        yield ref(iri(word.node)), use.skos.altLabel, text(word.word, lang="en"), said
    for other in ontology.alternatives:
        said = {source: text(other.source), tone.knownAs: text("alternative"), tone.note: text(other.note)}
        yield ref(iri(other.node)), use.skos.altLabel, text(other.word, lang="en"), said
    for one in ontology.statements:
        said = {
            source: text(one.source),
            tone.basis: text(one.basis),
            tone.verification: text(one.verification),
            tone.group: text(one.group) if one.group else None,
            tone.figures: text(json.dumps(one.figures, sort_keys=True)) if one.figures else None,
        }
        yield ref(iri(one.subject)), tone[one.predicate], ref(iri(one.object)), said
    for norm in ontology.norms:
        said = {
            source: text(norm.source),
            tone.basis: text(norm.basis),
            tone.sd: _number(use, norm.sd),
            tone.n: None if norm.n is None else text(norm.n),
        }
        yield ref(iri(norm.node)), tone[norm.dimension], _number(use, norm.value), said


def _number(use: Kit, value: float | None) -> Any:
    # Decimals keep every digit; rdflib rounds doubles when it writes them.
    return None if value is None else use.rdflib.Literal(Decimal(repr(value)))


def _annotation(
    use: Kit, form: Form, name: str, triple: tuple[Any, Any, Any], said: Mapping[Any, Any]
) -> Iterator[Any]:
    this = use.rdflib.BNode(name)
    space, parts = annotation_names(use, form)
    yield this, use.rdf.type, space
    for part, value in zip(parts, triple, strict=True):
        yield this, part, value
    for about, value in said.items():
        if value is not None:
            yield this, about, value


def annotation_names(use: Kit, form: Form) -> tuple[Any, tuple[Any, Any, Any]]:
    """The class of an annotation, and the three properties that name the triple it is about."""
    if form == "owl":
        return use.owl.Axiom, (use.owl.annotatedSource, use.owl.annotatedProperty, use.owl.annotatedTarget)
    return use.rdf.Statement, (use.rdf.subject, use.rdf.predicate, use.rdf.object)
