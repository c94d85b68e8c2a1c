"""A sheet: what each thing that is done to it does."""

import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import tables

from torc_frames.errors import RefusedError, TorcFramesWarning
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.conditions import Condition
from torc_frames.widgets.parameters.filling import Linspace, Logspace, Repeated, StepSeries
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block

A, X, S = 1, 2, 3  # where the columns are


def frame(length=3):
    made = pd.DataFrame(
        {
            "a": np.arange(1, length + 1),
            "x": np.arange(length) / 2,
            "s": pd.Series([f"t{n}" for n in range(length)], dtype=pd.StringDtype(na_value=np.nan)),
        }
    )
    made.index = pd.Index([str(n) for n in range(1, length + 1)], dtype="str", name="job_key")
    return made


@pytest.fixture
def sheet():
    return Sheet(frame())


def texts(sheet, column=None):
    found = [row.texts for row in sheet.rows(0, len(sheet))]
    return found if column is None else [row[column] for row in found]


def test_a_new_sheet_is_the_frame(sheet):
    pd.testing.assert_frame_equal(sheet.value, frame())
    assert [column.name for column in sheet.columns] == ["job_key", "a", "x", "s"]
    assert sheet.columns[0].read_only
    assert texts(sheet)[0] == ["1", "1", "0.0", "t0"]
    assert sheet.counts == {"changed": 0, "new": 0, "deleted": 0, "invalid": 0}
    assert sheet.status == "3 rows"
    assert [sheet.is_dirty, sheet.can_undo, sheet.can_redo] == [False] * 3


def test_typing_changes_a_cell_and_says_so(sheet):
    told = []
    sheet.on_change(told.append)
    sheet.set_texts([(1, A, " 7 "), (1, S, "")])
    assert sheet.value.loc["2", "a"] == 7
    assert sheet.value["a"].dtype == "int64"
    assert pd.isna(sheet.value.loc["2", "s"])
    assert sheet.rows(1, 2)[0].changed == [A, S]
    assert sheet.rows(1, 2)[0].state == "changed"
    assert sheet.status == "3 rows"
    assert sheet.counts["changed"] == 2
    assert [change.rows for change in told] == [(1, 2)]


def test_what_is_no_value_stays_visible_and_out_of_the_value(sheet):
    sheet.set_texts([(0, A, "5"), (0, X, "1,5")])
    sheet.set_texts([(0, A, "abc")])
    (row,) = sheet.rows(0, 1)
    assert row.texts == ["1", "abc", "1,5", "t0"]
    assert "no whole number" in row.errors[A]
    assert sheet.value.loc["1"].tolist()[:2] == [5, 0.0]
    assert sheet.counts["invalid"] == 2
    problems = sheet.problems
    assert problems[["job_key", "row", "column", "text"]].values.tolist() == [
        ["1", 0, "a", "abc"],
        ["1", 0, "x", "1,5"],
    ]


def test_a_cleared_integer_waits_for_a_value_and_is_never_a_float(sheet):
    sheet.clear(Block(0, A, 3, A + 1))
    assert sheet.value["a"].dtype == "int64"
    assert sheet.value["a"].tolist() == [1, 2, 3]
    assert "retype the column to Int64" in sheet.rows(0, 1)[0].errors[A]
    sheet.retype_column("a", "Int64")
    assert sheet.value["a"].isna().all()
    assert sheet.counts["invalid"] == 0


def test_typing_what_stands_there_is_no_step(sheet):
    sheet.set_texts([(0, A, "1"), (1, S, "t1")])
    assert not sheet.can_undo


def test_the_last_of_several_texts_for_one_cell_stands(sheet):
    sheet.set_texts([(0, A, "5"), (0, A, "6")])
    assert sheet.value["a"].iloc[0] == 6


@pytest.mark.parametrize("cell", [(0, 0, "9"), (3, A, "1"), (-1, A, "1"), (0, 9, "1"), (0, -1, "1")])
def test_a_cell_that_is_read_only_or_not_there_is_refused_with_all_the_others(sheet, cell):
    with pytest.raises(RefusedError):
        sheet.set_texts([(0, A, "5"), cell])
    assert not sheet.is_dirty


class TestPasting:
    def test_a_block_grows_the_table(self, sheet):
        sheet.paste(Block(2, A, 3, A + 1), "7\t0.5\r\n8\t\r\n")
        value = sheet.value
        assert value["a"].tolist() == [1, 2, 7, 8]
        assert value["x"].tolist()[2] == 0.5
        assert np.isnan(value["x"].iloc[3])
        assert value.index.isna().tolist() == [False, False, False, True]
        assert sheet.rows(3, 4)[0].state == "new"
        sheet.undo()
        pd.testing.assert_frame_equal(sheet.value, frame())

    def test_a_cell_fills_a_larger_block_and_a_block_repeats_as_often_as_it_fits(self):
        sheet = Sheet(frame(7))
        sheet.paste(Block(0, X, 3, X + 1), "9")
        assert sheet.value["x"].tolist()[:4] == [9, 9, 9, 1.5]
        sheet.paste(Block(0, A, 5, A + 1), "1\n2")
        assert sheet.value["a"].tolist() == [1, 2, 1, 2, 5, 6, 7]

    def test_short_lines_leave_cells_as_they_are(self, sheet):
        sheet.paste(Block(0, A, 1, A + 1), "7\t7\n8")
        assert texts(sheet, X) == ["7.0", "0.5", "1.0"]

    @pytest.mark.parametrize(
        ("block", "text", "reason"),
        [
            (Block(0, 0, 1, 1), "1\t2", "'job_key' is read-only"),
            (Block(0, X, 1, X + 1), "1\t2\t3", "add columns first"),
            (Block(0, A, 1, A + 1), "5\n6\n7\n8\n9\t1\t2\t3\t4", "add columns first"),
        ],
    )
    def test_what_does_not_fit_is_refused_before_anything_changes(self, sheet, block, text, reason):
        with pytest.raises(RefusedError, match=reason):
            sheet.paste(block, text)
        assert not sheet.is_dirty

    def test_bad_cells_come_as_texts(self, sheet):
        sheet.paste(Block(0, A, 1, A + 1), "x\ty\tz")
        assert sorted(sheet.rows(0, 1)[0].errors) == [A, X]
        assert sheet.value.loc["1"].tolist() == [1, 0.0, "z"]

    def test_texts_with_line_breaks_go_around(self, sheet):
        sheet.set_texts([(0, S, 'two\nlines "x"')])
        copied = sheet.text(Block(0, S, 2, S + 1))
        sheet.paste(Block(1, S, 2, S + 1), copied)
        assert sheet.value["s"].tolist() == ['two\nlines "x"'] * 2 + ["t1"]


class TestRows:
    def test_new_rows_are_in_the_value_once_they_are_complete(self, sheet):
        sheet.insert_rows(1, 2)
        assert len(sheet.value) == 3
        assert sheet.counts == {"changed": 0, "new": 2, "deleted": 0, "invalid": 2}
        sheet.set_texts([(1, A, "9")])
        assert sheet.value["a"].tolist() == [1, 9, 2, 3]
        assert sheet.value.index.tolist()[0] == "1"
        assert pd.isna(sheet.value.index[1])
        assert np.isnan(sheet.value["x"].iloc[1])
        assert sheet.problems["row"].tolist() == [2]

    def test_deleted_rows_stay_visible_and_can_be_restored(self, sheet):
        sheet.delete_rows(0, 2)
        assert [row.state for row in sheet.rows(0, 3)] == ["deleted", "deleted", ""]
        assert sheet.deleted_keys == ["1", "2"]
        assert sheet.value.index.tolist() == ["3"]
        with pytest.raises(RefusedError, match="job 1 is deleted: restore it"):
            sheet.set_texts([(0, A, "5")])
        with pytest.raises(RefusedError, match="is deleted"):
            sheet.paste(Block(1, A, 2, A + 1), "1\n2")
        sheet.restore_rows(0, 1)
        assert sheet.deleted_keys == ["2"]
        sheet.fill_series(StepSeries(10), "a")
        assert sheet.value["a"].tolist() == [10, 11]

    def test_deleted_new_rows_vanish(self, sheet):
        sheet.duplicate_rows(0, 2)
        assert texts(sheet, A) == ["1", "2", "1", "2", "3"]
        sheet.delete_rows(1, 4)
        assert texts(sheet, A) == ["1", "2", "3"]
        assert sheet.deleted_keys == ["2"]
        sheet.undo()
        assert texts(sheet, A) == ["1", "2", "1", "2", "3"]
        assert [row.state for row in sheet.rows(0, 5)] == ["", "", "new", "new", ""]

    def test_copies_of_bad_cells_are_bad(self, sheet):
        sheet.set_texts([(0, A, "abc")])
        sheet.duplicate_rows(0, 1)
        assert sheet.rows(1, 2)[0].texts[A] == "abc"
        assert sheet.value["a"].tolist() == [1, 1, 2, 3]

    def test_rows_of_a_frame_are_appended_as_new_ones(self, sheet):
        sheet.append(pd.DataFrame({"x": [5, 6], "s": ["", None]}))
        assert texts(sheet)[3:] == [["", "", "5.0", '""'], ["", "", "6.0", ""]]
        sheet.append(pd.DataFrame({"other": [1]}))
        assert [column.name for column in sheet.columns] == ["job_key", "a", "x", "s", "other"]
        assert texts(sheet)[-2:] == [["", "", "6.0", "", ""], ["", "", "", "", "1"]]
        with pytest.raises(RefusedError, match="'job_key'"):
            sheet.append(pd.DataFrame({"more": [1], "job_key": [2]}))
        assert len(sheet.columns) == 5

    def test_too_many_rows_are_refused(self, sheet):
        with pytest.raises(RefusedError, match="add up to 1,000,000"):
            sheet.insert_rows(0, 10**9)
        with pytest.raises(RefusedError, match="no row 9"):
            sheet.insert_rows(9, 1)

    def test_a_plain_table_has_no_keys_and_all_its_rows_are_new(self):
        sheet = Sheet(frame().reset_index(drop=True))
        assert [column.name for column in sheet.columns] == ["a", "x", "s"]
        assert sheet.counts["new"] == 3
        assert not sheet.is_dirty
        sheet.delete_rows(0, 1)
        assert sheet.value["a"].tolist() == [2, 3]
        assert isinstance(sheet.value.index, pd.RangeIndex)
        assert sheet.is_dirty


class TestColumns:
    def test_added_columns_have_their_default_in_every_row(self, sheet):
        sheet.add_column("n", "int64", "3")
        sheet.add_column("j", "json", at=0)
        assert sheet.value.columns.tolist() == ["j", "a", "x", "s", "n"]
        assert sheet.value["n"].tolist() == [3, 3, 3]
        assert sheet.value["j"].tolist() == [None] * 3
        assert sheet.rows(0, 1)[0].changed == [5]

    @pytest.mark.parametrize(
        ("name", "dtype", "default", "reason"),
        [
            ("a", "int64", "1", "already"),
            ("n", "int64", "", "can't be missing"),
            ("n", "int64", "x", "no whole number"),
            ("n", "complex128", "", "can't be kept"),
            ("n", "no such", "", "is no dtype"),
            ("n", "category", "", "categories"),
            ("a.b", "float64", "", "lies inside"),
            ("job_key", "str", "", "the name is taken"),
            ("\ud800", "str", "", "surrogate"),
        ],
    )
    def test_a_column_that_could_not_be_pushed_is_refused(self, sheet, name, dtype, default, reason):
        with pytest.raises(RefusedError, match=reason):
            sheet.add_column(name, dtype, default)
        assert not sheet.is_dirty

    def test_renamed_and_dropped_columns_are_gone_for_the_store(self, sheet):
        sheet.rename_column("a", "b")
        sheet.drop_column("x")
        assert sheet.value.columns.tolist() == ["b", "s"]
        assert sheet.dropped_columns == ["a", "x"]
        assert sheet.counts["changed"] == 3
        sheet.rename_column("b", "a")
        assert sheet.dropped_columns == ["x"]
        assert sheet.counts["changed"] == 0
        for _ in range(3):
            sheet.undo()
        assert not sheet.is_dirty

    def test_edits_of_a_renamed_column_are_undone_though_the_table_has_grown(self, sheet):
        sheet.rename_column("a", "b")
        sheet.set_texts([(0, A, "9")])
        sheet.insert_rows(0, 1)
        for _ in range(3):
            sheet.undo()
        pd.testing.assert_frame_equal(sheet.value, frame())

    def test_a_column_renamed_to_one_that_was_dropped_is_compared_with_that(self, sheet):
        sheet.drop_column("x")
        sheet.rename_column("a", "x")
        assert sheet.value["x"].dtype == "int64"
        assert sheet.counts["changed"] == 3
        assert sheet.dropped_columns == ["a"]

    def test_retyping_keeps_what_converts_exactly_and_shows_the_rest(self, sheet):
        sheet.retype_column("x", "int64")
        assert sheet.value["x"].dtype == "int64"
        assert sheet.value.index.tolist() == ["1", "3"]
        assert texts(sheet, X) == ["0", "0.5", "1"]
        assert "no whole number" in sheet.rows(1, 2)[0].errors[X]
        sheet.set_texts([(1, X, "4")])
        assert sheet.value["x"].tolist() == [0, 4, 1]

    def test_integers_that_no_float_holds_stay_texts(self):
        sheet = Sheet(pd.DataFrame({"a": [2**53, 2**53 + 1]}))
        sheet.retype_column("a", "float64")
        assert sheet.value["a"].tolist() == [float(2**53)]
        assert texts(sheet, 0) == ["9007199254740992.0", "9007199254740993"]
        sheet.retype_column("a", "int64")
        assert sheet.value["a"].tolist() == [2**53, 2**53 + 1]

    def test_retyping_to_categories_and_back(self, sheet):
        sheet.retype_column("s", "category")
        assert sheet.columns[S].choices == ("t0", "t1", "t2")
        sheet.set_texts([(0, S, "t2"), (1, S, "other")])
        assert sheet.value["s"].tolist() == ["t2", "t1", "t2"]
        sheet.retype_column("s", "str")
        assert texts(sheet, S) == ["t2", "other", "t2"]

    def test_a_retyped_column_of_equal_values_has_no_changed_cells_but_is_an_edit(self, sheet):
        sheet.retype_column("a", "Int64")
        assert sheet.counts["changed"] == 0
        assert sheet.is_dirty
        assert sheet.value["a"].dtype == "Int64"

    def test_strings_in_json_are_themselves_in_a_column_of_strings(self):
        cells = np.empty(3, dtype=object)
        cells[:] = ["1", {"a": 1}, "b"]
        sheet = Sheet(pd.DataFrame({"j": pd.Series(cells, dtype=object)}))
        assert texts(sheet, 0) == ['"1"', '{"a": 1}', "b"]
        sheet.retype_column("j", "string")
        assert sheet.value["j"].tolist() == ["1", '{"a": 1}', "b"]


class TestRules:
    def test_a_value_that_breaks_a_rule_is_shown_and_is_none(self):
        sheet = Sheet(frame(), rules={"a": Rule(max=5), "s": Rule(choices=["t0", "t1", "t2"])})
        sheet.set_texts([(0, A, "6"), (1, S, "t9"), (2, S, "t0")])
        assert sheet.value["a"].tolist() == [1, 2, 3]
        assert sheet.value["s"].tolist() == ["t0", "t1", "t0"]
        assert sheet.rows(0, 1)[0].errors == {A: "6 is more than 5"}
        assert sheet.columns[S].choices == ("t0", "t1", "t2")

    def test_what_is_there_already_is_told_and_stays(self):
        sheet = Sheet(frame(), rules={"a": Rule(max=2), "x": Rule(above=0)})
        assert sheet.problems["reason"].tolist() == ["0.0 is not above 0", "3 is more than 2"]
        pd.testing.assert_frame_equal(sheet.value, frame())
        sheet.set_texts([(2, A, "1")])
        assert len(sheet.problems) == 1
        sheet.undo()
        assert len(sheet.problems) == 2

    def test_retyping_keeps_values_that_broke_the_rule_and_texts_that_broke_it_texts(self):
        sheet = Sheet(frame(), rules={"a": Rule(max=2)})
        sheet.set_texts([(0, A, "9")])
        sheet.retype_column("a", "float64")
        assert texts(sheet, A) == ["9", "2.0", "3.0"]
        assert sheet.value["a"].tolist() == [2.0, 3.0]
        assert sheet.problems["reason"].tolist() == ["9.0 is more than 2", "3.0 is more than 2"]

    def test_required_cells_of_new_rows_wait_for_values(self):
        sheet = Sheet(frame(), rules={"x": Rule(required=True)})
        sheet.append(pd.DataFrame({"a": [4]}))
        assert sheet.rows(3, 4)[0].errors == {X: "a value is required"}
        assert len(sheet.value) == 3
        sheet.clear(Block(0, X, 1, X + 1))
        assert sheet.value["x"].iloc[0] == 0.0

    def test_values_that_repeat_are_told_of_all_of_them(self):
        sheet = Sheet(frame(), rules={"a": Rule(unique=True)})
        told = []
        sheet.on_change(told.append)
        sheet.set_texts([(0, A, "2")])
        assert [sorted(row.errors) for row in sheet.rows(0, 3)] == [[A], [A], []]
        assert told[0].rows == (0, 3)
        sheet.delete_rows(1, 2)
        assert sheet.counts["invalid"] == 0

    @pytest.mark.parametrize(
        "answer",
        [
            lambda rows: rows["a"] > 1,
            lambda rows: (rows["a"] > 1).to_numpy(),
            lambda rows: {0: "wrong"},
            lambda rows: {(0, "x"): "wrong", 1: None, 2: ""},
            lambda rows: pd.Series({0: "wrong"}),
            lambda rows: pd.Series([None if a > 1 else "wrong" for a in rows["a"]]),
        ],
    )
    def test_a_rule_of_the_table_names_rows_by_what_it_gives(self, answer):
        sheet = Sheet(frame(), table_rule=answer)
        assert sheet.problems["row"].tolist() == [0]
        assert sheet.counts["invalid"] == 1
        assert len(sheet.rows(0, 1)[0].errors) == 1
        sheet.filter(Condition(None, "invalid"))
        assert texts(sheet, 0) == ["1"]
        pd.testing.assert_frame_equal(sheet.value, frame())

    @pytest.mark.parametrize(
        "broken",
        [
            lambda rows: rows["none"],
            lambda rows: 3,
            lambda rows: [True],
            lambda rows: {7: "no such row"},
            lambda rows: {(0, "none"): "no such column"},
        ],
    )
    def test_a_rule_of_the_table_that_fails_is_shown(self, broken):
        sheet = Sheet(frame(), table_rule=broken)
        assert "table_rule failed" in sheet.problems["reason"].iloc[0]
        assert sheet.counts["invalid"] == 1

    def test_a_rule_for_no_column_is_told(self):
        with pytest.warns(TorcFramesWarning, match="'lr'"):
            Sheet(frame(), rules={"lr": Rule(min=0)})


class TestFilling:
    def test_a_formula_over_other_columns(self, sheet):
        sheet.fill_formula("a * 2 + row", "a")
        assert sheet.value["a"].tolist() == [2, 5, 8]
        sheet.fill_formula("s + '-' + str(a)", "s")
        assert sheet.value["s"].tolist() == ["t0-2", "t1-5", "t2-8"]
        assert sheet.value["a"].dtype == "int64"

    def test_results_that_are_no_value_there_are_shown(self, sheet):
        sheet.fill_formula("x + 0.5", "a")
        assert texts(sheet, A) == ["0.5", "1", "1.5"]
        assert sheet.value["a"].tolist() == [1, 1, 3]

    def test_nothing_is_filled_if_a_row_has_no_result(self, sheet):
        with pytest.raises(RefusedError, match="row 0: division by zero"):
            sheet.fill_formula("1 / x", "x")
        assert not sheet.is_dirty
        sheet.fill_formula("where(x > 0, 1 / x, None)", "x")
        assert sheet.value["x"].isna().tolist() == [True, False, False]

    def test_a_formula_does_not_read_texts_that_are_no_values(self, sheet):
        sheet.set_texts([(1, A, "abc")])
        with pytest.raises(RefusedError, match="row 1: 'abc' in column 'a' is no value"):
            sheet.fill_formula("a", "x")

    def test_sequences(self):
        sheet = Sheet(frame(5))
        sheet.fill_series(StepSeries(0.1, 0.1), "x")
        assert sheet.value["x"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
        sheet.fill_series(Linspace(0, 1), "x")
        assert sheet.value["x"].tolist() == [0, 0.25, 0.5, 0.75, 1]
        sheet.fill_series(Logspace(1, 1e4), "a")
        assert sheet.value["a"].tolist() == [1, 10, 100, 1000, 10000]
        sheet.fill_series(Repeated(["u", "v"]), Block(1, S, 4, S + 1))
        assert sheet.value["s"].tolist() == ["t0", "u", "v", "u", "t4"]
        with pytest.raises(RefusedError, match="above 0"):
            sheet.fill_series(Logspace(0, 1), "x")
        with pytest.raises(RefusedError, match="at least one"):
            sheet.fill_series(Repeated([]), "x")

    def test_only_rows_that_are_shown_are_filled_in_their_order(self):
        sheet = Sheet(frame(5))
        sheet.filter(Condition("a", "range", low="3"))
        sheet.sort(A, False)
        sheet.fill_series(StepSeries(10), "x")
        assert sheet.value["x"].tolist() == [0, 0.5, 12, 11, 10]

    def test_replacing_texts(self, sheet):
        search = Search("t([01])", regex=True)
        assert sheet.find(search) == [(0, S), (1, S)]
        assert sheet.replace(search, r"u\1") == 2
        assert sheet.value["s"].tolist() == ["u0", "u1", "t2"]
        assert sheet.replace(Search("0.5"), "x", "x") == 1
        assert texts(sheet, X) == ["0.0", "x", "1.0"]
        assert sheet.replace(Search("1", whole=True), "5") == 1
        assert sheet.value["a"].tolist() == [5, 2, 3]
        sheet.undo()
        assert sheet.replace(Search("nowhere"), "x") == 0
        assert sheet.can_redo


class TestShowing:
    def test_sorting_keeps_rows_where_they_are_while_they_are_edited(self, sheet):
        sheet.sort(A, False)
        assert texts(sheet, A) == ["3", "2", "1"]
        assert sheet.order == (A, False)
        sheet.set_texts([(0, A, "0")])
        assert texts(sheet, A) == ["0", "2", "1"]
        assert sheet.value["a"].tolist() == [1, 2, 0]
        sheet.sort(A, None)
        assert sheet.order is None
        assert texts(sheet, A) == ["1", "2", "0"]

    @pytest.mark.parametrize("ascending", [True, False])
    def test_missing_values_come_last_and_equal_ones_as_they_were(self, ascending):
        cells = np.empty(7, dtype=object)
        cells[:] = [2, None, "b", 1, {"x": 1}, 1, True]
        table = pd.DataFrame({"j": pd.Series(cells, dtype=object), "f": [2, np.nan, 1, 0, 0, 5, 5]})
        sheet = Sheet(table)
        sheet.sort(0, ascending)
        down = ["1", "1", "2", "true", "b", '{"x": 1}']
        shown = texts(sheet, 0)
        assert shown == [*(down if ascending else down[::-1]), ""]
        ones = [row.texts[1] for row in sheet.rows(0, 7) if row.texts[0] == "1"]
        assert ones == ["0.0", "5.0"]
        sheet.sort(1, ascending)
        assert texts(sheet, 1)[-1] == ""

    def test_keys_are_sorted_as_they_are_counted(self):
        sheet = Sheet(frame(11))
        sheet.insert_rows(0, 1)
        for ascending, first in ((True, "1"), (False, "11")):
            sheet.sort(0, ascending)
            assert texts(sheet, 0)[0] == first
            assert texts(sheet, 0)[-1] == ""

    @pytest.mark.parametrize(
        ("condition", "rows"),
        [
            (Condition("s", "contains", "T1"), [1]),
            (Condition("s", "equals", "t2"), [2]),
            (Condition(None, "contains", "0.5"), [1]),
            (Condition("x", "range", low="0.5", high="0.9"), [1]),
            (Condition("a", "range", low="1.5"), [1, 2]),
            (Condition("s", "range", high="t1"), [0, 1]),
            (Condition("s", "choices", choices=("t0", "t2")), [0, 2]),
            (Condition("s", "choices", choices=("t0", "t2"), negated=True), [1]),
            (Condition("job_key", "equals", "3"), [2]),
            (Condition("x", "missing"), []),
            (Condition(None, "changed"), []),
            (Condition(None, "new"), []),
        ],
    )
    def test_a_condition_chooses_rows(self, sheet, condition, rows):
        sheet.filter(condition)
        assert texts(sheet, A) == [str(row + 1) for row in rows]
        assert len(sheet.value) == 3

    def test_conditions_about_edits(self):
        sheet = Sheet(frame(6), rules={"x": Rule(max=2)})
        sheet.set_texts([(0, A, "9"), (1, A, "abc"), (2, S, "")])
        sheet.delete_rows(3, 4)
        sheet.append(pd.DataFrame({"a": [70]}))
        for condition, keys in [
            (Condition(None, "changed"), ["1", "2", "3"]),
            (Condition("a", "changed"), ["1", "2"]),
            (Condition(None, "invalid"), ["2", "6"]),
            (Condition(None, "deleted"), ["4"]),
            (Condition(None, "new"), [""]),
            (Condition("s", "missing"), ["3", ""]),
        ]:
            sheet.filter(condition)
            assert texts(sheet, 0) == keys, condition
        sheet.filter(Condition(None, "changed"), Condition("a", "range", low="9"))
        assert texts(sheet, 0) == ["1"]
        assert sheet.status == "1 of 7 rows"
        sheet.filter()
        assert len(sheet) == 7

    def test_rows_that_match_no_more_stay_until_the_filter_is_set_again(self, sheet):
        sheet.filter(Condition("a", "range", low="2"))
        sheet.set_texts([(0, A, "0")])
        assert texts(sheet, A) == ["0", "3"]
        sheet.filter(*sheet.conditions)
        assert texts(sheet, A) == ["3"]
        sheet.insert_rows(1, 1)
        assert texts(sheet, A) == ["3", ""]

    @pytest.mark.parametrize(
        "conditions",
        [
            lambda: [Condition("none", "contains", "x")],
            lambda: [Condition("a", "range", low="abc")],
            lambda: [Condition("job_key", "range", low="1")],
            lambda: [Condition(None, "range", low="1")],
            lambda: [Condition("a", "new")],
            lambda: [Condition("a", "like")],
        ],
    )
    def test_a_filter_that_makes_no_sense_is_refused(self, sheet, conditions):
        with pytest.raises(RefusedError, match="filter"):
            sheet.filter(*conditions())
        assert len(sheet) == 3

    def test_columns_that_rows_were_chosen_by_can_be_renamed_and_dropped(self, sheet):
        sheet.filter(Condition("a", "range", low="2"))
        sheet.sort(A, False)
        sheet.rename_column("a", "b")
        assert sheet.conditions[0].column == "b"
        assert sheet.order == (A, False)
        sheet.drop_column("b")
        assert sheet.conditions == ()
        assert sheet.order is None
        sheet.undo()
        assert sheet.order == (A, False)

    def test_where_a_cell_is_shown(self, sheet):
        sheet.sort(A, False)
        assert sheet.position_of("1", "x") == (2, X)
        assert sheet.position_of(2) == (0, 0)
        sheet.filter(Condition("a", "equals", "3"))
        assert sheet.position_of("1", "x") is None
        assert sheet.position_of("9", "x") is None
        assert sheet.position_of(0, "none") is None

    def test_undo_goes_to_where_it_was(self, sheet):
        told = []
        sheet.set_texts([(2, X, "9")])
        sheet.on_change(told.append)
        sheet.undo()
        assert told[0].focus == (2, X)
        sheet.redo()
        assert told[1].focus == (2, X)


class TestAnotherBase:
    def test_discarding_is_the_frame_again(self, sheet):
        sheet.set_texts([(0, A, "9"), (1, A, "x")])
        sheet.delete_rows(2, 3)
        sheet.drop_column("s")
        sheet.reset()
        pd.testing.assert_frame_equal(sheet.value, frame())
        assert [sheet.is_dirty, sheet.can_undo] == [False] * 2

    def test_edits_go_along_to_a_refreshed_frame_and_remember_what_they_were_made_on(self):
        base, now = frame(), frame(4)
        base.attrs["torc"] = {"rev": 1}
        now.attrs["torc"] = {"rev": 2}
        now.loc["2", ["a", "x"]] = [50, 60.0]
        sheet = Sheet(base)
        sheet.set_texts([(1, A, "9"), (0, X, "abc")])
        sheet.insert_rows(1, 1)
        sheet.set_texts([(1, A, "70")])
        sheet.delete_rows(3, 4)
        sheet.rebase(now)
        assert texts(sheet, A) == ["1", "70", "9", "3", "4"]
        assert texts(sheet, X) == ["abc", "", "60.0", "1.0", "1.5"]
        assert sheet.deleted_keys == ["3"]
        assert sheet.value.attrs["torc"] == {"rev": 1}
        assert sheet.lost == []

    def test_a_refresh_without_edits_is_the_new_frame(self, sheet):
        now = frame(5)
        now.attrs["torc"] = {"rev": 2}
        sheet.rebase(now)
        pd.testing.assert_frame_equal(sheet.value, now)
        assert sheet.value.attrs == now.attrs
        assert not sheet.is_dirty

    def test_edits_of_rows_and_columns_that_are_gone_are_told(self, sheet):
        sheet.set_texts([(0, A, "9"), (1, A, "8"), (2, X, "abc"), (2, S, "new")])
        sheet.rebase(frame().drop(index="2").drop(columns="x"))
        assert sheet.value["a"].tolist() == [9, 3]
        assert sheet.value["s"].tolist() == ["t0", "new"]
        assert [(one.job_key, one.column, one.text, one.reason) for one in sheet.lost] == [
            ("2", "a", "8", "job 2 is gone"),
            ("3", "x", "abc", "column 'x' is gone"),
        ]
        assert sheet.is_dirty

    def test_a_column_that_was_dropped_and_came_anew_stays_where_it_came(self, sheet):
        sheet.drop_column("a")
        sheet.append(pd.DataFrame({"a": [70], "x": [0.1], "s": ["n"]}))
        edited = sheet.value
        assert list(edited) == [*edited.columns.drop("a"), "a"]
        pd.testing.assert_frame_equal(Sheet.restore(frame(), sheet.state()).value, edited)
        sheet.rebase(frame())
        pd.testing.assert_frame_equal(sheet.value, edited)

    def test_what_was_applied_is_no_edit_any_more_and_what_came_since_is(self, sheet):
        sheet.set_texts([(0, A, "9")])
        sheet.append(pd.DataFrame({"a": [70, 70], "x": [0.1, 0.1], "s": ["n", "n"]}))
        taken = sheet.take()
        sheet.set_texts([(1, A, "8"), (3, X, "0.7"), (4, X, "abc")])
        now = pd.concat([frame(), frame(2).set_axis(["4", "5"], axis=0).rename_axis("job_key")])
        now["a"] = [9, 2, 3, 70, 70]
        now["x"] = [0, 0.5, 1, 0.1 + 1e-17, 0.1]
        now["s"] = pd.array(["t0", "t1", "t2", "n", "n"], dtype=now["s"].dtype)
        sheet.rebase(now, taken, ["1", "2", "3", "4", "5"])
        assert texts(sheet) == [
            ["1", "9", "0.0", "t0"],
            ["2", "8", "0.5", "t1"],
            ["3", "3", "1.0", "t2"],
            ["4", "70", "0.7", "n"],
            ["5", "70", "abc", "n"],
        ]
        assert sheet.counts == {"changed": 3, "new": 0, "deleted": 0, "invalid": 1}

    def test_after_an_apply_that_was_stopped_rows_are_found_by_their_content(self, sheet):
        sheet.append(pd.DataFrame({"a": [70, 71], "x": [0.1, 0.2]}))
        sheet.set_texts([(0, A, "9"), (1, A, "8")])
        taken = sheet.take()
        now = pd.concat([frame(), frame(1).set_axis(["4"], axis=0).rename_axis("job_key")])
        now["a"] = [9, 2, 3, 70]
        now["x"] = [0, 0.5, 1, 0.1]
        now["s"] = pd.array(["t0", "t1", "t2", None], dtype=now["s"].dtype)
        sheet.rebase(now, taken)
        assert texts(sheet, 0) == ["1", "2", "3", "4", ""]
        assert texts(sheet, A) == ["9", "8", "3", "70", "71"]
        assert sheet.counts == {"changed": 1, "new": 1, "deleted": 0, "invalid": 0}

    def test_keys_of_other_rows_than_were_taken_are_refused(self, sheet):
        with pytest.raises(RefusedError, match="1 keys for 3 rows"):
            sheet.rebase(frame(), sheet.take(), ["1"])

    def test_edits_fit_a_column_that_others_have_retyped(self, sheet):
        sheet.set_texts([(0, A, "9")])
        now = frame()
        now["a"] = now["a"].astype("float64") + 0.5
        sheet.rebase(now)
        assert sheet.value["a"].tolist() == [9.0, 2.5, 3.5]

    def test_sorting_and_filters_go_along(self, sheet):
        sheet.filter(Condition("a", "range", low="2"), Condition("x", "missing", negated=True))
        sheet.sort(X, False)
        sheet.rebase(frame(4).drop(columns="x"))
        assert texts(sheet, A) == ["2", "3", "4"]
        assert len(sheet.conditions) == 1
        assert sheet.order is None


@given(tables())
def test_any_table_that_can_be_pushed_can_be_edited(table):
    sheet = Sheet(table)
    pd.testing.assert_frame_equal(sheet.value, table)
    whole = Block(0, 0, len(table), len(table.columns))
    assert sheet.counts["changed"] == 0
    if table.size:
        sheet.paste(whole, sheet.text(whole))
        pd.testing.assert_frame_equal(sheet.value, table)
        assert not sheet.is_dirty
    for row in range(len(table)):
        sheet.duplicate_rows(2 * row, 2 * row + 1)
    doubled = table.loc[table.index.repeat(2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(sheet.value, doubled)
    pd.testing.assert_frame_equal(Sheet.restore(table, sheet.state()).value, doubled)
    sheet.clear(Block(0, 0, len(sheet), len(table.columns)))
    kept = sheet.value
    assert kept.dtypes.equals(table.dtypes)
    pd.testing.assert_frame_equal(Sheet.restore(table, sheet.state()).value, kept)
    while sheet.can_undo:
        sheet.undo()
    pd.testing.assert_frame_equal(sheet.value, table)


@pytest.mark.parametrize(
    "table",
    [
        [1, 2],
        frame().rename_axis("name"),
        frame().rename_axis("job_name"),
        frame().set_axis(["1", "1", "2"], axis=0).rename_axis("job_key"),
        frame().rename(columns={"x": "a"}),
        frame().rename(columns={"x": "a.b"}),
        frame().rename(columns={"x": 3}),
    ],
)
def test_what_could_not_be_pushed_is_no_sheet(table):
    with pytest.raises(RefusedError):
        Sheet(table)


def test_a_sheet_of_nothing_can_be_grown():
    sheet = Sheet(pd.DataFrame(index=pd.Index([], dtype="str", name="job_key")))
    assert (len(sheet), len(sheet.value)) == (0, 0)
    sheet.add_column("a", "int64", "1")
    sheet.insert_rows(0, 1)
    assert sheet.rows(0, 1)[0].texts == ["", ""]
    sheet.paste(Block(0, 1, 1, 2), "5\n6")
    assert sheet.value["a"].tolist() == [5, 6]
    assert sheet.value.index.isna().all()


def test_the_frame_that_was_given_stays_as_it_is():
    base = frame()
    sheet = Sheet(base)
    value = sheet.value
    sheet.set_texts([(0, A, "9"), (0, S, "z")])
    pd.testing.assert_frame_equal(base, frame())
    pd.testing.assert_frame_equal(value, frame())
    value.loc["1", "a"] = 77
    assert sheet.value["a"].iloc[0] == 9


def test_threads_may_edit_at_once():
    sheet = Sheet(frame(40))

    def edit(row):
        for value in range(20):
            sheet.set_texts([(row, A, str(value + 1000))])
            sheet.rows(0, 40)
            if value % 5 == 4:
                sheet.undo()

    threads = [threading.Thread(target=edit, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    while sheet.can_undo:
        sheet.undo()
    pd.testing.assert_frame_equal(sheet.value, frame(40))


def test_the_oldest_steps_are_forgotten_when_they_keep_too_much(monkeypatch):
    from torc_frames.widgets import history

    monkeypatch.setattr(history, "MOST_BYTES", 20_000)
    sheet = Sheet(frame(500))
    for start in range(10):
        sheet.fill_series(StepSeries(start), "x")
    count = 0
    while sheet.can_undo:
        sheet.undo()
        count += 1
    assert 1 <= count < 10
    assert sheet.value["x"].iloc[0] == 9 - count


def test_what_is_shown_of_it_is_short_and_stable(sheet):
    assert repr(sheet) == "Sheet(3 rows, 3 columns)"


def test_a_callback_that_was_ended_is_not_called(sheet):
    told = []
    end = sheet.on_change(told.append)
    end()
    end()
    sheet.set_texts([(0, A, "9")])
    assert told == []
