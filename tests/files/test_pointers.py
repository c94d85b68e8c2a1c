"""Pointers know the file they were made for, and read it exactly."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.errors import PointerError, RefusedError, TorcFramesWarning, VersionError
from torc_frames.files.pointer_dataset import write_dataset
from torc_frames.files.pointer_frames import MissingFiles, load_pointers
from torc_frames.files.pointers import Pointer, is_pointer, warn_if_large

OPTIONS: dict[str, Any] = {"overwrite": False, "max_rows_per_file": 1000}
FRAME = pd.DataFrame({"x": [1, 2**60 + 1], "s": ["a", "007"], "y": [0.1, 2.5]})


def load(pairs: list[tuple[str, Pointer]]) -> pd.DataFrame:
    """Read files that have to be there."""
    return load_pointers(pairs, MissingFiles("raise"))


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


def test_a_json_file_of_one_object_is_a_table_of_one_row(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"loss": 0.5, "curve": [1, 2]}')
    read = Pointer(tmp_path / "metrics.json").read()
    assert_frame_equal(read, pd.DataFrame({"loss": [0.5], "curve": [[1, 2]]}))
    (tmp_path / "seven.json").write_text("7")
    with pytest.raises(RefusedError, match=r"a table is a list of objects"):
        Pointer(tmp_path / "seven.json").read()


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
    with pytest.raises(RefusedError, match="no format that is read as a table"):
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
    table = load([("2", first), ("10", second)])
    expected = pd.DataFrame(
        {"job_key": ["2", "2", "10"], "x": [1, 2, 2**60 + 1], "n": pd.array([None, None, 2**60 + 3], "Int64")}
    )
    assert_frame_equal(table, expected)


def test_integers_beside_floats_are_not_rounded(tmp_path: Path) -> None:
    first = Pointer(write(tmp_path / "a.csv", pd.DataFrame({"x": [2**60 + 1]})))
    second = Pointer(write(tmp_path / "b.csv", pd.DataFrame({"x": [0.5]})))
    assert load([("1", first), ("2", second)])["x"].tolist() == [2**60 + 1, 0.5]


def test_no_files_make_an_empty_frame() -> None:
    assert load([]).columns.tolist() == ["job_key"]


def test_all_bad_files_are_reported_at_once(tmp_path: Path) -> None:
    pairs = [(str(n), Pointer(write(tmp_path / f"{n}.csv"))) for n in range(3)]
    (tmp_path / "0.csv").unlink()
    (tmp_path / "2.csv").write_text("x")
    with pytest.raises(PointerError) as caught:
        load(pairs)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["job 0", "job 2"]
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_a_file_with_its_own_job_key_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", pd.DataFrame({"job_key": [1]}))
    with pytest.raises(RefusedError, match=r"job 5: .*has a column job_key of its own"):
        load([("5", Pointer(path))])


def test_a_named_index_is_not_lost(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1]}, index=pd.Index(["r"], name="row"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert load([("1", Pointer(tmp_path / "t.parquet"))]).columns.tolist() == ["job_key", "row", "x"]


def test_only_large_records_are_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_large([("job 1", 65536)])
    with pytest.warns(TorcFramesWarning, match=r"70 KiB for job 2 \(b\).*tf.Pointer"):
        warn_if_large([("job 1 (a)", 10), ("job 2 (b)", 70 * 1024)])


# written by jobs


SAVED = pd.DataFrame(
    {
        "n": [1, 2**60 + 1],
        "gap": pd.array([1, None], dtype="Int64"),
        "text": ["a", None],
        "seconds": pd.to_datetime(["2026-01-01", None]).as_unit("s"),
        "zone": pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/Berlin"),
        "size": pd.Categorical(["l", None], categories=["s", "l", "unused"], ordered=True),
        "number": pd.Categorical([2, None], categories=[3, 2, 1]),
        "month": pd.period_range("2026-01", periods=2, freq="M"),
        "took": pd.to_timedelta(["1s", None]),
        "single": pd.Series([0.1, None], dtype="float32"),
        "arrow": pd.array([1, None], dtype="int8[pyarrow]"),
    },
    index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["fold", None]),
)


def test_what_is_saved_comes_back_with_its_index_and_dtypes(tmp_path: Path) -> None:
    pointer = Pointer.save(SAVED, tmp_path / "new" / "folder")
    assert_frame_equal(pointer.read(), SAVED)
    loaded = load([("3", pointer)])
    assert list(loaded) == ["job_key", "fold", "level_1", *SAVED]
    assert loaded["job_key"].tolist() == ["3", "3"]
    assert_frame_equal(loaded[list(SAVED)], SAVED.reset_index(drop=True))


def test_columns_that_are_no_texts_come_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({0: [1.5], 1: [2.5]})
    assert_frame_equal(Pointer.save(frame, tmp_path).read(), frame)


def test_a_saved_file_has_a_name_of_its_own_for_every_content(tmp_path: Path) -> None:
    first, second = Pointer.save(FRAME, tmp_path), Pointer.save(FRAME.assign(x=0), tmp_path)
    assert first.path != second.path
    assert Pointer.save(FRAME, tmp_path) == first
    first.verify()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_name_is_that_of_the_file_and_replaces_what_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("model", "model.parquet"):
        pointer = Pointer.save(FRAME, "models", name)
        assert pointer.path == str(tmp_path / "models" / "model.parquet")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["model.parquet"]
    for name in ("", ".", "..", "a/b", "/etc/x", "../x"):
        with pytest.raises(RefusedError, match="without folders"):
            Pointer.save(FRAME, "models", name)


def test_what_can_not_be_saved_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    for table, message in [
        (pd.DataFrame({"mixed": ["a", 1]}), "mixed"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "[Dd]uplicate"),
        (pd.Series([1]), "a DataFrame, not a Series"),
        ({"a": [1]}, "not a dict"),
    ]:
        with pytest.raises(RefusedError, match=message):
            Pointer.save(table, tmp_path / "out")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_another_library_is_saved(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": [1, None, 2**60 + 1]})
    loaded = load([("1", Pointer.save(table, tmp_path))])  # type: ignore[arg-type]
    assert loaded["x"].tolist() == [1, pd.NA, 2**60 + 1]


def test_many_processes_save_one_name(tmp_path: Path) -> None:
    code = """
import sys
import pandas as pd
import torc_frames as tf
for n in range(8):
    tf.Pointer.save(pd.DataFrame({"x": [int(sys.argv[1])] * 1000}), sys.argv[2], "same")
"""
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen([*command, str(n), str(tmp_path)]) for n in range(3)]
    while any(process.poll() is None for process in running):
        if (tmp_path / "same.parquet").exists():
            assert pd.read_parquet(tmp_path / "same.parquet")["x"].nunique() == 1
    assert [process.wait() for process in running] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["same.parquet"]


def test_a_job_saves_and_everybody_loads(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "import pandas as pd\n"
        "import torc_frames as tf\n"
        "job = tf.current_job()\n"
        "curve = pd.DataFrame({'loss': [1.0, 0.5]}, index=pd.Index([10, 20], name='epoch'))\n"
        "job.store(curve=tf.Pointer.save(curve * job.parameters['n'], 'curves'))\n"
    )
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("curves")
    wf.push(tf.grid(n=[1, 2]), command=f"cd {tmp_path} && {sys.executable} run.py")
    assert wf.run(workers=2, show_progress=False).completed == 2
    assert wf.load("curve").values.tolist() == [
        ["1", 10, 1.0],
        ["1", 20, 0.5],
        ["2", 10, 2.0],
        ["2", 20, 1.0],
    ]
    assert sorted(path.name[:6] for path in (tmp_path / "curves").iterdir()) == ["job-1-", "job-2-"]
    with pytest.raises(tf.RefusedError, match="pointer named 'curv'; there are: 'curve'"):
        wf.load("curv")
    with pytest.warns(tf.TorcFramesWarning, match="pointer named 'curv'; there are: 'curve'"):
        wf.table(load=["curv"])
    client.close()


# files that are not what they were


def pairs_of(tmp_path: Path, frames: list[pd.DataFrame]) -> list[tuple[str, Pointer]]:
    return [(str(at), Pointer.save(frame, tmp_path, f"f{at}")) for at, frame in enumerate(frames)]


def test_missing_and_altered_files_are_listed_and_left_out(tmp_path: Path) -> None:
    pairs = pairs_of(tmp_path, [FRAME.assign(n=n) for n in range(4)])
    (tmp_path / "f0.parquet").unlink()
    whole = (tmp_path / "f2.parquet").read_bytes()
    (tmp_path / "f2.parquet").write_bytes(whole[:-1] + b"x")
    for read in (load_pointers, partial(write_dataset, path=tmp_path / "out", **OPTIONS)):
        missing = MissingFiles("warn")
        with pytest.warns(
            TorcFramesWarning, match=r"(?s)2 of 4 files left out.*job 0: .*f0\.parquet is missing"
        ):
            frame = read(pairs, missing)
        assert [file["job_key"] for file in missing.files] == ["0", "2"]
        assert "digest differs" in missing.files[1]["problem"]
    assert frame["rows"].tolist() == [pd.NA, 2, pd.NA, 2]
    assert frame["problem"].isna().tolist() == [False, True, False, True]
    assert pd.read_parquet(tmp_path / "out")["n"].tolist() == [1, 1, 3, 3]


def test_all_files_may_be_missing(tmp_path: Path) -> None:
    pairs = pairs_of(tmp_path, [FRAME])
    (tmp_path / "f0.parquet").unlink()
    with pytest.warns(TorcFramesWarning, match="1 of 1 files"):
        assert list(load_pointers(pairs, MissingFiles("warn"))) == ["job_key"]
    with pytest.raises(RefusedError, match="on_missing='ignore'"):
        MissingFiles("ignore")  # type: ignore[arg-type]


def test_a_file_that_changes_while_it_is_read_is_not_trusted(tmp_path: Path) -> None:
    pairs = pairs_of(tmp_path, [FRAME])

    class Replaced(Pointer):
        """A pointer whose file is replaced right after it was verified."""

        def problem(self) -> str | None:
            found = super().problem()
            Pointer.save(FRAME.assign(x=7), tmp_path, "f0")
            return found

    replaced = Replaced(pairs[0][1].path)
    with pytest.raises(PointerError, match="changed while it was read"):
        load_pointers([("0", replaced)], MissingFiles("raise"))
    Pointer.save(FRAME, tmp_path, "f0")
    with pytest.raises(PointerError, match="changed while it was read"):
        write_dataset([("0", replaced)], MissingFiles("raise"), path=tmp_path / "out", **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_no_regular_file_is_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), str(tmp_path), "/dev/zero", "https://example.org/x.csv", "\0"):
        given = {"torc_pointer": 1, "path": path, "format": "csv", "size": 0, "sha256": ""}
        with pytest.raises(PointerError, match="is missing"):
            load([("1", Pointer.from_json(given))])


# to a dataset


def test_files_become_a_dataset_of_their_common_types(tmp_path: Path) -> None:
    frames = [
        FRAME.set_index("s"),
        pd.DataFrame({"x": pd.array([None, 5], dtype="Int64"), "k": pd.Categorical(["u", "v"])}),
        pd.DataFrame({"x": pd.array([7], dtype="int8"), "y": [1], "when": pd.to_datetime(["2026"])}),
    ]
    pairs = pairs_of(tmp_path, frames)
    pairs.append(("csv", Pointer(write(tmp_path / "t.csv"))))
    told = write_dataset(
        pairs, MissingFiles("raise"), path=tmp_path / "out", overwrite=False, max_rows_per_file=3
    )
    assert told["rows"].tolist() == [2, 2, 1, 2]
    assert told["path"].tolist() == [pointer.path for _, pointer in pairs]
    assert len(list((tmp_path / "out").iterdir())) == 3
    df = pd.read_parquet(tmp_path / "out")
    assert list(df) == ["job_key", "s", "x", "y", "k", "when"]
    assert df["job_key"].tolist() == ["0", "0", "1", "1", "2", "csv", "csv"]
    assert df["x"].tolist() == [1, 2**60 + 1, pd.NA, 5, 7, 1, 2**60 + 1]
    assert df["y"].isna().sum() == 2
    assert df["y"].dtype == "float64"
    assert df["s"].fillna("-").tolist() == ["a", "007", "-", "-", "-", "a", "007"]
    assert df["k"].fillna("-").tolist() == ["-", "-", "u", "v", "-", "-", "-"]
    assert df["when"].notna().tolist() == [False] * 4 + [True, False, False]


def test_a_dataset_and_a_frame_of_the_same_files_are_equal(tmp_path: Path) -> None:
    plain = SAVED.drop(columns=["seconds", "number", "size"]).reset_index("fold")
    pairs = pairs_of(tmp_path, [plain, plain.iloc[::-1]])
    write_dataset(pairs, MissingFiles("raise"), path=tmp_path / "out", **OPTIONS)
    assert_frame_equal(pd.read_parquet(tmp_path / "out"), load(pairs))


def test_types_that_have_nothing_in_common_are_refused_by_name(tmp_path: Path) -> None:
    big = [pd.DataFrame({"x": [2**60 + 1]}), pd.DataFrame({"x": [0.5]})]
    texts = [pd.DataFrame({"x": [1], "y": [1]}), pd.DataFrame({"x": ["a"], "y": ["b"]})]
    for frames, message in [
        (big, r"column 'x': is double for all .* what job 0 has \(.*f0.parquet\)"),
        (texts, r"(?s)column 'x': is (large_)?string for job 1 .*column 'y'"),
    ]:
        with pytest.raises(RefusedError, match=message):
            write_dataset(pairs_of(tmp_path, frames), MissingFiles("raise"), path=tmp_path / "out", **OPTIONS)
    path = write(tmp_path / "a.csv", pd.DataFrame({"job_key": [1]}))
    (tmp_path / "b.parquet").write_text("{")
    bad = [("5", Pointer(path)), ("6", Pointer(tmp_path / "b.parquet"))]
    with pytest.raises(RefusedError, match=r"(?s)job 5: .*has a column job_key.*job 6: can not read"):
        write_dataset(bad, MissingFiles("raise"), path=tmp_path / "out", **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_dataset_never_replaces_the_files_that_it_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    pairs = [("1", Pointer.save(FRAME, tmp_path / "out", "part-00000"))]
    with pytest.raises(RefusedError, match="files that it is made of"):
        write_dataset(
            pairs, MissingFiles("raise"), path=tmp_path / "out", overwrite=True, max_rows_per_file=9
        )
    pairs[0][1].verify()


def test_large_files_become_a_dataset_in_little_memory(tmp_path: Path) -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("only Linux tells the peak of one process")
    frame = pd.DataFrame(np.random.default_rng(0).random((500_000, 10))).rename(columns=str)
    pointer = Pointer.save(frame, tmp_path, "rows")
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("large")
    for key in wf.push(tf.grid(n=range(5))).index:
        wf.job(key).store(rows=pointer)
    client.close()
    code = """
import sys
from pathlib import Path
import torc_frames as tf
wf = tf.connect(sys.argv[1]).workflow(1)
assert wf.load("rows", to=sys.argv[2])["rows"].sum() == 2_500_000
status = Path("/proc/self/status").read_text().split()
print(status[status.index("VmHWM:") + 1])
"""
    command = [sys.executable, "-c", code, str(tmp_path / "study.db"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) / 1024 < 400  # of 200 MB in numbers


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_json_keeps_what_python_writes_and_refuses_a_key_that_is_there_twice(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    together = "[{}, {}]" if name == "t.json" else "{}\n{}"
    path.write_text(together.format('{"x": NaN}', '{"x": -Infinity}'), "utf-8-sig")
    assert Pointer(path).read()["x"].tolist() == [pytest.approx(np.nan, nan_ok=True), -np.inf]
    path.write_text(together.format('{"x": 1}', '{"x": 1, "x": 2}'))
    with pytest.raises(RefusedError, match="the key 'x' is there twice in one object"):
        Pointer(path).read()


@pytest.mark.parametrize("url", ["s3://ann:s3cret@bucket/a.csv", "https://ann:s3cret@host/a.csv"])
def test_a_password_in_the_url_of_a_record_is_not_shown(url: str) -> None:
    pointer = Pointer.from_json(
        {"torc_pointer": 1, "path": url, "format": "csv", "size": 4, "sha256": "0" * 64}
    )
    shown = f"{pointer!r} {pointer} {pointer.describe()} {pointer._repr_html_()}"
    assert "s3cret" not in shown
    assert "a url that may not be opened" in repr(pointer)
