"""Where jobs run and with what: their folders, the kernel's own Python, and no secrets."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import held
import mapped
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames.errors import RefusedError
from torc_frames.settings import is_secret
from torc_frames.store.records import NewJobs
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.run.machine import OwnPython
from torc_frames.workflow.run.runner import run


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    """A store beside the folder in which its jobs run."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    store = SQLiteStore(tmp_path / "study.db")
    store.add_workflow("w")
    yield store
    store.close()


def add(store: SQLiteStore, *commands: str) -> list[str]:
    names = [f"job_{n}" for n in range(len(commands))]
    return store.add_jobs("1", NewJobs(names, commands, [None] * len(commands))).job_keys


# folders

WORK = "its working directory {work} was deleted while it ran"
OUTPUT = "the folder of its output {output} was deleted while it ran"
BOTH = "its working directory {work} and the folder of its output {output} was deleted while it ran"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ('rm -rf "$PWD"', WORK),
        ('rmdir "$PWD"; exit 3', WORK),
        ('mv "$PWD" "$PWD-moved"', WORK),
        ('rm -rf "$TORC_OUTPUT_DIR"', OUTPUT),
        (
            'rm -rf "$TORC_OUTPUT_DIR"; mkdir "$TORC_OUTPUT_DIR"',
            OUTPUT,
        ),
        (
            'rm -rf "$(dirname "$TORC_OUTPUT_DIR")"',
            OUTPUT,
        ),
        (
            'rm -rf "$TORC_OUTPUT_DIR" "$PWD"',
            BOTH,
        ),
    ],
)
def test_a_job_that_deletes_its_folders_fails_alone(
    study: SQLiteStore, tmp_path: Path, command: str, told: str
) -> None:
    add(study, "echo before", command, "pwd; echo err >&2", f"ls {tmp_path}")
    summary = run(study, "1", workers=1)
    assert held.statuses(study) == ["completed", "failed", "completed", "completed"]
    [failure] = summary.failures
    assert failure.return_code == (3 if "exit 3" in command else 1)
    text = told.format(work=tmp_path / "work", output=summary.output_dir)
    assert text in failure.stderr.read_text()
    assert (summary.output_dir / "job_wf1_j3_r1.o").read_text() == f"{tmp_path / 'work'}\n"
    assert (summary.output_dir / "job_wf1_j3_r1.e").read_text() == "err\n"


def test_beside_others_nobody_is_blamed_for_what_one_has_deleted(study: SQLiteStore, tmp_path: Path) -> None:
    wait = f"touch {tmp_path}/$TORC_JOB_KEY; while test ! -e {tmp_path}/go; do sleep 0.05; done"
    delete = f"while test ! -e {tmp_path}/1; do sleep 0.05; done; rm -rf $PWD $TORC_OUTPUT_DIR"
    add(study, wait, f"{delete}; touch {tmp_path}/go", "true", "true")
    summary = run(study, "1", workers=2)
    assert (summary.completed, summary.failed) == (4, 0)


def test_a_deleted_working_directory_of_this_process_is_told(study: SQLiteStore, tmp_path: Path) -> None:
    add(study, "true")
    os.rmdir(tmp_path / "work")
    with pytest.raises(RefusedError, match=r"the working directory of this process is no more.*os.chdir"):
        run(study, "1", workers=1, output_dir=tmp_path / "out")
    assert held.statuses(study) == ["ready"]


# Python


SHOW = "import os, sys; print(os.path.realpath(sys.executable), sys.prefix)"
NAMES = ("python", "python3")


def decoys(folder: Path) -> Path:
    """Make a folder of other Pythons, as another environment's that is active."""
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text("#!/bin/sh\necho decoy\n")
        (folder / name).chmod(0o755)
    return folder


def shown(python: Path, folder: Path, path: str) -> list[str]:
    """Run jobs from a Python, and return what `python` and `python3` are in them, then what it is itself."""
    code = f"""
import sys
from torc_frames.store.records import NewJobs
from torc_frames.workflow.run.runner import run
from torc_frames.store.sqlite.store import SQLiteStore
store = SQLiteStore("study.db")
store.add_workflow("w")
commands = [name + ' -c "{SHOW}"' for name in {NAMES}]
store.add_jobs("1", NewJobs(list({NAMES}), commands, [None] * 2))
summary = run(store, "1", workers=1)
for key in "12":
    print((summary.output_dir / f"job_wf1_j{{key}}_r1.o").read_text().strip())
{SHOW}
"""
    packages = str(Path(msgspec.__file__).parents[1])
    environment = {"PATH": path, "PYTHONPATH": os.pathsep.join([str(held.TESTS.parent), packages])}
    done = subprocess.run(
        [python, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def base_python() -> Path:
    """Return the Python that the tests' environment was made from: it is in no virtual one."""
    return Path(getattr(sys, "_base_executable", sys.executable))


def conda(folder: Path) -> Path:
    """Lay out an environment as conda does: the whole of Python, not a link to another, and no pyvenv.cfg."""
    prefix = folder / "envs" / "study"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    real = base_python().resolve()
    library = Path(os.__file__).resolve().parent
    (prefix / "lib").mkdir()
    (prefix / "lib" / library.name).symlink_to(library)
    (prefix / "bin" / real.name).write_bytes(real.read_bytes())
    (prefix / "bin" / real.name).chmod(0o755)
    for name in NAMES:
        (prefix / "bin" / name).symlink_to(real.name)
    return prefix / "bin" / "python"


@pytest.mark.parametrize("where", ["not on the PATH", "behind others"])
@pytest.mark.parametrize(
    "kind", ["virtual environment", "conda", "base", "base's own name", "no python there"]
)
def test_python_is_the_kernel_s_own(tmp_path: Path, kind: str, where: str) -> None:
    python = base_python()
    if kind == "virtual environment":
        venv.create(tmp_path / "own", symlinks=True)
        python = tmp_path / "own" / "bin" / "python"
    elif kind == "conda":
        python = conda(tmp_path)
    elif kind == "base's own name":
        python = base_python().resolve()
    elif kind == "no python there":  # as in Debian's /usr/bin, which has a python3 only
        (tmp_path / "usr").mkdir()
        python = tmp_path / "usr" / "python3"
        python.symlink_to(base_python().resolve())
    others = [str(decoys(tmp_path / "active")), "/usr/bin", "/bin"]
    path = os.pathsep.join([*others, *([str(python.parent)] if where == "behind others" else [])])
    first, second, own = shown(python, tmp_path, path)
    assert (first, second) == (own, own)


def test_other_programs_are_found_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python's folder is on the PATH, behind others, only `python` changes."""
    usr = tmp_path / "usr"
    usr.mkdir()
    for folder in (usr, tmp_path):
        (folder / "tool").write_text(f"#!/bin/sh\necho {folder}\n")
        (folder / "tool").chmod(0o755)
    (usr / "python3").symlink_to(base_python().resolve())
    monkeypatch.setattr(sys, "executable", str(usr / "python3"))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(usr), "/usr/bin", "/bin"]))
    own = OwnPython()
    try:
        done = subprocess.run(["tool"], env={"PATH": own.path}, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(tmp_path)
        links = Path(own.path.split(os.pathsep)[0])
        assert sorted(file.name for file in links.iterdir()) == sorted(NAMES)
    finally:
        own.close()
    assert not links.exists()


def test_where_python_is_the_kernel_s_already_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin"]))
    assert OwnPython().path == os.environ["PATH"]
    monkeypatch.setattr(sys, "executable", "")
    assert OwnPython().path == os.environ["PATH"]


# secrets


SECRETS = {
    "TORC_PASSWORD": "s3cret-1",
    "TORC_COOKIE_HEADER": "session=s3cret-2",
    "TORC_FRAMES_SERVE_TOKEN": "s3cret-3",
    "TORC_CLIENT__API_URL": "https://me:s3cret-4@host:8080/torc-service/v1",
    "TORC_API_URL": "https://me:s3cret-5@host:8080/torc-service/v1",
    "TORC_DATABASE_URL": "//me:s3cret-6@host/",
    "TORC_CLIENT__PASSWORD": "s3cret-7",
}
KEPT = {
    "TORC_USERNAME": "me@example.org",
    "TORC_TLS_CA_CERT": "/ca.pem",
    "AWS_SECRET_ACCESS_KEY": "kept",
    "MINE": "kept",
}


def test_jobs_get_no_password_that_their_store_does_not_need(
    study: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (SECRETS | KEPT).items():
        monkeypatch.setenv(name, value)
    add(study, "env; tr '\\0' '\\n' < /proc/self/environ")
    summary = run(study, "1", workers=1)
    told = (summary.output_dir / "job_wf1_j1_r1.o").read_text()
    assert "s3cret" not in told
    assert all(f"{name}={value}\n" in told for name, value in KEPT.items())
    assert f"TORC_API_URL={study.url}\n" in told
    assert os.environ["TORC_PASSWORD"] == "s3cret-1"  # this process keeps its own


def test_functions_in_processes_of_their_own_get_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(held.TESTS.parent), str(held.TESTS)]))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    wf = tf.connect(tmp_path / "study.db").create_workflow("w")
    table = wf.map(held.environment, tf.grid(n=[1]))
    assert "s3cret" not in table["results.environment"].item()
    assert mapped.square(2) == {"square": 4}


@given(
    st.sampled_from(["TORC_", "TORC_FRAMES_", "TORC_CLIENT__"]),
    st.sampled_from(["http", "https", "sqlite", ""]),
)
def test_a_url_with_a_password_is_a_secret_wherever_it_stands(prefix: str, scheme: str) -> None:
    head = f"{scheme}://" if scheme else "//"
    assert is_secret(f"{prefix}API_URL", f"{head}me:pw@host:8080/x")
    assert is_secret(f"{prefix}API_URL", f"{head}me:p/w@host")
    assert is_secret(f"{prefix}API_URL", "me:pw@host:8080")
    assert not is_secret(f"{prefix}API_URL", f"{head}host:8080/x")
    assert not is_secret("OTHER_API_URL", f"{head}me:pw@host:8080/x")
