"""A whole table, of which a part is shown."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from torc_frames.frame.where import kept_by
from torc_frames.widgets.results.asked import Summary
from torc_frames.widgets.results.axes import Axes, drawable
from torc_frames.widgets.results.model import without_results
from torc_frames.widgets.results.profiles import Profile, profile

__all__ = ["Whole"]


class Whole:
    """What is known of a whole table, whatever is shown of it; each thing is made when it is asked for first.

    Attributes
    ----------
    frame : DataFrame
    axes : Axes
        Its columns as figures draw them.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.axes = Axes(frame)
        self._profiles: dict[str, Profile] = {}

    def profile(self, name: str) -> Profile:
        """Return how a column lies."""
        if name not in self._profiles:
            self._profiles[name] = profile(self.frame, name)
        return self._profiles[name]

    @cached_property
    def drawable(self) -> list[str]:
        """The columns that can be drawn."""
        return drawable(self.frame)

    @cached_property
    def summary(self) -> Summary:
        """What there is at a glance."""
        counts = self.frame["status"].value_counts()
        statuses = {str(name): int(count) for name, count in counts.items()}
        bare = int(kept_by(self.frame, without_results(self.frame)).sum())
        return Summary(len(self.frame), statuses, bare, int(self.frame["stale"].sum()))
