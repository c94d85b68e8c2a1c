"""Frames of what a store has beside jobs and records, on each kind, and where there is none of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
import stores
from services import Service
from stores import on_each_store, on_sqlite

import torc_frames as tf
from torc_frames.store.base import Store

wf = stores.study

NAMES = ("runs", "utilization", "dependencies", "files", "compute_nodes", "events", "slurm_stats")


@on_each_store
def test_a_new_workflow_has_no_rows_but_all_columns(wf: tf.Workflow, tmp_path: Path) -> None:
    for name in (*NAMES, "jobs"):
        frame = getattr(wf, name)()
        assert len(frame) == 0
        assert len(frame.columns) > 1
        assert frame.attrs["torc"]["workflow_key"] == wf.key
        some = list(frame)[1:]
        assert list(getattr(wf, name)(usecols=some)) == some
    assert len(wf.resource_samples(tmp_path)) == 0


@on_each_store
def test_dependencies_are_told_by_the_waiting_job(wf: tf.Workflow) -> None:
    first, second = wf.add_job("first"), wf.add_job("second")
    last = wf.add_job("last", depends_on=None)
    both = wf.push(pd.DataFrame({"n": [1]}), depends_on=[first.key, second.key])
    assert last.key not in set(wf.dependencies()["job_key"])
    assert wf.dependencies().to_numpy().tolist() == [
        [both.index[0], first.key],
        [both.index[0], second.key],
    ]


@on_each_store
def test_utilization_knows_what_was_asked_for(wf: tf.Workflow) -> None:
    resources = {"num_cpus": 2, "memory": "2g", "runtime": "PT30M"}
    wf.push(pd.DataFrame({"n": [1]}), resources=resources)
    wf.add_job("nothing said")
    found = wf.utilization()
    assert found["cpu_asked_percent"].tolist() == [200.0, 100.0]
    assert found["memory_asked_bytes"].fillna(0).tolist() == [2 * 2**30, 0]
    assert found["runtime_asked_seconds"].fillna(0).tolist() == [1800.0, 0.0]
    assert found.filter(regex="_used_|_share|_mark").isna().all(axis=None)


@on_sqlite
def test_runs_of_an_embedded_store_are_told_with_the_names_of_jobs(wf: tf.Workflow) -> None:
    wf.push(tf.grid(n=[0, 3]), command="exit {n}", name="exit {n}")
    wf.run(workers=1)
    wf.run(rerun="failed")
    runs = wf.runs()
    assert runs["job_name"].tolist() == ["exit 0", "exit 3", "exit 3"]
    assert runs[["run_id", "return_code"]].to_numpy().tolist() == [[1, 0], [1, 3], [2, 3]]
    assert runs["status"].tolist() == ["completed", "failed", "failed"]
    jobs = wf.jobs()
    assert jobs["run_id"].tolist() == [1, 2]
    assert jobs["end_time"].tolist() == runs["end_time"].tolist()[::2]
    marks = wf.utilization()["runtime_mark"]
    assert marks.isna().all()  # nobody asked for any


@on_sqlite
def test_a_run_that_began_shows_nothing_of_the_one_before(wf: tf.Workflow, store: Any) -> None:
    (key,) = wf.push(tf.grid(n=[3]), command="exit {n}").index
    wf.run()
    assert wf.jobs()["return_code"].tolist() == [3]
    store.reset_jobs(wf.key, [key])
    store.start_jobs(wf.key, [key], "somebody")
    (row,) = wf.jobs().to_dict("records")
    assert (row["status"], row["run_id"]) == ("running", 2)
    assert pd.isna([row["return_code"], row["start_time"], row["exec_time_minutes"]]).all()
    assert wf.runs()["run_id"].tolist() == [1]


@on_sqlite
def test_other_stores_have_no_columns_that_only_torc_fills(wf: tf.Workflow) -> None:
    wf.add_job("a")
    for frame in (wf.jobs(), wf.table(job_columns=True), wf.runs()):
        assert not {"priority", "attempt_id", "peak_memory_bytes", "compute_node"} & set(frame)


@on_sqlite
def test_under_is_a_share(wf: tf.Workflow) -> None:
    with pytest.raises(tf.RefusedError, match=r"under=1\.5: give a share"):
        wf.utilization(under=1.5)


@on_each_store
def test_a_workflow_is_made_with_project_and_metadata(store: Store, store_kind: Any) -> None:
    client = tf.Client(store)
    metadata = {"team": "grid", "deep": {"n": [1, None, 2.5]}}
    if store_kind.roles_are_of_records:
        with pytest.raises(tf.RefusedError, match="no projects"):
            client.create_workflow("w", project="solar")
        assert len(client.workflows()) == 0
    project = None if store_kind.roles_are_of_records else "solar"
    wf = client.create_workflow("w", project=project, metadata=metadata)
    wf.push(tf.grid(n=[1, 2]))
    row = client.workflows().loc[wf.key]
    assert row["metadata"] == metadata
    assert row["project"] == project if project else pd.isna(row["project"])
    assert not row["archived"]
    assert row["jobs"] == 2
    assert row[store_kind.new_jobs_are[0]] == 2
    assert row["completed"] == 0
    assert "jobs" not in client.workflows(counts=False)


@on_each_store
def test_counts_are_those_of_each_workflow(store: Store, store_kind: Any) -> None:
    client = tf.Client(store)
    for rows in (0, 3, 1):
        client.create_workflow("w").push(pd.DataFrame({"n": range(rows)}))
    frame = client.workflows()
    assert frame["jobs"].tolist() == [0, 3, 1]
    assert frame[store_kind.new_jobs_are[0]].tolist() == [0, 3, 1]
    assert frame.iloc[:0].dtypes.to_dict() == frame.dtypes.to_dict()


@on_sqlite
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project": ""}, "a project is a text"),
        ({"project": 3}, "a project is a text"),
        ({"metadata": [1]}, "metadata is a dict"),
        ({"metadata": {"torc_frames": {}}}, "without the key 'torc_frames'"),
        ({"metadata": {"x": object()}}, "JSON can not hold"),
    ],
)
def test_what_is_no_project_or_metadata_is_refused(
    store: Store, options: dict[str, Any], message: str
) -> None:
    client = tf.Client(store)
    with pytest.raises(tf.RefusedError, match=message):
        client.create_workflow("w", **options)
    assert len(client.workflows()) == 0


def test_files_and_events_of_a_service_are_shown_by_url_and_by_path(service: Service) -> None:
    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{service.url}/workflows{path}", json=body, timeout=60)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    # The service is shared: other tests of the same worker leave workflows.
    key = post("", {"name": "with-files", "user": "me"})["_key"]
    raw = post(f"/{key}/files", {"name": "raw", "path": "/data/raw.csv"})
    post(f"/{key}/events", {"category": "job", "type": "start", "message": "go"})
    jobs = [{"name": "make", "command": "true", "output_files": [raw["_id"]]}]
    jobs += [{"name": "use", "command": "true", "input_files": [raw["_id"]]}]
    post(f"/{key}/bulk_jobs", {"jobs": jobs})
    by_path = tf.connect(service.database)
    ours = next(key for key, name in by_path.workflows()["name"].items() if name == "with-files")
    for wf in (tf.connect(service.url).workflow(key), by_path.workflow(ours)):
        files = wf.files()
        assert files[["name", "path"]].to_numpy().tolist() == [["raw", "/data/raw.csv"]]
        (event,) = wf.events().to_dict("records")
        assert (event["category"], event["type"], event["message"]) == ("job", "start", "go")
        assert abs(event["timestamp"] - pd.Timestamp.now("UTC")) < pd.Timedelta("5min")
    made, used = by_path.workflow(ours).jobs().index
    (file,) = by_path.workflow(ours).files().to_dict("records")
    assert (file["producer"], file["consumers"]) == (made, [used])


def test_an_event_may_tell_its_time_as_it_likes(first_service: Service) -> None:
    wf = tf.connect(first_service.url).create_workflow("w")
    for told in ({"timestamp": "yesterday", "type": "late"}, {"timestamp": 1000}, {}):
        first_service.call("POST", f"/events/{wf.key}", told)
    events = wf.events()
    assert events["data"].tolist() == [{"timestamp": "yesterday", "type": "late"}, {}, {}]
    assert events["type"].tolist()[:1] == ["late"]
    assert events["timestamp"].dropna().tolist() == [pd.Timestamp(1, unit="s", tz="UTC")]


@on_sqlite
def test_load_by_file_needs_one_that_is_known(wf: tf.Workflow) -> None:
    with pytest.raises(tf.RefusedError, match="no file of workflow 1 is named 'raw'; there are: none"):
        wf.load(file="raw")
    with pytest.raises(tf.RefusedError, match="the name of pointers"):
        wf.load()
