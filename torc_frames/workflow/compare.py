"""Two workflows side by side: what differs in their parameters, and in their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted, shorten
from torc_frames.frame.column import objects
from torc_frames.frame.compare import differing
from torc_frames.frame.description import CellTable, Description, Remark, first_rows
from torc_frames.frame.dtypes import encode
from torc_frames.frame.shown import Shown
from torc_frames.frame.tabulation.configurations import PARAMS, RESULTS, index_of, parameters, results
from torc_frames.frame.tabulation.summarized import WORKFLOW
from torc_frames.frame.values import canonical

__all__ = ["Comparison", "compare"]

_NAME = "job_name"
_DIFFERENCE = "difference"
_MOST_COLUMNS = 9
_EXACT = 2**62
"""Two integers that are smaller differ by one that int64 has."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Comparison(Shown):
    """What `Client.compare` found; its frames have a row for each pair of jobs, in the order of the first.

    They are indexed by the columns by which the jobs were matched (lists and objects as JSON). Of the two
    levels of their columns the second says whose value it is, by the names of the workflows.

    Attributes
    ----------
    parameters : DataFrame
        The parameters that differ, in a pair at least.
    results : DataFrame
        All results; of numbers, times and durations also the "difference", that of the second to the first.
        Of pointers the digest, ``<name>.sha256``: files of the same have the same in them.
    jobs : DataFrame
        job_key, job_name, status, stale.
    only_a, only_b : DataFrame
        The rows of `Workflow.table` of jobs that one of them alone has.
    on : list of str
        The columns by which the jobs were matched.
    labels : tuple of str
        What the two are called in the columns.
    """

    parameters: pd.DataFrame
    results: pd.DataFrame
    jobs: pd.DataFrame
    only_a: pd.DataFrame
    only_b: pd.DataFrame
    on: list[str]
    labels: tuple[str, str]

    def __repr__(self) -> str:
        by = f" by {shorten(map(repr, self.on))}" if self.on else ""
        names = [repr(name) for name in self.parameters.columns.unique(0)]
        differ = f"; they differ in {shorten(names)}" if names else ""
        alone = "".join(
            f"; {counted(len(rows), 'job')} only in {label!r}"
            for rows, label in zip((self.only_a, self.only_b), self.labels, strict=True)
            if len(rows)
        )
        one, other = self.labels
        return f"Comparison of {one!r} and {other!r}: {counted(len(self.jobs), 'pair')}{by}{differ}{alone}"

    def describe(self) -> Description:
        """Return what differs, and the first pairs of results: what a notebook shows."""
        frames = (("parameters", self.parameters), ("results", self.results))
        parts: list[Remark | CellTable] = []
        for name, frame in frames:
            if frame.shape[1] and len(frame):
                table = first_rows(frame, f".{name}", columns=_MOST_COLUMNS)
                parts += [Remark(f"{name}:"), table]
        return Description(repr(self), *parts)

    def to_table(self) -> pd.DataFrame:
        """Return a row a job: what `torc_frames.tabulate` and `summarize` take.

        Returns
        -------
        DataFrame
            Pair by pair, then the jobs that one alone has, by position: the ``params.*`` by which jobs were
            matched, job_name, status, stale, the ``params.*`` that differ, ``results.*``, and workflow_name,
            what the two are called.
        """
        columns = {name if name == _NAME else PARAMS + name: PARAMS + name for name in self.on}
        pairs: list[pd.DataFrame] = []
        others: list[pd.DataFrame] = []
        for label, alone in zip(self.labels, (self.only_a, self.only_b), strict=True):
            sides = [_side(self.jobs, label), _side(self.parameters, label, PARAMS)]
            both = pd.concat([*sides, _side(self.results, label, RESULTS)], axis=1)
            rest = alone.reindex(columns=both.columns).reset_index(drop=True)
            for parts, rows, index in (
                (pairs, both, self.results.index),
                (others, rest, index_of(alone, columns)),
            ):
                named = index.set_names([*columns.values()]).to_frame(index=False) if columns else None
                parts.append(pd.concat([named, rows.assign(**{WORKFLOW: label})], axis=1))
        made = [pd.concat(pairs).sort_index(kind="stable"), *(part for part in others if len(part))]
        return pd.concat(made, ignore_index=True).drop(columns="job_key")


def _side(frame: pd.DataFrame, label: str, prefix: str = "") -> pd.DataFrame:
    """Return the columns that are one workflow's."""
    side = frame.loc[:, frame.columns.get_level_values(1) == label].reset_index(drop=True)
    side.columns = pd.Index([f"{prefix}{name}" for name in side.columns.get_level_values(0)])
    return side


def compare(
    one: pd.DataFrame, other: pd.DataFrame, labels: tuple[str, str], on: str | Sequence[str] | None
) -> Comparison:
    """Compare two tables with the same columns, indexed by job key; see `Client.compare`."""
    columns = _matching(one, other, on)
    keys = [_keys(table, columns) for table in (one, other)]
    pairs = _pairs(keys[0], keys[1], (one, other), labels)
    at = tuple(np.array([pair[side] for pair in pairs], dtype=np.intp) for side in (0, 1))
    index = index_of(one.iloc[at[0]], {name: name.removeprefix(PARAMS) for name in columns})
    both = tuple(table.iloc[rows] for table, rows in zip((one, other), at, strict=True))
    params = [name for name in parameters(one) if name not in columns]
    differ = {name: differing(both[0][name].array, both[1][name].array) for name in params}
    apart = [name for name in params if differ[name].any()]
    jobs = [_NAME, "status", "stale"]
    keyed = tuple(table.assign(job_key=table.index) for table in both)
    alone = (
        np.setdiff1d(np.arange(len(table)), taken) for table, taken in zip((one, other), at, strict=True)
    )
    only_a, only_b = (table.iloc[rest] for table, rest in zip((one, other), alone, strict=True))
    return Comparison(
        _beside(both, apart, labels, index, PARAMS),
        _beside(both, results(one), labels, index, RESULTS, True),
        _beside(keyed, ["job_key", *jobs], labels, index),
        only_a,
        only_b,
        [name.removeprefix(PARAMS) for name in columns],
        labels,
    )


def _matching(one: pd.DataFrame, other: pd.DataFrame, on: str | Sequence[str] | None) -> list[str]:
    """Return the columns by which jobs are matched: those that are given, else all that both have."""
    if on is None:
        filled = [{name for name in table if table[name].notna().any()} for table in (one, other)]
        found = [name for name in parameters(one) if all(name in have for have in filled)]
        if not found and len(one) and len(other):
            raise RefusedError(
                "the two workflows have no parameter in common: say what makes a pair of jobs, on='job_name'"
            )
        return found
    names = [on] if isinstance(on, str) else list(on)
    known = {name.removeprefix(PARAMS): name for name in parameters(one)}
    known.setdefault(_NAME, _NAME)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise RefusedError(
            f"on: no column {shorten(map(repr, unknown)) or 'is given'}; there are: "
            f"{shorten(map(repr, known))}"
        )
    return [known[name] for name in dict.fromkeys(names)]


def _keys(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return what the cells of each row are by which it is matched; 1 is 1.0."""
    cells = [encode(table[name])[0] for name in columns]
    return [canonical(list(row)) for row in zip(*cells, strict=True)] if cells else ["[]"] * len(table)


def _pairs(
    keys: Sequence[str], others: Sequence[str], tables: Sequence[pd.DataFrame], labels: Sequence[str]
) -> list[tuple[int, int]]:
    """Return the rows of two tables that are a pair; equal ones in their order.

    Raises
    ------
    RefusedError
        For jobs that have the same of these columns, and other parameters that differ.
    """
    rows = [_rows(found) for found in (keys, others)]
    pairs = []
    for key, here in rows[0].items():
        there = rows[1].get(key, [])
        for found, table, other, label in zip((here, there), tables, tables[::-1], labels, strict=True):
            if there and len(found) > 1:
                _check_alike(table.iloc[found], other, label)
        pairs += list(zip(here, there, strict=False))
    return sorted(pairs)


def _rows(keys: Sequence[str]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return found


def _check_alike(rows: pd.DataFrame, others: pd.DataFrame, label: str) -> None:
    apart = [name for name in parameters(rows) if len({*map(canonical, encode(rows[name])[0])}) > 1]
    if apart:
        names = shorten(repr(name.removeprefix(PARAMS)) for name in apart)
        known = any(others[name].notna().any() for name in apart)
        mend = (
            "; name that in on=, too" if known else ", which the other does not have: client.table shows both"
        )
        raise RefusedError(
            f"jobs {shorten(map(str, rows.index))} of {label!r} would be a pair with the same job: they "
            f"differ in {names}{mend}"
        )


def _beside(
    tables: Sequence[pd.DataFrame],
    names: Sequence[str],
    labels: tuple[str, str],
    index: pd.Index,
    prefix: str = "",
    subtract: bool = False,
) -> pd.DataFrame:
    """Return columns of two tables side by side, and how those of numbers and times differ."""
    cells: dict[tuple[str, str], Any] = {}
    for name in names:
        shown = name.removeprefix(prefix)
        columns = [table[name].reset_index(drop=True) for table in tables]
        cells |= {(shown, label): column for label, column in zip(labels, columns, strict=True)}
        if subtract and (difference := _difference(columns[0], columns[1])) is not None:
            cells[shown, _DIFFERENCE] = difference
    frame = pd.DataFrame(cells, index=pd.RangeIndex(len(index)))
    levels = [[cell[level] for cell in cells] for level in (0, 1)]
    frame.columns = pd.MultiIndex.from_arrays(levels, names=[None, "workflow"])
    frame.index = index
    return frame


def _difference(one: pd.Series, other: pd.Series) -> pd.Series | None:
    kind = getattr(one.dtype, "kind", "O")
    if isinstance(one.dtype, pd.CategoricalDtype) or kind not in "iufmM":
        return None
    if kind in "iu" and any((column.abs() >= _EXACT).any() for column in (one, other)):
        pairs = zip(one.astype(object), other.astype(object), strict=True)
        return objects([None if pd.isna(a) or pd.isna(b) else int(b) - int(a) for a, b in pairs])
    return other.astype("Int64") - one.astype("Int64") if kind == "u" else other - one
