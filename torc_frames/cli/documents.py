"""JSON5 documents from the command line: all read and checked before any is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from torc_frames.errors import Problem, RefusedError
from torc_frames.files.json5 import value_of

__all__ = ["numbered", "numbered_documents", "parse_documents"]


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
