"""``torc-frames suggest``: the next rows to push, in a shell."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.cli.root import root


def test_rows_are_proposed_in_the_space_that_was_pushed_until_there_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, file = str(tmp_path / "study.db"), str(tmp_path / "next.csv")
    wf = tf.connect(url).create_workflow("shell")
    wf.push(tf.sample(4, {"x": tf.uniform(0, 1), "n": tf.integers(1, 9)}, seed=1))

    def suggest(*args: str) -> str:
        done = CliRunner().invoke(root, ["-u", url, "suggest", *args])
        return str(done.stdout + done.stderr if done.exit_code == 0 else done.stderr)

    how = ["3", "--metric", "loss", "--direction", "maximize", "--where", "n > 2", "--total", "6", "-o", file]
    assert "2 rows to" in suggest(*how)
    expected = tf.suggest(wf, n=3, metric="loss", direction="maximize", where="n > 2", total=6)
    assert_frame_equal(pd.read_csv(file), expected, check_exact=True)
    assert CliRunner().invoke(root, ["-u", url, "push", file]).exit_code == 0
    assert "0 rows to" in suggest(*how)
    assert len(wf.jobs()) == 6
    twice = suggest(
        "--metric", "loss", "--metric", "size", "--direction", "minimize", "--direction", "maximize"
    )
    assert len(twice.splitlines()) >= 9
    assert "direction" in suggest("--metric", "loss", "--direction", "down")
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'torc_frames[optuna]'" in suggest()
