"""A printed table as LaTeX: booktabs, and siunitx if that is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torc_frames.errors import RefusedError
from torc_frames.files.printed.latex_text import latex_text
from torc_frames.frame.tabulation.cells import PrintedCell
from torc_frames.frame.tabulation.printed import Printed, PrintedColumn

__all__ = ["latex"]

_LABEL = re.compile(r"[\w:.+/ -]*", re.ASCII)
_POSITION = re.compile(r"[htbpH!]*")
_NUMBER = re.compile(r"−?[0-9,]+(\.[0-9]+)?")
_SIUNITX = r"\sisetup{separate-uncertainty, table-align-uncertainty=false, detect-weight}"
_MARKED = {"": "{}", "best": r"\textbf{{{}}}", "second": r"\underline{{{}}}"}


def latex(table: Printed, label: str, position: str, siunitx: bool) -> str:
    """Return a table that needs the package booktabs, and siunitx where asked for.

    Raises
    ------
    RefusedError
        For a label or a position that would not be one.
    """
    if not _LABEL.fullmatch(label):
        raise RefusedError(f"label={label!r}: letters of ASCII, digits and : . + - _ / are allowed")
    if not _POSITION.fullmatch(position):
        raise RefusedError(f"position={position!r}: it is made of h, t, b, p, H and !")
    kinds = [_kind(column) if siunitx else "r" if column.is_number else "l" for column in table.columns]
    packages = r"\usepackage{booktabs}" + (r" \usepackage{siunitx}" if siunitx else "")
    lines = [f"% {packages}", r"\begin{table}" + (f"[{position}]" if position else ""), r"\centering"]
    lines += [rf"\caption{{{latex_text(table.caption)}}}\smallskip"] if table.caption else []
    lines += [rf"\label{{{label}}}"] if label else []
    lines += [_SIUNITX] if siunitx else []
    lines += [rf"\begin{{tabular}}{{{''.join(kinds)}}}", r"\toprule", *_heads(table, kinds), r"\midrule"]
    rows = table.rows()
    has_blocks = any(not row[0].text() for row in rows)
    for at, row in enumerate(rows):
        if has_blocks and at and row[0].text():
            lines.append(r"\addlinespace")
        cells = [_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
        lines.append(rf"{' & '.join(cells)} \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip{{\footnotesize {latex_text(table.foot)}\par}}"] if table.foot else []
    return "\n".join([*lines, r"\end{table}", ""])


def _heads(table: Printed, kinds: Sequence[str]) -> list[str]:
    lines = []
    if groups := table.groups():
        cells = [
            rf"\multicolumn{{{end - start}}}{{c}}{{{latex_text(group)}}}"
            if group
            else " & " * (end - start - 1)
            for group, start, end in groups
        ]
        rules = [rf"\cmidrule(lr){{{start + 1}-{end}}}" for group, start, end in groups if group]
        lines = [rf"{' & '.join(cells)} \\", " ".join(rules)]
    heads = [latex_text(column.heading) for column in table.columns]
    braced = [f"{{{head}}}" if kind[0] == "S" else head for head, kind in zip(heads, kinds, strict=True)]
    return [*lines, rf"{' & '.join(braced)} \\"]


def _cell(cell: PrintedCell, kind: str) -> str:
    behind = latex_text(cell.behind)
    if kind == "r" and cell.behind == "*":  # is beside the column, so that numbers stay below each other
        behind = r"\rlap{*}"
    marked = _MARKED[cell.mark].format(latex_text(cell.number())) + behind
    if kind[0] != "S" or not marked:
        return marked
    if not _is_plain(cell) or cell.mark == "second":  # siunitx reads no underlined number
        return f"{{{marked}}}"
    number = _ascii(cell.center) + (f" +- {_ascii(cell.spread)}" if cell.spread else "")
    bold = r"\bfseries " if cell.mark == "best" else ""
    return f"{bold}{number}" + (rf" {{{latex_text(cell.behind)}}}" if cell.behind else "")


def _is_plain(cell: PrintedCell) -> bool:
    """Return whether siunitx can align it: a number, with its uncertainty or none, and no power of ten."""
    parts = [cell.center, *([cell.spread] if cell.spread else [])]
    return not cell.power and cell.joined == PrintedCell("").joined and all(map(_NUMBER.fullmatch, parts))


def _ascii(number: str) -> str:
    return number.replace("−", "-").replace(",", "")


def _kind(column: PrintedColumn) -> str:
    """Return the kind of column: where all is aligned at the point, how many digits that takes."""
    if not column.is_number:
        return "l"
    plain = [cell for cell in column.cells if _is_plain(cell)]
    if not plain:
        return "r"
    wholes, fractions = zip(
        *(_ascii(cell.center).lstrip("-").partition(".")[::2] for cell in plain), strict=True
    )
    sign = "-" if any(cell.center.startswith("−") for cell in plain) else ""
    places = max(map(len, fractions))
    shown = f"{sign}{max(map(len, wholes))}" + (f".{places}" if places else "")
    spreads = [len(_ascii(cell.spread).replace(".", "").lstrip("0")) for cell in plain if cell.spread]
    behind = max((latex_text(cell.behind) for cell in plain), key=len)
    spread = f"({max(1, *spreads)})" if spreads else ""
    room = f",table-space-text-post={{{behind}}}" if behind else ""
    return f"S[table-format={shown}{spread}{room}]"
