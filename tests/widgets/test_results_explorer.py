"""The explorer of results without a browser: filtered, grouped, drawn, exported and refreshed."""

import json
import math
import time

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.frame.where import kept_by
from torc_frames.widgets.results import messages
from torc_frames.widgets.results.arrangement import ChosenColumns
from torc_frames.widgets.results.asked import Chosen
from torc_frames.widgets.results.axes import Axes, drawable, suggested
from torc_frames.widgets.results.export import export
from torc_frames.widgets.results.model import Aggregate, between, contains, is_missing, one_of
from torc_frames.widgets.results.profiles import profile
from torc_frames.widgets.results.session import Exploration
from torc_frames.widgets.results.widget import ResultsExplorer


class Page:
    """Stands where the browser is: says what a page would, and keeps what Python sends, as JSON has it."""

    def __init__(self, explorer):
        self.explorer, self.sent, self.state = explorer, [], {}
        explorer.send = self._hear

    def _hear(self, content, buffers=None):
        told = json.loads(json.dumps(content, allow_nan=False))
        self.sent.append((told, [bytes(each) for each in buffers or []]))
        if told["kind"] == "state":
            self.state |= told

    def say(self, op, to="", **fields):
        """Say something, and return the last answer, if that has one."""
        self.sent.clear()
        asked = {"op": op, **fields, **({"to": to} if to else {})}
        self.explorer._on_message(self.explorer, asked, [])
        return self.told("answer")

    def told(self, kind):
        """Return the last message of a kind, None if there was none."""
        return next((told for told, _ in reversed(self.sent) if told["kind"] == kind), None)

    def buffers(self, kind):
        return next(buffers for told, buffers in reversed(self.sent) if told["kind"] == kind)

    @property
    def note(self):
        told = self.told("note")
        return told and told["text"]


@pytest.fixture
def wf(tmp_path):
    """Six jobs: two failed, one of those without results, one not run."""
    wf = tf.connect(tmp_path / "study.db").create_workflow("explored")
    params = pd.DataFrame(
        {"n": [1, 2, 3, 4, 5, 6], "solver": ["a", "b", "a", "b", "a", "b"], "ok": [0, 0, 0, 1, 1, 0]}
    )
    wf.push(params.iloc[:5], command="echo out {n}; echo why {n} >&2; exit {ok}")
    wf.run(workers=1, show_progress=False)
    for key in range(1, 5):
        wf.job(key).store(loss=key / 2)
    wf.push(params.iloc[5:], command="exit 0")
    return wf


@pytest.fixture
def page(wf):
    page = Page(ResultsExplorer(wf))
    page.say("open")
    return page


def same(explorer, wf):
    """Whether the code makes what is shown."""
    names = {"wf": wf}
    exec(explorer.code, names)
    assert_frame_equal(names["df"], explorer.value)
    return True


def test_at_first_it_shows_all_jobs_the_best_first_and_not_all_columns(wf):
    explorer = ResultsExplorer(wf)
    assert explorer.value.columns.tolist() == [
        *("results.loss", "params.n", "params.solver", "params.ok", "job_name", "status", "stale"),
    ]
    assert explorer.value.index.tolist() == ["1", "2", "3", "4", "5", "6"]
    assert same(explorer, wf)
    assert repr(explorer) == "ResultsExplorer(workflow='1', jobs=6)"


def test_rows_are_ranked_by_the_objective_whose_best_is_marked(page, wf):
    assert page.state["goal"] == {"name": "results.loss", "mode": "min"}
    assert page.state["metrics"] == ["results.loss"]
    best = page.state["best"]
    assert (best["key"], best["row"], best["place"]) == ("1", 0, 0)
    assert best["cells"][:2] == [["results.loss", "0.5"], ["params.n", "1"]]
    page.say("rankby", column="results.loss", mode="max")
    assert page.explorer.value.index.tolist() == ["4", "3", "2", "1", "5", "6"]
    # Job 4 has failed: as `best` has it, it is none of those that count.
    with pytest.warns(tf.TorcFramesWarning):
        assert tf.best(wf.table(), "loss", n=1, mode="max").index.tolist() == ["3"]
    assert (page.state["best"]["key"], page.state["best"]["row"]) == ("3", 1)
    assert same(page.explorer, wf)
    page.say("rankby", column="params.n", mode="max")
    assert page.explorer.value.columns[0] == "params.n"
    page.say("best")
    assert page.told("focus")["row"] == page.state["best"]["row"]
    page.say("rankby", column="params.solver", mode="max")
    assert "is not of numbers" in page.note


def test_the_objective_is_asked_for_by_its_short_name(wf):
    explorer = ResultsExplorer(wf, objective="loss", mode="max")
    assert explorer.exploration.goal.name == "results.loss"
    assert explorer.value["results.loss"].tolist()[0] == 2.0
    with pytest.raises(tf.RefusedError, match="objective"):
        ResultsExplorer(wf, objective="lost")
    with pytest.raises(tf.RefusedError, match="mode='least'"):
        ResultsExplorer(wf, mode="least")


def test_failed_and_missing_are_seen_at_a_glance_and_clicked_to(page, wf):
    explorer = page.explorer
    assert page.state["statuses"] == [["completed", 3, False], ["failed", 2, False], ["ready", 1, False]]
    assert (page.state["jobs"], page.state["bare"], page.state["stale"]) == (6, [2, False], [0, False])
    page.say("status", name="failed")
    assert explorer.value.index.tolist() == ["4", "5"]
    page.say("bare")
    assert explorer.value.index.tolist() == ["5"]
    page.say("status", name="ready")
    assert explorer.value.index.tolist() == ["5", "6"]
    assert page.state["statuses"][2] == ["ready", 1, True]
    assert page.state["best"] is None
    assert same(explorer, wf)
    page.say("everything")
    assert len(explorer.value) == 6
    assert page.state["bare"] == [2, False]


def test_filters_are_typed_and_wrong_ones_tell_why(page, wf):
    explorer = page.explorer
    assert "no column 'lost'" in page.say("filterby", id="1", text="lost > 1")["fault"]
    assert len(explorer.value) == 6
    assert page.say("filterby", id="2", text="results.loss >= 1") == {"kind": "answer", "id": "2"}
    assert explorer.exploration.asked.filters == (between("results.loss", 1, None),)
    page.say("filterby", id="3", text=contains("params.solver", "A"))
    assert explorer.value.index.tolist() == ["3"]
    assert page.state["filters"] == ["results.loss >= 1", "contains(params.solver, 'A')"]
    assert explorer.filters == tuple(page.state["filters"])
    page.say("drop", text="results.loss >= 1")
    assert explorer.value.index.tolist() == ["1", "3", "5"]
    assert same(explorer, wf)


def test_a_part_of_a_heading_is_a_filter(page, wf):
    explorer = page.explorer
    shown = page.state["profiles"]["results.loss"]
    assert (shown["range"], shown["missing"], sum(shown["bins"])) == (["0.5", "2.0"], 2, 4)
    page.say("narrow", column="results.loss", low=0.3, high=1)
    assert explorer.filters == ("results.loss >= 0.95",)
    assert page.state["profiles"]["results.loss"]["narrowed"] == [0.3, 1]
    assert sum(page.state["profiles"]["params.solver"]["now"]) == 3
    page.say("narrow", column="results.loss", low=0.0, high=0.5)
    assert explorer.filters == ("results.loss <= 1.25",)
    page.say("narrow", column="params.solver", low=0.6, high=0.9)
    assert explorer.filters == ("results.loss <= 1.25", "params.solver in ['b']")
    assert explorer.value.index.tolist() == ["2"]
    assert same(explorer, wf)
    page.say("narrow", column="results.loss", low=0, high=1)
    assert explorer.filters == ("params.solver in ['b']",)
    page.say("drop", text="params.solver in ['b']")
    assert "narrowed" not in page.state["profiles"]["params.solver"]
    page.say("narrow", column="nothing", low=0, high=0.5)
    assert "no column 'nothing'" in page.note


def test_a_header_sorts_what_is_shown_and_the_value(page, wf):
    explorer = page.explorer
    page.say("hello", to="grid")
    names = [column["name"] for column in page.told("head")["columns"]]
    at = names.index("results.loss")
    assert page.told("head")["order"] == [at, True]
    page.say("sort", to="grid", column=at, ascending=False)
    assert explorer.value.index.tolist() == ["4", "3", "2", "1", "5", "6"]
    assert page.told("head")["order"] == [at, False]
    assert [row["t"][0] for row in page.told("head")["rows"][:2]] == ["4", "3"]
    assert page.state["best"]["row"] == 3
    assert same(explorer, wf)
    page.say("sort", to="grid", column=0, ascending=None)
    assert page.told("head")["order"] is None
    page.say("sort", to="grid", column=99, ascending=True)
    assert "there is no column" in page.note


def test_groups_are_of_the_rows_that_are_shown(page, wf):
    explorer = page.explorer
    explorer.exploration.choose(Chosen(filters=(is_missing("results.loss", False),)))
    page.say(
        "grouprows", by=["params.solver"], aggregates=[["results.loss", "mean"], ["results.loss", "max"]]
    )
    assert explorer.value.columns.tolist() == [
        *("params.solver", "jobs", "mean results.loss", "max results.loss"),
    ]
    assert explorer.value["max results.loss"].tolist() == [1.5, 2.0]
    assert page.state["told"] == "2 groups of 4 of 6 jobs"
    assert page.state["best"]["row"] == -1
    assert same(explorer, wf)
    explorer.exploration.sort("jobs", False)
    assert same(explorer, wf)
    page.say("grouprows", by=["params.solver"], aggregates=[["job_name", "mean"]])
    assert "can't be told of 'job_name'" in page.note
    page.say("grouprows", by=[], aggregates=[])
    assert len(explorer.value) == 4


def test_a_brush_picks_rows_in_the_table_and_in_python(page, wf):
    explorer, heard = page.explorer, []
    explorer.observe(lambda change: heard.append(change.new.index.tolist()), "selected")
    page.say("brush", id="1", ranges={"results.loss": [0.9, 1.6]})
    assert explorer.selected.index.tolist() == ["2", "3"]
    assert "command" in explorer.selected
    assert heard == [["2", "3"]]
    assert (page.told("head")["length"], page.state["told"]) == (2, "2 brushed of 6 jobs")
    assert page.told("picked") == {"kind": "picked", "ranges": {"results.loss": [0.9, 1.6]}, "count": 2}
    assert np.unpackbits(np.frombuffer(page.buffers("picked")[0], np.uint8)).tolist() == [
        0,
        1,
        1,
        0,
        0,
        0,
        0,
        0,
    ]
    assert len(explorer.value) == 6
    page.say("brush", id="2", ranges={"results.loss": [0.9, 1.6], "params.solver": [1, 1.4]})
    assert explorer.selected.index.tolist() == ["2"]

    copied = page.say("codeof", id="3")["text"]
    names = {"wf": wf}
    exec(copied, names)
    assert names["df"].index.tolist() == ["2"]
    page.say("keep")
    assert explorer.filters == ("1.0 <= results.loss <= 1.5", "params.solver in ['b']")
    assert (page.told("picked")["count"], len(explorer.selected)) == (0, 0)
    assert explorer.value.index.tolist() == ["2"]
    assert same(explorer, wf)
    assert "no column 'x'" in page.say("brush", id="4", ranges={"x": [0, 1]})["fault"]
    assert "give numbers" in page.say("brush", id="5", ranges={"params.n": [0, math.nan]})["fault"]
    assert explorer.exploration.ranges == {}


def test_rows_of_the_table_are_selected_and_stay_so(page, wf):
    explorer = page.explorer
    page.say("hello", to="grid")
    gen = page.told("head")["gen"]
    page.say("select", to="grid", gen=gen, block=[1, 0, 3, 2])
    assert explorer.selected.index.tolist() == ["2", "3"]
    assert (page.state["marked"], page.state["markedKey"], page.state["chosen"]) == (1, "2", 2)
    page.say("select", to="grid", gen=gen, block=[1, 0, 3, 2])
    assert page.sent == []  # nothing is answered to what changes nothing
    explorer.exploration.sort("results.loss", False)
    assert page.told("focus")["row"] == 2
    assert explorer.selected.index.tolist() == ["2", "3"]
    page.say("choose", row=4)
    assert page.told("focus")["row"] == 4
    assert (explorer.selected.index.tolist(), page.state["marked"]) == (["5"], 4)
    assert "'5'" in page.say("codeof", id="1")["text"]
    page.say("status", name="completed")
    assert page.state["marked"] == -1
    page.say("choose", row=17)
    assert "no such row" in page.note


def test_columns_are_sent_to_be_drawn(page, wf):
    told = page.say("drawcolumns", id="1", columns=["results.loss", "params.solver"])
    loss, solver, keys = page.buffers("answer")
    assert told["axes"] == [
        {"name": "results.loss", "labels": None, "log": False, "time": False},
        {"name": "params.solver", "labels": ["a", "b"], "log": False, "time": False},
    ]
    np.testing.assert_array_equal(
        np.frombuffer(loss, np.float32), np.float32([0.5, 1, 1.5, 2, np.nan, np.nan])
    )
    assert np.frombuffer(solver, np.float32).tolist() == [0, 1, 0, 1, 0, 1]
    assert np.frombuffer(keys, np.int32).tolist() == [1, 2, 3, 4, 5, 6]
    page.say("status", name="failed")
    page.say("drawcolumns", id="2", columns=["params.n"])
    assert np.frombuffer(page.buffers("answer")[0], np.float32).tolist() == [4, 5]
    assert "no column" in page.say("drawcolumns", id="3", columns=["nope"])["fault"]


def test_the_log_of_a_job_is_shown(page):
    told = page.say("log", id="1", key="5")
    assert (told["status"], told["code"], told["run"]) == ("failed", 1, 1)
    assert (told["stdout"], told["stderr"]) == ("out 5", "why 5")
    assert page.say("log", id="2", key="6")["run"] is None
    assert "no job '7'" in page.say("log", id="3", key="7")["fault"]


def test_selected_jobs_are_run_again_when_that_is_sure(page, wf):
    assert "no job is selected" in page.say("rerun", id="1", sure=True)["fault"]
    page.say("brush", id="2", ranges={"params.n": [1, 2]})
    asked = page.say("rerun", id="3", sure=False)
    assert (asked["count"], asked["command"]) == (2, "wf.start(jobs=['1', '2'], rerun=\"all\")")
    assert wf.running() == []
    assert "fault" not in page.say("rerun", id="4", sure=True)
    assert "2 jobs started again" in page.note
    for run in wf.running():
        run.wait(60)
    assert wf.jobs()["run_id"].tolist() == [2, 2, 1, 1, 1, 0]


def test_selected_jobs_are_handed_over_to_be_edited(wf):
    given = []
    page = Page(ResultsExplorer(wf, on_edit=given.append))
    page.say("edit")
    assert "no job is selected" in page.note
    page.say("brush", id="1", ranges={"params.n": [5, 6]})
    page.say("edit")
    assert given == [["5", "6"]]
    assert page.explorer.editing == ["5", "6"]


def test_what_matters_is_told_or_why_not(page, tmp_path):
    assert "too few" in page.say("shares", id="1")["fault"]
    wf = tf.connect(tmp_path / "more.db").create_workflow("more")
    params = tf.sample(40, {"a": tf.uniform(0, 1), "b": tf.uniform(0, 1)})
    wf.push(params, command="true")
    wf.run(workers=1, show_progress=False)
    for key, row in wf.parameters().iterrows():
        wf.job(key).store(loss=row["a"] * 3 + row["b"] / 10)
    page = Page(ResultsExplorer(wf))
    shares = page.say("shares", id="1")["shares"]
    assert [name for name, _ in shares] == ["params.a", "params.b"]
    assert 0 < shares[1][1] < shares[0][1] <= 1


def test_a_refresh_keeps_what_is_asked(page, wf):
    explorer = page.explorer
    explorer.exploration.choose(Chosen(("completed",), False, (between("results.loss", 0.6, None),)))
    explorer.exploration.sort("results.loss", False)
    page.say("refresh")
    assert page.note == "nothing changed"
    page.say("choose", row=1)
    wf.job(1).store(loss=9.0)
    page.say("refresh")
    assert page.note == "1 updated"
    assert explorer.value["results.loss"].tolist() == [9.0, 1.5, 1.0]
    assert explorer.selected.index.tolist() == ["3"]
    assert page.told("focus")["row"] == 1
    assert same(explorer, wf)


def test_what_can_not_be_asked_after_a_refresh_is_told(page, wf):
    explorer = page.explorer
    page.say("filterby", id="1", text="results.loss >= 1")
    page.say("status", name="ready")
    page.say("status", name="failed")
    page.say("brush", id="2", ranges={"results.loss": [0, 9]})
    kept = wf.user_data(role="output")["record_key"]
    wf.delete_user_data(*kept)
    wf.run(workers=1, show_progress=False)
    page.say("refresh")
    assert "no longer possible: results.loss >= 1, status in ['ready']" in page.note
    assert explorer.exploration.asked == Chosen(("failed",))
    assert explorer.value.index.tolist() == ["4", "5"]
    assert (page.state["goal"], page.state["best"], page.told("picked")["ranges"]) == (None, None, {})
    assert same(explorer, wf)
    wf.job(1).store(score=1.0)
    wf.job(2).store(score=2.0)
    page.say("refresh")
    assert page.state["goal"] == {"name": "results.score", "mode": "max"}


def test_a_store_that_can_not_be_read_leaves_what_is_shown(page, wf, tmp_path):
    tf.connect(tmp_path / "study.db").delete_workflow(wf.key)
    page.say("everything")
    page.say("refresh")
    assert "no workflow key" in page.note
    assert len(page.explorer.value) == 6


def test_traits_are_observed_and_not_set(page):
    explorer, heard = page.explorer, []
    explorer.observe(lambda change: heard.append((change.name, len(change.new))), ["value", "filters"])
    page.say("status", name="failed")
    assert heard == [("value", 2), ("filters", 1)]
    page.say("brush", id="1", ranges={"params.n": [4, 4]})
    assert len(heard) == 2
    for name in ("value", "selected", "filters", "editing"):
        with pytest.raises(tf.FixedAttributeError):
            setattr(explorer, name, [])


OPS = [each.__struct_config__.tag for each in messages.Message.__args__]
NAMES_OF_COLUMNS = st.sampled_from(["results.loss", "params.n", "params.solver", "status", "end_time", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | NAMES_OF_COLUMNS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES_OF_COLUMNS, inner, max_size=2),
    max_leaves=6,
)
ENDS = st.tuples(st.floats(-9, 9) | st.floats(), st.floats(-9, 9) | st.floats()).map(list)
AGGREGATES = st.tuples(NAMES_OF_COLUMNS, st.sampled_from(["mean", "first", "nope"])).map(list)
FIELDS = {
    "id": st.just("1"),
    "column": NAMES_OF_COLUMNS,
    "columns": st.lists(NAMES_OF_COLUMNS, max_size=3),
    "mode": st.sampled_from(["min", "max"]),
    "name": st.sampled_from(["failed", "completed", "gone"]),
    "low": st.floats(0, 1),
    "high": st.floats(0, 1),
    "text": st.sampled_from(["params.n > 2", "nope", "stale", "params.solver == 'a'", ""]),
    "ranges": st.dictionaries(NAMES_OF_COLUMNS, ENDS, max_size=3),
    "row": st.integers(0, 9),
    "order": st.permutations(["params.n", "params.solver"]),
    "hidden": st.lists(NAMES_OF_COLUMNS, max_size=3),
    "by": st.lists(NAMES_OF_COLUMNS, max_size=2),
    "aggregates": st.lists(
        st.tuples(NAMES_OF_COLUMNS, st.sampled_from(["mean", "first", "nope"])).map(list), max_size=2
    ),
    "path": st.just("none/t.csv"),
    "overwrite": st.booleans(),
    "key": st.sampled_from(["1", "6", "7"]),
    "sure": st.just(False),
}


def _said(op):
    fields = {each.__struct_config__.tag: each.__struct_fields__ for each in messages.Message.__args__}[op]
    right = st.fixed_dictionaries({name: FIELDS[name] for name in fields})
    wrong = st.dictionaries(st.sampled_from([*fields, "to", "x"]), ANYTHING, max_size=3)
    return (right | wrong).map(lambda made: {"op": op, **made})


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """A page of an explorer that all examples use in turn."""
    wf = tf.connect(tmp_path_factory.mktemp("explored") / "study.db").create_workflow("explored")
    wf.push(pd.DataFrame({"n": range(6), "solver": list("ababab")}), command="test {n} != 3")
    wf.run(workers=2, show_progress=False)
    for key in range(1, 5):
        wf.job(key).store(loss=key / 2)
    return wf, Page(ResultsExplorer(wf))


@settings(max_examples=100, deadline=None)
@given(said=st.lists(st.sampled_from(OPS).flatmap(_said) | ANYTHING, max_size=6))
def test_whatever_a_page_sends_is_done_or_refused_in_words(explored, said):
    wf, page = explored
    explorer = page.explorer
    for message in said:
        page.sent.clear()
        explorer._on_message(explorer, message, [])
        for told, _ in page.sent:
            assert not told.get("text", "").startswith("This failed:")
    frame, shown = explorer.exploration.frame, explorer.value
    assert len(frame) == 6
    if not explorer.exploration.query.groups:
        assert shown.index.isin(frame.index).all()
        assert explorer.selected.index.isin(frame.index).all()
    assert same(explorer, wf)


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
    arrangement = ChosenColumns(tuple(NAMES))
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
    arrangement = ChosenColumns(tuple(NAMES)).move(["f"], -1)
    assert arrangement.hide(["c"]).show(["c"]) == arrangement


def test_new_columns_come_after_those_before_them():
    arrangement = ChosenColumns(("b", "a"), frozenset({"b"}))
    fit = arrangement.fitting(pd.DataFrame(columns=["x", "a", "y", "z"]))
    assert fit.order == ("x", "a", "y", "z")
    assert fit.fitting(pd.DataFrame(columns=["a", "b"])).shown == ("a",)


def test_chosen_columns_outlive_a_refresh(page, wf):
    explorer = page.explorer
    order = ["params.n", *(name for name in page.state["order"] if name != "params.n")]
    page.say("arrangecolumns", order=order, hidden=[*page.state["hidden"], "status"])
    wf.job(6).store(loss=3.0, extra="new")
    page.say("refresh")
    assert explorer.value.columns.tolist() == [
        *("params.n", "results.loss", "results.extra", "params.solver", "params.ok", "job_name", "stale"),
    ]
    page.say("arrangecolumns", order=order, hidden=[])
    assert "the columns are others" in page.note
    page.say(
        "arrangecolumns", order=page.state["order"], hidden=[n for n in page.state["hidden"] if n != "status"]
    )
    assert "status" in explorer.value


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


def test_what_is_shown_is_exported_and_nothing_is_overwritten_unasked(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page.say("status", name="failed")
    page.say("export", id="1", path="results.parquet", overwrite=False)
    assert page.note == "2 rows in results.parquet"
    assert_frame_equal(pd.read_parquet("results.parquet"), page.explorer.value)
    again = page.say("export", id="2", path="results.parquet", overwrite=False)
    assert "exists already" in again["fault"]
    assert page.note is None
    page.say("export", id="3", path="results.parquet", overwrite=True)
    page.say("export", id="4", path=" results.xlsx", overwrite=False)
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


# figures and headings


def test_the_first_figure_shows_the_objective_against_a_parameter():
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
    able = drawable(frame)
    assert able[:3] == ["params.same", "params.depth", "params.solver"]
    first = suggested(frame, "results.loss", able)
    assert (first.x, first.y) == ("params.depth", "results.loss")
    assert first.columns == ("params.depth", "params.solver", "results.loss")


COLUMNS = {
    "float": st.floats() | st.none(),
    "int": st.integers(-9, 9) | st.integers(-(2**62), 2**62),
    "text": st.sampled_from(["a", "b", "<b>", ""]) | st.none(),
    "flag": st.booleans(),
    "time": st.datetimes(pd.Timestamp("1980-01-01"), pd.Timestamp("2100-01-01")),
    "mixed": st.lists(st.integers(), max_size=1) | st.text(max_size=2),
}


CELLS = st.sampled_from(sorted(COLUMNS)).flatmap(
    lambda kind: st.lists(COLUMNS[kind], min_size=1, max_size=12)
)


@given(CELLS, st.data())
def test_a_brush_and_the_filters_that_it_is_keep_the_same_rows(cells, data):
    frame = pd.DataFrame({"v 1": pd.Series(cells)})
    if "v 1" not in drawable(frame):
        return
    axes = Axes(frame)
    drawn = [float(each) for each in axes["v 1"].values if math.isfinite(each)] or [0.0]
    ends = sorted(data.draw(st.tuples(st.sampled_from(drawn), st.sampled_from(drawn) | st.floats(-5, 5))))
    ranges = {"v 1": tuple(ends)}
    kept = [kept_by(frame, text) for text in axes.filters(ranges)]
    assert np.logical_and.reduce(kept).tolist() == axes.within(ranges).tolist()


def test_the_end_of_a_brush_over_labels_is_compared_as_it_is_drawn():
    frame = pd.DataFrame({"v 1": [True, False]})
    axes = Axes(frame)
    ranges = {"v 1": (1e-221, 1.0)}  # as float32 that is 0
    [text] = axes.filters(ranges)
    assert kept_by(frame, text).tolist() == axes.within(ranges).tolist() == [True, True]


@given(
    CELLS,
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_part_of_any_heading_is_a_filter_and_all_of_it_is_none(cells, part):
    frame = pd.DataFrame({"v": pd.Series(cells)})
    found = profile(frame, "v")
    assert len(found.counts()) <= 16
    assert found.missing == frame["v"].isna().sum()
    assert found.filter(frame, 0, 1) is None
    text = found.filter(frame, *sorted(part))
    if found.count and text is not None:
        kept = kept_by(frame, text)
        assert not kept[frame["v"].isna()].any()
    elif not found.count:
        assert text is None


def test_a_workflow_without_jobs_is_explored_too(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("empty")
    page = Page(ResultsExplorer(wf))
    page.say("open")
    assert (len(page.explorer.value), page.state["goal"]) == (0, None)
    wf.push(tf.grid(n=[1, 2]))
    page.say("refresh")
    assert len(page.explorer.value) == 2
    assert page.note == "2 added"
    assert same(page.explorer, wf)


def test_names_and_values_of_others_are_sent_as_they_are(tmp_path):
    bad = "<img src=x onerror=alert(1)>"
    wf = tf.connect(tmp_path / "study.db").create_workflow(bad)
    wf.push(pd.DataFrame({bad: [1.5, 2.5], "b": [bad, "$x$"]}), command="exit 1", name=bad + " {b}")
    wf.run(workers=1, show_progress=False)
    page = Page(ResultsExplorer(wf))
    page.say("open")
    page.say("narrow", column=f"params.{bad}", low=0.5, high=1)
    assert page.state["filters"] == [f"`params.{bad}` >= 2.0"]
    page.say("grouprows", by=["params.b"], aggregates=[["job_name", "first"]])
    assert same(page.explorer, wf)


def test_a_brush_over_a_hundred_thousand_rows_takes_milliseconds(monkeypatch, wf):
    rows = 100_000
    random = np.random.default_rng(0)
    keys = pd.Index([str(key) for key in range(1, rows + 1)], name="job_key")
    frame = pd.DataFrame({f"params.p{at}": random.random(rows) for at in range(16)}, index=keys)
    frame["params.solver"] = random.choice(["svd", "sag", "lsqr"], rows)
    frame["results.loss"] = random.lognormal(0, 2, rows)
    frame["job_name"], frame["status"] = "job " + keys, "completed"
    frame["stale"] = False
    monkeypatch.setattr(type(wf), "table", lambda self, **_: frame)
    page = Page(ResultsExplorer(wf))
    page.say("drawcolumns", id="0", columns=["params.p0", "results.loss"])
    took = []
    for at in range(5):
        began = time.perf_counter()
        page.say("brush", id="1", ranges={"params.p0": [0.1 * at, 0.5], "params.p1": [0.2, 0.9]})
        assert len(page.explorer.selected) == page.told("picked")["count"] > 0
        took.append(time.perf_counter() - began)
    assert min(took) < 0.1


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
