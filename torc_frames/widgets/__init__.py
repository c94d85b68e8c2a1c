"""Editors and viewers for notebooks, on ipywidgets."""

from __future__ import annotations

from torc_frames.widgets.parameters.editor import ParameterEditor
from torc_frames.widgets.progress.monitor import Monitor
from torc_frames.widgets.records.editor import RecordEditor
from torc_frames.widgets.results.explorer import ResultsExplorer
from torc_frames.widgets.sweeps.builder import SweepBuilder

__all__ = ["Monitor", "ParameterEditor", "RecordEditor", "ResultsExplorer", "SweepBuilder"]
