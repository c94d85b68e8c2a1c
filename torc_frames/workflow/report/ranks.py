"""Which result rows are ranked by, which end of it is the better one, and the rows at that end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation import configurations as columns
from torc_frames.frame.tabulation.best import best

__all__ = ["Aim", "Mode", "objective_of", "ranked"]

Mode = Literal["min", "max"]

_ROWS, _MOST_ROWS = 5, 10
_LEAST = {"loss", "error", "err", "mse", "rmse", "mae", "nll", "cost", "regret", "perplexity", "missed"}
_MOST = {
    "accuracy",
    "acc",
    "score",
    "auc",
    "auroc",
    "f1",
    "r2",
    "precision",
    "recall",
    "reward",
    "iou",
    "bleu",
}
_ENDS: Mapping[Mode, str] = {"min": "Lowest", "max": "Highest"}


@dataclass(frozen=True, slots=True)
class Aim:
    """The column that rows are ranked by, and its better end, None where nobody knows."""

    name: str
    mode: Mode | None
    is_guessed: bool
    """Whether the end was told by the name of the column alone."""


def objective_of(table: pd.DataFrame, name: str | None, mode: Mode | None) -> Aim | None:
    """Return what rows are ranked by: as it was asked, else the first result whose name says its better end.

    Without such a name that is the first result that has several values; None without results of numbers.

    Raises
    ------
    RefusedError
        For a name that is no column of numbers, another mode, and a mode without anything to rank.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"results.epochs": [3, 4], "results.val_loss": [0.5, 0.4]})
    >>> objective_of(table, None, None)
    Aim(name='results.val_loss', mode='min', is_guessed=True)
    """
    if mode not in (None, "min", "max"):
        raise RefusedError(f"mode={mode!r}: give 'min' or 'max'")
    if name is not None:
        found = columns.resolve(table, name, what="objective")
        if not columns.is_numeric(table[found]):
            raise RefusedError(f"objective {found!r} is not of numbers: it can't be ranked")
    else:
        able = [each for each in columns.metrics(table) if table[each].nunique() > 1]
        told = [each for each in able if _end_of(each)]
        if not able:
            if mode is not None:
                raise RefusedError(f"mode={mode!r}: there is no result of numbers to rank by")
            return None
        found = [*told, *able][0]
    return Aim(found, mode or _end_of(found), mode is None)


def _end_of(name: str) -> Mode | None:
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))
    if bool(words & _LEAST) == bool(words & _MOST):
        return None
    return "min" if words & _LEAST else "max"


def ranked(table: pd.DataFrame, objective: Aim) -> dict[str, pd.DataFrame]:
    """Return the rows at the better end of a result, or at both, by a heading that says which."""
    label = columns.labels(map(str, table))[objective.name]
    rows = table[columns.standing(table).counted]
    tables = {}
    for mode in (objective.mode,) if objective.mode else _ENDS:
        found = best(rows, objective.name, _ROWS, mode)
        more = f" (the first {_MOST_ROWS} of {len(found):,} as good)" if len(found) > _MOST_ROWS else ""
        tables[f"{_ENDS[mode]} {label}{more}"] = found.head(_MOST_ROWS)
    return tables
