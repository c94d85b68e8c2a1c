"""The connections of an embedded store: one a thread, one a snapshot, and write transactions on them."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, Literal

from torc_frames.errors import NotFoundError, TornReadError, UnavailableError
from torc_frames.store.named import files_near
from torc_frames.store.sqlite import schema
from torc_frames.store.sqlite.file import Connection, check_file, check_readable, translated
from torc_frames.store.sqlite.guard import GuardState
from torc_frames.store.sqlite.identity import FileId, check_is, file_id, replaced
from torc_frames.store.sqlite.keys import find_workflow_id, next_id
from torc_frames.store.sqlite.opening import close_idle, let_fork, open_file, registry_lock, using
from torc_frames.store.sqlite.overwriting import is_brought_in, is_long, restored, times_overwritten
from torc_frames.store.sqlite.reading import ReadConnection, connect, is_read_only
from torc_frames.store.sqlite.schema import show_as_present
from torc_frames.store.sqlite.snapshot import SQLiteSnapshot

__all__ = ["Connections", "Create", "Write"]

Create = Literal["now", "to write", "never"]
"""When a store is made where there is none."""

_SHORT = 0.001
"""For how many seconds it is not looked at the file again before what was written is kept."""


class Write:
    """A write transaction on one workflow."""

    def __init__(self, connection: Connection, workflow_id: int) -> None:
        self.connection = connection
        self.workflow_id = workflow_id
        self._rev: int | None = None

    def rev(self) -> int:
        """Return the rev of what is written; to ask for it is to say that something changes."""
        if self._rev is None:
            sql = "UPDATE workflow SET rev = rev + 1 WHERE id = ? RETURNING rev"
            ((self._rev,),) = self.connection.execute(sql, (self.workflow_id,)).fetchall()
        assert self._rev is not None
        return self._rev

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query, in which ``:workflow`` is the workflow's id."""
        given = {**(values or {}), "workflow": self.workflow_id}
        return self.connection.execute(sql, given).fetchall()

    def next_id(self, table: str, count: int = 1) -> int:
        """Return the id from which new rows may be numbered; see `next_id`."""
        return next_id(self.connection, table, count)


class _Local(threading.local):
    """What belongs to one thread."""

    slot: _Slot | None = None
    spare: _Slot | None = None
    """That of the last snapshot."""
    snapshots = 0
    transaction: Connection | None = None


class _Slot:
    """Closes a connection when its thread ends; on its own it would wait for the garbage collector."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.__del__()


class Connections:
    """Opens, hands out and closes connections to one file.

    Once it has opened the file it opens no other one, until it was closed.

    Parameters
    ----------
    create : {"now", "to write", "never"}
        When to make a store where there is none. Until then, with "to write", reading is a NotFoundError.
    blank : bool
        Whether to read a store that is still to be made as an empty one.
    """

    snapshot_class = SQLiteSnapshot

    def __init__(
        self, path: str, *, network: bool, timeout: float, create: Create = "now", blank: bool = False
    ) -> None:
        self.path = path
        self.network = network
        self.timeout = timeout
        self.read_only = is_read_only(path)
        self._create = create
        self.blank = blank
        self._known: FileId | None = None
        self._times = 0
        self._local = _Local()
        self._all: weakref.WeakSet[Connection] = weakref.WeakSet()

    def open(self) -> None:
        """Open the file, or see that one can be made there when something is written."""
        if self.is_there():
            with self.reading():
                pass
        else:
            check_file(self.path)

    def is_there(self) -> bool:
        """Return whether there is a store; if so, none is made any more, should it vanish."""
        if self._create == "to write" and os.path.exists(self.path) and os.path.getsize(self.path):
            self.read_only = is_read_only(self.path)
            self._create = "never"
        return self._create != "to write"

    @contextmanager
    def _nothing(self) -> Iterator[Connection]:
        """Lend a connection to an empty store in memory, in place of one that is still to be made."""
        if not self.blank:
            raise self._not_there()
        with closing(sqlite3.connect(":memory:", isolation_level=None, factory=Connection)) as connection:
            schema.upgrade(connection)
            yield connection

    def _not_there(self) -> NotFoundError:
        told = "client.create_workflow(NAME), or workflow(name=NAME, create=True), makes it"
        near = files_near(self.path)
        return NotFoundError("database", [self.path], hint=f"{near}; {told}" if near else told, by="file")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection, that of this thread where the file can be written."""
        if not self.is_there():
            with self._nothing() as nothing:
                yield nothing
            return
        if self.read_only:
            with self._only_reading() as only:
                with translated(self.path), using(only):
                    yield only
                only.verify()
            return
        while True:
            connection = self._mine()
            with connection.lock:
                if not self._is_usable(connection):
                    continue
                state = connection.state()
                try:
                    with translated(self.path):
                        yield connection
                except Exception:
                    self._check_read(connection, state)  # that may be why
                    raise
                # Once is enough, as nothing is known of what was read before this.
                self._check_read(connection, state)
                return

    @contextmanager
    def writing(self, *, at_leisure: bool = False) -> Iterator[Connection]:
        """Lend this thread's connection for a transaction, which is rolled back on any error.

        Parameters
        ----------
        at_leisure : bool
            Whether anything may be done meanwhile, with the file, too.
        """
        if self._local.transaction is not None:
            with translated(self.path):
                yield self._local.transaction
            return
        self.is_there()
        if self.read_only:
            raise UnavailableError(
                f"{self.path} can only be read by this user: copy it to where you can write"
            )
        if self.network and self._local.snapshots:
            raise UnavailableError(
                f"{self.path} is on a network file system: a thread can't write there "
                "while it has a snapshot open"
            )
        while True:
            connection = self._mine()
            with connection.lock, translated(self.path):
                if not self._is_usable(connection):
                    continue
                looked = time.monotonic()
                index = self._check_file(connection)
                try:
                    if not self._begin(connection, index):
                        continue
                    yield connection
                    if at_leisure or is_brought_in(index) or time.monotonic() > looked + _SHORT:
                        self._check_file(connection)
                    connection.execute("COMMIT")
                    self._bring_in(connection)
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    if connection.guard is not None:
                        connection.guard.end_writing()
                self._check_file(connection)
                return

    def _begin(self, connection: Connection, index: bytes) -> bool:
        """Begin to write and return True, or end it if that was disturbed."""
        guard = connection.guard
        state = None if guard is None else guard.state(index)
        # A lock that is taken only at the first write can find that another writer was first.
        connection.execute("BEGIN IMMEDIATE")
        if connection.is_outgrown():
            connection.execute("ROLLBACK")
            return False
        if guard is None or state is None or guard.own_writing(state):
            return True
        connection.execute("ROLLBACK")
        guard.end_writing()
        # SQLite does not look for what others wrote while it believed to be the only writer.
        connection.close()
        return False

    def _bring_in(self, connection: Connection) -> None:
        """Bring a log that is long, or that of the first write to a file that was written over, into it.

        To be called while no other process can write: SQLite's own lock for this may be dropped meanwhile.
        """
        guard = connection.guard
        if guard is None or not (is_long(guard.read_index()) or self._known in restored):
            return
        state = guard.state()
        self._check_file(connection)
        restored.discard(self._known)
        with suppress(sqlite3.Error):  # it is tried again at the next write
            connection.execute("PRAGMA wal_checkpoint").fetchone()
        guard.wait_for_others(state)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writing of this thread one transaction; inside of another one it is part of that."""
        outer = self._local.transaction
        with self.writing(at_leisure=True) as connection:
            self._local.transaction = connection
            try:
                yield
            finally:
                self._local.transaction = outer

    @contextmanager
    def write(self, workflow_key: str) -> Iterator[Write]:
        """Begin a write transaction on a workflow."""
        with self.writing() as connection:
            yield Write(connection, find_workflow_id(connection, workflow_key, self.path))

    @contextmanager
    def snapshot(self, workflow_key: str) -> Iterator[SQLiteSnapshot]:
        """Open a read transaction on a connection of its own."""
        with self.moment() as (connection, verify):
            with translated(self.path):
                snapshot = self.snapshot_class(connection, self.path, workflow_key, verify)
            try:
                yield snapshot
            finally:
                snapshot.close()

    @contextmanager
    def moment(self) -> Iterator[tuple[Connection, Callable[[], None]]]:
        """Lend a new connection that shows one moment, and what raises if it did not."""
        if not self.is_there():
            raise self._not_there()
        if self.read_only:
            with self._only_reading() as connection:
                with translated(self.path), using(connection):
                    connection.execute("BEGIN")
                yield connection, connection.verify
            return
        with self._reader() as connection:
            self._local.snapshots += 1
            try:
                state = connection.state(self._check_file(connection))
                with translated(self.path), using(connection):
                    connection.execute("BEGIN")
                yield connection, partial(self._verify, connection, state)
            finally:
                self._local.snapshots -= 1

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        """Lend a connection for a snapshot: that of this thread's last one, as to open another takes long."""
        slot, self._local.spare = self._local.spare, None
        with registry_lock:  # who is about to fork, or to close, either closes it or lets it be
            if slot is not None and not slot.connection.closed and slot.connection.id == self._known:
                slot.connection.reading = True
            else:
                slot = None
        if slot is None:
            slot = _Slot(self._opened(reading=True))
            with registry_lock:
                self._all.add(slot.connection)
        connection = slot.connection
        try:
            yield connection
            # Without a log, or after `close`, nothing is to stay open.
            if connection.guard is not None and connection.guard.held and connection.id == self._known:
                with using(connection):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    connection.reading = False
                self._local.spare = slot
        finally:
            if connection.reading:
                connection.close()

    def close(self) -> None:
        """Close every thread's connection, each when it is not in use."""
        with registry_lock:
            # The lock of one from before a fork may be held for good, by a thread that is not here.
            mine = [each for each in self._all if not each.reading and each.process == os.getpid()]
        for connection in mine:
            with connection.lock:
                connection.close()
        self._known = None

    def _is_usable(self, connection: Connection) -> bool:
        """Return whether a connection, which is locked now, is still open and suits the file."""
        if not connection.closed and connection.is_outgrown() and not connection.in_transaction:
            connection.close()
        return not connection.closed

    def _mine(self) -> Connection:
        """Return this thread's connection to the file that was opened first."""
        slot = self._local.slot
        if slot is None or slot.connection.closed:
            slot = _Slot(self._opened())
            self._local.slot = slot
            with registry_lock:
                self._all.add(slot.connection)
        let_fork()
        return slot.connection

    def _opened(self, *, reading: bool = False) -> Connection:
        connection = open_file(
            self.path,
            network=self.network,
            timeout=self.timeout,
            known=self._known,
            create=self._create != "never",
            reading=reading,
        )
        with registry_lock:
            if self._known is None:
                self._known, self._times = connection.id, times_overwritten.get(connection.id, 0)
            self._create = "never"
        if connection.id != self._known:  # another thread was first, and another file was there then
            connection.close()
            raise replaced(self.path)
        return connection

    @contextmanager
    def _only_reading(self) -> Iterator[ReadConnection]:
        with closing(connect(self.path, self._known, network=self.network)) as connection:
            with translated(self.path), using(connection):
                self._prepare(connection)
            self._known = self._known or file_id(self.path)
            yield connection

    def _prepare(self, connection: ReadConnection) -> None:
        """Raise unless what is only read can be."""
        check_readable(connection, self.path)
        show_as_present(connection)

    def _check_file(self, connection: Connection) -> bytes:
        """Raise UnavailableError if the path names another file by now, or that has another content.

        Returns how the index of its log began before that.
        """
        guard = connection.guard
        index = b"" if guard is None else guard.read_index()
        if self._known is None:
            return index
        try:
            found = check_is(self.path, self._known)
        except UnavailableError:
            # Closed, they take the log along that the file which is there now must not be read with.
            file = os.path.realpath(self.path)
            close_idle(file, file_id(file))
            raise
        if guard is not None and guard.watch is not None:
            guard.watch.notice(index, found)
        if times_overwritten.get(self._known, 0) != self._times:
            raise replaced(self.path)
        return index

    def _check_read(self, connection: Connection, state: GuardState | None) -> None:
        index = self._check_file(connection)
        if not connection.is_undisturbed(state, index):
            raise UnavailableError(self._disturbed("read it again"))

    def _verify(self, connection: Connection, state: GuardState | None) -> None:
        index = self._check_file(connection)
        if not connection.is_undisturbed(state, index):
            raise TornReadError(self._disturbed("what was read may be torn"))

    def _disturbed(self, advice: str) -> str:
        return (
            f"{self.path}-shm was opened and closed by this process while others wrote, which drops SQLite's "
            f"locks: {advice} (client.backup copies a store that is open)"
        )
