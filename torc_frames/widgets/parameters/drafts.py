"""Edits that are kept on disk until they are applied or discarded: they outlive a kernel that dies."""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pandas as pd

from torc_frames.errors import RefusedError, TorcFramesError, counted
from torc_frames.rules import Rule
from torc_frames.settings import absolute_url, drafts_folder
from torc_frames.widgets.parameters.checking import TableRule
from torc_frames.widgets.parameters.sheet import Sheet

__all__ = ["Draft"]

FORMAT = "torc_frames draft"
VERSION = 1
DELAY_S = 0.5
"""How long after a change the file is written, at most."""

_MOST_SLOTS = 1_000
_DIGITS = 24


class Draft:
    """The file in which the edits of one workflow's parameters are kept.

    A JSON object: ``format`` (``"torc_frames draft"``), ``version`` (1), ``url`` and ``workflow_key`` (whose
    parameters they are; no passwords), ``saved`` (when, in UTC), ``edits`` (what `Sheet.state` returns:
    values as JSON beside the dtype that each column has). It is replaced whole or not at all, only its owner
    can read it, and it is there while there are edits.

    Two that are open at once never share a file: the second takes another one. Files with edits come
    first, so that what a kernel left behind is found again.

    Parameters
    ----------
    url : str
        The store's.
    workflow_key : str
    folder : Path, optional
        Where the file is; what `torc_frames.settings.drafts_folder` says by default.

    Attributes
    ----------
    path : Path
        The file; it need not exist.
    messages : list of str
        What the user should be told: a file that was set aside, other drafts, a failure to write.

    Examples
    --------
    >>> frame = pd.DataFrame({"lr": [0.1]}, index=pd.Index(["1"], dtype="str", name="job_key"))
    >>> draft = Draft("study.db", "1", tmp)
    >>> sheet = draft.open(frame)
    >>> sheet.set_texts([(0, 1, "0.5")])
    >>> draft.close()                                # or the kernel dies
    >>> again = Draft("study.db", "1", tmp)
    >>> again.open(frame).value["lr"].tolist()
    [0.5]
    >>> again.discard()
    """

    def __init__(self, url: str, workflow_key: str, folder: Path | None = None) -> None:
        self.url = _without_credentials(absolute_url(url))
        self.workflow_key = workflow_key
        self.messages: list[str] = []
        self._folder = drafts_folder() if folder is None else Path(folder)
        self._pid = os.getpid()
        self._sheet: Sheet | None = None
        self._end: Callable[[], None] | None = None
        self._timer: threading.Timer | None = None
        self._writing = threading.Lock()
        self._asked = self._written = 0
        self._pending = False
        self._closed = False
        self._make_folder()
        self.path, self._lock = self._take_slot()
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"Draft(workflow={self.workflow_key!r})"

    def open(
        self,
        frame: pd.DataFrame,
        *,
        rules: Mapping[str, Rule] | None = None,
        table_rule: TableRule | None = None,
    ) -> Sheet:
        """Return a sheet of a frame with the edits that were kept, and keep what is edited in it from now on.

        Edits that the frame can't take any more are in the sheet's ``lost``, and stay in the file.
        """
        edits = self._read()
        sheet = None
        if edits is not None:
            try:
                sheet = Sheet.restore(frame, edits, rules=rules, table_rule=table_rule)
            except RefusedError as refusal:
                self._set_aside(str(refusal))
        sheet = sheet or Sheet(frame, rules=rules, table_rule=table_rule)
        self.follow(sheet)
        return sheet

    def follow(self, sheet: Sheet) -> None:
        """Keep the edits of a sheet: soon after each change, and at once when the draft is closed."""
        if self._end is not None:
            self._end()
        self._sheet = sheet
        self._end = sheet.on_change(lambda change: self._soon())

    def flush(self) -> None:
        """Write now what is to be written; without edits there is no file."""
        self._cancel()
        if self._sheet is None or self._closed or os.getpid() != self._pid:
            return
        with self._sheet.lock:
            if not self._pending and self._asked == self._written:
                return
            self._pending = False
            self._asked += 1
            number = self._asked
            edits = self._sheet.state() if self._sheet.is_dirty else None
        with self._writing:
            # What is older than what was written is not written any more.
            if number > self._written:
                self._write(edits)
                self._written = number

    def discard(self) -> None:
        """Remove the file, and keep nothing more until the sheet changes."""
        self._cancel()
        with self._writing:
            self._pending = False
            self._asked += 1
            self._write(None)
            self._written = self._asked

    def close(self) -> None:
        """Write what is to be written, and let others have the file."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        if self._end is not None:
            self._end()
        if self._lock is not None:
            os.close(self._lock)
        atexit.unregister(self.close)

    def _soon(self) -> None:
        self._pending = True
        if self._timer is None and not self._closed:
            self._timer = threading.Timer(DELAY_S, self.flush)
            self._timer.daemon = True
            self._timer.start()

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _write(self, edits: Mapping[str, Any] | None) -> None:
        try:
            if edits is None:
                self.path.unlink(missing_ok=True)
                return
            about = {"format": FORMAT, "version": VERSION, "url": self.url, "workflow_key": self.workflow_key}
            saved = datetime.now(UTC).isoformat(timespec="seconds")
            _replace(self.path, json.dumps({**about, "saved": saved, "edits": edits}, default=str).encode())
        except OSError as error:
            self._tell(f"the edits are not kept on disk: {self.path}: {error.strerror or error}")

    def _read(self) -> Any:
        """Return the edits in the file, None if there are none that can be used."""
        try:
            found = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(f"can not read {self.path}: {error.strerror or error}")
            return None
        except (ValueError, RecursionError) as error:
            self._set_aside(f"it is not JSON: {error}")
            return None
        expected = {"format": FORMAT, "version": VERSION, "url": self.url, "workflow_key": self.workflow_key}
        if not isinstance(found, dict) or not isinstance(found.get("edits"), dict):
            self._set_aside("it is no draft")
            return None
        other = next((name for name, value in expected.items() if found.get(name) != value), None)
        if other is not None:
            self._set_aside(f"its {other} is {found.get(other)!r}, not {expected[other]!r}")
            return None
        return found["edits"]

    def _set_aside(self, why: str) -> None:
        """Rename a file that can't be used: nobody's edits are deleted."""
        aside = self.path.with_suffix(f".{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}.aside")
        try:
            os.replace(self.path, aside)
        except OSError as error:
            raise TorcFramesError(f"can not set {self.path} aside: {error.strerror or error}") from error
        self._tell(f"a draft could not be used ({why}), and is now {aside}")

    def _tell(self, message: str) -> None:
        if message not in self.messages:
            self.messages.append(message)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._tell(f"edits are not kept on disk: {self._folder}: {error.strerror or error}")

    def _take_slot(self) -> tuple[Path, int | None]:
        """Return a file that nobody else has, and what keeps it so: one with edits, if there is any."""
        name = hashlib.sha256(json.dumps([self.url, self.workflow_key]).encode()).hexdigest()[:_DIGITS]
        slots = (self._folder / f"{name}{f'-{n}' if n else ''}.json" for n in range(_MOST_SLOTS))
        there = sorted(self._folder.glob(f"{name}*.json"), key=lambda path: (len(path.name), path.name))
        taken: tuple[Path, int | None] | None = None
        others = 0
        for slot in there:
            free, handle = _locked(slot)
            if free and taken is None:
                taken = slot, handle
            elif free:
                others += 1
                if handle is not None:
                    os.close(handle)
        if others:
            self._tell(
                f"{counted(others, 'other draft')} of this workflow kept: open another editor to see it"
            )
        while taken is None:
            slot = next(slots)
            free, handle = _locked(slot)
            taken = (slot, handle) if free else None
        return taken


def _locked(slot: Path) -> tuple[bool, int | None]:
    """Return whether a file is free, and what keeps others from it: None where locks don't work."""
    try:
        import fcntl

        handle = os.open(slot.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except (ImportError, OSError):
        return True, None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(handle)
            return False, None
    return True, handle


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, which no crash leaves half written."""
    temporary = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _without_credentials(url: str) -> str:
    if "://" not in url or url.startswith("sqlite:"):
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
