"""Plans: what a push would do, shown first, and done as it was shown."""

import itertools
import threading

import pandas as pd
import pytest
import stores
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import on_each_store, on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.store import parallel
from torc_frames.store.records import RunResult
from torc_frames.workflow.push import apply as pushing
from torc_frames.workflow.workflow import Workflow

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite

wf, theirs = stores.study, stores.theirs


def actions(plan):
    return plan.rows["action"].tolist()


@on_each_store
def test_a_plan_writes_nothing_and_apply_does_what_it_shows(wf):
    wf.push(tf.grid(a=[1, 2]))
    df = wf.parameters()
    df.loc["2", "a"] = 20
    df = pd.concat([df.reset_index(), pd.DataFrame({"job_key": [None], "a": [3]})], ignore_index=True)
    before = wf.parameters()
    plan = wf.plan(df)
    assert actions(plan) == ["unchanged", "update", "create"]
    assert plan.counts == {"create": 1, "update": 1, "unchanged": 1, "conflict": 0}
    assert plan.rows["job_key"].tolist()[:2] == list(before.index)
    assert plan.rows["cells"].tolist() == [0, 1, 0]
    (cell,) = plan.cells.to_dict("records")
    assert cell == {"job_key": before.index[1], "column": "a", "stored": 2, "pushed": 20, "conflict": False}
    assert_frame_equal(wf.parameters(), before)

    pushed = plan.apply()
    assert pushed["a"].tolist() == [1, 20, 3]
    assert pushed.attrs["torc"]["added"] == 1
    assert_frame_equal(wf.parameters(), pushed)


@on_each_store
def test_what_was_pulled_is_a_plan_of_nothing(wf):
    when = pd.to_datetime(["2026-01-01", "2026-01-02", None])
    df = pd.DataFrame(
        {"a": [0.1, 0.2, 0.3], "when": when, "c": pd.Categorical(["x", "y", "x"]), "l": [[1], [], None]}
    )
    wf.push(df)
    plan = wf.plan(wf.parameters())
    assert set(actions(plan)) == {"unchanged"}
    assert plan.cells.empty
    assert set(actions(wf.plan(df))) == {"unchanged"}
    counts = plan.apply().attrs["torc"]
    assert (counts["added"], counts["changed"], counts["unchanged"]) == (0, 0, 3)


def test_extending_a_sweep_creates_only_what_is_new(wf):
    wf.push(tf.grid(a=[1, 2], b=[1, 2]))
    wider = wf.plan(tf.grid(a=[1, 2, 3], b=[1, 2]))
    assert wider.counts == {"create": 2, "update": 0, "unchanged": 4, "conflict": 0}
    wider.apply()
    table = wf.parameters().assign(c=0.5)
    assert wf.plan(table).counts["update"] == 6
    assert set(wf.plan(table).cells["column"]) == {"c"}
    wf.push(table)
    assert (wf.parameters()["c"] == 0.5).all()
    assert len(wf.jobs()) == 6


def conflicting(wf, theirs):
    """Return a table in which ``a`` of rows 0 and 1 was edited; another client changed all of 1 and 2."""
    wf.push(tf.grid(a=[1, 2, 3], b=[0]))
    mine = wf.parameters()
    keys = theirs.parameters().index
    records = theirs.links().query("role == 'input'").set_index("job_key")["record_key"]
    theirs.update_user_data(records[keys[1]], {"a": 9, "b": 99})
    theirs.update_user_data(records[keys[2]], {"a": 99, "b": 0})
    mine.loc[keys[:2], "a"] = [10, 20]
    return mine


@on_each_store
def test_what_another_client_changed_since_the_pull_is_a_conflict_with_both_values(wf, theirs):
    mine = conflicting(wf, theirs)
    before = wf.parameters()
    plan = wf.plan(mine)
    assert actions(plan) == ["update", "conflict", "unchanged"]
    cells = plan.cells.set_index(["job_key", "column"])
    one, two, _ = mine.index
    assert cells.loc[(one, "a")].tolist() == [1, 10, False]
    assert cells.loc[(two, "a")].tolist() == [9, 20, True]
    assert len(cells) == 2
    assert f"CONFLICT job {two}: a 9 -> 20" in repr(plan)
    for push in (plan.apply, lambda: wf.push(mine)):
        with pytest.raises(tf.ConflictError, match="on_conflict"):
            push()
    assert_frame_equal(wf.parameters(), before)


def test_a_conflict_is_applied_only_if_told(wf, theirs):
    mine = conflicting(wf, theirs)
    plan = wf.plan(mine, on_conflict="theirs")
    assert actions(plan) == ["update", "unchanged", "unchanged"]
    plan.apply()
    assert wf.parameters().values.tolist() == [[10, 0], [9, 99], [99, 0]]


def test_what_was_left_to_others_is_a_conflict_again(wf, theirs):
    mine = conflicting(wf, theirs)
    pushed = wf.push(mine, on_conflict="theirs")
    for table in (mine, pushed):
        assert "conflict" in actions(wf.plan(table))
        with pytest.raises(tf.ConflictError):
            wf.push(table)
    assert wf.parameters().values.tolist() == [[10, 0], [9, 99], [99, 0]]


@on_each_store
@pytest.mark.parametrize("which", ["given", "returned"])
def test_what_a_push_wrote_beside_what_it_left_is_no_conflict_later(wf, theirs, which):
    mine = conflicting(wf, theirs)
    pushed = wf.push(mine, on_conflict="theirs")
    table = mine if which == "given" else pushed
    table.iloc[0, 0] = 100
    assert actions(wf.plan(table)) == ["update", "conflict", "unchanged"]
    wf.push(table, on_conflict="theirs")
    assert wf.parameters()["a"].tolist() == [100, 9, 99]
    theirs.push(theirs.parameters().assign(a=[0, 8, 99]))
    assert actions(wf.plan(table)) == ["unchanged", "conflict", "unchanged"]
    wf.push(table, on_conflict="ours")
    assert wf.parameters()["a"].tolist() == [0, 20, 99]
    table["a"] += 1
    assert actions(wf.plan(table)) == ["conflict", "update", "conflict"]
    wf.push(table, on_conflict="ours")
    assert wf.parameters()["a"].tolist() == table["a"].tolist() == [101, 21, 4]


def test_a_plan_stands_without_the_attrs_of_its_table(wf, theirs):
    mine = conflicting(wf, theirs)
    for on_conflict in ("theirs", "ours"):
        plan = wf.plan(mine, on_conflict=on_conflict)
        attrs = dict(mine.attrs)
        mine.attrs.clear()
        plan.apply()
        mine.attrs.update(attrs)
    assert wf.parameters()["a"].tolist() == [10, 20, 99]


def test_a_table_that_is_changed_after_its_plan_does_not_change_the_recipe(wf):
    made = tf.grid(a=[1, 2])
    edited = made.copy()
    edited.loc[0, "a"] = 9
    plan = wf.plan(edited)
    edited.loc[0, "a"] = 1
    plan.apply()
    assert wf.recipes() == []
    assert sorted(wf.parameters()["a"]) == [2, 9]


def test_ours_overwrites_what_another_client_changed(wf, theirs):
    mine = conflicting(wf, theirs)
    wf.push(mine, on_conflict="ours")
    assert wf.parameters().values.tolist() == [[10, 0], [20, 99], [99, 0]]


@on_each_store
def test_a_store_that_changed_after_the_plan_is_told_and_nothing_written(wf, theirs):
    wf.push(tf.grid(a=[1, 2]))
    mine = wf.parameters()
    mine["a"] = [10, 20]
    mine.attrs.clear()  # so that only the plan knows what was there
    plan = wf.plan(mine)
    theirs.push(theirs.parameters().assign(a=[1, 5]))
    with pytest.raises(tf.ConflictError, match=f"since the plan was made: job {mine.index[1]}; plan again"):
        plan.apply()
    assert wf.parameters()["a"].tolist() == [1, 5]


@on_each_store
def test_a_plan_that_was_done_in_part_is_finished_by_apply(wf, theirs):
    df = tf.grid(a=range(5))
    plan = wf.plan(df)
    theirs.push(df.head(3))
    plan.apply()
    assert len(wf.jobs()) == 5
    plan.apply()
    assert sorted(wf.parameters()["a"]) == [0, 1, 2, 3, 4]
    assert len(wf.user_data()) == 5


def test_many_changes_are_a_table_by_column_with_conflicts_first(wf, theirs):
    wf.push(tf.grid(a=range(30)).assign(**{f"c{n}": 0 for n in range(30)}))
    mine = wf.parameters()
    keys = mine.index
    changed = theirs.parameters()
    changed.loc[keys[7], "c29"] = 5
    theirs.push(changed)
    plan = wf.plan(mine.assign(extra="new", c1=range(100, 130), c29=8))
    lines = repr(plan).splitlines()
    assert lines[:2] == [
        "Plan of 30 rows: 0 create, 29 update, 0 unchanged, 1 conflict",
        "  column  cells            before   after  jobs",
    ]
    assert lines[2:4] == [
        f"  c29        30  CONFLICT  5        8      {keys[7]}",
        f"                           0        8      {', '.join(keys[:5])} and 24 more",
    ]
    assert lines[-2].split()[:4] == ["extra", "30", "missing", "'new'"]
    assert lines[-1] == "  and 24 more cells (see .cells)"
    assert len(lines) == 12
    assert "on_conflict='ours'" in str(plan.describe())


def test_new_rows_and_deleted_jobs_are_shown(wf):
    wf.push(tf.grid(a=range(3)), command="echo {a}")
    plan = wf.plan(tf.grid(a=range(2, 20)), delete=["1"])
    told = str(plan.describe())
    assert told.splitlines()[0] == "Plan of 18 rows: 17 create, 0 update, 1 unchanged, 1 delete"
    assert "delete job 1, with their results" in told
    assert "17 new jobs:" in told
    assert "and 12 more rows: the table, see .rows" in told
    assert "plan.apply()" in told


def test_html_is_escaped(wf):
    table = wf.push(pd.DataFrame({"<b>": ["<script>alert(1)</script>"]}))
    table["<b>"] = "<img src=x>"
    shown = wf.plan(table)._repr_html_()
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "&lt;img src=x&gt;" in shown


@on_each_store
def test_commands_that_change_are_shown(wf):
    table = wf.push(pd.DataFrame({"command": ["x", "y"]}), command="echo {command}")
    assert wf.plan(table, command="echo {command}").commands.empty
    table["command"] = ["x", "<b>"]
    plan = wf.plan(table, command="print {command}")
    assert actions(plan) == ["update", "update"]
    assert plan.rows["cells"].tolist() == [0, 1]
    assert plan.commands.to_dict("list") == {
        "job_key": list(table.index),
        "stored": ["echo x", "echo y"],
        "pushed": ["print x", "print '<b>'"],
    }
    one, two = table.index
    assert f"job {two}: command 'y' -> '<b>'" in repr(plan)
    assert f"job {one}: its command 'echo x' -> 'print x'" in repr(plan)
    assert "<b>" not in plan._repr_html_().replace("<b>Plan", "")
    assert "print &#x27;&lt;b&gt;" in plan._repr_html_()
    plan.apply()
    assert wf.jobs()["command"].tolist() == plan.commands["pushed"].tolist()


@on_each_store
def test_the_cells_of_a_record_that_is_added_are_shown(wf):
    job = wf.add_job("bare")
    table = pd.DataFrame({"job_key": [job.key], "a": [1], "b": [None]})
    plan = wf.plan(table)
    assert actions(plan) == ["update"]
    (cell,) = plan.cells.to_dict("records")
    assert cell == {"job_key": job.key, "column": "a", "stored": None, "pushed": 1, "conflict": False}
    plan.apply()
    assert wf.parameters()["a"].tolist() == [1]


def test_many_commands_are_shown_in_part(wf):
    table = wf.push(tf.grid(a=range(50)), command="echo {a}")
    assert "and 30 more commands (see .commands)" in repr(wf.plan(table, command="print {a}"))


def test_what_is_left_to_others_is_in_its_command(wf, theirs):
    mine = conflicting(wf, theirs)
    plan = wf.plan(mine, command="echo {a} {b}", on_conflict="theirs")
    assert plan.commands["job_key"].tolist() == mine.index.tolist()
    plan.apply()
    assert wf.jobs()["command"].tolist() == ["echo 10 0", "echo 9 99", "echo 99 0"]


def test_a_command_that_would_change_is_refused_where_jobs_may_not(wf):
    table = wf.push(tf.grid(a=[1]), command="echo {a}")
    with pytest.raises(tf.ConflictError, match="would change jobs that exist"):
        wf.plan(table, command="print {a}", on_exists="error")
    assert wf.plan(table, command="echo {a}", on_exists="error").counts["unchanged"] == 1


def test_cells_that_are_mutated_after_the_plan_show_nowhere(wf):
    made = pd.DataFrame({"l": [[1], None, "x"], "d": [{"z": [1]}, {}, {"z": 2}]})
    plan = wf.plan(made)
    made["l"][0].append(2)
    made["d"][0]["z"].append(2)
    pushed = plan.apply()
    assert_frame_equal(pushed, wf.parameters())
    assert pushed["l"].tolist() == [[1], None, "x"]
    pushed["l"].iloc[0].append(3)
    pushed["d"].iloc[0]["z"].append(3)
    assert_frame_equal(plan.apply(), wf.parameters())

    edited = wf.parameters()
    edited["l"] = [[5], None, "x"]
    plan = wf.plan(edited)
    edited["l"].iloc[0].append(6)
    plan.cells["pushed"].iloc[0].append(7)
    assert_frame_equal(plan.apply(), wf.parameters())
    assert wf.parameters()["l"].tolist() == [[5], None, "x"]


def test_many_cells_are_shown_in_part(wf):
    table = wf.push(tf.grid(a=range(50)))
    table["a"] += 100
    assert "and 30 more cells (see .cells)" in repr(wf.plan(table))


def test_bad_options_are_refused(wf):
    with pytest.raises(tf.RefusedError, match="on_conflict='mine'"):
        wf.plan(tf.grid(a=[1]), on_conflict="mine")
    with pytest.raises(tf.RefusedError, match="takes a DataFrame"):
        wf.plan([1])


@on_each_store
def test_the_recipe_of_a_table_is_kept_with_the_push_once(wf):
    df = tf.sample(6, {"x": tf.uniform(0, 1), "n": tf.integers(1, 9)}, seed=3, where="n > 2")
    wf.push(df)
    wf.push(df)
    wf.push(tf.grid(x=[0.5], n=[1]).assign(n=100))
    (recipe,) = wf.recipes()
    assert_frame_equal(tf.from_recipe(recipe), df)


def test_old_recipes_make_room_for_new_ones(wf):
    tables = [tf.zip_(a=[f"{at}-{row}" + "x" * 100 for row in range(1500)]) for at in range(4)]
    for table in tables:
        wf.push(table, show_progress=False)
    assert_frame_equal(tf.from_recipe(wf.recipes()[-1]), tables[-1])
    assert len(wf.recipes()) == 3


def test_warnings_point_at_who_pushed(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}), command="echo {a}")
    with pytest.warns(tf.TorcFramesWarning, match="kept it") as caught:
        wf.plan(pd.DataFrame({"a": [1, 2]}), command="true").apply()
    assert [warning.filename for warning in caught] == [__file__]


def finish(wf, keys, status="completed"):
    """End jobs as if they had run."""
    store = wf._store
    for job in store.start_jobs(wf.key, list(keys), "test"):
        code = 0 if status == "completed" else 1
        at = "2026-01-01T00:00:00+00:00"
        store.finish_job(wf.key, RunResult(job.key, job.run_id, status, code, at, at))


def test_missing_gives_the_rows_without_a_successful_result(wf):
    params = tf.grid(a=[1, 2, 3, 4], s=["x"])
    assert_frame_equal(tf.missing(wf, params), params)
    keys = wf.push(params).index
    finish(wf, keys[[0, 2]])
    finish(wf, keys[[1]], "failed")
    assert tf.missing(wf, params)["a"].tolist() == [2, 4]
    assert tf.missing(wf, params.astype({"a": "float64"}))["a"].tolist() == [2, 4]
    twice = pd.concat([params, params.head(1)], ignore_index=True)
    assert tf.missing(wf, twice)["a"].tolist() == [2, 4, 1]
    pulled = wf.parameters()
    pulled.iloc[0, 0] = 100
    assert tf.missing(wf, pulled).index.tolist() == keys[[0, 1, 3]].tolist()
    with pytest.raises(tf.RefusedError):
        tf.missing(wf, pd.DataFrame({1: [2]}))


COLUMNS = {
    "i": st.integers(-(2**40), 2**40),
    "f": st.sampled_from([0.5, 1.5, -2.25, 1e-3, 1e20]),
    "s": st.text("aé\"'<\n", max_size=3),
    "b": st.booleans(),
    "t": st.sampled_from([pd.Timestamp("2026-01-01"), pd.Timestamp("1999-12-31T23:59:59.123456")]),
    "c": st.sampled_from(["u", "v", "w"]),
    "n": st.one_of(st.none(), st.integers(0, 9)),
    "l": st.lists(st.integers(0, 2), max_size=2),
    "m.depth": st.integers(0, 3),
}


def series(name, values, index):
    """Return values as a column of the dtype that is tested under its name."""
    if name == "c":
        return pd.Series(pd.Categorical(values, categories=["u", "v", "w"]), index=index)
    dtypes = {"i": "int64", "f": "float64", "s": "str", "b": "bool", "t": "datetime64[us]", "n": "Int64"}
    return pd.Series(values, index=index, dtype=dtypes.get(name, "int64" if name == "m.depth" else object))


class Editing:
    """A table that is edited at random, and what the store is to have."""

    def __init__(self, data, wf, names):
        self.data, self.wf = data, wf
        rows = data.draw(st.integers(1, 4))
        self.table = pd.DataFrame({name: self.column(name, range(rows)) for name in names})
        self.serial = 0

    def column(self, name, index):
        values = self.data.draw(st.lists(COLUMNS[name], min_size=len(index), max_size=len(index)))
        return series(name, values, index)

    def edit(self):
        what = self.data.draw(st.sampled_from(["change", "add rows", "add column", "remove rows", "nothing"]))
        name = self.data.draw(st.sampled_from(list(self.table)))
        if what == "change":
            self.table[name] = self.column(name, self.table.index)
        elif what == "add rows":
            more = pd.DataFrame({each: self.column(each, range(1)) for each in self.table})
            keyed = self.table.reset_index() if self.table.index.name else self.table
            self.table = pd.concat([keyed, more], ignore_index=True)
        elif what == "add column":
            free = [each for each in COLUMNS if each not in self.table]
            for each in free[:1]:
                self.table[each] = self.column(each, self.table.index)
        elif what == "remove rows" and len(self.table) > 1:
            self.table = self.table.iloc[1:]
            if not self.table.index.name:
                self.table = self.table.reset_index(drop=True)

    def apply(self):
        plan = self.wf.plan(self.table)
        counts = plan.counts
        pushed = plan.apply(progress=False)
        told = pushed.attrs["torc"]
        assert (told["added"], told["changed"], told["unchanged"]) == (
            counts["create"],
            counts["update"],
            counts["unchanged"],
        )
        stored = self.wf.parameters(show_progress=False)
        if set(stored.index) == set(pushed.index):
            assert_frame_equal(stored.loc[pushed.index], pushed, check_like=True)
        else:
            there = stored.loc[pushed.index, list(pushed)].astype(object)
            same = (there == pushed.astype(object)) | (there.isna() & pushed.isna())
            assert same.all(axis=None)
        assert set(self.wf.plan(pushed).rows["action"]) == {"unchanged"}
        self.table = pushed


@on_each_store
def test_the_store_has_what_the_table_says_after_each_of_many_edits(store, store_kind):
    @settings(max_examples=examples(15 if store_kind.server is None else 6))
    @given(
        data=st.data(), names=st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4, unique=True)
    )
    def holds(data, names):
        wf = Workflow(store, store.add_workflow("edits"))
        editing = Editing(data, wf, names)
        editing.apply()
        for _ in range(data.draw(st.integers(1, 4))):
            editing.edit()
            editing.apply()
        store.delete_workflow(wf.key)

    holds()


@pytest.fixture
def told_often(monkeypatch):
    """Little is done before it is told how far it is, so that few rows do for many steps."""
    monkeypatch.setattr(pushing, "_FIRST_ROWS", 20)
    monkeypatch.setattr(parallel, "TELL_S", 0.01)


def told(plan):
    """Apply a plan, and return what it says of how far it is, with what it returns."""
    said = []
    pushed = plan.apply(progress=lambda *now: said.append((*now, threading.get_ident())))
    assert {thread for *_, thread in said} == {threading.get_ident()}
    done, totals = [one for one, _, _ in said], {total for _, total, _ in said}
    assert done == sorted(done)
    assert (done[0], {done[-1]}) == (0, totals)
    return done, pushed


@on_each_store
@pytest.mark.usefixtures("told_often")
def test_a_plan_tells_how_far_it_is_with_additions_and_updates(wf, store_kind):
    many = 2_000 if store_kind.server is None else 150
    done, pushed = told(wf.plan(pd.DataFrame({"a": range(many)})))
    assert done[-1] == many
    assert max(after - before for before, after in itertools.pairwise(done)) < many
    edited = pushed.assign(a=pushed["a"] + 1)
    more = pd.concat([edited.reset_index(), pd.DataFrame({"job_key": [None] * 5, "a": range(5)})])
    done, pushed = told(wf.plan(more.reset_index(drop=True)))
    assert done[-1] == many + 5
    assert len(done) > 3
    assert_frame_equal(wf.parameters(), pushed)
    assert told(wf.plan(pushed))[0] == [0]


@on_each_store
def test_a_job_of_several_writes_is_told_once(wf):
    keys = [wf.add_job(f"job{n}", command="false").key for n in range(6)]
    wf.add_user_data(keys[0], {"a": 0}, {"b": 0})
    table = pd.DataFrame({"a": range(1, 7), "b": 1}, index=pd.Index(keys, name="job_key"))
    done, pushed = told(wf.plan(table, command="true"))
    assert done[-1] == 6
    assert_frame_equal(wf.parameters(), pushed)
    assert set(wf.jobs()["command"]) == {"true"}


@on_each_store
@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("what", ["add", "update"])
@pytest.mark.usefixtures("told_often")
def test_an_apply_that_is_stopped_is_finished_by_the_next(wf, store_kind, what, at):
    many = 1_000 if store_kind.server is None else 150
    table = pd.DataFrame({"a": range(many), "b": 0.5})
    before = wf.push(table if what == "update" else table.iloc[:2])
    if what == "update":
        table = wf.parameters().assign(b=1.5)
    plan = wf.plan(table)
    said = []

    def stop(done, total):
        said.append(done)
        if len(said) > at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan.apply(progress=stop)
    left = wf.parameters()
    if store_kind.server is None or at == 0:
        assert_frame_equal(left, before)
    else:
        written = len(left) - len(before) if what == "add" else (left["b"] == 1.5).sum()
        assert said[-1] <= written < many
    pushed = plan.apply()
    assert_frame_equal(wf.parameters(), pushed)
    assert len(pushed) == many
    assert pushed["b"].eq(0.5 if what == "add" else 1.5).all()
