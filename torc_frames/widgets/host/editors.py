"""The editors of a workflow, by the names that addresses have."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import DOMWidget

from torc_frames.errors import NotFoundError
from torc_frames.widgets.results.session import Exploration, ShownSource
from torc_frames.widgets.table.grid import Grid
from torc_frames.workflow.client import Client
from torc_frames.workflow.workflow import Workflow

__all__ = ["EDITORS", "maker"]


def _results(workflow: Workflow) -> DOMWidget:
    return Grid(ShownSource(Exploration(workflow)), label=f"Results of workflow {workflow.name}", height=600)


EDITORS: dict[str, Callable[[Workflow], DOMWidget]] = {"results": _results}


def maker(client: Client) -> Callable[[str, str], DOMWidget]:
    """Return what makes the widget of a workflow's key and an editor's name."""

    def make(workflow: str, editor: str) -> DOMWidget:
        if editor not in EDITORS:
            raise NotFoundError("editor", [editor], by="name")
        return EDITORS[editor](client.workflow(workflow))

    return make
