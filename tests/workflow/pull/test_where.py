"""Rows that a text chooses: read without the others, and the same as of the whole frame."""

from __future__ import annotations

import json
import random
from functools import reduce
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.frame.dtypes import encode
from torc_frames.frame.flatten import RESERVED
from torc_frames.frame.values import canonical
from torc_frames.store.records import NewJobs
from torc_frames.workflow.pull import where as where_module
from torc_frames.workflow.workflow import Workflow

pytestmark = [on_sqlite, pytest.mark.filterwarnings("ignore:several records:torc_frames.TorcFramesWarning")]

_JOBS = 8
KINDS = ("table", "parameters", "results", "user_data")


@pytest.fixture
def wf(store):
    return Workflow(store, store.add_workflow("where"))


def pulled(wf: Workflow, kind: str, **options: Any) -> pd.DataFrame:
    return getattr(wf, kind)(show_progress=False, **options) if kind != "jobs" else wf.jobs(**options)


def filtered(whole: pd.DataFrame, text: str) -> pd.DataFrame:
    rows = tf.select(whole, where=text)
    return rows if rows.index.name == "job_key" else rows.reset_index(drop=True)


def outcome(call) -> Any:
    try:
        return call()
    except tf.RefusedError:
        return "refused"


_ODD: list[Any] = [
    *[True, False, None, "x", "1", "2020-01-01", "", [1], {}, {"c": 1}, "a\x00b", "é\U0001f600", "\\u"],
    *[2**53, 2**53 + 1, float(2**53), 2**63, 10**30, 1e300, -0.0, 0.1 + 0.2, 0.3, 5e-324],
]
_OPERATORS = ["<", "<=", ">", ">=", "==", "in", "of", "between"]
_OTHERS = [
    "!=",
    "not in",
    "contains({}, 'x')",
    "{} * 2 < 3",
    "{}",
    "not ({} < 1)",
    "{} == None",
    "row < 2 or {} < 1",
]


class Study:
    """Records of a few jobs, and texts about them, at random; mostly of kinds that go together."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.odd = self.random.choice([0, 0, 0.03, 0.3])
        self.kinds = {name: self.random.choice(["int", "float", "text", "bool"]) for name in self.names()}

    def names(self) -> list[str]:
        return ["a", "b", "é", "x y", "data1", "data"] if self.odd else ["a", "b", "model"]

    def value(self, kind: str) -> Any:
        if self.random.random() < self.odd:
            return self.random.choice(_ODD)
        of = {"int": range(5), "float": [0.5, 1.5, 2.0], "text": ["x", "y", "z"], "bool": [True, False]}
        return self.random.choice(of[kind])

    def record(self) -> Any:
        if self.random.random() < self.odd / 3:
            return self.random.choice(_ODD)
        data = {name: self.value(kind) for name, kind in self.kinds.items() if self.random.random() < 0.8}
        if "model" in data:
            data["model"] = {"depth": data["model"], "a.b": self.value("int")}
        return data

    def records(self) -> list[tuple[int, str | None, Any]]:
        several = self.random.random() < 0.3
        jobs = self.random.choices(range(_JOBS), k=14) if several else [*range(_JOBS), *range(_JOBS)]
        roles = ["output", "input", None]
        return [
            (job, self.random.choice(roles) if several else roles[at // _JOBS], self.record())
            for at, job in enumerate(jobs)
        ]

    def text(self, frame: pd.DataFrame) -> str:
        """About the columns of a frame that have values, mostly compared with such."""
        columns = [name for name in frame if frame[name].notna().any()]
        tests = [
            self.test(frame[self.random.choice(columns)]) for _ in range(self.random.choice([1, 1, 2, 3]))
        ]
        return reduce(lambda one, other: f"({one} {self.random.choice(['and', 'or'])} {other})", tests)

    def test(self, column: pd.Series) -> str:
        name, cells = f"`{column.name}`", [value for value in encode(column)[0] if value is not None]
        value, other = (
            self.random.choice(_ODD if self.random.random() < self.odd else cells) for _ in range(2)
        )
        value, other = (0 if isinstance(one, (list, dict)) else one for one in (value, other))
        op = self.random.choice(_OPERATORS if self.random.random() < 0.9 else _OTHERS)
        if "{}" in op:
            return op.format(name)
        if op in ("in", "not in"):
            return f"{name} {op} [{value!r}, {other!r}]"
        if op == "between":
            return f"{value!r} <= {name} < {other!r}"
        return f"{value!r} < {name}" if op == "of" else f"{name} {op} {value!r}"


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> tf.Client:
    return tf.connect(tmp_path_factory.mktemp("where") / "study.db")


def filled(client: tf.Client, records: list[tuple[int, str | None, Any]], escaped: bool = False) -> Workflow:
    """Make a workflow of some jobs, and of records by job and role, which others may have written."""
    wf = client.create_workflow("where")
    jobs = NewJobs([f"job{at}" for at in range(_JOBS)], [""] * _JOBS, [None] * _JOBS)
    keys = wf._store.add_jobs(wf.key, jobs).job_keys
    for role in ("input", "output", None):
        some = [(job, data) for job, own, data in records if own == role]
        wf._store.add_user_data(
            wf.key,
            [json.dumps(data, ensure_ascii=escaped).encode() for _, data in some],
            job_keys=[keys[job] if role else None for job, _ in some],
            role=role,
            names=[f"data{at % 2}" for at in range(len(some))],
        )
    return wf


def check(wf: Workflow, kind: str, text: str, whole: pd.DataFrame, **options: Any) -> None:
    wanted = outcome(lambda: filtered(whole, text))
    found = outcome(lambda: pulled(wf, kind, where=text, **options))
    if isinstance(wanted, str) or isinstance(found, str):
        assert type(wanted) is type(found), (wanted, found)
    else:
        assert_same_rows(found, wanted)


def assert_same_rows(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    """Compare values as JSON has them; columns that have none, and what holds them, may differ."""
    assert list(found.index) == list(wanted.index)
    for name in dict.fromkeys([*wanted.columns, *found.columns]):
        one, other = (
            texts(frame[name]) if name in frame else ["null"] * len(frame) for frame in (found, wanted)
        )
        assert one == other, name


def texts(column: pd.Series) -> list[str]:
    return [canonical(value) for value in encode(column)[0]]


@settings(max_examples=examples(50), deadline=None)
@given(seed=st.integers(0, 2**32), escaped=st.sampled_from([False, False, True]))
def test_what_is_chosen_is_what_the_whole_frame_would_have(client, seed, escaped) -> None:
    study = Study(seed)
    wf = filled(client, study.records(), escaped)
    jobs = wf.jobs().columns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where_module, "FIRST", 1)  # of the others only what is sought is read
        for kind in KINDS:
            clash = study.random.choice(["names", "names", "last", "list"])
            options = {} if kind == "user_data" else {"on_clash": clash}
            more = {"job_columns": True} if kind == "table" else {}
            whole = pulled(wf, kind, **options, **more)
            shown = whole.drop(columns=jobs if kind == "table" else [*RESERVED], errors="ignore")
            for _ in range(4 if shown.notna().any(axis=None) else 0):
                check(wf, kind, study.text(shown), whole, **options)
