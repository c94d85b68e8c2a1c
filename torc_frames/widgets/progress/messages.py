"""What the monitor's page says beside what all editors say (see `app/messages.py`).

``follow``
    Go on looking, or don't.
``writtenby``
    ``job``: the answer has the ends of what it wrote: ``texts``, by ``stdout``, ``stderr``, ``traceback``.
``countsthen``
    The answer has ``axes``: the time and the counts of jobs, for the figure.
``intended``
    Which runs would ``endruns`` end? The answer has their ids, ``runs``, and ``text``, what that does.
``endruns``
    End the runs that were answered.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from torc_frames.widgets.app.messages import Id, Op

__all__ = ["CountsThen", "EndRuns", "Follow", "Intended", "Message", "WrittenBy"]


class Follow(Op, frozen=True):
    """Go on looking, or don't."""

    on: bool


class WrittenBy(Op, frozen=True):
    """Ask for what a job wrote."""

    id: Id
    job: Annotated[str, msgspec.Meta(max_length=100)]


class CountsThen(Op, frozen=True):
    """Ask how the counts went."""

    id: Id


class Intended(Op, frozen=True):
    """Ask what cancelling would do."""

    id: Id


class EndRuns(Op, frozen=True):
    """End runs."""

    runs: Annotated[list[Id], msgspec.Meta(max_length=1000)]


Message = Follow | WrittenBy | CountsThen | Intended | EndRuns
