"""Calls that ran jobs, in an embedded store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from torc_frames.frame.values import encode_data
from torc_frames.store.sqlite.connections import Connections, Write

__all__ = ["SQLiteCalls", "note"]


class SQLiteCalls:
    """What a store keeps of calls; see `torc_frames.store.base.CallStore`."""

    _connections: Connections

    def note_call(
        self, workflow_key: str, runner: str, details: Mapping[str, Any], *, ended: str | None = None
    ) -> None:
        """See `CallStore.note_call`."""
        with self._connections.write(workflow_key) as write:
            write.rev()
            note(write, runner, details, datetime.now(UTC).isoformat(timespec="microseconds"), ended)


def note(write: Write, runner: str, details: Mapping[str, Any], started: str, ended: str | None) -> int:
    """Add a call, or what else is known of one, and return its id."""
    ((number,),) = write.connection.execute(
        "INSERT INTO call (workflow_id, runner, started, ended, details) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (workflow_id, runner) DO UPDATE SET ended = ifnull(excluded.ended, ended), "
        "details = json_patch(details, excluded.details) RETURNING id",
        (write.workflow_id, runner, started, ended, encode_data(dict(details)).decode()),
    ).fetchall()
    return int(number)
