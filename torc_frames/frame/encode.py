"""A DataFrame to JSON: one record a row, every cell kept exactly or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pandas as pd

from torc_frames.errors import Problem, RefusedError, TorcFramesError
from torc_frames.frame.column import Column
from torc_frames.frame.dtypes import describe, encode, restore
from torc_frames.frame.exact import is_same
from torc_frames.frame.flatten import Path, above, job_path
from torc_frames.frame.specs import Spec, name_of
from torc_frames.frame.values import RefusalError

__all__ = ["EncodedFrame", "encode_frame", "records"]

_BLOCK_ROWS = 5_000
_TIMES = ("datetime64", "timedelta64", ">", "arrow", "period", "category")


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A checked table: its columns as JSON values, and how to make the same dtypes again."""

    length: int
    paths: dict[str, Path] = field(default_factory=dict)
    specs: dict[str, Spec] = field(default_factory=dict)
    cells: dict[str, list[Any]] = field(default_factory=dict)


def encode_frame(df: pd.DataFrame) -> EncodedFrame:
    """Check and encode every cell of a table.

    Raises
    ------
    RefusedError
        With all that is wrong at once: cells by row and column, column names, dtypes.
    """
    paths = _check_columns(df)
    encoded = EncodedFrame(len(df), paths)
    problems: list[Problem] = []
    bare = pd.DataFrame(df, copy=False)  # without attrs: each column would copy the recipe in them
    for name in paths:
        problems += _encode_column(bare[name], name, encoded)
    if problems:
        raise RefusedError(sorted(problems, key=lambda problem: (problem.row is not None, problem.row or 0)))
    return encoded


def records(frame: EncodedFrame) -> list[bytes]:
    """Return each row as the raw JSON of one record; missing cells are null."""
    if not frame.paths:
        return [b"{}"] * frame.length
    encoder, lines = msgspec.json.Encoder(), []
    for start in range(0, frame.length, _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        columns = {path: frame.cells[name][rows] for name, path in frame.paths.items()}
        lines += encoder.encode_lines(_nest(columns)).rstrip(b"\n").split(b"\n")
    return lines


def _nest(columns: Mapping[Path, Sequence[Any]]) -> list[dict[str, Any]]:
    groups: dict[str, dict[Path, Sequence[Any]]] = {}
    for path, cells in columns.items():
        groups.setdefault(path[0], {})[path[1:]] = cells
    parts = [below[()] if () in below else _nest(below) for below in groups.values()]
    return [dict(zip(groups, row, strict=True)) for row in zip(*parts, strict=True)]


def _check_columns(df: pd.DataFrame) -> dict[str, Path]:
    if df.columns.nlevels > 1:
        raise RefusedError(
            "columns have several levels: join them, "
            "df.columns = ['.'.join(filter(None, map(str, name))) for name in df.columns]"
        )
    if df.columns.name is not None:
        raise RefusedError(
            f"the columns have a name, {df.columns.name!r}, which can't be kept: df.rename_axis(columns=None)"
        )
    problems: list[Problem] = []
    paths: dict[str, Path] = {}
    for name in df.columns:
        if not isinstance(name, str):
            problems.append(Problem(None, str(name), "column names are strings: df.rename(columns=str)"))
        elif name in paths:
            problems.append(Problem(None, name, "there are two columns of this name; rename one"))
        else:
            problems += _add_path(name, paths)
    ends = {path: name for name, path in paths.items()}
    for name, path in paths.items():
        if (outer := above(path, ends)) is not None:
            problems.append(Problem(None, name, f"lies inside column {ends[outer]!r}; rename one of them"))
    if problems:
        raise RefusedError(problems)
    return paths


def _add_path(name: str, paths: dict[str, Path]) -> list[Problem]:
    try:
        name.encode()
        paths[str(name)] = job_path(name)
    except UnicodeEncodeError:
        return [Problem(None, ascii(name), "the name holds a lone surrogate, which is no text")]
    except TorcFramesError as error:
        return [Problem(None, name, str(error))]
    return []


def _encode_column(series: pd.Series, name: str, frame: EncodedFrame) -> list[Problem]:
    try:
        spec = describe(series)
        cells, refused = encode(series)
        if not refused and any(spec["dtype"].startswith(kind) for kind in _TIMES):
            refused = _check_restores(series, spec, cells)
    except RefusalError as refusal:
        return [Problem(None, name, str(refusal))]
    frame.specs[name] = spec
    frame.cells[name] = cells
    return [Problem(row, name, reason) for row, reason in refused.items()]


def _check_restores(series: pd.Series, spec: Spec, cells: list[Any]) -> dict[int, str]:
    """Make sure that a dtype with a text form of its own comes back as it went."""
    again = restore(Column.of(cells), spec)
    if again is None or again.dtype != series.dtype:
        mend = f'use df[{series.name!r}].astype("string") if texts will do'
        raise RefusalError(f"dtype {name_of(series.dtype)} does not come back as it was; {mend}")
    back, _ = encode(again)
    if back == cells and [*map(type, back)] == [*map(type, cells)]:
        return {}
    return {
        row: f"{cell} does not come back as it was"
        for row, (cell, came) in enumerate(zip(cells, back, strict=True))
        if not is_same(cell, came)
    }
