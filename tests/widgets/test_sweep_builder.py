"""Sweeps as they are typed, without a browser."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.widgets.sweeps.axes import FIELDS, KINDS, Axis
from torc_frames.widgets.sweeps.model import METHODS, WAYS, SweepModel
from torc_frames.widgets.sweeps.typed import TypedError, kinds_of, number, values, whole
from torc_frames.widgets.sweeps.widget import SweepBuilder
from torc_frames.widgets.work import Latest

# what is typed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1, 1, 10", [0.1, 1, 10]),
        ('"svd", "sag"', ["svd", "sag"]),
        ("svd, sag", ["svd", "sag"]),
        ("'a, b', c d", ["a, b", "c d"]),
        ("1e-3,.5,2.", [0.001, 0.5, 2.0]),
        ("-1, +2, -0.5", [-1, 2, -0.5]),
        ("true, False, null, None", [True, False, None, None]),
        ("[1, 2], {'a': [1]}", [[1, 2], {"a": [1]}]),
        ("007, 1_0, 0x1f", ["007", "1_0", "0x1f"]),
        ("1 2 3", [1, 2, 3]),
        ("1\t2\n3;4", [1, 2, 3, 4]),
        ("1, 2,", [1, 2]),
        ("", []),
        ('""', [""]),
        (str(2**70), [2**70]),
    ],
)
def test_a_list_is_typed_as_one_would_write_it(text, expected):
    assert repr(values(text)) == repr(expected)


@pytest.mark.parametrize("text", ["nan", "1, inf", "[1, 2", "'a", "don't", "a]b", "[NaN]", "1e999", "\ud800"])
def test_what_is_no_value_is_told(text):
    with pytest.raises(TypedError):
        values(text)


@given(st.lists(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))))
def test_json_without_its_brackets_is_a_list(listed):
    assert repr(values(json.dumps(listed)[1:-1])) == repr(listed)


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1))
def test_quoted_texts_are_themselves(listed):
    assert values(json.dumps(listed)[1:-1]) == listed


def test_what_was_typed_is_named_by_its_types():
    assert kinds_of([0.5, 2]) == "2 numbers"
    assert kinds_of([True]) == "1 boolean"
    assert kinds_of(["a", 1, 2]) == "3 values: 1 text, 2 integers"
    assert kinds_of([None, [1], {}]) == "3 values: 1 null, 1 list, 1 object"


def test_numbers_are_of_their_kind_and_within_bounds():
    assert repr(number(" 1 ", "from")) == "1"
    assert repr(number("1.0", "from")) == "1.0"
    for text in ("", "x", "nan", "1e999"):
        with pytest.raises(TypedError, match="from"):
            number(text, "from")
    assert whole("7", "n", least=1, most=7) == 7
    for text, reason in (("1.5", "no integer"), ("0", "at least 1"), ("8", "at most 7")):
        with pytest.raises(TypedError, match=reason):
            whole(text, "n", least=1, most=7)


# axes


def axis(kind: Any, low: str = "", high: str = "", last: str = "") -> Axis:
    names = [name for name, _ in FIELDS[kind]]
    return Axis("a", kind, dict(zip(names, (low, high, last), strict=False)))


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (axis("linspace", "0", "1", "11"), "[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]"),
        (axis("linspace", "0", "1", "4"), "[0.0, 0.333333333333333, 0.666666666666667, 1.0]"),
        (axis("linspace", "3", "1", "3"), "[3.0, 2.0, 1.0]"),
        (axis("linspace", "5", "9", "1"), "[5.0]"),
        (axis("logspace", "1e-3", "1", "4"), "[0.001, 0.01, 0.1, 1.0]"),
        (axis("logspace", "1", "10", "3"), "[1.0, 3.16228, 10.0]"),
        (axis("range", "", "3", ""), "range(0, 3)"),
        (axis("range", "10", "0", "-5"), "range(10, 0, -5)"),
        (axis("range", "0", "0.3", "0.1"), "[0.0, 0.1, 0.2]"),
        (axis("uniform", "0", "1.5"), "tf.uniform(0, 1.5)"),
        (axis("loguniform", "1e-3", "1"), "tf.loguniform(0.001, 1)"),
        (axis("integers", "1", "8"), "tf.integers(1, 8)"),
        (axis("choice", "svd, sag"), "tf.choice(['svd', 'sag'])"),
        (axis("choice", "svd, sag", "1, 3"), "tf.choice(['svd', 'sag'], weights=[1, 3])"),
    ],
)
def test_an_axis_is_python_with_round_numbers(made, code):
    assert made.meant().code == code


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (axis("list"), "values are missing"),
        (axis("linspace", "0", "x", "3"), "to: 'x' is no number"),
        (axis("linspace", "0", "1", "0"), "at least 1"),
        (axis("linspace", "0", "1", "1000000000"), "at most 10,000"),
        (axis("logspace", "0", "1", "3"), "above 0"),
        (axis("range", "3", "1", ""), "nothing from 3 to below 1"),
        (axis("range", "0", "1", "0"), "step is not 0"),
        (axis("range", "0", "1", "1e-9"), "1,000,000,000 values"),
        (axis("range", "0", str(2**64), ""), "64 bits"),
        (axis("uniform", "1", "0"), "lower bound comes first"),
        (axis("integers", "1.5", "3"), "bounds are integers"),
        (axis("choice", "a, b", "1"), "1 weights for 2 values"),
        (axis("choice", "a, b", "x, y"), "weights are numbers"),
        (axis("list", "[1"), "not closed"),
    ],
)
def test_an_axis_that_means_nothing_says_why(made, reason):
    with pytest.raises(TypedError, match=reason):
        made.meant()
    model = SweepModel()
    model.axes = [made]
    assert model.combinations is None
    with pytest.raises(tf.RefusedError):
        _ = model.value


# the code makes the same table

TEXTS = st.one_of(
    st.sampled_from(
        ["1, 2", "0.1, 1", "svd, sag", "true, false", "[1], [2]", "1, x, null", "1, 1, 2", "'\"', \"'\""]
    ),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=3), min_size=1, max_size=3).map(
        lambda listed: json.dumps(listed)[1:-1]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        ["alpha", "model.depth", "class", "n", "seed", "method", "tf", "'); import os #", "\u2028", "ﬁ"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1, max_size=4),
)


@st.composite
def axes(draw: st.DrawFn, name: str) -> Axis:
    made = Axis(name, draw(st.sampled_from(KINDS)))
    low = draw(st.integers(1, 5))
    texts = {
        "values": draw(TEXTS),
        "low": str(low),
        "high": str(low + draw(st.integers(1, 5))),
        "count": str(draw(st.integers(1, 4))),
        "step": draw(st.sampled_from(["1", "0.5", "2"])),
    }
    made.texts = {field: texts.get(field, "") for field, _ in FIELDS[made.kind]}
    return made


def drawn(name: str) -> Axis:
    return Axis(name, "uniform", {"low": "0", "high": "1"})


@st.composite
def models(draw: st.DrawFn) -> SweepModel:
    tables = {"folds": pd.DataFrame({"fold of all": [1, 2]})} if draw(st.booleans()) else {}
    model = SweepModel(tables)
    model.way = draw(st.sampled_from(WAYS))
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    model.axes = [draw(axes(name)) for name in names if name != "where"]
    model.method = draw(st.sampled_from(METHODS))
    model.n = str(draw(st.integers(0, 9)))
    model.seed = str(draw(st.integers(0, 2**40)))
    if draw(st.booleans()) and names[0] == "alpha" and model.axes[0].kind != "list":
        model.where = draw(st.sampled_from(["alpha < 3", " alpha != 2 ", 'alpha in [1, 2] or alpha == "x"']))
    return model


@given(models())
def test_the_code_makes_the_same_table_and_nothing_else(model):
    try:
        expected = model.value
    except tf.RefusedError:
        return
    namespace: dict[str, Any] = dict(model.tables)
    code = model.code
    if model.note:
        code = f"import warnings\nwith warnings.catch_warnings(action='ignore'):\n{indented(code)}"
    exec(code, namespace)
    assert_frame_equal(namespace["df"], expected)
    assert namespace["df"].attrs == expected.attrs
    made = {name for name in namespace if not name.startswith("__")}
    assert made <= {"tf", "df", "warnings", *model.tables}


def indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.splitlines())


@given(models())
def test_a_sweep_is_kept_as_json(model):
    again = SweepModel.from_state(json.loads(json.dumps(model.state())), model.tables)
    assert again.state() == model.state()
    assert again.combinations == model.combinations


@given(models())
def test_rows_are_counted_without_making_them(model):
    if model.combinations is None:
        return
    try:
        table = model.value
    except tf.RefusedError:
        return
    recipe = table.attrs["torc_recipe"]
    left_out = recipe["excluded"] + recipe["duplicates"]
    assert len(table) <= model.combinations - left_out
    parts = len(model.factors) + len(model._tables)
    assert len(table) == model.combinations - left_out or parts > 1  # an axis may repeat itself there


@pytest.mark.parametrize("state", [{}, {"way": "grid", "method": "random", "axes": [{}]}, {"way": "eval"}])
def test_what_is_no_sweep_is_refused(state):
    with pytest.raises(tf.RefusedError):
        SweepModel.from_state(state)


def grid(**texts: str) -> SweepModel:
    model = SweepModel()
    model.axes = [Axis(name, texts={"values": text}) for name, text in texts.items()]
    return model


def test_the_recipe_of_the_table_is_kept():
    model = grid(alpha="0.1, 1", solver="svd, sag")
    model.where = "alpha < 1"
    assert_frame_equal(tf.from_recipe(model.value.attrs["torc_recipe"]), model.value)
    assert model.value.attrs["torc_recipe"]["excluded"] == 2


def test_too_large_a_table_is_counted_and_not_made():
    model = SweepModel()
    model.axes = [Axis(name, "range", {"high": "10000"}) for name in "abcd"]
    assert model.combinations == 10**16
    with pytest.raises(tf.RefusedError, match="10,000,000,000,000,000 rows are not made"):
        _ = model.value
    assert "range(0, 10000)" in model.code


@pytest.mark.parametrize(
    "where", ["alpha <", "beta < 1", "alpha", "alpha + 'x' > 1", "alpha.nothing > 1", "import os", "alpha["]
)
def test_a_constraint_that_does_not_work_is_told(where):
    model = grid(alpha="0.1, 1")
    model.where = where
    with pytest.raises(tf.RefusedError, match="where"):
        _ = model.value


def test_a_constraint_reaches_no_variables_of_python():
    model = grid(alpha="a@b, c")
    model.where = "alpha == 'a@b'"
    assert len(model.value) == 1
    for where in ("alpha == @self", "alpha == @model", "alpha == __name__", "alpha.__class__"):
        model.where = where
        with pytest.raises(tf.RefusedError):
            _ = model.value


def test_axes_that_do_not_go_together_are_told():
    model = grid(alpha="1, 2", beta="1")
    assert model.combinations == 2
    model.way = "zip"
    assert "not alpha 2, beta 1" in model.problem
    model.axes[1].name = "alpha"
    assert "above" in model.axis_problem(1)
    model.axes[1] = Axis("u", "uniform", {"low": "0", "high": "1"})
    model.way = "sample"
    assert model.axis_problem(1) == ""
    model.seed = "x"
    assert "seed" in model.problem
    model.seed, model.n = "1", "-1"
    assert "how many" in model.problem
    model = grid(where="1")
    assert "the constraint" in model.axis_problem(0)


def test_tables_are_further_factors():
    folds = tf.grid(fold=[1, 2, 3])
    model = SweepModel({"folds": folds})
    model.axes = [Axis("alpha", texts={"values": "0.1, 1"})]
    assert_frame_equal(model.value, tf.product(folds, tf.grid(alpha=[0.1, 1])))
    assert "tf.product(\n    folds,\n    tf.grid(\n        alpha=[0.1, 1],\n    ),\n)" in model.code
    model.axes[0].name = "fold"
    assert "column 'fold'" in model.axis_problem(0)
    model.factors = []
    assert len(model.value) == 2
    for name in ("df", "tf", "a b", "class"):
        with pytest.raises(tf.RefusedError, match="name is what it has in Python"):
            SweepModel({name: folds})


def test_what_is_returned_is_ones_own():
    model = grid(alpha="0.1, 1")
    table = model.value
    table["alpha"] = 0
    assert model.value["alpha"].tolist() == [0.1, 1.0]


def test_a_sobol_sequence_of_an_odd_length_is_noted_and_not_warned_of():
    model = SweepModel()
    model.axes = [Axis("alpha", "uniform", {"low": "0", "high": "1"})]
    model.way, model.method, model.n = "sample", "sobol", "6"
    assert "4 or 8" in model.note
    assert len(model.value) == 6
    model.n = "8"
    assert model.note == ""


# in the background


def test_only_the_newest_work_is_done_and_one_at_a_time():
    latest, done, at_once = Latest(pause=0.01), [], []

    def work(number: int) -> None:
        at_once.append(threading.active_count())
        time.sleep(0.02)
        done.append(number)

    before = threading.active_count()
    for at in range(50):
        latest.ask(lambda at=at: work(at))
        time.sleep(0.002)
    assert latest.wait()
    assert done[-1] == 49
    assert len(done) < 50
    assert max(at_once) <= before + 1


def test_work_that_fails_does_not_end_it(monkeypatch):
    failed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    latest, done = Latest(pause=0.01), []
    latest.ask(lambda: 1 / 0)
    assert latest.wait()
    latest.ask(lambda: done.append(1))
    assert latest.wait()
    assert done == [1]
    assert [each.exc_type for each in failed] == [ZeroDivisionError]


# the builder


def test_drawn_axes_are_combined_with_every_combination():
    model = grid(solver="svd, sag")
    model.axes.append(drawn("alpha"))
    model.n, model.seed = "3", "7"
    assert model.sizes == [2, 3]
    table = tf.product(tf.grid(solver=["svd", "sag"]), tf.sample(3, {"alpha": tf.uniform(0, 1)}, seed=7))
    assert_frame_equal(model.value, table)
    model.where = "alpha < 0.5"
    assert model.code.startswith("import torc_frames as tf\n\ndf = tf.product(\n    tf.grid(")
    assert_frame_equal(tf.from_recipe(model.value.attrs["torc_recipe"]), model.value)
    model.way, model.where = "zip", ""
    model.axes.insert(1, Axis("n", texts={"values": "1, 2"}))
    assert model.combinations == 6
    assert model.value["n"].tolist() == [1, 1, 1, 2, 2, 2]


def test_each_fault_is_told_at_its_field():
    faults = [
        (axis("linspace", "0", "x", "3"), "high", False),
        (axis("linspace", "0", "1", ""), "count", True),
        (axis("choice", "a, b", "x, y"), "weights", False),
        (axis("uniform", "1", "0"), "high", False),
        (axis("range", "0", "1", "0"), "step", False),
        (axis("list", "[1"), "values", False),
        (axis("list"), "values", True),
        (Axis("", texts={"values": "1"}), "name", True),
    ]
    for made, field, missing in faults:
        model = SweepModel()
        model.axes = [made]
        fault = model.axis_fault(0)
        assert fault is not None
        assert (fault.field, fault.missing) == (field, missing)


def test_an_optimiser_suggests_rows(tmp_path):
    pytest.importorskip("optuna")
    wf = tf.connect(tmp_path / "study.db").create_workflow("suggested")
    model = SweepModel(workflow=wf)
    model.axes, model.way, model.n = (
        [drawn("alpha"), Axis("solver", texts={"values": "svd, sag"})],
        "suggest",
        "5",
    )
    space = {"alpha": tf.uniform(0, 1), "solver": ["svd", "sag"]}
    assert_frame_equal(model.value, tf.suggest(wf, space, 5))
    namespace: dict[str, Any] = {"wf": wf}
    exec(model.code, namespace)
    assert_frame_equal(namespace["df"], model.value)
    for key, row in wf.push(model.value).iterrows():
        wf.job(key).store(loss=row["alpha"])
    model.forget()
    assert_frame_equal(model.value, tf.suggest(wf, space, 5))
    model.workflow = None
    assert "SweepBuilder(wf)" in model.problem
    model.n = "100000"
    assert "at most 10,000" in model.problem


def typed(builder: SweepBuilder, *axes: tuple[str, str]) -> SweepBuilder:
    """Type axes of values, as the page would."""
    for name, text in axes:
        said(builder, op="addaxis")
        key = list(builder._named)[-1]
        said(builder, op="typeaxis", key=key, field="name", text=name)
        said(builder, op="typeaxis", key=key, field="values", text=text)
    return built(builder)


def built(builder: SweepBuilder) -> SweepBuilder:
    assert builder._latest.wait()
    return builder


def said(builder: SweepBuilder, **message: Any) -> list[dict[str, Any]]:
    """What a builder says because of a message from its page, but for what it shows anyway."""
    told: list[dict[str, Any]] = []
    builder.send = lambda content, buffers=None: told.append(content)
    builder._on_message(builder, message, [])
    built(builder)
    del builder.send
    return [one for one in told if one["kind"] in ("answer", "note")]


def shown(builder: SweepBuilder) -> dict[str, Any]:
    return built(builder)._state


def test_what_is_typed_is_counted_shown_and_python():
    builder = typed(SweepBuilder(), ("alpha", "0.1, 1, 10"))
    assert shown(builder)["axes"][0]["told"] == "3 numbers"
    assert (shown(builder)["rows"], shown(builder)["sizes"]) == (3, [3])
    assert builder._source.frame["alpha"].tolist() == [0.1, 1, 10]
    assert "alpha=[0.1, 1, 10]" in shown(builder)["code"]
    said(builder, op="typehow", field="where", text="alpha < 1")
    assert (shown(builder)["rows"], shown(builder)["told"]) == (1, ["2 left out by the constraint"])
    said(builder, op="typehow", field="where", text="<b> <")
    assert "is no query" in shown(builder)["wrong"]
    typed(builder, ("<script>", "a"))
    assert repr(builder) == "SweepBuilder(axes=['alpha', '<script>'])"
    assert "<script>" not in builder._still()


def test_the_table_is_observed():
    builder, seen = SweepBuilder(), []
    builder.observe(lambda change: seen.append(change["new"]), "value")
    typed(builder, ("alpha", "1, 2"))
    assert_frame_equal(seen[-1], tf.grid(alpha=[1, 2]))
    with pytest.raises(tf.FixedAttributeError):
        builder.value = seen[-1]


def test_axes_are_added_moved_and_removed():
    builder = typed(SweepBuilder(), ("a", "1"), ("b", "2"))
    first, second = builder.model.axes
    one, other = builder._named
    said(builder, op="moveaxis", key=one, by=1)
    assert builder.model.axes == [second, first]
    assert list(builder._named) == [other, one]
    said(builder, op="dropaxis", key=other)
    assert builder.model.axes == [first]
    said(builder, op="typeaxis", key=one, field="kind", text="linspace")
    assert list(shown(builder)["axes"][0]["texts"]) == ["low", "high", "count"]
    [note] = said(builder, op="dropaxis", key=other)
    assert note["tone"] == "error"
    [note] = said(builder, op="typeaxis", key=one, field="kind", text="eval")
    assert "none of list" in note["text"]


def test_a_sample_has_its_own_fields():
    builder = typed(SweepBuilder(), ("alpha", "1"))
    assert shown(builder)["drawn"] is False
    said(builder, op="typehow", field="way", text="sample")
    assert shown(builder)["drawn"] is True
    [key] = builder._named
    for field, text in (("kind", "loguniform"), ("low", "0.001"), ("high", "1")):
        said(builder, op="typeaxis", key=key, field=field, text=text)
    for field, text in (("n", "6"), ("method", "sobol")):
        said(builder, op="typehow", field=field, text=text)
    assert "less so for 6" in shown(builder)["told"][0]
    assert len(builder.value) == 6
    assert "method=" in builder.code


def test_too_many_rows_are_told_and_the_code_is_there():
    builder = SweepBuilder()
    builder.model.axes = [Axis(name, "range", {"high": "5000"}) for name in "ab"]
    builder.show()
    assert shown(builder)["rows"] == 25_000_000
    assert "counted, not made" in shown(builder)["told"][0]
    assert "range(0, 5000)" in shown(builder)["code"]


def test_tables_are_ticked():
    builder = typed(SweepBuilder(tables={"folds": tf.grid(fold=[1, 2])}), ("alpha", "1, 2"))
    assert (shown(builder)["rows"], shown(builder)["sizes"]) == (4, [2, 2])
    said(builder, op="usetable", name="folds", used=False)
    assert shown(builder)["rows"] == 2


def test_the_table_is_handed_on():
    found: list[pd.DataFrame] = []
    builder = typed(SweepBuilder(on_table=found.append), ("", "1, 2"))
    [note] = said(builder, op="handon")
    assert "a name is missing" in note["text"]
    said(builder, op="typeaxis", key="1", field="name", text="alpha")
    said(builder, op="handon")
    assert_frame_equal(found[0], tf.grid(alpha=[1, 2]))
    with pytest.raises(tf.RefusedError, match="SweepBuilder\\(wf\\)"):
        builder.to_editor()


def test_the_table_is_pushed_after_it_was_told_what_that_does(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("sweep")
    wf.push(tf.grid(alpha=[1], solver=["svd"]), command="true")
    builder = typed(SweepBuilder(wf), ("alpha", "1, 2"), ("solver", "svd, sag"))
    assert (shown(builder)["rows"], shown(builder)["told"]) == (4, ["1 there already"])
    [wrong] = said(builder, op="planpush", id="1", name="", command="run {beta}")
    assert (wrong["wrong"], wrong["new"]) == (True, 0)
    assert "no column 'beta'" in wrong["text"]
    [note] = said(builder, op="dopush")
    assert "changed since it was reviewed" in note["text"]
    [planned] = said(builder, op="planpush", id="2", name="{solver} {alpha}", command="run {alpha}")
    assert planned["text"] == "3 jobs are added, 1 is there already and stays."
    said(builder, op="dopush")
    assert builder._pushing.wait(20)
    assert wf.jobs()["command"].tolist() == ["true", "run 1", "run 2", "run 2"]
    assert wf.jobs()["job_name"].tolist()[1:] == ["sag 1", "svd 2", "sag 2"]
    assert shown(builder)["told"] == ["4 there already"]
    [planned] = said(builder, op="planpush", id="3", name="", command="")
    assert planned["new"] == 0


def test_the_table_goes_into_an_editor_of_the_workflow(tmp_path, monkeypatch):
    monkeypatch.setenv("TORC_FRAMES_DRAFTS", str(tmp_path / "drafts"))
    wf = tf.connect(tmp_path / "study.db").create_workflow("sweep")
    builder = SweepBuilder(wf, model=grid(alpha="1, 2", solver="svd, sag"))
    edited = builder.to_editor().value[["alpha", "solver"]].reset_index(drop=True)
    assert_frame_equal(edited, builder.value, check_dtype=False)
    assert wf.jobs().empty  # nothing is written before it is applied there


def test_what_is_covered_is_a_figure(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("sweep")
    wf.push(tf.grid(alpha=[0.1, 1.0, 10.0], solver=["svd"]))
    builder = typed(SweepBuilder(wf), ("alpha", "0.01, 0.1, 1, 10"), ("solver", "svd, sag"))
    [answer] = said(builder, op="covered", id="1", x="alpha", y="solver")
    x, y, new = answer["axes"]
    assert (x["name"], x["log"], x["labels"]) == ("alpha", True, None)
    assert x["values"] == [0.1, 1, 10, 0.01, 0.01, 0.1, 0.1, 1, 1, 10, 10]
    assert [y["labels"][at] for at in y["values"]] == ["svd"] * 4 + [
        "sag",
        "svd",
        "sag",
        "svd",
        "sag",
        "svd",
        "sag",
    ]
    assert new["values"] == [0] * 3 + [1] * 8
    assert answer["keys"] == ["1", "2", "3"] + [""] * 8
    [nothing] = said(builder, op="covered", id="1", x="alpha", y="gone")
    assert nothing["axes"] == []


def test_a_sweep_is_gone_on_with():
    builder = SweepBuilder(model=SweepModel.from_state(grid(alpha="1, 2").state()))
    assert len(builder.value) == 2
    assert shown(builder)["rows"] == 2


def test_typing_does_not_wait_for_a_large_table():
    builder = SweepBuilder()
    builder.model.axes = [Axis(name, "range", {"high": "600"}) for name in "ab"]
    builder.show()
    time.sleep(0.4)  # it is being made
    begun = time.perf_counter()
    builder._on_message(builder, {"op": "typehow", "field": "where", "text": "a < 3"}, [])
    assert time.perf_counter() - begun < 1
    assert shown(builder)["rows"] == 1800


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OPS = [
    "addaxis",
    "typeaxis",
    "moveaxis",
    "dropaxis",
    "typehow",
    "usetable",
    "covered",
    "planpush",
    "dopush",
    "handon",
]
WORDS = st.text(max_size=5) | st.sampled_from(
    ["1", "2", "name", "kind", "values", "way", "n", "where", "uniform", "zip"]
)
FIELDS_OF_MESSAGES = {
    **dict.fromkeys(("key", "field", "text", "id", "x", "y", "name", "command"), WORDS),
    **{
        "op": st.sampled_from([*OPS, "open", "hello"]),
        "to": st.just("grid"),
        "by": st.integers(-3, 3),
        "used": st.booleans(),
    },
}
MESSAGES = ANYTHING | st.fixed_dictionaries(
    {}, optional={name: values | ANYTHING for name, values in FIELDS_OF_MESSAGES.items()}
)


@given(messages=st.lists(MESSAGES, max_size=8))
def test_whatever_a_page_sends_neither_raises_nor_corrupts(messages):
    builder = SweepBuilder()
    for message in messages:
        builder._on_message(builder, message, [])
    built(builder)
    assert list(builder._named.values()) == builder.model.axes
    assert SweepModel.from_state(builder.model.state()).state() == builder.model.state()
