"""What is around a mean."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from torc_frames.errors import MissingExtraError, RefusedError

__all__ = ["Around", "around", "said"]

Around = Literal["std", "sem", "ci95", "minmax"]
"""What a band is: standard deviation, that of the mean, 95 % confidence by t, or from least to most."""

_SAID = {
    "std": "± standard deviation",
    "sem": "± standard error",
    "ci95": "± 95 % confidence (t)",
    "minmax": "least to most",
}

Array = np.ndarray[Any, Any]


def said(band: Around) -> str:
    """Return what a band is, in words; RefusedError if it is none."""
    if band not in _SAID:
        raise RefusedError(f"band={band!r}: give {', '.join(map(repr, _SAID))} or None")
    return _SAID[band]


def around(
    band: Around, mean: Array, std: Array, count: Array, least: Array, most: Array, *, log: bool = False
) -> tuple[Array, Array]:
    """Return the ends of a band; where there is one value, that.

    On a logarithmic axis a mean less more than itself has no place: there the band ends at the least value.

    Raises
    ------
    ImportError
        For "ci95" without scipy.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = around("sem", *np.array([[3.0], [2.0], [4], [1.0], [5.0]]))
    >>> low.tolist(), high.tolist()
    ([2.0], [4.0])
    """
    if band == "minmax":
        return least, most
    half = std if band == "std" else std / np.sqrt(np.maximum(count, 1))
    if band == "ci95":
        half = half * _t(count)
    half = np.where(count > 1, half, 0.0)
    low = mean - half
    return np.where(low > 0, low, least) if log else low, mean + half


def _t(count: Array) -> Array:
    try:
        from scipy.special import stdtrit
    except ImportError:
        raise MissingExtraError("band='ci95' needs scipy: pip install 'torc_frames[tables]'") from None
    quantiles: Array = stdtrit(np.maximum(count - 1, 1), 0.975)
    return quantiles
