"""The explorer of results, for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import traitlets

from torc_frames.errors import RefusedError, counted
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import OnError
from torc_frames.widgets.app.app import FAILURES, App
from torc_frames.widgets.app.told import Told
from torc_frames.widgets.results import messages
from torc_frames.widgets.results.arrangement import Arrangement
from torc_frames.widgets.results.asked import Chosen
from torc_frames.widgets.results.export import export
from torc_frames.widgets.results.model import Aggregate
from torc_frames.widgets.results.session import Exploration
from torc_frames.widgets.results.shown import ShownSource
from torc_frames.widgets.results.state import axes, picture, standing_now, state
from torc_frames.widgets.table.grid import GridPart
from torc_frames.widgets.table.preview import preview
from torc_frames.widgets.table.source import Block
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.report.ranks import Mode
from torc_frames.workflow.workflow import Workflow

__all__ = ["ResultsExplorer"]

_LINES = 200
_MOST_TOLD = 100


class ResultsExplorer(Fixed, App):
    """The table of a workflow's jobs, parameters and results, to rank, filter, draw, brush and export.

    Parameters
    ----------
    workflow : Workflow
        Of any store.
    objective : str, optional
        The result that rows are ranked by: "loss" is ``results.loss``. Default: the first whose name says its
        better end, else the first that has several values.
    mode : {"min", "max"}, optional
        Which end of it is best. Default: as its name says, else "min".
    on_edit : callable, optional
        Called with the keys of jobs whose parameters are to be edited; ``editing`` has them, too.
    height : int
        In pixels, the most that the table takes.
    on_clash, on_error
        As for `Workflow.table`.

    Attributes
    ----------
    exploration : Exploration
        All that is shown, without a browser.
    value : DataFrame
        What is shown: filtered, grouped, sorted, with the columns that were chosen. May be observed, as the
        next three.
    selected : DataFrame
        The rows that are brushed in a figure or, if there are none, selected in the table; with all columns.
    filters : tuple of str
        All that rows are filtered by, as texts of `torc_frames.select`.
    editing : list of str
        The keys of the jobs whose parameters are to be edited.
    code : str
        The Python that makes `value` of a workflow named ``wf``.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("explore")
    >>> _ = wf.push(tf.grid(n=[1, 2, 3]), command="exit {n}")
    >>> for key in (1, 2, 3):
    ...     _ = wf.job(key).store(loss=4 - key)
    >>> explorer = ResultsExplorer(wf, objective="loss", mode="min")
    >>> explorer.exploration.where("params.n > 1")
    >>> explorer.value[["results.loss", "params.n"]]
             results.loss  params.n
    job_key
    3                   1         3
    2                   2         2
    >>> explorer.exploration.brush({"results.loss": (1.5, 3)})
    >>> explorer.selected.index.tolist(), explorer.filters
    (['2'], ('params.n > 1',))
    >>> explorer
    ResultsExplorer(workflow='1', jobs=3)
    """

    _messages = messages.Message

    value: pd.DataFrame = Told(lambda self: self.exploration.value)  # type: ignore[assignment]
    selected: pd.DataFrame = Told(lambda self: self._selected())  # type: ignore[assignment]
    filters: tuple[str, ...] = Told(lambda self: self.exploration.query.filters)  # type: ignore[assignment]
    editing = traitlets.List(traitlets.Unicode(), read_only=True)

    def __init__(
        self,
        workflow: Workflow,
        objective: str | None = None,
        mode: Mode | None = None,
        *,
        on_edit: Callable[[list[str]], Any] | None = None,
        height: int = 380,
        on_clash: OnClash = "names",
        on_error: OnError = "raise",
    ) -> None:
        self.exploration = Exploration(workflow, objective, mode, on_clash=on_clash, on_error=on_error)
        label = f"Results of workflow {workflow.name}"
        super().__init__(label=label, height=height, lock=self.exploration.lock, _editor="results")
        self._on_edit = on_edit
        self._source = ShownSource(self.exploration)
        self._grid = GridPart(self._source, self._sender("grid"), self._on_block)
        self._parts = {"grid": self._grid}
        self._keys: pd.Index = self.exploration.frame.index[:0]
        self._column = 0
        self._seen: tuple[object, ...] = ()
        self._rows = 0
        self._on_change()
        self.exploration.on_change(self._on_change)
        self._fixed = True

    def __repr__(self) -> str:
        return (
            f"ResultsExplorer(workflow={self.exploration.workflow.key!r}, jobs={len(self.exploration.frame)})"
        )

    @property
    def code(self) -> str:
        """The Python that makes `value` of a workflow named ``wf``."""
        return self.exploration.code

    def refresh(self) -> None:
        """Show what the store has now; filters, order and what is selected stay.

        Raises
        ------
        TorcFramesError
            If the store can't be read.
        """
        self._tell(self.exploration.refresh(), "good")

    def close(self) -> None:
        """Take it off the page."""
        if self._fixed:  # else its making failed
            self._grid.close()
        super().close()

    def _still(self) -> str:
        with self._lock:
            return picture(self.exploration) + preview(self._source, self._label)

    # what is selected

    def _selected(self) -> pd.DataFrame:
        with self._lock:
            if self.exploration.picked is not None:
                return self.exploration.brushed
            frame = self.exploration.frame
            return frame.loc[self._keys[self._keys.isin(frame.index)]]

    def _on_block(self, block: Block) -> None:
        places = self._source.places[block.top : block.bottom]
        keys = self.exploration.chosen.index[places]
        self._column = block.left
        if not keys.equals(self._keys):
            self._keys = keys
            self._show_marked()
            if self.exploration.picked is None:
                Told.tell(self, "selected")

    def _show_marked(self) -> None:
        marked = self.exploration.place_of(str(self._keys[0])) if len(self._keys) else None
        told = {"marked": -1 if marked is None else marked, "chosen": len(self._selected())}
        self._show(**told, markedKey=None if marked is None else str(self._keys[0]))

    def _wanted(self) -> list[str]:
        """Return the keys of the selected jobs; RefusedError if there are none."""
        keys = [str(key) for key in self._selected().index]
        if not keys:
            raise RefusedError("no job is selected: select rows of the table, or brush in a figure")
        return keys

    # what the exploration says

    def _on_change(self) -> None:
        exploration = self.exploration
        before, now = self._seen, self._sight()
        self._seen = now
        others = before[:1] != now[:1]
        if before != now:
            self._rows += others
            self._source.follow(str(self._keys[0]) if len(self._keys) else None, self._column)
            self._show(**state(exploration, self._source, self._rows))
            Told.tell(self, "value")
            if before[1:2] != now[1:2]:
                Told.tell(self, "filters")
        else:  # a brush
            self._source.follow(str(self._keys[0]) if len(self._keys) else None, self._column)
            self._show(**standing_now(exploration, self._source))
        self._show_marked()
        self._show_picked()
        Told.tell(self, "selected")

    def _sight(self) -> tuple[object, ...]:
        """Return what is shown; something else is there if it is another."""
        exploration = self.exploration
        shown = (exploration.arrangement, exploration.goal, exploration.asked, exploration.narrowed)
        return (_Same(exploration.chosen), exploration.query, shown)

    def _show_picked(self) -> None:
        picked = self.exploration.picked
        self.send(
            {
                "kind": "picked",
                "ranges": {name: list(ends) for name, ends in self.exploration.ranges.items()},
                "count": 0 if picked is None else int(picked.sum()),
            },
            buffers=[b"" if picked is None else np.packbits(picked).tobytes()],
        )

    def _greet(self) -> None:
        super()._greet()
        self._show_picked()

    # what the page asks

    def _obey(self, message: Any) -> None:
        if isinstance(message, messages.Asked):
            try:
                answer, buffers = self._answered(message)
            except FAILURES as error:
                answer, buffers = {"fault": str(error)}, []
            self._answer(message.id, buffers=buffers, **answer)
        elif not self._choose(message):
            self._do(message)

    def _choose(self, message: Any) -> bool:
        """Do what chooses the rows that are shown, and return whether this was it."""
        exploration = self.exploration
        match message:
            case messages.Status(name=name):
                exploration.toggle_status(name)
            case messages.Bare():
                exploration.toggle_without_results()
            case messages.Stale():
                exploration.toggle_stale()
            case messages.Everything():
                exploration.choose(Chosen())
            case messages.Narrow(column=column, low=low, high=high):
                exploration.narrow(column, low, high)
            case messages.Drop(text=text):
                exploration.drop(text)
            case messages.Keep():
                exploration.keep_brushed()
            case _:
                return False
        return True

    def _do(self, message: Any) -> None:
        exploration = self.exploration
        match message:
            case messages.RankBy(column=column, mode=mode):
                exploration.aim(column, mode)
            case messages.Choose(row=row):
                self._go_to(row)
            case messages.Best():
                self._go_to(exploration.best)
            case messages.Arrange(order=order, hidden=hidden):
                exploration.arrange(self._arrangement(order, hidden))
            case messages.GroupRows(by=by, aggregates=aggregates):
                exploration.group(tuple(by), tuple(Aggregate(*one) for one in aggregates))
            case messages.Refresh():
                self.refresh()
            case messages.Edit():
                self._edit(self._wanted())

    def _answered(self, message: Any) -> tuple[dict[str, Any], list[bytes]]:
        """Return the answer to a message, and its buffers."""
        exploration = self.exploration
        match message:
            case messages.Brush(ranges=ranges):
                exploration.brush(ranges)
            case messages.FilterBy(text=text):
                exploration.where(text)
            case messages.DrawColumns(columns=columns):
                return axes(exploration, columns)
            case messages.Shares():
                return {"shares": self._shares()}, []
            case messages.Export(path=path, overwrite=overwrite):
                frame = exploration.value
                target = export(frame, path.strip(), overwrite=overwrite)
                self._tell(f"{counted(len(frame), 'row')} in {target}", "good")
            case messages.Log(key=key):
                return self._log(key), []
            case messages.Rerun(sure=sure):
                return self._rerun(self._wanted(), sure), []
            case messages.CodeOf():
                keys = None if exploration.picked is not None else pd.Index(self._wanted())
                return {"text": exploration.code_of(keys)}, []
        return {}, []

    def _go_to(self, place: int | None) -> None:
        chosen = self.exploration.chosen
        if place is None or place >= len(chosen):
            raise RefusedError("there is no such row")
        key = str(chosen.index[place])
        if self._source.row_of(key) is None:
            raise RefusedError(f"job {key} is not in the table as it is shown")
        self._keys = chosen.index[[place]]
        self._source.go_to(key, self._column)
        self._show_marked()
        if self.exploration.picked is None:
            Told.tell(self, "selected")

    def _arrangement(self, order: Sequence[str], hidden: Sequence[str]) -> Arrangement:
        there = self.exploration.arrangement.order
        if sorted(order) != sorted(there):
            raise RefusedError("the columns are others by now: please look, and do it again")
        return Arrangement(tuple(order), frozenset()).hide(hidden)

    def _shares(self) -> list[list[Any]]:
        from torc_frames.plots.shares import importances

        goal = self.exploration.goal
        if goal is None:
            raise RefusedError("there is no result of numbers to explain")
        found = importances(self.exploration.chosen, goal.name, direction=goal.mode)
        if found.empty:
            raise RefusedError(str(found.attrs["torc_importance"]["notes"][0]))
        return [[str(name), float(share)] for name, share in found.itertuples(index=False)]

    def _log(self, key: str) -> dict[str, Any]:
        if key not in self.exploration.frame.index:
            raise RefusedError(f"there is no job {key!r} in the table")
        found = self.exploration.workflow.logs([key], lines=_LINES)
        job = self.exploration.frame.loc[key]
        about: dict[str, Any] = {"key": key, "name": str(job["job_name"]), "status": str(job["status"])}
        if found.empty:
            return {**about, "run": None, "code": None, "stdout": None, "stderr": None}
        row = found.iloc[0]
        texts = {name: None if pd.isna(row[name]) else str(row[name]) for name in ("stdout", "stderr")}
        code = None if pd.isna(row["return_code"]) else int(row["return_code"])
        return {**about, "status": str(row["status"]), "run": int(row["run_id"]), "code": code, **texts}

    def _rerun(self, keys: list[str], sure: bool) -> dict[str, Any]:
        listed = f"{keys!r}" if len(keys) <= _MOST_TOLD else f"[{', '.join(map(repr, keys[:3]))}, …]"
        command = f'wf.start(jobs={listed}, rerun="all")'
        if not sure:
            return {"count": len(keys), "command": command}
        try:
            run = self.exploration.workflow.start(jobs=keys, rerun="all")
        except FAILURES as error:
            return {"fault": str(error), "command": command}
        told = f"{counted(len(keys), 'job')} started again, as run {run.id}"
        self._tell(f"{told}. Refresh shows how far it is.", "good")
        return {"count": len(keys), "command": command}

    def _edit(self, keys: list[str]) -> None:
        self.set_trait("editing", keys)
        if self._on_edit is not None:
            self._on_edit(keys)
            return
        self._tell(f"{counted(len(keys), 'job')} to edit: their keys are in explorer.editing.")


class _Same:
    """Something that is equal to itself alone."""

    def __init__(self, what: object) -> None:
        self._what = what

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._what is self._what

    __hash__ = None  # type: ignore[assignment]
