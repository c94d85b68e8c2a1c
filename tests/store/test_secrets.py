"""Passwords stand in no message, no frame's locals and no file's name, however a connection fails."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from dripping import Dripping
from hypothesis import given
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames import settings

SECRET = "pass-w0rd"
HIDDEN = (SECRET, "cGFzcy13MHJk")  # and in base64
BAD = [
    f"//me:{SECRET}@host/",
    f"///me:{SECRET}@host/",
    f"/me:{SECRET}@host/",
    f"\\\\me:{SECRET}@host\\x",
    f"//me:{SECRET}@host:80",
    f"http:/me:{SECRET}@host",
    f"http:me:{SECRET}@host",
    f"http//me:{SECRET}@host",
    f"https.//me:{SECRET}@host/x",
    f"http;//me:{SECRET}@host/x",
    f"http:://me:{SECRET}@host",
    f"HTTP:\\\\me:{SECRET}@host",
    f" http://me:{SECRET}@host",
    f"://me:{SECRET}@host/",
    f"me:{SECRET}@host",
    f"me:{SECRET}@host:80/x",
    f"me@x:{SECRET}@host/",
    f"https://me:{SECRET}@[bad",
    f"https:///me:{SECRET}@host",
    f"http://me:{SECRET}@host/ x",
    f"http://me:{SECRET}@host?x",
    f"http://me:{SECRET}@host:99999/",
    f"http://me:{SECRET}@",
    f"ftp://me:{SECRET}@host",
    f"postgres://me:{SECRET}@host/db",
    f"sqlite:me:{SECRET}@host",
    f"sqlite://me:{SECRET}@host/x",
]

pytestmark = pytest.mark.filterwarnings("ignore::torc_frames.TorcFramesWarning")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name.startswith("TORC_"):
            monkeypatch.delenv(name)


def frames(error):
    """Yield the frames below the test's of an error and of all that it came from."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        trace = one.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename != __file__:
                yield trace.tb_frame
            trace = trace.tb_next


def shows_nothing(call):
    """Return the error of a call, which shows no secret."""
    with pytest.raises(tf.TorcFramesError) as told:
        call()
    texts = [str(told.value), repr(told.value)]
    texts += [
        f"{frame.f_code.co_name}: {name} = {value!r}"
        for frame in frames(told.value)
        for name, value in frame.f_locals.items()
    ]
    assert [text for text in texts if any(secret in text for secret in HIDDEN)] == []
    return told.value


@pytest.mark.parametrize("url", BAD)
def test_a_bad_url_is_refused_and_no_file(url, tmp_path):
    for options in ({}, {"timeout": 1}):
        assert isinstance(shows_nothing(lambda options=options: tf.connect(url, **options)), tf.RefusedError)
    assert os.listdir(tmp_path) == []


FILES = ["study.db", "a@b.db", "/data/run:1@node/x.db", "./me:pw@host", "C:\\a@b.db", "a:b", "a/b:c@d.db"]


@pytest.mark.parametrize("name", FILES)
def test_files_may_have_such_names(name):
    assert settings.database_path(name) == Path(name)


def test_two_slashes_before_a_host_and_port_are_no_file():
    with pytest.raises(tf.RefusedError, match="did you mean http://host:8080"):
        tf.connect("//host:8080/torc-service/v1")


CREDENTIALS = [
    {"username": "me", "password": SECRET},
    {"cookie": f"session={SECRET}"},
    {"username": "a:b", "password": SECRET},
    {"username": "me", "password": f"{SECRET}\n"},
    {"cookie": f"a={SECRET}\u00e9"},
    {"username": "me", "password": SECRET, "ca_cert": "nothing.pem"},
    {"username": "me", "password": SECRET, "insecure": 3},
    {"username": "me", "password": SECRET, "timeout": -1},
]


@pytest.mark.parametrize("options", CREDENTIALS, ids=lambda options: " ".join(options))
def test_nobody_there(options):
    shows_nothing(lambda: tf.connect("http://127.0.0.1:9/", **{"timeout": 0.5, **options}))


def test_a_password_for_a_file():
    shows_nothing(lambda: tf.connect("study.db", password=SECRET))


def test_a_password_in_the_environment(monkeypatch):
    monkeypatch.setenv("TORC_API_URL", f"http://me:{SECRET}@127.0.0.1:9/")
    monkeypatch.setenv("TORC_PASSWORD", SECRET)
    monkeypatch.setenv("TORC_COOKIE_HEADER", f"session={SECRET}")
    monkeypatch.setenv("TORC_JOB_ID", "1")
    shows_nothing(lambda: tf.connect(timeout=0.5))
    monkeypatch.setenv("TORC_API_URL", f"//me:{SECRET}@host/")
    shows_nothing(tf.connect)
    shows_nothing(tf.current_job)


ANSWERS = {
    "401": b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic\r\n\r\n",
    "an echo": b"HTTP/1.1 403 No\r\nContent-Length: 14\r\n\r\nno pass-w0rd! ",
    "500": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 No\r\nLocation: http://me:pass-w0rd@host/\r\nContent-Length: 0\r\n\r\n",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npass-w0rd",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "silence": b"",
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_answers_wrongly(answer, scheme):
    server = Dripping(ANSWERS[answer], b"")
    url = f"{scheme}://me:{SECRET}@127.0.0.1:{server.port}/torc-service/v1"
    try:
        shows_nothing(lambda: tf.connect(url, cookie=f"session={SECRET}", timeout=0.7))
    finally:
        server.close()


@pytest.mark.parametrize("status", [b"401 No", b"500 No", b"200 OK"])
def test_calls_of_an_open_store(status, monkeypatch):
    from torc_frames.store.http.settings import ServerSettings
    from torc_frames.store.v1.store import V1Store

    server = Dripping(b"HTTP/1.1 " + status + b"\r\nContent-Length: 9\r\n\r\npass-w0rd", b"")
    url = f"http://127.0.0.1:{server.port}/torc-service/v1"
    store = V1Store(ServerSettings(url, "me", SECRET, f"session={SECRET}", timeout_s=0.5, limit_s=1))
    try:
        for call in (store.workflows, lambda: store.get_workflow("1"), lambda: store.delete_workflow("1")):
            shows_nothing(call)
    finally:
        store.close()
        server.close()


@given(
    st.sampled_from(["http", "https", "HTTP"]), st.text(":;/\\", max_size=3), st.sampled_from(["h", "h:80"])
)
def test_whatever_stands_before_a_login_no_file_is_made_of_it(scheme, between, host):
    url = f"{scheme}{between}me:{SECRET}@{host}/x"
    if between != "://":
        with pytest.raises(tf.RefusedError) as told:
            pytest.fail(f"{url} is {settings.database_path(url)}")
        assert SECRET not in str(told.value)


def test_a_masked_password_still_works_where_it_is_sent():
    from torc_frames.settings.masked import masked

    secret = masked(SECRET)
    assert (secret == SECRET, repr(secret)) == (True, "'***'")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
