"""Tables of values that are drawn."""

from __future__ import annotations

import inspect
import secrets
import warnings
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from torc_frames.errors import MissingExtraError, Problem, RefusedError, warn
from torc_frames.frame.values import RefusalError
from torc_frames.sweep.distributions import Choice, Distribution, choice
from torc_frames.sweep.finishing import MADE, MAX_CELLS, Where, check_size, finished

__all__ = ["Method", "check_sample", "distributions_of", "drawn", "sample", "written_space"]

Method = Literal["random", "lhs", "sobol", "halton"]

_LARGEST_SEED = 2**63


def sample(
    n: int,
    space: Mapping[str, Distribution | Iterable[Any]],
    *,
    method: Method = "random",
    seed: int | None = None,
    where: Where | None = None,
) -> pd.DataFrame:
    """Return points drawn from a space of parameters.

    Parameters
    ----------
    n : int
        How many points to draw.
    space : mapping
        By column name, what its values are drawn from: `uniform`, `loguniform`, `integers` or `choice`; a
        list is a choice.
    method : {"random", "lhs", "sobol", "halton"}
        ``"random"`` draws each point by itself. The others spread them evenly, and need scipy: a Latin
        hypercube, a scrambled Sobol sequence (``n`` should be a power of 2), a Halton sequence. With all but
        ``"lhs"`` the points of a larger ``n`` and the same seed begin with those of a smaller one: that is
        how a sweep is extended.
    seed : int, optional
        Makes the same points again; without it one is made up, and kept in ``attrs``.
    where : str or callable, optional
        Which points to keep of those drawn, see `grid`; there are fewer than ``n`` then.

    Returns
    -------
    DataFrame
        Each point once; ``attrs`` as for `grid`.

    Raises
    ------
    RefusedError
        For a space, method or seed that makes no sense.
    ImportError
        If the method needs scipy and it is not there: ``pip install 'torc_frames[sampling]'``.

    Examples
    --------
    >>> import torc_frames as tf
    >>> space = {"alpha": tf.loguniform(1e-3, 1e2), "depth": tf.integers(1, 8), "solver": ["svd", "sag"]}
    >>> tf.sample(3, space, seed=7)
          alpha  depth solver
    0  1.334988      8    sag
    1  0.013367      3    sag
    2  0.001062      7    sag
    """
    if seed is None:
        seed = secrets.randbits(32)
    check_sample(n, method, seed)
    distributions = distributions_of(space)
    table = drawn(int(n), distributions, method, int(seed))
    return finished(table, _written(int(n), distributions, method, int(seed)), where)


def check_sample(n: object, method: object, seed: object) -> None:
    """Raise RefusedError for a size, method or seed of a sample that makes no sense."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise RefusedError(f"sample({n!r}, ...): how many points is an integer from 0")
    if method not in get_args(Method):
        raise RefusedError(f"method={method!r}: use 'random', 'lhs', 'sobol' or 'halton'")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < _LARGEST_SEED:
        raise RefusedError(f"seed={seed!r}: a seed is an integer from 0, below 2**63")


def drawn(n: int, space: Mapping[str, Distribution], method: Method, seed: int) -> pd.DataFrame:
    """Return all points that are drawn."""
    check_size(n, len(space), MADE)
    points = _points(n, len(space), method, seed)
    columns = zip(space.items(), points.T, strict=True)
    return pd.DataFrame({name: distribution.at(at) for (name, distribution), at in columns})


def distributions_of(space: Mapping[str, Distribution | Iterable[Any]]) -> dict[str, Distribution]:
    """Return what the values of each column are drawn from; RefusedError for what makes no sense."""
    if not isinstance(space, Mapping) or not space:
        raise RefusedError(f"a space is a mapping of column names to what to draw from, not {space!r}")
    found: dict[str, Distribution] = {}
    problems: list[Problem] = []
    for name, source in space.items():
        try:
            found[name] = source if isinstance(source, Distribution) else choice(source)
        except RefusedError as error:
            problems += [Problem(None, str(name), problem.reason) for problem in error.problems]
    if problems:
        raise RefusedError(problems)
    return found


def _points(n: int, dimensions: int, method: Method, seed: int) -> np.ndarray:
    """Return points of the unit cube, one a row."""
    random = np.random.default_rng(seed)
    if method == "random" or not n:
        return random.random((n, dimensions))
    try:
        from scipy.stats import qmc
    except ImportError:
        raise MissingExtraError(
            f"method={method!r} needs scipy: pip install 'torc_frames[sampling]'"
        ) from None
    kind = {"lhs": qmc.LatinHypercube, "sobol": qmc.Sobol, "halton": qmc.Halton}[method]
    name = "rng" if "rng" in inspect.signature(kind).parameters else "seed"
    if method == "sobol" and n & (n - 1):
        below = 1 << (n.bit_length() - 1)
        warn(f"a Sobol sequence is spread evenly for n={below} or n={2 * below}, less so for n={n}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # which says the same of its balance
        try:
            points: np.ndarray = kind(dimensions, **{name: random}).random(n)
        except ValueError as error:  # what a sequence has no points for
            raise RefusedError(f"method={method!r}, n={n}, {dimensions} dimensions: {error}") from None
    return points


def _written(n: int, space: Mapping[str, Distribution], method: Method, seed: int) -> dict[str, Any] | None:
    axes = written_space(space)
    if axes is None:
        return None
    needed = ["numpy"] if method == "random" else ["numpy", "scipy"]
    made_with = {name: version(name) for name in needed}
    return {"how": "sample", "n": n, "method": method, "seed": seed, "space": axes, "made_with": made_with}


def written_space(space: Mapping[str, Distribution]) -> list[dict[str, Any]] | None:
    """Return a space as a recipe has it, None if it would not fit."""
    values = sum(len(source.values) for source in space.values() if isinstance(source, Choice))
    if values > MAX_CELLS:
        return None
    try:
        return [{"name": name, **source.written()} for name, source in space.items()]
    except RefusalError:
        return None  # nothing that can be pushed, which is told then
