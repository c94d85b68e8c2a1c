"""The tree of a record as JSON text, and back: with the line and column of what is wrong."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from torc_frames.errors import RefusedError
from torc_frames.frame.values import MAX_DEPTH
from torc_frames.widgets.records.nodes import Kind, Node, node_of, problem

__all__ = ["JsonTextError", "read", "write"]

_INDENT = "  "
_LINE = 80
"""Lists of single values that fit are written in one line."""

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?P<part>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?![0-9.eE+_a-zA-Z]))
      | (?P<word>(?:true|false|null)(?![0-9a-zA-Z_]))""",
    re.VERBOSE,
)
_WORD = re.compile(r"[^\s,:\[\]{}]{1,40}")
_WORDS = {"true": True, "false": False, "null": None}


class JsonTextError(RefusedError):
    """Text that is no JSON; ``line`` and ``column`` begin at 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__(f"line {line}, column {column}: {reason}")

    def __reduce__(self) -> tuple[type[JsonTextError], tuple[str, int, int]]:
        return type(self), (self.reason, self.line, self.column)


def read(text: str) -> Node:
    """Return the tree of a JSON text.

    Raises
    ------
    JsonTextError
        If it is none, or none that can be kept: a name twice in one object, a number that is too large.
    """
    return _JsonReader(text).document()


def write(node: Node, depth: int = 0) -> str:
    """Return a tree as JSON text; a text that means nothing stands in it as it was typed."""
    if not node.holds:
        return _scalar(node)
    opened, closed = "{}" if node.kind == "object" else "[]"
    if not node.inside:
        return opened + closed
    named = node.kind == "object"
    parts = [(f"{_quoted(item.key)}: " if named else "") + write(item, depth + 1) for item in node.inside]
    line = ", ".join(parts)
    if not named and len(line) < _LINE and not any(item.holds for item in node.inside) and "\n" not in line:
        return f"{opened}{line}{closed}"
    inner = "\n" + _INDENT * (depth + 1)
    return opened + inner + f",{inner}".join(parts) + "\n" + _INDENT * depth + closed


def _scalar(node: Node) -> str:
    if node.kind in ("string", "lines"):
        return _quoted(node.text)
    if node.kind == "null":
        return "null"
    text = node.text.strip()
    if node.kind == "number" and not problem(node):
        found = _TOKEN.fullmatch(text)
        return text if found and found["part"] else repr(float(text))
    return text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class _JsonReader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def document(self) -> Node:
        node = self.value("", 1)
        if self.next():
            raise self.error("nothing can follow the end of the value")
        return node

    def value(self, key: str, depth: int) -> Node:
        if (opening := self.next()) in ("{", "["):
            if depth > MAX_DEPTH:
                raise self.error(f"nested deeper than {MAX_DEPTH} levels")
            return self.holder("object" if opening == "{" else "list", key, depth)
        token = self.token("a value")
        if token.lastgroup == "word":
            return node_of(_WORDS[token[0]], key)
        if token["number"] is not None:
            kind: Kind = "number" if token["part"] else "integer"
            return self.checked(Node(kind, token[0], (), key), token)
        return self.checked(replace(node_of(json.loads(token[0])), key=key), token)

    def holder(self, kind: Kind, key: str, depth: int) -> Node:
        """Read an object or a list."""
        closing, names = "}" if kind == "object" else "]", set[str]()
        inside: list[Node] = []
        self.at += 1
        while self.next() != closing:
            if inside:
                self.step(",", f"',' or '{closing}'")
            name = self.name(names) if kind == "object" else ""
            inside.append(self.value(name, depth + 1))
        self.at += 1
        return Node(kind, "", tuple(inside), key)

    def name(self, taken: set[str]) -> str:
        token = self.token("a name in quotes", "string")
        name: str = json.loads(token[0])
        if name in taken:
            raise self.error(f"the name {name!r} is there twice in one object", token.start())
        taken.add(name)
        self.checked(Node("string", name), token)
        self.step(":", "':' after the name")
        return name

    def step(self, mark: str, expected: str) -> None:
        if self.next() != mark:
            raise self.error(f"expected {expected}")
        self.at += 1

    def checked(self, node: Node, token: re.Match[str]) -> Node:
        if reason := problem(node):
            raise self.error(reason, token.start())
        return node

    def token(self, expected: str, *groups: str) -> re.Match[str]:
        self.next()
        found = _TOKEN.match(self.text, self.at)
        if found is None or (groups and all(found[group] is None for group in groups)):
            there = _WORD.match(self.text, self.at)
            raise self.error(f"expected {expected}" + (f", not {there[0]!r}" if there else ""))
        self.at = found.end()
        return found

    def next(self) -> str:
        """Return the next character that is no blank, and go there."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def error(self, reason: str, at: int | None = None) -> JsonTextError:
        place = self.at if at is None else at
        before = self.text[:place]
        if place >= len(self.text):
            reason = f"{reason}, and the text ends"
        return JsonTextError(reason, before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1)
