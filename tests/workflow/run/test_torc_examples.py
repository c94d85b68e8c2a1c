"""The example specifications of torc's own crate: made, run and pulled on the real server.

Programs that jobs call, and that are not there, or take long, are replaced by ones that do nothing. Paths
from the root of the machine become ones below the test's folder, in which all files of the workflow lie.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from servers import TorcServer, find_binary, find_examples, need_examples, run_torc

import torc_frames as tf

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="torc-client is for older Python"),
]

SUFFIXES = (".yaml", ".json", ".json5", ".kdl")
FOLDERS = ("yaml", "json", "kdl", "subgraphs")
SPECS = sorted(
    str(path.relative_to(found))
    for found in [find_examples()]
    if found
    for folder in FOLDERS
    for path in (found / folder).iterdir()
    if path.suffix in SUFFIXES
)

NOT_RUN = {
    "yaml/multi_stage_barrier_pattern.yaml": "2,104 jobs take minutes",
    "yaml/slurm_staged_pipeline.yaml": "wants to be inside of a Slurm allocation",
    "yaml/labeled_jobs.yaml": "waits for a runner with labels",
}
"""Those in YAML that are made and pulled only, as the others are, which are the same in other words."""

LEAST_RUN, LEAST_MADE = 30, 75

PROGRAMS = ("python", "python3", "sleep", "wget", "curl", "tar", "aws", "srun", "dd", "conda", "mpirun")
NOTHING = "#!/bin/sh\nexit 0\n"
SCRIPT = '#!/bin/bash\ncase "$1" in -*|"") exit 0;; *) exec "$@";; esac\n'
FROM_ROOT = re.compile(r"(?<![\w:/.}$*)\-])/(?!dev/null|bin/|usr/|\s)(?=[\w])")

RECORDS = ("user_data", "parameters", "results", "table", "jobs", "links")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name in PROGRAMS:
        (folder / name).write_text(NOTHING)
        (folder / name).chmod(0o755)
    return folder


class Example:
    """A specification, made on a server."""

    def __init__(self, name: str, server: TorcServer, folder: Path, programs: Path) -> None:
        self.server, self.folder = server, folder
        torc = find_binary("torc")
        assert torc is not None
        self.environment = {"PATH": f"{programs}:{torc.parent}:/usr/bin:/bin"}
        source = need_examples()
        self.text = FROM_ROOT.sub("root/", (source / name).read_text())
        spec = folder / Path(name).name
        spec.write_text(self.text)
        tables = folder / "examples" / "parameter_tables"
        tables.mkdir(parents=True)
        for path in (source / "parameter_tables").iterdir():
            (tables / path.name).write_text(path.read_text())
        for script in {*re.findall(r"[\w./]+\.sh\b", self.text)}:
            self._file(script, SCRIPT)
        made = json.loads(self.torc("-f", "json", "create", spec.name))
        self.key = str(made["workflow_id"])
        self.wf = tf.connect(server.url).workflow(self.key)

    def torc(self, *arguments: str) -> str:
        return run_torc(
            self.server, *arguments, directory=self.folder, environment=self.environment, seconds=60
        )

    def run(self) -> None:
        """Run all jobs, whatever they say that they need, with the files of the workflow in their places."""
        for file in self.server.call("GET", f"/files?workflow_id={self.key}")["items"]:
            self._file(file["path"], "")
        self.torc("run", self.key, "--max-parallel-jobs", "16", "--poll-interval", "1")

    def _file(self, name: str, text: str) -> None:
        path = (self.folder / name).resolve()
        assert path.is_relative_to(self.folder.resolve()), name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text)


@pytest.fixture
def example(
    request: pytest.FixtureRequest, torc_server: TorcServer, tmp_path: Path, programs: Path
) -> Iterator[Example]:
    made = Example(request.param, torc_server, tmp_path, programs)
    yield made
    tf.connect(torc_server.url).delete_workflow(made.key)


def listed(call: Any, example: Example, **options: Any) -> list[Any]:
    answer = call(int(example.key), limit=10_000, sort_by="id", **options)
    assert not answer.has_more
    return list(answer.items)


def compare_with_torcs_client(example: Example) -> dict[str, pd.DataFrame]:
    """Pull everything without any option, and compare it with what torc's own client reads."""
    from torc import make_api

    api, wf = make_api(example.server.url), example.wf
    pulled = {what: getattr(wf, what)() for what in RECORDS}
    jobs = listed(api.list_jobs, example, include_relationships=True)
    frame = pulled["jobs"]
    assert frame.index.tolist() == pulled["table"].index.tolist() == [str(job.id) for job in jobs]
    assert frame["job_name"].tolist() == [job.name for job in jobs]
    assert frame["command"].tolist() == [job.command for job in jobs]
    assert frame["status"].tolist() == [job.status.value for job in jobs]
    ends = {str(result.job_id): result.return_code for result in listed(api.list_results, example)}
    assert frame["return_code"].dropna().to_dict() == ends
    records = listed(api.list_user_data, example)
    rows = pulled["user_data"]
    assert rows["record_key"].tolist() == [str(record.id) for record in records]
    assert rows["record_name"].tolist() == [record.name for record in records]
    for record in records:
        assert wf.get_user_data(str(record.id)).data == record.data
    data = {record.id: record.data or {} for record in records}
    for role, what in (("input", "parameters"), ("output", "results")):
        linked = {str(job.id): getattr(job, f"{role}_user_data_ids") or [] for job in jobs}
        links = pulled["links"].query("role == @role")
        assert {*zip(links["job_key"], links["record_key"], strict=True)} == {
            (job, str(record)) for job, ids in linked.items() for record in ids
        }
        if any(linked.values()):
            # What jobs consume of others is told apart from their parameters where records are shared.
            own = pulled[what]
            for job in own.index:
                held = {key for record in linked[job] for key in data[record]}
                there = own.loc[job].dropna()
                assert {name.split(".")[0] for name in there.index} <= held, (job, what)
    return pulled


@pytest.mark.parametrize("example", SPECS or ["yaml/sample_workflow.yaml"], indirect=True)
def test_a_specification_of_torc_is_pulled_as_torcs_client_reads_it(example: Example) -> None:
    compare_with_torcs_client(example)


RUN = [name for name in SPECS if name.startswith("yaml/") and name not in NOT_RUN]


@pytest.mark.parametrize("example", RUN or ["yaml/sample_workflow.yaml"], indirect=True)
def test_a_specification_that_torc_ran_is_pulled_as_torcs_client_reads_it(example: Example) -> None:
    example.run()
    pulled = compare_with_torcs_client(example)
    assert pulled["jobs"]["status"].isin(["completed", "failed", "canceled"]).all()
    assert (pulled["jobs"]["status"] == "completed").any()
    for template, command, rows in sweeps(yaml.safe_load(example.text), example.folder):
        compare_with_the_sweep(example.wf, template, command, rows)


def test_there_are_as_many_as_torc_has() -> None:
    need_examples()
    assert len(RUN) >= LEAST_RUN
    assert len(SPECS) >= LEAST_MADE
    assert NOT_RUN.keys() < {*SPECS}


# sweeps, as torc expands them


def values_of(given: Any) -> list[Any]:
    """Return the values of a parameter: a list, or whole numbers from one to another."""
    if isinstance(given, list):
        return given
    first, last, *step = map(int, given.split(":"))
    return list(range(first, last + 1, *step))


def typed(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def rows_of(job: Mapping[str, Any], spec: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return the combinations of values for which a job of a specification stands."""
    table = job.get("parameters_file") or (job.get("use_parameters_file") and spec["parameters_file"])
    if table:
        text = (folder / table).read_text()
        if table.endswith(".json"):
            return list(json.loads(text))
        return [
            {name: typed(cell) for name, cell in row.items()} for row in csv.DictReader(text.splitlines())
        ]
    axes = dict(job.get("parameters") or {})
    axes |= {name: spec["parameters"][name] for name in job.get("use_parameters") or () if name not in axes}
    lists = [values_of(axis) for axis in axes.values()]
    combined = zip(*lists, strict=True) if job.get("parameter_mode") == "zip" else itertools.product(*lists)
    return [dict(zip(axes, row, strict=True)) for row in combined] if axes else []


def sweeps(spec: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    for job in spec["jobs"]:
        if rows := rows_of(job, spec, folder):
            yield job["name"], job["command"], rows


def compare_with_the_sweep(wf: tf.Workflow, template: str, command: str, rows: list[dict[str, Any]]) -> None:
    """Read the parameters by the very templates of the specification, and compare them with what it says."""
    jobs = wf.jobs()
    expected = {template.format(**row): row for row in rows}
    mine = jobs[jobs["job_name"].isin(expected)]
    assert len(mine) == len(rows)
    patterns = [{"pattern": template}]
    if any(f"{{{name}" in command for name in rows[0]):
        patterns += [{"command_pattern": command}, {"pattern": template, "command_pattern": command}]
    for pattern in patterns:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*are (not|of one) of the pattern", tf.TorcFramesWarning)
            found = wf.parameters(**pattern).loc[mine.index]
        said = [name for name in rows[0] if f"{{{name}" in "".join(pattern.values())]
        assert said
        for name in said:
            wanted = [expected[job][name] for job in mine["job_name"]]
            assert found[name].tolist() == wanted, (pattern, name)
