"""Who draws: matplotlib for paper, plotly for the screen."""

from __future__ import annotations

from typing import Any, Literal

from torc_frames.errors import MissingExtraError, RefusedError
from torc_frames.plots import on_matplotlib
from torc_frames.plots.description import Drawing

__all__ = ["Backend", "draw"]

Backend = Literal["matplotlib", "plotly"]


def draw(drawing: Drawing, backend: Backend) -> Any:
    """Return the figure of a drawing, as a backend has figures.

    Raises
    ------
    RefusedError
        For another backend.
    ImportError
        If plotly is not there.
    """
    if backend == "matplotlib":
        return on_matplotlib.draw(drawing)
    if backend != "plotly":
        raise RefusedError(f"backend={backend!r}: give 'matplotlib' or 'plotly'")
    try:
        from torc_frames.plots import on_plotly
    except ImportError:
        raise MissingExtraError("backend='plotly' needs plotly: pip install 'torc_frames[plotly]'") from None
    return on_plotly.draw(drawing)
