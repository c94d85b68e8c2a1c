"""A JSON value as a tree of texts that are being typed: what each means, or why it means nothing."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal, get_args

from torc_frames.frame.numerals import NUMBER
from torc_frames.frame.values import RefusalError, plain

__all__ = [
    "KINDS",
    "TEXTS",
    "Kind",
    "Node",
    "changed",
    "converted",
    "copied",
    "merged",
    "node_of",
    "node_of_state",
    "problem",
    "problems",
    "state_of",
    "value_of",
    "walk",
]

Kind = Literal["string", "lines", "escaped", "integer", "number", "boolean", "null", "object", "list"]
"""What a value is, and of texts how they are typed: in a line, in several, as in JSON with quotes."""

KINDS: tuple[Kind, ...] = get_args(Kind)
TEXTS: frozenset[Kind] = frozenset({"string", "lines", "escaped"})

_LONG = 80
"""Texts from here on are typed in several lines."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")  # as in JSON
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What a browser's text fields don't give back as it was."""

_ids = count(1)


@dataclass(frozen=True, slots=True)
class Node:
    """A value: the text that was typed, or what is inside."""

    kind: Kind
    text: str = ""
    inside: tuple[Node, ...] = ()
    key: str = ""
    """Its name, in an object."""

    id: int = field(default_factory=_ids.__next__, compare=False)
    """The same through all edits."""

    @property
    def holds(self) -> bool:
        """Whether other values are inside, or can be."""
        return self.kind in ("object", "list")


def node_of(value: Any, key: str = "") -> Node:
    """Return a JSON value as it is typed; numbers with all their digits."""
    if isinstance(value, dict):
        return Node("object", "", tuple(node_of(item, name) for name, item in value.items()), key)
    if isinstance(value, list):
        return Node("list", "", tuple(map(node_of, value)), key)
    if isinstance(value, bool):
        return Node("boolean", "true" if value else "false", (), key)
    if value is None:
        return Node("null", "", (), key)
    if isinstance(value, int):
        return Node("integer", str(value), (), key)
    if isinstance(value, float):
        return Node("number", repr(value), (), key)
    if _CONTROLS.search(value):
        return Node("escaped", json.dumps(value, ensure_ascii=False), (), key)
    return Node("lines" if "\n" in value or len(value) > _LONG else "string", value, (), key)


def value_of(node: Node) -> Any:
    """Return what a tree means.

    Raises
    ------
    RefusalError
        For the first text that means nothing.
    """
    if node.kind == "object":
        return {item.key: value_of(item) for item in node.inside}
    if node.kind == "list":
        return [value_of(item) for item in node.inside]
    if node.kind == "null":
        return None
    if node.kind == "boolean":
        return node.text == "true"
    if node.kind == "integer":
        return _integer(node.text)
    if node.kind == "number":
        return _number(node.text)
    return plain(_unescaped(node.text) if node.kind == "escaped" else node.text)


def problem(node: Node) -> str:
    """Return why the text of a single value means nothing, or nothing."""
    if node.holds:
        return ""
    try:
        value_of(node)
    except RefusalError as refusal:
        return str(refusal)
    return ""


def problems(root: Node) -> dict[int, str]:
    """Return what is wrong in a tree, by the id of each node."""
    found = {}
    for node in walk(root):
        if reason := problem(node):
            found[node.id] = reason
        if node.kind == "object" and len(names := {item.key for item in node.inside}) < len(node.inside):
            for item in node.inside:
                if item.key not in names:
                    found[item.id] = f"the name {item.key!r} is there twice"
                names.discard(item.key)
    return found


def walk(root: Node) -> Iterator[Node]:
    """Yield a node and all that are inside it, in order."""
    yield root
    for item in root.inside:
        yield from walk(item)


def changed(root: Node, at: int, change: Callable[[Node], tuple[Node, ...]]) -> tuple[Node, ...]:
    """Return what becomes of a tree when the node of an id becomes some others, or none."""
    if root.id == at:
        return change(root)
    inside: list[Node] = []
    for item in root.inside:
        inside += changed(item, at, change)
    same = len(inside) == len(root.inside) and all(map(operator.is_, inside, root.inside))
    return (root if same else replace(root, inside=tuple(inside)),)


def converted(node: Node, kind: Kind) -> Node:
    """Return a node as one of another kind, with what was typed where that can be."""
    bare = replace(node, kind=kind, text="", inside=())
    if kind in ("object", "list"):
        return replace(bare, inside=_as_inside(node, kind))
    if kind == "null":
        return bare
    text = _as_text(node)
    if kind == "boolean":
        return replace(bare, text="true" if text.strip().lower() in ("true", "1", "1.0", "yes") else "false")
    if kind == "integer" and NUMBER.fullmatch(text) and (whole := float(text)).is_integer():
        exact = _INTEGER.fullmatch(text.strip())
        return replace(bare, text=text if exact else str(int(whole)))
    if kind == "number" and not problem(replace(bare, text=text)):
        return replace(bare, text=repr(_number(text)))
    if kind in TEXTS:
        return _as_typed(bare, text)
    return replace(bare, text=text)


def copied(node: Node) -> Node:
    """Return an equal tree of new nodes."""
    return Node(node.kind, node.text, tuple(map(copied, node.inside)), node.key)


def merged(old: Node, new: Node) -> Node:
    """Return a new tree whose nodes are those of the old one where they are at the same place."""
    if old.kind == "object" and new.kind == "object":
        named = {item.key: item for item in old.inside}
        inside = tuple(
            merged(named.pop(item.key), item) if item.key in named else item for item in new.inside
        )
    elif old.kind == "list" and new.kind == "list":
        common = tuple(map(merged, old.inside, new.inside))
        inside = common + new.inside[len(common) :]
    else:
        inside = new.inside
    return replace(new, inside=inside, id=old.id)


def state_of(node: Node) -> list[Any]:
    """Return a tree as JSON: all that was typed, valid or not."""
    return [node.kind, node.text, node.key, list(map(state_of, node.inside))]


def node_of_state(state: Any) -> Node:
    """Return the tree that `state_of` has written; ValueError if it has not."""
    match state:
        case [str(kind), str(text), str(key), list(inside)] if kind in KINDS:
            return Node(kind, text, tuple(map(node_of_state, inside)), key)
    raise ValueError("this is no tree of a record")


def _as_text(node: Node) -> str:
    if node.kind == "escaped":
        try:
            return _unescaped(node.text)
        except RefusalError:
            return node.text
    if not node.holds:
        return node.text
    if not node.inside or problems(node):
        return ""
    return json.dumps(value_of(node), ensure_ascii=False)


def _as_typed(node: Node, text: str) -> Node:
    """Return a text in the way of typing that is asked for, if that can show it."""
    natural = node_of(text)
    if node.kind == "escaped":
        return replace(node, text=json.dumps(text, ensure_ascii=False))
    if natural.kind == "escaped" or "\n" in text:
        return replace(node, kind=natural.kind, text=natural.text)
    return replace(node, text=text)


def _as_inside(node: Node, kind: Kind) -> tuple[Node, ...]:
    if node.holds:
        names = [item.key if node.kind == "object" else str(at) for at, item in enumerate(node.inside)]
        return tuple(
            replace(item, key=name if kind == "object" else "")
            for item, name in zip(node.inside, names, strict=True)
        )
    if node.kind == "null" or not node.text:
        return ()
    if node.kind in TEXTS:
        try:
            found = json.loads(node.text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict if kind == "object" else list):
            return node_of(found).inside
    return (Node(node.kind, node.text, (), "value" if kind == "object" else ""),)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise RefusalError(_not(text, "integer"))
    try:
        return int(plain(int(text)))
    except ValueError:
        raise RefusalError("an integer of more than 4,000 digits; use a text") from None


def _number(text: str) -> float:
    if not NUMBER.fullmatch(text.strip()):
        raise RefusalError(_not(text, "number"))
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise RefusalError(f"{text.strip()} is too large for a number")
    if _INTEGER.fullmatch(text.strip()) and int(text) != value:
        raise RefusalError(f"{text.strip()} would be rounded to {value:.0f}; keep it an integer")
    return value


def _unescaped(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, str):
        raise RefusalError('this is no text as in JSON, such as "a\\tb"')
    return value


def _not(text: str, kind: str) -> str:
    return (
        f"{text!r} is no {kind}"
        if text.strip()
        else f"{'an' if kind == 'integer' else 'a'} {kind} is missing"
    )
