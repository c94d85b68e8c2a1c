"""Workflows by their names."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stores import on_every_store

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
