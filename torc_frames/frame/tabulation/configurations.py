"""What the columns and rows of a table are: parameters, results, configurations, rows that count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.column import objects
from torc_frames.frame.values import is_missing

__all__ = [
    "FAILED",
    "PARAMS",
    "RESULTS",
    "SUMMARY",
    "Configurations",
    "Ints",
    "Mask",
    "Standing",
    "codes",
    "configurations",
    "index_of",
    "is_gap",
    "is_nested",
    "is_numeric",
    "key_of",
    "labels",
    "metrics",
    "named",
    "numbers",
    "parameters",
    "resolve",
    "resolve_all",
    "results",
    "standing",
    "varying",
]

PARAMS, RESULTS = "params.", "results."

SUMMARY = "torc_summary"
"""The attribute of a frame that says what it summarizes; see `torc_frames.summarize`."""

_ERROR = "results.error."
_POINTER = ".torc_pointer"
FAILED = frozenset({"failed", "canceled", "terminated", "pending_failed"})
_DONE = "done"
"""What a service of 2023 calls jobs that ended, well or not."""

_ALIKE = frozenset({"string", "integer", "floating", "boolean", "bytes", "empty"})
"""What `pandas.api.types.infer_dtype` says of cells that are equal only if they are the same."""

_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "boolean"})
_FEW = 1_000

Ints = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


# which columns


def parameters(table: pd.DataFrame) -> list[str]:
    """Return the columns of parameters, ``params.*``, in their order."""
    return [name for name in named(table) if name.startswith(PARAMS)]


def results(table: pd.DataFrame) -> list[str]:
    """Return the columns of results, of what pointers say the digest alone.

    Examples
    --------
    >>> import pandas as pd
    >>> results(pd.DataFrame(columns=["params.n", "results.loss", "results.error.type"]))
    ['results.loss', 'results.error.type']
    """
    names = [name for name in named(table) if name.startswith(RESULTS)]
    pointers = {name.removesuffix(_POINTER) for name in names if name.endswith(_POINTER)}
    return [name for name in names if name.rpartition(".")[0] not in pointers or name.endswith(".sha256")]


def metrics(table: pd.DataFrame) -> list[str]:
    """Return the results that are numbers; booleans, and what is told of errors, are none."""
    return [name for name in results(table) if not name.startswith(_ERROR) and is_numeric(table[name])]


def named(table: pd.DataFrame) -> list[str]:
    """Return the columns whose names are texts.

    Raises
    ------
    RefusedError
        If it is no frame, or two columns have the same name.
    """
    if not isinstance(table, pd.DataFrame):
        raise RefusedError(f"a DataFrame is wanted, such as wf.table(), not {type(table).__name__}")
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].unique()
        raise RefusedError(f"several columns are called {shorten(map(repr, twice))}: rename them")
    return [name for name in table.columns if isinstance(name, str)]


def resolve(
    table: pd.DataFrame, name: str, prefixes: Sequence[str] = (RESULTS, PARAMS), *, what: str = "column"
) -> str:
    """Return the column that a short or long name means.

    Parameters
    ----------
    table : DataFrame
    name : str
        That of a column, or that without one of the prefixes. Of a summary, a result means its first
        statistic: "loss" is ``results.loss.mean``.
    prefixes : sequence of str
        Where it is looked for.
    what : str
        What is meant, for messages.

    Raises
    ------
    RefusedError
        For a name that means no column, with the nearest, or two.

    Examples
    --------
    >>> import pandas as pd
    >>> resolve(pd.DataFrame(columns=["params.n", "results.loss"]), "loss")
    'results.loss'
    """
    names = named(table)
    if not isinstance(name, str):
        raise RefusedError(f"{what} {name!r}: give the name of a column, such as 'loss'")
    if name in names:
        return name
    stats = table.attrs.get(SUMMARY, {}).get("stats", ["mean"])
    short = [f"{prefix}{name}" for prefix in prefixes]
    means = [f"{full}.{stat}" for stat in stats[:1] for full in (name, *short) if full.startswith(RESULTS)]
    for meant in (short, means):
        found = [full for full in meant if full in names]
        if len(found) == 1:
            return found[0]
        if found:
            raise RefusedError(f"{what} {name!r} can mean {' or '.join(map(repr, found))}: say which")
    raise RefusedError(f"no {what} {name!r}; {_there_are(name, names, prefixes)}")


def resolve_all(
    table: pd.DataFrame,
    names: str | Iterable[str] | None,
    prefixes: Sequence[str] = (RESULTS, PARAMS),
    *,
    what: str = "column",
) -> list[str]:
    """Return the columns that one or several names mean, each once; see `resolve`."""
    if names is None:
        return []
    given = [names] if isinstance(names, str) or not isinstance(names, Iterable) else names
    return list(dict.fromkeys(resolve(table, name, prefixes, what=what) for name in given))


def _there_are(name: str, names: Iterable[str], prefixes: Sequence[str]) -> str:
    """Return what there is, for a message, the nearest first."""
    short = {one: _short(one) for one in names if one.startswith(tuple(prefixes))} or {
        one: one for one in names
    }
    near = get_close_matches(name, short.values()) + get_close_matches(name, short)
    listed = sorted(short, key=lambda one: min(_place(near, one), _place(near, short[one])))
    return f"there are {shorten(map(repr, listed))}" if listed else "there are none"


def _place(near: Sequence[str], name: str) -> int:
    return near.index(name) if name in near else len(near)


def labels(names: Iterable[str]) -> dict[str, str]:
    """Return what columns are called in print: without prefix, unless two would be the same.

    Examples
    --------
    >>> labels(["params.n", "params.loss", "results.loss"])
    {'params.n': 'n', 'params.loss': 'params.loss', 'results.loss': 'results.loss'}
    """
    short = {name: _short(name) for name in names}
    times = Counter(short.values())
    return {name: one if times[one] == 1 else name for name, one in short.items()}


def _short(name: str) -> str:
    return name.removeprefix(PARAMS if name.startswith(PARAMS) else RESULTS)


# numbers


def is_numeric(values: pd.Series) -> bool:
    """Return whether a column is of numbers; in one of objects all that is there must be."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_object_dtype(dtype):
        return pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS - {"boolean"}
    return dtype.kind in "iuf"


def numbers(values: pd.Series) -> pd.Series:
    """Return a column as float64, NaN where a value is missing; booleans are 0 and 1.

    Raises
    ------
    RefusedError
        For a column that has something else than numbers.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_object_dtype(values.dtype):
        known = values[values.notna()]
        if pd.api.types.infer_dtype(known) not in _NUMBERS | {"empty"}:
            for other in known:
                if not isinstance(other, (int, float, np.number, np.bool_)):
                    raise RefusedError(f"{values.name!r} is not of numbers: it has {other!r}")
    elif values.dtype.kind not in "iufb":
        hint = ": use .dt.total_seconds()" if values.dtype.kind == "m" else ""
        raise RefusedError(f"{values.name!r} is not of numbers but of dtype {values.dtype}{hint}")
    try:
        return pd.Series(values.to_numpy("float64", na_value=np.nan), values.index, name=values.name)
    except OverflowError:
        raise RefusedError(f"{values.name!r} has integers that are too large for floats") from None


# which cells, and which rows, are the same


def codes(values: pd.Series) -> tuple[Ints, int]:
    """Return a number for each cell, the same for the same values, and how many values there are.

    Missing is a value of its own. 1, 1.0 and True are three; lists and objects are the same if their JSON is,
    in whatever order keys stand.

    Examples
    --------
    >>> import pandas as pd
    >>> found, count = codes(pd.Series([1, True, None, {"a": 1, "b": 2}, {"b": 2, "a": 1}]))
    >>> found.tolist(), count
    ([0, 1, 3, 2, 2], 4)
    """
    found, there = pd.factorize(_comparable(values))
    numbered, missing = found.astype(np.int64, copy=False), found < 0
    if not missing.any():
        return numbered, len(there)
    return np.where(missing, len(there), numbered), len(there) + 1


def _comparable(values: pd.Series) -> Any:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy()
    if dtype.kind == "f":  # NaN and NA are one, 0.0 and -0.0 too
        return values.to_numpy("float64", na_value=np.nan)
    nested = is_nested(dtype)
    if not nested and not pd.api.types.is_object_dtype(dtype):
        return values
    if not nested and pd.api.types.infer_dtype(values, skipna=True) in _ALIKE:
        return values
    keys = np.empty(len(values), dtype=object)
    keys[:] = [None if is_gap(value) else key_of(value) for value in values.tolist()]
    return keys


def is_nested(dtype: Any) -> bool:
    """Return whether cells of a dtype of Arrow are lists, structs and the like."""
    return isinstance(dtype, pd.ArrowDtype) and dtype.kind == "O"


def is_gap(value: Any) -> bool:
    """Return whether a cell is missing; arrays never are."""
    return not isinstance(value, np.ndarray) and is_missing(value)


def key_of(value: Any) -> tuple[str, Any]:
    """Return a type and a value that are equal for cells that are the same."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, (str, int, float)):
        return type(plain).__name__, plain
    try:
        return "json", json.dumps(
            plain, sort_keys=True, default=_listed, separators=(",", ":"), ensure_ascii=False
        )
    except (TypeError, ValueError):  # no JSON: keys of several types, a list that holds itself
        return type(plain).__name__, repr(plain)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else repr(value)


def varying(table: pd.DataFrame, names: Iterable[str] | None = None) -> list[str]:
    """Return the columns, of some or of all parameters, that have more than one value; missing is one."""
    return configurations(table, parameters(table) if names is None else list(names)).varying


def index_of(table: pd.DataFrame, names: Mapping[str, str]) -> pd.Index:
    """Return columns as an index, in which lists and objects are JSON; each is called as `names` says."""
    levels = []
    for name, shown in names.items():
        values = table[name]
        if pd.api.types.is_object_dtype(values.dtype) or is_nested(values.dtype):
            values = objects([_text(value) for value in values.tolist()])
        levels.append(pd.Index(values.array, name=shown))
    return pd.MultiIndex.from_arrays(levels) if len(levels) > 1 else next(iter(levels), table.index)


def _text(value: Any) -> Any:
    return key_of(value)[1] if isinstance(value, (list, dict, np.ndarray)) else value


@dataclass(frozen=True, slots=True, eq=False)
class Configurations:
    """Which rows of a table have the same values in some columns.

    Attributes
    ----------
    of_row : array of int64
        The number of each row's configuration, in the order of first appearance.
    first : array of int64
        The position of the first row of each configuration.
    varying, constant : list of str
        The columns that have more than one value, and the others.
    """

    of_row: Ints
    first: Ints
    varying: list[str]
    constant: list[str]

    def __len__(self) -> int:
        return len(self.first)


def configurations(table: pd.DataFrame, names: Sequence[str]) -> Configurations:
    """Return which rows have the same values in these columns; without any all rows are one.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"params.n": [2, 1, 2], "params.k": [[1], [1], [1]]})
    >>> found = configurations(table, ["params.n", "params.k"])
    >>> found.of_row.tolist(), found.first.tolist(), found.varying
    ([0, 1, 0], [0, 1], ['params.n'])
    """
    coded = {name: codes(table[name]) for name in names}
    more = [name for name, (_, several) in coded.items() if several > 1]
    joined, count = np.zeros(len(table), np.int64), 1
    for found, several in (coded[name] for name in more):
        if count * several > max(len(table), _FEW) and count > 1:
            joined, count = _numbered(joined, count)[0], len(table)
        joined, count = (joined * several + found if count > 1 else found), count * several
    of_row, first = _numbered(joined, count)
    return Configurations(of_row, first, more, [name for name in names if name not in more])


def _numbered(codes: Ints, count: int) -> tuple[Ints, Ints]:
    """Return numbers below `count` by the order of first appearance, and where each appears first."""
    if count > max(_FEW, 4 * len(codes)):
        codes = pd.factorize(codes)[0].astype(np.int64, copy=False)
        count = len(codes)
    rows = np.arange(len(codes))
    firsts = np.empty(count, np.int64)
    firsts[codes[::-1]] = rows[::-1]  # of several rows the first is written last
    at = firsts[codes]
    is_first = at == rows
    return (np.cumsum(is_first) - 1)[at], np.flatnonzero(is_first)


# which rows count


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Which rows of a table count, and why others don't; each row is one of these four.

    Attributes
    ----------
    counted : array of bool
        Jobs that completed with the parameters that stand beside them: all rows, if nothing is known of that.
    failed, unfinished, stale : array of bool
        Jobs that ended without success, those that have not ended, and completed ones whose parameters were
        changed since.
    """

    counted: Mask
    failed: Mask
    unfinished: Mask
    stale: Mask

    def lost(self) -> Mapping[str, Mask]:
        """Return the rows that don't count, by reason."""
        return {"failed": self.failed, "unfinished": self.unfinished, "stale": self.stale}

    def missing(self, values: pd.Series) -> Mask:
        """Return the rows that count and have no value."""
        return self.counted & values.isna().to_numpy(np.bool_)


def standing(table: pd.DataFrame) -> Standing:
    """Return which rows count, by the columns ``status``, ``return_code`` and ``stale``, where they are.

    Examples
    --------
    >>> import pandas as pd
    >>> found = standing(pd.DataFrame({"status": ["completed", "failed", "ready"]}))
    >>> found.counted.tolist(), {reason: int(rows.sum()) for reason, rows in found.lost().items()}
    ([True, False, False], {'failed': 1, 'unfinished': 1, 'stale': 0})
    """
    completed = np.ones(len(table), np.bool_)
    failed, old = ~completed, ~completed
    if "status" in table:
        done = _true(table["status"] == _DONE)
        well = _true(table["return_code"] == 0) if "return_code" in table and done.any() else ~failed
        completed = _true(table["status"] == "completed") | (done & well)
        failed = _true(table["status"].isin(FAILED)) | (done & ~well) if not completed.all() else failed
    if "stale" in table and table["stale"].dtype.kind in "bO":  # in a summary it is a count
        old = completed & _true(table["stale"] == True)  # noqa: E712 - cells of objects, too
    return Standing(completed & ~old, failed, ~completed & ~failed, old)


def _true(values: pd.Series) -> Mask:
    """Return where a column of booleans is true."""
    return np.asarray(values.to_numpy(np.bool_, na_value=False))
