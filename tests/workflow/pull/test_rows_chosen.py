"""Rows that a text chooses: read without the others, and the same as of the whole frame."""

from __future__ import annotations

import json
import random
import re
from functools import reduce
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import link, on_each_store, on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.frame.dtypes import encode
from torc_frames.frame.flatten import RESERVED
from torc_frames.frame.values import canonical
from torc_frames.store.records import INPUT, OUTPUT, NewJobs
from torc_frames.store.sqlite import job_links
from torc_frames.store.sqlite.store import SQLiteStore
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


def share(wf: Workflow, study: Study) -> None:
    """Have jobs take what others have, or made."""
    links = wf.links()
    there, records = {*zip(links["job_key"], links["record_key"], strict=True)}, links["record_key"]
    for _ in range(study.random.choice([0, 1, 5]) if there else 0):
        pair = study.random.choice(wf.jobs().index), study.random.choice(records.tolist())
        if pair not in there:
            there.add(pair)
            link(wf._store, None, pair[1], pair[0], study.random.choice([INPUT, OUTPUT]))


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


@settings(max_examples=examples(12), deadline=None)
@given(seed=st.integers(0, 2**32), escaped=st.sampled_from([False, False, True]))
def test_what_is_chosen_is_what_the_whole_frame_would_have(client, seed, escaped) -> None:
    study = Study(seed)
    wf = filled(client, study.records(), escaped)
    share(wf, study)
    jobs = wf.jobs().columns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where_module, "FIRST", 1)  # of the others only what is sought is read
        patch.setattr(job_links, "AT_ONCE", study.random.choice([1, 3, _JOBS, 100]))
        for kind in KINDS:
            clash = study.random.choice(["names", "names", "last", "list"])
            options = {} if kind == "user_data" else {"on_clash": clash}
            options |= {"job_columns": True} if kind == "table" else {}
            whole = pulled(wf, kind, **options)
            shown = whole.drop(columns=jobs if kind == "table" else [*RESERVED], errors="ignore")
            for _ in range(4 if shown.notna().any(axis=None) else 0):
                text = study.text(shown)
                check(wf, kind, text, whole, **options)
                names = [name.partition(".")[2] for name in shown]
                if kind == "table" and len({*names}) == len(names) and {*names}.isdisjoint(whole):
                    bare = re.sub(r"`(params|results)\.", "`", text)
                    one, other = (outcome(lambda: pulled(wf, kind, where=each)) for each in (text, bare))  # noqa: B023
                    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
                        assert_same_rows(one, other)
                    else:
                        assert str(one) == str(other), (text, bare)


@pytest.fixture
def some(wf) -> Workflow:
    """Six jobs with parameters, of which four have results, and one of these none of the loss."""
    params = tf.grid(alpha=[0.1, 1.0, 10.0], solver=["svd", "sag"])
    params["day"] = pd.to_datetime("2026-11-24") + pd.to_timedelta(range(6), "D")
    params["kind"] = pd.Categorical(list("abcabc"), categories=["c", "b", "a"], ordered=True)
    params["v 1"] = range(6)
    jobs = wf.push(params).index
    for job, loss in zip(jobs, [0.05, 0.5, 0.01, 0.3], strict=False):
        wf.job(job).store(loss=loss, epochs=[1, 2], model={"depth": 2, "a.b": True}, alpha=9)
    return wf


TEXTS = [
    "loss < 0.1",
    "results.loss < 0.1 and params.alpha == 1",
    "solver == 'svd' and 0.01 <= loss <= 0.3",
    "solver in ['sag'] or loss > 0.4",
    "loss < 0.1 or status == 'nothing'",
    "loss != 0.05",
    "loss == None",
    "not (loss < 0.1)",
    "loss * 2 < 0.1 | contains(solver, 'AG')",
    "day >= '2026-11-26'",
    "kind > 'b'",
    "kind == 'a'",
    "`v 1` in [0, 5.0, True]",
    "depth == 2",
    "model.depth == 2",
    r"`model.a\\.b` == True",
    "job_name == 'job_2' and loss < 1",
    "num_cpus == 1 and run_id < 1 and stale == False",
    "exec_time_minutes > 1 or return_code == 1",
    "row < 2",
    "loss < 0",
    "alpha > 5",
]


def _long(text: str) -> str:
    """Write the names of parameters and results out, as a frame has them."""
    for name in ("loss", "solver", "day", "kind", "model.depth", r"`model.a\\.b`", "`v 1`"):
        role = "results" if name in ("loss", "model.depth", r"`model.a\\.b`") else "params"
        bare = name.strip("`")
        text = re.sub(rf"(?<![\w.`]){re.escape(name)}(?![\w.])", lambda _: f"`{role}.{bare}`", text)  # noqa: B023
    return text


@on_each_store
def test_each_store_has_the_rows_of_the_whole_table(some) -> None:
    whole = some.table(job_columns=True)
    is_ours = isinstance(some._store, SQLiteStore)
    for text in TEXTS if is_ours else TEXTS[::5]:  # others read all, and choose as any frame does
        wanted = outcome(lambda: filtered(whole, _long(text)))  # noqa: B023
        found = outcome(lambda: some.table(where=text, job_columns=True))  # noqa: B023
        if isinstance(wanted, str):
            assert found == wanted, text
        else:
            assert_frame_equal(found, wanted, check_like=True, obj=text)


@on_each_store
def test_each_pull_takes_it(some) -> None:
    for kind, text in [
        ("parameters", "alpha == 1 and solver == 'svd'"),
        ("results", "loss < 0.4"),
        ("user_data", "loss < 0.4 and role == 'output'"),
        ("jobs", "job_name in ['job_2', 'job_3']"),
    ]:
        wanted = filtered(pulled(some, kind), text)
        assert len(wanted)
        assert_frame_equal(pulled(some, kind, where=text), wanted)
        refreshed = some.refresh(pulled(some, kind, where=text))
        assert_frame_equal(refreshed.frame, wanted)


def test_a_name_is_that_of_a_parameter_or_a_result_if_one_of_both_has_it(some) -> None:
    assert list(some.table(where="loss < 0.1").index) == list(some.table(where="results.loss < 0.1").index)
    with pytest.raises(
        tf.RefusedError, match=r"'alpha' is 'params\.alpha' and 'results\.alpha': write which"
    ):
        some.table(where="alpha < 5")
    with pytest.raises(tf.RefusedError, match=r"no column 'los'; there are: results\.loss"):
        some.table(where="los < 0.1")
    with pytest.raises(tf.RefusedError, match=r"no column .result\.loss.; there are: results"):
        some.table(where="result.loss < 0.1")
    for text in ("__import__('os')", "loss.__class__ == 1", "loss <", "", 5, "@loss < 1", "loss"):
        with pytest.raises(tf.RefusedError, match="where="):
            some.table(where=text)


def test_what_has_no_value_is_told_by_its_key(some) -> None:
    job = some.add_job("odd")
    some.job(job.key).store(loss="diverged")
    for narrowed in (True, False):
        with pytest.raises(tf.RefusedError, match=f"no value for job {job.key}: '<' not supported"):
            some.table(where="loss < 0.1" if narrowed else "loss < 0.1 and row < 100")


def test_only_rows_that_are_chosen_are_edited_and_loaded(some, tmp_path) -> None:
    chosen = some.parameters(where="alpha == 1")
    chosen["alpha"] = 2.0
    assert some.push(chosen, show_progress=False) is not None
    assert some.parameters()["alpha"].tolist() == [0.1, 0.1, 2.0, 2.0, 10.0, 10.0]
    for at, job in enumerate(some.jobs().index[:2]):
        pd.DataFrame({"x": [at, at]}).to_csv(tmp_path / f"{at}.csv", index=False)
        some.job(job).store(curve=tf.Pointer(tmp_path / f"{at}.csv"))
    (tmp_path / "1.csv").unlink()  # no warning: it is not looked for
    loaded = some.table(where="loss < 0.1 and solver == 'svd' and params.alpha < 1", load="curve")
    assert loaded["results.curve.x"].tolist() == [0, 0]


def test_of_many_rows_few_are_read(wf) -> None:
    wf.push(tf.grid(a=range(5_000)), show_progress=False)
    jobs = wf.jobs().index
    lines = [b'{"loss": %d}' % at for at in range(5_000)]
    wf._store.add_user_data(wf.key, lines, job_keys=list(jobs), role="output")
    found = wf.table(where="loss >= 4990 and a < 4995")
    assert found["params.a"].tolist() == [*range(4990, 4995)]
    assert found.attrs["torc"]["records"] < 2_100
    failed = wf.table(where="status != 'ready'")
    assert (len(failed), failed.attrs["torc"]["records"]) == (0, 2_000)
    assert {"params.a", "results.loss"} <= {*failed.columns}
    records = wf.user_data(where="loss > 4998")
    assert (records["loss"].tolist(), records.attrs["torc"]["records"]) == ([4999], 1_002)
    refreshed = wf.refresh(found)
    assert refreshed.frame is found
    wf.delete_jobs(jobs[4990])
    assert wf.refresh(found).removed == [jobs[4990]]


def test_what_names_the_row_is_a_column_of_each_pull(some, monkeypatch) -> None:
    monkeypatch.setattr(where_module, "FIRST", 0)
    keys = list(some.jobs().index[1:3])
    for kind in (*KINDS, "jobs"):
        whole = pulled(some, kind)
        assert len(tf.select(whole, where=f"job_key in {keys}"))
        for text in (f"job_key in {keys}", f"job_key in {keys} and job_name == 'job_2'"):
            check(some, kind, text, whole)


def test_jobs_that_take_what_others_made(wf) -> None:
    maker, *takers = (wf.add_job(f"job{at}") for at in range(4))
    [made] = wf.add_user_data(maker, {"loss": 0}, role="output")
    for at, taker in enumerate(takers):
        wf.add_user_data(taker, {"alpha": at}, role="input")
        link(wf._store, None, made, taker.key, INPUT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where_module, "FIRST", 0)
        for text in ("params.alpha == 1", "results.loss == 0", "params.alpha > 0 or results.loss == 0"):
            whole = wf.table()
            assert len(tf.select(whole, where=text))
            assert_same_rows(wf.table(where=text), tf.select(whole, where=text))


def test_of_a_key_that_is_there_twice_the_last_counts(wf) -> None:
    keys = ["x", "*", "m"]
    lines = [
        *['{"%s": 5, "%s": 1}', '{"%s":1,"%s":5}'],
        '{"m":{"x":5},"m":{"x":1}}',
        '{"m":{"e":1},"m":{"x":1}}',
    ]
    data = [line % (key, key) if "%" in line else line for line in lines for key in keys]
    jobs = [wf.add_job(f"job{at}").key for at in range(len(data))]
    wf._store.add_user_data(wf.key, [line.encode() for line in data], job_keys=jobs, role="output")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where_module, "FIRST", 0)
        for text in ("x < 2", "`*` < 2", "`m.x` < 2", "x == 5", "m == 1"):
            whole = wf.results()
            assert len(tf.select(whole, where=text))
            check(wf, "results", text, whole)


def test_a_key_that_ends_another_one_is_not_there_twice(wf) -> None:
    jobs = [wf.add_job(f"job{at}").key for at in range(9)]
    lines = [b'{"val_loss": %d, "loss": %d, "what": "loss"}' % (8 - at, at) for at in range(9)]
    wf._store.add_user_data(wf.key, lines, job_keys=jobs, role="output")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where_module, "FIRST", 0)
        found = wf.results(where="loss < 1.5")
    assert (list(found.index), found.attrs["torc"]["records"]) == (jobs[:2], 2)


def test_other_workflows_of_the_file_stay_out(store) -> None:
    one, other = (Workflow(store, store.add_workflow(name)) for name in ("one", "other"))
    for at in range(3):
        for wf in (one, other):
            job = wf.add_job(f"{wf.name}{at}")
            wf.add_user_data(job, {"loss": at}, {"more": at}, role="output")
    assert one.table(where="loss < 2")["job_name"].tolist() == ["one0", "one1"]
    assert other.user_data(where="loss < 2")["job_name"].tolist() == ["other0", "other1"]
    for wf in (one, other):  # jobs with several records of a role are looked at, those of the workflow
        wf.add_user_data(wf.jobs().index[-1], {"more": 1}, role="output")
    assert one.table(where="loss < 2")["job_name"].tolist() == ["one0", "one1"]
    assert one.table(where="loss > 1")["job_name"].tolist() == ["one2"]


def test_on_the_command_line(some) -> None:
    def run(*words: str) -> str:
        given = ["-u", some._store.url, "-k", some.key, *words]
        done = CliRunner().invoke(root, given)
        return done.output

    table = json.loads(run("table", "--where", "loss < 0.1", "--format", "json"))
    assert [row["results"]["loss"] for row in table] == [0.05, 0.01]
    for what, text in [("results", "loss < 0.1"), ("jobs", "status == 'ready'"), ("parameters", "alpha > 5")]:
        assert json.loads(run("pull", "--what", what, "--where", text, "--format", "json"))
    assert "--where goes with" in run("pull", "--what", "runs", "--where", "a < 1")
