"""What `Pointer.save` writes: tables, arrays, figures, datasets, and files as they are."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from torc_frames import settings
from torc_frames.errors import NotInJobError, RefusedError
from torc_frames.files.formats import format_of
from torc_frames.files.places import is_url
from torc_frames.files.verified import write_table
from torc_frames.files.whole import beside, file_digest, put
from torc_frames.settings.regular import irregular, open_regular

__all__ = ["save"]

Saved = tuple[str, str | None, int, str]
"""Where a file is, its format, size and digest."""

_PLAIN_KEY = re.compile(r"\w{1,40}")
_DIGITS = 16


class _Kind(NamedTuple):
    """What something is: its formats by how their files end, the first by default."""

    name: str
    suffixes: dict[str, str]


_TABLE = _Kind("a table", {"parquet": ".parquet"})
_ARRAY = _Kind("an array", {"npy": ".npy"})
_FIGURE = _Kind("a figure", {"png": ".png", "svg": ".svg"})
_DATASET = _Kind("a dataset", {"netcdf": ".nc", "zarr": ".zarr.zip"})
_FILE = _Kind("a file", {})


def save(obj: Any, folder: str, name: str | None, format: str | None) -> Saved:
    """Write something to a file of a folder, or below a url; see `torc_frames.Pointer.save`."""
    is_name = isinstance(name, str) and os.path.basename(name) == name and name.strip(".")
    if name is not None and not (is_name and "/" not in name and "\0" not in name):
        raise RefusedError(f"name={name!r}: use the name of a file, without folders")
    kind = _kind_of(obj)
    if kind is _FILE:
        suffix, kept = _suffix_of(os.fspath(obj)), format_of(os.fspath(obj))
        if format not in (None, kept):
            raise RefusedError(f"format={format!r}: the file {obj} is copied as it is")
    else:
        named = (one for one, end in kind.suffixes.items() if name and name.endswith(end))
        kept = format or next(named, next(iter(kind.suffixes)))
        if kept not in kind.suffixes:
            raise RefusedError(f"format={format!r}: {kind.name} is saved as {' or '.join(kind.suffixes)}")
        suffix = kind.suffixes[kept]
    if kind is not _TABLE and kind is not _FILE:
        obj = _checked(obj, kind)
    remote = is_url(folder)
    if not remote and kind is not _TABLE:
        os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="torc_frames-") as scratch:
        where = scratch if remote else folder
        with beside(os.path.join(where, f"saved{suffix}")) as made:
            _write(obj, kind, kept, made, where)
            size, sha256 = file_digest(made)
            stem = f"{_job_prefix()}{sha256[:_DIGITS]}" if name is None else name.removesuffix(suffix)
            path = f"{folder.rstrip('/')}/{stem}{suffix}" if remote else os.path.join(folder, stem + suffix)
            if remote:
                from torc_frames.files.remote import taken

                taken(made, path)
            else:
                put(made, path)
    return path, kept, size, sha256


def _kind_of(obj: Any) -> _Kind:
    packages = {kind.__module__.partition(".")[0] for kind in type(obj).__mro__}
    names = {kind.__name__ for kind in type(obj).__mro__}
    if "xarray" in packages and names & {"Dataset", "DataArray"}:
        return _DATASET
    if "matplotlib" in packages and hasattr(obj, "savefig"):
        return _FIGURE
    if isinstance(obj, np.ndarray):
        return _ARRAY
    if isinstance(obj, str | os.PathLike):
        path = os.path.abspath(obj)
        if (kind := irregular(path)) is not None or not os.path.isfile(path):
            raise RefusedError(f"save copies a file, and {path} is {kind or 'not there'}")
        return _FILE
    if "Series" not in names and ("DataFrame" in names or hasattr(obj, "__arrow_c_stream__")):
        return _TABLE
    raise RefusedError(
        "save takes arrays of numpy, figures of matplotlib, datasets of xarray, paths of files, or "
        f"a DataFrame, not a {type(obj).__name__}"
    )


def _checked(obj: Any, kind: _Kind) -> Any:
    """Return what can be written; RefusedError for arrays of objects, which would be a pickle."""
    if kind is _ARRAY and obj.dtype.hasobject:
        raise RefusedError(
            "an array of Python objects would be a pickle, which is not loaded: make it a DataFrame"
        )
    if kind is not _DATASET:
        return obj
    if hasattr(obj, "to_dataset") and not hasattr(obj, "data_vars"):
        return obj.to_dataset(name=obj.name or "value")
    return obj


def _write(obj: Any, kind: _Kind, format: str | None, made: str, folder: str) -> None:
    if kind is _TABLE:
        write_table(obj, made, folder)
    elif kind is _ARRAY:
        with open(made, "xb") as file:
            np.save(file, obj, allow_pickle=False)
    elif kind is _FIGURE:
        obj.savefig(made, format=format)
    elif kind is _FILE:
        with open_regular(os.fspath(obj)) as source, open(made, "xb") as file:
            shutil.copyfileobj(source, file)
    else:
        _write_dataset(obj, format, made)


def _write_dataset(obj: Any, format: str | None, made: str) -> None:
    try:
        if format == "netcdf":
            obj.to_netcdf(made, engine="h5netcdf")
        else:
            with tempfile.TemporaryDirectory(prefix="torc_frames-") as folder:
                obj.to_zarr(folder, consolidated=False, zarr_format=2)
                _zip(Path(folder), made)
    except (ValueError, TypeError, NotImplementedError, ImportError) as error:
        raise RefusedError(f"{format} can't hold this dataset: {error}") from error


def _zip(folder: Path, made: str) -> None:
    """Make one file of a folder, the same for the same content."""
    with zipfile.ZipFile(made, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())


def _suffix_of(path: str) -> str:
    """Return how the name of a file ends, both parts of ``.tar.gz`` and the like."""
    parts = os.path.basename(path).lstrip(".").split(".")[1:]
    return "".join(f".{part}" for part in parts[-2:] if part.isalnum() and len(part) <= 8)


def _job_prefix() -> str:
    try:
        key = settings.job_environment().job_key
    except NotInJobError:
        return ""
    return f"job-{key}-" if _PLAIN_KEY.fullmatch(key) else ""
