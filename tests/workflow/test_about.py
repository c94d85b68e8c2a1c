"""Names, descriptions and tags of workflows are changed by a call, and by nothing else."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from stores import on_each_store, on_sqlite

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.client import Client
from torc_frames.workflow.workflow import Workflow


@pytest.fixture
def client(store: Any) -> Client:
    return Client(store)


def told(wf: Workflow) -> tuple[str, str | None, tuple[str, ...]]:
    return wf.name, wf.description, wf.tags


@on_each_store
def test_each_part_is_changed_by_itself(client: Client) -> None:
    params = tf.grid(when=pd.to_datetime(["2026-01-01"]), alpha=[0.1, 1.0])
    wf = client.create_workflow("ridge", description="first", tags=["solar", "solar", "ü, '\x1b"])
    assert told(wf) == ("ridge", "first", ("solar", "ü, '\x1b"))
    pushed = wf.push(params)
    changes: list[tuple[dict[str, Any], tuple[str, str | None, tuple[str, ...]]]] = [
        ({"name": "ridge 2026"}, ("ridge 2026", "first", ("solar", "ü, '\x1b"))),
        ({"description": "second\nline"}, ("ridge 2026", "second\nline", ("solar", "ü, '\x1b"))),
        ({"tags": pd.Index(["final"])}, ("ridge 2026", "second\nline", ("final",))),
        ({"name": "x", "description": "", "tags": []}, ("x", None, ())),
        ({"name": "ridge", "tags": {"one"}}, ("ridge", None, ("one",))),
    ]
    for given, after in changes:
        wf.update(**given)
        assert told(wf) == told(client.workflow(wf.key)) == after
        assert repr(wf) == f"Workflow(key={wf.key!r}, name={after[0]!r})"
        assert client.workflow(name=after[0]).key == wf.key
    assert wf.parameters().equals(pushed)
    assert wf.push(params).attrs["torc"]["added"] == 0
    assert told(client.workflow(wf.key)) == ("ridge", None, ("one",))
    assert client.workflows()["metadata"].tolist() == [{}]


@on_each_store
def test_workflows_are_found_by_their_tags(client: Client) -> None:
    for name, tags in (("a", ["x", "y"]), ("b", ["y"]), ("c", [])):
        client.create_workflow(name, tags=tags).push(tf.grid(alpha=[1.0, 2.0]))
    found = {
        tags: client.workflows(tags=tags)["name"].tolist()
        for tags in ((), ("y",), ("y", "x"), ("z",), ("Y",))
    }
    assert [*found.values()] == [["a", "b", "c"], ["a", "b"], ["a"], [], []]
    tagged = client.workflows(tags=["y"])
    assert tagged["tags"].tolist() == [["x", "y"], ["y"]]
    assert tagged["jobs"].tolist() == [2, 2]
    none = client.workflows(tags=["z"])
    assert none.dtypes.equals(client.workflows().dtypes)
    assert client.workflows(tags=["y"], counts=False).columns[-1] == "run_id"


@on_each_store
def test_a_workflow_that_exists_keeps_its_tags(client: Client) -> None:
    def opened() -> Workflow:
        return client.workflow(name="ridge", create=True, description="new", tags=["new"])

    assert told(opened()) == ("ridge", "new", ("new",))
    opened().update(tags=["old"], description="old")
    assert told(opened()) == ("ridge", "old", ("old",))
    copied = client.copy("ridge", name="copy").workflow
    assert told(copied) == ("copy", "old", ("old",))
    with pytest.raises(tf.RefusedError, match="go with create=True"):
        client.workflow(name="ridge", tags=["new"])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "give name=, description= or tags="),
    ({"name": ""}, "needs a name, not ''"),
    ({"name": 7}, "needs a name, not 7"),
    ({"name": "a\ud800"}, "surrogate|Unicode"),
    ({"description": 7}, "a description is a text, not 7"),
    ({"description": "\udfff"}, "surrogate|Unicode"),
    ({"tags": "solar"}, r"such as \['solar'\], not 'solar'"),
    ({"tags": 7}, "not 7"),
    ({"tags": ["a", ""]}, "not ''"),
    ({"tags": [None]}, "not None"),
    ({"tags": ["\ud800"]}, "surrogate|Unicode"),
]


@on_each_store
@pytest.mark.parametrize(("given", "reason"), REFUSED, ids=[ascii(given) for given, _ in REFUSED])
def test_what_is_none_is_refused_before_anything_is_written(
    client: Client, given: dict[str, Any], reason: str
) -> None:
    wf = client.create_workflow("ridge", description="d", tags=["t"])
    with pytest.raises(tf.RefusedError, match=reason):
        wf.update(**{"name": "other", "description": "other", "tags": ["other"], **given} if given else given)
    assert told(wf) == told(client.workflow(wf.key)) == ("ridge", "d", ("t",))
    if "tags" in given:
        with pytest.raises(tf.RefusedError, match=reason):
            client.create_workflow("new", **given)
        assert len(client.workflows(counts=False)) == 1


@on_each_store
def test_a_workflow_that_was_deleted_is_not_found(client: Client) -> None:
    wf = client.create_workflow("ridge")
    client.delete_workflow(wf)
    for given in ({"name": "a"}, {"tags": ["a"]}):
        with pytest.raises(tf.NotFoundError, match=f"no workflow key {wf.key}"):
            wf.update(**given)


@on_sqlite
def test_metadata_are_not_mistaken_for_tags(client: Client) -> None:
    wf = client.create_workflow("ridge", metadata={"tags": "mine"})
    wf.update(tags=["t"])
    assert client.workflows().loc[wf.key, "metadata"] == {"tags": "mine"}
    for ours in ("torc_frames", "torc_frames_tags"):
        with pytest.raises(tf.RefusedError, match=f"without the key {ours!r}"):
            client.create_workflow("new", metadata={ours: 1})
    client._store.merge_metadata(wf.key, {"torc_frames_tags": {"no": "list"}})
    assert client.workflow(wf.key).tags == ()


def test_tags_are_set_and_asked_for_in_the_shell(clean_folder: Path) -> None:
    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(root, arguments, prog_name="torc-frames")
        assert done.exit_code == 0, done.stderr
        return done.stdout

    run("workflows", "create", "ridge", "--tag", "solar", "--tag", "final")
    run("workflows", "create", "lasso", "--tag", "solar")
    assert "lasso" not in run("workflows", "list", "--tag", "solar", "--tag", "final")
    run("workflows", "update", "lasso", "--name", "lasso 2026", "--description", "d")
    wf = tf.connect().workflow(2)
    assert told(wf) == ("lasso 2026", "d", ("solar",))
    run("workflows", "update", "2", "--tag", "a b", "--tag", "c")
    assert tf.connect().workflow(2).tags == ("a b", "c")
    assert '"a b"' in run("workflows", "list", "--tag", "c", "--format", "json")
    run("workflows", "update", "lasso 2026", "--tag", "", "--description", "")
    assert told(tf.connect().workflow(2)) == ("lasso 2026", None, ())
    failed = CliRunner().invoke(root, ["workflows", "update", "ridge"])
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "give name=, description= or tags=" in failed.stderr


ATTRIBUTES: dict[str, tuple[Callable[[Workflow], Any], list[tuple[str, str]]]] = {
    "Workflow": (
        lambda wf: wf,
        [
            *((part, rf"wf\.update\({part}=\.\.\.\) does") for part in ("name", "description", "tags")),
            *((part, r"wf\.push\(table\) does") for part in ("parameters", "user_data")),
            *((part, "would do nothing") for part in ("key", "typo", "jobs", "user")),
        ],
    ),
    "Client": (lambda wf: Client(wf._store), [("url", r"tf\.connect"), ("typo", "would do nothing")]),
    "Job": (
        lambda wf: wf.job(1),
        [
            ("command", r"wf\.push\(table, command=\.\.\.\) does"),
            ("status", "reset_jobs"),
            ("results", r"job\.store"),
            ("typo", "would do nothing"),
        ],
    ),
    "Plan": (lambda wf: wf.plan(wf.parameters()), [("rows", "would do nothing"), ("typo", "")]),
    "TableStream": (lambda wf: wf.stream(), [("schema", "would do nothing"), ("typo", "")]),
}


@on_sqlite
@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_an_attribute_that_would_do_nothing_can_not_be_set(client: Client, kind: str) -> None:
    wf = client.create_workflow("ridge")
    wf.push(tf.grid(alpha=[1.0]))
    make, cases = ATTRIBUTES[kind]
    thing = make(wf)
    copies = [thing] if kind in ("Plan", "TableStream") else [thing, copy.copy(thing), _pickled(thing)]
    for one in copies:
        for name, reason in cases:
            told = f"{name!r} can't be set on a {kind}.*{reason}"
            with pytest.raises(tf.FixedAttributeError, match=told):
                setattr(one, name, "x")
            assert not isinstance(vars(one).get(name), str) or vars(one)[name] != "x"
    assert isinstance(tf.FixedAttributeError(), AttributeError)


def _pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


@on_sqlite
@pytest.mark.parametrize("what", ["run", "refresh", "copy", "pointer", "rule"])
def test_what_is_returned_is_not_changed_either(client: Client, what: str, tmp_path: Path) -> None:
    wf = client.create_workflow("ridge")
    (tmp_path / "model.bin").write_bytes(b"1")
    make: dict[str, Callable[[], Any]] = {
        "run": lambda: wf.run(workers=1),
        "refresh": lambda: wf.refresh(wf.user_data()),
        "copy": lambda: client.copy(wf),
        "pointer": lambda: tf.Pointer(tmp_path / "model.bin"),
        "rule": lambda: tf.Rule(min=0),
    }
    thing = make[what]()
    for name in ("typo", next(name for name in dir(thing) if not name.startswith("_"))):
        with pytest.raises((AttributeError, TypeError)):
            setattr(thing, name, 1)
