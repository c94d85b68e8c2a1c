"""Undo and redo of frozen states: each step makes the next state, and none is changed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

__all__ = ["StateHistory", "StateStep"]

S = TypeVar("S")

MOST_STEPS = 500
MOST_BYTES = 256 * 2**20
"""How much the steps that can be undone may keep, the last one aside."""


@dataclass(frozen=True, slots=True)
class StateStep(Generic[S]):
    """A state, the one that was made of it, and what was done."""

    before: S
    after: S
    about: Any = None
    weight: int = 0
    """About how many bytes are kept because of it."""


class StateHistory(Generic[S]):
    """A state that is now, those before it, and those that were undone.

    Parameters
    ----------
    state : S
        The first one; nothing may change it, as none of those that follow.

    Attributes
    ----------
    state : S
        What is now.

    Examples
    --------
    >>> history = StateHistory("")
    >>> history.do("a", about="typed", typing="name")
    >>> history.do("ab", about="typed", typing="name")
    >>> history.do("")
    >>> history.undo().after, history.state
    ('', 'ab')
    >>> history.undo().about, history.state, history.undo()
    ('typed', '', None)
    >>> history.redo().after
    'ab'
    """

    most_steps = MOST_STEPS
    """How many steps can be undone, at most."""

    def __init__(self, state: S) -> None:
        self.state = state
        self._done: list[StateStep[S]] = []
        self._undone: list[StateStep[S]] = []
        self._typing: Hashable = None

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._undone)

    def do(self, state: S, *, about: Any = None, typing: Hashable = None, weight: int = 0) -> None:
        """Make a state the one that is now; what was undone can't be done again then.

        Parameters
        ----------
        state : S
        about : object
            What was done, for whoever undoes it: words, or where it was.
        typing : hashable
            Where something is being typed. Steps that follow each other at the same place are one.
        weight : int
            About how many bytes are kept because of the step. The oldest steps are forgotten when they are
            more than `most_steps`, or all keep more than `MOST_BYTES`.
        """
        if typing is not None and typing == self._typing:
            self._done[-1] = replace(self._done[-1], after=state, about=about)
        else:
            self._done.append(StateStep(self.state, state, about, weight))
        self.state, self._typing = state, typing
        self._undone.clear()
        kept = sum(step.weight for step in self._done)
        while len(self._done) > 1 and (len(self._done) > self.most_steps or kept > MOST_BYTES):
            kept -= self._done.pop(0).weight

    def undo(self) -> StateStep[S] | None:
        """Go back to the state before the last step, and return the step, None if there is none."""
        self.pause()
        if not self._done:
            return None
        self._undone.append(step := self._done.pop())
        self.state = step.before
        return step

    def redo(self) -> StateStep[S] | None:
        """Do again the step that was undone last, and return it, None if there is none."""
        if not self._undone:
            return None
        self._done.append(step := self._undone.pop())
        self.state = step.after
        return step

    def pause(self) -> None:
        """End what is being typed: what follows is a step of its own."""
        self._typing = None

    def forget(self) -> None:
        """Forget all steps; the state stays."""
        self._done.clear()
        self._undone.clear()
        self.pause()
