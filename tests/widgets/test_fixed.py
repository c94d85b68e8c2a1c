"""Widgets take what ipywidgets has to be set, and nothing that would do nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

import torc_frames as tf
from torc_frames.widgets import Monitor, ParameterEditor, RecordEditor, ResultsExplorer, SweepBuilder
from torc_frames.workflow.workflow import Workflow

WIDGETS: dict[str, Callable[[Workflow], Any]] = {
    "Monitor": Monitor,
    "ParameterEditor": ParameterEditor,
    "RecordEditor": lambda wf: RecordEditor(wf, job="1"),
    "ResultsExplorer": ResultsExplorer,
    "SweepBuilder": SweepBuilder,
}


@pytest.mark.parametrize("kind", WIDGETS)
def test_an_attribute_of_a_widget_does_something_or_is_refused(kind: str, tmp_path: Any) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("ridge")
    wf.push(tf.grid(alpha=[1.0]))
    with closing(WIDGETS[kind](wf)) as widget:
        for name in ("rules", "command", "value", "typo"):
            with pytest.raises(tf.FixedAttributeError, match=f"{name!r} can't be set on a {kind}"):
                setattr(widget, name, "x")
        widget.layout.width = "50%"
        widget.layout = {"height": "90px"}
        assert widget.layout.height == "90px"
