"""Editing a workflow's parameters: what the edited table would change in the store, and doing it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import msgspec
import pandas as pd
from pandas.api.types import is_scalar

from torc_frames.errors import ConflictError, NotFoundError, RefusedError, counted, shorten
from torc_frames.frame.compare import same
from torc_frames.frame.rules import Rule
from torc_frames.widgets.drafts import Draft
from torc_frames.widgets.parameters import conflicts
from torc_frames.widgets.parameters.checking import TableRule
from torc_frames.widgets.parameters.conflicts import Before, Cell, CellConflict, Waiting
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.parameters.rebase import Taken, lines_of
from torc_frames.workflow.push.plan import Plan
from torc_frames.workflow.push.steps import told_remembered
from torc_frames.workflow.push.targets import match_rows
from torc_frames.workflow.workflow import Workflow

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
    conflicts : list of Conflict
        What has to be decided before.
    notes : list of str
        What else there is to know.
    """

    plan: Plan
    taken: Taken
    conflicts: list[CellConflict]
    notes: list[str] = field(default_factory=list)

    @property
    def deleted(self) -> list[str]:
        """Keys of the jobs that would be deleted, with their results."""
        return self.taken.deleted

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each action: create, update, unchanged, conflict, delete."""
        counts = self.plan.counts
        keys = ([each.job_key] if each.job_key else [*each.theirs] for each in self.conflicts)
        in_conflict = set(chain.from_iterable(keys))
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

    def does_as(self, other: Proposal) -> bool:
        """Return whether it does what another one of the same edits does, and nothing has to be decided."""
        mine, others = self.counts, other.counts
        return (
            not self.conflicts
            and self.deleted == other.deleted
            and all(mine[action] == others[action] for action in ("create", "update", "delete"))
            and self.plan.cells.equals(other.plan.cells)
        )

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

        _check_options(options or {})
        self.options = options or {}
        self.notices: list[str] = []
        """What the user has to be told; whoever tells it takes it out."""
        self._lock = threading.RLock()
        """One thing at a time is done with the store; never waited for while the sheet is locked."""

        self._waiting: Waiting = {}
        self._begun: Taken | None = None
        """What is being applied: part of it may be in the store, when that was stopped."""

        record = wf._store.get_workflow(wf.key)
        self.draft = Draft(
            wf._store.url,
            wf.key,
            self._state,
            on_taken,
            identity={"name": record.name, "created": record.created},
        )
        # Pulled once nobody else applies what the draft holds.
        try:
            self.pulled = wf.parameters(show_progress=False)
            self.sheet = self._opened(rules, table_rule)
        except BaseException:
            self.draft.release()
            raise
        self.notices += self.draft.notices
        self.sheet.on_change(lambda _: self.draft.changed())

    # the store

    def reload(self) -> None:
        """Pull the table again; edits stay, and those of cells that others have changed are conflicts."""
        with self._lock:
            theirs = self.wf.refresh(self.pulled)
            with self.sheet.lock:
                changed = theirs.added or theirs.updated or theirs.removed
                if changed or self._begun is not None or _columns(theirs.frame) != _columns(self.pulled):
                    self._waiting = conflicts.waiting(self.sheet, theirs.frame, self._waiting)
                    self.sheet.rebase(theirs.frame, self._begun)
                    self._begun = None
                    self._tell_lost()
                self.pulled = theirs.frame

    def propose(self) -> Proposal:
        """Return what applying the table as it is now would do.

        Raises
        ------
        RefusedError
            For cells that are no values, by row and column, and for all that `Workflow.plan` refuses.
        """
        with self._lock:
            self._check_cells()
            for _ in range(_TRIES):
                self.reload()
                with self.sheet.lock:
                    self._check_cells()
                    taken, dropped = self.sheet.take(), self.sheet.dropped_columns
                    found = self.conflicts
                # Conflicts are decided here: a plan has those alone that have come since.
                taken.frame.attrs = dict(self.pulled.attrs)
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    try:
                        plan = self.wf.plan(taken.frame, drop=dropped, delete=taken.deleted, **self.options)
                    except NotFoundError as error:
                        if set(error.keys).isdisjoint([*taken.frame.index, *taken.deleted]):
                            raise
                        continue  # others have deleted it since
                    if not plan.counts["conflict"]:  # else others have written since it was pulled
                        told = told_remembered(plan.remembered, plan.counts["create"])
                        notes = dict.fromkeys([told, *(str(warning.message) for warning in caught)])
                        return Proposal(plan, taken, found, [note for note in notes if note])
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
            If there are conflicts that nobody has decided, or if the store or the table has changed since, so
            that it is to be proposed again.
        """
        if proposal.conflicts:
            raise ConflictError(
                f"{counted(len(proposal.conflicts), 'cell')} changed in the store, too: decide what stays"
            )
        taken = proposal.taken
        with self._lock:
            with self.sheet.lock:
                if not self.sheet.is_current(taken):
                    raise ConflictError(
                        "the table was pulled again since this was proposed: propose it again"
                    )
                self._begun = taken
            self._keep("the draft could not be written before")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they were told with the proposal
                pushed = proposal.plan.apply(progress=progress)
            theirs = self.wf.refresh(self.pulled).frame
            with self.sheet.lock:
                # What was edited meanwhile is so of what was written, which others may have changed since.
                self.sheet.rebase(pushed, taken, pushed.index.tolist())
                self._waiting = conflicts.waiting(self.sheet, theirs, {})
                self.sheet.rebase(theirs)
                self.pulled, self._begun = theirs, None
                self._tell_lost()
            self._keep("the draft could not be removed")
        done = {name: int(pushed.attrs["torc"][name]) for name in ("added", "changed")}
        return {**done, "deleted": len(taken.deleted)}

    def discard(self) -> None:
        """Forget all edits; the table is what the store has."""
        with self._lock:
            theirs = self.wf.refresh(self.pulled).frame
            with self.sheet.lock:
                self.pulled, self._begun = theirs, None
                self._waiting = {}
                self.sheet.reset()
                self.sheet.rebase(theirs)
            self._keep("the draft could not be removed")

    def append(self, frame: pd.DataFrame) -> None:
        """Add the rows of a table as new ones, and the columns that there are not yet.

        Rows that are there already, as jobs or as new ones, are left out, as a push leaves them out.
        """
        frame = frame.reset_index(drop=True)
        with self.sheet.lock:
            there = {str(at): [line] for at, line in enumerate(lines_of(self.sheet.value))}
            same = match_rows(list(range(len(frame))), lines_of(frame), there)
            if same:
                self.notices.append(f"{counted(len(same), 'row')} to add were there already")
                frame = frame.drop(index=list(same)).reset_index(drop=True)
            self.sheet.append(frame)

    # conflicts

    @property
    def conflicts(self) -> list[CellConflict]:
        """The cells that wait for a decision."""
        with self.sheet.lock:
            return conflicts.conflicts(self.sheet, self._waiting) if self._waiting else []

    def decide(self, choices: Mapping[Cell, Choice], shown: Iterable[CellConflict] = ()) -> None:
        """Keep what is in the table (``"mine"``), or take what is in the store (``"theirs"``).

        Parameters
        ----------
        choices : mapping
            By job key and column, as conflicts have them.
        shown : iterable of Conflict
            The conflicts as the user has seen them: one that is another by now stays, to be decided again.
        """
        wrong = {*choices.values()} - {"mine", "theirs"}
        if wrong:
            raise RefusedError(f"decide by 'mine' or 'theirs', not by {shorten(map(repr, wrong))}")
        with self.sheet.lock:
            now = {(found.job_key, found.column): found for found in self.conflicts}
            seen = {(found.job_key, found.column): found for found in shown}
            by: dict[Choice, list[Cell]] = {"mine": [], "theirs": []}
            for cell, choice in choices.items():
                if cell not in seen or cell not in now or same(seen[cell].theirs, now[cell].theirs):
                    by[choice].append(cell)
            self._waiting = conflicts.decided(self.sheet, self._waiting, by["mine"], by["theirs"])
        self.draft.changed()

    def _check_cells(self) -> None:
        found = conflicts.blocking(self.sheet)
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

    def _keep(self, otherwise: str) -> None:
        try:
            self.draft.flush()
        except OSError as error:
            self.notices.append(f"{otherwise}: {error}")

    def _state(self) -> dict[str, Any] | None:
        with self.sheet.lock:
            if not self.sheet.is_dirty:
                return None
            before = Before.of(self.sheet, self._waiting)
            return {"sheet": self.sheet.state(self._begun), "before": msgspec.to_builtins(before)}

    def _opened(self, rules: Mapping[str, Rule] | None, table_rule: TableRule | None) -> Sheet:
        """Return the sheet, with the edits of the draft if there is one."""
        found = self.draft.found
        if found is not None:
            try:
                before = msgspec.convert(found["before"], Before)
                sheet = Sheet.restore(self.pulled, found["sheet"], rules=rules, table_rule=table_rule)
            except (RefusedError, KeyError, TypeError, ValueError) as error:
                self.draft.set_aside(str(error))
            else:
                self.sheet = sheet
                self._waiting = conflicts.waiting(sheet, self.pulled, before)
                self._tell_lost()
                self.notices.append(f"edits of {self.draft.saved_at} are back: apply or discard them")
                return sheet
        return Sheet(self.pulled, rules=rules, table_rule=table_rule)


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse what `Workflow.push` takes a row each: rows of an edited table come and go."""
    resources, waits = options.get("resources"), options.get("depends_on")
    several = (
        [name for name, value in resources.items() if not is_scalar(value)]
        if isinstance(resources, Mapping)
        else []
    )
    if several or isinstance(resources, pd.DataFrame):
        told = f"resources of {several[0]!r}" if several else "a DataFrame of resources"
        raise RefusedError(
            f"{told}: an editor takes one value for all new jobs; push rows that differ with wf.push"
        )
    if not (waits is None or isinstance(waits, (str, int))) and not all(
        isinstance(one, (str, int)) for one in waits
    ):
        raise RefusedError(
            "depends_on of an editor holds keys, for all new jobs alike; push rows that differ with wf.push"
        )


def _columns(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return [(str(name), repr(dtype)) for name, dtype in frame.dtypes.items()]


def _where(key: Any, column: Any) -> str:
    row = "a new row" if pd.isna(key) else f"job {key}"
    return row if pd.isna(column) else f"{column} of {row}"
