"""What is read of an embedded store: which columns of which rows, and what makes values of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "BARE_LINKS",
    "BARE_USER_DATA",
    "CALL",
    "CALLS",
    "CHANGED",
    "CHANGED_JOBS",
    "CHOSEN",
    "DEPENDENCIES",
    "DOCUMENTS",
    "FILES_OF_JOBS",
    "INTS",
    "JOBS",
    "JOB_NAME",
    "LINKS",
    "OPTIONAL_INTS",
    "OPTIONAL_TEXTS",
    "RESULTS",
    "TEXTS",
    "THESE",
    "USER_DATA",
    "Column",
    "PageQuery",
    "call",
    "keys",
    "numbers",
    "roles",
]


def keys(text: str | None) -> list[str]:
    """Return keys, which come as ``1,2,3``."""
    return text.split(",") if text else []


def roles(text: str | None) -> list[str]:
    """Return roles, which come as keys do; an empty one is none."""
    return [] if text is None else text.split(",")


INTS = msgspec.json.Decoder(list[int]).decode
TEXTS = msgspec.json.Decoder(list[str]).decode
OPTIONAL_INTS = msgspec.json.Decoder(list[int | None]).decode
OPTIONAL_TEXTS = msgspec.json.Decoder(list[str | None]).decode


def numbers(listed: str | None) -> list[int]:
    """Return what ``group_concat`` of whole numbers lists."""
    return INTS(f"[{listed or ''}]")


Column = tuple[str, Callable[[str], list[Any]]]
"""What is read, in SQL, and what makes values of a page of it; all but keys and roles come as JSON."""


class PageQuery(NamedTuple):
    """What is read: columns, the first of which is the key that pages are cut by, and from where."""

    columns: tuple[Column, ...]
    spine: str
    """The table whose rows pages are counted by."""
    source: str
    order: str
    with_data: bool = False
    of_spine: str = ""
    """The column that names the spine's row, where rows need no spine beside them to be found."""

    def and_columns(self, more: Mapping[str, Column]) -> PageQuery:
        """Return it with more columns."""
        return self._replace(columns=(*self.columns, *more.values()))


JOBS = PageQuery(
    (
        ("id", keys),
        ("name", TEXTS),
        ("command", TEXTS),
        ("status", TEXTS),
        ("num_cpus", INTS),
        ("num_gpus", INTS),
        ("memory", OPTIONAL_TEXTS),
        ("runtime", OPTIONAL_TEXTS),
        ("run_id", INTS),
        ("rev", keys),
    ),
    "job",
    "job",
    "id",
)
USER_DATA = PageQuery(
    (("id", keys), ("name", OPTIONAL_TEXTS), ("rev", keys)), "user_data", "user_data", "id", with_data=True
)
BARE_USER_DATA = USER_DATA._replace(columns=USER_DATA.columns[:1])
LINKS = PageQuery(
    (("job_id", keys), ("record_id", keys), ("ifnull(role, '')", roles), ("job.name", TEXTS)),
    "job",
    "job CROSS JOIN link ON link.job_id = job.id",
    "job_id, record_id, ifnull(role, '')",
)
THESE = "(SELECT value FROM json_each(:records))"
CHOSEN = "(SELECT value FROM json_each(:chosen))"
BARE_LINKS = LINKS._replace(columns=LINKS.columns[:3], of_spine="job_id")
CHANGED = "SELECT id FROM user_data WHERE workflow_id = :workflow AND rev > :since"
CHANGED_JOBS = """
    SELECT job_id FROM user_data CROSS JOIN link ON link.record_id = user_data.id
    WHERE user_data.workflow_id = :workflow AND user_data.rev > :since
"""
DOCUMENTS = """
    SELECT ifnull(document_key, id), attributes FROM document
    WHERE workflow_id = :workflow AND collection = :collection ORDER BY id
"""
FILES_OF_JOBS = """
    SELECT job.id, file.value FROM job, json_each(job.attributes, :attribute) AS file
    WHERE workflow_id = :workflow AND json_type(job.attributes, :attribute) = 'array'
    ORDER BY job.id, file.key
"""
RESULTS = PageQuery(
    (
        ("id", keys),
        ("job_id", keys),
        ("run_id", INTS),
        ("status", TEXTS),
        ("return_code", INTS),
        ("start_time", TEXTS),
        ("end_time", TEXTS),
    ),
    "result",
    "result",
    "id",
)
JOB_NAME: Column = ("(SELECT name FROM job WHERE job.id = job_id)", TEXTS)
CALL: Column = ("call_id", OPTIONAL_INTS)
CALLS = """
    SELECT id, runner, started, ended, CAST(details AS BLOB) FROM call
    WHERE workflow_id = :workflow ORDER BY id
"""
DEPENDENCIES = PageQuery(
    (("job.id", keys), ("depends_on_id", keys)),
    "job",
    "job CROSS JOIN dependency ON dependency.job_id = job.id",
    "job.id, depends_on_id",
)


def call(key: int, runner: str, started: str, ended: str | None, details: bytes) -> dict[str, Any]:
    """Return a row of `CALLS` as `torc_frames.store.contents.read_calls` takes it."""
    times = {"started": started, "ended": ended}
    return {"key": key, "runner": runner, **times, "details": msgspec.json.decode(details)}
