"""The files that pointers of many jobs name as one dataset of xarray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.files.pointer_frames import MissingFiles, Pairs, read_values
from torc_frames.files.pointers import Pointer
from torc_frames.files.readers import load_xarray

__all__ = ["load_dataset", "load_dict"]


def load_dict(pairs: Pairs, missing: MissingFiles) -> dict[str, Any]:
    """Return what each file holds, by job; of a format that nobody reads, the pointer to it.

    Raises
    ------
    RefusedError
        For all files that can't be read, and if a job has several.
    """
    _refuse_several(pairs)
    known = [(key, pointer) for key, pointer in pairs if pointer.format is not None]
    found: dict[str, Any] = {key: pointer for key, pointer in pairs if pointer.format is None}
    found |= dict(read_values(known, missing, lambda value, _: value))
    return {key: found[key] for key, _ in pairs if key in found}


def load_dataset(pairs: Pairs, missing: MissingFiles, *, name: str) -> Any:
    """Return a Dataset of the files, with the jobs as its first dimension, ``job_key``.

    Parameters
    ----------
    name : str
        What the values of arrays are called.

    Raises
    ------
    RefusedError
        For what is neither table, array nor dataset, and for arrays of different shapes.
    """
    xarray = load_xarray()

    def made(value: Any, pointer: Pointer) -> Any:
        if isinstance(value, np.ndarray):
            return xarray.DataArray(value, name=name).to_dataset()
        if isinstance(value, pd.DataFrame):
            return xarray.Dataset.from_dataframe(value)
        if not isinstance(value, xarray.Dataset):
            raise RefusedError(f"{pointer.path} is of format {pointer.format}, of which xarray makes nothing")
        return value

    _refuse_several(pairs)
    found = read_values(pairs, missing, made)
    keys = pd.Index([key for key, _ in found], name="job_key", dtype=object)
    if not found:
        return xarray.Dataset(coords={"job_key": keys})
    try:
        return xarray.concat(
            [dataset for _, dataset in found],
            dim=keys,
            join="outer",
            data_vars="all",
            coords="different",
            compat="equals",
            combine_attrs="drop_conflicts",
        )
    except (ValueError, TypeError, xarray.AlignmentError) as error:
        raise RefusedError(
            f"the files of {len(found)} jobs make no one dataset: {error}; to='dict' gives each"
        ) from error


def _refuse_several(pairs: Pairs) -> None:
    keys = pd.Index([key for key, _ in pairs])
    if not keys.is_unique:
        raise RefusedError(f"job {keys[keys.duplicated()][0]} has several such files: load them without to=")
