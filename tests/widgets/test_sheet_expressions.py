"""Formulas: what they compute, and that nothing else can be made of them."""

import math
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.errors import RefusedError
from torc_frames.frame.expressions import Formula
from torc_frames.frame.functions import FUNCTIONS, Bad


def result(text, **cells):
    length = len(next(iter(cells.values()))) if cells else 1
    return Formula(text, list(cells)).values(cells, range(length))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x + 1", [2, 3, None]),
        ("x / 2", [0.5, 1.0, None]),
        ("2 ** row", [1, 2, 4]),
        ("-x // 2", [-1, -1, None]),
        ("where(x == 1, 'one', 'other')", ["one", "other", None]),
        ("'a' if row > 1 else 'b'", ["b", "b", "a"]),
        ("coalesce(x, 0) % 2", [1, 0, 0]),
        ("1 <= x <= 1", [True, False, None]),
        ("not (x == 1 or row == 1)", [False, False, None]),
        ("'run-' + str(x)", ["run-1", "run-2", None]),
        ("where(row == 0, 0, 1 / row)", [0, 1.0, 0.5]),
        ("max(x, row, 1)", [1, 2, None]),
        ("round(pi, 2)", [3.14] * 3),
        ("None", [None] * 3),
        ("x ** 40 * 3 ** 60", [3**60, 2**40 * 3**60, None]),
    ],
)
def test_a_formula_gives_a_value_for_each_row(text, found):
    assert result(text, x=[1, 2, None]) == found


def test_names_with_dots_and_any_others_are_columns():
    cells = {"model.depth": [3], "v 1": [4], "a`b": [5]}
    formula = Formula("model.depth + `v 1` + `a``b`", list(cells))
    assert formula.values(cells, [0]) == [12]
    assert formula.needs == set(cells)
    assert Formula("'`v 1`'", ["v 1"]).values({}, [0]) == ["`v 1`"]
    assert result("row", row=[7]) == [7]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / x", "division by zero"),
        ("sqrt(-1)", "nonnegative|domain"),
        ("'a' + 1", r"str\(x\) makes a text"),
        ("'a' * 3", "can't be multiplied"),
        ("'%s' % x", "does not format"),
        ("not x", "neither true nor false"),
        ("(-1) ** 0.5", "no real number"),
        ("10 ** 10 ** 10", "4,000 digits"),
        ("exp(1000)", "math range error|out of range|overflow"),
        ("x < 'a'", "not supported"),
    ],
)
def test_what_has_no_value_has_a_reason(text, reason):
    (found,) = result(text, x=[0])
    assert isinstance(found, Bad)
    assert re.search(reason, found.reason)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "().__class__.__bases__",
        "[y for y in x]",
        "lambda: 1",
        "x[0]",
        "f'{x}'",
        "(y := 1)",
        "open('/etc/passwd')",
        "eval('1')",
        "where.__globals__",
        "str(x, 'a')",
        "max(*x)",
        "round(x, ndigits=1)",
        "x; y",
        "import os",
        "x << 3",
        "x @ x",
        "x is None",
        "1j",
        "b'a'",
        "...",
        "await x",
        "",
        "(" * 5000 + ")" * 5000,
        "-" * 9000 + "1",
        "+".join(["1"] * 4000),
        "x" * 20_000,
        "1 +",
        "unknown",
        "`x",
    ],
)
def test_nothing_but_formulas_is_read(text):
    with pytest.raises(RefusedError):
        Formula(text, ["x"])


def test_an_enormous_number_is_refused_at_once():
    started = time.monotonic()
    for text in ("9 ** 9 ** 9 ** 9", "2 ** 100000 * 2 ** 100000", "10 ** 5000", "round(5, -10**9)"):
        assert isinstance(result(text)[0], Bad)
    assert time.monotonic() - started < 1


@given(st.text(st.sampled_from("x1+-*/()., '`_<=andornot:[]{}if else"), max_size=30))
def test_any_text_is_a_formula_or_refused(text):
    try:
        formula = Formula(text, ["x"])
    except RefusedError:
        return
    assert len(formula.values({"x": [1, None]}, [0, 1])) == 2


@given(st.lists(st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_integers_stay_exact_and_missing_stays_missing(values):
    found = result("x * 1 + 0", x=values) if values else []
    assert [(type(value), value) for value in found] == [(type(value), value) for value in values]


def test_every_function_can_be_called():
    for name, (_, (least, _)) in FUNCTIONS.items():
        (found,) = result(f"{name}({', '.join(['1 == 1' if name == 'where' else '1'] * least)})")
        assert not isinstance(found, Bad), name
    assert result("log(exp(1))") == [math.log(math.exp(1))]
