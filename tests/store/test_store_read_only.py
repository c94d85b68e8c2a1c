"""A store that can only be read is read, or it is said what to do."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import keeping
import pytest
import schema_asset

import torc_frames as tf
from torc_frames.errors import UnavailableError, VersionError
from torc_frames.store.sqlite import reading
from torc_frames.store.sqlite.store import SQLiteStore

NOBODY = 65534
is_root = hasattr(os, "geteuid") and os.geteuid() == 0

READ = """
import json, os, sys, tempfile
from torc_frames.errors import TorcFramesError
from torc_frames.store.open import open_store

def read(path):
    try:
        store = open_store(path)
        found = {"workflows": len(store.workflows())}
        with store.snapshot("1") as snapshot:
            found["records"] = snapshot.count_user_data()
            found["jobs"] = sum(map(len, snapshot.jobs()))
            snapshot.verify()
        try:
            store.add_user_data("1", [b"1"])
            found["written"] = True
        except TorcFramesError as error:
            found["refused"] = str(error)
        found["again"] = store.get_user_data("1", "1").key
        store.close()
        return found
    except TorcFramesError as error:
        return {"error": f"{type(error).__name__}: {error}"}

# Another user may not find what is still to be imported.
with tempfile.TemporaryDirectory() as folder:
    store = open_store(folder + "/warm.db")
    store.add_workflow("w")
    store.add_user_data("1", [b"1"])
    read(folder + "/warm.db")
    store.close()
user = int(sys.argv[2])
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
print(json.dumps(read(sys.argv[1])))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user reaches (pytest's is for one user), with a store of three jobs."""
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        folder = Path(base, "media")
        folder.mkdir()
        client = tf.connect(folder / "study.db")
        client.create_workflow("w").push(tf.grid(a=[1, 2, 3]))
        client.close()
        yield folder
        folder.chmod(0o755)


def read(path: Path, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what another process, perhaps of another user, reads."""
    user = NOBODY if is_root and not before else 0
    command = [*before, sys.executable, "-c", READ, str(path), str(user)]
    environment = {**os.environ, "PYTHONPATH": keeping.ROOT, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def folder_only(folder: Path) -> None:
    (folder / "study.db").chmod(0o666)
    folder.chmod(0o555)


def file_only(folder: Path) -> None:
    (folder / "study.db").chmod(0o444)
    folder.chmod(0o777)


def both(folder: Path) -> None:
    (folder / "study.db").chmod(0o444)
    folder.chmod(0o555)


@pytest.mark.parametrize("protect", [folder_only, file_only, both])
def test_it_is_read_and_leaves_nothing_beside_it(folder: Path, protect: Callable[[Path], None]) -> None:
    protect(folder)
    content = (folder / "study.db").read_bytes()
    found = read(folder / "study.db")
    assert (found["workflows"], found["records"], found["jobs"], found["again"]) == (1, 3, 3, "1")
    assert "study.db can only be read by this user: copy it" in found["refused"]
    assert [file.name for file in folder.iterdir()] == ["study.db"]
    assert (folder / "study.db").read_bytes() == content


def test_what_somebody_else_writes_meanwhile_is_read(folder: Path) -> None:
    with closing(SQLiteStore(folder / "study.db", network=False)) as store:
        store.add_user_data("1", [b"4"])
        both(folder)
        found = read(folder / "study.db")
        assert (found["records"], found["again"]) == (4, "1")
        store.add_user_data("1", [b"5"])
        assert read(folder / "study.db")["records"] == 5
        folder.chmod(0o755)
    found = read(folder / "study.db")
    assert found.get("records") == 5, found


@pytest.mark.parametrize("index", [True, False])
def test_a_log_that_a_killed_process_left_is_read_or_it_is_said_how(folder: Path, index: bool) -> None:
    killed(folder / "study.db")
    assert (folder / "study.db-wal").stat().st_size > 0
    if not index:
        (folder / "study.db-shm").unlink()
    both(folder)
    found = read(folder / "study.db")
    if index:
        assert (found["records"], found["again"]) == (4, "1")
    else:
        assert "has changes in" in found["error"]
        assert "copy both files elsewhere" in found["error"]
    assert len(list(folder.iterdir())) == 2 + index


def killed(path: Path) -> None:
    code = (
        "import os, sys; from torc_frames.store.sqlite.store import SQLiteStore\n"
        "store = SQLiteStore(sys.argv[1])\nstore.add_user_data('1', [b'4'])\nos.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": keeping.ROOT}
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)


MOUNTED = 'mount -o bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


@pytest.mark.skipif(not is_root or shutil.which("unshare") is None, reason="only root mounts")
@pytest.mark.parametrize("log", [True, False])
def test_a_mount_for_reading_only(folder: Path, log: bool) -> None:
    if log:
        killed(folder / "study.db")
    before = ("unshare", "-m", "sh", "-c", MOUNTED, str(folder))
    if subprocess.run([*before, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount")
    found = read(folder / "study.db", before=before)
    assert (found["records"], found["jobs"], found["again"]) == (3 + log, 3, "1")
    assert "can only be read" in found["refused"]


def test_the_files_of_a_store_may_be_writable_where_the_folder_is_not(folder: Path) -> None:
    with closing(SQLiteStore(folder / "study.db", network=False)) as store:
        store.workflows()
        for file in folder.iterdir():
            file.chmod(0o666)
        folder.chmod(0o555)
        assert read(folder / "study.db")["written"]
        assert store.add_user_data("1", [b"5"]) == ["5"]
        folder.chmod(0o755)


@pytest.fixture
def only_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the right to write away, which root always has."""
    monkeypatch.setattr(reading.os, "access", lambda path, mode: mode != os.W_OK)


@pytest.mark.usefixtures("only_readable")
def test_an_older_schema_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    shutil.copy(schema_asset.DATA / "schema-1.db", path)
    content = path.read_bytes()
    with pytest.raises(VersionError, match=r"has the older schema 1, .*copy it to where it can"):
        SQLiteStore(path)
    assert path.read_bytes() == content


@pytest.mark.usefixtures("only_readable")
def test_what_changes_while_it_is_read_is_read_again(folder: Path) -> None:
    path = folder / "study.db"
    client = tf.connect(path)
    with client._store.snapshot("1") as snapshot:
        snapshot.count_user_data()
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA journal_mode = delete")
            other.execute("DELETE FROM link")
            other.execute("DELETE FROM user_data")
            other.commit()
        with pytest.raises(tf.ConflictError, match="was written to while it was read"):
            snapshot.verify()
    assert len(client.workflow(1).user_data()) == 0


@pytest.mark.usefixtures("only_readable")
def test_it_is_backed_up_to_where_it_can_be_written(folder: Path, tmp_path: Path) -> None:
    (folder / "study.db").chmod(0o444)
    copy = tf.connect(folder / "study.db").backup(tmp_path / "copy.db")
    assert copy.stat().st_mode & 0o777 == 0o644
    path = folder / "study.db"
    client = tf.connect(path)
    os.replace(copy, path)
    with pytest.raises(UnavailableError, match="deleted or replaced"):
        client.workflows()
