"""Pointers: records that name a file, for results too large for the database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torc_frames import settings
from torc_frames.errors import (
    PointerError,
    RefusedError,
    VersionError,
    shorten,
    warn,
)
from torc_frames.files.formats import format_of, formats
from torc_frames.files.places import absolute, is_url, relative, resolved, url_problem
from torc_frames.files.whole import file_digest
from torc_frames.frame.shown import Shown
from torc_frames.settings.regular import irregular

if TYPE_CHECKING:
    from torc_frames.frame.description import Description

__all__ = ["Pointer", "is_pointer", "relative_to", "shown_path", "warn_if_large"]

LARGE_BYTES = 64 * 1024

_MARK = "torc_pointer"
_RELATIVE = "relative"
_VERSION = 1

_MAKES = {
    **dict.fromkeys(("parquet", "csv", "json", "jsonl"), "a DataFrame, by pandas"),
    **dict.fromkeys(("netcdf", "zarr"), "a Dataset, by xarray"),
    **{"npy": "an array, by numpy", "png": "its bytes", "svg": "its text"},
}
"""What `Pointer.read` returns, and by what it reads, by format; those of packages are others."""


@contextmanager
def relative_to(base: str | None) -> Iterator[None]:
    """Have pointers that become JSON meanwhile say where below a folder, or url, their files are."""
    token = _base.set(base)
    try:
        yield
    finally:
        _base.reset(token)


_base: ContextVar[str | None] = ContextVar("base", default=None)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Pointer(Shown):
    """A file as it was when the pointer to it was made.

    A record also keeps where the file is below the folder of the database, or on a server below the ``base``
    that `torc_frames.connect` was told or TORC_FRAMES_BASE says: moved together, they find each other again.

    Parameters
    ----------
    path : str or path
        An existing file; kept as an absolute path. Or a url that fsspec opens, such as
        ``s3://bucket/curve.parquet``, with the extra ``remote``: it reads credentials where it always does,
        and none may stand in the url.
    format : str, optional
        How `read` reads it: parquet, csv, json, jsonl, npy, netcdf, zarr (one file, ``.zarr.zip``), png, svg,
        or what packages add. By default what the suffix says; None for a file of another kind, which a
        pointer can name but not read.

    Attributes
    ----------
    size : int
        In bytes.
    sha256 : str
        In hexadecimal.

    Raises
    ------
    RefusedError
        If there is no such file, or the format is not a known one.

    Examples
    --------
    >>> import pandas as pd
    >>> pd.DataFrame({"x": [1, 2]}).to_csv(tmp / "model.csv", index=False)
    >>> pointer = Pointer(tmp / "model.csv")
    >>> pointer.format, pointer.size
    ('csv', 6)
    """

    path: str
    format: str | None
    size: int
    sha256: str
    _closed: str | None = field(repr=False, compare=False)
    """Why the file that a record names is not opened, if it is not."""

    def __init__(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        place = absolute(path)
        if not is_url(place) and (kind := irregular(place)):
            raise RefusedError(f"{place} is {kind}, not a regular file, which alone can be pointed to")
        _check(place)
        if format is not None and format not in formats():
            raise RefusedError(f"unknown format {format!r}; the formats are {', '.join(formats())}")
        found = _digest(place)
        if found is None:
            raise RefusedError(f"no file {place} to point to; write it first")
        _fill(self, place, format or format_of(place), *found)

    @classmethod
    def save(
        cls,
        obj: Any,
        dir: str | os.PathLike[str],
        name: str | None = None,
        *,
        format: str | None = None,
    ) -> Pointer:
        """Write a table, array, figure or dataset to a file, and return the pointer to it.

        The file is there when it is whole, or not at all; what has its name is replaced.

        Parameters
        ----------
        obj : DataFrame, array, Figure, Dataset or path
            A table becomes Parquet, with its index and dtypes; also one of another library, by Arrow's
            PyCapsule protocol. An array of numpy becomes ``.npy``, a figure of matplotlib ``.png`` (or svg),
            a Dataset or DataArray of xarray netCDF (or zarr). The file at a path is copied as it is.
        dir : str or path
            The folder; made if it is not there. Or a url, such as ``s3://bucket/curves``.
        name : str, optional
            Of the file. Default: a name of its own for every content (``job-<key>-<digest>.parquet``), by
            which no file that another pointer names is ever replaced.
        format : {"parquet", "npy", "png", "svg", "netcdf", "zarr"}, optional
            Another than the first that is named above.

        Raises
        ------
        RefusedError
            For what the format can't hold, such as a column of texts and numbers in Parquet, or an array of
            objects; for names that are no file's, and urls with a password.
        UnavailableError
            If an object store does not take the file.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> curve = pd.DataFrame({"loss": [0.5, 0.25]}, index=pd.Index([10, 20], name="epoch"))
        >>> pointer = Pointer.save(curve, tmp / "curves")
        >>> pointer.format
        'parquet'
        >>> pointer.read()
               loss
        epoch
        10     0.50
        20     0.25
        >>> Pointer.save(np.eye(2), tmp / "curves").read()
        array([[1., 0.],
               [0., 1.]])
        """
        from torc_frames.files.saving import save

        pointer = cls.__new__(cls)
        folder = absolute(dir)
        _check(folder)
        _fill(pointer, *save(obj, folder, name, format))
        return pointer

    def to_json(self) -> dict[str, Any]:
        """Return the pointer as what a record holds."""
        below = relative(self.path, _base.get())
        found = {_MARK: _VERSION, "path": self.path}
        found |= {} if below is None else {_RELATIVE: below}
        return found | {"format": self.format, "size": self.size, "sha256": self.sha256}

    @classmethod
    def from_json(
        cls, obj: Any, *, base: str | os.PathLike[str] | None = None, remote: Sequence[str] = ()
    ) -> Pointer:
        """Return the pointer that a record holds; the file is not looked at.

        Parameters
        ----------
        base : str or path, optional
            The folder, or url, below which the file is looked for first, as the record may say where it is
            there. Default: in a job the folder of its database, or what TORC_FRAMES_BASE says.
        remote : sequence of str
            How other urls than those of object stores and below `base` begin that may be opened, such as
            ``https://data.example.org/``. Others are told as missing, as a record may be anybody's.

        Raises
        ------
        RefusedError
            If this is no pointer.
        VersionError
            If it is one of a later torc_frames.
        """
        if not is_pointer(obj):
            raise RefusedError(f"not a pointer, which is an object with {_MARK!r} and 'path'")
        if obj[_MARK] > _VERSION:
            raise VersionError(f"pointer of version {obj[_MARK]}; this torc_frames knows up to {_VERSION}")
        format, size, sha256 = obj.get("format"), obj.get("size"), obj.get("sha256")
        known = format is None or isinstance(format, str)
        if not (known and type(size) is int and isinstance(sha256, str)):
            raise RefusedError(f"the pointer to {obj['path']} has a wrong format, size or sha256")
        pointer = cls.__new__(cls)
        given = settings.job_base() if base is None else base
        start = None if given is None else absolute(given)
        place, closed = resolved(obj["path"], obj.get(_RELATIVE), start, remote)
        _fill(pointer, place, format, size, sha256, closed)
        return pointer

    def __repr__(self) -> str:
        return (
            f"Pointer(path={shown_path(self.path)!r}, format={self.format!r}, size={self.size}, "
            f"sha256={self.sha256!r})"
        )

    def describe(self) -> Description:
        """Return where the file is, and by what it is read: what a notebook shows; nothing is read for it."""
        from torc_frames.frame.description import Calls, Description, Remark

        missing = self._missing()
        return Description(
            f"Pointer to {shown_path(self.path)}",
            Remark(f"{self.size:,} bytes, {self.format or 'of no format that is read'}"),
            Remark(f"sha256 {self.sha256}"),
            Remark(missing, "bad") if missing else None,
            Calls([("pointer.read()", _MAKES.get(self.format, f"what reads {self.format}"))])
            if self.format and not missing
            else None,
        )

    def verify(self) -> None:
        """Check that the file is the one pointed to; the size first, then the digest.

        Raises
        ------
        PointerError
            If the file is missing, or its size or digest differs.
        UnavailableError
            If an object store does not answer.
        """
        problem = self.problem()
        if problem is not None:
            raise PointerError([problem])

    def problem(self) -> str | None:
        """Return what is wrong with the file, None if it is the one pointed to; see `verify`."""
        if (missing := self._missing()) is not None:
            return missing
        if not is_url(self.path) and (size := os.path.getsize(self.path)) != self.size:
            return self._differs((size, ""))
        try:
            return self._differs(_digest(self.path, self.size))
        except RefusedError as error:
            return str(error)

    @contextmanager
    def fetched(self) -> Iterator[str]:
        """Give the path of the verified file on this machine; of a url that of a copy, which is deleted then.

        Raises
        ------
        PointerError
            If the file is not the one pointed to.
        UnavailableError
            If an object store does not answer.
        """
        if not is_url(self.path) or self._closed:
            self.verify()
            yield self.path
            return
        from torc_frames.files.remote import brought

        with brought(self.path, self.size) as (path, found):
            if (problem := self._differs(found)) is not None:
                raise PointerError([problem])
            yield path

    def read(self) -> Any:
        """Verify the file and read it; what `save` wrote comes back as it was, a table with its index.

        A table is a DataFrame (JSON is a list of objects, jsonl an object a line), ``.npy`` an array, netCDF
        and zarr a Dataset of xarray, a png bytes, an svg a text.

        Raises
        ------
        PointerError
            If the file is not the one pointed to.
        RefusedError
            If its format is not one that can be read, or its content isn't of its format. What would be
            unpickled is refused, too.
        """
        from torc_frames.files.readers import read_file

        with self.fetched() as path:
            return read_file(path, self.format, self.path)

    def _missing(self) -> str | None:
        shown = self.path
        if self._closed is not None:
            return f"{shown_path(shown)} is missing: {self._closed}"
        if is_url(shown):
            return None
        if kind := irregular(shown):
            return f"{shown} is missing: {kind} is there, no regular file"
        return None if os.path.isfile(shown) else f"{shown} is missing"

    def _differs(self, found: tuple[int, str] | None) -> str | None:
        if found is None:
            return f"{self.path} is missing"
        size, sha256 = found
        if size != self.size:
            return f"{self.path}: its size differs, {size} bytes instead of {self.size}"
        return None if sha256 == self.sha256 else f"{self.path}: its digest differs, the file has changed"


def is_pointer(obj: Any) -> bool:
    """Return whether a decoded JSON value is a pointer, of this or of a later version."""
    return isinstance(obj, Mapping) and type(obj.get(_MARK)) is int and isinstance(obj.get("path"), str)


def shown_path(path: str) -> str:
    """Return the path of a pointer, but of a url that may hold a password."""
    return "a url that may not be opened" if is_url(path) and url_problem(path) is not None else path


def warn_if_large(sizes: Iterable[tuple[str, int]]) -> None:
    """Warn of records that are better kept in files.

    Parameters
    ----------
    sizes : iterable of (str, int)
        For each record whose it is, such as ``"job 3 (ridge_3)"``, and its size in bytes as JSON.
    """
    large = [f"{size / 1024:,.0f} KiB for {whose}" for whose, size in sizes if size > LARGE_BYTES]
    if large:
        message = (
            f"records over {LARGE_BYTES // 1024} KiB make every pull slow: {shorten(large)}; "
            'better write a file and store tf.Pointer("file.parquet")'
        )
        warn(message)


def _fill(
    pointer: Pointer, path: str, format: str | None, size: int, sha256: str, closed: str | None = None
) -> None:
    values = {"path": path, "format": format, "size": size, "sha256": sha256, "_closed": closed}
    for name, value in values.items():
        object.__setattr__(pointer, name, value)


def _check(place: str) -> None:
    if is_url(place) and (problem := url_problem(place)) is not None:
        raise RefusedError(f"no pointer to this url: {problem}")


def _digest(path: str, most: int | None = None) -> tuple[int, str] | None:
    """Return size and digest of a file, None if there is none."""
    if is_url(path):
        from torc_frames.files.remote import digest

        return digest(path, most)
    return file_digest(path) if os.path.isfile(path) else None
