"""Cells of what stores list beside records, to columns of a dtype that does not depend on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pandas as pd

from torc_frames.errors import ServerError
from torc_frames.frame.column import objects, to_backend
from torc_frames.frame.shape import Shape, choose, frame_of, strings

__all__ = ["MEASURED", "Cell", "Dtype", "framed", "series"]

Dtype = Literal["str", "Int64", "float64", "boolean", "object", "time", "seconds", "milliseconds"]
"""``time`` is of texts, ISO 8601, the next two count from 1970 on; all three become datetime64[us, UTC]."""


MEASURED: Mapping[str, Dtype] = {
    "peak_memory_bytes": "Int64",
    "avg_memory_bytes": "Int64",
    "peak_cpu_percent": "float64",
    "avg_cpu_percent": "float64",
}
"""What torc measures of a run, or of a machine."""

Cell = pd.Series | Callable[[], pd.Series]
"""A column, or what makes it if it is wanted."""


def series(name: str, values: Sequence[Any], dtype: Dtype) -> pd.Series:
    """Return values as a column, missing where they are None; ServerError for those of another type.

    Examples
    --------
    >>> series("run_id", [1, None], "Int64").tolist()
    [1, <NA>]
    """
    try:
        return _MAKE[dtype](values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ServerError(f"the store told of {name} what is no {dtype}: {error}") from None


def framed(cells: Mapping[str, Cell], shape: Shape, index: pd.Index | int) -> pd.DataFrame:
    """Return the columns that are wanted as a frame, with an index or of a length."""
    length = index if isinstance(index, int) else len(index)
    chosen: dict[str, pd.Series] = {}
    for name in choose(list(cells), shape.usecols):
        cell = cells[name]
        chosen[name] = to_backend(cell if isinstance(cell, pd.Series) else cell(), shape.dtype_backend)
    frame = frame_of(chosen, length)
    if not isinstance(index, int):
        frame.index = index
    return frame


def _texts(values: Sequence[Any]) -> pd.Series:
    return pd.Series(strings([None if value is None else str(value) for value in values]).to_pandas())


def _times(values: Sequence[Any]) -> pd.Series:
    parsed = pd.to_datetime(pd.Series(values, dtype=object), format="ISO8601", utc=True)
    return parsed.astype("datetime64[us, UTC]")


def _since_1970(values: Sequence[Any], unit: str) -> pd.Series:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    times = [None if value is None else start + timedelta(**{unit: value}) for value in values]
    return pd.Series(times, dtype="datetime64[us, UTC]")


_MAKE: dict[Dtype, Callable[[Sequence[Any]], pd.Series]] = {
    "str": _texts,
    "Int64": lambda values: pd.Series(values, dtype="Int64"),
    "float64": lambda values: pd.Series(values, dtype="float64"),
    "boolean": lambda values: pd.Series([None if v is None else bool(v) for v in values], dtype="boolean"),
    "object": lambda values: objects(list(values)),
    "time": _times,
    "seconds": lambda values: _since_1970(values, "seconds"),
    "milliseconds": lambda values: _since_1970(values, "milliseconds"),
}
