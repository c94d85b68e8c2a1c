"""What torc runs and measures is in the frames: of its server, and of the file that it leaves."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from servers import TorcServer, run_torc

import torc_frames as tf
from torc_frames import plots

SPEC = """
name: study
project: solar
metadata: {team: grid}
execution_config: {mode: direct, limit_resources: false}
resource_monitor:
  sample_interval_seconds: 1
  flush_interval_seconds: 1
  jobs: {enabled: true, granularity: time_series}
  compute_node: {enabled: true, granularity: summary}
failure_handlers:
  - name: again
    rules:
      - exit_codes: [3]
        max_retries: 2
files:
  - {name: raw, path: FOLDER/raw.csv}
  - {name: out, path: FOLDER/out.csv}
  - {name: lonely, path: FOLDER/lonely.csv}
resource_requirements:
  - {name: small, num_cpus: 1, num_gpus: 0, num_nodes: 1, memory: 500m, runtime: PT1M}
  - {name: tight, num_cpus: 1, num_gpus: 0, num_nodes: 1, memory: 1m, runtime: PT1S}
jobs:
  - name: make
    command: |
      PYTHON -c 'import time; held = bytearray(80_000_000); time.sleep(3)'
      printf 'a\\n1\\n' > FOLDER/raw.csv
    output_files: [raw]
    resource_requirements: small
    priority: 5
  - name: use
    command: sleep 2; printf 'a\\n2\\n' > FOLDER/out.csv
    input_files: [raw]
    output_files: [out]
    resource_requirements: tight
  - name: flaky
    command: test "$TORC_ATTEMPT_ID" = 2 || exit 3
    failure_handler: again
  - name: bad
    command: exit 5
  - name: never
    command: 'true'
    depends_on: [bad]
"""

MEASURED = ["peak_memory_bytes", "avg_memory_bytes", "peak_cpu_percent", "avg_cpu_percent"]
OF_TORC = {*MEASURED, "resource_requirements", "num_nodes", "priority", "labels", "attempt_id"}


class Study:
    """A workflow that torc has run, of a server that still runs."""

    def __init__(self, server: TorcServer, folder: Path, spec: str) -> None:
        self.server, self.folder = server, folder
        (folder / "spec.yaml").write_text(spec)
        self.key = str(json.loads(self.torc("-f", "json", "create", "spec.yaml"))["workflow_id"])

    def torc(self, *arguments: str) -> str:
        return run_torc(self.server, *arguments, directory=self.folder)

    def run(self) -> None:
        self.torc("run", self.key, "--poll-interval", "1", "--output-dir", "output")

    def listed(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Return what the server itself says."""
        items: list[dict[str, Any]] = self.server.call(
            "GET", path, params={"workflow_id": self.key, **query}
        )["items"]
        return items


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorcServer]:
    with TorcServer.start(tmp_path_factory.mktemp("measuring")) as server:
        yield server


@pytest.fixture(scope="module")
def study(server: TorcServer, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    study = Study(server, folder, SPEC.replace("FOLDER", str(folder)).replace("PYTHON", sys.executable))
    study.run()
    return study


Open = Callable[[str], tf.Workflow]


@pytest.fixture(params=["server", "file"])
def opened(request: pytest.FixtureRequest, server: TorcServer) -> Iterator[Open]:
    with tf.connect(server.url if request.param == "server" else server.database) as client:
        yield client.workflow


@pytest.fixture
def wf(opened: Open, study: Study) -> tf.Workflow:
    return opened(study.key)


def test_jobs_and_table_show_what_torc_keeps_of_each_job(wf: tf.Workflow, study: Study) -> None:
    jobs = wf.jobs().set_index("job_name")
    assert jobs["resource_requirements"].tolist() == ["small", "tight", *["default"] * 3]
    assert jobs["priority"].tolist() == [5, 0, 0, 0, 0]
    assert jobs["num_nodes"].tolist() == [1] * 5
    assert jobs["attempt_id"].tolist() == [1, 1, 2, 1, 1]
    assert jobs["run_id"].tolist() == [1, 1, 1, 1, 0]
    assert jobs["return_code"].fillna(-1).tolist() == [0, 0, 0, 5, -1]
    assert jobs.loc["never", ["compute_node", *MEASURED]].isna().all()
    told = pd.DataFrame(study.listed("/results")).set_index("job_name")
    measured = jobs.loc[told.index, MEASURED]
    assert_frame_equal(measured, told[MEASURED].astype(measured.dtypes), check_names=False)
    assert jobs.loc["make", "peak_memory_bytes"] > 80_000_000
    assert jobs.loc[told.index, "compute_node"].tolist() == told["compute_node_id"].astype(str).tolist()
    table = wf.table(job_columns=True)
    assert_frame_equal(table[list(wf.jobs())], wf.jobs())


def test_that_takes_no_more_requests_than_the_jobs_themselves(study: Study, server: TorcServer) -> None:
    with tf.connect(server.url) as client:
        wf = client.workflow(study.key)
        # The workflow, its results, what jobs need, the jobs; and whether the last of each list is there yet.
        assert wf.jobs().attrs["torc"]["requests"] == 4 + 3
        assert wf.runs(usecols=["status"]).attrs["torc"]["requests"] == 2 + 1
        # Where they were: the calls that ran them, and compute nodes.
        assert wf.runs().attrs["torc"]["requests"] == 2 + 1 + 2
        for name in ("dependencies", "compute_nodes", "events", "slurm_stats"):
            assert getattr(wf, name)().attrs["torc"]["requests"] == 2
        assert wf.files().attrs["torc"]["requests"] == 3


def test_labels_are_lists(study: Study, server: TorcServer, opened: Open) -> None:
    body = {"name": "labeled", "user": "me"}
    key = str(server.call("POST", "/workflows", json=body)["id"])
    for name, labels in (("a", ["gpu", "big"]), ("b", None)):
        server.call(
            "POST", "/jobs", json={"workflow_id": int(key), "name": name, "command": "true", "labels": labels}
        )
    wf = opened(key)
    jobs = wf.jobs()
    assert jobs["labels"].tolist() == [["big", "gpu"], None]
    assert wf.refresh(jobs)[1:] == ([], [], [])


def test_empty_workflows_have_the_same_columns(study: Study, server: TorcServer, opened: Open) -> None:
    key = str(server.call("POST", "/workflows", json={"name": "empty", "user": "me"})["id"])
    full, empty = opened(study.key), opened(key)
    for name in ("jobs", "runs", "utilization", "dependencies", "files", "compute_nodes", "events"):
        here, there = getattr(full, name)(), getattr(empty, name)()
        assert not len(there)
        assert there.dtypes.to_dict() == here.dtypes.to_dict(), name
        assert there.index.name == here.index.name
    assert set(empty.jobs()) > OF_TORC


def test_runs_of_a_reset_workflow_are_all_there_and_jobs_shows_none_of_before(
    server: TorcServer, opened: Open, tmp_path: Path
) -> None:
    spec = "name: twice\njobs:\n- {name: a, command: exit $TORC_RUN_ID}\n- {name: b, command: 'true'}\n"
    twice = Study(server, tmp_path, spec)
    twice.run()
    wf = opened(twice.key)
    assert wf.jobs()[["run_id", "return_code"]].to_numpy().tolist() == [[1, 1], [1, 0]]
    twice.torc("workflows", "reset-status", twice.key, "--failed-only", "--reinitialize", "--no-prompts")
    reset = wf.jobs()
    assert reset["status"].tolist() == ["ready", "completed"]
    assert reset["run_id"].tolist() == [0, 1]
    assert reset.iloc[0][["return_code", "start_time", "end_time", *MEASURED]].isna().all()
    assert len(wf.runs()) == 2
    assert wf.job(reset.index[0]).run_id == 0
    twice.torc("workflows", "export", twice.key, "--include-results", "-o", "export.json")
    exported = tf.connect(tmp_path / "export.json").workflow(twice.key)
    assert_frame_equal(exported.jobs(), reset)
    assert_frame_equal(exported.runs(), wf.runs())
    twice.run()
    # torc counts a reset as well as what begins a run.
    last = int(wf.jobs()["run_id"].iloc[0])
    assert last > 1
    assert wf.jobs()[["run_id", "return_code"]].to_numpy().tolist() == [[last, last], [1, 0]]
    runs = wf.runs()
    assert runs["job_name"].tolist() in (["a", "b", "a"], ["b", "a", "a"])
    assert runs.loc[runs["job_name"] == "a", ["run_id", "attempt_id", "return_code"]].to_numpy().tolist() == [
        [1, 1, 1],
        [last, 1, last],
    ]
    assert runs["status"].value_counts().to_dict() == {"failed": 2, "completed": 1}
    assert runs["exec_time_minutes"].ge(0).all()


def test_a_reset_workflow_is_copied_with_its_runs_and_runs_on(server: TorcServer, tmp_path: Path) -> None:
    once = Study(server, tmp_path, "name: once\njobs:\n- {name: a, command: exit 1}\n")
    once.run()
    once.torc("workflows", "reset-status", once.key, "--no-prompts")
    here = tf.connect(tmp_path / "study.db")
    with tf.connect(server.url) as client:
        copy = client.copy(once.key, to=here).workflow
    assert copy.runs()["run_id"].tolist() == [1]
    copy.run()
    assert copy.runs()["run_id"].tolist() == [1, 2]


def test_an_earlier_attempt_is_not_shown_as_the_present_one(server: TorcServer, opened: Open) -> None:
    """As where `torc recover` has a job of a run tried again."""
    key = server.call("POST", "/workflows", json={"name": "tried", "user": "me"})["id"]
    job = server.call("POST", "/jobs", json={"workflow_id": key, "name": "a", "command": "true"})["id"]
    node = {"workflow_id": key, "hostname": "h", "pid": 1, "start_time": "2026-01-01T00:00:00Z"}
    node |= {"num_cpus": 1, "memory_gb": 1.0, "num_gpus": 0, "num_nodes": 1, "compute_node_type": "local"}
    node_id = server.call("POST", "/compute_nodes", json=node)["id"]
    result = {"workflow_id": key, "job_id": job, "run_id": 1, "attempt_id": 1, "compute_node_id": node_id}
    result |= {"return_code": 9, "exec_time_minutes": 1.0, "completion_time": "2026-01-01T00:01:00Z"}
    server.call("POST", "/results", json={**result, "status": "failed"})
    with closing(sqlite3.connect(server.database)) as database, database:
        database.execute("UPDATE job SET attempt_id = 2, status = 2 WHERE id = ?", (job,))
    (row,) = opened(str(key)).jobs().to_dict("records")
    assert (row["status"], row["run_id"], row["attempt_id"]) == ("ready", 1, 2)
    assert pd.isna(row["return_code"])
    assert opened(str(key)).runs()["attempt_id"].tolist() == [1]


def test_utilization_marks_what_is_over_and_under(wf: tf.Workflow) -> None:
    found = wf.utilization().set_index("job_name")
    assert found["memory_asked_bytes"].fillna(-1).tolist() == [500 * 2**20, 2**20, -1, -1, -1]
    assert found["runtime_asked_seconds"].fillna(-1).tolist() == [60, 1, -1, -1, -1]
    assert found["cpu_asked_percent"].tolist() == [100.0] * 5
    assert found.loc["make", ["memory_mark", "runtime_mark"]].tolist() == ["under", "under"]
    assert found.loc["use", ["memory_mark", "runtime_mark"]].tolist() == ["over", "over"]
    assert found.loc["use", "runtime_share"] > 2
    used = found.loc[["make", "use"], "memory_used_bytes"].astype("float64")
    assert found.loc[["make", "use"], "memory_share"].tolist() == (used / [500 * 2**20, 2**20]).tolist()
    assert found.loc["never"].filter(regex="_used_|_mark").isna().all()
    assert wf.utilization(under=0.0)["memory_mark"].tolist()[0] == "within"
    with pytest.raises(tf.RefusedError, match="share"):
        wf.utilization(under=2)


def test_figures_are_of_what_torc_measured(wf: tf.Workflow) -> None:
    times, use = plots.timeline(wf.runs()), plots.utilization(wf.utilization())
    names = [[label.get_text() for label in each.axes[0].get_yticklabels()] for each in (times, use)]
    assert [name.split(" (")[0] for name in names[0]] == [f"node {wf.compute_nodes().index[0]}"]
    assert names[1][-2:] == ["memory", "runtime"]
    assert "failed" in times.get_supxlabel()


def test_dependencies_and_files_say_which_jobs(wf: tf.Workflow) -> None:
    keys = {name: key for key, name in wf.jobs()["job_name"].items()}
    waits = wf.dependencies().to_numpy().tolist()
    assert waits == [[keys["use"], keys["make"]], [keys["never"], keys["bad"]]]
    files = wf.files().set_index("name")
    assert files["producer"].fillna("").tolist() == [keys["make"], keys["use"], ""]
    assert files["consumers"].tolist() == [[keys["use"]], [], []]
    assert files["modified"].isna().tolist() == [False, False, True]


def test_a_file_that_two_jobs_make_is_told(server: TorcServer, opened: Open) -> None:
    key = server.call("POST", "/workflows", json={"name": "two", "user": "me"})["id"]
    file = {"workflow_id": key, "name": "f", "path": "f.csv"}
    made = {"output_file_ids": [server.call("POST", "/files", json=file)["id"]], "command": "true"}
    jobs = [
        str(server.call("POST", "/jobs", json={"workflow_id": key, "name": name, **made})["id"])
        for name in "ab"
    ]
    with pytest.warns(tf.TorcFramesWarning, match=f"made by jobs {', '.join(jobs)}"):
        files = opened(str(key)).files()
    assert files["producer"].tolist() == jobs[:1]


def test_load_reads_files_by_their_names(wf: tf.Workflow, study: Study, tmp_path: Path) -> None:
    keys = {name: key for key, name in wf.jobs()["job_name"].items()}
    assert wf.load(file="raw").to_numpy().tolist() == [[keys["make"], 1]]
    with pytest.warns(tf.TorcFramesWarning, match=r"1 of 3 files left out: \S+lonely.csv is missing"):
        both = wf.load(file="*")
    assert both.to_numpy().tolist() == [[keys["make"], 1], [keys["use"], 2]]
    assert [file["path"] for file in both.attrs["torc"]["missing"]] == [str(study.folder / "lonely.csv")]
    written = wf.load(file="[ro]*", to=tmp_path / "out")
    assert written["rows"].tolist() == [1, 1]
    with pytest.raises(tf.RefusedError, match=r"no file of workflow .* 'raw', 'out', 'lonely'"):
        wf.load(file="nothing")
    with pytest.raises(tf.RefusedError, match="the name of pointers, or file="):
        wf.load("raw", file="raw")


def test_compute_nodes_and_events_are_those_of_the_server(wf: tf.Workflow, study: Study) -> None:
    nodes, (told,) = wf.compute_nodes(), study.listed("/compute_nodes")
    assert list(nodes.index) == [str(told["id"])]
    (row,) = nodes.to_dict("records")
    same = ["hostname", "pid", "num_cpus", "memory_gb", "duration_seconds", "sample_count", *MEASURED]
    assert [row[name] for name in same] == [told[name] for name in same]
    assert row["is_active"] is False
    assert row["start_time"] == pd.Timestamp(told["start_time"]).floor("us")
    events, listed = wf.events(), study.listed("/events")
    assert events["data"].tolist() == [event["data"] for event in listed]
    retried = events[events["type"] == "job_retried"].iloc[0]
    assert (retried["job_key"], retried["message"]) == ("3", "Job with name = flaky retried: attempt 1 -> 2")
    assert retried["timestamp"].timestamp() == pytest.approx(listed[-1]["timestamp"] / 1000)


def test_what_slurm_told_is_a_frame(server: TorcServer, study: Study, opened: Open) -> None:
    key = server.call("POST", "/workflows", json={"name": "slurm", "user": "me"})["id"]
    job = server.call("POST", "/jobs", json={"workflow_id": key, "name": "a", "command": "true"})["id"]
    stats = {"workflow_id": key, "job_id": job, "run_id": 1, "attempt_id": 1, "slurm_job_id": "17"}
    server.call("POST", "/slurm_stats", json={**stats, "max_rss_bytes": 5, "ave_cpu_seconds": 0.1})
    (row,) = opened(str(key)).slurm_stats().to_dict("records")
    assert (row["job_key"], row["slurm_job_id"], row["max_rss_bytes"]) == (str(job), "17", 5)
    assert row["ave_cpu_seconds"] == 0.1
    assert pd.isna(row["max_vm_size_bytes"])


def test_samples_are_read_of_the_monitors_files(wf: tf.Workflow, study: Study, tmp_path: Path) -> None:
    samples = wf.resource_samples(study.folder / "output")
    job = samples[samples["job_name"] == "make"]
    assert len(job) >= 2
    assert job["memory_bytes"].max() == wf.jobs().set_index("job_name").loc["make", "peak_memory_bytes"]
    assert job["timestamp"].is_monotonic_increasing
    assert set(samples["run_id"]) == {1}
    assert wf.resource_samples(tmp_path).dtypes.to_dict() == samples.dtypes.to_dict()
    with pytest.raises(tf.RefusedError, match="no folder"):
        wf.resource_samples(tmp_path / "nothing")
    (tmp_path / "resource_utilization").mkdir()
    broken = tmp_path / "resource_utilization" / f"resource_metrics_wf{wf.key}_hx_r1.db"
    broken.write_text("none")
    with pytest.raises(tf.StoreFileError, match=r"_r1\.db"):
        wf.resource_samples(tmp_path)


def test_workflows_show_project_metadata_and_counts(server: TorcServer, study: Study) -> None:
    server.call("POST", f"/workflows/{study.key}/archive", json={"is_archived": True})
    try:
        frames = [tf.connect(url).workflows() for url in (server.url, server.database)]
    finally:
        server.call("POST", f"/workflows/{study.key}/archive", json={"is_archived": False})
    assert_frame_equal(*frames)
    row = frames[0].loc[study.key]
    assert (row["project"], row["metadata"], row["archived"], row["run_id"]) == (
        *("solar", {"team": "grid"}),
        *(True, 1),
    )
    assert row[["jobs", "completed", "failed", "canceled", "ready"]].tolist() == [5, 3, 1, 1, 0]
