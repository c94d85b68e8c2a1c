"""Templates over a row, for commands and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from torc_frames.errors import Problem, RefusedError, shorten
from torc_frames.workflow.push.shell import HOLE, as_word, read_command

__all__ = ["fill", "fits", "has_columns", "used_of"]

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

_WIDEST = 1000

Part = str | tuple[str, str]


def fill(
    what: str, template: str, cells: Mapping[str, Sequence[Any]], rows: Sequence[int], *, quoted: bool
) -> list[str]:
    """Return the template filled in for some rows.

    ``{column}`` is replaced by the row's value: strings as they are, all else as JSON (``0.1``,
    ``true``); ``{column:.2e}`` formats it. ``{{`` and ``}}`` stand for braces. Nothing is evaluated.

    Parameters
    ----------
    what : str
        What the template is for, in messages: command or name.
    template : str
    cells : mapping
        The columns as JSON values, None for missing ones.
    rows : sequence of int
        The positions of the rows.
    quoted : bool
        Whether it is a command: each value is one word of the shell then, or part of one, see
        `torc_frames.workflow.push.shell`.

    Raises
    ------
    RefusedError
        For a column that does not exist, for rows in which a column used is missing, and for a command in
        which a value could be more to the shell than a word.
    """
    parts = _parse(what, template, cells)
    used = [part[0] for part in parts if not isinstance(part, str)]
    problems = [
        Problem(row, name, f"is missing, and the {what} {template!r} needs it")
        for name in sorted(set(used))
        for row in rows
        if cells[name][row] is None
    ]
    if not used:
        return ["".join(map(str, parts))] * len(rows)
    always = iter(_quoting(what, template, parts, used)) if quoted else None
    if problems:
        raise RefusedError(problems)
    columns = [
        [part] * len(rows) if isinstance(part, str) else _texts(what, template, part, cells, rows)
        for part in parts
    ]
    if always is not None:
        columns = [
            column if isinstance(part, str) else _words(what, part[0], column, rows, next(always))
            for part, column in zip(parts, columns, strict=True)
        ]
    return ["".join(row) for row in zip(*columns, strict=True)]


def has_columns(template: str) -> bool:
    """Return whether a template says something of a row."""
    return any(match[1] is not None for match in _PART.finditer(template))


def used_of(template: str, names: Iterable[str]) -> list[str]:
    """Return those of some columns that a template is made of, in order."""
    inside = {match[1] for match in _PART.finditer(template) if match[1] is not None}
    inside |= {text.rpartition(":")[0] for text in inside}
    return sorted(inside.intersection(names))


def fits(template: str, cells: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether a table has the columns of a template."""
    try:
        _parse("", template, cells)
    except RefusedError:
        return False
    return True


def _parse(what: str, template: str, cells: Mapping[str, Sequence[Any]]) -> list[Part]:
    parts: list[Part] = []
    end = 0
    for match in _PART.finditer(template):
        parts.append(template[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            raise RefusedError(
                f"{what} {template!r}: a single {match[0]!r}; write {match[0] * 2!r} for a brace"
            )
        else:
            parts.append(_column(what, template, match[1], cells))
    return [part for part in [*parts, template[end:]] if part]


def _quoting(what: str, template: str, parts: Sequence[Part], used: Sequence[str]) -> list[bool]:
    """Return for each value whether to quote it in any case; refuse those that can't be one word."""
    text = "".join(part if isinstance(part, str) else HOLE for part in parts)
    return read_command(f"{what} {template!r}", text, used)


def _column(what: str, template: str, inside: str, cells: Mapping[str, Sequence[Any]]) -> tuple[str, str]:
    if inside in cells:
        return inside, ""
    name, colon, spec = inside.rpartition(":")
    if colon and name in cells:
        return name, spec
    raise RefusedError(
        f"{what} {template!r}: no column {inside!r}; there are {shorten(map(repr, cells))}. "
        "Double the braces if they are meant as such."
    )


def _texts(
    what: str, template: str, part: tuple[str, str], cells: Mapping[str, Sequence[Any]], rows: Sequence[int]
) -> list[str]:
    """Return the values of a column as texts."""
    name, spec = part
    values = [cells[name][row] for row in rows]
    if not spec:
        return [value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in values]
    if any(int(number) > _WIDEST for number in re.findall("[0-9]+", spec)):
        raise RefusedError(f"{what} {template!r}: {spec!r} makes texts of more than {_WIDEST:,} characters")
    try:
        return [format(value, spec) for value in values]
    except (ValueError, TypeError) as error:
        raise RefusedError(f"{what} {template!r}: {error}") from None


def _words(what: str, name: str, texts: Sequence[str], rows: Sequence[int], always: bool) -> list[str]:
    """Return texts as words of the shell."""
    problems = [
        Problem(row, name, f"has a null character, which no {what} can: have the job read its parameters")
        for row, text in zip(rows, texts, strict=True)
        if "\0" in text
    ]
    if problems:
        raise RefusedError(problems)
    return [as_word(text, always) for text in texts]
