"""How a summary is to be printed: the options, checked, by the whole names of columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Literal, Self, get_args

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.tabulation.marks import Direction
from torc_frames.frame.tabulation.summarized import Summarized, by_name

__all__ = ["Bold", "Wishes"]

Bold = Literal["best", "not worse"]
_MOST_PLACES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a summary is to be printed; see `torc_frames.tabulate`."""

    center: str = "mean"
    spread: str | None = "std"
    labels: Mapping[str, str] | None = None
    units: Mapping[str, str] | None = None
    scale: Mapping[str, float] | None = None
    digits: Mapping[str, int] | None = None
    better: Mapping[str, Direction] | None = None
    groups: Mapping[str, Any] | None = None
    bold: Bold | None = "best"
    baseline: Mapping[str, Any] | int | None = None
    level: float = 0.05
    constants: bool = True
    caption: str = ""

    def of(self, summary: Summarized) -> Self:
        """Return them by the whole names of a summary's columns; of groups the name by that of its metric.

        Raises
        ------
        RefusedError
            For names that there are not, and values that an option does not take.
        """
        if not isinstance(self.groups, Mapping | None):
            raise RefusedError(
                f"groups={self.groups!r}: give metrics by title, such as {{'quality': ['loss']}}"
            )
        metrics = [*summary.metrics, *summary.others]
        grouped = [(name, group) for group, names in (self.groups or {}).items() for name in _listed(names)]
        if len({name for name, _ in grouped}) < len(grouped):
            raise RefusedError(f"groups={dict(self.groups or {})!r}: a metric is in one group")
        checked = replace(
            self,
            labels=by_name(self.labels, [*summary.keys, *metrics, *summary.constants], "labels"),
            units=by_name(self.units, [*metrics, *summary.keys], "units"),
            scale=by_name(self.scale, metrics, "scale"),
            digits=by_name(self.digits, metrics, "digits"),
            better=by_name(self.better, metrics, "better"),
            groups=by_name(dict(grouped), metrics, "groups"),
        )
        if problems := list(checked._problems()):
            raise RefusedError("; ".join(problems))
        return checked

    def _problems(self) -> Iterator[str]:
        for option in ("labels", "units", "groups"):
            for name, text in getattr(self, option).items():
                if not isinstance(text, str):
                    yield f"{option}=: {name!r} has {text!r}, which is no text"
        for name, direction in (self.better or {}).items():
            if direction not in get_args(Direction):
                yield f"better=: {name!r} has {direction!r}; it is 'min' or 'max'"
        for name, factor in (self.scale or {}).items():
            if isinstance(factor, bool) or not isinstance(factor, Real) or not 0 < abs(factor) < math.inf:
                yield f"scale=: {name!r} has {factor!r}, which is no factor"
        for name, places in (self.digits or {}).items():
            if isinstance(places, bool) or not isinstance(places, Integral) or abs(places) > _MOST_PLACES:
                yield f"digits=: {name!r} has {places!r}, which is no number of decimals"
        if self.bold is not None and self.bold not in get_args(Bold):
            yield f"bold={self.bold!r}; it is {shorten(map(repr, get_args(Bold)))} or None"
        if not isinstance(self.caption, str):
            yield f"caption={self.caption!r} is no text"
        if not isinstance(self.level, Real) or not 0 < self.level < 1:
            yield f"level={self.level!r} is not between 0 and 1"


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
