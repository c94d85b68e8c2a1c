"""A temporary file of records, to read again in another order or for another purpose."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from torc_frames.store.records import UserDataPage

__all__ = ["Spool"]

_Labels = tuple[list[str], list[str | None], list[str | None]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Labels).decode


class _Place(NamedTuple):
    start: int
    labels: int
    data: int


class Spool:
    """Pages of records in a file without a name: it is gone as soon as nobody holds it open.

    Parameters
    ----------
    folder : path, optional
        Where there is room for it. Default: where Python makes temporary files (TMPDIR).
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=None if folder is None else Path(folder))  # noqa: SIM115
        self._places: list[_Place] = []
        self._end = 0
        self._lines: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, page: UserDataPage) -> None:
        """Add a page."""
        if not page.keys:
            return
        labels = _encode((page.keys, page.names, page.revs))
        self._file.write(labels)
        self._file.write(page.data)
        self._places.append(_Place(self._end, len(labels), len(page.data)))
        self._end += len(labels) + len(page.data)

    def pages(self) -> Iterator[UserDataPage]:
        """Yield the pages again; several readers do not disturb each other."""
        self._file.flush()
        for place in self._places:
            keys, names, revs = _decode(self._read(place.start, place.labels))
            data = self._read(place.start + place.labels, place.data)
            yield UserDataPage(keys, names, revs, data)

    def lines(self, at: np.ndarray) -> list[bytes]:
        """Return the data of the records at these positions."""
        starts, sizes = (found[at].tolist() for found in self._index())
        return [self._read(start, size) for start, size in zip(starts, sizes, strict=True)]

    def sizes(self, at: np.ndarray) -> np.ndarray:
        """Return how many bytes of data the records at these positions have."""
        sizes: np.ndarray = self._index()[1][at]
        return sizes

    def close(self) -> None:
        """Forget the pages."""
        self._file.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _read(self, start: int, size: int) -> bytes:
        parts = []
        while size > 0:
            part = os.pread(self._file.fileno(), size, start)
            if not part:
                raise OSError(f"a temporary file ended {size} bytes early")
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where each record's data starts, and its size."""
        if self._lines is None:
            self._file.flush()
            starts, sizes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
            for place in self._places:
                start = place.start + place.labels
                data = np.frombuffer(self._read(start, place.data), np.uint8)
                ends = np.append(np.flatnonzero(data == ord("\n")), place.data)
                begins = np.append(0, ends[:-1] + 1)
                starts.append(begins + start)
                sizes.append(ends - begins)
            self._lines = np.concatenate(starts), np.concatenate(sizes)
        return self._lines
