"""The bodies and answers of all requests together have a bound, and small requests are answered meanwhile."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import wait_until
from services import Service

from torc_frames.service.budget import Budget
from torc_frames.service.errors import HttpError

CLIENTS = 30
BODY = 4 << 20
BOUND = 4 * BODY


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path / "service", "--max-body", "4m") as service:
        yield service


def memory(service: Service) -> int:
    """Return the most memory that the service has had, in bytes."""
    status = Path(f"/proc/{service._process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


class Client:
    """Sends a workflow of some megabytes, and the last byte of it when it is asked to."""

    def __init__(self, service: Service, chunked: bool) -> None:
        url = urlsplit(service.url)
        self.connection = socket.create_connection((url.hostname, url.port), timeout=60)
        body = json.dumps({"name": "n", "description": "x" * (BODY - 100)}).encode()
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        if chunked:
            body = (
                b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:-9], body[-9:]))
                + b"0\r\n\r\n"
            )
        head = (
            f"POST {url.path}/workflows HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        )
        self.connection.sendall(f"{head}{framing}\r\n\r\n".encode() + body[:-1])
        self.last = body[-1:]

    def finish(self) -> tuple[int, str]:
        self.connection.sendall(self.last)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = self.connection.recv(65536)
            assert part
            answer += part
        self.connection.close()
        return int(answer.split()[1]), answer.decode("latin-1").lower()


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
@pytest.mark.parametrize("chunked", [False, True])
def test_thirty_clients_at_once_take_no_more_than_some(service, chunked):
    small = {"name": "small"}
    assert service.request("POST", "/workflows", json=small).status_code == 200
    before = memory(service)
    clients = [Client(service, chunked) for _ in range(CLIENTS)]
    # All of them are in the middle of a body: what is small is answered in between.
    assert service.request("POST", "/workflows", json=small).status_code == 200
    assert service.request("GET", "/workflows").status_code == 200
    answers = [client.finish() for client in clients]
    assert {status for status, _ in answers} == {200, 503}
    assert all("retry-after: 1" in text for status, text in answers if status == 503)
    # Those that were let in, and one in its parts and as a whole.
    assert memory(service) - before < BOUND + 12 * BODY
    retried = Client(service, chunked)
    assert retried.finish()[0] == 200


class Unread:
    """Asks for all workflows, and reads no more than the status of the answer until it is asked to."""

    def __init__(self, service: Service) -> None:
        url = urlsplit(service.url)
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.connection.settimeout(60)
        self.connection.connect((url.hostname, url.port))
        head = f"GET {url.path}/workflows HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
        self.connection.sendall(head.encode())

    def status(self) -> int:
        start = self.connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL)
        return int(start.split()[1])

    def __enter__(self) -> Unread:
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()

    def read(self) -> tuple[str, bytes]:
        answer = b"".join(iter(lambda: self.connection.recv(2**20), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return head.decode("latin-1").lower(), body


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_answers_that_nobody_reads_are_bound_too(service):
    small = {"name": "small"}
    key = service.request("POST", "/workflows", json=small).json()["_key"]
    for _ in range(2):
        large = {"name": "large", "description": "x" * (BODY - 100)}
        assert service.request("POST", "/workflows", json=large).status_code == 200
    expected = service.request("GET", "/workflows").content
    before = memory(service)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Unread(service)) for _ in range(2 * CLIENTS)]
        told = [client.status() for client in clients]
        # Of answers of 8 MB two are within the bound, for as long as they are not read.
        assert sorted(told) == [200] * 2 + [503] * (2 * CLIENTS - 2)
        assert service.request("POST", "/workflows", json=small).status_code == 200
        assert service.request("GET", f"/workflows/{key}").status_code == 200
        # Four are made at once, each in several steps; all that was asked for would be 480 MB.
        assert memory(service) - before < BOUND + 4 * 6 * len(expected)
        unread = [client for client, status in zip(clients, told, strict=True) if status == 200]
        for client, status in zip(clients, told, strict=True):
            if status == 503:
                head, body = client.read()
                assert "retry-after: 1" in head
                assert "all the memory" in body.decode()
        # What one has read, or left, another may have.
        assert unread[0].read()[1] == expected
        wait_until(lambda: service.request("GET", "/workflows").status_code == 200, "what was read is free")
        unread[1].connection.close()  # having read nothing
        wait_until(lambda: answered(service) == [200] * 2, "what was left is free")


def answered(service: Service) -> list[int]:
    """Return what two are told that ask at once, and do not read the answers."""
    with Unread(service) as first, Unread(service) as second:
        return [first.status(), second.status()]


@given(st.integers(0, 2**20), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**19)), max_size=30))
def test_what_is_held_is_within_the_total_and_given_back(total, steps):
    budget = Budget(total)
    with contextlib.ExitStack() as stack:
        shares = [stack.enter_context(budget.share()) for _ in range(5)]
        held = dict.fromkeys(range(5), 0)
        for who, size in steps:
            try:
                shares[who].hold(size)
                held[who] = size
            except HttpError:
                assert any(size > 2**16 for other, size in held.items() if other != who)
                held[who] = 0
            counted = [max(size - 2**16, 0) for size in held.values()]
            assert budget.held == sum(counted)
            assert budget.held <= max(total, *counted)
    assert budget.held == 0


def test_a_small_request_is_never_refused():
    budget = Budget(2**20)
    with budget.share() as large, budget.share() as small:
        large.hold(2**20 + 2**16)
        small.hold(2**16)
        with pytest.raises(HttpError):
            small.hold(2**16 + 1)


def test_the_answer_to_what_was_done_is_sent_and_counted():
    budget = Budget(2**20)
    with budget.share() as first, budget.share() as second, budget.share() as third:
        first.hold(2**20)
        second.keep(2**20)
        assert budget.held == 2 * (2**20 - 2**16)
        with pytest.raises(HttpError):
            third.hold(2**17)
    assert budget.held == 0
