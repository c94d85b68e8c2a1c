"""A study as a person does it in its first week, with real processes and files."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest
from servers import wait_until

import torc_frames as tf

PATIENCE_S = 120

FIT = """
import sys, time
from pathlib import Path
import pandas as pd
import torc_frames as tf

job = tf.current_job()
alpha, seed = job.parameters["alpha"], job.parameters.get("seed", 0)
end = time.monotonic() + 60
while seed and not Path("go").exists() and time.monotonic() < end:
    time.sleep(0.02)
loss = (alpha - 1) ** 2 + seed / 100
for epoch in range(3):
    job.log(epoch=epoch, loss=loss + 1 / (epoch + 1))
curve = pd.DataFrame({"x": [0.0, alpha], "y": [loss, 0.0]})
job.store(loss=loss, curve=tf.Pointer.save(curve, "curves"))
"""

KERNEL = """
import time
import torc_frames as tf

wf = tf.connect("study.db").workflow(name="ridge")
run = wf.start(workers=2)
print(run.status().state, flush=True)
time.sleep(600)
"""


def test_a_study_is_begun_mended_extended_run_detached_found_compared_and_moved(
    clean_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Monday: all jobs fail, and the run itself says why.
    wf = tf.connect("study.db").workflow(name="ridge", create=True)
    wf.push(tf.grid(alpha=[0.5, 1.0, 2.0]), command=f"{sys.executable} fit.py", name="alpha={alpha}")
    with pytest.warns(tf.FailedJobsWarning, match=r"fit\.py"):
        summary = wf.run(workers=2)
    assert (summary.completed, summary.failed) == (0, 3)
    logs = wf.logs(failed=True)
    assert logs["job_name"].tolist() == ["alpha=0.5", "alpha=1.0", "alpha=2.0"]
    assert logs["stderr"].str.contains("fit.py").all()
    assert logs["return_code"].tolist() == [2, 2, 2]

    # Tuesday: it is mended, in a session of its own. The same cell opens the same study.
    Path("fit.py").write_text(FIT)
    wf = tf.connect("study.db").workflow(name="ridge", create=True)
    assert wf.run(workers=2, rerun="failed").completed == 3
    first = wf.table()
    assert first["results.loss"].tolist() == [0.25, 0.0, 1.0]
    assert wf.runs()["status"].tolist() == ["failed"] * 3 + ["completed"] * 3

    # Wednesday: a column more is no job more; more seeds are more jobs, by the command that is remembered.
    wf.push(tf.grid(alpha=[0.5, 1.0, 2.0], kind=["ridge"]), on="alpha")
    assert wf.jobs().index.tolist() == first.index.tolist()
    assert wf.parameters()["kind"].tolist() == ["ridge"] * 3
    assert wf.jobs()["stale"].tolist() == [True] * 3
    assert wf.run(workers=2, rerun="changed").completed == 3
    seeds = tf.grid(alpha=[0.5, 1.0, 2.0], seed=[1, 2], kind=["ridge"])
    with pytest.raises(tf.RefusedError, match="by the name that the workflow remembers"):
        wf.push(seeds)
    wf.push(seeds, name="alpha={alpha} seed={seed}")
    jobs = wf.jobs()
    assert jobs["command"].nunique() == 1
    assert jobs["job_name"].tolist()[3:5] == ["alpha=0.5 seed=1", "alpha=0.5 seed=2"]
    assert jobs["status"].value_counts().to_dict() == {"ready": 6, "completed": 3}

    # Thursday: the laptop is closed on a run. It goes on, and is found by another session.
    kernel = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KERNEL)], stdout=subprocess.PIPE, text=True
    )
    assert kernel.stdout is not None
    assert kernel.stdout.readline() in ("running\n", "starting\n")
    wait_until(lambda: (wf.jobs()["status"] == "running").sum() == 2, "jobs that run", PATIENCE_S)
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    kernel.stdout.close()
    wf = tf.connect("study.db").workflow(name="ridge")
    (run,) = wf.running()
    with pytest.warns(tf.TorcFramesWarning, match="2 jobs of workflow 1 are left to other runners"):
        here = wf.run(workers=2, where="status == 'running' and alpha < 4")
    assert (here.completed, here.running_elsewhere) == (0, 2)
    Path("go").touch()
    ended = [job.key for job in run.as_completed(PATIENCE_S)]
    assert sorted(ended) == ["4", "5", "6", "7", "8", "9"]
    assert run.wait(PATIENCE_S).completed == 6
    assert wf.running() == []
    assert len(wf.runs()) == 3 * 3 + 6
    assert wf.runs()["git_commit"].isna().all()
    assert wf.runs()["torc_frames_version"].notna().all()

    # Friday: a second study beside the first one.
    client = tf.connect("study.db")
    other = client.workflow(name="lasso", create=True)
    other.push(tf.grid(alpha=[0.5, 2.0, 4.0], kind=["lasso"]), command=f"{sys.executable} fit.py")
    assert other.run(workers=2).completed == 3
    assert client.workflows()["jobs"].tolist() == [9, 3]
    both = client.table(["ridge", "lasso"])
    assert int(both["results.loss"].notna().sum()) == 12
    report = client.copy(wf, name="seedless")
    report.workflow.delete_jobs(*(report.jobs.loc[key, "new_job_key"] for key in ended))
    compared = client.compare("seedless", "lasso", on="alpha")
    assert len(compared.results) == 2
    assert (len(compared.only_a), len(compared.only_b)) == (1, 1)
    curves = wf.curves("loss")
    assert curves.groupby("job_key").size().tolist() == [3] * 9
    before = wf.load("curve")

    # The folder is moved to where it stays.
    best = wf.table(where="loss < 0.1")
    assert best["results.loss"].tolist() == [0.0, 0.01, 0.02]
    client.close()
    archive = tmp_path_factory.mktemp("archive") / "study"
    wf._store.close()
    other._store.close()
    monkeypatch.chdir(archive.parent)
    clean_folder.rename(archive)
    moved = tf.connect(archive / "study.db").workflow(name="ridge")
    pd.testing.assert_frame_equal(moved.load("curve"), before)
    assert moved.logs(["1"])["return_code"].tolist() == [0]
    assert moved.job("4").stdout == ""
