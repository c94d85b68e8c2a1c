"""Why jobs failed: what they said last, by the last line of it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["Reason", "reasons", "said"]

_SHOWN = 3
"""Of so many jobs of a reason the end of the log is shown."""

_MOST = 20
_LONGEST = 2_000
_LINE = 200


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, the jobs that failed for it, and what the first of them wrote last."""

    text: str
    jobs: tuple[str, ...]
    """Their names."""

    ends: tuple[tuple[str, str], ...]
    """The name of a job, and the end of its log."""


def said(logs: pd.DataFrame) -> pd.Series:
    """Return the last line that each job wrote, or its return code, by job key.

    Parameters
    ----------
    logs : DataFrame
        As `Workflow.logs` returns it of failed jobs.
    """
    lines = [_ends(row)[-1] if _ends(row) else _code(row) for row in logs.itertuples()]
    return pd.Series(lines, index=logs["job_key"], dtype="str")


def reasons(logs: pd.DataFrame) -> tuple[list[Reason], int]:
    """Return the reasons that most jobs failed for, and how many jobs failed for other ones."""
    lasts = said(logs).to_numpy()
    groups = {last: logs[lasts == last] for last in pd.Series(lasts).value_counts().index}
    found = [
        Reason(
            last,
            tuple(group["job_name"]),
            tuple((str(row.job_name), _end(row)) for row in group.head(_SHOWN).itertuples()),
        )
        for last, group in list(groups.items())[:_MOST]
    ]
    return found, len(logs) - sum(len(reason.jobs) for reason in found)


def _end(row: object) -> str:
    parts = [text for name in ("stdout", "stderr") if isinstance(text := getattr(row, name), str) and text]
    text = "\n".join(parts) or "(nothing was written, or the files are not on this machine)"
    return text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}"


def _ends(row: object) -> list[str]:
    text = getattr(row, "stderr", None)
    return (
        [line.strip()[:_LINE] for line in text.split("\n") if line.strip()] if isinstance(text, str) else []
    )


def _code(row: object) -> str:
    code = getattr(row, "return_code", None)
    return "it left no word" if pd.isna(code) else f"return code {code}"
