"""The figures of a report: which ones fit what varies, as SVG in the colors of their page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pandas as pd
from PIL import Image

from torc_frames import plots
from torc_frames.errors import RefusedError, printable
from torc_frames.frame.tabulation import configurations as columns
from torc_frames.workflow.report.contents import Contents
from torc_frames.workflow.report.ranks import Mode, objective_of

__all__ = ["figures", "inline"]

_PAGE = {"#0a0b0c": "currentColor", "#ffffff": "Canvas"}
"""The colors of a page in place of the ink of plots, and of what is behind their labels."""

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PNG = "data:image/png;base64,"
_DOTS = 110
_REFERENCE = re.compile(r"(url\(#|^#)")

_FEW, _SEVERAL, _MANY = 8, 40, 12
_LINES, _POINTS, _CURVES = 300, 3_000, 200
_ENOUGH = 30
"""From so many jobs on there is something to say of what matters, and of what is best so far."""

_FEWEST = 12
"""So many jobs may fill the cells of two parameters."""

_SAME = 0.98
"""Ranks of two results that are this alike say the same."""

_STEPS = ("epoch", "step", "global_step", "iteration", "batch")

Draw = Callable[[], Any]


def figures(contents: Contents) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the figures that fit as SVG, each with what it shows, and why others are not there."""
    made: list[tuple[str, str]] = []
    refused: list[str] = []
    for told, draw in (*_of_results(contents), *_of_runs(contents)):
        try:
            made.append((inline(draw(), f"f{len(made) + 1}-", told), told))
        except (RefusedError, ValueError, ArithmeticError) as error:  # numbers near the largest of floats
            refused.append(f"Not drawn: {told} ({error})")
    return made, refused


def _of_results(contents: Contents) -> Iterator[tuple[str, Draw]]:
    table, objective = contents.whole, contents.objective
    if objective is None:
        return
    y, mode, labels = objective.name, objective.mode, columns.labels(map(str, contents.whole))
    shown = labels[y]
    rows = table[columns.standing(table).counted & table[y].notna().to_numpy(bool)]
    different = {name: columns.codes(rows[name])[1] for name in columns.varying(rows)}
    varied = [name for name, count in different.items() if _is_drawable(rows[name], count)]
    numeric = sorted(
        (name for name in varied if columns.is_numeric(rows[name])), key=lambda name: -different[name]
    )
    steps = [name for name in numeric if different[name] <= _SEVERAL and name not in contents.over]
    if steps:
        by = next(
            (name for name in varied if name not in (steps[0], *contents.over) and different[name] <= _FEW),
            None,
        )
        lines = f", a line for each {labels[by]}" if by else ""
        over = list(contents.over) or None
        yield (
            f"{shown} by {labels[steps[0]]}{lines}",
            partial(plots.lines, table, x=steps[0], y=y, by=by, over=over),
        )
    if len(numeric) > 1 and len(rows) >= _FEWEST:
        told = f"{shown} by {labels[numeric[0]]} and {labels[numeric[1]]}"
        yield told, partial(plots.heatmap, table, x=numeric[0], y=numeric[1], metric=y)
    if varied and (len(varied) > 2 or not steps):
        told = f"{shown} of each job by each parameter"
        yield told, partial(plots.slice, table, y=y, columns=varied[:_MANY])
    if 3 <= len(varied) <= _MANY:
        told = f"The parameters that vary, and {shown}: a line is a job"
        yield told, partial(plots.parallel, rows, columns=[*varied, y], by=y, limit=_LINES)
    if len(varied) > 1 and len(rows) >= _ENOUGH and find_spec("sklearn"):
        yield (
            f"How much each parameter matters for {shown}",
            partial(plots.importance, table, y, columns=varied),
        )
    if mode and len(rows) >= _ENOUGH:
        yield f"The best {shown} so far", partial(plots.history, table, y, direction=mode, limit=_POINTS)
        if other := _other(rows, y):
            told = f"{shown} and {labels[other[0]]}: on the line no job is better in both"
            yield told, partial(plots.pareto, table, y, other[0], direction=[mode, other[1]], limit=_POINTS)


def _of_runs(contents: Contents) -> Iterator[tuple[str, Draw]]:
    logged = [name for name in contents.curves if columns.is_numeric(contents.curves[name])]
    series = [str(name) for name in logged if name not in _STEPS and not str(name).startswith(columns.PARAMS)]
    if series and len(contents.curves):
        wanted = contents.objective.name.removeprefix(columns.RESULTS) if contents.objective else ""
        name = wanted if wanted in series else series[0]
        over = [each for each in contents.over if each in contents.curves] or None
        yield (
            f"{name} as jobs logged it",
            partial(plots.curves, contents.curves, name, over=over, limit=_CURVES),
        )
    if len(contents.runs):
        yield "When jobs ran, and where", partial(plots.timeline, contents.runs)
    if contents.utilization.filter(like="_share").notna().to_numpy().any():
        yield (
            "What jobs used of what they asked for",
            partial(plots.utilization, contents.utilization, limit=_POINTS),
        )


def _other(rows: pd.DataFrame, objective: str) -> tuple[str, Mode] | None:
    """Return another result whose name says its better end, and that does not just follow the first."""
    ranks = columns.numbers(rows[objective]).rank()
    for name in columns.metrics(rows):
        told = objective_of(rows, name, None)
        values = columns.numbers(rows[name])
        differs = name != objective and values.nunique() > 1 and abs(ranks.corr(values.rank())) < _SAME
        if differs and told and told.mode:
            return name, told.mode
    return None


def _is_drawable(values: pd.Series, different: int) -> bool:
    return different > 1 and (columns.is_numeric(values) or values.dtype.kind in "mM" or different <= _FEW)


def inline(figure: Any, prefix: str, label: str) -> str:
    """Return a figure of matplotlib as SVG for a page that has others: ids of its own, the page's ink.

    Texts stay texts, comments and metadata are left out, and equal figures are equal texts.
    """
    written = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(written, format="svg", transparent=True, dpi=_DOTS, metadata={"Date": None})
    root = ElementTree.fromstring(written.getvalue())  # noqa: S314 - matplotlib has just written it
    for child in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(child)
    for node in root.iter():
        for name, value in node.attrib.items():
            if name == "id":
                node.set(name, f"{prefix}{value}")
            elif value.startswith(_PNG):
                node.set(name, _PNG + _smaller(value.removeprefix(_PNG)))
            elif name in ("style", "clip-path", f"{{{_LINK}}}href"):
                node.set(name, _paged(_REFERENCE.sub(rf"\g<1>{prefix}", value)))
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": printable(label)}
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    return ElementTree.tostring(root, encoding="unicode")


def _paged(style: str) -> str:
    for ink, own in _PAGE.items():
        style = style.replace(ink, own)
    return style


def _smaller(image: str) -> str:
    """Return a picture of 256 colors in place of one of more, if that is smaller."""
    packed = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(image))) as opened:
        opened.quantize(256, method=Image.Quantize.FASTOCTREE).save(packed, "PNG", optimize=True)
    return min(image, base64.b64encode(packed.getvalue()).decode(), key=len)
