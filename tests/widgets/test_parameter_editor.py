"""The editor of parameters, driven without a browser, on real stores."""

import shutil
import threading
import time

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.widgets.parameters.session import Session
from torc_frames.widgets.parameters.widget import ParameterEditor
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
    second = editors(wf)
    assert second.value["a"].tolist() == [5, 2]
    assert "another cell" in first._message.value
    assert first._grid not in first._root.children or first._root not in first.children
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
    sheet = editor.sheet
    sheet.set_texts([(row, column(editor, "a"), str(1000 + row)) for row in range(500)])
    stopped = threading.Event()

    def stop(done, total):
        if not stopped.is_set():
            stopped.set()
            editor._background.stop()
        editor._background.check()

    editor._on_progress = stop
    editor._apply_button.click()
    editor.wait(60)
    assert stopped.is_set()
    assert "Stopped" in editor._message.value
    assert wf.parameters()["a"].tolist() == [*range(500)]
    assert sheet.counts["changed"] == 500
    del editor._on_progress
    editor._apply_button.click()
    editor.wait(60)
    assert "Applied: 500 jobs changed" in editor._message.value
    assert wf.parameters()["a"].tolist() == [*range(1000, 1500)]


def test_a_failure_in_the_background_is_shown_not_raised(wf, editors):
    wf.push(tf.grid(a=[1, 2]))
    editor = editors(wf)
    type_in(editor, 0, "a", "<b>")
    editor._plan_button.click()
    editor.wait(60)
    assert "&lt;b&gt;" in editor._message.value
    assert "<b>" not in editor._message.value


def test_hostile_texts_are_only_texts_wherever_they_are_shown(wf, editors):
    bad = "<script>alert(1)</script>"
    wf.push(pd.DataFrame({bad: ["x", "y"]}))
    editor = editors(wf)
    type_in(editor, 0, bad, "<img src=x>")
    editor.plan()
    pages = [each.value for each in editor._plan_view.children]
    pages.append(editor._repr_mimebundle_()["text/html"])
    assert not any("<script" in page or "<img" in page for page in pages)
    assert any("&lt;img" in page for page in pages)


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
    shutil.rmtree(drafts)
    drafts.write_text("")
    type_in(editor, 0, "a", "5")
    end = time.monotonic() + 20
    while "not kept on disk" not in editor._message.value:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert editor.apply() == {"added": 0, "changed": 1, "deleted": 0}
    drafts.unlink()


def test_a_closed_editor_leaves_no_widget_on_the_page(wf):
    wf.push(tf.grid(a=[1, 2]))
    editor = ParameterEditor(wf)
    inside, waiting = [], [*editor.children]
    while waiting:
        inside.append(waiting.pop())
        waiting += getattr(inside[-1], "children", ())
    editor.close()
    assert len(inside) > 20
    assert [each for each in inside if each.comm is not None] == []


# what is shown of a plan


def pushed_by_others(wf, key, name, value):
    theirs = wf.parameters()
    theirs.loc[key, name] = value
    wf.push(theirs)


def inside(widget):
    for child in getattr(widget, "children", ()):
        yield child
        yield from inside(child)


def shown(editor):
    """What the plan says, or nothing if there is none on the page."""
    if editor._plan_view.layout.display == "none":
        return ""
    return " ".join(str(getattr(each, "value", "")) for each in inside(editor._plan_view))


def press(editor, name):
    found = [*inside(editor._plan_view), *inside(editor)]
    next(each for each in found if getattr(each, "description", "") == name).click()
    editor.wait(60)


OLD = "The table has changed since"


@pytest.fixture
def in_conflict(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    type_in(editor, 0, "a", "50")
    pushed_by_others(wf, "1", "a", 70)
    press(editor, "Plan")
    assert "70" in shown(editor)
    return editor


@pytest.mark.parametrize("name", ["Keep all of mine", "Take all of theirs"])
def test_what_is_decided_is_what_was_shown(wf, in_conflict, name):
    """Since the conflict was shown, others have changed the cell once more, and it was pulled."""
    pushed_by_others(wf, "1", "a", 71)
    in_conflict.session.reload()
    press(in_conflict, name)
    assert [each.theirs for each in in_conflict.session.conflicts] == [71]
    assert in_conflict.value.loc["1", "a"] == 50
    assert "71" in shown(in_conflict)


def test_each_conflict_is_decided_by_its_own_buttons(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    for row in (0, 1):
        type_in(editor, row, "a", str(50 + row))
        pushed_by_others(wf, str(1 + row), "a", 70 + row)
    press(editor, "Plan")
    one, other = editor._plan_view._choices.values()
    one.value = "mine"
    editor.wait(60)
    assert len(editor.session.conflicts) == 2
    other.value = "theirs"
    editor.wait(60)
    assert editor.session.conflicts == []
    assert "1 job to update" in shown(editor)
    assert editor.value["a"].tolist() == [50, 71, 3]


def test_a_failure_to_decide_is_shown(in_conflict, monkeypatch):
    def fail(*args, **options):
        raise tf.RefusedError("this is <refused>")

    monkeypatch.setattr(in_conflict.session, "decide", fail)
    press(in_conflict, "Take all of theirs")
    assert "this is &lt;refused&gt;" in in_conflict._message.value
    assert "70" in shown(in_conflict)


def test_nothing_is_decided_while_something_goes_on(in_conflict, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(in_conflict.session, "reload", lambda: begun.set() or go_on.wait(60))
    in_conflict._reload_button.click()
    assert begun.wait(60)
    assert all(each.disabled for each in in_conflict._plan_view._buttons)
    in_conflict._plan_view._buttons[1].click()
    assert "wait until" in in_conflict._message.value
    go_on.set()
    in_conflict.wait(60)
    assert in_conflict.value.loc["1", "a"] == 50
    assert not any(each.disabled for each in in_conflict._plan_view._buttons)


def test_an_edit_after_a_plan_makes_it_an_old_one_whose_conflicts_can_be_decided(wf, in_conflict):
    editor = in_conflict
    assert OLD not in shown(editor)
    editor.sheet.sort(1, False)
    editor.sheet.sort(1, None)
    assert OLD not in shown(editor)
    type_in(editor, 1, "a", "60")
    assert OLD in shown(editor)
    press(editor, "Take all of theirs")
    assert OLD not in shown(editor)
    assert "1 job to update" in shown(editor)
    assert editor.value["a"].tolist() == [70, 60, 3]


def test_what_is_edited_while_it_is_planned_is_said_not_to_be_in_it(wf, editors, monkeypatch):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    type_in(editor, 0, "a", "50")
    propose, begun, go_on = editor.session.propose, threading.Event(), threading.Event()

    def slow():
        proposal = propose()
        begun.set()
        go_on.wait(60)
        return proposal

    monkeypatch.setattr(editor.session, "propose", slow)
    editor._plan_button.click()
    assert begun.wait(60)
    type_in(editor, 1, "a", "60")
    go_on.set()
    editor.wait(60)
    assert OLD in shown(editor)


def test_a_plan_of_what_others_have_changed_is_not_an_old_one(wf, editors):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    type_in(editor, 0, "a", "50")
    pushed_by_others(wf, "2", "a", 70)
    press(editor, "Plan")
    assert "1 job to update" in shown(editor)
    assert OLD not in shown(editor)


@pytest.mark.parametrize("by_button", [True, False])
def test_a_reload_takes_a_plan_away_if_the_table_is_another(wf, in_conflict, by_button):
    editor = in_conflict

    def reload():
        press(editor, "Reload") if by_button else editor.reload()

    reload()
    assert "70" in shown(editor)
    pushed_by_others(wf, "1", "a", 71)
    reload()
    assert shown(editor) == ""


@pytest.mark.parametrize("by_button", [True, False])
def test_discarding_takes_a_plan_away(in_conflict, by_button):
    if by_button:
        press(in_conflict, "Discard")
        press(in_conflict, "Discard edits")
    else:
        in_conflict.discard()
    assert shown(in_conflict) == ""
    assert in_conflict.value["a"].tolist() == [70, 2, 3]


# what goes on in the background


def test_stop_is_there_only_where_something_stops(wf, editors, monkeypatch):
    wf.push(tf.grid(a=[1, 2, 3]))
    editor = editors(wf)
    seen = {}
    for name in ("reload", "propose", "discard", "apply"):
        work = getattr(editor.session, name)

        def looking(*args, name=name, work=work):
            seen[name] = editor._stop_button.layout.display, editor._bar.layout.display
            return work(*args)

        monkeypatch.setattr(editor.session, name, looking)
    for name in ("Plan", "Reload", "Discard", "Apply"):
        type_in(editor, 0, "a", "50")
        press(editor, name)
        if name == "Discard":
            press(editor, "Discard edits")
        assert editor._stop_button.layout.display == "none"
        hidden = ("none", "none")
        if name == "Plan":
            assert seen == {"propose": hidden, "reload": hidden}
    assert seen.pop("apply") == ("", "")
    assert seen["discard"] == hidden
    assert seen["propose"] == ("", "")  # of the apply


def test_the_bar_moves_four_times_a_second_and_to_the_end(wf, editors):
    wf.push(tf.grid(a=[1]))
    editor = editors(wf)
    editor._on_busy(True)
    sent, send = [], editor._bar.send_state
    editor._bar.send_state = lambda key=None: sent.append(key) or send(key)
    began = time.monotonic()
    for done in range(500):
        editor._on_progress(done, 500)
        time.sleep(0.001)
    took = time.monotonic() - began
    moves = len(sent)
    assert 1 < moves <= took / 0.25 + 1
    editor._on_progress(500, 500)
    assert len(sent) == moves + 1
    assert (editor._bar.value, editor._bar.max) == (500, 500)


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
    editor._apply_button.click()
    assert at_work.wait(60)
    return editor, go_on


def test_who_takes_over_an_editor_waits_until_it_has_stopped_applying(wf, editors, applying):
    first, go_on = applying
    threading.Timer(0.5, go_on.set).start()
    second = editors(wf)
    assert not first._background.is_busy
    assert "another cell" in first._message.value
    assert first.session.draft.path is None
    # What was not applied is there, once.
    stored = wf.parameters()["a"].tolist()
    assert second.value["a"].tolist() == [*range(1000, 1500)]
    assert second.plan().counts["update"] == sum(value < 1000 for value in stored)
    second.apply()
    assert wf.parameters()["a"].tolist() == [*range(1000, 1500)]
    first._apply_button.click()
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
    first._apply_button.click()
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
