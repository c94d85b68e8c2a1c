"""Configurations, their statistics, best rows and pivots: what plain pandas and Python say of them."""

from __future__ import annotations

import json
import math
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import t, trim_mean
from strategies import examples

import torc_frames as tf
from torc_frames.frame.tabulation.configurations import labels, resolve, standing, varying

MIXED = [1, 1.0, True, "1", None, [1], [1.0], {"a": 1, "b": [2]}, {"b": [2], "a": 1}, float("inf")]

PARAMS: list[tuple[str, list[Any]]] = [
    ("int64", [1, 2, 3]),
    ("Int64", [1, 2, None]),
    ("float64", [0.0, -0.0, 0.1, math.nan, math.inf]),
    ("Float32", [0.5, None]),
    ("boolean", [True, False, None]),
    ("category", ["b", "a", None]),
    ("str", ["a", "b", "%_$"]),
    ("string", ["a", None]),
    ("object", MIXED),
    ("datetime64[ns, UTC]", ["2026-01-01", "2026-01-02", None]),
    ("lists", [[1, 2], [2, 1], None]),
]
METRICS: list[tuple[str, list[Any]]] = [
    ("float64", [0.5, 0.25, 3.0, -1.0, math.nan, math.inf, -math.inf]),
    ("Int64", [1, 2, 7, None]),
    ("int64", [1, 2, 7]),
    ("object", [1, 2.5, None, math.nan]),
    ("Float64", [0.5, 0.25, None]),
]
STATUSES = ["completed", "completed", "completed", "failed", "canceled", "ready", "running"]


def column(dtype: str, values: list[Any]) -> pd.Series:
    if dtype == "lists":
        return pd.Series(pd.array(values, dtype=pd.ArrowDtype(pa.list_(pa.int64()))))
    if dtype.startswith("datetime"):
        return pd.Series(pd.to_datetime(values, utc=True))
    if dtype == "object":
        cells = np.empty(len(values), dtype=object)
        cells[:] = values
        return pd.Series(cells, dtype=object)
    return pd.Series(pd.array(values, dtype=dtype)) if dtype != "str" else pd.Series(values, dtype="str")


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Tables as workflows give them: with rows that don't count, and values that are missing."""
    length = draw(st.integers(0, 12))

    def cells(kinds: list[tuple[str, list[Any]]]) -> pd.Series:
        dtype, values = draw(st.sampled_from(kinds))
        return column(dtype, draw(st.lists(st.sampled_from(values), min_size=length, max_size=length)))

    names = ["params.alpha", "params.model.depth", "params.seed"]
    table = pd.DataFrame({name: cells(PARAMS) for name in names} | {"params.c": cells([("int64", [1])])})
    if draw(st.booleans()):
        table["status"] = cells([("str", STATUSES), ("category", STATUSES[2:])])
    if draw(st.booleans()):
        table["stale"] = cells([("boolean", [False, None, True])])
    table["results.loss"], table["results.n"] = cells(METRICS), cells(METRICS)
    return table.set_axis(draw(st.lists(st.sampled_from("ab"), min_size=length, max_size=length)))


def same(value: Any) -> str:
    """A text that is equal for equal cells, written without what is tested."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, dict)) and pd.isna(value):
        return "missing"
    if isinstance(value, float):
        value = value + 0.0  # no -0.0
    return f"{type(value).__name__} {json.dumps(value, sort_keys=True, default=str)}"


def keys(table: pd.DataFrame, names: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*(map(same, table[name].tolist()) for name in names), strict=True)) or [()] * len(table)


def counted(table: pd.DataFrame) -> pd.Series:
    kept = pd.Series(True, table.index)
    if "status" in table:
        kept &= table["status"].astype(object) == "completed"
    if "stale" in table:
        kept &= ~table["stale"].fillna(False).astype(bool)
    return kept


def floats(values: pd.Series) -> pd.Series:
    cells = [math.nan if pd.isna(value) else float(value) for value in values.tolist()]
    return pd.Series(cells, dtype="float64")


STATS = ["mean", "std", "sem", "count", "median", "min", "max", "q25", "q75", "iqr", "iqm", "ci95"]


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # of pandas, by inf - inf
@settings(max_examples=examples(25))
@given(
    tables(), st.sampled_from([None, "seed", ["alpha", "params.seed"], ["alpha", "model.depth", "seed", "c"]])
)
def test_a_summary_is_what_plain_pandas_says(table: pd.DataFrame, over: Any) -> None:
    before = table.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", tf.TorcFramesWarning)
        summary = tf.summarize(table, over=over, stats=STATS, metrics=["loss", "results.n"])
    assert_frame_equal(table, before)
    left_out = [
        f"params.{name.removeprefix('params.')}" for name in ([over] if isinstance(over, str) else over or [])
    ]
    names = [name for name in table if name.startswith("params.") and name not in left_out]
    rows = pd.DataFrame(
        {"key": pd.Series(keys(table, names), dtype=object), "counted": counted(table).to_numpy()}
    )
    order = list(dict.fromkeys(rows["key"]))
    assert len(summary) == len(order)
    assert summary["jobs"].tolist() == [int((rows["key"] == key).sum()) for key in order]
    lost = summary[["failed", "unfinished", "stale"]].sum(axis=1)
    assert (summary["jobs"] - lost).tolist() == [
        int(rows["counted"][rows["key"] == key].sum()) for key in order
    ]
    shown = [name for name in summary if name.startswith("params.")]
    if len(table):
        assert shown == [name for name in names if len({*map(same, table[name].tolist())}) > 1]
    assert keys(summary, shown) == keys(table.iloc[[rows["key"].tolist().index(key) for key in order]], shown)
    assert all(summary[name].dtype == table[name].dtype for name in shown)
    for name in ("results.loss", "results.n"):
        values = floats(table[name])[rows["counted"]].dropna()
        groups = values.groupby(pd.Categorical(rows["key"][values.index], categories=order), observed=False)
        said = {
            **{
                stat: getattr(groups, stat)()
                for stat in ("mean", "std", "sem", "count", "median", "min", "max")
            },
            **{stat: groups.quantile(at) for stat, at in (("q25", 0.25), ("q75", 0.75))},
        }
        said["iqr"] = said["q75"] - said["q25"]
        said["ci95"] = said["sem"] * t.ppf(0.975, said["count"].clip(2) - 1)
        said["iqm"] = pd.Series({key: trim_mean(part, 0.25) for key, part in groups if len(part)}).reindex(
            order
        )
        for stat in STATS:
            told = summary[f"{name}.{stat}"].to_numpy("float64", na_value=math.nan)
            np.testing.assert_allclose(told, said[stat].to_numpy("float64"), err_msg=stat)


@settings(max_examples=examples(40))
@given(
    tables(),
    st.integers(1, 4),
    st.sampled_from(["min", "max"]),
    st.sampled_from([None, "alpha", ["seed", "model.depth"]]),
)
def test_the_best_are_what_sorting_says(table: pd.DataFrame, n: int, mode: Any, by: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tf.TorcFramesWarning)
        found = tf.best(table.assign(at=range(len(table))), "loss", n=n, mode=mode, by=by)
    names = [f"params.{name}" for name in ([by] if isinstance(by, str) else by or [])]
    values, kept = floats(table["results.loss"]), counted(table).to_numpy()
    expected: list[int] = []
    of_row = keys(table, names)
    for key in dict.fromkeys(of_row):
        sign = 1 if mode == "min" else -1
        rows = [
            row
            for row in range(len(table))
            if of_row[row] == key and kept[row] and values[row] == values[row]
        ]
        rows.sort(key=lambda row: sign * values[row])
        expected += [row for row in rows if sign * values[row] <= sign * values[rows[min(n, len(rows)) - 1]]]
    assert found["at"].tolist() == expected
    assert_frame_equal(found.drop(columns="at"), table.iloc[expected])


@settings(max_examples=examples(40))
@given(tables(), st.sampled_from(["mean", "max", "count"]))
def test_a_pivot_has_each_cell_once(table: pd.DataFrame, stat: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tf.TorcFramesWarning)
        found = tf.pivot(table, "alpha", "seed", "loss", stat=stat)
    assert found.shape == tuple(
        len({*map(same, table[f"params.{name}"].tolist())}) for name in ("alpha", "seed")
    )
    values = floats(table["results.loss"])[counted(table).to_numpy()].dropna()
    rows = pd.Series(keys(table, ["params.alpha", "params.seed"]), dtype=object)[values.index]
    told = getattr(values.groupby(rows), stat)().sort_values().to_numpy("float64")
    cells = found.to_numpy("float64", na_value=math.nan).ravel()
    there = cells[cells > 0] if stat == "count" else cells[~np.isnan(cells)]
    np.testing.assert_allclose(np.sort(there), told[~np.isnan(told)])
    for axis, name in ((found.index, "alpha"), (found.columns, "seed")):
        assert axis.name == f"params.{name}"
        plain = axis[: len(axis) - int(axis.isna().sum())]
        if plain.dtype != object:
            assert plain.is_monotonic_increasing
        assert not axis[len(plain) :].notna().any()


def of_jobs(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({name.replace("_", ".", 1): values for name, values in columns.items()})


def test_names_are_short_or_long_and_unclear_ones_are_told() -> None:
    table = of_jobs(params_n=[1], params_loss=[1], results_loss=[1], results_accuracy=[1]).assign(loss_2=1)
    assert [resolve(table, name) for name in ("n", "params.n", "accuracy", "loss_2")] == [
        *("params.n", "params.n", "results.accuracy", "loss_2")
    ]
    with pytest.raises(tf.RefusedError, match=r"'loss' can mean 'results.loss' or 'params.loss': say which"):
        resolve(table, "loss")
    with pytest.raises(tf.RefusedError, match=r"no metric 'acuracy'; there are 'results.accuracy', "):
        tf.best(table, "acuracy")
    with pytest.raises(tf.RefusedError, match=r"no parameter 'seed'; there are 'params.n', 'params.loss'"):
        tf.summarize(table, over="seed")
    with pytest.raises(tf.RefusedError, match=r"no statistic 'medain'; there are median, "):
        tf.summarize(table, stats="medain")
    assert labels(table)["params.n"] == "n"
    assert labels(table)["params.loss"] == "params.loss"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda table: tf.summarize([table]), "a DataFrame is wanted, such as wf.table\\(\\), not list"),
        (
            lambda table: tf.summarize(table.loc[:, ["params.n", "params.n"]]),
            "called 'params.n': rename them",
        ),
        (lambda table: tf.summarize(table, over=3), "parameter 3: give the name of a column"),
        (lambda table: tf.summarize(table, over="results.text"), "'results.text' is no parameter"),
        (lambda table: tf.summarize(table, metrics="text"), "'results.text' is not of numbers"),
        (lambda table: tf.summarize(table, metrics="cell"), "not of numbers: it has \\[1\\]"),
        (lambda table: tf.summarize(table, metrics="span"), "use .dt.total_seconds"),
        (lambda table: tf.summarize(table, metrics="huge"), "integers that are too large for floats"),
        (lambda table: tf.best(table, "text"), "'results.text' is not of numbers"),
        (lambda table: tf.best(table, "span", n=0), "n=0: how many rows, at least 1"),
        (lambda table: tf.best(table, "span", n=True), "n=True"),
        (lambda table: tf.best(table, "span", mode="minimum"), "mode='minimum': 'min' or 'max' is best"),
        (lambda table: tf.pivot(table, "n", ["n"], "huge"), "'params.n' can't be in both rows and columns"),
        (lambda table: tf.pivot(table, [], "n", "huge"), "rows: give the name of a parameter"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, told: str) -> None:
    table = of_jobs(params_n=[1, 2], results_text=["a", None], results_cell=[[1], None])
    table["results.span"] = pd.to_timedelta([1, 2], "s")
    table["results.huge"] = pd.Series([10**400, 1], dtype=object)
    with pytest.raises(tf.RefusedError, match=told):
        call(table)


def test_a_table_of_more_cells_than_memory_has_is_refused() -> None:
    table = pd.DataFrame({"params.a": range(4_000), "params.b": range(4_000), "results.loss": 0.0})
    with pytest.raises(tf.RefusedError, match="4,000 rows and 4,000 columns are too many"):
        tf.pivot(table, "a", "b", "loss")


def test_without_scipy_what_needs_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    table = of_jobs(params_n=[1, 1], results_loss=[1.0, 3.0])
    assert tf.summarize(table, stats=["mean", "sem"])["results.loss.sem"].tolist() == [1.0]
    with pytest.raises(ImportError, match=r"pip install 'torc_frames\[tables\]'"):
        tf.summarize(table)


def test_frames_of_no_row_of_one_and_without_results() -> None:
    table = of_jobs(params_n=[1, 2], params_c=["x", "x"], results_loss=[0.5, None]).assign(status="failed")
    empty = tf.summarize(table.iloc[:0], over="n")
    assert empty.dtypes.astype(str).to_dict() | {"params.c": "str"} == {
        **{"params.c": "str", "jobs": "int64", "failed": "int64", "unfinished": "int64", "stale": "int64"},
        **{f"results.loss.{stat}": "int64" if stat == "count" else "float64" for stat in STATS[:4:3]},
        **{f"results.loss.{stat}": "float64" for stat in ("std", "ci95")},
    }
    assert len(empty) == 0
    assert tf.best(table.iloc[:0], "loss").equals(table.iloc[:0])
    assert tf.pivot(table.iloc[:0], "n", "c", "loss").shape == (0, 0)
    with pytest.warns(tf.TorcFramesWarning, match="rows that have 'results.loss' are left out: 1 failed"):
        assert tf.best(table, "loss").empty
    assert tf.summarize(table)["failed"].tolist() == [1, 1]
    one = tf.summarize(table.iloc[:1].assign(status="completed"))
    assert one.attrs["torc_summary"]["constants"] == {"params.n": 1, "params.c": "x"}
    assert one.columns[0] == "jobs"
    assert one["results.loss.mean"].tolist() == [0.5]
    assert one["results.loss.std"].isna().all()
    assert one["results.loss.ci95"].isna().all()
    assert tf.summarize(table[["params.n"]]).columns.tolist() == [
        *("params.n", "jobs", "failed", "unfinished", "stale")
    ]


def test_stale_rows_are_left_out_with_a_word_and_what_is_infinite_is_counted() -> None:
    table = of_jobs(params_n=[1, 1, 1, 1], params_seed=[1, 2, 3, 4], results_loss=[1.0, 2.0, 9.0, math.inf])
    table["status"], table["stale"] = "completed", [False, False, True, None]
    with pytest.warns(tf.TorcFramesWarning, match="1 stale job left out of the statistics"):
        summary = tf.summarize(table, over="seed", stats="mean")
    assert summary[["jobs", "stale"]].to_numpy().tolist() == [[4, 1]]
    about = summary.attrs["torc_summary"]
    assert about["infinite"] == {"results.loss": 1}
    assert about["rows"]["stale"] == 1
    assert summary["results.loss.mean"].tolist() == [math.inf]


def test_what_a_summary_says_of_itself_is_json_and_keeps_no_frame_from_being_joined_or_written(
    tmp_path: Path,
) -> None:
    table = of_jobs(params_n=[1, 2], results_loss=[1.7e308, 1.7e308], params_layers=[[1], [1]])
    table["params.when"] = pd.to_datetime(["2026-01-01", "2026-01-01"], utc=True)
    table["params.gap"] = pd.array([None, None], dtype="Int64")
    table["params.top"] = math.inf
    summary = tf.summarize(table, over="n", stats=["mean", "std"])
    assert summary["results.loss.mean"].tolist() == [math.inf]
    assert summary.attrs["torc_summary"]["constants"] == {
        **{"params.layers": [1], "params.when": "2026-01-01T00:00:00Z"},
        **{"params.gap": None, "params.top": "inf"},
    }
    summary.to_parquet(tmp_path / "summary.parquet")
    assert pd.read_parquet(tmp_path / "summary.parquet").attrs == summary.attrs
    assert len(pd.concat([summary, tf.summarize(table.assign(**{"params.gap": 1}), over="n")])) == 2


def test_integers_that_no_float_holds_are_exact() -> None:
    table = of_jobs(params_n=[1, 1, 2, 3], results_bytes=[2**53 + 1, 2**53, 5, 2**53 + 2])
    assert tf.summarize(table, over="n", stats="max")["results.bytes.max"].tolist() == [2**53 + 2]
    assert tf.best(table, "bytes", n=1, mode="max", by="n").index.tolist() == [0, 2, 3]
    assert tf.pivot(table.assign(c=1), "n", "c", "bytes", stat="max")[1].tolist() == [2**53 + 1, 5, 2**53 + 2]


def test_categories_lists_and_mixed_values_are_sorted_on_the_axes_of_a_pivot() -> None:
    table = of_jobs(params_size=["small", "big", None, "big"], params_layers=[[8, 8], None, "auto", 3])
    table["params.size"] = pd.Categorical(table["params.size"], ["small", "big", "huge"])
    found = tf.pivot(table.assign(**{"results.loss": [1.0, 2.0, 3.0, 4.0]}), "size", "layers", "loss")
    assert found.index[:2].tolist() == ["small", "big"]
    assert found.index[2:].isna().all()
    assert found.columns[:3].tolist() == [3, "auto", "[8,8]"]
    assert found.columns[3:].isna().all()
    assert found.loc["big"].tolist()[::3] == [4.0, 2.0]


def simulate(alpha: float, seed: int, solver: str) -> dict[str, float]:
    if alpha == 3 and seed == 1:
        raise ArithmeticError("no step left")
    return {"loss": alpha + seed / 10, "steps": 10 * alpha}


@pytest.mark.filterwarnings("ignore:1 job failed")
def test_from_a_workflow_to_its_best_configurations(tmp_path: Path) -> None:
    client = tf.connect(tmp_path / "study.db")
    for name, alphas in (("coarse", [3, 1]), ("fine", [1])):
        with ThreadPoolExecutor(1) as threads:
            client.create_workflow(name).map(
                simulate, tf.grid(alpha=alphas, seed=[0, 1], solver=["svd"]), threads
            )
    wf = client.workflow(client.workflow_key("coarse"))
    summary = wf.table().pipe(tf.summarize, over="seed")
    assert summary[["params.alpha", "jobs", "failed", "results.loss.count"]].to_numpy().tolist() == [
        *([3, 2, 1, 1], [1, 2, 0, 2])
    ]
    assert varying(wf.table()) == ["params.alpha", "params.seed"]
    assert summary.attrs["torc_summary"]["constants"] == {"params.solver": "svd"}
    assert summary.pipe(tf.best, "loss", n=1)["params.alpha"].tolist() == [1]
    assert tf.pivot(wf.table(), "alpha", "seed", "steps").to_numpy().tolist()[0] == [10.0, 10.0]
    assert math.isnan(tf.pivot(wf.table(), "alpha", "seed", "loss").loc[3, 1])
    both = client.table().pipe(tf.summarize, over="seed")
    assert both["workflow_name"].tolist() == ["coarse", "coarse", "fine"]
    assert len(tf.summarize(client.table(), over=["seed", "workflow_name"])) == 2


def test_a_service_of_2023_says_by_the_return_code_how_jobs_ended() -> None:
    table = pd.DataFrame({"status": ["done", "done", "done", "failed", "completed"]})
    assert standing(table).counted.tolist() == [True, True, True, False, True]
    found = standing(table.assign(return_code=pd.array([0, 1, None, 1, 0], dtype="Int64")))
    assert found.counted.tolist() == [True, False, False, False, True]
    assert found.failed.tolist() == [False, True, True, True, False]
