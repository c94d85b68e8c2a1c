"""What can't be taken back is asked before: jobs deleted with their results, edits that are discarded."""

from __future__ import annotations

import ipywidgets as widgets
import pandas as pd
import pytest

import torc_frames as tf
from torc_frames.widgets import ParameterEditor
from torc_frames.widgets.parts import Ask


@pytest.fixture
def wf(tmp_path):
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


def inside(box):
    for child in getattr(box, "children", ()):
        yield child
        yield from inside(child)


def buttons(editor):
    return {one.description: one for one in inside(editor) if isinstance(one, widgets.Button)}


def press(editor, name):
    buttons(editor)[name].click()
    editor.wait(60)


def asked(editor):
    """The question that is on the page, and what says no."""
    (ask,) = (one for one in inside(editor) if isinstance(one, Ask))
    return (
        " ".join(one.value for one in inside(ask) if isinstance(one, widgets.HTML)) if ask.is_open else None
    )


def told(editor):
    return " ".join(one.value for one in inside(editor) if isinstance(one, widgets.HTML))


def plan_shown(editor):
    return " ".join(one.value for one in inside(editor._plan_view) if isinstance(one, widgets.HTML))


def test_apply_that_deletes_jobs_shows_the_plan_and_asks(wf, editor):
    editor.sheet.delete_rows(1, 3)
    editor.sheet.set_texts([(0, 1, "10")])
    press(editor, "Apply")
    assert "Delete 2 jobs and their results?" in asked(editor)
    assert "2 jobs to delete" in plan_shown(editor)
    assert "with their results: 2, 3" in plan_shown(editor)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]
    press(editor, "Cancel")
    assert asked(editor) is None
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]
    assert editor.sheet.deleted_keys == ["2", "3"]
    press(editor, "Apply")
    press(editor, "Delete 2 jobs and their results")
    assert asked(editor) is None
    assert wf.parameters()["a"].tolist() == [10, 4]
    assert not editor.sheet.is_dirty


def test_apply_that_deletes_nothing_does_not_ask(wf, editor):
    editor.sheet.set_texts([(0, 1, "10")])
    press(editor, "Apply")
    assert asked(editor) is None
    assert wf.parameters()["a"].tolist() == [10, 2, 3, 4]


def test_an_answer_is_of_the_jobs_that_were_asked_about(wf, editor):
    editor.sheet.delete_rows(0, 1)
    press(editor, "Apply")
    # The question goes with an edit: it was about another table.
    editor.sheet.delete_rows(1, 2)
    assert asked(editor) is None
    press(editor, "Apply")
    yes = buttons(editor)["Delete 2 jobs and their results"]
    editor.sheet.restore_rows(0, 1)
    yes.click()
    editor.wait(60)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]


def test_what_others_do_while_it_is_asked_is_looked_at_again(wf, editor):
    editor.sheet.delete_rows(0, 1)
    press(editor, "Apply")
    theirs = wf.parameters()
    theirs.loc["1", "a"] = 70
    wf.push(theirs, command="run")
    press(editor, "Delete 1 job and its results")
    # The job that was to be deleted is another one by now: that is a conflict, and nothing is deleted.
    assert wf.parameters()["a"].tolist() == [70, 2, 3, 4]
    assert "changed in the store" in plan_shown(editor)


def test_discard_asks(wf, editor):
    editor.sheet.set_texts([(0, 1, "10")])
    editor.sheet.delete_rows(2, 3)
    press(editor, "Discard")
    assert "1 changed, 1 deleted" in asked(editor)
    assert editor.sheet.is_dirty
    press(editor, "Cancel")
    assert editor.sheet.value["a"].tolist() == [10, 2, 4]
    press(editor, "Discard")
    press(editor, "Discard edits")
    assert asked(editor) is None
    assert not editor.sheet.is_dirty
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 4]


def test_python_is_not_asked(wf, editor):
    editor.sheet.delete_rows(0, 1)
    assert editor.apply()["deleted"] == 1
    editor.sheet.delete_rows(0, 1)
    editor.discard()
    assert not editor.sheet.is_dirty


def test_undo_says_what_it_took_back(wf, editor):
    editor.sheet.delete_rows(0, 3)
    press(editor, "Undo")
    assert "took back: 3 rows deleted" in told(editor)
    press(editor, "Redo")
    assert "did again: 3 rows deleted" in told(editor)
