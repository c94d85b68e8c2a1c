"""Rows in groups that have a line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.plots.colors import GREY, style_of
from torc_frames.plots.scales import codes_of

__all__ = ["StyledGroup", "groups_of"]

_MOST = 24


@dataclass(frozen=True, slots=True, eq=False)
class StyledGroup:
    """Some rows of a frame, and how they are drawn."""

    name: str
    rows: np.ndarray[Any, Any]
    """Their positions."""

    color: str
    dash: str
    marker: str


def groups_of(rows: pd.DataFrame, by: str | None) -> list[StyledGroup]:
    """Return the rows by a column, those in which it is missing at the end, or all as one without a name.

    Raises
    ------
    RefusedError
        For more than 24 values.

    Examples
    --------
    >>> import pandas as pd
    >>> [(group.name, group.rows.tolist()) for group in groups_of(pd.DataFrame({"n": [2, 1, 2]}), "n")]
    [('1', [1]), ('2', [0, 2])]
    """
    if by is None:
        return [StyledGroup("", np.arange(len(rows)), *style_of(0))] if len(rows) else []
    codes, names = codes_of(rows[by], len(rows))
    if len(names) > _MOST:
        raise RefusedError(f"{by!r} has {len(names)} values: too many to tell apart")
    found = [StyledGroup(name, np.flatnonzero(codes == at), *style_of(at)) for at, name in enumerate(names)]
    missing = np.flatnonzero(codes < 0)
    return [*found, *([StyledGroup("missing", missing, GREY, "--", "o")] if len(missing) else [])]
