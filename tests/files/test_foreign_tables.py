"""Tables of Polars, Arrow and DuckDB are pushed as they are; what is no table says what makes one."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from pandas.testing import assert_frame_equal
from strategies import examples, tables

import torc_frames as tf
from torc_frames.files.foreign import as_frame
from torc_frames.files.tables import read_table
from torc_frames.workflow.workflow import Workflow

DAY = datetime.date(2026, 1, 2)
TIME = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
COLUMNS: dict[str, tuple[pa.Array, str, list[Any] | None]] = {
    "int64": (pa.array([2**53 + 1, 2]), "int64", None),
    "int64 with a gap": (pa.array([2**53 + 1, None]), "Int64", None),
    "uint64 with a gap": (pa.array([2**64 - 1, None], pa.uint64()), "UInt64", None),
    "int8": (pa.array([1, None], pa.int8()), "Int8", None),
    "bool": (pa.array([True, False]), "bool", None),
    "bool with a gap": (pa.array([True, None]), "boolean", None),
    "float": (pa.array([0.5, None]), "float64", None),
    "float32": (pa.array([0.1, 0.5], pa.float32()), "float32", None),
    "text": (pa.array(["", None]), "str", None),
    "large text": (pa.array(["a", "b"], pa.large_string()), "str", None),
    "text view": (pa.array(["a", None], pa.string_view()), "str", None),
    "date32": (pa.array([DAY, None]), "date32[day][pyarrow]", None),
    "date64": (pa.array([DAY, None], pa.date64()), "date32[day][pyarrow]", None),
    "time": (pa.array([TIME, None], pa.timestamp("us")), "datetime64[us]", None),
    "time with a zone": (
        pa.array([TIME, None], pa.timestamp("ns", "Europe/Berlin")),
        "datetime64[ns, Europe/Berlin]",
        None,
    ),
    "duration": (pa.array([datetime.timedelta(1), None], pa.duration("ms")), "timedelta64[ms]", None),
    "dictionary": (pa.array(["x", None]).dictionary_encode(), "category", None),
    "lists": (pa.array([[1, None], None]), "object", [[1, None], None]),
    "structs": (pa.array([{"a": [1]}, {"a": None}]), "object", [{"a": [1]}, {"a": None}]),
    "nothing": (pa.nulls(2), "object", [None, None]),
    "integers as decimals": (pa.array([Decimal(2**70), None], pa.decimal128(38, 0)), "object", [2**70, None]),
    "run ends": (pa.RunEndEncodedArray.from_arrays([2], pa.array([7])), "int64", [7, 7]),
    "bool8": (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), "int8", [1, 0]),
}


@pytest.fixture
def wf(tmp_path: Path) -> Workflow:
    return tf.connect(tmp_path / "study.db").create_workflow("tables")


def plain(series: pd.Series) -> list[Any]:
    return [
        None if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)) else value
        for value in series
    ]


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_arrow_keeps_its_values(wf: Workflow, kind: str) -> None:
    array, dtype, values = COLUMNS[kind]
    if kind.startswith(("text", "large")):
        dtype = str(pd.Series(["a"]).dtype)
    frame = as_frame(pa.table({"x": array}))
    assert str(frame["x"].dtype) == dtype
    assert plain(frame["x"]) == (array.to_pylist() if values is None else values)
    wf.push(pa.table({"x": array}))
    assert_frame_equal(wf.parameters().reset_index(drop=True), frame)


TABLE = pl.DataFrame(
    {
        "depth": [3, None],
        "alpha": [0.5, 1.0],
        "ok": [True, None],
        "solver": ["svd", None],
        "day": [DAY, None],
        "when": [TIME, None],
        "took": [datetime.timedelta(hours=1), None],
        "kind": pl.Series(["x", None], dtype=pl.Enum(["z", "x"])),
        "cat": pl.Series(["x", None], dtype=pl.Categorical),
        "layers": [[8, 8], None],
        "model": [{"depth": 3}, {"depth": None}],
        "big": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
    }
)


def test_a_column_that_arrow_can_not_read_is_named() -> None:
    wide = pl.DataFrame({"x": [1], "big": pl.Series([2**100], dtype=pl.Int128), "y": [[2]]})
    with pytest.raises(
        tf.RefusedError, match=r"'big'.*Arrow can not read it.*cast it to Int64 or String"
    ) as told:
        as_frame(wide)
    assert [problem.column for problem in told.value.problems] == ["big"]
    assert as_frame(wide.with_columns(pl.col("big").cast(pl.String)))["big"].tolist() == [str(2**100)]


def test_a_table_of_polars_is_pushed_and_comes_back(wf: Workflow) -> None:
    pushed = wf.push(TABLE, name="depth-{alpha}")
    dtypes = pushed.dtypes.astype(str).to_dict()
    assert [dtypes[name] for name in ("depth", "ok", "big", "kind")] == [
        "Int64",
        "boolean",
        "UInt64",
        "category",
    ]
    assert pushed["kind"].cat.ordered
    assert pushed["kind"].cat.categories.tolist() == ["z", "x"]
    assert_frame_equal(wf.parameters(), pushed)
    assert wf.get_user_data(1).data["depth"] == 3
    assert wf.push(TABLE.to_arrow()).attrs["torc"]["unchanged"] == 2


@pytest.mark.parametrize(
    "table",
    [
        TABLE.select("depth", "alpha"),
        TABLE.select("depth", "alpha").to_arrow(),
        TABLE.select("depth", "alpha").to_arrow().combine_chunks().to_batches()[0],
        duckdb.sql("SELECT * FROM (VALUES (3::BIGINT, 0.5::DOUBLE), (NULL, 1.0)) t(depth, alpha)"),
    ],
    ids=["polars", "arrow", "batch", "duckdb"],
)
def test_there_is_one_door(wf: Workflow, table: Any) -> None:
    assert wf.plan(table).counts["create"] == 2
    wf.push(table)
    assert wf.plan(table).counts["unchanged"] == 2
    assert wf.parameters()["depth"].tolist() == [3, pd.NA]
    assert tf.missing(wf, table)["depth"].dtype == "Int64"
    assert len(tf.missing(wf, table)) == 2


def test_map_takes_such_a_table(wf: Workflow) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as threads:
        table = wf.map(lambda n: {"twice": 2 * n}, pl.DataFrame({"n": [1, 2]}), threads)
    assert table["results.twice"].tolist() == [2, 4]
    assert tf.missing(wf, pl.DataFrame({"n": [1, 2, 3]}))["n"].tolist() == [3]


def test_jobs_are_named_by_a_column(wf: Workflow) -> None:
    wf.push(pl.DataFrame({"n": [1, 2]}))
    edited = pl.DataFrame({"job_key": ["1", "2"], "n": [1, 5]})
    assert wf.push(edited).attrs["torc"]["changed"] == 1
    assert wf.parameters()["n"].tolist() == [1, 5]


@settings(max_examples=examples(40))
@given(table=tables().filter(lambda table: not any("\0" in name for name in table)))
def test_a_stream_that_is_pushed_back_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame
) -> None:
    wf = tf.connect(tmp_path_factory.mktemp("streams") / "study.db").create_workflow("one")
    wf.push(table)
    assert set(wf.plan(wf.stream("parameters")).rows["action"]) <= {"unchanged"}


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([Decimal("0.5")]), "a Decimal can't be kept exactly as JSON; use str\\(\\)"),
        (pa.array([b"a"]), "a bytes can't be kept"),
        (pa.array([datetime.time(1)]), "a time can't be kept exactly as JSON; use .isoformat"),
        (pa.array([[float("nan")], [1.0]]), "nan is not JSON|at \\[0\\]"),
    ],
    ids=["decimal", "bytes", "time", "nan in a list"],
)
def test_what_json_can_not_hold_is_refused_by_name(wf: Workflow, column: pa.Array, reason: str) -> None:
    with pytest.raises(tf.RefusedError, match=f"row 0, column 'x': .*({reason})"):
        wf.push(pa.table({"x": column}))


def test_two_columns_of_one_name_are_refused(wf: Workflow) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(tf.RefusedError, match="two columns of this name"):
        wf.push(table)


@pytest.mark.parametrize(
    ("thing", "mend"),
    [
        (pd.Series([1]), "not a Series: series.to_frame"),
        (pl.Series([1]), "not a Series: series.to_frame"),
        (pa.chunked_array([[1]]), r"pa.table\({'name': array}\)"),
        (pa.array([1]), r"pa.table\({'name': array}\)"),
        (pd.Index([1]), "index.to_frame"),
        ({"a": [1]}, r"not a dict: pd.DataFrame\(columns\).*tf.grid"),
        ([{"a": 1}], r"not a list: pd.DataFrame\(rows\)"),
        (({"a": 1},), r"pd.DataFrame\(rows\)"),
        (np.zeros((2, 2)), r"not a ndarray: pd.DataFrame\(array, columns"),
        (pd.DataFrame({"a": [1]}).groupby("a"), r"mean\(\).reset_index\(\)"),
        (pl.LazyFrame({"a": [1]}), r"\.collect\(\)"),
        ("grid.csv", "torc-frames push FILE"),
        (Path("grid.parquet"), r"pd.read_parquet"),
        (None, "not a NoneType$"),
        (5, "not a int$"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_table_says_what_makes_one(wf: Workflow, thing: Any, mend: str) -> None:
    for call in (wf.push, wf.plan, lambda table: tf.missing(wf, table), lambda table: wf.map(print, table)):
        with pytest.raises(tf.RefusedError, match=mend):
            call(thing)


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_parquet_file_goes_through_the_same_door(tmp_path: Path, kind: str) -> None:
    array = COLUMNS[kind][0]
    table = pa.table({"x": array})
    try:
        pq.write_table(table, tmp_path / "t.parquet")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        pytest.skip("Parquet has no such type")
    expected = as_frame(pq.ParquetFile(tmp_path / "t.parquet").read())
    assert_frame_equal(read_table(tmp_path / "t.parquet"), expected)
    assert plain(expected["x"]) == plain(as_frame(table)["x"])


@pytest.mark.parametrize(
    "notes",
    [b"no JSON", b"{}", b"[]", b'{"columns": 5}', b'{"index_columns": ["y"], "columns": []}', b"\xff"],
)
def test_hostile_notes_of_pandas_do_no_harm(tmp_path: Path, notes: bytes) -> None:
    table = pa.table({"x": [2**53 + 1, None]}).replace_schema_metadata({b"pandas": notes})
    pq.write_table(table, tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet")
    assert frame["x"].tolist() == [2**53 + 1, pd.NA]
