"""Drawings by matplotlib, without pyplot and its global state."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import singledispatch
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import axis
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from torc_frames.plots.colors import GREY, INK, SCALE, norm_of
from torc_frames.plots.description import (
    Band,
    Bars,
    Cells,
    Colors,
    Curve,
    Drawing,
    Mark,
    Panel,
    Paths,
    Points,
    Side,
    Text,
)

__all__ = ["draw"]

_LONGEST_NAME = 40
_LONGEST_VALUE = 20

_BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
_PLAIN: dict[str, Any] = {"frameon": False, "labelcolor": INK}
_NARROW = 4.0
_LETTER = 0.075
"""Width of one, in inches."""


class _Shown(Figure):
    """A figure that notebooks show by itself; those of matplotlib need pyplot for that."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def draw(drawing: Drawing) -> Figure:
    """Return the figure of a drawing; dark on white wherever it is shown."""
    figure = _Shown(figsize=(drawing.width, drawing.height), layout="constrained")
    across = min(drawing.columns, len(drawing.panels))
    down = -(-len(drawing.panels) // across)
    made: list[Axes] = []
    for at, panel in enumerate(drawing.panels):
        first = made[at - at % across] if drawing.is_shared and at % across else None
        axes = figure.add_subplot(down, across, at + 1, sharey=first)
        made.append(axes)
        _draw_panel(axes, panel, drawing.width / across, is_inner=first is not None)
    _explain(figure, made, drawing.panels)
    _note(figure, made[0], drawing)
    return figure


def _draw_panel(axes: Axes, panel: Panel, width: float, *, is_inner: bool) -> None:
    axes.spines[:].set_color(INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", colors=INK)
    for mark in panel.marks:
        _put(mark, axes)
    _set_side(axes, "x", panel.x, width)
    _set_side(axes, "y", panel.y, width)
    if is_inner:
        axes.set_ylabel("")
        axes.tick_params(axis="y", labelleft=False)
    if panel.title:
        axes.set_title(_label(panel.title), fontsize="medium", color=INK)
    if panel.has_grid:
        axes.grid(color=INK, alpha=0.12)
        axes.set_axisbelow(True)


def _set_side(axes: Axes, which: Any, given: Side, width: float) -> None:
    side: axis.Axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}label": _label(given.label)})
    side.label.set_color(INK)
    if given.hidden:
        side.set_visible(False)
        axes.spines[["top", "bottom"] if which == "x" else ["left", "right"]].set_visible(False)
    if given.is_bare:
        axes.tick_params(axis=which, length=0, pad=8)
        axes.spines[["top", "bottom"] if which == "x" else ["left", "right"]].set_visible(False)
    if given.log:
        axes.set(**{f"{which}scale": "log"})
        _mark_decades(side, axes)
    elif given.names:
        side.set_ticks(range(len(given.names)), [_label(name, given.longest) for name in given.names])
        if which == "x" and len(given.names) * max(map(len, given.names)) * _LETTER > width:
            for text in side.get_ticklabels():
                text.set(rotation=25, ha="right", rotation_mode="anchor")
    elif given.times:
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        side.set_major_locator(locator)
        side.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        if which == "x" and width < _NARROW:
            side.set_tick_params(rotation=40)
    elif given.whole:
        side.set_major_locator(MaxNLocator(8, integer=True))
    if given.ticks:
        side.set_ticks(given.ticks, [f"{place:g}" for place in given.ticks])
        side.set_minor_locator(NullLocator())
    if given.limits:
        axes.set(**{f"{which}lim": given.limits})


def _mark_decades(side: axis.Axis, axes: Axes) -> None:
    """Have numbers that are no powers of ten marked where there would be less than two marks."""
    low, high = side.get_view_interval()
    if low > 0 and np.log10(high / low) < 2:
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        side.set_major_formatter(ScalarFormatter())
        side.set_minor_locator(NullLocator())


@singledispatch
def _put(mark: Mark, axes: Axes) -> None:
    raise TypeError(f"no way to draw {type(mark).__name__}")


@_put.register
def _put_line(mark: Curve, axes: Axes) -> None:
    axes.plot(
        mark.x,
        mark.y,
        color=mark.color,
        linestyle=mark.dash,
        linewidth=mark.width,
        marker=mark.marker or None,
        markersize=5,
        drawstyle="steps-post" if mark.is_step else "default",
        label=_label(mark.name) if mark.name else None,
        rasterized=len(mark.x) > _FEW_POINTS,
    )


_FEW_POINTS = 5_000


@_put.register
def _put_band(mark: Band, axes: Axes) -> None:
    step: Any = "post" if mark.is_step else None
    axes.fill_between(mark.x, mark.low, mark.high, color=mark.color, alpha=0.2, linewidth=0, step=step)


@_put.register
def _put_points(mark: Points, axes: Axes) -> None:
    for chosen, color, marker in _kinds(mark.colors, len(mark.x), mark.marker):
        axes.scatter(
            mark.x[chosen],
            mark.y[chosen],
            c=color,
            s=mark.size,
            marker=marker,
            alpha=mark.alpha,
            linewidths=0,
            rasterized=True,
        )


def _kinds(colors: Colors, count: int, marker: str) -> list[tuple[Any, Any, str]]:
    """Return the rows of each marker, their colors, and it."""
    markers = [each for _, _, each in colors.names]
    if colors.codes is None or len(set(markers)) < 2:
        return [(slice(None), colors.of_rows, marker)]
    of_rows = np.array(markers)[colors.codes]
    there = [(of_rows == each, each) for each in dict.fromkeys(markers)]
    return [(rows, colors.of_rows[rows], each) for rows, each in there if rows.any()]


@_put.register
def _put_paths(mark: Paths, axes: Axes) -> None:
    lines = list(mark.points)
    axes.add_collection(
        LineCollection(
            lines, colors=mark.colors.of_rows, alpha=mark.alpha, linewidths=mark.width, rasterized=True
        )
    )
    axes.autoscale_view()


@_put.register
def _put_bars(mark: Bars, axes: Axes) -> None:
    start, end = (_as_numbers(each) for each in (mark.start, mark.end))
    low, high = mark.y - mark.thick / 2, mark.y + mark.thick / 2
    corners = np.stack(
        [np.stack(each, axis=-1) for each in ((start, low), (end, low), (end, high), (start, high))], axis=1
    )
    axes.add_collection(
        PolyCollection(
            list(corners), facecolors=mark.colors.of_rows, linewidths=0, rasterized=len(mark.y) > _FEW_POINTS
        )
    )
    axes.autoscale_view()


def _as_numbers(values: Any) -> Any:
    is_time = values.dtype.kind == "M"
    return date2num(values) if is_time else values  # type: ignore[no-untyped-call]


@_put.register
def _put_cells(mark: Cells, axes: Axes) -> None:
    drawn = axes.pcolormesh(
        mark.x,
        mark.y,
        np.ma.masked_invalid(mark.values),
        cmap=SCALE.with_extremes(bad=(0, 0, 0, 0)),
        norm=norm_of(mark.values, mark.log),
        rasterized=True,
    )
    drawn.set_edgecolor("face")
    if np.isnan(mark.values).any():
        axes.patch.set(hatch="////", edgecolor=GREY, linewidth=0)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    _add_scale(figure, [axes], drawn, mark.title)


@_put.register
def _put_text(mark: Text, axes: Axes) -> None:
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
    axes.text(
        mark.x,
        mark.y,
        _label(mark.text, _LONGEST_VALUE),
        ha=mark.align,
        va="center",
        fontsize="small",
        bbox=box,
        color=INK,
        zorder=4,
    )


def _explain(figure: Figure, made: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """Draw the legends and scales of the panels, or the one of all."""
    if len(panels) > 1 and all(_meaning(panel) == _meaning(panels[0]) for panel in panels):
        handles, title = _legend(figure, made[0], list(made), panels[0])
        if handles:
            told = figure.legend(handles=handles, title=title, loc="outside right upper", **_PLAIN)
            told.get_title().set_color(INK)
        return
    for axes, panel in zip(made, panels, strict=True):
        handles, title = _legend(figure, axes, [axes], panel)
        if handles:
            axes.legend(handles=handles, title=title, **_BESIDE, **_PLAIN).get_title().set_color(INK)


def _meaning(panel: Panel) -> list[Any]:
    """Return what colors mean in a panel."""
    colors = [mark.colors for mark in panel.marks if isinstance(mark, (Points, Paths, Bars))]
    names = [(mark.name, mark.color) for mark in panel.marks if isinstance(mark, Curve) and mark.name]
    cells = [mark for mark in panel.marks if isinstance(mark, Cells)]
    return [[(each.title, each.names, each.values is None) for each in colors], names, cells]


def _legend(figure: Figure, axes: Axes, beside: list[Axes], panel: Panel) -> tuple[list[Any], str | None]:
    """Return what the legend of a panel has, and its title; a scale is drawn beside some axes."""
    handles: list[Any] = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    title = panel.legend
    for mark in panel.marks:
        if isinstance(mark, (Points, Paths, Bars)) and (mark.colors.names or mark.colors.values is not None):
            title = mark.colors.title
            if mark.colors.values is not None:
                norm = norm_of(mark.colors.values, mark.colors.log)
                _add_scale(figure, beside, ScalarMappable(norm, SCALE), title)
            handles += [
                Line2D([], [], color=color, marker=marker, linestyle="", label=_label(name, _LONGEST_VALUE))
                for name, color, marker in mark.colors.names
            ]
    return handles, _label(title) or None


def _add_scale(figure: Figure, axes: list[Axes], colors: Any, title: str) -> None:
    bar = figure.colorbar(colors, ax=axes, pad=0.02)
    bar.set_label(_label(title), color=INK)
    bar.ax.tick_params(which="both", colors=INK)
    bar.outline.set_visible(False)


def _note(figure: Figure, axes: Axes, drawing: Drawing) -> None:
    if drawing.drawn and drawing.drawn[0] < drawing.drawn[1]:
        shown, there = drawing.drawn
        for loc, text in (
            ("left", f"{shown:,} of {there:,} rows"),
            ("right", "drawn at random, with all extremes"),
        ):
            axes.set_title(text, fontsize="small", loc=loc, color=INK)  # type: ignore[arg-type]
    if drawing.notes:
        text = _label("; ".join(drawing.notes), 1_000)
        lines = textwrap.wrap(text, max(30, int(drawing.width / _LETTER)))
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize="small", color=GREY)


def _label(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a text as matplotlib writes it as it is: in one line, no formula, no name of its own."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    if len(shown) > longest:
        shown = f"{shown[: longest - 1]}…"
    return f" {shown}".replace("$", r"\$") if shown.startswith("_") else shown.replace("$", r"\$")
