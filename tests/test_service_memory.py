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
from services import Service

from torc_frames.service.budget import Budget
from torc_frames.service.refusals import HttpError

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
