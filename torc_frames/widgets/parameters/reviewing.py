"""What a page is shown of what applying would do, what it decides of that, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from torc_frames.errors import ConflictError, RefusedError
from torc_frames.widgets.parameters import review
from torc_frames.widgets.parameters.conflicts import Cell, blocking
from torc_frames.widgets.parameters.session import Choice, Proposal, Session

__all__ = ["READING", "Reviews"]

READING = "Reading the store…"
_LOOK = "The table has changed since: nothing was done. Please look again."
_MEANWHILE = "The store has changed meanwhile: nothing was written. Please look again."


class Reviews:
    """The review of a session that is on the page, if there is one.

    Parameters
    ----------
    session : Session
    show : callable
        Takes ``review=``, what the page shows, or None.
    tell : callable
        Takes what a person is to be told, and its tone.
    do : callable
        Takes what is going on in words, what to do in the background, what to do with what that returns, and
        ``can_stop``; refuses if something is going on.
    """

    def __init__(
        self, session: Session, show: Callable[..., None], tell: Callable[..., None], do: Callable[..., None]
    ) -> None:
        self._session, self._show, self._tell, self._do = session, show, tell, do
        self._proposal: Proposal | None = None
        self._shown: dict[str, Any] | None = None
        self._version = self._number = 0

    def show(self, proposal: Proposal, version: int) -> None:
        """Show a proposal of a sheet of some version."""
        told = review.of_proposal(proposal)
        with self._session.sheet.lock:
            self._proposal, self._version = proposal, version
            self._put({"old": self._session.sheet.version != version, **told})

    def leave(self) -> None:
        """Show none."""
        with self._session.sheet.lock:
            self._proposal = self._shown = None
            self._show(review=None)

    def changed(self) -> None:
        """Say that the sheet has changed, but for what it was shown for."""
        sheet, shown = self._session.sheet, self._shown
        if shown is None or self._proposal is None:
            return
        if not sheet.is_current(self._proposal.taken):
            self.leave()
        elif not shown["old"] and sheet.version != self._version:
            self._shown = {**shown, "old": True}
            self._show(review=self._shown)

    def begin(self, told: str = "", before: Callable[[], None] = lambda: None) -> None:
        """Show what applying the table would do, or what keeps it from that; tell something then."""
        sheet = self._session.sheet

        def work() -> tuple[int, Proposal | pd.DataFrame]:
            before()
            version, wrong = sheet.version, blocking(sheet)
            return version, wrong if len(wrong) else self._session.propose()

        def then(done: tuple[int, Proposal | pd.DataFrame]) -> None:
            version, found = done
            if isinstance(found, Proposal):
                self.show(found, version)
            else:
                with sheet.lock:
                    self._proposal = None
                    self._put({"old": False, **review.of_problems(found)})
            if told:
                self._tell(told, "warning")

        self._do(READING, work, then)

    def decide(self, number: int, choices: Sequence[tuple[int | None, Choice]]) -> None:
        """Decide conflicts of the review of a number, each by its place there; None is all of them."""
        proposal = self._of(number)
        if proposal is None:
            raise RefusedError(_LOOK)
        found = proposal.conflicts
        cells = [(each.job_key, each.column) for each in found]
        chosen: dict[Cell, Choice] = {}
        for at, choice in choices:
            chosen |= dict.fromkeys(cells if at is None else cells[at : at + 1], choice)
        self.begin(before=lambda: self._session.decide(chosen, shown=found))

    def apply(
        self,
        number: int,
        progress: Callable[[int, int], None],
        applied: Callable[[Mapping[str, int]], None],
    ) -> None:
        """Do what the review of a number says, and nothing else: if that is not so any more, show what is."""
        proposal = self._of(number)
        if proposal is None or self._shown is None or self._shown["old"]:
            self.begin(_LOOK)
            return

        def work() -> dict[str, int] | None:
            # Others may have changed what is to be deleted: a plan does not look at that again.
            again = self._session.propose()
            if not again.does_as(proposal):
                return None
            try:
                return self._session.apply(again, progress)
            except ConflictError:
                return None

        def then(done: dict[str, int] | None) -> None:
            if done is not None:
                applied(done)
                return
            version = self._session.sheet.version
            self.show(self._session.propose(), version)
            self._tell(_MEANWHILE, "warning")

        self._do("Applying…", work, then, can_stop=True)

    def _of(self, number: int) -> Proposal | None:
        return self._proposal if number == self._number else None

    def _put(self, told: dict[str, Any]) -> None:
        self._number += 1
        self._shown = {"number": self._number, **told}
        self._show(review=self._shown)
