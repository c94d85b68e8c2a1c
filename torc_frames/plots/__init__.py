"""DataFrames to figures: for paper by matplotlib, without pyplot, and for the screen by plotly."""

from __future__ import annotations

from torc_frames.errors import MissingExtraError

try:
    import matplotlib as _  # noqa: F401  # what is missing is said once, and here
except ImportError:
    raise MissingExtraError("plots need matplotlib: pip install 'torc_frames[plots]'") from None

from torc_frames.plots.cells import heatmap
from torc_frames.plots.clouds import parallel, scatter
from torc_frames.plots.fronts import pareto
from torc_frames.plots.logged import curves
from torc_frames.plots.means import lines
from torc_frames.plots.schedule import timeline
from torc_frames.plots.shares import importance, importances
from torc_frames.plots.slices import slice
from torc_frames.plots.steps import ecdf, history
from torc_frames.plots.used import utilization

__all__ = [
    "curves",
    "ecdf",
    "heatmap",
    "history",
    "importance",
    "importances",
    "lines",
    "parallel",
    "pareto",
    "scatter",
    "slice",
    "timeline",
    "utilization",
]
