"""Rules of columns: what they let through, and what they say of the rest."""

import datetime
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.errors import RefusedError
from torc_frames.frame.rules import Rule


@given(st.floats(allow_nan=False), st.floats(-1, 0), st.floats(0, 1))
def test_bounds_let_through_what_is_between_them(value, low, high):
    assert (Rule(min=low, max=high).check(value) is None) == (low <= value <= high)
    if low < high:
        assert (Rule(above=low, below=high).check(value) is None) == (low < value < high)


@pytest.mark.parametrize(
    ("rule", "value", "reason"),
    [
        (Rule(min=0), -1, "-1 is less than 0"),
        (Rule(max=1), np.float64(1.5), "1.5 is more than 1"),
        (Rule(below=1), 1, "1 is not below 1"),
        (Rule(min=0), "abc", "'abc' can't be compared with 0"),
        (Rule(required=True), np.nan, "a value is required"),
        (Rule(required=True), pd.NA, "a value is required"),
        (Rule(choices=[1, 2]), True, "True is none of 1, 2"),
        (Rule(choices=range(20)), 30, "30 is none of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 10 more"),
        (Rule(pattern="[a-z]+"), "abc1", "'abc1' does not match [a-z]+"),
        (Rule(pattern="[0-9]+"), 12, "12 does not match [0-9]+"),
        (Rule(min=datetime.datetime(2026, 1, 1)), pd.Timestamp("2025-01-01"), "2025-01-01 00:00:00 is less"),
    ],
)
def test_a_reason_says_what_is_wrong(rule, value, reason):
    assert rule.check(value).startswith(reason)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Rule(min=0, max=1, choices=[0, 1], pattern="x"), None),
        (Rule(choices=[[1], {"a": 1}]), {"a": 1}),
        (Rule(choices=np.array([1, 2])), np.int64(2)),
        (Rule(choices=[True]), np.bool_(True)),
        (Rule(min="a", max="c"), "b"),
        (Rule(), object()),
    ],
)
def test_what_is_as_it_must_be_passes(rule, value):
    assert rule.check(value) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"min": 2, "max": 1},
        {"above": 1, "max": 1},
        {"min": 1, "below": 1},
        {"min": 1, "max": "2"},
        {"min": float("nan")},
        {"max": True},
        {"choices": []},
        {"choices": "abc"},
        {"choices": 3},
        {"choices": [1, None]},
        {"pattern": "("},
        {"pattern": 3},
        {"required": 1},
        {"unique": "yes"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(RefusedError, match="Rule"):
        Rule(**arguments)


@given(st.lists(st.sampled_from([1, True, 1.0, "1", [1], {"a": 1}, None, 2])))
def test_what_repeats_is_told_of_every_place(values):
    def same(one, other):
        return isinstance(one, bool) == isinstance(other, bool) and one == other

    expected = {
        at
        for at, value in enumerate(values)
        if value is not None and sum(same(value, other) for other in values if other is not None) > 1
    }
    assert set(Rule(unique=True).repeated(values)) == expected
    assert Rule().repeated(values) == {}


def test_a_rule_can_be_compared_kept_and_not_changed():
    rule = Rule(min=0, choices=[1, 2])
    assert pickle.loads(pickle.dumps(rule)) == rule == Rule(min=0, choices=(1, 2))
    with pytest.raises(AttributeError):
        rule.min = 3


def test_rules_do_without_pandas():
    code = "import torc_frames.frame.rules, sys; print({'pandas', 'numpy'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )
