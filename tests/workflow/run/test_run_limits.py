"""What jobs say they need: their runtime, memory and GPUs, kept or refused, never ignored."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import held
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames.store.records import NewJobs, Resources
from torc_frames.store.resources import bad_memory, bad_runtime, needs_of
from torc_frames.workflow.run.machine import gpu_devices, total_memory
from torc_frames.workflow.workflow import Workflow

GROW = f"exec {sys.executable} -c 'import time; held = bytearray(300 * 2**20); time.sleep(60)'"
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_STEP_GPUS")


@pytest.fixture
def wf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    monkeypatch.chdir(tmp_path)
    yield tf.connect(tmp_path / "study.db").create_workflow("limits")
    held.clean(tmp_path)


def push(wf: Workflow, command: str, count: int = 1, **resources: object) -> pd.DataFrame:
    return wf.push(tf.grid(n=range(count)), command=command, resources=resources)


def together(wf: Workflow) -> int:
    """Return how many jobs ran at once, at most."""
    jobs = wf.jobs()
    changes = sorted([(time, 1) for time in jobs["start_time"]] + [(time, -1) for time in jobs["end_time"]])
    going = [sum(change for _, change in changes[: n + 1]) for n in range(len(changes))]
    return max(going)


# runtime


@pytest.mark.parametrize(
    "command",
    [
        "exec 9>>lock-1; sleep 60",
        "exec 9>>lock-1; setsid sleep 60 & sleep 60",
        "exec 9>>lock-1; (setsid bash -c 'sleep 60' &); sleep 60; exit 0",
        "exec 9>>lock-1; trap 'exit 0' TERM; sleep 60 & wait",
    ],
)
def test_a_runtime_that_is_over_is_a_failed_job_that_says_so(
    wf: Workflow, command: str, tmp_path: Path
) -> None:
    push(wf, command, runtime="PT1S")
    summary = wf.run(workers=1)
    [failure] = summary.failures
    assert failure.return_code == 152
    assert failure.stderr.read_text().endswith("torc_frames: the job failed: its runtime of PT1S was over\n")
    job = wf.jobs().loc["1"]
    assert (job["status"], job["return_code"]) == ("failed", 152)
    assert 1 <= (job["end_time"] - job["start_time"]).total_seconds() < 20
    held.wait_until(lambda: held.holders(tmp_path) == [], "the end of all its processes")


def test_what_the_job_wrote_stays_before_the_reason(wf: Workflow) -> None:
    push(wf, "echo mine >&2; sleep 60", runtime="PT0.5S")
    [failure] = wf.run(workers=1).failures
    assert failure.stderr.read_text() == "mine\ntorc_frames: the job failed: its runtime of PT0.5S was over\n"


def test_jobs_within_their_runtime_are_left_alone_and_others_have_none(wf: Workflow) -> None:
    push(wf, "sleep 0.5", count=3, runtime=["PT30S", None, "PT1H"])
    assert wf.run(workers=3).completed == 3


def test_what_depends_on_a_job_out_of_time_is_canceled(wf: Workflow) -> None:
    first = push(wf, "sleep 60", runtime="PT0.2S")
    wf.add_job("second", command="true", depends_on=list(first.index))
    summary = wf.run(workers=2)
    assert (summary.failed, summary.canceled) == (1, 1)


def test_a_runtime_is_counted_from_the_job_s_own_start(wf: Workflow) -> None:
    push(wf, "sleep 0.7", count=4, runtime="PT10S")
    assert wf.run(workers=1).completed == 4


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT30M", 1800),
        ("P1DT2H", 93600),
        ("P2W", 1209600),
        ("PT1.5S", 1.5),
        ("PT1,25S", 1.25),
        ("P1Y2M3DT4H5M6S", 31_557_600 + 2 * 2_629_800 + 3 * 86400 + 4 * 3600 + 5 * 60 + 6),
        ("P1M", 2_629_800),
        ("PT0S", 0),
    ],
)
def test_a_runtime_is_as_long_as_torc_takes_it_to_be(text: str, seconds: float) -> None:
    assert needs_of(Resources(runtime=text)).runtime == pytest.approx(seconds)


# memory


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("command", [GROW, f"({GROW}) & wait", f'setsid --wait bash -c "{GROW}"'])
def test_a_job_that_uses_more_memory_than_it_says_has_failed_and_says_so(wf: Workflow, command: str) -> None:
    push(wf, command, memory="100m")
    [failure] = wf.run(workers=1).failures
    assert failure.return_code == 137
    # It may be looked at while it grows.
    told = re.search(
        r"the job failed: it used (\d+).*m of memory, and said 100m\n\Z", failure.stderr.read_text()
    )
    assert told is not None
    assert 100 <= int(told[1]) < 400


def test_a_job_within_its_memory_completes(wf: Workflow) -> None:
    push(wf, "sleep 1.5", memory="200m")
    assert wf.run(workers=1).completed == 1


FORK = """
import os, sys, time
held = bytearray(b"x") * (100 * 2**20)
for _ in range(4):
    if not os.fork():
        own = bytearray(b"y") * (int(sys.argv[1]) * 2**20)
        time.sleep(float(sys.argv[2]))
        os._exit(0)
for _ in range(4):
    os.wait()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc")
def test_what_processes_of_a_job_share_counts_once(wf: Workflow, tmp_path: Path) -> None:
    (tmp_path / "fork.py").write_text(FORK)
    push(wf, f"{sys.executable} fork.py 1 2.5", memory="200m")
    wf.push(tf.grid(n=[-1]), command=f"{sys.executable} fork.py 60 60", resources={"memory": "200m"})
    wf.run(workers=2)
    assert wf.jobs()["return_code"].tolist() == [0, 137]


def test_jobs_run_side_by_side_as_the_memory_allows(wf: Workflow) -> None:
    total = total_memory()
    assert total is not None
    push(wf, "sleep 0.3", count=4, memory=f"{total * 2 // 5}")
    assert wf.run(workers=4).completed == 4
    assert together(wf) == 2


def test_more_memory_than_there_is_is_refused_before_anything_runs(wf: Workflow, tmp_path: Path) -> None:
    wf.push(tf.grid(n=[1, 2]), command="touch ran", resources={"memory": ["1m", "900t"]})
    with pytest.raises(
        tf.RefusedError, match=r"job 2 \(job_2\) needs memory=900t, and this machine has [0-9.]+g"
    ):
        wf.run()
    assert not (tmp_path / "ran").exists()
    assert wf.jobs()["status"].tolist() == ["ready"] * 2


def test_where_nothing_tells_of_memory_a_job_that_says_some_is_refused(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    push(wf, "true", memory="1g")
    monkeypatch.setattr("torc_frames.workflow.run.procfs._PROC", tmp_path / "none")
    with pytest.raises(tf.RefusedError, match="needs memory=1g, and this system does not tell how much"):
        wf.run()


@given(st.integers(1, 2**63 - 1))
def test_memory_is_counted_in_torc_s_units(count: int) -> None:
    assert needs_of(Resources(memory=str(count))).memory == count
    for power, unit in enumerate("kmgt", start=1):
        if count < 2**23:
            assert needs_of(Resources(memory=f"{count}{unit}")).memory == count * 1024**power
            assert needs_of(Resources(memory=f"{count}{unit.upper()}")).memory == count * 1024**power
    assert bad_memory(str(count)) is None


# GPUs


GPUS = "echo $CUDA_VISIBLE_DEVICES >> gpus; sleep 0.3"


def test_each_job_is_told_gpus_of_its_own(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, GPU-abc,7")
    wf.push(tf.grid(n=range(3)), command=GPUS, resources={"num_gpus": [1, 2, 3]})
    assert wf.run(workers=4).completed == 3
    assert sorted((tmp_path / "gpus").read_text().split()) == ["4", "4,GPU-abc,7", "GPU-abc,7"]
    assert together(wf) == 2


def test_many_jobs_never_share_a_gpu(wf: Workflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    command = "exec 9>>gpu-$CUDA_VISIBLE_DEVICES; flock -n 9 || echo shared >> shared; sleep 0.1"
    push(wf, command, count=8, num_gpus=1)
    assert wf.run(workers=8).completed == 8
    assert together(wf) == 2
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize(("visible", "there"), [("", 0), ("0", 1), ("-1", 0), ("0,-1,1", 1), ("0,0", 1)])
def test_more_gpus_than_there_are_are_refused_before_anything_runs(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch, visible: str, there: int, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    push(wf, "touch ran", num_gpus=2)
    with pytest.raises(tf.RefusedError, match=rf"job 1 \(job_1\) needs num_gpus=2, and there are {there}"):
        wf.run()
    assert not (tmp_path / "ran").exists()


def test_gpus_are_those_of_the_environment_then_of_nvidia_smi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*GPU_VARIABLES, "SLURM_JOB_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-1)'\necho '  MIG 1g.5gb'\necho 'GPU 1: A'\n")
    program.chmod(0o755)
    assert gpu_devices() == ("0", "1")
    monkeypatch.setenv("SLURM_JOB_GPUS", "2,3,5")
    assert gpu_devices() == ("2", "3", "5")
    monkeypatch.delenv("SLURM_JOB_GPUS")
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert gpu_devices() == ()
    program.write_text("#!/nowhere\n")
    assert gpu_devices() == ()


# what can't be honoured


@pytest.mark.parametrize(
    "resources", [Resources(1, 0, "2 gigs"), Resources(1, 0, None, "soon"), Resources(1, 0, "0")]
)
def test_what_others_wrote_and_says_nothing_is_refused_by_job(wf: Workflow, resources: Resources) -> None:
    wf._store.add_jobs(wf.key, NewJobs(["odd"], ["true"], [None], resources=[resources]))
    with pytest.raises(tf.RefusedError, match=r"job 1 \(odd\) has (memory|runtime)='"):
        wf.run()
    assert wf.jobs()["status"].tolist() == ["ready"]


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        ({"runtime": "PT1H"}, "runtime"),
        ({"memory": "1g"}, "memory"),
        ({"num_gpus": 1}, "num_gpus"),
        ({"num_gpus": 1, "memory": "1g", "runtime": "PT1H"}, "num_gpus and memory and runtime"),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_a_map_over_an_embedded_store_refuses_what_no_executor_keeps(
    wf: Workflow, resources: dict[str, object], named: str, before: bool
) -> None:
    def func(n: int) -> dict[str, int]:
        return {"n": n}

    params = tf.grid(n=[1])
    if before:
        wf.push(params, resources=resources)
    count = len(wf.jobs())
    with (
        ThreadPoolExecutor(1) as threads,
        pytest.raises(tf.RefusedError, match=f"an executor holds no call to the {named} that its job says"),
    ):
        wf.map(func, params, threads, resources=None if before else resources)
    assert len(wf.jobs()) == count
    with ThreadPoolExecutor(1) as threads:
        other = tf.connect("study.db").create_workflow("cpus")
        assert other.map(func, params, threads, resources={"num_cpus": 1})["results.n"].tolist() == [1]


def test_times_of_a_job_out_of_time_are_in_order(wf: Workflow) -> None:
    push(wf, "sleep 60", runtime="PT0.1S")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", tf.FailedJobsWarning)
        wf.run(workers=1)
    job = wf.jobs().loc["1"]
    assert isinstance(job["start_time"], datetime)
    assert job["start_time"] < job["end_time"]
    assert bad_runtime("PT0.1S") is None
