"""Files from elsewhere that are nested deeper than Python reads: refused by name, or a text."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import torc_frames as tf
from torc_frames.files.adoption import Parameters
from torc_frames.files.tables import read_table
from torc_frames.frame.numerals import Numerals

DEEP = "[" * 100_000 + "]" * 100_000
FILES = {
    "list.json": DEEP,
    "rows.json": f'[{{"a": {DEEP}}}]',
    "rows.jsonl": f'{{"a": 1}}\n{{"a": {DEEP}}}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_nested_too_deep_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(FILES[name])
    with pytest.raises(tf.RefusedError, match=f"can not read {name} as json"):
        read_table(path)
    wf = tf.connect(tmp_path / "a.db").create_workflow("deep")
    wf.push(pd.DataFrame({"x": [1]}))
    wf.job(1).store(rows=tf.Pointer(path))
    for to in (None, tmp_path / "out"):
        with pytest.raises(tf.RefusedError, match=f"can not read .*{name} as json"):
            wf.load("rows", to=to)


def test_a_cell_that_is_nested_too_deep_is_a_text() -> None:
    known = Parameters(pd.DataFrame({"a": pd.Series([[1]], dtype=object)}))
    assert known.of_texts("a", [DEEP], [None], Numerals()).tolist() == [DEEP]
