"""What jobs wrote: found wherever it was put, by any session, and shown without harm."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unicodedata import category

import mapped
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from servers import TorcServer, need_binary, wait_until, wipe
from strategies import TEXT

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.run.logs import last_lines, visible
from torc_frames.workflow.workflow import Workflow

COLUMNS = ["job_key", "job_name", "run_id", "status", "return_code", "stdout", "stderr"]


@pytest.fixture
def wf(clean_folder: Path) -> Workflow:
    return tf.connect("study.db").create_workflow("logs")


def again() -> Workflow:
    """The workflow, as another session opens it."""
    return tf.connect("study.db").workflow(name="logs")


def said(wf: Workflow, stream: str = "stderr", **options: object) -> list[object]:
    column = wf.logs(**options)[stream]  # type: ignore[arg-type]
    return [None if pd.isna(text) else text for text in column]


def test_it_says_why_jobs_failed_and_what_others_wrote(wf: Workflow) -> None:
    assert list(wf.logs()) == COLUMNS
    assert [str(dtype) for dtype in wf.logs().dtypes] == [TEXT, TEXT, "int64", TEXT, "Int64", TEXT, TEXT]
    wf.push(tf.grid(n=[0, 3]), command="echo out {n}; echo err {n} >&2; exit {n}", name="n-{n}")
    summary = wf.run()
    assert "1 job failed (2): err 3" in repr(summary)
    logs = wf.logs()
    assert logs.drop(columns=["stdout", "stderr"]).to_numpy().tolist() == [
        ["1", "n-0", 1, "completed", 0],
        ["2", "n-3", 1, "failed", 3],
    ]
    assert said(wf, "stdout") == ["out 0", "out 3"]
    assert said(wf, failed=True) == ["err 3"]
    assert said(wf, jobs=["1"]) == ["err 0"]
    assert said(wf, where="params.n == 0") == ["err 0"]
    assert wf.job(2).stdout == "out 3\n"
    assert wf.job(2).stderr == "err 3\n"
    assert len(wf.logs(failed=True, jobs=["1"])) == 0
    assert list(wf.logs(usecols=["stderr"])) == ["stderr"]


def test_where_every_job_fails_for_one_reason_it_is_told_at_once(wf: Workflow) -> None:
    wf.push(tf.grid(n=list(range(24))), command="python run.py {n}")
    with pytest.warns(
        tf.FailedJobsWarning, match=r"24 jobs failed.*logs(.|\n)*can't open file .*run.py'"
    ) as told:
        summary = wf.run()
    assert len(str(told[0].message).splitlines()) == 2
    assert summary.failures[0].reason.endswith("No such file or directory")


def test_a_later_session_finds_what_another_folder_has(wf: Workflow, tmp_path: Path) -> None:
    wf.push(tf.grid(n=[1]), command="echo here >&2; exit {n}")
    wf.run(output_dir=tmp_path / "elsewhere")
    assert said(again()) == ["here"]
    wf.start(rerun="all", output_dir="third").wait(60)
    shutil.rmtree("elsewhere")
    assert said(again()) == ["here"]
    assert again().job(1).stderr == "here\n"
    shutil.rmtree("third")
    assert said(again()) == [None]
    with pytest.raises(tf.NotFoundError, match=r"no stderr of job 1 in .*third.*: run 2 left no such file"):
        _ = again().job(1).stderr
    with pytest.raises(tf.RefusedError, match="there is no folder third"):
        again().logs(output_dir="third")


def test_a_study_that_was_moved_takes_its_logs_along(wf: Workflow, tmp_path: Path) -> None:
    wf.push(tf.grid(n=[1]), command="echo here >&2; exit {n}")
    wf.run()
    wf._store.close()
    other = tmp_path / "other"
    other.mkdir()
    for name in ("study.db", "torc_output"):
        shutil.move(name, other / name)
    moved = tf.connect(other / "study.db").workflow(1)
    assert said(moved) == ["here"]
    assert moved.job(1).stderr == "here\n"


def test_a_job_that_was_not_run_has_none_and_says_so(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    assert len(wf.logs()) == 0
    with pytest.raises(tf.NotFoundError, match="no stdout of job 1: it has not been run"):
        _ = wf.job(1).stdout
    with pytest.raises(tf.NotFoundError, match="no job key 7"):
        wf.logs("7")
    for lines in (0, -1, 1.5, True):
        with pytest.raises(tf.RefusedError, match="whole number from 1 on"):
            wf.logs(lines=lines)  # type: ignore[arg-type]


def test_a_file_of_an_earlier_workflow_is_not_believed(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]), command="rm $TORC_OUTPUT_DIR/*.e; exit {n}")
    summary = wf.run()
    old = summary.output_dir / "job_wf1_j1_r1.e"
    old.write_text("of another\n")
    os.utime(old, (time.time() - 3600,) * 2)
    assert said(wf) == [None]
    os.utime(old)
    assert said(wf) == ["of another"]


def test_it_shows_what_a_running_job_has_written_so_far(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]), command="echo begun; touch begun; sleep 600")
    run = wf.start()
    try:
        wait_until(Path("begun").exists, "the job", 60)
        [row] = again().logs().to_dict("records")
        assert (row["status"], row["stdout"], row["stderr"]) == ("running", "begun", "")
        assert pd.isna(row["return_code"])
        assert again().job(1).stdout == "begun\n"
    finally:
        run.cancel()


def test_mapped_functions_say_what_they_raised(wf: Workflow) -> None:
    with ThreadPoolExecutor() as threads, pytest.warns(tf.TorcFramesWarning, match="1 job failed"):
        wf.map(mapped.not_three, tf.grid(n=[2, 3]), threads)
    [text] = said(wf, failed=True, lines=3)
    assert isinstance(text, str)
    assert text.splitlines()[-2:] == ["ValueError: three is", "not taken"]
    assert len(text.splitlines()) == 3
    assert said(wf, jobs="1") == [None]


def test_the_shell_tells_of_the_first_failures(wf: Workflow) -> None:
    def shell(*arguments: str) -> Result:
        return CliRunner().invoke(root, ["-u", "study.db", *arguments])

    assert "no job of these has failed" in shell("jobs", "logs", "--failed").stderr
    wf.push(tf.grid(n=range(12)), command="false {n}")
    ran = shell("run").stdout.splitlines()
    assert len(ran) == 12
    assert ran[-1] == "and 2 more: torc-frames jobs logs --failed"
    again = shell("run")
    assert again.stdout == "Jobs: nothing to run\n"
    assert "12 jobs of workflow 1 failed or were canceled before" in again.stderr
    assert len(json.loads(shell("-f", "json", "run", "--rerun", "failed").stdout)["failures"]) == 12


def test_what_jobs_write_can_not_control_a_terminal_or_a_page(wf: Workflow) -> None:
    wf.add_job("evil", command=r"printf '\033[31mred\033[0m\007\377<b>\033]0;title\007\n' >&2; exit 1")
    wf.run()
    assert said(wf) == ["red\\x07�<b>"]
    assert "&lt;b&gt;" in wf.logs()._repr_html_()
    done = CliRunner().invoke(root, ["-u", "study.db", "jobs", "logs", "--failed"])
    assert done.stdout == "==> job 1 (evil), run 1: failed with return code 1\nstderr: red\\x07�<b>\n"
    assert "\x1b" not in repr(wf.run(rerun="failed"))
    assert wf.job(1).stderr.startswith("\x1b[31mred")


def test_files_that_can_not_be_read_are_passed_over(wf: Workflow) -> None:
    wf.add_job("silent", command="exit 1")
    folder = wf.run().output_dir
    (folder / f"job_runner_deleted_wf{wf.key}_r1.log").symlink_to("deleted meanwhile")
    os.mkfifo(folder / f"job_runner_pipe_wf{wf.key}_r1.log")
    (folder / f"job_wf{wf.key}_j1_r1.o").unlink()
    (folder / f"job_wf{wf.key}_j1_r1.o").mkdir()
    assert (said(wf), said(wf, "stdout")) == ([""], [None])
    with pytest.raises(tf.NotFoundError, match="no such file here that can be read"):
        wf.job(1).stdout  # noqa: B018


def test_of_a_huge_file_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.e"
    with path.open("wb") as file:
        file.truncate(1 << 35)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast but one\nlast\n")
    began = time.monotonic()
    assert last_lines(path, 2) == "last but one\nlast"
    assert last_lines(path, 1) == "last"
    assert len(last_lines(path, 3) or "") < 50_000
    assert time.monotonic() - began < 5


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none"):
        assert last_lines(path, 1) is None


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P"], include_characters=" \t"), min_size=1)),
    st.integers(1, 30),
)
def test_the_last_lines_are_those_of_the_whole_text(lines: list[str], count: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write("\n".join(lines).encode())
        file.flush()
        whole = "\n".join(lines).rstrip().split("\n")
        assert last_lines(Path(file.name), count) == "\n".join(whole[-count:])


@given(st.text(max_size=20))
def test_nothing_of_a_text_controls_a_terminal(text: str) -> None:
    assert all(char.isprintable() or char in "\n\t" or category(char) == "Zs" for char in visible(text))


def test_logs_of_torc_are_found_too_whoever_had_it_run(
    torc_server: TorcServer, clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wipe(torc_server)
    monkeypatch.setenv("PATH", f"{need_binary('torc').parent}{os.pathsep}{os.environ['PATH']}")
    wf = tf.connect(torc_server.url).create_workflow("by torc")
    needs = {"num_cpus": 1, "memory": "200m", "runtime": "PT5M"}
    wf.push(
        pd.DataFrame({"code": [0, 3]}), command="echo out; echo no {code} >&2; exit {code}", resources=needs
    )
    summary = wf.run(output_dir="elsewhere")
    assert summary.failures[0].reason == "no 3"
    other = tf.connect(torc_server.url).workflow(wf.key)
    assert said(other, failed=True) == ["no 3"]
    failed = other.logs(failed=True)["job_key"][0]
    assert other.job(failed).stdout == "out\n"
    monkeypatch.chdir(clean_folder / "elsewhere")
    assert said(other, failed=True) == ["no 3"]
    monkeypatch.chdir(clean_folder)
    Path("elsewhere").rename("torc_output")  # where `torc run` puts it
    assert said(other, failed=True) == ["no 3"]
    with tf.connect(torc_server.database) as client:
        by_path = client.workflow(wf.key)
        assert said(by_path, failed=True) == ["no 3"]
        assert by_path.runs()["torc_frames_version"].tolist() == [tf.__version__] * 2
    runs = other.runs()
    assert runs["torc_frames_version"].tolist() == [tf.__version__] * 2
    assert runs["host"].tolist() == [os.uname().nodename] * 2
