"""Unsaved edits, kept in a file until they are applied or discarded.

A draft is a JSON object: ``torc_frames_draft`` (the version of this format, 1), ``url``, ``workflow_key``
and, if it is of one record only, ``record_key`` of what it belongs to, ``identity`` (what else is known of
the workflow, or null), ``saved_at`` (UTC), and ``state``, which the editor reads.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import threading
import weakref
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torc_frames.files.whole import written_whole
from torc_frames.settings import drafts_folder
from torc_frames.widgets.work import later

try:
    import fcntl
except ImportError:  # no POSIX: two kernels may then write the same file
    fcntl = None  # type: ignore[assignment]

__all__ = ["Draft", "lock", "unlock"]

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
        Called when another editor of this process takes over, before the file is written for the last
        time: what still changes what is edited has to end in it.
    record_key : str or None
        The record that is edited; None if it is the table of all.
    identity : mapping or None
        The workflow's name, and when it was created (None if that is not known): a draft of another one,
        which had the same url and key, is set aside.

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
        self,
        url: str,
        workflow_key: str,
        state: Callable[[], State | None],
        on_taken: Callable[[], None],
        *,
        record_key: str | None = None,
        identity: Mapping[str, str | None] | None = None,
    ) -> None:
        self._about = {"url": url, "workflow_key": workflow_key}
        if record_key is not None:
            self._about["record_key"] = record_key
        self._what = "workflow" if record_key is None else "record"
        self._identity = None if identity is None else dict(identity)
        self._state = state
        self._on_taken = on_taken
        self._writing = threading.RLock()
        # What is edited may be locked while `changed` is called: nothing is waited for under this one.
        self._timing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._held: weakref.finalize[..., Draft] | None = None
        self.path: Path | None = None
        self.found: State | None = None
        self.saved_at: str | None = None
        self.notices: list[str] = []
        self.on_failed: Callable[[str], object] = self.notices.append
        try:
            self._open(drafts_folder())
        except OSError as error:
            self.notices.append(f"edits are not kept between sessions, as no draft can be written: {error}")
            self.release()
        if self.path is not None:
            _live[self.path] = self

    def changed(self) -> None:
        """Say that there is something to keep; it is written within half a second."""
        with self._timing:
            if self._timer is None and self.path is not None:
                self._timer = later(_DELAY_S, self._on_time)

    def flush(self) -> None:
        """Write what there is to keep now; not to be called while what is edited is locked."""
        with self._writing:
            self._stop_timer()
            if self.path is None:
                return
            state = self._state()
            if state is None:
                self.path.unlink(missing_ok=True)
                return
            now = datetime.now(UTC).isoformat(timespec="seconds")
            kept = {"torc_frames_draft": _VERSION, **self._about, "identity": self._identity}
            with written_whole(self.path, private=True) as file:
                file.write(json.dumps({**kept, "saved_at": now, "state": state}).encode())

    def close(self) -> None:
        """Write what there is to keep, and leave the file to the next editor."""
        with self._writing:
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
            # At the end of the process only what is detached can still be called.
            if self._held is not None and (held := self._held.detach()) is not None:
                unlock(*held[2])

    def set_aside(self, reason: str) -> None:
        """Keep a draft that can't be read under another name."""
        if (aside := self._move_aside("unreadable")) is not None:
            self.notices.append(f"a draft could not be read and was set aside as {aside}: {reason}")

    # inside

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256("\0".join(self._about.values()).encode()).hexdigest()[:20]
        paths = [folder / f"{name}-{n}.json" for n in range(1, _MOST)]
        for path in paths:
            if (live := _live.get(path)) is not None:
                live._give_up()
        there = _listed(folder, name)
        # Those that hold something first, the newest of them first of all.
        for path in sorted(paths, key=lambda path: (-there.get(path.name, 0.0), path.name)):
            held = lock(_lock_of(path))
            if held is not None:
                self.path = path
                self._held = weakref.finalize(self, unlock, held, _lock_of(path))
                self._held.atexit = False  # `_close_all` writes the file before
                break
        else:
            raise OSError(f"{_MOST} other editors of this {self._what} are open")
        self._read()
        self._look_around([path for path in paths if path != self.path], there)

    def _look_around(self, others: list[Path], there: Collection[str]) -> None:
        held = (path for path in others if _lock_of(path).name in there)
        edited = {path for path in held if _is_locked(_lock_of(path))}
        if edited:
            self.notices.append(
                f"this {self._what} is edited in another notebook, too: its draft is kept apart from this one"
            )
        if any(path.name in there for path in others if path not in edited):
            self.notices.append(f"there is another draft of this {self._what}; it comes back after this one")

    def _give_up(self) -> None:
        self._on_taken()
        self.close()

    def _read(self) -> None:
        assert self.path is not None
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (ValueError, RecursionError):
            kept = None
        kept = kept if isinstance(kept, dict) else {}
        about = {name: kept.get(name) for name in self._about}
        if (
            about != self._about
            or kept.get("torc_frames_draft") != _VERSION
            or not isinstance(kept.get("state"), dict)
        ):
            self.set_aside(f"it is not a draft of this {self._what} that this version can read")
        elif _is_other(kept.get("identity"), self._identity):
            whose = f"{kept['identity'].get('name')!r}, saved {kept.get('saved_at')}"
            aside = self._move_aside("other")
            self.notices.append(
                f"there was a draft of another workflow that had this key, {whose}: set aside as {aside}"
            )
        else:
            self.found, self.saved_at = kept["state"], str(kept.get("saved_at"))

    def _move_aside(self, why: str) -> Path | None:
        with self._writing:
            self.found = None
            if self.path is None:
                return None
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            return self.path.rename(self.path.with_name(f"{self.path.stem}.{why}-{stamp}"))

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


def _is_locked(path: Path) -> bool:
    """Return whether another process, or other code in this one, holds a file."""
    if not path.exists():
        return False
    held = lock(path)
    if held is not None:
        unlock(held, path)
    return held is None


def _is_other(kept: object, mine: Mapping[str, str | None] | None) -> bool:
    """Return whether a draft is known to be of another workflow."""
    if not isinstance(kept, dict) or mine is None:
        return False
    part = "created" if kept.get("created") and mine.get("created") else "name"
    return kept.get(part) != mine.get(part)


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _listed(folder: Path, name: str) -> dict[str, float]:
    """Return the drafts of a name, and their locks, and when each was last written, in one look."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(name):
                with suppress(FileNotFoundError):  # taken away since
                    found[entry.name] = entry.stat().st_mtime
    return found


@atexit.register
def _close_all() -> None:
    for draft in list(_live.values()):
        with suppress(OSError):
            draft.close()
