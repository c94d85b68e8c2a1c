"""What a report is made of: the frames and sentences of a workflow, before they are a page or a book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.files.cells import cell_text
from torc_frames.frame import recorded
from torc_frames.frame.column import objects
from torc_frames.frame.shape import Shape
from torc_frames.frame.tabulation import configurations as columns
from torc_frames.frame.tabulation.summarize import summarize
from torc_frames.settings import __version__
from torc_frames.store.base import Store
from torc_frames.store.records import WorkflowRecord
from torc_frames.workflow.pull import tables
from torc_frames.workflow.report import asked, failures, runs
from torc_frames.workflow.report.ranks import Aim, objective_of, ranked
from torc_frames.workflow.report.texts import time
from torc_frames.workflow.run import tails
from torc_frames.workflow.run.said import FAILURES

__all__ = ["Contents", "Options", "gathered"]

_LOG_LINES = 10
_LONGEST = 1_000
"""How many characters of a cell a report has."""

_NAME, _REASON = "job_name", "reason"
_OF_JOBS = ("job_key", "status", "stale")
_OF_RUNS = ("exec_time_minutes", "end_time", "compute_node", "return_code", _REASON)


@dataclass(frozen=True, slots=True)
class Options:
    """What a report is asked to show; see `Workflow.report`."""

    objective: str | None = None
    mode: Literal["min", "max"] | None = None
    over: str | Sequence[str] | None = None
    columns: Sequence[str] | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """All that a report shows.

    Attributes
    ----------
    title : str
    about : list of str
        What the workflow is, and when it was read.
    counts : dict
        How many jobs have each status.
    asked : list of str
        How the tables of parameters were made.
    parameters, results : DataFrame
        A row for each, with what its values are.
    objective : Aim or None
        The result by which rows are ranked.
    best : dict of DataFrame
        Rows by the heading of their table.
    summary : DataFrame or None
        A row a configuration: means over the parameters of `over`.
    table : DataFrame
        The columns that are shown, of all jobs; `whole` has all, for figures.
    cut : int
        How many cells of it are only the beginning of longer texts.
    reasons : list of Reason
        Why jobs failed; `unexplained` jobs for other reasons.
    logs, runs : DataFrame
        What failed jobs said last, and all runs.
    places, used : DataFrame
        Where jobs ran, and with which code; a row a resource, made of `utilization`.
    told_of_runs : list of str
    curves : DataFrame
        What jobs logged, with their parameters.
    """

    title: str
    about: list[str]
    counts: Mapping[str, int]
    asked: list[str]
    parameters: pd.DataFrame
    results: pd.DataFrame
    objective: Aim | None
    best: Mapping[str, pd.DataFrame]
    summary: pd.DataFrame | None
    over: tuple[str, ...]
    table: pd.DataFrame
    whole: pd.DataFrame
    cut: int
    reasons: list[failures.Reason]
    unexplained: int
    logs: pd.DataFrame
    runs: pd.DataFrame
    places: pd.DataFrame
    used: pd.DataFrame
    utilization: pd.DataFrame
    told_of_runs: list[str]
    curves: pd.DataFrame


def gathered(store: Store, workflow: WorkflowRecord, options: Options) -> Contents:
    """Read a workflow, and return what its report is made of.

    Raises
    ------
    RefusedError
        For names that are no columns, see `objective_of`, and for a title that is none.
    """
    if options.title is not None and (not isinstance(options.title, str) or not options.title.strip()):
        raise RefusedError(f"title={options.title!r}: give a text")
    key, whole_shape = workflow.key, Shape()
    whole = tables.table(store, key, "names", (), whole_shape, False, job_columns=True)
    objective = objective_of(whole, options.objective, options.mode)
    over = tuple(columns.resolve_all(whole, options.over, (columns.PARAMS,), what="parameter"))
    summary = _summary(whole, over, objective) if over else None
    failed = whole.index[whole["status"].isin(FAILURES)].tolist()
    logs = tails.logs(store, key, failed, failed=True, lines=_LOG_LINES, output_dir=None, shape=whole_shape)
    ended = tables.runs(store, key, whole_shape)
    table, cut = _shown(whole.assign(**{_REASON: failures.said(logs).reindex(whole.index)}), options.columns)
    utilization = tables.utilization(store, key, 0.5, whole_shape)
    recipes = recorded.recipes(workflow.metadata)
    reasons, unexplained = failures.reasons(logs)
    return Contents(
        title=options.title or workflow.name,
        about=list(_about(workflow, len(whole))),
        counts={str(name): int(count) for name, count in whole["status"].value_counts().items()},
        asked=[
            told if times == 1 else f"{told} ({times} times)"
            for told, times in Counter(map(asked.in_words, recipes)).items()
        ],
        parameters=asked.parameters(whole, recipes),
        results=_results(whole),
        objective=objective,
        best={} if objective is None else _best(whole, objective),
        summary=summary,
        over=over,
        table=table,
        whole=whole,
        cut=cut,
        reasons=reasons,
        unexplained=unexplained,
        logs=logs,
        runs=ended,
        places=runs.places(ended),
        used=runs.used(utilization),
        utilization=utilization,
        told_of_runs=list(runs.told_of_runs(ended)),
        curves=_curves(store, key, whole_shape),
    )


def _about(workflow: WorkflowRecord, jobs: int) -> Iterator[str]:
    if workflow.description:
        yield workflow.description
    by = f" by {workflow.user}" if workflow.user else ""
    named = f"workflow {workflow.key}, {workflow.name!r}{by}: {counted(jobs, 'job')}"
    now = pd.Timestamp(datetime.now(UTC))
    yield f"Made {time(now)} by torc_frames {__version__} from {named}."


def _summary(whole: pd.DataFrame, over: Sequence[str], objective: Aim | None) -> pd.DataFrame:
    """Return means over some parameters, the best one first, without counts of what there is none of."""
    found = summarize(whole, over=over, stats=("mean", "std", "count"))
    none = [name for name in ("failed", "unfinished", "stale") if not found[name].any()]
    if objective is not None and objective.mode and (mean := f"{objective.name}.mean") in found:
        found = found.sort_values(mean, ascending=objective.mode == "min", kind="stable", ignore_index=True)
    return found.drop(columns=none)


def _results(whole: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each result that is a number: what its values are, of the jobs that count."""
    rows = whole[columns.standing(whole).counted]
    names = columns.metrics(whole)
    labels = columns.labels(map(str, whole))
    found = []
    for name in names:
        values = columns.numbers(rows[name]).dropna()
        ends = (values.min(), values.median(), values.max()) if len(values) else (None,) * 3
        found.append((labels[name], len(values), *ends))
    return pd.DataFrame(found, columns=["result", "jobs", "lowest", "median", "highest"])


def _best(whole: pd.DataFrame, objective: Aim) -> dict[str, pd.DataFrame]:
    """Return the best rows: the job, what varies of its parameters, its results."""
    varies = columns.varying(whole)
    names = list(dict.fromkeys([objective.name, *columns.metrics(whole)]))
    shown = list(dict.fromkeys([_NAME, *varies, *names]))
    found = ranked(whole, objective)
    return {heading: rows[shown].reset_index() for heading, rows in found.items()}


def _shown(whole: pd.DataFrame, asked: Sequence[str] | None) -> tuple[pd.DataFrame, int]:
    """Return the columns that a report shows, the name first, with long texts cut, and how many are."""
    told = whole.reset_index()
    if asked is not None:
        names = list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str) else None
        if names is None or not all(isinstance(name, str) for name in names):
            raise RefusedError(f"columns={asked!r}: give a list of names, such as ['status', 'loss']")
        chosen = [columns.resolve(told, name) for name in names]
    else:
        data = [*columns.parameters(told), *columns.results(told)]
        data += [name for name in map(str, told) if name.startswith("results.error.")]
        others = [name for name in (*_OF_JOBS, *_OF_RUNS) if name in told and _says(told[name], name)]
        chosen = [*(name for name in others if name in _OF_JOBS), *data]
        chosen += [name for name in others if name in _OF_RUNS]
    frame = told[list(dict.fromkeys([_NAME, *chosen]))]
    return _cut(frame)


def _says(values: pd.Series, name: str) -> bool:
    if name == "stale":
        return bool(values.fillna(False).any())
    if name == "return_code":
        return bool(values.fillna(0).ne(0).any())
    return bool(values.notna().any())


def _cut(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    made, cut = frame.copy(deep=False), 0
    for at, dtype in enumerate(frame.dtypes):
        if not (pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype)):
            continue
        cells = frame.iloc[:, at].tolist()
        texts = [cell_text(cell) if isinstance(cell, (list, dict)) else cell for cell in cells]
        long = [isinstance(text, str) and len(text) > _LONGEST for text in texts]
        cut += sum(long)
        if any(long) or texts != cells:
            kept = [
                f"{text[:_LONGEST]}…" if is_long else text for text, is_long in zip(texts, long, strict=True)
            ]
            made.isetitem(at, objects(kept).array)
    return made, cut


def _curves(store: Store, key: str, shape: Shape) -> pd.DataFrame:
    try:
        return tables.curves(store, key, (), None, None, True, False, shape)
    except RefusedError:
        return pd.DataFrame()  # a service of 2023, which keeps none
