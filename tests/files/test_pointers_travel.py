"""Pointers that are moved, at object stores, of all that is saved; and what a hostile record can't do."""

from __future__ import annotations

import http.server
import json
import os
import pickle
import shutil
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure
from moto.server import ThreadedMotoServer
from servers import TorcServer
from strategies import examples

import torc_frames as tf
from torc_frames import Pointer
from torc_frames.errors import PointerError, RefusedError, TorcFramesWarning, UnavailableError
from torc_frames.files.places import is_url, relative, resolved, url_problem
from torc_frames.files.pointers import relative_to

SECRET = "not-to-be-told"
FRAME = pd.DataFrame({"loss": [0.5, 0.25]}, index=pd.Index([10, 20], name="epoch"))
DATASET = xr.Dataset({"t": (("x", "y"), np.arange(6.0).reshape(2, 3))}, {"x": [1, 2], "y": ["a", "b", "c"]})


def figure() -> Figure:
    made = Figure()
    made.subplots().plot([1, 2])
    return made


@pytest.fixture(scope="module")
def object_server() -> Iterator[str]:
    """An S3 server, and how fsspec finds it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = fsspec.config.conf.get("s3")
    url = f"http://{host}:{port}"
    fsspec.config.conf["s3"] = {"endpoint_url": url, "key": "me", "secret": SECRET}
    fsspec.filesystem("s3").mkdir("bucket")
    yield url
    fsspec.config.conf.pop("s3")
    if before is not None:
        fsspec.config.conf["s3"] = before
    server.stop()


# moved


def test_a_study_that_is_moved_keeps_its_pointers(tmp_path: Path) -> None:
    home = tmp_path / "study"
    home.mkdir()
    (home / "run.py").write_text(
        "import numpy as np\nimport pandas as pd\nimport torc_frames as tf\n"
        "job = tf.current_job()\nn = job.parameters['n']\n"
        "table = tf.Pointer.save(pd.DataFrame({'x': [n]}), 'out/deep')\n"
        "job.store(curve=table, parts={'array': tf.Pointer.save(np.full(2, n), 'out')})\n"
        "assert tf.Pointer.from_json(job.user_data('output')[0].data['curve']).read()['x'].tolist() == [n]\n"
    )
    wf = tf.connect(home / "study.db").create_workflow("w")
    wf.push(tf.grid(n=[1, 2]), command=f"cd {home} && {sys.executable} run.py")
    assert wf.run(workers=2).completed == 2
    wf.add_user_data(None, {"model": Pointer.save(FRAME, home / "models", "first")})
    stored = wf.user_data(role="output")
    assert [Path(path).parent.as_posix() for path in stored["curve.relative"]] == ["out/deep"] * 2
    before = wf.load("curve")
    wf._store.close()
    home.rename(tmp_path / "moved")
    moved = tf.connect(tmp_path / "moved" / "study.db").workflow(wf.key)
    assert moved.load("curve", on_missing="raise").equals(before)
    assert moved.load("parts.array")["value"].tolist() == [1, 1, 2, 2]
    assert len(moved.table(load="curve", on_missing="raise")) == 2
    [model] = moved.user_data(usecols=["model.relative"])["model.relative"].dropna()
    assert model == "models/first.parquet"
    # Elsewhere than the database: where it is said to be.
    (tmp_path / "moved" / "out").rename(tmp_path / "out")
    with pytest.warns(TorcFramesWarning, match="2 of 2 files left out"):
        assert len(moved.load("curve")) == 0
    assert moved.load("curve", base=tmp_path).equals(before)


def test_the_file_beside_the_database_goes_before_the_one_at_the_old_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    wf = tf.connect(tmp_path / "a" / "study.db").create_workflow("w")
    outside = Pointer.save(FRAME, tmp_path / "elsewhere")
    wf.add_job("one").store(curve=Pointer.save(FRAME, tmp_path / "a", "curve"), other=outside)
    assert "other.relative" not in wf.results()
    wf._store.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copy = tf.connect(tmp_path / "b" / "study.db").workflow(wf.key)
    (tmp_path / "a" / "curve.parquet").write_bytes(b"altered")
    assert copy.load("curve", on_missing="raise")["epoch"].tolist() == [10, 20]
    (tmp_path / "b" / "curve.parquet").write_bytes(b"altered")
    with pytest.raises(PointerError, match=r"b/curve\.parquet: its size differs"):
        copy.load("curve", on_missing="raise")
    assert copy.load("other")["loss"].tolist() == [0.5, 0.25]


def test_on_a_server_a_base_says_where_files_are(torc_server: TorcServer, tmp_path: Path) -> None:
    base = tmp_path / "study"
    wf = tf.connect(torc_server.url, base=base).create_workflow("w")
    job = wf.add_job("one")
    job.store(curve=Pointer.save(FRAME, base / "curves"))
    assert job.user_data("output")[0].data["curve"]["relative"].startswith("curves/")
    base.rename(tmp_path / "moved")
    moved = tf.connect(torc_server.url, base=tmp_path / "moved")
    assert len(moved.workflow(wf.key).load("curve", on_missing="raise")) == 2
    again = pickle.loads(pickle.dumps(moved._store))
    assert again.base == str(tmp_path / "moved")
    left = tf.connect(torc_server.database, base=tmp_path / "moved").workflow(wf.key)
    assert len(left.load("curve", on_missing="raise")) == 2
    with pytest.raises(RefusedError, match=r"pointers in .* are relative to its folder"):
        tf.connect(tmp_path / "new.db", base=tmp_path)
    assert not (tmp_path / "new.db").exists()


PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=5)


@given(parts=st.lists(PARTS, min_size=1, max_size=4), base=st.sampled_from(["/study", "s3://bucket/a", "/"]))
def test_what_is_below_a_base_is_found_below_another(parts: list[str], base: str) -> None:
    path = "/".join([base.rstrip("/"), *parts])
    path = path if is_url(base) else os.path.normpath(path)
    below = relative(path, base)
    if below is None:
        assert any(part in (".", "..") or part.startswith("/") for part in parts) or is_url("/".join(parts))
    else:
        other = "memory://other" if is_url(base) else "/nowhere-else"
        with_other, problem = resolved(path, below, other)
        assert problem is None or not is_url(base)
        assert with_other in (f"{other}/{below}", path)
        assert relative(f"{other}/{below}", other) == below


# what is saved


@given(
    array=hnp.arrays(
        st.one_of(hnp.scalar_dtypes(), st.just(np.dtype("i4,f8"))), hnp.array_shapes(min_dims=0, max_dims=3)
    )
)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_array_comes_back(tmp_path: Path, array: np.ndarray) -> None:
    pointer = Pointer.save(array, tmp_path)
    assert pointer.format == "npy"
    back = pointer.read()
    assert (back.dtype, back.shape, back.tobytes()) == (
        array.dtype,
        array.shape,
        np.ascontiguousarray(array).tobytes(),
    )


@pytest.mark.parametrize(
    ("made", "format", "suffix"),
    [
        (lambda: FRAME, None, ".parquet"),
        (lambda: np.eye(2), None, ".npy"),
        (figure, None, ".png"),
        (figure, "svg", ".svg"),
        (lambda: DATASET, None, ".nc"),
        (lambda: DATASET, "zarr", ".zarr.zip"),
        (lambda: DATASET["t"], "netcdf", ".nc"),
    ],
)
def test_what_is_saved_comes_back_under_both_kinds_of_names(
    tmp_path: Path, made: Any, format: str | None, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORC_API_URL", str(tmp_path / "study.db"))
    monkeypatch.setenv("TORC_JOB_ID", "7")
    whole = made()
    named, plain = (
        Pointer.save(whole, tmp_path / "d", "curve", format=format),
        Pointer.save(whole, tmp_path / "d", format=format),
    )
    assert named.path == str(tmp_path / "d" / f"curve{suffix}")
    assert Path(plain.path).name.startswith("job-7-")
    assert plain.path.endswith(suffix)
    assert len(list((tmp_path / "d").iterdir())) == 2
    back = named.read()
    if suffix == ".png":
        assert back.startswith(b"\x89PNG")
    elif suffix == ".svg":
        assert back.startswith("<?xml")
    elif suffix in (".nc", ".zarr.zip"):
        xr.testing.assert_identical(back, DATASET)
    elif suffix == ".npy":
        assert np.array_equal(back, whole)
    else:
        pd.testing.assert_frame_equal(back, whole)
    assert Pointer(named.path) == named
    Path(named.path).write_bytes(b"other")
    with pytest.raises(PointerError, match="size differs"):
        named.read()


def test_a_file_is_copied_as_it_is_and_a_name_may_say_the_format(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"\0\1")
    pointer = Pointer.save(tmp_path / "model.tar.gz", tmp_path / "out")
    assert Path(pointer.path).read_bytes() == b"\0\1"
    assert (pointer.path.endswith(".tar.gz"), pointer.format) == (True, None)
    with pointer.fetched() as path:
        assert path == pointer.path
    assert Pointer.save(figure(), tmp_path, "plot.svg").format == "svg"
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    assert Pointer.save(str(tmp_path / "t.csv"), tmp_path / "out", "t").read()["loss"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("thing", "format", "told"),
    [
        (np.array([object()]), None, "would be a pickle"),
        (np.array([1]), "parquet", "an array is saved as npy"),
        (FRAME, "csv", "a table is saved as parquet"),
        ("gone.bin", None, "gone.bin is not there"),
        (".", None, "is a directory"),
        ([1, 2], None, "a DataFrame, not a list"),
        (xr.Dataset({"a": ("x", [{1}])}), None, "netcdf can't hold this dataset"),
    ],
)  # fmt: skip
def test_what_can_not_be_saved_is_refused(tmp_path: Path, thing: Any, format: str | None, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        Pointer.save(thing, tmp_path / "out", format=format)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# loaded


def stored(tmp_path: Path, *things: Any) -> tf.Workflow:
    wf = tf.connect(tmp_path / "study.db").create_workflow("w")
    for at, thing in enumerate(things):
        wf.add_job(f"job_{at}").store(
            thing=thing if isinstance(thing, Pointer) else Pointer.save(thing, tmp_path / "out")
        )
    return wf


def test_arrays_and_datasets_are_one_dataset(tmp_path: Path) -> None:
    curves = stored(tmp_path, np.array([1.0, 2.0]), np.array([3.0, 4.0])).load("thing", to="xarray")
    assert (curves.sizes, list(curves["job_key"].values)) == ({"job_key": 2, "dim_0": 2}, ["1", "2"])
    assert curves["thing"].sel(job_key="2").values.tolist() == [3.0, 4.0]
    (tmp_path / "b").mkdir()
    wf = stored(tmp_path / "b", DATASET, DATASET.isel(x=[1]) * 2)
    fields = wf.load("thing", to="xarray")
    assert fields["t"].sel(job_key="2", x=2).values.tolist() == [6.0, 8.0, 10.0]
    assert np.isnan(fields["t"].sel(job_key="2", x=1)).all()
    assert list(wf.load("thing")) == ["job_key", "x", "y", "t"]
    (tmp_path / "c").mkdir()
    frames = stored(tmp_path / "c", FRAME, FRAME).load("thing", to="xarray")
    assert frames["loss"].sel(job_key="1", epoch=20).item() == 0.25


def test_a_dict_has_what_each_file_holds_and_what_is_no_table_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\0")
    wf = stored(tmp_path, figure(), np.zeros((2, 2, 2)), Pointer(tmp_path / "model.bin"), FRAME)
    found = wf.load("thing", to="dict")
    assert list(found) == ["1", "2", "3", "4"]
    assert (found["1"][:4], found["2"].shape, found["3"].size) == (b"\x89PNG", (2, 2, 2), 1)
    with pytest.raises(RefusedError) as error:
        wf.load("thing")
    assert [problem.reason.split(":")[0] for problem in error.value.problems] == ["job 1", "job 2", "job 3"]
    with pytest.raises(RefusedError, match="of which xarray makes nothing"):
        wf.load("thing", to="xarray")
    (tmp_path / "d").mkdir()
    with pytest.raises(RefusedError, match="make no one dataset"):
        stored(tmp_path / "d", np.zeros(2), np.zeros(3)).load("thing", to="xarray")


def test_arrays_are_tables_and_datasets_of_rows(tmp_path: Path) -> None:
    wf = stored(tmp_path, np.array([1, 2]), np.array([3]))
    loaded = wf.load("thing")
    assert loaded.to_dict("list") == {"job_key": ["1", "1", "2"], "value": [1, 2, 3]}
    assert wf.load("thing", to=tmp_path / "rows")["rows"].tolist() == [2, 1]
    assert pd.read_parquet(tmp_path / "rows").equals(loaded)
    (tmp_path / "e").mkdir()
    wf = stored(tmp_path / "e", np.zeros(1, "i4,f8"), np.eye(2))
    assert list(wf.load("thing")) == ["job_key", "f0", "f1", "0", "1"]


# urls


@pytest.mark.parametrize("start", ["memory://bucket/study", "s3://bucket/study"])
def test_a_pointer_may_be_a_url(object_server: str, start: str, tmp_path: Path) -> None:
    saved = Pointer.save(FRAME, f"{start}/curves")
    assert saved.path.startswith(f"{start}/curves/")
    assert Pointer(saved.path) == saved == pickle.loads(pickle.dumps(saved))
    pd.testing.assert_frame_equal(saved.read(), FRAME)
    wf = stored(tmp_path, saved, Pointer.save(FRAME * 2, start, "two"), Pointer.save(np.eye(2), start))
    assert SECRET not in json.dumps([record.data for record in wf.job(1).user_data()]) + repr(saved)
    tables = wf.load("thing")
    assert tables["loss"].tolist()[:4] == [0.5, 0.25, 1.0, 0.5]
    assert wf.load("thing", to=tmp_path / "rows")["rows"].tolist() == [2, 2, 2]
    assert pd.read_parquet(tmp_path / "rows").equals(tables)
    assert wf.load("thing", to="dict")["3"].tolist() == np.eye(2).tolist()
    with saved.fetched() as path:
        assert Path(path).stat().st_size == saved.size
    assert not Path(path).exists()
    with fsspec.open(saved.path, "wb") as file:
        file.write(b"x" * saved.size)
    with pytest.raises(PointerError, match="its digest differs"):
        saved.verify()
    fs, there = fsspec.url_to_fs(f"{start}/two.parquet")
    fs.rm(there)
    with pytest.warns(TorcFramesWarning, match="2 of 3 files left out"):
        left = wf.load("thing")
    assert left["job_key"].unique().tolist() == ["3"]
    assert [file["problem"].rpartition(" ")[2] for file in left.attrs["torc"]["missing"]] == [
        "changed",
        "missing",
    ]
    with pytest.raises(RefusedError, match=r"no file .*gone\.csv to point to"):
        Pointer(f"{start}/gone.csv")
    with relative_to(start):
        moved = Pointer(Pointer.save(FRAME, f"{start}/a", "b").path).to_json()
    assert moved["relative"] == "a/b.parquet"
    fs.copy(fs._strip_protocol(f"{start}/a/b.parquet"), fs._strip_protocol(f"{start}-2/a/b.parquet"))
    assert Pointer.from_json(moved, base=f"{start}-2").path == f"{start}-2/a/b.parquet"
    assert len(Pointer.from_json(moved, base=f"{start}-2").read()) == 2


def test_an_object_store_that_does_not_answer_is_told_without_secrets(
    object_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = Pointer.save(FRAME, "s3://bucket/down")
    wf = stored(tmp_path, saved, FRAME)
    nowhere = {
        "endpoint_url": "http://127.0.0.1:9",
        "key": "me",
        "secret": SECRET,
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    monkeypatch.setitem(fsspec.config.conf, "s3", nowhere)
    with pytest.raises(UnavailableError, match="can not read s3://bucket/down/") as error:
        saved.read()
    assert SECRET not in str(error.value)
    with pytest.raises(UnavailableError, match="can not write s3://"):
        Pointer.save(FRAME, "s3://bucket/down")
    with pytest.warns(TorcFramesWarning, match="1 of 2 files left out: job 1: can not read s3"):
        assert len(wf.load("thing")) == 2


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@bucket/a.csv",
        f"https://host/a.csv?X-Amz-Signature={SECRET}",
        f"https://host/a.csv?sv=1&sig={SECRET}",
        f"https://host/a.csv?access_token={SECRET}",
        "simplecache::s3://bucket/a.csv",
        "s3://bucket/../other/a.csv",
        "https://host/public/%2E%2e/private/a.csv",
        "s3://",
    ],
)
def test_a_url_that_holds_a_secret_or_leads_elsewhere_is_refused_unsaid(url: str) -> None:
    for call in (lambda: Pointer(url), lambda: Pointer.save(FRAME, url)):
        with pytest.raises(RefusedError, match="no pointer to this url") as error:
            call()
        assert SECRET not in str(error.value)
    record = {"torc_pointer": 1, "path": url, "format": "csv", "size": 1, "sha256": ""}
    problem = Pointer.from_json(record, remote=["https://host/"]).problem()
    assert problem is not None
    assert "is missing" in problem
    assert SECRET not in problem


@pytest.mark.parametrize("below", ["%2e%2e/private/a.csv", "a::memory", "a.csv?sig=1"])
def test_what_a_record_says_leads_to_nothing_but_files_below_a_url(below: str) -> None:
    path, problem = resolved("https://elsewhere/a.csv", below, "https://host/public")
    assert (path, problem is None) == ("https://elsewhere/a.csv", False)
    for base in ("https://host:8000/public", "simplecache::s3://bucket/public"):
        assert resolved("/nowhere/a.csv", "a@1:2.csv", base) == (f"{base}/a@1:2.csv", None)


def test_a_long_ending_of_a_url_is_no_reason_to_fail() -> None:
    record = {"torc_pointer": 1, "path": "memory://a." + 300 * "x", "format": "csv", "size": 1, "sha256": ""}
    with pytest.raises(PointerError, match="is missing"):
        Pointer.from_json(record).read()


# hostile


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """A web server, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"x\n")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_a_record_opens_no_url_of_its_own(visited: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = visited
    wf = tf.connect(tmp_path / "study.db").create_workflow("w")
    digest = "6e9ea2a8e2c7d4e2f8e1e1c7e9b5f1ad"
    paths = [
        f"{url}/a.csv",
        "smb://evil/a.csv",
        "ftp://evil/a.csv",
        "file:///etc/passwd",
        f"simplecache::{url}/a.csv",
    ]
    for at, path in enumerate(paths):
        data = {"thing": {"torc_pointer": 1, "path": path, "format": "csv", "size": 2, "sha256": digest}}
        wf.add_user_data(wf.add_job(f"job_{at}"), data, role="output")
    with pytest.warns(TorcFramesWarning, match="5 of 5 files left out"):
        wf.load("thing")
    assert asked == []
    with pytest.warns(TorcFramesWarning, match="5 of 5 files left out") as told:
        wf.load("thing", remote=[url])
    assert asked
    assert "digest differs" in str(told[0].message)


@pytest.mark.parametrize(
    "below", ["../x.csv", "a/../../x.csv", "/etc/passwd", "./x.csv", "a//x.csv", "", "..", "\0", "a/.."]
)
def test_a_record_does_not_leave_the_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "x.csv").write_text("x\n1\n")
    (tmp_path / "study").mkdir()
    outside = Pointer(tmp_path / "x.csv").to_json()
    pointer = Pointer.from_json({**outside, "path": "gone.csv", "relative": below}, base=tmp_path / "study")
    with pytest.raises(PointerError, match="is missing"):
        pointer.read()
    for other in ("gone.csv", "../x.csv", "~/x.csv"):
        with pytest.raises(PointerError, match="is missing"):
            Pointer.from_json({**outside, "path": other}).read()


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("exploded",)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Bomb()))
    Pointer.save(DATASET, tmp_path, "bomb", format="zarr")
    with zipfile.ZipFile(tmp_path / "bomb.zarr.zip", "a") as archive:
        archive.writestr("bomb/.zarray", json.dumps({"filters": [{"id": "pickle", "protocol": 5}]}))
    shutil.copy(tmp_path / "bomb.npy", tmp_path / "short.npy")
    (tmp_path / "short.npy").write_bytes(
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(117)
        + b"\n"
    )
    for name in ("bomb.npy", "raw.npy", "bomb.zarr.zip", "short.npy"):
        with pytest.raises(RefusedError, match=r"pickle|can not read|shorter"):
            Pointer(tmp_path / name).read()
    assert not (tmp_path / "exploded").exists()


# readers of others


def test_a_package_may_bring_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    info = site / "tiny_reader-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-reader\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[torc_frames.readers]\ntiny = tiny_reader:read\nbroken = tiny_reader:gone\ncsv = tiny_reader:gone\n"
    )
    (site / "tiny_reader.py").write_text(
        "import pathlib\nimport pandas as pd\n\n"
        "def read(path):\n    return pd.DataFrame({'n': [int(pathlib.Path(path).read_text())]})\n"
    )
    (tmp_path / "a.tiny").write_text("7")
    (tmp_path / "b.broken").write_text("7")
    (tmp_path / "bad.tiny").write_text("x")
    unknown = Pointer(tmp_path / "a.tiny")
    assert unknown.format is None
    monkeypatch.syspath_prepend(site)
    pointer = Pointer(tmp_path / "a.tiny")
    assert (pointer.format, pointer.read()["n"].tolist()) == ("tiny", [7])
    assert stored(tmp_path, pointer).load("thing")["n"].tolist() == [7]
    record = pointer.to_json()
    with pytest.raises(RefusedError, match="the reader of 'broken', tiny_reader:gone, can't be loaded"):
        Pointer(tmp_path / "b.broken").read()
    with pytest.raises(RefusedError, match=r"can not read .*bad\.tiny as tiny: ValueError"):
        Pointer(tmp_path / "bad.tiny").read()
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    assert Pointer(tmp_path / "t.csv").read()["loss"].tolist() == [0.5, 0.25]
    monkeypatch.undo()
    with pytest.raises(RefusedError, match=r"no format that is read.*entry points 'torc_frames\.readers'"):
        Pointer.from_json(record).read()


def test_without_fsspec_a_url_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(RefusedError, match=r"pip install 'torc_frames\[remote\]'"):
        Pointer("s3://bucket/a.csv")
    assert url_problem("s3://bucket/a.csv") is None
