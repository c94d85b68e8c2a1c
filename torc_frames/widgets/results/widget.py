"""The explorer of results, for notebooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets
import pandas as pd

from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import OnError
from torc_frames.widgets.parts import Message, button, close_inside, root, row
from torc_frames.widgets.progress.model import BAD
from torc_frames.widgets.results.filter_rows import FilterBar
from torc_frames.widgets.results.panels import (
    CodePanel,
    ColumnsPanel,
    ExportPanel,
    GroupPanel,
    ParallelPanel,
    ResultsPanel,
    ScatterPanel,
)
from torc_frames.widgets.results.parts import on_value, toggle
from torc_frames.widgets.results.session import Chosen, Exploration, ShownSource
from torc_frames.widgets.table.grid import Grid
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.workflow import Workflow

__all__ = ["ResultsExplorer"]

_HEIGHT = 380
_PANELS: tuple[tuple[str, str, str, type[ResultsPanel]], ...] = (
    ("Columns", "columns", "choose the columns and their order", ColumnsPanel),
    ("Group", "object-group", "group rows and aggregate their values", GroupPanel),
    ("Parallel", "random", "a figure of several columns side by side", ParallelPanel),
    ("Scatter", "line-chart", "a figure of one column against another", ScatterPanel),
    ("Python", "code", "the Python that makes what is shown", CodePanel),
    ("Export", "download", "write what is shown to a file", ExportPanel),
)
_ABOVE = ("Columns", "Group")


class ResultsExplorer(Fixed, widgets.VBox):
    """The table of a workflow's jobs, parameters and results, to filter, group, draw and export.

    Parameters
    ----------
    workflow : Workflow
        Of any store.
    on_clash, on_error
        As for `Workflow.table`.

    Attributes
    ----------
    exploration : Exploration
        All that is shown, without a browser.
    value : DataFrame
        What is shown: filtered, grouped, sorted, with the columns that were chosen.
    code : str
        The Python that makes `value` of a workflow named ``wf``.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("explore")
    >>> _ = wf.push(tf.grid(n=[1, 2, 3]), command="exit {n}")
    >>> _ = wf.job(2).store(loss=0.5)
    >>> explorer = ResultsExplorer(wf)
    >>> explorer.exploration.toggle_without_results()
    >>> explorer.exploration.sort("params.n", ascending=False)
    >>> explorer.value[["status", "params.n"]]
            status  params.n
    job_key
    3        ready         3
    1        ready         1
    >>> explorer
    ResultsExplorer(workflow='1', jobs=3)
    """

    def __init__(
        self, workflow: Workflow, *, on_clash: OnClash = "names", on_error: OnError = "raise"
    ) -> None:
        self.exploration = Exploration(workflow, on_clash=on_clash, on_error=on_error)
        self.message = Message()
        self.filters = FilterBar(self.exploration)
        self.source = ShownSource(self.exploration)
        self.table = Grid(self.source, label=f"Results of workflow {workflow.name}", height=_HEIGHT)
        self._strip = row()
        self._statuses: dict[str, widgets.ToggleButton] = {}
        self._showing = False
        self._all = button("", self._show_all, tooltip="take back all filters")
        self._bare = toggle("", "show only jobs without results", pill=True)
        on_value(self._bare, lambda: self._act(self.exploration.toggle_without_results))
        self._stale = toggle("", "show only jobs whose parameters changed since their run", pill=True)
        self._stale.add_class("tf-bad")
        on_value(self._stale, lambda: self._act(self.exploration.toggle_stale))
        self.panels = {name: panel(self.exploration) for name, _, _, panel in _PANELS}
        self._toggles = {name: toggle(name, tip, icon=icon) for name, icon, tip, _ in _PANELS}
        self._above, self._below = widgets.VBox(), widgets.VBox()
        for one in self._toggles.values():
            on_value(one, self._arrange_panels)
        self._refresh = button("Refresh", self.refresh, message=self.message, icon="refresh")
        add = button("Filter", self.filters.add, icon="plus", tooltip="add a filter")
        inside = [
            row(self._strip, self._refresh, self.message),
            row(add, *self._toggles.values()),
            self.filters,
            self._above,
            self.table,
            self._below,
        ]
        super().__init__([root(inside, sheet="results")])
        self.exploration.on_change(self._show)
        self._show()
        self._fixed = True

    def __repr__(self) -> str:
        return (
            f"ResultsExplorer(workflow={self.exploration.workflow.key!r}, jobs={len(self.exploration.frame)})"
        )

    @property
    def value(self) -> pd.DataFrame:
        """What is shown, as a frame of your own."""
        return self.exploration.value

    @property
    def code(self) -> str:
        """The Python that makes `value` of a workflow named ``wf``."""
        return self.exploration.code

    def unfold(self, name: str) -> ResultsPanel:
        """Open a part and return it.

        Parameters
        ----------
        name : {"Columns", "Group", "Parallel", "Scatter", "Python", "Export"}
        """
        self._toggles[name].value = True
        return self.panels[name]

    def refresh(self) -> None:
        """Show what the store has now; filters, order and the selected row stay.

        Raises
        ------
        TorcFramesError
            If the store can't be read.
        """
        selected = self.table.selection
        at = None if selected is None else self.source.key_at(selected.top)
        said = self.exploration.refresh()
        with self.exploration.lock:
            self.filters.fit()
            if at is not None and selected is not None:
                self.source.follow(at, selected.left)
        self.message.say(said, "good")

    def close(self) -> None:
        """Take it off the page."""
        close_inside(self)
        super().close()

    def _show(self) -> None:
        self._showing = True
        try:
            self._show_strip()
        finally:
            self._showing = False
        self.source.follow()
        for panel in self.panels.values():
            panel.show()

    def _show_strip(self) -> None:
        summary, asked = self.exploration.summary, self.exploration.asked
        if list(summary.statuses) != list(self._statuses):
            self._statuses = {status: self._status_toggle(status) for status in summary.statuses}
            self._strip.children = [self._all, *self._statuses.values(), self._bare, self._stale]
        self._all.description = f"all {summary.jobs:,}"
        for status, one in self._statuses.items():
            one.description = f"{status} {summary.statuses[status]:,}"
            one.value = status in asked.statuses
        self._bare.description = f"no results {summary.without_results:,}"
        self._bare.value = asked.without_results
        self._bare.layout.display = None if summary.without_results else "none"
        self._stale.description = f"stale {summary.stale:,}"
        self._stale.value = asked.stale
        self._stale.layout.display = None if summary.stale or asked.stale else "none"

    def _status_toggle(self, status: str) -> widgets.ToggleButton:
        made = toggle("", f"show only jobs that are {status}", pill=True)
        if status in BAD:
            made.add_class("tf-bad")
        on_value(made, lambda: self._act(partial(self.exploration.toggle_status, status)))
        return made

    def _act(self, action: Callable[[], None]) -> None:
        if not self._showing:
            action()

    def _show_all(self) -> None:
        with self.exploration.lock:
            self.exploration.choose(Chosen())
            self.filters.clear()

    def _arrange_panels(self) -> None:
        for name, panel in self.panels.items():
            if panel.is_open != self._toggles[name].value:
                panel.turn(self._toggles[name].value)
        opened = {name: panel for name, panel in self.panels.items() if panel.is_open}
        self._above.children = [panel for name, panel in opened.items() if name in _ABOVE]
        self._below.children = [panel for name, panel in opened.items() if name not in _ABOVE]
