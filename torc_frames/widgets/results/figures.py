"""The two figures of the explorer: which columns to begin with, and the picture of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from torc_frames.widgets.results.model import choices, meaning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Axes", "by_weight", "drawable", "parallel", "picture", "scatter", "suggested"]

_PARALLEL_AXES = 6
_DOTS_PER_INCH = 120
_DECADES = 2.5


@dataclass(frozen=True, slots=True)
class Axes:
    """The columns of a figure; None where nothing was found or chosen."""

    x: str | None
    y: str | None
    by: str | None
    columns: tuple[str, ...]


def by_weight(names: Iterable[str]) -> list[str]:
    """Return columns in the order of what they say: parameters, results, then what jobs are otherwise."""
    return sorted(names, key=_weight)


def _weight(name: str) -> int:
    if name.startswith("results.error."):
        return 3
    return next((at for at, start in enumerate(("params.", "results.")) if name.startswith(start)), 2)


def drawable(frame: pd.DataFrame) -> list[str]:
    """Return the columns that can be an axis: numbers, times, and few values; see `by_weight`."""
    able = (
        str(name)
        for name in frame.columns
        if meaning(frame[name]) in ("number", "time", "span") or len(choices(frame[name]) or ()) > 1
    )
    return by_weight(able)


def suggested(frame: pd.DataFrame) -> Axes:
    """Return what to draw first: how the results depend on the parameters.

    Examples
    --------
    >>> import pandas as pd
    >>> names = ["params.n", "params.solver", "results.loss"]
    >>> first = suggested(pd.DataFrame([[1, "a", 0.5], [2, "b", 0.4]], columns=names))
    >>> first.x, first.y, first.by
    ('params.n', 'results.loss', 'params.solver')
    """
    able = drawable(frame)
    varied = [name for name in able if frame[name].nunique() > 1]
    params = [name for name in varied if name.startswith("params.")]
    results = [
        name
        for name in varied
        if name.startswith("results.") and not name.startswith("results.error.") and _is_number(frame[name])
    ]
    others = [name for name in [*varied, *able] if name not in params + results]
    numbers = [name for name in params if _is_number(frame[name])]
    x = next(iter([*numbers, *params, *others]), None)
    y = next(iter([*results, *others]), None)
    rest = [name for name in params if name != x and choices(frame[name])]
    columns = (*params[: _PARALLEL_AXES - 1], *results[:1])
    return Axes(x, y, next(iter(rest), None), columns if len(columns) > 1 else tuple(able[:3]))


def scatter(frame: pd.DataFrame, x: str, y: str, by: str | None) -> Figure:
    """Return the figure of `plots.scatter`, with logarithmic axes for numbers of many decades."""
    from torc_frames import plots

    logx, logy = (_spans_decades(frame[name]) or None for name in (x, y))
    figure: Figure = plots.scatter(frame, x=x, y=y, by=by, logx=logx, logy=logy)
    return figure


def parallel(frame: pd.DataFrame, columns: tuple[str, ...], by: str | None) -> Figure:
    """Return the figure of `plots.parallel`, with logarithmic axes for numbers of many decades."""
    from torc_frames import plots

    log = [name for name in columns if name in frame and _spans_decades(frame[name])]
    figure: Figure = plots.parallel(frame, columns=columns, by=by, log=log)
    return figure


def picture(figure: Figure, text: str) -> str:
    """Return HTML with the picture of a figure; the text is for those who can't see it."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    data = b64encode(buffer.getvalue()).decode()
    width = round(figure.get_figwidth() * 96)
    return f'<img class="tf-figure" width="{width}" alt="{escape(text)}" src="data:image/png;base64,{data}">'


def _is_number(values: pd.Series) -> bool:
    return meaning(values) == "number"


def _spans_decades(values: pd.Series) -> bool:
    if not _is_number(values):
        return False
    given = values.dropna().to_numpy(dtype="float64")
    return bool(len(given) and given.min() > 0 and np.log10(given.max() / given.min()) > _DECADES)
