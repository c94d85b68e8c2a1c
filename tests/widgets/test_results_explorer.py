"""The explorer of results without a browser: filtered, grouped, drawn, exported and refreshed."""

import subprocess
import sys
import time

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.frame.where import kept_by
from torc_frames.widgets.results import figures
from torc_frames.widgets.results.model import Aggregate, Arrangement, between, contains, is_missing, one_of
from torc_frames.widgets.results.session import Chosen, Exploration, export
from torc_frames.widgets.results.widget import ResultsExplorer


@pytest.fixture
def wf(tmp_path):
    """Six jobs: two failed, one of those without results, one not run."""
    wf = tf.connect(tmp_path / "study.db").create_workflow("explored")
    params = pd.DataFrame(
        {"n": [1, 2, 3, 4, 5, 6], "solver": ["a", "b", "a", "b", "a", "b"], "ok": [0, 0, 0, 1, 1, 0]}
    )
    wf.push(params.iloc[:5], command="exit {ok}")
    wf.run(workers=1, show_progress=False)
    for key in range(1, 5):
        wf.job(key).store(loss=key / 2)
    wf.push(params.iloc[5:], command="exit 0")
    return wf


def same(explorer, wf):
    """Whether the code makes what is shown."""
    names = {"wf": wf}
    exec(explorer.code, names)
    assert_frame_equal(names["df"], explorer.value)
    return True


def test_at_first_it_shows_all_jobs_but_not_all_columns(wf):
    explorer = ResultsExplorer(wf)
    assert explorer.value.columns.tolist() == [
        *("job_name", "status", "stale", "params.n", "params.solver", "params.ok", "results.loss"),
    ]
    assert explorer.value.index.tolist() == wf.table().index.tolist()
    assert same(explorer, wf)
    assert repr(explorer) == "ResultsExplorer(workflow='1', jobs=6)"


def test_failed_and_missing_are_seen_at_a_glance_and_clicked_to(wf):
    explorer = ResultsExplorer(wf)
    summary = explorer.exploration.summary
    assert (summary.jobs, summary.statuses, summary.without_results) == (
        *(6, {"completed": 3, "failed": 2, "ready": 1}, 2),
    )
    assert explorer._statuses["failed"].description == "failed 2"
    explorer._statuses["failed"].value = True
    assert explorer.value.index.tolist() == ["4", "5"]
    explorer._bare.value = True
    assert explorer.value.index.tolist() == ["5"]
    explorer._statuses["ready"].value = True
    assert explorer.value.index.tolist() == ["5", "6"]
    assert same(explorer, wf)
    explorer._all.click()
    assert len(explorer.value) == 6
    assert not explorer._statuses["failed"].value
    assert not explorer._bare.value


def test_filters_are_typed_and_wrong_ones_tell_why(wf):
    explorer = ResultsExplorer(wf)
    row = explorer.filters.add()
    assert row.column.value == "results.loss"
    row.low.value = "0,5"
    assert "is no number" in row.message.value
    assert len(explorer.value) == 6
    row.low.value, row.high.value = "1", "0.5"
    assert "nothing is between" in row.message.value
    row.high.value = ""
    assert explorer.exploration.asked.filters == (between("results.loss", 1, None),)
    second = explorer.filters.add()
    second.column.value = "params.solver"
    assert second.condition.value == "is one of"
    second.choices.value = ("b",)
    assert explorer.value.index.tolist() == ["2", "4"]
    second.condition.value = "contains"
    second.text.value = "A"
    assert explorer.value.index.tolist() == ["3"]
    explorer.filters._remove(row)
    assert explorer.exploration.asked.filters == (contains("params.solver", "A"),)
    second.column.value = "results.loss"
    second.condition.value = "is missing"
    assert explorer.value.index.tolist() == ["5", "6"]
    assert same(explorer, wf)


def test_a_header_sorts_what_is_shown_and_the_value(wf):
    explorer = ResultsExplorer(wf)
    names = [column.name for column in explorer.source.columns]
    explorer.source.sort(names.index("results.loss"), False)
    assert explorer.value.index.tolist() == ["4", "3", "2", "1", "5", "6"]
    assert explorer.source.order == (names.index("results.loss"), False)
    assert [row.texts[0] for row in explorer.source.rows(0, 2)] == ["4", "3"]
    assert same(explorer, wf)
    explorer.source.sort(0, None)
    assert explorer.source.order is None
    with pytest.raises(tf.RefusedError):
        explorer.source.sort(99, True)


def test_groups_are_of_the_rows_that_are_shown(wf):
    explorer = ResultsExplorer(wf)
    explorer.exploration.choose(Chosen(filters=(is_missing("results.loss", False),)))
    panel = explorer.unfold("Group")
    panel.by.value = ("params.solver",)
    panel.columns.value = ("results.loss", "job_name")
    panel.functions.value = ("mean", "max")
    assert explorer.value.columns.tolist() == [
        *("params.solver", "jobs", "mean results.loss", "max results.loss"),
    ]
    assert explorer.value["max results.loss"].tolist() == [1.5, 2.0]
    assert "None of that can be told of job_name" in panel.message.value
    assert explorer.source.status == "2 groups of 4 of 6 jobs"
    assert same(explorer, wf)
    explorer.exploration.sort("jobs", False)
    assert same(explorer, wf)
    panel._clear()
    assert len(explorer.value) == 4


def test_figures_follow_the_filters(wf):
    explorer = ResultsExplorer(wf)
    scatter, parallel = explorer.unfold("Scatter"), explorer.unfold("Parallel")
    assert (scatter.x.value, scatter.y.value, scatter.by.value) == (
        "params.n",
        "results.loss",
        "params.solver",
    )
    assert "against params.n, 6 jobs" in scatter.picture.value
    assert "data:image/png;base64," in parallel.picture.value
    explorer._statuses["failed"].value = True
    assert "2 jobs" in scatter.picture.value
    assert "2 jobs" in parallel.picture.value
    parallel.columns.value = ("params.n",)
    assert "at least two columns" in parallel.message.value
    assert parallel.picture.value == ""
    explorer._toggles["Scatter"].value = False
    before = scatter.picture.value
    explorer._statuses["failed"].value = False
    assert scatter.picture.value == before  # closed ones are not drawn


def test_without_matplotlib_everything_but_figures_works(wf):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import torc_frames as tf\n"
        "from torc_frames.widgets.results.widget import ResultsExplorer\n"
        f"explorer = ResultsExplorer(tf.connect({wf._store.url!r}).workflow(1))\n"
        "print(explorer.unfold('Scatter').message.value, len(explorer.value))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torc_frames[plots]" in done.stdout
    assert done.stdout.endswith(" 6\n")
    assert "pyplot" not in sys.modules


def test_a_refresh_keeps_what_is_asked(wf):
    explorer = ResultsExplorer(wf)
    explorer.exploration.choose(Chosen(("completed",), False, (between("results.loss", 0.6, None),)))
    explorer.exploration.sort("results.loss", False)
    explorer.refresh()
    assert "nothing changed" in explorer.message.value
    wf.job(1).store(loss=9.0)
    explorer.refresh()
    assert "1 updated" in explorer.message.value
    assert explorer.value["results.loss"].tolist() == [9.0, 1.5, 1.0]
    assert explorer.source.row_of("3") == 1
    assert explorer.source.key_at(1) == "3"
    assert same(explorer, wf)


def test_what_can_not_be_asked_after_a_refresh_is_told(wf):
    explorer = ResultsExplorer(wf)
    row = explorer.filters.add()
    row.low.value = "1"
    explorer._statuses["ready"].value = True
    explorer._statuses["failed"].value = True
    kept = wf.user_data(role="output")["record_key"]
    wf.delete_user_data(*kept)
    wf.run(workers=1, show_progress=False)
    explorer.refresh()
    assert "no longer possible: results.loss &gt;= 1, status in ['ready']" in explorer.message.value
    assert explorer.filters.rows == []
    assert explorer.exploration.asked == Chosen(("failed",))
    assert explorer.value.index.tolist() == ["4", "5"]
    assert same(explorer, wf)


def test_a_store_that_can_not_be_read_leaves_what_is_shown(wf, tmp_path):
    explorer = ResultsExplorer(wf)
    tf.connect(tmp_path / "study.db").delete_workflow(wf.key)
    explorer._all.click()
    explorer._refresh.click()
    assert "no workflow key" in explorer.message.value
    assert len(explorer.value) == 6


def test_records_that_clash_are_shown_as_lists_if_asked(wf):
    wf.add_user_data(1, {"loss": 7}, role="output")
    with pytest.raises(tf.ConflictError):
        ResultsExplorer(wf, on_clash="error")
    with pytest.warns(tf.TorcFramesWarning, match="These cells are lists"):
        assert "wf.table()" in ResultsExplorer(wf).code
    explorer = ResultsExplorer(wf, on_clash="list")
    assert "wf.table(on_clash='list')" in explorer.code
    assert same(explorer, wf)


def test_what_is_refreshed_by_hand_is_not_what_the_explorer_read(wf):
    results = wf.results()
    ResultsExplorer(wf)
    assert list(wf.refresh().frame) == list(results)


def test_the_value_is_the_caller_s_own(wf):
    explorer = ResultsExplorer(wf)
    value = explorer.value
    value.loc["1", "params.n"] = 99
    assert explorer.value.loc["1", "params.n"] == 1


def test_a_filter_of_no_column_is_refused_and_changes_nothing(wf):
    exploration = Exploration(wf)
    with pytest.raises(tf.RefusedError, match="no column 'x'"):
        exploration.choose(Chosen(filters=(one_of("x", ("a",)),)))
    with pytest.raises(tf.RefusedError):
        exploration.group(("x",), (Aggregate("params.n", "mean"),))
    assert len(exploration.value) == 6
    assert exploration.asked == Chosen()


# columns

NAMES = list("abcdef")


@given(
    st.lists(st.tuples(st.sampled_from(["show", "hide", "left", "right"]), st.lists(st.sampled_from(NAMES))))
)
def test_columns_are_never_lost_and_never_all_hidden(steps):
    arrangement = Arrangement(tuple(NAMES))
    for step, names in steps:
        before = arrangement
        match step:
            case "show":
                arrangement = arrangement.show(names)
            case "hide":
                arrangement = arrangement.hide(names)
            case _:
                arrangement = arrangement.move(names, 1 if step == "right" else -1)
                assert set(arrangement.shown) == set(before.shown)
        assert sorted(arrangement.order) == NAMES
        assert arrangement.shown


def test_a_hidden_column_comes_back_to_its_place():
    arrangement = Arrangement(tuple(NAMES)).move(["f"], -1)
    assert arrangement.hide(["c"]).show(["c"]) == arrangement


def test_new_columns_come_after_those_before_them():
    arrangement = Arrangement(("b", "a"), frozenset({"b"}))
    fit = arrangement.fitting(pd.DataFrame(columns=["x", "a", "y", "z"]))
    assert fit.order == ("x", "a", "y", "z")
    assert fit.fitting(pd.DataFrame(columns=["a", "b"])).shown == ("a",)


def test_chosen_columns_outlive_a_refresh(wf):
    explorer = ResultsExplorer(wf)
    panel = explorer.unfold("Columns")
    panel.shown.value = ("results.loss",)
    panel._move(-1)
    panel.shown.value = ("status",)
    panel._hide()
    wf.job(6).store(loss=3.0, extra="new")
    explorer.refresh()
    assert explorer.value.columns.tolist() == [
        *(
            "job_name",
            "stale",
            "params.n",
            "params.solver",
            "results.loss",
            "results.extra",
            "params.ok",
        ),
    ]
    panel.hidden.value = ("status",)
    panel._show()
    assert explorer.value.columns[1] == "status"


def test_what_else_is_known_of_jobs_is_hidden_and_the_code_pulls_it_only_where_it_is_needed(wf):
    explorer = ResultsExplorer(wf)
    exploration = explorer.exploration
    assert {"command", "return_code"} < set(exploration.arrangement.order)
    exploration.group(("job_name",), (Aggregate("results.loss", "mean"),))
    assert "df = wf.table()\n" in explorer.code
    assert same(explorer, wf)
    exploration.group(("return_code",))
    assert "df = wf.table(job_columns=True)\n" in explorer.code
    assert same(explorer, wf)
    exploration.group(())
    exploration.choose(Chosen(filters=(between("return_code", 1, None),)))
    assert "df = wf.table(job_columns=True)\n" in explorer.code
    assert explorer.value.index.tolist() == ["4", "5"]
    assert same(explorer, wf)
    exploration.choose(Chosen())
    exploration.arrange(exploration.arrangement.show(["command"]))
    assert "df = wf.table(job_columns=True)\n" in explorer.code
    assert same(explorer, wf)


# export


def test_what_is_shown_is_exported_and_nothing_is_overwritten_unasked(wf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = ResultsExplorer(wf)
    explorer._statuses["failed"].value = True
    panel = explorer.unfold("Export")
    panel._save()
    assert "2 rows in results.parquet" in panel.message.value
    assert_frame_equal(pd.read_parquet("results.parquet"), explorer.value)
    with pytest.raises(tf.RefusedError, match="exists already"):
        panel._save()
    panel.overwrite.value = True
    panel._save()
    panel.kind.value = ".xlsx"
    assert panel.name.value == "results.xlsx"
    panel._save()
    assert openpyxl.load_workbook("results.xlsx").active.max_row == 3
    assert sorted(path.name for path in tmp_path.glob("*results*")) == ["results.parquet", "results.xlsx"]


def test_no_text_becomes_a_formula_in_a_spreadsheet(tmp_path):
    frame = pd.DataFrame({"note": ["=1+1", "+cmd", "plain", None]})
    assert export(frame, tmp_path / "t.csv").read_text().splitlines() == [
        "note",
        "'=1+1",
        "'+cmd",
        "plain",
        '""',
    ]
    sheet = openpyxl.load_workbook(export(frame, tmp_path / "t.xlsx")).active
    assert [cell.data_type for (cell,) in sheet.iter_rows(min_row=2, max_row=4)] == ["s", "s", "s"]


@pytest.mark.parametrize(
    ("name", "reason"), [("t.txt", "ends in none"), ("none/t.csv", "no folder"), ("", "none")]
)
def test_where_nothing_can_be_written_is_told(tmp_path, name, reason):
    with pytest.raises(tf.RefusedError, match=reason):
        export(pd.DataFrame({"a": [1]}), tmp_path / name)


def test_what_fails_half_way_leaves_no_file(tmp_path):
    with pytest.raises(tf.TorcFramesError):
        export(pd.DataFrame({"a": ["x" * 40_000]}), tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


# figures


def test_the_first_figure_shows_a_result_against_a_parameter():
    names = [
        "job_name",
        "num_cpus",
        "params.same",
        "params.depth",
        "params.solver",
        "results.error.type",
        "results.loss",
    ]
    frame = pd.DataFrame([["a", 1, 7, 1, "x", "E", 0.1], ["b", 1, 7, 2, "y", "F", 0.2]], columns=names)
    first = figures.suggested(frame)
    assert (first.x, first.y, first.by) == ("params.depth", "results.loss", "params.solver")
    assert first.columns == ("params.depth", "params.solver", "results.loss")
    assert figures.drawable(frame)[:3] == ["params.same", "params.depth", "params.solver"]


def test_a_workflow_without_jobs_is_explored_too(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("empty")
    explorer = ResultsExplorer(wf)
    for name in explorer.panels:
        explorer.unfold(name)
    assert len(explorer.value) == 0
    wf.push(tf.grid(n=[1, 2]))
    explorer.refresh()
    assert len(explorer.value) == 2
    assert "2 added" in explorer.message.value
    assert same(explorer, wf)


def test_names_and_values_of_others_are_shown_as_text(tmp_path):
    bad = "<img src=x onerror=alert(1)>"
    wf = tf.connect(tmp_path / "study.db").create_workflow(bad)
    wf.push(pd.DataFrame({bad: [1.5, 2.5], "b": [bad, "$x$"]}), command="exit 1", name=bad + " {b}")
    wf.run(workers=1, show_progress=False)
    explorer = ResultsExplorer(wf)
    for name in explorer.panels:
        explorer.unfold(name)
    group = explorer.panels["Group"]
    group.by.value = ("params.b",)
    group.columns.value = ("job_name",)
    shown = [explorer.panels["Scatter"].picture.value, group.message.value, explorer.message.value]
    row = explorer.filters.add()
    row.column.value = f"params.{bad}"
    row.low.value = bad
    shown.append(row.message.value)
    assert all("<img src=x" not in text for text in shown)
    assert "&lt;img src=x" in row.message.value
    assert same(explorer, wf)


def test_a_filter_of_a_hundred_thousand_rows_takes_milliseconds():
    rows = 100_000
    frame = pd.DataFrame({f"p{at}": range(at, rows + at) for at in range(20)}, dtype="float64")
    frame["day"] = pd.date_range("2026-01-01", periods=rows, freq="s", tz="UTC")
    since = between("day", None, frame["day"].iloc[-1])
    conditions = (between("p3", 10, 50_000), between("p7", 100, None), is_missing("p5", False), since)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        mask = np.logical_and.reduce([kept_by(frame, text) for text in conditions])
        took.append(time.perf_counter() - began)
    assert mask.sum() == 49_905
    assert min(took) < 0.05
