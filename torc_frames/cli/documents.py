"""JSON5 documents from the command line: all read and checked before any is used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from torc_frames.errors import Problem, RefusedError

__all__ = ["numbered", "numbered_documents", "parse_documents", "value_of"]

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


def parse_documents(texts: Sequence[str], *, exact: bool = True) -> list[Any]:
    """Return the values of JSON5 texts.

    Parameters
    ----------
    texts : sequence of str
    exact : bool
        Whether to refuse what can't be kept exactly, such as NaN and Infinity.

    Raises
    ------
    RefusedError
        Naming every text that is no JSON5, or has a key twice in one object, or can't be kept exactly.
    """
    documents, problems = [], []
    for position, text in enumerate(texts, 1):
        try:
            value = value_of(text)
            if exact:
                from torc_frames.frame.values import encode_data

                encode_data(value)
            documents.append(value)
        except ValueError as error:
            problems.append(Problem(None, None, f"document {position}: {error}"))
    if problems:
        raise RefusedError(problems)
    return documents


@contextmanager
def numbered(names: Sequence[str]) -> Iterator[None]:
    """Tell of rows in errors by what they are called."""
    try:
        yield
    except RefusedError as error:
        if all(problem.row is None for problem in error.problems):
            raise
        raise RefusedError([_named(problem, names) for problem in error.problems]) from error


def numbered_documents(documents: Sequence[Any]) -> AbstractContextManager[None]:
    """Tell of rows in errors as documents; where there is one only, without a number."""
    return numbered([f"document {at}" if len(documents) > 1 else "" for at in range(1, len(documents) + 1)])


def _named(problem: Problem, names: Sequence[str]) -> Problem:
    if problem.row is None:
        return problem
    column = "" if problem.column is None else f"column {problem.column!r}"
    where = ", ".join(filter(None, (names[problem.row], column)))
    return Problem(None, None, f"{where}: {problem.reason}" if where else problem.reason)


def value_of(text: str) -> Any:
    """Return the value of a JSON5 text; ValueError if it is none, or says two things."""
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
