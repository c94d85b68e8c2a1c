"""Digits by the uncertainty, ranks by what is printed, tests and Holm: against plain definitions."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.frame.tabulation.cells import PrintedCell, value_texts
from torc_frames.frame.tabulation.digits import decimals, places, power, printed, rounded
from torc_frames.frame.tabulation.marks import marks
from torc_frames.frame.tabulation.significance import holm, t_test

SIZES = st.floats(1e-12, 1e12)
NUMBERS = st.floats(-1e9, 1e9)
SAMPLES = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=8)


def as_defined(spread):
    """The Particle Data Group's rule in exact numbers: which decimals."""
    exact, place = Fraction(repr(spread)), 0
    while exact >= 1000:
        exact, place = exact / 10, place - 1
    while exact < 100:
        exact, place = exact * 10, place + 1
    return place - (1 if exact < 355 or exact >= 950 else 2) - (exact >= 950)


@given(SIZES)
def test_decimals_are_those_of_the_rule(spread):
    assert decimals(spread) == as_defined(spread)


@pytest.mark.parametrize(
    ("spread", "shown"),
    [(0.0354, "0.035"), (0.0355, "0.04"), (0.949, "0.9"), (0.951, "1.0"), (0.0996, "0.10")],
)
def test_a_spread_is_printed_with_the_digits_of_the_rule(spread, shown):
    assert printed(1.0, spread, decimals(spread))[1] == shown


@given(NUMBERS, SIZES)
def test_what_is_printed_is_the_number_to_half_a_unit(center, spread):
    (at,) = places([center], [spread])
    text, _, own = printed(center, spread, at)
    shown = Fraction(text.replace("−", "-").replace(",", "")) * Fraction(10) ** own
    assert shown == pytest.approx(rounded(center, at), rel=1e-9, abs=10.0 ** (-at - 6))
    assert abs(shown - Fraction(center)) <= Fraction(10) ** -at * Fraction(51, 100)


def test_a_column_has_one_number_of_decimals_unless_spreads_differ_tenfold():
    assert places([46.0, 8.42], [17.0, 0.09]) == [0, 2]
    assert places([46.0, 8.42], [1.7, 0.9]) == [1, 1]
    assert places([1.0, 2.0, 3.0], [math.nan, 0.012, 0.0]) == [3, 3, 3]


def test_a_spread_that_is_rounding_is_none():
    assert places([0.3, 0.3], [5.5e-17, 5.5e-17]) == [1, 1]


def test_numbers_without_a_spread_have_four_digits_at_most():
    none = [math.nan] * 3
    assert places([1 / 3, 2 / 3, 1.0], none) == [3, 3, 3]
    assert places([1.0, 20.0, 300.0], none) == [0, 0, 0]
    assert places([1234.5, -0.25, 2e-5], none) == [0, 2, 5]
    assert places([math.nan, math.inf, 0.0], none) == [0, 0, 0]


def test_numbers_too_small_for_their_column_have_a_power_of_their_own():
    column, spreads = [10.0, 1.02e-7], [0.5, 1.6e-9]
    assert power(column) == 0
    cells = [
        PrintedCell(*printed(c, s, p)).text()
        for c, s, p in zip(column, spreads, places(column, spreads), strict=True)
    ]
    assert cells == ["10.0 ± 0.5", "(1.020 ± 0.016) · 10⁻⁷"]


@given(st.lists(st.one_of(NUMBERS, st.just(math.inf), st.just(math.nan)), max_size=8), st.integers(-2, 3))
def test_ranks_are_those_of_what_is_printed(values, at):
    shown = [rounded(value, at) for value in values]
    found = marks(shown, "max")
    known = sorted({value for value in shown if math.isfinite(value)}, reverse=True)
    different = len({value for value in shown if value == value})
    best = [mark == "best" for mark in found]
    assert best == [different > 1 and value in known[:1] for value in shown]
    alone = sum(best) == 1
    assert [mark == "second" for mark in found] == [alone and value in known[1:2] for value in shown]
    assert marks([-value for value in shown], "min") == found
    assert set(marks(shown, None)) <= {""}


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_is_as_it_is_defined(p_values):
    order = sorted(p_values)
    expected = [
        min(1.0, max((len(order) - at) * other for at, other in enumerate(order) if other <= p))
        for p in p_values
    ]
    assert holm(p_values) == pytest.approx(expected)


def test_holm_gives_what_statsmodels_gives():
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
@given(SAMPLES, SAMPLES)
def test_tests_are_those_of_scipy(one, other):
    found = t_test(one, other, None)
    if found.how == "Welch":
        assert found.p == pytest.approx(scipy.stats.ttest_ind(one, other, equal_var=False).pvalue)
    else:
        assert np.ptp(one) == np.ptp(other) == 0
    size = min(len(one), len(other))
    one, other = np.array(one[:size]), np.array(other[:size])
    found = t_test(one, other[::-1], (range(size), range(size)[::-1]))
    if found.how == "paired":
        assert found.p == pytest.approx(scipy.stats.ttest_rel(one, other).pvalue)
    else:
        assert np.ptp(one - other) == 0


def test_seeds_decide_how_samples_are_compared():
    one, other = [1.0, 2.0, 4.0], [2.0, 3.5, 4.0, 9.0]
    assert t_test(one, other, ([0, 1, 2], [2, 0, 1, 7])).how == "paired"
    assert t_test(one, other, ([0, 1, 9], [2, 0, 1, 7])).how == "Welch"
    assert t_test(one, other, ([0, 0, 1], [2, 0, 1, 7])).how == "Welch"
    assert t_test(one[:1], other, ([0], [2, 0, 1, 7])).how == "none"
    assert t_test([1.0, math.inf], other, None).how == "none"
    assert t_test([], [], None).how == "none"


def test_values_of_parameters_are_short_as_long_as_they_differ():
    assert value_texts(pd.Series([0.123456, 1.0, math.nan])) == ["0.1235", "1", "–"]
    assert value_texts(pd.Series([0.123456, 0.123457])) == ["0.123456", "0.123457"]
    assert value_texts(pd.Series(["", "a"])) == ['""', "a"]
    assert value_texts(pd.Series([2.5e-7, -1e20])) == ["2.5 · 10⁻⁷", "−10²⁰"]
    assert value_texts(pd.Series([1, None, pd.NA, True, "a\n\x07b", {"k": [1]}, -2], dtype=object)) == [
        *["1", "–", "–", "True", "a �b", '{"k": [1]}', "−2"]
    ]
