"""The demo does real work: 24 processes, a table, a best row and a plot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import torc_frames as tf


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    executable = shutil.which("torc-frames", path=str(Path(sys.executable).parent))
    assert executable, "torc-frames is not installed beside this Python: pip install -e '.[test]'"
    done = subprocess.run([executable, "demo", "--dir", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


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
