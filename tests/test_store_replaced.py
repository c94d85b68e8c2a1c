"""A file that is deleted or replaced while it is open is neither read nor written, nor made anew."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import keeping
import pytest

import torc_frames as tf
from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite.store import SQLiteStore


def fresh(path: Path) -> tf.Client:
    """Return a client of a store with a workflow, a job and a record."""
    client = tf.connect(path)
    client.create_workflow("w").push(tf.grid(a=[1]))
    return client


def linked(path: Path) -> None:
    """Put a copy in its place, and keep the file under another name."""
    path.with_suffix(".kept").hardlink_to(path)
    shutil.copy(path, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def swapped(path: Path) -> None:
    """Put another store in its place, with a log of its own."""
    other = path.with_name("other.db")
    fresh(other).close()
    os.replace(other, path)


GONE: list[Callable[[Path], object]] = [
    lambda path: path.unlink(),
    lambda path: path.rename(path.with_suffix(".moved")),
    lambda path: [Path(f"{path}{end}").unlink() for end in keeping.TABLES],
    lambda path: shutil.rmtree(path.parent),
    linked,
    swapped,
    lambda path: (path.unlink(), path.touch()),
    lambda path: (path.unlink(), path.mkdir()),
]
USES: list[Callable[[tf.Client, tf.Workflow], object]] = [
    lambda client, wf: client.workflows(),
    lambda client, wf: client.workflow(1),
    lambda client, wf: client.create_workflow("x"),
    lambda client, wf: client.job(1),
    lambda client, wf: client.backup("copy.db"),
    lambda client, wf: wf.user_data(),
    lambda client, wf: wf.table(),
    lambda client, wf: wf.push(tf.grid(a=[1, 2])),
    lambda client, wf: wf.add_user_data("1", {"b": 1}),
    lambda client, wf: wf.run(),
]


@pytest.mark.parametrize("gone", GONE)
def test_every_use_says_so_and_makes_nothing(
    tmp_path: Path, gone: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "folder" / "study.db"
    path.parent.mkdir()
    client = fresh(path)
    wf = client.workflow(1)
    gone(path)
    there = path.read_bytes() if path.is_file() else None
    for use in USES:
        with pytest.raises(UnavailableError, match=r"study\.db was deleted or replaced since it was opened"):
            use(client, wf)
    assert (path.read_bytes() if path.is_file() else None) == there
    client.close()
    assert (path.read_bytes() if path.is_file() else None) == there
    assert not (tmp_path / "copy.db").exists()


def test_of_sixty_writes_those_are_acknowledged_that_are_in_it(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)
    wf, told = client.workflow(1), 0
    for number in range(60):
        if number == 20:
            client.backup(tmp_path / "backup.db")
        if number == 40:
            os.replace(tmp_path / "backup.db", path)
        try:
            wf.add_user_data("1", {"n": number})
        except UnavailableError:
            told += 1
    assert told == 20
    # What is there is the backup, without anything of the former log.
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM user_data").fetchone() == (21,)
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again = tf.connect(path)
    again.workflow(1).add_user_data("1", {"n": 60})
    assert len(again.workflow(1).user_data()) == 22
    with pytest.raises(UnavailableError, match="deleted or replaced"):
        wf.user_data()
    again.close()
    client.close()
    assert len(wf.user_data()) == 22  # a client that is closed opens what is there


def test_a_write_during_which_it_is_replaced_is_not_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        shutil.copy(path, tmp_path / "backup.db")

        def write() -> None:
            with store.transaction():
                store.add_user_data("1", [b"1"])
                os.replace(tmp_path / "backup.db", path)

        with pytest.raises(UnavailableError, match="deleted or replaced"):
            write()


def test_what_was_moved_away_keeps_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)
    for number in range(20):
        client.workflow(1).add_user_data("1", {"n": number})
    path.rename(tmp_path / "moved.db")
    with pytest.raises(UnavailableError, match="deleted or replaced"):
        client.workflows()
    assert [file.name for file in tmp_path.iterdir()] == ["moved.db"]
    assert len(tf.connect(tmp_path / "moved.db").workflow(1).user_data()) == 21


def test_a_pull_that_began_before_is_told(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)
    with client._store.snapshot("1") as snapshot:
        assert snapshot.count_user_data() == 1
        linked(path)
        with pytest.raises(UnavailableError, match="deleted or replaced"):
            snapshot.verify()
        with pytest.raises(UnavailableError, match="still reads what it was before"):
            tf.connect(path)
    assert len(tf.connect(path).workflows()) in (0, 1)


def test_a_log_that_another_process_uses_of_a_former_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    fresh(path).close()
    shutil.copy(path, tmp_path / "backup.db")
    code = (
        "import sys; from torc_frames.store.sqlite.store import SQLiteStore\n"
        "store = SQLiteStore(sys.argv[1])\nstore.add_user_data('1', [b'1'])\n"
        "print(flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": keeping.ROOT}
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert other.stdin
    assert other.stdout
    assert other.stdout.readline()
    os.replace(tmp_path / "backup.db", path)
    with pytest.raises(UnavailableError, match=r"still uses .*study\.db-wal, which belongs to the former"):
        tf.connect(path)
    other.stdin.close()
    other.stdout.close()
    assert other.wait() == 0
    assert len(tf.connect(path).workflow(1).user_data()) == 1


def test_a_store_that_was_pickled_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)
    pickled = pickle.dumps(client._store)
    client.close()
    path.unlink()
    with pytest.raises(UnavailableError, match="gone or empty"):
        pickle.loads(pickled)
    with pytest.raises(UnavailableError, match="gone or empty"):
        client.workflows()
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_torc_is_watched_as_well(tmp_path: Path) -> None:
    from torc_frames.store.sqlite.identity import file_id
    from torc_frames.store.torc_file.snapshot import connect

    path = tmp_path / "torc.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x)")
    known = file_id(str(path))
    connect(str(path), known).close()
    linked(path)
    with pytest.raises(UnavailableError, match=r"torc\.db was deleted or replaced"):
        connect(str(path), known)
