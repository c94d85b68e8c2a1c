"""A workflow in torc's own database, read through views that show its tables as if they were ours."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.store.records import (
    CALLS,
    MEASURED,
    RUNNING,
    STATUSES,
    JobPage,
    Kind,
    ResultPage,
    SeriesChunk,
    TorcSettings,
    UserDataPage,
)
from torc_frames.store.sqlite.queries import JOB_NAME, OPTIONAL_INTS, OPTIONAL_TEXTS, Column
from torc_frames.store.sqlite.reading import ReadConnection
from torc_frames.store.sqlite.snapshot import SQLiteSnapshot
from torc_frames.store.torc_file.settings import read_settings
from torc_frames.store.wire.numbers import doubtful_lines, server_reads
from torc_frames.store.wire.series import CATEGORY, chunk_of
from torc_frames.store.wire.times import run_times
from torc_frames.store.wire.torc_settings import OTHERS
from torc_frames.store.wire.v1 import name_from_wire, rev_of

__all__ = ["TorcFileSnapshot", "as_served", "show_as_ours"]

_RUNNING = STATUSES.index(RUNNING)
_STATUS = (
    "CASE status "
    + " ".join(f"WHEN {at} THEN '{name}'" for at, name in enumerate(STATUSES))
    + " ELSE CAST(status AS TEXT) END"
)

# What jobs need that is not to be shown, as it was not given: see `torc_frames.store.wire.v1.resources_of`.
_NAMED = "need.name = num_cpus || ' cpus, ' || num_gpus || ' gpus, '"
_NOTHING_GIVEN = f"""
    memory = '1m' AND (
        runtime = 'PT1M' AND {_NAMED} || 'any memory, any runtime'
        OR need.name = 'default' AND num_cpus = 1 AND num_gpus = 0 AND runtime IN ('PT1M', 'P0DT1M')
    )
"""
_NO_MEMORY_GIVEN = f"{_NOTHING_GIVEN} OR memory = '1m' AND {_NAMED} || 'any memory, ' || runtime"
_NO_RUNTIME_GIVEN = f"{_NOTHING_GIVEN} OR runtime = 'PT1M' AND {_NAMED} || memory || ', any runtime'"

# A temporary view hides the table of its name, so that what reads a store of ours reads these. torc has
# no revs. The server shows metadata that is no object as none, and so do we.
_VIEWS = {
    "workflow": """
        SELECT id, name, nullif(user, '') AS user, description, timestamp AS created, NULL AS rev,
            CASE WHEN json_valid(metadata) AND json_type(metadata) = 'object' THEN metadata ELSE '{}' END
            AS metadata,
            json_object('project', project, 'is_archived', is_archived, 'run_id', run_id) AS attributes
        FROM main.workflow
    """,
    # By an index, the jobs of a workflow would come in order of status, and a page would go over all.
    "job": f"""
        SELECT job.id, job.workflow_id, job.name, command, {_STATUS} AS status,
            ifnull(num_cpus, 1) AS num_cpus, ifnull(num_gpus, 0) AS num_gpus,
            CASE WHEN {_NO_MEMORY_GIVEN} THEN NULL ELSE memory END AS memory,
            CASE WHEN {_NO_RUNTIME_GIVEN} THEN NULL ELSE runtime END AS runtime,
            ifnull(
                CASE status WHEN {_RUNNING}
                THEN (SELECT run_id FROM main.workflow WHERE workflow.id = job.workflow_id)
                ELSE (
                    SELECT result.run_id FROM main.workflow_result AS latest
                    JOIN main.result AS result ON result.id = latest.result_id
                    WHERE latest.workflow_id = job.workflow_id AND latest.job_id = job.id
                ) END, 0
            ) AS run_id,
            NULL AS rev, need.name AS resource_requirements, num_nodes, priority, {{labels}}, attempt_id
        FROM main.job AS job NOT INDEXED
        LEFT JOIN main.resource_requirements AS need ON need.id = job.resource_requirements_id
    """,
    # Data that is a bare number is a number to SQLite, which would give 15 digits of it.
    "user_data": """
        SELECT id, workflow_id, name, is_ephemeral, 0 AS rev,
            CASE typeof(data) WHEN 'real' THEN every_digit(data) ELSE data END AS data
        FROM main.user_data
    """,
    # torc lets a job have records of another workflow, which a pull of its own could not show.
    "link": " UNION ALL ".join(
        f"""
        SELECT link.job_id, link.user_data_id AS record_id, '{role}' AS role
        FROM main.job_{role}_user_data AS link
        CROSS JOIN main.job AS job ON job.id = link.job_id
        CROSS JOIN main.user_data AS user_data
            ON user_data.id = link.user_data_id AND user_data.workflow_id = job.workflow_id
        """
        for role in ("input", "output")
    ),
    "dependency": "SELECT job_id, depends_on_job_id AS depends_on_id FROM main.job_depends_on",
    # torc keeps how long a run took: `results` makes its start of that.
    "result": f"""
        SELECT id, workflow_id, job_id, run_id, {_STATUS} AS status, return_code,
            every_digit(exec_time_minutes) AS start_time, completion_time AS end_time, attempt_id,
            CAST(compute_node_id AS TEXT) AS compute_node, peak_memory_bytes, avg_memory_bytes,
            nullif(every_digit(peak_cpu_percent), 'None') AS peak_cpu_percent,
            nullif(every_digit(avg_cpu_percent), 'None') AS avg_cpu_percent,
            result.id = (
                SELECT result_id FROM main.workflow_result AS latest
                WHERE latest.workflow_id = result.workflow_id AND latest.job_id = result.job_id
            ) AS is_latest
        FROM main.result AS result
    """,
}


def show_as_ours(connection: ReadConnection) -> None:
    """Make the views by which a database of torc reads like a store of ours."""
    connection.create_function("every_digit", 1, repr, deterministic=True)
    connection.execute("PRAGMA temp_store = MEMORY")
    job = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('job', 'main')")}
    for name, select in _VIEWS.items():
        select = select.replace("{labels}", "labels" if "labels" in job else "NULL AS labels")
        connection.execute(f"CREATE TEMP VIEW {name} AS {select}")


def as_served(raw: bytes) -> bytes:
    """Return raw JSON with every float as the server reads it, which may be off by the last bit.

    What torc_frames sends is chosen so that it comes back exactly when the server has read it. A bare
    number is left as it is, as the server can't give it.
    """
    return _STRING_OR_FLOAT.sub(_read_float, raw) if raw[:1] in _BRACKETS else raw


_BRACKETS = (b"{", b"[")
_STRING_OR_FLOAT = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)')


def _read_float(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text[:1] == b'"':
        return text
    try:
        value = server_reads(text)
    except OverflowError:
        return text  # what the server refuses to read
    return text if value == float(text) else repr(value).encode()


def _page_as_served(data: bytes) -> bytes:
    """Return lines of raw JSON as `as_served` returns each."""
    doubtful = doubtful_lines(data)
    if not doubtful:
        return data
    lines = data.split(b"\n")
    for row in doubtful:
        lines[row] = as_served(lines[row])
    return b"\n".join(lines)


_TABLES: dict[Kind, str] = {
    "files": "file",
    "compute_nodes": "compute_node",
    "events": "event",
    "calls": "event",
    "slurm_stats": "slurm_stats",
}
_JSON = ("data", "labels", "scheduler")
_OF_WORKFLOW = "WHERE workflow_id = :workflow"
_OF_CATEGORY = "json_valid(data) AND json_extract(data, '$.category') = :category"
_EVENTS: dict[Kind, tuple[str, str]] = {
    "calls": (f"AND {_OF_CATEGORY}", CALLS),
    "events": (f"AND NOT ifnull({_OF_CATEGORY}, FALSE)", CATEGORY),
}
"""Which events are shown as what."""

_EVENTS_OF_SERIES = f"""
    SELECT id, data FROM main.event {_OF_WORKFLOW} AND id > :after AND {_OF_CATEGORY} ORDER BY id LIMIT 200
"""
_COUNT_SERIES = f"SELECT count(*) FROM main.event {_OF_WORKFLOW} AND {_OF_CATEGORY}"
_FILE_ENDS = """
    SELECT file.id AS file_id, made.job_id AS producer_job_id, used.job_id AS consumer_job_id
    FROM main.file AS file LEFT JOIN main.job_output_file AS made ON made.file_id = file.id
    LEFT JOIN main.job_input_file AS used ON used.file_id = file.id
    WHERE file.workflow_id = :workflow ORDER BY file.id, made.job_id, used.job_id
"""


def _floats(page: str) -> list[float | None]:
    return [None if text is None else float(text) for text in OPTIONAL_TEXTS(page)]


def _labels(page: str) -> list[Any]:
    return [_decoded(text) for text in OPTIONAL_TEXTS(page)]


def _decoded(text: object) -> Any:
    """Return what JSON in a cell says; what is none stays as it is."""
    try:
        return msgspec.json.decode(text) if isinstance(text, (str, bytes)) else text
    except msgspec.MsgspecError:
        return text


class TorcFileSnapshot(SQLiteSnapshot):
    """A `Snapshot` of a database of torc."""

    measures = True
    more_of_jobs: Mapping[str, Column] = MappingProxyType(
        {
            "resource_requirements": ("resource_requirements", OPTIONAL_TEXTS),
            **{name: (name, OPTIONAL_INTS) for name in ("num_nodes", "priority")},
            "labels": ("labels", _labels),
            "attempt_id": ("attempt_id", OPTIONAL_INTS),
        }
    )
    more_of_results: Mapping[str, Column] = MappingProxyType(
        {
            "attempt_id": ("attempt_id", OPTIONAL_INTS),
            "compute_node": ("compute_node", OPTIONAL_TEXTS),
            **{name: (name, OPTIONAL_INTS if name.endswith("bytes") else _floats) for name in MEASURED},
        }
    )
    _labels_of_results: Mapping[str, Column] = MappingProxyType({"job_name": JOB_NAME})
    _as_stored: ClassVar[bool] = True
    """Whether data is as in the database of a server, which reads it before it gives it."""

    _outputs = """
        (SELECT user_data_id AS record_id FROM main.job_output_user_data AS made
        CROSS JOIN main.job AS job ON job.id = made.job_id AND job.workflow_id = :workflow)
    """
    _is_given = """
        EXISTS (SELECT 1 FROM main.job_input_user_data AS taken
            CROSS JOIN main.job AS job ON job.id = taken.job_id
            WHERE taken.user_data_id = user_data.id AND job.workflow_id = :workflow)
        AND NOT EXISTS (SELECT 1 FROM main.job_output_user_data AS made
            CROSS JOIN main.job AS job ON job.id = made.job_id
            WHERE made.user_data_id = user_data.id AND job.workflow_id = :workflow)
    """
    # SQLite reads a union as a whole, so it has to be told which part of it belongs to the page.
    _links_source = (
        "(SELECT * FROM link WHERE job_id > :after AND job_id <= :upto ORDER BY job_id, record_id, role) "
        "AS link CROSS JOIN job ON job.id = link.job_id"
    )

    def _jobs(self, where: str, values: Mapping[str, object]) -> Iterator[JobPage]:
        for page in super()._jobs(where, values):
            yield replace(page, revs=[None] * len(page))

    def _user_data(
        self, where: str, values: Mapping[str, object], labels: bool, among: str
    ) -> Iterator[UserDataPage]:
        for page in super()._user_data(where, values, labels, among):
            served = replace(page, data=_page_as_served(page.data)) if self._as_stored else page
            if labels:
                names = [None if name is None else name_from_wire(name) for name in page.names]
                served = replace(served, names=names, revs=list(map(rev_of, served.lines())))
            yield served

    def results(self, *, latest: bool = False, labels: bool = False) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        for page in self._run_pages("AND is_latest" if latest else "", labels):
            times = list(map(_times, page.start_times, page.end_times))
            starts, ends = map(list, zip(*times, strict=True))
            yield replace(page, start_times=starts, end_times=ends)

    def stale(self) -> Mapping[str, bool | None] | None:
        """See `Snapshot.stale`; torc keeps neither revs nor times of records."""
        return None

    def rows(self, kind: Kind) -> list[dict[str, Any]]:
        """See `Snapshot.rows`."""
        if kind == "job_file_relationships":
            ends = ("file_id", "producer_job_id", "consumer_job_id")
            return [dict(zip(ends, row, strict=True)) for row in self._fetch(_FILE_ENDS, {})]
        some, category = _EVENTS.get(kind, ("", None))
        return [
            {name: _decoded(cell) if name in _JSON else cell for name, cell in row.items()}
            for row in self._table(_TABLES[kind], some, category=category)
        ]

    def series(self, *, job_key: str | None = None) -> Iterator[SeriesChunk]:
        """See `Snapshot.series`; they are events."""
        self._job(job_key)
        after = 0
        while page := self._fetch(_EVENTS_OF_SERIES, {"category": CATEGORY, "after": after}):
            for after, data in page:
                chunk = chunk_of({"id": after, "data": _decoded(data)})
                if job_key in (None, chunk.job_key):
                    yield chunk

    def settings(self) -> TorcSettings:
        """See `Snapshot.settings`."""
        return read_settings(self._table)

    def others(self) -> dict[str, int]:
        """See `Snapshot.others`."""
        counts = {kind: self._count(table) for kind, table in OTHERS.items() if self._columns(table)}
        if counts.get("events"):
            counts["events"] -= self._fetch(_COUNT_SERIES, {"category": CATEGORY})[0][0]
        return {kind: found for kind, found in counts.items() if found}

    def _table(self, table: str, some: str = "", **values: object) -> Iterator[dict[str, Any]]:
        """Yield what a table of torc has of the workflow, oldest first; nothing if it has no such table."""
        names = self._columns(table)
        if names:
            of_workflow = "WHERE id = :workflow" if table == "workflow" else _OF_WORKFLOW
            rows = self._fetch(f"SELECT * FROM main.{table} {of_workflow} {some} ORDER BY {names[0]}", values)
            yield from (dict(zip(names, row, strict=True)) for row in rows)

    def _count(self, table: str) -> int:
        (found,) = self._fetch(f"SELECT count(*) FROM main.{table} {_OF_WORKFLOW}", {})[0]
        return int(found)

    def _columns(self, table: str) -> list[str]:
        sql = "SELECT name FROM pragma_table_info(:of, 'main')"
        return [name for (name,) in self._fetch(sql, {"of": table})]

    def _revision(self, rev: str) -> NoReturn:
        raise RefusedError(f"torc keeps no revs, so {self._path} can't tell what changed since one")


def _times(minutes: str, end: object) -> tuple[str, str]:
    try:
        number = float(minutes)
    except ValueError:
        number = math.nan
    return run_times(str(end), number)
