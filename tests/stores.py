"""The stores that the contract is tested on: how each is made, opened again, and what sets it apart.

Those that only read have tests of their own: `store/test_torc_file.py` and `store/test_later_form.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers import TorcServer, wipe
from services import Service

from torc_frames.store.base import Store
from torc_frames.store.http.settings import server_settings
from torc_frames.store.legacy.store import LegacyStore
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.v1.store import V1Store
from torc_frames.workflow.client import Client
from torc_frames.workflow.workflow import Workflow


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

    has_transactions: bool = True
    """Whether several writes can be made one; of others each is by itself."""

    links_need_roles: bool = False
    """Whether a record is linked to a job as input or output only."""

    new_jobs_are: tuple[str, str] = ("ready", "blocked")
    """The statuses of new jobs: those that wait for nothing, and the others."""

    keeps_objects_only: bool = False
    """Whether data other than objects is refused."""

    roles_are_of_records: bool = False
    """Whether a record has one role for all its jobs, and neither null, nor a lifetime, nor a name but the
    one that goes with the role."""

    many: int = 25_000
    """How many jobs are added where there should be many; fewer where each takes a request."""


def _of_server(fixture: str) -> StoreKind:
    return StoreKind(
        make=_on_server,
        open=lambda url, server: V1Store(_settings(server)),
        server=fixture,
        runs_jobs=False,
        keeps_all_json=False,
        has_revs=False,
        has_transactions=False,
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


def _on_service(directory: Path, server: Service) -> Store:
    wipe_service(server)
    return LegacyStore(server_settings(server.url))


def wipe_service(server: Service) -> None:
    """Delete all workflows of a service; keys begin anew, as in an empty one."""
    with closing(sqlite3.connect(server.database)) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM workflow")
        database.execute("DELETE FROM sqlite_sequence")


def only(condition: bool, why: str) -> None:
    """Leave out a test that a kind of store can't have."""
    if not condition:
        pytest.skip(why)


def link(store: Any, server: Any, record_key: str, job_key: str, role: str) -> None:
    """Link a record to one more job, in the database: no call of the protocol does, other clients can."""
    if server is None or isinstance(server, Service):
        path = store.path if server is None else server.database
        sql = (
            "INSERT INTO link (job_id, record_id, role) SELECT :job, id, :role FROM user_data "
            "WHERE ifnull(document_key, CAST(id AS TEXT)) = :record"
        )
    else:
        path = server.database
        sql = f"INSERT INTO job_{role}_user_data (job_id, user_data_id) VALUES (:job, :record)"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(sql, {"job": job_key, "record": record_key, "role": role})


_STATUSES = ("uninitialized", "blocked", "ready", "pending", "running")
"""As a torc-server numbers them."""


def set_status(store: Any, server: Any, job_key: str, status: str) -> None:
    """Make a job of this status, in the database: that is the runners' to do."""
    if server is None or isinstance(server, Service):
        path = store.path if server is None else server.database
        sql = "UPDATE job SET status = :status WHERE ifnull(document_key, CAST(id AS TEXT)) = :job"
        value: object = status
    else:
        path, sql = server.database, "UPDATE job SET status = :status WHERE id = :job"
        value = _STATUSES.index(status)
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(sql, {"job": job_key, "status": value}).rowcount == 1


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
    "service": StoreKind(
        make=_on_service,
        open=lambda url, server: LegacyStore(server_settings(url)),
        server="first_service",
        runs_jobs=False,
        keeps_all_json=False,
        has_revs=False,
        has_transactions=False,
        new_jobs_are=("uninitialized", "uninitialized"),
        keeps_objects_only=True,
        roles_are_of_records=True,
        many=1_200,
    ),
}

SECURED = ("torc-server-auth", "torc-server-tls")
"""Those that `test_secured_stores.py` has for itself: passwords and TLS are no part of what is stored."""

EVERY_STORE = tuple(name for name in STORES if name not in SECURED)
"""Those that a test with the fixture `store` runs on, unless it is marked."""

on_every_store = pytest.mark.stores(*EVERY_STORE)
on_each_store = pytest.mark.stores("sqlite", "torc-server", "service")
"""For what the program behind a store has a say in: one store of each."""

on_sqlite = pytest.mark.stores("sqlite")
"""For rules that don't depend on the store."""

on_secured_stores = pytest.mark.stores(*SECURED)


@pytest.fixture
def study(store: Store) -> Workflow:
    """An empty workflow; tests call it wf."""
    return Client(store).create_workflow("study")


@pytest.fixture
def theirs(wf: Workflow, reader: Store) -> Workflow:
    """The same workflow, as another client has it."""
    return Client(reader).workflow(wf.key)
