"""What a process does with the files of an open store takes no acknowledged write along."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import keeping
import pytest
from click.testing import CliRunner
from places import REPOSITORY

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.errors import StoreFileError, TornReadError, UnavailableError
from torc_frames.store.sqlite import guard as guards
from torc_frames.store.sqlite import opening
from torc_frames.store.sqlite.connections import Connections
from torc_frames.store.sqlite.file import Connection
from torc_frames.store.sqlite.store import SQLiteStore

needs_locks = pytest.mark.skipif(not guards.AVAILABLE, reason="has no locks of open file descriptions")


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, network=False)
    store.add_workflow("w")
    yield store
    store.close()


def pointer(path: Path) -> None:
    tf.Pointer(str(path))


def archive(path: Path) -> None:
    with tarfile.open(path.with_suffix(".tar"), "w") as file:
        for end in keeping.TABLES:
            file.add(f"{path}{end}")


TOUCHES: list[Callable[[Path], object]] = [
    lambda path: path.read_bytes()[:16],
    lambda path: shutil.copy(path, path.with_suffix(".copy")),
    lambda path: os.close(os.open(path, os.O_RDONLY)),
    lambda path: path.open("r+b").close(),
    pointer,
    archive,
    lambda path: shutil.copytree(path.parent, path.parent / "copied"),
    lambda path: path.with_suffix(".link").hardlink_to(path) or path.with_suffix(".link").read_bytes(),
]


@needs_locks
@pytest.mark.parametrize("touch", TOUCHES)
def test_opening_and_closing_the_file_loses_nothing(
    store: SQLiteStore, path: Path, touch: Callable[[Path], object]
) -> None:
    keeping.add(store, path, "a", range(3))
    touch(path)
    # The next to open and close it would take itself for the last one, and take the log away.
    keeping.add_plainly(path, "plain", 2)
    keeping.add(store, path, "b", range(3))
    with store.snapshot("1") as snapshot:
        assert snapshot.count_user_data() == 8
    assert keeping.kept(path) == keeping.acknowledged(path)
    store.close()
    assert {file.name for file in path.parent.iterdir() if file.name.startswith("study.db-")} == set()
    assert keeping.kept(path) == keeping.acknowledged(path)


@needs_locks
def test_another_program_can_not_end_the_mode_meanwhile(store: SQLiteStore, path: Path) -> None:
    keeping.touch(path)
    with (
        closing(sqlite3.connect(path, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("PRAGMA journal_mode = delete")


@needs_locks
def test_a_connection_of_sqlite_alone_keeps_its_locks_when_the_store_is_closed(
    store: SQLiteStore, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as mine:
        mine.execute("INSERT INTO user_data (workflow_id, data, rev) VALUES (1, '1', 1)")
        mine.execute("BEGIN IMMEDIATE")
        mine.execute("INSERT INTO user_data (workflow_id, data, rev) VALUES (1, '2', 1)")
        store.close()
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
        assert "locked" in other.stderr
        mine.execute("COMMIT")
    assert keeping.kept(path) == {"1", "2"}
    with closing(SQLiteStore(path, network=False)) as again:
        again.workflows()
    assert [link for link in descriptors() if link.startswith(str(path))] == []


def descriptors() -> list[str]:
    """Return what this process has open."""
    folder = Path("/proc/self/fd")
    return [os.path.realpath(link) for link in folder.iterdir()]


@needs_locks
def test_a_file_that_another_process_turns_to_wal_is_held_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with closing(SQLiteStore(path, network=True)) as made:
        made.add_workflow("w")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM workflow").fetchall()
        # Nobody can change the mode while somebody reads.
        store = SQLiteStore(path, network=False, timeout=0.2)
        store.workflows()
        assert not mine(store).guard.held  # type: ignore[union-attr]
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode = wal").fetchone() == ("wal",)
        keeping.add(store, path, "a", range(3))
        assert mine(store).guard.held  # type: ignore[union-attr]
        keeping.touch(path)
    keeping.add_plainly(path, "plain", 1)
    keeping.add(store, path, "b", range(3))
    assert keeping.kept(path) == keeping.acknowledged(path)
    store.close()


def mine(store: SQLiteStore) -> Connection:
    with store._connections.reading() as connection:
        return connection


@needs_locks
def test_two_threads_that_open_it_at_once_know_of_each_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SQLiteStore(path, network=False)) as made:
        made.add_workflow("w")
    others: list[SQLiteStore] = []
    looked = guards._is_index_used

    def first_another(index: str) -> bool:
        monkeypatch.setattr(guards, "_is_index_used", looked)
        others.append(SQLiteStore(path, network=False))
        keeping.touch(path)  # what is left are locks that this process does not see as another's
        return looked(index)

    monkeypatch.setattr(guards, "_is_index_used", first_another)
    with closing(SQLiteStore(path, network=False)) as store:
        keeping.add(store, path, "a", range(3))
    others[0].close()
    assert keeping.kept(path) == keeping.acknowledged(path)


@needs_locks
class TestIndex:
    """The index of the log, whose locks nothing else can hold."""

    def test_a_write_in_which_it_was_touched_stays_the_only_one(self, store: SQLiteStore, path: Path) -> None:
        with store.transaction():
            store.add_user_data("1", [b'"a:0"'])
            keeping.touch(path, keeping.TABLES)
            code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
            other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
            assert "locked" in other.stderr
            later = keeping.start("plain", path, "plain", 3)
        keeping.acknowledge(path, "a", 0)
        assert later.wait() == 0
        assert keeping.kept(path) == keeping.acknowledged(path) == {"a:0", "plain:0", "plain:1", "plain:2"}

    @pytest.mark.parametrize("wrote", [True, False])
    def test_a_lock_that_was_dropped_before_it_was_ours_is_taken_anew(
        self, store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch, wrote: bool
    ) -> None:
        own = guards.Guard.own_writing
        answers: list[bool] = []

        def touched(*arguments: object) -> bool:
            if not answers:
                keeping.touch(path, keeping.TABLES)
                assert not wrote or keeping.start("plain", path, "plain", 3).wait() == 0
            answers.append(own(*arguments))  # type: ignore[arg-type]
            return answers[-1]

        monkeypatch.setattr(guards.Guard, "own_writing", touched)
        keeping.add(store, path, "a", range(2))
        assert answers == [False, True, True]
        assert keeping.kept(path) == keeping.acknowledged(path)

    def test_a_touch_between_two_writes_is_nothing(self, store: SQLiteStore, path: Path) -> None:
        for number in range(5):
            keeping.touch(path, keeping.TABLES)
            keeping.add(store, path, "a", [number])
            assert keeping.start("plain", path, f"p{number}", 2).wait() == 0
            assert len(store.workflows()) == 1
        assert keeping.kept(path) == keeping.acknowledged(path)

    def test_a_pull_in_which_it_was_touched_and_written_is_torn(self, store: SQLiteStore, path: Path) -> None:
        with store.snapshot("1") as snapshot:
            snapshot.count_user_data()
            keeping.touch(path, keeping.TABLES)
            snapshot.verify()
            store.add_user_data("1", [b"1"])
            with pytest.raises(TornReadError, match="may be torn"):
                snapshot.verify()

    def test_nobody_writes_while_another_process_still_copies_the_log(
        self, store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = (
            "import fcntl, os, sys; index = os.open(sys.argv[1], os.O_RDWR); "
            "fcntl.lockf(index, fcntl.LOCK_EX, 1, 121); print(flush=True); sys.stdin.read()"
        )
        bring_in, check = Connections._bring_in, Connections._check_file

        def touched(self: Connections, connection: Connection) -> bytes:
            keeping.touch(path, keeping.TABLES)
            return check(self, connection)

        def within(self: Connections, connection: Connection) -> None:
            monkeypatch.setattr(Connections, "_check_file", touched)
            bring_in(self, connection)
            monkeypatch.setattr(Connections, "_check_file", check)

        monkeypatch.setattr(Connections, "_bring_in", within)
        with subprocess.Popen(
            [sys.executable, "-c", code, f"{path}-shm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as copying:
            assert copying.stdout
            assert copying.stdout.readline()
            long = b'"%s"' % (b"x" * 5_000_000)
            writing = threading.Thread(target=store.add_user_data, args=("1", [long]))
            writing.start()
            other = keeping.start("plain", path, "plain", 1)
            writing.join(0.5)
            assert writing.is_alive()
            assert other.poll() is None
            copying.communicate()
        writing.join()
        assert other.wait() == 0
        assert len(keeping.kept(path)) == 2

    def test_threads_that_write_and_one_that_touches(self, store: SQLiteStore, path: Path) -> None:
        stop = threading.Event()

        def write(who: str) -> None:
            number = 0
            while not stop.is_set():
                keeping.add(store, path, who, [number])
                number += 1

        threads = [threading.Thread(target=write, args=(who,)) for who in "ab"]
        for thread in threads:
            thread.start()
        pauses = random.Random(1)
        for number in range(2):
            other = keeping.start("write", path, f"other{number}", 5)
            while other.poll() is None:
                keeping.touch(path, keeping.TABLES)
                stop.wait(pauses.uniform(0, 0.01))
        stop.set()
        for thread in threads:
            thread.join()
        assert keeping.acknowledged(path) <= keeping.kept(path)


def test_a_pipe_is_no_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(StoreFileError, match="no regular file"):
        SQLiteStore(tmp_path / "pipe.db")
    for device in ("/dev/null", "/dev/zero"):
        with pytest.raises(StoreFileError, match="no regular file"):
            SQLiteStore(device)


def test_without_such_locks_it_works_as_it_would(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "AVAILABLE", False)
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        keeping.add(store, path, "a", range(3))
        assert mine(store).guard is None
        assert keeping.kept(path) == keeping.acknowledged(path)
        os.replace(path, path.with_suffix(".old"))
        with pytest.raises(UnavailableError, match="was deleted or replaced"):
            store.workflows()
    assert not guards.can_guard(str(path))
    monkeypatch.chdir(path.parent)
    assert "locks        SQLite's alone" in told_by_doctor(path)


@needs_locks
def test_doctor_says_that_they_are_held(path: Path, store: SQLiteStore) -> None:
    for each in (path, path.with_name("none-yet.db")):
        assert "locks        held, whatever else" in told_by_doctor(each)
    keeping.touch(path)
    keeping.add(store, path, "a", range(3))
    assert keeping.kept(path) == keeping.acknowledged(path)


def told_by_doctor(path: Path) -> str:
    return CliRunner().invoke(root, ["-u", str(path), "doctor"], prog_name="torc-frames").stdout


@needs_locks
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_keeps_nothing_of_the_locks(store: SQLiteStore, path: Path) -> None:
    keeping.add(store, path, "a", range(3))
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writes)
        os.read(reads, 1)  # lives on until it is told to end
        os._exit(any(link.startswith(str(path)) for link in descriptors()))
    os.close(reads)
    keeping.add(store, path, "b", range(3))
    keeping.touch(path)
    store.close()
    assert not Path(f"{path}-wal").exists()
    assert keeping.kept(path) == keeping.acknowledged(path)
    os.close(writes)
    assert os.waitpid(child, 0)[1] == 0


@needs_locks
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_within_a_read_leaves_the_parent_its_locks(store: SQLiteStore, path: Path) -> None:
    keeping.add(store, path, "a", range(3))
    with store.snapshot("1") as snapshot:
        child = os.fork()
        if child == 0:
            try:
                store.workflows()
            except UnavailableError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        keeping.touch(path)
        keeping.add_plainly(path, "plain", 1)
        keeping.add(store, path, "b", range(3))
        assert snapshot.count_user_data() == 3
    assert keeping.kept(path) == keeping.acknowledged(path)


def test_what_is_open_is_known(store: SQLiteStore, path: Path) -> None:
    store.workflows()
    assert any(connection.file == str(path) and not connection.closed for connection in opening._open)
    store.close()
    assert not any(connection.file == str(path) and not connection.closed for connection in opening._open)


def test_a_process_that_ends_leaves_the_file_alone_whole(tmp_path: Path) -> None:
    # However late the client goes: a module of the interpreter's own keeps it here.
    code = (
        "import sys, torc_frames as tf; client = sys.kept = tf.connect('study.db'); "
        "client.create_workflow('x').push(tf.grid(a=[1, 2]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]
