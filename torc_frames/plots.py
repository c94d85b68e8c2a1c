"""DataFrames to figures, drawn without pyplot and its global state."""

from __future__ import annotations

from io import BytesIO

import pandas as pd

from torc_frames.errors import RefusedError, shorten

try:
    from matplotlib.figure import Figure
except ImportError:
    raise ImportError("plots need matplotlib: pip install 'torc_frames[plots]'") from None

__all__ = ["lines"]


class _Shown(Figure):
    """A figure that notebooks show by itself; those of matplotlib need pyplot for that."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def lines(
    df: pd.DataFrame, *, x: str, y: str, by: str | None = None, logx: bool = False, logy: bool = False
) -> Figure:
    """Return a figure of one column against another, a line for each value of a third.

    Rows in which one of the columns is missing are left out.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    x, y : str
        Columns of numbers.
    by : str, optional
        A column of few values.
    logx, logy : bool
        Logarithmic axes.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps it.

    Raises
    ------
    RefusedError
        For a column that does not exist, or that has more than 20 values for `by`.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0], "loss": [0.5, 0.3, 0.4]})
    >>> plots.lines(df, x="alpha", y="loss", logx=True).axes[0].get_xlabel()
    'alpha'
    """
    used = [x, y] if by is None else [x, y, by]
    unknown = [name for name in used if name not in df]
    if unknown:
        raise RefusedError(f"no column {shorten(map(repr, unknown))}; there are {shorten(map(repr, df))}")
    rows = df[list(dict.fromkeys(used))].dropna().sort_values(x, kind="stable")
    groups = [(None, rows)] if by is None else list(rows.groupby(by))
    if len(groups) > 20:
        raise RefusedError(f"by={by!r} has {len(groups)} values: too many lines to tell apart")
    figure = _Shown(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(
        xlabel=x, ylabel=y, xscale="log" if logx else "linear", yscale="log" if logy else "linear"
    )
    for value, group in groups:
        axes.plot(group[x], group[y], marker="o", label=None if value is None else f"{by} = {value!s}")
    if by is not None and groups:
        axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return figure
