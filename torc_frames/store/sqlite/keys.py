"""Keys, revs and JSON of the embedded store: from what callers give to what SQLite holds, and back."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from torc_frames.errors import (
    NotFoundError,
    Problem,
    RefusedError,
    StoreFileError,
    UnreadableRecordError,
    shorten,
)
from torc_frames.store.keys import key_to_id
from torc_frames.store.records import WorkflowRecord
from torc_frames.store.sqlite.file import Connection

__all__ = [
    "LARGEST_CHOSEN_ID",
    "check_lengths",
    "decode_data",
    "encode_metadata",
    "find_all",
    "find_one",
    "find_workflow",
    "find_workflow_id",
    "id_list",
    "next_id",
    "texts",
    "workflow_record",
]

LARGEST_CHOSEN_ID = 2**53
"""A client of the dialect of 2023 may choose a number up to this as the id of a row."""

WORKFLOW_COLUMNS = "id, name, user, description, created, metadata, rev, attributes"


def id_list(ids: Iterable[int]) -> str:
    """Return ids as what ``json_each(?)`` takes; a list of parameters would be limited in length."""
    return msgspec.json.encode(list(ids)).decode()


def next_id(connection: Connection, table: str, count: int = 1) -> int:
    """Return the id from which so many new rows may be numbered; ids are never used again."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    first = 1 + (int(row[0]) if row else 0)
    # Among the keys beside rows are numbers that are still to come only beyond this one.
    while first + count - 1 > LARGEST_CHOSEN_ID:
        sql = (
            f"SELECT max(CAST(document_key AS INTEGER)) FROM {table} WHERE document_key IS NOT NULL "
            "AND CAST(document_key AS INTEGER) BETWEEN ? AND ?"
        )
        ((taken,),) = connection.execute(sql, (first, first + count - 1)).fetchall()
        if taken is None:
            break
        first = taken + 1
    return first


def find_workflow(connection: Connection, workflow_key: object, where: str = "") -> WorkflowRecord:
    """Return a workflow."""
    return workflow_record(_workflow_row(connection, workflow_key, WORKFLOW_COLUMNS, where))


def find_workflow_id(connection: Connection, workflow_key: object, where: str = "") -> int:
    """Return the id of a workflow that there is."""
    return int(_workflow_row(connection, workflow_key, "id", where)[0])


def _workflow_row(connection: Connection, workflow_key: object, columns: str, where: str) -> Sequence[Any]:
    row = None
    if (workflow_id := key_to_id(workflow_key)) is not None:
        sql = f"SELECT {columns} FROM workflow WHERE id = ?"
        row = connection.execute(sql, (workflow_id,)).fetchone()
    if row is None:
        raise NotFoundError("workflow", [str(workflow_key)], where)
    found: Sequence[Any] = row
    return found


def workflow_record(row: Sequence[Any]) -> WorkflowRecord:
    """Return the workflow of a row of `WORKFLOW_COLUMNS`."""
    key, name, user, description, created, metadata, rev, attributes = row
    shown = _object(metadata)
    if shown is None:
        raise StoreFileError(
            f"the metadata of workflow {key} is no JSON object; set it to '{{}}' in the file"
        )
    kept = _object(attributes) or {}
    project, run_id = kept.get("project"), kept.get("run_id")
    return WorkflowRecord(
        str(key),
        name,
        user,
        description,
        created,
        shown,
        rev and str(rev),
        project=project if isinstance(project, str) and project else None,
        archived=kept.get("is_archived") in (True, 1),
        run_id=run_id if isinstance(run_id, int) else None,
    )


def _object(text: object) -> dict[str, Any] | None:
    """Return a JSON object, None if it is none; others may have written to the file."""
    try:
        found = json.loads(text) if isinstance(text, (str, bytes)) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def find_all(
    connection: Connection, table: str, workflow_id: int, keys: Sequence[object], columns: str = "id"
) -> dict[str, tuple[Any, ...]]:
    """Return a row for each key that a workflow's jobs or user_data have, in the order of `keys`.

    Raises
    ------
    NotFoundError
        With all the keys that they don't have.
    """
    ids = {str(key): key_to_id(key) for key in keys}
    asked = id_list(number for number in ids.values() if number is not None)
    # Without the plus SQLite may look through the whole workflow for a few ids.
    sql = f"SELECT {columns} FROM {table} WHERE +workflow_id = ? AND id IN (SELECT value FROM json_each(?))"
    rows = {row[0]: row for row in connection.execute(sql, (workflow_id, asked))} if ids else {}
    missing = [key for key, number in ids.items() if number not in rows]
    if missing:
        raise _not_found(connection, table, workflow_id, missing)
    return {key: rows[number] for key, number in ids.items()}


def find_one(
    connection: Connection, table: str, workflow_id: int | None, key: object, columns: str
) -> tuple[Any, ...]:
    """Return the row of one key, of any workflow if none is given; see `find_all`."""
    number, row = key_to_id(key), None
    if number is not None:
        sql = f"SELECT {columns} FROM {table} WHERE workflow_id = ifnull(?, workflow_id) AND id = ?"
        row = connection.execute(sql, (workflow_id, number)).fetchone()
    if row is None:
        raise _not_found(connection, table, workflow_id, [str(key)])
    found: tuple[Any, ...] = row
    return found


def _not_found(
    connection: Connection, table: str, workflow_id: int | None, missing: list[str]
) -> NotFoundError:
    if workflow_id is None:
        return NotFoundError(table, missing)
    ids = id_list(number for key in missing if (number := key_to_id(key)) is not None)
    sql = f"SELECT id, workflow_id FROM {table} WHERE id IN (SELECT value FROM json_each(?)) LIMIT 3"
    others = [f"{key} is of workflow {other}" for key, other in connection.execute(sql, (ids,))]
    return NotFoundError(table, missing, f"workflow {workflow_id}", shorten(others))


def texts(data: Sequence[bytes | None], column: str = "data") -> list[str | None]:
    """Return raw JSON as SQLite holds it; null is NULL.

    Raises
    ------
    RefusedError
        With all the items that are not UTF-8.
    """
    try:
        return [None if item is None or item == b"null" else str(item, "utf-8") for item in data]
    except UnicodeDecodeError:
        raise RefusedError(
            [Problem(row, column, "not UTF-8") for row, item in enumerate(data) if not _is_utf8(item)]
        ) from None


def check_lengths(**columns: Sequence[object] | None) -> None:
    """Refuse columns that are not of one length, those that are None aside."""
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        raise RefusedError(f"columns of different lengths: {lengths}")


def _is_utf8(item: bytes | None) -> bool:
    try:
        str(item or b"", "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def decode_data(key: str, raw: bytes | None) -> Any:
    """Decode the data of a record, every number as it was, and whatever text SQLite holds.

    Raises
    ------
    UnreadableRecordError
        If it is not JSON.
    """
    if raw is None:
        return None
    try:
        return json.loads(str(raw, "utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecordError(key, str(error)) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def encode_metadata(metadata: Mapping[str, Any]) -> str:
    """Encode a workflow's metadata.

    Raises
    ------
    RefusedError
        If it is not a mapping that JSON can hold.
    """
    try:
        return json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RefusedError(f"metadata that JSON can not hold: {error}") from None
