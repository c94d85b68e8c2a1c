"""What a constraint of a sweep keeps, and that its text sees columns and nothing else."""

from __future__ import annotations

import os
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames.frame.expressions import Formula
from torc_frames.frame.where import cells, kept_by
from torc_frames.widgets.sweeps.axes import Axis
from torc_frames.widgets.sweeps.model import SweepModel

TABLE = pd.DataFrame(
    {
        "a": [1, 2, 3, 2**53 + 1],
        "x": [0.5, np.nan, 2.0, -1.0],
        "solver": ["svd", "sag", None, "svd"],
        "flag": [True, False, True, False],
        "v 1": [1, 2, 3, 4],
        "model.depth": [3, 5, 8, 2],
        "n": pd.array([1, None, 3, 4], dtype="Int64"),
        "size": pd.Categorical(["small", "large", None, "small"], ["small", "large"], ordered=True),
        "kind": pd.Categorical(["u", "v", "u", None]),
        "when": pd.to_datetime(["2026-01-01", "2026-01-02", None, "2026-02-01"]),
        "zoned": pd.to_datetime(["2026-01-01", "2026-01-02", None, "2026-02-01"]).tz_localize("UTC"),
        "took": pd.to_timedelta(["1s", "90s", None, "2h"]),
        "short": np.array([0.1, 0.2, 0.3, np.nan], np.float32),
        "any": pd.Series([1, "1", None, [1]], dtype=object),
        "in": [0, 1, 0, 1],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("solver == 'svd' or a < 3", [0, 1, 3]),
        ("solver == 'svd' | a < 3", [0, 1, 3]),
        ("(solver == 'svd') & ~flag", [3]),
        ("a > 1 & a < 3", [1]),
        ("not flag", [1, 3]),
        ("flag", [0, 2]),
        ("flag == 1", [0, 2]),
        ("1 < a <= 3", [1, 2]),
        ("a in [1, 3]", [0, 2]),
        ("a not in (1, 3)", [1, 3]),
        ("solver in ['svd', None]", [0, 2, 3]),
        ("a == [1, 2]", [0, 1]),
        ("`v 1` >= 3", [2, 3]),
        ("`in` == 1", [1, 3]),
        ("model.depth * 2 > 9", [1, 2]),
        ("`model.depth` == 8", [2]),
        ("a == 9007199254740993", [3]),
        ("a == 9007199254740992", []),
        ("a + 0.0 == 9007199254740992", [3]),
        ("a * a == 81129638414606699710187514626049", [3]),
        ("x > 0", [0, 2]),
        ("x != 2", [0, 1, 3]),
        ("not x > 0", [1, 3]),
        ("x == None", [1]),
        ("x != None and x < 1", [0, 3]),
        ("x == x", [0, 2, 3]),
        ("solver != 'svd'", [1, 2]),
        ("solver > 'sag'", [0, 3]),
        ("n != 3", [0, 3]),
        ("not n == 3", [0, 3]),
        ("n == None or n > 3", [1, 3]),
        ("size < 'large'", [0, 3]),
        ("size == 'large'", [1]),
        ("size != 'large'", [0, 2, 3]),
        ("kind == 'u'", [0, 2]),
        ("kind in ['v']", [1]),
        ("when < '2026-01-15'", [0, 1]),
        ("when == '2026-01-02'", [1]),
        ("zoned >= '2026-01-02'", [1, 3]),
        ("took > '1min'", [1, 3]),
        ("short == 0.1 or short > 0.25", [0, 2]),
        ("any == 1", [0]),
        ("any == '1'", [1]),
        ("a % 2 == 1 and a // 2 == 0", [0]),
        ("abs(x) == 1", [3]),
        ("row % 2 == 0", [0, 2]),
        ("True", [0, 1, 2, 3]),
        ("solver == 'a & b | @c `v 1`'", []),
        ("a != 3 and 6 / (a - 3) < 0", [0, 1]),
    ],
)
def test_what_is_kept(text, rows):
    assert np.flatnonzero(kept_by(TABLE, text)).tolist() == rows


@pytest.mark.parametrize(
    "text",
    [
        "a.__init__.__globals__['os'].system('touch HIT')",
        "a.__class__",
        "a.to_csv('HIT')",
        "a.to_csv('HIT') or a > 1",
        "`a`.to_csv('HIT')",
        "a.map(print)",
        "a.sum() > 1",
        "a.eval('a')",
        "a.values.tofile('HIT')",
        "[].__class__.__base__.__subclasses__()",
        "().__class__",
        "''.__class__",
        "'{0.__class__}'.format(a)",
        "f'{a}'",
        "__import__('os').system('touch HIT')",
        "eval('1')",
        "exec('1')",
        "open('HIT', 'w')",
        "@pd.io.common.os.mkdir('HIT')",
        "@a > 1",
        "a > @ limit",
        "__builtins__",
        "pd.read_csv('HIT')",
        "np.load('HIT')",
        "index.__class__",
        "(lambda: a)()",
        "[b for b in a]",
        "{b: a for b in a}",
        "a[0]",
        "(a := 1) > 0",
        "a = 1",
        "a; a",
        "import os",
        "a if a > 1",
        "await a",
        "a > b'1'",
        "a > 1j",
        "a > ...",
        "a is 1",
        "a in a",
        "'s' in solver",
        "a in 'abc'",
        "[a] == [1]",
        "a > [1, 2]",
        "a << 1 > 1",
        "a ^ 1 == 0",
        "a @ a",
        "sum(a) > 1",
        "getattr(a, 'x')",
        "a",
        "x",
        "solver",
        "a + 'x' == 'y'",
        "a > 'x'",
        "kind < 'v'",
        "size < 'huge'",
        "when < 'nonsense'",
        "when < 1",
        "1 / (a - 1) > 0",
        "any > 0",
        "unknown > 1",
        "a >",
        "",
        "a\0",
        "\ud800",
        "`",
    ],
)
def test_anything_else_is_refused_with_itself_and_runs_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tf.RefusedError, match="where="):
        kept_by(TABLE, text)
    model = SweepModel()
    model.axes = [Axis("a", texts={"values": "1, 2"})]
    model.where = text
    if text.strip():
        with pytest.raises(tf.RefusedError):
            _ = model.value
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9 > 1",
        "9**9**9**9 == a",
        "'a' * 10**9 == 'a'",
        "a * (10 ** 4000) * (10 ** 4000) > 1",
        "2 ** (a * 10 ** 9) > 1",
        "1 << 10 ** 10 > 1",
        "(" * 5000 + "a" + ")" * 5000,
        "-" * 9000 + "a > 1",
        "~" * 9000 + "flag",
        "[" * 4000 + "]" * 4000,
        "a > 1 and " * 5000 + "a > 1",
        " + ".join(["'" + "a" * 4000 + "'"] * 2) + " + solver == 'a'",
        "1" * 9999 + " > a",
        "round(a, -10 ** 9) > 1",
        "a > 1" + " " * 20_000,
        "1e999 ** 1e999 > a > 10 ** 10 ** 10",
    ],
)
def test_what_would_take_for_ever_is_refused_at_once(text):
    began = time.process_time()
    with pytest.raises(tf.RefusedError, match="where="):
        kept_by(TABLE, text)
    assert time.process_time() - began < 5


def test_too_much_work_is_refused_before_it_begins():
    table = pd.DataFrame({"a": np.zeros(1_000_000, np.int8)})
    with pytest.raises(tf.RefusedError, match="too long"):
        kept_by(table, " or ".join(["a > 1"] * 1000))


COLUMNS = ["a", "b", "u", "x", "(a + b)", "(x * 2)", "(a - u)", "(a % 3)", "(b // 2)"]
ANY = st.sampled_from([*COLUMNS, "0", "1", "2", "-1", "0.5"])
NUMBERS = st.sampled_from(COLUMNS)  # of constants alone pandas makes something else: 'p' == 'p' is False
COMPARED, LESS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.sampled_from(["<", "<="])
WORDS = st.sampled_from(["s", "'p'", "'q'"])
TESTS = st.one_of(
    st.tuples(NUMBERS, COMPARED, ANY).map(" ".join),
    st.tuples(ANY, LESS, NUMBERS, LESS, ANY).map(" ".join),
    st.tuples(st.just("s"), st.sampled_from(["==", "!="]), WORDS).map(" ".join),
    st.sampled_from(["f", "f == True", "a in [1, 2]", "a == [1, 3]", "s in ['p']", "s not in ['p', 'q']"]),
)
TEXTS = st.recursive(
    TESTS.map(lambda text: f"({text})"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "&", "|"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map(lambda text: f"(not {text})"),
        inner.map(lambda text: f"(~{text})"),
    ),
    max_leaves=5,
)
SAME = pd.DataFrame(
    {
        "a": [1, 2, 3, -4, 5],
        "b": [0, 1, 2, 3, -1],
        "u": np.array([1, 2, 3, 4, 5], np.int16),
        "x": [0.5, np.nan, 2.0, -1.0, 0.0],
        "s": ["p", "q", "p", "r", "q"],
        "f": [True, False, True, True, False],
    }
)


@given(TEXTS)
def test_it_keeps_what_pandas_keeps(text):
    expected = SAME.eval(text, engine="python")
    assert kept_by(SAME, text).tolist() == expected.tolist(), text


@given(TEXTS)
def test_what_numpy_compares_at_once_is_what_each_row_gives(text):
    formula = Formula(text, list(SAME))
    mask = formula.mask(SAME)
    if mask is not None:
        each = formula.values({name: cells(SAME[name]) for name in formula.needs}, range(len(SAME)))
        assert mask.tolist() == each


@pytest.mark.parametrize(
    "text",
    [
        "a == 9007199254740993",
        "a < 9007199254740992.0",
        "x < 9007199254740993",
        "a > 1e999",
        "x >= -1 and a != 2",
    ],
)
def test_numbers_that_no_float_is_are_compared_exactly(text):
    each = Formula(text, list(TABLE)).values({name: TABLE[name].tolist() for name in ("a", "x")}, range(4))
    assert kept_by(TABLE, text).tolist() == each


def test_a_frame_is_filtered_with_its_index():
    frame = TABLE[["solver", "a"]].set_index(pd.Index(["1", "2", "3", "10"], name="job_key"))
    assert tf.select(frame, where="job_key in ['2', '10']").index.tolist() == ["2", "10"]
    assert tf.select(frame, where="contains(solver, 'S')").index.tolist() == ["1", "2", "10"]
    assert tf.select(frame, where="contains(a, 0)").empty is False
    assert tf.select(frame.iloc[:0], where="solver == 'svd'").empty
    assert frame.shape == (4, 2)


@given(st.text(st.sampled_from("ax1 +-*/%()[]., '\"`_<=>!&|~@andornotif:{}\\\n"), max_size=40))
def test_any_text_is_a_query_or_refused(text):
    try:
        kept = kept_by(SAME.rename(columns={"f": "not"}), text)
    except tf.RefusedError:
        return
    assert kept.dtype == bool
    assert len(kept) == len(SAME)


def test_a_recipe_from_elsewhere_computes_nothing_from_its_text():
    df = tf.grid(a=[1, 2, 3], where="a > 1")
    for text in ("a.to_csv('HIT')", "9**9**9", None, [1]):
        assert tf.from_recipe(df.attrs["torc_recipe"] | {"where": text})["a"].tolist() == [2, 3]


def test_columns_are_found_by_letters_that_python_takes_for_others():
    df = tf.grid(**{"\u00b5": [1, 2], "\ufb01t": [3, 4]}, where="\u00b5 > 1 and \ufb01t < 4")
    assert df.to_dict("list") == {"\u00b5": [2], "\ufb01t": [3]}
    both = tf.grid(**{"\u00b5": [1, 2], "\u03bc": [1, 2]}, where="`\u00b5` < \u03bc")
    assert both.to_dict("list") == {"\u00b5": [1], "\u03bc": [2]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = 1", "syntax; for '=' write '=='; "),
        ("a > 1 && x < 2 || flag", "syntax; for '&&' write 'and'; for '||' write 'or'; "),
        ("solver == '=&&' and !flag", "syntax; for '!' write 'not'; "),
        ("solver != '= <>' and a <> 2", "for '<>' write '!='; "),
        ("a >= 1 and", "syntax; use"),
    ],
)
def test_what_other_languages_write_is_told(text: str, told: str) -> None:
    with pytest.raises(tf.RefusedError) as refused:
        kept_by(TABLE, text)
    assert told in str(refused.value)
