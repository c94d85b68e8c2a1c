"""Whether two configurations differ: paired or Welch's t-test, and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from torc_frames.errors import MissingExtraError

__all__ = ["Tested", "holm", "t_test"]

_NOISE = 1e-12
_AT_LEAST = 2


class Tested(NamedTuple):
    """One comparison: the p-value of both sides, NaN if there is none, and how it was found."""

    p: float
    how: Literal["paired", "Welch", "none"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm for all of them; NaN is no test and stays.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, float("nan")])
    [0.03, 0.06, 0.06, nan]
    """
    given = np.asarray(p_values, dtype=float)
    corrected = np.full(len(given), math.nan)
    order = np.argsort(given, kind="stable")[: int(np.isfinite(given).sum())]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1.0)
    return [float(value) for value in corrected]


def t_test(
    one: Sequence[float],
    other: Sequence[float],
    seeds: tuple[Sequence[Hashable], Sequence[Hashable]] | None,
) -> Tested:
    """Compare the means of two samples by a t-test of both sides.

    Paired, if each seed is there once, and both have more than half of those of the larger sample: then over
    the seeds that both have. Welch's otherwise. Samples of fewer than two, such that do not vary, and
    infinite values are not tested.

    Examples
    --------
    >>> found = t_test([1.0, 2.0, 3.0], [2.0, 3.5, 4.0], ([0, 1, 2], [0, 1, 2]))
    >>> round(found.p, 4), found.how
    (0.0198, 'paired')
    """
    pairs = _pairs(one, other, seeds) if seeds is not None else None
    samples = [np.asarray(sample, dtype=float) for sample in ([pairs] if pairs is not None else [one, other])]
    if any(len(sample) < _AT_LEAST or not np.isfinite(sample).all() for sample in samples):
        return Tested(math.nan, "none")
    size = max(abs(value) for value in (*one, *other) if math.isfinite(value)) or 1.0
    samples = [sample / size for sample in samples]  # whose squares are no larger than a float
    errors = [float(sample.var(ddof=1)) / len(sample) for sample in samples]
    if sum(errors) <= _NOISE**2:
        return Tested(math.nan, "none")
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(sample) - 1) for error, sample in zip(errors, samples, strict=True)
    )
    apart = float(samples[0].mean()) - (float(samples[1].mean()) if len(samples) > 1 else 0.0)
    return Tested(
        _both_sides(apart / math.sqrt(sum(errors)), freedom), "paired" if len(samples) == 1 else "Welch"
    )


def _pairs(
    one: Sequence[float], other: Sequence[float], seeds: tuple[Sequence[Hashable], Sequence[Hashable]]
) -> list[float] | None:
    """Return the differences by seed, None where seeds do not match."""
    found: list[Mapping[Hashable, float]] = [
        dict(zip(keys, values, strict=True)) for keys, values in zip(seeds, (one, other), strict=True)
    ]
    both = [seed for seed in found[0] if seed in found[1]]
    if len(found[0]) != len(one) or len(found[1]) != len(other) or 2 * len(both) <= max(map(len, found)):
        return None
    return [found[0][seed] - found[1][seed] for seed in both]


def _both_sides(t: float, freedom: float) -> float:
    try:
        from scipy.special import stdtr
    except ImportError:
        raise MissingExtraError(
            "tests of significance need scipy: pip install 'torc_frames[tables]'"
        ) from None
    return float(2 * stdtr(freedom, -abs(t)))
