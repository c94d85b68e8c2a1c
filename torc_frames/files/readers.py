"""What reads the file of a pointer, by its format; those of other packages, too."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, get_args

import numpy as np

from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.files.formats import GROUP, Format, formats
from torc_frames.settings.regular import open_regular

__all__ = ["load_xarray", "read_file"]

Read = Callable[[str], Any]

_PICKLE = "pickle"


def read_file(path: str, format: str | None, shown: str) -> Any:
    """Read a file that was verified, as its format says.

    Parameters
    ----------
    shown : str
        What messages call the file.

    Raises
    ------
    RefusedError
        If there is no reader for its format, or its content isn't of it.
    """
    read = _reader(format, shown)
    try:
        return read(path)
    except TorcFramesError as error:
        if path == shown:
            raise
        raise RefusedError(str(error).replace(path, shown)) from error
    except Exception as error:
        raise RefusedError(f"can not read {shown} as {format}: {type(error).__name__}: {error}") from error


def _reader(format: str | None, shown: str) -> Read:
    if format in get_args(Format):
        from torc_frames.files.verified import read_verified

        return lambda path: read_verified(path, format)  # type: ignore[arg-type]
    if format in _READ:
        return _READ[format]
    points = entry_points(group=GROUP, name=format) if format else ()
    for point in points:
        try:
            found: Read = point.load()
        except Exception as error:
            raise RefusedError(
                f"the reader of {format!r}, {point.value}, can't be loaded: {type(error).__name__}: {error}"
            ) from error
        return found
    raise RefusedError(
        f"{shown} is of no format that is read as a table or anything else ({', '.join(formats())}): "
        f"install a package that reads it for the entry points {GROUP!r}, or open it yourself"
    )


def _array(path: str) -> np.ndarray:
    """Read an array; one of objects would be a pickle, and is refused."""
    with open_regular(path) as file:
        version = np.lib.format.read_magic(file)
        head = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = head(file)
        if dtype.hasobject:
            raise RefusedError(f"{path} holds Python objects (a pickle), which are not loaded")
        if (
            os.fstat(file.fileno()).st_size - file.tell()
            != int(np.prod(shape, dtype=object)) * dtype.itemsize
        ):
            raise RefusedError(f"{path} is shorter or longer than its array")
        file.seek(0)
        found: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        return found


def _dataset(path: str) -> Any:
    """Read a dataset, all of it."""
    return load_xarray().load_dataset(path, engine="h5netcdf")


def _zarr(path: str) -> Any:
    """Read a dataset of one file; what of it is a pickle is not loaded."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            tells = entry.filename.rpartition("/")[2] in (".zarray", ".zmetadata", "zarr.json")
            if tells and any(_PICKLE in text.lower() for text in _texts(json.loads(archive.read(entry)))):
                raise RefusedError(f"{path} holds Python objects (a pickle), which are not loaded")
    from zarr.storage import ZipStore

    with ZipStore(path, mode="r") as store:
        return load_xarray().open_zarr(store, consolidated=False, chunks=None).load()


def _texts(found: Any) -> list[str]:
    """Return the names of codecs that metadata of zarr says."""
    if isinstance(found, dict):
        own = [str(found[key]) for key in ("id", "name") if key in found]
        inner = [value for key, value in found.items() if not key.endswith(("attributes", ".zattrs"))]
        return own + [text for value in inner for text in _texts(value)]
    return [text for value in found for text in _texts(value)] if isinstance(found, list) else []


def load_xarray() -> Any:
    """Return xarray; RefusedError says how to get it."""
    try:
        import xarray
    except ImportError:
        raise RefusedError("datasets are read by xarray: pip install 'torc_frames[xarray]'") from None
    return xarray


def _image(path: str) -> bytes:
    with open_regular(path) as file:
        return file.read()


def _drawing(path: str) -> str:
    with io.TextIOWrapper(open_regular(path), encoding="utf-8") as file:
        return file.read()


_READ: dict[str, Read] = {
    "npy": _array,
    "png": _image,
    "svg": _drawing,
    "netcdf": _dataset,
    "zarr": _zarr,
}
