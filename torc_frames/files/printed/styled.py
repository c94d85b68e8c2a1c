"""A printed table as pandas' Styler, and by that as HTML."""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from torc_frames.errors import MissingExtraError
from torc_frames.frame.tabulation.printed import Printed

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

__all__ = ["html", "styled"]

_MARKED = {"": "", "best": "font-weight: bold", "second": "text-decoration: underline"}

# Nothing here may set on td what marks cells: Styler's rules for cells are weaker.
_LOOK = {
    "": "border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; color: inherit; "
    "background: none; font-variant-numeric: tabular-nums",
    "th, td": "padding: .25em .8em; text-align: right; background: none; border: none; white-space: nowrap; "
    "color: inherit",
    "th": "font-weight: normal",
    "thead tr:last-child th": "border-bottom: 1px solid",
    "caption": "caption-side: top; text-align: left; padding-bottom: .5em; color: inherit",
}
_GROUP = "text-align: center; border-bottom: 1px solid"


def styled(table: Printed) -> Styler:
    """Return the printed cells with their marks, escaped for HTML.

    Raises
    ------
    TorcFramesError
        If Jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401 - pandas' Styler needs it
    except ImportError:
        raise MissingExtraError("tables in HTML need Jinja2: pip install 'torc_frames[tables]'") from None
    heads = [(column.group, column.heading) for column in table.columns]
    columns = pd.MultiIndex.from_tuples(heads) if table.groups() else pd.Index([head for _, head in heads])
    rows = table.rows()
    cells = pd.DataFrame([[cell.text() for cell in row] for row in rows], columns=columns, dtype=object)
    marks = pd.DataFrame(
        [[_MARKED[cell.mark] for cell in row] for row in rows], columns=columns, dtype=object
    )
    digest = hashlib.sha256(repr((heads, rows)).encode()).hexdigest()[:8]
    style = cells.style.set_uuid(f"torc{digest}").hide(axis="index").apply(lambda _: marks, axis=None)
    style = style.format(escape="html").format_index(escape="html", axis="columns")
    style = style.set_table_styles([{"selector": at, "props": props} for at, props in _look(table).items()])
    return style.set_caption(escape(table.caption)) if table.caption else style


def _look(table: Printed) -> dict[str, str]:
    left = {
        f"td.col{at}, th.col{at}.col_heading.level{int(bool(table.groups()))}": "text-align: left"
        for at, column in enumerate(table.columns)
        if not column.is_number
    }
    grouped = {f"th.level0.col{start}": _GROUP for group, start, _ in table.groups() if group}
    return _LOOK | left | grouped


def html(table: Printed) -> str:
    """Return the table with its style, and the footnote below; for light pages and dark ones."""
    foot = f'<p style="font-size: .85em; margin: .5em 0">{escape(table.foot)}</p>\n' if table.foot else ""
    return f'<div style="overflow-x: auto">\n{styled(table).to_html(cell_ids=False)}{foot}</div>\n'
