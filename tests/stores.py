"""The stores that the contract is tested on: how each is made, opened again, and what sets it apart."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers import TorcServer, wipe

from torc_frames.server_settings import server_settings
from torc_frames.store.base import Store
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.v1.store import V1Store


@dataclass(frozen=True)
class StoreKind:
    """One kind of store."""

    make: Callable[[Path, Any], Store]
    """Makes an empty store, which may keep files in a directory, on a server where it needs one."""

    open: Callable[[str, Any], Store]
    """Opens the store of a url a second time."""

    server: str | None = None
    """The fixture of the server that it needs."""

    snapshots_hold_up_writers: bool = False
    """Whether a write waits until no snapshot is open."""

    runs_jobs: bool = True
    """Whether it is a `RunnableStore`; the jobs of others are run by torc."""

    keeps_all_json: bool = True
    """Whether raw JSON comes back byte for byte, whatever it is, or as the server writes it."""

    has_revs: bool = True
    """Whether workflows and jobs have revs, which change with every write."""

    links_need_roles: bool = False
    """Whether a record is linked to a job as input or output only."""

    new_jobs_are: tuple[str, str] = ("ready", "blocked")
    """The statuses of new jobs: those that wait for nothing, and the others."""


def _of_server(fixture: str) -> StoreKind:
    return StoreKind(
        make=_on_server,
        open=lambda url, server: V1Store(_settings(server)),
        server=fixture,
        runs_jobs=False,
        keeps_all_json=False,
        has_revs=False,
        links_need_roles=True,
        new_jobs_are=("uninitialized", "uninitialized"),
    )


def _on_server(directory: Path, server: TorcServer) -> Store:
    wipe(server)
    return V1Store(_settings(server))


def _settings(server: TorcServer) -> Any:
    return server_settings(
        server.url,
        username=server.username,
        password=server.password,
        ca_cert=str(server.ca_cert) if server.ca_cert else None,
    )


def only(condition: bool, why: str) -> None:
    """Leave out a test that a kind of store can't have."""
    if not condition:
        pytest.skip(why)


def link(store: Any, server: TorcServer | None, record_key: str, job_key: str, role: str) -> None:
    """Link a record to one more job, in the database: no call of the protocol does, other clients can."""
    if server is None:
        path = store.path
        sql = "INSERT INTO link (job_id, record_id, role) VALUES (:job, :record, :role)"
    else:
        path = server.database
        sql = f"INSERT INTO job_{role}_user_data (job_id, user_data_id) VALUES (:job, :record)"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(sql, {"job": job_key, "record": record_key, "role": role})


STORES = {
    "sqlite": StoreKind(
        make=lambda directory, server: SQLiteStore(directory / "study.db"),
        open=lambda url, server: SQLiteStore(url),
    ),
    "sqlite-network": StoreKind(
        make=lambda directory, server: SQLiteStore(directory / "study.db", network=True),
        open=lambda url, server: SQLiteStore(url, network=True),
        snapshots_hold_up_writers=True,
    ),
    "torc-server": _of_server("torc_server"),
    "torc-server-auth": _of_server("auth_server"),
    "torc-server-tls": _of_server("tls_server"),
}
