"""JSON5 as people type it: JSON with comments, bare keys, single quotes and commas at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["value_of"]

_DEEPEST = 200

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n\r\u2028\u2029]*|/\*.*?\*/|\ufeff)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<mark>[{}\[\],:])
      | (?P<word>(?:\\.|[^\s{}\[\],:"'/\\])+)""",
    re.VERBOSE | re.DOTALL,
)
_BYTES = re.compile(r"b'(\w+)'")
_DIGITS = re.compile(r"[-+]?[.\d]")


def value_of(text: str) -> Any:
    """Return the value of a JSON5 text; ValueError if it is none, or says two things.

    NaN and Infinity are values of it; whoever can't keep them refuses them.

    Examples
    --------
    >>> value_of("{lr: .5, layers: [8, 8,], /* like */ name: 'so'}")
    {'lr': 0.5, 'layers': [8, 8], 'name': 'so'}
    """
    import pyjson5

    try:
        value = pyjson5.decode(text, maxdepth=_DEEPEST)
    except pyjson5.Json5Exception as error:
        reason = _BYTES.sub(r"\1", str(error.args[0]))
        raise ValueError(f"not JSON5: {reason}") from None
    except UnicodeEncodeError:
        raise ValueError("not JSON5: it is not valid UTF-8") from None
    for problem in _ambiguities(text):
        raise ValueError(problem)
    return value


def _ambiguities(text: str) -> Iterator[str]:
    """Yield what pyjson5 lets pass in valid JSON5: keys that are there twice, and 1_0 for 10."""
    objects: list[set[str] | None] = []
    previous = ""
    for token in _TOKEN.finditer(text):
        kind, word = token.lastgroup, token[0]
        if kind == "skip":
            continue
        if word in ("{", "["):
            objects.append(set() if word == "{" else None)
        elif word in ("}", "]"):
            objects.pop()
        elif word == ":" and objects and (keys := objects[-1]) is not None:
            key = _key(previous)
            if key in keys:
                yield f"the key {key!r} is there twice in one object"
            keys.add(key)
        elif kind == "word" and "_" in word and _DIGITS.match(word):
            yield f"{word} is no number"
        previous = word


def _key(token: str) -> str:
    import pyjson5

    [key] = pyjson5.decode(f"{{{token}:0}}")
    return str(key)
