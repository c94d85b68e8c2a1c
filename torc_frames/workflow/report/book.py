"""A report as sheets of an Excel file."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from torc_frames.workflow.report.contents import Contents

__all__ = ["book"]

_LONGEST = 8_000


def book(contents: Contents) -> dict[str, pd.DataFrame]:
    """Return the sheets of a report by name; those that would be empty are left out."""
    sheets = {
        "Summary": pd.DataFrame(list(_told(contents)), columns=["what", "value"]),
        "Parameters": contents.parameters,
        "Results": contents.results,
        "Best": pd.concat(
            [rows.assign(rank=heading) for heading, rows in contents.best.items()] or [pd.DataFrame()]
        ),
        "Configurations": pd.DataFrame() if contents.summary is None else contents.summary,
        "Table": contents.table,
        "Failures": contents.logs.assign(
            **{name: contents.logs[name].str.slice(-_LONGEST) for name in ("stdout", "stderr")}
        ),
        "Runs": contents.runs,
        "Places": contents.places,
        "Used": contents.used,
    }
    return {name: frame.reset_index(drop=True) for name, frame in sheets.items() if len(frame)}


def _told(contents: Contents) -> Iterator[tuple[str, object]]:
    yield "title", contents.title
    for about in contents.about:
        yield "about", about
    yield "jobs", sum(contents.counts.values())
    yield from contents.counts.items()
    for told in contents.asked:
        yield "asked", told
    for told in contents.told_of_runs:
        yield "runs", told
    if contents.cut:
        yield "cells of the table that are cut", contents.cut
