"""Templates over a row, for commands and names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from torc_frames.errors import Problem, RefusedError, shorten

__all__ = ["fill"]

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

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
        Quote each value, so that the shell takes it as one word.

    Raises
    ------
    RefusedError
        For a column that does not exist, and for rows in which a column used is missing.
    """
    parts = _parse(what, template, cells)
    if quoted:
        _refuse_quotes(what, template, parts)
    used = {part[0] for part in parts if not isinstance(part, str)}
    problems = [
        Problem(row, name, f"is missing, and the {what} {template!r} needs it")
        for name in sorted(used)
        for row in rows
        if cells[name][row] is None
    ]
    if problems:
        raise RefusedError(problems)
    if not used:
        return ["".join(map(str, parts))] * len(rows)
    quote: Callable[[str], str] = shlex.quote if quoted else str
    try:
        return ["".join(_text(part, cells, row, quote) for part in parts) for row in rows]
    except (ValueError, TypeError) as error:
        raise RefusedError(f"{what} {template!r}: {error}") from None


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


def _refuse_quotes(what: str, template: str, parts: Sequence[Part]) -> None:
    """Refuse a placeholder that stands in quotes: those around the value would end them."""
    quote = ""
    for part in parts:
        if not isinstance(part, str):
            if quote:
                raise RefusedError(
                    f"{what} {template!r}: {{{part[0]}}} stands in quotes; leave them out, values are quoted"
                )
            continue
        escaped = False
        for char in part:
            if escaped:
                escaped = False
            elif char == "\\" and quote != "'":
                escaped = True
            elif char in ("'", '"') and quote in ("", char):
                quote = "" if quote else char


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


def _text(part: Part, cells: Mapping[str, Sequence[Any]], row: int, quote: Callable[[str], str]) -> str:
    if isinstance(part, str):
        return part
    name, spec = part
    value = cells[name][row]
    if spec:
        return quote(format(value, spec))
    return quote(value if isinstance(value, str) else msgspec.json.encode(value).decode())
