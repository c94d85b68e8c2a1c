"""A process that writes to an embedded store as a kernel does, others beside it, and what of it is kept.

``python keeping.py write|plain FILE WHO COUNT`` adds records to the first workflow, by torc_frames or by
SQLite alone; each is acknowledged in ``FILE.acks`` once it is written.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import torc_frames
from torc_frames.store.sqlite.store import SQLiteStore

ROOT = str(Path(torc_frames.__path__[0]).parent)
TABLES = ("", "-wal", "-shm")


def acknowledge(path: Path, who: str, number: int) -> None:
    """Say that a record is written."""
    handle = os.open(f"{path}.acks", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, f"{who}:{number}\n".encode())
    os.close(handle)


def add(store: SQLiteStore, path: Path, who: str, numbers: Iterable[int]) -> None:
    """Add a record each, and acknowledge it."""
    for number in numbers:
        store.add_user_data("1", [f'"{who}:{number}"'.encode()])
        acknowledge(path, who, number)


def add_plainly(path: Path, who: str, count: int) -> None:
    """Add records by SQLite alone, as any other program does."""
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        for number in range(count):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO user_data (workflow_id, data, rev) VALUES (1, ?, 1)", (f'"{who}:{number}"',)
            )
            connection.execute("COMMIT")
            acknowledge(path, who, number)


def start(role: str, path: Path, who: str, count: int) -> subprocess.Popen[bytes]:
    """Start a process that adds records."""
    command = [sys.executable, __file__, role, str(path), who, str(count)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ROOT})


def touch(path: Path, ends: Iterable[str] = ("",)) -> None:
    """Open and close files of a store, which drops the POSIX locks that this process has on them."""
    for end in ends:
        try:
            with open(f"{path}{end}", "rb") as file:
                file.read(16)
        except FileNotFoundError:
            pass


def kept(path: Path) -> set[str]:
    """Return what is in a database, read by SQLite alone; an error if it is damaged."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert found == "ok", found
        return {data.strip('"') for (data,) in connection.execute("SELECT data FROM user_data")}


def acknowledged(path: Path) -> set[str]:
    """Return what was acknowledged."""
    return set(Path(f"{path}.acks").read_text().split())


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def main(role: str, file: str, who: str, count: str) -> None:
    """Be the process."""
    path = Path(file)
    if role == "plain":
        add_plainly(path, who, int(count))
        return
    store = SQLiteStore(path, network=False)
    add(store, path, who, range(int(count)))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
