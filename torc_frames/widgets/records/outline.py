"""Which values of a record are shown: what is folded, and which page of a long list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torc_frames.widgets.records.nodes import Node, walk

__all__ = ["PAGE", "Line", "Outline"]

PAGE = 50
"""How many values of one object or list are shown at once."""

_OPEN = 120
"""How many lines there may be at first: what is inside more of them is folded."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the form.

    ``part`` says what of the node it is: the value itself, the place to go to other pages of it, or the place
    to add to it.
    """

    part: Literal["value", "pages", "add"]
    node: Node
    depth: int
    name: str = ""
    path: str = ""
    in_list: bool = False
    is_root: bool = False
    is_open: bool = False
    start: int = 0


class Outline:
    """What is shown of a tree, by the ids of its nodes.

    Parameters
    ----------
    root : Node
        The tree as it is at first.

    Examples
    --------
    >>> from torc_frames.widgets.records.nodes import node_of
    >>> root = node_of({"a": 1, "b": {"c": 2}})
    >>> outline = Outline(root)
    >>> [(line.part, line.path) for line in outline.lines(root)]  # doctest: +NORMALIZE_WHITESPACE
    [('value', 'the record'), ('value', 'a'), ('value', 'b'), ('value', 'b.c'), ('add', 'b'),
     ('add', 'the record')]
    """

    def __init__(self, root: Node) -> None:
        self._folded: set[int] = set()
        self._pages: dict[int, int] = {}
        self.fold_much(root)

    def fold_much(self, root: Node) -> None:
        """Fold what would make too many lines at once, from the inside out."""
        level, shown = [root], 1
        while level:
            inside = []
            for node in level:
                lines = min(len(node.inside), PAGE) + 1
                if node is not root and shown + lines > _OPEN:
                    self._folded |= {each.id for each in walk(node) if each.holds}
                    continue
                shown += lines
                inside += [item for item in node.inside if item.holds]
            level = inside

    def is_open(self, node: Node) -> bool:
        """Return whether what is inside a node is shown."""
        return node.holds and node.id not in self._folded

    def turn(self, node: Node) -> None:
        """Fold or unfold a node."""
        self._folded ^= {node.id}

    def page(self, node: Node, start: int) -> None:
        """Show another page of a node."""
        self._pages[node.id] = start

    def show(self, root: Node, at: int) -> bool:
        """Unfold all around a node, and go to the pages that it is on; tell whether it is there."""
        for place, item in enumerate(root.inside):
            if item.id == at or self.show(item, at):
                self._folded.discard(root.id)
                self._pages[root.id] = place - place % PAGE
                return True
        return False

    def lines(self, root: Node) -> list[Line]:
        """Return the lines to show, in order."""
        is_open = self.is_open(root)
        first = Line("value", root, 0, "record", "the record", is_root=True, is_open=is_open)
        return [first, *self._inside(root, 0, "")]

    def _inside(self, node: Node, depth: int, path: str) -> Iterator[Line]:
        if not self.is_open(node):
            return
        total = len(node.inside)
        start = min(self._pages.get(node.id, 0), max(total - 1, 0) // PAGE * PAGE)
        if total > PAGE:
            yield Line("pages", node, depth, path=path or "the record", start=start)
        for at, item in enumerate(node.inside[start : start + PAGE], start):
            listed = node.kind == "list"
            name = f"[{at}]" if listed else item.key
            where = f"{path}{name}" if listed else f"{path}.{name}" if path else name
            yield Line("value", item, depth, name, where, listed, is_open=self.is_open(item))
            yield from self._inside(item, depth + 1, where)
        yield Line("add", node, depth, path=path or "the record")
