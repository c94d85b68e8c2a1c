"""What undo takes back: edits alone, said in words, and kept when the table is pulled anew."""

from __future__ import annotations

import copy
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames.errors import RefusedError
from torc_frames.widgets.parameters.conditions import Condition
from torc_frames.widgets.parameters.filling import StepSeries
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.parameters.session import Session
from torc_frames.widgets.table.source import Block

EXAMPLES = 60 if settings().max_examples <= 100 else 300


def frame() -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "n": pd.Series([1, 2, 3, 4, 5], dtype="int64"),
            "x": [0.5, np.nan, 1.5, 2.0, 2.5],
            "s": pd.Series(["a", "b", None, "d", "e"], dtype="str"),
            "j": pd.Series([{"a": 1}, None, [1], "t", 2], dtype=object),
        }
    )
    made.index = pd.Index(list("12345"), dtype="str", name="job_key")
    return made


def whole(sheet: Sheet) -> dict[str, object]:
    """All there is in a sheet, whatever of it is shown."""
    state = sheet._state
    own = state.own
    return {
        "columns": sheet.columns,
        "keys": [state.base.key(id) for id in own.tolist()],
        "texts": {column.name: column.texts(own) for column in state.columns},
        "value": sheet.value.map(repr).to_dict("list"),
        "dtypes": [str(dtype) for dtype in sheet.value.dtypes],
        "problems": sheet.problems.map(repr).to_dict("list"),
        "counts": sheet.counts,
        "deleted": sheet.deleted_keys,
        "dropped": sheet.dropped_columns,
    }


EDITS = [
    (lambda sheet: sheet.set_texts([(0, 1, "7")]), "1 cell of n changed"),
    (lambda sheet: sheet.set_texts([(0, 1, "7"), (1, 2, "8")]), "2 cells in 2 columns changed"),
    (lambda sheet: sheet.delete_rows(0, 3), "3 rows deleted"),
    (lambda sheet: sheet.insert_rows(2, 4), "4 rows added"),
    (lambda sheet: sheet.duplicate_rows(0, 2), "2 rows added"),
    (lambda sheet: sheet.paste(Block(4, 1, 5, 2), "8\n9"), "1 row added, 1 cell of n changed"),
    (lambda sheet: sheet.clear(Block(0, 2, 5, 3)), "4 cells of x changed"),
    (lambda sheet: sheet.add_column("more"), "column 'more' added"),
    (lambda sheet: sheet.rename_column("x", "y"), "column 'x' renamed 'y'"),
    (lambda sheet: sheet.drop_column("x"), "column 'x' dropped"),
    (lambda sheet: sheet.retype_column("n", "float64"), "column 'n' made float64"),
    (lambda sheet: sheet.fill_series(StepSeries(1), "n"), "5 cells of n changed"),
    (lambda sheet: sheet.append(pd.DataFrame({"n": [9]})), "1 row added"),
]


@pytest.mark.parametrize(("edit", "told"), EDITS)
def test_undo_and_redo_say_what_they_did(edit, told):
    sheet = Sheet(frame())
    assert (sheet.undo(), sheet.redo()) == (None, None)
    edit(sheet)
    after = whole(sheet)
    assert sheet.undo() == told
    assert whole(sheet) == whole(Sheet(frame()))
    assert sheet.redo() == told
    assert whole(sheet) == after


def test_rows_that_are_restored_are_told_as_that():
    sheet = Sheet(frame())
    sheet.delete_rows(0, 3)
    sheet.restore_rows(1, 3)
    assert sheet.undo() == "2 rows restored"
    assert sheet.deleted_keys == ["1", "2", "3"]


def test_a_filter_and_an_order_are_no_edits():
    sheet = Sheet(frame())
    sheet.set_texts([(4, 1, "50")])
    sheet.filter(Condition("n", "range", low="2", high="4"))
    sheet.sort(1, False)
    assert sheet.undo() == "1 cell of n changed (rows that the filter hides)"
    assert [row.texts[1] for row in sheet.rows(0, 9)] == ["4", "3", "2"]
    assert not sheet.can_undo
    # What is selected and deleted next is what is there to see.
    sheet.delete_rows(0, len(sheet))
    assert sheet.deleted_keys == ["2", "3", "4"]
    sheet.filter()
    sheet.sort(1, None)
    assert sheet.undo() == "3 rows deleted"
    assert len(sheet) == 5


def test_a_filter_leaves_what_can_be_done_again():
    sheet = Sheet(frame())
    sheet.delete_rows(0, 2)
    sheet.undo()
    sheet.filter(Condition("n", "equals", "3"))
    assert sheet.redo() == "2 rows deleted (rows that the filter hides)"
    assert sheet.deleted_keys == ["1", "2"]


def test_a_row_comes_back_to_its_place_whatever_is_shown():
    sheet = Sheet(frame())
    sheet.insert_rows(2, 2)
    sheet.set_texts([(2, 1, "20"), (3, 1, "30")])
    sheet.delete_rows(2, 4)
    sheet.sort(1, False)
    sheet.filter(Condition("n", "range", high="4"))
    sheet.undo()
    assert sorted(row.texts[1] for row in sheet.rows(0, 9)) == ["1", "2", "20", "3", "30", "4"]
    assert sheet.value["n"].tolist() == [1, 2, 20, 30, 3, 4, 5]
    sheet.redo()
    assert sheet.value["n"].tolist() == [1, 2, 3, 4, 5]


def test_an_order_by_a_column_that_goes_with_undo_goes_too():
    sheet = Sheet(frame())
    sheet.add_column("more", "int64", "1")
    sheet.sort(5, True)
    sheet.undo()
    assert sheet.order is None
    sheet.rename_column("n", "m")
    sheet.sort(1, False)
    sheet.filter(Condition("m", "range", low="2"))
    sheet.undo()
    assert sheet.order == (1, False)
    assert sheet.conditions[0].column == "n"


# Others change the store, and the table is pulled again.


def type_in(session: Session, key: str, name: str, text: str) -> None:
    row, column = session.sheet.position_of(key, name)
    session.sheet.set_texts([(row, column, text)])


@pytest.fixture
def wf(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("ridge")
    wf.push(pd.DataFrame({"a": [1, 2, 3], "s": ["x", "y", "z"]}), command="run")
    yield wf
    client.close()


@pytest.fixture
def session(wf):
    made = Session(wf)
    yield made
    made.draft.release()


def others_write(wf, **cells) -> None:
    """Somebody else writes values into cells, which are named by column and job key."""
    theirs = wf.parameters()
    for cell, value in cells.items():
        theirs.loc[cell[-1], cell[:-1]] = value
    wf.push(theirs, command="run")


def test_a_plan_after_somebody_elses_change_keeps_undo_and_redo(wf, session):
    type_in(session, "1", "a", "10")
    session.sheet.delete_rows(1, 2)
    type_in(session, "3", "a", "30")
    session.sheet.undo()
    others_write(wf, a3=33, s1="new")
    session.propose()
    sheet = session.sheet
    assert sheet.value["s"].tolist() == ["new", "z"]
    assert sheet.redo() == "1 cell of a changed"
    assert sheet.value["a"].tolist() == [10, 30]
    assert sheet.undo() == "1 cell of a changed"
    # What is taken back is what they have written meanwhile, not what it was before.
    assert sheet.value["a"].tolist() == [10, 33]
    assert sheet.undo() == "1 row deleted"
    assert sheet.undo() == "1 cell of a changed"
    assert sheet.value["a"].tolist() == [1, 2, 33]
    assert not sheet.is_dirty


def test_undo_of_an_edit_in_conflict_is_theirs_and_no_conflict(wf, session):
    type_in(session, "1", "a", "10")
    others_write(wf, a1=7)
    assert session.propose().conflicts == [("1", "a", 1, 7, 10)]
    session.sheet.undo()
    assert session.sheet.value["a"].tolist() == [7, 2, 3]
    assert session.propose().is_empty
    session.sheet.redo()
    # Nobody has decided yet.
    assert session.propose().conflicts == [("1", "a", 1, 7, 10)]


def test_steps_of_jobs_that_others_have_deleted_are_left_out(wf, session):
    type_in(session, "1", "a", "10")
    type_in(session, "2", "a", "20")
    wf.delete_jobs("2")
    session.reload()
    assert session.sheet.undo() == "1 cell of a changed"
    assert not session.sheet.can_undo
    assert session.sheet.value["a"].tolist() == [1, 3]


def test_a_row_that_became_a_job_of_theirs_is_not_taken_back(wf, session):
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    wf.push(pd.DataFrame({"a": [7], "s": ["p"]}), command="run")
    session.reload()
    assert session.sheet.counts["new"] == 0
    assert not session.sheet.can_undo
    assert session.sheet.value["a"].tolist() == [1, 2, 3, 7]


def test_what_was_applied_can_not_be_undone(wf, session):
    type_in(session, "1", "a", "10")
    session.apply(session.propose())
    assert session.sheet.undo() is None


def test_what_a_stopped_apply_has_written_is_taken_back_all_the_same():
    sheet = Sheet(frame())
    sheet.set_texts([(0, 1, "10"), (1, 1, "20")])
    sheet.append(pd.DataFrame({"n": [70], "x": [7.0]}))
    taken = sheet.take()
    now = pd.concat([frame(), frame().iloc[[0]].set_axis(["6"], axis=0).rename_axis("job_key")])
    now["n"] = [10, 2, 3, 4, 5, 70]  # the second cell is still to be written
    now["x"] = [*frame()["x"], 7.0]
    now.loc["6", ["s", "j"]] = None
    sheet.rebase(now, taken)
    assert sheet.value["n"].tolist() == [10, 20, 3, 4, 5, 70]
    assert sheet.counts == {"changed": 1, "new": 0, "deleted": 0, "invalid": 0}
    assert sheet.undo() == "1 row added"
    assert sheet.deleted_keys == ["6"]
    assert sheet.undo() == "2 cells of n changed"
    assert sheet.value["n"].tolist() == [1, 2, 3, 4, 5]
    assert sheet.counts == {"changed": 1, "new": 0, "deleted": 1, "invalid": 0}
    sheet.redo()
    sheet.redo()
    assert sheet.deleted_keys == []
    assert sheet.value["n"].tolist() == [10, 20, 3, 4, 5, 70]


TEXTS = st.sampled_from(["", "1", "-3", "2.5", "abc", "true", '{"a": 2}', "9"])
NAMES = st.sampled_from(["n", "x", "s", "j", "more", "other"])
DTYPES = st.sampled_from(["int64", "Int64", "float64", "str", "json", "boolean"])
small = st.integers(0, 6)

moves = st.one_of(
    st.tuples(
        st.just("set_texts"),
        st.lists(st.tuples(small, small, TEXTS), min_size=1, max_size=3).map(lambda x: (x,)),
    ),
    st.tuples(st.just("insert_rows"), st.tuples(small, st.integers(1, 2))),
    st.tuples(st.just("duplicate_rows"), st.tuples(small, small)),
    st.tuples(st.just("delete_rows"), st.tuples(small, small)),
    st.tuples(st.just("restore_rows"), st.tuples(small, small)),
    st.tuples(st.just("add_column"), st.tuples(st.sampled_from(["more", "other"]), DTYPES, TEXTS)),
    st.tuples(st.just("rename_column"), st.tuples(NAMES, NAMES)),
    st.tuples(st.just("drop_column"), st.tuples(NAMES)),
    st.tuples(st.just("retype_column"), st.tuples(NAMES, DTYPES)),
    st.tuples(st.just("sort"), st.tuples(small, st.booleans())),
    st.tuples(st.just("filter"), st.tuples(st.just(Condition("n", "range", low="2")))),
    st.tuples(st.just("undo"), st.just(())),
)

theirs = st.fixed_dictionaries(
    {
        "cells": st.lists(st.tuples(st.sampled_from("12345"), st.sampled_from(["n", "s"])), max_size=4),
        "gone": st.lists(st.sampled_from("12345"), max_size=2),
        "new": st.booleans(),
        "column": st.booleans(),
        "floats": st.booleans(),
    }
)


def others_have(changes) -> pd.DataFrame:
    now = frame()
    for key, name in changes["cells"]:
        now.loc[key, name] = 70 if name == "n" else "theirs"
    now = now.drop(index=changes["gone"])
    if changes["new"]:
        now.loc["9"] = [99, 9.9, "new", None]
        now["n"] = now["n"].astype("int64")
    if changes["floats"]:
        now["n"] = now["n"] + 0.25
    if changes["column"]:
        now["arrived"] = list(range(len(now)))
    return now


def edited(steps) -> Sheet:
    sheet = Sheet(frame())
    for name, arguments in steps:
        with suppress(RefusedError):
            getattr(sheet, name)(*arguments)
    return sheet


def through(sheet: Sheet, move: str, now: pd.DataFrame | None = None) -> list[dict[str, object]]:
    """What a sheet is, step by step, as it is taken back or done again, refreshed if there is a frame."""
    found = []
    while True:
        seen = sheet
        if now is not None:
            seen = copy.deepcopy(sheet, {id(sheet.lock): sheet.lock})
            seen.rebase(now)
        state = whole(seen)
        if not found or state != found[-1]:
            found.append(state)
        if getattr(sheet, move)() is None:
            return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(steps=st.lists(moves, max_size=8), changes=theirs, move=st.sampled_from(["undo", "redo"]))
def test_undo_after_a_refresh_is_a_refresh_after_undo(steps, changes, move):
    now = others_have(changes)
    refreshed = edited(steps)
    refreshed.rebase(now)
    assert through(refreshed, move) == through(edited(steps), move, now)


def test_a_copy_of_a_row_without_a_value_that_is_required_is_restored_as_it_was():
    base = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.5]})
    rules = {"a": tf.Rule(required=True)}
    sheet = Sheet(base, rules=rules)
    sheet.duplicate_rows(0, 2)
    again = Sheet.restore(base, sheet.state(), rules=rules)
    pd.testing.assert_frame_equal(again.value, sheet.value)
    assert sheet.value["b"].tolist() == [0.5, 1.5, 0.5]  # the other copy waits for its value
