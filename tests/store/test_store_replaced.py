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
from typing import Any

import keeping
import pytest

import torc_frames as tf
from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite import guard as guards
from torc_frames.store.sqlite.store import SQLiteStore

needs_locks = pytest.mark.skipif(not guards.AVAILABLE, reason="has no locks of open file descriptions")


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


def written_over(path: Path) -> None:
    """Copy another store over it, in place."""
    other = path.with_name("other.db")
    fresh(other).close()
    shutil.copy2(other, path)
    other.unlink()


GONE: list[Any] = [
    lambda path: path.unlink(),
    lambda path: path.rename(path.with_suffix(".moved")),
    lambda path: [Path(f"{path}{end}").unlink() for end in keeping.TABLES],
    lambda path: shutil.rmtree(path.parent),
    linked,
    swapped,
    pytest.param(written_over, marks=needs_locks),
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
    from torc_frames.store.sqlite.reading import connect

    path = tmp_path / "torc.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x)")
    known = file_id(str(path))
    connect(str(path), known, network=False).close()
    linked(path)
    with pytest.raises(UnavailableError, match=r"torc\.db was deleted or replaced"):
        connect(str(path), known, network=False)


IN_PLACE: list[Callable[[Path, Path], object]] = [
    shutil.copy,
    shutil.copy2,
    lambda backup, path: subprocess.run(["cp", backup, path], check=True),
    lambda backup, path: path.write_bytes(backup.read_bytes()),
]


def records(path: Path) -> int:
    """Return how many records a sound database holds, by SQLite alone."""
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(other.execute("SELECT count(*) FROM user_data").fetchone()[0])


@needs_locks
@pytest.mark.parametrize("copy", IN_PLACE)
@pytest.mark.parametrize("emptied", [False, True])
def test_a_backup_that_is_copied_over_it_is_read_whole_by_the_next_connection(
    tmp_path: Path, copy: Callable[[Path, Path], object], emptied: bool
) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)
    wf = client.workflow(1)
    acknowledged: list[int] = []
    told: list[str] = []
    for number in range(60):
        if number == 20:
            client.backup(tmp_path / "backup.db")
        if number == 30 and emptied:
            with closing(sqlite3.connect(path)) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if number == 40:
            copy(tmp_path / "backup.db", path)
        try:
            wf.add_user_data("1", {"n": number, "long": "x" * 500})
            acknowledged.append(number)
        except UnavailableError as error:
            told.append(str(error))
    assert all(f"{path} was deleted or replaced" in message for message in told)
    assert acknowledged == list(range(40))
    again = tf.connect(path)
    assert len(again.workflow(1).user_data()) == 21
    again.workflow(1).add_user_data("1", {"n": 60})
    with pytest.raises(UnavailableError, match="deleted or replaced"):
        wf.user_data()
    assert records(path) == 22
    again.close()
    client.close()
    assert len(wf.user_data()) == 22  # a client that is closed opens what is there
    client.close()
    assert records(path) == 22


@needs_locks
def test_a_client_that_ends_before_it_notices_writes_nothing_into_what_was_copied_over(
    tmp_path: Path,
) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)
    client.backup(tmp_path / "backup.db")
    client.workflow(1).add_user_data("1", [{"n": number, "long": "x" * 500} for number in range(40)])
    shutil.copy(tmp_path / "backup.db", path)
    client.close()
    assert path.read_bytes() == (tmp_path / "backup.db").read_bytes()
    assert records(path) == 1


@needs_locks
def test_a_write_or_read_during_which_it_is_written_over_is_told(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        store.backup(tmp_path / "backup.db")

        def write() -> None:
            with store.transaction():
                store.add_user_data("1", [b"1"] * 100)
                shutil.copy(tmp_path / "backup.db", path)

        with pytest.raises(UnavailableError, match="deleted or replaced"):
            write()
        with pytest.raises(UnavailableError, match="deleted or replaced"):
            store.workflows()
        store.close()
        store.add_user_data("1", [b"1"])

        def read() -> None:
            with store.snapshot("1") as snapshot:
                shutil.copy(tmp_path / "backup.db", path)
                snapshot.verify()

        with pytest.raises(UnavailableError, match="deleted or replaced"):
            read()
    assert records(path) == 0


@needs_locks
@pytest.mark.parametrize("big", [False, True])
def test_it_is_noticed_also_when_the_last_write_brought_in_the_log(tmp_path: Path, big: bool) -> None:
    path = tmp_path / "study.db"
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        store.backup(tmp_path / "backup.db")
        data = [b'"%s"' % (b"x" * 5_000_000)] if big else [b"1"] * 300
        for _ in range(1 if big else 400):
            size = path.stat().st_size
            store.add_user_data("1", data)
            if path.stat().st_size > size:
                break
        else:
            raise AssertionError("the log was not brought in")
        shutil.copy(tmp_path / "backup.db", path)
        with pytest.raises(UnavailableError, match="deleted or replaced"):
            store.add_user_data("1", [b"1"])
        with pytest.raises(UnavailableError, match="deleted or replaced"):
            store.workflows()
    assert records(path) == 0


@needs_locks
def test_what_leaves_the_content_alone_is_no_replacement(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    client = fresh(path)

    def alone(sql: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(sql)

    for number, do in enumerate(
        [
            path.touch,
            lambda: os.utime(path, (1, 1)),
            lambda: path.chmod(0o600),
            lambda: path.with_suffix(".link").hardlink_to(path),
            lambda: alone("PRAGMA wal_checkpoint(TRUNCATE)"),
            path.touch,
            lambda: alone("PRAGMA wal_checkpoint(PASSIVE)"),
            lambda: alone("VACUUM"),
            lambda: alone("UPDATE workflow SET description = 'x'"),
            lambda: alone("PRAGMA wal_checkpoint(RESTART)"),
            lambda: alone("PRAGMA wal_checkpoint(FULL)"),
        ]
    ):
        do()
        assert len(client.workflow(1).user_data()) == number + 1
        client.workflow(1).add_user_data("1", {"n": number})
    client.close()
    assert records(path) == 12
