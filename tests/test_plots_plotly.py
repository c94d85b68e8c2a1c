"""The same figures by plotly: nothing in them is mark-up, and nothing is fetched."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from figures import CALLS, table
from jupyter import chromium

from torc_frames import plots

MARKED = "<b>bold</b> <a href='https://example.com'>$x$</a> %{x} &lt;"


def drawn(name, frame):
    figure = eval(CALLS[name].removesuffix(")") + ', backend="plotly")', {"plots": plots, "table": frame})
    return figure, json.loads(figure.to_json())


@pytest.mark.parametrize("name", CALLS)
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


def test_a_page_of_figures_asks_for_nothing(tmp_path):
    frame = table().assign(job_name=MARKED)
    figures = [drawn(name, frame)[0] for name in CALLS]
    parts = [made.to_html(include_plotlyjs=not at, full_html=False) for at, made in enumerate(figures)]
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset='utf-8'>{''.join(parts)}", encoding="utf-8")
    with chromium() as browser:
        tab = browser().new_page()
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.as_uri())
        scatter = f"document.querySelectorAll('.js-plotly-plot')[{list(CALLS).index('scatter')}]"
        tab.wait_for_function(f"() => {scatter}?.querySelector('.points path')")
        tab.evaluate(f"Plotly.Fx.hover({scatter}, [{{curveNumber: 0, pointNumber: 0}}])")
        hover = tab.locator(".hoverlayer .hovertext")
        hover.first.wait_for(state="attached")
        assert f"job_name = {MARKED}" in hover.first.text_content()
        assert hover.locator("a").count() == 0
        assert asked == [page.as_uri()]


AWKWARD = {
    "no rows": pd.Series([], dtype="float64"),
    "one row": pd.Series([1.5]),
    "all missing": pd.Series([np.nan] * 3),
    "infinite": pd.Series([np.inf, -np.inf, 1.0]),
    "constant": pd.Series([7] * 4),
    "tiny and huge": pd.Series([1e-300, 1.0, 1e300]),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "arrow": pd.Series([1.0, None, 3.0], dtype="float64[pyarrow]"),
    "arrow times": pd.Series(pd.date_range("2026", periods=3, tz="UTC")).astype(
        "timestamp[us, tz=UTC][pyarrow]"
    ),
    "objects": pd.Series([1, 2.5, None], dtype=object),
    "booleans": pd.Series([True, None, False], dtype="boolean"),
    "lists": pd.Series([[1, 2], {"a": 1}, None], dtype=object),
    "decimals": pd.Series([Decimal(1), Decimal(2), None], dtype=object),
    "markup": pd.Series(["<b>", "$x$", "a\nb"]),
    "category": pd.Series(["u", "v", "u"], dtype="category"),
    "times": pd.Series(pd.to_datetime(["2026-01-01", None, "2026-03-01"])),
    "spans": pd.Series(pd.to_timedelta([1, None, 3], unit="h")),
}


@pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
@pytest.mark.parametrize("kind", AWKWARD)
def test_columns_of_any_kind_are_drawn(kind, backend):
    values = AWKWARD[kind]
    frame = pd.DataFrame({"params.a.b_%": values, "results.loss": np.arange(len(values), dtype="float64")})
    frame["status"] = "completed"
    for made in (
        plots.lines(frame, x="a.b_%", y="loss", backend=backend),
        plots.heatmap(frame, x="a.b_%", y="a.b_%", metric="loss", backend=backend),
        plots.scatter(frame, x="a.b_%", y="loss", by="a.b_%", backend=backend),
        plots.parallel(frame, columns=["a.b_%", "loss"], by="a.b_%", backend=backend),
        plots.slice(frame, y="loss", columns=["a.b_%"], backend=backend),
    ):
        assert made.to_json() if backend == "plotly" else made.axes
    assert backend == "plotly" or made._repr_png_()


@pytest.mark.parametrize("backend", ["matplotlib", "plotly"])
def test_jobs_that_all_failed_are_crosses(backend):
    frame = pd.DataFrame({"params.n": [1, 2], "results.loss": [None, None], "status": "failed"})
    frame["results.loss"] = frame["results.loss"].astype("float64")
    made = plots.slice(frame, y="loss", backend=backend)
    assert len(made.data[0].x if backend == "plotly" else made.axes[0].collections[0].get_offsets()) == 2
