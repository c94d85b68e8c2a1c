"""What the plots ask of a table: columns by short names, labels, which rows are left out, what a row is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from torc_frames.frame.tabulation.configurations import Standing, labels, parameters, resolve, standing

__all__ = ["columns_of", "labels_of", "left_out", "told", "which_count"]

_MOST_TOLD = 12


def columns_of(df: pd.DataFrame, *names: str | None) -> list[str]:
    """Return the columns that short or long names mean, each once, without what is None.

    Raises
    ------
    RefusedError
        For a name that means no column, or two.
    """
    return list(dict.fromkeys(resolve(df, name) for name in names if name is not None))


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
