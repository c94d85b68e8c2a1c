"""What an edited table, the store, and a draft make of each other, whatever happens in between."""

import json
import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import examples

import torc_frames as tf
from torc_frames.widgets.drafts import Draft
from torc_frames.widgets.parameters.session import Session


@pytest.fixture(autouse=True)
def drafts(tmp_path, monkeypatch):
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "drafts"))
    return tmp_path / "drafts"


@pytest.fixture
def client(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    yield client
    client.close()


@pytest.fixture
def wf(client):
    wf = client.create_workflow("ridge")
    wf.push(pd.DataFrame({"a": [1, 2, 3], "s": ["x", "y", "z"]}))
    return wf


@pytest.fixture
def sessions():
    made = []

    def make(*args, **options):
        made.append(Session(*args, **options))
        return made[-1]

    yield make
    for session in made:
        session.draft.release()


def type_in(session, key, name, text):
    session.sheet.set_texts([(*session.sheet.position_of(key, name), text)])


def delete(session, key):
    row, _ = session.sheet.position_of(key)
    session.sheet.delete_rows(row, row + 1)


def others_write(wf, key, name, value):
    theirs = wf.parameters()
    theirs[name] = theirs[name].astype(object) if name in theirs else None
    theirs.loc[key, name] = value
    wf.push(theirs.infer_objects())


def killed(session):
    """What a kernel that dies leaves: the draft as it was written last."""
    session.draft.release()


class KernelDiedError(Exception):
    pass


# What was written, and nobody came back to tell


def test_new_rows_are_not_doubled_when_the_kernel_dies_after_they_were_written(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7, 8], "s": ["p", "q"]}))
    proposal = session.propose()
    session.sheet.rebase = lambda *_: (_ for _ in ()).throw(KernelDiedError)
    with pytest.raises(KernelDiedError):
        session.apply(proposal)
    killed(session)
    again = sessions(wf)
    assert again.propose().is_empty
    assert again.apply(again.propose()) == {"added": 0, "changed": 0, "deleted": 0}
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 7, 8]
    assert not again.sheet.is_dirty


def test_what_new_rows_have_of_earlier_pushes_is_noted(wf, sessions):
    wf.push(wf.parameters(), command="echo {a}")
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    proposal = session.propose()
    assert proposal.notes == ["1 new job with the command 'echo {a}', which the workflow remembers"]
    session.apply(proposal)
    assert wf.jobs()["command"].tolist()[-1] == "echo 7"


def test_a_new_row_that_was_edited_while_it_was_written_is_that_job_with_an_edit(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7, 8], "s": ["p", None]}))
    proposal = session.propose()

    def die(*_):
        session.sheet.set_texts([(3, 1, "70"), (3, 2, "")])
        session.draft.flush()
        raise KernelDiedError

    session.sheet.rebase = die
    session.wf.refresh = die
    with pytest.raises(KernelDiedError):
        session.apply(proposal)
    killed(session)
    again = sessions(wf)
    assert again.propose().counts == {"create": 0, "update": 1, "unchanged": 4, "conflict": 0, "delete": 0}
    again.apply(again.propose())
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 70, 8]
    assert wf.parameters()["s"].isna().tolist() == [False, False, False, True, True]


def test_rows_that_others_push_too_are_one_job_each(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7, 7], "s": ["p", "p"]}))
    wf.push(pd.DataFrame({"a": [7], "s": ["p"]}))
    assert session.propose().counts["create"] == 1
    session.apply(session.propose())
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 7, 7]


def test_a_copy_of_a_row_that_was_there_is_a_row_of_its_own(wf, sessions):
    session = sessions(wf)
    session.sheet.duplicate_rows(0, 1)
    session.draft.close()
    again = sessions(wf)
    others_write(wf, "3", "a", 30)
    again.apply(again.propose())
    assert wf.parameters()["a"].tolist() == [1, 2, 30, 1]


def test_what_is_stopped_on_a_server_is_finished_without_doubling(torc_server, sessions):
    wf = tf.connect(torc_server.url).create_workflow("stopped")
    wf.push(pd.DataFrame({"a": [1]}))
    session = sessions(wf)
    session.append(pd.DataFrame({"a": range(10, 1010)}))
    proposal = session.propose()

    def stop(done, total):
        if done:
            raise KernelDiedError

    with pytest.raises(KernelDiedError):
        session.apply(proposal, stop)
    session.sheet.delete_rows(1, 2)  # the first of the new ones, a job by now
    session.draft.flush()
    killed(session)
    again = sessions(wf)
    again.apply(again.propose())
    stored = wf.parameters()["a"].tolist()
    assert sorted(stored) == [1, *range(11, 1010)]


def test_a_draft_of_a_workflow_that_had_the_same_key_in_the_same_place_is_set_aside(tmp_path, sessions):
    def make(name):
        client = tf.connect(tmp_path / "again.db")
        wf = client.create_workflow(name)
        wf.push(pd.DataFrame({"a": [1, 2]}))
        return client, wf

    client, wf = make("old")
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    session.draft.close()
    client.close()
    for file in tmp_path.glob("again.db*"):
        file.unlink()
    client, wf = make("new")
    session = sessions(wf)
    assert not session.sheet.is_dirty
    assert any("'old'" in notice for notice in session.notices)
    session.draft.release()
    client.close()


def test_an_editor_that_can_not_be_made_stands_in_nobodys_way(wf, sessions):
    with pytest.raises(tf.RefusedError, match=r"tf\.Rule"):
        sessions(wf, rules={"a": 5})
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    session.draft.close()
    assert sessions(wf).sheet.counts["changed"] == 1


def test_a_draft_as_version_1_has_written_it_is_read(client, sessions):
    wf = client.create_workflow("ridge")
    wf.push(pd.DataFrame({"a": [1, 2, 3, 4], "s": ["x", "y", "z", "w"], "d": [0.5, 1.5, 2.5, 3.5]}))
    others_write(wf, "1", "a", 9)
    others_write(wf, "2", "d", 9.5)
    others_write(wf, "4", "s", "theirs")
    kept = json.loads((Path(__file__).parents[1] / "data" / "draft-1.json").read_text())
    Draft(wf._store.url, wf.key, lambda: kept, lambda: None).close()
    session = sessions(wf)
    shown = {name: list(column) for name, column in session.sheet.value.items()}
    assert shown == {"n": [3, 3, 3, 3], "a": [5, 70, 2, 3], "t": ["x", "new", "y", "mine"]}
    assert [(*each,) for each in session.sheet.problems[["job_key", "text"]].values] == [("2", "abc")]
    assert session.sheet.deleted_keys == ["4"]
    was, now = {"a": 4, "s": "w", "d": 3.5}, {"a": 4, "s": "theirs", "d": 3.5}
    assert session.conflicts == [
        ("4", "", was, now, None),
        ("", "d", {"2": 1.5}, {"2": 9.5}, None),
        ("1", "a", 1, 9, 5),
    ]


# Deleting


def test_a_copy_takes_the_place_of_the_row_it_was_made_of(wf, sessions):
    session = sessions(wf)
    session.sheet.duplicate_rows(0, 1)
    delete(session, "1")
    assert session.apply(session.propose()) == {"added": 1, "changed": 0, "deleted": 1}
    assert wf.parameters().index.tolist() == ["2", "3", "4"]
    assert_frame_equal(session.sheet.value, wf.parameters())


@pytest.mark.parametrize("options", [{"name": "j{a}"}, {"command": "run {nothing}"}])
def test_what_can_not_be_created_is_refused_before_anything_is_deleted(wf, sessions, options):
    session = sessions(wf, options=options)
    session.append(pd.DataFrame({"a": [7, 7], "s": ["p", "q"]}))
    delete(session, "1")
    with pytest.raises(tf.RefusedError):
        session.apply(session.propose())
    assert wf.parameters().index.tolist() == ["1", "2", "3"]


def test_an_apply_that_fails_deletes_nothing_on_an_embedded_store(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    delete(session, "1")

    def stop(done, total):
        if done:
            raise KernelDiedError

    with pytest.raises(KernelDiedError):
        session.apply(session.propose(), stop)
    assert wf.parameters()["a"].tolist() == [1, 2, 3]
    assert session.apply(session.propose()) == {"added": 1, "changed": 0, "deleted": 1}
    assert wf.parameters()["a"].tolist() == [2, 3, 7]


def test_edits_of_a_row_that_is_deleted_are_not_told_as_lost(wf, sessions):
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    type_in(session, "1", "s", '"unfinished')
    delete(session, "1")
    session.apply(session.propose())
    assert session.notices == []
    assert session.sheet.lost == []


def test_theirs_of_a_row_that_was_edited_and_deleted_is_all_of_theirs(wf, sessions):
    session = sessions(wf)
    type_in(session, "1", "s", "mine")
    delete(session, "1")
    others_write(wf, "1", "a", 9)
    (conflict,) = session.propose().conflicts
    assert (conflict.job_key, conflict.column) == ("1", "")
    assert (conflict.before, conflict.theirs) == ({"a": 1, "s": "x"}, {"a": 9, "s": "x"})
    session.decide({("1", ""): "theirs"})
    assert session.propose().is_empty
    assert session.sheet.value.loc["1"].tolist() == [9, "x"]


def test_edits_of_a_row_that_is_restored_still_find_their_conflicts(wf, sessions):
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    delete(session, "1")
    others_write(wf, "1", "a", 9)
    session.reload()
    session.sheet.restore_rows(0, 1)
    (conflict,) = session.propose().conflicts
    assert conflict == ("1", "a", 1, 9, 5)


# What happens while it is applied


def meanwhile(session, what):
    """Do something between the write and the end of an apply."""
    refresh = session.wf.refresh

    def and_then(frame):
        what()
        return refresh(frame)

    session.wf.refresh = and_then


def test_a_new_row_that_is_taken_out_while_it_is_written_is_to_be_deleted(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    proposal = session.propose()
    session.sheet.delete_rows(3, 4)
    session.apply(proposal)
    assert wf.parameters()["a"].tolist() == [1, 2, 3, 7]
    assert session.sheet.deleted_keys == ["4"]
    session.apply(session.propose())
    assert wf.parameters()["a"].tolist() == [1, 2, 3]


def test_a_row_that_is_restored_while_it_is_deleted_is_a_new_one(wf, sessions):
    session = sessions(wf)
    delete(session, "2")
    proposal = session.propose()
    session.sheet.restore_rows(1, 2)
    session.apply(proposal)
    assert wf.parameters()["a"].tolist() == [1, 3]
    assert session.sheet.value["a"].tolist() == [1, 2, 3]
    assert session.sheet.counts["new"] == 1
    session.apply(session.propose())
    assert wf.parameters()["a"].tolist() == [1, 3, 2]


def test_a_column_that_is_dropped_while_it_is_written_stays_dropped(wf, sessions):
    session = sessions(wf)
    session.sheet.add_column("n", "int64", "1")
    proposal = session.propose()
    session.sheet.drop_column("n")
    session.apply(proposal)
    assert session.sheet.dropped_columns == ["n"]
    session.apply(session.propose())
    assert list(wf.parameters().columns) == ["a", "s"]


def test_a_column_that_is_renamed_while_it_is_written_keeps_its_values(wf, sessions):
    session = sessions(wf)
    session.sheet.rename_column("a", "b")
    type_in(session, "1", "b", "5")
    proposal = session.propose()
    session.sheet.rename_column("b", "c")
    type_in(session, "2", "c", "6")
    session.apply(proposal)
    assert wf.parameters()["b"].tolist() == [5, 2, 3]
    assert session.sheet.value["c"].tolist() == [5, 6, 3]
    session.apply(session.propose())
    assert wf.parameters().to_dict("list") == {"c": [5, 6, 3], "s": ["x", "y", "z"]}
    assert session.notices == []


def test_a_cell_that_is_edited_again_while_it_is_written_conflicts_with_a_later_change(wf, sessions):
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    proposal = session.propose()
    meanwhile(session, lambda: others_write(wf, "1", "a", 99))
    type_in(session, "1", "a", "6")
    session.apply(proposal)
    assert session.conflicts == [("1", "a", 5, 99, 6)]


def test_a_proposal_of_a_table_that_was_pulled_again_is_refused(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    proposal = session.propose()
    others_write(wf, "1", "a", 9)
    session.reload()
    with pytest.raises(tf.ConflictError, match="propose it again"):
        session.apply(proposal)
    assert len(wf.parameters()) == 3


def test_a_reload_waits_until_an_apply_is_done(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    proposal, began, go_on = session.propose(), threading.Event(), threading.Event()

    def progress(done, total):
        began.set()
        go_on.wait(10)

    applying = threading.Thread(target=session.apply, args=(proposal, progress))
    applying.start()
    assert began.wait(10)
    reloading = threading.Thread(target=session.reload)
    reloading.start()
    reloading.join(0.2)
    assert reloading.is_alive()
    session.sheet.set_texts([(0, 2, "typed")])  # which waits for nothing
    go_on.set()
    applying.join(10)
    reloading.join(10)
    assert session.sheet.value["a"].tolist() == [1, 2, 3, 7]
    assert session.sheet.counts == {"changed": 1, "new": 0, "deleted": 0, "invalid": 0}


# Columns


def test_an_edit_in_a_renamed_column_conflicts_with_a_change_under_the_old_name(wf, sessions):
    session = sessions(wf)
    session.sheet.rename_column("a", "b")
    type_in(session, "1", "b", "5")
    others_write(wf, "1", "a", 9)
    others_write(wf, "2", "a", 20)
    assert session.propose().conflicts == [("1", "b", 1, 9, 5)]
    session.decide({("1", "b"): "theirs"})
    session.apply(session.propose())
    assert wf.parameters().to_dict("list") == {"b": [9, 20, 3], "s": ["x", "y", "z"]}


def test_a_dropped_column_that_others_change_is_a_conflict_of_the_column(wf, sessions):
    session = sessions(wf)
    session.sheet.drop_column("a")
    others_write(wf, "2", "a", 20)
    proposal = session.propose()
    assert proposal.conflicts == [("", "a", {"2": 2}, {"2": 20}, None)]
    assert proposal.counts["conflict"] == 1
    session.decide({("", "a"): "theirs"})
    assert session.sheet.dropped_columns == []
    assert session.propose().is_empty
    assert session.sheet.value["a"].tolist() == [1, 20, 3]
    session.sheet.drop_column("a")
    session.apply(session.propose())
    assert list(wf.parameters().columns) == ["s"]


def test_a_column_that_both_add_is_one_and_differing_cells_are_conflicts(wf, sessions):
    session = sessions(wf)
    session.sheet.add_column("n", "Int64")
    type_in(session, "1", "n", "10")
    type_in(session, "2", "n", "20")
    theirs = wf.parameters()
    theirs["n"] = pd.array([11, None, 33], dtype="Int64")
    wf.push(theirs)
    assert session.propose().conflicts == [("1", "n", None, 11, 10)]
    session.decide({("1", "n"): "mine"})
    session.apply(session.propose())
    assert wf.parameters()["n"].tolist() == [10, 20, 33]


def test_a_column_renamed_to_what_others_add_is_one_and_differing_cells_are_conflicts(wf, sessions):
    session = sessions(wf)
    session.sheet.rename_column("a", "n")
    theirs = wf.parameters()
    theirs["n"] = pd.array([1, None, 33], dtype="Int64")
    wf.push(theirs)
    assert session.propose().conflicts == [("3", "n", None, 33, 3)]
    session.decide({("3", "n"): "theirs"})
    session.apply(session.propose())
    assert wf.parameters().to_dict("list") == {"s": ["x", "y", "z"], "n": [1, 2, 33]}


def test_two_columns_that_change_names_are_no_conflict(wf, sessions):
    wf.push(wf.parameters().assign(b=[10, 20, 30]))
    session = sessions(wf)
    for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
        session.sheet.rename_column(old, new)
    type_in(session, "1", "a", "100")
    others_write(wf, "2", "s", "changed")
    session.apply(session.propose())
    assert wf.parameters()["a"].tolist() == [100, 20, 30]
    assert wf.parameters()["b"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("rename", [True, False])
def test_a_conflict_waits_whatever_becomes_of_its_column_and_row(wf, sessions, rename):
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    others_write(wf, "1", "a", 9)
    session.reload()
    assert session.conflicts == [("1", "a", 1, 9, 5)]
    if rename:
        session.sheet.rename_column("a", "b")
        assert session.conflicts == [("1", "b", 1, 9, 5)]
        session.sheet.undo()
    session.sheet.drop_column("a")
    assert session.conflicts == [("", "a", {"1": 1}, {"1": 9}, None)]
    session.sheet.undo()
    delete(session, "1")
    assert session.conflicts == [("1", "", {"a": 1}, {"a": 9}, None)]
    session.sheet.undo()
    type_in(session, "1", "a", "9")
    assert session.conflicts == []
    session.sheet.undo()
    assert session.propose().conflicts == [("1", "a", 1, 9, 5)]
    delete(session, "1")
    session.decide({("1", ""): "mine"})
    assert session.apply(session.propose())["deleted"] == 1


def test_a_restored_draft_remembers_conflicts_of_renamed_columns(wf, sessions):
    session = sessions(wf)
    session.sheet.rename_column("a", "b")
    type_in(session, "1", "b", "5")
    others_write(wf, "1", "a", 9)
    session.reload()
    session.draft.close()
    again = sessions(wf)
    again.sheet.rename_column("b", "c")
    assert again.propose().conflicts == [("1", "c", 1, 9, 5)]


def test_a_dropped_column_of_a_job_that_others_add_is_a_conflict(wf, sessions):
    session = sessions(wf)
    session.sheet.drop_column("a")
    wf.push(pd.DataFrame({"a": [77], "s": ["q"]}))
    assert session.propose().conflicts == [("", "a", {"4": None}, {"4": 77}, None)]


def test_a_column_that_took_the_place_of_another_is_there_after_a_kernel_died(client, sessions):
    wf = client.create_workflow("exchanged")
    wf.push(pd.DataFrame({"a": [1, 2], "b": [10, 20]}))
    session = sessions(wf)
    session.sheet.drop_column("a")
    session.sheet.rename_column("b", "a")
    proposal = session.propose()
    session.sheet.rebase = lambda *_: (_ for _ in ()).throw(KernelDiedError)
    with pytest.raises(KernelDiedError):
        session.apply(proposal)
    killed(session)
    again = sessions(wf)
    assert again.propose().is_empty
    assert again.sheet.value["a"].tolist() == [10, 20]


def test_the_dtype_that_others_give_a_column_is_followed(wf, sessions):
    session = sessions(wf)
    theirs = wf.parameters()
    theirs["a"] = theirs["a"].astype("float64")
    wf.push(theirs)
    type_in(session, "1", "s", "mine")
    session.apply(session.propose())
    assert str(wf.parameters()["a"].dtype) == "float64"
    assert not session.sheet.is_dirty


def test_a_column_that_does_not_fit_any_more_takes_no_other_edits_along(wf, sessions):
    session = sessions(wf)
    type_in(session, "2", "s", "precious")
    session.sheet.add_column("opt", "float64", "1")
    session.draft.close()
    theirs = wf.parameters()
    theirs["opt.lr"] = [0.1, 0.2, 0.3]
    wf.push(theirs)
    again = sessions(wf)
    assert again.sheet.value["s"].tolist() == ["x", "precious", "z"]
    assert any("opt of job 1" in notice for notice in again.notices)


def test_a_dependency_that_is_not_there_is_named(wf, sessions):
    session = sessions(wf, options={"depends_on": ["999999"]})
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    with pytest.raises(tf.NotFoundError, match="999999"):
        session.propose()


def test_a_column_that_is_added_in_front_is_where_the_store_has_it_afterwards(wf, sessions):
    session = sessions(wf)
    session.sheet.add_column("n", "int64", "5", at=0)
    session.apply(session.propose())
    assert not session.sheet.is_dirty
    assert_frame_equal(session.sheet.value, wf.parameters())


# What is no conflict


def test_what_was_changed_and_changed_back_is_no_conflict(wf, sessions):
    session = sessions(wf)
    type_in(session, "1", "a", "5")
    others_write(wf, "1", "a", 9)
    session.reload()
    assert len(session.conflicts) == 1
    others_write(wf, "1", "a", 1)
    assert session.propose().conflicts == []
    session.apply(session.propose())
    assert wf.parameters()["a"].tolist() == [5, 2, 3]


@pytest.mark.parametrize("dtype", ["str", "float64", "Int64"])
def test_a_column_that_is_only_of_another_dtype_follows_the_store(wf, sessions, dtype):
    session = sessions(wf)
    session.sheet.retype_column("a", dtype)
    others_write(wf, "1", "a", 9)
    assert session.propose().conflicts == []
    session.apply(session.propose())
    assert wf.parameters()["a"].astype(str).str.removesuffix(".0").tolist() == ["9", "2", "3"]
    assert wf.parameters()["a"].dtype == pd.Series([], dtype=dtype).dtype


def test_an_edit_in_a_retyped_column_is_a_conflict_as_in_any_other(wf, sessions):
    session = sessions(wf)
    session.sheet.retype_column("a", "float64")
    type_in(session, "1", "a", "5.5")
    others_write(wf, "1", "a", 9)
    assert session.propose().conflicts == [("1", "a", 1, 9, 5.5)]
    session.decide({("1", "a"): "theirs"})
    session.apply(session.propose())
    assert wf.parameters()["a"].tolist() == [9.0, 2.0, 3.0]


# Rows that are added


def test_a_frame_that_can_not_be_added_leaves_no_columns(wf, sessions):
    session = sessions(wf)
    with pytest.raises(tf.RefusedError):
        session.append(pd.DataFrame({"new": [1], "job_key": ["9"]}))
    assert [column.name for column in session.sheet.columns] == ["job_key", "a", "s"]
    assert not session.sheet.can_undo


def test_rows_and_columns_are_added_in_one_step(wf, sessions):
    session = sessions(wf)
    session.append(pd.DataFrame({"a": [7], "more": [1.5], "count": [3]}))
    assert session.sheet.value["count"].dtype == "Int64"
    session.sheet.undo()
    assert not session.sheet.is_dirty


@pytest.mark.parametrize(
    "options",
    [
        {"resources": {"num_cpus": [1, 2]}},
        {"resources": pd.DataFrame({"num_cpus": [1, 2]})},
        {"depends_on": [["1"], ["2"]]},
    ],
)
def test_options_that_are_of_a_row_each_are_refused(wf, sessions, options):
    with pytest.raises(tf.RefusedError, match=r"wf\.push"):
        sessions(wf, options=options)


def test_options_that_are_of_all_new_rows_are_used(wf, sessions):
    session = sessions(wf, options={"resources": {"num_cpus": 2}, "depends_on": ["1", 2]})
    session.append(pd.DataFrame({"a": [7], "s": ["p"]}))
    assert session.apply(session.propose())["added"] == 1
    assert wf.jobs().loc["4", "num_cpus"] == 2


# All of it at random

KEYS = ["1", "2", "3"]
NAMES = ["a", "b"]
cells = st.tuples(st.sampled_from(KEYS), st.sampled_from(NAMES))
moves = st.one_of(
    st.tuples(st.sampled_from(["mine", "theirs"]), cells, st.integers(0, 3)),
    st.tuples(st.sampled_from(["reload", "reopen"]), st.none(), st.none()),
)


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(moves, max_size=12), choice=st.sampled_from(["mine", "theirs"]))
def test_a_cell_is_mine_or_theirs_and_a_conflict_if_it_is_neither(client, moves, choice):
    wf = client.create_workflow("random")
    pushed = wf.push(pd.DataFrame({name: [0, 0, 0] for name in NAMES}))
    key_of = dict(zip(KEYS, pushed.index, strict=True))
    session = Session(wf)
    # What a cell was when I edited it, what I made of it, what others have made of it.
    stored = {(key, name): 0 for key in KEYS for name in NAMES}
    seen, mine, before = dict(stored), {}, {}

    def pull():
        seen.update(stored)
        for cell in [cell for cell, value in mine.items() if value == stored[cell]]:
            del mine[cell], before[cell]

    for who, cell, value in moves:
        if who == "mine":
            type_in(session, key_of[cell[0]], cell[1], str(value))
            before.setdefault(cell, seen[cell])
            mine[cell] = value
            if value == seen[cell]:
                del mine[cell], before[cell]
        elif who == "theirs":
            others_write(wf, key_of[cell[0]], cell[1], value)
            stored[cell] = value
        elif who == "reload":
            session.reload()
            pull()
        else:
            session.draft.close()
            session = Session(wf)
            pull()
    proposal = session.propose()
    pull()
    expected = {
        (key_of[key], name) for (key, name), value in mine.items() if stored[key, name] != before[key, name]
    }
    found = {(one.job_key, one.column) for one in proposal.conflicts}
    assert found == expected
    session.decide(dict.fromkeys(found, choice))
    session.apply(session.propose())
    session.draft.close()
    for cell, value in mine.items():
        if choice == "mine" or (key_of[cell[0]], cell[1]) not in expected:
            stored[cell] = value
    now = wf.parameters()
    assert {(key, name): now.loc[key_of[key], name] for key, name in stored} == stored
