"""What can't be taken back is done by what was shown alone: jobs deleted with their results."""

from __future__ import annotations

import pandas as pd
import pytest
from spoken import Spoken

import torc_frames as tf
from torc_frames.widgets import ParameterEditor


@pytest.fixture
def wf(tmp_path, monkeypatch):
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "drafts"))
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("ridge")
    wf.push(pd.DataFrame({"a": [1, 2, 3, 4], "s": ["w", "x", "y", "z"]}), command="run")
    yield wf
    client.close()


@pytest.fixture
def editor(wf):
    made = ParameterEditor(wf, command="run")
    yield made
    made.close()


@pytest.fixture
def page(editor):
    return Spoken(editor)


def apply(page):
    page.say("apply", review=page.state["review"]["number"])


def test_a_review_writes_nothing_and_its_button_says_what_it_deletes(wf, editor, page):
    editor.sheet.delete_rows(1, 3)
    editor.sheet.set_texts([(0, 1, "10")])
    page.say("review")
    assert page.state["review"]["verb"] == "Apply: delete 2 jobs and their results"
    assert [row["job"] for row in page.state["review"]["rows"] if row["what"] == "deleted"] == ["2", "3"]
    page.say("leave")
    assert page.state["review"] is None
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]
    assert editor.sheet.deleted_keys == ["2", "3"]
    page.say("review")
    apply(page)
    assert wf.parameters()["a"].tolist() == [10, 4]
    assert page.told == "Applied: 1 job changed, 2 jobs deleted"
    assert not editor.sheet.is_dirty


@pytest.mark.parametrize("number", [0, 7, 2**60, -1, "1", None])
def test_what_was_not_shown_is_not_applied(wf, editor, page, number):
    editor.sheet.delete_rows(1, 3)
    page.say("apply", review=number)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]
    assert page.told


def test_a_review_that_was_left_is_not_applied(wf, editor, page):
    editor.sheet.delete_rows(1, 3)
    page.say("review")
    number = page.state["review"]["number"]
    page.say("leave")
    page.say("apply", review=number)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]


def test_the_jobs_that_are_deleted_are_those_that_were_shown(wf, editor, page):
    editor.sheet.delete_rows(0, 1)
    page.say("review")
    first = page.state["review"]["number"]
    editor.sheet.delete_rows(1, 2)
    page.say("apply", review=first)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]
    assert page.state["review"]["verb"] == "Apply: delete 2 jobs and their results"
    editor.sheet.restore_rows(0, 1)
    apply(page)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]


def test_what_others_do_while_it_is_shown_is_looked_at_again(wf, editor, page):
    editor.sheet.delete_rows(0, 1)
    page.say("review")
    theirs = wf.parameters()
    theirs.loc["1", "a"] = 70
    wf.push(theirs, command="run")
    apply(page)
    # The job that was to be deleted is another one by now: that is a conflict, and nothing is deleted.
    assert wf.parameters()["a"].tolist() == [70, 2, 3, 4]
    (conflict,) = page.state["review"]["conflicts"]
    assert (conflict["job"], conflict["column"], conflict["mine"]) == ("1", "", "the row is deleted")
    assert (conflict["before"], conflict["theirs"]) == ("a: 1", "a: 70")
    assert "look again" in page.told


def test_others_who_change_another_row_are_no_reason_to_look_again(wf, editor, page):
    editor.sheet.set_texts([(0, 1, "10")])
    page.say("review")
    theirs = wf.parameters()
    theirs.loc["3", "a"] = 70
    wf.push(theirs, command="run")
    apply(page)
    assert wf.parameters()["a"].tolist() == [10, 2, 70, 4]


def test_python_is_not_asked(wf, editor):
    editor.sheet.delete_rows(0, 1)
    assert editor.apply()["deleted"] == 1
    editor.sheet.delete_rows(0, 1)
    editor.discard()
    assert not editor.sheet.is_dirty


def test_what_stays_open_after_a_change_of_others_keeps_undo(wf, editor, page):
    editor.sheet.set_texts([(0, 1, "10")])
    editor.sheet.set_texts([(1, 1, "20")])
    theirs = wf.parameters()
    theirs.loc["3", "a"] = 70
    wf.push(theirs, command="run")
    page.say("review")
    assert page.state["undo"]
    editor._on_message(editor, {"to": "grid", "op": "undo"}, [])
    assert editor.value["a"].tolist() == [10, 2, 70, 4]
    assert page.state["redo"]


def test_undo_says_what_it_took_back(editor, page):
    editor.sheet.delete_rows(0, 3)
    editor._on_message(editor, {"to": "grid", "op": "undo"}, [])
    assert page.grid[-1]["text"] == "took back: 3 rows deleted"
    editor._on_message(editor, {"to": "grid", "op": "redo"}, [])
    assert page.grid[-1]["text"] == "did again: 3 rows deleted"
