"""Unsaved edits, kept in a file until they are applied or discarded.

A draft is a JSON object: ``torc_frames_draft`` (the version of this format, 1), ``url`` and
``workflow_key`` of the workflow it belongs to, ``saved_at`` (UTC), and ``state``, which the sheet reads.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # no POSIX: two kernels may then write the same file
    fcntl = None  # type: ignore[assignment]

from torc_frames.settings import drafts_folder

__all__ = ["Draft"]

_VERSION = 1
_DELAY_S = 0.5
_MOST = 100

State = dict[str, Any]

_live: weakref.WeakValueDictionary[Path, Draft] = weakref.WeakValueDictionary()
"""The drafts of this process that are written to, by file."""


class Draft:
    """The file of one editor.

    Parameters
    ----------
    url, workflow_key : str
        The workflow that is edited. Of several editors in one process the last has the draft; those of
        other processes have files of their own.
    state : callable
        Returns what is to be kept, JSON; None if there is nothing, and the file goes.
    on_taken : callable
        Called when another editor of this process takes over.

    Attributes
    ----------
    found : dict or None
        What was kept, and not yet applied, when this was opened.
    saved_at : str or None
        When that was.
    notices : list of str
        What the user has to know.
    on_failed : callable
        Called with what to tell when what was to be kept could not be written.
    """

    def __init__(
        self, url: str, workflow_key: str, state: Callable[[], State | None], on_taken: Callable[[], None]
    ) -> None:
        self._about = {"url": url, "workflow_key": workflow_key}
        self._state = state
        self._on_taken = on_taken
        self._writing = threading.RLock()
        # What is edited may be locked while `changed` is called: nothing is waited for under this one.
        self._timing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._unlock: Callable[[], object] = lambda: None
        self.path: Path | None = None
        self.found: State | None = None
        self.saved_at: str | None = None
        self.notices: list[str] = []
        self.on_failed: Callable[[str], object] = self.notices.append
        try:
            self._open(drafts_folder())
        except OSError as error:
            self.notices.append(f"edits are not kept between sessions, as no draft can be written: {error}")
            self.path = None
        if self.path is not None:
            _live[self.path] = self

    def changed(self) -> None:
        """Say that there is something to keep; it is written within half a second."""
        with self._timing:
            if self._timer is None and self.path is not None:
                self._timer = threading.Timer(_DELAY_S, self._on_time)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what there is to keep now; not to be called while the sheet is locked."""
        with self._writing:
            self._stop_timer()
            if self.path is None:
                return
            state = self._state()
            if state is None:
                self.path.unlink(missing_ok=True)
            else:
                _write(self.path, self._about, state)

    def close(self) -> None:
        """Write what there is to keep, and leave the file to the next editor."""
        with self._writing:
            if self.path is None:
                return
            try:
                self.flush()
            finally:
                self.release()

    def release(self) -> None:
        """Leave the file as it is to the next editor."""
        with self._writing:
            self._stop_timer()
            if self.path is not None:
                _live.pop(self.path, None)
            self.path = None
            self._unlock()

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256("\0".join(self._about.values()).encode()).hexdigest()[:20]
        paths = [folder / f"{name}-{n}.json" for n in range(1, _MOST)]
        for path in paths:
            if (live := _live.get(path)) is not None:
                live._give_up()
        # Those that hold something first, the newest of them first of all.
        for path in sorted(paths, key=_age):
            held = _locked(path.with_suffix(".lock"))
            if held is not None:
                self.path = path
                self._unlock = weakref.finalize(self, held.close)
                break
        else:
            raise OSError(f"{_MOST} other editors of this workflow are open")
        self._read()
        others = [path for path in paths if path != self.path and path.exists() and not _is_locked(path)]
        if others:
            self.notices.append("there is another draft of this workflow; it comes back after this one")

    def _give_up(self) -> None:
        self.close()
        self._on_taken()

    def _read(self) -> None:
        assert self.path is not None
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except ValueError:
            text = ""
        try:
            kept = json.loads(text)
        except ValueError:
            kept = None
        state = kept.get("state") if isinstance(kept, dict) else None
        about = {name: kept.get(name) for name in self._about} if isinstance(kept, dict) else {}
        if about == self._about and isinstance(state, dict) and kept.get("torc_frames_draft") == _VERSION:
            self.found, self.saved_at = state, str(kept.get("saved_at"))
        else:
            self.set_aside("it is not a draft of this workflow that this version can read")

    def set_aside(self, reason: str) -> None:
        """Keep a draft that can't be read under another name."""
        with self._writing:
            self.found = None
            if self.path is None:
                return
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            aside = self.path.with_name(f"{self.path.stem}.unreadable-{stamp}")
            self.path.rename(aside)
            self.notices.append(f"a draft could not be read and was set aside as {aside}: {reason}")

    def _on_time(self) -> None:
        try:
            self.flush()
        except OSError as error:
            self.on_failed(f"edits are not kept on disk: {error}")

    def _stop_timer(self) -> None:
        with self._timing:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None


def _write(path: Path, about: dict[str, str], state: State) -> None:
    """Write a file that is there whole or not at all, and that only this user can read."""
    kept = {
        "torc_frames_draft": _VERSION,
        **about,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": state,
    }
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _age(path: Path) -> tuple[float, str]:
    try:
        return -path.stat().st_mtime, path.name
    except OSError:
        return 0, path.name


def _locked(path: Path) -> IO[bytes] | None:
    """Return a file that no other process holds, locked; None if one does."""
    file = open(path, "ab")  # noqa: SIM115 (it is held for as long as the editor lives)
    os.chmod(path, 0o600)
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:  # a file system without locks
            pass
    return file


def _is_locked(path: Path) -> bool:
    held = _locked(path.with_suffix(".lock"))
    if held is not None:
        held.close()
    return held is None


@atexit.register
def _flush_all() -> None:
    for draft in list(_live.values()):
        with suppress(OSError):
            draft.flush()
