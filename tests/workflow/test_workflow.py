"""Pulls: every rule from records to columns, on every store."""

import json
import re

import pandas as pd
import pytest
from stores import link, on_each_store, on_every_store, on_sqlite
from strategies import TEXT

import torc_frames as tf
from torc_frames.workflow.client import Client

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite


RESERVED = ["workflow_key", "job_key", "job_name", "role", "record_key", "record_name", "rev"]


@pytest.fixture
def client(store):
    return Client(store)


@pytest.fixture
def wf(client):
    return client.create_workflow("study", description="for tests")


@on_every_store
def test_user_data_has_a_row_a_record_with_job_key_columns(wf, store_kind):
    first, second = wf.add_job("first"), wf.add_job("second")
    wf.add_user_data(first, {"key1": "val1", "model": {"depth": 3}}, {"key3": 3})
    name = "output_second" if store_kind.roles_are_of_records else "found"
    wf.add_user_data(second, {"key3": 4}, role="output", name=name)
    wf.add_user_data(second, {"key1": "x"}, role="input" if store_kind.links_need_roles else None)
    wf.add_user_data(None, {"whole": True})
    df = wf.user_data()
    assert type(df) is pd.DataFrame
    assert list(df) == [*RESERVED, "key1", "model.depth", "key3", "whole"]
    assert df["job_key"].tolist()[:4] == [first.key, first.key, second.key, second.key]
    assert df["job_name"].tolist()[:4] == ["first", "first", "second", "second"]
    assert df["role"].tolist()[:3] == ["input", "input", "output"]
    assert df[["job_key", "role"]].isna().sum().tolist() == [1, 1 if store_kind.links_need_roles else 2]
    assert df["record_name"].tolist()[2] == name
    assert df["record_key"].is_unique
    assert (df["workflow_key"] == wf.key).all()
    assert df["key3"].tolist() == [pd.NA, 3, 4, pd.NA, pd.NA] or df["key3"].dtype == "Int64"
    assert df["whole"].dtype == "boolean"


@on_each_store
def test_filters_by_job_and_role(wf):
    first, second = wf.add_job("first"), wf.add_job("second")
    added = wf.add_user_data(first, {"a": 1})
    added += wf.add_user_data(first, {"b": 2}, role="output")
    wf.add_user_data(second, {"a": 3})
    assert wf.user_data(job=first)["record_key"].tolist() == added
    assert wf.user_data(job=2, role="input")["a"].tolist() == [3]
    assert wf.user_data(role="output")["b"].tolist() == [2]
    assert list(wf.parameters(job=second.key).index) == [second.key]
    assert list(wf.results().index) == [first.key]
    assert wf.results(job=second).empty
    with pytest.raises(tf.NotFoundError, match="99"):
        wf.parameters(job="99")


@on_every_store
def test_a_record_that_a_job_made_is_its_output_whoever_consumes_it(client, store, store_server):
    wf = client.create_workflow("shared")
    maker, user, other = (wf.add_job(name) for name in ("maker", "user", "other"))
    (key,) = wf.add_user_data(maker, {"x": 1}, role="output")
    link(store, store_server, key, user.key, "input")
    link(store, store_server, key, other.key, "input")
    whose = ["job_key", "job_name", "role"]
    for df in (wf.user_data(), wf.user_data(role="output"), wf.user_data(job=maker)):
        assert df[whose].values.tolist() == [[maker.key, "maker", "output"]]
    assert [len(wf.user_data(role="input")), len(wf.user_data(role="input", job=user))] == [0, 0]
    assert wf.links().values.tolist() == [
        [key, maker.key, "output"],
        [key, user.key, "input"],
        [key, other.key, "input"],
    ]
    assert wf.parameters().empty
    assert wf.parameters(upstream=True)["x"].to_dict() == {user.key: 1, other.key: 1}
    assert wf.results()["x"].to_dict() == {maker.key: 1}


@on_every_store
def test_a_record_that_several_jobs_share_has_no_job_key_but_links(client, store, store_server):
    wf = client.create_workflow("shared")
    first, second = wf.add_job("first"), wf.add_job("second")
    (key,) = wf.add_user_data(first, {"x": 1})
    link(store, store_server, key, second.key, "input")
    df = wf.user_data()
    assert df["job_key"].isna().tolist() == df["job_name"].isna().tolist() == [True]
    assert df["role"].tolist() == ["input"]
    assert wf.parameters()["x"].to_dict() == {first.key: 1, second.key: 1}


@pytest.mark.stores("sqlite", "torc-server")  # the others keep objects only
def test_reserved_names_and_records_that_are_no_objects(wf):
    wf.add_user_data(None, {"rev": 1, "data": {"rev": 2}}, "5", [1], None, {"v1.2": 3})
    df = wf.user_data()
    # Servers sort the keys of objects.
    assert sorted(list(df)[len(RESERVED) :]) == ["data", "data.data.rev", "data.rev", "v1\\.2"]
    assert df["data"].tolist() == [None, "5", [1], None, None]


@on_each_store
def test_records_of_one_job_are_joined_and_clashes_are_named(wf):
    job, other = wf.add_job("both"), wf.add_job("plain")
    wf.add_user_data(job, {"a": 1, "b": None}, {"b": 2, "m": {"x": 1}})
    wf.add_user_data(other, {"a": 2, "b": 3})
    df = wf.parameters()
    assert df[["a", "b"]].dtypes.astype(str).tolist() == ["int64", "int64"]
    assert df.loc[job.key, ["a", "b", "m.x"]].tolist() == [1, 2, 1]
    wf.add_user_data(job, {"a": 7})
    with pytest.raises(tf.ConflictError, match=re.escape(f"job {job.key} (both) has 'a'")):
        wf.parameters(on_clash="error")
    with pytest.warns(tf.TorcFramesWarning, match=r"'a' .*\(both\).*user_data\(role='input'\)"):
        assert wf.parameters().loc[job.key, "a"] == [1, 7]
    assert wf.parameters(on_clash="last").loc[job.key, "a"] == 7
    assert wf.parameters(on_clash="list").loc[job.key, "a"] == [1, 7]
    assert wf.parameters(on_clash="list").loc[other.key, "a"] == 2


def test_equal_values_are_no_clash_and_lists_are_listed_whole(wf):
    job = wf.add_job("job")
    wf.add_user_data(job, {"a": 1, "l": [1]}, {"a": 1.0, "l": [1]})
    assert wf.parameters()["l"].tolist() == [[1]]
    wf.add_user_data(job, {"l": [2]}, role="input")
    assert wf.parameters(on_clash="list")["l"].tolist() == [[[1], [1], [2]]]


@on_each_store
def test_the_table_has_every_job(wf):
    wf.push(tf.grid(n=[1, 2, 3], s=["x"]), command="true")
    wf.job(2).store(loss=5, ok=True)
    table = wf.table()
    assert list(table.index) == ["1", "2", "3"]
    data = ["params.n", "params.s", "results.loss", "results.ok"]
    assert list(table) == ["job_name", "status", "stale", *data]
    assert table["params.n"].dtype == "int64"
    assert table["results.loss"].dtype == "Int64"
    assert table["results.loss"].isna().tolist() == [True, False, True]
    assert list(wf.table(usecols=["results.loss", "status"])) == ["status", "results.loss"]
    jobs = wf.jobs()
    whole = wf.table(job_columns=True)
    assert list(whole) == [*jobs, *data]
    pd.testing.assert_frame_equal(whole[list(jobs)], jobs)
    assert list(wf.table(job_columns=["return_code", "command"])) == [
        *("job_name", "command", "status", "stale", "return_code", *data),
    ]


def test_what_else_is_known_of_jobs_is_asked_for(wf):
    wf.push(tf.grid(status=["a"], command=["b"]), command="true")
    assert list(wf.table()) == ["job_name", "status", "stale", "params.status", "params.command"]
    for cols in (["command", "params.status"], lambda name: name in ("command", "params.status")):
        more = callable(cols)
        assert list(wf.table(usecols=cols, job_columns=more)) == ["command", "params.status"]
    assert list(wf.table(job_columns=(), command_pattern="{word}"))[:3] == ["job_name", "status", "stale"]
    for asked in (True, ["command"], False):
        table = wf.table(job_columns=asked)
        wf.job(1).store(loss=float(len(table.columns)))
        pd.testing.assert_frame_equal(wf.refresh(table).frame, wf.table(job_columns=asked))
    with pytest.raises(tf.RefusedError, match="job_columns: no column 'nope'; there are: 'job_name'"):
        wf.table(job_columns=["command", "nope"])
    with pytest.raises(tf.RefusedError, match=r"job_columns='command': give a list .*\['command'\]"):
        wf.table(job_columns="command")


def test_an_empty_table_has_its_columns(wf):
    assert wf.table().dtypes.astype(str).tolist() == [TEXT, TEXT, "boolean"]
    assert list(wf.table(job_columns=True)) == list(wf.jobs())


def test_usecols_is_that_of_pandas(wf):
    wf.push(tf.grid(a=[1], b=[2], c=[3]))
    assert list(wf.parameters(usecols=["c", "a"])) == ["a", "c"]
    assert list(wf.user_data(usecols=lambda name: name in ("job_key", "b"))) == ["job_key", "b"]
    for pull in (wf.parameters, wf.user_data, wf.table):
        with pytest.raises(tf.RefusedError, match="'nope'"):
            pull(usecols=["nope"])
    with pytest.raises(tf.RefusedError, match=r"\['a'\]"):
        wf.parameters(usecols="a")


@pytest.mark.parametrize(
    ("backend", "dtypes"),
    [
        ("numpy_nullable", ["Int64", "Float64", "boolean", "string", "object", "datetime64[us]"]),
        (
            "pyarrow",
            [
                "int64[pyarrow]",
                "double[pyarrow]",
                "bool[pyarrow]",
                "string[pyarrow]",
                "object",
                "timestamp[us][pyarrow]",
            ],
        ),
    ],
)
def test_dtype_backend_is_that_of_pandas(wf, backend, dtypes):
    df = pd.DataFrame(
        {
            "i": [1],
            "f": [0.5],
            "b": [True],
            "s": ["x"],
            "l": [[1]],
            "t": pd.to_datetime(["2020"]).as_unit("us"),
        }
    )
    wf.push(df)
    assert wf.parameters(dtype_backend=backend).dtypes.astype(str).tolist() == dtypes
    assert wf.user_data(dtype_backend=backend, role="input").dtypes.astype(str).tolist()[7:] == dtypes
    assert wf.jobs(dtype_backend=backend)["num_cpus"].dtype == dtypes[0]
    with pytest.raises(tf.RefusedError, match="dtype_backend"):
        wf.parameters(dtype_backend="arrow")


@on_each_store
def test_attrs_say_where_it_is_from(wf, client):
    wf.push(tf.grid(a=range(100)))
    about = wf.user_data().attrs["torc"]
    assert about["url"] == client.url
    assert about["workflow_key"] == wf.key
    assert about["records"] == 100
    assert pd.Timestamp(about["pulled_at"]).tz is not None
    requests = about["requests"]
    wf.push(tf.grid(a=range(400)))
    assert wf.user_data().attrs["torc"]["requests"] == requests
    assert wf.table().attrs["torc"]["records"] == 400


@on_each_store
def test_an_empty_workflow_has_empty_frames(wf):
    assert list(wf.user_data()) == RESERVED
    for frame in (wf.parameters(), wf.results(), wf.jobs(), wf.table(), wf.links()):
        assert frame.empty
    assert wf.jobs().index.name == "job_key"
    assert list(wf.links()) == ["record_key", "job_key", "role"]


@on_each_store
def test_a_page_of_numbers_as_written_is_read_again_where_it_matters(wf):
    numbers = [{"x": 1}, {"x": 2.5}] * 300
    wf.add_user_data(None, *numbers, {"x": "text"})
    cells = wf.user_data()["x"].tolist()
    assert cells[:2] == [1, 2.5]
    assert type(cells[0]) is int


def test_an_unreadable_record_is_named(wf, store):
    (key,) = store.add_user_data(wf.key, [b'{"a": 1e999}'])
    with pytest.raises(tf.UnreadableRecordError, match=f"key {key}"):
        wf.user_data()
    with pytest.warns(tf.TorcFramesWarning, match=f"key {key}"):
        frame = wf.user_data(on_error="warn")
    assert frame["record_key"].tolist() == [key]
    assert list(frame.attrs["torc"]["unreadable"]) == [key]
    with pytest.raises(tf.RefusedError, match="on_error"):
        wf.user_data(on_error="ignore")


def test_a_pull_that_fails_leaves_no_thread_on_the_store(wf, store):
    import threading

    wf.push(tf.grid(a=range(5000)), show_progress=False)
    before = threading.active_count()
    for _ in range(30):
        key = store.add_user_data(wf.key, [b"{"])
        with pytest.raises(tf.UnreadableRecordError) as caught:
            wf.user_data()
        assert threading.active_count() == before
        assert caught.value.key == key[0]
        wf.delete_user_data(*key)


@on_each_store
def test_a_pull_that_does_not_belong_together_is_never_a_short_table(wf, store, monkeypatch):
    wf.push(tf.grid(a=[1, 2]))
    snapshot = type(store).snapshot
    opened = []

    def miscounting(self, key):
        context = snapshot(self, key)
        enter = context.__enter__

        class Torn:
            def __enter__(self):
                snap = enter()
                opened.append(snap)
                count = snap.count_user_data
                snap.count_user_data = lambda **options: count(**options) + (len(opened) < calls)
                return snap

            def __exit__(self, *error):
                return context.__exit__(*error)

        return Torn()

    monkeypatch.setattr(type(store), "snapshot", miscounting)
    calls = 3
    assert len(wf.user_data()) == 2
    opened.clear()
    calls = 99
    with pytest.raises(tf.UnverifiedPullError, match=r"3 records|2 records"):
        wf.user_data()


@on_each_store
def test_records_are_read_changed_and_deleted_one_by_one(wf):
    first, second = wf.add_user_data(None, {"a": 1}, {"a": 2})
    record = wf.get_user_data(first)
    assert (record.key, record.data) == (first, {"a": 1})
    rev = wf.update_user_data(first, {"a": 10}, rev=record.rev)
    assert wf.get_user_data(first).rev == rev != record.rev
    with pytest.raises(tf.ConflictError):
        wf.update_user_data(first, {"a": 11}, rev=record.rev)
    wf.delete_user_data(second)
    with pytest.raises(tf.NotFoundError, match=f"user_data key {second}"):
        wf.get_user_data(second)
    assert wf.user_data()["a"].tolist() == [10]


def test_documents_are_checked_before_any_is_stored(wf):
    with pytest.raises(tf.RefusedError, match="nan"):
        wf.add_user_data(None, {"a": 1}, {"a": float("nan")})
    assert wf.user_data().empty


@on_each_store
def test_workflows_are_listed_found_and_deleted(client, wf, store_server):
    # A server that asks for passwords knows who it is.
    user = getattr(store_server, "username", None) or "ada"
    client.create_workflow("second", user=user)
    df = client.workflows()
    assert df.index.name == "workflow_key"
    assert df["name"].tolist() == ["study", "second"]
    assert df["user"].tolist()[1] == user
    assert df["description"].tolist()[0] == "for tests"
    assert str(df["created"].dtype) == "datetime64[us, UTC]"
    assert client.workflow(int(wf.key)).name == "study"
    client.delete_workflow(wf.key)
    with pytest.raises(tf.NotFoundError, match=f"no workflow key {wf.key}"):
        client.workflow(wf.key)
    with pytest.raises(tf.RefusedError, match="name"):
        client.create_workflow("")


def test_files_behind_pointers_come_with_the_job_key(wf, tmp_path):
    wf.push(tf.grid(n=[1, 2]))
    for key in ("1", "2"):
        path = tmp_path / f"{key}.parquet"
        pd.DataFrame({"step": [0, 1], "loss": [0.5, 0.25]}).to_parquet(path)
        wf.job(key).store(model=tf.Pointer(path), score=int(key))
    files = wf.load("model")
    assert list(files) == ["job_key", "step", "loss"]
    assert files["job_key"].tolist() == ["1", "1", "2", "2"]
    table = wf.table(load=["model"])
    assert len(table) == 4
    assert table["results.model.loss"].tolist() == [0.5, 0.25, 0.5, 0.25]
    assert table["params.n"].tolist() == [1, 1, 2, 2]
    (tmp_path / "1.parquet").write_bytes(b"altered")
    with pytest.warns(tf.TorcFramesWarning, match=r"1 of 2 files left out: job 1: .*1\.parquet"):
        files = wf.load("model")
    assert files["job_key"].tolist() == ["2", "2"]
    (left_out,) = files.attrs["torc"]["missing"]
    assert left_out["job_key"] == "1"
    assert left_out["path"] == str(tmp_path / "1.parquet")
    assert "its size differs" in left_out["problem"]
    with pytest.warns(tf.TorcFramesWarning, match=r"1\.parquet"):
        table = wf.table(load="model")
    assert table["results.model.loss"].isna().tolist() == [True, False, False]
    assert table.attrs["torc"]["missing"] == [left_out]
    for pull in (wf.load, lambda name, **options: wf.table(load=name, **options)):
        with pytest.raises(tf.PointerError, match=r"1\.parquet"):
            pull("model", on_missing="raise")
    with pytest.raises(tf.RefusedError, match="'nothing'"):
        wf.load("nothing")


def test_what_another_client_wrote_into_the_metadata_harms_nothing(wf, store):
    wf.push(tf.grid(a=[1]))
    store.merge_metadata(wf.key, {"torc_frames": {"parameters": [{"name": "a", "dtype": "int64; rm"}, 5]}})
    assert wf.parameters()["a"].tolist() == [1]


def test_reprs_are_short_and_stable(client, wf):
    assert repr(wf) == f"Workflow(key='{wf.key}', name='study')"
    assert repr(client) == f"Client({client.url!r})"
    json.dumps(wf.jobs().attrs)


def test_a_role_that_does_not_exist_is_refused(wf):
    for pull in (lambda: wf.user_data(role="inputs"), lambda: wf.load("x", role="in")):
        with pytest.raises(tf.RefusedError, match="role="):
            pull()


def test_a_job_joins_its_parameters_as_the_frame_does(wf):
    job = wf.add_job("job")
    wf.add_user_data(job, {"m": {"y": 1}, "a": None}, {"m": {"x": 2}, "a": 2})
    assert wf.job(job.key).parameters == {"m": {"y": 1, "x": 2}, "a": 2}
    assert wf.parameters().loc[job.key].to_dict() == {"m.y": 1, "m.x": 2, "a": 2}


def test_usecols_and_backends_of_jobs_and_links(wf):
    wf.push(tf.grid(a=[1]))
    assert list(wf.jobs(usecols=["status"])) == ["status"]
    assert list(wf.links(usecols=["role"], dtype_backend="pyarrow").dtypes.astype(str)) == ["string[pyarrow]"]


def test_the_table_can_load_what_no_job_has_stored_yet(wf):
    wf.push(tf.grid(a=[1, 2]))
    assert len(wf.table(load="model")) == 2


def test_all_documents_that_are_refused_are_named(wf):
    with pytest.raises(tf.RefusedError) as caught:
        wf.add_user_data(None, {"a": float("nan")}, {"b": 1}, {"c": b"x"})
    assert [problem.row for problem in caught.value.problems] == [0, 2]


@on_every_store
def test_a_job_by_hand_has_resources_and_dependencies(wf, store_kind):
    ready, blocked = store_kind.new_jobs_are
    first = wf.add_job("first", command="true")
    wf.add_job("second", command="true", resources={"num_cpus": 2}, depends_on=[first.key])
    assert wf.jobs(usecols=["num_cpus", "status"]).values.tolist() == [[ready, 1], [blocked, 2]]
    with pytest.raises(tf.RefusedError, match="name"):
        wf.add_job(" ")
    with pytest.raises(tf.NotFoundError, match="99"):
        wf.add_job("third", depends_on="99")
