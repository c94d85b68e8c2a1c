"""A process that forks while its other threads use SQLite: its children neither hang nor hold a lock."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from torc_frames.store.open import open_store
from torc_frames.store.sqlite import guard as guards
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.torc_file.kinds import is_torc_file

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

HUNG_SECONDS = 20


@pytest.fixture(params=[6, pytest.param(25, marks=pytest.mark.long)])
def forks(request: pytest.FixtureRequest) -> int:
    """How often it forks."""
    return int(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study.db"
    with closing(SQLiteStore(path, network=False)) as store:
        store.add_workflow("w")
        store.add_user_data("1", [b'{"a": 1}'] * 2000)
    return path


def pull(store: SQLiteStore) -> None:
    with store.snapshot("1") as snapshot:
        for _ in snapshot.user_data():
            pass


def open_and_close(store: SQLiteStore) -> None:
    with closing(SQLiteStore(store.path, network=False)) as other:
        other.workflows()


def only_read(store: SQLiteStore) -> None:
    with closing(SQLiteStore(store.path, network=False)) as other:
        other._connections.read_only = True
        pull(other)
        other.workflows()


USES: dict[str, Callable[[SQLiteStore], object]] = {
    "pull": pull,
    "look": lambda store: is_torc_file(store.path),
    "connect": open_and_close,
    "only-read": only_read,
    "backup": lambda store: store.backup(f"{store.path}.copy", overwrite=True),
    "read": lambda store: store.get_user_data("1", "1"),
    "write": lambda store: store.add_user_data("1", [b"1"]),
}


@contextmanager
def busy(use: Callable[[SQLiteStore], object], store: SQLiteStore) -> Iterator[None]:
    """Have two threads do something again and again; none may fail."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                use(store)
        except BaseException as error:  # noqa: BLE001 (told below)
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2 if use is not USES["backup"] else 1)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed, failed


def forked(work: Callable[[], object]) -> int:
    """Return the process id of a child that does something; it is killed if it hangs."""
    child = os.fork()
    if child:
        return child
    try:
        signal.alarm(HUNG_SECONDS)
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 (its parent is told)
        os._exit(1)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_child_can_use_another_store(path: Path, use: Callable[[SQLiteStore], object], forks: int) -> None:
    other = path.with_name("other.db")

    def work() -> None:
        with closing(open_store(other)) as mine:
            mine.add_workflow("w")

    with closing(SQLiteStore(path, network=False)) as store, busy(use, store):
        ended = [os.waitpid(forked(work), 0)[1] for _ in range(forks)]
    assert ended == [0] * forks
    with closing(SQLiteStore(other, network=False)) as mine:
        assert len(mine.workflows()) == forks


def opened(path: Path) -> list[str]:
    """Return what this process has open of a store."""
    folder = Path("/proc/self/fd")
    links = map(os.path.realpath, folder.iterdir()) if folder.exists() else iter(())
    return [link for link in links if link.startswith(str(path))]


@pytest.mark.parametrize("use", ["connect", "pull"])
def test_children_hold_no_lock(path: Path, use: str, forks: int) -> None:
    reads, writes = os.pipe()

    def work() -> None:
        # With a descriptor of it a lock would stay when the parent is killed.
        assert use == "pull" or not opened(path)
        os.close(writes)
        os.read(reads, 1)  # lives until it is told to end

    with closing(SQLiteStore(path, network=False)) as store:
        with busy(USES[use], store):
            children = [forked(work) for _ in range(forks)]
        os.close(reads)
    assert not guards._guards
    # With any lock on it left, the log would have stayed, and the mode could not be changed.
    assert not Path(f"{path}-wal").exists()
    with closing(sqlite3.connect(path, timeout=0)) as plain:
        assert plain.execute("PRAGMA journal_mode = delete").fetchone() == ("delete",)
    os.close(writes)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * forks
