"""What a push writes, where others have written since: the cells that were edited, and no others."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import stores
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import on_each_store, on_sqlite
from strategies import COLUMNS

import torc_frames as tf
from torc_frames.frame.compare import differing, same
from torc_frames.frame.encode import EncodedFrame, encode_frame
from torc_frames.workflow.push.edits import UNKNOWN, Base, base_of, edits_of, keep_base, merge

wf, theirs = stores.study, stores.theirs


@pytest.fixture
def both(wf, theirs):
    """The table as two clients have pulled it: a and b of jobs 1 to 3."""
    wf.push(tf.grid(a=[1, 2, 3], b=[0]))
    return theirs.parameters(), wf.parameters()


def values(wf):
    return wf.parameters().values.tolist()


@on_each_store
def test_edits_of_different_jobs_both_stand(wf, theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = 10
    of_b.iloc[1, 0] = 20
    theirs.push(of_a)
    assert wf.plan(of_b).counts == {"create": 0, "update": 1, "unchanged": 2, "conflict": 0}
    wf.push(of_b)
    assert values(wf) == [[10, 0], [20, 0], [3, 0]]


@on_each_store
def test_edits_of_different_cells_of_a_job_both_stand(wf, theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = 10
    of_b.iloc[0, 1] = 5
    theirs.push(of_a)
    wf.push(of_b)
    assert values(wf) == [[10, 5], [2, 0], [3, 0]]


def edited_by_both(theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = 10
    of_b.iloc[0] = [100, 5]
    of_b.iloc[2, 0] = 30
    theirs.push(of_a)
    return of_b


@on_each_store
def test_a_cell_that_both_edited_is_a_conflict_with_both_values(wf, theirs, both):
    of_b = edited_by_both(theirs, both)
    job = of_b.index[0]
    plan = wf.plan(of_b)
    cells = plan.cells.set_index(["job_key", "column"])
    assert cells.loc[(job, "a")].tolist() == [10, 100, True]
    assert cells.loc[(job, "b")].tolist() == [0, 5, False]
    for push in (plan.apply, lambda: wf.push(of_b)):
        with pytest.raises(tf.ConflictError, match=rf"a of job {job} \(there 10, here 100\); see"):
            push()
    assert values(wf) == [[10, 0], [2, 0], [3, 0]]


@on_each_store
def test_ours_writes_the_cells_that_were_edited_alone(wf, theirs, both):
    of_b = edited_by_both(theirs, both)
    record = wf.user_data(role="input")["record_key"].iloc[1]
    theirs.update_user_data(record, {"a": 2, "b": 77})
    wf.push(of_b, on_conflict="ours")
    assert values(wf) == [[100, 5], [2, 77], [30, 0]]


@on_each_store
def test_theirs_leaves_the_cell_in_conflict_alone_and_finds_it_again(wf, theirs, both):
    of_b = edited_by_both(theirs, both)
    pushed = wf.push(of_b, on_conflict="theirs")
    assert values(wf) == [[10, 5], [2, 0], [30, 0]]
    for table in (of_b, pushed):
        plan = wf.plan(table)
        assert plan.cells["conflict"].tolist() == [True]
        with pytest.raises(tf.ConflictError):
            plan.apply()
    wf.push(pushed, on_conflict="ours")
    assert values(wf) == [[100, 5], [2, 0], [30, 0]]
    assert wf.plan(pushed).cells.empty


@on_each_store
def test_what_both_changed_to_the_same_is_no_conflict(wf, theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = of_b.iloc[0, 0] = 10
    theirs.push(of_a)
    assert wf.plan(of_b).counts["unchanged"] == 3
    wf.push(of_b)
    assert values(wf) == [[10, 0], [2, 0], [3, 0]]


@on_each_store
def test_an_edit_after_an_edit_of_another_cell_does_not_forget_what_others_did(wf, theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = 10
    theirs.push(of_a)
    of_b.iloc[:2] = [[1, 5], [20, 0]]
    pushed = wf.push(of_b)  # in which a of job 1 is as it was pulled
    for table in (of_b, pushed):
        table.iloc[0, 0] = 100
        with pytest.raises(tf.ConflictError, match="there 10, here 100"):
            wf.push(table)
    assert values(wf) == [[10, 5], [20, 0], [3, 0]]


@on_each_store
def test_new_rows_and_columns_are_edits_beside_those_of_others(wf, theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = 10
    theirs.push(of_a)
    more = pd.DataFrame({"a": [4], "b": [0]}, index=pd.Index([None], name="job_key", dtype=of_b.index.dtype))
    wider = pd.concat([of_b, more]).assign(c=[1.5, None, None, None])
    wider.attrs = of_b.attrs
    wf.push(wider)
    now = wf.parameters()
    assert now["a"].tolist() == [10, 2, 3, 4]
    assert now["c"].iloc[0] == 1.5
    assert now["c"].isna().tolist() == [False, True, True, True]


@on_each_store
def test_commands_are_made_of_the_cells_of_all(wf, theirs):
    wf.push(tf.grid(a=[1, 2], b=[0]), command="echo {a} {b}")
    of_a, of_b = theirs.parameters(), wf.parameters()
    of_a.iloc[0, 0] = 10
    theirs.push(of_a, command="echo {a} {b}")
    of_b.iloc[0, 1] = 5
    wf.push(of_b, command="echo {a} {b}")
    assert wf.jobs()["command"].tolist() == ["echo 10 5", "echo 2 0"]


@on_each_store
def test_a_table_of_a_file_falls_back_to_what_records_others_wrote(wf, theirs, both):
    of_a, of_b = both
    of_a.iloc[0, 0] = 10
    theirs.push(of_a)
    lost = of_b.copy()
    lost.attrs = json.loads(json.dumps(of_b.attrs))
    lost.iloc[1, 0] = 20
    with pytest.raises(tf.ConflictError, match=r"a of job .* \(there 10, here 1\).*every cell counts"):
        wf.push(lost)
    wf.push(lost, on_conflict="theirs")
    assert values(wf) == [[10, 0], [20, 0], [3, 0]]


@on_each_store
def test_a_record_that_jobs_share_is_refused_for_one_of_them(wf, store, store_server, both):
    from stores import link, only

    only(not store.roles_are_of_records, "there a record has one job's name")
    of_b = both[1]
    record = wf.user_data(role="input")["record_key"].iloc[0]
    link(store, store_server, record, of_b.index[1], "input")
    table = wf.parameters(on_clash="last")
    table.loc[of_b.index[0], "a"] = 9
    with pytest.raises(tf.RefusedError, match="is shared by jobs"):
        wf.push(table)


@on_each_store
def test_a_job_that_is_gone_is_told_if_it_was_edited(wf, theirs, both):
    of_b = both[1]
    first, second, _ = of_b.index
    theirs.delete_jobs(first)
    of_b.loc[second, "a"] = 20
    wf.push(of_b)
    assert values(wf) == [[20, 0], [3, 0]]
    of_b.loc[first, "a"] = 10
    with pytest.raises(tf.NotFoundError, match=f"job.*{first}"):
        wf.push(of_b)
    theirs.delete_jobs(second)
    of_b.loc[second, "a"] = 21
    with pytest.raises(tf.NotFoundError) as caught:
        wf.push(of_b)
    assert caught.value.keys == (first, second)


def test_problems_name_the_rows_of_the_whole_table(wf, both):
    table = wf.parameters().astype({"a": object})
    wf.push(table)
    table = wf.parameters().astype({"a": object})
    wf.push(table)
    table.iloc[2, 0] = object()
    with pytest.raises(tf.RefusedError, match="row 2, column 'a'"):
        wf.push(table)


def test_lists_that_are_changed_in_place_are_edits(wf):
    wf.push(pd.DataFrame({"l": [[1], [2]], "d": [{"x": 1}, {"x": 2}]}))
    table = wf.parameters()
    table.iloc[0, 0].append(7)
    table.iloc[1, 1]["x"] = 9
    plan = wf.plan(table)
    assert plan.counts["update"] == 2
    table.iloc[1, 0].append(8)  # after it was planned: the next push finds it
    plan.apply()
    assert wf.parameters()["l"].tolist() == [[1, 7], [2]]
    wf.push(table)
    assert wf.parameters()["l"].tolist() == [[1, 7], [2, 8]]
    assert wf.parameters()["d"].tolist() == [{"x": 1}, {"x": 9}]


def test_the_base_goes_where_frames_go(wf, both):
    table = both[1]
    for frame in (table, table.copy(), table[["a"]], table.iloc[1:], copy.deepcopy(table), table.assign(c=1)):
        assert base_of(frame) is base_of(table)
    json.dumps(table.attrs)
    assert base_of(pickle.loads(pickle.dumps(table))) is None
    table.iloc[0, 0] = 50
    assert base_of(table).frame.iloc[0, 0] == 1


# The rule itself.


@st.composite
def three(draw: st.DrawFn) -> tuple[list[Any], list[Any], list[Any], Any]:
    """Cells of one column as they were pulled, as others, and as the user have made them."""
    cells, gaps, make = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))]
    cell = st.one_of(cells, st.none()) if gaps else cells
    length = draw(st.integers(1, 4))
    base = draw(st.lists(cell, min_size=length, max_size=length))
    sides = [
        [draw(st.one_of(st.just(old), st.sampled_from(base), cell)) for old in base]
        for _ in ("theirs", "mine")
    ]
    return base, *sides, make


def frames(columns: list[list[Any]], make: Any) -> list[tuple[pd.DataFrame, EncodedFrame]]:
    keys = pd.Index([str(key) for key in range(len(columns[0]))], name="job_key")
    made = [pd.DataFrame({"x": make(cells)}).set_axis(keys) for cells in columns]
    return [(frame, encode_frame(frame.reset_index(drop=True))) for frame in made]


@given(three(), st.booleans())
def test_what_was_edited_stands_what_was_not_is_theirs_and_the_rest_is_a_conflict(drawn, is_newer):
    *columns, make = drawn
    (base, was), (_, theirs), (mine, here) = frames(columns, make)
    at = {key: row for row, key in enumerate(base.index)}
    edits = edits_of(mine.reset_index(drop=True), here, at, Base(base, {}))
    cells, conflicts = merge(edits, theirs, at, at if is_newer else ())
    for key, row in at.items():
        before, there, after = (frame.cells["x"][row] for frame in (was, theirs, here))
        cell = cells.get(key, {}).get(("x",))
        if same(before, after) or same(there, after):
            assert cell is None
        else:
            assert cell == (there, after)
        in_conflict = cell is not None and is_newer and not same(there, before)
        assert conflicts == {} or in_conflict == ((key, ("x",)) in conflicts)
        if in_conflict:
            assert same(conflicts[key, ("x",)], before)


@given(three())
def test_without_a_base_every_cell_that_differs_in_a_newer_record_is_a_conflict(drawn):
    *columns, make = drawn
    _, (_, theirs), (mine, here) = frames(columns, make)
    at = {str(row): row for row in range(len(mine))}
    newer = {"0"}
    edits = edits_of(mine.reset_index(drop=True), here, at, None)
    found, conflicts = merge(edits, theirs, at, newer)
    other = {key for key, row in at.items() if not same(theirs.cells["x"][row], here.cells["x"][row])}
    assert {key for key, cells in found.items() if cells} == other
    assert conflicts == {(key, ("x",)): UNKNOWN for key in other & newer}


@given(three())
def test_where_columns_differ_their_json_does(drawn):
    *columns, make = drawn
    (one, was), _, (other, here) = frames(columns, make)
    found = differing(one["x"].array, other["x"].array).tolist()
    assert found == [not same(a, b) for a, b in zip(was.cells["x"], here.cells["x"], strict=True)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.data())
def test_the_edited_rows_are_those_of_the_edits(cells, data):
    keys = pd.Index([str(key) for key in range(len(cells))], name="job_key")
    frame = pd.DataFrame({"a": cells, "b": "x"}, index=keys)
    frame.attrs["torc"] = {"kind": "parameters"}
    keep_base(frame)
    frame["a"] = [data.draw(st.sampled_from([old, 9])) for old in cells]
    from torc_frames.workflow.push.edits import edited_rows

    rows = edited_rows(frame, base_of(frame))
    assert rows.tolist() == np.flatnonzero(frame["a"] != cells).tolist()
    assert edited_rows(frame.iloc[::-1], base_of(frame)) is None or len(frame) == 1
    assert_frame_equal(base_of(frame).frame, frame.assign(a=cells), check_like=True)


@on_sqlite  # others pull anew, and edits are gone from the frame
def test_edits_in_a_frame_that_is_refreshed_are_still_pushed(wf, theirs, both):
    _, table = both
    table.iloc[0, 0] = 10
    same_frame = wf.refresh(table).frame
    wf.push(same_frame)
    assert values(wf) == [[10, 0], [2, 0], [3, 0]]
    table.iloc[1, 0] = 20
    of_a = theirs.parameters()
    of_a.iloc[2, 1] = 7
    theirs.push(of_a)
    wf.push(wf.refresh(table).frame)
    assert values(wf) == [[10, 0], [20, 0], [3, 7]]


def test_what_is_edited_back_is_no_edit(wf, theirs, both):
    of_b = edited_by_both(theirs, both)
    pushed = wf.push(of_b, on_conflict="theirs")
    pushed.iloc[0, 0] = 1  # as it was pulled
    assert wf.plan(pushed).cells.empty


# What others recorded, deleted, or made of a cell that can't be written.


@pytest.fixture
def local(tmp_path):
    """Two clients of one embedded store, and what makes them a table of it."""
    one, other = (tf.connect(tmp_path / "study.db") for _ in range(2))
    wf = one.create_workflow("study")
    yield lambda df: (wf.push(df), wf, other.workflow(wf.key))[1:]
    one.close()
    other.close()


@pytest.mark.parametrize("reversed_rows", [False, True])
def test_dtypes_that_others_gave_columns_stay(local, reversed_rows):
    wf, theirs = local(pd.DataFrame({"c": pd.Categorical(["x", "y", "x"]), "f": [0, 0, 0], "b": [0, 0, 0]}))
    mine, table = wf.parameters(), theirs.parameters()
    table["c"] = table["c"].cat.add_categories("z")
    table.iloc[0, 0] = "z"
    theirs.push(table.astype({"f": "float32"}))
    mine.iloc[1, 2] = 5
    wf.push(mine.iloc[::-1] if reversed_rows else mine)
    now = wf.parameters()
    assert [str(dtype) for dtype in now.dtypes] == ["category", "float32", "int64"]
    assert now.values.tolist() == [["z", 0.0, 0], ["y", 0.0, 5], ["x", 0.0, 0]]


def test_a_column_that_others_dropped_does_not_come_back(local):
    wf, theirs = local(tf.grid(a=[1, 2], b=[0]))
    mine = wf.parameters()
    theirs.push(theirs.parameters()[["a"]], drop="b")
    wf.push(mine.assign(c=[5, 6]))
    assert list(wf.parameters().columns) == ["a", "c"]


def test_where_nobody_recorded_dtypes_columns_keep_their_order(local):
    wf, theirs = local(tf.grid(n=[1]))
    wf.delete_jobs(*wf.jobs().index)
    wf = theirs
    wf._store.merge_metadata(wf.key, {"torc_frames": None})
    wf.add_user_data(wf.add_job("one"), {"a": 1, "b": 2, "c": 3}, role="input")
    table = wf.parameters()
    table.iloc[0, 2] = 4
    wf.push(table)
    assert list(wf.parameters().columns) == ["a", "b", "c"]


@pytest.mark.parametrize("more", [{}, {"c": 1}])
def test_an_array_that_is_changed_after_the_plan_is_pushed_by_the_next(local, more):
    wf, _ = local(pd.DataFrame({"l": [[1, 2], [3, 4]], "b": [0, 0]}))
    table = wf.parameters().assign(**more)
    table.at["1", "l"] = np.array([7, 8])
    plan = wf.plan(table)
    table.at["1", "l"][0] = 99
    plan.apply()
    assert wf.parameters()["l"].tolist() == [[7, 8], [3, 4]]
    wf.push(table)
    assert wf.parameters()["l"].tolist() == [[99, 8], [3, 4]]


def test_lists_of_numpy_values_can_be_compared(local):
    wf, _ = local(pd.DataFrame({"l": [[np.array([1, 2])], [np.array([3, 4])]]}))
    table = wf.parameters()
    table.at["1", "l"] = [[np.int64(1), np.int64(2)]]
    assert wf.plan(table).cells.empty
    table.at["2", "l"] = [np.array([5])]
    wf.push(table)
    assert wf.parameters()["l"].tolist() == [[[1, 2]], [[5]]]


def test_cells_of_extension_arrays_that_are_set_in_place_are_edits(local):
    wf, _ = local(pd.DataFrame({"a": pd.array([1, 2, None], dtype="Int64")}))
    table = wf.parameters()
    table["a"].array[0] = 99
    wf.push(table)
    assert wf.parameters()["a"].tolist() == table["a"].tolist()


def test_a_cell_that_can_not_be_written_is_a_conflict_first(local):
    wf, theirs = local(tf.grid(a=[1, 2], b=[0]))
    mine = wf.parameters()
    record = wf.user_data()["record_key"].iloc[0]
    theirs.update_user_data(record, {"a": {"x": 1, "y": 2}, "b": 0})
    mine["a"] = [100, 20]
    with pytest.raises(tf.ConflictError):
        wf.push(mine)
    wf.push(mine, on_conflict="theirs")
    assert wf.user_data()["a.x"].tolist()[0] == 1
    with pytest.raises(tf.RefusedError, match="an object there"):
        wf.push(mine, on_conflict="ours")


@on_each_store
def test_a_record_that_others_deleted_is_a_conflict_and_comes_back_as_edited(wf, theirs, both):
    mine = both[1]
    record = wf.user_data(role="input")["record_key"].iloc[0]
    theirs.delete_user_data(record)
    mine.iloc[0, 0] = 10
    assert wf.plan(mine).cells[["stored", "pushed", "conflict"]].values.tolist() == [[None, 10, True]]
    with pytest.raises(tf.ConflictError, match="there missing, here 10"):
        wf.push(mine)
    wf.push(mine, on_conflict="theirs")
    assert len(wf.parameters()) == 2
    wf.push(mine, on_conflict="ours")
    assert wf.parameters().iloc[0].isna().tolist() == [False, True]


def test_missing_values_of_two_kinds_are_refused_however_few_rows_were_edited(local):
    wf, _ = local(pd.DataFrame({"l": [[1], None, [3]]}))
    table = wf.parameters()
    table.iloc[0, 0] = np.nan
    with pytest.raises(tf.RefusedError, match=r"mixes nan \(row 0\) and None \(row 1\)"):
        wf.push(table)


def test_an_order_of_categories_is_an_edit(local):
    wf, _ = local(pd.DataFrame({"c": pd.Categorical(["x", "y"])}))
    table = wf.parameters()
    table["c"] = table["c"].cat.reorder_categories(["y", "x"])
    wf.push(table)
    assert wf.parameters()["c"].cat.categories.tolist() == ["y", "x"]


def test_a_base_without_rows_says_nothing_of_what_is_dropped(local):
    wf, theirs = local(tf.grid(a=[1, 2], b=[0]))
    theirs.delete_jobs(*theirs.jobs().index)
    empty = wf.parameters()
    pushed = theirs.push(tf.grid(a=[1, 2], b=[0]))
    table = pd.DataFrame({"a": [7, 7]}, index=pushed.index)
    table.attrs = empty.attrs
    wf.push(table, drop=["b"], on_conflict="ours")
    assert wf.parameters().to_dict("list") == {"a": [7, 7]}
