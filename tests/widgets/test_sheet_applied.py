"""Sheets and stores: what is edited is planned and applied, and what others did meanwhile is a conflict."""

import json

import numpy as np
import pandas as pd
import pytest
from stores import on_each_store, on_sqlite

import torc_frames as tf
from torc_frames.errors import ConflictError
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.source import Block
from torc_frames.workflow.workflow import Workflow

pytestmark = [
    on_sqlite,  # what is planned is ours alone; what a store has a say in is marked
    pytest.mark.filterwarnings("ignore::torc_frames.errors.InexactFloatWarning"),
]


@pytest.fixture
def wf(store):
    wf = Workflow(store, store.add_workflow("sheet"))
    nested = np.empty(4, dtype=object)
    nested[:] = [{"u": [1]}, None, [1, 2], {"u": []}]
    wf.push(
        pd.DataFrame(
            {
                "n": [1, 2, 3, 4],
                "N": pd.array([1, None, 3, 4], dtype="Int64"),
                "lr": [0.1, 0.12345678901234567, np.nan, 1e-9],
                "on": [True, False, True, True],
                "s": ["a", "", None, "d"],
                "when": pd.Series(
                    np.array(["2026-01-01", "NaT", "2026-01-03", "2026-01-04"], dtype="M8[us]")
                ),
                "kind": pd.Categorical(["x", "y", None, "x"]),
                "opt": pd.Series(nested, dtype=object),
            }
        )
    )
    return wf


@pytest.fixture
def theirs(reader, wf):
    return Workflow(reader, reader.get_workflow(wf.key))


def position(sheet, name):
    return sheet.column_position(name)


def apply(wf, sheet):
    taken = sheet.take()
    pushed = wf.plan(taken.frame).apply()
    sheet.rebase(wf.parameters(), taken, list(pushed.index))


def test_a_sheet_of_what_was_pulled_is_a_plan_of_nothing(wf):
    sheet = Sheet(wf.parameters())
    assert wf.plan(sheet.value).counts["unchanged"] == 4
    pd.testing.assert_frame_equal(sheet.value, wf.parameters())


@on_each_store
def test_just_the_edited_cells_are_planned_and_applied(wf):
    sheet = Sheet(wf.parameters())
    typed = {
        "n": ("7", 7),
        "N": ("", None),
        "lr": ("0.3", 0.3),
        "on": ("no", False),
        "s": ('""', ""),
        "when": ("2027-01-01 12:00", pd.Timestamp("2027-01-01 12:00")),
        "kind": ("y", "y"),
        "opt": ('{"u": [2]}', {"u": [2]}),
    }
    sheet.set_texts([(0, position(sheet, name), text) for name, (text, _) in typed.items()])
    sheet.set_texts([(1, position(sheet, "n"), "abc")])
    plan = wf.plan(sheet.value)
    assert plan.counts["update"] == 1
    assert sorted(plan.cells["column"]) == sorted(typed)
    dtypes = wf.parameters().dtypes
    apply(wf, sheet)
    now = wf.parameters()
    assert now.dtypes.equals(dtypes)
    for name, (_, value) in typed.items():
        found = now[name].iloc[0]
        assert pd.isna(found) if value is None else found == value
    assert sheet.counts == {"changed": 1, "new": 0, "deleted": 0, "invalid": 1}


@on_each_store
def test_new_rows_become_jobs_and_are_no_longer_new(wf):
    sheet = Sheet(wf.parameters())
    sheet.duplicate_rows(0, 2)
    sheet.set_texts([(2, position(sheet, "n"), "10"), (3, position(sheet, "n"), "11")])
    sheet.insert_rows(0, 1)
    apply(wf, sheet)
    assert sheet.counts["new"] == 1
    assert sorted(wf.parameters()["n"]) == [1, 2, 3, 4, 10, 11]
    assert wf.plan(sheet.value).counts["unchanged"] == 6
    sheet.delete_rows(len(sheet) - 7, len(sheet) - 6)
    assert not sheet.is_dirty


def test_new_rows_of_an_apply_that_was_stopped_are_not_made_twice(wf):
    sheet = Sheet(wf.parameters())
    sheet.duplicate_rows(0, 1)
    sheet.set_texts([(1, position(sheet, "n"), "10")])
    taken = sheet.take()
    wf.push(taken.frame)
    sheet.rebase(wf.parameters(), taken)
    assert sheet.counts["new"] == 0
    apply(wf, sheet)
    assert len(wf.parameters()) == 5


@on_each_store
def test_what_another_client_changed_is_a_conflict_also_after_a_restart(wf, theirs):
    sheet = Sheet(wf.parameters())
    sheet.set_texts([(0, position(sheet, "n"), "7"), (1, position(sheet, "n"), "8")])
    kept = json.loads(json.dumps(sheet.state()))
    other = theirs.parameters()
    other.loc[other.index[0], "n"] = 70
    other.loc[other.index[2], "n"] = 72
    theirs.push(other)
    again = Sheet.restore(wf.parameters(), kept)
    assert again.value["n"].tolist() == [7, 8, 72, 4]
    plan = wf.plan(again.value)
    assert plan.counts["conflict"] == 1
    conflict = plan.cells[plan.cells["conflict"]]
    assert conflict[["column", "stored", "pushed"]].values.tolist() == [["n", 70, 7]]
    with pytest.raises(ConflictError):
        plan.apply()
    again.rebase(wf.parameters())
    assert wf.plan(again.value).counts["conflict"] == 1


def test_100_of_10_000_cells_in_one_plan(torc_server):
    client = tf.connect(torc_server.url)
    wf = client.create_workflow("large")
    wf.push(pd.DataFrame({"a": range(10_000), "b": ["x"] * 10_000}))
    sheet = Sheet(wf.parameters())
    sheet.fill_formula("a + 100000", Block(50, 1, 150, 2))
    plan = wf.plan(sheet.value)
    assert plan.counts == {"create": 0, "update": 100, "unchanged": 9_900, "conflict": 0}
    apply(wf, sheet)
    assert not sheet.is_dirty
    assert int((wf.parameters()["a"] >= 100_000).sum()) == 100


def test_edits_are_json(wf):
    sheet = Sheet(wf.parameters())
    sheet.fill_formula("n * 2", "n")
    assert json.loads(json.dumps(sheet.state(), allow_nan=False)) == sheet.state()
