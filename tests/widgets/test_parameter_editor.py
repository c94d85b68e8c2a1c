"""The editor of parameters, driven without a browser, on real stores."""

import shutil
import threading
import time

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from spoken import Spoken

import torc_frames as tf
from torc_frames.widgets.parameters.session import Session
from torc_frames.widgets.parameters.widget import ParameterEditor
from torc_frames.widgets.table.source import Block
from torc_frames.workflow.client import Client


@pytest.fixture(autouse=True)
def drafts(tmp_path, monkeypatch):
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "drafts"))
    return tmp_path / "drafts"


@pytest.fixture
def wf(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    yield client.create_workflow("ridge")
    client.close()


@pytest.fixture
def editors():
    made = []

    def make(*args, **options):
        made.append(ParameterEditor(*args, **options))
        return made[-1]

    yield make
    for editor in made:
        editor.close()


def column(editor, name):
    return [each.name for each in editor.sheet.columns].index(name)


def type_in(editor, row, name, text):
    editor.sheet.set_texts([(row, column(editor, name), text)])


def mixed():
    return pd.DataFrame(
        {
            "n": [1, 2, 3],
            "gaps": pd.array([1, None, 3], dtype="Int64"),
            "alpha": [0.1, 0.2, 0.3],
            "flag": [True, False, True],
            "solver": pd.array(["svd", "sag", None], dtype="str"),
            "when": pd.to_datetime(["2026-01-01", "2026-01-02", None]),
            "kind": pd.Categorical(["a", "b", "a"]),
            "layers": pd.Series([[1, 2], {"a": None}, [{"b": [1.5]}]], dtype=object),
        }
    )


def test_what_is_typed_is_what_the_store_has_afterwards_with_the_same_dtypes(wf, editors):
    pushed = wf.push(mixed())
    editor = editors(wf)
    typed = {
        "n": "7",
        "gaps": "",
        "alpha": "1e-3",
        "flag": "false",
        "solver": "lsqr",
        "when": "2026-03-04 05:06",
        "kind": "b",
        "layers": '{"deep": [1, "x"]}',
    }
    for name, text in typed.items():
        type_in(editor, 0, name, text)
    plan = editor.plan()
    assert plan.counts == {"create": 0, "update": 1, "unchanged": 2, "conflict": 0, "delete": 0}
    assert set(plan.plan.cells["column"]) == set(typed)
    assert editor.apply() == {"added": 0, "changed": 1, "deleted": 0}
    stored = wf.parameters()
    assert stored.dtypes.equals(pushed.dtypes)
    assert stored.iloc[0].tolist()[:1] == [7]
    assert stored.loc["1", "layers"] == {"deep": [1, "x"]}
    assert stored.loc["1", "when"] == pd.Timestamp("2026-03-04 05:06")
    assert_frame_equal(stored.iloc[1:], pushed.iloc[1:])
    assert_frame_equal(editor.value, stored)
    assert not editor.sheet.is_dirty


def test_nothing_is_written_while_a_cell_is_no_value(wf, editors):
    wf.push(tf.grid(n=[1, 2]))
    editor = editors(wf)
    type_in(editor, 0, "n", "abc")
    type_in(editor, 1, "n", "5")
    for action in (editor.plan, editor.apply):
        with pytest.raises(tf.RefusedError, match="'abc'"):
            action()
    assert wf.parameters()["n"].tolist() == [1, 2]
    assert editor.value["n"].tolist() == [1, 5]
    assert editor.problems["text"].tolist() == ["abc"]
    editor.sheet.undo()
    editor.sheet.undo()
    assert editor.apply() == {"added": 0, "changed": 0, "deleted": 0}


def test_rows_are_added_and_deleted_and_columns_added_renamed_and_dropped(wf, editors):
    wf.push(pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]}))
    editor = editors(wf)
    sheet = editor.sheet
    sheet.delete_rows(1, 2)
    sheet.insert_rows(3, 1)
    type_in(editor, 3, "a", "4")
    type_in(editor, 3, "b", "3.5")
    sheet.rename_column("b", "c")
    sheet.add_column("d", "str", "x")
    plan = editor.plan()
    assert plan.deleted == ["2"]
    assert plan.counts == {"create": 1, "update": 2, "unchanged": 0, "conflict": 0, "delete": 1}
    assert editor.apply() == {"added": 1, "changed": 2, "deleted": 1}
    stored = wf.parameters()
    assert list(stored.columns) == ["a", "c", "d"]
    assert stored["a"].tolist() == [1, 3, 4]
    assert stored["c"].tolist() == [0.5, 2.5, 3.5]
    assert stored["d"].tolist() == ["x", "x", "x"]
    assert_frame_equal(editor.value, stored)


def test_what_others_changed_in_the_same_cell_waits_for_a_decision(wf, editors):
    wf.push(pd.DataFrame({"a": [1, 2], "b": [10, 20]}))
    editor = editors(wf)
    type_in(editor, 0, "a", "5")
    type_in(editor, 1, "a", "6")
    theirs = wf.parameters()
    theirs.loc["1", ["a", "b"]] = [7, 70]
    theirs.loc["2", "b"] = 80
    wf.push(theirs)
    plan = editor.plan()
    (conflict,) = plan.conflicts
    assert (conflict.job_key, conflict.column) == ("1", "a")
    assert (conflict.before, conflict.theirs, conflict.mine) == (1, 7, 5)
    assert plan.counts["conflict"] == 1
    with pytest.raises(tf.ConflictError, match="decide"):
        editor.apply()
    assert wf.parameters()["a"].tolist() == [7, 2]
    editor.session.decide({("1", "a"): "theirs"})
    editor.apply()
    # What was edited in another cell than theirs has become part of it; what was not edited is theirs.
    assert wf.parameters().to_dict("list") == {"a": [7, 6], "b": [70, 80]}


def test_mine_stays_if_that_is_decided(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf)
    type_in(editor, 0, "a", "5")
    theirs = wf.parameters()
    theirs.loc["1", "a"] = 7
    wf.push(theirs)
    assert len(editor.plan().conflicts) == 1
    editor.session.decide({("1", "a"): "mine"})
    editor.apply()
    assert wf.parameters()["a"].tolist() == [5, 2]


def test_a_row_that_is_deleted_here_and_changed_there_is_a_conflict(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf)
    editor.sheet.delete_rows(0, 1)
    theirs = wf.parameters()
    theirs.loc["1", "a"] = 7
    wf.push(theirs)
    (conflict,) = editor.plan().conflicts
    assert (conflict.job_key, conflict.column) == ("1", "")
    editor.session.decide({("1", ""): "theirs"})
    editor.apply()
    assert wf.parameters()["a"].tolist() == [7, 2]


def test_edits_of_a_job_that_is_gone_are_told(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf)
    type_in(editor, 0, "a", "5")
    wf.delete_jobs("1")
    editor.session.reload()
    assert any("a of job 1 = 5" in notice for notice in editor.session.notices)
    assert editor.value["a"].tolist() == [2]


def test_edits_survive_the_editor_and_conflicts_are_found_when_they_are_back(wf, editors):
    wf.push(pd.DataFrame({"a": [1, 2, 3], "b": [1.0, 2.0, 3.0]}))
    first = editors(wf)
    type_in(first, 0, "a", "5")
    type_in(first, 1, "a", "nothing")
    first.sheet.delete_rows(2, 3)
    first.sheet.insert_rows(3, 1)
    first.close()
    theirs = wf.parameters()
    theirs.loc["1", "a"] = 9
    wf.push(theirs)
    again = editors(wf)
    assert again.sheet.counts["invalid"] >= 1
    assert again.sheet.deleted_keys == ["3"]
    assert [c.theirs for c in again.session.conflicts] == [9]
    again.discard()
    again.close()
    last = editors(wf)
    assert not last.sheet.is_dirty
    assert last.value["a"].tolist() == [9, 2, 3]


def test_the_editor_that_is_opened_last_has_the_edits(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    first = editors(wf)
    type_in(first, 0, "a", "5")
    page = Spoken(first)
    second = editors(wf)
    assert second.value["a"].tolist() == [5, 2]
    assert page.state["taken"]
    for said in ({"op": "discard"}, {"to": "grid", "op": "undo"}):
        first._on_message(first, said, [])
    first.wait(60)
    type_in(second, 1, "a", "6")
    second.close()
    assert editors(wf).value["a"].tolist() == [5, 6]


def test_a_table_of_new_rows_comes_along(wf, editors):
    wf.push(tf.grid(alpha=[0.1]))
    editor = editors(
        wf, tf.grid(alpha=[0.2, 0.3], solver=["svd"]), command="echo {alpha}", name="alpha-{alpha}"
    )
    assert editor.sheet.counts["new"] == 2
    assert editor.apply()["added"] == 2
    assert wf.parameters()["alpha"].tolist() == [0.1, 0.2, 0.3]
    assert wf.jobs()["command"].tolist()[1:] == ["echo 0.2", "echo 0.3"]


def test_an_apply_in_the_background_shows_progress_and_can_be_stopped(wf, editors):
    wf.push(tf.grid(a=[*range(500)]))
    editor = editors(wf)
    page, sheet = Spoken(editor), editor.sheet
    sheet.set_texts([(row, column(editor, "a"), str(1000 + row)) for row in range(500)])
    stopped = threading.Event()

    def stop(done, total):
        if not stopped.is_set():
            stopped.set()
            page.begin("stop")
        editor._background.check()

    editor._on_progress = stop
    page.say("review")
    page.say("apply", review=page.state["review"]["number"])
    assert stopped.is_set()
    assert "Stopped" in page.told
    assert page.state["review"] is None
    assert wf.parameters()["a"].tolist() == [*range(500)]
    assert sheet.counts["changed"] == 500
    del editor._on_progress
    page.say("review")
    page.say("apply", review=page.state["review"]["number"])
    assert page.told == "Applied: 500 jobs changed"
    assert wf.parameters()["a"].tolist() == [*range(1000, 1500)]


def test_what_is_no_value_is_shown_first_and_gone_to(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf)
    page = Spoken(editor)
    type_in(editor, 1, "a", "<b>")
    page.say("review")
    (problem,) = page.state["review"]["problems"]
    assert (problem["row"], problem["job"], problem["column"], problem["text"]) == (1, "2", "a", "<b>")
    page.say("filter", conditions=[{"column": "a", "test": "equals", "text": "1"}])
    page.say("goto", row=1, column="a")
    assert "all rows are shown" in page.told
    assert [each for each in page.grid if each["kind"] == "focus"][-1]["row"] == 1


def test_hostile_texts_are_only_texts_where_no_page_has_drawn_them(wf, editors):
    bad = "<script>alert(1)</script>"
    wf.push(pd.DataFrame({bad: ["x", "y"]}))
    editor = editors(wf)
    type_in(editor, 0, bad, "<img src=x>")
    html = editor._repr_mimebundle_()[0]["text/html"]
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;img" in html


def test_100_cells_of_10000_jobs_on_a_real_server_and_another_client_in_between(torc_server, editors):
    """Just those cells are written, and the other client's change is a conflict."""
    client, other = tf.connect(torc_server.url), tf.connect(torc_server.url)
    wf = client.create_workflow("editing")
    random = np.random.default_rng(7)
    table = pd.DataFrame({f"c{n}": random.integers(0, 1000, 10_000) for n in range(5)})
    before = wf.push(table, show_progress=False)
    revs = wf.user_data(role="input", show_progress=False)
    editor = editors(wf)
    rows = random.choice(10_000, 100, replace=False).tolist()
    editor.sheet.set_texts([(row, column(editor, "c2"), str(5000 + row)) for row in rows])
    theirs = other.workflow(wf.key)
    key = before.index[rows[0]]
    (record,) = theirs.job(key).user_data("input")
    theirs.update_user_data(record.key, {**record.data, "c2": -1})
    plan = editor.plan()
    (conflict,) = plan.conflicts
    assert (conflict.job_key, conflict.column, conflict.theirs, conflict.mine) == (
        key,
        "c2",
        -1,
        5000 + rows[0],
    )
    assert plan.counts == {"create": 0, "update": 99, "unchanged": 9900, "conflict": 1, "delete": 0}
    editor.session.decide({(key, "c2"): "theirs"})
    assert editor.apply() == {"added": 0, "changed": 99, "deleted": 0}
    expected = before.copy()
    expected.loc[before.index[rows], "c2"] = [5000 + row for row in rows]
    expected.loc[key, "c2"] = -1
    assert_frame_equal(wf.parameters(show_progress=False), expected)
    assert len(wf.user_data(role="input", show_progress=False)) == len(revs)
    client.close()
    other.close()


def test_the_session_needs_no_widgets(wf):
    wf.push(tf.grid(a=[1]))
    session = Session(wf)
    assert session.propose().is_empty
    session.draft.close()


def test_the_client_of_an_editor_is_any(store):
    """Every store: edits, new rows and deleted ones, and the table is what the store has afterwards."""
    wf = Client(store).create_workflow("any")
    wf.push(pd.DataFrame({"a": [1, 2, 3], "s": ["x", "y", "z"]}))
    session = Session(wf)
    session.sheet.set_texts([(0, 1, "10")])
    session.sheet.delete_rows(1, 2)
    session.sheet.insert_rows(3, 1)
    session.sheet.set_texts([(3, 1, "4"), (3, 2, "w")])
    assert session.apply(session.propose()) == {"added": 1, "changed": 1, "deleted": 1}
    stored = wf.parameters()
    assert stored["a"].tolist() == [10, 3, 4]
    assert_frame_equal(session.sheet.value, stored)
    assert session.propose().is_empty
    session.draft.close()


def test_a_stopped_apply_on_a_server_is_finished_and_doubles_nothing(torc_server):
    client = tf.connect(torc_server.url)
    wf = client.create_workflow("stopped")
    wf.push(tf.grid(a=[0], b=[0]))
    session = Session(wf)
    session.append(tf.grid(a=[*range(1, 26)], b=[*range(40)]))
    seen = []

    def stop(done, total):
        seen.append(done)
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.apply(session.propose(), stop)
    session.apply(session.propose())
    stored = wf.parameters(show_progress=False)
    assert len(stored) == len(stored.drop_duplicates()) == 1001
    assert not session.sheet.is_dirty
    session.draft.close()
    client.close()


def test_running_the_cell_again_adds_no_row_twice(wf, editors):
    for _ in range(3):
        editor = editors(wf, tf.grid(a=[1, 2]))
        assert editor.sheet.counts["new"] == 2
    assert editor.apply()["added"] == 2
    assert editors(wf, tf.grid(a=[1, 2, 3])).sheet.counts["new"] == 1


def test_what_others_change_while_it_is_planned_is_not_written_back(wf, editors, monkeypatch):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    type_in(editor, 0, "a", "5")
    session, reload, times = editor.session, editor.session.reload, []

    def reload_and_be_late():
        reload()
        if not times:
            times.append(1)
            theirs = wf.parameters()
            theirs.loc["3", "a"] = 99
            wf.push(theirs)

    monkeypatch.setattr(session, "reload", reload_and_be_late)
    editor.apply()
    assert wf.parameters()["a"].tolist() == [5, 2, 99]


def test_theirs_can_be_taken_even_if_it_breaks_a_rule(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf, rules={"a": tf.Rule(min=0)})
    type_in(editor, 0, "a", "5")
    theirs = wf.parameters()
    theirs.loc["1", "a"] = -1
    wf.push(theirs)
    assert len(editor.plan().conflicts) == 1
    editor.session.decide({("1", "a"): "theirs"})
    assert editor.plan().is_empty
    assert wf.parameters()["a"].tolist() == [-1, 2]


def test_a_draft_that_can_not_be_written_is_told(wf, editors, drafts):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf)
    page = Spoken(editor)
    shutil.rmtree(drafts)
    drafts.write_text("")
    type_in(editor, 0, "a", "5")
    end = time.monotonic() + 20
    while not any("not kept on disk" in each for each in page.state["notices"]):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert editor.apply() == {"added": 0, "changed": 1, "deleted": 0}
    drafts.unlink()


def test_a_closed_editor_leaves_no_widget_on_the_page(wf):
    wf.push(tf.grid(a=[1, 2]))
    editor = ParameterEditor(wf)
    sheet, sent = editor.sheet, []
    editor.close()
    assert editor.comm is None
    editor.send = lambda *args, **options: sent.append(args)
    sheet.set_texts([(0, 1, "5")])
    assert sent == []


def test_what_may_be_observed_is_told_and_made_for_nobody_else(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3], b=["x", "y"]))
    editor = editors(wf)
    page, seen = Spoken(editor), []
    for name in ("value", "selected", "filters"):
        editor.observe(lambda change: seen.append((change.name, change.new)), name)
    type_in(editor, 0, "a", "7")
    ((name, value),) = seen
    assert (name, value["a"].tolist()) == ("value", [7, 1, 2, 2, 3, 3])
    seen.clear()
    page.say("filter", conditions=[{"column": None, "test": "where", "text": "a == 2 and b != 'x'"}])
    ((name, filters),) = seen
    assert (name, [each.text for each in filters]) == ("filters", ["a == 2 and b != 'x'"])
    assert len(editor.sheet) == 1
    seen.clear()
    gen = page.grid[-1]["gen"]
    editor._on_message(editor, {"to": "grid", "op": "select", "gen": gen, "block": [0, 1, 1, 2]}, [])
    ((name, selected),) = seen
    assert (name, selected.to_dict("records")) == ("selected", [{"a": 2, "b": "y"}])
    for name in ("value", "selected", "filters"):
        with pytest.raises(tf.FixedAttributeError, match=name):
            setattr(editor, name, None)


@pytest.mark.parametrize(
    "text", ["a >", "c > 1", "a", "a + 'x' > 1", "__import__('os')", "a > 1 " * 1000], ids=range(6)
)
def test_an_expression_that_is_none_is_refused_in_one_sentence(wf, editors, text):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    page = Spoken(editor)
    page.say("filter", conditions=[{"column": None, "test": "where", "text": text}])
    assert page.notes
    assert len(editor.sheet) == 3


def test_a_filter_whose_column_is_gone_or_another_one_keeps_nobody_from_pulling(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3], b=["x"]))
    editor = editors(wf)
    page = Spoken(editor)
    page.say("filter", conditions=[{"column": None, "test": "where", "text": "a > 1 and b == 'x'"}])
    assert len(editor.sheet) == 2
    theirs = wf.parameters()
    wf.push(theirs.assign(a=["p", "q", "r"]))
    editor.reload()
    assert editor.value["a"].tolist() == ["p", "q", "r"]
    assert "no longer filtered by a > 1 and b == 'x'" in page.state["notices"][-1]
    page.say("filter", conditions=[{"column": None, "test": "where", "text": "b == 'x'"}])
    wf.push(wf.parameters().drop(columns="b"), drop="b")
    editor.reload()
    assert list(editor.value) == ["a"]
    assert editor.filters == ()


def test_tools_of_a_page(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    page = Spoken(editor)
    page.say("addcolumn", name=" tol ", dtype="float64", default="0.5")
    page.say("fill", by="formula", first="a / 100", column="tol")
    assert editor.value["tol"].tolist() == [0.01, 0.02, 0.03]
    page.say("fill", by="steps", first="1", second="2", column="a")
    assert editor.value["a"].tolist() == [1, 3, 5]
    page.say("fill", by="steps", first="one", second="2", column="a")
    assert page.told == "from: 'one' is no number"
    page.say("fill", by="value", first="9")
    assert page.told == "select cells in the table first"
    editor._tools.block = Block(1, 1, 3, 2)
    page.say("fill", by="value", first="9")
    assert editor.value["a"].tolist() == [1, 9, 9]
    page.say("renamecolumn", name="tol", to="tolerance")
    page.say("retypecolumn", name="a", dtype="float64")
    assert editor.value.dtypes.astype(str).to_dict() == {"a": "float64", "tolerance": "float64"}
    page.say("dropcolumn", name="a")
    assert [each["name"] for each in page.state["columns"]] == ["tolerance"]
    editor.sheet.delete_rows(0, 2)
    page.say("restore")
    assert editor.sheet.deleted_keys == ["1"]


def test_an_empty_table_is_begun_with_what_is_pasted(wf, editors):
    editor = editors(wf)
    page = Spoken(editor)
    assert (page.state["length"], page.state["columns"]) == (0, [])
    page.say("begin", text="alpha\n")
    assert "no table" in page.told
    page.say("begin", text="alpha\tsolver\n0.1\tsvd\n1\tsag\n")
    assert editor.apply()["added"] == 2
    assert wf.parameters().to_dict("list") == {"alpha": [0.1, 1.0], "solver": ["svd", "sag"]}


# what is shown of a plan


def pushed_by_others(wf, key, name, value):
    theirs = wf.parameters()
    theirs.loc[key, name] = value
    wf.push(theirs)


def test_a_review_is_a_table_of_cells(wf, editors):
    wf.push(pd.DataFrame({"a": [1, 2, 3], "s": ["x", "y", None]}))
    editor = editors(wf)
    page = Spoken(editor)
    editor.sheet.delete_rows(1, 2)
    editor.sheet.insert_rows(3, 1)
    for row, name, text in [(0, "a", "5"), (2, "s", "z"), (3, "a", "4")]:
        type_in(editor, row, name, text)
    page.say("review")
    review = page.state["review"]
    assert review["columns"] == ["a", "s"]
    assert [(row["what"], row["job"], row["cells"]) for row in review["rows"]] == [
        ("changed", "1", [["1", "5"], None]),
        ("changed", "3", [None, [None, "z"]]),
        ("new", None, [[None, "4"], [None, None]]),
        ("deleted", "2", [["2", None], ["y", None]]),
    ]
    assert review["verb"] == "Apply: delete 1 job and its results"
    assert (review["more"], review["empty"], review["old"]) == (0, False, False)
    assert wf.parameters()["a"].tolist() == [1, 2, 3]


def test_a_long_review_is_cut_and_says_how_much_there_is(wf, editors):
    wf.push(tf.grid(a=[*range(300)], b=["x" * 1000]))
    editor = editors(wf)
    page = Spoken(editor)
    editor.sheet.set_texts([(row, column(editor, "a"), str(1000 + row)) for row in range(300)])
    type_in(editor, 0, "b", "y" * 1000)
    page.say("review")
    review = page.state["review"]
    assert (len(review["rows"]), review["more"]) == (100, 200)
    assert max(len(str(each)) for each in review["rows"][0]["cells"][1]) == 120


@pytest.fixture
def in_conflict(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    type_in(editor, 0, "a", "50")
    pushed_by_others(wf, "1", "a", 70)
    page = Spoken(editor)
    page.say("review")
    (conflict,) = page.state["review"]["conflicts"]
    assert conflict == {"job": "1", "column": "a", "mine": "50", "theirs": "70", "before": "1"}
    return page


def decide(page, choices):
    page.say("decide", review=page.state["review"]["number"], choices=choices)


@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_what_is_decided_is_what_was_shown(wf, in_conflict, choice):
    """Since the conflict was shown, others have changed the cell once more."""
    page, editor = in_conflict, in_conflict.editor
    pushed_by_others(wf, "1", "a", 71)
    page.say("review")
    pushed_by_others(wf, "1", "a", 72)
    editor.session.reload()
    assert page.state["review"] is None
    page.say("decide", review=2, choices=[[None, choice]])
    assert "look again" in page.told
    assert [each.theirs for each in editor.session.conflicts] == [72]
    assert editor.value.loc["1", "a"] == 50


def test_each_conflict_is_decided_by_itself(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    page = Spoken(editor)
    for row in (0, 1):
        type_in(editor, row, "a", str(50 + row))
        pushed_by_others(wf, str(1 + row), "a", 70 + row)
    page.say("review")
    decide(page, [[0, "mine"]])
    assert [each.job_key for each in editor.session.conflicts] == ["2"]
    assert [each["job"] for each in page.state["review"]["conflicts"]] == ["2"]
    decide(page, [[0, "theirs"]])
    assert editor.session.conflicts == []
    assert "1 job to update" in page.state["review"]["summary"]
    assert editor.value["a"].tolist() == [50, 71, 3]
    assert editor.sheet.can_undo


@pytest.mark.parametrize("choices", [[[7, "mine"]], [[0, "ours"]], [], [[-1, "mine"]], "all"])
def test_what_decides_no_conflict_decides_none(in_conflict, choices):
    decide(in_conflict, choices)
    assert len(in_conflict.editor.session.conflicts) == 1


def test_a_failure_to_decide_is_shown(in_conflict, monkeypatch):
    def fail(*args, **options):
        raise tf.RefusedError("this is <refused>")

    monkeypatch.setattr(in_conflict.editor.session, "decide", fail)
    decide(in_conflict, [[None, "theirs"]])
    assert in_conflict.told == "this is <refused>"
    assert in_conflict.state["review"]["conflicts"]


def test_nothing_is_decided_while_something_goes_on(in_conflict, monkeypatch):
    page, editor = in_conflict, in_conflict.editor
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(editor.session, "reload", lambda: begun.set() or go_on.wait(60))
    page.begin("reload")
    assert begun.wait(60)
    assert page.state["busy"]
    page.begin("decide", review=page.state["review"]["number"], choices=[[None, "theirs"]])
    assert "wait until" in page.told
    go_on.set()
    editor.wait(60)
    assert not page.state["busy"]
    assert editor.value.loc["1", "a"] == 50


def test_an_edit_after_a_review_makes_it_an_old_one_that_is_not_applied(wf, in_conflict):
    page, editor = in_conflict, in_conflict.editor
    decide(page, [[None, "mine"]])
    assert not page.state["review"]["old"]
    editor.sheet.sort(1, False)
    editor.sheet.sort(1, None)
    assert not page.state["review"]["old"]
    type_in(editor, 1, "a", "60")
    assert page.state["review"]["old"]
    page.say("apply", review=page.state["review"]["number"])
    assert "look again" in page.told
    assert wf.parameters()["a"].tolist() == [70, 2, 3]
    assert "2 jobs to update" in page.state["review"]["summary"]
    page.say("apply", review=page.state["review"]["number"])
    assert wf.parameters()["a"].tolist() == [50, 60, 3]


def test_what_is_edited_while_it_is_planned_is_said_not_to_be_in_it(wf, editors, monkeypatch):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    page = Spoken(editor)
    type_in(editor, 0, "a", "50")
    propose, begun, go_on = editor.session.propose, threading.Event(), threading.Event()

    def slow():
        proposal = propose()
        begun.set()
        go_on.wait(60)
        return proposal

    monkeypatch.setattr(editor.session, "propose", slow)
    page.begin("review")
    assert begun.wait(60)
    type_in(editor, 1, "a", "60")
    go_on.set()
    editor.wait(60)
    assert page.state["review"]["old"]


def test_a_plan_of_what_others_have_changed_is_not_an_old_one(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    page = Spoken(editor)
    type_in(editor, 0, "a", "50")
    pushed_by_others(wf, "2", "a", 70)
    page.say("review")
    assert "1 job to update" in page.state["review"]["summary"]
    assert not page.state["review"]["old"]


@pytest.mark.parametrize("by_button", [True, False])
def test_a_reload_takes_a_review_away_if_the_table_is_another(wf, in_conflict, by_button):
    page = in_conflict

    def reload():
        page.say("reload") if by_button else page.editor.reload()

    reload()
    assert page.state["review"]["conflicts"]
    pushed_by_others(wf, "1", "a", 71)
    reload()
    assert page.state["review"] is None


@pytest.mark.parametrize("by_button", [True, False])
def test_discarding_takes_a_review_away(in_conflict, by_button):
    if by_button:
        in_conflict.say("discard")
    else:
        in_conflict.editor.discard()
    assert in_conflict.state["review"] is None
    assert in_conflict.editor.value["a"].tolist() == [70, 2, 3]


# what goes on in the background


def test_stop_is_there_only_where_something_stops(wf, editors, monkeypatch):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    page, seen = Spoken(editor), {}
    for name in ("reload", "propose", "discard", "apply"):
        work = getattr(editor.session, name)

        def looking(*args, name=name, work=work):
            seen[name] = page.state["stops"], page.state["progress"]
            return work(*args)

        monkeypatch.setattr(editor.session, name, looking)
    for op in ("review", "reload", "discard", "review", "apply"):
        type_in(editor, 0, "a", "50")
        page.say(op, **({"review": page.state["review"]["number"]} if op == "apply" else {}))
        assert (page.state["stops"], page.state["progress"], page.state["busy"]) == (False, None, "")
    assert (seen.pop("apply"), seen.pop("propose")) == ((True, [0, 1]), (True, [0, 1]))  # of applying
    assert seen["discard"] == (False, None)


def test_the_bar_moves_four_times_a_second_and_to_the_end(wf, editors):
    wf.push(tf.grid(a=[1]))
    editor = editors(wf)
    page = Spoken(editor)
    editor._busy = "Applying…"
    editor._on_busy(True)
    page.sent.clear()
    began = time.monotonic()
    for done in range(500):
        editor._on_progress(done, 500)
        time.sleep(0.001)
    took = time.monotonic() - began
    moves = len(page.sent)
    assert 1 <= moves <= took / 0.25 + 1
    editor._on_progress(500, 500)
    assert len(page.sent) == moves + 1
    assert page.state["progress"] == [500, 500]


@pytest.fixture
def applying(wf, editors):
    """An editor that is in the middle of applying, and what lets it go on."""
    wf.push(tf.grid(a=[*range(500)]))
    editor = editors(wf)
    editor.sheet.set_texts([(row, column(editor, "a"), str(1000 + row)) for row in range(500)])
    at_work, go_on = threading.Event(), threading.Event()
    on_progress = editor._on_progress

    def slow(done, total):
        at_work.set()
        go_on.wait(60)
        on_progress(done, total)

    editor._on_progress = slow
    page = Spoken(editor)
    page.say("review")
    page.begin("apply", review=page.state["review"]["number"])
    assert at_work.wait(60)
    return editor, go_on


def test_who_takes_over_an_editor_waits_until_it_has_stopped_applying(wf, editors, applying):
    first, go_on = applying
    threading.Timer(0.5, go_on.set).start()
    second = editors(wf)
    assert not first._background.is_busy
    assert first._state["taken"]
    assert first.session.draft.path is None
    # What was not applied is there, once.
    stored = wf.parameters()["a"].tolist()
    assert second.value["a"].tolist() == [*range(1000, 1500)]
    assert second.plan().counts["update"] == sum(value < 1000 for value in stored)
    second.apply()
    assert wf.parameters()["a"].tolist() == [*range(1000, 1500)]
    first._on_message(first, {"op": "review"}, [])
    assert not first._background.is_busy


def test_who_takes_over_an_editor_in_a_thread_of_its_own_waits_too(wf, editors, applying):
    first, go_on = applying
    made = []
    thread = threading.Thread(target=lambda: made.append(editors(wf)))
    thread.start()
    time.sleep(0.3)
    assert made == []
    go_on.set()
    thread.join(60)
    assert made[0].value["a"].tolist() == [*range(1000, 1500)]
    assert not first._background.is_busy


def test_closing_an_editor_stops_what_it_applies_and_keeps_the_edits(wf, editors, applying):
    first, go_on = applying
    threading.Timer(0.5, go_on.set).start()
    first.close()
    assert not first._background.is_busy
    again = editors(wf)
    assert again.value["a"].tolist() == [*range(1000, 1500)]
    assert again.apply()["changed"] == 500


def test_who_takes_over_an_editor_adds_no_row_that_it_has_added(torc_server, editors):
    client = tf.connect(torc_server.url)
    wf = client.create_workflow("taken")
    wf.push(tf.grid(a=[0], b=[0]))
    first = editors(wf, tf.grid(a=[*range(1, 26)], b=[*range(40)]))
    at_work, go_on = threading.Event(), threading.Event()
    on_progress = first._on_progress

    def slow(done, total):
        if done:
            at_work.set()
            go_on.wait(60)
        on_progress(done, total)

    first._on_progress = slow
    page = Spoken(first)
    page.say("review")
    page.begin("apply", review=page.state["review"]["number"])
    assert at_work.wait(60)
    threading.Timer(0.3, go_on.set).start()
    second = editors(wf)
    assert 1 < len(wf.parameters(show_progress=False)) < 1001
    second.apply()
    stored = wf.parameters(show_progress=False)
    assert len(stored) == len(stored.drop_duplicates()) == 1001
    assert not second.sheet.is_dirty
    second.close()
    client.close()
