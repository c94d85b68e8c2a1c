"""Single records of an embedded store, against the same statements by SQLite alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.measure import Timings, alternate
from torc_frames.store.sqlite.store import SQLiteStore

__all__ = ["CALLS", "measure"]

CALLS = 500
"""How many calls are timed as one."""

_REPEATS = 15
_DATA = b'{"alpha": 0.1, "beta": 10}'


def measure(folder: Path) -> dict[str, Timings]:
    """Time calls that add and read a record, and that read a workflow in a snapshot."""
    path = folder / "small.db"
    with closing(SQLiteStore(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as alone:
        workflow = store.add_workflow("small").key
        store.add_user_data(workflow, [_DATA] * 100)
        # As the store has it.
        alone.execute("PRAGMA synchronous = NORMAL")
        alone.execute("PRAGMA foreign_keys = ON")

        def snapshot() -> None:
            with store.snapshot(workflow) as found:
                found.count_user_data()
                found.verify()

        pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "add a record": (lambda: store.add_user_data(workflow, [_DATA]), lambda: _add(alone)),
            "read a record": (lambda: store.get_user_data(workflow, "5"), lambda: _read(alone)),
            "read a workflow": (lambda: store.get_workflow(workflow), lambda: _read_workflow(alone)),
            "count records in a snapshot": (snapshot, lambda: _count(path)),
        }
        return {
            name: alternate(lambda ours=ours: _calls(ours), lambda other=other: _calls(other), _REPEATS)  # type: ignore[misc]
            for name, (ours, other) in pairs.items()
        }


def _calls(call: Callable[[], object]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(CALLS):
            call()

    return several


def _add(alone: sqlite3.Connection) -> None:
    alone.execute("BEGIN IMMEDIATE")
    ((rev,),) = alone.execute("UPDATE workflow SET rev = rev + 1 WHERE id = 1 RETURNING rev").fetchall()
    alone.execute("INSERT INTO user_data (workflow_id, data, rev) VALUES (1, ?, ?)", (_DATA.decode(), rev))
    alone.execute("COMMIT")


def _read(alone: sqlite3.Connection) -> None:
    alone.execute("SELECT id, name, is_ephemeral, rev, data FROM user_data WHERE id = 5").fetchone()


def _read_workflow(alone: sqlite3.Connection) -> None:
    alone.execute("SELECT * FROM workflow WHERE id = 1").fetchone()


def _count(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as alone:
        alone.execute("BEGIN")
        alone.execute("SELECT * FROM workflow WHERE id = 1").fetchone()
        alone.execute("SELECT count(*) FROM user_data WHERE workflow_id = 1").fetchone()
