"""Jobs that consume what others made, and jobs of several records: pulled, edited, pushed, streamed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import link, on_each_store, on_every_store, on_sqlite, set_status
from strategies import examples

import torc_frames as tf
from torc_frames import Workflow
from torc_frames.frame import joining
from torc_frames.frame.columns import Columns
from torc_frames.frame.flatten import above, job_path
from torc_frames.workflow.client import Client

pytestmark = on_sqlite

# What the service of 2023 lists of one job does not tell whose output a record is.
with_links = pytest.mark.stores("sqlite", "sqlite-network", "torc-server")


@pytest.fixture
def wf(store: Any) -> Workflow:
    return Client(store).create_workflow("study")


@pytest.fixture
def diamond(wf: Workflow, store: Any, store_server: Any) -> Workflow:
    """Two jobs, each with its parameters and result, and one that consumes both results."""
    wf.push(tf.grid(n=[1, 2]))
    last = wf.add_job("last")
    wf.add_user_data(last, {"how": "sum"})
    for key in ("1", "2"):
        (made,) = wf.add_user_data(key, {"loss": int(key) / 10}, role="output", name=f"output_job_{key}")
        link(store, store_server, made, last.key, "input")
    wf.add_user_data(last, {"total": 0.3}, role="output", name="output_last")
    return wf


@on_every_store
def test_parameters_and_results_are_each_jobs_own(diamond: Workflow) -> None:
    parameters = diamond.parameters()
    assert parameters["n"].astype("Int64").tolist() == [1, 2, pd.NA]
    assert parameters["how"].tolist()[2] == "sum"
    assert sorted(parameters) == ["how", "n"]
    assert diamond.results()["loss"].tolist()[:2] == [0.1, 0.2]
    assert diamond.results()["total"].tolist()[2] == 0.3
    table = diamond.table()
    assert sorted(name for name in table if "." in name) == [
        "params.how",
        "params.n",
        "results.loss",
        "results.total",
    ]
    for what in ("user_data", "parameters", "results"):
        assert_frame_equal(pa.table(diamond.stream(what)).to_pandas(), getattr(diamond, what)())


@with_links
def test_what_is_consumed_is_the_output_of_its_maker(diamond: Workflow) -> None:
    records = diamond.user_data().set_index("record_key")
    assert records["role"].tolist() == ["input"] * 3 + ["output"] * 3
    assert records["job_key"].tolist() == ["1", "2", "3", "1", "2", "3"]
    own = diamond.user_data(job="3").set_index("record_key")
    assert own["job_key"].to_dict() == records.loc[own.index, "job_key"].to_dict()
    assert len(own) == 4
    assert diamond.user_data(job="3", role="input")["how"].tolist() == ["sum"]
    links = diamond.links()
    assert (links["job_key"] == "3").sum() == 4


@on_every_store
def test_what_is_consumed_is_there_if_asked_for(
    diamond: Workflow, store_kind: Any, recwarn: pytest.WarningsRecorder
) -> None:
    upstream = diamond.parameters(upstream=True)
    names = ["output_job_1.loss", "output_job_2.loss"]
    assert upstream.loc["3", names].tolist() == [0.1, 0.2]
    assert upstream["n"].astype("Int64").tolist() == [1, 2, pd.NA]
    assert_frame_equal(diamond.refresh(upstream).frame, upstream)
    with pytest.raises(tf.RefusedError, match="upstream"):
        diamond.push(upstream)
    assert not recwarn.list


def test_what_is_consumed_without_names_is_a_list_and_told_where_it_is(wf: Workflow, store: Any) -> None:
    last = wf.add_job("last")
    for n in range(2):
        maker = wf.add_job(f"maker_{n}")
        (made,) = wf.add_user_data(maker, {"loss": n}, role="output")
        link(store, None, made, last.key, "input")
    with pytest.warns(tf.TorcFramesWarning, match=r"upstream 'loss' .*; wf\.user_data\(\) has a row"):
        assert wf.parameters(upstream=True)["loss"].tolist() == [[0, 1]]


@with_links
def test_an_edit_reaches_the_jobs_own_record(diamond: Workflow) -> None:
    parameters = diamond.parameters()
    assert diamond.plan(parameters).cells.empty
    before = diamond.results()
    parameters.loc["3", "how"] = "mean"
    parameters.loc["2", "n"] = 5
    assert len(diamond.plan(parameters).cells) == 2
    diamond.push(parameters)
    assert diamond.job("3").user_data("input")[0].data == {"how": "mean"}
    assert_frame_equal(diamond.parameters(), parameters)
    assert_frame_equal(diamond.results(), before)
    assert len(diamond.job("3").user_data("input")) == 3


@with_links
def test_a_record_that_a_job_makes_later_is_no_parameter_any_more(
    wf: Workflow, store: Any, store_server: Any
) -> None:
    wf.push(tf.grid(n=[1, 2, 3]))
    maker = wf.add_job("maker")
    pulled, whole = wf.parameters(), wf.user_data()
    record = whole["record_key"][1]
    link(store, store_server, record, maker.key, "output")
    wf.update_user_data(record, {"n": 2, "more": True})
    assert wf.parameters()["n"].tolist() == [1, 3]
    assert_frame_equal(wf.refresh(pulled).frame, wf.parameters())


def test_a_new_maker_is_seen_by_a_refresh(wf: Workflow, store: Any) -> None:
    wf.push(tf.grid(n=range(100)))
    last = wf.add_job("last")
    wf.add_user_data(last, {"n": -1})
    pulled, records = wf.parameters(), wf.user_data()
    (made,) = wf.add_user_data("7", {"loss": 0.1}, role="output")
    assert_frame_equal(wf.refresh(pulled).frame, wf.parameters())
    link(store, None, made, last.key, "input")
    wf.update_user_data(made, {"loss": 0.2})
    assert_frame_equal(wf.refresh(pulled).frame, wf.parameters())
    now = wf.refresh(records).frame
    assert_frame_equal(now, wf.user_data())
    assert now["job_key"].tolist()[-1] == "7"


def test_what_takes_long_for_one_record_does_not_for_each_of_many(wf: Workflow, store: Any) -> None:
    count = 20_000
    jobs = wf.push(tf.grid(n=range(count)))
    last = wf.add_job("last")
    made = store.add_user_data(wf.key, [b"{}"] * count, job_keys=[*jobs.index], role="output")
    with closing(sqlite3.connect(store.path)) as database, database:
        rows = [(last.key, record) for record in made]
        database.executemany("INSERT INTO link (job_id, record_id, role) VALUES (?, ?, 'input')", rows)
    started = time.monotonic()
    whole = wf.user_data()
    once = time.monotonic() - started
    records = wf.user_data(job=last)
    assert time.monotonic() - started < 20 * once + 1
    assert_frame_equal(records, whole[whole["role"] == "output"].reset_index(drop=True)[list(records)])


@pytest.mark.stores("torc-server")
def test_a_job_asks_the_server_as_often_whatever_it_consumes(
    wf: Workflow, store: Any, store_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers = [wf.add_job(f"maker_{n}") for n in range(20)]
    keys = [one.key for one in makers]
    few, many = wf.add_job("few", depends_on=keys[:1]), wf.add_job("many", depends_on=keys)
    for at, maker in enumerate(makers):
        (made,) = wf.add_user_data(maker, {f"n{at}": at}, role="output")
        for job in (few, many) if at == 0 else (many,):
            link(store, store_server, made, job.key, "input")
        set_status(store, store_server, maker.key, "ready")
    for job in (few, many):
        set_status(store, store_server, job.key, "blocked")
    asked: list[str] = []
    http = store.service.http
    get = http.get

    def noted(path: str, *args: Any, **more: Any) -> bytes:
        asked.append(path)
        return get(path, *args, **more)

    monkeypatch.setattr(http, "get", noted)
    assert wf.job(few.key).parameters == {"n0": 0}
    first = len(asked)
    assert len(wf.job(many.key).parameters) == 20
    assert len(asked) - first == first > 0


# several records of one job


@pytest.fixture
def named(wf: Workflow) -> Workflow:
    job, other = wf.add_job("several"), wf.add_job("one")
    wf.add_user_data(job, {"loss": 1, "same": True}, name="data1")
    wf.add_user_data(job, {"loss": 2, "same": True}, name="data2")
    wf.add_user_data(other, {"loss": 3})
    return wf


@with_links  # and records there have no names of their own
def test_names_of_records_tell_their_values_apart(named: Workflow, recwarn: pytest.WarningsRecorder) -> None:
    parameters = named.parameters()
    assert list(parameters) == ["data1.loss", "data2.loss", "same", "loss"]
    assert parameters.loc["1"].tolist()[:3] == [1, 2, True]
    assert parameters.loc["2", "loss"] == 3
    assert named.plan(parameters).cells.empty
    assert_frame_equal(pa.table(named.stream("parameters")).to_pandas(), parameters)
    parameters.loc["1", "data2.loss"] = 7
    assert named.plan(parameters).cells[["column", "stored", "pushed"]].values.tolist() == [
        ["data2.loss", 2, 7]
    ]
    named.push(parameters)
    assert [record.data["loss"] for record in named.job("1").user_data()] == [1, 7]
    assert_frame_equal(named.parameters(), parameters)
    named.push(named.parameters().drop(columns="data1.loss"), drop=["data1.loss"])
    assert [record.data.get("loss") for record in named.job("1").user_data()] == [None, 7]
    assert not recwarn.list


@with_links
def test_values_made_equal_are_told_apart_as_long_as_the_table_has_them_so(named: Workflow) -> None:
    table = named.parameters()
    for second in (1, 7, None, 9, 1):
        table.loc["1", "data2.loss"] = second
        table = named.push(table)
        assert named.plan(table).cells.empty
        assert [one.data for one in named.job("1").user_data()] == [
            {"loss": 1, "same": True},
            {"loss": second, "same": True},
        ]
        bare = table.reset_index()
        bare.attrs.clear()
        assert named.plan(bare).cells.empty
    table.loc["1", ["data1.loss", "data2.loss"]] = [4, 5]
    named.push(table.reset_index())
    assert [one.data["loss"] for one in named.job("1").user_data()] == [4, 5]


@with_links
def test_a_value_for_the_key_itself_goes_to_every_record_that_holds_it(named: Workflow) -> None:
    table = named.parameters()
    table["loss"] = 5
    named.push(table)
    assert [one.data["loss"] for one in named.job("1").user_data()] == [5, 5]


@pytest.mark.filterwarnings("ignore:several records")
def test_a_list_of_equal_values_is_still_one_of_each_record(wf: Workflow) -> None:
    job = wf.add_job("several")
    wf.add_user_data(job, {"x": 1}, {"x": 2})
    table = wf.parameters()
    for values in ([3, 3], [3, 4], [3, None], [7, 8], [5, 5], [[1], [1]], [6, 6]):
        table.at[job.key, "x"] = values
        table = wf.push(table)
        assert wf.plan(table).cells.empty
        assert [one.data["x"] for one in wf.job(job.key).user_data()] == values
    table = wf.parameters()
    assert table["x"].tolist() == [6]
    table["x"] = pd.Series([[6, 6]], index=table.index)
    wf.push(table)
    assert [one.data["x"] for one in wf.job(job.key).user_data()] == [[6, 6], [6, 6]]


@on_each_store
def test_where_names_do_not_differ_values_are_lists_that_go_back_as_they_were(wf: Workflow) -> None:
    job = wf.add_job("several")
    wf.add_user_data(job, {"x": 1}, {"y": 0}, {"x": 2})
    with pytest.warns(tf.TorcFramesWarning, match=r"'x' .*\(several\).*user_data\(role='input'\)") as told:
        parameters = wf.parameters()
    assert len(told) == 1
    assert parameters["x"].tolist() == [[1, 2]]
    assert wf.plan(parameters).cells.empty
    parameters.loc[job.key, "y"] = 5
    parameters.at[job.key, "x"] = [1, 9]
    wf.push(parameters)
    assert [record.data for record in wf.job(job.key).user_data()] == [{"x": 1}, {"y": 5}, {"x": 9}]
    with pytest.warns(tf.TorcFramesWarning, match="lists"):
        parameters = wf.parameters()
    parameters["x"] = 4
    wf.push(parameters)
    assert wf.parameters()["x"].tolist() == [4]


@pytest.mark.parametrize("on_clash", ["names", "last", "list"])
@pytest.mark.filterwarnings("ignore:several records")
def test_a_table_however_joined_is_pushed_back_as_nothing(wf: Workflow, on_clash: Any) -> None:
    for job, names in (("named", ["a", "b"]), ("plain", [None, None]), ("clash", ["x", "z"])):
        made = wf.add_job(job)
        for at, name in enumerate(names):
            wf.add_user_data(made, {"x": at, "same": [1], "own": {str(at): at}}, name=name)
    before = wf.user_data()
    parameters = wf.parameters(on_clash=on_clash)
    assert wf.plan(parameters).cells.empty
    wf.push(parameters)
    assert_frame_equal(wf.user_data(), before)


@pytest.mark.filterwarnings("ignore:several records")
def test_more_names_than_a_table_has_room_for_are_lists(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_MOST_NAMES", 5)
    for n in range(3):
        job = wf.add_job(f"job_{n}")
        for part in ("a", "b"):
            wf.add_user_data(job, {"x": f"{part}{n}"}, name=f"{part}{n}")
    assert wf.parameters()["x"].tolist() == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
    assert_frame_equal(pa.table(wf.stream("parameters")).to_pandas(), wf.parameters())
    lists = wf.parameters()
    monkeypatch.setattr(joining, "_MOST_NAMES", 6)
    assert len(wf.parameters().columns) == 6
    lists.at["2", "x"] = ["a1", "new"]
    wf.push(lists)
    assert [one.data for one in wf.job("2").user_data()] == [{"x": "a1"}, {"x": "new"}]


def test_results_do_not_look_at_what_is_none(wf: Workflow, store: Any) -> None:
    job = wf.add_job("job")
    (bad,) = wf.add_user_data(job, {"x": 1})
    wf.add_user_data(job, {"y": 1}, role="output")
    with closing(sqlite3.connect(store.path)) as database, database:
        database.execute("UPDATE user_data SET data = '{' WHERE id = ?", (bad,))
    assert wf.results()["y"].tolist() == [1]


@pytest.mark.filterwarnings("ignore:several records")
def test_a_stream_makes_no_columns_of_more_names_than_it_has_room_for(
    wf: Workflow, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = wf.push(tf.grid(n=range(3_000)))
    names = [f"part_{n}" for n in range(3_000)]
    store.add_user_data(wf.key, [b'{"n":-1}'] * 3_000, job_keys=[*jobs.index], role="input", names=names)
    widths, add_flat = [], Columns.add_flat

    def noted(columns: Columns, rows: list[dict[Any, Any]]) -> None:
        widths.append(len({path for row in rows for path in row}))
        add_flat(columns, rows)

    monkeypatch.setattr(Columns, "add_flat", noted)
    stream = wf.stream("parameters")
    assert pa.table(stream)["n"][:2].to_pylist() == [[0, -1], [1, -1]]
    assert {*widths} == {1}


# keys that would name the row


@on_every_store
def test_a_key_that_names_jobs_shows_below_data_and_goes_back_as_what_it_was(wf: Workflow) -> None:
    job = wf.add_job("1")
    data = {"job_name": "1", "params": {"n": 1}, "data": {"job_key": "x", "n": 2}, "record_key": [1]}
    (key,) = wf.add_user_data(job, data)
    parameters = wf.parameters()
    assert sorted(parameters) == [
        "data.data.job_key",
        "data.job_name",
        "data.n",
        "data.record_key",
        "params.n",
    ]
    assert {"data.job_name", "data.record_key", "params.n"} <= {*wf.user_data()} & {*parameters}
    assert wf.plan(parameters).cells.empty
    parameters["data.job_name"] = "edited"
    parameters["data.data.job_key"] = "y"
    assert sorted(wf.plan(parameters).cells["column"]) == ["data.data.job_key", "data.job_name"]
    wf.push(parameters)
    assert wf.get_user_data(key).data == {
        **data,
        "job_name": "edited",
        "data": {"job_key": "y", "n": 2},
    }
    assert_frame_equal(wf.parameters(), parameters)
    assert wf.push(parameters.reset_index(drop=True)).index.tolist() == [job.key]


names = st.sampled_from(["job_key", "job_name", "record_key", "data", "a", "a.b"])
objects = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=6
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    client = tf.connect(tmp_path_factory.mktemp("store") / "study.db")
    yield client
    client.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(records=st.lists(st.dictionaries(names, objects, max_size=3), min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore:several records")
def test_records_of_any_keys_are_pulled_and_pushed_back_as_they_were(client: Any, records: Any) -> None:
    wf = client.create_workflow("study")
    job = wf.add_job("job")
    wf.add_user_data(job, *records)
    before = wf.user_data()
    parameters = wf.parameters()
    if any(above(path, {*map(job_path, parameters)}) for path in map(job_path, parameters)):
        return  # one key is a value here, and an object there: no push takes that
    assert wf.plan(parameters).cells.empty
    wf.push(parameters)
    assert_frame_equal(wf.user_data(), before)
