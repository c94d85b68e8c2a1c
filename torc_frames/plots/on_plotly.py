"""Drawings by plotly, for the screen: what is under the pointer is told, and nothing is fetched."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from plotly import graph_objects as go
from plotly.subplots import make_subplots

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
from torc_frames.plots.tables import labels_of

__all__ = ["draw"]

_INK = "#7a7a7a"
"""Of what is written: to be read on a white page and on a dark one, as the figure has no ground."""

_GRID = "rgba(128,128,128,0.25)"
_DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
_SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "X": "x"}
_SHADES = 24
"""How many colors lines of a scale have; each is a trace."""

_SCALE = "the scale of colors"
_LONGEST = 80
_DOTS_PER_INCH = 100
_LETTERS_PER_INCH = 17
"""Of a note."""


def draw(drawing: Drawing) -> go.Figure:
    """Return the figure of a drawing."""
    across = min(drawing.columns, len(drawing.panels))
    down = -(-len(drawing.panels) // across)
    titles = [_text(panel.title) for panel in drawing.panels]
    figure = make_subplots(
        down, across, shared_yaxes=drawing.is_shared, subplot_titles=titles if any(titles) else None
    )
    told: set[str] = set()
    for at, panel in enumerate(drawing.panels):
        where = {"row": at // across + 1, "col": at % across + 1}
        for mark in panel.marks:
            if isinstance(mark, Text):
                figure.add_annotation(_words(mark), **where)
                continue
            for trace in _traces(mark, panel):
                figure.add_trace(_told_once(trace, told), **where)
        untitled = {"title": None} if drawing.is_shared and where["col"] > 1 else {}
        figure.update_xaxes(_side(panel.x, panel.has_grid), **where)
        figure.update_yaxes({**_side(panel.y, panel.has_grid), **untitled}, **where)
    _lay_out(figure, drawing)
    return figure


def _told_once(trace: Any, told: set[str]) -> Any:
    """Return a trace that is in the legend, or has a scale of colors, if none before it is alike."""
    name = trace.name or ""
    trace.update(showlegend=bool(name) and name not in told, legendgroup=name or None)
    if "marker" in trace and "showscale" in trace.marker and trace.marker.showscale:
        trace.marker.showscale = (name := _SCALE) not in told
    told.add(name)
    return trace


def _lay_out(figure: go.Figure, drawing: Drawing) -> None:
    notes = list(drawing.notes)
    if drawing.drawn and drawing.drawn[0] < drawing.drawn[1]:
        notes.insert(
            0, f"{drawing.drawn[0]:,} of {drawing.drawn[1]:,} rows, drawn at random, with all extremes"
        )
    if notes:
        below = {
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "y": 0,
            "yshift": -62,
            "yanchor": "top",
            "xanchor": "left",
        }
        figure.add_annotation(
            text=_wrapped("; ".join(notes), drawing.width),
            showarrow=False,
            font={"size": 11, "color": GREY},
            align="left",
            **below,
        )
    title = next((_title(panel) for panel in drawing.panels if _title(panel)), "")
    figure.update_layout(
        template="none",
        width=drawing.width * _DOTS_PER_INCH * 1.2,
        height=drawing.height * _DOTS_PER_INCH * 1.1,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK},
        legend={"title": {"text": _text(title)}, "itemsizing": "constant", "traceorder": "normal"},
        barmode="overlay",
        margin={"l": 70, "r": 20, "t": 30, "b": 110 if notes else 60},
        hovermode="closest",
    )


def _wrapped(text: str, width: float) -> str:
    """Return a text in lines that are as wide as a figure."""
    return "<br>".join(_text(line, 400) for line in textwrap.wrap(text, int(width * _LETTERS_PER_INCH)))


def _title(panel: Panel) -> str:
    titles = [mark.colors.title for mark in panel.marks if isinstance(mark, (Points, Paths, Bars))]
    return next(filter(None, titles), panel.legend)


def _side(axis: Side, has_grid: bool) -> dict[str, Any]:
    """Return what plotly is told of an axis."""
    told: dict[str, Any] = {
        "title": {"text": _text(axis.label)},
        "gridcolor": _GRID,
        "linecolor": _INK,
        "ticks": "" if axis.is_bare else "outside",
        "zeroline": False,
        "automargin": True,
        "visible": not axis.hidden,
        "showgrid": has_grid,
    }
    if axis.log:
        told |= {"type": "log", "exponentformat": "power"}
    if axis.times:
        told |= {"type": "date"}
    if axis.whole:
        told |= {"tickformat": ",d"}
    if axis.names:
        texts = [_text(name, axis.longest) for name in axis.names]
        told |= {"tickmode": "array", "tickvals": list(range(len(texts))), "ticktext": texts}
    if axis.ticks:
        told |= {
            "tickmode": "array",
            "tickvals": list(axis.ticks),
            "ticktext": [f"{at:g}" for at in axis.ticks],
        }
    if axis.limits:
        told |= {"range": [float(np.log10(end)) if axis.log else end for end in axis.limits]}
    return told


@singledispatch
def _traces(mark: Mark, panel: Panel) -> list[Any]:
    """Return what plotly calls the parts of a figure."""
    raise TypeError(f"no way to draw {type(mark).__name__}")


@_traces.register
def _of_line(mark: Curve, panel: Panel) -> list[Any]:
    kind = go.Scattergl if len(mark.x) > _MANY and not mark.is_step else go.Scatter
    line = {"color": mark.color, "dash": _DASHES[mark.dash], "width": mark.width * 1.3}
    told = (
        {}
        if mark.hover is None
        else {"hovertext": [_lines(text) for text in mark.hover], "hoverinfo": "text"}
    )
    return [
        kind(
            x=mark.x,
            y=mark.y,
            name=_text(mark.name),
            mode="lines+markers" if mark.marker else "lines",
            line={**line, "shape": "hv"} if mark.is_step else line,
            marker={"color": mark.color, "symbol": _SYMBOLS.get(mark.marker, "circle"), "size": 7},
            **told,
        )
    ]


_MANY = 2_000


@_traces.register
def _of_band(mark: Band, panel: Panel) -> list[Any]:
    line = {"width": 0, "color": mark.color, **({"shape": "hv"} if mark.is_step else {})}
    red, green, blue = (int(mark.color[at : at + 2], 16) for at in (1, 3, 5))
    lower = go.Scatter(x=mark.x, y=mark.low, mode="lines", line=line, hoverinfo="skip")
    filled = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.2)"}
    return [lower, go.Scatter(x=mark.x, y=mark.high, mode="lines", line=line, hoverinfo="skip", **filled)]


@_traces.register
def _of_points(mark: Points, panel: Panel) -> list[Any]:
    kind = go.Scattergl if len(mark.x) > _MANY else go.Scatter
    size = max(4.0, float(np.sqrt(mark.size)) * 1.2)
    hover = _hover(mark.rows)
    made = []
    for rows, name, symbol, color in _groups(mark.colors, len(mark.x), mark.marker):
        told = {} if hover is None else {"hovertext": hover[rows], "hoverinfo": "text"}
        marker = {"size": size, "symbol": symbol, "opacity": mark.alpha, **color}
        made.append(kind(x=mark.x[rows], y=mark.y[rows], mode="markers", name=name, marker=marker, **told))
    return made


def _groups(colors: Colors, count: int, marker: str) -> Iterable[tuple[Any, str, str, dict[str, Any]]]:
    """Return the rows of each kind, its name, symbol and color; one kind if a scale or one color has all."""
    everything = np.arange(count)
    symbol = _SYMBOLS.get(marker, "circle")
    if colors.values is not None:
        known = np.isfinite(colors.values)
        yield np.flatnonzero(known), "", symbol, _on_scale(colors)
        if not known.all():
            yield np.flatnonzero(~known), "", symbol, {"color": GREY}
    elif colors.codes is None:
        shades = [_INK if color == INK else color for color in map(to_hex, colors.of_rows)]
        yield everything, "", symbol, {"color": shades[0] if len(shades) == 1 else shades}
    else:
        for at, (name, color, each) in enumerate(colors.names):
            rows = np.flatnonzero(colors.codes == at)
            if len(rows):
                yield rows, _text(name, 20), _SYMBOLS[each], {"color": color}


def _on_scale(colors: Colors) -> dict[str, Any]:
    assert colors.values is not None
    known = colors.values[np.isfinite(colors.values)]
    places = np.log10(known) if colors.log else known
    bar: dict[str, Any] = {"title": {"text": _text(colors.title), "side": "right"}, "outlinewidth": 0}
    if colors.log:
        bar |= {"tickprefix": "10<sup>", "ticksuffix": "</sup>", "dtick": 1}
    return {"color": places, "colorscale": _colorscale(), "colorbar": bar, "showscale": True}


def _colorscale() -> list[list[Any]]:
    return [[at, to_hex(SCALE(at))] for at in np.linspace(0, 1, 16).tolist()]


@_traces.register
def _of_paths(mark: Paths, panel: Panel) -> list[Any]:
    kind = go.Scattergl if mark.points.size > 4 * _MANY else go.Scatter
    hover = _hover(mark.rows)
    made = []
    for rows, name, color in _shades(mark.colors, len(mark.points)):
        points = mark.points[rows]
        gaps = np.concatenate([points, np.full((len(points), 1, 2), np.nan)], axis=1).reshape(-1, 2)
        told: dict[str, Any] = {"hoverinfo": "skip"}
        if hover is not None:
            told = {"hovertext": np.repeat(hover[rows], mark.points.shape[1] + 1), "hoverinfo": "text"}
        line = {"color": color, "width": mark.width}
        made.append(
            kind(
                x=gaps[:, 0],
                y=gaps[:, 1],
                mode="lines",
                name=name,
                line=line,
                opacity=mark.alpha,
                connectgaps=False,
                **told,
            )
        )
    if mark.colors.values is not None:
        scale = {**_on_scale(mark.colors), "opacity": 0}
        made.append(go.Scatter(x=[None], y=[None], mode="markers", marker=scale, hoverinfo="skip"))
    return made


def _shades(colors: Colors, count: int) -> Iterable[tuple[Any, str, str]]:
    """Return the rows of each color, its name, and it; those of a scale in few shades."""
    if colors.values is None:
        for rows, name, _, color in _groups(colors, count, "o"):
            yield rows, name, color["color"]
        return
    places = norm_of(colors.values, colors.log)(np.ma.masked_invalid(colors.values)).filled(-1.0)
    steps = np.minimum((places * _SHADES).astype(int), _SHADES - 1)
    for step in np.unique(np.where(places < 0, -1, steps)):
        rows = np.flatnonzero(np.where(places < 0, -1, steps) == step)
        yield rows, "", GREY if step < 0 else to_hex(SCALE((step + 0.5) / _SHADES))


@_traces.register
def _of_bars(mark: Bars, panel: Panel) -> list[Any]:
    hover = _hover(mark.rows)
    made = []
    is_time = mark.start.dtype.kind == "M"
    length = mark.end - mark.start
    lengths = length / np.timedelta64(1, "ms") if is_time else length
    for rows, name, _, color in _groups(mark.colors, len(mark.y), "o"):
        told = {} if hover is None else {"hovertext": hover[rows], "hoverinfo": "text"}
        bars = {"y": mark.y[rows], "x": lengths[rows], "base": mark.start[rows], "width": mark.thick}
        made.append(
            go.Bar(
                **bars,
                orientation="h",
                name=name,
                marker={"line": {"width": 0}, **color},
                offsetgroup=0,
                **told,
            )
        )
    return made


@_traces.register
def _of_cells(mark: Cells, panel: Panel) -> list[Any]:
    values = np.log10(mark.values) if mark.log else mark.values
    bar: dict[str, Any] = {"title": {"text": _text(mark.title), "side": "right"}, "outlinewidth": 0}
    if mark.log:
        bar |= {"tickprefix": "10<sup>", "ticksuffix": "</sup>", "dtick": 1}
    told = {}
    if mark.texts is not None:
        texts = [[_lines(text) for text in row] for row in mark.texts]
        told = {"hovertext": texts, "hoverinfo": "text"}
    return [
        go.Heatmap(
            x=mark.x, y=mark.y, z=values, colorscale=_colorscale(), colorbar=bar, hoverongaps=True, **told
        )
    ]


def _words(mark: Text) -> dict[str, Any]:
    """Return an annotation, on a ground on which it is read above lines of any color."""
    ground = {"font": {"size": 11, "color": "white"}, "bgcolor": "rgba(90,90,90,0.7)", "borderpad": 1}
    place = {"x": mark.x, "y": mark.y, "xanchor": mark.align, "yanchor": "middle", "showarrow": False}
    return {"text": _text(mark.text, 20), **place, **ground}


def _hover(rows: pd.DataFrame | None) -> np.ndarray[Any, Any] | None:
    """Return what is told of each row, a line a column that has a value."""
    if rows is None:
        return None
    called = labels_of(*map(str, rows))
    head = "" if rows.index.name is None else f"{_text(str(rows.index.name))} "
    told = pd.Series([f"{head}{_text(str(key))}" for key in rows.index], dtype=object).to_numpy()
    for name in rows:
        values = rows[name]
        codes, there = pd.factorize(values.astype(object).map(_shown, na_action="ignore"))
        lines = np.array(
            [*(f"<br>{_text(called[str(name)])} = {_text(text)}" for text in there), ""], dtype=object
        )
        told = told + lines[codes]
    return told


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _lines(text: str) -> str:
    return "<br>".join(map(_text, text.split("\n")))


def _text(text: str, longest: int = _LONGEST) -> str:
    """Return a text as plotly writes it as it is: in one line, no mark-up, no link, no formula."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    if len(shown) > longest:
        shown = f"{shown[: longest - 1]}…"
    return html.escape(shown).replace("$", "&#36;").replace("%", "&#37;")
