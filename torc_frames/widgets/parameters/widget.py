"""The editor of a workflow's parameter table, for notebooks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import ipywidgets as widgets
import pandas as pd

from torc_frames.errors import counted
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.checking import TableRule
from torc_frames.widgets.parameters.conflicts import Cell, CellConflict
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.parameters.panels import Panels
from torc_frames.widgets.parameters.planview import PlanView, summary
from torc_frames.widgets.parameters.session import Choice, Proposal, Session
from torc_frames.widgets.parts import (
    FAILURES,
    Ask,
    Message,
    button,
    close_inside,
    html,
    root,
    row,
    text_html,
)
from torc_frames.widgets.table.grid import Grid
from torc_frames.widgets.table.preview import preview
from torc_frames.widgets.table.source import redone, undone
from torc_frames.widgets.work import Background, StoppedError
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.push.resources import DependsOn, ResourceTable
from torc_frames.workflow.workflow import Workflow

__all__ = ["ParameterEditor"]

_LABEL = "Parameters, a row a job"
_BETWEEN_S = 0.25
"""How long the bar stands still at least: each move is a message to the browser."""

T = TypeVar("T")


class ParameterEditor(Fixed, widgets.VBox):
    """The parameter table of a workflow as a spreadsheet: nothing is written before it is applied.

    Cells keep their dtype; what is no value of its column stays visible, outlined, with the reason. "Plan"
    shows what would become of each row, "Apply" does it. What others have changed meanwhile is a conflict,
    shown with both values. Edits that are not applied are kept on disk: closing the notebook, or a kernel
    that dies, loses none. Before the buttons "Apply" deletes jobs, or "Discard" forgets edits, they ask; the
    methods don't.

    Parameters
    ----------
    workflow : Workflow
        Of any store.
    frame : DataFrame, optional
        Rows to add, for instance ``tf.grid(…)``: new jobs, once they are applied.
    command, name, outputs, resources, depends_on
        Of new jobs, as for `Workflow.push`, the same for all of them: rows of the table come and go, so a
        value for each is refused. A command also becomes that of the jobs there are.
    rules : mapping of str to Rule, optional
        What values of a column are allowed.
    table_rule : callable, optional
        Takes the table as a DataFrame, and returns a Series of bool (whether a row is right) or of str (why
        it is not, missing if it is), by the index.
    height : int
        Of the table, in pixels.

    Attributes
    ----------
    value : DataFrame
        The table as it is now, indexed by job_key (str, missing for rows that are no jobs yet), with the
        dtypes of `Workflow.parameters`. A cell that is no value has its last valid one; a new row that is
        not complete is left out.
    problems : DataFrame
        The cells that are no values: row, column, text and reason (str).
    sheet : Sheet
        The table, to be edited without a browser.

    Raises
    ------
    RefusedError
        For a rule of a column that makes no sense, and for resources or dependencies of a row each.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
    >>> editor = ParameterEditor(wf, tf.grid(alpha=[0.1, 1.0]), rules={"alpha": tf.Rule(min=0)})
    >>> editor.apply()
    {'added': 2, 'changed': 0, 'deleted': 0}
    >>> editor.sheet.set_texts([(1, 1, "0.5"), (0, 1, "-1")])
    >>> editor.problems["reason"].tolist()
    ['-1.0 is less than 0']
    >>> editor.value
             alpha
    job_key
    1          0.1
    2          0.5
    >>> editor
    ParameterEditor(workflow='1')
    >>> editor.discard()
    """

    def __init__(
        self,
        workflow: Workflow,
        frame: pd.DataFrame | None = None,
        *,
        command: str | None = None,
        name: str | None = None,
        outputs: bool = False,
        resources: ResourceTable = None,
        depends_on: DependsOn = None,
        rules: Mapping[str, Rule] | None = None,
        table_rule: TableRule | None = None,
        height: int = 420,
    ) -> None:
        options = {
            "command": command,
            "name": name,
            "outputs": outputs,
            "resources": resources,
            "depends_on": depends_on,
        }
        self._workflow = workflow
        self._has_command = command is not None
        self._stop_watching: Callable[[], None] = lambda: None
        self._message = Message()
        self._background = Background(self._on_busy)
        self._here = threading.local()
        self.session = Session(
            workflow, rules=rules, table_rule=table_rule, options=options, on_taken=self._on_taken
        )
        self.session.draft.on_failed = lambda text: self._message.say(text, "warning")
        self._grid = Grid(self.sheet, label=_LABEL, height=height)
        self._make_controls()
        super().__init__([self._root])
        if frame is not None:
            self.session.append(frame)
        self._version = self.sheet.version
        self._stop_watching = self.sheet.on_change(lambda _: self._on_change())
        self._tell_counts()
        self._tell_notices()
        self._fixed = True

    # in Python

    @property
    def sheet(self) -> Sheet:
        """The table that is edited."""
        return self.session.sheet

    @property
    def value(self) -> pd.DataFrame:
        """The table as it is now."""
        return self.sheet.value

    @property
    def problems(self) -> pd.DataFrame:
        """The cells that are no values, a row each: row, column, text, reason."""
        return self.sheet.problems

    def plan(self) -> Proposal:
        """Return, and show, what applying would do.

        Raises
        ------
        RefusedError
            If there are cells that are no values.
        """
        proposal = self._propose()
        self._show(proposal)
        return proposal

    def apply(self) -> dict[str, int]:
        """Do it, and return how many jobs were added, changed and deleted.

        Raises
        ------
        ConflictError
            If others have changed the same cells; ``session.decide`` says which value stays.
        RefusedError
            If there are cells that are no values.
        """
        done = self._by_itself(lambda: self.session.apply(self.session.propose()))
        self._applied(done)
        return done

    def discard(self) -> None:
        """Forget all edits, those on disk, too."""
        self._by_itself(self.session.discard)
        self._discarded()

    def reload(self) -> None:
        """Pull the table again; edits stay."""
        self._by_itself(self.session.reload)
        self._tell_notices()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until what a button has begun is done, and shown."""
        self._background.wait(seconds)

    def close(self) -> None:
        """Take the editor off the page; edits that are not applied are kept on disk.

        What is being applied is stopped; this waits until it has.
        """
        if "session" in vars(self):  # Python closes what could not be made, too
            self._background.close()
            self._stop_watching()
            self.session.draft.close()
        close_inside(self)
        super().close()

    def __repr__(self) -> str:
        return f"ParameterEditor(workflow={self._workflow.key!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown = super()._repr_mimebundle_(**kwargs)
        return {**(shown or {}), "text/html": preview(self.sheet, _LABEL)}

    # the view

    def _make_controls(self) -> None:
        message = self._message
        self._counts = html()
        self._undo = button("Undo", lambda: message.say(undone(self.sheet)), message=message)
        self._redo = button("Redo", lambda: message.say(redone(self.sheet)), message=message)
        self._panels = Panels(self.sheet, lambda: self._grid.selection, message, self.go_to)
        self._plan_button = button("Plan", self._on_plan, message=message)
        self._apply_button = button("Apply", self._on_apply, message=message, style="primary")
        self._stop_button = button("Stop", self._background.stop, message=message)
        self._reload_button = button("Reload", self._on_reload, message=message)
        self._discard_button = button("Discard", self._on_discard, message=message)
        self._bar = widgets.IntProgress(layout={"width": "200px", "display": "none"})
        self._stop_button.layout.display = "none"
        self._plan_view = PlanView(self._on_decided)
        self._ask = Ask()
        title = html(text_html(f"Parameters of {self._workflow.name}", "tf-title"))
        self._root = root(
            [
                row(title, self._counts),
                row(
                    self._undo,
                    self._redo,
                    *self._panels.buttons,
                    self._plan_button,
                    self._apply_button,
                    self._stop_button,
                    self._bar,
                    self._reload_button,
                    self._discard_button,
                ),
                self._panels.box,
                self._message,
                self._grid,
                self._ask,
                self._plan_view,
            ],
            sheet="parameters",
        )

    def go_to(self, row: int, column: int) -> None:
        """Show a cell and make it the active one."""
        self._grid.go_to(row, column)

    def _by_itself(self, work: Callable[[], T]) -> T:
        """Do what may change the table other than by edits: a plan that is shown is of another one then."""
        here = self._here
        here.is_working, here.has_changed = True, False
        try:
            return work()
        finally:
            here.is_working = False
            if here.has_changed:
                self._plan_view.hide()

    def _propose(self) -> Proposal:
        self._plan_view.begin()
        return self._by_itself(self.session.propose)

    def _on_change(self) -> None:
        if getattr(self._here, "is_working", False):
            self._here.has_changed = True
        elif self.sheet.version != self._version:  # not only sorted or filtered
            self._plan_view.edited()
            self._ask.close_question()
        self._version = self.sheet.version
        self._tell_counts()

    def _tell_counts(self) -> None:
        sheet = self.sheet
        with sheet.lock:
            self._undo.disabled, self._redo.disabled = not sheet.can_undo, not sheet.can_redo
            tone = "tf-title" if sheet.is_dirty else "tf-quiet"
            self._counts.value = text_html(self._edits() or "as stored", tone, attributes=' role="status"')
        self._enable()

    def _edits(self) -> str:
        counts = self.sheet.counts
        names = ("changed", "new", "deleted", "invalid")
        return ", ".join(f"{counts[name]:,} {name}" for name in names if counts[name])

    def _enable(self) -> None:
        busy, dirty = self._background.is_busy, self.sheet.is_dirty
        self._plan_button.disabled = busy
        self._apply_button.disabled = busy or not (dirty or self._has_command)
        self._discard_button.disabled = busy or not dirty
        self._reload_button.disabled = busy

        self._plan_view.enable(not busy)

    def _on_busy(self, busy: bool) -> None:
        display = "" if busy and self._background.can_stop else "none"
        self._stop_button.layout.display = self._bar.layout.display = display
        if busy:
            self._bar.max, self._bar.value = 1, 0
            self._moved = -_BETWEEN_S
        self._enable()

    def _do(
        self, text: str, work: Callable[[], T], then: Callable[[T], None], *, can_stop: bool = False
    ) -> None:
        def done(what: T) -> None:
            self._message.clear()
            then(what)
            self._tell_notices()

        self._message.say(text)
        self._ask.close_question()
        if not self._background.start(work, done, self._failed, can_stop=can_stop):
            self._tell_busy()

    def _tell_busy(self) -> None:
        self._message.say("wait until what is going on is done", "warning")

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, StoppedError):
            self._message.say(
                "Stopped. Your edits are still here: Apply goes on with what is left", "warning"
            )
            return
        self._message.fail(error)
        if not isinstance(error, FAILURES):
            raise error

    def _on_plan(self) -> None:
        self._do("Reading the store…", self._propose, self._show)

    def _on_apply(self) -> None:
        self._apply_deleting(frozenset())

    def _apply_deleting(self, allowed: frozenset[str]) -> None:
        """Apply, if no jobs but these are deleted; else show what would be done, and ask."""

        def work() -> Proposal | dict[str, int]:
            proposal = self._propose()
            if proposal.conflicts or not allowed.issuperset(proposal.deleted):
                return proposal
            self._background.check()
            return self._by_itself(lambda: self.session.apply(proposal, self._on_progress))

        self._do("Applying…", work, self._after_apply, can_stop=True)

    def _on_reload(self) -> None:
        self._do("Reading the store…", lambda: self._by_itself(self.session.reload), lambda _: None)

    def _on_discard(self) -> None:
        edits = f"Discard all edits ({self._edits()})? This can't be undone."
        self._ask.ask(edits, "Discard edits", self._discard_now, self._discard_button)

    def _discard_now(self) -> None:
        self._do("Reading the store…", lambda: self._by_itself(self.session.discard), self._discarded)

    def _discarded(self, _: None = None) -> None:
        self._plan_view.hide()
        self._ask.close_question()
        self._message.say("Edits discarded: the table is what the store has")

    def _on_decided(self, choices: dict[Cell, Choice], shown: list[CellConflict]) -> None:
        if self._background.is_busy:
            self._tell_busy()
            return
        try:
            self.session.decide(choices, shown=shown)
        except FAILURES as error:
            self._message.fail(error)
        else:
            self._on_plan()

    def _after_apply(self, done: Proposal | dict[str, int]) -> None:
        if not isinstance(done, Proposal):
            self._applied(done)
            return
        self._show(done)
        if done.conflicts:
            self._message.say("Others have changed the same cells: choose below which value stays", "warning")
            return
        jobs = counted(len(done.deleted), "job")
        whose = "its results" if len(done.deleted) == 1 else "their results"
        question = f"{summary(done)}. Delete {jobs} and {whose}?"
        allowed = frozenset(done.deleted)
        self._message.say(f"Nothing is applied yet: {jobs} would be deleted, with {whose}", "warning")
        self._ask.ask(
            question,
            f"Delete {jobs} and {whose}",
            lambda: self._apply_deleting(allowed),
            self._apply_button,
        )

    def _on_progress(self, done: int, total: int) -> None:
        self._background.check()
        now = time.monotonic()
        if done < total and now - self._moved < _BETWEEN_S:
            return
        self._moved = now
        with self._bar.hold_sync():  # in one message
            self._bar.max, self._bar.value = max(total, 1), done

    def _show(self, proposal: Proposal) -> None:
        with self.sheet.lock:
            self._plan_view.show(proposal)
        self._enable()
        self._tell_notices()

    def _applied(self, done: Mapping[str, int]) -> None:
        self._plan_view.hide()
        self._ask.close_question()
        told = [f"{counted(count, 'job')} {what}" for what, count in done.items() if count]
        self._message.say(f"Applied: {', '.join(told)}" if told else "The store had all of this", "good")

    def _tell_notices(self) -> None:
        notices, self.session.notices = self.session.notices, []
        if notices:
            self._message.say("\n".join(notices), "warning")

    def _on_taken(self) -> None:
        self._background.close()
        self._stop_watching()
        close_inside(self)
        self._message = Message()
        self.children = [root([self._message])]
        self._message.say("This table is edited in another cell now; its edits are there", "warning")
