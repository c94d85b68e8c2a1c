"""Paths that somebody else named are regular files, or refused; nothing waits for what they are."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

import pandas as pd
import pytest

import torc_frames as tf
from torc_frames import settings
from torc_frames.settings.regular import irregular, open_regular
from torc_frames.store.http.settings import server_settings
from torc_frames.workflow.run.logs import last_lines

KINDS = ["fifo", "socket", "folder", "device", "/proc/version", "/proc/kmsg", "/sys/kernel/uevent_seqnum"]
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="there are no such files"),
    pytest.mark.timeout(60, method="thread"),
]


@pytest.fixture(params=KINDS)
def path(request, tmp_path, monkeypatch):
    """A path that is no regular file, named as the test wants it."""
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "irregular"
    if request.param == "fifo":
        os.mkfifo(target)
    elif request.param == "folder":
        target.mkdir()
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("irregular")
    elif request.param == "device":
        target.symlink_to("/dev/zero")
    else:
        if not os.path.exists(request.param):
            pytest.skip(f"no {request.param} here")
        target.symlink_to(request.param)
    return target


def test_it_is_not_opened(path):
    assert irregular(path) is not None
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(path)


def test_a_pointer_to_it_is_refused(path):
    with pytest.raises(tf.RefusedError, match="not a regular file"):
        tf.Pointer(path)
    for format in ("csv", "parquet", "json", "jsonl"):
        given = {"torc_pointer": 1, "path": str(path), "format": format, "size": 0, "sha256": ""}
        pointer = tf.Pointer.from_json(given)
        with pytest.raises(tf.PointerError, match="no regular file"):
            pointer.verify()
        with pytest.raises(tf.PointerError, match="no regular file"):
            pointer.read()


def test_a_config_file_that_is_none_is_refused(path):
    path.rename("torc.toml")
    with pytest.raises(tf.RefusedError, match=r"torc\.toml.*not a regular file"):
        settings.default_url()
    with pytest.raises(tf.RefusedError, match="not a regular file"):
        tf.connect()


def test_certificates_are_not_read_from_it(path):
    with pytest.raises(tf.RefusedError, match=r"ca_cert.*not a regular file"):
        server_settings("https://host/", ca_cert=str(path))
    with open("torc.toml", "w") as file:
        file.write(f'[client]\napi_url = "https://host/"\n[client.tls]\nca_cert = "{path}"\n')
    with pytest.raises(tf.RefusedError, match=r"ca_cert.*not a regular file"):
        server_settings()


def test_it_is_no_store(path):
    with pytest.raises(tf.StoreFileError, match=str(path)):
        tf.connect(path)
    with pytest.raises(tf.StoreFileError):
        tf.connect(f"sqlite:///{path}")


def test_what_a_job_left_in_place_of_its_errors_is_not_waited_for(path):
    assert last_lines(path, 3) is None


def test_what_comes_in_place_of_a_file_meanwhile_is_not_waited_for(tmp_path):
    """Between the look and the opening there is a moment: no such file may hold anybody."""
    file, other = tmp_path / "file.csv", tmp_path / "other"
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            file.unlink(missing_ok=True)
            os.mkfifo(file)
            other.write_text("a\n1\n")
            os.replace(other, file)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(2000):
            with contextlib.suppress(OSError), open_regular(file) as opened:
                assert opened.read() == b"a\n1\n"
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.bz2"])
def test_a_regular_file_is_read_as_before(tmp_path, name):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    frame.to_csv(tmp_path / name, index=False)
    pd.testing.assert_frame_equal(tf.Pointer(tmp_path / name, format="csv").read(), frame, check_dtype=False)
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / name)
    assert tf.Pointer(link, format="csv").size == (tmp_path / name).stat().st_size
