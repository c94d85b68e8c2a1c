"""What ``torc workflows export`` writes is read as the server's workflow is."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from filled import add_job, add_records, check_chosen, fill
from servers import TorcServer, run_torc

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.errors import (
    NotFoundError,
    RefusedError,
    StoreFileError,
    TorcFramesWarning,
    UnavailableError,
)

READABLE = {"output_b": {"texts": ["\n", "\u2028", '"'], "tiny": 5e-324, "big": -(2**63), "none": None}}
"""In place of the one record that no list of a server can show, and so no export."""

KINDS = (
    *("jobs", "user_data", "parameters", "results", "table", "links", "runs", "dependencies", "files"),
    *("compute_nodes", "events", "slurm_stats", "utilization"),
)


def export(server: TorcServer, key: str, path: Path, *options: str) -> Path:
    run_torc(server, "workflows", "export", key, "-o", str(path), *options, directory=path.parent)
    return path


@pytest.fixture(scope="module")
def made(torc_server: TorcServer) -> str:
    key = fill(torc_server, READABLE)
    torc_server.call(
        "POST", "/files", json={"workflow_id": int(key), "name": "f", "path": "f.csv", "st_mtime": 1.5}
    )
    job = {
        "workflow_id": int(key),
        "name": "set",
        "command": "true",
        "priority": 3,
        "labels": ["x"],
        "env": {"A": "1"},
    }
    torc_server.call("POST", "/jobs", json=job)
    return key


@pytest.fixture(scope="module")
def exported(torc_server: TorcServer, made: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(torc_server, made, tmp_path_factory.mktemp("export") / "workflow.json", "--include-results")


@pytest.fixture
def client(exported: Path) -> Iterator[tf.Client]:
    with tf.connect(exported) as client:
        yield client


@pytest.fixture
def there(torc_server: TorcServer) -> Iterator[tf.Client]:
    with tf.connect(torc_server.url) as there:
        yield there


class TestReading:
    """The frames of an export and of the server that it is from."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_frames_are_those_of_the_server(
        self, client: tf.Client, there: tf.Client, made: str, kind: str
    ) -> None:
        pd.testing.assert_frame_equal(
            getattr(client.workflow(made), kind)(), getattr(there.workflow(made), kind)()
        )

    def test_rows_that_a_text_chooses(
        self, client: tf.Client, made: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check_chosen(client.workflow(made), monkeypatch)

    @pytest.mark.parametrize("reset", [False, True])
    def test_of_jobs_that_torc_ran(
        self, there: tf.Client, torc_server: TorcServer, tmp_path: Path, reset: bool
    ) -> None:
        key = there.create_workflow("ran").key
        for name, command in {"good": "true", "bad": "exit 3"}.items():
            body = {"workflow_id": int(key), "name": name, "command": command}
            torc_server.call("POST", "/jobs", json=body)
        run_torc(torc_server, "run", key, "--poll-interval", "1", directory=tmp_path)
        if reset:
            run_torc(torc_server, "workflows", "reset-status", key, "--no-prompts", directory=tmp_path)
        path = export(torc_server, key, tmp_path / "w.json", "--include-results", "--include-events")
        with tf.connect(path) as client:
            for kind in KINDS:
                ours, theirs = (getattr(one.workflow(key), kind)() for one in (client, there))
                pd.testing.assert_frame_equal(ours, theirs)
            assert set(client.workflow(key).runs()["return_code"]) == {0, 3}

    def test_the_only_workflow_is_the_one_that_was_exported(
        self, client: tf.Client, there: tf.Client, made: str
    ) -> None:
        pd.testing.assert_frame_equal(client.workflows(), there.workflows().loc[[made]])
        with pytest.raises(NotFoundError, match=r"workflow\.json"):
            client.workflow(int(made) + 1)

    def test_one_record_and_one_job(self, client: tf.Client, there: tf.Client, made: str) -> None:
        for key in there.workflow(made).user_data()["record_key"]:
            ours, theirs = (one._store.get_user_data(made, key) for one in (client, there))
            assert ours == theirs
        for key in there.workflow(made).jobs().index:
            assert client._store.get_job(key) == there._store.get_job(key)

    def test_what_else_is_set(self, client: tf.Client, there: tf.Client, made: str) -> None:
        with client._store.snapshot(made) as ours, there._store.snapshot(made) as theirs:
            assert ours.settings() == theirs.settings()

    def test_it_is_copied_as_the_server_copies_it(
        self, client: tf.Client, there: tf.Client, made: str, tmp_path: Path
    ) -> None:
        reports = [
            one.copy(made, to=tf.connect(tmp_path / f"{at}.db")) for at, one in enumerate((client, there))
        ]
        assert reports[0].left_out == reports[1].left_out
        pd.testing.assert_frame_equal(reports[0].workflow.table(), reports[1].workflow.table())
        back = client.copy(made, to=there)
        pd.testing.assert_frame_equal(
            back.workflow.parameters().reset_index(drop=True),
            there.workflow(made).parameters().reset_index(drop=True),
        )

    def test_of_a_map_of_torc_frames_dtypes_come_back(
        self, there: tf.Client, torc_server: TorcServer, tmp_path: Path
    ) -> None:
        table = pd.DataFrame({"when": pd.date_range("2026", periods=3), "x.y": [0.1, 1e300, 2.0]})
        wf = there.create_workflow("ours")
        wf.push(table, outputs=True)
        with tf.connect(export(torc_server, wf.key, tmp_path / "w.json", "--include-results")) as client:
            found = client.workflow(wf.key).parameters()
        pd.testing.assert_frame_equal(found.reset_index(drop=True), table)

    def test_a_file_that_was_written_anew_is_read_anew(
        self, there: tf.Client, torc_server: TorcServer, tmp_path: Path
    ) -> None:
        wf = there.create_workflow("grows")
        path = tmp_path / "w.json"
        with tf.connect(export(torc_server, wf.key, path, "--include-results")) as client:
            assert client.workflow(wf.key).jobs().empty
            add_job(
                torc_server,
                int(wf.key),
                "a",
                [],
                list(add_records(torc_server, int(wf.key), {"r": {"x": 1}}).values()),
            )
            export(torc_server, wf.key, path, "--include-results")
            assert client.workflow(wf.key).results()["x"].tolist() == [1]

    def test_it_goes_to_other_processes_by_its_path(
        self, client: tf.Client, exported: Path, made: str
    ) -> None:
        assert client._store.url == str(exported)
        again = pickle.loads(pickle.dumps(client._store))
        assert again.get_workflow(made) == client._store.get_workflow(made)

    def test_nothing_is_left_beside_it(self, client: tf.Client, exported: Path, made: str) -> None:
        client.workflow(made).table()
        assert list(exported.parent.iterdir()) == [exported]


class TestWriting:
    """Nothing writes to an export, and what is asked to says what can be done."""

    def test_it_is_refused(self, client: tf.Client, made: str, tmp_path: Path) -> None:
        wf = client.workflow(made)
        for write in (
            lambda: wf.push(pd.DataFrame({"a": [1]})),
            lambda: client.create_workflow("new"),
            lambda: wf.run(show_progress=False),
            lambda: wf.delete_jobs(*wf.jobs().index),
        ):
            with pytest.raises(RefusedError, match=r"torc-frames copy -u .*workflow\.json --to study.db"):
                write()
        with pytest.raises(RefusedError, match="as any other file"):
            client.backup(tmp_path / "copy.db")


class TestFilesThatAreNoExport:
    """A clear error, and nothing is made."""

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match="No such file"):
            tf.connect(tmp_path / "workflow.json")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no JSON"),
            ("{", "no JSON"),
            ("[1, 2]", "no export of torc: Expected `object`"),
            ('{"a": 1}', "no export of torc: Object missing required field `export_version`"),
            ('{"export_version": "1.0", "workflow": 1, "jobs": [], "user_data": [], '
             '"resource_requirements": []}',
             "no export of torc: Expected `object`, got `int`"),
        ],
    )  # fmt: skip
    def test_other_json(self, tmp_path: Path, text: str, says: str) -> None:
        path = tmp_path / "workflow.json"
        path.write_text(text)
        with pytest.raises(StoreFileError, match=says) as error:
            tf.connect(path)
        assert "torc workflows export ID --include-results" in str(error.value)
        assert path.read_text() == text

    @pytest.mark.parametrize(
        ("where", "value", "says"),
        [
            (("jobs", 0, "id"), "one", "a row of job has no id"),
            (("jobs", 0, "workflow_id"), 99, "a row of job is of another workflow"),
            (("jobs", 1, "id"), None, "a row of job has no id"),
            (("jobs", 0, "input_user_data_ids"), ["x"], r"Expected `int`, got `str` - at `\$\[0\]`"),
            (("user_data",), {}, "Expected `array`"),
            (("jobs", 0, "priority"), 2**70, "too large"),
        ],
    )
    def test_an_export_that_was_damaged(
        self, exported: Path, tmp_path: Path, where: tuple[Any, ...], value: object, says: str
    ) -> None:
        document = json.loads(exported.read_text())
        inside = document
        for step in where[:-1]:
            inside = inside[step]
        inside[where[-1]] = value
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(document))
        with pytest.raises(StoreFileError, match="no export of torc") as error:
            tf.connect(path)
        assert error.match(says.removesuffix(r" - at `\$\[0\]`"))

    def test_what_is_doubtful_is_warned_of(self, exported: Path, tmp_path: Path) -> None:
        document = json.loads(exported.read_text())
        path = tmp_path / "workflow"
        path.write_text("\ufeff" + json.dumps({**document, "export_version": "2.0", "later": [1]}))
        with pytest.warns(TorcFramesWarning, match=r"version 2.0, not 1.0"):
            tf.connect(path)
        del document["results"]
        path.write_text(json.dumps(document))
        with pytest.warns(TorcFramesWarning, match="without --include-results"):
            client = tf.connect(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert client.workflow(document["workflow"]["id"]).jobs()["return_code"].isna().all()


class TestCommandLine:
    """``torc-frames`` takes it as any store."""

    def test_pull_and_copy(self, exported: Path, tmp_path: Path) -> None:
        def run(*arguments: str) -> Any:
            return CliRunner().invoke(root, arguments, prog_name="torc-frames")

        pulled = run("pull", "-u", str(exported), "--what", "jobs", "-f", "json")
        assert [row["job_name"] for row in json.loads(pulled.stdout)] == ["a", "b", "c", "set"]
        told = run("-f", "json", "-u", str(exported), "doctor")
        assert json.loads(told.stdout)["facts"]["store"]["value"] == "an export of torc, read-only"
        assert "makes a store of an export" in run("serve", str(exported)).stderr
        assert run("copy", "-u", str(exported), "--to", str(tmp_path / "study.db")).exit_code == 0
        assert "no database" in run("pull", "-u", str(tmp_path / "gone.json")).stderr
