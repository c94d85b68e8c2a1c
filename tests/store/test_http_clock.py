"""A timeout is a limit by the clock in every phase of a request, whatever the server sends meanwhile."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

import pytest
from dripping import PHASES, TLS, Dripping

import torc_frames as tf
from torc_frames.store.http import connections

TIMEOUT = 0.4
LATEST = 20.0
"""On a busy machine; a server that drips goes on for ever."""


@pytest.fixture
def dripping():
    with contextlib.ExitStack() as stack:

        def make(first: bytes, more: bytes) -> int:
            server = Dripping(first, more)
            stack.callback(server.close)
            return server.port

        yield make


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def ends_in_time(url: str) -> None:
    began = time.monotonic()
    with pytest.raises(tf.TorcFramesError):
        tf.connect(url, timeout=TIMEOUT)
    assert time.monotonic() - began < LATEST


@pytest.mark.parametrize("phase", PHASES)
def test_a_server_that_drips_holds_nobody(dripping, phase):
    first, more = PHASES[phase]
    ends_in_time(f"http://127.0.0.1:{dripping(first, more)}/torc-service/v1")


@pytest.mark.parametrize("phase", TLS)
def test_nor_does_one_that_drips_its_handshake(dripping, phase):
    ends_in_time(f"https://127.0.0.1:{dripping(*TLS[phase])}/torc-service/v1")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("phase", ["status", "headers", "one long header", "nothing"])
def test_nor_does_a_proxy(dripping, monkeypatch, scheme, phase):
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{dripping(*PHASES[phase])}")
    ends_in_time(f"{scheme}://torc.invalid/torc-service/v1")


def test_nor_does_the_handshake_behind_a_proxy(dripping, monkeypatch):
    port = dripping(b"HTTP/1.1 200 Connection established\r\n\r\n", TLS["a handshake"][1])
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    ends_in_time("https://torc.invalid/torc-service/v1")


def test_all_addresses_of_a_host_are_tried_within_the_time(dripping, monkeypatch):
    # Full backlogs: the system waits for each of them.
    with contextlib.ExitStack() as stack:
        full = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0)) for _ in range(2)]
        port = full[0].getsockname()[1]
        for _ in range(6):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        monkeypatch.setattr(connections, "_addresses", lambda host, port: ["127.0.0.1"] * 20)
        ends_in_time(f"http://several.invalid:{port}/torc-service/v1")


def test_a_look_up_that_takes_long_is_not_waited_for(monkeypatch):
    asked, over = threading.Event(), threading.Event()

    def slowly(*args):
        asked.set()
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(connections.socket, "getaddrinfo", slowly)
    try:
        ends_in_time("http://slow.invalid/torc-service/v1")
        assert asked.is_set()
    finally:
        over.set()


def test_each_address_of_a_host_has_its_chance(dripping, monkeypatch):
    port = dripping(*PHASES["nothing"])
    tried = []

    def new(self):
        tried.append(self._dns_host)
        return plain(self)

    plain = connections.HTTPConnection._new_conn
    monkeypatch.setattr(connections.HTTPConnection, "_new_conn", new)
    monkeypatch.setattr(connections, "_addresses", lambda host, port: ["127.0.0.9", "127.0.0.1"])
    ends_in_time(f"http://two.invalid:{port}/torc-service/v1")
    assert tried[:2] == ["127.0.0.9", "127.0.0.1"]
