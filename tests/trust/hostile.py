"""Requests to ``torc-frames serve`` that nobody sends in earnest: refused, nothing stored, and it goes on."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress

from services import Service

import torc_frames as tf
from tests.trust._hostile import BODY, hostile, mutated, smuggling, told
from tests.trust.fault import Fault, Place

_AS_WRITTEN = tuple(hostile())
_BASES = (
    told("POST", "{w}", body=BODY),
    told("GET", "{w}?limit=10&skip=0"),
    told("POST", "{j}", body=b'{"command": "x"}'),
)
_AT_ONCE = 20
_STEP = 10
_SILENT_S = 0.25


class _Tried:
    """A workflow of a service with a record, and what came of requests to it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.workflow = str(service.call("POST", "/workflows", {"name": "kept"})["_key"])
        self.record = service.call("POST", f"/user_data/{self.workflow}", {"kept": True})
        self.before = service.call("GET", "/workflows")["total_count"]
        self.log = service.log.stat().st_size

    def statuses(self, request: bytes) -> list[int]:
        """Send a request, and return the statuses of all answers that come until the connection ends."""
        base = self.service.path.encode()
        for name, path in ((b"{b}", b""), (b"{w}", b"/user_data/"), (b"{j}", b"/jobs/")):
            request = request.replace(name, base + path + (self.workflow.encode() if path else b""))
        answer = b""
        with self.service.connect() as connection, suppress(ConnectionError):
            connection.sendall(request)
            # A service that waits for more says nothing; the answer to what is whole comes before its end.
            connection.settimeout(_SILENT_S)
            with suppress(TimeoutError):
                while chunk := connection.recv(65536):
                    answer += chunk
            connection.settimeout(30)
            connection.shutdown(1)
            while chunk := connection.recv(65536):
                answer += chunk
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]

    def check(self, most: int) -> None:
        """Check that what was there is, and at most so many records and jobs more, none of them smuggled."""
        items = self.service.call("GET", f"/user_data/{self.workflow}")["items"]
        jobs = self.service.call("GET", f"/jobs/{self.workflow}")["items"]
        assert items[0] == self.record
        assert "smuggled" not in str(items)
        assert len(items) - 1 + len(jobs) <= most, items
        assert self.service.call("GET", "/workflows")["total_count"] == self.before
        with closing(sqlite3.connect(self.service.database)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with closing(tf.connect(self.service.database)) as client:
            assert len(client.workflow(self.workflow).user_data()) == len(items)
        told = self.service.log.read_text(errors="replace")[self.log :]
        assert "Traceback" not in told, told[-4000:]


def _refused(place: Place) -> int:
    """Send requests as they stand in a table; none of them may be done."""
    tried = _Tried(place.servers.service)
    requests = (*_AS_WRITTEN, *smuggling(f"{tried.service.path}/user_data/{tried.workflow}"))
    # Spread, so that a few attempts have some of every kind.
    for request in requests[place.number % _STEP :: _STEP]:
        statuses = tried.statuses(request)
        assert all(400 <= status < 500 for status in statuses), (statuses, request[:2000])
    tried.check(0)
    return len(requests[place.number % _STEP :: _STEP])


def _damaged(place: Place) -> int:
    """Send requests, good or bad, that are changed at random; what is done then is whole."""
    tried, random, done = _Tried(place.servers.service), place.random, 0
    for _ in range(_AT_ONCE):
        request = mutated(random.choice(_BASES if random.random() < 0.5 else _AS_WRITTEN), random)
        statuses = tried.statuses(request)
        assert all(100 <= status < 500 for status in statuses), (statuses, request[:2000])
        done += sum(status < 300 for status in statuses)
    tried.check(done)
    return _AT_ONCE


FAULTS = [
    Fault(
        "hostile request lines, headers, hosts, lengths, chunks, paths, numbers, JSON and smuggled requests: "
        "refused by 4xx or hung up on, nothing is stored",
        "serve",
        small=1,
        full=2 * _STEP,
        attempt=_refused,
    ),
    Fault(
        "requests with bytes changed, cut out and doubled at random: no 5xx, and what is stored is whole",
        "serve",
        small=1,
        full=40,
        attempt=_damaged,
    ),
]
