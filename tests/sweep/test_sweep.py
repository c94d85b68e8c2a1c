"""Tables of parameters."""

import base64
import itertools
import json
import sys
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import examples

import torc_frames as tf
from torc_frames.sweep import finishing


def test_the_last_axis_changes_fastest_and_dtypes_stay():
    df = tf.grid(n=[1, 2], s=["a", "b"], f=np.array([0.5], dtype="float32"), l=[[1, 2], [3]])
    assert len(df) == 8
    assert df["n"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert df["l"].tolist()[:2] == [[1, 2], [3]]
    assert df.dtypes.astype(str).tolist()[0] == "int64"
    assert df["f"].dtype == "float32"
    assert isinstance(df.index, pd.RangeIndex)


def test_names_that_are_no_identifiers_and_empty_axes():
    assert list(tf.grid(**{"model.depth": range(2)})) == ["model.depth"]
    assert tf.grid(a=[1, 2], b=[]).empty
    assert tf.grid().empty


def test_zip_goes_side_by_side():
    assert tf.zip_(a=[1, 2], b=["x", "y"]).values.tolist() == [[1, "x"], [2, "y"]]
    with pytest.raises(tf.RefusedError, match="different lengths"):
        tf.zip_(a=[1], b=[1, 2])


def test_an_axis_that_is_no_list_is_refused_with_its_name():
    with pytest.raises(tf.RefusedError) as caught:
        tf.grid(a="abc", b=3, c=[1])
    assert [problem.column for problem in caught.value.problems] == ["a", "b"]


SPACE = {
    "alpha": tf.loguniform(1e-3, 1e2),
    "momentum": tf.uniform(-1, 1),
    "depth": tf.integers(1, 8),
    "solver": tf.choice(["svd", "sag", None]),
    "when": pd.to_datetime(["2026-01-01", "2026-06-01"]),
}
METHODS = ["random", "lhs", "sobol", "halton"]


def recipe(df):
    return df.attrs["torc_recipe"]


def test_a_constraint_is_a_query_or_a_function_and_what_it_excludes_is_counted():
    query = tf.grid(a=[1, 2, 3], b=[1, 2, 3], where="a * b < 5")
    function = tf.grid(a=[1, 2, 3], b=[1, 2, 3], where=lambda df: df["a"] * df["b"] < 5)
    assert_frame_equal(query, function)
    assert isinstance(query.index, pd.RangeIndex)
    assert len(query) == 6
    assert recipe(query)["excluded"] == 3
    assert recipe(query)["where"] == "a * b < 5"
    assert "lambda" in recipe(function)["where"]


def test_a_function_that_writes_to_its_table_changes_nothing_else():
    def where(table):
        table["a"] = 0
        table["new"] = 1
        return table["new"] == 1

    df = tf.grid(a=[1, 2], where=where)
    assert df.to_dict("list") == {"a": [1, 2]}
    assert_frame_equal(tf.from_recipe(recipe(df)), df)


@pytest.mark.parametrize(
    "where",
    [lambda df: (df["a"] > 1).sort_index(ascending=False), lambda df: df[df["a"] > 0]["a"].head(2) > 0],
)
def test_booleans_in_another_order_are_refused(where):
    with pytest.raises(tf.RefusedError, match="in the order of the table"):
        tf.grid(a=[1, 2, 3], where=where)


@pytest.mark.parametrize("where", [["x"], "a", "a.sum() > 1", lambda df: df, lambda df: [None] * len(df)])
def test_a_constraint_that_gives_no_booleans_is_refused(where):
    with pytest.raises(tf.RefusedError, match="where"):
        tf.grid(a=[1, 2], where=where)


def test_rows_that_come_twice_are_dropped_and_counted():
    df = tf.grid(a=[1, 1, 2], b=[[1], [1]])
    assert df["a"].tolist() == [1, 2]
    assert recipe(df)["duplicates"] == 4
    assert recipe(tf.zip_(a=[1, True, 1.0]))["duplicates"] == 1
    assert len(tf.zip_(a=pd.Series([1, True, "1"], dtype=object))) == 3


def test_a_product_crosses_tables_and_refuses_columns_of_one_name():
    df = tf.product(tf.grid(a=[1, 2]), tf.zip_(b=["x", "y"], c=[0.5, 1.5]), where="a == 1 or c > 1")
    assert df.values.tolist() == [[1, "x", 0.5], [1, "y", 1.5], [2, "y", 1.5]]
    with pytest.raises(tf.RefusedError, match="'a': is in table 0 and in table 1"):
        tf.product(tf.grid(a=[1]), tf.grid(a=[2]))
    assert tf.product().empty
    assert "digest" not in recipe(tf.product(pd.DataFrame({"a": [1]}), tf.grid(b=[1])))


@pytest.mark.parametrize("method", METHODS)
def test_points_are_in_their_bounds_and_the_same_for_the_same_seed(method):
    df = tf.sample(256, SPACE, method=method, seed=7)
    assert len(df) == 256
    assert df["alpha"].between(1e-3, 1e2).all()
    assert df["momentum"].between(-1, 1).all()
    assert set(df["depth"]) == set(range(1, 9))
    assert df["depth"].dtype == "int64"
    assert df["when"].dtype.kind == "M"
    assert set(df["solver"].dropna()) == {"svd", "sag"}
    assert df["solver"].isna().any()
    assert_frame_equal(df, tf.sample(256, SPACE, method=method, seed=7))
    assert not df.equals(tf.sample(256, SPACE, method=method, seed=8))
    assert 0.3 < (df["alpha"] < 10**-0.5).mean() < 0.7, "half of the orders of magnitude lie below"


@pytest.mark.parametrize("method", ["random", "sobol", "halton"])
def test_a_larger_sample_begins_with_a_smaller_one(method):
    larger, smaller = (tf.sample(n, SPACE, method=method, seed=3) for n in (64, 32))
    assert_frame_equal(larger.head(32), smaller)


def test_a_latin_hypercube_has_one_point_in_each_stratum():
    points = tf.sample(50, {"x": tf.uniform(0, 50)}, method="lhs", seed=1)["x"]
    assert sorted(points.astype(int)) == list(range(50))


def test_a_seed_is_made_up_and_kept():
    df = tf.sample(5, {"x": tf.uniform(0, 1)})
    assert_frame_equal(df, tf.sample(5, {"x": tf.uniform(0, 1)}, seed=recipe(df)["seed"]))


def test_weights_say_how_likely_values_are():
    space = {"s": tf.choice(list("abc"), [1, 0, 3]), "x": range(10**4)}
    counts = tf.sample(4000, space, seed=5)["s"].value_counts()
    assert set(counts.index) == {"a", "c"}
    assert 2.5 < counts["c"] / counts["a"] < 3.5


def test_a_sobol_sequence_of_an_odd_length_says_so_and_points_at_the_caller():
    with pytest.warns(tf.TorcFramesWarning, match="n=64 or n=128, less so for n=100") as caught:
        tf.sample(100, SPACE, method="sobol", seed=1)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tf.sample(-1, SPACE), "how many points"),
        (lambda: tf.sample(1.5, SPACE), "how many points"),
        (lambda: tf.sample(1, SPACE, method="grid"), "method='grid'"),
        (lambda: tf.sample(1, SPACE, seed=-1), "seed=-1"),
        (lambda: tf.sample(1, {}), "a space is a mapping"),
        (lambda: tf.sample(1, {"a": 3, "b": "x"}), r"(?s)column 'a'.*column 'b'"),
        (lambda: tf.uniform(1, 1), "the lower bound comes first"),
        (lambda: tf.uniform(0, float("inf")), "finite"),
        (lambda: tf.uniform(-1.7e308, 1.7e308), "too far apart"),
        (lambda: tf.loguniform(0, 1), "above 0"),
        (lambda: tf.integers(1, 2.5), "bounds are integers"),
        (lambda: tf.integers(3, 1), "the lower bound comes first"),
        (lambda: tf.choice([]), "nothing to choose"),
        (lambda: tf.choice([1, 2], [1]), "1 weights for 2 values"),
        (lambda: tf.uniform("0", "1"), "bounds are numbers"),
        (lambda: tf.uniform(0, 10**400), "finite"),
        (lambda: tf.choice([1, 2], [0, 0]), "of a finite sum above 0"),
        (lambda: tf.choice([1, 2], [1, -1]), "numbers from 0"),
        (lambda: tf.choice([1, 2], [1e308, 1e308]), "finite sum"),
        (lambda: tf.choice([1, 2], [10**400, 1]), "finite sum"),
        (lambda: tf.choice([1, 2], ["1", "x"]), "numbers from 0"),
        (lambda: tf.choice([1, 2], "12"), "a list of numbers, not '12'"),
        (lambda: tf.choice([1, 2], 3), "a list of numbers, not 3"),
        (lambda: tf.choice([1, 2], np.ones((2, 2))), r"weights of shape \(2, 2\)"),
        (lambda: tf.choice([1, 2], np.array(1.0)), r"weights of shape \(\)"),
        (lambda: tf.choice(np.ones((2, 2))), r"ndarray of shape \(2, 2\)"),
        (lambda: tf.sample(2**31, {"x": tf.uniform(0, 1)}, method="sobol"), "sobol|GiB"),
        (lambda: tf.sample(1, {str(n): tf.uniform(0, 1) for n in range(22_000)}, method="sobol"), "22000"),
        (lambda: tf.sample(10**15, {"x": tf.uniform(0, 1)}), r"10\^15 rows and 1 column"),
        (lambda: tf.product([1, 2]), "product takes DataFrames, not a list"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(tf.RefusedError, match=message):
        make()


@pytest.mark.parametrize(
    "values",
    [
        np.ones((2, 2)),
        np.array(3),
        pd.DataFrame({"x": [1]}),
        pd.MultiIndex.from_tuples([(1, 2), (3, 4)]),
    ],
    ids=lambda values: type(values).__name__,
)
def test_an_axis_of_another_shape_is_refused_with_its_name(values):
    for make in (tf.grid, tf.zip_):
        with pytest.raises(
            tf.RefusedError, match=r"column 'a': an axis is a list of values, not a \w+ of shape"
        ):
            make(a=values, b=[1])


@pytest.mark.parametrize(
    "where",
    [
        "b > 1",
        "a >",
        "a > 'x'",
        "a.nothing()",
        "@limit > 1",
        "(",
        "import os",
        "a[",
        "",
        "a.b.c",
        "a.__class__",
        "1/0",
    ],
)
def test_a_query_that_makes_no_sense_is_refused_with_itself(where):
    limit = 1
    assert limit
    with pytest.raises(tf.RefusedError, match="where"):
        tf.grid(a=[1, 2, 3], where=where)


def test_a_query_sees_nothing_of_the_package():
    with pytest.raises(tf.RefusedError, match="not defined"):
        tf.grid(a=[1, 2], where="@table.a > 1")


def test_a_hundred_axes_and_tables():
    axes = {f"x{at}": [at] for at in range(100)}
    df = tf.grid(**axes, last=[1, 2])
    assert df.shape == (2, 101)
    assert df.iloc[1].tolist() == [*range(100), 2]
    assert_frame_equal(tf.from_recipe(recipe(df)), df)
    both = tf.product(*(tf.zip_(**{name: values}) for name, values in axes.items()), tf.zip_(last=[1, 2]))
    assert_frame_equal(both, df)
    assert_frame_equal(tf.from_recipe(recipe(both)), both)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_every_combination_is_there_in_order(lengths):
    df = tf.grid(**{f"x{at}": range(length) for at, length in enumerate(lengths)})
    assert [tuple(row) for row in df.to_numpy().tolist()] == list(
        itertools.product(*(range(length) for length in lengths))
    )


def test_more_combinations_than_memory_holds_are_refused_with_their_number():
    with pytest.raises(tf.RefusedError, match=r"1,000,000,000,000 rows and 4 columns takes .* GiB"):
        tf.grid(**{name: range(1000) for name in "abcd"})
    table = tf.grid(a=range(1000))
    tables = [table.rename(columns={"a": f"x{at}"}) for at in range(200)]
    with pytest.raises(tf.RefusedError, match=r"10\^600 rows and 200 columns"):
        tf.product(*tables)


def test_without_scipy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match=r"torc_frames\[sampling\]"):
        tf.sample(4, SPACE, method="sobol")


AXES = st.dictionaries(
    st.text("abc.\\ü", min_size=1, max_size=3).map(
        lambda name: f"x{name}".replace("\\", "").replace(".", "_")
    ),
    st.one_of(
        st.lists(st.integers(-(2**70), 2**70), max_size=4),
        st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4),
        st.lists(st.one_of(st.none(), st.booleans(), st.text(max_size=3)), max_size=4),
        st.lists(st.lists(st.integers(0, 3), max_size=2), max_size=3),
        st.lists(st.datetimes(), max_size=3).map(lambda times: pd.Series(times, dtype="datetime64[us]")),
        st.lists(st.sampled_from("uvw"), max_size=4).map(pd.Categorical),
    ),
    min_size=1,
    max_size=3,
)


@given(AXES)
def test_a_recipe_makes_the_same_table_again_even_through_json(axes):
    df = tf.grid(**axes, where=lambda table: np.arange(len(table)) % 3 != 1)
    again = tf.from_recipe(json.loads(json.dumps(recipe(df))))
    assert_frame_equal(again, df)
    assert again.attrs == df.attrs


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_and_a_product_are_made_again(method):
    df = tf.product(tf.sample(16, SPACE, method=method, seed=11, where="depth > 2"), tf.zip_(z=[1, 2]))
    assert_frame_equal(tf.from_recipe(json.loads(json.dumps(recipe(df)))), df)


def test_a_recipe_evaluates_nothing(tmp_path):
    df = tf.grid(a=[1, 2, 3], where="a > 1")
    made = recipe(df) | {"where": f"@pd.io.common.os.mkdir('{tmp_path}/evil')"}
    assert tf.from_recipe(made)["a"].tolist() == [2, 3]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "spoiled",
    [
        {},
        {"version": 2},
        {"digest": "0"},
        {"how": "magic"},
        {"kept": "not base64!"},
        {"kept": base64.b64encode(zlib.compress(b"\0" * 10**6)).decode()},
        {"axes": [{"name": "a"}]},
        {"axes": [{"name": str(n), "dtype": {"dtype": "int64"}, "values": [*range(100)]} for n in range(30)]},
        {"axes": 3},
    ],
)
def test_a_spoiled_recipe_is_refused(spoiled):
    made = recipe(tf.grid(a=[1, 2, 3], where="a > 1"))
    with pytest.raises(tf.RefusedError):
        tf.from_recipe(made | spoiled if spoiled else {})


def nested(df, levels):
    for at in levels:
        df = tf.product(df, tf.zip_(**{f"y{at}": [at]}))
    return df


def test_products_of_products_keep_their_recipe_while_a_workflow_can_hold_it(tmp_path):
    df = nested(tf.grid(x=[1, 2]), range(40))
    assert_frame_equal(tf.from_recipe(recipe(df)), df)
    deep = nested(df, range(40, 80))
    assert "digest" not in recipe(deep)
    wf = tf.connect(tmp_path / "study.db").create_workflow("deep")
    for table in (df, deep, tf.grid(l=[json.loads("[" * 120 + "]" * 120)])):
        wf.push(table)
    assert_frame_equal(tf.from_recipe(wf.recipes()[0]), df)


def wrapped(levels):
    found = recipe(tf.grid(a=[1, 2, 3]))
    for _ in range(levels):
        found = {"version": 1, "digest": "0", "how": "product", "of": [found]}
    return found


DRAWN = recipe(tf.sample(4, SPACE, seed=3))
CROSSED = recipe(
    tf.product(tf.grid(c=pd.Categorical(["u", "v"]), t=pd.to_datetime(["2026-01-01"])), tf.grid(z=[1]))
)


@pytest.mark.parametrize(
    "made",
    [
        wrapped(3000),
        DRAWN | {"seed": -1},
        DRAWN | {"seed": [1, -1]},
        DRAWN | {"seed": True},
        DRAWN | {"n": 10**30},
        DRAWN | {"n": 2.5},
        DRAWN | {"method": ["lhs"]},
        DRAWN
        | {
            "space": [
                {"name": "a", "kind": "choice", "dtype": {"dtype": "int64"}, "values": [1], "weights": 1}
            ]
        },
        DRAWN | {"space": [{"name": "a", "kind": "uniform", "low": 0, "high": 10**400}]},
        CROSSED | {"of": None},
        CROSSED | {"rows": float("nan")},
        CROSSED | {"of": [recipe(tf.zip_(**{name: range(9999)})) for name in "abcdef"]},
    ],
)
def test_a_hostile_recipe_is_refused(made):
    with pytest.raises(tf.RefusedError):
        tf.from_recipe(made)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from([0, -1, 1, 3, 2**63, -(2**64), 10**30, 0.5, 1e308]),
        st.sampled_from(
            ["", "a", "int64", "category", "string", "object", "datetime64[ns, Nowhere]", "arrow"]
        ),
        st.sampled_from(
            ["period[D]", "Int64", "(2,)i4", "float16", "timedelta64[s]", "sobol", "random", "grid"]
        ),
        st.text(max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "dtype", "values", "kind", "low", "high", "weights", "of", "type", "x"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


def places(found, above=()):
    """Yield the paths of all values of JSON."""
    yield above
    items = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, item in items:
        yield from places(item, (*above, key))


def spoilt(found, path, value):
    """Return JSON with another value at a path."""
    if not path:
        return value
    key, *rest = path
    other = found.copy()
    other[key] = spoilt(found[key], rest, value)
    return other


@settings(max_examples=examples(150))
@given(st.data())
def test_any_recipe_makes_a_table_or_is_refused(data):
    made = data.draw(st.sampled_from([DRAWN, CROSSED, recipe(tf.zip_(a=["x", None], b=[[1], {}]))]))
    for _ in range(data.draw(st.integers(1, 3))):
        if isinstance(made, dict):
            made = spoilt(made, data.draw(st.sampled_from(list(places(made)))), data.draw(JSON))
    try:
        table = tf.from_recipe(made)
    except tf.RefusedError:
        return
    assert isinstance(table, pd.DataFrame)


def test_a_table_that_was_changed_has_no_recipe():
    df = tf.grid(a=[1, 2, 3])
    assert finishing.recipe_of(df) == recipe(df)
    assert finishing.recipe_of(df[df["a"] > 1]) is None
    changed = df.assign(a=[1, 2, 4])
    assert changed.attrs == df.attrs
    assert finishing.recipe_of(changed) is None


def test_a_table_of_very_many_values_has_counts_but_no_recipe():
    df = tf.zip_(a=range(20_000))
    assert recipe(df) == {"excluded": 0, "duplicates": 0, "rows": 20_000}
