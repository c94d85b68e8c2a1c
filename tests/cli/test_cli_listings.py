"""``torc-frames pull --what`` of what a store has beside records, and what workflows list shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import torc_frames as tf
from torc_frames.cli.root import root

pytestmark = pytest.mark.usefixtures("clean_folder")


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames")


def printed(*arguments: str) -> Any:
    return json.loads(torc_frames(*arguments, "--format", "json").stdout)


@pytest.fixture
def wf() -> tf.Workflow:
    wf = tf.connect("torc_frames.db").create_workflow("ridge", project="solar", metadata={"team": "grid"})
    first = wf.add_job("first", command="exit 2")
    wf.add_job("second", command="true", depends_on=first.key)
    wf.run(workers=1)
    return wf


@pytest.mark.parametrize(
    "what",
    [
        *("runs", "utilization", "dependencies", "files"),
        *("compute_nodes", "events", "slurm_stats", "resource_samples"),
    ],
)
def test_pull_prints_each_frame(wf: tf.Workflow, what: str) -> None:
    frame = getattr(wf, what)()
    assert torc_frames("pull", "--what", what, "-o", "t.parquet").exit_code == 0
    written = pd.read_parquet("t.parquet")
    assert list(written) == list(frame)
    assert len(printed("pull", "--what", what)) == len(frame)


def test_runs_and_dependencies_are_those_of_the_workflow(wf: tf.Workflow) -> None:
    (run,) = printed("pull", "--what", "runs")
    assert (run["job_name"], run["run_id"], run["status"], run["return_code"]) == ("first", 1, "failed", 2)
    assert printed("pull", "--what", "dependencies") == [{"job_key": "2", "depends_on": "1"}]
    assert torc_frames("pull", "--what", "runs", "-o", "r.csv").stderr.endswith("1 run to r.csv\n")


def test_the_folder_of_samples_is_an_option_of_samples_only(wf: tf.Workflow, tmp_path: Path) -> None:
    done = torc_frames("pull", "--what", "runs", "--output-dir", str(tmp_path))
    assert "--output-dir goes with --what resource_samples" in done.stderr
    assert printed("pull", "--what", "resource_samples", "--output-dir", str(tmp_path)) == []
    missing = torc_frames("pull", "--what", "resource_samples", "--output-dir", "nothing")
    assert "no folder nothing" in missing.stderr


def test_workflows_are_made_and_listed_with_project_and_metadata(wf: tf.Workflow) -> None:
    made = torc_frames("workflows", "create", "w", "--project", "wind", "--metadata", "{team: 'b', n: [1]}")
    assert made.stdout == "2\n"
    first, second = printed("workflows", "list")
    assert (first["project"], first["metadata"], first["archived"]) == ("solar", {"team": "grid"}, False)
    assert (first["jobs"], first["failed"], first["canceled"]) == (2, 1, 1)
    assert (second["project"], second["metadata"]) == ("wind", {"team": "b", "n": [1]})
    assert "running" not in first  # no job of any workflow is
    refused = torc_frames("workflows", "create", "w", "--metadata", "[1]")
    assert refused.exit_code == 1
    assert "metadata is a dict" in refused.stderr
