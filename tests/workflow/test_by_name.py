"""Workflows by their names."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stores import on_each_store, on_every_store

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.client import Client


@pytest.fixture
def client(store: Any) -> Client:
    return Client(store)


@on_every_store
def test_a_workflow_is_made_once_and_found_by_its_name(client: Client) -> None:
    with pytest.raises(tf.NotFoundError, match=r"no workflow named 'ridge' in .*: there is none yet"):
        client.workflow(name="ridge")
    made = client.workflow(name="ridge", create=True)
    assert client.workflow(name="ridge", create=True).key == client.workflow(name="ridge").key == made.key
    assert client.workflows()["name"].tolist() == ["ridge"]
    with pytest.raises(tf.NotFoundError, match=r"no workflow named 'rigde' in .*: there is 'ridge'"):
        client.workflow(name="rigde")
    with pytest.raises(tf.NotFoundError, match=r"client\.workflow\(name='ridge'\)") as missing:
        client.workflow("ridge")
    assert missing.value.keys == ("ridge",)
    with pytest.raises(tf.NotFoundError, match=r"client\.workflow\(name='rigde'\); there is 'ridge'"):
        client.workflow("rigde")
    assert str(pickle.loads(pickle.dumps(missing.value)))
    twin = client.create_workflow("ridge")
    with pytest.raises(tf.RefusedError, match=f"named 'ridge': take one by its key, {made.key}, {twin.key}"):
        client.workflow(name="ridge", create=True)


@pytest.mark.parametrize(
    "given", [{}, {"key": 1, "name": "a"}, {"key": 1, "create": True}, {"create": True}], ids=str
)
def test_one_way_to_name_it(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(tf.RefusedError, match="by key"):
        tf.connect(tmp_path / "study.db").workflow(**given)


@pytest.mark.stores("sqlite", "torc-server")
def test_programs_that_make_it_at_once_get_the_same(client: Client) -> None:
    clients = [tf.connect(client.url) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda one: one.workflow(name="ridge", create=True).key, clients))
    assert len({*made}) == len(client.workflows()) == 1


def test_names_go_where_keys_go_in_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client = tf.connect("torc_frames.db")
    for name in ("ridge", "lasso", "7"):
        client.create_workflow(name).push(tf.grid(alpha=[0.1]))

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(root, arguments, prog_name="torc-frames")

    shown = run("-k", "lasso", "pull", "--what", "jobs", "--format", "json")
    assert '"job_key":"2"' in shown.stdout.replace(" ", "")
    assert run("-k", "7", "pull").exit_code == 0
    assert run("jobs", "list", "-k", "ridge").exit_code == 0
    assert run("jobs", "store", "2", "loss=1", "-k", "lasso").exit_code == 0
    assert client.workflow(name="lasso").results()["loss"].tolist() == [1]
    for unknown, told in (("laso", "no workflow named 'laso'"), ("9", "no workflow key 9")):
        failed = run("-k", unknown, "pull")
        assert failed.exit_code == 1
        assert told in failed.stderr
    wrong = run("jobs", "store", "1", "loss=1", "-k", "lasso")
    assert wrong.exit_code == 1


@pytest.mark.stores("sqlite", "torc-server")
def test_a_key_of_another_workflow_is_told_as_such(client: Client) -> None:
    wf, other = client.create_workflow("mine"), client.create_workflow("other")
    job = other.add_job("theirs")
    (record,) = other.add_user_data(job, {"a": 1})
    whose = f"is of workflow {other.key}"
    for call, key in ((wf.job, job.key), (wf.get_user_data, record)):
        with pytest.raises(tf.NotFoundError, match=f"in workflow {wf.key}: {key} {whose}"):
            call(key)
        with pytest.raises(tf.NotFoundError, match="key 99") as missing:
            call("99")
        assert "is of workflow" not in str(missing.value)


@on_each_store
def test_a_name_goes_where_a_key_goes(client: Client) -> None:
    wf = client.create_workflow("ridge")
    wf.push(tf.grid(alpha=[0.1]), outputs=True)
    copied = client.copy("ridge", name="copy").workflow
    assert client.workflow_key("copy") == client.workflow_key(copied.key) == copied.key
    client.delete_workflow("copy")
    with pytest.raises(tf.NotFoundError, match="no workflow named 'copy'"):
        client.delete_workflow("copy")
    twin = client.create_workflow("ridge")
    for call in (client.delete_workflow, client.copy):
        with pytest.raises(tf.RefusedError, match=f"take one by its key, {wf.key}, {twin.key}"):
            call("ridge")
        with pytest.raises(tf.NotFoundError, match=r"no workflow named 'rigde' in .*: there is 'ridge'"):
            call("rigde")
    assert len(client.workflows()) == 2


@on_each_store
def test_a_name_that_is_the_key_of_another_one_is_not_mistaken(client: Client) -> None:
    ridge = client.create_workflow("ridge")
    number = client.create_workflow(ridge.key)
    year = client.create_workflow("2026")
    assert client.workflow_key("2026") == year.key
    for call in (client.delete_workflow, client.copy, client.workflow_key):
        with pytest.raises(tf.RefusedError, match=f"of workflow 'ridge' of .* name of workflow {number.key}"):
            call(ridge.key)
    assert client.workflow_key(number) == client.workflow(name=ridge.key).key == number.key
    client.delete_workflow(ridge if not ridge.key.isdecimal() else int(ridge.key))
    assert client.workflows()["name"].tolist() == [ridge.key, "2026"]
    client.delete_workflow(ridge.key)
    assert client.workflows()["name"].tolist() == ["2026"]


def test_workflows_are_shown_and_deleted_by_name_in_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = tf.connect("torc_frames.db")
    for name in ("ridge", "2", "twin", "twin", "1999"):
        client.create_workflow(name).add_job(f"job of {name}")

    def run(*arguments: str, **variables: str) -> Any:
        return CliRunner(env=variables).invoke(root, arguments, prog_name="torc-frames")

    assert "ridge" in run("workflows", "show", "ridge").stdout
    assert "1999" in run("workflows", "show", "1999").stdout
    for told, arguments in (
        ("take one by its key, 3, 4", ("workflows", "delete", "twin", "-n")),
        ("no workflow named 'rigde'", ("workflows", "delete", "rigde", "-n")),
        ("no workflow key 17", ("workflows", "show", "17")),
    ):
        failed = run(*arguments)
        assert (failed.exit_code, failed.stdout) == (1, "")
        assert told in failed.stderr
    client.create_workflow("1")
    assert "is the key of workflow 'ridge'" in run("workflows", "delete", "1", "-n").stderr
    assert "is the key of workflow 'ridge'" in run("jobs", "list", "-k", "1").stderr
    # A runner sets the variable, and means the key.
    assert "job of ridge" in run("jobs", "list", TORC_WORKFLOW_KEY="1").stdout
    assert "job of ridge" in run("jobs", "list", TORC_WORKFLOW_KEY="ridge").stdout
    assert run("workflows", "delete", "ridge", "-n").exit_code == 0
    assert run("copy", "-k", "1999", "--to", "other.db").stdout == "1\n"
    assert client.workflows()["name"].tolist() == ["2", "twin", "twin", "1999", "1"]


def test_a_job_is_found_where_its_workflow_is_given_by_name(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wf = tf.connect("torc_frames.db").create_workflow("ridge")
    monkeypatch.setenv("TORC_JOB_ID", wf.add_job("one").key)
    monkeypatch.setenv("TORC_WORKFLOW_KEY", "ridge")
    assert tf.current_job().name == "one"
    monkeypatch.setenv("TORC_WORKFLOW_KEY", "rigde")
    with pytest.raises(tf.NotFoundError, match="there is 'ridge'"):
        tf.current_job()
