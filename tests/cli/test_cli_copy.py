"""``torc-frames copy``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from servers import TorcServer

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.workflow import Workflow


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames")


pytestmark = pytest.mark.usefixtures("clean_folder")


@pytest.fixture
def ridge() -> Workflow:
    wf = tf.connect("study.db").create_workflow("ridge")
    wf.push(tf.grid(alpha=[0.5, 1.0]), command="true")
    return wf


def test_a_copy_prints_its_key_and_tells_the_counts(ridge: Workflow) -> None:
    tf.connect("archive.db").create_workflow("first")
    result = torc_frames("copy", "-u", "study.db", "--to", "archive.db", "--name", "kept")
    assert result.exit_code == 0
    assert result.stdout == "2\n"
    assert "workflow key=2 name=kept: 2 jobs, 2 records" in result.stderr
    assert tf.connect("archive.db").workflow("2").parameters().equals(ridge.parameters())


def test_json_maps_old_keys_to_new_ones(ridge: Workflow) -> None:
    tf.connect("archive.db").create_workflow("first").push(tf.grid(n=[1]))
    result = torc_frames(
        "-f", "json", "copy", "-u", "study.db", "-k", ridge.key, "--to", "sqlite:///archive.db"
    )
    assert json.loads(result.stdout) == {
        "workflow_key": "2",
        "jobs": {"1": "2", "2": "3"},
        "user_data": {"1": "2", "2": "3"},
        "left_out": [],
    }


def test_other_formats_are_refused_before_anything_is_written(ridge: Workflow) -> None:
    result = torc_frames("copy", "-u", "study.db", "--to", "archive.db", "-f", "csv")
    assert result.exit_code == 2
    assert not Path("archive.db").exists()


def test_to_a_server_and_back(ridge: Workflow, torc_server: TorcServer) -> None:
    ridge.run(show_progress=False)
    there = torc_frames("copy", "-u", "study.db", "--to", torc_server.url)
    assert there.exit_code == 0
    assert f"Left out: status, return codes and times of 2 jobs: {torc_server.url} takes none" in there.stderr
    key = there.stdout.strip()
    assert torc_frames("copy", "-u", torc_server.url, "-k", key, "--to", "back.db").stdout == "1\n"
    assert tf.connect("back.db").workflow("1").parameters().equals(ridge.parameters())


def test_what_can_not_be_kept_is_left_out_on_demand(ridge: Workflow, torc_server: TorcServer) -> None:
    ridge.add_user_data("1", 3, role="output")
    refused = torc_frames("copy", "-u", "study.db", "--to", torc_server.url)
    assert refused.exit_code == 1
    assert "user_data key 3" in refused.stderr
    assert refused.stdout == ""
    skipped = torc_frames("copy", "-u", "study.db", "--to", torc_server.url, "--on-unkept", "skip")
    assert skipped.exit_code == 0
    assert "Left out: 1 record: user_data keys 3" in skipped.stderr


class TestCredentials:
    """A password that was set for one server is not sent to another one unasked."""

    def copied(self, source: TorcServer, target: str, *more: str) -> Result:
        wf = tf.connect(source.url, username=source.username, password=source.password).create_workflow("w")
        return torc_frames("copy", "-u", source.url, "-k", wf.key, "--to", target, *more)

    def sign_in(self, monkeypatch: pytest.MonkeyPatch, server: TorcServer) -> None:
        monkeypatch.setenv("TORC_USERNAME", server.username or "")
        monkeypatch.setenv("TORC_PASSWORD", server.password or "")

    def test_two_servers(
        self, auth_server: TorcServer, torc_server: TorcServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.sign_in(monkeypatch, auth_server)
        refused = self.copied(auth_server, torc_server.url)
        assert refused.exit_code == 2
        assert "password (TORC_PASSWORD) would be sent to two servers" in refused.stderr
        assert (auth_server.password or "") not in refused.output
        monkeypatch.setenv("TORC_API_URL", auth_server.url)
        assert torc_frames("copy", "-k", "1", "--to", torc_server.url).exit_code == 2
        assert self.copied(auth_server, torc_server.url, "--same-credentials").exit_code == 0

    def test_one_server_or_one_password_each(
        self, auth_server: TorcServer, torc_server: TorcServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.sign_in(monkeypatch, auth_server)
        assert self.copied(auth_server, auth_server.url).exit_code == 0
        assert self.copied(auth_server, "file.db").exit_code == 0
        theirs = torc_server.url.replace("://", "://someone:secret@")
        assert self.copied(auth_server, theirs).exit_code == 0
        monkeypatch.delenv("TORC_PASSWORD")
        assert self.copied(torc_server, torc_server.url).exit_code == 0
