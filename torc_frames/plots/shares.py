"""Which parameters matter for a result, and in which sense."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba_array

from torc_frames.errors import MissingExtraError, RefusedError
from torc_frames.frame.tabulation.configurations import (
    codes,
    is_numeric,
    numbers,
    parameters,
    resolve,
    resolve_all,
    varying,
)
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.colors import PALETTE
from torc_frames.plots.computed import Direction, check_direction
from torc_frames.plots.description import Bars, Colors, Drawing, Panel, Side, Text
from torc_frames.plots.scales import is_log, scale_of
from torc_frames.plots.tables import labels_of, left_out, which_count
from torc_frames.sweep.dimensions import optuna_module
from torc_frames.sweep.study import quiet

__all__ = ["Method", "importance", "importances"]

Method = Literal["variance", "ped-anova"]

_ATTRIBUTE = "torc_importance"
_MOST_ROWS = 2_000
_FEWEST = 10
_MOST_CHOICES = 20
_TREES = 64
_BEST = 0.1

Array = np.ndarray[Any, Any]


def importance(
    df: pd.DataFrame,
    y: str,
    *,
    method: Method = "variance",
    columns: Sequence[str] | None = None,
    log: Sequence[str] | None = None,
    direction: Direction = "min",
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of how much each parameter matters.

    It says which question it answers; see `importances`, whose numbers it draws.

    Parameters
    ----------
    df, y, method, columns, log, direction, seed
        As for `importances`.
    backend : {"matplotlib", "plotly"}
        For paper, or for the screen.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is. It is empty where there is too little to tell, and says why.

    Raises
    ------
    RefusedError, ImportError
        As `importances` does.

    Examples
    --------
    >>> import torc_frames as tf
    >>> from torc_frames import plots
    >>> df = tf.sample(64, {"a": tf.uniform(0, 1), "b": tf.uniform(0, 1)}).add_prefix("params.")
    >>> df["results.loss"] = 3 * df["params.a"] + df["params.b"]
    >>> figure = plots.importance(df, "loss")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['a', 'b']
    """
    found = importances(df, y, method=method, columns=columns, log=log, direction=direction, seed=seed)
    about = found.attrs[_ATTRIBUTE]
    shares = 100 * found["importance"].to_numpy()
    called = labels_of(*found["parameter"])
    names = tuple(called[name] for name in found["parameter"])
    at = np.arange(len(found), dtype="float64")
    colors = Colors(to_rgba_array(PALETTE[0]))
    bars = Bars(at, np.zeros(len(found)), shares, colors, 0.7, found.set_index("parameter"))
    texts = [
        Text(share + 1.5, place, f"{share:.0f} %", "left") for place, share in zip(at, shares, strict=True)
    ]
    across = Side(about["axis"], limits=(0.0, 112.0), ticks=(0, 20, 40, 60, 80, 100))
    up = Side(names=names, limits=(max(len(found), 1) - 0.5, -0.5), hidden=not names, longest=30)
    height = float(np.clip(1.5 + 0.35 * len(found), 2.4, 12))
    panel = Panel(across, up, (bars, *texts) if len(found) else (), has_grid=False)
    return draw(Drawing((panel,), tuple(about["notes"]), height=height), backend)


def importances(
    df: pd.DataFrame,
    y: str,
    *,
    method: Method = "variance",
    columns: Sequence[str] | None = None,
    log: Sequence[str] | None = None,
    direction: Direction = "min",
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much each parameter matters for a result.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``. Rows that failed, did not finish or are stale are left out, as are
        missing and infinite values. Of more than 2,000 rows a random part is taken.
    y : str
        A column of numbers, by its short or long name.
    method : {"variance", "ped-anova"}
        Which question is asked. "variance": which share of the variance of `y` each parameter explains,
        alone and with others, in a forest of trees (scikit-learn's mean decrease of impurity). "ped-anova":
        how much each parameter decides whether a row is among the best tenth (Optuna's evaluator).
    columns : list of str, optional
        The parameters. Default: all ``params.*`` that vary.
    log : list of str, optional
        The parameters that are taken by their logarithms. Default: as the recipe of the sweep has it.
    direction : {"min", "max"}
        What is best, for "ped-anova".
    seed : int
        Of the forest, and of the random part.

    Returns
    -------
    DataFrame
        Columns: parameter (str), importance (float64, from 0 to 1, in all 1); the most important first.
        ``attrs["torc_importance"]`` says the question, and what was left out. Empty with less than ten rows,
        without a parameter that varies, and where `y` is always the same.

    Raises
    ------
    RefusedError
        For a column that does not exist, and `y` that is not of numbers.
    ImportError
        Without scikit-learn, or Optuna: ``pip install 'torc_frames[optuna]'``.

    Examples
    --------
    >>> import torc_frames as tf
    >>> from torc_frames import plots
    >>> df = tf.sample(64, {"a": tf.uniform(0, 1), "b": tf.uniform(0, 1)}).add_prefix("params.")
    >>> df["results.loss"] = 3 * df["params.a"] + df["params.b"]
    >>> plots.importances(df, "loss").round(1)
      parameter  importance
    0  params.a         0.9
    1  params.b         0.1
    """
    if method not in _MEASURES:
        raise RefusedError(f"method={method!r}: give one of {', '.join(map(repr, _MEASURES))}")
    check_direction(direction)
    result = resolve(df, y)
    rows, _, notes = which_count(df, result)
    values = numbers(rows[result]).to_numpy()
    finite = np.isfinite(values)
    notes += left_out({"infinite": int((~finite).sum())})
    rows, values = rows[finite], values[finite]
    asked = parameters(df) if columns is None else resolve_all(df, columns)
    names = [name for name in varying(rows, asked) if name != result]
    if constant := [name for name in asked if name not in (*names, result)]:
        notes += (f"the same in all rows: {', '.join(labels_of(*constant).values())}",)
    if len(rows) > _MOST_ROWS:
        notes += (f"of {_MOST_ROWS:,} of {len(rows):,} rows, at random",)
        part = np.sort(np.random.default_rng(seed).choice(len(rows), _MOST_ROWS, replace=False))
        rows, values = rows.iloc[part], values[part]
    reason = _too_little(names, values)
    logs = None if log is None else resolve_all(df, log)
    features = {name: _Feature.of(rows, name, None if logs is None else name in logs) for name in names}
    measured = ({}, ()) if reason else _MEASURES[method](features, values, direction, seed)
    about = {**_asked(method, labels_of(result)[result], direction)}
    about["notes"] = [reason or about["question"], *measured[1], *notes]
    return _framed(measured[0], about)


def _too_little(names: Sequence[str], values: Array) -> str:
    """Return why nothing can be told, or nothing."""
    if len(values) < _FEWEST:
        return f"{len(values)} rows with a value: too few to tell what matters"
    if not names:
        return "no parameter varies"
    return "the result is the same in all rows" if values.min() == values.max() else ""


def _asked(method: Method, result: str, direction: Direction) -> dict[str, Any]:
    if method == "variance":
        question = f"which share of the variance of {result} each parameter explains, alone and with others"
        return {"question": question, "axis": f"explains of the variance of {result} (%)"}
    side = "least" if direction == "min" else "greatest"
    question = f"how much each parameter decides whether {result} is among the {side} tenth (PED-ANOVA)"
    return {"question": question, "axis": f"decides the best tenth of {result} (%)"}


def _framed(shares: Mapping[str, float], about: Mapping[str, Any]) -> pd.DataFrame:
    total = sum(shares.values())
    pairs = sorted(shares.items(), key=lambda pair: -pair[1])
    frame = pd.DataFrame(
        {
            "parameter": pd.Series([name for name, _ in pairs], dtype="str"),
            "importance": pd.Series([share / total if total else 0.0 for _, share in pairs], dtype="float64"),
        }
    )
    frame.attrs[_ATTRIBUTE] = dict(about)
    return frame


@dataclass(frozen=True, slots=True, eq=False)
class _Feature:
    """A parameter in numbers: NaN where it is missing, logarithms on a logarithmic axis."""

    places: Array
    choices: int
    """How many values there are of what is no number; the places are which one it is."""

    @classmethod
    def of(cls, df: pd.DataFrame, name: str, log: bool | None) -> _Feature:
        values = df[name]
        if values.dtype.kind == "b":
            return cls(numbers(values).to_numpy(), 0)
        if is_numeric(values) or values.dtype.kind in "mM":
            places = scale_of(values, is_log(df, name, log)).places
            return cls(np.where(np.isfinite(places), places, np.nan), 0)
        found, count = codes(values)
        return cls(found.astype("float64"), count)

    def block(self) -> Array:
        """Return columns of numbers: one, or one for each of few choices."""
        if not 0 < self.choices <= _MOST_CHOICES:
            return self.places[:, None]
        block: Array = self.places[:, None] == np.arange(self.choices)
        return block.astype("float64")


_Measured = tuple[dict[str, float], tuple[str, ...]]
_Features = Mapping[str, _Feature]


def _by_variance(features: _Features, values: Array, direction: Direction, seed: int) -> _Measured:
    try:
        from sklearn.ensemble import ExtraTreesRegressor
    except ImportError:
        raise MissingExtraError(
            "importance by variance needs scikit-learn: pip install 'torc_frames[optuna]'"
        ) from None
    blocks = [feature.block() for feature in features.values()]
    columns = np.concatenate(blocks, axis=1)
    largest = np.fmax.reduce(np.abs(columns), axis=0)  # trees reckon in float32, and don't mind the unit
    columns = columns / np.where(largest > 0, largest, 1.0)
    forests = [
        ExtraTreesRegressor(_TREES, bootstrap=True, oob_score=True, min_samples_leaf=leaf, random_state=seed)
        for leaf in (1, max(2, len(values) // 50))  # the latter for noise, of which single rows are made
    ]
    forest = max((forest.fit(columns, values) for forest in forests), key=lambda one: one.oob_score_)
    owners = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    shares = np.bincount(owners, forest.feature_importances_, len(blocks))
    explained = max(0.0, float(forest.oob_score_))
    return dict(zip(features, shares.tolist(), strict=True)), (f"together they explain {explained:.0%}",)


def _by_ped_anova(features: _Features, values: Array, direction: Direction, seed: int) -> _Measured:
    optuna = optuna_module()
    kinds = {name: _distribution(feature) for name, feature in features.items()}
    places = {name: feature.places.tolist() for name, feature in features.items()}
    trials = []
    for row, value in enumerate(values.tolist()):
        known = {name: at[row] for name, at in places.items() if not math.isnan(at[row])}
        there = {name: kinds[name] for name in known}
        trials.append(optuna.trial.create_trial(params=known, distributions=there, value=value))
    with quiet(optuna):
        study = optuna.create_study(direction=f"{direction}imize")
    study.add_trials(trials)
    found: dict[str, float] = optuna.importance.PedAnovaImportanceEvaluator().evaluate(study)
    return found, ()


def _distribution(feature: _Feature) -> Any:
    kinds = optuna_module().distributions
    if feature.choices:
        return kinds.CategoricalDistribution([float(at) for at in range(feature.choices)])
    return kinds.FloatDistribution(float(np.nanmin(feature.places)), float(np.nanmax(feature.places)))


_MEASURES = {"variance": _by_variance, "ped-anova": _by_ped_anova}
