"""What of a table people look for on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from torc_frames.cli.text import TerminalView, short_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["of_summary", "of_table"]

_HEADS = ("job_key", "job_name", "status")
_POINTER = ".torc_pointer"
_ERROR, _TRACEBACK = "results.error.", "results.error.traceback"
_LONGEST = 30


def of_table(
    table: pd.DataFrame,
    metric: str | None = None,
    *,
    also: Iterable[str] = (),
    of_jobs: bool = False,
    whole: pd.DataFrame | None = None,
) -> TerminalView:
    """Return names and status of jobs, the parameters that vary, and their results.

    Parameters
    ----------
    table : DataFrame
        As `Workflow.table` gives it.
    metric : str, optional
        The result that says most.
    also : iterable of str
        Other columns that were asked for.
    of_jobs : bool
        Whether all that is known of jobs was asked for.
    whole : DataFrame, optional
        The table whose rows these are: what varies there is shown.
    """
    from torc_frames.frame.tabulation.configurations import (
        PARAMS,
        RESULTS,
        configurations,
        parameters,
        standing,
    )

    of = table if whole is None else whole
    found = configurations(of, parameters(of) if len(of) > 1 else [])
    params = [name for name in parameters(of) if name not in found.constant]
    known = {name for name in map(str, table) if table[name].notna().any() or not len(table)}
    results = [name for name in _results(table) if name in known]
    errors = [name for name in results if name.startswith(_ERROR)]
    results = sorted((name for name in results if name not in errors), key=lambda name: name != metric)
    more = [name for name in map(str, table) if of_jobs and not name.startswith((PARAMS, RESULTS))]
    stale = ["stale"] if standing(table).stale.any() else []
    pairs = chain.from_iterable(zip_longest(results, (name for name in params if name in known)))
    order = [*_HEADS, *stale, *also, *filter(None, pairs), *errors, *more]
    return _view(table, order, of[found.constant])


def of_summary(summary: pd.DataFrame, table: pd.DataFrame, metric: str = "") -> TerminalView:
    """Return a view of a summary of a table: all of it but counts of what there is none of.

    A statistic that is named says most, with the others of the same metric.
    """
    from torc_frames.frame.tabulation.configurations import SUMMARY

    about = summary.attrs[SUMMARY]
    heads = [name for name in map(str, summary) if not name.startswith(tuple(about["metrics"]))]
    none = [name for name in ("failed", "unfinished", "stale") if not summary[name].any()]
    stats = [f"{name}.{stat}" for stat in about["stats"] for name in about["metrics"]]
    stats.sort(key=lambda name: name.rpartition(".")[0] != metric.rpartition(".")[0])
    order = [*(name for name in heads if name not in none), *stats]
    return _view(summary, order, table[list(about["constants"])])


def _results(table: pd.DataFrame) -> list[str]:
    """Return results as one looks for them: of pointers where the files are, of errors what they say."""
    from torc_frames.frame.tabulation.configurations import results

    pointers = [name.removesuffix(_POINTER) for name in map(str, table) if name.endswith(_POINTER)]
    paths = {f"{name}.sha256": f"{name}.path" for name in pointers}
    return [paths.get(name, name) for name in results(table) if name != _TRACEBACK]


def _view(table: pd.DataFrame, order: Iterable[str], constant: pd.DataFrame) -> TerminalView:
    """Return a view of columns, by what they say, in the order of the table."""
    from torc_frames.files.exports import json_columns
    from torc_frames.frame.tabulation.configurations import labels

    index = [str(name) for name in table.index.names if name is not None]
    there = [*index, *map(str, table)]
    ordered = [name for name in dict.fromkeys(order) if name in there]
    values = json_columns(constant.iloc[:1].reset_index(drop=True))
    called = labels(values)
    return TerminalView(
        labels(name for name in there if name in ordered),
        ordered,
        {name: f"{called[name]} = {_cut(short_text(cells[0]))}" for name, cells in values.items() if cells},
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
