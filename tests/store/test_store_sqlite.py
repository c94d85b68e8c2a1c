"""The embedded store's file: what it is, who may use it at once, and what survives."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import schema_asset
from documents import Documents
from places import TESTS

import torc_frames
from torc_frames.errors import (
    RefusedError,
    StoreFileError,
    UnavailableError,
    UnreadableRecordError,
    VersionError,
)
from torc_frames.store.contents import read_calls
from torc_frames.store.records import NewJobs, Resources
from torc_frames.store.sqlite import schema
from torc_frames.store.sqlite import snapshot as sqlite_snapshot
from torc_frames.store.sqlite.file import check_file, file_system, is_network_kind
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import Form

OURS = f"application_id = {schema.APPLICATION_ID}"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """An empty store with the journal of a local disk."""
    store = SQLiteStore(path, network=False)
    yield store
    store.close()


def start_writer(path: Path, workflow: str, label: str, count: int) -> subprocess.Popen[str]:
    """Start a process that adds records."""
    root = str(Path(torc_frames.__path__[0]).parent)
    return subprocess.Popen(
        [sys.executable, str(TESTS / "store_writer.py"), str(path), workflow, label, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )


def all_data(store: SQLiteStore, workflow: str) -> dict[str, bytes]:
    """Return the raw data of every record by key."""
    with store.snapshot(workflow) as snapshot:
        pages = list(snapshot.user_data())
    return {key: line for page in pages for key, line in zip(page.keys, page.lines(), strict=True)}


def described(path: Path) -> dict[tuple[str, str], int]:
    """Return each table and index, how it was made, and how many rows its table has."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, ifnull(sql, ''), tbl_name FROM sqlite_master").fetchall()
    made = {
        (name, sql): connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for name, sql, table in rows
    }
    connection.close()
    return made


def other_database(path: Path, *pragmas: str) -> None:
    """Make an SQLite database that is not a store."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    connection.commit()
    connection.close()


class TestFile:
    """Which files are opened."""

    @pytest.mark.parametrize("made", [lambda path: None, lambda path: path.touch()])
    def test_a_missing_or_empty_file_becomes_a_store(self, path: Path, made: Callable[[Path], None]) -> None:
        made(path)
        SQLiteStore(path).close()
        header = path.read_bytes()[:100]
        assert header[68:72] == b"tfrm"
        assert int.from_bytes(header[60:64], "big") == schema.VERSION

    def test_a_missing_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StoreFileError, match=r"no directory .*nowhere"):
            SQLiteStore(tmp_path / "nowhere" / "study.db")
        with pytest.raises(StoreFileError, match="is a directory"):
            SQLiteStore(tmp_path)

    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda path: path.write_text("a,b\n1,2\n"), StoreFileError, "not an SQLite file"),
            (lambda path: path.write_bytes(b"\0" * 4096), StoreFileError, "not an SQLite file"),
            (lambda path: path.write_bytes(b"SQLite format 3\0"), StoreFileError, "not an SQLite file"),
            (other_database, StoreFileError, "another program"),
            (lambda path: other_database(path, "journal_mode = wal"), StoreFileError, "another program"),
            (
                lambda path: other_database(path, OURS, "user_version = 99"),
                VersionError,
                f"schema 99 .* up to {schema.VERSION}: upgrade torc_frames",
            ),
        ],
    )  # fmt: skip
    def test_any_other_file_is_refused_and_not_touched(
        self, path: Path, make: Callable[[Path], None], error: type[Exception], message: str
    ) -> None:
        make(path)
        before = path.read_bytes(), path.stat().st_mtime_ns
        with pytest.raises(error, match=message):
            SQLiteStore(path)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
        assert list(path.parent.iterdir()) == [path]

    def test_a_damaged_store_is_a_store_file_error(self, store: SQLiteStore, path: Path) -> None:
        store.add_user_data(store.add_workflow("w").key, [b"1"] * 5000)
        store.close()
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        with pytest.raises(StoreFileError, match=r"study\.db is damaged"):
            store.workflows()

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read_is_unavailable(self, path: Path) -> None:
        SQLiteStore(path).close()
        path.chmod(0)
        with pytest.raises(UnavailableError, match="Permission denied"):
            SQLiteStore(path)

    @pytest.mark.parametrize("version", range(1, schema.VERSION + 1))
    def test_every_schema_still_reads(self, path: Path, version: int) -> None:
        shutil.copy(schema_asset.DATA / f"schema-{version}.db", path)
        store = SQLiteStore(path)
        workflow = store.workflows()[0]
        assert (workflow.key, workflow.name, workflow.user) == ("1", "ridge", "ada")
        assert workflow.metadata == {"torc_frames": {"v": 1}}
        with store.snapshot("1") as snapshot:
            (jobs,) = snapshot.jobs()
            (links,) = snapshot.links()
            (results,) = snapshot.results()
            (waits,) = snapshot.dependencies()
            removed = snapshot.removed("1")
            series = [(one.job_key, one.rows) for one in snapshot.series()]
            calls = [(one.runner, one.details, one.ended) for one in read_calls(snapshot)]
        if version < 4:
            assert (series, calls) == ([], [])
        else:
            assert series == [("1", '{"epoch":0,"loss":null}\n{"epoch":1,"loss":0.5}')]
            assert calls == [("host:1", {"host": "host", "git_clean": True}, None)]
        assert (jobs.keys, jobs.names) == (["1", "2", "3"], ["a", "b", "sum"])
        assert (jobs.statuses, jobs.memory) == (["completed", "running", "blocked"], [None, "2g", None])
        assert all_data(store, "1") == {
            "1": b'{"alpha":0.1}', "2": b'{"alpha":10}', "3": b'{"loss":0.5}', "4": b"{}", "5": b"null",
            "7": b"[1,2.50]",
        }  # fmt: skip
        assert list(zip(links.job_keys, links.record_keys, links.roles, strict=True)) == [
            ("1", "1", "input"), ("1", "3", "output"), ("1", "7", None),
            ("2", "2", "input"), ("2", "4", "output"),
        ]  # fmt: skip
        assert (results.job_keys, results.statuses) == (["1"], ["completed"])
        assert (waits.job_keys, waits.depends_on_keys, removed) == (["3", "3"], ["1", "2"], ["6"])
        assert store.runners("1") == {"2": "host:1"}
        assert store.get_user_data("1", "7").is_ephemeral
        assert store.add_user_data("1", [b"1"]) == [{1: "8"}.get(version, "9")]
        store.close()

    def test_the_second_schema_has_documents(self, path: Path) -> None:
        shutil.copy(schema_asset.DATA / "schema-2.db", path)
        store = SQLiteStore(path)
        documents = Documents(store)
        assert json.loads(documents.get(Form.LATER, "workflows", None, "own"))["is_archived"]
        assert documents.get(Form.FIRST, "user_data", "own", "record") == (
            b'{"_id":"user_data__own/record","_key":"record","_rev":"3","n":12345678901234567890}'
        )
        job = json.loads(documents.get(Form.FIRST, "jobs", "own", "first"))
        assert (job["status"], job["interruptible"], job["run_id"]) == ("done", True, 0)
        assert b'"exec_time_minutes":1.50' in documents.get(Form.FIRST, "results", "own", "r")
        assert documents.get(Form.FIRST, "events", "own", "begun")
        assert b'"_to":"resource_requirements__own/3"' in documents.edges("own", "requires", limit=9)[0][0]
        assert store.get_job("4").resources == Resources(4, 0, "1m", "P0DT1H")
        store.close()

    def test_the_asset_has_the_schema_that_is_made_now(self, tmp_path: Path) -> None:
        schema_asset.make(tmp_path / "new.db")
        shutil.copy(schema_asset.DATA / f"schema-{schema.VERSION}.db", tmp_path / "old.db")
        assert described(tmp_path / "new.db") == described(tmp_path / "old.db")
        assert all(described(tmp_path / "old.db").values())

    def test_an_older_file_becomes_what_is_made_now(self, tmp_path: Path) -> None:
        shutil.copy(schema_asset.DATA / "schema-1.db", tmp_path / "old.db")
        for name in ("new.db", "old.db"):
            SQLiteStore(tmp_path / name, network=False).close()
        assert described(tmp_path / "old.db").keys() == described(tmp_path / "new.db").keys()


class TestProcesses:
    """Several processes at once, and what happens when they die."""

    def test_eight_processes_may_create_it_at_once(self, path: Path) -> None:
        writers = [start_writer(path, "1", "x", 0) for _ in range(8)]
        assert [writer.communicate(timeout=60) for writer in writers] == [("", None)] * 8
        assert [writer.returncode for writer in writers] == [0] * 8
        store = SQLiteStore(path, network=False)
        assert store.add_workflow("w").key == "1"
        store.close()

    def test_eight_processes_lose_no_record(self, store: SQLiteStore, path: Path) -> None:
        workflow = store.add_workflow("w").key
        writers = [start_writer(path, workflow, f"w{i}", 250) for i in range(8)]
        said = [
            line.split() for writer in writers for line in writer.communicate(timeout=100)[0].splitlines()
        ]
        assert [writer.returncode for writer in writers] == [0] * 8
        assert len(said) == 2000
        assert all_data(store, workflow) == {key: f'"{text}"'.encode() for key, text in said}
        assert store.get_workflow(workflow).rev == "2001"

    @pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
    @pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.long)])
    def test_what_was_acknowledged_survives_kill_9(self, store: SQLiteStore, path: Path, times: int) -> None:
        workflow = store.add_workflow("w").key
        pauses = random.Random(1)
        said: dict[str, bytes] = {}
        for number in range(times):
            writers = [start_writer(path, workflow, f"{number}.{i}", 10**9) for i in range(5)]
            for writer in writers:
                assert writer.stdout
                said.update(parsed(writer.stdout.readline()))
                time.sleep(pauses.uniform(0, 0.05))
                writer.kill()
            for writer in writers:
                for line in writer.communicate()[0].splitlines():
                    said.update(parsed(line))
        found = all_data(store, workflow)
        assert len(said) > 5 * times
        assert {key: found.get(key) for key in said} == said
        # A record may be committed by a process that dies before it can say so.
        assert len(found) <= len(said) + 5 * times
        store.close()
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()

    def test_it_pickles_to_other_processes(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        again = pickle.loads(pickle.dumps(store))
        assert (again.url, again.workflows()) == (store.url, store.workflows())
        again.close()
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            keys = pool.starmap(store_one, [(store, workflow, i) for i in range(10)])
        assert all_data(store, workflow) == {key: b"%d" % i for i, key in enumerate(keys)}

    def test_a_relative_path_stays_the_same_file(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(path.parent)
        store = SQLiteStore("study.db")
        monkeypatch.chdir("/")
        assert store.add_workflow("w") == SQLiteStore(path).workflows()[0]
        assert store.url == "sqlite:///" + str(path)
        store.close()


def parsed(line: str) -> dict[str, bytes]:
    """Return key and data of a line that a writer printed."""
    key, text = line.split()
    return {key: f'"{text}"'.encode()}


def store_one(store: SQLiteStore, workflow: str, number: int) -> str:
    """Add a record in another process."""
    (key,) = store.add_user_data(workflow, [b"%d" % number])
    store.close()
    return key


def in_fork(work: Callable[[], str]) -> str:
    """Return what a function returns in a fork of this process."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001 (the parent is told)
            answer = repr(error)
        os.write(writes, answer.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
class TestFork:
    """A store that a fork takes along."""

    def test_both_sides_of_a_fork_go_on(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        keys = [*store.add_user_data(workflow, [b"0"])]
        for i in range(1, 4):
            keys.append(in_fork(lambda i=i: store_one(store, workflow, i)))  # type: ignore[misc]
            keys += store.add_user_data(workflow, [b"parent"])
        assert list(all_data(store, workflow)) == keys == [str(i) for i in range(1, 8)]

    def test_a_fork_waits_for_a_write_of_another_thread(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        stop = threading.Event()

        def write() -> int:
            count = 0
            while not stop.is_set():
                store.add_user_data(workflow, [b"1"])
                count += 1
            return count

        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write)
            answers = [in_fork(lambda: store_one(store, workflow, 2)) for _ in range(10)]
            stop.set()
        assert all(answer.isdigit() for answer in answers), answers
        assert len(all_data(store, workflow)) == written.result() + 10

    def test_a_fork_within_a_snapshot_is_told_what_to_do(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        with store.snapshot(workflow):
            answer = in_fork(lambda: store_one(store, workflow, 1))
        assert "UnavailableError" in answer
        assert "spawn" in answer
        assert in_fork(lambda: store_one(store, workflow, 2)) == "1"


class TestLocks:
    """Writers and readers of one file."""

    def test_a_thread_may_write_while_it_reads_a_snapshot(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        store.add_user_data(workflow, [b"1"])
        with store.snapshot(workflow) as snapshot:
            store.add_user_data(workflow, [b"2"])
            assert snapshot.count_user_data() == 1
        assert len(all_data(store, workflow)) == 2

    def test_on_a_network_file_system_it_may_not(self, path: Path) -> None:
        store = SQLiteStore(path, network=True)
        workflow = store.add_workflow("w").key
        with store.snapshot(workflow), pytest.raises(UnavailableError, match="snapshot open"):
            store.add_user_data(workflow, [b"2"])
        store.add_user_data(workflow, [b"2"])
        store.close()

    def test_a_lock_that_stays_is_unavailable(self, store: SQLiteStore, path: Path) -> None:
        workflow = store.add_workflow("w").key
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        hasty = SQLiteStore(path, network=False, timeout=0.2)
        with pytest.raises(UnavailableError, match="stayed locked"):
            hasty.add_user_data(workflow, [b"1"])
        assert hasty.get_workflow(workflow).rev == "1"
        other.execute("ROLLBACK")
        assert hasty.add_user_data(workflow, [b"1"]) == ["1"]
        hasty.close()
        other.close()

    def test_a_closed_snapshot_says_so(self, store: SQLiteStore) -> None:
        with store.snapshot(store.add_workflow("w").key) as snapshot:
            pass
        with pytest.raises(UnavailableError, match="closed"):
            snapshot.count_user_data()

    @pytest.mark.skipif(not Path("/proc/locks").exists(), reason="has no /proc")
    def test_opening_it_again_drops_no_lock(self, path: Path) -> None:
        def locks() -> list[str]:
            mine = f" {os.getpid()} "
            lines = [line for line in Path("/proc/locks").read_text().splitlines() if mine in line]
            return sorted(line.split(":", 1)[1] for line in lines if f":{path.stat().st_ino} " in line)

        store = SQLiteStore(path, network=True)
        with store._connections.writing() as connection:
            connection.execute("INSERT INTO workflow (name, created) VALUES ('w', '')")
            before = locks()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(store.workflows).result()
            again = SQLiteStore(path, network=True)
            assert check_file(str(path))
            assert locks() == before != []
        again.close()
        store.close()

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="has no /proc")
    def test_close_and_ended_threads_leave_no_file_open(self, store: SQLiteStore, path: Path) -> None:
        def opened() -> int:
            links = Path("/proc/self/fd").iterdir()
            return sum(os.path.realpath(link).startswith(str(path)) for link in links)

        for _ in range(20):
            thread = threading.Thread(target=store.workflows)
            thread.start()
            thread.join()
        # SQLite keeps the file of a closed connection for the next one while another has locks; two are ours.
        assert opened() <= 7
        store.close()
        assert opened() == 0
        assert list(path.parent.iterdir()) == [path]


MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local xfs rw 0 0
//nas/data /mnt/my\\040data cifs rw 0 0
scratch /scratch lustre rw 0 0
me@host: /remote fuse.sshfs rw 0 0
overlay /box fuse.fuse-overlayfs rw 0 0
automount /auto autofs rw 0 0
server:/auto /auto nfs rw 0 0
garbage
"""
SHARED = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "9p", "afs"]
SHARED += ["fuse.sshfs", "fuse.anything"]
OWN = ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk", "apfs", "fuse.mergerfs"]


class TestNetwork:
    """Which file systems are shared between machines, and what the store does on them."""

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/study.db", "ext4"),
            ("/home/ada/study.db", "nfs4"),
            ("/home", "nfs4"),
            ("/homestead/study.db", "ext4"),
            ("/home/local/study.db", "xfs"),
            ("/mnt/my data/study.db", "cifs"),
            ("/scratch/a/b/study.db", "lustre"),
            ("/remote/study.db", "fuse.sshfs"),
            ("/auto/study.db", "nfs"),
        ],
    )
    def test_the_longest_mount_point_tells(self, path: str, kind: str) -> None:
        assert file_system(path, MOUNTS) == kind

    def test_without_mounts_nothing_is_known(self) -> None:
        assert file_system("/a", "") is None

    @pytest.mark.parametrize("kind", SHARED)
    def test_shared_kinds(self, kind: str) -> None:
        assert is_network_kind(kind)

    @pytest.mark.parametrize("kind", OWN)
    def test_own_kinds(self, kind: str) -> None:
        assert not is_network_kind(kind)

    @pytest.mark.parametrize(("network", "mode", "synchronous"), [(True, "delete", 2), (False, "wal", 1)])
    def test_the_journal_suits_the_file_system(
        self, path: Path, network: bool, mode: str, synchronous: int
    ) -> None:
        # A file that was used the other way is changed over.
        for used in (not network, network):
            store = SQLiteStore(path, network=used)
            store.add_workflow("w")
            if used is not network:
                store.close()
        with store._connections.reading() as connection:
            pragmas = [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert pragmas == [mode, synchronous, 1]
        assert Path(f"{path}-wal").exists() is not network
        store.close()


class TestPages:
    """Pages that are not plain."""

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_snapshot, "PAGE_ROWS", 3)

    def test_pages_that_are_just_full_end(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        for count in range(1, 8):
            store.add_user_data(workflow, [b"%d" % count])
            assert list(all_data(store, workflow).values()) == [b"%d" % i for i in range(1, count + 1)]

    def test_links_of_one_record_may_fill_several_pages(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        keys = store.add_jobs(workflow, NewJobs(["a", "b"], ["", ""], [b"1", b"2"])).job_keys
        store.add_user_data(workflow, [b"3"] * 7, job_keys=keys[:1] * 7)
        with store._connections.writing() as connection:
            for role in (None, "output"):
                connection.execute("INSERT INTO link VALUES (1, 1, ?)", (role,))
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute("INSERT INTO link VALUES (1, 1, NULL)")
        with store.snapshot(workflow) as snapshot:
            pages = list(snapshot.links())
        rows = [
            row for page in pages for row in zip(page.job_keys, page.record_keys, page.roles, strict=True)
        ]
        assert rows == [
            ("1", "1", None), ("1", "1", "input"), ("1", "1", "output"),
            *(("1", str(record), None) for record in range(3, 10)), ("2", "2", "input"),
        ]  # fmt: skip

    def test_data_with_newlines_is_brought_to_one_line(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        keys = store.add_user_data(
            workflow, [b"1", b'{\n "a": 1.50,\r\n "b": [\n]}\n', b"null", b"2", b"3\n"]
        )
        assert all_data(store, workflow) == dict(
            zip(keys, [b"1", b'{  "a": 1.50,\r  "b": [ ]} ', b"null", b"2", b"3 "], strict=True)
        )

    def test_data_with_newlines_that_is_not_json_is_named(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        store.add_user_data(workflow, [b"1", b"1\n2"])
        with pytest.raises(UnreadableRecordError) as caught:
            all_data(store, workflow)
        assert caught.value.key == "2"

    def test_pages_are_bounded_in_bytes(self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_snapshot, "PAGE_ROWS", 20_000)
        monkeypatch.setattr(sqlite_snapshot, "_FIRST_ROWS", 500)
        monkeypatch.setattr(sqlite_snapshot, "PAGE_BYTES", 10_000)
        workflow = store.add_workflow("w").key
        data = [b'"%d%s"' % (i, b"x" * 1000) for i in range(600)]
        store.add_user_data(workflow, data)
        with store.snapshot(workflow) as snapshot:
            pages = list(snapshot.user_data())
        assert max(len(page.data) for page in pages[1:]) <= 10_000
        assert b"\n".join(page.data for page in pages).split(b"\n") == data

    def test_a_page_too_large_for_sqlite_is_read_in_smaller_ones(
        self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite_snapshot, "PAGE_ROWS", 20_000)
        workflow = store.add_workflow("w").key
        data = [b'"%d%s"' % (i, b"x" * 1000) for i in range(100)]
        store.add_user_data(workflow, data)
        with store.snapshot(workflow) as snapshot:
            snapshot._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5000)
            pages = list(snapshot.user_data())
        assert b"\n".join(page.data for page in pages).split(b"\n") == data

    def test_a_rev_that_is_none_is_refused(self, store: SQLiteStore) -> None:
        with (
            store.snapshot(store.add_workflow("w").key) as snapshot,
            pytest.raises(RefusedError, match="rev"),
        ):
            list(snapshot.user_data(since="yesterday"))

    def test_whole_numbers_do_for_keys(self, store: SQLiteStore) -> None:
        workflow = store.add_workflow("w").key
        store.add_user_data(workflow, [b"1"])
        assert store.get_user_data(int(workflow), 1).data == 1  # type: ignore[arg-type]
