"""Files of drafts, locked against other processes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no POSIX: two kernels may then write the same file
    fcntl = None  # type: ignore[assignment]

__all__ = ["is_locked", "lock", "unlock"]


def lock(path: Path) -> int | None:
    """Make a file that no other process holds, and hold it; None if one does.

    Returns
    -------
    int or None
        What `unlock` takes. The end of the process frees it, too.
    """
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if fcntl is None:
            return held
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return None
        except OSError:  # a file system without locks
            return held
        # Who held it before may have taken it away since it was opened.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(held), os.stat(path)):
                return held
        os.close(held)


def unlock(held: int, path: Path) -> None:
    """Free what `lock` holds, and take the file away."""
    with suppress(OSError):
        path.unlink()
    os.close(held)


def is_locked(path: Path) -> bool:
    """Return whether another process, or other code in this one, holds a file."""
    if not path.exists():
        return False
    held = lock(path)
    if held is not None:
        unlock(held, path)
    return held is None
