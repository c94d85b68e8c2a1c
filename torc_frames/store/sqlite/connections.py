"""The connections of an embedded store: one a thread, one a snapshot, and write transactions on them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite.file import Connection, open_file, registry_lock, translated
from torc_frames.store.sqlite.keys import find_workflow, next_id
from torc_frames.store.sqlite.snapshot import SQLiteSnapshot

__all__ = ["Connections", "Write"]


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

    def next_id(self, table: str, count: int = 1) -> int:
        """Return the id from which new rows may be numbered; see `next_id`."""
        return next_id(self.connection, table, count)


class _Local(threading.local):
    """What belongs to one thread."""

    slot: _Slot | None = None
    snapshots = 0
    transaction: Connection | None = None


class _Slot:
    """Closes a connection when its thread ends; on its own it would wait for the garbage collector."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.__del__()


class Connections:
    """Opens, hands out and closes connections to one file."""

    def __init__(self, path: str, *, network: bool, timeout: float) -> None:
        self.path = path
        self.network = network
        self.timeout = timeout
        self._local = _Local()
        self._all: weakref.WeakSet[Connection] = weakref.WeakSet()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend this thread's connection."""
        while True:
            connection = self._mine()
            with registry_lock:
                pass  # Else a busy thread would never let another one fork.
            with connection.lock:
                if connection.closed:
                    continue
                with translated(self.path):
                    yield connection
                return

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Lend this thread's connection for a transaction, which is rolled back on any error."""
        if self._local.transaction is not None:
            with translated(self.path):
                yield self._local.transaction
            return
        if self.network and self._local.snapshots:
            raise UnavailableError(
                f"{self.path} is on a network file system: a thread can't write there "
                "while it has a snapshot open"
            )
        with self.reading() as connection:
            # A lock that is taken only at the first write can find that another writer was first.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writing of this thread one transaction; inside of another one it is part of that."""
        outer = self._local.transaction
        with self.writing() as connection:
            self._local.transaction = connection
            try:
                yield
            finally:
                self._local.transaction = outer

    @contextmanager
    def write(self, workflow_key: str) -> Iterator[Write]:
        """Begin a write transaction on a workflow."""
        with self.writing() as connection:
            yield Write(connection, int(find_workflow(connection, workflow_key, self.path).key))

    @contextmanager
    def snapshot(self, workflow_key: str) -> Iterator[SQLiteSnapshot]:
        """Open a read transaction on a connection of its own."""
        connection = open_file(self.path, network=self.network, timeout=self.timeout, reading=True)
        self._local.snapshots += 1
        try:
            with translated(self.path):
                connection.execute("BEGIN")
                snapshot = SQLiteSnapshot(connection, self.path, workflow_key)
            yield snapshot
        finally:
            self._local.snapshots -= 1
            connection.close()

    def close(self) -> None:
        """Close every thread's connection, each when it is not in use."""
        with registry_lock:
            connections = list(self._all)
        for connection in connections:
            with connection.lock:
                connection.close()

    def _mine(self) -> Connection:
        slot = self._local.slot
        if slot is None or slot.connection.closed:
            slot = _Slot(open_file(self.path, network=self.network, timeout=self.timeout))
            self._local.slot = slot
            with registry_lock:
                self._all.add(slot.connection)
        return slot.connection
