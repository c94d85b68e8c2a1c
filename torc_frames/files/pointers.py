"""Pointers: records that name a file, for results too large for the database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from torc_frames.errors import (
    PointerError,
    RefusedError,
    VersionError,
    shorten,
    warn,
)
from torc_frames.files.formats import SUFFIXES, Format
from torc_frames.settings.regular import irregular, open_regular

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Pointer", "is_pointer", "warn_if_large"]

LARGE_BYTES = 64 * 1024

_MARK = "torc_pointer"
_VERSION = 1


@dataclass(frozen=True, slots=True, init=False)
class Pointer:
    """A file as it was when the pointer to it was made.

    Parameters
    ----------
    path : str or path
        An existing file; kept as an absolute path.
    format : {"parquet", "csv", "json", "jsonl"}, optional
        By default what the suffix says; None for a file of another kind, which a pointer can name but
        not read.

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
    format: Format | None
    size: int
    sha256: str

    def __init__(self, path: str | os.PathLike[str], format: Format | None = None) -> None:
        absolute = os.path.abspath(path)
        if kind := irregular(absolute):
            raise RefusedError(f"{absolute} is {kind}, not a regular file, which alone can be pointed to")
        if not os.path.isfile(absolute):
            raise RefusedError(f"no file {absolute} to point to; write it first")
        if format is not None and format not in get_args(Format):
            raise RefusedError(f"unknown format {format!r}; the formats are {', '.join(get_args(Format))}")
        size, sha256 = _digest(absolute)
        _fill(self, absolute, format or SUFFIXES.get(Path(absolute).suffix.lower()), size, sha256)

    @classmethod
    def save(cls, df: pd.DataFrame, dir: str | os.PathLike[str], name: str | None = None) -> Pointer:
        """Write a table to a Parquet file, and return the pointer to it.

        The file is there when it is whole, or not at all; what has its name is replaced.

        Parameters
        ----------
        df : DataFrame
            Its index and dtypes are kept; see `read`. Or a table of another library, by Arrow's PyCapsule
            protocol.
        dir : str or path
            The folder; made if it is not there.
        name : str, optional
            Of the file. Default: a name of its own for every content (``job-<key>-<digest>.parquet``), by
            which no file that another pointer names is ever replaced.

        Raises
        ------
        RefusedError
            For what Parquet can't hold, such as a column of texts and numbers, and names that are no file's.

        Examples
        --------
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
        """
        from torc_frames.files.verified import write_file

        pointer = cls.__new__(cls)
        path, (size, sha256) = write_file(df, os.path.abspath(dir), name, _digest)
        _fill(pointer, path, "parquet", size, sha256)
        return pointer

    def to_json(self) -> dict[str, Any]:
        """Return the pointer as what a record holds."""
        return {
            _MARK: _VERSION,
            "path": self.path,
            "format": self.format,
            "size": self.size,
            "sha256": self.sha256,
        }

    @classmethod
    def from_json(cls, obj: Any) -> Pointer:
        """Return the pointer that a record holds; the file is not looked at.

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
        known = format is None or format in get_args(Format)
        if not (known and type(size) is int and isinstance(sha256, str)):
            raise RefusedError(f"the pointer to {obj['path']} has a wrong format, size or sha256")
        pointer = cls.__new__(cls)
        _fill(pointer, obj["path"], format, size, sha256)
        return pointer

    def verify(self) -> None:
        """Check that the file is the one pointed to; the size first, then the digest.

        Raises
        ------
        PointerError
            If the file is missing, or its size or digest differs.
        """
        problem = self.problem()
        if problem is not None:
            raise PointerError([problem])

    def problem(self) -> str | None:
        """Return what is wrong with the file, None if it is the one pointed to; see `verify`."""
        path = self.path
        if kind := irregular(path):
            return f"{path} is missing: {kind} is there, no regular file"
        if not os.path.isfile(path):
            return f"{path} is missing"
        size = os.path.getsize(path)
        if size != self.size:
            return f"{path}: its size differs, {size} bytes instead of {self.size}"
        try:
            _, sha256 = _digest(path)
        except RefusedError as error:
            return str(error)
        return None if sha256 == self.sha256 else f"{path}: its digest differs, the file has changed"

    def read(self) -> pd.DataFrame:
        """Verify the file and read it; one that `save` wrote comes back as it was, with its index.

        JSON is a list of objects, jsonl an object a line.

        Raises
        ------
        PointerError
            If the file is not the one pointed to.
        RefusedError
            If its format is not one that can be read, or its content isn't of its format.
        """
        from torc_frames.files.verified import read_verified

        self.verify()
        return read_verified(self.path, self.format)


def is_pointer(obj: Any) -> bool:
    """Return whether a decoded JSON value is a pointer, of this or of a later version."""
    return isinstance(obj, Mapping) and type(obj.get(_MARK)) is int and isinstance(obj.get("path"), str)


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


def _fill(pointer: Pointer, path: str, format: Format | None, size: int, sha256: str) -> None:
    for name, value in (("path", path), ("format", format), ("size", size), ("sha256", sha256)):
        object.__setattr__(pointer, name, value)


def _digest(path: str) -> tuple[int, str]:
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise RefusedError(f"can not read {path}: {error.strerror}") from error
