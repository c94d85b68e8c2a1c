"""How jobs are to be run: the arguments of `Workflow.run` and `Workflow.start`."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from torc_frames.errors import RefusedError
from torc_frames.store.resources import bad_runtime, runtime_seconds

__all__ = ["Rerun", "RunOptions", "Slurm", "Timeout", "check_rerun"]

Rerun = Literal["failed", "missing", "changed", "all"] | None

Slurm = bool | Mapping[str, object]
"""Whether to submit to Slurm; or how, by the names of options of ``torc slurm regenerate``."""

Timeout = float | str | timedelta
"""Seconds, or ISO 8601 such as ``"PT1H"``."""

_RERUNS = ("failed", "missing", "changed", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run jobs; see `Workflow.run`. RefusedError for what makes no sense."""

    workers: int | None = None
    rerun: Rerun = None
    output_dir: str | os.PathLike[str] | None = None
    show_progress: bool = True
    slurm: Slurm | None = None
    jobs: tuple[str, ...] | None = None
    timeout: Timeout | None = None
    retries: int = 0

    def __post_init__(self) -> None:
        if self.workers is not None and (not isinstance(self.workers, int) or self.workers < 1):
            raise RefusedError(f"workers must be a whole number from 1 on, not {self.workers!r}")
        if isinstance(self.retries, bool) or not isinstance(self.retries, int) or self.retries < 0:
            raise RefusedError(f"retries must be a whole number from 0 on, not {self.retries!r}")
        check_rerun(self.rerun)
        if self.timeout is not None and self.timeout_s is None:
            raise RefusedError(f"timeout is a number of seconds, or a text like 'PT1H', not {self.timeout!r}")

    @property
    def slots(self) -> int:
        """How many cores to use."""
        return (os.cpu_count() or 1) if self.workers is None else self.workers

    @property
    def timeout_s(self) -> float | None:
        """How many seconds a job may run, None where nothing is said, or what makes no sense."""
        given = self.timeout
        if isinstance(given, str):
            return runtime_seconds(given) if bad_runtime(given) is None else None
        seconds = given.total_seconds() if isinstance(given, timedelta) else given
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            return None
        return float(seconds) if 0 < seconds < math.inf else None


def check_rerun(rerun: Rerun) -> None:
    """Raise RefusedError for what is no way to choose jobs."""
    if rerun is not None and rerun not in _RERUNS:
        raise RefusedError(f"rerun is one of {', '.join(_RERUNS)}, or None, not {rerun!r}")
