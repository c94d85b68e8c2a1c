"""What a sheet is of: a frame that stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.encode import encode_frame
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.ids import Ids, Mask
from torc_frames.workflow.push.targets import KEYS, identify

__all__ = ["Plain", "SheetBase", "Typed", "base_of", "check_names"]

_RESERVED = (*KEYS, "record_key")


class Typed(NamedTuple):
    """A text that is no value; in a blank cell there never was one."""

    text: str
    reason: str
    blank: bool


@dataclass(frozen=True, eq=False)
class Plain:
    """The cells of the base in one column, in some dtype, as nobody has edited them."""

    values: Any
    filler: Any
    """An array of one: what stands where there is no value."""

    typed: Mapping[int, Typed] = field(default_factory=dict)
    """What is no value in this dtype."""

    changed: dict[str, Ids] = field(default_factory=dict)
    """Which cells are other than the base has them in a column of some name, once that was asked."""


@dataclass(eq=False)
class SheetBase:
    """The jobs and columns that edits are of.

    Attributes
    ----------
    keys : sequence
        By row its job; None for those that are no job yet.
    names : sequence of str
        The columns.
    places : sequence of int
        Where rows without a job are, by row.
    stored : mapping
        The columns by name; none where they are not known any more.
    """

    keys: Sequence[str | None]
    names: Sequence[str]
    places: Sequence[int]
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    stored: Mapping[str, pd.Series] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    attrs: Mapping[Any, Any] = field(default_factory=dict)
    plains: dict[Any, Any] = field(default_factory=dict, repr=False)
    """Columns in dtypes that they were made, see `torc_frames.widgets.parameters.column.plain_of`."""

    made: int = 0
    """How many ids have been given out: none is given twice."""

    def __post_init__(self) -> None:
        self.made = len(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def keyed(self) -> bool:
        """Whether rows are by job key."""
        return self.frame.index.name == "job_key"

    @cached_property
    def known(self) -> Mask:
        """By row, whether there is a key."""
        return np.array([key is not None for key in self.keys], dtype=np.bool_)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Rows by their job."""
        return {key: id for id, key in enumerate(self.keys) if key is not None}

    def key(self, id: int) -> str | None:
        """Return the job that a row is, None for a new one."""
        return self.keys[id] if id < len(self.keys) else None

    def more(self, count: int) -> Ids:
        """Return ids for new rows."""
        self.made += count
        return np.arange(self.made - count, self.made, dtype=np.int64)


def base_of(frame: pd.DataFrame, rules: Mapping[str, Rule]) -> SheetBase:
    """Return what a sheet of a frame is of.

    Raises
    ------
    RefusedError
        For an index that is neither by job_key nor a plain range, for keys that come twice, for columns that
        can't be pushed and for rules that are none.
    """
    if not isinstance(frame, pd.DataFrame):
        raise RefusedError(f"a sheet is made of a DataFrame, not of a {type(frame).__name__}")
    for name, rule in rules.items():
        if not isinstance(rule, Rule):
            raise RefusedError(f"rules of column {name!r} are a tf.Rule(…), not a {type(rule).__name__}")
    own = frame.copy()
    own.attrs = {}
    keys = _keys(own)
    check_names(list(own.columns))
    stored = {name: own[name].reset_index(drop=True) for name in own.columns}
    return SheetBase(keys, list(stored), range(len(keys)), own, stored, dict(rules), dict(frame.attrs))


def check_names(names: Sequence[Any]) -> None:
    """Refuse names of columns that a push would refuse."""
    reserved = [name for name in names if name in _RESERVED]
    if reserved:
        raise RefusedError(
            f"column {reserved[0]!r}: the name is taken for what the rows are; use another one"
        )
    encode_frame(pd.DataFrame([], columns=pd.Index(list(names), dtype=object)))


def _keys(base: pd.DataFrame) -> list[str | None]:
    bare = pd.DataFrame(index=base.index)
    _, targets = identify(bare)
    if targets.kind == "job_name":
        raise RefusedError("a sheet is of rows by job_key, not by job_name: use wf.parameters()")
    keys = targets.values
    twice = pd.Series([key for key in keys if key is not None], dtype=object)
    twice = twice[twice.duplicated()]
    if len(twice):
        raise RefusedError(f"job {twice.iloc[0]} comes twice in the index")
    return keys
