"""What the plots ask of a table: columns by short names, labels, which rows are left out, what a row is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import (
    Standing,
    configurations,
    labels,
    parameters,
    resolve_all,
    standing,
)
from torc_frames.plots.bands import Around, said

__all__ = ["averaged_over", "labels_of", "left_out", "of_what", "told", "which_count"]

_MOST_TOLD = 12


def labels_of(*names: str | None) -> dict[str, str]:
    """Return what to call columns that are shown together."""
    return labels(dict.fromkeys(name for name in names if name is not None))


def which_count(df: pd.DataFrame, *values: str) -> tuple[pd.DataFrame, Standing, tuple[str, ...]]:
    """Return the rows that count and have these values, the standing of all, and notes on the others.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"status": ["completed", "failed"], "loss": [0.5, None]})
    >>> rows, _, notes = which_count(df, "loss")
    >>> len(rows), notes
    (1, ('left out: 1 failed',))
    """
    found = standing(df)
    missing = np.zeros(len(df), np.bool_)
    for name in values:
        missing |= found.missing(df[name])
    reasons = {reason: int(rows.sum()) for reason, rows in found.lost().items()}
    return df[found.counted & ~missing], found, left_out({**reasons, "without a value": int(missing.sum())})


def left_out(reasons: Mapping[str, int]) -> tuple[str, ...]:
    """Return the note on rows that are not drawn; none if there are none."""
    texts = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
    return (f"left out: {', '.join(texts)}",) if texts else ()


def told(df: pd.DataFrame, shown: Iterable[str]) -> pd.DataFrame:
    """Return what is told of a row where the pointer is: its job, its parameters, and what is shown."""
    jobs = [name for name in ("job_name", "status") if name in df]
    names: Sequence[str] = list(dict.fromkeys([*jobs, *shown, *parameters(df)]))
    return df[list(names[:_MOST_TOLD])]


def averaged_over(df: pd.DataFrame, over: str | Sequence[str] | None, taken: Sequence[str]) -> list[str]:
    """Return the columns that a mean is to be over."""
    found = resolve_all(df, over)
    for name in found:
        if name in taken:
            raise RefusedError(f"over={name!r}: the figure has an axis, or lines, of that")
    return found


def of_what(
    rows: pd.DataFrame,
    count: pd.Series,
    what: str,
    taken: Iterable[str],
    averaged: Sequence[str],
    band: Around | None = None,
) -> tuple[str, ...]:
    """Return the note on what means are of; none if each is of one row."""
    shown = said(band) if band is not None else ""
    if not (count > 1).any():
        return ()
    taken = list(dict.fromkeys(taken))
    others = [name for name in parameters(rows) if name not in taken and name not in averaged]
    several = len(configurations(rows, taken))
    mixed = [name for name in others if len(configurations(rows, [*taken, name])) > several]
    called = labels([*averaged, *mixed])
    over = f" over {', '.join(called[name] for name in averaged)}" if averaged else ""
    if mixed:
        also = ", ".join(called[name] for name in mixed)
        over += f", and over {also}" if averaged else f" over {also}"
    low, high = int(count.min()), int(count.max())
    each = f"{low:,} rows" if low == high else f"{low:,} to {high:,} rows"
    return (f"mean{over}, {each} a {what}", *([f"band: {shown}"] if shown else []))
