"""Where results come from: kept with each run, whatever git does, and in copies."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import schema_asset
from strategies import TEXT

import torc_frames as tf
from torc_frames.workflow.run.origin import origin
from torc_frames.workflow.workflow import Workflow

COLUMNS = ["host", "python_version", "torc_frames_version", "git_commit", "git_clean"]
SECRET = "s3cret-token"


@pytest.fixture
def wf(clean_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(clean_folder.parent))
    return tf.connect("study.db").create_workflow("origin")


def git(*arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def known(wf: Workflow) -> list[list[object]]:
    cells = wf.runs()[COLUMNS].astype(object)
    return cells.where(cells.notna(), None).to_numpy().tolist()


HERE = [os.uname().nodename, platform.python_version(), tf.__version__]


def test_each_run_says_the_commit_and_whether_it_was_clean(wf: Workflow, clean_folder: Path) -> None:
    wf.push(tf.grid(n=[1]), command="true")
    wf.run()
    git("init", "-q", ".")
    git("remote", "add", "origin", f"https://me:{SECRET}@example.org/x.git")
    wf.run(rerun="all")
    Path("run.py").write_text("1")
    git("add", "run.py")
    git("commit", "-qm", "first")
    commit = git("rev-parse", "HEAD")
    wf.run(rerun="all")
    Path("run.py").write_text("2")
    wf.start(rerun="all").wait(60)
    nothing: list[object] = [None, None]
    assert known(wf) == [
        [*HERE, *nothing],
        [*HERE, *nothing],
        [*HERE, commit, True],
        [*HERE, commit, False],
    ]
    assert [str(wf.runs()[name].dtype) for name in COLUMNS] == [TEXT] * 4 + ["boolean"]
    wf._store.close()
    assert not [file for file in clean_folder.glob("study.db*") if SECRET.encode() in file.read_bytes()]


def test_a_copy_says_it_too_and_shows_no_logs_of_others(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1, 2]), command="echo why >&2; exit {n}")
    wf.run()
    running = wf.start(rerun="all")
    running.wait(60)
    before = known(wf)
    with tf.connect("copy.db") as other:
        made = tf.connect("study.db").copy(wf.key, to=other).workflow
        assert known(made) == before
        assert made.running() == []
        assert made.logs(failed=True)["stderr"].isna().all()
        again = other.copy(made.key, to=other).workflow
        assert known(again) == before


def test_a_running_call_is_not_one_of_the_copy(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]), command="sleep 600")
    run = wf.start()
    try:
        with tf.connect("copy.db") as other:
            made = tf.connect("study.db").copy(wf.key, to=other).workflow
            assert made.running() == []
    finally:
        run.cancel()


@pytest.mark.parametrize("what", ["sleep 600 & sleep 600", "exit 1", "kill -9 $$", "yes", None])
def test_git_that_hangs_or_is_not_there_hinders_nothing(
    wf: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str | None
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "sleep", "true", "yes"):
        (programs / name).symlink_to(shutil.which(name) or "")
    if what is not None:
        (programs / "git").write_text(f"#!/bin/sh\n{what}\n")
        (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    wf.push(tf.grid(n=[1]), command="true")
    began = time.monotonic()
    assert wf.run().completed == 1
    assert time.monotonic() - began < 10
    assert known(wf) == [[*HERE, None, None]]


def test_a_repository_s_own_settings_run_nothing(wf: Workflow) -> None:
    git("init", "-q", ".")
    Path("run.py").write_text("1")
    git("add", "run.py")
    git("commit", "-qm", "first")
    Path("evil").write_text("#!/bin/sh\ntouch was_run\n")
    Path("evil").chmod(0o755)
    git("config", "core.fsmonitor", str(Path("evil").absolute()))
    assert origin()["git_clean"] is True
    assert not Path("was_run").exists()


def test_runs_of_a_file_of_before_say_nothing(tmp_path: Path) -> None:
    shutil.copy(schema_asset.DATA / "schema-3.db", tmp_path / "old.db")
    wf = tf.connect(tmp_path / "old.db").workflow(1)
    assert known(wf) == [[None] * 5]
    assert wf.running() == []
    assert pd.isna(wf.logs()["stderr"]).all()
