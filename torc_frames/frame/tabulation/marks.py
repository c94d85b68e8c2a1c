"""Which cells of a column are the best and the second, by what is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

__all__ = ["Direction", "Mark", "marks"]

Direction = Literal["min", "max"]
Mark = Literal["", "best", "second"]


def marks(values: Sequence[float], better: Direction | None) -> list[Mark]:
    """Return the mark of each printed number: what is equal is marked alike; none if all are.

    After a tie for the best there is no second. Missing ones are never marked, nor infinite ones.

    Examples
    --------
    >>> marks([0.25, 0.5, 0.25, 0.75], "min"), marks([1.0, 3.0, 2.0], "max")
    (['best', '', 'best', ''], ['', 'best', 'second'])
    """
    found = np.asarray(values, dtype=float)
    known = pd.Series(found).where(np.isfinite(found))
    if better is None or pd.Series(found).nunique() < 2:
        return [""] * len(found)
    ranks = known.rank(method="min", ascending=better == "min")
    named: dict[float, Mark] = {1.0: "best", 2.0: "second"}
    return [named.get(rank, "") for rank in ranks.tolist()]
