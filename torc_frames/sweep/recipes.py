"""Making a table again from the recipe that was kept with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.values import RefusalError, canonical, plain
from torc_frames.sweep.columns import read_column
from torc_frames.sweep.distributions import Distribution, choice, read_distribution
from torc_frames.sweep.finishing import ATTRIBUTE, PROPOSED, made_again
from torc_frames.sweep.grids import crossed, product, side_by_side
from torc_frames.sweep.sampling import check_sample, drawn, written_space

__all__ = ["common_space", "from_recipe", "space_of"]

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
    with _told():
        recipe = plain(dict(recipe))
        table = made_again(_rows(recipe), recipe)
    if table.attrs[ATTRIBUTE].get("digest") != recipe["digest"]:
        made_with = recipe.get("made_with")
        other = f", which was made with {made_with}" if made_with else ""
        raise RefusedError(f"the recipe{other} makes another table here")
    return table


def space_of(recipe: Mapping[str, Any]) -> tuple[dict[str, Distribution], list[str]]:
    """Return the space that the table of a recipe is of, and the texts of its constraints.

    An axis of a grid is a choice of its values.

    Raises
    ------
    RefusedError
        If it is no recipe, or has columns whose values stand side by side.
    """
    space: dict[str, Distribution] = {}
    with _told():
        wheres = [str(recipe["where"])] if "where" in recipe else []
        how = recipe.get("how")
        if how == "product":
            for part in recipe["of"]:
                more, texts = space_of(part)
                space, wheres = space | more, [*texts, *wheres]
        elif how == "grid":
            space = {axis["name"]: choice(read_column(axis["name"], axis)) for axis in recipe["axes"]}
        elif how in ("sample", PROPOSED):
            space = {axis["name"]: read_distribution(axis["name"], axis) for axis in recipe["space"]}
        else:
            raise RefusedError(f"the recipe is of a {how!r}, which has no space: give space=")
    return space, wheres


def common_space(recipes: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Distribution], str | None]:
    """Return the space of recipes, which must be the same of all, and the constraint of the last one.

    Raises
    ------
    RefusedError
        If there is none, or are several.
    """
    spaces, where = {}, None
    for recipe in recipes:
        space, texts = space_of(recipe)
        spaces[canonical({axis["name"]: axis for axis in written_space(space) or []})] = space
        where = " and ".join(f"({text})" for text in texts) if len(texts) > 1 else next(iter(texts), None)
    if len(spaces) == 1:
        return next(iter(spaces.values())), where
    told = f"the recipes tell {len(spaces)} spaces" if spaces else "no recipe tells the space"
    names = "".join(f" ({', '.join(space)})" for space in spaces.values())
    raise RefusedError(f"{told}{names}: give space=, such as {{'alpha': tf.loguniform(1e-3, 1e2)}}")


@contextmanager
def _told() -> Iterator[None]:
    """Tell what is wrong with a recipe, which may be anybody's."""
    try:
        yield
    except RefusedError:
        raise
    except RefusalError as refusal:
        raise RefusedError(f"the recipe is no JSON: {refusal}") from None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise RefusedError(f"the recipe lacks something: {error!r}") from None


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
    if how == PROPOSED:
        raise RefusedError(
            f"the recipe tells that {recipe['sampler']} proposed these rows; they depend on the results that "
            "there were, and can't be made again of it: the workflow has them, wf.parameters()"
        )
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
