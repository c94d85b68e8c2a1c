"""Editing a workflow's parameters: what the edited table would change in the store, and doing it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from torc_frames.errors import ConflictError, RefusedError, counted, shorten
from torc_frames.frame.dtypes import encode
from torc_frames.frame.rows import encode_frame, records
from torc_frames.frame.values import canonical
from torc_frames.plan import Plan
from torc_frames.planning import match_rows
from torc_frames.rules import Rule
from torc_frames.widgets.parameters import merging
from torc_frames.widgets.parameters.checking import TableRule
from torc_frames.widgets.parameters.drafts import Draft
from torc_frames.widgets.parameters.merging import Cell, Conflict, Edit
from torc_frames.widgets.parameters.sheet import Sheet
from torc_frames.widgets.parameters.state import Taken
from torc_frames.workflow import Workflow

__all__ = ["Choice", "Proposal", "Session"]

Choice = Literal["mine", "theirs"]

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Proposal:
    """What applying an edited table would do.

    Attributes
    ----------
    plan : Plan
        Of the rows that are there.
    taken : Taken
        The table as it was proposed.
    deleted : list of str
        Keys of the jobs that would be deleted, with their results.
    conflicts : list of Conflict
        What has to be decided before.
    notes : list of str
        What else there is to know.
    """

    plan: Plan
    taken: Taken
    deleted: list[str]
    conflicts: list[Conflict]
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each action: create, update, unchanged, conflict, delete."""
        counts = self.plan.counts
        in_conflict = {conflict.job_key for conflict in self.conflicts}
        deleted = [key for key in self.deleted if key not in in_conflict]
        rows = self.plan.rows
        moved = rows.loc[rows["job_key"].isin(in_conflict), "action"].value_counts()
        for action, count in moved.items():
            counts[str(action)] -= int(count)
        counts["conflict"] += len(in_conflict)
        return {**counts, "delete": len(deleted)}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        counts = self.counts
        return not any(count for action, count in counts.items() if action != "unchanged")

    def __repr__(self) -> str:
        told = ", ".join(f"{count} {action}" for action, count in self.counts.items() if count)
        return f"Proposal({told or 'nothing'})"


class Session:
    """The parameter table of a workflow while it is edited.

    Parameters
    ----------
    wf : Workflow
    rules, table_rule
        As for `Sheet`.
    options : mapping
        What `Workflow.plan` is to be told: command, name, outputs, resources, depends_on.
    on_taken : callable
        Called when another editor of this workflow takes over the edits.
    """

    def __init__(
        self,
        wf: Workflow,
        *,
        rules: Mapping[str, Rule] | None = None,
        table_rule: TableRule | None = None,
        options: Mapping[str, Any] | None = None,
        on_taken: Callable[[], None] = lambda: None,
    ) -> None:
        self.wf = copy(wf)
        """The frames that it pulls here are not those that the user pulled last."""

        self.options = {**(options or {}), "on_conflict": "ours"}
        self.notices: list[str] = []
        """What the user has to be told; whoever tells it takes it out."""
        self.pulled = wf.parameters(show_progress=False)
        self._conflicts: dict[Cell, Conflict] = {}
        self._begun: Taken | None = None
        """What is being applied: part of it may be in the store, when that was stopped."""

        self.draft = Draft(self.pulled.attrs["torc"]["url"], wf.key, self._state, on_taken)
        self.sheet = self._opened(rules, table_rule)
        self.notices += self.draft.notices
        self.sheet.on_change(lambda _: self.draft.changed())

    # the store

    def reload(self) -> None:
        """Pull the table again; edits stay, and those of cells that others have changed are conflicts."""
        theirs = self.wf.refresh(self.pulled)
        with self.sheet.lock:
            if self._begun is not None or theirs.added or theirs.updated or theirs.removed:
                self._find_conflicts(merging.edits(self.sheet), theirs.frame)
                self.sheet.rebase(theirs.frame, self._begun)
                self._begun = None
                self._tell_lost()
            self.pulled = theirs.frame

    def propose(self) -> Proposal:
        """Return what applying the table as it is now would do.

        Raises
        ------
        RefusedError
            If there are cells that are no values, by row and column.
        """
        self._check_cells()
        for _ in range(_TRIES):
            self.reload()
            with self.sheet.lock:
                self._check_cells()
                taken = self.sheet.take()
                edited = merging.edits(self.sheet)
                deleted, dropped = self.sheet.deleted_keys, self.sheet.dropped_columns
                ours = {*dropped, *(set(taken.frame.columns) - set(self.pulled.columns))}
                conflicts = self.conflicts
            # What others have changed is looked after here, by cell; the plan knows records only.
            taken.frame.attrs = dict(self.pulled.attrs)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                plan = self.wf.plan(taken.frame, drop=dropped, **self.options)
            cells = zip(plan.cells["job_key"], plan.cells["column"], strict=True)
            if all(cell in edited or cell[1] in ours for cell in cells):
                notes = list(dict.fromkeys(str(warning.message) for warning in caught))
                return Proposal(plan, taken, deleted, conflicts, notes)
        raise ConflictError("others change the store all the time: try again when they have done")

    def apply(
        self, proposal: Proposal, progress: bool | Callable[[int, int], None] = False
    ) -> dict[str, int]:
        """Do what was proposed, and return how many jobs were added, changed, deleted.

        Afterwards the table is what the store has, but for what was edited meanwhile. Stopped anywhere, the
        edits are still there, and proposing and applying them again finishes it.

        Parameters
        ----------
        proposal : Proposal
        progress : bool or callable
            As for `Plan.apply`.

        Raises
        ------
        ConflictError
            If there are conflicts that nobody has decided, or if the store has changed since.
        """
        if proposal.conflicts:
            raise ConflictError(
                f"{counted(len(proposal.conflicts), 'cell')} changed in the store, too: decide what stays"
            )
        self._begun = proposal.taken
        # Before the rest: a column that is dropped is gone when no job has it any more.
        if proposal.deleted:
            self.wf.delete_jobs(*proposal.deleted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were told with the proposal
            pushed = proposal.plan.apply(progress=progress)
        theirs = self.wf.refresh(self.pulled).frame
        with self.sheet.lock:
            self._find_conflicts(_since(merging.edits(self.sheet), proposal.taken), theirs)
            self.pulled, self._begun = theirs, None
            self.sheet.rebase(theirs, proposal.taken, pushed.index.tolist())
            self._tell_lost()
        self._forget_draft()
        done = {name: int(pushed.attrs["torc"][name]) for name in ("added", "changed")}
        return {**done, "deleted": len(proposal.deleted)}

    def discard(self) -> None:
        """Forget all edits; the table is what the store has."""
        theirs = self.wf.refresh(self.pulled).frame
        with self.sheet.lock:
            self.pulled = theirs
            self._conflicts.clear()
            self.sheet.reset()
            self.sheet.rebase(theirs)
        self._forget_draft()

    def append(self, frame: pd.DataFrame) -> None:
        """Add the rows of a table as new ones, and the columns that there are not yet.

        Rows that are there already, as jobs or as new ones, are left out, as a push leaves them out.
        """
        frame = frame.reset_index(drop=True)
        there = records(encode_frame(self.sheet.value.reset_index(drop=True)))
        lines = records(encode_frame(frame))
        same = match_rows(list(range(len(lines))), lines, {str(at): [line] for at, line in enumerate(there)})
        if same:
            self.notices.append(f"{counted(len(same), 'row')} to add were there already")
            frame = frame.drop(index=list(same)).reset_index(drop=True)
        if not len(frame):
            return
        names = {column.name for column in self.sheet.columns}
        for name in frame.columns:
            if name not in names:
                self.sheet.add_column(
                    name, _with_gaps(frame[name].dtype) if len(self.sheet) else frame[name].dtype
                )
        self.sheet.append(frame)

    # conflicts

    @property
    def conflicts(self) -> list[Conflict]:
        """The cells that wait for a decision."""
        with self.sheet.lock:
            if not self._conflicts:
                return []
            edited = merging.edits(self.sheet)
            # What is no longer edited is decided.
            self._conflicts = {
                cell: found._replace(mine=edited[cell].mine)
                for cell, found in self._conflicts.items()
                if cell in edited
            }
            return list(self._conflicts.values())

    def decide(self, choices: Mapping[Cell, Choice]) -> None:
        """Keep what is in the table (``"mine"``), or take what is in the store (``"theirs"``).

        Parameters
        ----------
        choices : mapping
            By job key and column, as conflicts have them.
        """
        wrong = {*choices.values()} - {"mine", "theirs"}
        if wrong:
            raise RefusedError(f"decide by 'mine' or 'theirs', not by {shorten(map(repr, wrong))}")
        with self.sheet.lock:
            for cell in choices:
                self._conflicts.pop(cell, None)
            merging.revert(self.sheet, [cell for cell, choice in choices.items() if choice == "theirs"])
        self.draft.changed()

    def _find_conflicts(self, edited: Mapping[Cell, Edit], theirs: pd.DataFrame) -> None:
        for found in merging.changed_meanwhile(edited, theirs):
            cell = (found.job_key, found.column)
            first = self._conflicts.get(cell, found)
            self._conflicts[cell] = found._replace(before=first.before)

    def _check_cells(self) -> None:
        found = merging.blocking(self.sheet)
        if len(found):
            lines = found.head(3)[["job_key", "column", "reason"]].itertuples(index=False)
            told = [f"{_where(key, name)}: {reason}" for key, name, reason in lines]
            more = f"; and {len(found) - 3:,} more" if len(found) > 3 else ""
            raise RefusedError(f"{counted(len(found), 'cell')} to mend first: {'; '.join(told)}{more}")

    def _tell_lost(self) -> None:
        lost = [
            f"{_where(edit.job_key, edit.column)} = {edit.text}: {edit.reason}" for edit in self.sheet.lost
        ]
        if lost:
            self.notices.append(f"edits that could not be kept: {'; '.join(lost)}")
            self.sheet.forget_lost()

    # drafts

    def _forget_draft(self) -> None:
        try:
            self.draft.flush()
        except OSError as error:
            self.notices.append(f"the draft could not be removed: {error}")

    def _state(self) -> dict[str, Any] | None:
        with self.sheet.lock:
            if not self.sheet.is_dirty:
                return None
            edited = merging.edits(self.sheet)
            before = [[key, column, edit.before] for (key, column), edit in edited.items()]
            for number, (key, column, _) in enumerate(before):
                if (key, column) in self._conflicts:
                    before[number][2] = self._conflicts[key, column].before
            return {"sheet": self.sheet.state(), "before": before}

    def _opened(self, rules: Mapping[str, Rule] | None, table_rule: TableRule | None) -> Sheet:
        """Return the sheet, with the edits of the draft if there is one."""
        found = self.draft.found
        if found is not None:
            try:
                sheet = Sheet.restore(self.pulled, found["sheet"], rules=rules, table_rule=table_rule)
                before = {(str(key), str(column)): value for key, column, value in found["before"]}
            except (RefusedError, KeyError, TypeError, ValueError) as error:
                self.draft.set_aside(str(error))
            else:
                self.sheet = sheet
                edited = merging.edits(sheet)
                known = {cell: edit for cell, edit in edited.items() if cell in before}
                self._find_conflicts(
                    {cell: edit._replace(before=before[cell]) for cell, edit in known.items()}, self.pulled
                )
                self._tell_lost()
                self.notices.append(f"edits of {self.draft.saved_at} are back: apply or discard them")
                return sheet
        return Sheet(self.pulled, rules=rules, table_rule=table_rule)


def _since(edited: Mapping[Cell, Edit], taken: Taken) -> dict[Cell, Edit]:
    """Return the edits that were made after a table was taken; what it was then is what they were before."""
    found = {}
    places = {key: at for at, key in enumerate(taken.frame.index.tolist())}
    columns: dict[str, list[Any]] = {}
    for cell, edit in edited.items():
        if not edit.column or edit.job_key not in places or edit.column not in taken.frame:
            continue
        if edit.column not in columns:
            columns[edit.column] = encode(taken.frame[edit.column])[0]
        then = columns[edit.column][places[edit.job_key]]
        if canonical(then) != canonical(edit.mine):
            found[cell] = edit._replace(before=then)
    return found


def _where(key: Any, column: Any) -> str:
    row = "a new row" if pd.isna(key) else f"job {key}"
    return row if pd.isna(column) else f"{column} of {row}"


def _with_gaps(dtype: Any) -> Any:
    """Return the dtype of a column that some rows have no value in."""
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biu":
        return dtype
    return "boolean" if dtype.kind == "b" else str(dtype).replace("i", "I").replace("u", "U")
