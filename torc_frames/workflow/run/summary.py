"""What a call that ran jobs did: counts, and why the first failures failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torc_frames.errors import FailedJobsWarning, RunFailedError, counted, shorten, warn
from torc_frames.frame.shown import Shown
from torc_frames.workflow.run.logs import visible

if TYPE_CHECKING:
    from torc_frames.frame.description import Description

__all__ = ["Failure", "RunSummary", "from_json", "reasons", "tell_of_failures", "to_json"]

_COUNTS = ("completed", "failed", "canceled", "not_run", "running_elsewhere", "stale")
_MOST_FAILURES = 1_000
"""How many failures are noted with a call."""

_FEW = 3
"""How many reasons are told."""


class Failure(NamedTuple):
    """A run that failed: its code (negative for a signal), the file of its errors, and its last line."""

    job_key: str
    return_code: int
    stderr: Path
    reason: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class RunSummary(Shown):
    """What one `run` did, and what it left.

    Attributes
    ----------
    completed, failed : int
        Jobs that this call ran, by how they ended.
    canceled : int
        Jobs that were canceled meanwhile, because a job they depend on failed.
    not_run : int
        Jobs that are still ready or blocked.
    running_elsewhere : int
        Jobs that another runner is running.
    output_dir : Path
        Where the jobs' stdout (.o) and stderr (.e) are.
    failures : tuple of Failure
        In the order in which they failed; of `RunHandle.wait` the first 1,000.
    stale : int
        Completed jobs whose parameters were changed since the run whose results are there.
    """

    completed: int
    failed: int
    canceled: int
    not_run: int
    running_elsewhere: int
    output_dir: Path
    failures: tuple[Failure, ...] = ()
    stale: int = field(default=0)

    @property
    def _did_nothing(self) -> bool:
        """Whether there was no job to run, nor one that waits or runs elsewhere."""
        return not any(getattr(self, name) for name in _COUNTS[:-1])

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={getattr(self, name)}" for name in _COUNTS[:-1])
        return "\n  ".join([f"RunSummary({counts})", *reasons(self.failures)])

    def describe(self) -> Description:
        """Return counts, and the first reasons for failures: what a notebook shows."""
        from torc_frames.frame.description import Calls, Counts, Description, Remark

        counts = {name.replace("_", " "): getattr(self, name) for name in _COUNTS}
        ran = counted(self.completed + self.failed, "job")
        calls = [("wf.logs(failed=True)", "what they said last")] if self.failed else []
        return Description(
            "",
            Counts(f"Run of {ran}", {name: count for name, count in counts.items() if count}),
            *(Remark(line, "bad") for line in reasons(self.failures)),
            Calls([*calls, ("wf.table()", "parameters beside results")]),
        )


def reasons(failures: Iterable[Failure]) -> list[str]:
    """Return the first reasons for which jobs failed, as lines that name the jobs of each."""
    jobs: dict[str, list[str]] = {}
    for failure in failures:
        reason = failure.reason or f"return code {failure.return_code}"
        jobs.setdefault(reason, []).append(failure.job_key)
    lines = [
        f"{counted(len(keys), 'job')} failed ({shorten(keys)}): {reason}"
        for reason, keys in list(jobs.items())[:_FEW]
    ]
    rest = sum(len(keys) for keys in list(jobs.values())[_FEW:])
    return [*lines, f"and {rest} more for other reasons"] if rest else lines


def tell_of_failures(summary: RunSummary) -> None:
    """Warn of jobs that failed, with the first reasons."""
    if summary.failed:
        told = "".join(f"\n  {line}" for line in reasons(summary.failures))
        warn(
            f"{counted(summary.failed, 'job')} failed; wf.logs(failed=True), or `torc-frames jobs logs "
            f"--failed`, shows what they said last{':' if told else ''}{told}",
            FailedJobsWarning,
        )


def to_json(summary: RunSummary) -> dict[str, Any]:
    """Return a summary as what is noted with a call; see `from_json`."""
    failures = [[*one[:2], str(one.stderr), one.reason] for one in summary.failures[:_MOST_FAILURES]]
    counts = {name: getattr(summary, name) for name in _COUNTS}
    return {**counts, "output_dir": str(summary.output_dir), "failures": failures}


def from_json(noted: Mapping[str, Any]) -> RunSummary:
    """Return the summary that was noted.

    Raises
    ------
    RunFailedError
        For what is none: on a torc-server anybody may note events.

    Examples
    --------
    >>> failure = Failure("3", 2, Path("job.e"), "no such file")
    >>> summary = RunSummary(1, 1, 0, 0, 0, Path("out"), (failure,))
    >>> from_json(to_json(summary)) == summary
    True
    """
    try:
        failures = [
            Failure(visible(key), int(code), Path(file), visible(reason))
            for key, code, file, reason in noted["failures"]
        ]
        counts = {name: int(noted[name]) for name in _COUNTS}
        return RunSummary(**counts, output_dir=Path(noted["output_dir"]), failures=tuple(failures))
    except (KeyError, TypeError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        raise RunFailedError(
            f"what the run noted of its end can not be read ({told}): see wf.runs()"
        ) from None
