"""DataFrames to figures, drawn without pyplot and its global state."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator
except ImportError:
    raise ImportError("plots need matplotlib: pip install 'torc_frames[plots]'") from None

__all__ = ["lines", "parallel", "scatter"]

_MOST_NAMES = 20
"""More values than these can't be told apart."""

_MOST_COLORS = 10
_GREY = "#8c8c8c"
_LONGEST_NAME = 40
_LONGEST_VALUE = 20


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
    rows = df[_columns(df, x, y, by)].dropna().sort_values(x, kind="stable")
    groups = [(None, rows)] if by is None else list(rows.groupby(by, observed=True))
    if len(groups) > _MOST_NAMES:
        raise RefusedError(f"by={by!r} has {len(groups)} values: too many lines to tell apart")
    figure, axes = _figure(x, y, logx, logy)
    for value, group in groups:
        axes.plot(
            group[x], group[y], marker="o", label=None if value is None else _label(f"{by} = {value!s}")
        )
    if by is not None and groups:
        axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return figure


def scatter(
    df: pd.DataFrame,
    *,
    x: str,
    y: str,
    by: str | None = None,
    logx: bool = False,
    logy: bool = False,
    limit: int = 10_000,
    seed: int = 0,
) -> Figure:
    """Return a figure of one column against another, a point for each row.

    Rows in which `x` or `y` is missing are left out; where `by` is, they are grey.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    x, y : str
        Columns of numbers or times, or of few values, such as texts.
    by : str, optional
        The column that colors tell: numbers by a scale, few values by a legend.
    logx, logy : bool
        Logarithmic axes, for numbers.
    limit : int
        How many points to draw. Of more rows a random part is drawn, among them the least and the most of
        each column, or one of each of its values if they are few; the titles say so.
    seed : int
        Of the random part.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps it.

    Raises
    ------
    RefusedError
        For a column that does not exist, one of more than 20 values that are no numbers, and a
        logarithmic axis of what is no number.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0], "loss": [0.5, 0.3, 0.4], "solver": ["a", "b", "a"]})
    >>> figure = plots.scatter(df, x="alpha", y="loss", by="solver", logx=True)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['a', 'b']
    """
    _columns(df, x, y, by)
    given = df[df[x].notna() & df[y].notna()]
    logs = {name for name, log in ((x, logx), (y, logy)) if log}
    rows = _part(given, [x, y], logs, by, limit, seed)
    figure, axes = _figure(x, y, logx, logy)
    across = _placed(rows[x], logx, axes, "x")
    up = _placed(rows[y], logy, axes, "y")
    colors = _colors(rows, by)
    axes.scatter(
        across, up, c=colors.of_rows, s=40 if len(rows) <= _FEW_POINTS else 12, alpha=0.75, linewidths=0
    )
    colors.explain(figure, axes)
    axes.grid(alpha=0.3)
    _note(axes, len(rows), len(given))
    return figure


def parallel(
    df: pd.DataFrame,
    *,
    columns: Sequence[str],
    by: str | None = None,
    log: Iterable[str] = (),
    limit: int = 1_000,
    seed: int = 0,
) -> Figure:
    """Return a figure with an axis for each column side by side, and a line through them for each row.

    A line has a gap where a value is missing.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    columns : list of str
        At least two, of numbers or times, or of few values, such as texts.
    by : str, optional
        The column that colors tell: numbers by a scale, few values by a legend.
    log : iterable of str
        The columns whose axes are logarithmic.
    limit : int
        How many lines to draw. Of more rows a random part is drawn, among them the least and the most of
        each column, or one of each of its values if they are few; the titles say so.
    seed : int
        Of the random part.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps it.

    Raises
    ------
    RefusedError
        For a column that does not exist, less than two columns, a column of more than 20 values that are no
        numbers, and a logarithmic axis of what is no number above 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0], "solver": ["a", "b", "a"], "loss": [0.5, 0.3, 0.4]})
    >>> figure = plots.parallel(df, columns=["alpha", "solver", "loss"], by="loss", log=["alpha"])
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['alpha', 'solver', 'loss']
    """
    chosen, logs = list(dict.fromkeys(columns)), set(log)
    if len(chosen) < 2:
        raise RefusedError("parallel coordinates need at least two columns")
    _columns(df, *chosen, by)
    rows = _part(df, chosen, logs, by, limit, seed)
    scales = [_scale(rows[name], name in logs) for name in chosen]
    figure = _Shown(figsize=(max(6.4, 1.6 * len(chosen)), 4.0), layout="constrained")
    axes = figure.add_subplot(xlim=(-0.35, len(chosen) - 0.8), ylim=(-0.04, 1.04))
    points = np.empty((len(rows), len(chosen), 2))
    for at, scale in enumerate(scales):
        points[:, at, 0] = at
        points[:, at, 1] = scale.heights(scale.places)
        _draw_axis(axes, at, scale)
    colors = _colors(rows, by)
    alpha = float(np.clip(80 / max(len(rows), 1), 0.15, 0.85))
    axes.add_collection(LineCollection(list(points), colors=colors.of_rows, alpha=alpha, linewidths=1.3))
    axes.set_xticks(range(len(chosen)), list(map(_label, chosen)))
    axes.tick_params(length=0, pad=8)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if len(chosen) * max(map(len, chosen)) > _MOST_LETTERS:
        axes.tick_params(axis="x", rotation=20)
    colors.explain(figure, axes)
    _note(axes, len(rows), len(df))
    return figure


_FEW_POINTS = 500
_MOST_LETTERS = 90
"""So many letters side by side touch each other."""


def _placed(values: pd.Series, log: bool, axes: Axes, side: Literal["x", "y"]) -> np.ndarray:
    """Return what matplotlib is to draw at an axis, whose ticks are set where the values are no numbers."""
    scale = _scale(values, log)
    across = side == "x"
    if scale.names:
        axis = axes.xaxis if across else axes.yaxis
        axis.set_ticks(*zip(*scale.ticks(), strict=True))
        if across and sum(map(len, scale.names)) > _MOST_LETTERS // 2:
            axis.set_tick_params(rotation=30)
    if scale.dtype is None:
        return 10**scale.places if log else scale.places
    plain = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
    if across:
        axes.xaxis.set_tick_params(rotation=30)
    return plain.to_numpy(dtype="datetime64[us]")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where the values of a column are on an axis, and what is written there."""

    places: np.ndarray
    """A number for each row, NaN where the value is missing; logarithms on a logarithmic axis."""

    log: bool = False
    names: tuple[str, ...] = ()
    """What the places 0, 1, … mean, if the values are no numbers."""

    dtype: Any = None
    """Of times; their places are what they are as integers."""

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest place."""
        given = self.places[np.isfinite(self.places)]
        return (float(given.min()), float(given.max())) if len(given) else (0.0, 0.0)

    def heights(self, places: np.ndarray) -> np.ndarray:
        """Return places as parts of the axis, 0 to 1."""
        low, high = self.ends
        return (places - low) / (high - low) if high > low else np.where(np.isnan(places), np.nan, 0.5)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the places to mark, and what to write there."""
        low, high = self.ends
        if self.names:
            return [(at, _label(name, _LONGEST_VALUE)) for at, name in enumerate(self.names)]
        if self.dtype is not None:
            times = pd.Series(np.linspace(low, high, 4).astype("int64")).astype(self.dtype)
            return [
                (at, f"{time:%Y-%m-%d %H:%M}")
                for at, time in zip(np.linspace(low, high, 4), times, strict=True)
            ]
        if low == high:
            return [(low, f"{10**low if self.log else low:g}")]
        if self.log and high - low > 1:
            step = max(1, int(high - low) // 5)
            return [(at, f"{10.0**at:g}") for at in range(math.ceil(low), math.floor(high) + 1, step)]
        low, high = (10**low, 10**high) if self.log else (low, high)
        values = [value for value in MaxNLocator(5).tick_values(low, high) if low <= value <= high]
        return [(math.log10(value) if self.log else value, f"{value:g}") for value in values]


def _scale(values: pd.Series, log: bool = False) -> _Scale:
    """Return the scale of a column's values."""
    name, kind = values.name, values.dtype.kind
    if log and not _is_number(values):
        raise RefusedError(f"{name!r} is not of numbers, of which alone there are logarithms")
    if kind == "m":
        return _Scale(values.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan))
    if kind == "M":
        places = values.astype("int64").to_numpy(dtype="float64")
        return _Scale(np.where(values.isna(), np.nan, places), dtype=values.dtype)
    if _is_number(values):
        places = values.to_numpy(dtype="float64", na_value=np.nan)
        if log and (places <= 0).any():
            raise RefusedError(f"{name!r} has values that are not above 0, of which there are no logarithms")
        return _Scale(np.log10(places) if log else places, log)
    codes, names = _codes(values)
    return _Scale(np.where(codes < 0, np.nan, codes), names=tuple(names))


def _codes(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return which of a column's few values each is, -1 where it is missing, and their texts."""
    texts = values.astype(object).map(str, na_action="ignore")
    is_category = isinstance(values.dtype, pd.CategoricalDtype)
    there = set(texts.dropna())
    ordered = values.cat.categories if is_category else texts.dropna().sort_values()
    if _is_number(values):
        ordered = texts.iloc[values.reset_index(drop=True).sort_values().index]
    names = [name for name in dict.fromkeys(map(str, ordered)) if name in there]
    if len(names) > _MOST_NAMES:
        raise RefusedError(
            f"{values.name!r} has {len(names)} values that are no numbers: too many to tell apart"
        )
    return np.asarray(pd.Categorical(texts, categories=names).codes, dtype="int64"), names


@dataclass(frozen=True, slots=True)
class _Colors:
    """The color of each row, and what says what they mean."""

    of_rows: Any
    name: str = ""
    labels: tuple[tuple[str, Any], ...] = ()
    scale: ScalarMappable | None = None

    def explain(self, figure: Figure, axes: Axes) -> None:
        """Draw the legend, or the scale."""
        if self.scale is not None:
            figure.colorbar(self.scale, ax=axes, label=_label(self.name), pad=0.02)
        elif self.labels:
            points = [Line2D([], [], color=color, marker="o", linestyle="") for _, color in self.labels]
            names = [label for label, _ in self.labels]
            axes.legend(points, names, title=_label(self.name), frameon=False, **_BESIDE)


_BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}


def _colors(rows: pd.DataFrame, by: str | None) -> _Colors:
    if by is None or not len(rows):
        return _Colors("C0")
    values = rows[by]
    if _is_number(values) and values.nunique() > _MOST_COLORS:
        places = values.to_numpy(dtype="float64", na_value=np.nan)
        norm = Normalize(float(np.nanmin(places)), float(np.nanmax(places)))
        colormap = mpl.colormaps["viridis"].with_extremes(bad=_GREY)
        return _Colors(colormap(norm(np.ma.masked_invalid(places))), by, (), ScalarMappable(norm, colormap))
    codes, names = _codes(values)
    palette = [
        mpl.colormaps["tab20" if len(names) > _MOST_COLORS else "tab10"](at) for at in range(len(names))
    ]
    labels: list[tuple[str, Any]] = [
        (_label(name, _LONGEST_VALUE), color) for name, color in zip(names, palette, strict=True)
    ]
    if (codes < 0).any():
        labels.append(("missing", _GREY))
    return _Colors([palette[code] if code >= 0 else _GREY for code in codes], by, tuple(labels))


def _is_number(values: pd.Series) -> bool:
    return not isinstance(values.dtype, pd.CategoricalDtype) and values.dtype.kind in "iuf"


def _draw_axis(axes: Axes, at: int, scale: _Scale) -> None:
    axes.axvline(at, color="black", linewidth=0.8, zorder=3)
    for place, label in scale.ticks():
        height = float(scale.heights(np.array([place]))[0])
        axes.plot([at - 0.015, at], [height, height], color="black", linewidth=0.8, zorder=3)
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
        axes.text(at - 0.03, height, label, ha="right", va="center", fontsize="small", bbox=box, zorder=4)


def _columns(df: pd.DataFrame, *names: str | None) -> list[str]:
    """Return the columns that are named, each once; RefusedError if there is one that does not exist."""
    asked = [name for name in dict.fromkeys(names) if name is not None]
    unknown = [name for name in asked if name not in df]
    if unknown:
        raise RefusedError(f"no column {shorten(map(repr, unknown))}; there are {shorten(map(repr, df))}")
    return asked


def _part(
    rows: pd.DataFrame, columns: Sequence[str], logs: Container[str], by: str | None, limit: int, seed: int
) -> pd.DataFrame:
    """Return the rows, or a random part of too many, with the extremes of each scale, in their order.

    Rows at equal distances won't do: those of a grid repeat, and some of its values would never be met.
    """
    scales = [_scale(rows[name], name in logs) for name in columns]
    scales += [] if by is None or not len(rows) else [_scale(rows[by])]
    if len(rows) <= limit:
        return rows
    kept = np.unique(np.concatenate([_extremes(scale.places) for scale in scales]))
    others = np.setdiff1d(np.arange(len(rows)), kept)
    count = max(0, limit - len(kept))
    drawn = np.random.default_rng(seed).choice(others, count, replace=False)
    return rows.iloc[np.sort(np.concatenate([kept, drawn]))]


def _extremes(places: np.ndarray) -> np.ndarray:
    """Return the positions of the least and the most, of few values of one of each."""
    there = np.flatnonzero(np.isfinite(places))
    _, first = np.unique(places[there], return_index=True)
    return there[first if len(first) <= _MOST_NAMES else first[[0, -1]]]


def _note(axes: Axes, shown: int, there: int) -> None:
    if shown < there:
        axes.set_title(f"{shown:,} of {there:,} rows", fontsize="small", loc="left")
        axes.set_title("drawn at random, with all extremes", fontsize="small", loc="right")


def _figure(x: str, y: str, logx: bool, logy: bool) -> tuple[Figure, Axes]:
    figure = _Shown(figsize=(6.4, 4.0), layout="constrained")
    scales = {"xscale": "log" if logx else "linear", "yscale": "log" if logy else "linear"}
    return figure, figure.add_subplot(xlabel=_label(x), ylabel=_label(y), **scales)


def _label(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a text as matplotlib writes it as it is: in one line, no formula, no name of its own."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    if len(shown) > longest:
        shown = f"{shown[: longest - 1]}…"
    return f" {shown}".replace("$", r"\$") if shown.startswith("_") else shown.replace("$", r"\$")
