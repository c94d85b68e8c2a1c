"""What a job and a mapped function see is what stands in the row of the table that was pushed."""

import datetime
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import stores
from hypothesis import HealthCheck, given, settings
from places import REPOSITORY
from stores import on_each_store, on_sqlite
from strategies import examples, tables

import torc_frames as tf
from torc_frames.frame.flatten import job_path
from torc_frames.frame.nested import look_up
from torc_frames.frame.typed import typed, types_of
from torc_frames.workflow.client import Client

wf = stores.study


def check(seen, table, row):
    """Compare a row as a dict with that of a pulled table."""
    for name in table:
        cell, value = table[name].tolist()[row], look_up(seen, job_path(name))
        if isinstance(cell, (list, dict)):
            assert value == cell
        elif pd.isna(cell):
            assert value is None
        else:
            assert value == cell
            assert type(value) is type(cell) or table[name].dtype == "category"


@on_sqlite
@given(df=tables())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(20))
def test_jobs_and_functions_see_the_rows_of_the_table(store, df):
    wf = Client(store).create_workflow("study")
    table = wf.push(df)
    rows = []
    with ThreadPoolExecutor(1) as thread:
        wf.map(lambda row: rows.append(row), table, thread, show_progress=False)
    assert len(rows) == len(table)
    for at, key in enumerate(table.index):
        check(rows[at], table, at)
        check(wf.job(key).parameters, table, at)


TABLE = pd.DataFrame(
    {
        "when": pd.Series(["2026-03-29 01:30", None]).astype("datetime64[us]"),
        "zoned": pd.Series(pd.to_datetime(["2026-03-29 01:30", None])).dt.tz_localize("Europe/Berlin"),
        "took": pd.to_timedelta(["90min", None]),
        "day": pd.array([datetime.date(2026, 3, 29), None], dtype="date32[pyarrow]"),
        "month": pd.array(["2026-03", None], dtype="period[M]"),
        "run": pd.Categorical(pd.to_datetime(["2026-01-01", None])),
        "step.when": pd.Series(["2026-03-29", None]).astype("datetime64[s]"),
        "count": pd.array([1, None], dtype="Int64"),
        "share": [1.0, np.nan],
        "text": ["2026-03-29", None],
        "tags": [["2026-03-29"], None],
    }
)
SEEN = {
    "when": pd.Timestamp("2026-03-29 01:30"),
    "zoned": pd.Timestamp("2026-03-29 01:30", tz="Europe/Berlin"),
    "took": pd.Timedelta("90min"),
    "day": datetime.date(2026, 3, 29),
    "month": pd.Period("2026-03", "M"),
    "run": pd.Timestamp("2026-01-01"),
    "step": {"when": pd.Timestamp("2026-03-29")},
    "count": 1,
    "share": 1.0,
    "text": "2026-03-29",
    "tags": ["2026-03-29"],
}
GAPS = {**dict.fromkeys(SEEN), "step": {"when": None}}


@on_each_store
def test_on_each_store(wf):
    first, second = wf.push(TABLE).index
    assert wf.job(first).parameters == SEEN
    assert str(wf.job(first).parameters["zoned"].tz) == "Europe/Berlin"
    assert type(wf.job(first).parameters["share"]) is float
    assert wf.job(second).parameters == GAPS


@on_sqlite
def test_in_processes_of_their_own(wf, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), *sys.path]))
    code = "import torc_frames as tf; job = tf.current_job(); job.store(seen=repr(job.parameters))"
    wf.push(TABLE, command=f'"{sys.executable}" -c "{code}"')
    assert wf.run(workers=2).completed == 2
    assert wf.results()["seen"].tolist() == [repr(SEEN), repr(GAPS)]


@on_sqlite
def test_a_table_of_polars(wf):
    table = pl.DataFrame(
        {
            "when": [datetime.datetime(2026, 3, 29, tzinfo=datetime.UTC), None],
            "day": [datetime.date(2026, 3, 29), None],
            "took": [datetime.timedelta(minutes=90), None],
            "kind": pl.Series(["a", None], dtype=pl.Categorical),
            "n": [1, None],
        }
    )
    rows = []
    with ThreadPoolExecutor(1) as thread:
        wf.map(lambda row: rows.append(row), table, thread)
    assert rows == [{**row} for row in table.to_dicts()]
    assert type(rows[0]["when"]) is pd.Timestamp


@on_sqlite
def test_what_a_dtype_does_not_hold_stays_as_it_is(wf):
    types = types_of({"torc_frames": {"parameters": [{"name": "t", "dtype": "datetime64[us]"}, {"name": 1}]}})
    for value in ("soon", 7, [1], {"a": "2026-03-29"}, "2026-03-29T00:00:00Z"):
        assert typed({"t": value, "u": "2026-03-29"}, types) == {"t": value, "u": "2026-03-29"}
    for metadata in ({}, {"torc_frames": 1}, {"torc_frames": {"parameters": {"a": 1}}}):
        assert types_of(metadata) == {}


@on_sqlite
def test_pandas_is_not_imported_where_no_dtype_needs_it(wf):
    key = wf.push(tf.grid(n=[1], x=[0.5], s=["a"])).index[0]
    code = (
        "import sys; from torc_frames.store.open import open_store; "
        "from torc_frames.workflow.run.job import Job; "
        f"store = open_store({wf._store.url!r}); job = Job(store, store.get_job({key!r})); job.parameters; "
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
