"""One axis of a sweep as it is typed: its values or its distribution, and the Python that says the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, get_args

from torc_frames.errors import RefusedError, counted
from torc_frames.sweep.distributions import Distribution, choice, integers, loguniform, uniform
from torc_frames.widgets.sweeps.typed import TypedError, kinds_of, number, values, whole

__all__ = ["DISTRIBUTIONS", "FIELDS", "KINDS", "Axis", "AxisKind", "Meant"]

AxisKind = Literal["list", "linspace", "logspace", "range", "uniform", "loguniform", "integers", "choice"]
KINDS: tuple[AxisKind, ...] = get_args(AxisKind)
DISTRIBUTIONS: frozenset[AxisKind] = frozenset({"uniform", "loguniform", "integers", "choice"})

FIELDS: dict[AxisKind, tuple[tuple[str, str], ...]] = {
    "list": (("values", "values"),),
    "linspace": (("low", "from"), ("high", "to"), ("count", "values")),
    "logspace": (("low", "from"), ("high", "to"), ("count", "values")),
    "range": (("low", "from"), ("high", "below"), ("step", "step")),
    "uniform": (("low", "from"), ("high", "to")),
    "loguniform": (("low", "from"), ("high", "to")),
    "integers": (("low", "from"), ("high", "to")),
    "choice": (("values", "values"), ("weights", "weights")),
}
"""What there is to type for each kind: the name of each field, and what it is called."""

MOST_VALUES = 10_000
"""The recipe of a table holds no more."""

_DIGITS = 15
_LOG_DIGITS = 6
_NARROW = 1.001


@dataclass(frozen=True, slots=True)
class Meant:
    """What an axis means."""

    source: Iterable[Any] | Distribution
    """As `torc_frames.grid` or `torc_frames.sample` take it."""

    code: str
    """The Python of it, with torc_frames as tf."""

    count: int | None
    """How many values; None for a distribution."""

    told: str
    """The same for people."""


@dataclass
class Axis:
    """One axis as it is typed: a name, a kind, and the texts of its fields.

    Examples
    --------
    >>> meant = Axis("alpha", "logspace", {"low": "0.001", "high": "1", "count": "4"}).meant()
    >>> meant.code, meant.told
    ('[0.001, 0.01, 0.1, 1.0]', '4 numbers, 0.001 to 1.0')
    >>> Axis("depth", "integers", {"low": "2", "high": "12"}).meant().code
    'tf.integers(2, 12)'
    """

    name: str = ""
    kind: AxisKind = "list"
    texts: dict[str, str] = field(default_factory=dict)

    def meant(self) -> Meant:
        """Return what the axis means.

        Raises
        ------
        TypedError
            If a field means nothing.
        """
        try:
            return _meant(self.kind, tuple(self.texts.items()))
        except RefusedError as error:
            raise TypedError(str(error), FIELDS[self.kind][-1][1]) from None

    def state(self) -> dict[str, Any]:
        """Return the axis as JSON."""
        texts = {name: self.texts.get(name, "") for name, _ in FIELDS[self.kind]}
        return {"name": self.name, "kind": self.kind, "texts": texts}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Axis:
        """Return the axis that `state` was of; RefusedError if it is of none."""
        name, kind, texts = state.get("name"), state.get("kind"), state.get("texts")
        if kind not in KINDS or not isinstance(name, str) or not isinstance(texts, Mapping):
            raise RefusedError(f"this is no axis of a sweep: {dict(state)!r}")
        return cls(name, kind, {str(key): str(text) for key, text in texts.items()})


@lru_cache(maxsize=256)
def _meant(kind: AxisKind, texts: tuple[tuple[str, str], ...]) -> Meant:
    return _MAKERS[kind](dict(texts))


def _list(texts: Mapping[str, str]) -> Meant:
    found = _values(texts)
    return _listed(found, kinds_of(found))


def _values(texts: Mapping[str, str]) -> list[Any]:
    found = values(texts.get("values", ""))
    if not found:
        raise TypedError("values are missing: 0.1, 1, 10 or svd, sag", missing=True)
    return found


def _linspace(texts: Mapping[str, str]) -> Meant:
    low, high, count = _spaced(texts)
    first, last = Fraction(str(low)), Fraction(str(high))
    found = [_rounded(first + (last - first) * at / max(count - 1, 1), _DIGITS) for at in range(count)]
    return _listed(found, _span(found))


def _logspace(texts: Mapping[str, str]) -> Meant:
    low, high, count = _spaced(texts)
    if low <= 0 or high <= 0:
        raise TypedError("a logarithmic axis goes from and to numbers above 0")
    ratio = (math.log(high) - math.log(low)) / max(count - 1, 1)
    digits = _LOG_DIGITS if abs(ratio) > math.log(_NARROW) else _DIGITS
    found = [_rounded(math.exp(math.log(low) + ratio * at), digits) for at in range(count)]
    found[0] = float(low)
    found[-1] = float(high) if count > 1 else float(low)
    return _listed(found, _span(found))


def _range(texts: Mapping[str, str]) -> Meant:
    low = number(texts.get("low", "") or "0", "from")
    high, step = number(texts.get("high", ""), "below"), number(texts.get("step", "") or "1", "step")
    if not step:
        raise TypedError("step is not 0", "step")
    first, width = Fraction(str(low)), Fraction(str(step))
    count = max(math.ceil((Fraction(str(high)) - first) / width), 0)
    if not count:
        raise TypedError(f"there is nothing from {low} to below {high} in steps of {step}")
    if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
        if max(abs(low), abs(high), abs(step)) >= 2**63:
            raise TypedError("a range is of integers of 64 bits")
        numbers = range(low, high, step)
        return Meant(numbers, repr(numbers), count, f"{counted(count, 'integer')}, {low} to {numbers[-1]}")
    _check_count(count)
    found = [_rounded(first + width * at, _DIGITS) for at in range(count)]
    return _listed(found, _span(found))


def _between(name: str, make: Callable[[Any, Any], Distribution]) -> Callable[[Mapping[str, str]], Meant]:
    def meant(texts: Mapping[str, str]) -> Meant:
        low, high = number(texts.get("low", ""), "from"), number(texts.get("high", ""), "to")
        made = make(low, high)
        return Meant(made, f"tf.{name}({low!r}, {high!r})", None, f"{name}, {low} to {high}")

    return meant


def _choice(texts: Mapping[str, str]) -> Meant:
    found = _values(texts)
    told = f"one of {kinds_of(found)}"
    if not texts.get("weights", "").strip():
        return Meant(choice(found), f"tf.choice({found!r})", None, told)
    try:
        weights = values(texts["weights"])
    except TypedError as error:
        raise TypedError(str(error), "weights") from None
    if not all(type(each) in (int, float) for each in weights):
        raise TypedError("weights are numbers", "weights")
    code = f"tf.choice({found!r}, weights={weights!r})"
    return Meant(choice(found, weights), code, None, f"{told}, by weight")


_MAKERS: dict[AxisKind, Callable[[Mapping[str, str]], Meant]] = {
    "list": _list,
    "linspace": _linspace,
    "logspace": _logspace,
    "range": _range,
    "uniform": _between("uniform", uniform),
    "loguniform": _between("loguniform", loguniform),
    "integers": _between("integers", integers),
    "choice": _choice,
}


def _spaced(texts: Mapping[str, str]) -> tuple[int | float, int | float, int]:
    low, high = number(texts.get("low", ""), "from"), number(texts.get("high", ""), "to")
    return low, high, whole(texts.get("count", ""), "values", least=1, most=MOST_VALUES)


def _listed(found: list[Any], told: str) -> Meant:
    _check_count(len(found))
    return Meant(found, repr(found), len(found), told)


def _check_count(count: int) -> None:
    if count > MOST_VALUES:
        raise TypedError(f"{counted(count, 'value')} on one axis; at most {MOST_VALUES:,} are written out")


def _span(found: list[float]) -> str:
    return f"{counted(len(found), 'number')}, {found[0]!r} to {found[-1]!r}"


def _rounded(value: Fraction | float, digits: int) -> float:
    """Return the nearest float of so many digits: those of 15 come back from every store as they went."""
    return float(f"{float(value):.{digits}g}")
