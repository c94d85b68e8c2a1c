"""What a store's or a Parquet file's own fields say is untrusted: values are read as they are, or refused."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import torc_frames as tf
from torc_frames.errors import RefusedError, StoreFileError, TorcFramesError
from torc_frames.files.tables import read_table
from torc_frames.frame.recorded import KEY, merge, read
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.client import Client

TABLE = pa.table({"a": [300, 2, None], "b": [0.1, 2**53, None], "s": ["x", "y", None]})
VALUES = TABLE.to_pydict()
DEEP = b"[" * 100_000


def of_pandas(dtypes: dict[str, str], index: list[Any] | None = None, **more: Any) -> dict[bytes, bytes]:
    columns = [
        {"name": name, "field_name": name, "pandas_type": "x", "numpy_type": dtype, "metadata": None}
        for name, dtype in dtypes.items()
    ]
    told = {"index_columns": index or [], "column_indexes": [], "columns": columns, "pandas_version": "3"}
    return {b"pandas": json.dumps({**told, **more}).encode()}


def ours(specs: Any) -> dict[bytes, bytes]:
    return {b"torc_frames.dtypes": json.dumps(specs).encode()}


RANGE = {"kind": "range", "name": None, "start": 0, "stop": 99, "step": 1}
CATEGORY = {"dtype": "category", "ordered": False, "of": {"dtype": "object"}, "categories": ["x"]}
ODD = (
    "boolean",
    "category",
    "period[M]",
    "interval[int64, right]",
    "Sparse[int64, 0]",
    "int8[pyarrow]",
    "foo",
)
HOSTILE = {
    "nothing": {},
    **{dtype: of_pandas({"a": dtype, "b": dtype, "s": dtype}) for dtype in ("Int8", "Float32", "string")},
    **{dtype: of_pandas({"a": dtype}) for dtype in ODD},
    "zone": of_pandas({"s": "datetime64[ns, Europe/Berlin]"}),
    "a long range": of_pandas({}, [RANGE]),
    "a range of texts": of_pandas({}, [{**RANGE, "start": "x", "step": 0}]),
    "another index": of_pandas({}, [{"kind": "boo"}]),
    "no such index": of_pandas({}, ["nope"]),
    "an index twice": of_pandas({}, ["a", "a"]),
    "attributes": of_pandas({}, attributes=5),
    "no JSON": {b"pandas": b"\xff{"},
    "deep JSON": {b"pandas": DEEP, b"torc_frames.dtypes": DEEP},
    **{text: {b"pandas": text.encode()} for text in ("[]", "5", "null", "{}", '{"columns": null}')},
    "our int8": ours({"a": {"dtype": "int8"}, "b": {"dtype": "float32"}, "s": CATEGORY}),
    "our texts": ours({"a": {"dtype": "str"}, "b": {"dtype": "int64"}, "s": {"dtype": "category"}}),
    "our list": ours([1]),
    "our others": ours({"a": 5, "b": {"dtype": []}, "s": {"dtype": "string", "storage": [], "missing": {}}}),
}


def saved(folder: Path, table: pa.Table, metadata: dict[bytes, bytes]) -> Path:
    path = folder / "t.parquet"
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def with_pointers(path: Path) -> Any:
    wf = tf.connect(path.parent / "study.db").create_workflow("study")
    for _ in range(2):
        wf.add_user_data(wf.add_job("job"), {"m": tf.Pointer(path)}, role="output")
    return wf


def values_of(frame: pd.DataFrame, name: str) -> list[Any]:
    return [None if pd.isna(value) else value for value in frame[name]]


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_file_that_lies_of_its_dtypes_is_read_as_what_it_is(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, TABLE, HOSTILE[name])
    wf = with_pointers(path)
    wf.load("m", to=tmp_path / "out")
    for times, frame in [
        (1, tf.Pointer(path).read()),
        (1, read_table(path)),
        (2, wf.load("m")),
        (2, pd.read_parquet(tmp_path / "out")),
    ]:
        for column, values in VALUES.items():
            assert values_of(frame, column) == values * times, (column, frame[column].dtype)


def test_integers_of_an_index_with_gaps_stay_integers(tmp_path: Path) -> None:
    path = saved(tmp_path, pa.table({"a": [2**53 + 1, None], "b": [1, 2]}), of_pandas({}, ["a"]))
    loaded = with_pointers(path).load("m")
    assert values_of(loaded, "a") == [2**53 + 1, None] * 2


def test_nested_integers_with_gaps_stay_integers(tmp_path: Path) -> None:
    values = [[2**53 + 1, None], None, [1]]
    table = pa.table({"list": values, "object": [{"x": 2**53 + 1}, {"x": None}, None]})
    wf = with_pointers(saved(tmp_path, table, {}))
    for frame in (wf.load("m"), read_table(tmp_path / "t.parquet")):
        assert frame["list"].tolist()[:3] == values
        assert repr(frame["object"].tolist()[:3]) == "[{'x': 9007199254740993}, {'x': None}, None]"


def test_integers_with_and_without_a_sign_are_joined_exactly_or_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.parquet" for name in "ab"]
    wf = tf.connect(tmp_path / "study.db").create_workflow("study")
    for path, column in zip(paths, (pa.array([-1]), pa.array([2**64 - 1], pa.uint64())), strict=True):
        pq.write_table(pa.table({"x": column}), path)
        wf.add_user_data(wf.add_job("job"), {"m": tf.Pointer(path)}, role="output")
    assert wf.load("m")["x"].tolist() == [-1, 2**64 - 1]
    with pytest.raises(RefusedError, match="column 'x': is int64 for all files"):
        wf.load("m", to=tmp_path / "out")


def field_of(name: bytes, kind: pa.DataType, values: list[Any]) -> pa.Table:
    metadata = {b"ARROW:extension:name": name, b"ARROW:extension:metadata": b"{bad"}
    return pa.table([pa.array(values, kind)], schema=pa.schema([pa.field("a", kind, metadata=metadata)]))


def of_json(values: list[Any]) -> pa.Table:
    array = pa.array(values)
    return pa.table(
        [array], schema=pa.schema([pa.field("a", array.type, metadata={"torc_frames.json": "1"})])
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (field_of(b"evil.type", pa.int64(), [1]), None),
        (field_of(b"pandas.period", pa.int64(), [1]), "can not read"),
        (of_json([1, 2]), "row 0, column 'a': is no JSON"),
        (of_json(["[1]", "{"]), "row 1, column 'a': is no JSON"),
        (of_json([DEEP.decode()]), "row 0, column 'a': is no JSON"),
        (pa.table({"a": pa.array([1], pa.time64("ns"))}), "column 'a' of type time64"),
        (pa.table({"a": pa.array([[2**62]], pa.list_(pa.timestamp("us")))}), "column 'a' of type list"),
    ],
)
def test_what_a_file_can_not_be_read_as_is_told_by_column(tmp_path: Path, table: pa.Table, says: str) -> None:
    path = saved(tmp_path, table, {})
    if says is None:
        assert read_table(path)["a"].tolist() == [1]
        return
    with pytest.raises(RefusedError, match=says):
        read_table(path)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), {})
    wf = with_pointers(path)
    for call in (lambda: wf.load("m"), lambda: wf.load("m", to=tmp_path / "out")):
        with pytest.raises(RefusedError, match="two columns 'a'"):
            call()


@pytest.mark.parametrize("text", ["no JSON", "[1]", "5", "", "[" * 100_000, b"\xff\x00"])
def test_metadata_of_a_workflow_that_is_no_object_is_told(tmp_path: Path, text: Any) -> None:
    path = tmp_path / "study.db"
    client = tf.connect(path)
    wf = client.create_workflow("study")
    wf.push(pd.DataFrame({"a": [1]}))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE workflow SET metadata = ?", (text,))
    for call in (wf.parameters, wf.table, lambda: wf.push(pd.DataFrame({"a": [2]}))):
        with pytest.raises(StoreFileError, match="metadata of workflow 1"):
            call()
    client.close()


OF = {"dtype": "int64"}
RECORDED: list[Any] = [
    5,
    [5, None, {"name": 5}, {"name": "a"}],
    [{"name": "a", "dtype": {}}],
    [{"name": "a", "dtype": "arrow"}, {"name": "b", "dtype": "arrow", "type": 5}],
    [{"name": "a", "dtype": "arrow", "type": "timestamp[us, tz=nowhere]"}],
    [{"name": "a", "dtype": "category", "of": OF, "categories": [[1]], "ordered": False}],
    [{"name": "a", "dtype": "category", "of": OF, "categories": [1, 1], "ordered": False}],
    [{"name": "a", "dtype": "category", "of": OF, "categories": [1], "ordered": False, "axis": [1]}],
    [{"name": "a", "dtype": "datetime64[us, dateutil//dev/zero]"}],
    [{"name": "a", "dtype": "string", "storage": {}, "missing": []}],
    [{"name": "a", "dtype": "object", "missing": {}}],
    [{"name": "a\\", "dtype": "object"}, {"name": "a", "dtype": "int8"}],
    [{"name": name, "dtype": "int64"} for name in ("a", "a.b", "a.b.c", "", "job_key", "\0")],
    [{"name": "a", "dtype": "int64" * 100_000}],
]


@pytest.mark.parametrize("recorded", RECORDED, ids=range(len(RECORDED)))
def test_recorded_dtypes_that_lie_change_no_value(tmp_path: Path, recorded: Any) -> None:
    store = SQLiteStore(tmp_path / "study.db")
    client = Client(store)
    wf = client.create_workflow("study")
    store.merge_metadata(wf.key, {KEY: {"parameters": recorded}})
    wf.add_user_data(wf.add_job("job"), {"a": 300, "c": "x"})
    wf.add_user_data(wf.add_job("job"), {"a": 2**53 + 1, "c": None})
    begun = time.monotonic()
    for frame in (wf.parameters(), wf.table().rename(columns=lambda name: name.removeprefix("params."))):
        assert (frame["a"].tolist(), values_of(frame, "c")) == ([300, 2**53 + 1], ["x", None])
    assert wf.user_data(role="input")["a"].tolist() == [300, 2**53 + 1]
    with suppress(TorcFramesError):
        assert pa.table(wf.stream("parameters"))["a"].to_pylist() == [300, 2**53 + 1]
    with suppress(TorcFramesError):
        wf.push(pd.DataFrame({"a": [7], "c": ["y"]}))
    assert wf.parameters()["a"].tolist()[:2] == [300, 2**53 + 1]
    assert time.monotonic() - begun < 30
    client.close()


@pytest.mark.parametrize("recorded", RECORDED, ids=range(len(RECORDED)))
def test_a_push_beside_recorded_dtypes_that_lie_is_merged_or_refused(recorded: Any) -> None:
    found = read({KEY: {"parameters": recorded}})
    assert all(isinstance(spec["dtype"], str) for spec in found.values())
    with suppress(RefusedError):
        assert "a" in read(merge({KEY: {"parameters": recorded}}, {"a": {"dtype": "int64"}}))
