"""Functions mapped over tables: on real executors, resumed after any kind of end, and as jobs of torc."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mapped
import pandas as pd
import pytest
from places import REPOSITORY, TESTS
from servers import TorcServer, run_torc, wait_until

import torc_frames as tf
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.run.workers import _EACH, _GRACE_S
from torc_frames.workflow.workflow import Workflow

RESOURCES = {"num_cpus": 1, "memory": "200m", "runtime": "PT5M"}
ERRORS = ["results.error.type", "results.error.message", "results.error.traceback"]

started: list[subprocess.Popen[str]] = []


@pytest.fixture
def wf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), str(TESTS)]))
    yield tf.connect(tmp_path / "study.db").create_workflow("mapped")
    while started:
        with started.pop() as process:
            process.kill()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@contextmanager
def processes() -> Iterator[Executor]:
    # CPython 3.13.0 itself was seen to end a process that began ("error return without exception set", while
    # it imported socket); a pool is lost then, and all tests of it.
    executor = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    try:
        list(executor.map(time.sleep, [0.2, 0.2]))
    except BrokenProcessPool:
        executor = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with executor:
        yield executor


@contextmanager
def loky() -> Iterator[Executor]:
    from loky import ProcessPoolExecutor as Loky

    executor = Loky(2)
    yield executor
    executor.shutdown(kill_workers=True)


@contextmanager
def dask() -> Iterator[Executor]:
    from dask import config
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(**options) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS: dict[str, Callable[[], Any]] = {
    "processes": processes,
    "threads": lambda: ThreadPoolExecutor(2),
    "loky": loky,
    "dask": dask,
}


@pytest.fixture(scope="module", params=[*EXECUTORS, "default"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    """Each kind of executor, for all tests that break none; pytest runs those of one kind together."""
    # The default comes last: what the last parameter makes is open till the end of all tests here.
    if request.param == "default":
        yield None
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), str(TESTS)]))
        with EXECUTORS[request.param]() as made:
            yield made


def on(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("executor", kinds, indirect=True)


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def pids(folder: Path) -> set[int]:
    return {int(line.split()[1]) for line in (folder / "calls").read_text().splitlines()}


def statuses(wf: Workflow) -> list[str]:
    with wf._store.snapshot(wf.key) as snapshot:
        return [status for page in snapshot.jobs() for status in page.statuses]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def script(body: str, folder: Path, name: str = "script.py") -> subprocess.Popen[str]:
    """Start a script that has `wf` and `mapped`."""
    begin = "import mapped, torc_frames as tf\n"
    (folder / name).write_text(begin + body)
    command = [sys.executable, name]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    started.append(subprocess.Popen(command, cwd=folder, text=True, **pipes))
    return started[-1]


MAIN = """
if __name__ == "__main__":
    wf = tf.connect("study.db").workflow("1")
"""


# on executors


def test_a_mapped_table_has_results_beside_parameters_and_the_failed_row_in_it(
    wf: Workflow, executor: Executor | None
) -> None:
    before = pd.Timestamp.now("UTC").floor("us")
    params = tf.grid(n=[5, 3, 4])
    with pytest.warns(tf.TorcFramesWarning, match=r"1 job failed: 2 \(ValueError: three is not taken\)"):
        table = wf.map(mapped.not_three, params, executor, name="n-{n}")
    assert table.index.tolist() == ["1", "2", "3"]
    assert table["job_name"].tolist() == ["n-5", "n-3", "n-4"]
    assert table["status"].tolist() == ["completed", "failed", "completed"]
    jobs = wf.jobs()
    assert jobs["return_code"].tolist() == [0, 1, 0]
    assert table["params.n"].tolist() == [5, 3, 4]
    assert table["results.square"].astype("Int64").tolist() == [25, pd.NA, 16]
    kind, message, trace = table.loc["2", ERRORS]
    assert (kind, message) == ("ValueError", "three is\nnot taken")
    assert trace.startswith("Traceback (most recent call last):\n")
    assert 'in not_three\n    raise ValueError("three is\\nnot taken")\n' in trace
    assert "torc_frames/workflow" not in trace
    assert table.loc[["1", "3"], ERRORS].isna().all(axis=None)
    assert jobs["start_time"].between(before, jobs["end_time"]).all()
    assert jobs["command"].unique().tolist() == ["torc-frames run-function mapped:not_three"]
    if executor is not None:
        assert executor.submit(abs, -1).result(timeout=30) == 1


def test_what_has_completed_is_not_run_again_and_what_failed_is(
    wf: Workflow, executor: Executor | None, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    params = tf.grid(n=[2, 3, 4], mended=[str(mended)])
    with pytest.warns(tf.TorcFramesWarning, match="1 job failed: 2"):
        wf.map(mapped.not_three_until, params, executor)
    mended.touch()
    table = wf.map(mapped.not_three_until, params, executor)
    assert wf.jobs()["run_id"].tolist() == [1, 2, 1]
    assert table["status"].tolist() == ["completed"] * 3
    assert table["results.square"].tolist() == [4, 9, 16]
    # Nothing of the error is left beside the result.
    assert [column for column in table if column.startswith("results.")] == ["results.square"]
    assert len(wf.user_data(role="output")) == 3
    again = wf.map(mapped.not_three_until, params, executor)
    pd.testing.assert_frame_equal(again, table)


def test_the_jobs_of_a_network_file_are_mapped_the_same_way(
    tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    store = SQLiteStore(tmp_path / "shared.db", network=True)
    wf = Workflow(store, store.add_workflow("mapped"))
    table = wf.map(mapped.square, tf.grid(n=range(20)), threads)
    assert table["results.square"].tolist() == [n * n for n in range(20)]
    store.close()


def test_many_jobs_are_stored_in_few_transactions_and_each_of_them_once(
    wf: Workflow, executor: Executor | None
) -> None:
    table = wf.map(mapped.square, tf.grid(n=range(300)), executor)
    assert table["results.square"].tolist() == [n * n for n in range(300)]
    assert len(wf.user_data(role="output")) == 300
    assert wf.jobs()["run_id"].eq(1).all()


def test_equal_rows_are_calls_of_their_own(wf: Workflow, tmp_path: Path, executor: Executor | None) -> None:
    params = pd.DataFrame({"n": [7, 7, 7], "folder": str(tmp_path)})
    assert wf.map(mapped.noted, params, executor)["results.square"].tolist() == [49] * 3
    assert calls(tmp_path) == ["7"] * 3
    wf.map(mapped.noted, params, executor, rerun="all")
    assert calls(tmp_path) == ["7"] * 6


@on("loky")
def test_functions_without_a_module_run_where_the_executor_takes_them(
    wf: Workflow, executor: Executor
) -> None:
    scale = 3
    table = wf.map(lambda n: {"scaled": n * scale}, tf.grid(n=[1, 2]), executor)
    assert table["results.scaled"].tolist() == [3, 6]
    assert "<lambda>" in wf.jobs()["command"].iloc[0]


class Counting(ThreadPoolExecutor):
    """Knows how many calls were under way at once, at most."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.open: set[Future[Any]] = set()
        self.most = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        self.open.add(future)
        self.most = max(self.most, len(self.open))
        future.add_done_callback(self.open.discard)
        return future


def test_no_more_calls_are_under_way_than_keep_the_workers_busy(wf: Workflow) -> None:
    with Counting(2) as executor:
        table = wf.map(mapped.square, tf.grid(n=range(500)), executor)
    assert table["status"].eq("completed").all()
    assert 2 < executor.most <= 2 * _EACH


# what functions take and return


def test_a_function_gets_the_row_as_it_was_pushed(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    params = pd.DataFrame(
        {
            "n": [1, 2],
            "model.depth": [3, 4],
            "model.layers": [[8, 8], None],
            "a name": ["x", None],
            "when": pd.to_datetime(["2026-01-01", "2026-01-02"]),
            "some": pd.array([1, None], dtype="Int64"),
        }
    )
    results = wf.map(mapped.kinds, params, threads, show_progress=False).filter(like="results.")
    assert results.iloc[0].to_dict() == {
        "results.n": "1",
        "results.model": "{'depth': 3, 'layers': [8, 8]}",
        "results.a name": "'x'",
        "results.when": "Timestamp('2026-01-01 00:00:00')",
        "results.some": "1",
    }
    assert results.iloc[1][["results.model", "results.a name", "results.some"]].tolist() == [
        "{'depth': 4, 'layers': None}",
        "None",
        "None",
    ]


def test_a_function_of_a_row_gets_the_whole_row(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    params = tf.grid(n=[1, 2], b=["x"])
    table = wf.map(mapped.whole, params, threads)
    assert table["results.got"].tolist() == [["b", "n"]] * 2
    other = tf.connect("study.db").create_workflow("other")
    assert other.map(mapped.only_positional, params, threads)["results.n"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("func", "told"),
    [
        (mapped.square, r"square\(n: .*\).* can not take the columns as its arguments, .*'other'"),
        (mapped.noted, "missing a required argument: 'folder'"),
        (partial(mapped.noted, folder="x"), "unexpected keyword argument 'other'"),
    ],
)
def test_a_function_that_can_not_take_the_columns_is_refused(
    wf: Workflow, threads: ThreadPoolExecutor, func: Any, told: str
) -> None:
    with pytest.raises(tf.RefusedError, match=told):
        wf.map(func, tf.grid(n=[1], other=[2]), threads)
    assert wf.jobs().empty


def test_what_a_function_returns_is_stored_as_a_job_stores_it(
    wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    params = tf.grid(what=["numpy", "pointer", "nothing"], folder=[str(tmp_path)])
    table = wf.map(mapped.returns, params, threads)
    assert table["status"].eq("completed").all()
    assert table.loc["1"].filter(like="results.").dropna().to_dict() == {
        "results.i": 3,
        "results.x": 0.5,
        "results.yes": True,
        "results.nested.a": [1],
    }
    assert wf.load("model").to_dict("list") == {"job_key": ["2"], "x": [1]}
    assert wf.results().index.tolist() == ["1", "2"]


def test_what_has_no_names_is_a_failed_job(wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    with pytest.warns(tf.TorcFramesWarning, match="1 job failed"):
        table = wf.map(mapped.returns, tf.grid(what=["list"], folder=[str(tmp_path)]), threads)
    assert table["status"].tolist() == ["failed"]
    assert table["results.error.type"].tolist() == ["torc_frames.errors.RefusedError"]
    told = "returns returned a list, not its results by name: return a dict"
    assert told in table["results.error.message"].item()


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("long", "ValueError", "x" * 2000 + "…"),
        ("exit", "SystemExit", "3"),
        ("surrogate", "ValueError", "\\ud800"),
        ("unshowable", "mapped.UnshowableError", "<a mapped.UnshowableError that can not be shown>"),
        ("chained", "KeyError", "'gone'"),
    ],
)
def test_whatever_a_function_raises_is_stored_at_a_bounded_length(
    wf: Workflow, threads: ThreadPoolExecutor, how: str, kind: str, message: str
) -> None:
    with pytest.warns(tf.TorcFramesWarning, match="1 job failed") as caught:
        table = wf.map(mapped.fails, tf.grid(how=[how]), threads)
    assert len(str(caught[0].message)) < 400
    assert table.loc["1", ERRORS[:2]].tolist() == [kind, message]
    assert len(table["results.error.traceback"].item()) <= 10_001
    if how == "chained":
        assert "The above exception was the direct cause" in table["results.error.traceback"].item()


def test_a_run_that_fails_replaces_the_results_of_the_one_before(
    wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    mended.touch()
    params = tf.grid(n=[3], mended=[str(mended)])
    assert wf.map(mapped.not_three_until, params, threads)["results.square"].tolist() == [9]
    mended.unlink()
    with pytest.warns(tf.TorcFramesWarning, match="1 job failed"):
        table = wf.map(mapped.not_three_until, params, threads, rerun="all")
    assert [column for column in table if column.startswith("results.")] == ERRORS


def test_a_declared_output_record_is_filled(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    params = tf.grid(n=[1, 2])
    wf.push(params, outputs=True)
    wf.map(mapped.square, params, threads)
    records = wf.user_data(role="output")
    assert records["record_name"].tolist() == ["output_job_1", "output_job_2"]
    assert records["square"].tolist() == [1, 4]


# which rows are run


def test_a_longer_table_runs_what_is_new(wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    wf.map(mapped.noted, tf.grid(n=[2, 1], folder=[str(tmp_path)]), threads)
    table = wf.map(mapped.noted, tf.grid(n=[1, 3, 2], folder=[str(tmp_path)]), threads)
    assert sorted(calls(tmp_path)) == ["1", "2", "3"]
    assert table.index.tolist() == ["2", "3", "1"]
    assert table["results.square"].tolist() == [1, 9, 4]
    assert list(wf.map(mapped.noted, tf.grid(n=[3], folder=[str(tmp_path)]), threads).index) == ["3"]


def test_a_row_whose_parameters_changed_runs_again(
    wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    wf.map(mapped.noted, tf.grid(n=[1, 2, 3], folder=[str(tmp_path)]), threads)
    params = wf.parameters()
    params.loc["2", "n"] = 20
    table = wf.map(mapped.noted, params, threads)
    assert table["results.square"].tolist() == [1, 400, 9]
    assert calls(tmp_path)[3:] == ["20"]
    # Changed by a push alone, too, and a part of the columns names the jobs as well as all do.
    params.loc["3", "n"] = 30
    wf.push(params)
    wf.map(mapped.noted, wf.parameters(usecols=["n"]), threads)
    assert calls(tmp_path)[4:] == ["30"]
    assert wf.results()["square"].tolist() == [1, 400, 900]


@pytest.mark.parametrize(
    ("rerun", "again"), [(None, []), ("failed", ["3"]), ("missing", ["0", "3"]), ("all", ["0", "1", "3"])]
)
def test_rerun_chooses_the_rows_to_run_again(
    wf: Workflow, threads: ThreadPoolExecutor, rerun: Any, again: list[str]
) -> None:
    seen: list[int] = []

    def func(n: int) -> dict[str, int] | None:
        seen.append(n)
        if n == 3:
            raise ValueError("three")
        return {"n": n} if n else None

    params = tf.grid(n=[0, 1, 3])
    with pytest.warns(tf.TorcFramesWarning, match="1 job failed"):
        wf.map(func, params, threads)
    seen.clear()
    if "3" in again:
        with pytest.warns(tf.TorcFramesWarning, match="1 job failed"):
            wf.map(func, params, threads, rerun=rerun)
    else:
        wf.map(func, params, threads, rerun=rerun)
    assert sorted(map(str, seen)) == again


def test_rows_of_another_function_are_not_taken_for_results_of_this_one(
    wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    params = tf.grid(n=[1, 2])
    wf.map(mapped.square, params, threads)
    with pytest.raises(tf.ConflictError, match=r"jobs 1, 2 have .*another command than mapped:not_three"):
        wf.map(mapped.not_three, tf.grid(n=[1, 2, 4]), threads)
    assert len(wf.jobs()) == 2
    wf.map(mapped.not_three, params, threads, rerun="all", command="nice torc-frames")
    assert wf.jobs()["command"].unique().tolist() == ["nice torc-frames run-function mapped:not_three"]
    assert wf.jobs()["run_id"].tolist() == [2, 2]
    # However torc-frames is called, the function is the same.
    wf.map(mapped.not_three, params, threads)
    assert wf.jobs()["run_id"].tolist() == [2, 2]


def test_pushed_jobs_without_a_command_become_the_function_s(
    wf: Workflow, threads: ThreadPoolExecutor
) -> None:
    pushed = wf.push(tf.grid(n=[1, 2]))
    table = wf.map(mapped.square, pushed, threads)
    assert wf.jobs()["command"].unique().tolist() == ["torc-frames run-function mapped:square"]
    assert table["results.square"].tolist() == [1, 4]


def test_rows_wait_for_the_jobs_they_depend_on(
    wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    first = wf.push(tf.grid(n=[1], folder=[str(tmp_path)]))
    after = tf.grid(n=[2, 3], folder=[str(tmp_path)])
    with pytest.warns(tf.TorcFramesWarning, match="2 jobs not run, waiting for others"):
        wf.map(mapped.noted, after, threads, depends_on=list(first.index))
    assert calls(tmp_path) == []
    wf.map(mapped.noted, wf.parameters(), threads)
    assert calls(tmp_path)[0] == "1"
    assert sorted(calls(tmp_path)) == ["1", "2", "3"]


def test_an_empty_table_is_mapped_to_an_empty_one(wf: Workflow) -> None:
    assert wf.map(mapped.square, tf.grid(n=[])).empty


@pytest.mark.parametrize(
    ("executor", "told"),
    [(4, r"pass concurrent.futures.ProcessPoolExecutor\(4\)"), ("dask", "not a str: such as")],
)
def test_what_is_no_executor_is_refused(wf: Workflow, executor: Any, told: str) -> None:
    with pytest.raises(tf.RefusedError, match=told):
        wf.map(mapped.square, tf.grid(n=[1]), executor)


def test_a_dask_client_is_refused_by_the_name_of_its_executor(wf: Workflow) -> None:
    from distributed import Client

    with (
        Client(processes=False, dashboard_address=":0", n_workers=1) as client,
        pytest.raises(tf.RefusedError, match=r"pass client.get_executor\(\)"),
    ):
        wf.map(mapped.square, tf.grid(n=[1]), client)  # type: ignore[arg-type]


def test_what_is_no_function_is_refused(wf: Workflow) -> None:
    with pytest.raises(tf.RefusedError, match="map takes a function, not a str"):
        wf.map("mapped:square", tf.grid(n=[1]))  # type: ignore[arg-type]
    with pytest.raises(tf.RefusedError, match="rerun is one of"):
        wf.map(mapped.square, tf.grid(n=[1]), rerun="some")  # type: ignore[arg-type]


@on("default", "processes")
def test_a_function_that_processes_can_not_find_is_refused_before_anything_is_written(
    wf: Workflow, executor: Executor | None
) -> None:
    def local(n: int) -> dict[str, int]:
        return {"n": n}

    for func in (local, lambda n: {"n": n}):
        with pytest.raises(tf.RefusedError, match=r"can not be sent to worker processes .*loky"):
            wf.map(func, tf.grid(n=[1]), executor)
    assert wf.jobs().empty


def test_a_function_of_a_notebook_is_refused_with_the_way_out(wf: Workflow) -> None:
    code = """
import torc_frames as tf
def fit(n):
    return {"n": n}
tf.connect("study.db").workflow(1).map(fit, tf.grid(n=[1]))
"""
    # As in a notebook, there is no file that workers could import.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "RefusedError: fit can not be sent to worker processes (AttributeError: " in last
    assert "define it in a module" in last
    assert wf.jobs().empty


def test_a_function_of_a_script_runs_in_processes(wf: Workflow, tmp_path: Path) -> None:
    body = "def fit(n):\n    return {'n': n}\n" + MAIN + "    wf.map(fit, tf.grid(n=[1, 2]))\n"
    process = script(body, tmp_path)
    assert process.communicate(timeout=60) == ("", "")
    assert wf.results()["n"].tolist() == [1, 2]
    assert wf.jobs()["command"].iloc[0] == "torc-frames run-function __main__:fit"


def test_a_script_without_the_guard_is_told_so(wf: Workflow, tmp_path: Path) -> None:
    process = script("tf.connect('study.db').workflow(1).map(mapped.square, tf.grid(n=[1]))", tmp_path)
    _, error = process.communicate(timeout=60)
    assert 'a script needs `if __name__ == "__main__":` around its calls' in error
    assert wf.jobs().empty


# ends of all kinds


def test_a_dead_worker_ends_the_call_and_leaves_what_is_to_be_gone_on_with(
    wf: Workflow, tmp_path: Path
) -> None:
    params = tf.grid(n=range(200), folder=[str(tmp_path)])
    with pytest.raises(tf.TorcFramesError, match=r"the executor stopped .* the same call goes on") as caught:
        wf.map(mapped.dies, params)
    # The other worker may have done all that was under way beside it.
    assert re.search("jobs? under way, the first of which may be the reason: 6[.,]", str(caught.value))
    statuses = Counter(wf.jobs()["status"])
    assert set(statuses) == {"completed", "ready"}
    assert statuses["completed"] >= 5
    assert f" {statuses['completed']} jobs of this call stored" in str(caught.value)
    assert len(wf.results()) == statuses["completed"]
    (tmp_path / "mended").touch()
    table = wf.map(mapped.dies, params)
    assert table["results.square"].tolist() == [n * n for n in range(200)]
    assert len(wf.user_data(role="output")) == 200


def test_loky_tells_of_dead_workers_too(wf: Workflow, tmp_path: Path) -> None:
    params = tf.grid(n=range(8), folder=[str(tmp_path)])
    with loky() as executor, pytest.raises(tf.TorcFramesError, match="the executor stopped"):
        wf.map(mapped.dies, params, executor)
    is_gone_on_with(wf, params, tmp_path)


@on("dask")
def test_dask_goes_on_without_the_job_whose_worker_died(
    wf: Workflow, executor: Executor, tmp_path: Path
) -> None:
    params = tf.grid(n=range(8), folder=[str(tmp_path)])
    # It starts workers anew, and gives up on the job, at times on one that waited behind it, too.
    with pytest.warns(tf.TorcFramesWarning, match=r"jobs? failed: .*\b6 \(.*KilledWorker"):
        table = wf.map(mapped.dies, params, executor)
    assert table.loc["6", "status"] == "failed"
    is_gone_on_with(wf, params, tmp_path)


def is_gone_on_with(wf: Workflow, params: pd.DataFrame, folder: Path) -> None:
    """Check that the same call, on other workers, does what a dead one left."""
    assert wf.jobs()["status"].isin(["completed", "ready", "failed"]).all()
    (folder / "mended").touch()
    assert wf.map(mapped.dies, params)["results.square"].tolist() == [n * n for n in range(8)]


def test_an_executor_that_is_shut_down_leaves_the_jobs_ready(wf: Workflow) -> None:
    with ThreadPoolExecutor() as executor:
        pass
    with pytest.raises(RuntimeError, match="after shutdown"):
        wf.map(mapped.square, tf.grid(n=[1, 2]), executor)
    assert wf.jobs()["status"].tolist() == ["ready", "ready"]


SLEEPY = MAIN + "    wf.map(mapped.noted_or_asleep, tf.grid(n=range(30), folder=['.']))\n"


def test_an_interrupt_stores_what_has_ended_and_makes_the_rest_ready(wf: Workflow, tmp_path: Path) -> None:
    process = script(SLEEPY, tmp_path)
    wait_until(lambda: len(calls(tmp_path)) >= 12, "both workers' sleep")
    signaled = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert time.monotonic() - signaled < _GRACE_S, "it waited for what the workers had started"
    assert error.rstrip().endswith("KeyboardInterrupt")
    table = wf.table()
    assert table["status"].tolist() == ["completed"] * 10 + ["ready"] * 20
    assert table["results.square"].iloc[:10].tolist() == [n * n for n in range(10)]
    assert not any(map(is_alive, pids(tmp_path)))
    (tmp_path / "quick").touch()
    table = wf.map(mapped.noted_or_asleep, tf.grid(n=range(30), folder=["."]))
    assert table["results.square"].tolist() == [n * n for n in range(30)]
    assert wf.jobs()["run_id"].iloc[:10].tolist() == [1] * 10


def test_an_interrupt_of_the_whole_terminal_is_no_failure_of_jobs(wf: Workflow, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import mapped, torc_frames as tf\n" + SLEEPY)
    command = [sys.executable, "script.py"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    started.append(process)
    wait_until(lambda: len(calls(tmp_path)) >= 12, "both workers' sleep")
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert error.count("Traceback (most recent call last)") == error.count("KeyboardInterrupt") == 1
    assert wf.jobs()["status"].tolist() == ["completed"] * 10 + ["ready"] * 20


def test_after_a_killed_parent_the_next_call_goes_on_and_no_worker_is_left(
    wf: Workflow, tmp_path: Path
) -> None:
    process = script(SLEEPY, tmp_path)
    wait_until(lambda: statuses(wf).count("completed") == 10, "jobs that are done")
    process.kill()
    process.wait()  # the pipes stay open, for what is left
    assert "running" in set(wf.jobs()["status"])
    wait_until(lambda: not any(map(is_alive, pids(tmp_path))), "the workers' end")
    (tmp_path / "quick").touch()
    table = wf.map(mapped.noted_or_asleep, tf.grid(n=range(30), folder=["."]))
    assert table["results.square"].tolist() == [n * n for n in range(30)]
    assert wf.jobs()["run_id"].iloc[:10].tolist() == [1] * 10
    assert len(wf.user_data(role="output")) == 30


FORKING = """
import os, sys

if __name__ == "__main__":
    params = tf.grid(n=range(ROWS), folder=["."])
    for line in sys.stdin:
        child = os.fork()
        if not child:
            print(os.getpid(), flush=True)
            tf.connect("study.db").workflow("1").map(mapped.noted, params)
            os._exit(0)
        os.waitpid(child, 0)
        print("ended", flush=True)
"""
"""For each line a process that maps a table, and need not load pandas first."""


@pytest.mark.parametrize("times", [2, pytest.param(6, marks=pytest.mark.long)])
def test_no_result_is_lost_or_doubled_however_often_the_parent_is_killed(
    wf: Workflow, tmp_path: Path, times: int
) -> None:
    rows = 300 * times + 200
    process = script(FORKING.replace("ROWS", f"{rows}"), tmp_path)
    for kills in range(1, times + 1):
        print(file=process.stdin, flush=True)
        child = int(process.stdout.readline())
        wait_until(lambda kills=kills: len(calls(tmp_path)) >= 150 * kills, "some jobs")
        os.kill(child, signal.SIGKILL)
        assert process.stdout.readline() == "ended\n"
        table = wf.table()
        done = table["status"] == "completed"
        assert table.loc[done, "results.square"].eq(table.loc[done, "params.n"] ** 2).all()
        assert len(wf.user_data(role="output")) == done.sum()
    body = MAIN + f"    print(len(wf.map(mapped.noted, tf.grid(n=range({rows}), folder=['.']))))\n"
    out, error = script(body, tmp_path, "last.py").communicate(timeout=120)
    assert (out, error) == (f"{rows}\n", "")
    assert len(wf.user_data(role="output")) == rows
    assert wf.jobs()["status"].eq("completed").all()
    assert wf.results()["square"].tolist() == [n * n for n in range(rows)]


def test_two_processes_that_map_one_table_share_it(wf: Workflow, tmp_path: Path) -> None:
    wf.push(tf.grid(n=range(400), folder=["."]))
    body = MAIN + "    wf.map(mapped.noted, tf.grid(n=range(400), folder=['.']))\n"
    both = [script(body, tmp_path, f"script{n}.py") for n in range(2)]
    for process in both:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert Counter(calls(tmp_path)) == {str(n): 1 for n in range(400)}
    assert wf.results()["square"].tolist() == [n * n for n in range(400)]


def test_jobs_that_another_thread_maps_are_left_to_it(
    wf: Workflow, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def waits(n: int) -> dict[str, int]:
        begun.set()
        assert go_on.wait(30)
        return {"n": n}

    params = tf.grid(n=[1, 2])
    with ThreadPoolExecutor(1) as other:
        mapping = other.submit(wf.map, waits, params, threads)
        assert begun.wait(30)
        with pytest.warns(tf.TorcFramesWarning, match="2 jobs of workflow 1 left to other runners"):
            assert wf.map(waits, params, threads)["status"].tolist() == ["running", "running"]
        go_on.set()
        assert mapping.result(30)["results.n"].tolist() == [1, 2]
    assert wf.jobs()["run_id"].tolist() == [1, 1]


def test_a_job_reset_by_a_person_meanwhile_is_run_again(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    ran = []

    def func(n: int) -> dict[str, int]:
        ran.append(n)
        if ran == [1]:
            wf._store.reset_jobs(wf.key, ["1"])  # type: ignore[attr-defined]
        return {"n": n}

    with pytest.warns(tf.TorcFramesWarning, match="how job 1 ended is not recorded"):
        table = wf.map(func, tf.grid(n=[1]), threads)
    assert ran == [1, 1]
    assert wf.jobs()["run_id"].tolist() == [2]
    assert table["results.n"].tolist() == [1]


def test_a_record_deleted_meanwhile_is_made_anew(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    def func(n: int) -> dict[str, int]:
        if n == 1:
            wf.delete_user_data(*wf.user_data(job=1, role="output")["record_key"])
        return {"n": n}

    wf.push(tf.grid(n=[1, 2]), outputs=True)
    table = wf.map(func, tf.grid(n=[1, 2]), threads)
    assert table["results.n"].tolist() == [1, 2]
    assert len(wf.user_data(role="output")) == 2


def test_large_results_are_advised_against_once(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    with pytest.warns(tf.TorcFramesWarning, match="over 64 KiB") as caught:
        wf.map(lambda n: {"text": "x" * 70_000}, tf.grid(n=[1, 2]), threads)
    assert len(caught) == 1


# as commands of jobs


MODULE = """
import sys

def run(n, mended=None):
    print("running", n)
    if n == 3:
        raise ValueError("three")
    if n == 4:
        return {"big": 2**70}
    return {"square": n * n, "by": sys.argv[0].rpartition("/")[2]}
"""


@pytest.fixture
def simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module in the working directory."""
    (tmp_path / "simulation.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), str(TESTS)]))
    import simulation as module

    yield module
    del sys.modules["simulation"]


def test_a_job_of_an_embedded_store_runs_a_function_by_its_import_path(
    wf: Workflow, simulation: Any, tmp_path: Path
) -> None:
    wf.push(tf.grid(n=[2, 3]), command=f"{sys.executable} -m torc_frames.cli run-function simulation:run")
    summary = wf.run(workers=2)
    assert (summary.completed, summary.failed) == (1, 1)
    table = wf.table()
    assert table["results.square"].astype("Int64").tolist() == [4, pd.NA]
    assert table.loc["2", ERRORS[:2]].tolist() == ["ValueError", "three"]
    assert wf.jobs()["return_code"].tolist() == [0, 1]
    error = summary.failures[0].stderr.read_text()
    assert error.startswith("Traceback (most recent call last):\n")
    assert error.endswith("ValueError: three\n")
    # It is the function's job, so that mapping goes on with it.
    with pytest.warns(tf.TorcFramesWarning, match="1 job failed: 2"):
        wf.map(simulation.run, tf.grid(n=[2, 3]))
    assert wf.jobs()["run_id"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("nowhere:run", "ModuleNotFoundError", "No module named 'nowhere'"),
        ("simulation:walk", "RefusedError", "there is no 'walk' in "),
        ("simulation:sys.path", "RefusedError", "is no function but a list"),
        ("simulation", "RefusedError", "write module:function"),
        ("__main__:fit", "RefusedError", "is of a script or notebook: move the function to a module"),
        ("mapped:<lambda>", "RefusedError", "is no function that can be imported"),
    ],
)
def test_why_a_function_is_not_found_is_stored_with_the_job(
    wf: Workflow, simulation: Any, path: str, kind: str, message: str
) -> None:
    wf.push(tf.grid(n=[2]), command=f"{sys.executable} -m torc_frames.cli run-function '{path}'")
    assert wf.run(workers=1).failed == 1
    told = wf.results().loc["1"]
    assert told["error.type"].endswith(kind)
    assert message in told["error.message"]


def test_a_sweep_that_torc_runs_is_mapped_by_the_import_path(
    torc_server: TorcServer, simulation: Any, tmp_path: Path
) -> None:
    wf = tf.connect(torc_server.url).create_workflow("mapped")
    params = tf.grid(n=[2, 3, 4, 5])
    table = wf.map(simulation.run, params, name="n-{n}", resources=RESOURCES)
    assert wf.jobs()["command"].unique().tolist() == ["torc-frames run-function simulation:run"]
    assert table["params.n"].tolist() == [2, 3, 4, 5]
    run_torc(torc_server, "run", wf.key, "--poll-interval", "1", directory=tmp_path)
    table = wf.table()
    assert table["job_name"].tolist() == ["n-2", "n-3", "n-4", "n-5"]
    assert table["status"].tolist() == ["completed", "failed", "completed", "completed"]
    assert wf.jobs()["return_code"].tolist() == [0, 1, 0, 0]
    assert table["results.square"].astype("Int64").tolist() == [4, pd.NA, pd.NA, 25]
    assert table["results.by"].dropna().unique().tolist() == ["torc-frames"]
    assert table["results.error.type"].dropna().tolist() == ["ValueError"]
    assert "64 bits" in table["results.error.unstored"].iloc[2][0]
    again = wf.map(simulation.run, params, resources=RESOURCES)
    pd.testing.assert_frame_equal(again, table)
    with pytest.raises(tf.ConflictError, match="another command than mapped:square"):
        wf.map(mapped.square, params)
    (tmp_path / "simulation.py").write_text(MODULE.replace("n == 3", "n == 33"))
    reset = ["workflows", "reset-status", wf.key, "--failed-only", "--reinitialize", "--no-prompts"]
    run_torc(torc_server, *reset, directory=tmp_path)
    run_torc(torc_server, "run", wf.key, "--poll-interval", "1", directory=tmp_path)
    table = wf.table()
    assert table["results.square"].tolist() == [4, 9, pd.NA, 25]
    assert not [name for name in ERRORS if name in table and table[name].notna().any()]


def test_pushed_jobs_of_a_server_become_the_function_s(torc_server: TorcServer, simulation: Any) -> None:
    wf = tf.connect(torc_server.url).create_workflow("mapped")
    wf.push(tf.grid(n=[2]))
    wf.map(simulation.run, tf.grid(n=[2, 5]), command="/opt/a b/torc-frames {x}")
    assert wf.jobs()["command"].unique().tolist() == ["/opt/a b/torc-frames {x} run-function simulation:run"]


def test_what_torc_s_jobs_could_not_run_is_refused_before_anything_is_pushed(
    torc_server: TorcServer, simulation: Any, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    wf = tf.connect(torc_server.url).create_workflow("mapped")
    params = tf.grid(n=[2])

    def local(n: int) -> None:
        return None

    for func in (local, lambda n: None, partial(simulation.run, mended=1)):
        with pytest.raises(tf.RefusedError, match="can not be imported: define it in a module"):
            wf.map(func, params)
    local.__module__, local.__qualname__ = "__main__", "local"
    with pytest.raises(tf.RefusedError, match="is of this script or notebook: move it to a module"):
        wf.map(local, params)
    (tmp_path / "simulation.py").write_text("import nowhere\n")
    with pytest.raises(
        tf.RefusedError, match=r"does not find simulation:run(.|\n)*No module named 'nowhere'"
    ):
        wf.map(simulation.run, params)
    with pytest.raises(tf.RefusedError, match=f"leave it out, then `torc run {wf.key}`"):
        wf.map(mapped.square, params, threads)
    with pytest.raises(tf.RefusedError, match=f"torc workflows reset-status {wf.key} --failed-only"):
        wf.map(mapped.square, params, rerun="all")
    assert wf.jobs().empty


def test_a_function_is_not_run_outside_of_a_job(wf: Workflow, simulation: Any) -> None:
    command = [sys.executable, "-m", "torc_frames.cli", "run-function", "simulation:run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this process is not a job" in done.stderr
    assert "running" not in done.stdout


def test_small_jobs_cost_little(wf: Workflow, threads: ThreadPoolExecutor) -> None:
    begin = time.process_time()
    wf.map(mapped.square, tf.grid(n=range(1000)), threads)
    assert time.process_time() - begin < 5
