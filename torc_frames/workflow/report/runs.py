"""How a workflow was run, and what that used: tables and sentences of its runs."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from torc_frames.errors import counted
from torc_frames.workflow.report.texts import span, time

__all__ = ["places", "told_of_runs", "used"]

_COMMIT = 12
_RESOURCES = {
    "cpu": ("CPU (percent of a core)", "percent", 1.0),
    "memory": ("memory (MiB)", "bytes", 2.0**20),
    "runtime": ("time (minutes)", "seconds", 60.0),
}


def places(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each machine, version and state of the code that jobs ran with.

    Parameters
    ----------
    runs : DataFrame
        As `Workflow.runs` returns it.
    """
    clean = runs["git_clean"].map({True: "as committed", False: "with changes"}).fillna("")
    known = pd.DataFrame(
        {
            "machine": runs["host"].fillna("unknown"),
            "code (git commit)": runs["git_commit"].str.slice(0, _COMMIT).fillna("unknown"),
            "state": clean.astype(str),
            "Python": runs["python_version"].fillna("unknown"),
            "torc_frames": runs["torc_frames_version"].fillna("unknown"),
            "failed": runs["status"].ne("completed"),
            "first start": runs["start_time"],
            "last end": runs["end_time"],
        }
    )
    by = list(known.columns[:5])
    grouped = known.groupby(by, sort=False)
    found = grouped.agg({"failed": ["size", "sum"], "first start": "min", "last end": "max"})
    found.columns = pd.Index(["runs", "not completed", "first start", "last end"])
    return found.reset_index()


def told_of_runs(runs: pd.DataFrame) -> Iterator[str]:
    """Yield sentences: how many runs there were, when, how long they took."""
    if runs.empty:
        yield "No job has been run to its end."
        return
    jobs = runs["job_key"].value_counts()
    yield f"{counted(len(runs), 'run')} of {counted(len(jobs), 'job')} ended" + (
        f"; {counted(int((jobs > 1).sum()), 'job')} ran more than once." if (jobs > 1).any() else "."
    )
    start, end = runs["start_time"].min(), runs["end_time"].max()
    seconds = runs["exec_time_minutes"].dropna() * 60
    if seconds.empty or pd.isna(start) or pd.isna(end):
        return
    whole, worked = (end - start).total_seconds(), float(seconds.sum())
    yield f"The first began {time(start)}, the last ended {time(end)}: {span(whole)} later."
    at_once = f", {worked / whole:.2g} of them at a time on average" if whole > 0 else ""
    yield f"Together the runs took {span(worked)}{at_once}."
    longest = runs["job_name"].iloc[int(runs["exec_time_minutes"].fillna(-1.0).to_numpy().argmax())]
    half = span(float(seconds.median()))
    yield f"Half of them took at most {half}; the longest {span(float(seconds.max()))} ({longest})."


def used(utilization: pd.DataFrame) -> pd.DataFrame:
    """Return what jobs asked for and used, a row for each resource of which something was measured.

    Parameters
    ----------
    utilization : DataFrame
        As `Workflow.utilization` returns it.
    """
    rows = []
    for what, (name, unit, by) in _RESOURCES.items():
        spent, asked = (
            utilization[f"{what}_{of}_{unit}"].astype("float64").div(by).dropna() for of in ("used", "asked")
        )
        if spent.empty:
            continue
        marks = utilization[f"{what}_mark"].value_counts()
        counts = [int(marks.get(mark, 0)) if len(asked) else None for mark in ("over", "under")]
        rows.append((name, len(spent), asked.median(), spent.median(), spent.max(), *counts))
    columns = ["resource", "jobs", "asked (median)", "used (median)", "used (most)"]
    columns += ["used more than asked", "used less than half"]
    found = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[-2:], "Int64"))
    return found.dropna(axis="columns", how="all")
