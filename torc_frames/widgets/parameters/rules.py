"""Rules against many values at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.ids import Ids

__all__ = ["broken"]


def broken(rule: Rule | None, series: pd.Series) -> dict[int, str]:
    """Return by position why values are not as a rule wants them."""
    if rule is None or not len(series):
        return {}
    suspects = _suspects(rule, series)
    pairs = zip(suspects.tolist(), series.iloc[suspects].tolist(), strict=True)
    return {at: reason for at, value in pairs if (reason := rule.check(value))}


def _suspects(rule: Rule, series: pd.Series) -> Ids:
    """Return the positions of values that may break the rule; of numbers within bounds it is known."""
    every = np.arange(len(series), dtype=np.int64)
    plain = rule.choices is None and rule.pattern is None
    numbers = isinstance(series.dtype, np.dtype) and series.dtype.kind in "iuf"
    if not (plain and numbers and all(isinstance(bound, (int, float)) for bound in rule.bounds.values())):
        return every if (not plain or rule.bounds or rule.required) else every[:0]
    values = series.to_numpy()
    bad = np.isnan(values) if rule.required and series.dtype.kind == "f" else np.zeros(len(values), np.bool_)
    tests = {"min": np.less, "above": np.less_equal, "max": np.greater, "below": np.greater_equal}
    for name, bound in rule.bounds.items():
        bad = bad | tests[name](values, bound)
    return np.asarray(every[bad])
