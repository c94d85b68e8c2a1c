"""Editing a workflow's parameters: what the edited table would change in the store, and doing it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from torc_frames.errors import ConflictError, RefusedError, counted, shorten
from torc_frames.frame.dtypes import encode
from torc_frames.frame.values import canonical
from torc_frames.plan import Plan
from torc_frames.rules import Rule
from torc_frames.widgets.parameters.drafts import Draft
from torc_frames.widgets.parameters.sheet import Sheet, TableRule
from torc_frames.workflow import Workflow

__all__ = ["Choice", "Conflict", "Proposal", "Session"]

Cell = tuple[str, str]
"""A job key and a column; an empty column is the whole row."""

Choice = str
"""``"mine"`` or ``"theirs"``."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cell that was edited here, and changed in the store since it was pulled.

    Attributes
    ----------
    job_key, column : str
        An empty column is the row as a whole: it was deleted here.
    before, theirs, mine : object
        What it was when it was pulled, what the store has now, and what is in the table; JSON values.
    """

    job_key: str
    column: str
    before: Any
    theirs: Any
    mine: Any


@dataclass(frozen=True, slots=True)
class Proposal:
    """What applying an edited table would do.

    Attributes
    ----------
    plan : Plan
        Of the rows that are there.
    deleted : list of str
        Keys of the jobs that would be deleted, with their results.
    conflicts : list of Conflict
        What has to be decided before.
    notes : list of str
        What else there is to know.
    """

    plan: Plan
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
        self.wf = wf
        self.options = dict(options or {})
        self.pulled = wf.parameters(show_progress=False)
        self.sheet = Sheet(self.pulled, rules=rules, table_rule=table_rule)
        self._conflicts: dict[Cell, Conflict] = {}
        self.notices: list[str] = []
        """What the user has to be told; whoever tells it takes it out."""
        self.draft = Draft(self.pulled.attrs["torc"]["url"], wf.key, self._state, on_taken)
        self._restore()
        self.sheet.on_change(lambda _: self.draft.changed())

    # the store

    def reload(self) -> None:
        """Pull the table again; edits stay, and those of cells that others have changed are conflicts."""
        theirs = self.wf.refresh(self.pulled).frame
        with self.sheet.lock:
            self._merge(theirs)

    def propose(self) -> Proposal:
        """Return what applying the table as it is now would do.

        Raises
        ------
        RefusedError
            If there are cells that are no values, by row and column.
        """
        self._check_cells()
        self.reload()
        with self.sheet.lock:
            self._check_cells()
            frame = self.sheet.value
            deleted, dropped = list(self.sheet.deleted_keys), list(self.sheet.dropped_columns)
        frame.attrs = dict(self.pulled.attrs)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            plan = self.wf.plan(frame, drop=dropped, **self.options)
        notes = list(dict.fromkeys(str(warning.message) for warning in caught))
        return Proposal(plan, deleted, self.conflicts, notes)

    def apply(self, proposal: Proposal, progress: bool | Callable[[int, int], None] = False) -> dict[str, int]:
        """Do what was proposed, and return how many jobs were added, changed, deleted.

        Afterwards the table is what the store has. Stopped anywhere, the edits are still there, and
        proposing and applying them again finishes it.

        Parameters
        ----------
        proposal : Proposal
        progress : bool or callable
            As for `Plan.apply`.

        Raises
        ------
        ConflictError
            If there are conflicts that nobody has decided, or if the table or the store has changed since.
        """
        if self.conflicts:
            raise ConflictError(
                f"{counted(len(self.conflicts), 'cell')} changed in the store, too: decide which value stays"
            )
        pushed = proposal.plan.apply(progress=progress)
        done = {name: int(pushed.attrs["torc"][name]) for name in ("added", "changed")}
        if proposal.deleted:
            self.wf.delete_jobs(*proposal.deleted)
        theirs = self.wf.refresh(self.pulled).frame
        with self.sheet.lock:
            self._rebase(theirs, keep_edits=False)
        self.draft.flush()
        return {**done, "deleted": len(proposal.deleted)}

    def discard(self) -> None:
        """Forget all edits; the table is what the store has."""
        theirs = self.wf.refresh(self.pulled).frame
        with self.sheet.lock:
            self._rebase(theirs, keep_edits=False)
        self.draft.flush()

    # conflicts

    @property
    def conflicts(self) -> list[Conflict]:
        """The cells that wait for a decision."""
        with self.sheet.lock:
            mine = {(key, column): value for key, column, _, value in self.sheet.edited()}
            mine.update({(key, ""): None for key in self.sheet.deleted_keys})
            # A cell that is no longer edited is decided.
            self._conflicts = {cell: found for cell, found in self._conflicts.items() if cell in mine}
            return list(self._conflicts.values())

    def decide(self, choices: Mapping[Cell, Choice]) -> None:
        """Keep what is in the table (``"mine"``), or take what is in the store (``"theirs"``)."""
        wrong = {choice for choice in choices.values()} - {"mine", "theirs"}
        if wrong:
            raise RefusedError(f"a conflict is decided by 'mine' or 'theirs', not by {shorten(map(repr, wrong))}")
        with self.sheet.lock:
            for cell in choices:
                self._conflicts.pop(cell, None)
            self.sheet.revert([cell for cell, choice in choices.items() if choice == "theirs"])
        self.draft.changed()

    def _merge(self, theirs: pd.DataFrame) -> None:
        if theirs is self.pulled:
            return
        edited, deleted = self.sheet.edited(), list(self.sheet.deleted_keys)
        gone = [key for key in dict.fromkeys([*(key for key, *_ in edited), *deleted]) if key not in theirs.index]
        if gone:
            lost = [f"job {key}: {column} = {mine!r}" for key, column, _, mine in edited if key in set(gone)]
            edits = f"; edits that are gone with them: {'; '.join(lost)}" if lost else ""
            self.notices.append(f"deleted in the store meanwhile: jobs {shorten(gone)}{edits}")
        found = [*_changed_cells(edited, theirs), *_changed_rows(deleted, self.pulled, theirs)]
        for conflict in found:
            before = self._conflicts.get((conflict.job_key, conflict.column), conflict).before
            self._conflicts[conflict.job_key, conflict.column] = Conflict(
                conflict.job_key, conflict.column, before, conflict.theirs, conflict.mine
            )
        self._rebase(theirs, keep_edits=True)

    def _rebase(self, theirs: pd.DataFrame, *, keep_edits: bool) -> None:
        self.pulled = theirs
        if not keep_edits:
            self._conflicts.clear()
        self.sheet.rebase(theirs, keep_edits=keep_edits)

    def _check_cells(self) -> None:
        problems = self.sheet.problems
        if len(problems):
            first = [f"{row.column} of {row.row}: {row.reason}" for row in problems.head(3).itertuples()]
            more = f"; and {len(problems) - 3:,} more" if len(problems) > 3 else ""
            raise RefusedError(f"{counted(len(problems), 'cell')} to mend first: {'; '.join(first)}{more}")

    # drafts

    def _state(self) -> dict[str, Any] | None:
        with self.sheet.lock:
            if not self.sheet.is_dirty:
                return None
            conflicts = [[c.job_key, c.column, c.before] for c in self.conflicts]
            return {"sheet": self.sheet.state(), "conflicts": conflicts}

    def _restore(self) -> None:
        self.notices += self.draft.notices
        if self.draft.found is None:
            return
        try:
            self.notices += self.sheet.restore(self.draft.found["sheet"])
        except (RefusedError, KeyError, TypeError) as error:
            self.draft.set_aside(str(error))
            self.notices.append(self.draft.notices[-1])
            return
        self.notices.append(f"edits of {self.draft.saved_at} are back: apply or discard them")


def _changed_cells(edited: Iterable[tuple[str, str, Any, Any]], theirs: pd.DataFrame) -> Iterable[Conflict]:
    """Yield the edited cells whose value in the store is neither what it was nor what it is now."""
    places = {key: at for at, key in enumerate(theirs.index)}
    columns: dict[str, list[Any]] = {}
    for key, column, before, mine in edited:
        if key not in places:
            continue
        if column not in columns:
            missing = [None] * len(theirs)
            columns[column] = encode(theirs[column])[0] if column in theirs else missing
        their = columns[column][places[key]]
        if canonical(their) not in (canonical(before), canonical(mine)):
            yield Conflict(key, column, before, their, mine)


def _changed_rows(deleted: list[str], before: pd.DataFrame, theirs: pd.DataFrame) -> Iterable[Conflict]:
    """Yield the rows that were deleted here, and changed in the store."""
    for key in deleted:
        if key in theirs.index:
            old, new = _record(before, key), _record(theirs, key)
            if canonical(old) != canonical(new):
                yield Conflict(key, "", old, new, None)


def _record(frame: pd.DataFrame, key: str) -> dict[str, Any]:
    row = frame.loc[[key]]
    return {name: value for name in row for value in encode(row[name])[0] if value is not None}
