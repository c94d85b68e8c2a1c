"""The same figures by plotly: nothing in them is mark-up, and nothing is fetched."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from drawn import finished
from figures import CALLS, FRAMES, table
from jupyter import chromium

from torc_frames import plots

SHOWN = ["lines", "heatmap", "scatter", "parallel", "slice", "timeline", "utilization"]
MARKED = "<b>bold</b> <a href='https://example.com'>$x$</a> %{x} &lt;"


def drawn(name, frame):
    frames = {called: frame if called == "table" else make() for called, make in FRAMES.items()}
    figure = eval(CALLS[name].removesuffix(")") + ', backend="plotly")', {"plots": plots, **frames})
    return figure, json.loads(figure.to_json())


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if "(table" in call])
def test_texts_of_the_table_are_no_markup(name):
    frame = table().rename(columns={"params.alpha": f"params.{MARKED}"})
    frame["params.alpha"], frame["job_name"] = frame[f"params.{MARKED}"], MARKED
    frame["params.solver"] = frame["params.solver"].map({"svd": MARKED, "cholesky": "c"})
    text = drawn(name, frame)[1]
    assert "<b>" not in (told := json.dumps(text))
    assert "<a" not in told
    assert "%{" not in told
    assert "$" not in told


def test_the_pointer_is_told_the_job_and_its_parameters():
    figure, _ = drawn("scatter", table())
    (points, without) = figure.data
    told = dict(line.split(" = ") for line in points.hovertext[0].split("<br>")[1:])
    assert points.hovertext[0].startswith("job_key ")
    assert set(told) == {"job_name", "status", "gamma", "alpha", "error", "solver", "seed"}
    assert len(points.x) + len(without.x) == 240


def test_panels_of_one_meaning_have_one_legend():
    by_name = plots.slice(table(), y="error", columns=["gamma", "alpha"], by="solver", backend="plotly")
    assert [trace.name for trace in by_name.data if trace.showlegend] == ["cholesky", "svd"]
    by_number = plots.slice(table(), y="error", columns=["gamma", "alpha"], by="error", backend="plotly")
    scales = [trace.marker.showscale for trace in by_number.data]
    assert [scale for scale in scales if scale is not None] == [True, False]
    drawn = plots.slice(table(), y="error", columns=["gamma", "alpha"], by="solver")
    assert [len(legend.get_texts()) for legend in drawn.legends] == [2]
    assert len(plots.slice(table(), y="error", columns=["gamma", "alpha"], by="error").axes) == 3


def test_a_page_of_figures_asks_for_nothing(tmp_path):
    frame = table().assign(job_name=MARKED)
    figures = [drawn(name, frame)[0] for name in SHOWN]
    parts = [made.to_html(include_plotlyjs=not at, full_html=False) for at, made in enumerate(figures)]
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset='utf-8'>{''.join(parts)}", encoding="utf-8")
    with chromium() as browser:
        tab = browser().new_page()
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.as_uri())
        scatter = f"document.querySelectorAll('.js-plotly-plot')[{SHOWN.index('scatter')}]"
        tab.wait_for_function(f"() => {scatter}?.querySelector('.points path')")
        tab.evaluate(f"Plotly.Fx.hover({scatter}, [{{curveNumber: 0, pointNumber: 0}}])")
        hover = tab.locator(".hoverlayer .hovertext")
        hover.first.wait_for(state="attached")
        assert f"job_name = {MARKED}" in hover.first.text_content()
        assert hover.locator("a").count() == 0
        assert asked == [page.as_uri()]


AWKWARD = {
    "missing": pd.Series([np.nan] * 3),
    "infinite": pd.Series([np.inf, -np.inf, 1.0]),
    "constant": pd.Series([7] * 3),
    "tiny.and huge": pd.Series([1e-300, 1.0, 1e300]),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "arrow": pd.Series([1.0, None, 3.0], dtype="float64[pyarrow]"),
    "arrow_times": pd.Series(pd.date_range("2026", periods=3)).astype("timestamp[us][pyarrow]"),
    "objects": pd.Series([1, 2.5, None], dtype=object),
    "booleans": pd.Series([True, None, False], dtype="boolean"),
    "lists": pd.Series([[1, 2], {"a": 1}, None], dtype=object),
    "decimals": pd.Series([Decimal(1), Decimal(2), None], dtype=object),
    "$mark$ <b>up</b>": pd.Series(["<b>", "$x$", "a\nb"]),
    "category": pd.Series(["u", "v", "u"], dtype="category"),
    "times %": pd.Series(pd.to_datetime(["2026-01-01", None, "2026-03-01"])),
    "spans": pd.Series(pd.to_timedelta([1, None, 3], unit="h")),
}


@pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_columns_of_any_kind_are_drawn(rows, backend):
    frame = pd.DataFrame(AWKWARD).add_prefix("params.").assign(status="completed", loss=[0.1, 0.2, 0.3])
    frame, kinds = frame[:rows], list(AWKWARD)
    for figure in (
        plots.slice(frame, y="loss", columns=kinds[rows % 2 :: 2], backend=backend),
        plots.parallel(frame, columns=kinds, by="lists", backend=backend),
    ):
        finished(figure)
    for lines, heatmap, scatter in zip(kinds[0::3], kinds[1::3], kinds[2::3], strict=True):
        plots.lines(frame, x=lines, y="loss", backend=backend)
        plots.heatmap(frame, x=heatmap, y=scatter, metric="loss", backend=backend)
        plots.scatter(frame, x=scatter, y="loss", by=heatmap, backend=backend)


@pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
def test_jobs_that_all_failed_are_crosses(backend):
    frame = pd.DataFrame({"params.n": [1, 2], "results.loss": [None, None], "status": "failed"})
    frame["results.loss"] = frame["results.loss"].astype("float64")
    made = plots.slice(frame, y="loss", backend=backend)
    assert len(made.data[0].x if backend == "plotly" else made.axes[0].collections[0].get_offsets()) == 2
