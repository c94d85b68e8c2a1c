"""The file of a store is made by what writes, and by nothing that reads."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.client import Client

READS: dict[str, Callable[[Client], object]] = {
    "workflows": lambda client: client.workflows(),
    "workflow": lambda client: client.workflow(1),
    "workflow by name": lambda client: client.workflow(name="ridge"),
    "job": lambda client: client.job(1),
    "delete": lambda client: client.delete_workflow("ridge"),
    "copy": lambda client: client.copy("ridge"),
    "backup": lambda client: client.backup("copy.db"),
    "pickle": lambda client: pickle.loads(pickle.dumps(client)).workflows(),
}

WRITES: dict[str, Callable[[Client], object]] = {
    "create_workflow": lambda client: client.create_workflow("ridge"),
    "workflow by name": lambda client: client.workflow(name="ridge", create=True),
    "copy to it": lambda client: _other().copy("ridge", to=client),
    "pickle": lambda client: pickle.loads(pickle.dumps(client)).create_workflow("ridge"),
    "command line": lambda client: run("-u", client.url, "workflows", "create", "ridge"),
    "copy on the command line": lambda client: _other() and run("-u", "other.db", "copy", "--to", client.url),
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames")


def _other() -> Client:
    client = tf.connect("other.db")
    client.workflow(name="ridge", create=True)
    return client


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_reads_makes_no_file(clean_folder: Path, read: Callable[[Client], object]) -> None:
    with closing(tf.connect("study.db")) as study:
        study.create_workflow("ridge")
        client = tf.connect("stduy.db")
        with pytest.raises(
            tf.NotFoundError, match=r"no database file .*stduy\.db: there is 'study\.db'; "
        ) as told:
            read(client)
        assert "client.create_workflow(NAME)" in str(told.value)
        assert not [name for name in files(clean_folder) if not name.startswith("study.db")]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("found", ["nothing", "an empty file"])
def test_what_writes_makes_it(clean_folder: Path, found: str, write: Callable[[Client], object]) -> None:
    if found != "nothing":
        Path("study.db").touch()
    client = tf.connect("study.db")
    write(client)
    assert client.workflows()["name"].tolist() == ["ridge"]
    assert client.job(client.workflow(name="ridge").add_job("one").key).name == "one"


def test_the_default_store_is_empty_on_the_first_day(clean_folder: Path) -> None:
    client = tf.connect()
    columns = client.workflows()
    assert len(columns) == 0
    with pytest.raises(tf.NotFoundError, match=r"no workflow named 'ridge' in .*: there is none yet"):
        client.workflow(name="ridge")
    for missing in (lambda: client.workflow(1), lambda: client.job(1)):
        with pytest.raises(tf.NotFoundError, match="key 1"):
            missing()
    assert files(clean_folder) == set()
    client.create_workflow("ridge")
    assert client.workflows().dtypes.equals(columns.dtypes)


def test_a_store_that_others_make_is_read(clean_folder: Path) -> None:
    clients = [tf.connect("study.db") for _ in range(2)]
    clients[0].create_workflow("ridge")
    assert [len(client.workflows()) for client in clients] == [1, 1]


def test_what_is_there_is_looked_at_at_once(clean_folder: Path) -> None:
    Path("notes.db").write_text("these are no rows at all")
    with pytest.raises(tf.StoreFileError, match=r"notes\.db is not a torc_frames store"):
        tf.connect("notes.db")
    with pytest.raises(tf.StoreFileError, match="there is no directory"):
        tf.connect("nowhere/study.db")
    client = tf.connect("study.db")
    shutil.copy("notes.db", "study.db")
    for use in (client.workflows, lambda: client.create_workflow("ridge")):
        with pytest.raises(tf.StoreFileError, match=r"study\.db is not a torc_frames store"):
            use()


def test_a_file_that_was_there_is_not_made_anew(clean_folder: Path) -> None:
    client, late = tf.connect("study.db"), tf.connect("study.db")
    client.create_workflow("ridge")
    assert len(late.workflows()) == 1
    for file in clean_folder.iterdir():
        file.unlink()
    for one in (client, late):
        for use in (one.workflows, lambda one=one: one.create_workflow("ridge")):
            with pytest.raises(tf.UnavailableError, match="deleted or replaced since it was opened"):
                use()
        one.close()
        with pytest.raises(tf.UnavailableError, match="nothing is made in its place"):
            one.create_workflow("ridge")
    assert files(clean_folder) == set()


def test_threads_that_write_first_write_to_one_file(clean_folder: Path) -> None:
    for attempt in range(5):
        client = tf.connect(f"{attempt}.db")
        with ThreadPoolExecutor(6) as threads:
            made = list(threads.map(lambda n, client=client: client.create_workflow(str(n)).key, range(6)))
        assert sorted(made) == sorted(client.workflows().index) == [*"123456"]


WRITER = """
import sys
from torc_frames.store.open import open_store
stores = [open_store(f"{n}.db") for n in range(12)]
print("ready", flush=True)
sys.stdin.read()
for store in stores:
    store.add_workflow(sys.argv[1])
"""


def test_processes_that_write_first_write_to_one_file(clean_folder: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(60) for process in started] == [0, 0, 0]
    for process in started:
        process.stdout.close()  # type: ignore[union-attr]
    for n in range(12):
        assert sorted(tf.connect(f"{n}.db").workflows()["name"]) == ["0", "1", "2"]


UNWRITABLE = """
import os, sys, urllib.parse  # another user may not find what is still to be imported
from torc_frames.store.open import open_store
store = open_store(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)
try:
    store.add_workflow("ridge")
except ConnectionError as error:
    print(error)
"""


def test_a_folder_that_can_not_be_written_is_told_at_the_first_write(tmp_path: Path) -> None:
    folder = Path("/dev/shm" if os.path.isdir("/dev/shm") else "/", f"torc_frames-{os.getpid()}")
    folder.mkdir(mode=0o755)
    try:
        folder.chmod(0o555)
        command = [sys.executable, "-c", UNWRITABLE, str(folder / "study.db")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        folder.rmdir()
    told = f"can not make {folder / 'study.db'}: {folder} can not be written by this user\n"
    assert done.stdout == told


def test_the_shell_names_files_that_are_near(clean_folder: Path) -> None:
    tf.connect("study.db").create_workflow("ridge")
    Path("unlike\x1b[2J.db").touch()
    failed = run("-u", "stduy.db", "workflows", "list")
    assert failed.exit_code == 1
    told = "no database stduy.db: there is 'study.db'; make one with `torc-frames workflows create NAME`"
    assert failed.stderr == f"Error: {told}\n"
    others = run("-u", "zzz.db", "table").stderr
    assert r"there are 'study.db', 'unlike\x1b[2J.db'" in others
    assert not Path("stduy.db").exists()
    assert "beside it there is 'study.db'" in run("-u", "stduy.db", "doctor").stdout
