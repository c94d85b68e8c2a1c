"""Whatever a page of the parameter editor sends neither raises nor writes, and is undone."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from spoken import Spoken

import torc_frames as tf
from torc_frames.widgets import ParameterEditor

_TEXTS = st.sampled_from(
    [
        "a",
        "s",
        "b",
        "",
        "job_key",
        "1",
        "0.5",
        "1e400",
        "nan",
        "a > 1",
        "a * 2",
        "None",
        "int64",
        "str",
        "json",
    ]
) | st.text(max_size=8)
_NUMBERS = st.integers(-2, 6) | st.sampled_from([2**53, 2**63, -(2**70)])
_ODD = st.none() | st.booleans() | _NUMBERS | st.floats() | _TEXTS | st.lists(_TEXTS, max_size=2)
_CONDITIONS = st.dictionaries(
    st.sampled_from(["column", "test", "text", "low", "high", "choices", "negated", "told", "x"]),
    _ODD | st.sampled_from(["where", "range", "equals", "choices", "missing", "new", "invalid"]),
    max_size=5,
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "review": _NUMBERS,
    "choices": st.lists(
        st.tuples(st.none() | _NUMBERS, st.sampled_from(["mine", "theirs", "x"])), max_size=2
    ),
    "row": _NUMBERS,
    "column": _TEXTS,
    "conditions": st.lists(_CONDITIONS, max_size=2),
    "by": st.sampled_from(["value", "formula", "steps", "linspace", "logspace", "list", "x"]),
    "first": _TEXTS,
    "second": _TEXTS,
    "name": _TEXTS,
    "to": _TEXTS,
    "dtype": _TEXTS,
    "default": _TEXTS,
    "text": _TEXTS | st.sampled_from(["a\ts\n1\tx", "q,q\n1,2", "a\n" * 3]),
}
_OPS = {
    "review": (), "leave": (), "decide": ("review", "choices"), "stop": (), "reload": (), "dismiss": (),
    "restore": (), "goto": ("row", "column"), "filter": ("conditions",),
    "fill": ("by", "first", "second", "column"), "addcolumn": ("name", "dtype", "default"),
    "renamecolumn": ("name", "to"), "retypecolumn": ("name", "dtype"), "dropcolumn": ("name",),
    "begin": ("text",), "open": (), "ping": (), "x": (),
}  # fmt: skip
_MEANT = st.sampled_from([*_OPS]).flatmap(
    lambda op: st.fixed_dictionaries({"op": st.just(op), **{name: _FIELDS[name] for name in _OPS[op]}})
)
_ANY = st.dictionaries(
    st.sampled_from(["op", "to", *_FIELDS]), _ODD | st.sampled_from(["apply", "fill", "grid"]), max_size=4
)
_MESSAGES = st.lists(_MEANT | _MEANT | _ANY | _ODD, min_size=1, max_size=12)


@pytest.fixture(scope="module")
def wf(tmp_path_factory: pytest.TempPathFactory) -> Any:
    client = tf.connect(tmp_path_factory.mktemp("store") / "study.db")
    wf = client.create_workflow("said")
    wf.push(pd.DataFrame({"a": [1, 2, 3], "s": ["x", "y", None], "f": [0.5, 1.5, 2.5]}), command="run")
    yield wf
    client.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=_MESSAGES)
def test_whatever_a_page_says_raises_nothing_writes_nothing_and_is_undone(
    wf: Any, said: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "drafts"))
    stored = wf.parameters()
    editor = ParameterEditor(wf)
    try:
        page = Spoken(editor)
        for content in said:
            editor._on_message(editor, content, [])
            editor.wait(60)
            assert page.state["length"] == len(editor.sheet)
            assert page.state["counts"] == editor.sheet.counts
            assert not any(note.startswith("This failed") for note in page.notes)
        assert_frame_equal(wf.parameters(), stored)
        while editor.sheet.undo():
            pass
        assert_frame_equal(editor.value, stored)
    finally:
        editor.discard()
        editor.close()
