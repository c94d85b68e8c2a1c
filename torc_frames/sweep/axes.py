"""Which parameters of a sweep are spread by their logarithms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from torc_frames.sweep.finishing import ATTRIBUTE

__all__ = ["log_names", "logarithmic"]

_FEWEST = 3
_UNEVEN = 1.6
_DECADES = 1.3


def logarithmic(attrs: Mapping[Any, Any]) -> frozenset[str]:
    """Return which parameters are spread by their logarithms, as the attributes of a table tell it.

    Parameters
    ----------
    attrs : mapping
        Of a table that was made by a recipe, or pulled from a workflow to which such tables were pushed.

    Examples
    --------
    >>> import torc_frames as tf
    >>> logarithmic(tf.grid(gamma=[0.001, 0.01, 0.1], n=[1, 2, 3]).attrs)
    frozenset({'gamma'})
    """
    about = attrs.get("torc")
    told = about.get("log") if isinstance(about, Mapping) else None
    recipe = attrs.get(ATTRIBUTE)
    made = log_names(recipe) if isinstance(recipe, Mapping) else ()
    return frozenset(
        name for name in [*(told if isinstance(told, list) else ()), *made] if isinstance(name, str)
    )


def log_names(recipe: Mapping[str, Any]) -> list[str]:
    """Return the names of a recipe's axes that are even in their logarithms: log-uniform, or values so."""
    return [
        axis["name"]
        for axis in _axes(recipe)
        if axis.get("kind") == "loguniform" or _is_even(axis.get("values"))
    ]


def _axes(recipe: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("space", "axes"):
        axes = recipe.get(key)
        yield from (
            axis
            for axis in (axes if isinstance(axes, list) else ())
            if isinstance(axis, dict) and "name" in axis
        )
    parts = recipe.get("of")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict):
            yield from _axes(part)


def _is_even(values: Any) -> bool:
    """Return whether steps from value to value are about the same factor, and many times the first in all."""
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        return False
    known = sorted(set(values))
    if len(known) < _FEWEST or known[0] <= 0 or not math.isfinite(known[-1]):
        return False
    logs = [math.log10(value) for value in known]
    steps = [high - low for low, high in pairwise(logs)]
    return max(steps) <= _UNEVEN * min(steps) and logs[-1] - logs[0] >= _DECADES
