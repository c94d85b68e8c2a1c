"""What the explorer of results asks of a table, and the Python that asks the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import examples

import torc_frames as tf
from torc_frames.frame.where import kept_by
from torc_frames.widgets.results.model import (
    KEY,
    Aggregate,
    Query,
    between,
    bound,
    can_group,
    choices,
    column,
    contains,
    functions,
    is_missing,
    meaning,
    one_of,
    without_results,
)

HOSTILE = "x\"] = 1; import os  # '\n{0} \\"


def study(path):
    """A workflow with a column of each kind, gaps, names and values that would be code if they could."""
    wf = tf.connect(path).create_workflow("every kind")
    times = pd.date_range("2026-01-01", periods=9, freq="D")
    frame = pd.DataFrame(
        {
            "n": np.arange(9, dtype="int64"),
            "small": np.arange(9, dtype="int8"),
            "gaps": pd.array([1, None, 3, 1, None, 2, 2, 5, 2**62], dtype="Int64"),
            "rate": [0.1, 0.2, 0.1, 1e-9, 1e300, 0.3, 0.30000000000000004, -0.0, 5.0],
            "flag": [True, False, True] * 3,
            "maybe": pd.array([True, None, False] * 3, dtype="boolean"),
            "solver": ["svd", "sag", HOSTILE] * 3,
            "note": ["a", None, "B", "'", '"', "\\", "\n", "=1+1", "é"],
            "kind": pd.Categorical(["x", "y", "z"] * 3, categories=["z", "y", "x", "unused"]),
            "level": pd.Categorical([1.5, 2.5, None] * 3),
            "day": times,
            "zoned": times.tz_localize("Europe/Berlin"),
            "span": pd.to_timedelta(range(9), unit="s"),
            "nested": [{"a": 1}, [1], None, "text", 5, {"b": None}, [], 2**70, True],
            HOSTILE + "\\": list(range(9)),
        }
    )
    wf.push(frame, name="job {n}")
    for key in range(1, 8):
        wf.job(key).store(loss=key / 3, label=str(key % 2), error={"type": "none"})
    wf.job(8).store(error={"type": "ValueError", "message": HOSTILE})
    return wf


@pytest.fixture(scope="module")
def wf(tmp_path_factory):
    return study(tmp_path_factory.mktemp("every-kind") / "study.db")


@pytest.fixture(scope="module")
def table(wf):
    frame = wf.table()
    # No query asks for them, and pandas copies them with every column that is looked at.
    frame.attrs = {}
    return frame


def run(query, wf, table):
    """Return the frame that the code of a query makes."""
    names = {"wf": wf}
    exec(query.code(table), names)
    return names["df"]


@st.composite
def filters(draw, frame):
    name = draw(st.sampled_from([KEY, *frame.columns]))
    values = column(frame, name)
    kind = meaning(values)
    ways = [
        st.builds(is_missing, st.just(name), st.booleans()),
        st.builds(contains, st.just(name), st.sampled_from(["a", "1", "'", "\\", "\n", HOSTILE, "Ö"])),
        st.just(without_results(frame)),
    ]
    given_values = values.dropna()
    if kind in ("number", "time", "span") and len(given_values):
        bounds = [value.item() if isinstance(value, np.generic) else value for value in given_values]
        if kind == "number":
            bounds += [2**40, -(2.0**80), 0.5]
        low, high = draw(st.sampled_from([*bounds, None])), draw(st.sampled_from(bounds))
        ways.append(st.just(between(name, low, high)))
        ways.append(st.just(between(name, high, None)))
    if kind == "text":
        ways.append(
            st.builds(
                one_of, st.just(name), st.sampled_from(["a", "'", "\\", HOSTILE, "1"]).map(lambda one: [one])
            )
        )
    if found := choices(values):
        ways.append(st.builds(one_of, st.just(name), st.lists(st.sampled_from(found)).map(tuple)))
    return draw(st.one_of(ways))


@st.composite
def queries(draw, frame):
    chosen = tuple(draw(st.lists(filters(frame), max_size=3)))
    names = list(frame.columns)
    groups, aggregates, columns = (), (), None
    if draw(st.booleans()):
        able = [name for name in names if can_group(frame[name])]
        groups = tuple(draw(st.lists(st.sampled_from(able), min_size=1, max_size=2, unique=True)))
        others = draw(st.lists(st.sampled_from([name for name in names if name not in groups]), max_size=3))
        aggregates = tuple(Aggregate(one, draw(st.sampled_from(functions(frame[one])))) for one in others)
    else:
        columns = draw(st.none() | st.lists(st.sampled_from(names), min_size=1, unique=True).map(tuple))
    query = Query(chosen, groups, aggregates, columns)
    shown = list(query.apply(frame).columns) + ([] if groups else [KEY])
    return Query(
        chosen,
        groups,
        aggregates,
        columns,
        draw(st.none() | st.tuples(st.sampled_from(shown), st.booleans())),
    )


@given(data=st.data())
@settings(max_examples=examples(150))
def test_the_code_makes_the_frame_that_is_shown(data, wf, table):
    query = data.draw(queries(table))
    shown = query.apply(table)
    assert_frame_equal(run(query, wf, table), shown)
    assert len(query.filtered(table)) <= len(table)


@given(data=st.data())
@settings(max_examples=examples(150))
def test_filters_keep_what_pandas_does(data, table):
    name = data.draw(st.sampled_from([KEY, *table.columns]))
    values = column(table, name)
    text = data.draw(st.sampled_from(["a", "1", "'", "\n", HOSTILE]))
    shown = values.map(lambda value: text.lower() in str(value).lower(), na_action="ignore").eq(True)
    cases = [
        (contains(name, text), shown),
        (is_missing(name), values.isna()),
        (is_missing(name, False), values.notna()),
    ]
    if found := choices(values):
        some = data.draw(st.lists(st.sampled_from(found)))
        cases.append((one_of(name, some), values.isin(some)))
    if meaning(values) in ("number", "time", "span") and values.notna().any():
        bounds = st.sampled_from([getattr(one, "item", lambda one=one: one)() for one in values.dropna()])
        low, high = data.draw(bounds), data.draw(bounds)
        cases.append((between(name, low, high), values.between(low, high)))
        cases.append((between(name, None, high), values <= high))
    for where, expected in cases:
        assert kept_by(table, where).tolist() == expected.to_numpy(dtype=bool, na_value=False).tolist(), where


def test_nothing_asked_is_the_table(wf, table):
    assert_frame_equal(run(Query(), wf, table), table)
    assert_frame_equal(Query().apply(table), table)


@given(name=st.text(), text=st.text())
def test_names_and_texts_are_never_code(name, text):
    name = f"params.{name}"
    frame = pd.DataFrame({name: ["a", text, None], "b": [1, 2, 3]}, dtype=object)
    query = Query((contains(name, text), one_of(name, (text,))), (), (), (name,))
    names = {"wf": type("Workflow", (), {"table": lambda self: frame})()}
    exec(query.code(frame), names)
    assert_frame_equal(names["df"], query.apply(frame))
    assert len(names["df"]) == frame[name].eq(text).sum()


def test_filters_are_combined_by_and(table):
    query = Query((between("params.n", 2, None), one_of("params.solver", ("svd",))))
    assert query.apply(table)["params.n"].tolist() == [3, 6]
    assert query.code(table).splitlines() == [
        *("import torc_frames as tf", "", "df = wf.table()"),
        "df = tf.select(df, where='params.n >= 2')",
        """df = tf.select(df, where="params.solver in ['svd']")""",
    ]


def test_a_missing_value_meets_no_filter_but_that_for_missing_ones(table):
    for name, text in (
        ("params.gaps", between("params.gaps", 0, None)),
        ("params.note", contains("params.note", "")),
        ("params.gaps", is_missing("params.gaps", False)),
    ):
        assert not kept_by(table, text)[table[name].isna().to_numpy()].any()
    assert kept_by(table, is_missing("params.gaps")).sum() == 2


def test_jobs_that_only_have_an_error_have_no_results(table):
    assert table.index[kept_by(table, without_results(table))].tolist() == ["8", "9"]


def test_bounds_are_read_as_what_the_column_has(table):
    assert bound(table["params.n"], " 3 ") == 3
    assert bound(table["params.rate"], "") is None
    assert bound(table["params.zoned"], "2026-01-02") == pd.Timestamp("2026-01-02", tz="Europe/Berlin")
    assert bound(table["params.day"], "2026-01-02 00:00") == pd.Timestamp("2026-01-02")
    assert bound(table["params.span"], "2s") == pd.Timedelta(2, unit="s")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("params.n", "abc", "no number"),
        ("params.n", "inf", "use a missing value or a number"),
        ("params.n", "1,5", "no number"),
        ("params.day", "yesterday week", "no time"),
        ("params.day", "nat", "no time"),
        ("params.day", "2026-01-02T00:00Z", "leave out Z"),
        ("params.span", "abc", "no duration"),
    ],
)
def test_what_is_no_bound_is_refused_with_what_to_write(table, name, text, reason):
    with pytest.raises(tf.RefusedError, match=reason):
        bound(table[name], text)


def test_functions_are_those_that_the_dtype_allows(table):
    assert "mean" in functions(table["params.rate"])
    assert "mean" not in functions(table["params.solver"])
    assert functions(table["params.nested"]) == ("count", "first")
    with pytest.raises(tf.RefusedError, match="can't be told"):
        Query((), ("params.kind",), (Aggregate("params.solver", "mean"),)).apply(table)
    with pytest.raises(tf.RefusedError, match="lists, objects or mixed"):
        Query((), ("params.nested",)).apply(table)


def test_groups_count_their_jobs_and_missing_is_a_group(table):
    shown = Query((), ("params.maybe",), (Aggregate("params.n", "max"),)).apply(table)
    assert shown.columns.tolist() == ["params.maybe", "jobs", "max params.n"]
    assert shown["jobs"].tolist() == [3, 3, 3]
    assert shown["params.maybe"].isna().tolist() == [False, False, True]


def test_a_query_keeps_what_another_frame_can_answer(table):
    query = Query(
        (between("results.loss", 0, 1), one_of("status", ("ready",))),
        ("params.kind",),
        (Aggregate("results.loss", "mean"),),
        None,
        ("mean results.loss", True),
    )
    fit, lost = query.fitting(table.drop(columns="results.loss"))
    assert fit == Query((one_of("status", ("ready",)),), ("params.kind",))
    assert lost == ["0 <= results.loss <= 1", "mean results.loss"]
    text = table.assign(**{"results.loss": "a"})
    assert query.fitting(text)[0].filters == fit.filters
    assert query.fitting(table) == (query, [])


def test_few_values_are_choices(table):
    assert choices(table["params.kind"]) == ["x", "y", "z"]
    assert choices(table["params.level"]) == [1.5, 2.5]
    assert choices(table["params.maybe"]) == [False, True]
    assert choices(table["params.nested"]) is None
    assert choices(table["params.zoned"]) is None
