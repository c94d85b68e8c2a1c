"""Tables of parameters."""

import numpy as np
import pandas as pd
import pytest

import torc_frames as tf


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
