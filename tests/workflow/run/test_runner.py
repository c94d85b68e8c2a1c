"""Jobs run as real processes: in parallel, in order, once, and again after any kind of end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from places import REPOSITORY

from torc_frames.errors import (
    ConflictError,
    FailedJobsWarning,
    NotInJobError,
    RefusedError,
    TorcFramesWarning,
)
from torc_frames.store.records import NewJobs, Resources
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.run.options import Rerun
from torc_frames.workflow.run.processes import has_ended, runner_id
from torc_frames.workflow.run.runner import current_job, run
from torc_frames.workflow.run.summary import Failure

PATIENCE_S = 30

started: list[subprocess.Popen[str]] = []


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    store = SQLiteStore(tmp_path / "study.db")
    store.add_workflow("w")
    yield store
    store.close()
    while started:
        with started.pop() as process:
            process.kill()


def add(
    store: SQLiteStore,
    *commands: str,
    depends_on: Sequence[Sequence[str]] | None = None,
    num_cpus: Sequence[int] | None = None,
    outputs: bool = False,
) -> list[str]:
    names = [f"job_{n}" for n in range(len(commands))]
    needs = None if num_cpus is None else [Resources(num_cpus=n) for n in num_cpus]
    jobs = NewJobs(names, commands, [None] * len(names), outputs, depends_on, needs)
    return store.add_jobs("1", jobs).job_keys


def statuses(store: SQLiteStore) -> list[str]:
    with store.snapshot("1") as snapshot:
        return [status for page in snapshot.jobs() for status in page.statuses]


def results(store: SQLiteStore) -> list[tuple[str, int, str, int, str, str]]:
    with store.snapshot("1") as snapshot:
        return [
            row
            for page in snapshot.results()
            for row in zip(
                page.job_keys,
                page.run_ids,
                page.statuses,
                page.return_codes,
                page.start_times,
                page.end_times,
                strict=True,
            )
        ]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def script(body: str) -> str:
    return f"{sys.executable} -c '{body}'"


def runner_process(**options: Any) -> subprocess.Popen[str]:
    code = f"""
from torc_frames.workflow.run.runner import run
from torc_frames.store.sqlite.store import SQLiteStore
print(run(SQLiteStore("study.db"), "1", **{options!r}))
"""
    command = [sys.executable, "-c", code]
    started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    return started[-1]


def test_each_job_sees_who_it_is_and_where(study: SQLiteStore, tmp_path: Path) -> None:
    add(
        study,
        'echo "$TORC_JOB_KEY $TORC_JOB_ID $TORC_JOB_NAME $TORC_RUN_ID $TORC_API_URL"; pwd; echo no >&2; cat',
    )
    summary = run(study, "1", workers=1)
    assert (summary.completed, summary.failed, summary.not_run) == (1, 0, 0)
    assert summary.output_dir == tmp_path / "torc_output" / "study"
    told, where = (summary.output_dir / "job_wf1_j1_r1.o").read_text().splitlines()
    assert told == f"1 1 job_0 1 {study.url}"
    assert where == str(tmp_path)
    assert (summary.output_dir / "job_wf1_j1_r1.e").read_text() == "no\n"


def test_how_a_run_ended_is_recorded(study: SQLiteStore) -> None:
    add(study, "true", "echo why >&2; exit 3", "kill -9 $$")
    summary = run(study, "1", workers=1)
    assert (summary.completed, summary.failed) == (1, 2)
    error = summary.output_dir / "job_wf1_j2_r1.e"
    assert summary.failures[0] == Failure("2", 3, error, "why")
    assert error.read_text() == "why\n"
    recorded = results(study)
    assert [row[:4] for row in recorded] == [
        ("1", 1, "completed", 0),
        ("2", 1, "failed", 3),
        ("3", 1, "failed", -9),
    ]
    for *_, start, end in recorded:
        assert datetime.fromisoformat(start) <= datetime.fromisoformat(end)
        assert start.endswith("+00:00")
        assert len(start) == len("2026-01-01T00:00:00.000000+00:00")


def overlaps(store: SQLiteStore) -> int:
    """Return how many runs went on at once, at most."""
    changes = sorted([(row[4], 1) for row in results(store)] + [(row[5], -1) for row in results(store)])
    going = [sum(change for _, change in changes[: n + 1]) for n in range(len(changes))]
    return max(going)


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_jobs_run_at_once_as_there_are_workers(study: SQLiteStore, workers: int) -> None:
    add(study, *["sleep 0.2"] * 6)
    run(study, "1", workers=workers)
    assert overlaps(study) == workers


def test_a_job_takes_as_many_slots_as_it_needs_cpus(study: SQLiteStore) -> None:
    add(study, *["sleep 0.2"] * 4, num_cpus=[2] * 4)
    run(study, "1", workers=3)
    assert overlaps(study) == 1


def test_jobs_that_can_not_run_are_refused_before_anything_runs(study: SQLiteStore, tmp_path: Path) -> None:
    add(study, "touch ran", "", "true", num_cpus=[1, 1, 5])
    with pytest.raises(RefusedError) as caught:
        run(study, "1", workers=4)
    assert [str(problem) for problem in caught.value.problems] == [
        "job 3 (job_2) needs num_cpus=5, and workers is 4",
    ]
    assert statuses(study) == ["ready"] * 3
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "torc_output").exists()


@pytest.mark.parametrize("options", [{"workers": 0}, {"rerun": "some"}])
def test_wrong_arguments_are_refused(study: SQLiteStore, options: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=r"workers|rerun is one of failed, missing, changed, all"):
        run(study, "1", **options)


def test_a_job_waits_for_all_it_depends_on(study: SQLiteStore, tmp_path: Path) -> None:
    first = add(study, "sleep 0.3; echo a >> log", "echo b >> log")
    [last] = add(study, "echo c >> log", depends_on=[first])
    add(study, "echo d >> log", depends_on=[[last]])
    summary = run(study, "1", workers=4)
    assert lines(tmp_path / "log") == ["b", "a", "c", "d"]
    assert summary.completed == 4


def test_what_depends_on_a_failed_job_is_canceled(study: SQLiteStore) -> None:
    [first] = add(study, "false")
    second = add(study, "true", depends_on=[[first]])
    add(study, "true", depends_on=[second])
    add(study, "true")
    summary = run(study, "1", workers=2)
    assert (summary.completed, summary.failed, summary.canceled) == (1, 1, 2)
    assert statuses(study) == ["failed", "canceled", "canceled", "completed"]


def test_a_job_that_can_not_be_started_has_failed(study: SQLiteStore) -> None:
    add(study, "true " + "x" * 5_000_000, "true")
    summary = run(study, "1", workers=1)
    assert (summary.completed, summary.failed) == (1, 1)
    assert summary.failures[0].return_code == 127
    assert "could not start the job" in summary.failures[0].stderr.read_text()


def test_a_second_run_has_nothing_to_do(study: SQLiteStore) -> None:
    add(study, "true", "false")
    run(study, "1", workers=2)
    with pytest.warns(FailedJobsWarning, match=r"nothing to run: 1 job .* runs it again"):
        summary = run(study, "1", workers=2)
    assert (summary.completed, summary.failed, summary.canceled, summary.not_run) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("rerun", "again"),
    [(None, []), ("failed", ["3", "4"]), ("missing", ["2", "3", "4"]), ("all", ["1", "2", "3", "4"])],
)
def test_rerun_chooses_the_jobs_to_run_again(
    study: SQLiteStore, tmp_path: Path, rerun: Rerun, again: list[str]
) -> None:
    note = "echo $TORC_JOB_KEY >> log; "
    failing = add(study, note, note, note + "test -e mended", outputs=True)[2:]
    add(study, note, depends_on=[failing], outputs=True)
    study.add_user_data("1", [b'{"x":1}'], job_keys=["1"], role="output")
    run(study, "1", workers=1)
    assert statuses(study) == ["completed", "completed", "failed", "canceled"]
    (tmp_path / "log").unlink()
    (tmp_path / "mended").touch()
    summary = run(study, "1", workers=1, rerun=rerun)
    assert lines(tmp_path / "log") == again
    assert summary.completed == len(again)


def test_a_rerun_of_everything_keeps_the_order(study: SQLiteStore, tmp_path: Path) -> None:
    [first] = add(study, "sleep 0.2; echo a >> log")
    add(study, "echo b >> log", depends_on=[[first]])
    run(study, "1", workers=2)
    run(study, "1", workers=2, rerun="all")
    assert lines(tmp_path / "log") == ["a", "b", "a", "b"]
    assert [row[:2] for row in results(study)] == [("1", 1), ("2", 1), ("1", 2), ("2", 2)]


def test_a_second_run_replaces_what_the_first_stored(study: SQLiteStore, tmp_path: Path) -> None:
    body = """
from torc_frames.workflow.run.runner import current_job
job = current_job()
job.store(run=job.run_id)
job.store(**{f"key_{job.run_id}": job.parameters["alpha"]})
"""
    (tmp_path / "job.py").write_text(body)
    study.add_jobs("1", NewJobs(["j"], [f"{sys.executable} job.py"], [b'{"alpha":0.5}'], outputs=True))
    modes: list[Rerun] = [None, "all"]
    for number, rerun in enumerate(modes, start=1):
        assert run(study, "1", workers=1, rerun=rerun).completed == 1
        with study.snapshot("1") as snapshot:
            [page] = snapshot.user_data(role="output")
        assert page.lines() == [b'{"run":%d,"key_%d":0.5}' % (number, number)]


def test_two_runners_run_each_job_once(study: SQLiteStore, tmp_path: Path) -> None:
    first = add(study, *["echo $TORC_JOB_KEY >> log; sleep 0.01"] * 40)
    add(
        study,
        *["echo $TORC_JOB_KEY >> log"] * 20,
        depends_on=[[a, b] for a, b in zip(first[:20], first[20:], strict=True)],
    )
    runners = [runner_process(workers=2, rerun="failed") for _ in range(3)]
    errors = [runner.communicate(timeout=PATIENCE_S)[1] for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0, 0], errors
    assert Counter(lines(tmp_path / "log")) == {str(n): 1 for n in range(1, 61)}
    assert statuses(study) == ["completed"] * 60


def test_runners_that_start_together_reset_a_job_once(study: SQLiteStore, tmp_path: Path) -> None:
    keys = add(study, *["echo $TORC_JOB_KEY >> log; sleep 0.2"] * 8)
    study.start_jobs("1", keys, runner_id().rpartition(":")[0] + ":1")
    runners = [runner_process(workers=2) for _ in range(4)]
    errors = [runner.communicate(timeout=PATIENCE_S)[1] for runner in runners]
    assert [runner.returncode for runner in runners] == [0] * 4, errors
    assert Counter(lines(tmp_path / "log")) == dict.fromkeys(keys, 1)


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_an_interrupt_ends_the_jobs_and_makes_them_ready(study: SQLiteStore, tmp_path: Path) -> None:
    add(study, "true", *["test -e quick || { sleep 60 & echo $$ $! >> started; sleep 60; }"] * 3)
    runner = runner_process(workers=2)
    wait_until(lambda: len(lines(tmp_path / "started")) == 4)
    runner.send_signal(signal.SIGINT)
    _, error = runner.communicate(timeout=PATIENCE_S)
    assert error.rstrip().endswith("KeyboardInterrupt")
    assert statuses(study) == ["completed", "ready", "ready", "ready"]
    assert study.runners("1") == {}
    assert not any(map(is_alive, lines(tmp_path / "started")))
    (tmp_path / "quick").touch()
    assert run(study, "1", workers=2).completed == 3
    expected = [("1", 1, "completed"), ("2", 2, "completed"), ("3", 2, "completed"), ("4", 1, "completed")]
    assert sorted(row[:3] for row in results(study)) == expected


def test_a_job_that_ignores_sigterm_is_killed(study: SQLiteStore, tmp_path: Path) -> None:
    add(study, 'trap "" TERM; echo $$ >> started; while true; do sleep 0.1; done')
    runner = runner_process(workers=1)
    wait_until(lambda: lines(tmp_path / "started") != [])
    runner.send_signal(signal.SIGINT)
    runner.communicate(timeout=PATIENCE_S)
    assert statuses(study) == ["ready"]
    assert not is_alive(lines(tmp_path / "started")[0])


def test_after_a_killed_runner_another_finishes(study: SQLiteStore, tmp_path: Path) -> None:
    add(study, *["echo $$ >> started; test -e quick || sleep 60"] * 2)
    runner = runner_process(workers=2)
    wait_until(lambda: len(lines(tmp_path / "started")) == 2)
    runner.kill()
    wait_until(lambda: all(map(has_ended, study.runners("1").values())))
    assert statuses(study) == ["running", "running"]
    for pid in lines(tmp_path / "started"):
        os.killpg(int(pid), signal.SIGKILL)
    (tmp_path / "quick").touch()
    summary = run(study, "1", workers=2)
    assert (summary.completed, summary.running_elsewhere) == (2, 0)
    assert sorted(row[:3] for row in results(study)) == [("1", 2, "completed"), ("2", 2, "completed")]


@pytest.mark.parametrize("runner", ["elsewhere.example:1:1", "live"])
def test_jobs_of_a_live_or_a_foreign_runner_are_left(study: SQLiteStore, runner: str) -> None:
    add(study, "true", "true")
    with subprocess.Popen(["sleep", "60"]) as other:
        host = runner_id().partition(":")[0]
        stat = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()
        study.start_jobs("1", ["1"], f"{host}:{other.pid}:{stat[19]}" if runner == "live" else runner)
        with pytest.warns(TorcFramesWarning, match="1 jobs of workflow 1 are left to other runners"):
            summary = run(study, "1", workers=1)
        other.kill()
    assert (summary.completed, summary.running_elsewhere) == (1, 1)
    assert statuses(study) == ["running", "completed"]


def test_jobs_this_process_has_let_go_of_are_run_again(study: SQLiteStore) -> None:
    add(study, "true")
    study.start_jobs("1", ["1"], runner_id())
    assert run(study, "1", workers=1).completed == 1


def test_a_reused_process_id_is_not_the_runner() -> None:
    host, pid, started = runner_id().rsplit(":", 2)
    assert not has_ended(f"{host}:{pid}:{started}")
    assert has_ended(f"{host}:{pid}:{int(started) - 1}")
    assert not has_ended(f"other.example:{pid}:1")


def test_a_job_reset_by_a_person_meanwhile_is_not_recorded(study: SQLiteStore) -> None:
    body = 'from torc_frames.store.sqlite.store import SQLiteStore as S; S("study.db").reset_jobs("1", ["1"])'
    add(study, f"test -e once || {{ touch once; {script(body)}; }}")
    with pytest.warns(TorcFramesWarning, match="how job 1 ended is not recorded"):
        summary = run(study, "1", workers=1)
    assert summary.completed == 1
    assert [row[:3] for row in results(study)] == [("1", 2, "completed")]


def test_the_process_of_an_older_run_is_told_so(study: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(study, "true")
    run(study, "1", workers=1)
    run(study, "1", workers=1, rerun="all")
    monkeypatch.setenv("TORC_API_URL", "study.db")
    monkeypatch.setenv("TORC_JOB_KEY", "1")
    assert current_job().run_id == 2
    monkeypatch.setenv("TORC_RUN_ID", "1")
    with pytest.raises(ConflictError, match="run 2; this process is run 1"):
        current_job()


def test_a_store_that_is_not_there_is_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORC_API_URL", str(tmp_path / "typo.db"))
    monkeypatch.setenv("TORC_JOB_KEY", "1")
    with pytest.raises(NotInJobError, match=r"does not exist: .*typo.db"):
        current_job()
    assert not (tmp_path / "typo.db").exists()


def test_small_jobs_cost_little_and_nothing_is_shown_off_a_terminal(
    study: SQLiteStore, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # other tests of this process have notebooks
    add(study, *["true"] * 100)
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(study, "1", workers=4).completed == 100
    assert time.process_time() - begin < 5
    assert capfd.readouterr() == ("", "")


def test_jobs_without_a_command_are_left_and_named(study: SQLiteStore) -> None:
    add(study, "true", "")
    with pytest.warns(TorcFramesWarning, match="jobs 2 have no command"):
        summary = run(study, "1", workers=1)
    assert (summary.completed, summary.not_run) == (1, 1)
    with pytest.raises(RefusedError, match="jobs 2 have no command"):
        run(study, "1", workers=1)


def test_two_databases_in_one_folder_keep_their_logs_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        store = SQLiteStore(tmp_path / f"{name}.db")
        store.add_workflow(name)
        add(store, f"echo {name}")
        run(store, "1", workers=1)
    assert [(tmp_path / "torc_output" / name / "job_wf1_j1_r1.o").read_text() for name in ("a", "b")] == [
        "a\n",
        "b\n",
    ]


def test_the_summary_is_short(study: SQLiteStore) -> None:
    add(study, "false")
    shown = repr(run(study, "1", workers=1))
    counts = "completed=0, failed=1, canceled=0, not_run=0, running_elsewhere=0"
    assert shown == f"RunSummary({counts})\n  1 job failed (1): return code 1"
