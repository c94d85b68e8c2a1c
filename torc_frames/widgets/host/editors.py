"""The editors of a workflow, by the names that addresses have."""

from __future__ import annotations

from collections.abc import Callable

from torc_frames.errors import NotFoundError, RefusedError
from torc_frames.widgets.app.app import App
from torc_frames.widgets.parameters.widget import ParameterEditor
from torc_frames.widgets.progress.widget import Monitor
from torc_frames.widgets.records.widget import RecordEditor
from torc_frames.widgets.results.session import Exploration, ShownSource
from torc_frames.widgets.results.widget import ResultsExplorer
from torc_frames.widgets.sweeps.widget import SweepBuilder
from torc_frames.widgets.table.grid import Grid
from torc_frames.workflow.client import Client
from torc_frames.workflow.workflow import Workflow

__all__ = ["EDITORS", "maker"]


def _records(workflow: Workflow, job: str) -> RecordEditor:
    if not job:
        jobs = workflow.jobs(usecols=["job_name"])
        if jobs.empty:
            raise RefusedError("the workflow has no jobs yet, whose records are to be shown")
        job = jobs.index[0]
    return RecordEditor(workflow, job=job)


def _table(workflow: Workflow, _job: str) -> Grid:
    return Grid(ShownSource(Exploration(workflow)), label=f"Results of workflow {workflow.name}", height=600)


_ALL: dict[str, tuple[type, Callable[[Workflow, str], App]]] = {
    "results": (ResultsExplorer, lambda workflow, _: ResultsExplorer(workflow)),
    "parameters": (ParameterEditor, lambda workflow, _: ParameterEditor(workflow)),
    "monitor": (Monitor, lambda workflow, _: Monitor(workflow)),
    "sweep": (SweepBuilder, lambda workflow, _: SweepBuilder(workflow)),
    "records": (RecordEditor, _records),
}

EDITORS = {name: make for name, (kind, make) in _ALL.items() if issubclass(kind, App)}
EDITORS = {"results": _table} | EDITORS  # which shows them until the explorer is an App
"""By name what makes the widget of a workflow and, for one of its jobs, that one's key."""


def maker(client: Client) -> Callable[[str, str, str], App]:
    """Return what makes the widget of a workflow's key, an editor's name and a job's key, which may be ""."""

    def make(workflow: str, editor: str, job: str) -> App:
        if editor not in EDITORS:
            raise NotFoundError("editor", [editor], by="name")
        return EDITORS[editor](client.workflow(workflow), job)

    return make
