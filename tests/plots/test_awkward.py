"""Every figure takes awkward frames by both backends: it is drawn, or says what is wrong with them."""

import numpy as np
import pandas as pd
import pytest
from drawn import finished, notes

from torc_frames import RefusedError, plots

N = 12
WHEN = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(N), unit="min")
FRAME = pd.DataFrame(
    {
        "job_name": [f"<b>job</b> {at} $x$ %" for at in range(N)],
        "status": ["completed"] * 10 + ["failed", "running"],
        "params.rate": np.logspace(-3, 0, N),
        "params.kind": ["<i>a</i>", "$b$", "_c"] * 4,
        "params.seed": [0, 1] * 6,
        "params.gap": pd.array([1, None, 3] * 4, dtype="Int64"),
        "params.list": [[1], [2, 3], {"a": 1}] * 4,
        "results.loss": [np.nan, np.inf, *np.linspace(1, 0.1, N - 2)],
        "results.hours": pd.array([*range(1, N), None], dtype="Int64"),
        "epoch": [1, 2, 3, 4] * 3,
        "start_time": WHEN,
        "end_time": WHEN + pd.Timedelta("90s"),
        "host": ["a"] * 6 + [None] * 6,
        "memory_asked_bytes": pd.array([2**30] * N, dtype="Int64"),
        "memory_used_bytes": pd.array([2**29, None] * 6, dtype="Int64"),
        "memory_share": [0.5, None] * 6,
        "runtime_share": [0.0, 5.0] * 6,
    },
    index=pd.Index([str(at // 4) for at in range(N)], name="job_key"),
)
MANY = pd.concat([FRAME.assign(job_name=str(at)) for at in range(30)])
CALLS = {
    "ecdf": lambda df, how: plots.ecdf(df, "loss", by="kind", backend=how),
    "history": lambda df, how: plots.history(df, "loss", by="kind", backend=how),
    "history by the clock": lambda df, how: plots.history(df, "hours", clock=True, backend=how),
    "pareto": lambda df, how: plots.pareto(df, "hours", "loss", by="gap", backend=how),
    "curves": lambda df, how: plots.curves(df, "loss", backend=how),
    "curves by": lambda df, how: plots.curves(df, "loss", by="kind", band="ci95", backend=how),
    "curves over": lambda df, how: plots.curves(df, "loss", over=["seed", "rate", "gap"], backend=how),
    "timeline": lambda df, how: plots.timeline(df, backend=how),
    "timeline of many": lambda df, how: plots.timeline(df, by="kind", limit=3, backend=how),
    "utilization": lambda df, how: plots.utilization(df, by="kind", backend=how),
    "importance": lambda df, how: plots.importance(df, "hours", backend=how),
    "importance of the best": lambda df, how: plots.importance(df, "loss", method="ped-anova", backend=how),
}
FRAMES = {
    "odd": FRAME,
    "empty": FRAME.iloc[:0],
    "one row": FRAME.iloc[[3]],
    "all failed": FRAME.assign(status="failed"),
    "no values": FRAME.assign(**{"results.loss": np.nan, "results.hours": np.nan, "start_time": pd.NaT}),
    "all the same": pd.concat([FRAME.iloc[[3]]] * N),
    "objects": FRAME.astype({"results.loss": object, "results.hours": object, "params.kind": "category"}),
    "arrow": FRAME.drop(columns="params.list").replace(np.inf, 9.0).convert_dtypes(dtype_backend="pyarrow"),
    "huge and tiny": FRAME.assign(**{"results.loss": np.logspace(-300, 300, N), "results.hours": -1e-300}),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("call", CALLS)
def test_it_is_drawn(call, frame):
    given = FRAMES[frame]
    before = given.copy(deep=True)
    figure = CALLS[call](given, "matplotlib")
    if frame == "odd" and call in ("ecdf", "pareto", "timeline"):  # to finish all takes long
        finished(figure)
    pd.testing.assert_frame_equal(given, before)


@pytest.mark.parametrize("call", CALLS)
def test_on_the_screen_names_are_no_markup(call):
    text = finished(CALLS[call](FRAME, "plotly")).to_json()
    assert "<b>job" not in text
    assert "<i>a" not in text
    assert "\\u003cb\\u003ejob" not in text
    assert "$b$" not in text


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda df: plots.ecdf(df, "los"), "'los'.*loss"),
        (lambda df: plots.ecdf(df, "kind"), "not of numbers"),
        (
            lambda df: plots.ecdf(
                pd.concat([df.assign(job_name=str(at)) for at in range(30)]), "hours", by="job_name"
            ),
            "30 values",
        ),
        (lambda df: plots.history(df, "loss", direction="minimize"), "'min' or 'max'"),
        (lambda df: plots.history(df.drop(columns="end_time"), "loss"), r"job_columns=\['end_time'\]"),
        (lambda df: plots.history(df.assign(end_time="noon"), "loss"), "pd.to_datetime"),
        (lambda df: plots.pareto(df, "hours", "kind"), "not of numbers"),
        (lambda df: plots.pareto(df, "hours", "loss", direction=["min"]), "one for x and one for y"),
        (lambda df: plots.curves(df.reset_index(drop=True), "loss"), "'job_key'"),
        (lambda df: plots.curves(df.drop(columns="epoch"), "loss"), "where on a curve"),
        (lambda df: plots.curves(df, "loss", by="seed", over="seed"), "over='params.seed'"),
        (lambda df: plots.curves(df, "loss", band="error"), "'minmax'"),
        (lambda df: plots.timeline(df.drop(columns="end_time")), "wf.runs"),
        (lambda df: plots.timeline(df.assign(start_time=3)), "pd.to_datetime"),
        (lambda df: plots.utilization(df[["job_name"]]), "wf.utilization"),
        (lambda df: plots.importance(df, "loss", method="fanova"), "'ped-anova'"),
        (lambda df: plots.importance(df, "kind"), "not of numbers"),
    ],
)
def test_what_can_not_be_drawn_is_refused(call, reason):
    with pytest.raises(RefusedError, match=reason):
        call(FRAME)


def test_what_is_left_out_is_told():
    told = notes(plots.ecdf(FRAME, "loss"))
    assert "left out: 1 failed, 1 unfinished, 1 without a value" in told
    assert "1 infinite" in told


def test_names_and_texts_that_are_the_same_are_told_apart():
    rows = {
        "job_key": list("aabb"),
        "step": [0, 1, 0, 1],
        "loss": [4.0, 3.0, 2.0, 1.0],
        "params.seed": [1, 1, 2, 2],
    }
    frame = pd.DataFrame(rows | {"params.step": [5, 5, 6, 6], "params.loss": [7, 7, 8, 8]})
    drawn = plots.curves(frame, "loss", over="seed", band=None).axes[0]
    assert sorted(map(list, (line.get_xdata() for line in drawn.lines))) == [[0, 1], [0, 1]]
    assert sorted(max(line.get_ydata()) for line in drawn.lines) == [2.0, 4.0]
    texts = pd.Series(["1", "1 (3)", 1], dtype=object).repeat(2).reset_index(drop=True)
    alike = pd.DataFrame(
        {
            "job_key": texts.index // 2,
            "step": [0, 1] * 3,
            "loss": range(6),
            "params.text": texts,
            "params.seed": 1,
        }
    )
    assert len(plots.curves(alike, "loss", over="seed", band=None).axes[0].lines) == 3


def test_a_run_of_no_status_is_in_a_timeline():
    start = pd.to_datetime(["2026-01-01 10:00", "2026-01-01 10:05"], utc=True)
    status = pd.Series(["completed", None], dtype="string")
    runs = pd.DataFrame({"job_key": ["1", "2"], "status": status, "start_time": start})
    runs["end_time"] = runs["start_time"] + pd.Timedelta(minutes=3)
    names = [text.get_text() for text in plots.timeline(runs).axes[0].get_legend().get_texts()]
    assert names == ["completed", "unknown"]


def test_one_name_needs_no_list():
    frame = pd.DataFrame({"params.rate": [1, 10, 100], "params.n": [1, 2, 3], "loss": [3.0, 1.0, 2.0]})
    assert plots.parallel(frame, columns=["rate", "n"], log="rate").axes
    assert plots.slice(frame, y="loss", columns="rate").axes[0].get_xlabel() == "rate"
