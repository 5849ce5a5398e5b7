"""One set of weights in several places of a drawing: what may share them, and why not the rest.

A node whose ``same_as`` names another has that one's weights, and with them its settings and its rule. There are no chains:
the owner has weights of its own. Being disabled, bypassed, collapsed or titled is each place's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.graph.document import Document, Node
from core.graph.vocabulary import Vocabulary


def fault(nodes: Mapping[str, Node], key: str) -> str:
    """What is wrong with whose weights a node has, as a sentence; empty where nothing is."""
    node = nodes[key]
    other = nodes.get(node.same_as)
    if not node.same_as:
        return ""
    if node.same_as == key:
        return "A block cannot have the same weights as itself."
    if other is None:
        return f"It has the weights of {node.same_as!r}, which is not in the document."
    if other.block != node.block:
        return f"It has the weights of {node.same_as!r}, which is another kind of block."
    if other.same_as:
        return f"It has the weights of {node.same_as!r}, which has those of another block itself."
    return ""


def refusal(document: Document, node: str, other: str, vocabulary: Vocabulary) -> str:
    """Why a node cannot have the weights of another, as a sentence; empty where it can."""
    if node not in document.nodes or other not in document.nodes:
        return "One of the two blocks is not on the canvas."
    spec, wanted = (vocabulary.spec(document.nodes[key].block) for key in (node, other))
    if reason := alone(document, node, vocabulary):
        return reason
    if node == other:
        return "A block cannot have the same weights as itself."
    if document.owner(node) == document.owner(other):
        return "The two have the same weights already."
    if document.nodes[node].block != document.nodes[other].block:
        return f"{spec.title} and {wanted.title} are two kinds of blocks; only blocks of one kind can have the same weights."
    return ""


def alone(document: Document, node: str, vocabulary: Vocabulary) -> str:
    """Why a node cannot share weights with any other, whichever; empty where it could."""
    spec = vocabulary.spec(document.nodes[node].block)
    if not spec.known:
        return f"{spec.title} is not known here, so neither are its weights."
    if spec.role not in ("block", "objective"):
        return f"{spec.title} works on single samples before batching and has no weights."
    return ""


def fitting(document: Document, node: str, vocabulary: Vocabulary) -> list[str]:
    """The blocks whose weights a node could have, each set of weights once, by its owner."""
    owners = dict.fromkeys(document.owner(key) for key in document.nodes)
    return [key for key in owners if not refusal(document, node, key, vocabulary)]


def why_none(document: Document, node: str, vocabulary: Vocabulary) -> str:
    """Why there is no other block whose weights a node could have; empty where there is one."""
    if fitting(document, node, vocabulary):
        return ""
    title = vocabulary.spec(document.nodes[node].block).title
    return alone(document, node, vocabulary) or f"There is no other {title} whose weights it could have."
