"""Jobs for real: workflows of ours and of others, run by `torc run` on the real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from places import DATA
from servers import TorcServer, run_torc, wipe

import torc_frames as tf
from torc_frames.widgets import ParameterEditor, ResultsExplorer

RESOURCES = {"num_cpus": 1, "memory": "200m", "runtime": "PT5M"}

SQUARE = """
import os, sys
import torc_frames as tf

job = tf.current_job()
n = job.parameters["n"]
if n == 3:
    sys.exit(3)
if n % 2:
    job.store(odd=True)
job.store(square=n * n, by=job.name, run=int(os.environ["TORC_RUN_ID"]))
"""

COLLECT = """
import sys
import torc_frames as tf

job, squares = tf.current_job(), tf.connect().workflow(sys.argv[1]).results()
job.store(saw=int(squares.loc[sys.argv[2], "square"]))
"""


@dataclass
class Runs:
    """A folder of scripts whose jobs run on a server."""

    server: TorcServer
    folder: Path

    def script(self, name: str, text: str) -> str:
        """Write a script, and return the command that runs it."""
        (self.folder / name).write_text(text)
        return f"{sys.executable} {self.folder / name}"

    def torc(self, *arguments: str) -> str:
        return run_torc(self.server, *arguments, directory=self.folder)

    def create(self, spec: str) -> tf.Workflow:
        """Make a workflow of a YAML text, as people do who use torc alone."""
        (self.folder / "spec.yaml").write_text(spec)
        made = json.loads(self.torc("-f", "json", "create", "spec.yaml"))
        return tf.connect(self.server.url).workflow(made["workflow_id"])

    def run(self, wf: tf.Workflow) -> None:
        self.torc("run", wf.key, "--poll-interval", "1", "--output-dir", "output")

    def reinitialize(self, wf: tf.Workflow) -> None:
        """Reset the jobs whose inputs changed."""
        task = json.loads(self.torc("-f", "json", "workflows", "reinit", wf.key, "--async"))
        self.torc("tasks", "wait", "--poll-fallback-interval", "1", str(task["task_id"]))

    def reset_failed(self, wf: tf.Workflow) -> None:
        self.torc("workflows", "reset-status", wf.key, "--failed-only", "--reinitialize", "--no-prompts")

    def push_squares(
        self, numbers: Sequence[int], wf: tf.Workflow | None = None
    ) -> tuple[tf.Workflow, pd.DataFrame]:
        """Push a row a number to a new workflow, or one that exists."""
        wf = wf or tf.connect(self.server.url).create_workflow("squares")
        pushed = wf.push(
            tf.grid(n=numbers),
            command=self.script("square.py", SQUARE),
            name="square-{n}",
            outputs=True,
            resources=RESOURCES,
        )
        return wf, pushed


@pytest.fixture
def runs(torc_server: TorcServer, tmp_path: Path) -> Runs:
    return Runs(torc_server, tmp_path)


@pytest.fixture(params=["torc_server", "auth_server", "tls_server"])
def runs_anywhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """The same on every kind of server, with the password and certificate that the environment names."""
    server = request.getfixturevalue(request.param)
    for name, value in server.settings().items():
        monkeypatch.setenv(name, value)
    return Runs(server, tmp_path)


def test_a_sweep_that_torc_ran_is_one_table_with_the_failed_job_in_it(runs_anywhere: Runs) -> None:
    runs = runs_anywhere
    before = pd.Timestamp.now("UTC")
    wf, pushed = runs.push_squares([1, 2, 3, 4])
    runs.run(wf)
    table = wf.table(job_columns=True)
    assert list(table.index) == list(pushed.index)
    assert table["job_name"].tolist() == ["square-1", "square-2", "square-3", "square-4"]
    assert table["status"].tolist() == ["completed", "completed", "failed", "completed"]
    assert table["return_code"].tolist() == [0, 0, 3, 0]
    assert table["params.n"].tolist() == [1, 2, 3, 4]
    assert table["results.square"].astype("Int64").tolist() == [1, 4, pd.NA, 16]
    assert table["results.by"].dropna().tolist() == ["square-1", "square-2", "square-4"]
    assert table["results.odd"].isna().tolist() == [False, True, True, True]
    assert table["start_time"].between(before, table["end_time"]).all()
    assert table["end_time"].le(pd.Timestamp.now("UTC")).all()
    pd.testing.assert_frame_equal(wf.parameters(), pushed)


def test_jobs_wait_for_those_they_depend_on_and_are_canceled_with_them(runs: Runs) -> None:
    wf, squares = runs.push_squares([2, 3])
    collect = wf.push(
        pd.DataFrame({"of": list(squares.index)}),
        command=runs.script("collect.py", COLLECT) + f" {wf.key} {{of}}",
        name="collect-{of}",
        resources=RESOURCES,
        depends_on=[[key] for key in squares.index],
    )
    last = wf.push(pd.DataFrame({"last": [1]}), command="true", depends_on=list(collect.index))
    runs.run(wf)
    table = wf.table(job_columns=True)
    assert table["status"].tolist() == ["completed", "failed", "completed", "canceled", "canceled"]
    assert table.loc[collect.index[0], "results.saw"] == 4
    assert table.loc[collect.index[0], "start_time"] >= table.loc[squares.index[0], "end_time"]
    canceled = table.loc[[collect.index[1], last.index[0]]]
    assert canceled[["return_code", "start_time", "end_time", "results.saw"]].isna().all(axis=None)


def test_a_changed_row_runs_again_and_no_other(runs: Runs) -> None:
    wf, _ = runs.push_squares([1, 2, 4])
    runs.run(wf)
    before = wf.jobs()
    edited = wf.parameters()
    changed = edited.index[0]
    edited.loc[changed, "n"] = 10
    with pytest.warns(tf.TorcFramesWarning, match=f"torc workflows reinit {wf.key}"):
        wf.push(edited)
    runs.reinitialize(wf)
    assert wf.jobs()["status"].tolist() == ["ready", "completed", "completed"]
    runs.run(wf)
    after = wf.table(job_columns=["end_time"])
    assert after["status"].tolist() == ["completed"] * 3
    assert after["results.square"].tolist() == [100, 4, 16]
    assert after["results.run"].tolist() == [2, 1, 1]
    assert after.index[after["end_time"] > before["end_time"]].tolist() == [changed]
    # What the first run of the job stored, and the second did not, is gone.
    assert "results.odd" not in after or after["results.odd"].isna().all()


def test_jobs_that_ran_are_deleted_with_their_results(runs: Runs) -> None:
    wf, pushed = runs.push_squares([1, 2, 3])
    runs.run(wf)
    before = wf.jobs()
    wf.delete_jobs(pushed.index[0], pushed.index[2])
    after = wf.table()
    assert list(after.index) == [pushed.index[1]]
    assert after["results.square"].tolist() == [4]
    assert len(wf.user_data()) == 2
    with wf._store.snapshot(wf.key) as snapshot:
        assert [key for page in snapshot.results() for key in page.job_keys] == [pushed.index[1]]
    with pytest.warns(tf.TorcFramesWarning, match="2 new jobs"):
        wf, again = runs.push_squares([1, 2, 3], wf)
    assert wf.parameters()["n"].tolist() == [2, 1, 3]
    assert again.attrs["torc"]["added"] == 2
    runs.reinitialize(wf)
    runs.run(wf)
    table = wf.jobs()
    assert table["status"].tolist() == ["completed", "completed", "failed"]
    assert table["end_time"].iloc[0] == before["end_time"].iloc[1]


def test_rows_added_after_a_run_are_run_and_no_others(runs: Runs) -> None:
    wf, _ = runs.push_squares([1, 2])
    runs.run(wf)
    before = wf.jobs()["end_time"]
    with pytest.warns(tf.TorcFramesWarning, match="1 new job after"):
        wf, pushed = runs.push_squares([1, 2, 5], wf)
    runs.reinitialize(wf)
    runs.run(wf)
    table = wf.table()
    assert list(table.index) == list(pushed.index)
    assert table["results.square"].tolist() == [1, 4, 25]
    assert table["results.run"].tolist() == [1, 1, 2]
    pd.testing.assert_series_equal(wf.jobs()["end_time"].iloc[:2], before)


def test_a_job_that_failed_runs_again_with_its_input_mended(runs: Runs) -> None:
    wf, pushed = runs.push_squares([3, 4])
    wf.push(pd.DataFrame({"last": [1]}), command="true", depends_on=list(pushed.index))
    runs.run(wf)
    edited = wf.parameters()
    edited.loc[pushed.index[0], "n"] = 30
    with pytest.warns(tf.TorcFramesWarning, match=f"torc workflows reinit {wf.key}"):
        wf.push(edited)
    runs.reset_failed(wf)
    runs.run(wf)
    table = wf.table()
    assert table["status"].tolist() == ["completed"] * 3
    assert wf.jobs()["return_code"].tolist() == [0, 0, 0]
    assert table["results.square"].tolist()[:2] == [900, 16]


PART = """
import sys
import torc_frames as tf

job = tf.current_job()
job.store(**{sys.argv[1]: job.parameters["n"]})
"""


def test_processes_of_one_job_add_up_in_every_run(runs: Runs) -> None:
    part = runs.script("part.py", PART)
    wf = tf.connect(runs.server.url).create_workflow("parts")
    wf.push(tf.grid(n=[1]), command=f"{part} first && {part} second", outputs=True)
    runs.run(wf)
    assert wf.results().to_dict("records") == [{"first": 1, "second": 1}]
    edited = wf.parameters()
    edited["n"] = 2
    with pytest.warns(tf.TorcFramesWarning, match=f"torc workflows reinit {wf.key}"):
        wf.push(edited)
    runs.reinitialize(wf)
    runs.run(wf)
    assert wf.results().to_dict("records") == [{"first": 2, "second": 2}]


RETRIED = """
name: retried
jobs:
  - name: flaky
    command: {command}
    failure_handler: again
failure_handlers:
  - name: again
    rules:
      - exit_codes: [3]
        max_retries: 2
"""

FLAKY = """
import os, sys
import torc_frames as tf

attempt = int(os.environ["TORC_ATTEMPT_ID"])
tf.current_job().store(**{f"attempt_{attempt}": True})
sys.exit(3 if attempt == 1 else 0)
"""


def test_an_attempt_replaces_what_the_failed_one_before_it_stored(runs: Runs) -> None:
    wf = runs.create(RETRIED.format(command=runs.script("flaky.py", FLAKY)))
    runs.run(wf)
    table = wf.table()
    assert table["status"].tolist() == ["completed"]
    assert table["results.attempt_2"].tolist() == [True]
    assert "results.attempt_1" not in table


# torc's own Python client

SIMULATION = """
def run(job_name, input_params):
    if input_params["n"] == 3:
        raise ValueError("three")
    return {"square": input_params["n"] ** 2, "path": f"/data/{job_name}"}

def postprocess(results):
    return {"total": sum(result["square"] for result in results)}
"""

MAP = """
import os, sys
from torc import make_api, map_function_to_jobs
from torc.openapi_client import WorkflowModel

api = make_api(os.environ["TORC_API_URL"])
workflow = api.create_workflow(WorkflowModel(user="somebody", name="mapped"))
params = [{"n": int(n), "model": {"name": "cubic"}} for n in sys.argv[2:]]
map_function_to_jobs(
    api, workflow.id, "simulation", "run", params,
    module_directory=os.path.dirname(os.path.abspath(__file__)), postprocess_func=sys.argv[1] or None,
)
print(workflow.id)
"""

needs_torc_client = pytest.mark.skipif(sys.version_info >= (3, 14), reason="torc-client is for older Python")


def map_squares(runs: Runs, numbers: Sequence[int], postprocess: str = "") -> tf.Workflow:
    (runs.folder / "simulation.py").write_text(SIMULATION)
    (runs.folder / "map.py").write_text(MAP)
    made = subprocess.run(
        [sys.executable, "map.py", postprocess, *map(str, numbers)],
        cwd=runs.folder,
        env=os.environ | runs.server.settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return tf.connect(runs.server.url).workflow(made.stdout.strip())


@needs_torc_client
def test_functions_mapped_by_torc_client_are_a_table_before_and_after_they_ran(runs: Runs) -> None:
    wf = map_squares(runs, [1, 2, 3])
    parameters = wf.parameters()
    assert sorted(parameters) == [
        "data.job_name",
        "func",
        "module",
        "module_directory",
        "params.model.name",
        "params.n",
    ]
    assert parameters["params.n"].tolist() == [1, 2, 3]
    assert parameters["data.job_name"].tolist() == ["1", "2", "3"]
    assert wf.results().shape == (3, 0)
    runs.run(wf)
    table = wf.table()
    assert table["status"].tolist() == ["completed", "completed", "failed"]
    assert wf.jobs()["return_code"].tolist() == [0, 0, 1]
    assert table["params.params.n"].tolist() == [1, 2, 3]
    assert table["results.square"].astype("Int64").tolist() == [1, 4, pd.NA]
    assert table["results.path"].dropna().tolist() == ["/data/1", "/data/2"]
    pd.testing.assert_frame_equal(wf.parameters(), parameters)


@needs_torc_client
def test_a_postprocess_of_torc_client_has_all_results_as_its_inputs(runs: Runs) -> None:
    wf = map_squares(runs, [1, 2], postprocess="postprocess")
    runs.run(wf)
    jobs = wf.jobs()
    last = jobs.index[-1]
    assert jobs["status"].tolist() == ["completed"] * 3
    assert wf.results()["total"].astype("Int64").tolist() == [pd.NA, pd.NA, 5]
    assert wf.parameters()["func"].tolist() == ["run", "run", "postprocess"]
    upstream = wf.parameters(upstream=True, job=last)
    assert upstream[["output_1.square", "output_2.square"]].values.tolist() == [[1, 4]]
    links = wf.links()
    assert (links["job_key"] == last).sum() == 4
    shared = links[links["record_key"].duplicated(keep=False)]
    assert shared["role"].value_counts().to_dict() == {"input": 2, "output": 2}


# torc's workflow specifications

CONFIG = {"learning_rate": 0.001, "batch_size": 32, "epochs": 10}

PIPELINE = """
name: config_pipeline
jobs:
  - name: generate_config
    command: {generate}
    output_user_data: [ml_config]
  - name: train_model
    command: {train}
    input_user_data: [ml_config]
    output_user_data: [model]
  - name: evaluate_model
    command: {train}
    input_user_data: [ml_config]
    output_user_data: [score]
user_data:
  - name: ml_config
    data: null
  - name: model
    data: null
  - name: score
    data: {{}}
"""

NUMBER = """
name: number
jobs: []
user_data:
  - name: limit
    data: 7
  - name: other
    data: {a: 1}
"""

GENERATE = f"""
import torc_frames as tf

tf.current_job().store(**{CONFIG!r})
"""

TRAIN = """
import torc_frames as tf

job = tf.current_job()
job.store(steps=job.parameters["batch_size"] * job.parameters["epochs"])
"""


def test_the_tutorial_of_torcs_manual_is_pulled_though_its_record_is_null(runs: Runs) -> None:
    wf = runs.create((DATA / "torc-user-data-tutorial.yaml").read_text())
    records = wf.user_data()
    assert records["record_name"].tolist() == ["ml_config"]
    assert records["role"].isna().all()
    assert wf.table()["job_name"].tolist() == ["generate_config", "train_model", "evaluate_model"]
    assert wf.parameters().empty
    assert wf.results().empty
    # As its first job does.
    runs.torc("user-data", "update", records["record_key"].item(), "--data", json.dumps(CONFIG))
    assert wf.user_data()[list(CONFIG)].to_dict("records") == [CONFIG]


def test_records_of_a_specification_are_pulled_as_null_and_filled_by_jobs(runs: Runs) -> None:
    generate, train = runs.script("generate.py", GENERATE), runs.script("train.py", TRAIN)
    wf = runs.create(PIPELINE.format(generate=generate, train=train))
    first, *others = wf.jobs().index
    assert wf.user_data()["record_name"].tolist() == ["ml_config", "model", "score"]
    assert wf.parameters().empty
    assert wf.parameters(upstream=True).shape == (2, 0)
    assert list(wf.results().index) == [first, *others]
    runs.run(wf)
    table = wf.table()
    assert table["status"].tolist() == ["completed"] * 3
    consumed = wf.parameters(upstream=True, usecols=list(CONFIG))
    assert consumed.to_dict("index") == dict.fromkeys(others, CONFIG)
    assert wf.results().loc[first, list(CONFIG)].to_dict() == CONFIG
    assert table.loc[others, "results.steps"].tolist() == [320, 320]
    assert len(wf.user_data()) == 3


def test_a_bare_number_of_a_specification_is_an_error_that_names_it(runs: Runs) -> None:
    wf = runs.create(NUMBER)
    with pytest.raises(tf.UnreadableRecordError, match="drops the connection"):
        wf.user_data()
    with pytest.warns(tf.TorcFramesWarning, match="drops the connection"):
        readable = wf.user_data(on_error="warn")
    assert readable["a"].astype("Int64").tolist() == [pd.NA, 1]


def test_a_record_that_the_server_can_not_read_stays_when_its_job_is_deleted(runs: Runs) -> None:
    wipe(runs.server)  # of two such records nobody can tell which workflow's they are
    job = "jobs: [{name: reader, command: 'true', input_user_data: [limit, other]}]"
    wf = runs.create(NUMBER.replace("jobs: []", job))
    wf.delete_jobs(*wf.jobs().index)
    assert len(wf.jobs()) == 0
    with pytest.warns(tf.TorcFramesWarning, match="drops the connection"):
        assert len(wf.user_data(on_error="warn")) == 1


def test_torc_reads_a_pushed_workflow(runs: Runs) -> None:
    wf, pushed = runs.push_squares([1, 2])
    listed = json.loads(runs.torc("-f", "json", "user-data", "list", wf.key))["items"]
    assert sorted(str(record["data"]) for record in listed) == ["{'n': 1}", "{'n': 2}", "{}", "{}"]
    jobs = json.loads(runs.torc("-f", "json", "jobs", "list", wf.key))["items"]
    assert [str(job["id"]) for job in jobs] == list(pushed.index)
    assert [job["name"] for job in jobs] == ["square-1", "square-2"]


# one job that consumes the results of several

MAKE = """
import sys
import torc_frames as tf

job = tf.current_job()
wf = tf.connect().workflow(job.workflow_key)
consumed = [record.data["loss"] for record in job.user_data("input") if "loss" in record.data]
for at, record in enumerate(job.user_data("output")):
    wf.update_user_data(record.key, {"loss": sum(consumed) + at + job.parameters.get("start", 0)})
"""

DIAMOND = """
name: diamond
jobs:
  - name: preprocess
    command: {make}
    input_user_data: [start]
    output_user_data: [data1, data2]
  - name: work1
    command: {make}
    input_user_data: [options, data1]
    output_user_data: [data3]
  - name: work2
    command: {make}
    input_user_data: [options, data2]
    output_user_data: [data4]
  - name: postprocess
    command: {make}
    {consumes}
    output_user_data: [total]
user_data:
  - {{name: start, data: {{start: 10}}}}
  - {{name: options, data: {{how: fast}}}}
  - {{name: data1, data: null}}
  - {{name: data2, data: null}}
  - {{name: data3, data: null}}
  - {{name: data4, data: null}}
  - {{name: total, data: null}}
"""


def told_by_torc_client(runs: Runs, wf: tf.Workflow) -> dict[str, dict[str, list[Any]]]:
    """Return by job and role the data of its records, as torc's own client reads them."""
    from torc import make_api

    api = make_api(runs.server.settings()["TORC_API_URL"])
    told = {}
    for key in wf.jobs().index:
        job = api.get_job(int(key))
        ids = {"input": job.input_user_data_ids, "output": job.output_user_data_ids}
        told[job.name] = {role: [api.get_user_data(at).data for at in of or []] for role, of in ids.items()}
    return told


@needs_torc_client
@pytest.mark.parametrize(
    "consumes",
    ["input_user_data: [data3, data4]", 'input_user_data_regexes: ["^data[34]$"]'],
    ids=["named", "by-regex"],
)
def test_a_diamond_of_user_data_is_pulled_edited_and_run_again(runs: Runs, consumes: str) -> None:
    wf = runs.create(DIAMOND.format(make=runs.script("make.py", MAKE), consumes=consumes))
    keys = wf.jobs().reset_index().set_index("job_name")["job_key"].to_dict()
    assert list(wf.parameters().index) == [keys[name] for name in ("preprocess", "work1", "work2")]
    runs.run(wf)
    parameters, table = wf.parameters(), wf.table()
    assert table["status"].tolist() == ["completed"] * 4
    assert parameters["how"].tolist()[1:] == ["fast", "fast"]
    assert wf.results(job=keys["preprocess"])[["data1.loss", "data2.loss"]].values.tolist() == [[10, 11]]
    losses = wf.results()["loss"]
    assert losses.dropna().tolist() == [10, 11, 21]
    upstream = wf.parameters(upstream=True, job=keys["postprocess"])
    assert upstream[["data3.loss", "data4.loss"]].values.tolist() == [[10, 11]]
    records = wf.user_data().set_index("record_name")
    assert records["job_name"].dropna().to_dict() == {
        "start": "preprocess",
        "data1": "preprocess",
        "data2": "preprocess",
        "data3": "work1",
        "data4": "work2",
        "total": "postprocess",
    }
    assert wf.plan(parameters).cells.empty
    parameters.loc[keys["preprocess"], "start"] = 20
    with pytest.warns(tf.TorcFramesWarning, match="torc runs 1 job that changed"):
        wf.push(parameters)
    told = told_by_torc_client(runs, wf)
    assert told["preprocess"]["input"] == [{"start": 20}]
    runs.reinitialize(wf)
    runs.run(wf)
    told = told_by_torc_client(runs, wf)
    assert told["postprocess"]["output"] == [{"loss": 41}]
    assert sorted(record["loss"] for record in told["postprocess"]["input"]) == [20, 21]
    assert wf.results(job=keys["postprocess"])["loss"].tolist() == [41]
    for role, frame in (("input", wf.parameters(upstream=True)), ("output", wf.results())):
        having = [keys[name] for name, records in told.items() if records[role]]
        assert list(frame.index) == having
    assert ParameterEditor(wf).session.pulled.equals(wf.parameters())
    assert len(ResultsExplorer(wf).exploration.frame) == 4


@needs_torc_client
def test_what_torc_client_mapped_is_edited_and_goes_back_as_what_it_was(runs: Runs) -> None:
    wf = map_squares(runs, [1, 2], postprocess="postprocess")
    parameters = wf.parameters()
    assert wf.plan(parameters).cells.empty
    assert ParameterEditor(wf).session.pulled.equals(parameters)
    parameters.loc[parameters.index[0], "params.n"] = 5
    wf.push(parameters)
    told = told_by_torc_client(runs, wf)
    assert told["1"]["input"][0]["params"]["n"] == 5
    assert told["1"]["input"][0]["job_name"] == "1"
    runs.run(wf)
    assert wf.results()["total"].dropna().tolist() == [29]
    assert len(ResultsExplorer(wf).exploration.frame) == 3


def test_a_database_of_torc_alone_has_the_same(runs: Runs) -> None:
    wf = runs.create(
        DIAMOND.format(make=runs.script("make.py", MAKE), consumes="input_user_data: [data3, data4]")
    )
    runs.run(wf)
    of_file = tf.connect(runs.server.database).workflow(wf.key)
    for pull in ("user_data", "parameters", "results", "table", "links"):
        pd.testing.assert_frame_equal(getattr(of_file, pull)(), getattr(wf, pull)())
    upstream = of_file.parameters(upstream=True)
    pd.testing.assert_frame_equal(upstream, wf.parameters(upstream=True))
