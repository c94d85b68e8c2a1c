"""What the monitor's page says beside what all editors say (see `app/messages.py`).

``follow``
    Go on looking, or don't.
``written``
    ``job``: the answer has the ends of what it wrote: ``texts``, by ``stdout``, ``stderr``, ``traceback``.
``course``
    The answer has ``axes``: the time and the counts of jobs, for the figure.
``intended``
    Which runs would be ended by ``endruns``? The answer has their ids, ``runs``, and ``text``, what that does.
``endruns``
    End the runs that were answered.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from torc_frames.widgets.app.messages import Id, Op

__all__ = ["Course", "EndRuns", "Follow", "Intended", "Message", "Written"]


class Follow(Op, frozen=True):
    """Go on looking, or don't."""

    on: bool


class Written(Op, frozen=True):
    """Ask for what a job wrote."""

    id: Id
    job: Annotated[str, msgspec.Meta(max_length=100)]


class Course(Op, frozen=True):
    """Ask how the counts went."""

    id: Id


class Intended(Op, frozen=True):
    """Ask what cancelling would do."""

    id: Id


class EndRuns(Op, frozen=True):
    """End runs."""

    runs: Annotated[list[Id], msgspec.Meta(max_length=1000)]


Message = Follow | Written | Course | Intended | EndRuns
