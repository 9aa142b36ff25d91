"""TONE as data: the tree of emotions in three tiers, its vocabulary and its dependencies, and questions about them.

TONE's own ontology (arXiv 2401.06810) is not public. This is a reconstruction; docs/tone-build.md says how it was made.
"""

from schemas.tone.tree import Node, node, nodes

__all__ = ["Node", "node", "nodes"]
