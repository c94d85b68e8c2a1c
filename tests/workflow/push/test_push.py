"""What is pushed is what is pulled; a second push changes nothing; bad input writes nothing."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import stores
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import link, on_each_store, on_every_store, on_sqlite, only
from strategies import examples, tables

import torc_frames as tf
from torc_frames.workflow.client import Client
from torc_frames.workflow.push.resources import resource_list
from torc_frames.workflow.push.stored import read_existing
from torc_frames.workflow.seen import what_was_seen

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite

wf = stores.study


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "alpha": [0.1, np.nan, 10.0],
            "model.depth": [1, 2, 3],
            "when": pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin"),
            "kind": pd.Categorical(["a", "b", "a"]),
            "layers": [[8], [8, 4], []],
            "extra": [{"x": 1}, None, {}],
        }
    )


def rev(wf):
    return wf.links().attrs["torc"]["rev"]


def push_and_pull(store, store_kind, df):
    """Push a table, and compare what is pulled, what was seen, and what more pushes of it change."""
    wf = Client(store).create_workflow("study")
    try:
        pushed = wf.push(df)
    except tf.RefusedError:
        # A server does not keep all numbers; then nothing is sent.
        assert not store_kind.keeps_all_json
        assert wf.jobs().empty
        return
    seen = what_was_seen(pushed, store.url, wf.key)
    existing = read_existing(store, wf.key, seen)
    assert len(existing.raws) == len(df)
    assert existing.newer == set()
    assert (seen.rev is None) == (not store_kind.has_revs)
    pulled = wf.parameters()
    pd.testing.assert_frame_equal(pulled, pushed, check_exact=True, check_freq=False)
    if len(df):
        # A server may change the last digit of a float; what `push` returns has it as it came back.
        exact = store_kind.keeps_all_json
        pd.testing.assert_frame_equal(
            pulled.reset_index(drop=True), df, check_exact=exact, check_freq=False, check_index_type=False
        )
    before = rev(wf)
    assert list(wf.push(df).index) == list(pushed.index)
    assert list(wf.push(pulled).index) == list(pushed.index)
    assert rev(wf) == before


@given(df=tables())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_pushed_is_what_is_pulled(store, store_kind, df):
    push_and_pull(store, store_kind, df)


@pytest.mark.stores("torc-server", "service")
@pytest.mark.filterwarnings("ignore::torc_frames.InexactFloatWarning")
def test_what_is_pushed_to_a_server_is_what_is_pulled(store, store_kind):
    @settings(max_examples=examples(10 if store_kind.roles_are_of_records else 25))
    @given(df=tables())
    def holds(df):
        push_and_pull(store, store_kind, df)

    holds()


@on_each_store
def test_the_push_returns_the_table_indexed_by_job_key(wf, table):
    pushed = wf.push(table)
    assert pushed.index.name == "job_key"
    assert list(pushed.index) == list(wf.jobs().index)
    pd.testing.assert_frame_equal(pushed.reset_index(drop=True), table)
    pd.testing.assert_frame_equal(wf.parameters(), pushed, check_freq=False)


def test_a_longer_table_adds_what_is_new(wf):
    first = wf.push(tf.grid(alpha=[1, 2]))
    second = wf.push(tf.grid(alpha=[2, 3, 1]))
    assert set(first.index) < set(second.index)
    assert wf.parameters()["alpha"].tolist() == [1, 2, 3]
    assert second.loc[first.index, "alpha"].tolist() == [1, 2]


@on_each_store
def test_content_is_typed_but_one_is_one_point_zero(wf):
    wf.push(pd.DataFrame({"x": [1]}))
    assert len(wf.push(pd.DataFrame({"x": [1.0]})).index.intersection(["1"])) == 1
    wf.push(pd.DataFrame({"x": ["1"]}))
    wf.push(pd.DataFrame({"x": [True]}))
    assert len(wf.jobs()) == 3


def test_equal_rows_are_jobs_of_their_own(wf):
    df = pd.DataFrame({"seed": [1, 1, 2]})
    wf.push(df)
    assert len(wf.push(df)) == len(wf.jobs()) == 3
    wf.push(pd.DataFrame({"seed": [1, 1, 1]}))
    assert len(wf.jobs()) == 4


def test_a_new_column_that_is_missing_changes_no_content(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    wf.push(pd.DataFrame({"a": [1, 2, 3], "b": [None, None, "x"]}))
    assert len(wf.jobs()) == 3


def test_on_exists(wf):
    df = pd.DataFrame({"a": [1, 2]})
    wf.push(df)
    with pytest.raises(tf.ConflictError, match=r"row 1 \(job 2\)"):
        wf.push(pd.DataFrame({"a": [5, 2]}), on_exists="error")
    assert len(wf.jobs()) == 2
    assert len(wf.push(df, on_exists="append")) == 2
    assert len(wf.jobs()) == 4
    with pytest.raises(tf.RefusedError, match="on_exists"):
        wf.push(df, on_exists="replace")


@on_each_store
def test_a_table_with_job_keys_changes_only_what_changed(wf, table):
    wf.push(table)
    revs = wf.user_data()["rev"]
    edited = wf.parameters()
    edited.loc["2", "alpha"] = 7.0
    edited.loc["3", "alpha"] = np.nan
    edited["new"] = [None, "n", None]
    wf.push(edited)
    pd.testing.assert_frame_equal(wf.parameters(), edited, check_freq=False)
    assert (wf.user_data()["rev"] == revs).tolist() == [True, False, False]
    assert wf.get_user_data(wf.user_data()["record_key"][2]).data["alpha"] is None


def test_cells_and_keys_left_out_of_the_table_stay(wf):
    wf.push(pd.DataFrame({"a": [1, 2], "m.x": [1, 1], "m.y": [2, 2]}))
    part = wf.parameters(usecols=["m.x"])
    part.loc["1", "m.x"] = 9
    wf.push(part)
    assert wf.get_user_data(wf.user_data()["record_key"][0]).data == {"a": 1, "m": {"x": 9, "y": 2}}
    assert list(wf.parameters()) == ["a", "m.x", "m.y"]


def test_rows_without_a_key_are_new_jobs(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    more = pd.concat([wf.parameters().reset_index(), pd.DataFrame({"a": [3]})], ignore_index=True)
    assert wf.push(more).index.tolist() == ["1", "2", "3"]
    numbers = pd.DataFrame({"job_key": [2.0, np.nan], "a": [20, 4]})
    assert wf.push(numbers).index.tolist() == ["2", "4"]
    assert wf.parameters()["a"].tolist() == [1, 20, 3, 4]


@on_each_store
def test_jobs_without_an_input_record_get_one(wf):
    first, second = wf.add_job("first"), wf.add_job("second")
    wf.push(pd.DataFrame({"job_name": ["second", "first"], "a": [2, 1]}))
    assert wf.parameters()["a"].to_dict() == {first.key: 1, second.key: 2}
    assert wf.job(second.key).parameters == {"a": 2}


@on_each_store
def test_a_job_with_two_input_records_is_changed_where_the_key_is(wf):
    job = wf.add_job("two")
    wf.add_user_data(job, {"a": 1}, {"b": 2, "c": None})
    edited = wf.parameters()
    edited[["a", "b", "c", "d"]] = [10, 20, 30, 40]
    wf.push(edited)
    assert [record.data for record in wf.job(job.key).user_data()] == [{"a": 10, "d": 40}, {"b": 20, "c": 30}]


@pytest.mark.parametrize(
    ("df", "error", "says"),
    [
        (pd.DataFrame({"job_key": ["1", "99"], "a": [1, 2]}), tf.NotFoundError, "99"),
        (pd.DataFrame({"job_name": ["nobody"], "a": [1]}), tf.RefusedError, "no job is named 'nobody'"),
        (pd.DataFrame({"job_key": ["1", "1"], "a": [1, 2]}), tf.RefusedError, "row 0 is already"),
        (pd.DataFrame({"job_key": [1.5], "a": [1]}), tf.RefusedError, "1.5 is no job_key"),
        (pd.DataFrame({"job_key": ["1"], "job_name": ["x"]}), tf.RefusedError, "drop one"),
        (pd.DataFrame({"a": [1]}, index=[0.5]), tf.RefusedError, "reset_index(drop=True)"),
        (pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="run")), tf.RefusedError, "reset_index()"),
        (pd.DataFrame({"record_key": ["1"], "a": [1]}), tf.RefusedError, "user_data()"),
        (pd.DataFrame({"a": [np.inf]}), tf.RefusedError, "row 0"),
        (pd.Series([1]), tf.RefusedError, "DataFrame"),
    ],
)
def test_bad_tables_write_nothing(wf, df, error, says):
    wf.push(pd.DataFrame({"a": [1]}))
    before = rev(wf)
    with pytest.raises(error, match=re.escape(says)):
        wf.push(df)
    assert rev(wf) == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"command": "run {beta}"}, "no column 'beta'"),
        ({"command": "run {alpha}"}, "row 1, column 'alpha': is missing"),
        ({"command": "awk {print}"}, "Double the braces"),
        ({"name": "same"}, "row 0 has already"),
        ({"resources": {"cpus": 2}}, "torc has num_cpus"),
        ({"resources": {"num_cpus": [1, 0, 2]}}, "row 1"),
        ({"resources": {"num_cpus": [1]}}, "1 values for 3 rows"),
        ({"depends_on": [["1"]]}, "1 lists for 3 rows"),
        ({"depends_on": "77"}, "77"),
    ],
)
def test_bad_options_write_nothing(wf, table, options, says):
    before = rev(wf)
    with pytest.raises((tf.RefusedError, tf.NotFoundError), match=re.escape(says)):
        wf.push(table, **options)
    assert rev(wf) == before
    assert wf.jobs().empty


@on_every_store
def test_commands_names_resources_outputs_and_dependencies(wf, store_kind):
    first = wf.push(tf.grid(alpha=[0.1, 0.2]))
    df = pd.DataFrame({"alpha": [0.1, 1e-7], "note": ["it's $HOME", "plain"], "on": [True, False]})
    wf.push(
        df,
        command="echo {alpha} {alpha:.1e} {note} {on} {{x}}",
        name="{note}",
        outputs=True,
        resources={"num_cpus": [1, 2], "memory": "2g"},
        depends_on=[list(first.index), []],
        on_exists="append",
    )
    jobs = wf.jobs().iloc[2:]
    assert jobs["command"].tolist() == [
        "echo 0.1 1.0e-01 'it'\"'\"'s $HOME' true {x}",
        "echo 1e-7 1.0e-07 plain false {x}",
    ]
    assert jobs["job_name"].tolist() == ["it's $HOME", "plain"]
    assert jobs["num_cpus"].tolist() == [1, 2]
    assert jobs["memory"].tolist() == ["2g", "2g"]
    assert jobs["status"].tolist() == list(store_kind.new_jobs_are[::-1])
    assert wf.user_data(role="output")["record_name"].tolist() == ["output_it's $HOME", "output_plain"]


MEMORY = ["1", "512", "3K", "500m", "2g", "2G", "1t", "007g", "9223372036854775807", "8388607t"]
RUNTIMES = ["PT30M", "P1DT2H", "P2W", "P1Y2M3DT4H5M6S", "PT1.5S", "PT1,25S", "P1M", "PT0S", "PT4294967295S"]
NO_MEMORY = ["", "zz", "2 gigs", "g", "1.5g", "-1g", "2gb", "2e", "0x10", "9223372036854775808", "8388608t"]
NO_RUNTIMES = ["", "30m", "pt30m", "P", "90", "1:30:00", "T1H", "30M", "P-1D", "-PT1H", "4294967296", "P1.5D"]
READ_IN_PART = [
    "PT",
    "PT1H30",
    "PT90",
    "P1D2H",
    "PT30M ",
    "P1W2D",
    "PT30m",
    "P1DT",
    "PT4294967296S",
    "PT1M1H",
]
"""torc takes the beginning for the whole, and what comes after for nothing."""


def refused_here(name, value):
    try:
        resource_list({name: value}, 1)
    except tf.RefusedError as error:
        return str(error)
    return None


def refused_there(torc_server, workflow, name, value):
    body = {"workflow_id": workflow, "name": "n", name: value}
    reply = torc_server.request("POST", "/resource_requirements", json=body)
    assert reply.status_code in (200, 422), reply.text
    return reply.status_code == 422


@pytest.fixture(scope="module")
def needs_workflow(torc_server):
    return torc_server.call("POST", "/workflows", json={"name": "needs", "user": "me"})["id"]


@pytest.mark.parametrize(("name", "good"), [("memory", MEMORY), ("runtime", RUNTIMES)])
def test_needs_are_taken_as_torc_takes_them(torc_server, needs_workflow, name, good):
    for value in good:
        assert refused_here(name, value) is None
        assert not refused_there(torc_server, needs_workflow, name, value)


@pytest.mark.parametrize(("name", "bad"), [("memory", NO_MEMORY), ("runtime", NO_RUNTIMES)])
def test_needs_are_refused_as_torc_refuses_them(torc_server, needs_workflow, name, bad):
    for value in bad:
        assert refused_here(name, value)
        assert refused_there(torc_server, needs_workflow, name, value)


def test_a_runtime_that_torc_reads_in_part_is_refused(torc_server, needs_workflow):
    for value in READ_IN_PART:
        assert refused_here("runtime", value)
        assert not refused_there(torc_server, needs_workflow, "runtime", value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    memory=st.text("019kKmMgGtTb. -", max_size=6) | st.integers(0, 2**64).map(str),
    runtime=st.text("PPTTYMDHSW019.,m -", max_size=9).map("P".__add__),
)
def test_what_is_taken_here_is_taken_by_torc(torc_server, needs_workflow, memory, runtime):
    for name, value in (("memory", memory), ("runtime", runtime)):
        if refused_here(name, value) is None:
            assert not refused_there(torc_server, needs_workflow, name, value)


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("memory", "2 gigs", "write 2g"),
        ("memory", "16 GiB", "write 16g"),
        ("memory", "lots", "write 512m or 2g"),
        ("memory", "0", "'0' is nothing"),
        ("memory", "9" * 6000, "is too much"),
        ("memory", 2, "no string"),
        ("runtime", "30m", "write PT30M"),
        ("runtime", "2 days", "write P2D"),
        ("runtime", " pt1h", "write PT1H"),
        ("runtime", "1:30:00", "write PT30M, PT1H30M or P2D"),
        ("runtime", "PT" + "9" * 6000 + "S", "is too long"),
    ],
)
def test_needs_that_make_no_sense_write_nothing_and_tell_the_mend(wf, table, name, value, mend):
    before = rev(wf)
    with pytest.raises(tf.RefusedError, match=re.escape(mend)) as caught:
        wf.push(table, command="true", resources={name: value})
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (row, f"resources[{name!r}]") for row in range(3)
    ]
    assert len(str(caught.value.problems[0])) < 200
    assert (rev(wf), len(wf.jobs()), len(wf.user_data())) == (before, 0, 0)


@on_each_store
def test_another_writer_in_between_is_a_conflict_and_nothing_is_written(wf, store, store_kind, monkeypatch):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    edited = wf.parameters()
    edited["a"] = [10, 20]
    second = wf.user_data()["record_key"][1]
    update = type(store).update_user_data

    def late(self, *args, **options):
        monkeypatch.undo()
        wf.update_user_data(second, {"a": 99})
        return update(self, *args, **options)

    monkeypatch.setattr(type(store), "update_user_data", late)
    with pytest.raises(tf.ConflictError):
        wf.push(edited)
    # The late write is part of the push, and taken back with it, where pushes are transactions.
    assert wf.parameters()["a"].tolist() == [1, 2 if store_kind.has_revs else 99]


def test_a_large_record_is_kept_with_a_warning(wf):
    df = pd.DataFrame({"text": ["x" * 70_000, "short"]})
    with pytest.warns(tf.TorcFramesWarning, match="Pointer") as caught:
        pushed = wf.push(df)
    assert caught[0].filename == __file__
    pd.testing.assert_frame_equal(wf.parameters(), pushed)


@on_each_store
def test_two_pushes_of_different_tables_share_the_workflow(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    wf.push(pd.DataFrame({"b": pd.to_datetime(["2020-01-01"])}))
    both = wf.parameters()
    assert both.dtypes.astype(str).tolist()[0] == "Int64"
    assert both["b"].dtype.kind == "M"
    assert both["a"].tolist()[:2] == [1, 2]
    assert pd.isna(both.loc["3", "a"])


def test_what_changed_in_the_store_since_the_pull_is_a_conflict(wf):
    wf.push(pd.DataFrame({"a": [1, 2, 3]}))
    mine = wf.parameters()
    wf.update_user_data("1", {"a": 99})
    mine.loc[["1", "2"], "a"] = [50, 5]
    with pytest.raises(tf.ConflictError, match=r"a of job 1 \(there 99, here 50\)"):
        wf.push(mine)
    assert wf.parameters()["a"].tolist() == [99, 2, 3]
    mine.attrs.clear()
    wf.push(mine)
    assert wf.parameters()["a"].tolist() == [50, 5, 3]


@on_each_store
@pytest.mark.parametrize("how", ["added", "unchanged", "updated", "completed"])
def test_what_others_changed_since_a_push_is_a_conflict(wf, reader, how):
    table = pd.DataFrame({"a": [1, 2, 3]})
    if how == "completed":
        table.index = pd.Index([wf.add_job(f"job{n}").key for n in range(3)], name="job_key")
    pushed = wf.push(table)
    if how == "unchanged":
        pushed = wf.push(table)
    elif how == "updated":
        pushed = wf.push(pushed.assign(a=[1, 20, 3]))
    pushed.iloc[0, 0] = 10
    again = wf.push(pushed)
    theirs = Client(reader).workflow(wf.key)
    key = wf.user_data(role="input")["record_key"].iloc[1]
    theirs.update_user_data(key, {"a": 7})
    for edited in (pushed, again):
        edited.iloc[2, 0] += 10
        edited.iloc[1, 0] = 30
        with pytest.raises(tf.ConflictError, match=rf"a of job {edited.index[1]} \(there 7, here 30\)"):
            wf.push(edited)
    assert wf.parameters()["a"].tolist() == [10, 7, 3]


@on_each_store
def test_a_table_may_be_edited_and_pushed_again_and_again(wf):
    table = wf.push(pd.DataFrame({"a": [1, 2]}))
    for value in (10, 20, 30):
        table.loc["1", "a"] = value
        wf.push(table)
        assert wf.parameters()["a"].tolist() == [value, 2]
    pulled = wf.parameters()
    for value in (100, 200):
        pulled.loc["2", "a"] = value
        wf.push(pulled)
        assert wf.parameters()["a"].tolist() == [30, value]


@on_each_store
def test_commands_follow_the_parameters_where_told_and_warn_where_not(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}), command="echo {a}")
    table = wf.parameters()
    table["a"] = [1, 5]
    with pytest.warns(tf.TorcFramesWarning, match="jobs 2 keep their commands") as caught:
        wf.push(table)
    assert caught[0].filename == __file__
    wf.push(table, command="echo {a}")
    assert wf.jobs()["command"].tolist() == ["echo 1", "echo 5"]


def test_columns_of_which_no_command_was_made_are_edited_without_a_warning(wf):
    wf.push(pd.DataFrame({"a": [1], "ab": [0.5], "c": [2]}), command="echo {{a}} {ab:.1e} {c}")
    wf.push(wf.parameters().assign(a=3))
    with pytest.warns(tf.TorcFramesWarning, match="which were made of ab:"):
        wf.push(wf.parameters().assign(a=4, ab=2.5))


def test_jobs_whose_parameters_changed_after_they_ran_can_be_run_again(wf, tmp_path):
    wf.push(pd.DataFrame({"a": [1, 2]}), command=f"echo x >> {tmp_path}/runs")
    wf.run(workers=1, show_progress=False)
    table = wf.parameters()
    table.loc["2", "a"] = 5
    wf.push(table)
    summary = wf.run(workers=1, rerun="changed", show_progress=False)
    assert summary.completed == 1
    assert wf.jobs()["run_id"].tolist() == [1, 2]
    assert wf.run(workers=1, rerun="changed", show_progress=False).completed == 0


@on_every_store
@pytest.mark.parametrize(
    ("records", "column", "value", "after"),
    [
        ([{"a": 1}, {"a": 1, "b": 2}], "a", 5, [{"a": 5}, {"a": 5, "b": 2}]),
        ([{"a": 1}, {"a": None}], "a", 5, [{"a": 5}, {"a": None}]),
        ([{"m": {"y": 1}}, {"m": {"x": 2}}], "m.y", 5, [{"m": {"y": 5}}, {"m": {"x": 2}}]),
        ([[1, 2], {"a": 1}], "b", 5, [[1, 2], {"a": 1, "b": 5}]),
        (["seven", {"a": 1}], "data", "five", ["five", {"a": 1}]),
        ([None], "a", 5, [{"a": 5}]),
    ],
)
def test_an_edit_goes_to_every_record_that_holds_it(wf, store_kind, records, column, value, after):
    kept = not store_kind.keeps_objects_only or all(isinstance(data, dict) for data in records)
    only(kept or (records == [None] and not store_kind.roles_are_of_records), "keeps objects only")
    job = wf.add_job("job")
    wf.add_user_data(job, *records)
    table = wf.parameters()
    table[column] = [value]
    wf.push(table)
    assert [record.data for record in wf.job(job.key).user_data()] == after
    assert wf.parameters()[column].tolist() == [value]


def test_a_clash_of_one_job_does_not_keep_others_from_being_edited(wf):
    first, second = wf.add_job("first"), wf.add_job("second")
    wf.add_user_data(first, {"a": 1})
    wf.add_user_data(second, {"a": 2}, {"a": 7})
    table = wf.parameters(job=first)
    table["a"] = 5
    wf.push(table)
    assert wf.job(first.key).parameters == {"a": 5}


def test_dict_cells_can_be_replaced_by_anything(wf):
    wf.push(pd.DataFrame({"e": [{"x": 1}, {"y": 2}, {"z": 3}]}))
    table = wf.parameters()
    for key, value in (("1", None), ("2", "text"), ("3", {"w": 1})):
        table.at[key, "e"] = value
    wf.push(table)
    pd.testing.assert_frame_equal(wf.parameters(), table)


def test_a_new_column_without_values_comes_back(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    table = wf.parameters()
    table["note"] = pd.Series([None, None], dtype=object).to_numpy()
    pushed = wf.push(table)
    pd.testing.assert_frame_equal(wf.parameters(), pushed)


def test_a_whole_column_can_be_cleared(wf):
    wf.push(pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2020-01-01", "2021-01-01"])}))
    table = wf.parameters()
    table["a"] = np.nan
    table["t"] = pd.Series([None, None], dtype=object).to_numpy()
    pushed = wf.push(table)
    pd.testing.assert_frame_equal(wf.parameters(), pushed)


def test_categories_can_be_changed_with_the_whole_table(wf):
    wf.push(pd.DataFrame({"c": pd.Categorical(["a", "b"])}))
    table = wf.parameters()
    table["c"] = table["c"].cat.rename_categories({"a": "z"})
    pushed = wf.push(table)
    pd.testing.assert_frame_equal(wf.parameters(), pushed)


def test_tables_of_other_origin_are_not_taken_for_parameters(wf, store):
    wf.push(pd.DataFrame({"a": [1]}))
    wf.job(1).store(loss=0.5)
    other = Client(store).create_workflow("other")
    for frame, says in (
        (wf.results(), "frame of results"),
        (wf.table(), "frame of table"),
        (wf.jobs(), "jobs"),
    ):
        with pytest.raises(tf.RefusedError, match=says):
            wf.push(frame)
    with pytest.raises(tf.RefusedError, match="makes new jobs here"):
        other.push(wf.parameters())
    other.push(wf.parameters().reset_index(drop=True))
    assert other.parameters()["a"].tolist() == [1]


def test_an_index_that_lost_its_name_is_told_the_way_back(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    more = pd.concat([wf.parameters(), pd.DataFrame({"a": [3]}, index=[None])]).rename_axis(None)
    with pytest.raises(tf.RefusedError, match="rename_axis"):
        wf.push(more)
    assert list(wf.push(more.rename_axis("job_key")).index) == ["1", "2", "3"]


def test_the_unit_of_a_time_is_no_content(wf):
    at = pd.to_datetime(["2020-01-01T00:00:01.5"])
    for unit in ("ns", "us", "ms"):
        wf.push(pd.DataFrame({"t": at.as_unit(unit), "d": pd.to_timedelta(["1.5s"]).as_unit(unit)}))
    assert len(wf.jobs()) == 1


def test_a_job_is_known_by_what_was_pushed_whatever_was_added_to_it(wf):
    df = pd.DataFrame({"a": [1, 2], "m.x": [1, 1]})
    wf.push(df)
    wf.add_user_data("1", {"note": "x"}, {"m": {"y": 1}})
    wf.push(df)
    assert len(wf.jobs()) == 2


@pytest.mark.parametrize("command", ['echo "{n}"', "echo '{n}'", 'echo "a\' {n}"', "sh -c 'echo {n}'"])
def test_a_placeholder_in_quotes_is_refused(wf, command):
    with pytest.raises(tf.RefusedError, match="stands in quotes"):
        wf.push(pd.DataFrame({"n": ["$(touch pwned)"]}), command=command)


def test_values_never_become_commands(wf, tmp_path):
    values = ["$(touch pwned)", "`touch pwned`", "; touch pwned", "a' b", 'a" b', "\\", "{n}", "-x"]
    wf.push(pd.DataFrame({"n": values}), command=f"cd {tmp_path} && printf '%s' x{{n}} > \"$TORC_JOB_KEY\"")
    assert wf.run(workers=2, show_progress=False).failed == 0
    assert [(tmp_path / str(n)).read_text() for n in range(1, 9)] == [f"x{value}" for value in values]
    assert not (tmp_path / "pwned").exists()


def test_the_pushed_frame_is_left_as_it_was(wf, table):
    before = table.copy(deep=True)
    wf.push(table)
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs == {}


@on_every_store
def test_a_record_shared_by_jobs_is_changed_for_all_of_them_or_not_at_all(wf, store, store_server):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    first, second = wf.user_data()["record_key"]
    wf.delete_user_data(second)
    link(store, store_server, first, "2", "input")
    table = wf.parameters()
    table["a"] = [5, 1]
    with pytest.raises(tf.RefusedError, match="shared by jobs"):
        wf.push(table)
    table["a"] = [5, 6]
    with pytest.raises(tf.RefusedError, match=f"share input record {first}"):
        wf.push(table)
    table["a"] = [5, 5]
    wf.push(table)
    assert wf.parameters()["a"].tolist() == [5, 5]


@on_every_store
def test_tables_pushed_at_once_are_pushed_one_after_the_other(wf, store):
    df = pd.DataFrame({"a": range(100), "t": pd.date_range("2026", periods=100)})
    other = pd.DataFrame({"b": pd.Categorical(["x", "y"])})
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(wf.push, table, show_progress=False) for table in (df, other, df, other)]:
            done.result()
    assert len(wf.jobs()) == 102
    assert wf.jobs()["job_name"].is_unique
    dtypes = wf.parameters().dtypes.astype(str).to_dict()
    assert dtypes == {"a": "Int64", "t": str(df["t"].dtype), "b": "category"}


@on_each_store
def test_a_push_that_fails_half_way_leaves_nothing(wf, store, monkeypatch):
    wf.push(pd.DataFrame({"a": [1, 2]}))
    mixed = pd.concat([wf.parameters().reset_index(), pd.DataFrame({"a": [3]})], ignore_index=True)
    mixed.loc[0, "a"] = 100
    before = rev(wf)

    def fail(*args):
        raise tf.UnavailableError("the disk is full")

    monkeypatch.setattr(type(store), "add_jobs", fail)
    with pytest.raises(tf.UnavailableError):
        wf.push(mixed)
    assert rev(wf) == before
    monkeypatch.undo()
    wf.push(mixed)
    assert wf.parameters()["a"].tolist() == [100, 2, 3]


def test_what_a_push_leaves_as_it_was_is_told(wf):
    wf.push(pd.DataFrame({"a": [1, 2]}), command="echo {a}", resources={"num_cpus": 2})
    wf.push(pd.DataFrame({"a": [1, 2]}), command="echo {a}", resources={"num_cpus": 2})
    with pytest.warns(
        tf.TorcFramesWarning, match="2 jobs of the same parameters had another command"
    ) as caught:
        wf.push(pd.DataFrame({"a": [1, 2, 3]}), command="cat {a}")
    assert caught[0].filename == __file__
    assert wf.jobs()["command"].tolist() == ["echo 1", "echo 2", "cat 3"]
    with pytest.warns(tf.TorcFramesWarning, match="2 jobs that exist kept their resources"):
        wf.push(pd.DataFrame({"a": [1, 2]}), resources={"num_cpus": 4})
    assert wf.jobs()["num_cpus"].tolist() == [2, 2, 1]
