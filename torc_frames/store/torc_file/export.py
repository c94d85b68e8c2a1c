"""What ``torc workflows export`` wrote, as a database with torc's tables that is gone when it is closed."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, TypedDict

import msgspec

from torc_frames.errors import StoreFileError, UnavailableError, warn
from torc_frames.store.records import COMPLETED, FAILED, PENDING_FAILED, STATUSES, TERMINATED, UNINITIALIZED

__all__ = ["load"]

_VERSION = "1.0"
_REMEDY = "`torc workflows export ID --include-results -o FILE` writes one"

_COLUMNS = {
    "workflow": "id name user description timestamp metadata run_id project is_archived",
    "job": "id workflow_id name command status resource_requirements_id attempt_id compute_node_id "
    "start_time priority labels",
    "user_data": "id workflow_id name is_ephemeral data",
    "resource_requirements": "id workflow_id name num_cpus num_gpus num_nodes memory runtime",
    "result": "id workflow_id job_id run_id attempt_id compute_node_id return_code exec_time_minutes "
    "completion_time status peak_memory_bytes avg_memory_bytes peak_cpu_percent avg_cpu_percent",
    "file": "id workflow_id name path st_mtime",
    "slurm_scheduler": "id workflow_id",
    "local_scheduler": "id workflow_id",
    "failure_handler": "id workflow_id",
    "workflow_action": "id workflow_id",
    "ro_crate_entity": "id workflow_id",
    "compute_node": "id workflow_id hostname pid start_time end_time duration_seconds is_active num_cpus "
    "memory_gb num_gpus num_nodes time_limit scheduler_config_id compute_node_type scheduler sample_count "
    "peak_cpu_percent avg_cpu_percent peak_memory_bytes avg_memory_bytes labels",
    "event": "id workflow_id timestamp data",
    "slurm_stats": "id workflow_id job_id run_id attempt_id slurm_job_id max_rss_bytes max_vm_size_bytes "
    "max_disk_read_bytes max_disk_write_bytes ave_cpu_seconds node_list",
}
"""The columns of torc's tables that are there whether the export has them or not."""

_LINKS = {
    "input_user_data_ids": ("job_input_user_data", "user_data_id"),
    "output_user_data_ids": ("job_output_user_data", "user_data_id"),
    "input_file_ids": ("job_input_file", "file_id"),
    "output_file_ids": ("job_output_file", "file_id"),
    "depends_on_job_ids": ("job_depends_on", "depends_on_job_id"),
}
"""By attribute of a job, the table and column of what it holds."""

_ENDED = (UNINITIALIZED, COMPLETED, FAILED, TERMINATED, PENDING_FAILED)
_LISTS = {
    table: f"{table}s"
    for table in _COLUMNS
    if table not in ("workflow", "user_data", "resource_requirements")
}
_LISTS["ro_crate_entity"] = "ro_crate_entities"
_INDEXES = (
    "user_data (workflow_id, id)",
    "job (workflow_id, id)",
    "result (workflow_id, id)",
    "result (job_id, id)",
    "workflow_result (job_id)",
)

Rows = list[msgspec.Raw]


class _Export(
    msgspec.Struct,
    rename=lambda name: _LISTS.get(name, name),
):
    """The file: lists of what the server tells by the names of torc's tables, each thing undecoded."""

    export_version: str
    workflow: msgspec.Raw
    job: Rows
    user_data: Rows
    resource_requirements: Rows
    result: Rows | None = None
    file: Rows | None = None
    slurm_scheduler: Rows | None = None
    local_scheduler: Rows | None = None
    failure_handler: Rows | None = None
    workflow_action: Rows | None = None
    ro_crate_entity: Rows | None = None
    compute_node: Rows | None = None
    event: Rows | None = None


class _WithId(msgspec.Struct):
    id: int


class _Linked(_WithId):
    """A job with what it is linked to."""

    input_user_data_ids: list[int] = []
    output_user_data_ids: list[int] = []
    input_file_ids: list[int] = []
    output_file_ids: list[int] = []
    depends_on_job_ids: list[int] = []


class _WithData(TypedDict, total=False):
    """A record; its data stays the text that it is."""

    id: int
    workflow_id: int
    name: str
    is_ephemeral: bool
    data: msgspec.Raw


_row = msgspec.json.Decoder(dict[str, Any]).decode
_record = msgspec.json.Decoder(_WithData).decode
_linked = msgspec.json.Decoder(_Linked).decode
_workflow_id = msgspec.json.Decoder(_WithId).decode


def load(path: str, database: str) -> None:
    """Make a database of an export.

    Parameters
    ----------
    path : str
        The export.
    database : str
        The file to make.

    Raises
    ------
    StoreFileError
        If the file is no export.
    UnavailableError
        If it can't be read.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise UnavailableError(f"can not read {path}: {error.strerror or error}") from error
    try:
        export = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"), type=_Export)
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("BEGIN")
            _fill(connection, export)
            connection.execute("COMMIT")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        kind = "no export of torc" if isinstance(error, msgspec.ValidationError) else "no JSON"
        raise StoreFileError(f"{path} is {kind}: {error}; {_REMEDY}") from None
    except (sqlite3.Error, OverflowError) as error:
        raise StoreFileError(f"{path} is no export of torc: {error}; {_REMEDY}") from None
    if export.export_version != _VERSION:
        warn(f"{path} is an export of version {export.export_version}, not {_VERSION}: it is tried")
    if export.result is None:
        warn(f"{path} was exported without --include-results: how runs ended is not in it")


def _fill(connection: sqlite3.Connection, export: _Export) -> None:
    workflow_id = _workflow_id(export.workflow).id
    for table, columns in _COLUMNS.items():
        items = [export.workflow] if table == "workflow" else getattr(export, table, None) or []
        read = _record if table == "user_data" else _row
        others = {name for item in items for name in read(item)} - {*columns.split(), *_LINKS}
        names = [*columns.split(), *sorted(others)]
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        # What is compared by an index has to have the type of what it is compared with.
        declared = quoted.replace('"id"', '"id" INTEGER PRIMARY KEY', 1)
        declared = re.sub('"((?:job|workflow)_id)"', r'"\1" INTEGER', declared)
        connection.execute(f"CREATE TABLE {table} ({declared})")
        sql = f"INSERT INTO {table} ({quoted}) VALUES ({', '.join('?' * len(names))})"
        connection.executemany(sql, (_values(table, names, read(item), workflow_id) for item in items))
    pairs: dict[str, list[tuple[int, int, int]]] = {attribute: [] for attribute in _LINKS}
    for job in map(_linked, export.job):
        for attribute, found in pairs.items():
            found += [(job.id, one, workflow_id) for one in getattr(job, attribute)]
    for attribute, (table, column) in _LINKS.items():
        declared = f"job_id INTEGER, {column} INTEGER, workflow_id INTEGER, PRIMARY KEY (job_id, {column})"
        connection.execute(f"CREATE TABLE {table} ({declared}) WITHOUT ROWID")
        connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)", pairs[attribute])
        connection.execute(f"CREATE INDEX {table}_by_{column} ON {table} ({column})")
    # torc forgets which result is the present one when it begins to run a job anew.
    connection.execute(
        "CREATE TABLE workflow_result AS SELECT result.workflow_id, job_id, max(result.id) AS result_id "
        "FROM result JOIN job ON job.id = job_id JOIN workflow WHERE result.run_id >= workflow.run_id "
        "OR job.status IN (SELECT value FROM json_each(?)) GROUP BY job_id",
        (str([STATUSES.index(status) for status in _ENDED]),),
    )
    for at, rows in enumerate(_INDEXES):
        connection.execute(f"CREATE INDEX index_{at} ON {rows}")


def _values(table: str, names: Sequence[str], row: Mapping[str, Any], workflow_id: int) -> list[Any]:
    if not isinstance(row.get("id"), int):
        raise msgspec.ValidationError(f"a row of {table} has no id")
    if row.get("workflow_id", workflow_id) != workflow_id:
        raise msgspec.ValidationError(f"a row of {table} is of another workflow than {workflow_id}")
    status = row.get("status")
    if table in ("job", "result") and status in STATUSES:
        row = {**row, "status": STATUSES.index(status)}
    return [_cell(row.get(name)) for name in names]


def _cell(value: Any) -> Any:
    """Return a value as torc has it in its database: lists and objects as JSON."""
    if isinstance(value, msgspec.Raw):
        return str(msgspec.json.format(value, indent=-1), "utf-8")
    return str(msgspec.json.encode(value), "utf-8") if isinstance(value, dict | list) else value
