"""What was acknowledged stays, whatever is done to the file of a store that is open."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import keeping
from servers import wait_until

from tests.trust.fault import Fault, Place
from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite.store import SQLiteStore

_TESTS = str(Path(__file__).parents[1])

# A kernel that touches the file, while others write to it and end.
_KERNEL = """
import os, sys, threading
from contextlib import closing
from pathlib import Path
import keeping
from torc_frames.store.sqlite.store import SQLiteStore

path, end, plain, ends = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "plain", sys.argv[4].split(",")
store = SQLiteStore(path, network=False)
store.add_workflow("w")
keeping.add(store, path, "kernel", range(5))
for step in range(2):
    keeping.touch(path, ends)
    others = [keeping.start("write", path, f"other{step}.{number}", 8) for number in range(2)]
    if plain:
        others.append(keeping.start("plain", path, f"plain{step}", 3))
    keeping.add(store, path, "kernel", range(5 + 20 * step, 15 + 20 * step))
    assert [other.wait() for other in others] == [0] * len(others)
    keeping.touch(path, ends)
    if plain:
        keeping.add_plainly(path, f"here{step}", 2)
    keeping.add(store, path, "kernel", range(15 + 20 * step, 25 + 20 * step))
if end == "kill":
    os.kill(os.getpid(), 9)
if end == "close":
    store.close()
"""


def _touched(place: Place, *, plain: bool, ends: str) -> int:
    """Have a kernel touch the files of its store while others write; nothing acknowledged may be missing."""
    path = place.folder / "study.db"
    end = ("exit", "kill", "close")[place.number % 3]
    _run(_KERNEL, str(path), end, "plain" if plain else "", ends, code=-9 if end == "kill" else 0)
    acknowledged = keeping.acknowledged(path)
    missing = acknowledged - keeping.kept(path)
    assert not missing, f"lost: {sorted(missing)}"
    return len(acknowledged)


def _run(program: str, *arguments: str, code: int = 0) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([keeping.ROOT, _TESTS])}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr


def _raced(place: Place) -> int:
    """Touch all files of a store at any moment, while two threads and other processes write."""
    path, stop = place.folder / "study.db", threading.Event()
    failed: list[BaseException] = []
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")

        def write(who: str) -> None:
            number = 0
            try:
                while not stop.is_set():
                    keeping.add(store, path, who, [number])
                    number += 1
            except BaseException as error:  # noqa: BLE001 (told below)
                failed.append(error)

        threads = [threading.Thread(target=write, args=(who,)) for who in "ab"]
        for thread in threads:
            thread.start()
        others = [keeping.start("write", path, "other", 10), keeping.start("plain", path, "plain", 10)]
        while any(other.poll() is None for other in others):
            keeping.touch(path, keeping.TABLES)
            stop.wait(place.random.uniform(0, 0.005))
        stop.set()
        for thread in threads:
            thread.join()
        assert not failed, failed
        missing = keeping.acknowledged(path) - keeping.kept(path)
    assert not missing, f"lost: {sorted(missing)[:20]}"
    assert not keeping.acknowledged(path) - keeping.kept(path)
    return len(keeping.acknowledged(path))


def _replaced(place: Place, *, how: str) -> int:
    """Delete or replace the file after some of sixty writes; what is acknowledged is in it."""
    path, backup = place.folder / "study.db", place.folder / "backup.db"
    acknowledged: list[str] = []
    told: list[str] = []
    at = place.random.randrange(1, 60)
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        store.backup(backup)
        for number in range(60):
            if number == at:
                path.with_suffix(".former").hardlink_to(path)
                os.replace(backup, path) if how == "replaced" else path.unlink()
            try:
                store.add_user_data("1", [b'"%d"' % number])
                acknowledged.append(str(number))
            except UnavailableError as error:
                told.append(str(error))
            try:
                with store.snapshot("1") as snapshot:
                    assert snapshot.count_user_data() == len(acknowledged)
                    snapshot.verify()
                assert number < at
            except UnavailableError:
                assert number >= at
    assert (len(acknowledged), len(told)) == (at, 60 - at)
    assert all(message.startswith(f"{path} was deleted or replaced") for message in told)
    assert path.exists() is (how == "replaced")
    assert not Path(f"{path}-wal").exists()
    if how == "replaced":
        assert keeping.kept(path) == set()
    assert keeping.kept(path.with_suffix(".former")) == set(acknowledged)
    return 120


def _written_over(place: Place) -> int:
    """Copy a backup over the file, in place, between sixty writes; no more is acknowledged, or mixed in."""
    path, backup = place.folder / "study.db", place.folder / "backup.db"
    at = sorted(place.random.sample(range(1, 60), 2))
    size = place.random.choice([10, 1000, 40_000])  # with and without checkpoints
    before: set[int] = set()
    acknowledged: set[int] = set()
    told: list[str] = []
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        for number in range(60):
            if number == at[0]:
                store.backup(backup)
                before = set(acknowledged)
            if number == at[1]:
                place.random.choice([shutil.copyfile, shutil.copy2])(backup, path)
            try:
                store.add_user_data("1", [b'"%d%s"' % (number, b" " * size)])
                acknowledged.add(number)
            except UnavailableError as error:
                told.append(str(error))
            try:
                with store.snapshot("1") as snapshot:
                    assert snapshot.count_user_data() == len(acknowledged)
                    snapshot.verify()
                assert number < at[1]
            except UnavailableError:
                assert number >= at[1]
        assert acknowledged == set(range(at[1]))
        assert all(message.startswith(f"{path} was deleted or replaced") for message in told)
        if place.number % 2:
            with closing(SQLiteStore(path, network=False)) as again:
                again.add_user_data("1", [b'"60"'])
            before.add(60)
    assert {int(name) for name in keeping.kept(path)} == before
    return 120


def _undisturbed(place: Place) -> int:
    """Bring in the log in all ways, vacuum and touch the file while processes write; none takes fright."""
    path, count = place.folder / "study.db", 0
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        others = [keeping.start("write", path, "other", 15), keeping.start("plain", path, "plain", 8)]
        while any(other.poll() is None for other in others):
            with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as plain:
                how = place.random.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
                plain.execute(f"PRAGMA wal_checkpoint({how})")
                if place.random.random() < 0.1:
                    plain.execute("VACUUM")
            if place.random.random() < 0.3:
                os.utime(path)
            keeping.add(store, path, "here", [count])
            store.workflows()
            count += 1
        assert [other.wait() for other in others] == [0, 0]
        assert keeping.kept(path) == keeping.acknowledged(path)
    return 2 * count + 15


def _backed_up(place: Place) -> int:
    """Make copies while others write; each is whole, of one moment, and a store."""
    path, stop = place.folder / "study.db", threading.Event()
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")

        def write() -> None:
            number = 0
            while not stop.is_set():
                store.add_user_data("1", [b'"a%d"' % number, b'"b%d"' % number])
                keeping.acknowledge(path, "a", number)
                number += 1

        thread = threading.Thread(target=write)
        thread.start()
        other = keeping.start("plain", path, "plain", 30)
        wait_until(lambda: Path(f"{path}.acks").exists(), "the first record")
        for number in range(5):
            before = {name.replace("a:", "a") for name in keeping.acknowledged(path)}
            copy = store.backup(place.folder / f"copy{number}.db")
            found = keeping.kept(copy)
            assert before <= found
            assert {name[1:] for name in found if name[0] == "a"} == {
                name[1:] for name in found if name[0] == "b"
            }
            with closing(SQLiteStore(copy, network=False)) as again:
                again.add_user_data("1", [b'"more"'])
        stop.set()
        thread.join()
        assert other.wait() == 0
    return 5


_FORKING = """
import os, sys, threading
from pathlib import Path
import keeping
from torc_frames.store.sqlite.store import SQLiteStore

path = Path(sys.argv[1])
store = SQLiteStore(path, network=False)
store.add_workflow("w")
stop = threading.Event()

def write():
    number = 0
    while not stop.is_set():
        keeping.add(store, path, "thread", [number])
        number += 1

thread = threading.Thread(target=write)
thread.start()
codes = []
for number in range(6):
    child = os.fork()
    if child == 0:
        try:
            keeping.add(store, path, f"child{number}", range(3))
            store.close()
            os._exit(0)
        except BaseException:
            os._exit(1)
    keeping.touch(path)
    keeping.add(store, path, "parent", range(3 * number, 3 * number + 3))
    codes.append(os.waitpid(child, 0)[1])
stop.set()
thread.join()
assert codes == [0] * 6, codes
if sys.argv[2] == "kill":
    os.kill(os.getpid(), 9)
"""


def _forked(place: Place) -> int:
    """Fork a process in which a thread writes, touch the file on the one side and write on both."""
    path = place.folder / "study.db"
    end = ("exit", "kill")[place.number % 2]
    _run(_FORKING, str(path), end, code=-9 if end == "kill" else 0)
    missing = keeping.acknowledged(path) - keeping.kept(path)
    assert not missing, f"lost: {sorted(missing)}"
    return len(keeping.acknowledged(path))


def _by_another_program(place: Place) -> int:
    """Have a program that knows nothing of us open, write, check and close it after each touch."""
    path = place.folder / "study.db"
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        for number in range(10):
            keeping.add(store, path, "a", [number])
            shutil.copy(path, place.folder / "copy")
            with closing(sqlite3.connect(path, timeout=60)) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            keeping.add_plainly(path, f"plain{number}", 1)
        assert keeping.kept(path) == keeping.acknowledged(path)
    assert keeping.kept(path) == keeping.acknowledged(path)
    return 20


_TOUCHED = "the kernel opens and closes {}, others write and end, by exit, close or kill -9: all is there"
FAULTS = [
    Fault(_TOUCHED.format("the database"), "embedded", 1, 50, partial(_touched, plain=False, ends="")),
    Fault(
        _TOUCHED.format("the database, SQLite alone in between"),
        "embedded",
        1,
        50,
        partial(_touched, plain=True, ends=""),
    ),
    Fault(
        _TOUCHED.format("the database, its log and its index"),
        "embedded",
        1,
        50,
        partial(_touched, plain=True, ends=",-wal,-shm"),
    ),
    Fault(
        "all three files are opened and closed at any moment of two threads' and others' writes",
        "embedded",
        1,
        50,
        _raced,
    ),
    Fault("SQLite alone empties the log after each touch", "embedded", 1, 50, _by_another_program),
    Fault(
        "the file is replaced by a copy under sixty writes and reads: told, and no mix",
        "embedded",
        3,
        50,
        partial(_replaced, how="replaced"),
    ),
    Fault(
        "the file is deleted under sixty writes and reads: told, and not made anew",
        "embedded",
        3,
        50,
        partial(_replaced, how="deleted"),
    ),
    Fault(
        "a backup is copied over the file, in place, under sixty writes and reads: told, and no mix",
        "embedded",
        2,
        50,
        _written_over,
    ),
    Fault(
        "the log is brought in, the file vacuumed and touched under writes: not taken for another one",
        "embedded",
        1,
        50,
        _undisturbed,
    ),
    Fault("copies while others write are whole, of one moment, and stores", "embedded", 1, 50, _backed_up),
    Fault("a process that writes forks, and both sides write", "embedded", 1, 50, _forked),
]
