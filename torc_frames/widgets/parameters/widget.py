"""The editor of a workflow's parameter table, for notebooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from torc_frames.errors import counted
from torc_frames.frame.rules import Rule
from torc_frames.widgets.app.app import FAILURES, App
from torc_frames.widgets.app.told import Told
from torc_frames.widgets.parameters import messages
from torc_frames.widgets.parameters.checking import TableRule
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.parameters.reviewing import READING, Reviews
from torc_frames.widgets.parameters.session import Proposal, Session
from torc_frames.widgets.parameters.tools import Tools, told_of
from torc_frames.widgets.table.grid import GridPart
from torc_frames.widgets.table.preview import preview
from torc_frames.widgets.table.source import Change
from torc_frames.widgets.work import Background, StoppedError
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.push.resources import DependsOn, ResourceTable
from torc_frames.workflow.workflow import Workflow

__all__ = ["ParameterEditor"]

_LABEL = "Parameters, a row a job"
_BETWEEN_S = 0.25
"""How long the bar stands still at least: each move is a message to the browser."""


class ParameterEditor(Fixed, App):
    """The parameter table of a workflow as a spreadsheet: nothing is written before it is applied.

    Cells keep their dtype; what is no value of its column stays visible, outlined, with the reason. "Review"
    shows what would become of each row, and its button does it. What others have changed meanwhile is a
    conflict, shown with both values. Edits that are not applied are kept on disk: closing the notebook, or a
    kernel that dies, loses none. Buttons that delete jobs, or forget edits, ask before; the methods don't.

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
        not complete is left out. May be observed.
    selected : DataFrame
        The rows whose cells are selected, like `value`; may be observed.
    filters : tuple of Condition
        What rows are chosen by; may be observed.
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

    _messages = messages.Message

    value = Told(lambda editor: editor.sheet.value)
    selected = Told(lambda editor: editor.sheet.between(*editor._tools.rows))
    filters = Told(lambda editor: editor.sheet.conditions)

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
        self._stop_watching: Callable[[], None] = lambda: None
        self._background = Background(self._on_busy)
        self._moved = -_BETWEEN_S
        self.session = Session(
            workflow, rules=rules, table_rule=table_rule, options=options, on_taken=self._on_taken
        )
        super().__init__(label=_LABEL, height=height, lock=self.sheet.lock, _editor="parameters")
        if frame is not None:
            self.session.append(frame)
        self._grid = GridPart(self.sheet, self._sender("grid"), self._on_select)
        self._parts = {"grid": self._grid}
        self._tools = Tools(self.sheet, self._grid.go_to)
        self._reviews = Reviews(self.session, self._show, self._tell, self._do)
        self._seen = self.sheet.version, self.filters
        self._stop_watching = self.sheet.on_change(self._on_change)
        with self.sheet.lock:
            self._show(
                title=f"Parameters of {workflow.name}",
                store=_where(workflow),
                command=command is not None,
                draft=self.session.draft.found is not None and self.sheet.is_dirty,
                notices=[],
                taken=False,
                review=None,
                busy="",
                stops=False,
                progress=None,
            )
            self._tell_table()
        self._tell_notices()
        self.session.draft.on_failed = self._tell_lasting
        self._fixed = True

    # in Python

    @property
    def sheet(self) -> Sheet:
        """The table that is edited."""
        return self.session.sheet

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
        version = self.sheet.version
        proposal = self.session.propose()
        self._reviews.show(proposal, version)
        self._tell_notices()
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
        done = self.session.apply(self.session.propose())
        self._applied(done)
        return done

    def discard(self) -> None:
        """Forget all edits, those on disk, too."""
        self.session.discard()
        self._discarded()

    def reload(self) -> None:
        """Pull the table again; edits stay."""
        self.session.reload()
        self._tell_notices()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until what a button has begun is done, and shown."""
        self._background.wait(seconds)

    def go_to(self, row: int, column: int) -> None:
        """Show a cell and make it the active one."""
        self._grid.go_to(row, column)

    def close(self) -> None:
        """Take the editor off the page; edits that are not applied are kept on disk.

        What is being applied is stopped; this waits until it has.
        """
        if "session" in vars(self):  # Python closes what could not be made, too
            self._background.close()
            self._follow_no_longer()
            self.session.draft.close()
        super().close()

    def __repr__(self) -> str:
        return f"ParameterEditor(workflow={self._workflow.key!r})"

    def _still(self) -> str:
        return preview(self.sheet, _LABEL)

    # what the page asks

    def _obey(self, message: messages.Message) -> None:
        if self._state["taken"]:
            return
        match message:
            case messages.Review():
                self._reviews.begin()
            case messages.Leave():
                self._reviews.leave()
            case messages.Decide(review=number, choices=choices):
                self._reviews.decide(number, choices)
            case messages.Apply(review=number):
                self._reviews.apply(number, self._on_progress, self._applied)
            case messages.Stop():
                self._background.stop()
            case messages.Discard():
                self._do(READING, self.session.discard, self._discarded)
            case messages.Reload():
                self._do(READING, self.session.reload, lambda _: None)
            case messages.Dismiss():
                self._show(notices=[], draft=False)
            case _:
                self._tell(self._tools.use(message))

    def _do(
        self, busy: str, work: Callable[[], Any], then: Callable[[Any], None], *, can_stop: bool = False
    ) -> None:
        def done(what: Any) -> None:
            self._tell("")
            then(what)
            self._tell_notices()

        self._busy = busy
        if not self._background.start(work, done, self._failed, can_stop=can_stop):
            self._tell("wait until what is going on is done", "warning")

    def _failed(self, error: BaseException) -> None:
        if self._background.can_stop:  # part of it may be done
            self._reviews.leave()
        if isinstance(error, StoppedError):
            self._tell("Stopped. Your edits are still here: applying goes on with what is left", "warning")
            return
        self._tell(str(error) or type(error).__name__, "error")
        if not isinstance(error, FAILURES):
            raise error

    # what the page shows

    def _applied(self, done: Mapping[str, int]) -> None:
        self._reviews.leave()
        told = [f"{counted(count, 'job')} {what}" for what, count in done.items() if count]
        self._show(draft=False)
        self._tell(f"Applied: {', '.join(told)}" if told else "The store had all of this", "good")

    def _discarded(self, _: None = None) -> None:
        self._reviews.leave()
        self._show(draft=False, notices=[])
        self._tell("Edits discarded: the table is what the store has", "good")

    def _on_change(self, change: Change) -> None:
        sheet = self.sheet
        self._reviews.changed()
        self._tell_table()
        version, filters = self._seen
        self._seen = sheet.version, sheet.conditions
        if change.columns or version != sheet.version:
            Told.tell(self, "value")
        if filters != sheet.conditions:
            if change.columns and (gone := [each for each in filters if each not in sheet.conditions]):
                told = ", ".join(told_of(each)["told"] for each in gone)
                self._tell_lasting(f"The table has other columns now: no longer filtered by {told}")
            Told.tell(self, "filters")

    def _tell_table(self) -> None:
        sheet = self.sheet
        self._show(
            length=len(sheet),
            hidden=sheet.hidden,
            columns=self._tools.columns(),
            counts=sheet.counts,
            dirty=sheet.is_dirty,
            undo=sheet.can_undo,
            redo=sheet.can_redo,
            filters=[told_of(condition) for condition in sheet.conditions],
        )

    def _on_select(self, block: Any) -> None:
        self._tools.block = block
        Told.tell(self, "selected")

    def _on_busy(self, busy: bool) -> None:
        self._moved = -_BETWEEN_S
        stops = busy and self._background.can_stop
        self._show(busy=self._busy if busy else "", stops=stops, progress=[0, 1] if stops else None)

    def _on_progress(self, done: int, total: int) -> None:
        self._background.check()
        now = time.monotonic()
        if done < total and now - self._moved < _BETWEEN_S:
            return
        self._moved = now
        self._show(progress=[done, max(total, 1)])

    def _tell_notices(self) -> None:
        notices, self.session.notices = self.session.notices, []
        for notice in notices:
            self._tell_lasting(notice)

    def _tell_lasting(self, text: str) -> None:
        """Tell what stays until it is dismissed."""
        self._show(notices=[*dict.fromkeys([*self._state["notices"], text])])

    def _follow_no_longer(self) -> None:
        self._stop_watching()
        if "_grid" in vars(self):
            self._grid.close()
        self._parts = {}

    def _on_taken(self) -> None:
        self._background.close()
        self._follow_no_longer()
        self._show(taken=True, review=None, notices=[])


def _where(workflow: Workflow) -> str:
    """Return in short which workflow of which store it is: of a file its name."""
    url = workflow._store.url
    return f"workflow {workflow.key}, {url.rpartition('/')[2] if url.startswith('sqlite') else url}"
