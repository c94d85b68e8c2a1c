"""A record that was opened: its session, its lines, and its draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torc_frames.store.records import UserData, WorkflowRecord
from torc_frames.widgets.drafts import Draft
from torc_frames.widgets.parts import close_inside
from torc_frames.widgets.records.session import RecordSession
from torc_frames.widgets.records.view import FormView
from torc_frames.workflow.workflow import Workflow

__all__ = ["Opened"]


class Opened:
    """A record in an editor; edits that are not saved are kept on disk.

    Parameters
    ----------
    workflow : Workflow
    of : WorkflowRecord
        The same, as the store has it.
    record : UserData
    changed, taken : callable
        Called with this after each edit, and when another editor of this process has opened the record.

    Attributes
    ----------
    notices : list of str
        What the user has to know; whoever tells it takes it out.
    """

    def __init__(
        self,
        workflow: Workflow,
        of: WorkflowRecord,
        record: UserData,
        changed: Callable[[Opened], None],
        taken: Callable[[Opened], None],
    ) -> None:
        self.session = RecordSession(workflow, record)
        self.draft = Draft(
            workflow._store.url,
            workflow.key,
            self._state,
            lambda: taken(self),
            record_key=record.key,
            identity={"name": of.name, "created": of.created},
        )
        restored = self.draft.found is not None and self._restore(self.draft.found)
        self.notices = self.draft.notices
        if restored:
            self.notices.insert(0, "Edits that were not saved are here again; Undo takes them away")
        self.view = FormView(self.session.form)
        self.session.form.on_change(lambda: changed(self))
        self.session.form.on_change(self.draft.changed)

    def close(self) -> None:
        """Keep what was not saved, and take the lines off the page."""
        self.draft.close()
        close_inside(self.view.box)
        self.view.box.close()

    def _state(self) -> dict[str, Any] | None:
        session = self.session
        with session.form.lock:
            if not session.dirty:
                return None
            stored = {"data": session.stored.data, "name": session.stored.name, "rev": session.stored.rev}
            return {"form": session.form.state(), "stored": stored}

    def _restore(self, found: Mapping[str, Any]) -> bool:
        try:
            stored, form = found["stored"], found["form"]
            before = self.session.stored
            record = UserData(
                before.key, before.workflow_key, stored["data"], stored["name"], rev=stored["rev"]
            )
            return self.session.restore(record, form)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.draft.set_aside(repr(error))
            return False
