"""``torc-frames compare``: two workflows of one store, or of two, in any format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import torc_frames as tf
from torc_frames.cli.root import root


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two workflows in the default store, and one of the same name in another."""
    monkeypatch.chdir(tmp_path)
    for store, name, alphas, n in (
        ("torc_frames.db", "ridge", [1, 2, 3], 10),
        ("torc_frames.db", "lasso", [1, 2], 20),
        ("other.db", "ridge", [3, 4], 10),
    ):
        wf = tf.connect(store).create_workflow(name)
        for at, key in enumerate(wf.push(tf.grid(alpha=alphas, n=[n])).index):
            wf.job(key).store(loss=at / 2)
    return tmp_path


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments)


def test_pairs_are_printed_with_what_differs() -> None:
    shown = torc_frames("compare", "ridge", "2", "--on", "alpha", "--format", "json")
    assert json.loads(shown.stdout)[1] == {
        "alpha": 2,
        "params": {"n (ridge)": 10, "n (lasso)": 20},
        "results": {"loss (ridge)": 0.5, "loss (lasso)": 0.5, "loss (difference)": 0.0},
    }
    told = "Comparison of 'ridge' and 'lasso': 2 pairs by 'alpha'; they differ in 'n'; 1 job only in 'ridge'"
    assert shown.stderr == f"{told}\n"
    alone = torc_frames("compare", "ridge", "lasso", "--on", "alpha", "--what", "only-a", "--format", "csv")
    assert [line.split(",")[0] for line in alone.stdout.splitlines()] == ["job_key", "3"]


def test_the_second_may_be_of_another_store(folder: Path) -> None:
    done = torc_frames("compare", "ridge", "ridge", "--other", "other.db", "-o", "pairs.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr.endswith("1 pair to pairs.csv\n")
    head, row = (folder / "pairs.csv").read_text().splitlines()
    assert head.startswith("alpha,n,results.loss (ridge (1 of sqlite")
    assert row == "3,10,1.0,0.0,-1.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ridge", "lazzo"), "there is 'lasso'"),
        (("ridge", "lasso", "--on", "beta"), "no column 'beta'; there are: 'alpha', 'n', 'job_name'"),
        (("ridge", "ridge", "--other", "othr.db"), "no database"),
    ],
)
def test_what_is_not_there_is_told(arguments: tuple[str, ...], message: str) -> None:
    failed = torc_frames("compare", *arguments)
    assert failed.exit_code == 1
    assert message in failed.stderr


def test_a_password_is_not_sent_to_two_servers_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORC_PASSWORD", "secret")
    monkeypatch.setenv("TORC_USERNAME", "me")
    urls = [f"http://localhost:1/{n}" for n in "ab"]
    refused = torc_frames("-u", urls[0].replace("1/", "2/"), "compare", "1", "1", "--other", urls[1])
    assert refused.exit_code == 2
    assert "--same-credentials" in refused.stderr
