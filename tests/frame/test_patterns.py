"""Parameters in names and commands: what a template writes is read back, and nothing else."""

from __future__ import annotations

import itertools
import re
import string
import time
from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames.frame.patterns import JobPattern

_PLAIN = st.text(string.ascii_letters, min_size=1, max_size=5)
_TEXTS = st.text(string.ascii_letters + "éü-+ .0", min_size=1, max_size=5).filter(
    lambda text: text == text.strip() and not re.fullmatch(r"[-+.0-9eE]*|(?i:true|false)", text)
)
_COLUMNS = st.one_of(
    st.tuples(st.just(""), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, unique=True)),
    st.tuples(st.sampled_from(["03d", "d", "+d", "5d"]), st.lists(st.integers(-999, 9999), min_size=1)),
    st.tuples(st.just(""), st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)),
    st.tuples(st.just(".4f"), st.lists(st.integers(-(10**6), 10**6).map(lambda n: n / 1e4), min_size=1)),
    st.tuples(st.just(".16e"), st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)),
    st.tuples(st.just(""), st.lists(_TEXTS, min_size=1)),
    st.tuples(st.just(""), st.lists(st.booleans(), min_size=1)),
)


@given(st.lists(_COLUMNS, min_size=1, max_size=4), st.lists(_PLAIN, min_size=5, max_size=5))
def test_a_grid_that_a_template_writes_into_names_is_read_back_by_it(columns, literals) -> None:
    axes = {f"p{at}": values[:3] for at, (_, values) in enumerate(columns)}
    rows = list(itertools.product(*axes.values()))
    parts = [
        f"_/{literal}={{{name}{':' + spec if spec else ''}}}"
        for literal, name, (spec, _) in zip(literals, axes, columns, strict=False)
    ]
    pattern = "".join(parts)
    names = [pattern.format(**dict(zip(axes, row, strict=True))) for row in rows]
    read = JobPattern(pattern).read(names, [""] * len(names))
    assert read.told == []
    for name, values in zip(axes, zip(*rows, strict=True), strict=True):
        assert read.columns[name].tolist() == list(values)
        assert {*map(type, read.columns[name].tolist())} == {*map(type, values)}


def ways(text: str, literals: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield what texts make one of literals, by trying all."""
    if not text.startswith(literals[0]):
        return
    rest = text[len(literals[0]) :]
    if len(literals) == 1:
        yield from [()] if not rest else []
        return
    for end in range(1, len(rest) + 1):
        yield from ((rest[:end], *others) for others in ways(rest[end:], literals[1:]))


@given(
    st.lists(st.sampled_from(["_", "a", "_a", "aa"]), max_size=3),
    st.text("_a", max_size=9),
    st.sampled_from(["", "_", "a"]),
    st.sampled_from(["", "_", "a"]),
)
def test_a_name_is_read_if_there_is_one_way_to_do_it_and_only_then(between, name, first, last) -> None:
    literals = [first, *between, last]
    pattern = "".join(literal + f"{{p{at}}}" for at, literal in enumerate(literals[:-1])) + last
    told = JobPattern(pattern).name.read(name)
    expected = [*itertools.islice(ways(name, literals), 1000)]
    assert (told is None) == (not expected)
    if told is not None:
        assert told[0] == min(2, len(expected))
        assert told[1] in expected


def read(names, commands=None, **patterns):
    found = JobPattern(**patterns).read(names, commands or [""] * len(names))
    return {name: column.tolist() for name, column in found.columns.items()}, found.told


def test_codes_stay_texts_and_numbers_with_a_format_are_numbers() -> None:
    assert read(["a007", "a010"], name="a{i}")[0] == {"i": ["007", "010"]}
    assert read(["a007", "a010"], name="a{i:03d}")[0] == {"i": [7, 10]}
    assert read(["lr0.0010", "lr1"], name="lr{lr:.4f}")[0] == {"lr": [0.001, 1.0]}


def test_what_is_not_of_the_pattern_is_missing_and_told() -> None:
    found, told = read(["t_1", "prepare"], name="t_{i:d}")
    assert found == {"i": [1, pd.NA]}
    assert told == ["1 of 2 jobs are not of the pattern: 'prepare'"]


def test_what_is_of_one_pattern_only_has_what_that_says() -> None:
    found, told = read(["t_1", "t_2"], ["run --x=5", "run"], name="t_{i}", command="--x={x}")
    assert found == {"i": [1, 2], "x": [5, pd.NA]}
    assert told == ["1 of 2 jobs are of one of the patterns only: 't_2'"]


def test_a_name_that_is_read_in_several_ways_is_missing_unless_its_command_says() -> None:
    found, told = read(["x_y_z", "u_v"], name="{a}_{b}")
    assert pd.isna(found["a"][0])
    assert "several ways" in told[0]
    found, told = read(
        ["x_y_z", "u_v"],
        ["run --a=x_y --out=x_y_z.pt", "run --a=u --out=u_v.pt"],
        name="{a}_{b}",
        command="--a={a} --out={a}_{b}.pt",
    )
    assert pd.isna(found["a"][0])  # where b is alone nowhere
    found, told = read(["x_y_z"], ["run --a=x_y --b 'z'"], name="{a}_{b}", command="run --a={a} --b {b}")
    assert (found, told) == ({"a": ["x_y"], "b": ["z"]}, [])


def test_a_command_is_read_whole_or_by_some_words_and_exactly_where_a_name_is_rounded() -> None:
    template = "python fit.py \\\n  --lr={lr} \\\n  --out=m_{lr:.2f}_{bs:03d}.pt '{who}'\n"
    command = "python fit.py --lr=0.123 --out=m_0.12_007.pt 'me'"
    found, told = read(["fit_0.12"], [command], name="fit_{lr:.2f}", command=template)
    assert (found, told) == ({"lr": [0.123], "bs": [7], "who": ["me"]}, [])
    assert read(["t"], ['echo "on lr=0.5 bs=32"'], command="lr={lr} bs={bs}")[0] == {"lr": [0.5], "bs": [32]}
    found, told = read(["fit_0.13", "b"], [command, "--lr=2"], name="fit_{lr:.2f}", command="--lr={lr}")
    assert pd.isna(found["lr"][0])
    assert "have different values for lr" in told[0]


def test_braces_that_name_no_column_are_themselves() -> None:
    assert read(["{a}1"], name="{{a}}{i}")[0] == {"i": [1]}
    found, _ = read(
        ["n"],
        ["cat ${files.input.a} | awk '{print $1}' >o5"],
        command="${files.input.a} | awk '{print $1}' >o{i}",
    )
    assert found == {"i": [5]}


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ({"name": "{a}{b}"}, "nothing stands between"),
        ({"name": "{a:d}5"}, "a digit stands after the number a"),
        ({"name": "{a:x}"}, "'x' is no format"),
        ({"name": "train"}, "names no column"),
        ({"command": ""}, "command_pattern='' names no column"),
        ({"name": "{job_name}"}, "can't be named job_name"),
    ],
)
def test_a_pattern_that_can_not_be_read_in_one_way_is_refused(patterns, told) -> None:
    with pytest.raises(tf.RefusedError, match=re.escape(told)):
        JobPattern(**patterns)


def test_a_pattern_that_no_job_is_of_is_refused_with_some_names() -> None:
    with pytest.raises(tf.RefusedError, match=r"no job's name is read by 'x\{i\}'.*'a', 'b', 'c'$"):
        read(["a", "b", "c", "d"], name="x{i}")


def test_names_made_to_take_long_take_no_longer_than_they_are() -> None:
    start = time.process_time()
    for pattern in ("_{a}_{b}_{c}_{d}_{e}_{f}_x", "{a:d}_{b}_{c:.2f}_{d}!", "{a}__{b}__{c}"):
        name = JobPattern(pattern).name
        assert name is not None
        name.read("_" * 20_000 + "1" * 20_000 + "_" * 20_000)
    assert time.process_time() - start < 10
