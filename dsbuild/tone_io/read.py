"""An ontology read from Turtle (or another form of RDF), as OWL or as SKOS, into rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dsbuild.tone_io.names import DIMENSIONS, ONTOLOGY, PREDICATES, TIERS, Kit, iri, kit, tier_and_term
from dsbuild.tone_io.ontology import Ontology
from dsbuild.tone_io.write import Form, annotation_names
from schemas.errors import DsbuildError
from schemas.tone import Node
from schemas.tone.load import Alternative, Definition, Norm, Statement, Word


def read(text: str, where: str = "the ontology", syntax: str = "turtle") -> Ontology:
    """The ontology that `text` holds, in OWL or in SKOS; `syntax` is rdflib's name of its form.

    Raises:
        DsbuildError: it is no RDF, has no ontology of this make, a node without its place in the tree, or a row that
            is incomplete or says what cannot be; a triple that no annotation gives a source for counts as incomplete.
            Nodes without a definition are taken as they are.
    """
    use = kit()
    graph = use.rdflib.Graph()
    try:
        graph.parse(data=text, format=syntax)
    except Exception as error:  # rdflib's parsers raise whatever they stumble over
        raise DsbuildError(f"This cannot be read as {syntax}: {error}", where=where) from error
    try:
        return _Reader(use, graph).ontology()
    except DsbuildError as error:
        raise DsbuildError(error.what, where=where, fix=error.fix) from None


class _Reader:
    def __init__(self, use: Kit, graph: Any) -> None:
        self._use = use
        self._graph = graph
        self._form = self._which()
        self._nodes = {iri(node): node for node in self._tree()}

    def ontology(self) -> Ontology:
        use, skos = self._use, self._use.skos
        return Ontology(
            tuple(self._nodes.values()),
            tuple(
                Definition(self._node(s), str(o), self._text(a, use.dcterms.source))
                for s, o, a in self._annotated(skos.definition)
            ),
            tuple(
                self._word(s, o, a) for s, o, a in self._annotated(skos.altLabel) if self._known_as(a) == "vocabulary"
            ),
            tuple(
                Alternative(str(o), self._node(s), self._text(a, use.dcterms.source), self._text(a, use.tone.note))
                for s, o, a in self._annotated(skos.altLabel)
                if self._known_as(a) == "alternative"
            ),
            tuple(self._statement(name, s, o, a) for name in PREDICATES for s, o, a in self._annotated(use.tone[name])),
            tuple(self._norm(name, s, o, a) for name in DIMENSIONS for s, o, a in self._annotated(use.tone[name])),
        ).ordered()

    def _which(self) -> Form:
        name = self._use.rdflib.URIRef(ONTOLOGY)
        if (name, self._use.rdf.type, self._use.owl.Ontology) in self._graph:
            return "owl"
        if (name, self._use.rdf.type, self._use.skos.ConceptScheme) in self._graph:
            return "skos"
        raise DsbuildError(f"<{ONTOLOGY}> is neither an ontology nor a concept scheme here.")

    def _tree(self) -> Iterator[Node]:
        use, graph = self._use, self._graph
        if self._form == "owl":
            names = {name for tier in TIERS for name in graph.subjects(use.rdf.type, use.tone[tier.title()])}
            upwards = use.rdfs.subClassOf
        else:
            names = set(graph.subjects(use.rdf.type, use.skos.Concept))
            upwards = use.skos.broader
        for name in names:
            path = [name]
            tier, _ = tier_and_term(str(name))
            while tier > 1:
                above = [one for one in graph.objects(path[0], upwards) if one in names]
                if len(above) != 1 or tier_and_term(str(above[0]))[0] != tier - 1:
                    found = ", ".join(f"<{one}>" for one in sorted(map(str, above))) or "nothing"
                    raise DsbuildError(f"<{path[0]}> needs one node of tier {tier - 1} above it, and has {found}.")
                path.insert(0, above[0])
                tier -= 1
            yield Node(*(tier_and_term(str(step))[1] for step in path))

    def _node(self, name: Any) -> Node:
        try:
            return self._nodes[str(name)]
        except KeyError:
            raise DsbuildError(f"<{name}> is said something about, but it is no node of the tree.") from None

    def _annotated(self, predicate: Any) -> Iterator[tuple[Any, Any, Any]]:
        """(subject, object, annotation) of every triple of `predicate`, once for each annotation of it."""
        use, graph = self._use, self._graph
        _, (subject_of, predicate_of, object_of) = annotation_names(use, self._form)
        seen = set()
        for annotation in graph.subjects(predicate_of, predicate):
            triple = (graph.value(annotation, subject_of), predicate, graph.value(annotation, object_of))
            # A missing part would be a wildcard to rdflib, and match anything.
            if triple[0] is None or triple[2] is None or triple not in graph:
                raise DsbuildError(f"What is annotated is not said: {self._told(triple)}")
            seen.add((triple[0], triple[2]))
            yield triple[0], triple[2], annotation
        for subject, value in graph.subject_objects(predicate):
            if (subject, value) not in seen:
                raise DsbuildError(f"This is said without a source: {self._told((subject, predicate, value))}")

    @staticmethod
    def _told(triple: tuple[Any, Any, Any]) -> str:
        return " ".join("?" if part is None else part.n3() for part in triple)

    def _value(self, annotation: Any, about: Any) -> str | None:
        values = list(self._graph.objects(annotation, about))
        if len(values) > 1:
            raise DsbuildError(f"{about.n3()} is said {len(values)} times of one statement: {' and '.join(values)}")
        return str(values[0]) if values else None

    def _verification(self, annotation: Any) -> str:
        value = self._text(annotation, self._use.tone.verification)
        if value not in ("pending", "verified", "rejected"):
            raise DsbuildError(f"A verification is pending, verified or rejected, not {value!r}.")
        return value

    def _text(self, annotation: Any, about: Any) -> str:
        value = self._value(annotation, about)
        if value is None:
            _, parts = annotation_names(self._use, self._form)
            triple = tuple(self._graph.value(annotation, part) for part in parts)
            raise DsbuildError(f"{about.n3()} is missing of: {self._told(triple)}")
        return value

    def _known_as(self, annotation: Any) -> str:
        known_as = self._text(annotation, self._use.tone.knownAs)
        if known_as not in ("vocabulary", "alternative"):
            raise DsbuildError(f"A word is known as vocabulary or alternative, not as {known_as!r}.")
        return known_as

    def _word(self, subject: Any, value: Any, annotation: Any) -> Word:
        tone = self._use.tone
        cosine = self._value(annotation, tone.cosine)
        return Word(
            str(value),
            self._node(subject),
            self._text(annotation, self._use.dcterms.source),
            _whole(self._text(annotation, tone.claimedBy)),
            None if cosine is None else _real(cosine),
            self._verification(annotation),
            self._text(annotation, tone.pos),
            self._text(annotation, tone.sense),
        )

    def _statement(self, name: Any, subject: Any, value: Any, annotation: Any) -> Statement:
        tone = self._use.tone
        basis = self._text(annotation, tone.basis)
        if basis not in ("stated", "data", "inferred", "editorial"):
            raise DsbuildError(f"The basis of a statement is stated, data, inferred or editorial, not {basis!r}.")
        return Statement(
            self._node(subject),
            name,
            self._node(value),
            self._value(annotation, tone.group) or "",
            self._text(annotation, self._use.dcterms.source),
            basis,  # type: ignore[arg-type]  # one of the four, see above
            self._verification(annotation),
            _figures(self._value(annotation, tone.figures) or "{}"),
        )

    def _norm(self, dimension: str, subject: Any, value: Any, annotation: Any) -> Norm:
        tone = self._use.tone
        basis = self._text(annotation, tone.basis)
        if basis not in ("data", "interpolated"):
            raise DsbuildError(f"The basis of a norm is data or interpolated, not {basis!r}.")
        spread, number = self._value(annotation, tone.sd), self._value(annotation, tone.n)
        return Norm(
            self._node(subject),
            dimension,
            _place(str(value)),
            None if spread is None else _real(spread),
            None if number is None else _whole(number),
            self._text(annotation, self._use.dcterms.source),
            basis,  # type: ignore[arg-type]  # one of the two, see above
        )


def _figures(text: str) -> dict[str, Any]:
    try:
        figures = json.loads(text)
    except ValueError:
        figures = None
    if not isinstance(figures, dict):
        raise DsbuildError(f"The figures of a statement are a JSON object, not {text!r}.")
    return figures


def _place(text: str) -> float:
    value = _real(text)
    if not -1 <= value <= 1:
        raise DsbuildError(f"{text} is no place on a dimension: they go from -1 to 1.")
    return value


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DsbuildError(f"{text!r} should be a number.") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DsbuildError(f"{text!r} should be a whole number.") from None
