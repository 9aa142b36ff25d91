"""TONE as data: the tree of emotions in three tiers, and where in it a term stands."""

from schemas.tone.tree import Node, node, nodes

__all__ = ["Node", "node", "nodes"]
