"""The next points of a study: Sobol's first, then a sampler's, none of them known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from importlib.metadata import version
from itertools import islice, product
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted, warn
from torc_frames.sweep.dimensions import SearchAxis
from torc_frames.sweep.finishing import PROPOSED, Where, finished, mask_of, text_of
from torc_frames.sweep.samplers import sampler_of
from torc_frames.sweep.sampling import Method, check_sample, drawn, written_space
from torc_frames.sweep.study import COMPLETED, FAILED, RUNNING, Point, Rebuilt, add_running, rebuilt

__all__ = ["check_count", "proposed"]

_TRIES = 50
"""How often a sampler is asked for a point that is new, and meets the constraint."""

_LISTED = 10_000
"""Of a space of no more points, all are looked at."""

_SOBOL, _RANDOM = 1 << 10, 1 << 12
"""How many points are drawn at least, and of a larger space at last."""


def proposed(
    table: pd.DataFrame,
    axes: Sequence[SearchAxis],
    n: int,
    metric: str | Sequence[str],
    direction: str | Sequence[str],
    *,
    sampler: Any,
    seed: int,
    startup: int,
    where: Where | None,
) -> pd.DataFrame:
    """Return the rows that `suggest` returns, of a table of jobs."""
    check_count("n", n)
    check_count("startup", startup)
    check_sample(0, "sobol", seed)
    n, startup, seed = int(n), int(startup), int(seed)
    found = rebuilt(table, axes, metric, direction)
    own_seed = _seed_of(found, seed)
    found.study.sampler = sampler_of(sampler, own_seed)
    points = list(islice(_new(found, n, startup, seed, own_seed, where), n))
    if len(points) < n:
        why = (
            "no more is left of the space"
            if where is None or _is_listed(axes)
            else "hardly any other meets where="
        )
        warn(f"suggest: {counted(len(points), 'point')}, not {n:,}: {why}")
    return finished(_frame(axes, points), _recipe(found, n, seed, startup, where), None)


def check_count(name: str, value: object) -> None:
    """Raise RefusedError for a number of things that is none."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise RefusedError(f"{name}={value!r}: give an integer from 0")


def _new(
    found: Rebuilt, n: int, startup: int, seed: int, own_seed: int, where: Where | None
) -> Iterator[Point]:
    """Yield points that are not known, n of them if there are so many."""
    known = {*found.points}
    last = _listed(found.axes, own_seed, where) if _is_listed(found.axes) else None
    takes_all = last is not None and sum(point not in known for point in last) <= n
    first = _drawn(found.axes, "sobol", max(_SOBOL, 1 << (startup + n).bit_length()), seed, where)
    while not takes_all:
        point = None
        if len(known) < startup or COMPLETED not in found.states:
            point = next((one for one in first if one not in known), None)
            if point is not None:
                add_running(found, point)
        point = point or _asked(found, known, where)
        if point is None:
            break
        known.add(point)
        yield point
    for point in _drawn(found.axes, "random", _RANDOM, own_seed, where) if last is None else last:
        if point not in known:
            known.add(point)
            yield point


def _asked(found: Rebuilt, known: set[Point], where: Where | None) -> Point | None:
    """Return what the sampler proposes, None if it comes upon nothing new that meets the constraint.

    What is not taken stays in the study as a trial that runs, so that the next ones keep away.
    """
    distributions = {axis.name: axis.distribution for axis in found.axes}
    for _ in range(_TRIES):
        drawn_of = found.study.ask(distributions).params
        point = tuple(axis.kept(drawn_of[axis.name]) for axis in found.axes)
        if point not in known and _meeting(found.axes, [point], where):
            return point
    return None


def _listed(axes: Sequence[SearchAxis], seed: int, where: Where | None) -> list[Point]:
    """Return all points of a small space, in random order."""
    points = list(product(*(axis.all for axis in axes)))
    order = np.random.default_rng(seed).permutation(len(points))
    return _meeting(axes, [points[at] for at in order], where)


def _is_listed(axes: Sequence[SearchAxis]) -> bool:
    return math.prod(axis.size for axis in axes) <= _LISTED


def _drawn(
    axes: Sequence[SearchAxis], method: Method, n: int, seed: int, where: Where | None
) -> Iterator[Point]:
    table = drawn(n, {axis.name: axis.source for axis in axes}, method, seed)
    points = zip(*(axis.read(table[axis.name]) for axis in axes), strict=True)
    yield from _meeting(axes, list(points), where)


def _meeting(axes: Sequence[SearchAxis], points: list[Point], where: Where | None) -> list[Point]:
    """Return the points that meet a constraint."""
    if where is None or not points:
        return points
    return [points[row] for row in np.flatnonzero(mask_of(_frame(axes, points), where))]


def _frame(axes: Sequence[SearchAxis], points: Sequence[Point]) -> pd.DataFrame:
    return pd.DataFrame({axis.name: axis.column([one[at] for one in points]) for at, axis in enumerate(axes)})


def _recipe(found: Rebuilt, n: int, seed: int, startup: int, where: Where | None) -> dict[str, Any] | None:
    """Return who proposed the points, and of what: a recipe from which they can't be made again."""
    space = written_space({axis.name: axis.source for axis in found.axes})
    if space is None:
        return None
    seen = {state: found.states.count(state) for state in (COMPLETED, FAILED, RUNNING)}
    return {
        "how": PROPOSED,
        "n": n,
        "seed": seed,
        "startup": startup,
        "sampler": type(found.study.sampler).__name__,
        "metric": [one.column for one in found.objectives],
        "direction": [one.direction for one in found.objectives],
        "seen": seen,
        "space": space,
        **({} if where is None else {"where": text_of(where)}),
        "made_with": {name: version(name) for name in ("numpy", "optuna", "scipy")},
    }


def _seed_of(found: Rebuilt, seed: int) -> int:
    """Return a seed that is another one whenever something else is known of the points.

    The last digits of floats, which differ from machine to machine, are nothing else.
    """
    rows = zip(found.points, found.states, found.values, strict=True)
    seen = [seed, *([state, *map(_short, (*point, *values))] for point, state, values in rows)]
    return int.from_bytes(blake2b(repr(seen).encode(), digest_size=4).digest(), "big")


def _short(value: Any) -> Any:
    return f"{value:.12g}" if isinstance(value, float) else value
