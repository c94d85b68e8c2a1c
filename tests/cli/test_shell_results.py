"""Jobs in shell store their results as those in Python do, and quickly."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from servers import TorcServer, run_torc

import torc_frames as tf
from torc_frames import settings
from torc_frames.cli.results import is_result, parse_results
from torc_frames.cli.root import root
from torc_frames.errors import RefusedError
from torc_frames.workflow.workflow import Workflow

TORC_FRAMES = f"{sys.executable} -m torc_frames.cli"


pytestmark = pytest.mark.usefixtures("clean_folder")


@pytest.fixture
def wf() -> Workflow:
    return tf.connect("study.db").create_workflow("shell")


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["-u", "study.db", *arguments], prog_name="torc-frames")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["loss=0.31", "epochs=3"], {"loss": 0.31, "epochs": 3}),
        (["{loss: 0.31, epochs: 3}"], {"loss": 0.31, "epochs": 3}),
        ([" {a: 1}", "b=2"], {"a": 1, "b": 2}),
        (["model.depth=3", "model.kind=ridge"], {"model": {"depth": 3, "kind": "ridge"}}),
        (["{model: {depth: 3}}", "model.kind=ridge"], {"model": {"depth": 3, "kind": "ridge"}}),
        ([r"v1\.2=1"], {"v1.2": 1}),
        (["a=true", "b=null", "c=[1, 'x']", "d={e: .5}"],
         {"a": True, "b": None, "c": [1, "x"], "d": {"e": 0.5}}),
        (["a=-1", "b=+1", "c=1e-3", "d=0x10", 'e="3"'], {"a": -1, "b": 1, "c": 1e-3, "d": 16, "e": "3"}),
        (["a=007", "b=1_0", "c=1.2.3", "d=True"], {"a": "007", "b": "1_0", "c": "1.2.3", "d": "True"}),
        (["a=x y", "b=x=y", "c={open", "d=it's", "e=a\nb"],
         {"a": "x y", "b": "x=y", "c": "{open", "d": "it's", "e": "a\nb"}),
        (["a=", "b=''"], {"a": None, "b": ""}),
        (["a=1234567890123456789012"], {"a": 1234567890123456789012}),
    ],
)  # fmt: skip
def test_results_are_names_with_values_and_documents(texts: list[str], expected: dict[str, Any]) -> None:
    assert parse_results(texts) == expected
    assert all(map(is_result, texts))


def test_numbers_are_read_as_programs_print_them() -> None:
    found = parse_results(["a=nan", "b=-inf", "c=Infinity", "d={e: NaN}", "f=nancy"])
    assert math.isnan(found["a"])
    assert math.isnan(found["d"]["e"])
    assert (found["b"], found["c"], found["f"]) == (-math.inf, math.inf, "nancy")


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["a=1", "a=2"], "'a' is there twice"),
        (["{a: 1}", "a=2"], "'a' is there twice"),
        (["a.b=1", "{a: 2}"], "'a' is there twice"),
        (["{a: 1, a: 2}"], "twice in one object"),
        (["a=1", "a.b=2"], "'a.b' lies inside 'a'"),
        (["a.b=1", "a=2"], "'a' is there twice"),
        (["0.3"], "NAME=VALUE"),
        (["[1]"], "NAME=VALUE"),
        (["=3"], "NAME=VALUE"),
        (["{loss: }"], "not JSON5"),
        (["a\\=3"], "lone backslash"),
    ],
)
def test_what_makes_no_sense_is_refused(texts: list[str], told: str) -> None:
    with pytest.raises(RefusedError, match=told.replace(".", r"\.").replace("\\\\", "\\")):
        parse_results(texts)


def test_store_is_what_the_job_s_store_is(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1, 2]))
    done = torc_frames(
        "jobs", "store", "2", "loss=0.31", "bad=inf", "{missing: NaN, 'in': {a: 1, b: Infinity}}"
    )
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Warning: job 2 (job_2): not stored: bad (inf" in done.stderr
    assert "in.b (inf" in done.stderr
    row = wf.table().loc["2"]
    assert (row["results.loss"], row["results.in.a"]) == (0.31, 1)
    assert [line.partition(":")[0] for line in row["results.error.unstored"]] == ["bad", "in.b"]
    assert torc_frames("jobs", "store", "2", "bad=1").exit_code == 0
    assert wf.job(2).user_data("output")[0].data["error"]["unstored"] == [
        "in.b: inf is not JSON; use None, a string or a number"
    ]


def test_without_a_job_the_one_that_this_is_is_meant(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    wf.push(tf.grid(n=[1, 2]))
    done = torc_frames("jobs", "store", "loss=1")
    assert done.exit_code == 2
    assert "which job?" in done.stderr
    assert torc_frames("jobs", "store", "1").exit_code == 2
    monkeypatch.setenv(settings.API_URL, "study.db")
    monkeypatch.setenv(settings.JOB_ID, "2")
    assert torc_frames("jobs", "store", "loss=1").exit_code == 0
    other = tf.connect("other.db").create_workflow("other")
    other.push(tf.grid(n=[1]))
    done = CliRunner().invoke(root, ["-u", "other.db", "jobs", "store", "loss=1"])
    assert "which job?" in done.stderr
    assert wf.results()["loss"].to_dict() == {"2": 1}


def results_of(wf: Workflow) -> dict[str, Any]:
    table = wf.table()
    [row] = table.to_dict("records")
    return {name.removeprefix("results."): row[name] for name in table if name.startswith("results.")}


def test_calls_of_one_run_add_up_and_a_new_run_replaces_them(wf: Workflow) -> None:
    script = Path("run.sh")
    wf.push(tf.grid(n=[1]), command="bash run.sh")
    script.write_text(
        f"{TORC_FRAMES} jobs store $TORC_JOB_ID loss=0.5 first=1\n{TORC_FRAMES} jobs store loss=0.25\n"
    )
    assert wf.run().completed == 1
    assert results_of(wf) == {"loss": 0.25, "first": 1}
    script.write_text(f"{TORC_FRAMES} jobs store '{{loss: 0.125}}'\n")
    assert wf.run(rerun="all").completed == 1
    assert results_of(wf) == {"loss": 0.125}


@pytest.mark.parametrize(
    "command",
    ["jobs add-user-data --role output $TORC_JOB_ID", "user-data add --role output --job $TORC_JOB_ID"],
)
def test_records_of_a_run_stay_together_and_a_new_run_replaces_them(wf: Workflow, command: str) -> None:
    script = Path("run.sh")
    wf.push(tf.grid(n=[1]), command="bash run.sh")
    for number in (1, 2):
        script.write_text(
            f"{TORC_FRAMES} {command} '{{a: {number}}}' '{{b: {number}}}'\n"
            f"{TORC_FRAMES} {command} c=nan d={number}\n"
        )
        assert wf.run(rerun="all").completed == 1
        assert len(wf.user_data(role="output")) == 3
        found = results_of(wf)
        assert math.isnan(found.pop("c") or math.nan)
        assert found == dict.fromkeys("abd", number)


def test_records_to_add_are_documents_or_names_with_values(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    assert torc_frames("jobs", "add-user-data", "1", "{a: 1}", "b.c=2", "[3]", "b.d=x").exit_code == 0
    assert [record.data for record in wf.job(1).user_data()[1:]] == [{"a": 1}, {"b": {"c": 2, "d": "x"}}, [3]]
    done = torc_frames("user-data", "add", "a=1", "b=nan")
    assert (done.exit_code, "at b: nan is not JSON" in done.stderr) == (1, True)
    assert torc_frames("user-data", "add", "a=1", "b=2").exit_code == 0
    assert len(wf.user_data()) == 5


def test_from_outside_records_are_added_to(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]), command=f"{TORC_FRAMES} jobs add-user-data --role output $TORC_JOB_ID a=1")
    wf.run()
    assert torc_frames("jobs", "add-user-data", "--role", "output", "1", "{note: 'good'}").exit_code == 0
    assert wf.results().loc["1"].to_dict() == {"a": 1, "note": "good"}


def in_job(url: str, wf: Workflow, key: str, attempt: int, folder: Path) -> Mapping[str, str]:
    return {
        settings.API_URL: url,
        settings.WORKFLOW_ID: wf.key,
        settings.JOB_ID: key,
        settings.ATTEMPT_ID: str(attempt),
        settings.OUTPUT_DIR: str(folder),
    }


@pytest.mark.parametrize("server", ["torc_server", "first_service"])
def test_on_servers_files_of_the_run_tell_what_is_of_earlier_ones(
    server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(server).url
    wf = tf.connect(url).create_workflow("shell")
    wf.push(tf.grid(n=[1]))
    [key] = wf.jobs().index
    by_hand = wf.add_user_data(key, {"note": "by hand"}, role="output")
    for attempt in (1, 2):
        calls = [["add-user-data", "--role", "output", key, f"{name}={attempt}"] for name in "ab"]
        calls.append(["store", f"loss={attempt}", f"only.{attempt}=1"])
        for call in calls:
            done = CliRunner().invoke(root, ["jobs", *call], env=in_job(url, wf, key, attempt, tmp_path))
            assert done.exit_code == 0, done.stderr
        assert {name: value for name, value in results_of(wf).items() if not name.startswith("only")} == {
            "a": attempt, "b": attempt, "loss": attempt, "note": "by hand",
        }  # fmt: skip
        assert [name for name in results_of(wf) if name.startswith("only")] == [f"only.{attempt}"]
    assert wf.get_user_data(by_hand[0]).data == {"note": "by hand"}


def test_a_job_in_shell_that_torc_runs_twice_has_the_results_of_the_second_run(
    torc_server: TorcServer, tmp_path: Path
) -> None:
    wf = tf.connect(torc_server.url).create_workflow("shell")
    needs = {"num_cpus": 1, "memory": "200m", "runtime": "PT5M"}
    wf.push(tf.grid(n=[1]), command=f"bash {tmp_path}/run.sh", outputs=True, resources=needs)
    for number, code in ((1, 3), (2, 0)):
        Path("run.sh").write_text(
            f"{TORC_FRAMES} jobs add-user-data --role output $TORC_JOB_ID '{{epoch: {number}}}'\n"
            f"{TORC_FRAMES} jobs store loss={number} by_{number}=1\nexit {code}\n"
        )
        run_torc(
            torc_server, "run", wf.key, "--poll-interval", "1", "--output-dir", "output", directory=tmp_path
        )
        assert results_of(wf) == {"epoch": number, "loss": number, f"by_{number}": 1}
        if code:
            ask = ("workflows", "reset-status", wf.key, "--failed-only", "--reinitialize", "--no-prompts")
            run_torc(torc_server, *ask, directory=tmp_path)


CODE = """
import sys
from torc_frames.cli.root import main
for call in sys.argv[1].splitlines():
    sys.argv = ["torc-frames", *call.split()]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
heavy = {"pandas", "pyarrow", "numpy", "ipywidgets", "matplotlib", "scipy"} & set(sys.modules)
print(sorted(heavy), sum(name.startswith("torc_frames") for name in sys.modules), file=sys.stderr)
"""


CALLS = (
    "jobs store KEY loss=0.31",
    "jobs store KEY {loss:NaN,x:[1]}",
    "jobs add-user-data --role output KEY {loss:1}",
    "jobs add-user-data KEY {n:2}",
    "jobs get-user-data KEY",
)


@pytest.mark.parametrize("where", ["sqlite", "torc_server", "first_service"])
def test_what_jobs_in_shell_call_loads_no_pandas(where: str, request: pytest.FixtureRequest) -> None:
    # What none of several calls in one process loads, each by itself does not.
    url = "study.db" if where == "sqlite" else request.getfixturevalue(where).url
    wf = tf.connect(url).create_workflow("light")
    wf.push(tf.grid(n=[1]))
    [key] = wf.jobs().index
    calls = "\n".join(f"-u {url} -k {wf.key} {call.replace('KEY', key)}" for call in CALLS)
    done = subprocess.run([sys.executable, "-c", CODE, calls], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    heavy, count = done.stderr.splitlines()[-1].rsplit(" ", 1)
    assert heavy == "[]"
    assert int(count) <= 96
