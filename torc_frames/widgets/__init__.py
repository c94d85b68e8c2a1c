"""Editors and viewers for notebooks, on ipywidgets."""

from __future__ import annotations

from torc_frames.widgets.parameters.widget import ParameterEditor
from torc_frames.widgets.progress.widget import Monitor
from torc_frames.widgets.records.widget import RecordEditor
from torc_frames.widgets.results.widget import ResultsExplorer
from torc_frames.widgets.sweeps.widget import SweepBuilder

__all__ = ["Monitor", "ParameterEditor", "RecordEditor", "ResultsExplorer", "SweepBuilder"]
