"""Pointers know the file they were made for, and read it exactly."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from torc_frames.errors import PointerError, RefusedError, TorcFramesWarning, VersionError
from torc_frames.pointers import Pointer, is_pointer, load_pointers, warn_if_large

FRAME = pd.DataFrame({"x": [1, 2**60 + 1], "s": ["a", "007"], "y": [0.1, 2.5]})


def write(path: Path, frame: pd.DataFrame = FRAME) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".json":
        path.write_text(json.dumps(frame.to_dict("records")))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.json", "t.jsonl", "t.ndjson"])
def test_a_file_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    assert_frame_equal(Pointer(write(tmp_path / name)).read(), FRAME)


def test_csv_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        ",id,gap,big,loss,loose,na,ok,none\n0,007,1,9007199254740993,inf,+1,NA,True,\n1,8,,,0.5,.5,1,,\n"
    )
    frame = Pointer(path).read()
    assert frame["Unnamed: 0"].tolist() == [0, 1]
    assert frame["id"].tolist() == ["007", "8"]
    assert frame["gap"].dtype == frame["big"].dtype == "Int64"
    assert frame["big"][0] == 9007199254740993
    assert frame["loss"].tolist() == [float("inf"), 0.5]
    assert frame["loose"].tolist() == [1.0, 0.5]
    assert frame["na"].isna().tolist() == [True, False]
    assert frame["ok"].dtype == "boolean"
    assert frame["none"].isna().all()


def test_a_pointer_survives_json_and_pickle(tmp_path: Path) -> None:
    pointer = Pointer(write(tmp_path / "t.csv"))
    as_json = json.loads(json.dumps(pointer.to_json()))
    assert is_pointer(as_json)
    assert Pointer.from_json(as_json) == pointer == pickle.loads(pickle.dumps(pointer))
    assert as_json["torc_pointer"] == 1
    assert as_json["path"] == str(tmp_path / "t.csv")


def test_a_pointer_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        Pointer(write(tmp_path / "t.csv")).size = 1  # type: ignore[misc]


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    assert Pointer("t.csv").path == str(tmp_path / "t.csv")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"no file .*gone\.csv"):
        Pointer(tmp_path / "gone.csv")


def test_any_file_can_be_pointed_to_but_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\0")
    pointer = Pointer(path)
    assert pointer.format is None
    with pytest.raises(RefusedError, match="no format that a pointer reads"):
        pointer.read()
    with pytest.raises(RefusedError, match="unknown format 'pickle'"):
        Pointer(path, "pickle")  # type: ignore[arg-type]


@pytest.mark.parametrize("obj", [None, 1, "x", {}, {"torc_pointer": True, "path": "x"}, {"torc_pointer": 1}])
def test_other_json_is_no_pointer(obj: object) -> None:
    assert not is_pointer(obj)
    with pytest.raises(RefusedError, match="not a pointer"):
        Pointer.from_json(obj)


def test_a_pointer_of_a_later_version_says_so() -> None:
    with pytest.raises(VersionError, match="version 2"):
        Pointer.from_json({"torc_pointer": 2, "path": "/x"})


def test_a_changed_file_is_told_from_the_one_pointed_to(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv")
    pointer = Pointer(path)
    pointer.verify()
    path.write_bytes(path.read_bytes().replace(b"007", b"008"))
    with pytest.raises(PointerError, match="digest differs"):
        pointer.read()
    path.write_bytes(b"x")
    with pytest.raises(PointerError, match="size differs, 1 bytes"):
        pointer.verify()
    path.unlink()
    with pytest.raises(PointerError, match="is missing"):
        pointer.verify()


def test_a_file_that_is_not_of_its_format_is_refused(tmp_path: Path) -> None:
    for name in ("t.parquet", "t.json", "t.jsonl"):
        (tmp_path / name).write_text("{not that")
        with pytest.raises(RefusedError, match="can not read"):
            Pointer(tmp_path / name).read()


def test_files_of_several_jobs_make_one_frame(tmp_path: Path) -> None:
    first = Pointer(write(tmp_path / "a.csv", pd.DataFrame({"x": [1, 2]})))
    second = Pointer(write(tmp_path / "b.parquet", pd.DataFrame({"x": [2**60 + 1], "n": [2**60 + 3]})))
    table = load_pointers([("2", first), ("10", second)])
    expected = pd.DataFrame(
        {"job_key": ["2", "2", "10"], "x": [1, 2, 2**60 + 1], "n": pd.array([None, None, 2**60 + 3], "Int64")}
    )
    assert_frame_equal(table, expected)


def test_integers_beside_floats_are_not_rounded(tmp_path: Path) -> None:
    first = Pointer(write(tmp_path / "a.csv", pd.DataFrame({"x": [2**60 + 1]})))
    second = Pointer(write(tmp_path / "b.csv", pd.DataFrame({"x": [0.5]})))
    assert load_pointers([("1", first), ("2", second)])["x"].tolist() == [2**60 + 1, 0.5]


def test_no_files_make_an_empty_frame() -> None:
    assert load_pointers([]).columns.tolist() == ["job_key"]


def test_all_bad_files_are_reported_at_once(tmp_path: Path) -> None:
    pairs = [(str(n), Pointer(write(tmp_path / f"{n}.csv"))) for n in range(3)]
    (tmp_path / "0.csv").unlink()
    (tmp_path / "2.csv").write_text("x")
    with pytest.raises(PointerError) as caught:
        load_pointers(pairs)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["job 0", "job 2"]
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_a_file_with_its_own_job_key_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", pd.DataFrame({"job_key": [1]}))
    with pytest.raises(RefusedError, match=r"job 5: .*has a column job_key of its own"):
        load_pointers([("5", Pointer(path))])


def test_a_named_index_is_not_lost(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1]}, index=pd.Index(["r"], name="row"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert load_pointers([("1", Pointer(tmp_path / "t.parquet"))]).columns.tolist() == ["job_key", "row", "x"]


def test_only_large_records_are_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_large([("job 1", 65536)])
    with pytest.warns(TorcFramesWarning, match=r"70 KiB for job 2 \(b\).*tf.Pointer"):
        warn_if_large([("job 1 (a)", 10), ("job 2 (b)", 70 * 1024)])
