"""From combined or drawn rows to a table: constraints, duplicates, and the recipe that it keeps."""

from __future__ import annotations

import base64
import binascii
import math
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.frame.dtypes import describe
from torc_frames.frame.encode import encode_frame, records
from torc_frames.frame.specs import Spec
from torc_frames.frame.values import RefusalError, canonical, decode_data, plain
from torc_frames.frame.where import kept_by

__all__ = [
    "ATTRIBUTE",
    "MADE",
    "MAX_CELLS",
    "PROPOSED",
    "PUSHED",
    "Where",
    "check_size",
    "finished",
    "made_again",
    "mask_of",
    "recipe_if_true",
    "recipe_of",
    "text_of",
]

ATTRIBUTE = "torc_recipe"
"""The key of `DataFrame.attrs` that has the recipe."""

MAX_CELLS = 10_000
"""A recipe holds no more values than these; larger tables have none."""

MADE = 8
"""How many bytes a cell takes at least."""

PUSHED = 64
"""How many bytes a cell takes at least as it is compared with others, and pushed."""

PROPOSED = "suggest"
"""How rows were made that an optimiser proposed: they can't be made again."""

_UNKNOWN = 2**38

Where = str | Callable[[pd.DataFrame], Any]
"""Which rows to keep: an expression over the columns, or a function of the table that returns booleans."""

_VERSION = 1
_DEPTH = 5
"""How deep in a workflow's metadata a recipe stands, at least."""


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
    kept = np.ones(len(table), np.bool_) if where is None else mask_of(table, where)
    recipe: dict[str, Any] = {} if how is None else {"version": _VERSION, **how}
    if where is not None:
        packed = base64.b64encode(zlib.compress(np.packbits(kept).tobytes(), 9)).decode()
        recipe |= {"where": text_of(where), "kept": packed}
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
    if _recipe_in(table) is None:
        return None
    try:
        frame = encode_frame(table)
    except RefusedError:
        return None  # nothing that can be pushed, which is told then
    return recipe_if_true(table, frame.specs, records(frame))


def recipe_if_true(
    table: pd.DataFrame, specs: Mapping[str, Spec], lines: Sequence[bytes]
) -> dict[str, Any] | None:
    """Return the recipe of a table whose dtypes and rows are these, None as `recipe_of`."""
    recipe = _recipe_in(table)
    same = (
        recipe is not None and list(table.columns) == list(specs) and recipe["digest"] == digest(specs, lines)
    )
    return recipe if same else None


def digest(specs: Mapping[str, Spec], lines: Sequence[bytes]) -> str:
    """Return a digest of the dtypes and rows of a table."""
    hashed = blake2b(repr(list(specs.items())).encode(), digest_size=16)
    hashed.update(b"\n".join(lines))
    return hashed.hexdigest()


def check_size(rows: int, columns: int, bytes_per_cell: int) -> None:
    """Raise RefusedError for a table that has no room in the memory of this machine."""
    needed, there = rows * columns * bytes_per_cell, _memory()
    if needed > there:
        table = f"a table of {_told(rows)} rows and {counted(columns, 'column')}"
        sizes = f"takes {_told(needed >> 30)} GiB of memory, and this machine has {there >> 30}"
        raise RefusedError(f"{table} {sizes}: give fewer values, or sample() some of all combinations")


def _recipe_in(table: pd.DataFrame) -> dict[str, Any] | None:
    recipe = table.attrs.get(ATTRIBUTE)
    whole = isinstance(recipe, dict) and "digest" in recipe and recipe.get("rows") == len(table)
    return recipe if whole else None


def _labelled(
    table: pd.DataFrame, kept: np.ndarray, recipe: dict[str, Any], *, makes_again: bool
) -> pd.DataFrame:
    chosen = table if kept.all() else table[kept].reset_index(drop=True)
    rows, found = _each_once(chosen)
    recipe |= {"excluded": len(table) - len(chosen), "duplicates": len(chosen) - len(rows), "rows": len(rows)}
    if makes_again and found is not None and _has_room(recipe):
        recipe["digest"] = found
    rows.attrs = {ATTRIBUTE: recipe}
    return rows


def _has_room(recipe: Mapping[str, Any]) -> bool:
    """Return whether a recipe is not nested too deeply to be kept with others in a workflow's metadata."""
    try:
        plain(recipe, _DEPTH)
    except RefusalError:
        return False
    return True


def _each_once(table: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
    """Return the rows that are the first of their content, and a digest of them.

    A table that JSON can't hold comes back as it is, without a digest: that is told when it is pushed.
    """
    check_size(*table.shape, PUSHED)
    try:
        frame = encode_frame(table)
    except RefusedError:
        return table, None
    lines = records(frame)
    contents: list[Any] = lines
    if any(spec["dtype"] == "object" for spec in frame.specs.values()):
        contents = [canonical(decode_data("", line)) for line in lines]
    first = sorted(dict(zip(reversed(contents), range(len(lines) - 1, -1, -1), strict=True)).values())
    if len(first) == len(lines) or not len(table.columns):
        return table, digest(frame.specs, lines)
    rows = table.take(first).reset_index(drop=True)
    specs = {name: describe(rows[name]) for name in frame.specs}
    return rows, digest(specs, [lines[at] for at in first])


def mask_of(table: pd.DataFrame, where: Where) -> np.ndarray:
    """Return for each row of a table whether it meets a constraint."""
    if callable(where):
        found = where(table.copy())  # which may be written to
    elif isinstance(where, str):
        return kept_by(table, where)
    else:
        raise RefusedError(
            f"where={where!r} is the constraint, a text or a function; a column of that name is made by "
            "df.rename(columns=...)"
        )
    if isinstance(found, pd.Series) and not found.index.equals(table.index):
        raise RefusedError("where must give its booleans in the order of the table, with the table's index")
    if isinstance(found, pd.Series) and pd.api.types.is_bool_dtype(found.dtype):
        found = found.astype("boolean").fillna(False)  # as in df[mask]: what is missing meets no constraint
    mask = np.asarray(found)
    if (
        mask.dtype == object
        and mask.ndim == 1
        and all(isinstance(value, (bool, np.bool_)) for value in mask.tolist())
    ):
        mask = mask.astype(np.bool_)
    if mask.dtype != np.bool_ or mask.shape != (len(table),):
        shown = f"{mask.dtype} of shape {mask.shape}"
        raise RefusedError(f"where must give a boolean for each of the {len(table)} rows, and gave {shown}")
    return mask


def text_of(where: Where) -> str:
    """Return what a recipe has of a constraint: its text, or which function it is."""
    if isinstance(where, str):
        return where
    module, name = getattr(where, "__module__", None), getattr(where, "__qualname__", None)
    return f"{module}:{name}" if module and name else type(where).__name__


def _read(text: object, rows: int) -> np.ndarray:
    needed = (rows + 7) // 8
    try:
        packed = zlib.decompressobj().decompress(base64.b64decode(str(text), validate=True), needed + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise RefusedError(f"the recipe does not tell which rows were kept: {error}") from None
    if len(packed) != needed:
        raise RefusedError(f"the recipe tells of other rows than these {rows}")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=rows).astype(np.bool_)


def _memory() -> int:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return _UNKNOWN
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _told(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"10^{int(number.bit_length() * math.log10(2))}"
