"""The names that the ontology's files use.

`urn:dsbuild:tone` is a name and no address: nothing answers there, and it is not TONE's own namespace, which is not
public. A node's name carries its tier (`tertiary-grief`), because one word can stand at several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from schemas.errors import DsbuildError
from schemas.extras import need
from schemas.tone import Node

ONTOLOGY: Final = "urn:dsbuild:tone"
BASE: Final = f"{ONTOLOGY}#"
TIERS: Final = ("primary", "secondary", "tertiary")
PREDICATES: Final = ("isOppositeOf", "isComposedOf", "leadsTo")
DIMENSIONS: Final = ("valence", "arousal", "dominance")

ABOUT: Final = (
    "A reconstruction of TONE (Gupta, Garg and Dandapat 2024, arXiv 2401.06810), whose own file is not public. The "
    "tree is that of Parrott (2001); vocabulary and dependencies were made by dsbuild, each with its source; nothing "
    "is verified by people unless it says so."
)
RIGHTS: Final = (
    "Definitions and words are made from WordNet 3.0 (Princeton University, its own licence), valence from VADER "
    "(Hutto and Gilbert 2014, MIT)."
)
RIGHTS_EMOBANK: Final = (
    " Arousal and dominance are made from EmoBank (Buechel and Hahn 2017, CC BY-SA 4.0), so this file as a whole is "
    "CC BY-SA 4.0."
)


def iri(node: Node) -> str:
    """The name of a node."""
    return f"{BASE}{TIERS[node.tier - 1]}-{quote(node.term, safe='')}"


def tier_and_term(name: str) -> tuple[int, str]:
    """What a node's name says.

    Raises:
        DsbuildError: it is not a node's name.
    """
    tier, dash, term = name.removeprefix(BASE).partition("-")
    if not name.startswith(BASE) or not dash or tier not in TIERS:
        raise DsbuildError(
            f"<{name}> is no node's name.", fix=f"A node is called, for example, <{BASE}tertiary-grief>."
        )
    return TIERS.index(tier) + 1, unquote(term)


@dataclass(frozen=True)
class Kit:
    """rdflib, imported when it is needed, and its namespaces."""

    rdflib: Any
    tone: Any
    rdf: Any
    rdfs: Any
    owl: Any
    skos: Any
    dcterms: Any
    xsd: Any


def kit() -> Kit:
    """rdflib and the namespaces.

    Raises:
        DsbuildError: the extra `tone` is not installed.
    """
    rdflib = need("rdflib", "tone")
    space = rdflib.namespace
    return Kit(rdflib, rdflib.Namespace(BASE), space.RDF, space.RDFS, space.OWL, space.SKOS, space.DCTERMS, space.XSD)
