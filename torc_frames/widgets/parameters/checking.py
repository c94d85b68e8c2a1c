"""What is wrong in a sheet: texts that are no values, and rules that are broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.frame.values import is_missing
from torc_frames.widgets.parameters.column import SheetColumn
from torc_frames.widgets.parameters.state import State

__all__ = ["Checks", "Found", "TableRule", "as_frame"]

TableRule = Callable[[pd.DataFrame], Any]
"""Of the rows that are complete, numbered from 0 on: a bool for each, or reasons by row or (row, column)."""

_BROKEN = "breaks the rule of the table"


class Found(NamedTuple):
    """One thing that is wrong; of the table as a whole without a row, of a row without a column."""

    id: int | None
    column: str | None
    text: str
    reason: str


class Checks:
    """What is wrong in a table, found when it is asked for."""

    def __init__(self, state: State, rule: TableRule | None) -> None:
        self._state = state
        self._rule = rule
        self._failure: str | None = None

    @property
    def reach(self) -> bool:
        """Whether a change of one cell can make others wrong."""
        return self._rule is not None or any(one.rule and one.rule.unique for one in self._state.columns)

    def of_row(self, id: int) -> dict[str | None, str]:
        """Return by column what is wrong in a row; None stands for the row as a whole."""
        found = dict(self._across.get(id, {}))
        for column in self._state.columns:
            if (column.unread or column.rule) and (reason := column.reason(id)):
                found[column.name] = reason
        return found

    def all(self) -> list[Found]:
        """Return everything that is wrong, by row and column."""
        across = self._across
        found = [Found(id, None, "", why[None]) for id, why in across.items() if None in why]
        order = {None: -1} | {column.name: at for at, column in enumerate(self._state.columns)}
        for column in self._state.columns:
            ids = self._state.alive_of(self.wrong(column))
            reasons = [column.reason(id) or across[id][column.name] for id in ids.tolist()]
            for id, text, reason in zip(ids.tolist(), column.texts(ids), reasons, strict=True):
                found.append(Found(id, column.name, text, reason))
        ids = np.array([one.id for one in found], dtype=np.int64)
        places = dict(zip(ids.tolist(), self._state.places(ids).tolist(), strict=True))
        found.sort(key=lambda one: (places[one.id], order[one.column]))
        return [Found(None, None, "", self._failure), *found] if self._failure else found

    def count(self) -> int:
        """Return how many cells, or rows as a whole, are wrong, and whether the rule of the table failed."""
        rows = sum(None in why for why in self._across.values())
        cells = sum(len(self._state.alive_of(self.wrong(column))) for column in self._state.columns)
        return rows + cells + bool(self._failure)

    def wrong(self, column: SheetColumn | None) -> set[int]:
        """Return the rows in which a cell of a column is wrong, or the row as a whole; deleted ones, too."""
        name = None if column is None else column.name
        ids = set() if column is None else {*column.unread, *column.broken}
        return ids | {id for id, why in self._across.items() if name in why}

    @cached_property
    def _across(self) -> Mapping[int, Mapping[str | None, str]]:
        """What is wrong about several cells together."""
        found: dict[int, dict[str | None, str]] = {}
        ids = self._state.alive()
        for column in self._state.columns:
            for id, reason in column.repeated(ids).items():
                found.setdefault(id, {})[column.name] = reason
        if self._rule is not None:
            self._ask(self._rule, found)
        return found

    def _ask(self, rule: TableRule, found: dict[int, dict[str | None, str]]) -> None:
        ids = self._state.complete()
        frame = self._state.frame(ids).reset_index(drop=True)
        try:
            answer = rule(frame)
            for row, name, reason in _reasons(
                answer, len(frame), {column.name for column in self._state.columns}
            ):
                found.setdefault(int(ids[row]), {}).setdefault(name, reason)
        except Exception as error:  # noqa: BLE001 - whatever a user's rule raises is shown
            self._failure = f"table_rule failed: {type(error).__name__}: {error}"


def as_frame(found: Sequence[Found], state: State) -> pd.DataFrame:
    """Return what is wrong as a frame, with job keys and the numbers of rows."""
    ids = np.array([one.id for one in found if one.id is not None], dtype=np.int64)
    place = dict(zip(ids.tolist(), state.places(ids).tolist(), strict=True))
    numbers = [None if one.id is None else place[one.id] for one in found]
    keys = [None if one.id is None else state.base.key(one.id) for one in found]
    return pd.DataFrame(
        {
            "job_key": pd.array(keys, dtype="string"),
            "row": pd.array(numbers, dtype="Int64"),
            "column": pd.array([one.column for one in found], dtype="string"),
            "text": pd.Series([one.text for one in found], dtype=object),
            "reason": pd.array([one.reason for one in found], dtype="string"),
        }
    )


def _reasons(answer: Any, length: int, names: set[str]) -> Iterator[tuple[int, str | None, str]]:
    """Yield row, column and reason of what a rule of a table has answered."""
    if answer is None:
        return
    if isinstance(answer, (pd.Series, np.ndarray, list)) and not _is_of_reasons(answer):
        good = pd.Series(answer)
        if len(good) != length:
            raise ValueError(f"gave {len(good)} answers for {length} rows")
        bad = ~good.astype("boolean").fillna(True).to_numpy(dtype=np.bool_)
        yield from ((int(row), None, _BROKEN) for row in np.flatnonzero(bad))
        return
    if not isinstance(answer, (Mapping, pd.Series)):
        raise TypeError(f"gave a {type(answer).__name__}; give a bool for each row, or reasons by row")
    for at, reason in answer.items():
        row, name = at if isinstance(at, tuple) else (at, None)
        if is_missing(reason) or reason == "":
            continue
        if not (hasattr(row, "__index__") and 0 <= row < length) or name not in {None, *names}:
            raise ValueError(f"gave a reason for {at!r}, which is no row, or row and column, of the table")
        yield int(row), name, str(reason)


def _is_of_reasons(answer: Any) -> bool:
    return isinstance(answer, pd.Series) and pd.api.types.infer_dtype(answer, skipna=True) in (
        "string",
        "empty",
    )
