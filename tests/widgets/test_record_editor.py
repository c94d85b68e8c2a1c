"""Records as forms, without a browser."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from strategies import FREE_KEYS, json_values

import torc_frames as tf
from torc_frames.errors import UncertainWriteError
from torc_frames.frame.values import encode_data
from torc_frames.widgets.parts import label, text_html
from torc_frames.widgets.records import jsontext, nodes
from torc_frames.widgets.records.model import RecordForm
from torc_frames.widgets.records.outline import PAGE, Outline
from torc_frames.widgets.records.session import RecordSession, differences
from torc_frames.widgets.records.widget import RecordEditor

VALUES = json_values(FREE_KEYS)


@pytest.fixture(autouse=True)
def _own_drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "drafts"))


def exactly(value: Any) -> str:
    """Tell JSON values apart by type, too, and -0.0 from 0.0."""
    return repr(value)


# what is typed


@given(VALUES)
def test_every_value_is_typed_as_it_is_with_its_type(value):
    node = nodes.node_of(value)
    assert nodes.problems(node) == {}
    assert exactly(nodes.value_of(node)) == exactly(value)


@given(VALUES)
def test_json_text_says_the_same_as_the_form(value):
    text = jsontext.write(nodes.node_of(value))
    assert exactly(json.loads(text)) == exactly(value)
    assert exactly(nodes.value_of(jsontext.read(text))) == exactly(value)


@given(VALUES, st.sampled_from([None, 0, 1, 3]))
def test_json_is_read_however_it_is_laid_out(value, indent):
    text = json.dumps(value, indent=indent, ensure_ascii=indent is None)
    assert exactly(nodes.value_of(jsontext.read(f"\n {text}\t"))) == exactly(value)


@given(st.text('{}[]:,"\\ntrue0123.e-+ \n', max_size=12))
def test_what_is_json_is_what_python_reads_as_json(text):
    try:
        expected = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    except ValueError:
        with pytest.raises(jsontext.JsonTextError):
            jsontext.read(text)
        return
    if len(set(keys := re.findall(r'"([^"]*)" *\n*:', text))) == len(keys):
        assert exactly(nodes.value_of(jsontext.read(text))) == exactly(expected)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "expected a value, and the text ends"),
        ('{"a": 1,\n "b": 2x}', 2, 7, "expected a value, not '2x'"),
        ('{"a": 1\n "b": 2}', 2, 2, "expected ',' or '}'"),
        ('{"a": 1, "a": 2}', 1, 10, "the name 'a' is there twice"),
        ("[1, 2", 1, 6, "expected ',' or ']', and the text ends"),
        ("[1, ]", 1, 5, "expected a value"),
        ("{a: 1}", 1, 2, "expected a name in quotes, not 'a'"),
        ("[1] 2", 1, 5, "nothing can follow"),
        ("[NaN]", 1, 2, "expected a value, not 'NaN'"),
        ("[1e999]", 1, 2, "too large"),
        ('"\\ud800"', 1, 1, "lone surrogate"),
        ("[" * 200, 1, 128, "nested deeper"),
        ("9" * 5000, 1, 1, "4,000 digits"),
        ("007", 1, 1, "expected a value"),
    ],
)
def test_text_that_is_no_json_is_told_by_line_and_column(text, line, column, reason):
    with pytest.raises(jsontext.JsonTextError) as caught:
        jsontext.read(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("integer", "1.0", "no integer"),
        ("integer", "", "an integer is missing"),
        ("integer", "1" * 5000, "4,000 digits"),
        ("number", "a", "no number"),
        ("number", "nan", "no number"),
        ("number", "1e999", "too large"),
        ("number", "9007199254740993", "would be rounded to 9007199254740992"),
        ("escaped", '"a', "no text as in JSON"),
        ("string", "\ud800", "lone surrogate"),
    ],
)
def test_text_that_means_nothing_stays_and_says_why(kind, text, reason):
    form = RecordForm({"a": 1})
    at = form.find("a")
    form.set_kind(at, kind)
    form.set_text(at, text)
    assert form.node(at).text == text
    assert reason in form.problems[at]
    assert form.dirty
    with pytest.raises(tf.RefusedError, match="column 'a'"):
        _ = form.value
    assert form.json_problem


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, "number", 1.0),
        (1.0, "integer", 1),
        (2**80, "string", str(2**80)),
        ("2.50", "number", 2.5),
        ("true", "boolean", True),
        (0.0, "boolean", False),
        ("[1, 2.0]", "list", [1, 2.0]),
        ('{"a": 1}', "object", {"a": 1}),
        ({"a": 1}, "string", '{"a": 1}'),
        ({"a": 1, "b": 2}, "list", [1, 2]),
        ([1, "x"], "object", {"0": 1, "1": "x"}),
        (3, "list", [3]),
        (3, "object", {"value": 3}),
        (None, "list", []),
        (3, "null", None),
        ("a\tb", "escaped", "a\tb"),
        ("a\rb", "string", "a\rb"),
        ("a\nb", "string", "a\nb"),
    ],
)
def test_a_value_changes_its_type_and_keeps_what_it_can(value, kind, expected):
    form = RecordForm([value])
    form.set_kind(form.find(0), kind)
    assert exactly(form.value) == exactly([expected])
    form.undo()
    assert exactly(form.value) == exactly([value])


@given(VALUES, st.sampled_from(nodes.KINDS))
def test_no_change_of_type_makes_what_can_not_be_shown(value, kind):
    changed = nodes.converted(nodes.node_of(value), kind)
    for node in nodes.walk(changed):
        if node.kind in ("string", "lines") and not nodes.problem(node):
            assert not set(node.text) & {"\r", "\x00"}
            assert node.kind == "lines" or "\n" not in node.text
    if not nodes.problems(changed):
        encode_data(nodes.value_of(changed))


@given(VALUES, st.sampled_from(nodes.KINDS), st.text(max_size=3))
def test_a_draft_is_all_that_was_typed_valid_or_not(value, kind, text):
    form = RecordForm({"a": value})
    form.set_kind(form.find("a"), kind)
    form.set_text(form.find("a"), text)
    again = RecordForm({"a": value})
    again.restore(json.loads(json.dumps(form.state())))
    assert again.root == form.root
    assert (again.json, again.problems.keys()) == (form.json, again.problems.keys())


# editing


def test_fields_are_added_renamed_moved_copied_and_deleted():
    form = RecordForm({"a": 1, "b": [{"x": 1.0}]})
    made = form.add(form.root.id)
    form.rename(made, "c")
    form.set_kind(made, "integer")
    form.set_text(made, "3")
    item = form.add(form.find("b"))
    form.set_text(form.find("b", 1, "x"), "2.0")
    form.move(form.find("c"), -2)
    copy = form.duplicate(form.find("a"))
    assert exactly(form.value) == exactly({"c": 3, "a": 1, "a 2": 1, "b": [{"x": 1.0}, {"x": 2.0}]})
    assert form.path(form.find("b", 1, "x")) == "b[1].x"
    form.delete(copy)
    form.delete(item)
    form.delete(form.find("a"))
    assert form.value == {"c": 3, "b": [{"x": 1.0}]}
    while form.can_undo:
        form.undo()
    assert form.value == {"a": 1, "b": [{"x": 1.0}]}
    assert not form.dirty
    while form.can_redo:
        form.redo()
    assert form.value == {"c": 3, "b": [{"x": 1.0}]}


def test_a_name_that_is_there_twice_is_a_problem_of_the_second():
    form = RecordForm({"a": 1, "b": 2})
    form.rename(form.find("b"), "a")
    assert list(form.problems.values()) == ["the name 'a' is there twice"]
    assert "twice" in form.json_problem
    with pytest.raises(tf.RefusedError, match="twice"):
        _ = form.value


def test_typing_on_is_one_step_and_saving_ends_it():
    form = RecordForm({"a": ""})
    for text in ("x", "xy", "xyz"):
        form.set_text(form.find("a"), text)
    form.saved({"a": "xyz"})
    form.set_text(form.find("a"), "xyz!")
    form.undo()
    assert form.value == {"a": "xyz"}
    assert not form.dirty
    form.undo()
    assert form.value == {"a": ""}
    assert not form.can_undo


def test_json_that_is_not_valid_yet_stays_and_holds_up_the_form():
    form = RecordForm({"a": 1})
    form.set_json('{"a": 2')
    form.set_json('{"a": 2, ')
    assert form.json == '{"a": 2, '
    assert form.is_text
    assert form.dirty
    with pytest.raises(tf.RefusedError, match="line 1, column 10"):
        _ = form.value
    with pytest.raises(tf.RefusedError, match="mend it first"):
        form.set_text(form.find("a"), "3")
    form.set_json('{"a": 2, "b": [1.0]}')
    assert exactly(form.value) == exactly({"a": 2, "b": [1.0]})
    form.undo()
    assert form.value == {"a": 1}


def test_nodes_stay_the_same_when_their_json_is_typed():
    form = RecordForm({"a": 1, "b": {"c": [1, 2]}})
    before = [form.find("a"), form.find("b"), form.find("b", "c", 1)]
    form.set_json('{"b": {"c": [1, 5, 6]}, "a": 7}')
    assert [form.find("a"), form.find("b"), form.find("b", "c", 1)] == before
    assert form.value == {"b": {"c": [1, 5, 6]}, "a": 7}


def test_any_json_may_stand_at_the_top():
    for value in (None, True, 3, 2.5, "text", [1], {}):
        form = RecordForm(value)
        assert exactly(form.value) == exactly(value)
        form.set_json("[null]")
        assert form.value == [None]
    form.delete(form.root.id)
    assert form.value is None


class Editing(RuleBasedStateMachine):
    """Whatever is done to a form, undo goes back through the same states, and JSON and form say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.form = RecordForm({"a": 1, "b": [1.5, "x"], "c": {"d": None}})
        self.seen = [self.form.json]

    def at(self, place: int) -> int:
        found = [node.id for node in nodes.walk(self.form.root)]
        return found[place % len(found)]

    def scalar(self, place: int) -> int | None:
        at = self.at(place)
        return None if self.form.node(at).holds else at

    @rule(place=st.integers(0, 99), text=st.sampled_from(["", "1", "x", "1.50", "-0.0", '"q"', "a\nb"]))
    def type_text(self, place, text):
        if (at := self.scalar(place)) is not None and self.form.node(at).kind not in ("null", "boolean"):
            self.form.set_text(at, text)

    @rule(place=st.integers(0, 99), kind=st.sampled_from(nodes.KINDS))
    def change_type(self, place, kind):
        self.form.set_kind(self.at(place), kind)

    @rule(place=st.integers(0, 99), by=st.sampled_from([-1, 1, 5]))
    def move(self, place, by):
        self.form.move(self.at(place), by)

    @rule(place=st.integers(0, 99))
    def add(self, place):
        at = self.at(place)
        if self.form.node(at).holds and len(list(nodes.walk(self.form.root))) < 60:
            self.form.add(at)

    @rule(place=st.integers(0, 99))
    def delete(self, place):
        self.form.delete(self.at(place))

    @rule(place=st.integers(0, 99), key=st.sampled_from(["a", "b", "z", ""]))
    def rename(self, place, key):
        at = self.at(place)
        if (above := self.form.parent(at)) is not None and above.kind == "object":
            self.form.rename(at, key)

    @rule(value=json_values())
    def type_json(self, value):
        self.form.set_json(json.dumps(value))

    @rule(count=st.integers(1, 3))
    def undo_and_redo(self, count):
        now = self.form.json
        for _ in range(count):
            self.form.undo()
        for _ in range(count):
            self.form.redo()
        assert self.form.json == now or not self.form.can_redo

    @invariant()
    def json_is_what_the_form_says(self):
        if self.form.json_problem:
            return
        assert exactly(json.loads(self.form.json)) == exactly(self.form.value)

    def teardown(self):
        while self.form.can_undo:
            self.form.undo()
        assert self.form.value == {"a": 1, "b": [1.5, "x"], "c": {"d": None}}
        assert not self.form.dirty


TestEditing = Editing.TestCase


# what is shown


def test_large_records_are_folded_and_shown_a_page_at_a_time():
    root = nodes.node_of({f"k{n}": list(range(1000)) for n in range(30)})
    outline = Outline(root)
    assert len(outline.lines(root)) < 200
    first = root.inside[0]
    assert not outline.is_open(root.inside[-1])
    if not outline.is_open(first):
        outline.turn(first)
    lines = outline.lines(root)
    assert sum(line.path.startswith("k0[") for line in lines) == PAGE
    outline.page(first, 950)
    assert [line.name for line in outline.lines(root) if line.path.startswith("k0[")][-1] == "[999]"
    assert outline.show(root, root.inside[29].inside[500].id)
    assert "k29[500]" in [line.path for line in outline.lines(root)]


def test_no_text_is_markup_or_a_formula():
    assert "<b>" not in text_html("<b>&</b>")
    assert "mathjax_ignore" in text_html("$x$")
    assert set(label("$\\x\n\u202e")).isdisjoint("$\\\n\u202e")
    assert len(label("x" * 500)) < 60


# saving


@pytest.fixture
def wf(tmp_path: Path) -> tf.Workflow:
    return tf.connect(tmp_path / "study.db").create_workflow("forms")


def test_a_record_is_saved_exactly(wf):
    data = {"i": 1, "f": 1.0, "big": 2**70, "n": None, "s": "ü\n", "l": [True, {"x": -0.0}]}
    [key] = wf.add_user_data(None, data)
    editor = RecordEditor(wf, key)
    form = editor.session.form
    form.set_text(form.find("i"), "2")
    editor.save()
    assert exactly(wf.get_user_data(key).data) == exactly(data | {"i": 2})
    assert not form.dirty
    editor.save()
    assert "nothing to save" in editor._message.value


@given(json_values(), json_values())
def test_two_values_differ_where_they_are_told_to(one, other):
    found = differences(one, other)
    assert (not found) == (exactly(sort(one)) == exactly(sort(other)))


def sort(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sort(value[key]) for key in sorted(value)}
    return [sort(item) for item in value] if isinstance(value, list) else value


def conflicting(wf: tf.Workflow) -> tuple[str, RecordSession]:
    [key] = wf.add_user_data(None, {"a": 1, "b": 1})
    session = RecordSession(wf, wf.get_user_data(key))
    session.form.set_text(session.form.find("a"), "2")
    wf.update_user_data(key, {"a": 1, "b": 5})
    assert "changed by somebody else" in session.save()
    return key, session


def test_what_others_wrote_is_shown_and_not_overwritten(wf):
    key, session = conflicting(wf)
    shown = [(each.path, each.theirs, each.yours) for each in session.conflict.differences]
    assert shown == [("a", "1", "2"), ("b", "5", "1")]
    assert wf.get_user_data(key).data == {"a": 1, "b": 5}
    session.keep_editing()
    assert session.form.value == {"a": 2, "b": 1}
    assert "changed by somebody else" in session.save()


def test_theirs_is_taken_and_yours_comes_back_by_undo(wf):
    key, session = conflicting(wf)
    session.take_theirs()
    assert session.form.value == {"a": 1, "b": 5}
    assert not session.dirty
    session.form.undo()
    assert session.form.value == {"a": 2, "b": 1}
    assert "is saved" in session.save()
    assert wf.get_user_data(key).data == {"a": 2, "b": 1}


def test_theirs_is_overwritten_but_not_what_came_after_it(wf):
    key, session = conflicting(wf)
    wf.update_user_data(key, {"a": 1, "b": 6})
    assert "changed by somebody else" in session.overwrite()
    assert wf.get_user_data(key).data == {"a": 1, "b": 6}
    assert "is saved" in session.overwrite()
    assert wf.get_user_data(key).data == {"a": 2, "b": 1}


def test_others_who_saved_the_same_are_no_conflict(wf):
    [key] = wf.add_user_data(None, {"a": 1})
    session = RecordSession(wf, wf.get_user_data(key))
    session.form.set_text(session.form.find("a"), "2")
    wf.update_user_data(key, {"a": 2})
    assert "Somebody else has saved the same" in session.save()
    assert not session.dirty


def test_reloading_can_be_undone(wf):
    _, session = conflicting(wf)
    assert "Undo brings back your edits" in session.reload()
    assert session.form.value == {"a": 1, "b": 5}
    session.form.undo()
    assert session.form.value == {"a": 2, "b": 1}


def test_a_record_that_was_deleted_is_told_and_the_edits_stay(wf):
    [key] = wf.add_user_data(None, {"a": 1})
    editor = RecordEditor(wf, key)
    form = editor.session.form
    form.set_text(form.find("a"), "2")
    wf.delete_user_data(key)
    editor._save_button.click()
    assert "no user_data key" in editor._message.value
    assert form.value == {"a": 2}


def test_a_record_is_edited_on_every_store(store):
    workflow = tf.connect(store.url).create_workflow("forms")
    job = workflow.add_job("one")
    [key] = workflow.add_user_data(job, {"a": 1, "b": {"c": [0.1, 2.0, "x"]}})
    editor = RecordEditor(workflow, job=job)
    form = editor.session.form
    form.set_text(form.find("b", "c", 1), "3.0")
    editor.save()
    assert exactly(workflow.get_user_data(key).data) == exactly({"a": 1, "b": {"c": [0.1, 3.0, "x"]}})
    form.set_text(form.find("a"), "2")
    workflow.update_user_data(key, {"a": 7})
    editor.save()
    assert "changed by somebody else" in editor._message.value
    assert workflow.get_user_data(key).data == {"a": 7}
    editor._do(editor.session.overwrite)
    assert workflow.get_user_data(key).data == {"a": 2, "b": {"c": [0.1, 3.0, "x"]}}


def test_a_server_that_rounds_shows_what_it_keeps(torc_server):
    workflow = tf.connect(torc_server.url).create_workflow("rounding")
    exact = 0.1234567890123456 * 3
    [key] = workflow.add_user_data(None, {"a": 0.5})
    editor = RecordEditor(workflow, key)
    form = editor.session.form
    for n in range(40):
        value = exact + n * 1e-3
        form.set_text(form.find("a"), repr(value))
        with warnings_ignored():
            editor.save()
        assert form.value == workflow.get_user_data(key).data
        assert not form.dirty
        if form.value["a"] != value:
            assert "a little differently" in editor._message.value
            return
    pytest.fail("this server rounds nothing")


def warnings_ignored() -> Any:
    import warnings

    ignored = warnings.catch_warnings()

    class Ignored:
        def __enter__(self) -> None:
            ignored.__enter__()
            warnings.simplefilter("ignore", tf.InexactFloatWarning)

        def __exit__(self, *error: object) -> None:
            ignored.__exit__(*error)

    return Ignored()


def test_a_write_whose_answer_was_lost_is_looked_for(wf, monkeypatch):
    [key] = wf.add_user_data(None, {"a": 1})
    session = RecordSession(wf, wf.get_user_data(key))
    session.form.set_text(session.form.find("a"), "2")
    update = wf.update_user_data

    def lost(*args: Any, **options: Any) -> None:
        update(*args, **options)
        raise UncertainWriteError("no answer came")

    monkeypatch.setattr(wf, "update_user_data", lost)
    assert session.save() == f"Record {key} is saved"
    assert not session.dirty


# the editor


def test_an_editor_is_of_a_record_or_of_a_job(wf):
    wf.push(tf.grid(alpha=[0.1, 0.2]))
    job = wf.job("2")
    for editor in (
        RecordEditor(wf, "2"),
        RecordEditor(wf, 2),
        RecordEditor(wf, wf.get_user_data("2")),
        RecordEditor(wf, record="2"),
        RecordEditor(wf, job),
        RecordEditor(wf, job="2"),
        RecordEditor(wf, job=2),
        RecordEditor(wf, job=job),
    ):
        assert repr(editor) == "RecordEditor(workflow='1', record='2')"
        assert editor.session.form.value == {"alpha": 0.2}
    with pytest.raises(tf.RefusedError, match="name a record or a job"):
        RecordEditor(wf)
    with pytest.raises(tf.NotFoundError):
        RecordEditor(wf, "99")
    with pytest.raises(tf.RefusedError, match="no input record"):
        RecordEditor(wf, wf.add_job("bare"))


def test_several_records_of_a_job_keep_their_edits_while_others_are_shown(wf):
    job = wf.add_job("two")
    keys = wf.add_user_data(job, {"a": 1}, {"b": 1}, name="part")
    editor = RecordEditor(wf, job)
    first = editor.session.form
    first.set_text(first.find("a"), "2")
    editor._records_box.value = keys[1]
    assert editor.session.form.value == {"b": 1}
    editor._records_box.value = keys[0]
    assert editor.session.form.value == {"a": 2}
    editor.save()
    assert wf.get_user_data(keys[0]).data == {"a": 2}


@pytest.mark.parametrize("typed", ["7", "7x", "7.0"])
def test_edits_that_were_not_saved_are_there_again(wf, typed):
    [key] = wf.add_user_data(None, {"a": 1})
    editor = RecordEditor(wf, key)
    editor.session.form.set_text(editor.session.form.find("a"), typed)
    again = RecordEditor(wf, key)
    assert "not saved are here again" in again._message.value
    assert typed in again.session.form.json
    again.session.form.undo()
    assert again.session.form.value == {"a": 1}
    assert "not saved are here" not in RecordEditor(wf, key)._message.value


def test_edits_of_an_earlier_session_do_not_overwrite_what_others_wrote_since(wf):
    [key] = wf.add_user_data(None, {"a": 1, "b": 1})
    editor = RecordEditor(wf, key)
    editor.session.form.set_text(editor.session.form.find("a"), "7")
    wf.update_user_data(key, {"a": 1, "b": 2})
    again = RecordEditor(wf, key)
    again.save()
    assert [each.path for each in again.session.conflict.differences] == ["a", "b"]
    assert wf.get_user_data(key).data == {"a": 1, "b": 2}


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def typed_in(editor: RecordEditor, name: str, text: str) -> None:
    form = editor.session.form
    form.set_text(form.find(name), text)


def drafts_in(folder: Path) -> list[Path]:
    return list((folder / "drafts").glob("*.json"))


def test_a_draft_that_can_not_be_written_is_told(wf, tmp_path):
    (tmp_path / "drafts").write_text("a file where a folder should be")
    [key] = wf.add_user_data(None, {"a": 1})
    assert "no draft can be written" in RecordEditor(wf, key)._message.value
    (tmp_path / "drafts").unlink()
    editor = RecordEditor(wf, key)
    shutil.rmtree(tmp_path / "drafts")
    typed_in(editor, "a", "7")
    wait_for(lambda: "not kept on disk" in editor._message.value)


def test_drafts_are_for_their_user_only_and_go_with_the_editor(wf, tmp_path):
    [key] = wf.add_user_data(None, {"a": 1})
    editor = RecordEditor(wf, key)
    typed_in(editor, "a", "7")
    wait_for(lambda: len(drafts_in(tmp_path)) == 1)
    [draft] = drafts_in(tmp_path)
    assert draft.stat().st_mode & 0o077 == 0
    assert draft.parent.stat().st_mode & 0o077 == 0
    editor.save()
    wait_for(lambda: drafts_in(tmp_path) == [])
    editor.close()
    assert list((tmp_path / "drafts").iterdir()) == []


def test_a_record_is_edited_in_the_cell_where_it_was_opened_last(wf):
    job = wf.add_job("two")
    keys = wf.add_user_data(job, {"a": 1}, {"b": 1}, name="part")
    first = RecordEditor(wf, job)
    typed_in(first, "a", "2")
    first._records_box.value = keys[1]
    typed_in(first, "b", "2")
    # The one that is not shown is opened anew when it is chosen, as it is then.
    other = RecordEditor(wf, keys[0])
    assert other.session.form.value == {"a": 2}
    other.save()
    other.close()
    first._records_box.value = keys[0]
    assert first.session.form.value == {"a": 2}
    assert not first.session.dirty
    # The one that is shown is gone from there, and not its edits.
    first._records_box.value = keys[1]
    second = RecordEditor(wf, keys[1])
    assert "edited in another cell now" in first._message.value
    assert first._json.comm is None
    assert second.session.form.value == {"b": 2}
    second.close()


def test_a_closed_editor_leaves_no_widget_on_the_page(wf):
    editor = RecordEditor(wf, wf.add_user_data(None, {"a": [1, {"b": 2}]})[0])
    inside, waiting = [editor._json, editor._wrong], [*editor.children]
    while waiting:
        inside.append(waiting.pop())
        waiting += getattr(inside[-1], "children", ())
    editor.close()
    assert len(inside) > 20
    assert [each for each in inside if each.comm is not None] == []


IN_ANOTHER_PROCESS = """
import sys
import torc_frames as tf
from torc_frames.widgets.records.widget import RecordEditor
editor = RecordEditor(tf.connect(sys.argv[1]).workflow("1"), "1")
editor.session.form.set_text(editor.session.form.find("a"), "99")
editor.session.form.set_text(editor.session.form.find("b"), "not a number")
editor.session.draft.flush()
print("kept", flush=True)
sys.stdin.readline()
"""


def test_a_kernel_does_not_overwrite_the_draft_of_another_and_finds_that_of_a_dead_one(wf, tmp_path):
    [key] = wf.add_user_data(None, {"a": 1, "b": 1})
    arguments = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(tmp_path / "study.db")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline().strip() == "kept"
        mine = RecordEditor(wf, key)
        assert "edited in another notebook, too" in mine._message.value
        assert mine.session.form.value == {"a": 1, "b": 1}
        typed_in(mine, "a", "5")
        mine.save()
        mine.close()
        other.kill()
        other.wait()
    again = RecordEditor(wf, key)
    assert "not saved are here again" in again._message.value
    assert again.session.form.problems
    typed_in(again, "b", "2")
    again.save()
    assert [each.path for each in again.session.conflict.differences] == ["a", "b"]
    again.close()


@pytest.mark.parametrize("state", [{}, {"form": None, "stored": {}}, {"form": {}, "stored": {"data": 1}}])
def test_a_draft_of_a_record_that_can_not_be_read_is_set_aside(wf, tmp_path, state):
    [key] = wf.add_user_data(None, {"a": 1})
    first = RecordEditor(wf, key)
    typed_in(first, "a", "7")
    first.close()
    [draft] = drafts_in(tmp_path)
    draft.write_text(json.dumps(json.loads(draft.read_text()) | {"state": state}))
    again = RecordEditor(wf, key)
    assert "set aside" in again._message.value
    assert again.session.form.value == {"a": 1}
    again.close()


def test_a_draft_is_not_of_a_record_of_the_same_key_in_a_file_made_anew(tmp_path):
    path = tmp_path / "again.db"
    for name in ("first", "second"):
        client = tf.connect(path)
        made = client.create_workflow(name)
        made.add_user_data(None, {"a": 1})
        editor = RecordEditor(made, "1")
        assert editor.session.form.value == {"a": 1}
        message = editor._message.value
        typed_in(editor, "a", "7")
        editor.close()
        client.close()
        path.unlink()
    assert "draft of another workflow" in message
    assert "first" in message


def test_widgets_follow_the_form_and_the_form_the_widgets(wf):
    [key] = wf.add_user_data(None, {"a": 1, "flag": True, "list": [1, 2], "none": None, "text": "x\ny"})
    editor = RecordEditor(wf, key)
    form = editor.session.form
    field = widgets_of(editor, "a")
    field.value = "12"
    assert form.value["a"] == 12
    field.value = "12x"
    assert "no integer" in shown(editor)
    form.undo()
    assert field.value == "1"
    widgets_of(editor, "flag").value = "false"
    assert form.value["flag"] is False
    assert widgets_of(editor, "text").value == "x\ny"
    assert widgets_of(editor, "none").disabled
    editor._view.value = "JSON"
    editor._json.value = '{"a": 5, "new": [1.0'
    assert "expected ',' or ']'" in editor._wrong.value
    editor._view.value = "Form"
    assert "mend it there first" in editor._wrong.value
    editor._view.value = "JSON"
    editor._json.value = '{"a": 5, "new": [1.0]}'
    editor._view.value = "Form"
    assert widgets_of(editor, "a").value == "5"
    assert widgets_of(editor, "[0]").value == "1.0"
    editor._undo.click()
    assert widgets_of(editor, "a").value == "1"


def lines(editor: RecordEditor) -> list[Any]:
    return [line for (part, _), line in editor._form_view._lines.items() if part == "value"]


def widgets_of(editor: RecordEditor, name: str) -> Any:
    return next(line._typed for line in lines(editor) if line._line.name == name)


def shown(editor: RecordEditor) -> str:
    return " ".join(line._wrong.value for line in lines(editor) if line._wrong)


def test_lines_are_added_and_moved_by_buttons_and_keep_their_widgets(wf):
    [key] = wf.add_user_data(None, {"a": 1, "b": [{"x": 1}]})
    editor = RecordEditor(wf, key)
    form, view = editor.session.form, editor._form_view
    kept = widgets_of(editor, "a")
    view.add(form.find("b"))
    view.act(form.find("a"), lambda at: form.move(at, 1))
    view.add(form.root.id)
    assert form.value == {"b": [{"x": 1}, {"x": 1}], "a": 1, "new": ""}
    assert widgets_of(editor, "a") is kept
    view.turn(form.node(form.find("b")))
    assert "b[0].x" not in [line._line.path for line in lines(editor)]
    view.act(form.find("a"), form.delete)
    assert form.value == {"b": [{"x": 1}, {"x": 1}], "new": ""}


def test_a_conflict_asks_with_both_values(wf):
    [key] = wf.add_user_data(None, {"a": "<b>1</b>"})
    editor = RecordEditor(wf, key)
    form = editor.session.form
    form.set_text(form.find("a"), "mine")
    wf.update_user_data(key, {"a": "<i>theirs</i>"})
    editor._save_button.click()
    assert editor._conflict.layout.display == ""
    table, buttons = editor._conflict.children
    assert "&lt;i&gt;theirs" in table.value
    assert "mine" in table.value
    assert [each.description for each in buttons.children] == [
        "Overwrite with yours",
        "Take theirs",
        "Keep editing",
    ]
    buttons.children[0].click()
    assert wf.get_user_data(key).data == {"a": "mine"}
    assert editor._conflict.layout.display == "none"


def test_nothing_invalid_is_saved(wf):
    [key] = wf.add_user_data(None, {"a": 1})
    editor = RecordEditor(wf, key)
    widgets_of(editor, "a").value = "1x"
    editor._save_button.click()
    assert "no integer" in editor._message.value
    assert wf.get_user_data(key).data == {"a": 1}


def test_forty_fields_are_quick_and_large_records_make_few_widgets(wf):
    forty = {f"field {n}": [1, 0.5, "x", True, None][n % 5] for n in range(40)}
    many = {f"k{n}": [{"x": m, "y": [1, 2]} for m in range(40)] for n in range(30)}
    keys = wf.add_user_data(None, forty, many)
    assert len(lines(RecordEditor(wf, keys[0]))) == 41
    assert len(lines(RecordEditor(wf, keys[1]))) < 200
