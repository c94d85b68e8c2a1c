"""A record between its form and its store: loading, saving, and what others wrote meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torc_frames.errors import ConflictError, NotFoundError, UncertainWriteError
from torc_frames.frame.values import encode_data
from torc_frames.store.records import UserData, WorkflowRecord
from torc_frames.widgets.drafts import Draft
from torc_frames.widgets.records.model import RecordForm
from torc_frames.workflow.workflow import Workflow

__all__ = ["Difference", "RecordConflict", "RecordSession", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs between two records; as JSON, None where there is none."""

    path: str
    theirs: str | None
    yours: str | None


@dataclass(frozen=True, slots=True)
class RecordConflict:
    """What somebody else has made of a record since it was loaded."""

    theirs: UserData
    differences: list[Difference]


class RecordSession:
    """A record that is edited and saved.

    Parameters
    ----------
    workflow : Workflow
    record : UserData
        As it was read.

    Attributes
    ----------
    form : Form
        What is edited.
    stored : UserData
        The record as it was loaded or saved last, which is what saving compares with.
    conflict : Conflict or None
        Set when saving found that others had changed the record; nothing was written then.
    draft : Draft or None
        Where edits are kept, after `keep`.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
    >>> [key] = wf.add_user_data(None, {"alpha": 0.1})
    >>> session = RecordSession(wf, wf.get_user_data(key))
    >>> session.form.set_text(session.form.find("alpha"), "0.2")
    >>> _ = wf.update_user_data(key, {"alpha": 0.3})
    >>> session.save()
    'Record 1 was changed by somebody else; nothing was saved'
    >>> session.conflict.differences
    [Difference(path='alpha', theirs='0.3', yours='0.2')]
    >>> session.overwrite()
    'Record 1 is saved'
    """

    def __init__(self, workflow: Workflow, record: UserData) -> None:
        self._workflow = workflow
        self.stored = record
        self.key = record.key
        self.name = record.name
        self.form = RecordForm(record.data)
        self.conflict: RecordConflict | None = None
        self.draft: Draft | None = None

    @property
    def dirty(self) -> bool:
        """Whether there is something to save."""
        return self.form.dirty

    def save(self) -> str:
        """Save the form, if the record is still what was loaded; return what happened.

        Raises
        ------
        RefusedError
            If something typed is not valid, or the store can't keep it. Nothing is written.
        NotFoundError
            If somebody deleted the record.
        """
        with self.form.lock:
            data = self.form.value
            if not self.form.dirty:
                return f"Record {self.key} is as it is stored: nothing to save"
            return self._save(data)

    def overwrite(self) -> str:
        """Save the form over what a conflict has shown, unless that has changed again."""
        with self.form.lock:
            data = self.form.value
            if self.conflict is not None:
                self.stored, self.conflict = self.conflict.theirs, None
            return self._save(data)

    def take_theirs(self) -> str:
        """Put what a conflict has shown into the form; `RecordForm.undo` brings back what was there."""
        with self.form.lock:
            if self.conflict is None:
                return ""
            theirs, self.conflict = self.conflict.theirs, None
            self._load(theirs)
            return f"This is record {self.key} as somebody else wrote it; Undo brings back yours"

    def keep_editing(self) -> str:
        """Leave a conflict for later: the next save finds it again."""
        with self.form.lock:
            self.conflict = None
            return f"Record {self.key} is not saved"

    def reload(self) -> str:
        """Read the record again into the form; `RecordForm.undo` brings back what was there."""
        with self.form.lock:
            edited = self.form.dirty
            self.conflict = None
            self._load(self._workflow.get_user_data(self.key))
            return f"Record {self.key} was read again" + ("; Undo brings back your edits" if edited else "")

    def keep(self, of: WorkflowRecord, taken: Callable[[RecordSession], None]) -> None:
        """Keep on disk what is not saved, and bring back what was kept there.

        Parameters
        ----------
        of : WorkflowRecord
            The workflow, as the store has it.
        taken : callable
            Called with this when another editor of this process has opened the record.
        """
        self.draft = draft = Draft(
            self._workflow._store.url,
            self._workflow.key,
            self._kept,
            lambda: taken(self),
            record_key=self.key,
            identity={"name": of.name, "created": of.created},
        )
        if draft.found is not None and self._brought_back(draft.found):
            draft.notices.insert(0, "Edits that were not saved are here again; Undo takes them away")
        self.form.on_change(draft.changed)

    def _kept(self) -> dict[str, Any] | None:
        with self.form.lock:
            if not self.dirty:
                return None
            stored = {"data": self.stored.data, "name": self.stored.name, "rev": self.stored.rev}
            return {"form": self.form.state(), "stored": stored}

    def _brought_back(self, found: Mapping[str, Any]) -> bool:
        """Put edits of an earlier session into the form, as one step; tell whether there were any."""
        assert self.draft is not None
        try:
            kept, workflow_key = found["stored"], self.stored.workflow_key
            stored = UserData(self.key, workflow_key, kept["data"], kept["name"], rev=kept["rev"])
            with self.form.lock:
                self.form.restore(found["form"])
                if self.form.dirty:
                    self.stored = stored
                return self.form.dirty
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.draft.set_aside(repr(error))
            return False

    def _load(self, record: UserData) -> None:
        self.stored = record
        if self.form.dirty or not _same(self.form.value, record.data):
            self.form.set_value(record.data)
        self.form.saved(record.data)

    def _save(self, data: Any) -> str:
        try:
            rev = self._write(data)
        except ConflictError:
            return self._met(self._workflow.get_user_data(self.key), data)
        except UncertainWriteError:
            found = self._workflow.get_user_data(self.key)
            if not _same(found.data, data):
                raise
            rev = found.rev
        self.stored = UserData(self.key, self.stored.workflow_key, data, name=self.name, rev=rev)
        self.form.saved(data)
        return self._look_again(data, rev)

    def _write(self, data: Any) -> str | None:
        if self.stored.rev is None:
            found = self._workflow.get_user_data(self.key)
            if not _same(found.data, self.stored.data):
                raise ConflictError(f"user_data {self.key} was changed")
        return self._workflow.update_user_data(self.key, data, rev=self.stored.rev)

    def _met(self, theirs: UserData, data: Any) -> str:
        if _same(theirs.data, data):
            self._load(theirs)
            return f"Somebody else has saved the same: record {self.key} is as you want it"
        self.conflict = RecordConflict(theirs, differences(theirs.data, data))
        return f"Record {self.key} was changed by somebody else; nothing was saved"

    def _look_again(self, data: Any, rev: str | None) -> str:
        """Tell what the store made of the data: a server may change the last digit of a float."""
        try:
            found = self._workflow.get_user_data(self.key)
        except NotFoundError:
            return f"Record {self.key} was saved, and then deleted by somebody else"
        if _same(found.data, data):
            self.stored = found
        elif found.rev == rev:
            self._load(found)
            return f"Record {self.key} is saved; the store keeps it a little differently, as shown"
        return f"Record {self.key} is saved"


def differences(theirs: Any, yours: Any, path: str = "") -> list[Difference]:
    """Return where two JSON values differ, in the order of theirs.

    Examples
    --------
    >>> differences({"a": 1, "b": [1, 2]}, {"a": 1.0, "b": [1, 3], "c": None})
    [Difference(path='a', theirs='1', yours='1.0'), Difference(path='b[1]', theirs='2', yours='3'), \
Difference(path='c', theirs=None, yours='null')]
    """
    if isinstance(theirs, dict) and isinstance(yours, dict):
        one, other = theirs, yours
        paths = {key: f"{path}.{key}" if path else key for key in {**theirs, **yours}}
    elif isinstance(theirs, list) and isinstance(yours, list):
        one, other = dict(enumerate(theirs)), dict(enumerate(yours))
        paths = {at: f"{path}[{at}]" for at in {**one, **other}}
    else:
        same = _same(theirs, yours)
        return [] if same else [Difference(path or "the record", _json(theirs), _json(yours))]
    found: list[Difference] = []
    for key, inner in paths.items():
        if key in one and key in other:
            found += differences(one[key], other[key], inner)
        else:
            found.append(
                Difference(inner, *(_json(side[key]) if key in side else None for side in (one, other)))
            )
    return found


def _json(value: Any) -> str:
    return encode_data(value).decode()


def _same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same, also in type; the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
