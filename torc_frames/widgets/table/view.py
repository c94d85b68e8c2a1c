"""Views put on a page and taken off it: the grid, or where anywidget is missing its pages."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from torc_frames.widgets.table.source import Source

if TYPE_CHECKING:
    from torc_frames.widgets.table.grid import Grid
    from torc_frames.widgets.table.paged import PagedTable

__all__ = ["table_view"]


def table_view(source: Source, *, label: str, height: int = 420) -> Grid | PagedTable:
    """Return a widget that shows a table, and edits it if it is an `EditableSource`.

    Parameters
    ----------
    source : Source
    label : str
        What it is, for those who can't see it.
    height : int
        In pixels, the most that it takes; pages take what their 25 rows need.
    """
    if find_spec("anywidget") is None:
        from torc_frames.widgets.table.paged import PagedTable

        return PagedTable(source, label=label)
    from torc_frames.widgets.table.grid import Grid

    return Grid(source, label=label, height=height)
