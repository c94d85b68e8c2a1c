"""What was asked of a workflow: its recipes in words, and the values of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd

from torc_frames.errors import counted
from torc_frames.files.cells import cell_text
from torc_frames.frame.dtypes import encode
from torc_frames.frame.tabulation import configurations as columns
from torc_frames.workflow.report.texts import number

__all__ = ["in_words", "parameters"]

_FEW = 8
"""So many values are listed."""

_METHODS = {
    "random": "drawn at random",
    "lhs": "drawn by a Latin hypercube",
    "sobol": "drawn by a scrambled Sobol sequence",
    "halton": "drawn by a Halton sequence",
}


def in_words(recipe: Mapping[str, Any]) -> str:
    """Return how a table of parameters was made, as a sentence.

    Examples
    --------
    >>> import torc_frames as tf
    >>> in_words(tf.grid(depth=[1, 2], width=[8, 16], where="depth * width < 32").attrs["torc_recipe"])
    'Every combination of 2 values of depth and 2 of width, if depth * width < 32 (1 left out): 3 rows.'
    >>> in_words(tf.sample(4, {"rate": tf.uniform(0, 1)}, seed=7).attrs["torc_recipe"])
    '4 points, drawn at random (seed 7): 4 rows.'
    """
    try:
        return _told(recipe)
    except (KeyError, TypeError, ValueError, AttributeError):  # anybody may write into a workflow's metadata
        return "A table that is told of in a way that this torc_frames does not know."


def _told(recipe: Mapping[str, Any]) -> str:
    parts = [_made(recipe)]
    if recipe.get("where"):
        parts.append(f", if {recipe['where']}")
    if recipe.get("excluded"):
        parts.append(f" ({recipe['excluded']:,} left out)")
    if recipe.get("duplicates"):
        parts.append(f", each once ({recipe['duplicates']:,} left out)")
    return f"{''.join(parts)}: {counted(int(recipe.get('rows', 0)), 'row')}."


def _made(recipe: Mapping[str, Any]) -> str:
    how = recipe.get("how")
    if how == "sample":
        drawn = _METHODS.get(str(recipe.get("method")), "drawn")
        return f"{counted(int(recipe['n']), 'point')}, {drawn} (seed {recipe['seed']})"
    if how == "product":
        return f"Every combination of {' with '.join(_inside(part) for part in recipe['of'])}"
    if how == "suggest":
        return f"Proposed by Optuna ({recipe['sampler']}) for {_listed(recipe['metric'])}"
    axes = [(str(axis["name"]), len(axis["values"])) for axis in recipe["axes"]]
    if how == "zip":
        return f"Values of {_listed([name for name, _ in axes])}, side by side"
    told = [
        f"{count} {'' if at else 'value ' if count == 1 else 'values '}of {name}"
        for at, (name, count) in enumerate(axes)
    ]
    return f"Every combination of {_listed(told)}"


def _inside(recipe: Mapping[str, Any]) -> str:
    told = in_words(recipe).rstrip(".")
    return f"({told[:1].lower()}{told[1:]})"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def parameters(table: pd.DataFrame, recipes: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row a parameter: its name, how many different values there are, which, and where from.

    Parameters
    ----------
    table : DataFrame
        As `Workflow.table` returns it.
    recipes : list of mappings
        As `Workflow.recipes` returns them.
    """
    drawn: dict[str, str] = {}
    for recipe in recipes:
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # told of by `in_words`
            drawn |= dict(_drawn(recipe))
    labels = {name: name.removeprefix(columns.PARAMS) for name in columns.parameters(table)}
    rows = [(label, *_values(table[name]), drawn.get(label, "")) for name, label in labels.items()]
    return pd.DataFrame(rows, columns=["parameter", "different", "values", "drawn"]).astype(
        {"different": int}
    )


def _drawn(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that a recipe draws, and what from."""
    for part in recipe.get("of", ()):
        yield from _drawn(part)
    for axis in recipe.get("space", ()):
        kind = axis.get("kind")
        if kind == "choice":
            yield str(axis["name"]), f"one of {len(axis['values'])}"
        else:
            words = {"loguniform": "its logarithm uniform", "integers": "whole numbers"}
            bounds = f"from {number(axis['low'])} to {number(axis['high'])}"
            yield str(axis["name"]), f"{words.get(str(kind), str(kind))}, {bounds}"


def _values(series: pd.Series) -> tuple[int, str]:
    given = series.dropna()
    numbers = columns.is_numeric(given)
    values = sorted(set(given.tolist())) if numbers else list(dict.fromkeys(map(cell_text, encode(given)[0])))
    missing = len(series) - len(given)
    shown = [number(value) if numbers else str(value) for value in values]
    if numbers and len(shown) > _FEW:
        told = f"{shown[0]} to {shown[-1]}"
    else:
        told = ", ".join([*shown[:_FEW], *(["…"] if len(shown) > _FEW else [])])
    return len(values), told + (f" (missing in {counted(missing, 'job')})" if missing else "")
