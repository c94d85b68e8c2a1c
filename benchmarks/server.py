"""Pulling from and pushing to a torc-server, against its requests alone, and against torc's own client."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pandas as pd
import requests

import torc_frames as tf
from benchmarks import memory
from benchmarks.measure import Timings, alternate, repeats_for
from benchmarks.records import make_frame, make_rows
from tests.servers import TorcServer
from torc_frames.store.http.session import Http
from torc_frames.workflow.workflow import Workflow

__all__ = ["KINDS", "Peer", "measure", "memories", "peers", "running"]

PULLS = ("user_data", "parameters")
KINDS = (*PULLS, "push")

MAPPED = 300
"""How many rows torc's client maps to jobs: it makes two requests for each."""

_MOST_ROWS = 100_000
"""How many rows the server gives in one answer."""

_PEER_REPEATS = 3
_PULL_TARGET, _PUSH_TARGET = 3.5, 80


@dataclass(frozen=True, slots=True)
class Peer:
    """What torc's client needs for `length` records, in turn with one of our calls for as many."""

    name: str
    ours: str
    length: int
    target: float
    """How many times faster a record ours should be, at the first number of records of the other tables."""
    timings: Timings


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    params: Mapping[str, object]
    body: bytes | None
    reply: bytes


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start a server with an empty database, and give its url."""
    folder.mkdir(parents=True, exist_ok=True)
    with TorcServer.start(folder) as server:
        yield server.url


def measure(url: str, length: int) -> dict[str, Timings]:
    """Time pulls and a push, each against its requests alone."""
    workflow = _stored(url, length)
    timings = {name: _pull(url, workflow, name, length) for name in PULLS}
    return {**timings, "push": _push(url, length)}


def peers(url: str, length: int) -> list[Peer]:
    """Time torc's client and the same calls of ours in turn."""
    workflow = _stored(url, length)
    pull = _client_pull(url, workflow)
    push = _client_push(url)
    return [
        Peer("`iter_documents` + `json_normalize` + `merge`", "parameters", length, _PULL_TARGET, pull),
        Peer("`map_function_to_jobs`", "push", MAPPED, _PUSH_TARGET, push),
    ]


def memories(folder: Path, url: str, length: int) -> dict[str, int]:
    """Return how many bytes each kind of call takes at most."""
    for each in (10, length):
        memory.store_input(folder, each)
    keys = [_stored(url, each).key for each in (10, length)]
    return {kind: memory.measure(folder, kind, length, (url, *keys)) for kind in KINDS}


def _stored(url: str, length: int) -> Workflow:
    """Push the records to a new workflow."""
    workflow = tf.connect(url).create_workflow("benchmark")
    workflow.push(make_frame(length), show_progress=False)
    return workflow


def _pull(url: str, workflow: Workflow, name: str, length: int) -> Timings:
    """Time a pull, and fetching the two lists that it needs in as few requests as the server allows."""

    def pull() -> Any:
        return getattr(workflow, name)(show_progress=False)

    fewest = [
        _Request("GET", path, {**more, "offset": offset, "limit": _MOST_ROWS}, None, b"")
        for path, more in (
            ("/user_data", {"workflow_id": workflow.key}),
            (f"/workflows/{workflow.key}/job_user_data_relationships", {}),
        )
        for offset in range(0, length, _MOST_ROWS)
    ]
    return alternate(lambda: pull, lambda: lambda: _send(url, fewest), repeats_for(length))


def _push(url: str, length: int) -> Timings:
    """Time a push to a new workflow, and posting the bodies of such a push, ready made for another one."""
    df = make_frame(length)

    def new() -> Workflow:
        return tf.connect(url).create_workflow("push")

    def ours() -> Callable[[], Any]:
        workflow = new()
        return lambda: workflow.push(df, show_progress=False)

    workflow = new()
    made = _recorded(lambda: workflow.push(df, show_progress=False))
    posts = [one for one in made if one.method == "POST"]

    last = workflow

    def floor() -> Callable[[], None]:
        nonlocal last
        last = new()
        bodies = _for_workflow(posts, url, workflow.key, last.key)
        return lambda: _send(url, bodies)

    timings = alternate(ours, floor, repeats_for(length), warm=length <= 100_000)
    assert len(last.links()) == length, "the bodies that were posted do not make the same jobs"
    return timings


def _client_pull(url: str, workflow: Workflow) -> Timings:
    """Time ``parameters()``, and listing, flattening and merging the same with torc's client."""
    from torc import iter_documents, make_api

    api, key = make_api(url), int(workflow.key)

    def theirs() -> pd.DataFrame:
        records = list(iter_documents(api.list_user_data, key))
        links = list(iter_documents(api.list_job_user_data_relationships, key))
        data = pd.json_normalize([record.data for record in records])
        data["user_data_id"] = [record.id for record in records]
        jobs = pd.DataFrame(
            {
                "user_data_id": [link.user_data_id for link in links],
                "job_id": [link.consumer_job_id for link in links],
            }
        )
        return jobs.dropna().merge(data, on="user_data_id").set_index("job_id")

    def ours() -> pd.DataFrame:
        return workflow.parameters(show_progress=False)

    return alternate(lambda: ours, lambda: theirs, _PEER_REPEATS)


def _client_push(url: str) -> Timings:
    """Time a push with output records, and torc's client mapping a function to as many jobs."""
    from torc import make_api, map_function_to_jobs

    api, df, rows = make_api(url), make_frame(MAPPED), make_rows(MAPPED)

    def key() -> str:
        return tf.connect(url).create_workflow("mapped").key

    def ours() -> Callable[[], Any]:
        workflow = tf.connect(url).workflow(key())
        return lambda: workflow.push(df, outputs=True, show_progress=False)

    def theirs() -> Callable[[], Any]:
        workflow = int(key())
        return lambda: map_function_to_jobs(api, workflow, "json", "dumps", rows)

    return alternate(ours, theirs, _PEER_REPEATS)


def _recorded(call: Callable[[], Any]) -> list[_Request]:
    """Return the requests that a call makes, in the order in which they begin."""
    made: list[tuple[int, _Request]] = []
    order = itertools.count()
    plain = Http._call

    def noted(http: Http, method: str, path: str, body: bytes | None, params: Any, **more: Any) -> bytes:
        at = next(order)
        reply = plain(http, method, path, body, params, **more)
        made.append((at, _Request(method, path, params or {}, body, reply)))
        return reply

    with mock.patch.object(Http, "_call", noted):
        call()
    return [request for _, request in sorted(made, key=lambda pair: pair[0])]


def _send(url: str, made: list[_Request]) -> None:
    """Make requests one after the other, and throw away what comes."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"Accept-Encoding": "identity", "Content-Type": "application/json"})
        for one in made:
            params = {
                name: str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in one.params.items()
            }
            reply = session.request(one.method, url + one.path, params=params, data=one.body, timeout=600)
            reply.raise_for_status()
            _ = reply.content


def _for_workflow(posts: list[_Request], url: str, old: str, new: str) -> list[_Request]:
    """Return the posts of one push as another workflow needs them: its id, and the ids its records will have.

    The server counts ids up, and nobody else writes.
    """
    first = min(_ids(one.reply)[0] for one in posts if one.path == "/bulk_user_data")
    body = b'{"workflow_id":%d,"name":"probe"}' % int(new)
    probe = requests.post(f"{url}/user_data", body, headers={"Content-Type": "application/json"}, timeout=60)
    shift = int(probe.json()["id"]) + 1 - first

    def moved(match: re.Match[bytes]) -> bytes:
        return b'"input_user_data_ids":[%d]' % (int(match[1]) + shift)

    def adapted(one: _Request) -> _Request:
        body = (one.body or b"").replace(b'"workflow_id":%d,' % int(old), b'"workflow_id":%d,' % int(new))
        return replace(one, body=_INPUTS.sub(moved, body))

    return [adapted(one) for one in posts]


_INPUTS = re.compile(rb'"input_user_data_ids":\[([0-9]+)\]')


class _Id(msgspec.Struct):
    id: int


class _Added(msgspec.Struct):
    user_data: list[_Id]


def _ids(reply: bytes) -> list[int]:
    return [one.id for one in msgspec.json.decode(reply, type=_Added).user_data]
