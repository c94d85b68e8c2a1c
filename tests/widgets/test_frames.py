"""A DataFrame to look at: every cell as text, sorted and filtered by pandas."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.errors import RefusedError
from torc_frames.widgets.table.cells import texts
from torc_frames.widgets.table.clipboard import read_cells
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.source import Block, Change, EditableSource, Layout, Source


def frame() -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "alpha": [3.0, None, 1.0, 2.0],
            "name": ["b", "a", None, "a"],
            "kind": pd.Categorical(["low", "high", "low", None], categories=["low", "high"]),
            "model": [{"depth": 1}, [2], "text", 4],
        }
    )
    made.index = pd.Index(["7", "8", "9", "10"], name="job_key")
    return made


def column(source: FrameSource, at: int) -> list[str]:
    return [row.texts[at] for row in source.rows(0, len(source))]


def test_a_frame_of_hidden_columns_alone_is_shown() -> None:
    source = FrameSource(pd.DataFrame({"a": [1], "b": [2]}))
    source.arrange(Layout(hidden=("a",)))
    source.replace(pd.DataFrame({"a": [3]}))
    assert [column.name for column in source.columns] == ["a"]
    source.replace(pd.DataFrame({"a": [3], "b": [2]}))
    assert [column.name for column in source.columns] == ["b"]


def test_it_is_a_source_that_is_not_edited() -> None:
    source: Source = FrameSource(frame())
    assert not isinstance(source, EditableSource)
    assert [each.name for each in source.columns] == ["job_key", "alpha", "name", "kind", "model"]
    assert source.rows(0, 1)[0].texts == ["7", "3.0", "b", "low", '{"depth": 1}']
    assert source.rows(3, 99)[0].texts == ["10", "2.0", "a", "", "4"]
    assert source.rows(4, 99) == []


def test_a_count_of_rows_is_no_column_and_other_indices_are() -> None:
    plain = pd.DataFrame({"a": [1, 2]})
    assert [each.name for each in FrameSource(plain).columns] == ["a"]
    both = plain.set_index(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["k", None]))
    assert [each.name for each in FrameSource(both).columns] == ["k", "level_1", "a"]
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert FrameSource(twice).rows(0, 1)[0].texts == ["1", "2"]


@pytest.mark.parametrize(
    ("at", "ascending", "keys"),
    [
        (1, True, ["9", "10", "7", "8"]),
        (1, False, ["7", "10", "9", "8"]),
        (2, True, ["8", "10", "7", "9"]),
        (2, False, ["7", "8", "10", "9"]),
        (3, True, ["7", "9", "8", "10"]),
        (4, True, ["10", "8", "9", "7"]),
    ],
)
def test_rows_are_sorted_stably_with_missing_values_last(at: int, ascending: bool, keys: list[str]) -> None:
    source = FrameSource(frame())
    source.sort(at, ascending)
    assert column(source, 0) == keys
    assert source.order == (at, ascending)
    assert source.shown.index.tolist() == keys
    source.sort(at, None)
    assert column(source, 0) == ["7", "8", "9", "10"]


def test_a_column_that_there_is_not_is_refused() -> None:
    with pytest.raises(RefusedError, match="no column 9"):
        FrameSource(frame()).sort(9, True)


def test_another_frame_is_sorted_as_the_first() -> None:
    source = FrameSource(frame())
    heard: list[Change] = []
    stop = source.on_change(heard.append)
    source.sort(2, False)
    source.replace(frame().drop(columns="alpha"))
    assert source.order == (1, False)
    assert column(source, 0) == ["7", "8", "10", "9"]
    source.replace(frame().drop(columns="name"))
    assert source.order is None
    assert column(source, 0) == ["7", "8", "9", "10"]
    source.replace(frame().drop(columns="name"))
    assert [change.columns for change in heard] == [False, True, True, False]
    stop()
    stop()
    source.sort(0, True)
    assert len(heard) == 4


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(), st.booleans()), max_size=8))
def test_the_text_of_all_cells_is_read_back_as_they_are_shown(rows: list[tuple[str, float, bool]]) -> None:
    made = pd.DataFrame(rows, columns=["text", "number", "flag"])
    source = FrameSource(made)
    whole = source.text(Block(0, 0, len(made), 3))
    assert read_cells(whole) == [row.texts for row in source.rows(0, 99)]
    assert column(source, 1) == texts(made["number"])


def test_a_page_of_a_large_frame_takes_no_longer_than_one_of_a_small() -> None:
    def seconds(source: FrameSource) -> float:
        found = []
        for start in range(0, 900, 100):
            begin = time.perf_counter()
            source.rows(start, start + 100)
            found.append(time.perf_counter() - begin)
        return min(found)

    small = FrameSource(pd.DataFrame(np.random.default_rng(0).normal(size=(1_000, 10))))
    large = FrameSource(pd.DataFrame(np.random.default_rng(0).normal(size=(100_000, 10))))
    assert seconds(large) < 5 * seconds(small)
