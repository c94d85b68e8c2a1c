"""The demo does real work: 24 processes, a table, a best row and a plot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import torc_frames as tf


def run_demo(folder):
    executable = shutil.which("torc-frames", path=str(Path(sys.executable).parent))
    assert executable, "torc-frames is not installed beside this Python: pip install -e '.[test]'"
    done = subprocess.run([executable, "demo", "--dir", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder)


def test_it_shows_the_joined_table_and_the_best_row(demo):
    _, shown = demo
    assert shown.count("completed  ") >= 24
    best = shown.split("The best row")[1]
    assert "params.gamma" in best
    assert "results.accuracy" in best


def test_its_jobs_were_real(demo):
    folder, _ = demo
    table = tf.connect(folder / "demo.db").workflow(1).table(job_columns=True)
    assert len(table) == 24
    assert (table["status"] == "completed").all()
    assert table["results.accuracy"].between(0.85, 0.99).all()
    assert table["results.accuracy"].nunique() > 5
    assert (table["exec_time_minutes"] > 0).all()
    assert (folder / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((folder / "torc_output" / "demo").glob("*.o"))) == 24


def test_its_script_can_be_run_by_hand_and_says_what_is_missing(demo):
    folder, _ = demo
    done = subprocess.run(
        [sys.executable, "run.py", "data.csv"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "TORC_JOB_KEY" in done.stderr


def test_a_second_time_it_gives_the_same_and_runs_nothing(demo):
    folder, shown = demo
    assert run_demo(folder) == shown
    client = tf.connect(folder / "demo.db")
    assert len(client.workflows()) == 1
    assert len(client.workflow(name="kernel-classifier").runs()) == 24
