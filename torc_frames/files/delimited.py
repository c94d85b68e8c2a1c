"""CSV files of any make as rows of texts: encoding, separator and decimal mark found, or asked for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torc_frames.errors import Problem, RefusedError, shorten
from torc_frames.frame.numerals import Numerals

__all__ = ["CsvOptions", "DelimitedRows", "read_rows"]

_SEPARATORS = (",", ";", "\t")
_SEP_LINE = re.compile(r'"?sep=(.)"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)  # Excel's own first line

_POINT = re.compile(r"[-+]?[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?")
_COMMA = re.compile(r"[-+]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+([eE][-+]?[0-9]+)?")
_GROUPED = re.compile(r"[-+]?[1-9][0-9]{0,2}(([.,])[0-9]{3})(\2[0-9]{3})*")


@dataclass(frozen=True)
class CsvOptions:
    """How a CSV file is to be read; what is None is found."""

    sep: str | None = None
    decimal: str | None = None
    thousands: str = ""
    na_values: tuple[str, ...] = ()
    encoding: str | None = None
    raw: bool = False
    """Whether an apostrophe before what looks like a formula is part of the text."""


@dataclass(frozen=True)
class DelimitedRows:
    """The rows of a file, all of one width."""

    names: list[str]
    cells: list[list[str]]
    lines: list[int]
    """In which line of the file each row begins."""

    numerals: Numerals
    sep: str


def read_rows(path: Path, options: CsvOptions) -> DelimitedRows:
    """Read a CSV file: its first row names the columns.

    Raises
    ------
    RefusedError
        For what is no whole table; with the line, and what to do.
    """
    csv.field_size_limit(2**31 - 1)
    text = _text(path, options.encoding)
    said = _SEP_LINE.match(text)
    text = text[said.end() :] if said else text
    sep = options.sep or (said[1] if said else _separator(path, text, options.decimal))
    rows = list(_numbered(path, text, sep, before=1 if said else 0))
    if not rows:
        raise RefusedError(f"{path.name} is empty: its first line names the columns")
    lines, names, cells = [line for line, _ in rows[1:]], rows[0][1], [row for _, row in rows[1:]]
    _check_widths(names, cells, lines, sep)
    decimal = options.decimal or _decimal(sep, cells)
    if decimal == options.thousands and options.decimal is None:
        decimal = "," if decimal == "." else "."
    return DelimitedRows(names, cells, lines, Numerals(decimal, options.thousands), sep)


def _text(path: Path, encoding: str | None) -> str:
    data = path.read_bytes()
    found = encoding or ("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    try:
        text = data.decode(found)
    except LookupError:
        raise RefusedError(f"encoding {found!r} is none that Python knows: utf-8, cp1252, utf-16") from None
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = data.count(b"\n", 0, start) + 1
        mend = "" if encoding else "; if a program of Windows wrote it, say --encoding cp1252"
        byte = f"0x{data[start]:02x}" if start < len(data) else "the end"
        raise RefusedError(
            f"can not read {path.name} as csv: line {line}: {byte} is no {found}{mend}"
        ) from None
    if text.count("\0") > len(text) // 4:
        raise RefusedError(
            f"can not read {path.name} as csv: every other byte is 0: say --encoding utf-16-le"
        )
    return text.removeprefix("\ufeff")


def _separator(path: Path, text: str, decimal: str | None) -> str:
    """Return what separates the names, if that is one thing, or else all rows alike."""
    reader = {sep: csv.reader(io.StringIO(text, newline=""), delimiter=sep) for sep in _SEPARATORS}
    splitting = [sep for sep, rows in reader.items() if len(next((row for row in rows if row), [])) > 1]
    if len(splitting) > 1:
        whole = [sep for sep in splitting if _is_whole(text, sep)]
        if len(whole) > 1:
            told = " and ".join(map(repr, whole))
            raise RefusedError(f"{path.name} can be read with {told} between its cells: say which, --sep")
        splitting = whole or splitting
    if splitting:
        return splitting[0]
    return ";" if decimal == "," else ","


def _is_whole(text: str, sep: str) -> bool:
    """Return whether a separator gives rows of one width, in which quotes are around cells only."""
    cell = rf'(?:"(?:[^"]++|"")*+"|[^"{re.escape(sep)}\r\n]*+)'
    row = rf"{cell}(?:{re.escape(sep)}{cell})*+"
    if not re.fullmatch(rf"(?:{row}(?:\r\n|\r|\n))*+{row}", text):
        return False
    return len({len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=sep) if row}) == 1


def _numbered(path: Path, text: str, sep: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of the line that it begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True)
    start = before + 1
    try:
        for row in reader:
            if row:
                yield start, row
            start = before + reader.line_num + 1
    except csv.Error as error:
        open_quote = "a quote is opened, and never closed" if "unexpected end" in str(error) else None
        reason = open_quote or f"{error}: quotes inside of a quoted cell are doubled"
        raise RefusedError(f"can not read {path.name} as csv: line {start}: {reason}") from None


def _check_widths(
    names: Sequence[str], cells: Sequence[Sequence[str]], lines: Sequence[int], sep: str
) -> None:
    wrong = [(line, len(row)) for line, row in zip(lines, cells, strict=True) if len(row) != len(names)]
    if not wrong:
        return
    if sep == "," and _are_split_decimals(names, cells):
        raise RefusedError(
            f"line {wrong[0][0]} has a comma, and {names[0]!r} is the only column: if its numbers have "
            "decimal commas, say --sep ';' --decimal , (if R's row names stand before them, write without, "
            "row.names=FALSE)"
        )
    if len(wrong) == len(cells) and {width for _, width in wrong} == {len(names) + 1}:
        raise RefusedError(
            f"each row has a cell more than the columns {shorten(map(repr, names))}: are that R's row names? "
            "Write without them, row.names=FALSE, or with a name above them, col.names=NA"
        )
    raise RefusedError(
        [
            Problem(None, None, f"line {line} has {width} cells for {len(names)} columns")
            for line, width in wrong
        ]
    )


def _are_split_decimals(names: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Return whether numbers with decimal commas, in the only column, were taken for two cells."""
    split = [",".join(row) for row in cells if len(row) > 1]
    return len(names) == 1 and all(map(_COMMA.fullmatch, map(str.strip, split)))


def _decimal(sep: str, cells: Sequence[Sequence[str]]) -> str:
    """Return the mark of decimals: a comma if that is one beyond doubt, and no cell says otherwise."""
    if sep == ",":
        return "."
    found = False
    for row in cells:
        for cell in row:
            text = cell.strip()
            if _GROUPED.fullmatch(text):
                continue  # 1.234 and 1,234 may be thousands
            if _POINT.fullmatch(text):
                return "."
            found = found or _COMMA.fullmatch(text) is not None
    return "," if found else "."
