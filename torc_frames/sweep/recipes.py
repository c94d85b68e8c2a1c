"""Making a table again from the recipe that was kept with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.values import RefusalError, plain
from torc_frames.sweep.columns import read_column
from torc_frames.sweep.distributions import read_distribution
from torc_frames.sweep.finishing import ATTRIBUTE, made_again
from torc_frames.sweep.grids import crossed, product, side_by_side
from torc_frames.sweep.sampling import check_sample, drawn

__all__ = ["from_recipe"]

_MOST_ROWS = 100_000_000


def from_recipe(recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table that a recipe was kept of, exactly as it was.

    Nothing in a recipe is evaluated: which rows a constraint has kept is part of it.

    Parameters
    ----------
    recipe : mapping
        What `grid`, `zip_`, `sample` or `product` left in ``df.attrs["torc_recipe"]``, or a workflow has
        of a table that was pushed to it.

    Returns
    -------
    DataFrame
        With the recipe in its ``attrs``.

    Raises
    ------
    RefusedError
        If it is no recipe, or makes other values with the numpy and scipy that are installed here.
    ImportError
        If it needs scipy and that is not there.

    Examples
    --------
    >>> import torc_frames as tf
    >>> df = tf.sample(100, {"alpha": tf.uniform(0, 1)}, where="alpha < 0.5")
    >>> tf.from_recipe(df.attrs["torc_recipe"]).equals(df)
    True
    """
    if not isinstance(recipe, Mapping) or recipe.get("version") != 1 or "digest" not in recipe:
        raise RefusedError("this is no recipe of a table that can be made again")
    try:
        recipe = plain(dict(recipe))
        table = made_again(_rows(recipe), recipe)
    except RefusedError:
        raise
    except RefusalError as refusal:
        raise RefusedError(f"the recipe is no JSON: {refusal}") from None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise RefusedError(f"the recipe lacks something: {error!r}") from None
    if table.attrs[ATTRIBUTE].get("digest") != recipe["digest"]:
        made_with = recipe.get("made_with")
        other = f", which was made with {made_with}" if made_with else ""
        raise RefusedError(f"the recipe{other} makes another table here")
    return table


def _rows(recipe: Mapping[str, Any]) -> pd.DataFrame:
    how = recipe.get("how")
    if how == "product":
        tables = [from_recipe(part) for part in recipe["of"]]
        _check_rows(math.prod(map(len, tables)))
        return product(*tables)
    if how == "sample":
        space = {axis["name"]: read_distribution(axis["name"], axis) for axis in recipe["space"]}
        check_sample(recipe["n"], recipe["method"], recipe["seed"])
        _check_rows(recipe["n"])
        return drawn(recipe["n"], space, recipe["method"], recipe["seed"])
    if how not in ("grid", "zip"):
        raise RefusedError(f"the recipe is of a {how!r}, which this torc_frames does not know")
    columns = {axis["name"]: read_column(axis["name"], axis) for axis in recipe["axes"]}
    if how == "zip":
        return side_by_side(columns)
    _check_rows(math.prod(map(len, columns.values())))
    return crossed(columns)


def _check_rows(rows: int) -> None:
    if rows > _MOST_ROWS:
        raise RefusedError("the recipe makes more rows than anybody pushes")
