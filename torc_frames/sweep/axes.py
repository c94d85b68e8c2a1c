"""Which parameters of a sweep are spread by their logarithms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
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
    about, recipe = attrs.get("torc"), attrs.get(ATTRIBUTE)
    told = about.get("log") if isinstance(about, Mapping) else None
    made = log_names([recipe]) if isinstance(recipe, Mapping) else []
    return frozenset([*(map(str, told) if isinstance(told, list) else ()), *made])


def log_names(recipes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of axes that are even in their logarithms, by the last recipe that has them."""
    found: dict[str, bool] = {}
    for recipe in recipes:
        for axis in _axes(recipe):
            found[str(axis.get("name"))] = axis.get("kind") == "loguniform" or _is_even(axis.get("values"))
    return [name for name, is_log in found.items() if is_log]


def _axes(recipe: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [recipe]
    while waiting:
        one = waiting.pop()
        waiting += _mappings(one.get("of"))
        yield from _mappings(one.get("space")) + _mappings(one.get("axes"))


def _mappings(found: Any) -> list[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _is_even(values: Any) -> bool:
    """Return whether steps from value to value are about the same factor, and many times the first in all."""
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        return False
    known = sorted(set(values))
    if len(known) < _FEWEST or not all(0 < value < math.inf for value in known):
        return False
    logs = [math.log10(value) for value in known]
    steps = [high - low for low, high in pairwise(logs)]
    return max(steps) <= _UNEVEN * min(steps) and logs[-1] - logs[0] >= _DECADES
