"""The HTTP layer against servers that misbehave, at the socket."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import pickle
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

import torc_frames as tf
from torc_frames.errors import Response
from torc_frames.store.http import session as http_module
from torc_frames.store.http.session import Http
from torc_frames.store.http.settings import ServerSettings

PASSWORD, COOKIE = 'sw0rd"fish-77', "session=cookie-of-mine-88"
TOKEN = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
SECRETS = ["sw0rd", "fish-77", "cookie-of-mine-88", TOKEN]


def reply(body=b"{}", status="200 OK", *headers, framed=True):
    """A step that answers with these bytes."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = [f"Content-Length: {len(body)}"] if framed else ["Connection: close"]
    head = "\r\n".join([f"HTTP/1.1 {status}", *length, *headers, "", ""])

    def step(connection):
        connection.sendall(head.encode("latin-1") + body)
        return framed

    return step


def raw(data):
    """A step that answers with exactly this, and closes the connection."""

    def step(connection):
        connection.sendall(data)
        return False

    return step


def drop(connection):
    return False


def drip(data):
    """A step that answers one byte at a time."""

    def step(connection):
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
            time.sleep(0.01)
        return True

    return step


def silence(connection):
    connection.recv(1)
    return False


def others():
    """Return the threads that are not a server's."""
    return {thread for thread in threading.enumerate() if thread.name != "scripted"}


class Scripted:
    """A server that takes one step for each request; the last step is repeated."""

    def __init__(self, *steps, context=None, port=0):
        self.steps, self.context = list(steps), context
        self.requests, self.connections = [], 0
        self.lock, self.open, self.threads = threading.Lock(), [], []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}/v1"
        self.start(self.accept)

    def start(self, target, *args):
        thread = threading.Thread(target=target, args=args, name="scripted", daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            self.start(self.serve, connection)

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.open.append(connection)
            stream = connection.makefile("rb")
            while request := self.read(stream):
                with self.lock:
                    self.requests.append(request)
                    step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
                if not step(connection):
                    break
            stream.close()
        except OSError:
            pass  # the client has gone, as many tests want it to
        finally:
            connection.close()

    def read(self, stream):
        head = stream.readline().decode("latin-1")
        headers = {}
        while (line := stream.readline().decode("latin-1").strip()) and head:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return (head.strip(), headers, stream.read(int(headers.get("content-length", 0)))) if head else None

    def close(self):
        for opened in (self.listener, *self.open):
            with contextlib.suppress(OSError):  # closed already
                opened.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
        for connection in self.open:
            connection.close()


@pytest.fixture
def serve():
    servers = []

    def make(*steps, **options):
        servers.append(Scripted(*steps, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def connect():
    made = []

    def make(server, **settings):
        url = server if isinstance(server, str) else server.url
        made.append(Http(ServerSettings(**{"url": url, "timeout_s": 5.0, "limit_s": 10.0, **settings})))
        return made[-1]

    yield make
    for http in made:
        http.close()


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(http_module, "_BACKOFF", 0.01)
    monkeypatch.setattr(http_module, "_MAX_BACKOFF", 0.05)


# what is sent


def test_requests_share_a_connection_and_tell_themselves_apart(serve, connect):
    server = serve(reply({"items": []}))
    http = connect(server)
    assert http.get("/workflows") == b'{"items": []}'
    assert http.send("POST", "/workflows", b'{"name":"a"}') == b'{"items": []}'
    assert (server.connections, http.requests, http.url) == (1, 2, server.url)
    (first, get, _), (second, post, body) = server.requests
    assert (first, second, body) == (
        "GET /v1/workflows HTTP/1.1",
        "POST /v1/workflows HTTP/1.1",
        b'{"name":"a"}',
    )
    assert get["accept-encoding"] == "identity"
    assert "content-type" not in get
    assert post["content-type"] == "application/json"
    assert get["x-span-id"] != post["x-span-id"]
    assert not {"authorization", "cookie"} & {*get, *post}


def test_parameters_are_quoted_and_booleans_are_as_in_json(serve, connect):
    server = serve(reply())
    params = {"name": "a b&c=d/é", "reverse_sort": True, "limit": 5, "offset": None}
    connect(server).get("/user_data", params)
    assert server.requests[0][0].split()[1] == (
        "/v1/user_data?name=a%20b%26c%3Dd%2F%C3%A9&reverse_sort=true&limit=5"
    )


def test_credentials_are_sent_to_the_server_that_the_user_named(serve, connect):
    server = serve(reply())
    connect(server, username="mé", password="p:ä", cookie="a=1; b=2").get("/x")
    headers = server.requests[0][1]
    assert headers["authorization"] == "Basic bcOpOnA6w6Q="
    assert headers["cookie"] == "a=1; b=2"


def test_no_credentials_are_sent_to_a_server_that_a_stranger_named(serve, connect):
    server = serve(reply(), reply(b"Unauthorized", "401 Unauthorized"))
    http = connect(server, username="me", password=PASSWORD, cookie=COOKIE, send_credentials=False)
    http.get("/x")
    assert not {"authorization", "cookie"} & set(server.requests[0][1])
    with pytest.raises(tf.UnauthorizedError, match="no credentials were sent"):
        http.get("/x")


def test_netrc_and_cookies_of_the_server_are_not_used(serve, connect, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-secret\ndefault login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(reply(b"{}", "200 OK", "Set-Cookie: theirs=1"))
    http = connect(server)
    http.get("/x")
    http.get("/x")
    assert not {"authorization", "cookie"} & set(server.requests[1][1])


def test_proxies_of_the_environment_are_used_but_not_for_this_machine(serve, connect, monkeypatch):
    proxy, server = serve(reply({"by": "proxy"})), serve(reply({"by": "server"}))
    monkeypatch.setenv("HTTP_PROXY", f"http://me:proxy-secret@127.0.0.1:{proxy.port}")
    assert connect("http://torc.invalid:8080/v1").get("/x") == b'{"by": "proxy"}'
    assert proxy.requests[0][0] == "GET http://torc.invalid:8080/v1/x HTTP/1.1"
    assert connect(server).get("/x") == b'{"by": "server"}'
    assert connect(f"http://localhost:{server.port}/v1").get("/x") == b'{"by": "server"}'
    monkeypatch.setenv("NO_PROXY", "torc.invalid")
    with pytest.raises(tf.UnavailableError, match="is the name of the host right"):
        connect("http://torc.invalid:8080/v1").get("/x")
    assert len(proxy.requests) == 1


# connections that break


def test_a_get_whose_connection_is_dropped_is_tried_three_times(serve, connect):
    server = serve(drop)
    http = connect(server)
    with pytest.raises(tf.DroppedConnectionError, match="without an answer") as caught:
        http.get("/user_data")
    assert http.requests == 3
    assert caught.value.response.url == f"{server.url}/user_data"
    assert caught.value.response.status is None
    assert caught.value.response.span_id == server.requests[-1][1]["x-span-id"]
    assert caught.value.response.span_id in str(caught.value)


def test_one_attempt_is_one(serve, connect):
    http = connect(serve(drop))
    with pytest.raises(tf.DroppedConnectionError):
        http.get("/user_data", attempts=1)
    assert http.requests == 1


def test_a_connection_that_was_left_over_says_nothing_about_the_page(serve, connect):
    server = serve(reply(), drop, reply({"second": 2}))
    http = connect(server)
    http.get("/x")
    assert http.get("/y", attempts=1) == b'{"second": 2}'
    assert server.connections == 2


def test_a_get_survives_a_dropped_connection(serve, connect):
    assert connect(serve(drop, drop, reply({"a": 1}))).get("/x") == b'{"a": 1}'


@pytest.mark.parametrize("first", [[], [reply()]], ids=["new connection", "kept connection"])
def test_a_post_whose_connection_is_dropped_is_uncertain(serve, connect, first):
    server = serve(*first, drop, reply())
    http = connect(server)
    for _ in first:
        http.get("/x")
    with pytest.raises(tf.UncertainWriteError, match="not known whether the server did this write"):
        http.send("POST", "/jobs", b"{}")
    assert len(server.requests) == 1 + len(first)


def test_a_post_does_not_use_a_connection_that_is_known_to_be_closed(serve, connect):
    def answer_and_close(connection):
        reply({"n": 1})(connection)
        return False

    server = serve(answer_and_close, reply({"n": 2}))
    http = connect(server)
    http.get("/x")
    time.sleep(0.1)
    assert http.send("POST", "/jobs", b"{}") == b'{"n": 2}'
    assert [len(body) for *_, body in server.requests] == [0, 2]


def test_what_is_repeatable_is_sent_again_and_says_so(serve, connect):
    server = serve(drop, reply(b"", "404 Not Found"))
    with pytest.raises(tf.ReplyError) as caught:
        connect(server).send("DELETE", "/user_data/1", repeatable=True)
    assert caught.value.repeated
    with pytest.raises(tf.ReplyError) as caught:
        connect(serve(reply(b"", "404 Not Found"))).send("DELETE", "/user_data/1", repeatable=True)
    assert not caught.value.repeated
    with pytest.raises(tf.UncertainWriteError):
        connect(serve(drop)).send("PUT", "/user_data/1", b"{}", repeatable=True)


CUT = {
    "in the body": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"items": [1,',
    "in a chunk": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"items": [1,',
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n",
    "without a length": b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"items": [1,',
    "in the headers": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
    "in a header": b"HTTP/1.1 200 OK\r\nContent-Le",
}


@pytest.mark.parametrize("data", CUT.values(), ids=CUT)
@pytest.mark.filterwarnings("error")
def test_a_cut_answer_is_asked_for_again(serve, connect, data):
    assert connect(serve(raw(data), reply({"a": 1}))).get("/x") == b'{"a": 1}'
    with pytest.raises(tf.UncertainWriteError, match="cut off"):
        connect(serve(raw(data), reply())).send("POST", "/x", b"{}")


@pytest.mark.filterwarnings("error")
def test_an_answer_is_asked_for_again_wherever_it_is_cut(serve, connect, monkeypatch):
    monkeypatch.setattr(http_module, "_BACKOFF", 0.001)
    whole = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    for at in range(len(whole)):
        server = serve(raw(whole[:at]), reply({"a": 1}))
        assert connect(server).get("/x") == b'{"a": 1}', whole[:at]
        with pytest.raises(tf.UncertainWriteError):
            connect(serve(raw(whole[:at]), reply())).send("POST", "/x", b"{}")


def test_an_answer_that_stays_cut_is_an_error(serve, connect):
    http = connect(serve(raw(CUT["in the body"])))
    with pytest.raises(tf.UnavailableError, match="cut off") as caught:
        http.get("/x")
    assert not isinstance(caught.value, tf.UncertainWriteError)
    assert http.requests > 3


def test_a_whole_answer_without_a_length_is_fine(serve, connect):
    assert connect(serve(reply({"a": 1}, framed=False))).get("/x") == b'{"a": 1}'


def test_no_answer_at_all_needs_no_body(serve, connect):
    server = serve(raw(b"HTTP/1.1 204 No Content\r\n\r\n"), reply(b""))
    assert connect(server).send("DELETE", "/x") == b""
    assert connect(server).send("DELETE", "/x") == b""


def test_a_port_where_nothing_listens(connect):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    http = connect(url)
    for call in (http.get, lambda path: http.send("POST", path, b"{}")):
        with pytest.raises(tf.UnavailableError, match="is torc-server running") as caught:
            call("/x")
        assert url in str(caught.value)
        assert "Connection refused" in str(caught.value)
        assert not isinstance(caught.value, tf.UncertainWriteError)


def test_a_post_is_sent_once_the_server_listens(serve, connect, monkeypatch):
    monkeypatch.setattr(http_module, "_BACKOFF", 0.4)
    monkeypatch.setattr(http_module, "_MAX_BACKOFF", 0.4)
    server = serve(reply(b'{"n":1}', "200 OK", "Connection: close"))
    http = connect(server)
    http.get("/x")
    server.close()
    again = []

    def come_back():
        time.sleep(0.2)
        again.append(serve(reply({"n": 2}), port=server.port))

    thread = threading.Thread(target=come_back)
    thread.start()
    assert http.send("POST", "/x", b"{}") == b'{"n": 2}'
    thread.join()
    assert len(again[0].requests) == 1


def test_what_answers_is_not_http(serve, connect):
    http = connect(serve(raw(b"SSH-2.0-OpenSSH_9.6\r\n")))
    with pytest.raises(tf.ServerError, match="does not speak HTTP"):
        http.get("/x")
    assert http.requests == 1


# servers that take their time


SLOW = {
    "headers": drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 900),
    "status": drip(b"HTTP/1.1 200 " + b"O" * 900),
    "body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[" + b"1" * 500),
    "chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n1\r\n" * 100),
    "continue": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "silence": silence,
}


@pytest.mark.parametrize("step", SLOW.values(), ids=SLOW)
def test_a_call_ends_in_time_though_bytes_keep_coming(serve, connect, step):
    http = connect(serve(step), limit_s=0.2)
    before = others()
    began = time.monotonic()
    with pytest.raises(tf.UnavailableError, match=r"no complete answer within 0\.2 s"):
        http.get("/x")
    assert 0.15 < time.monotonic() - began < 1
    with pytest.raises(tf.UncertainWriteError):
        http.send("POST", "/x", b"{}")
    assert others() == before


def test_an_answer_in_small_pieces_is_fine_in_time(serve, connect):
    server = serve(drip(b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}'))
    assert connect(server, timeout_s=0.5).get("/x") == b'{"a":1}'


def test_a_silent_server_is_asked_again(serve, connect):
    http = connect(serve(silence, reply({"a": 1})), timeout_s=0.2)
    assert http.get("/x") == b'{"a": 1}'
    http = connect(serve(silence), timeout_s=0.1)
    with pytest.raises(tf.UnavailableError, match=r"silent for 0\.1 s"):
        http.get("/x")
    assert http.requests == 3


def test_a_long_upload_may_take_longer_than_the_timeout(connect):
    size = 48 << 20
    listener = socket.create_server(("127.0.0.1", 0))

    def read_slowly():
        connection, _ = listener.accept()
        left = size
        while left > 0:
            left -= len(connection.recv(1 << 20))
            time.sleep(0.01)
        reply({"read": size})(connection)
        connection.close()

    thread = threading.Thread(target=read_slowly)
    thread.start()
    http = connect(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeout_s=0.35)
    began = time.monotonic()
    assert http.send("POST", "/bulk", b'"' + b"x" * (size - 2) + b'"') == b'{"read": 50331648}'
    assert time.monotonic() - began > 0.35
    thread.join()
    listener.close()


# servers that are busy


def test_retry_after_is_heeded(serve, connect):
    server = serve(reply(b"", "503 Service Unavailable", "Retry-After: 1"), reply({"a": 1}))
    began = time.monotonic()
    assert connect(server).get("/x") == b'{"a": 1}'
    assert 1 <= time.monotonic() - began < 2


@pytest.mark.parametrize(
    "wait", ["99999999999", formatdate(time.time() + 1e6, usegmt=True)], ids=["seconds", "date"]
)
def test_an_absurd_retry_after_is_cut(serve, connect, monkeypatch, wait):
    steps = [reply(b"", "429 Too Many Requests", f"Retry-After: {wait}"), reply({"a": 1})]
    began = time.monotonic()
    with pytest.raises(tf.UnavailableError, match="busy and asks to come back in"):
        connect(serve(*steps)).get("/x")
    assert time.monotonic() - began < 1
    monkeypatch.setattr(http_module, "MAX_RETRY_AFTER", 0.1)
    assert connect(serve(*steps)).get("/x") == b'{"a": 1}'


@pytest.mark.parametrize("wait", ["soon", "-5", "nan", "1e999", "Wed, 99 Foo 2015 07:28:00 GMT", ""])
def test_a_senseless_retry_after_is_not_heeded(serve, connect, wait):
    server = serve(reply(b"", "429 Too Many Requests", f"Retry-After: {wait}"), reply({"a": 1}))
    assert connect(server).get("/x") == b'{"a": 1}'


LOCKED = {"error": {"error": "InternalServerError", "message": "Database error: database is locked"}}


@pytest.mark.parametrize(
    ("step", "again"),
    [
        (reply(b"", "429 Too Many Requests"), True),
        (reply(b"", "503 Service Unavailable", "Retry-After: 0"), True),
        (reply(b"", "503 Service Unavailable"), False),
        (reply(b"<html><title>502 Bad Gateway</title>", "502 Bad Gateway"), False),
        (reply(b"", "504 Gateway Timeout"), False),
        (reply(LOCKED, "500 Internal Server Error"), False),
    ],
    ids=["429", "503 come back", "503", "502", "504", "locked"],
)
def test_a_busy_server_is_asked_again_and_a_write_only_if_it_did_nothing(serve, connect, step, again):
    assert connect(serve(step, step, reply({"a": 1}))).get("/x") == b'{"a": 1}'
    assert connect(serve(step, reply({"a": 1}))).send("PUT", "/x", b"{}", repeatable=True) == b'{"a": 1}'
    with pytest.raises(tf.UnavailableError) as caught:
        connect(serve(step)).get("/x")
    assert not isinstance(caught.value, tf.UncertainWriteError)
    if again:
        assert connect(serve(step, reply({"a": 1}))).send("POST", "/x", b"{}") == b'{"a": 1}'
    else:
        with pytest.raises(tf.UncertainWriteError) as caught:
            connect(serve(step, reply())).send("POST", "/x", b"{}")
    assert caught.value.response.status in (429, 500, 502, 503, 504)


def test_a_failure_is_not_asked_for_again(serve, connect):
    http = connect(serve(reply({"error": "no such column"}, "500 Internal Server Error")))
    with pytest.raises(tf.ServerError, match="500: no such column"):
        http.get("/x")
    assert http.requests == 1
    with pytest.raises(tf.UncertainWriteError, match="500: no such column"):
        http.send("POST", "/x", b"{}")


# refusals


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            404,
            b'{"error":{"error":"NotFound","message":"Workflow not found with ID: 9"}}',
            "Workflow not found",
        ),
        (409, b'{"error":"Conflict","errorNum":1,"errorMessage":"it changed","code":409}', "it changed"),
        (422, b'{"error":"duplicate name"}', "duplicate name"),
        (422, b'{"error":["a",1]}', '["a",1]'),
        (422, b'{"detail":"what"}', '{"detail":"what"}'),
        (400, b"Failed to parse the request body as JSON", "Failed to parse"),
        (413, b"length limit exceeded", "length limit"),
        (415, b"Expected request with `Content-Type: application/json`", "Expected request"),
        (404, b"", ""),
        (405, b"", ""),
        (404, b"<html><head><title>Not\nhere</title></head>", "a page of HTML, Not here"),
        (400, b"\x1b]0;owned\x07\xff\xe2\x80\xae" + b"x" * 100_000, "\\x1b]0;owned\\x07\ufffd\\u202exxx"),
        (400, b'{"error":' * 50_000, '{"error":{"error":'),
        (400, b'{"message":' * 900 + b'"deep"' + b"}" * 900, "deep"),
    ],
)
def test_a_refusal_says_what_the_server_says(serve, connect, status, body, message):
    server = serve(reply(body, f"{status} Some Reason", "x-span-id: 17"))
    http = connect(server)
    with pytest.raises(tf.ReplyError) as caught:
        http.get("/x", {"a": 1})
    said = caught.value.response
    assert said == Response("GET", f"{server.url}/x?a=1", status, said.message, "17")
    assert said.message.startswith(message) or message in said.message
    assert len(said.message) < 600
    assert said.message.isprintable()
    for part in (said.message, str(status), "GET", said.url, "x-span-id 17"):
        assert part in str(caught.value)
    assert isinstance(caught.value, tf.ServerError)
    with pytest.raises(tf.ReplyError):
        http.send("POST", "/x", b"{}")


@pytest.mark.parametrize(
    ("status", "body", "password", "hint"),
    [
        ("401 Unauthorized", b"Unauthorized", None, r"set TORC_PASSWORD \(and TORC_USERNAME\)"),
        ("401 Unauthorized", b"Unauthorized", PASSWORD, r"check those that were given.* \(the user is me\)"),
        ("403 Forbidden", b'{"error":"Anonymous access not allowed"}', None, "set TORC_PASSWORD"),
        ("403 Forbidden", b'{"error":"Anonymous access not allowed"}', PASSWORD, "wrong user or password"),
        ("403 Forbidden", b'{"error":"not the owner"}', PASSWORD, "me may not do this"),
        ("407 Proxy Authentication Required", b"", PASSWORD, "HTTP_PROXY"),
    ],
)
def test_who_is_not_let_in_is_told_what_to_check(serve, connect, status, body, password, hint):
    server = serve(reply(body, status, 'WWW-Authenticate: Basic realm="Torc"'))
    http = connect(server, username=password and "me", password=password)
    for call in (http.get, lambda path: http.send("POST", path, b"{}")):
        with pytest.raises(tf.UnauthorizedError, match=hint) as caught:
            call("/x")
        assert isinstance(caught.value, PermissionError)
        assert caught.value.response.status == int(status[:3])
    assert http.requests == 2


def test_a_proxy_is_for_hosts_that_only_look_local(connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    assert connect("http://127.example.com/v1")._proxies["http"] == "http://proxy:1"
    for host in ("localhost", "a.localhost", "127.0.0.2", "[::1]"):
        assert connect(f"http://{host}/v1")._proxies == {}


@pytest.mark.parametrize(
    ("sources", "hint"),
    [
        (
            {"password": "argument", "username": "argument"},
            "those that were given, with the url or as arguments",
        ),
        ({"password": "TORC_PASSWORD", "username": "TORC_USERNAME"}, "TORC_PASSWORD and TORC_USERNAME"),
        ({"password": "TORC_PASSWORD", "username": "USER"}, "TORC_PASSWORD and USER, or set TORC_USERNAME"),
        ({"password": "TORC_API_URL", "username": "TORC_API_URL"}, "TORC_API_URL"),
    ],
)
@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_wrong_password_is_told_by_where_it_is_from(serve, connect, status, sources, hint):
    server = serve(reply(b"Unauthorized", status))
    http = connect(server, username="me", password=PASSWORD, sources=sources)
    with pytest.raises(tf.UnauthorizedError, match=re.escape(f"check {hint} (the user is me)")):
        http.get("/x")


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_redirects_are_not_followed(serve, connect, status):
    other = serve(reply({"stolen": True}))
    location = f"Location: http://you:their-secret@127.0.0.1:{other.port}/login?token=abc"
    server = serve(reply(b"", status, location))
    http = connect(server, username="me", password=PASSWORD, cookie=COOKIE)
    for call in (http.get, lambda path: http.send("POST", path, b"{}")):
        with pytest.raises(tf.ServerError, match=f"leads to http://127.0.0.1:{other.port}: ") as caught:
            call("/x")
        assert not re.search("their-secret|token|login", str(caught.value))
    assert other.connections == 0
    assert http.requests == 2


def test_the_body_of_a_redirect_is_not_read_to_its_end(serve, connect):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with pytest.raises(tf.ServerError, match="redirects"):
        connect(serve(endless)).get("/x")


# answers that are none


HTML = b"<!DOCTYPE html><html><head><title>Torc Server</title></head></html>"


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (reply(HTML, "200 OK", "Content-Type: text/html"), "a page of HTML, Torc Server"),
        (reply(HTML, framed=False), "a page of HTML"),
        (reply(b'{"a": 1} trailing'), "not JSON"),
        (reply(b'{"a": '), "not JSON"),
        (reply(b"{'a': 1}"), "not JSON"),
        (reply(b"[" * 100_000), "not JSON"),
        (reply(gzip.compress(b"[]"), "200 OK", "Content-Encoding: gzip"), "compressed"),
    ],
)
def test_an_answer_that_is_not_json(serve, connect, step, why):
    http = connect(serve(step))
    with pytest.raises(tf.ServerError, match=why) as caught:
        http.get("/x")
    assert not isinstance(caught.value, tf.ReplyError)
    assert caught.value.response.status == 200
    assert http.requests == 1


def test_a_gzip_bomb_is_not_unpacked(serve, connect):
    bomb = gzip.compress(b'"' + bytes(100_000_000), 1)
    for status in ("200 OK", "500 Internal Server Error", "302 Found"):
        with pytest.raises(tf.ServerError) as caught:
            connect(serve(reply(bomb, status, "Content-Encoding: gzip", "Location: /"))).get("/x")
        assert caught.value.response.message == ""


@pytest.mark.parametrize("how", ["announced", "chunked", "unframed"])
def test_an_answer_that_is_too_large_is_not_kept(serve, connect, monkeypatch, how):
    monkeypatch.setattr(http_module, "MAX_BODY", 1000)
    head, body = {
        "announced": (b"Content-Length: 99999999999", b""),
        "chunked": (b"Transfer-Encoding: chunked", b"200\r\n" + b"1" * 512 + b"\r\n"),
        "unframed": (b"Connection: close", b"1" * 512),
    }[how]

    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while body:
            connection.sendall(body)
        return True

    http = connect(serve(endless))
    with pytest.raises(tf.ServerError, match="larger than 1,000 bytes"):
        http.get("/x")
    assert http.requests == 1


def test_a_large_answer_arrives_whole(serve, connect):
    body = json.dumps(list(range(1_000_000))).encode()
    assert connect(serve(reply(body))).get("/x") == body
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (body[:5], body[5:4_000_000], body[4_000_000:]))
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    assert connect(serve(raw(data))).get("/x") == body


# secrets


def echo(status):
    """A step that says in its answer all that it was sent, as a debugging proxy would."""

    def step(connection):
        sent = f"Authorization: Basic {TOKEN} for me:{PASSWORD}, Cookie: {COOKIE}"
        return reply({"error": sent}, status, f"x-span-id: {sent}", f"Location: http://{COOKIE}/")(connection)

    return step


FAILURES = [drop, silence, raw(CUT["in the body"]), raw(b"no HTTP\r\n"), reply(b"no JSON")] + [
    echo(status)
    for status in ("302 Found", "401 No", "403 No", "404 No", "429 No", "500 No", "502 No", "503 No")
]


def shown(error):
    """All that a traceback can show, local variables of our frames too, and a pickle of the error."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    told = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    text = "".join(told.format(chain=False)) + repr(error) + str(pickle.dumps(error))
    return text + "".join(shown(other) for other in (error.__context__, error.__cause__) if other)


@pytest.mark.parametrize("step", FAILURES, ids=range(len(FAILURES)))
def test_no_secret_is_shown(serve, connect, step):
    http = connect(serve(step), username="me", password=PASSWORD, cookie=COOKIE, timeout_s=0.1, limit_s=0.2)
    assert not any(secret in repr(http) + str(vars(http)) for secret in SECRETS)
    for call in (http.get, lambda path: http.send("POST", path, b"{}")):
        with pytest.raises(tf.TorcFramesError) as caught:
            call("/x")
        everything = shown(caught.value)
        assert "PreparedRequest" in everything
        assert [secret for secret in SECRETS if secret in everything] == []


def test_no_secret_of_a_proxy_is_shown(connect, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:proxy-secret@127.0.0.1:{port}")
        http = connect(f"{scheme}://torc.invalid/v1")
        with pytest.raises(tf.UnavailableError, match="check the proxy") as caught:
            http.get("/x")
        assert "proxy-secret" not in shown(caught.value)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None


def test_a_proxy_of_an_unknown_kind(connect, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://me:proxy-secret@127.0.0.1:1")
    with pytest.raises(tf.UnavailableError, match="HTTP_PROXY") as caught:
        connect("http://torc.invalid/v1").send("POST", "/x", b"{}")
    assert not isinstance(caught.value, tf.UncertainWriteError)
    assert "proxy-secret" not in shown(caught.value)


def test_a_proxy_that_opens_no_tunnel(serve, connect, monkeypatch):
    proxy = serve(reply(b"", "407 Proxy Authentication Required"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:proxy-secret@127.0.0.1:{proxy.port}")
    with pytest.raises(
        tf.UnavailableError, match=r"check the proxy.*Tunnel connection failed: 407"
    ) as caught:
        connect("https://torc.invalid/v1").get("/x")
    assert "proxy-secret" not in shown(caught.value)


def test_a_url_with_a_password_is_not_shown(serve, connect):
    server = serve(reply(b"", "404 Not Found"))
    http = connect(server.url.replace("//", "//me:url-secret@"))
    with pytest.raises(tf.ReplyError) as caught:
        http.get("/x")
    assert "url-secret" not in http.url + repr(http) + str(caught.value)


def test_an_http_is_not_pickled_and_errors_are(serve, connect):
    http = connect(serve(echo("404 No")), username="me", password=PASSWORD)
    with pytest.raises(TypeError, match="pickle its settings"):
        pickle.dumps(http)
    with pytest.raises(tf.ReplyError) as caught:
        http.get("/x")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.response) == (
        tf.ReplyError,
        str(caught.value),
        caught.value.response,
    )


@pytest.mark.parametrize(
    "error",
    [
        tf.NotFoundError("workflow", ["9"], "http://host"),
        tf.ConflictError("it changed"),
        tf.RefusedError("too long"),
        tf.UnreadableRecordError("7", "no JSON"),
        tf.UncertainWriteError("who knows"),
        tf.UnauthorizedError("who are you"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_can_show_the_answer_it_was_made_from(error):
    assert error.response is None
    before = str(error)
    error.with_response(Response("PUT", "http://host/x", 409, "it changed", "17"))
    assert str(error) == before + " (PUT http://host/x answered 409: it changed; x-span-id 17)"
    assert pickle.loads(pickle.dumps(error)).response == error.response


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
            *["-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
            *["-addext", "subjectAltName=IP:127.0.0.1,DNS:torc.invalid"],
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, str(cert)


def test_a_certificate_is_checked(serve, connect, certificate):
    context, path = certificate
    server = serve(reply({"a": 1}), context=context)
    http = connect(server, username="me", password=PASSWORD)
    with pytest.raises(tf.UnavailableError, match=r"TORC_TLS_CA_CERT.*certificate verify failed") as caught:
        http.get("/x")
    assert "is torc-server running" not in str(caught.value)
    assert (server.requests, http.requests) == ([], 1)
    assert connect(server, ca_cert=path).get("/x") == b'{"a": 1}'


def test_not_checking_it_is_warned_of_once(serve, connect, certificate):
    server = serve(reply({"a": 1}), drop, reply({"a": 2}), context=certificate[0])
    with pytest.warns(tf.TorcFramesWarning, match=r"127\.0\.0\.1 is not checked") as caught:
        http = connect(server, insecure=True)
    assert len(caught) == 1
    with warnings.catch_warnings(record=True, action="always") as seen:
        assert http.get("/x") == b'{"a": 1}'
        assert http.get("/x") == b'{"a": 2}'
    assert seen == []
    assert server.connections == 2


def test_tls_where_there_is_none(serve, connect, certificate):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        http = connect(f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
        with pytest.raises(tf.UnavailableError, match="https there, or http") as caught:
            http.send("POST", "/x", b"{}")
        thread.join()
    assert not isinstance(caught.value, tf.UncertainWriteError)
    with pytest.raises(tf.TorcFramesError):
        connect(serve(reply(), context=certificate[0]).url.replace("https:", "http:")).get("/x")


def test_tls_through_a_proxy(serve, connect, certificate, monkeypatch):
    received = []

    def tunnel(connection):
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with certificate[0].wrap_socket(connection, server_side=True) as inside:
            received.append(proxy.read(inside.makefile("rb")))
            reply({"a": 1})(inside)
        return False

    proxy = serve(reply(b"", "407 Proxy Authentication Required"), tunnel, tunnel, silence)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    http = connect(
        "https://torc.invalid/v1", ca_cert=certificate[1], username="me", password=PASSWORD, limit_s=0.7
    )
    assert http.send("POST", "/x", b"{}") == b'{"a": 1}'
    assert received[0][1]["authorization"] == f"Basic {TOKEN}"
    assert received[0][2] == b"{}"
    for head, headers, _ in proxy.requests:
        assert head.startswith("CONNECT torc.invalid:443 ")
        assert "authorization" not in headers
    assert http.get("/x") == b'{"a": 1}'
    with pytest.raises(tf.UnavailableError, match="proxy") as caught:
        http.send("POST", "/x", b"{}")
    assert not isinstance(caught.value, tf.UncertainWriteError)


@pytest.mark.parametrize("step", [SLOW["headers"], SLOW["body"], SLOW["silence"]])
def test_a_call_over_tls_ends_in_time_too(serve, connect, certificate, step):
    http = connect(serve(step, context=certificate[0]), ca_cert=certificate[1], limit_s=0.25)
    began = time.monotonic()
    with pytest.raises(tf.UnavailableError, match="no complete answer"):
        http.get("/x")
    assert time.monotonic() - began < 1


def test_a_connection_dropped_over_tls_is_the_same(serve, connect, certificate):
    http = connect(serve(drop, context=certificate[0]), ca_cert=certificate[1])
    with pytest.raises(tf.DroppedConnectionError):
        http.get("/x")


def test_a_broken_file_of_certificates(connect, tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for path in (broken, tmp_path / "missing.pem", tmp_path):
        with pytest.raises(tf.RefusedError, match="TORC_TLS_CA_CERT"):
            connect("https://127.0.0.1:1/v1", ca_cert=str(path))


# threads and processes


def test_threads_share_an_http(serve, connect):
    def echo_path(connection):
        return reply({"thread": 1})(connection)

    server = serve(echo_path)
    http = connect(server)
    before = others()
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda n: http.get(f"/{n}"), range(200)))
    assert bodies == [b'{"thread": 1}'] * 200
    assert http.requests == len(server.requests) == 200
    assert sorted(int(head.split()[1][4:]) for head, *_ in server.requests) == list(range(200))
    assert server.connections <= 8
    assert others() == before


def test_it_opens_again_after_close(serve, connect):
    server = serve(reply())
    http = connect(server)
    http.get("/x")
    http.close()
    http.get("/x")
    http.close()
    http.close()
    assert server.connections == 2


def test_a_forked_process_has_connections_of_its_own(serve):
    server = serve(reply())
    code = f"""
import os
from torc_frames.store.http.settings import ServerSettings
from torc_frames.store.http.session import Http
http = Http(ServerSettings({server.url!r}))
http.get("/before")
child = os.fork()
http.get("/child" if child == 0 else "/parent")
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
http.get("/parent")
http.close()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=30)
    assert server.connections == 2
    assert len(server.requests) == 4
