"""Files that somebody else named: opened if they are regular ones, and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader

__all__ = ["irregular", "open_regular"]

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):  # what the system has of these
    _FLAGS |= getattr(os, _name, 0)
_OF_THE_SYSTEM = ("/proc", "/sys")


def irregular(path: str | os.PathLike[str]) -> str | None:
    """Return what a path is if it is there and no regular file, such as "a FIFO"; it is not opened.

    Examples
    --------
    >>> irregular(tmp), irregular(tmp / "none")
    ('a directory', None)
    """
    try:
        return _irregular(os.stat(path))
    except (OSError, ValueError):
        return None


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file to read it.

    Raises
    ------
    OSError
        If it can't be opened, or is a FIFO, a device, a directory, or one of the system's (``/proc``).
    """
    kind = irregular(path)  # a device may do something when it is opened
    if kind is None:
        handle = os.open(path, _FLAGS)  # without waiting for the other end of what was put there since
        try:
            kind = _irregular(os.fstat(handle))
            if kind is None:
                return os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise OSError(errno.EINVAL, f"Is {kind}, not a regular file", os.fspath(path))


def _irregular(status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return _KINDS.get(stat.S_IFMT(status.st_mode), "something else than a file")
    for folder in _OF_THE_SYSTEM:
        try:
            if os.stat(folder).st_dev == status.st_dev != os.stat("/").st_dev:
                return f"a file of {folder}"
        except OSError:
            continue
    return None
