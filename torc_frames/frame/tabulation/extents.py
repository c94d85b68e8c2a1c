"""What the columns of a table range over, to be seen at one look."""

from __future__ import annotations

import numpy as np
import pandas as pd

from torc_frames.errors import counted
from torc_frames.frame.description import CellTable, Histogram, Remark, brief, cut
from torc_frames.frame.tabulation.configurations import (
    codes,
    is_numeric,
    labels,
    numbers,
    parameters,
    results,
    varying,
)

__all__ = ["extent", "histogram", "parameters_seen", "results_seen"]

_MOST_COLUMNS = 12
_FEW_VALUES = 4
_BINS = 12
_DIGEST = ".sha256"


def parameters_seen(table: pd.DataFrame) -> list[CellTable | Remark]:
    """Return what the parameters range over that vary, and in a line what the others are."""
    names = parameters(table)
    called, vary = labels(names), varying(table, names)
    rows = [(called[name], *_with_count(table[name])) for name in vary[:_MOST_COLUMNS]]
    parts: list[CellTable | Remark] = []
    if rows:
        head = ("parameter", "values", "")
        parts.append(CellTable(head, rows, more=_more(len(vary), "parameters that vary: wf.parameters()")))
    constant = [name for name in names if name not in set(vary)]
    if constant and len(table):
        told = [f"{cut(called[name])} = {brief(table[name].iloc[0])}" for name in constant[:_MOST_COLUMNS]]
        more = _more(len(constant), "constants: wf.parameters()")
        parts.append(Remark(f"constant: {', '.join(told)}{more and f', {more}'}"))
    return parts


def results_seen(table: pd.DataFrame) -> list[CellTable]:
    """Return what the results range over, with how numbers are distributed, and how many have them."""
    names = [name for name in results(table) if table[name].notna().any()]
    called = labels(names)
    rows = []
    for name in names[:_MOST_COLUMNS]:
        known = table[name].dropna()
        label, (values, _, note) = called[name], extent(known)
        if f"{name.removesuffix(_DIGEST)}.torc_pointer" in table:
            label, values = label.removesuffix(_DIGEST), "files"
        rows.append((label, values, histogram(known) or "", f"{len(known):,}", note))
    head = ("result", "values", "distribution", "jobs", "")
    return [CellTable(head, rows, (3,), more=_more(len(names), "results: wf.results()"))] if rows else []


def _with_count(values: pd.Series) -> tuple[str, str]:
    told, count, note = extent(values)
    return told, f"{counted(count, 'value')}{note and f', {note}'}"


def extent(values: pd.Series) -> tuple[str, int, str]:
    """Return what values there are in a column, how many different ones, and how many are none.

    Numbers and times are told from the least to the greatest, if there are more than a few.

    Examples
    --------
    >>> import pandas as pd
    >>> extent(pd.Series([0.1, 10.0, 0.2, 3.0, 5.0, None]))
    ('0.1 … 10', 5, '1 missing')
    >>> extent(pd.Series(["a", "b", "a"]))
    ("'a', 'b'", 2, '')
    """
    known = values[values.notna()]
    found, count = codes(known)
    first = known.iloc[np.unique(found, return_index=True)[1]] if count else known
    ordered = is_numeric(values) or values.dtype.kind in "mM"
    texts = all(isinstance(value, str) for value in first)
    finite = numbers(known).abs().to_numpy() < np.inf if is_numeric(values) else np.ones(len(known), np.bool_)
    infinite, missing = len(known) - int(finite.sum()), len(values) - len(known)
    gaps = [f"{number:,} {what}" for number, what in ((infinite, "infinite"), (missing, "missing")) if number]
    note = ", ".join(gaps)
    if ordered and count > _FEW_VALUES and finite.any():
        return f"{brief(known[finite].min())} … {brief(known[finite].max())}", count, note
    shown = sorted(first) if ordered or texts else list(first)
    more = [f"and {count - _FEW_VALUES:,} more"] if count > _FEW_VALUES else []
    return ", ".join([*map(brief, shown[:_FEW_VALUES]), *more]), count, note


def histogram(values: pd.Series) -> Histogram | None:
    """Return how the numbers of a column are distributed; None without several finite ones.

    It has as many parts as there are different numbers, 12 at most.

    Examples
    --------
    >>> import pandas as pd
    >>> str(histogram(pd.Series([0.0, 0.0, 1.0, 12.0])))
    '█▁▄'
    """
    if not is_numeric(values):
        return None
    known = numbers(values).to_numpy() / 2  # so that the greatest less the least is a number
    known = known[np.isfinite(known)]
    if not len(known) or (low := known.min()) == (high := known.max()):
        return None
    bins = min(_BINS, len(np.unique(known)))
    places = ((known - low) / (high - low) * bins).astype(np.intp).clip(max=bins - 1)
    return Histogram(tuple(np.bincount(places, minlength=bins).tolist()))


def _more(count: int, what: str) -> str:
    return f"and {count - _MOST_COLUMNS:,} more {what}" if count > _MOST_COLUMNS else ""
