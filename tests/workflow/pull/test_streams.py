"""Streams and datasets hold what a pull gives, in little memory, and are there whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal
from stores import link, on_each_store, on_every_store, on_sqlite
from strategies import examples, pages, tables

import torc_frames as tf
from torc_frames.files.arrow import JSON_TEXT
from torc_frames.files.dataset import new_dataset
from torc_frames.frame.dtypes import encode
from torc_frames.store.sqlite import snapshot
from torc_frames.workflow.client import Client
from torc_frames.workflow.pull import spooled

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite


@pytest.fixture
def wf(store):
    return Client(store).create_workflow("study")


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of two records, so that types are found over many."""
    monkeypatch.setattr(snapshot, "PAGE_ROWS", 2)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(spooled, "_BATCH_ROWS", 3)


def holds(table: pa.Table, pulled: pd.DataFrame) -> None:
    """Check that a table of a stream or dataset is what a pull gave."""
    back = table.to_pandas()
    assert list(back) == list(pulled)
    assert_index_equal(back.index, pulled.index)
    for name, series in pulled.items():
        field = table.schema.field(name)
        is_json = bool(field.metadata) and JSON_TEXT in field.metadata
        if is_json or not has_dtype(series):
            stored = table.column(name).to_pylist()
            if is_json:
                stored = [None if text is None else json.loads(text) for text in stored]
            assert repr(stored) == repr(encode(series)[0]), name
        else:
            if str(series.dtype).startswith("string"):
                # files do not say which kind of storage
                series, back[name] = series.astype("string"), back[name].astype("string")
            elif str(back[name].dtype).startswith("datetime64[ms"):
                series = series.astype(back[name].dtype)  # Parquet has no seconds
            elif isinstance(series.dtype, pd.DatetimeTZDtype):
                # of some zones pandas has several objects
                series, back[name] = series.dt.tz_convert("UTC"), back[name].dt.tz_convert("UTC")
            assert_series_equal(back[name], series, check_exact=True, check_freq=False)


def has_dtype(series: pd.Series) -> bool:
    """Return whether Parquet files have the dtype."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return len(series) > 0 and series.cat.categories.dtype == "str"  # they come with the rows
    return series.dtype.kind != "O" or isinstance(series.dtype, pd.StringDtype)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=pages(), loose=st.booleans())
def test_streams_and_datasets_have_the_types_and_values_of_the_pull(
    tmp_path_factory, small_pages, drawn, loose
):
    folder = tmp_path_factory.mktemp("store")
    client = tf.connect(folder / "study.db")
    wf = client.create_workflow("study")
    for page in drawn:
        wf.add_user_data(None if loose else wf.add_job("job"), *page)
    holds(pa.table(wf.stream()), wf.user_data())
    holds(pq.read_table(wf.to_parquet(folder / "out", max_rows_per_file=3)), wf.user_data())
    for clash in () if loose else ("last", "list"):
        holds(pa.table(wf.stream("parameters", on_clash=clash)), wf.parameters(on_clash=clash))
        holds(pa.table(wf.stream("table", on_clash=clash)), wf.table(on_clash=clash))
    client.close()


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(df=tables(), gaps=st.integers(0, 2))
def test_streams_and_datasets_have_the_recorded_dtypes(
    tmp_path_factory, small_pages, small_batches, df, gaps
):
    folder = tmp_path_factory.mktemp("store")
    client = tf.connect(folder / "study.db")
    wf = client.create_workflow("study")
    wf.push(df)
    if any("\0" in name for name in df):
        with pytest.raises(tf.RefusedError, match="NUL"):
            wf.stream("parameters")
        return
    holds(pa.table(wf.stream("parameters")), wf.parameters())
    holds(pq.read_table(wf.to_parquet(folder / "out", "parameters")), wf.parameters())
    holds(pa.table(wf.stream("user_data", role="input")), wf.user_data(role="input"))
    # Jobs without a record stand between those that have one.
    without = [wf.add_job(f"bare {n}") for n in range(gaps)]
    wf.push(df, on_exists="append")
    for job in [*without[:1], *map(wf.job, wf.jobs().index[:2])]:
        job.store(n=1, text="a", ok=True)
    holds(pa.table(wf.stream("table", job_columns=True)), wf.table(job_columns=True))
    holds(pq.read_table(wf.to_parquet(folder / "table", "table", max_rows_per_file=3)), wf.table())
    client.close()


@on_each_store
def test_every_table_of_every_store_is_streamed_as_it_is_pulled(wf, tmp_path):
    params = tf.grid(alpha=[0.1, 1.0], layers=[[8], [8, 4]])
    wf.push(params.assign(when=pd.date_range("2026-01-01", periods=4, tz="Europe/Berlin")), outputs=True)
    for key in ("3", "1"):
        wf.job(key).store(loss=0.5, model={"depth": int(key)})
    wf.add_user_data(None, {"note": "whole"})
    wf.add_job("bare")
    for what in ("user_data", "parameters", "results", "table"):
        pulled = getattr(wf, what)()
        holds(pa.table(wf.stream(what)), pulled)
        again = pd.read_parquet(wf.to_parquet(tmp_path / what, what))
        assert again.dtypes.tolist() == pulled.dtypes.tolist()
        about, expected = again.attrs["torc"], pulled.attrs["torc"]
        for name in ("url", "workflow_key", "kind", "rev", "records"):
            assert about[name] == expected[name]
    holds(pa.table(wf.stream(role="output")), wf.user_data(role="output"))
    chosen = pa.table(wf.stream(usecols=["job_key", "alpha", "loss"]))
    holds(chosen, wf.user_data(usecols=["job_key", "alpha", "loss"]))
    holds(pa.table(wf.stream("parameters", usecols=["alpha"])), wf.parameters(usecols=["alpha"]))
    for how in (
        {"job_columns": True},
        {"job_columns": ["command"]},
        {"usecols": ["params.alpha", "status", "num_cpus"]},
        {"usecols": []},
        {"usecols": lambda name: name.startswith("results.")},
    ):
        holds(pa.table(wf.stream("table", **how)), wf.table(**how))
    with pytest.raises(tf.RefusedError, match="no column 'other'"):
        wf.stream("table", usecols=["other"])
    with pytest.raises(tf.RefusedError, match="goes with what='table'"):
        wf.stream(job_columns=True)


@on_every_store
def test_records_of_several_jobs_and_jobs_of_several_records(wf, store, store_server, store_kind):
    maker, user, other = (wf.add_job(name) for name in ("maker", "user", "other"))
    (shared,) = wf.add_user_data(maker, {"x": 1}, role="output")
    link(store, store_server, shared, user.key, "input")
    link(store, store_server, shared, other.key, "input")
    for pull in ("user_data", "parameters", "results", "table"):
        holds(pa.table(wf.stream(pull)), getattr(wf, pull)())
    wf.add_user_data(user, {"x": 1.0, "y": [1]}, {"z": 3})
    wf.add_user_data(other, {"y": ["a"]}, role="input" if store_kind.links_need_roles else None)
    for pull in ("user_data", "parameters"):
        holds(pa.table(wf.stream(pull)), getattr(wf, pull)())
    wf.add_user_data(user, {"x": 2})
    with pytest.raises(tf.ConflictError, match=r"\(user\) has 'x'"):
        wf.stream("parameters", on_clash="error")
    with pytest.warns(tf.TorcFramesWarning, match="These cells are lists"):
        holds(pa.table(wf.stream("parameters")), wf.parameters())
    holds(pa.table(wf.stream("parameters", on_clash="list")), wf.parameters(on_clash="list"))


def test_records_in_another_order_than_their_jobs(wf, small_pages):
    jobs = [wf.add_job(f"job_{n}") for n in range(7)]
    for n, job in enumerate(reversed(jobs)):
        wf.add_user_data(job, {"n": n, "s": "x" * n})
    holds(pa.table(wf.stream("parameters")), wf.parameters())


def test_an_empty_workflow_is_an_empty_table(wf, tmp_path):
    for what in ("user_data", "parameters", "results", "table"):
        pulled = getattr(wf, what)()
        holds(pa.table(wf.stream(what)), pulled)
        again = pd.read_parquet(wf.to_parquet(tmp_path / what, what))
        assert list(again) == list(pulled)
        assert again.empty


@on_each_store
def test_a_stream_is_of_one_moment_and_is_read_as_often_as_wanted(wf, store_kind):
    rows = 5000 if store_kind.server is None else 1200
    wf.push(tf.grid(n=range(rows)))
    stream = wf.stream("parameters")
    wf.push(tf.grid(n=range(rows + 200)))
    assert len(stream) == stream.num_rows == rows
    sums = []
    readers = [
        threading.Thread(target=lambda: sums.append(pa.table(stream)["n"].to_numpy().sum())) for _ in range(4)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert sums == [sum(range(rows))] * 4
    assert [batch.schema.equals(stream.schema, check_metadata=True) for batch in stream].count(False) == 0


def test_a_closed_stream_is_closed(wf):
    wf.push(tf.grid(n=[1]))
    with wf.stream() as stream:
        assert repr(stream) == "TableStream(1 rows, 8 columns)"
    with pytest.raises(ValueError, match="closed"):
        pa.table(stream)


TYPES = pd.DataFrame(
    {
        "n": [1, 2, 3],
        "gap": pd.array([1, None, 2**60 + 1], dtype="Int64"),
        "loss": [0.5, None, -1.5],
        "ok": pd.array([True, None, False], dtype="boolean"),
        "text": ["a", None, "=1+1"],
        "when": pd.Series(["2026-01-01T00:00:00.5", None, "2026-07-01"], dtype="datetime64[us]"),
        "zone": pd.to_datetime(["2026-01-01", None, "2026-07-01"]).as_unit("us").tz_localize("Europe/Berlin"),
        "size": pd.Categorical(["l", None, "s"], categories=["s", "m", "l"], ordered=True),
        "list": pd.Series([[1, 2], None, []], dtype=object),
        "nested": pd.Series([[["a"]], None, [[], ["b", None]]], dtype=object),
        "mixed": pd.Series(["1", None, {"a": [1, "x"]}], dtype=object),
        "big": pd.Series([2**64, None, 1], dtype=object),
        "none": pd.Series([None, None, None], dtype=object),
    }
)


@pytest.fixture
def dataset(tmp_path):
    """A dataset of two files."""
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("types")
    wf.push(TYPES)
    yield wf.to_parquet(tmp_path / "out", "parameters", max_rows_per_file=2)
    client.close()


def test_pandas_opens_a_dataset(dataset):
    df = pd.read_parquet(dataset)
    assert [path.name for path in sorted(dataset.iterdir())] == ["part-00000.parquet", "part-00001.parquet"]
    assert df.index.tolist() == ["1", "2", "3"]
    assert df.index.name == "job_key"
    same = ["n", "gap", "loss", "ok", "text", "when", "zone", "size"]
    assert_frame_equal(df[same].reset_index(drop=True), TYPES[same])
    assert df["list"].map(list, na_action="ignore").tolist() == [[1, 2], None, []]
    assert df["mixed"].map(json.loads, na_action="ignore").tolist()[2] == {"a": [1, "x"]}
    assert df["big"].map(int, na_action="ignore").tolist()[0] == 2**64
    assert df["none"].isna().all()


def test_duckdb_opens_a_dataset(dataset):
    query = f"SELECT * FROM '{dataset}/*.parquet' ORDER BY job_key"
    with duckdb.connect() as connection:
        types = {name: str(kind) for name, kind, *_ in connection.sql(f"DESCRIBE {query}").fetchall()}
        rows = pa.table(connection.sql(query)).to_pylist()
        cast = connection.sql(f"SELECT big::HUGEINT, mixed->'$.a[1]' FROM ({query})").fetchall()
    assert types == {
        "job_key": "VARCHAR",
        "n": "BIGINT",
        "gap": "BIGINT",
        "loss": "DOUBLE",
        "ok": "BOOLEAN",
        "text": "VARCHAR",
        "when": "TIMESTAMP",
        "zone": "TIMESTAMP WITH TIME ZONE",
        "size": "VARCHAR",
        "list": "BIGINT[]",
        "nested": "VARCHAR[][]",
        "mixed": "VARCHAR",
        "big": "VARCHAR",
        "none": types["none"],
    }
    assert [row["gap"] for row in rows] == [1, None, 2**60 + 1]
    assert [row["loss"] for row in rows] == [0.5, None, -1.5]
    assert [row["ok"] for row in rows] == [True, None, False]
    assert [row["text"] for row in rows] == ["a", None, "=1+1"]
    assert rows[0]["when"] == pd.Timestamp("2026-01-01T00:00:00.5")
    assert rows[2]["zone"] == pd.Timestamp("2026-07-01", tz="Europe/Berlin")
    assert [row["size"] for row in rows] == ["l", None, "s"]
    assert [row["list"] for row in rows] == [[1, 2], None, []]
    assert rows[2]["nested"] == [[], ["b", None]]
    assert [row["none"] for row in rows] == [None] * 3
    assert cast == [(2**64, None), (None, None), (1, '"x"')]


def test_polars_opens_a_dataset(dataset):
    df = pl.scan_parquet(dataset).sort("job_key").collect()
    assert df.schema["zone"] == pl.Datetime("us", "Europe/Berlin")
    assert df.schema["list"] == pl.List(pl.Int64)
    assert df["gap"].to_list() == [1, None, 2**60 + 1]
    assert df["loss"].to_list() == [0.5, None, -1.5]
    assert df["ok"].to_list() == [True, None, False]
    assert df["size"].cast(pl.String).to_list() == ["l", None, "s"]
    assert df["zone"].to_list()[2] == pd.Timestamp("2026-07-01", tz="Europe/Berlin")
    assert df["nested"].to_list() == [[["a"]], None, [[], ["b", None]]]
    assert df["big"].cast(pl.Int128).to_list() == [2**64, None, 1]
    assert df["mixed"].str.json_path_match("$.a[1]").to_list() == [None, None, "x"]
    assert df["none"].null_count() == 3


# Dask calls what pandas 3.1 has deprecated.
@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_dask_opens_a_dataset(dataset):
    import dask
    import dask.dataframe as dd

    with dask.config.set(scheduler="synchronous"):
        lazy = dd.read_parquet(dataset)
        assert lazy.npartitions == 2
        df = lazy.compute().sort_index()
        assert lazy["n"].sum().compute() == 6
    assert {name: str(dtype) for name, dtype in lazy.dtypes.items() if name in ("gap", "ok", "zone")} == {
        "gap": "Int64",
        "ok": "boolean",
        "zone": "datetime64[us, Europe/Berlin]",
    }
    assert df.index.tolist() == ["1", "2", "3"]
    same = ["n", "gap", "loss", "ok", "when", "zone", "size"]
    assert_frame_equal(df[same].reset_index(drop=True), TYPES[same])
    assert df["text"].fillna("").tolist() == ["a", "", "=1+1"]
    assert df["list"].map(list, na_action="ignore").tolist()[::2] == [[1, 2], []]
    assert df["big"].fillna("").tolist() == [str(2**64), "", "1"]


def test_others_read_a_stream_batch_by_batch(tmp_path, small_pages):
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("types")
    wf.push(TYPES)
    stream = wf.stream("parameters")
    assert len(list(stream)) == 2
    assert pl.DataFrame(stream)["gap"].to_list() == [1, None, 2**60 + 1]
    with duckdb.connect() as connection:
        connection.register("stream", stream)
        assert connection.sql("SELECT sum(n), max(gap), count(ok) FROM stream").fetchall() == [
            (6, 2**60 + 1, 2)
        ]
    holds(pa.table(stream), wf.parameters())
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(stream)["n"].tolist() == [1, 2, 3]
    client.close()


# what a dataset replaces, and what it leaves behind


def test_what_is_there_is_not_replaced_unless_asked(wf, tmp_path):
    wf.push(tf.grid(n=[1, 2]))
    out = tmp_path / "out"
    out.mkdir()
    wf.to_parquet(out)
    with pytest.raises(tf.RefusedError, match="exists already; overwrite=True"):
        wf.to_parquet(out)
    wf.push(tf.grid(n=[1, 2, 3]))
    wf.to_parquet(out, overwrite=True)
    assert len(pd.read_parquet(out)) == 3
    (out / "notes.txt").write_text("mine")
    with pytest.raises(tf.RefusedError, match=r"holds more than a dataset's files \(notes.txt\)"):
        wf.to_parquet(out, overwrite=True)
    with pytest.raises(tf.RefusedError, match="is a file"):
        wf.to_parquet(out / "notes.txt", overwrite=True)
    with pytest.raises(tf.RefusedError, match="no folder"):
        wf.to_parquet(tmp_path / "no" / "out")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_files_of_other_names_are_never_deleted(wf, tmp_path):
    wf.push(tf.grid(n=[1]))
    tf.Pointer.save(pd.DataFrame({"x": [1]}), tmp_path / "models")
    with pytest.raises(tf.RefusedError, match="holds more than"):
        wf.to_parquet(tmp_path / "models", overwrite=True)
    assert len(list((tmp_path / "models").iterdir())) == 1


def test_a_dataset_behind_a_link_is_replaced_and_has_usual_permissions(wf, tmp_path):
    wf.push(tf.grid(n=[1]))
    (tmp_path / "plain").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for _ in range(2):
        wf.to_parquet(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "out")]
    assert modes[0] == modes[1]


def test_a_failure_leaves_nothing_and_what_was_there(wf, tmp_path):
    job = wf.add_job("job")
    wf.add_user_data(job, {"x": 1}, {"x": 2})
    out = tmp_path / "out"
    with pytest.raises(tf.ConflictError):
        wf.to_parquet(out, "parameters", on_clash="error")
    assert not out.exists()
    wf.to_parquet(out)
    before = pd.read_parquet(out)
    with pytest.raises(tf.ConflictError):
        wf.to_parquet(out, "parameters", on_clash="error", overwrite=True)
    assert_frame_equal(pd.read_parquet(out), before)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_leaves_nothing(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    client.create_workflow("full").push(tf.grid(n=range(5000)))
    client.close()
    code = """
import resource, signal, sys
import torc_frames as tf
wf = tf.connect(sys.argv[1]).workflow(1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
wf.to_parquet(sys.argv[2], show_progress=False)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "study.db"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "File too large" in done.stderr
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["study.db"]


def test_a_dataset_is_replaced_at_once(tmp_path):
    out = tmp_path / "out"

    def write(text):
        with new_dataset(out, overwrite=True) as folder:
            (folder / "part-00000.parquet").write_text(text)

    write("0")
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.is_set():
            try:
                seen.add((out / "part-00000.parquet").read_text())
            except FileNotFoundError:
                seen.add(None)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for n in range(1, 50):
        write(str(n))
    stop.set()
    watcher.join()
    assert len(seen) > 1
    if sys.platform == "linux":
        assert None not in seen
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_where_folders_can_not_be_exchanged_one_is_moved_away_first(tmp_path, monkeypatch):
    from torc_frames.files import dataset as parts

    monkeypatch.setattr(parts, "_exchange", lambda one, other: False)
    for text in ("old", "new"):
        with new_dataset(tmp_path / "out", overwrite=True) as folder:
            (folder / "part-00000.parquet").write_text(text)
    assert (tmp_path / "out" / "part-00000.parquet").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"what": "jobs"}, "what='jobs': use 'user_data', 'parameters', 'results', 'table'"),
        ({"what": "parameters", "role": "input"}, "role='input' goes with what='user_data'"),
        ({"role": "outputs"}, "role='outputs'"),
        ({"usecols": ["nope"]}, "no column 'nope'"),
        ({"on_clash": "first"}, "on_clash='first'"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"max_rows_per_file": 0}, "max_rows_per_file=0"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, options, message):
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("refused")
    with pytest.raises(tf.RefusedError, match=message):
        wf.to_parquet(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    client.close()


def test_an_unreadable_record_is_named_or_missing(wf, store):
    wf.add_user_data(None, {"a": 1})
    (key,) = store.add_user_data(wf.key, [b'{"a": 1e999}'])
    with pytest.raises(tf.UnreadableRecordError, match=f"key {key}"):
        wf.stream()
    with pytest.warns(tf.TorcFramesWarning, match=f"key {key}"):
        stream = wf.stream(on_error="warn")
    assert pa.table(stream)["a"].to_pylist() == [1, None]
    assert list(pa.table(stream).to_pandas().attrs["torc"]["unreadable"]) == [key]


@on_each_store
def test_what_does_not_belong_together_is_no_stream(wf, store, monkeypatch):
    wf.push(tf.grid(a=[1, 2]))
    with store.snapshot(wf.key) as snap:
        kind = type(snap)
    count = kind.count_user_data
    monkeypatch.setattr(kind, "count_user_data", lambda self, **options: count(self, **options) + 1)
    with pytest.raises(tf.UnverifiedPullError, match="2 records where the store counts 3"):
        wf.stream()


def test_memory_does_not_grow_with_the_records(tmp_path):
    code = """
import sys
from pathlib import Path
import torc_frames as tf
import torc_frames.workflow
wf = tf.connect(sys.argv[1]).workflow(1)
for what in ("user_data", "parameters"):
    wf.to_parquet(f"{sys.argv[1]}.{what}", what, show_progress=False)
status = Path("/proc/self/status").read_text().split()
print(status[status.index("VmHWM:") + 1])
"""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("only Linux tells the peak of one process")
    peaks = []
    # Of one arena and the system's allocator: what is free goes back, so that peaks are of what is in use.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    for length in (60_000, 200_000):
        client = tf.connect(tmp_path / f"{length}.db")
        table = tf.grid(n=range(length))
        for name in "abcdefgh":
            table[name] = table["n"] * 1.5
        table["text"] = [f"{n:0>500}" for n in range(length)]
        client.create_workflow("large").push(table, show_progress=False)
        client.close()
        del table
        command = [sys.executable, "-c", code, str(tmp_path / f"{length}.db")]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=200, check=True
        )
        peaks.append(int(done.stdout) / 1024)
    # A frame of what the larger has more needs 150 MB.
    assert peaks[1] - peaks[0] < 110
    assert peaks[1] < 500
