"""Copies of a store that others write meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import keeping
import pytest
from click.testing import CliRunner, Result

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.errors import RefusedError, UnavailableError
from torc_frames.files import whole


@pytest.fixture
def client(tmp_path: Path) -> tf.Client:
    client = tf.connect(tmp_path / "study.db")
    client.create_workflow("w").push(tf.grid(a=[1, 2, 3]))
    return client


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM user_data").fetchone()[0])


def test_it_has_what_is_in_the_log_where_a_copy_by_hand_has_not(client: tf.Client, tmp_path: Path) -> None:
    copy = client.backup(tmp_path / "copy.db")
    shutil.copy(tmp_path / "study.db", tmp_path / "by-hand.db")
    assert copy == tmp_path / "copy.db"
    assert {file.name for file in tmp_path.iterdir() if "copy" in file.name} == {"copy.db"}
    assert count(copy) == 3
    assert count(tmp_path / "by-hand.db") == 0
    other = tf.connect(copy)
    assert other.workflow(1).parameters()["a"].tolist() == [1, 2, 3]
    other.workflow(1).add_user_data("1", {"b": 1})
    assert len(client.workflow(1).user_data()) == 3


def test_it_ends_and_is_of_one_moment_while_others_write(client: tf.Client, tmp_path: Path) -> None:
    path, stop = tmp_path / "study.db", threading.Event()
    store = client._store

    def write() -> None:
        number = 0
        while not stop.is_set():
            # Two records a write: a copy with one of them is torn.
            store.add_user_data("1", [b'"%d"' % number, b'"%d"' % number])
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    other = keeping.start("write", path, "other", 50)
    copies = [client.backup(tmp_path / f"copy{number}.db") for number in range(5)]
    assert other.wait() == 0
    copies.append(client.backup(tmp_path / "copy.db"))
    stop.set()
    thread.join()
    counts = [count(copy) for copy in copies]
    assert counts == sorted(counts)
    others = [sum(each.startswith("other") for each in keeping.kept(copy)) for copy in copies]
    assert others[-1] == 50
    assert all((found - 3 - theirs) % 2 == 0 for found, theirs in zip(counts, others, strict=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: (folder / "to.db").touch(), "exists: name another file"),
        (lambda folder: (folder / "to.db").mkdir(), "is a folder"),
        (lambda folder: (folder / "to.db-wal").touch(), "to.db-wal would be taken for parts"),
        (lambda folder: (folder / "to.db-journal").touch(), "to.db-journal would be taken"),
        (lambda folder: os.mkfifo(folder / "to.db"), "no regular file"),
        (lambda folder: (folder / "to.db").symlink_to("study.db"), "is the store itself"),
        (lambda folder: (folder / "to.db").hardlink_to(folder / "study.db"), "is the store itself"),
    ],
)
def test_what_is_there_is_left(
    client: tf.Client, tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RefusedError, match=message):
        client.backup(tmp_path / "to.db")
    if "exists" not in message:
        with pytest.raises(RefusedError, match=message):
            client.backup(tmp_path / "to.db", overwrite=True)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_missing_is_named(client: tf.Client, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"no folder .*nowhere"):
        client.backup(tmp_path / "nowhere" / "to.db")


def test_it_replaces_when_told_and_keeps_permissions(client: tf.Client, tmp_path: Path) -> None:
    (tmp_path / "study.db").chmod(0o640)
    (tmp_path / "to.db").write_text("old")
    client.backup(tmp_path / "to.db", overwrite=True)
    assert count(tmp_path / "to.db") == 3
    assert (tmp_path / "to.db").stat().st_mode & 0o777 == 0o640
    client.backup(f"sqlite:///{tmp_path}/again.db")
    assert count(tmp_path / "again.db") == 3


def test_a_store_that_is_open_is_not_replaced(client: tf.Client, tmp_path: Path) -> None:
    other = tf.connect(tmp_path / "other.db")
    other.create_workflow("o")
    with pytest.raises(RefusedError, match=r"somebody has .*other\.db open"):
        client.backup(tmp_path / "other.db", overwrite=True)
    other.close()
    client.backup(tmp_path / "other.db", overwrite=True)
    assert other.workflows()["name"].tolist() == ["w"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_nothing_is_left_of_one_that_did_not_end(
    client: tf.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(path: str) -> None:
        raise error

    monkeypatch.setattr(whole, "sync", fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises((KeyboardInterrupt, UnavailableError)):
        client.backup(tmp_path / "to.db")
    assert sorted(tmp_path.iterdir()) == before


def test_on_a_network_file_system(tmp_path: Path) -> None:
    from torc_frames.store.sqlite.store import SQLiteStore

    with closing(SQLiteStore(tmp_path / "study.db", network=True)) as store:
        store.add_workflow("w")
        store.add_user_data("1", [b"1"])
        assert count(store.backup(tmp_path / "to.db")) == 1


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames")


def test_the_command(client: tf.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    made = Path(torc_frames("-u", "study.db", "backup").stdout.strip())
    assert (made.parent, made.name[:6], made.suffix, count(made)) == (tmp_path, "study-", ".db", 3)
    told = json.loads(torc_frames("-u", "study.db", "backup", "to.db", "-f", "json").stdout)
    assert told == {"path": str(tmp_path / "to.db")}
    refused = torc_frames("-u", "study.db", "backup", "to.db")
    assert refused.exit_code == 1
    assert "exists" in refused.stderr
    assert torc_frames("-u", "study.db", "backup", "--overwrite", "to.db").exit_code == 0
    assert torc_frames("-u", "none.db", "backup", "x.db").exit_code == 1
    server = torc_frames("-u", "http://localhost:9/torc-service/v1", "backup")
    assert server.exit_code == 1
    assert "torc-frames copy --to" in server.stderr
    assert torc_frames("backup", "-f", "csv").exit_code == 2


@pytest.mark.parametrize(
    "path", ["x\0.db", b"x.db", None, 3, "http://x/y", "me:pw@host:80/x", "", ":memory:"]
)
def test_what_can_be_no_file_s_path_is_refused(
    client: tf.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: object
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(tf.RefusedError) as refused:
        client.backup(path)  # type: ignore[arg-type]
    assert "pw" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before
