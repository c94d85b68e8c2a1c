"""Lines through the means of rows, with bands of how these scatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.colors import style_of
from torc_frames.plots.description import Curve, Drawing, Panel
from torc_frames.plots.scales import MOST_NAMES, codes_of, is_log, scale_of
from torc_frames.plots.tables import columns_of, labels_of, which_count

__all__ = ["lines"]


def lines(
    df: pd.DataFrame,
    *,
    x: str,
    y: str,
    by: str | None = None,
    logx: bool | None = None,
    logy: bool | None = None,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of one column against another, a line for each value of a third.

    Rows in which one of the columns is missing are left out.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    x, y : str
        Columns of numbers; short names will do.
    by : str, optional
        A column of few values.
    logx, logy : bool, optional
        Logarithmic axes; by default those of parameters that the recipe of the sweep has so.
    backend : {"matplotlib", "plotly"}
        Who draws: for paper, or for the screen.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps one of matplotlib.

    Raises
    ------
    RefusedError
        For a column that does not exist, or that has more than 20 values for `by`.
    ImportError
        If plotly is asked for, and not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0], "loss": [0.5, 0.3, 0.4]})
    >>> plots.lines(df, x="alpha", y="loss", logx=True).axes[0].get_xlabel()
    'alpha'
    """
    x, y = columns_of(df, x)[0], columns_of(df, y)[0]
    by = None if by is None else columns_of(df, by)[0]
    rows, _, notes = which_count(df, *dict.fromkeys(name for name in (x, y, by) if name))
    across, up = scale_of(rows[x], is_log(df, x, logx)), scale_of(rows[y], is_log(df, y, logy))
    codes, names = (np.zeros(len(rows), int), [""]) if by is None else codes_of(rows[by], len(rows))
    if len(names) > MOST_NAMES:
        raise RefusedError(f"by={by!r} has {len(names)} values: too many lines to tell apart")
    called = labels_of(x, y, by)
    order = np.argsort(across.places, kind="stable")
    marks = []
    for at, name in enumerate(names):
        one = order[codes[order] == at]
        color, dash, marker = style_of(at)
        label = "" if by is None else f"{called[by]} = {name}"
        marks.append(Curve(across.drawn[one], up.drawn[one], color, label, dash, marker))
    panel = Panel(across.axis(called[x]), up.axis(called[y]), tuple(marks))
    return draw(Drawing((panel,), notes), backend)
