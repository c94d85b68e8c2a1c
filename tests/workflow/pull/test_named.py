"""Parameters that stand in names and commands: pulled, shown, adopted, on every store."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal
from stores import on_each_store, on_sqlite

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.workflow import Workflow

pytestmark = on_each_store

GRID = tf.grid(lr=[0.0001, 0.01], bs=[16, 32], optimizer=["adam", "sgd"])
NAME = "train_lr{lr:.4f}_bs{bs:03d}_opt{optimizer}"
COMMAND = "python fit.py --lr {lr}"

ignored = pytest.mark.filterwarnings("ignore:.*are not of the pattern:torc_frames.TorcFramesWarning")


@pytest.fixture
def wf(store) -> Workflow:
    wf = Workflow(store, store.add_workflow("others"))
    wf.add_job("prepare", command="true")
    for row in GRID.to_dict("records"):
        wf.add_job(NAME.format(**row), command=COMMAND.format(**row))
    return wf


@ignored
def test_parameters_in_names_are_the_grid_that_they_were_made_of(wf) -> None:
    found = wf.parameters(pattern=NAME)
    assert_frame_equal(found.reset_index(drop=True), GRID, check_names=False)
    assert found.index.tolist() == wf.jobs().index[1:].tolist()
    only = wf.parameters(pattern=NAME, job=found.index[2], usecols=["bs"])
    assert (only.index.tolist(), only["bs"].tolist()) == ([found.index[2]], [32])
    by_command = wf.parameters(command_pattern="--lr {rate}")
    assert by_command["rate"].tolist() == GRID["lr"].tolist()


def test_a_table_has_them_beside_its_jobs_and_says_which_have_none(wf) -> None:
    with pytest.warns(tf.TorcFramesWarning, match="1 of 9 jobs are not of the pattern: 'prepare'"):
        table = wf.table(pattern=NAME)
    assert list(table["params.bs"])[1:] == GRID["bs"].tolist()
    assert table["params.bs"].isna().tolist() == [True] + [False] * 8
    assert list(table)[:4] == ["job_name", "status", "stale", "params.lr"]


@ignored
def test_adopted_parameters_are_records_as_if_they_had_been_pushed(wf, capsys) -> None:
    adopted = wf.adopt(NAME)
    assert "Plan of 8 rows: 0 create, 8 update, 0 unchanged" in capsys.readouterr().out
    parameters = wf.parameters()
    assert_frame_equal(parameters, adopted)
    assert_frame_equal(parameters.reset_index(drop=True), GRID, check_names=False)
    assert wf.plan(wf.parameters(pattern=NAME)).counts["update"] == 0
    assert (wf.user_data(role="input")["job_key"] == parameters.index).all()


@ignored
def test_what_a_record_holds_goes_before_what_a_name_says(wf) -> None:
    first, second = wf.jobs().index[1:3]
    wf.add_user_data(first, {"lr": 0.00012, "seed": 7})
    found = wf.parameters(pattern=NAME)
    assert found.loc[first, ["lr", "seed", "bs"]].tolist() == [0.00012, 7, 16]
    assert found.loc[second, "lr"] == 0.0001
    wf.adopt(NAME)
    assert wf.parameters().loc[first, "lr"] == 0.00012


@ignored
def test_what_was_pulled_by_a_pattern_is_refreshed_by_it(wf) -> None:
    for frame in (wf.parameters(pattern=NAME), wf.table(pattern=NAME)):
        key = wf.add_job(NAME.format(lr=0.5, bs=8, optimizer="adam")).key
        now = wf.refresh(frame)
        assert now.added == [key]
        assert now.frame.filter(regex="bs$").loc[key].item() == 8
        wf.delete_jobs(key)


@on_sqlite
def test_nothing_is_written_where_nothing_is_read(wf) -> None:
    before = wf.user_data()
    for wrong in ("{a}{b}", "no_{a}"):
        with pytest.raises(tf.RefusedError):
            wf.adopt(wrong)
    with pytest.raises(tf.RefusedError, match="Give a pattern"):
        wf.adopt()
    with pytest.raises(tf.RefusedError, match="pattern=3: give a text, such as"):
        wf.adopt(3)
    assert_frame_equal(wf.user_data(), before)


@on_sqlite
def test_the_command_line_shows_asks_and_writes(wf) -> None:
    def torc_frames(*arguments: str, **more: str):
        return CliRunner().invoke(root, ["-u", wf._store.url, "-k", wf.key, *arguments], **more)

    shown = torc_frames("table", "--pattern", NAME, "--format", "csv")
    assert "params.lr" in shown.stdout.split("\n")[0]
    pulled = torc_frames("pull", "--what", "parameters", "--pattern", NAME, "--format", "json")
    assert [row["bs"] for row in json.loads(pulled.stdout)] == GRID["bs"].tolist()
    assert torc_frames("pull", "--pattern", NAME).exit_code == 2
    for arguments, more in ((["--plan"], {}), ([], {"input": "n\n"})):
        done = torc_frames("adopt", "--pattern", NAME, *arguments, **more)
        assert "8 update" in done.stdout
        assert wf.parameters().empty
    done = torc_frames("adopt", "--pattern", NAME, "--no-prompts")
    assert done.stdout.endswith("8 changed, 0 unchanged\n")
    assert_frame_equal(wf.parameters().reset_index(drop=True), GRID, check_names=False)
    refused = torc_frames("adopt", "--pattern", "no_{a}", "-n")
    assert refused.exit_code == 1
    assert "'prepare', 'train_lr0.0001_bs016_optadam'" in refused.stderr
