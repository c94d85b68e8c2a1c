"""The figures of a report: which ones fit what varies, as SVG in the colors of their page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pandas as pd
from PIL import Image

from torc_frames import plots
from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation import configurations as columns
from torc_frames.workflow.report.contents import Contents

__all__ = ["figures", "inline"]

_PAGE = {"#0a0b0c": "currentColor", "#ffffff": "Canvas"}
"""The colors of a page in place of the ink of plots, and of what is behind their labels."""

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PNG = "data:image/png;base64,"
_DOTS = 110
_REFERENCE = re.compile(r"(url\(#|^#)")

_FEW, _SEVERAL, _MANY = 8, 40, 12

Draw = Callable[[], Any]


def figures(contents: Contents) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the figures that fit as SVG, each with what it shows, and why others are not there."""
    made: list[tuple[str, str]] = []
    refused: list[str] = []
    for told, draw in _that_fit(contents):
        try:
            made.append((inline(draw(), f"f{len(made) + 1}-", told), told))
        except RefusedError as error:
            refused.append(f"Not drawn: {told} ({error})")
    return made, refused


def _that_fit(contents: Contents) -> Iterator[tuple[str, Draw]]:
    table, objective = contents.whole, contents.objective
    if objective is None:
        return
    rows = table[columns.standing(table).counted]
    y, labels = objective.name, columns.labels(map(str, table))
    different = {name: _different(rows[name]) for name in columns.varying(table)}
    varied = {
        name: count for name, count in different.items() if count > 1 and _is_drawable(rows[name], count)
    }
    numeric = sorted(
        (name for name in varied if columns.is_numeric(rows[name])), key=varied.__getitem__, reverse=True
    )
    steps = [
        name
        for name in numeric
        if varied[name] <= _SEVERAL and (len(varied) == 1 or varied[name] < len(rows))
    ]
    if steps:
        x = steps[0]
        by = next((name for name in varied if name != x and varied[name] <= _FEW), None)
        told = f"{labels[y]} by {labels[x]}" + (f", a line for each {labels[by]}" if by else "")
        yield told, partial(plots.lines, table, x=x, y=y, by=by)
    for x in [name for name in varied if name not in steps][:4]:
        yield f"{labels[y]} of each job by {labels[x]}", partial(plots.scatter, rows, x=x, y=y)
    if 3 <= len(varied) <= _MANY:
        told = f"All parameters that vary, and {labels[y]}: a line is a job"
        yield told, partial(plots.parallel, rows, columns=[*varied, y], by=y)


def _different(values: pd.Series) -> int:
    return columns.codes(values)[1]


def _is_drawable(values: pd.Series, different: int) -> bool:
    return columns.is_numeric(values) or values.dtype.kind in "mM" or different <= _FEW


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
    root.attrib |= {"role": "img", "aria-label": label}
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
