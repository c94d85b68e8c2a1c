"""From combined or drawn rows to a table: constraints, duplicates, and the recipe that it keeps."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.rows import encode_frame, records
from torc_frames.frame.values import canonical, decode_data

__all__ = ["ATTRIBUTE", "MAX_CELLS", "Where", "digest", "finished", "made_again", "recipe_of"]

ATTRIBUTE = "torc_recipe"
"""The key of `DataFrame.attrs` that has the recipe."""

MAX_CELLS = 10_000
"""A recipe holds no more values than these; larger tables have none."""

Where = str | Callable[[pd.DataFrame], Any]
"""Which rows to keep: a query of `DataFrame.query`, or a function of the table that returns booleans."""

_VERSION = 1


def finished(table: pd.DataFrame, how: Mapping[str, Any] | None, where: Where | None) -> pd.DataFrame:
    """Return a table without what a constraint excludes and without rows that come twice.

    Parameters
    ----------
    table : DataFrame
        All rows.
    how : mapping or None
        How to make them again, as JSON; None if a recipe would not fit.
    where : str or callable, optional
        The constraint.

    Returns
    -------
    DataFrame
        With a plain index, and the recipe in ``attrs``.
    """
    kept = np.ones(len(table), np.bool_) if where is None else _kept(table, where)
    recipe: dict[str, Any] = {} if how is None else {"version": _VERSION, **how}
    if where is not None:
        recipe |= {"where": where if isinstance(where, str) else _name_of(where), "kept": _written(kept)}
    return _labelled(table, kept, recipe, makes_again=how is not None)


def made_again(table: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table of a recipe, from all its rows; the constraint is not evaluated anew."""
    kept = np.ones(len(table), np.bool_)
    if "kept" in recipe:
        kept = _read(recipe["kept"], len(table))
    about = {
        name: value
        for name, value in recipe.items()
        if name not in ("excluded", "duplicates", "rows", "digest")
    }
    return _labelled(table, kept, about, makes_again=True)


def recipe_of(table: pd.DataFrame) -> dict[str, Any] | None:
    """Return the recipe of a table, None if it has none, or was changed since it was made."""
    recipe = table.attrs.get(ATTRIBUTE)
    if not isinstance(recipe, dict) or "digest" not in recipe or recipe.get("rows") != len(table):
        return None
    return recipe if digest(table) == recipe["digest"] else None


def digest(table: pd.DataFrame) -> str | None:
    """Return a digest of the rows and dtypes of a table, None if they can't be had as JSON."""
    try:
        frame = encode_frame(table)
    except RefusedError:
        return None
    hashed = blake2b(repr(list(frame.specs.items())).encode(), digest_size=16)
    hashed.update(b"\n".join(records(frame)))
    return hashed.hexdigest()


def _labelled(
    table: pd.DataFrame, kept: np.ndarray, recipe: dict[str, Any], *, makes_again: bool
) -> pd.DataFrame:
    chosen = table if kept.all() else table[kept].reset_index(drop=True)
    first = _first_of_equal(chosen)
    rows = chosen if first is None else chosen.take(first).reset_index(drop=True)
    recipe |= {"excluded": len(table) - len(chosen), "duplicates": len(chosen) - len(rows), "rows": len(rows)}
    if makes_again and (found := digest(rows)) is not None:
        recipe["digest"] = found
    rows.attrs = {ATTRIBUTE: recipe}
    return rows


def _first_of_equal(table: pd.DataFrame) -> list[int] | None:
    """Return the places of the rows that are the first of their content, None if all are."""
    try:
        frame = encode_frame(table)
    except RefusedError:
        return None  # nothing that can be pushed, which is told then, with all its cells
    lines: list[Any] = records(frame)
    if any(spec["dtype"] == "object" for spec in frame.specs.values()):
        lines = [canonical(decode_data("", line)) for line in lines]
    first = dict(zip(reversed(lines), range(len(lines) - 1, -1, -1), strict=True))
    return None if len(first) == len(lines) or not len(table.columns) else sorted(first.values())


def _kept(table: pd.DataFrame, where: Where) -> np.ndarray:
    if callable(where):
        found = where(table)
    elif isinstance(where, str):
        found = table.eval(where)
    else:
        raise RefusedError(
            f"where={where!r} is the constraint, a query or a function; a column of that name is made by "
            "df.rename(columns=...)"
        )
    mask = np.asarray(found)
    if mask.dtype == object and all(isinstance(value, (bool, np.bool_)) for value in mask.tolist()):
        mask = mask.astype(np.bool_)
    if mask.dtype != np.bool_ or mask.shape != (len(table),):
        shown = f"{mask.dtype} of shape {mask.shape}"
        raise RefusedError(f"where must give a boolean for each of the {len(table)} rows, and gave {shown}")
    return mask


def _name_of(function: Callable[..., Any]) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    return f"{module}:{name}" if module and name else type(function).__name__


def _written(kept: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(np.packbits(kept).tobytes(), 9)).decode()


def _read(text: object, rows: int) -> np.ndarray:
    needed = (rows + 7) // 8
    try:
        packed = zlib.decompressobj().decompress(base64.b64decode(str(text), validate=True), needed + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise RefusedError(f"the recipe does not tell which rows were kept: {error}") from None
    if len(packed) != needed:
        raise RefusedError(f"the recipe tells of other rows than these {rows}")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=rows).astype(np.bool_)
