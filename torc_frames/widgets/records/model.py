"""One record as it is edited: a tree of texts, its JSON, what is wrong with it, undo and redo."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from torc_frames.errors import Problem, RefusedError
from torc_frames.frame.values import encode_data
from torc_frames.widgets.history import StateHistory
from torc_frames.widgets.records.jsontext import JsonTextError, read, write
from torc_frames.widgets.records.nodes import (
    Kind,
    Node,
    changed,
    converted,
    copied,
    merged,
    node_of,
    node_of_state,
    problems,
    state_of,
    value_of,
)

__all__ = ["RecordForm"]


class _NodePlace(NamedTuple):
    """Where a node is."""

    node: Node
    above: Node | None
    path: str


@dataclass(frozen=True)
class _State:
    """A record at one moment; what follows from it is worked out once."""

    root: Node
    typed: str | None = None
    """A JSON text that is not valid yet; the tree is that before it."""

    @cached_property
    def problems(self) -> dict[int, str]:
        return problems(self.root)

    @cached_property
    def places(self) -> dict[int, _NodePlace]:
        return {place.node.id: place for place in _places(self.root)}

    @cached_property
    def json(self) -> str:
        return write(self.root) if self.typed is None else self.typed

    @cached_property
    def json_problem(self) -> str:
        if self.typed is None and not self.problems:
            return ""
        try:
            read(self.json)
        except JsonTextError as error:
            return str(error)
        return ""

    @cached_property
    def encoded(self) -> bytes | None:
        """The data as the store has it; None if something is not valid."""
        if self.typed is not None or self.problems:
            return None
        try:
            return encode_data(value_of(self.root))
        except RefusedError:  # nested too deep, which saving tells
            return None


class RecordForm:
    """A record that is edited, apart from any store and any browser.

    Each method that edits is one step for `undo`; typing on in one field is one step, too. What is typed
    stays as it is, valid or not; `problems` says what is wrong.

    Parameters
    ----------
    data : JSON value
        What the record holds.

    Attributes
    ----------
    lock : RLock
        Held while something changes; widgets' callbacks run in threads.

    Examples
    --------
    >>> form = RecordForm({"depth": 3, "layers": [8, 8]})
    >>> form.set_text(form.find("depth"), "4")
    >>> form.value
    {'depth': 4, 'layers': [8, 8]}
    >>> form.set_json('{"depth": 4, "layers": [8,')
    >>> form.json_problem
    'line 1, column 27: expected a value, and the text ends'
    >>> form.undo()
    >>> form.undo()
    >>> form.value, form.dirty
    ({'depth': 3, 'layers': [8, 8]}, False)
    """

    def __init__(self, data: Any) -> None:
        self.lock = threading.RLock()
        self._saved = encode_data(data)
        self._history = StateHistory(_State(node_of(data)))
        self._callbacks: list[Callable[[], None]] = []

    @property
    def root(self) -> Node:
        """The record as a tree."""
        return self._state.root

    @property
    def json(self) -> str:
        """The record as JSON text; as it was typed, if it is not valid."""
        return self._state.json

    @property
    def json_problem(self) -> str:
        """Why the JSON text is not valid, with its line and column, or not as the form has it; else empty."""
        first = next(iter(self.problems.items()), None)
        return self._state.json_problem or ("" if first is None else f"{self.path(first[0])}: {first[1]}")

    @property
    def is_text(self) -> bool:
        """Whether a JSON text was typed that is not valid: the tree is what was there before it."""
        return self._state.typed is not None

    @property
    def problems(self) -> dict[int, str]:
        """What is wrong with the nodes of the tree, by their ids."""
        return self._state.problems

    @property
    def value(self) -> Any:
        """The record's data.

        Raises
        ------
        RefusedError
            With everything that is wrong.
        """
        with self.lock:
            if self._state.typed is not None:
                raise RefusedError(f"the JSON text is not valid: {self.json_problem}")
            if wrong := self.problems:
                raise RefusedError([Problem(None, self.path(at), reason) for at, reason in wrong.items()])
            return value_of(self.root)

    @property
    def dirty(self) -> bool:
        """Whether it is not what the store has, as far as is known."""
        return self._state.encoded != self._saved

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._history.can_redo

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after each change, with `lock` held."""
        self._callbacks.append(callback)

    def find(self, *path: str | int) -> int:
        """Return the id of the node at keys and positions; KeyError if there is none."""
        node = self.root
        for step in path:
            found = [
                item
                for at, item in enumerate(node.inside)
                if (item.key if node.kind == "object" else at) == step
            ]
            if not found:
                raise KeyError(step)
            node = found[0]
        return node.id

    def node(self, at: int) -> Node:
        """Return the node of an id; KeyError if there is none any more."""
        return self._state.places[at].node

    def parent(self, at: int) -> Node | None:
        """Return what a node is inside of."""
        place = self._state.places.get(at)
        return None if place is None else place.above

    def path(self, at: int) -> str:
        """Return where a node is, for people: ``model.layers[0]``."""
        return self._state.places[at].path or "the record"

    # editing

    def set_text(self, at: int, text: str) -> None:
        """Type a text into a single value."""
        self._edit(at, lambda node: (replace(node, text=text),), typing="text")

    def set_kind(self, at: int, kind: Kind) -> None:
        """Make a value one of another kind, keeping what was typed where that can be."""
        self._edit(at, lambda node: (node if node.kind == kind else converted(node, kind),))

    def rename(self, at: int, key: str) -> None:
        """Give a value of an object another name."""
        self._edit(at, lambda node: (replace(node, key=key),), typing="name")

    def delete(self, at: int) -> None:
        """Take a value out of its object or list; the record itself becomes null."""
        self._edit(at, lambda node: (converted(node, "null"),) if node.id == self.root.id else ())

    def duplicate(self, at: int) -> int:
        """Put a copy of a value below it, in an object with a name that is free; return its id."""
        above = self.parent(at)
        if above is None:
            raise RefusedError("the record itself has no place for a second one")
        made = replace(copied(self.node(at)), key=_free(above, self.node(at).key))
        self._edit(at, lambda node: (node, made))
        return made.id

    def add(self, at: int, key: str = "new") -> int:
        """Add a value to the end of an object or list, and return its id.

        In a list it is a copy of the last item, in an object an empty text.
        """
        node = self.node(at)
        if node.kind == "list":
            made = copied(node.inside[-1]) if node.inside else Node("string")
        else:
            made = Node("string", key=_free(node, key))
        self._edit(at, lambda node: (replace(node, inside=(*node.inside, made)),))
        return made.id

    def move(self, at: int, by: int) -> None:
        """Move a value up (negative) or down among its neighbours, not past the ends."""
        above = self.parent(at)
        if above is None:
            return
        place = [item.id for item in above.inside].index(at)
        to = min(max(place + by, 0), len(above.inside) - 1)
        others = [item for item in above.inside if item.id != at]
        moved = (*others[:to], above.inside[place], *others[to:])
        if to != place:
            self._edit(above.id, lambda node: (replace(node, inside=moved),))

    def set_json(self, text: str) -> None:
        """Type the whole record as JSON text."""
        with self.lock:
            if text == self.json:
                return
            try:
                state = _State(merged(self.root, read(text)))
            except JsonTextError:
                state = _State(self.root, text)
            if state != self._state:
                self._step(state, typing=("json", 0))

    def set_value(self, data: Any) -> None:
        """Make it another value, as one step."""
        with self.lock:
            self._step(_State(merged(self.root, node_of(data))))

    def state(self) -> dict[str, Any]:
        """Return all that was typed, valid or not, as JSON; but no steps to undo."""
        with self.lock:
            return {"root": state_of(self.root), "typed": self._state.typed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Type again what `state` has told, as one step; ValueError if that was no form's."""
        root, typed = node_of_state(state.get("root")), state.get("typed")
        with self.lock:
            restored = _State(merged(self.root, root), None if typed is None else str(typed))
            if restored != self._state:
                self._step(restored)

    def saved(self, data: Any) -> None:
        """Take note of what the store has."""
        with self.lock:
            self._saved = encode_data(data)
            self._history.pause()
            self._tell()

    def undo(self) -> None:
        """Take back the last step, if there is one."""
        with self.lock:
            if self._history.undo():
                self._tell()

    def redo(self) -> None:
        """Do again what was taken back last, if anything."""
        with self.lock:
            if self._history.redo():
                self._tell()

    # inside

    @property
    def _state(self) -> _State:
        return self._history.state

    def _edit(self, at: int, change: Callable[[Node], tuple[Node, ...]], typing: str = "") -> None:
        with self.lock:
            if self._state.typed is not None:
                raise RefusedError(f"the JSON text is not valid, mend it first: {self.json_problem}")
            (root,) = changed(self.root, at, change)
            if root is self.root or root == self.root:
                return
            self._step(_State(root), typing=(typing, at) if typing else None)

    def _step(self, state: _State, typing: tuple[str, int] | None = None) -> None:
        self._history.do(state, typing=typing)
        self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()


def _places(node: Node, above: Node | None = None, path: str = "") -> Iterator[_NodePlace]:
    yield _NodePlace(node, above, path)
    for at, item in enumerate(node.inside):
        name = f"{path}[{at}]" if node.kind == "list" else f"{path}.{item.key}" if path else item.key
        yield from _places(item, node, name)


def _free(above: Node, key: str) -> str:
    """Return a name that an object does not have yet."""
    taken = {item.key for item in above.inside}
    if above.kind == "list" or key not in taken:
        return key if above.kind == "object" else ""
    return next(name for number in range(2, len(taken) + 3) if (name := f"{key} {number}") not in taken)
