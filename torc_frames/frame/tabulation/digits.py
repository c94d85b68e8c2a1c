"""How many digits of a number are printed: as many as its uncertainty allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

__all__ = ["as_read", "decimals", "places", "power", "printed", "rounded"]

_TWO_DIGITS, _ROUNDS_UP = 354, 950
"""Of the first three digits of an uncertainty: up to which two are kept, and from which on they round up."""

_NOISE = 1e-12
"""A spread that is a smaller part of the number is that of rounding."""

_DIGITS = 4
"""Of numbers that have no uncertainty."""

_PLAIN = (1e-3, 1e6)
"""What has its largest number outside of these is written in a power of ten."""

_LONGEST, _LARGEST = 6, 1e15
"""More decimals, or uncertain digits before the point, and larger numbers have a power of their own."""

_MOST = 15
"""A float has not more digits."""

_NAMES = {math.nan: "–", math.inf: "∞", -math.inf: "−∞"}


def decimals(spread: float) -> int | None:
    """Return the decimals of an uncertainty, by the Particle Data Group.

    Two digits, if its first three are 100 to 354, one for 355 to 949, and 950 to 999 are rounded to 1000,
    with two digits. Negative are those before the point; None without an uncertainty.

    Examples
    --------
    >>> [decimals(spread) for spread in (0.0354, 0.0355, 0.96, 17.2, 460.0, 0.0)]
    [3, 2, 1, 0, -2, None]
    """
    if not math.isfinite(spread) or spread <= 0:
        return None
    exact = Decimal(repr(float(spread)))
    first = int(exact.scaleb(2 - exact.adjusted()))
    return (1 if first <= _TWO_DIGITS else 0) - exact.adjusted() if first < _ROUNDS_UP else -exact.adjusted()


def places(centers: Sequence[float], spreads: Sequence[float]) -> list[int]:
    """Return the decimals of each number of a column.

    All have the finest that one of them needs if these differ by one at most, and else each its own.
    """
    own = [
        decimals(spread) if spread > _NOISE * abs(center) else None
        for center, spread in zip(centers, spreads, strict=True)
    ]
    known = [each for each in own if each is not None]
    if not known:
        same = _without_spread(centers)
        return [
            same
            if rounded(center, same) == center or not abs(center) < 10.0 ** (1 - same)
            else _without_spread([center])
            for center in centers
        ]
    finest = max(known)
    if finest - min(known) <= 1:
        return [finest] * len(own)
    return [finest if each is None else each for each in own]


def _without_spread(values: Sequence[float]) -> int:
    """Return the decimals for four digits of the largest, fewer if the others would be zeros."""
    finite = [abs(value) for value in values if math.isfinite(value) and value]
    if not finite:
        return 0
    most = max(0, _DIGITS - 1 - math.floor(math.log10(max(finite))))
    return next(
        (few for few in range(most) if all(rounded(v, few) == rounded(v, most) for v in finite)), most
    )


def power(values: Sequence[float]) -> int:
    """Return the power of ten, a multiple of three, that a column's heading takes; 0 for none.

    Only numbers of one size have a power in common.

    Examples
    --------
    >>> power([1.02e-7, 3e-8]), power([0.5, 1e-7]), power([2.5e7, 12.0]), power([2.5e7])
    (-9, 0, 0, 6)
    """
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    largest = max(sizes, default=1.0)
    if _PLAIN[0] <= largest < _PLAIN[1] or min(sizes) < largest * _PLAIN[0]:
        return 0
    return max(-300, 3 * math.floor(math.log10(largest) / 3))  # a power of a float


def rounded(value: float, places: int) -> float:
    """Return the number that is printed."""
    return (
        round(value, places) + 0.0
        if places < 0 or not math.isfinite(value)
        else float(f"{value:.{places}f}") + 0.0
    )


def printed(center: float, spread: float, places: int) -> tuple[str, str, int]:
    """Return a number and its uncertainty ("" without one) as texts, and the power of ten of both.

    Examples
    --------
    >>> printed(97.8213, 0.2911, 2), printed(1.0204e-9, 1.6e-11, 12)
    (('97.82', '0.29', 0), ('1.020', '0.016', -9))
    """
    size, own = max(abs(center), 0.0 if math.isnan(spread) else spread), 0
    if 0 < size < math.inf and (abs(places) > _LONGEST or (size >= _LARGEST and not spread > 0)):
        own = math.floor(math.log10(size))
        places = min(places, (_MOST if spread > 0 else _DIGITS) - 1 - own)
    elif not size and places > _LONGEST:
        places = 0
    return _text(center, places, own), "" if math.isnan(spread) else _text(spread, places, own), own


def as_read(center: str, power: int) -> float:
    """Return the number that a printed one is read as.

    Examples
    --------
    >>> as_read("−1,020.5", 0), as_read("1.020", -9)
    (-1020.5, 1.02e-09)
    """
    if center in _NAMES.values():
        return next(value for value, name in _NAMES.items() if name == center)
    return float(f"{center.replace('−', '-').replace(',', '')}e{power}")


def _text(value: float, places: int, own: int) -> str:
    if not math.isfinite(value):
        return next(name for known, name in _NAMES.items() if known == value or value != value)
    scaled = float(Decimal(repr(rounded(value, places))).scaleb(-own))
    return f"{scaled:,.{max(places + own, 0)}f}".replace("-", "−")
