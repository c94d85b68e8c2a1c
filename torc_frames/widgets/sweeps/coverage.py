"""Where the rows of a sweep are in the plane of two parameters, beside those that are there already."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.widgets.table.cells import texts

__all__ = ["coverage"]

_MOST = 4000


def coverage(
    new: pd.DataFrame, there: pd.DataFrame, names: tuple[str, str], logs: Set[str]
) -> dict[str, Any]:
    """Return the figure of two columns: ``axes``, of which the third says which rows are new, and ``keys``.

    Parameters
    ----------
    new, there : DataFrame
        Rows to be added, and those of the workflow, by job. Of many a part is drawn, evenly.
    names : tuple of str
        The columns for x and y.
    logs : set of str
        Which columns are spread by their logarithms.
    """
    known = there.loc[:, [name for name in dict.fromkeys(names) if name in there]]
    known = known.dropna() if known.shape[1] == len(set(names)) else known.iloc[:0]
    old, more = _part(known), _part(new)
    both = {
        name: pd.concat([old.get(name, pd.Series()).astype(object), more[name].astype(object)])
        for name in names
    }
    axes = [_axis(name, both[name], name in logs) for name in names]
    states = {
        "name": "rows",
        "labels": ["there", "new"],
        "log": False,
        "values": [0] * len(old) + [1] * len(more),
    }
    return {"axes": [*axes, states], "keys": [*map(str, old.index), *[""] * len(more)]}


def _part(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[:: max(1, -(-len(table) // _MOST))]


def _axis(name: str, cells: pd.Series[Any], is_log: bool) -> dict[str, Any]:
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    if not cells.map(lambda cell: isinstance(cell, bool | np.bool_ | str)).any() and values.notna().any():
        shown = [value if np.isfinite(value) else None for value in values.tolist()]
        return {"name": name, "labels": None, "log": is_log, "values": shown}
    codes, labels = pd.factorize(pd.Series(texts(cells), dtype=object))
    return {"name": name, "labels": [str(label) for label in labels], "log": False, "values": codes.tolist()}
