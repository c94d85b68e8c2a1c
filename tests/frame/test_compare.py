"""Which cells are the same."""

import pandas as pd
import pytest

from torc_frames.frame.compare import differing


@pytest.mark.parametrize("dtype", ["str", "string", "int64", "object", "datetime64[us, UTC]"])
def test_no_cells_differ_from_no_cells(dtype):
    some = pd.Series([None] if dtype != "int64" else [0]).astype(dtype)
    assert differing(some[:0], some.copy()[1:]).tolist() == []
    assert differing(some, some).tolist() == [False]
