"""Writers, and servers, that are killed at any moment; the same call then finishes what was begun."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from unittest.mock import patch

import keeping
import pandas as pd
from servers import TorcServer
from services import Service

import torc_frames as tf
from tests.trust.fault import Fault, Place
from torc_frames.errors import UnavailableError
from torc_frames.store.http import failures
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.v1 import jobs as v1_jobs

_ROWS = 400
_FEW = 40  # where each row is several requests


def pushed(url: str | Path, key: str, table: pd.DataFrame) -> dict[str, int]:
    """Push a table by a client of its own, and return what was done."""
    with closing(tf.connect(url)) as client:
        done = client.workflow(key).push(table, command="echo {n}", outputs=True, show_progress=False)
        return dict(done.attrs["torc"])


def check(url: str | Path, key: str, table: pd.DataFrame) -> None:
    """Check that each row is one job with an input and an output of its own, and that this is all."""
    with closing(tf.connect(url)) as client:
        wf = client.workflow(key)
        found = wf.parameters()
        assert found.reset_index(drop=True).to_dict("list") == table.to_dict("list")
        links = wf.links()
        for role in ("input", "output"):
            assert sorted(links.loc[links["role"] == role, "job_key"]) == sorted(found.index)
        assert sorted(links["record_key"]) == sorted(wf.user_data()["record_key"])
        assert len(wf.jobs()) == len(table)


def _table(rows: int, text: str = "x") -> pd.DataFrame:
    return pd.DataFrame({"n": range(rows), "text": [text] * rows})


def _killed(seconds: float, do: Callable[[], object]) -> None:
    """Do something in a process of its own, and kill that after some time."""
    child = os.fork()
    if not child:
        try:
            do()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _push(place: Place) -> None:
    path = place.folder / "study.db"
    with closing(tf.connect(path)) as client:
        keys = [client.create_workflow("push").key for _ in range(2)]
    began = time.monotonic()
    pushed(path, keys[0], _table(_ROWS))
    seconds = place.random.uniform(0, 1.2) * (time.monotonic() - began)
    _killed(seconds, lambda: pushed(path, keys[1], _table(_ROWS)))
    assert pushed(path, keys[1], _table(_ROWS))["added"] in (0, _ROWS)
    check(path, keys[1], _table(_ROWS))


def _apply(place: Place) -> None:
    """Kill an apply that changes all rows and adds others."""
    path = place.folder / "study.db"

    def edited() -> object:
        with closing(tf.connect(path)) as client:
            wf = client.workflow(key)
            table = wf.parameters().assign(text="y")
            more = pd.concat([table, _table(2 * _ROWS, "y").iloc[len(table) :]])
            more.index = pd.Index(
                [*table.index, *[None] * (len(more) - len(table))], name="job_key", dtype="str"
            )
            assert len(table) in (_ROWS, 2 * _ROWS)
            return wf.plan(more, command="echo {n}", outputs=True).apply(progress=False)

    with closing(tf.connect(path)) as client:
        key = client.create_workflow("apply").key
    began = time.monotonic()
    pushed(path, key, _table(_ROWS))
    seconds = place.random.uniform(0, 1.5) * (time.monotonic() - began)
    _killed(seconds, edited)
    edited()
    check(path, key, _table(2 * _ROWS, "y"))


def _writer(place: Place) -> int:
    """Kill a process that adds records; what it acknowledged is there, and one more at most."""
    path = place.folder / "study.db"
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")

    def write() -> None:
        with closing(SQLiteStore(path, network=False)) as own:
            keeping.add(own, path, "w", range(100_000))

    keeping.acknowledge(path, "none", 0)
    _killed(place.random.uniform(0.01, 0.3), write)
    acknowledged = keeping.acknowledged(path) - {"none:0"}
    kept = keeping.kept(path)
    assert acknowledged <= kept
    assert kept - acknowledged <= {f"w:{len(acknowledged)}"}
    with closing(SQLiteStore(path, network=False)) as store:
        keeping.add(store, path, "after", range(3))
    assert {"after:0", "after:1", "after:2"} <= keeping.kept(path)
    return 1


def _server(start: Callable[[Path, ExitStack], TorcServer | Service], rows: int) -> Callable[[Place], None]:
    def attempt(place: Place) -> None:
        with ExitStack() as stack:
            server = start(place.folder, stack)
            # Nobody waits for a server that is gone, and there are several requests to be killed in.
            stack.enter_context(patch.object(failures, "PATIENT", 1))
            stack.enter_context(patch.object(v1_jobs, "CHUNK_ROWS", 100))
            with closing(tf.connect(server.url)) as client:
                keys = [client.create_workflow("push").key for _ in range(2)]
                [kept] = client.workflow(keys[0]).add_user_data(None, {"kept": True})
            began = time.monotonic()
            pushed(server.url, keys[0], _table(rows))
            seconds = place.random.uniform(0, 1.1) * (time.monotonic() - began)
            killer = threading.Timer(seconds, server.kill)
            killer.start()
            try:
                done = pushed(server.url, keys[1], _table(rows))["added"]
            except UnavailableError:
                done = 0
            killer.join()
            server.start() if isinstance(server, Service) else server.restart()
            assert pushed(server.url, keys[1], _table(rows))["added"] <= rows - done
            check(server.url, keys[1], _table(rows))
            with closing(tf.connect(server.url)) as client:
                assert client.workflow(keys[0]).get_user_data(kept).data == {"kept": True}

    return attempt


_FINISHED = "the same call finishes it, nothing is doubled, and what was acknowledged is there"
FAULTS = [
    Fault(f"a push is killed at any moment: {_FINISHED}", "embedded", 2, 120, _push),
    Fault(f"an apply that changes and adds rows is killed: {_FINISHED}", "embedded", 2, 120, _apply),
    Fault(
        "a process that adds records is killed: what was acknowledged is there", "embedded", 3, 120, _writer
    ),
    Fault(
        f"the server is killed while a push runs: {_FINISHED}",
        "torc-server",
        1,
        50,
        _server(lambda folder, stack: stack.enter_context(TorcServer.start(folder)), _ROWS),
    ),
    Fault(
        f"the server is killed while a push runs: {_FINISHED}",
        "serve",
        1,
        50,
        _server(lambda folder, stack: stack.enter_context(Service(folder, "--form", "first")), _FEW),
    ),
]
