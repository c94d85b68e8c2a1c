"""The editor of one record, or of the input records of one job, for notebooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from torc_frames.errors import RefusedError, counted
from torc_frames.store.records import INPUT, UserData
from torc_frames.widgets.parts import (
    FAILURES,
    UNLABELLED,
    Message,
    button,
    close_inside,
    html,
    label,
    root,
    row,
    text_html,
)
from torc_frames.widgets.records.session import RecordConflict, RecordSession
from torc_frames.widgets.records.view import FormView
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.workflow import Workflow

__all__ = ["RecordEditor"]

_MOST_DIFFERENCES = 30
_LONGEST_VALUE = 200


class RecordEditor(Fixed, widgets.VBox):
    """A form for a record, made after the record's own shape, and its JSON beside it.

    Every value keeps its type, and numbers all their digits. What is typed and not valid stays visible with
    the reason, and is not saved. Edits that were not saved are kept on disk, and are there again when the
    record is opened the next time. When somebody else has changed the record meanwhile, both values are
    shown, and nothing is written before one is chosen.

    Parameters
    ----------
    workflow : Workflow
        Of any store.
    record : str, int, UserData or Job, optional
        The record to edit, or the job whose input records to edit.
    job : str, int or Job, optional
        The same by the key of the job.

    Attributes
    ----------
    session : RecordSession
        The record that is shown; ``session.form`` is what is edited, without a browser.

    Raises
    ------
    NotFoundError
        If there is no such record or job.
    RefusedError
        If the job has no input record, or neither a record nor a job is named.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
    >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]))
    >>> editor = RecordEditor(wf, job="2")
    >>> editor
    RecordEditor(workflow='1', record='2')
    >>> editor.session.form.set_text(editor.session.form.find("alpha"), "0.5")
    >>> editor.save()
    >>> wf.parameters()["alpha"].tolist()
    [0.1, 0.5]
    """

    def __init__(
        self,
        workflow: Workflow,
        record: str | int | UserData | Job | None = None,
        *,
        job: str | int | Job | None = None,
    ) -> None:
        self._workflow = workflow
        self._of = workflow._store.get_workflow(workflow.key)
        records, about = _records(workflow, record, job)
        self._about = about
        self._records = {each.key: each for each in records}
        self._open: dict[str, tuple[RecordSession, FormView]] = {}
        self._typing_json = False
        self._make_controls()
        reload = button("Reload", self.reload, message=self._message, icon="refresh", tooltip="read it again")
        several = [self._records_box] if len(records) > 1 else []
        self._root = root(
            [
                row(self._title, *several),
                row(self._save_button, self._undo, self._redo, reload, self._view, self._state),
                self._message,
                self._conflict,
                self._body,
            ],
            sheet="records",
        )
        super().__init__([self._root])
        self._show_record(records[0].key)
        self._fixed = True

    def __repr__(self) -> str:
        return f"RecordEditor(workflow={self._workflow.key!r}, record={self.session.key!r})"

    @property
    def session(self) -> RecordSession:
        """The record that is shown."""
        return self._session

    def save(self) -> None:
        """Save the record, or show with what it is in conflict.

        Raises
        ------
        RefusedError
            If something typed is not valid.
        """
        self._do(self.session.save)

    def reload(self) -> None:
        """Read the record again; undo brings back what was there."""
        self._do(self.session.reload)

    def close(self) -> None:
        """Take the editor off the page; edits that are not saved are kept on disk."""
        if "_root" in vars(self):  # Python closes what could not be made, too
            self._take_off()
            for session, view in self._open.values():
                _close(session, view)
        super().close()

    # inside

    def _make_controls(self) -> None:
        self._message, self._wrong = Message(), Message()
        self._title, self._state = html(), html()
        options = [(label(_titled(each)), key) for key, each in self._records.items()]
        self._records_box = widgets.Dropdown(options=options, description="record")
        self._records_box.observe(lambda change: self._on_chosen(change["new"]), "value")
        self._view = widgets.ToggleButtons(options=["Form", "JSON"], style={"button_width": "auto"})
        self._view.observe(lambda _: self._show(), "value")
        self._save_button = button("Save", self.save, message=self._message, icon="save", style="primary")
        self._undo = button("Undo", lambda: self.session.form.undo(), icon="undo")
        self._redo = button("Redo", lambda: self.session.form.redo(), icon="repeat")
        self._json = widgets.Textarea(
            layout={"width": "100%", "height": "22em"}, _dom_classes=("tf-json", UNLABELLED)
        )
        self._json.observe(self._on_json, "value")
        self._conflict = widgets.VBox(layout={"display": "none"}, _dom_classes=("tf-conflict",))
        self._body = widgets.VBox()

    def _do(self, action: Callable[[], str]) -> None:
        told = action()
        self._message.say(told, "warning" if self.session.conflict else "good")
        self._show_conflict(self.session.conflict)

    def _on_chosen(self, key: str) -> None:
        try:
            self._show_record(key)
        except FAILURES as error:
            self._message.fail(error)

    def _show_record(self, key: str) -> None:
        if key not in self._open:
            record = self._records.pop(key, None) or self._workflow.get_user_data(key)
            self._open[key] = self._opened(RecordSession(self._workflow, record))
        self._session, self._form_view = self._open[key]
        self._title.value = text_html(f"Record {key}{self._about}", "tf-title")
        notices = self.session.draft.notices if self.session.draft else []
        self._warn("\n".join(notices))
        notices.clear()
        self._show_conflict(self.session.conflict)
        if self.session.form.is_text:
            self._view.value = "JSON"
        self._show()

    def _opened(self, session: RecordSession) -> tuple[RecordSession, FormView]:
        session.keep(self._of, self._taken)
        session.form.on_change(lambda: self._changed(session))
        if session.draft:
            session.draft.on_failed = self._warn
        return session, FormView(session.form)

    def _changed(self, session: RecordSession) -> None:
        if session is self.session:
            self._show()

    def _taken(self, session: RecordSession) -> None:
        """Leave a record to an editor in another cell; it is opened anew when it is chosen again."""
        opened = self._open.pop(session.key)
        if session is self.session:
            self._take_off()
            self._message = Message()
            self.children = [root([self._message])]
            self._warn("This record is edited in another cell now; its edits are there")
        _close(*opened)

    def _take_off(self) -> None:
        close_inside(self)
        self._json.close()
        self._wrong.close()

    def _warn(self, text: str) -> None:
        self._message.say(text, "warning")

    def _show(self) -> None:
        form = self.session.form
        with form.lock:
            wrong = len(form.problems)
            self._undo.disabled, self._redo.disabled = not form.can_undo, not form.can_redo
            state = "not saved" if form.dirty else "as stored"
            state += f", {counted(wrong, 'value')} not valid" if wrong else ""
            self._state.value = text_html(
                state, "tf-quiet" if not form.dirty else "tf-title", attributes=' role="status"'
            )
            if self._view.value == "JSON":
                self._show_json()
            else:
                self._show_form()

    def _show_form(self) -> None:
        form = self.session.form
        if form.is_text:
            self._wrong.say(f"The JSON text is not valid, mend it there first: {form.json_problem}", "error")
            self._body.children = [self._wrong]
            return
        self._form_view.show()
        self._body.children = [self._form_view.box]

    def _show_json(self) -> None:
        form = self.session.form
        self._json.description = f"record {self.session.key} as JSON"
        if not self._typing_json:
            self._json.value = form.json
        if problem := form.json_problem:
            self._wrong.say(problem, "error")
        else:
            self._wrong.say("valid JSON", "good")
        self._body.children = [self._json, self._wrong]

    def _on_json(self, change: dict[str, Any]) -> None:
        with self.session.form.lock:
            self._typing_json = True
            try:
                self.session.form.set_json(change["new"])
                self._show()
            finally:
                self._typing_json = False

    def _show_conflict(self, conflict: RecordConflict | None) -> None:
        if conflict is None:
            self._conflict.layout.display = "none"
            self._conflict.children = []
            return
        buttons = [
            self._choice("Overwrite with yours", self.session.overwrite),
            self._choice("Take theirs", self.session.take_theirs),
            self._choice("Keep editing", self.session.keep_editing),
        ]
        self._conflict.children = [html(_differences_html(conflict)), row(*buttons)]
        self._conflict.layout.display = ""

    def _choice(self, text: str, action: Callable[[], str]) -> widgets.Button:
        return button(text, lambda: self._do(action), message=self._message)


def _close(session: RecordSession, view: FormView) -> None:
    """Keep what was not saved, and take the lines off the page."""
    if session.draft:
        session.draft.close()
    close_inside(view.box)
    view.box.close()


def _records(workflow: Workflow, record: Any, job: Any) -> tuple[list[UserData], str]:
    """Return the records to edit, and what to say of where they belong."""
    if (record is None) == (job is None):
        raise RefusedError(
            "name a record or a job: RecordEditor(wf, record='12') or RecordEditor(wf, job='3')"
        )
    if isinstance(record, Job) or job is not None:
        key = record if isinstance(record, Job) else job
        found = workflow.job(key.key if isinstance(key, Job) else key)
        records = found.user_data(INPUT)
        if not records:
            raise RefusedError(
                f"job {found.key} has no input record; wf.add_user_data({found.key!r}, {{…}}) adds one"
            )
        return records, f", input of job {found.key} ({found.name})"
    key = record.key if isinstance(record, UserData) else record
    read = workflow.get_user_data(key)
    return [read], f" ({read.name})" if read.name else ""


def _titled(record: UserData) -> str:
    return f"{record.key} ({record.name})" if record.name else record.key


def _differences_html(conflict: RecordConflict) -> str:
    shown = conflict.differences[:_MOST_DIFFERENCES]
    head = "".join(
        text_html(text, tag="th", attributes=' scope="col"') for text in ("value", "theirs", "yours")
    )
    body = "".join(
        "<tr>"
        + "".join(text_html(_short(text), tag="td") for text in (each.path, each.theirs, each.yours))
        + "</tr>"
        for each in shown
    )
    more = len(conflict.differences) - len(shown)
    rest = text_html(f"and {more:,} more", "tf-quiet") if more else ""
    return f'<table class="tf-differences"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}'


def _short(text: str | None) -> str:
    if text is None:
        return "not there"
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
