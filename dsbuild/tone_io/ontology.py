"""What an ontology of emotions holds, in no format: the nodes and every row that is said about them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from schemas.tone import Node, nodes
from schemas.tone.load import (
    Alternative,
    Definition,
    Norm,
    Statement,
    Word,
    alternatives,
    definitions,
    norms,
    statements,
    vocabulary,
)


@dataclass(frozen=True)
class Ontology:
    """TONE, or another ontology of the same make. Two are equal when they say the same: `ordered` sorts the rows."""

    nodes: tuple[Node, ...]
    definitions: tuple[Definition, ...]
    words: tuple[Word, ...]
    alternatives: tuple[Alternative, ...]
    statements: tuple[Statement, ...]
    norms: tuple[Norm, ...]

    def ordered(self) -> Ontology:
        """The same with its nodes, and the rows about them, in order."""
        return Ontology(
            tuple(sorted(self.nodes, key=_place)),
            tuple(sorted(self.definitions, key=lambda row: (_place(row.node), repr(row)))),
            tuple(sorted(self.words, key=lambda row: (row.word, _place(row.node), repr(row)))),
            tuple(sorted(self.alternatives, key=lambda row: (row.word, _place(row.node), repr(row)))),
            tuple(sorted(self.statements, key=_sentence)),
            tuple(sorted(self.norms, key=lambda row: (_place(row.node), row.dimension, repr(row)))),
        )


def _sentence(row: Statement) -> tuple[object, ...]:
    # Figures are a dict, whose order says nothing.
    rest = (row.group, row.source, row.basis, row.verification, json.dumps(row.figures, sort_keys=True))
    return (_place(row.subject), row.predicate, _place(row.object), *rest)


def _place(node: Node) -> tuple[str, str, str]:
    # A node above another one has blanks where the other has words, and so comes first.
    return (node.primary, node.secondary or "", node.tertiary or "")


def shipped(*, emobank: bool = True) -> Ontology:
    """The ontology that comes with dsbuild; `emobank` takes in arousal and dominance, which are CC BY-SA 4.0."""
    return Ontology(
        nodes(), definitions(), vocabulary(), alternatives(), statements(), norms(emobank=emobank)
    ).ordered()
