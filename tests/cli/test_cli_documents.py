"""Records on the command line: JSON5 documents in, Python dicts or JSON out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from servers import TorcServer

import torc_frames as tf
from torc_frames.cli.documents import parse_documents
from torc_frames.cli.root import root
from torc_frames.workflow.workflow import Workflow


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames")


@pytest.fixture
def ridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    workflow = tf.connect("torc_frames.db").create_workflow("ridge")
    workflow.add_job("one")
    return workflow


def data_of(workflow: Workflow) -> list[object]:
    return [record.data for record in workflow.job("1").user_data()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{key1: 'val1', \"key2\": 2,}", {"key1": "val1", "key2": 2}),
        ("/* note */ [1, .5, +2, 0x10, -0.0] // end", [1, 0.5, 2, 16, -0.0]),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (
            "{a: {b: 1}, c: {b: 2}, d: [{b: 1}, {b: 2}]}",
            {"a": {"b": 1}, "c": {"b": 2}, "d": [{"b": 1}, {"b": 2}]},
        ),
        ("'a: {b, c}: // \\' \"'", "a: {b, c}: // ' \""),
        ("{'a\\\nb': 'x:y'}", {"ab": "x:y"}),
        ("null", None),
        ('{"1_0": "1_0", _1: true}', {"1_0": "1_0", "_1": True}),
        ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        ("0.1", 0.1),
        ("[" * 100 + "]" * 100, None),
    ],
)
def test_json5_is_read(text: str, value: object) -> None:
    [read] = parse_documents([text])
    if value is not None:
        assert read == value
        assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{a: 1, a: 2}", "the key 'a' is there twice"),
        ("{a: 1, 'a': 2}", "the key 'a' is there twice"),
        ('{ab: 1, "\\u0061b" /* again */ : 2}', "the key 'ab' is there twice"),
        ("[{x: {a: 1, b: [], a: 2}}]", "the key 'a' is there twice"),
        ("{a: NaN}", "at a: nan is not JSON"),
        ("-Infinity", "-inf is not JSON"),
        ("[1_000]", "1_000 is no number"),
        ("{a: 1e400}", "not JSON5"),
        ("{a: 1} {b: 2}", "not JSON5: Extra data"),
        ("", "not JSON5: No JSON data found"),
        ("'\\ud800'", "not JSON5"),
        ("[" * 150 + "]" * 150, "nested deeper than 127 levels"),
        ("[" * 100_000, "not JSON5: Maximum nesting level"),
    ],
)
def test_what_can_not_be_kept_is_refused(text: str, reason: str) -> None:
    with pytest.raises(tf.RefusedError, match="document 1: ") as caught:
        parse_documents([text])
    assert reason in str(caught.value)


def test_all_documents_are_checked_before_any_is_stored(ridge: Workflow) -> None:
    result = torc_frames("jobs", "add-user-data", "1", "{fine: 1}", "{a: 1, a: 2}", "{", "{fine: 2}")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: 2 problems:",
        "  document 2: the key 'a' is there twice in one object",
        "  document 3: not JSON5: Unclosed object starting near 1",
    ]
    assert data_of(ridge) == []


def test_a_document_that_a_server_can_not_keep_is_named_as_one(torc_server: TorcServer) -> None:
    workflow = tf.connect(torc_server.url).create_workflow("w")
    job = workflow.add_job("one").key
    [record] = workflow.add_user_data(job, {"a": 1})
    on_it = ("-u", torc_server.url, "-k", workflow.key)
    for arguments in (["user-data", "update", record, "null"], ["user-data", "add", "5"]):
        result = torc_frames(*on_it, *arguments)
        assert result.exit_code == 1
        assert "row" not in result.stderr.splitlines()[-1].split(": ")[1]
        assert "document" not in result.stderr
    for arguments in (["user-data", "add"], ["jobs", "add-user-data", job]):
        result = torc_frames(*on_it, *arguments, "{}", "5", "{}", "6")
        lines = [line.split(":")[0] for line in result.stderr.splitlines()[-2:]]
        assert lines == ["  document 2", "  document 4"]


def test_documents_are_records_with_a_role_and_a_name(ridge: Workflow) -> None:
    torc_frames("jobs", "add-user-data", "1", "{x: 1}")
    torc_frames("jobs", "add-user-data", "1", "{x: 2}", "--role", "output", "--name", "end")
    torc_frames("user-data", "add", "--job", "1", "--role", "none", "{x: 3}")
    added = torc_frames("user-data", "add", "{x: 4}", "5")
    assert added.stdout == "4\n5\n"
    assert "Added user_data key=5 to workflow key=1" in added.stderr
    shown = torc_frames("user-data", "list", "--format", "csv").stdout.splitlines()
    assert [line.split(",")[1:6] + line.split(",")[7:] for line in shown[1:]] == [
        ["1", "one", "input", "1", "", "1", ""],
        ["1", "one", "output", "2", "end", "2", ""],
        ["1", "one", "", "3", "", "3", ""],
        ["", "", "", "4", "", "4", ""],
        ["", "", "", "5", "", "", "5"],
    ]
    only = torc_frames("user-data", "list", "--job", "1", "--role", "output", "--format", "json").stdout
    assert only.count("record_key") == 1


def test_records_print_newest_first_as_python_or_json(ridge: Workflow) -> None:
    ridge.add_user_data("1", {"b": None, "a": [1, True]}, [1, 2], {"_key": "mine"}, {"n": 2**70})
    printed = torc_frames("jobs", "get-user-data", "1").stdout.splitlines()
    assert [line.partition("', '_rev': ")[2].partition(", ")[2] for line in printed] == [
        "'n': 1180591620717411303424}",
        "'data': {'_key': 'mine'}}",
        "'data': [1, 2]}",
        "'b': None, 'a': [1, True]}",
    ]
    lines = torc_frames("jobs", "get-user-data", "1", "--format", "json").stdout.splitlines()
    assert lines[0].endswith('"n":1180591620717411303424}')
    assert lines[-1].endswith('"b":null,"a":[1,true]}')


def test_a_record_can_not_control_the_terminal(ridge: Workflow) -> None:
    ridge.add_user_data("1", {"evil\x1b[2J": "\x1b]0;title\x07 [red]\u202e\u200b"})
    for arguments in (["jobs", "get-user-data", "1"], ["user-data", "list"], ["user-data", "get", "1"]):
        printed = torc_frames(*arguments).stdout
        assert "\\x1b]0;title\\x07 [red]\\u202e" in printed
        assert all(char.isprintable() or char == "\n" for char in printed)


def test_a_record_is_read_replaced_and_deleted(ridge: Workflow) -> None:
    ridge.add_user_data("1", {"a": 1}, {"a": 2}, {"a": 3})
    assert torc_frames("user-data", "get", "2", "--format", "json").stdout.endswith('"a":2}\n')
    assert torc_frames("user-data", "update", "2", "{a: 'two', b: 1}").exit_code == 0
    assert data_of(ridge) == [{"a": 1}, {"a": "two", "b": 1}, {"a": 3}]
    assert torc_frames("user-data", "delete", "1", "9").exit_code == 1
    assert len(data_of(ridge)) == 3
    assert torc_frames("user-data", "delete", "1", "3").exit_code == 0
    assert data_of(ridge) == [{"a": "two", "b": 1}]


def test_a_job_of_another_workflow_is_not_written_to(ridge: Workflow) -> None:
    tf.connect("torc_frames.db").create_workflow("two")
    assert torc_frames("-k", "2", "jobs", "add-user-data", "1", "{}").exit_code == 1
    assert torc_frames("jobs", "add-user-data", "1", "{}").exit_code == 0
    assert data_of(ridge) == [{}]
