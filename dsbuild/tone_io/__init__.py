"""TONE as OWL 2 and SKOS: written as Turtle, and read back without loss.

TONE's own ontology is not public; what is written here is a reconstruction, and every file says so.
"""

from dsbuild.tone_io.ontology import Ontology, shipped
from dsbuild.tone_io.read import read
from dsbuild.tone_io.write import write

__all__ = ["Ontology", "read", "shipped", "write"]
