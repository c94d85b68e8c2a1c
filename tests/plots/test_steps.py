"""Lines of steps: shares of values, and the best so far."""

import numpy as np
import pandas as pd
from drawn import legend, lines, notes
from matplotlib.ticker import ScalarFormatter

from torc_frames import plots

ENDS = pd.to_datetime([f"2026-01-01 10:0{minute}" for minute in (4, 0, 3, 1, 2)], utc=True)
TABLE = pd.DataFrame(
    {
        "status": ["completed", "completed", "failed", "completed", "completed"],
        "params.kind": ["a", "a", "a", "b", "b"],
        "results.loss": [1.0, 3.0, None, 2.0, np.inf],
        "end_time": ENDS,
    }
)


def test_shares_go_up_at_each_value_and_infinite_ones_are_of_the_whole():
    (line,) = lines(plots.ecdf(TABLE, "loss"))
    assert line == [(1, 0), (1, 0.25), (2, 0.5), (3, 0.75)]


def test_a_line_says_how_many_rows_it_is_of():
    assert legend(plots.ecdf(TABLE, "loss", by="kind")) == ["a (2)", "b (2)"]


def test_times_have_shares_too():
    (line,) = lines(plots.ecdf(TABLE, "end_time"))
    assert [share for _, share in line] == [0, 0.25, 0.5, 0.75, 1]


def test_the_best_follows_the_order_in_which_jobs_ended():
    figure = plots.history(TABLE, "loss")
    assert lines(figure) == [[(1, 3), (2, 2), (5, 1)]]
    assert notes(figure) == "1 failed, marked at the bottom"
    assert lines(plots.history(TABLE, "loss", direction="max"))[0][0] == (1, 3)


def test_each_group_counts_its_own_jobs():
    assert lines(plots.history(TABLE, "loss", by="kind")) == [[(1, 3), (3, 1)], [(1, 2), (2, 2)]]


def test_a_job_that_failed_has_a_mark_below_all_values():
    axes = plots.history(TABLE, "loss").axes[0]
    values, failed = (points.get_offsets() for points in axes.collections)
    assert failed[:, 0].tolist() == [4]
    assert failed[0, 1] < values[:, 1].min()


def test_by_the_clock_the_place_is_the_time():
    ((first, *_),) = lines(plots.history(TABLE, "loss", clock=True))
    assert first[0] == np.datetime64("2026-01-01T10:00")


def test_points_are_thinned_and_the_line_is_not():
    many = pd.DataFrame({"loss": np.arange(5_000.0)[::-1], "end_time": pd.Timestamp(0, unit="s")})
    figure = plots.history(many, "loss", limit=100)
    assert len(lines(figure)[0]) == 5_000
    assert len(figure.axes[0].collections[0].get_offsets()) == 100
    assert figure.axes[0].get_title(loc="left") == "100 of 5,000 rows"


def test_lines_of_as_many_steps_as_are_drawn_are_whole():
    for steps, said in [(5_000, ""), (5_001, "lines of more than 5,000 steps are drawn at as many")]:
        figure = plots.ecdf(pd.DataFrame({"loss": np.arange(float(steps))}), "loss")
        assert notes(figure) == said
        assert len(lines(figure)[0]) == 5_001


def test_by_a_clock_of_numbers_the_axis_is_of_numbers():
    table = TABLE.assign(end_time=[4.5, 0, 3, 1, 2])
    figure = plots.history(table, "loss", clock=True)
    assert lines(figure)[0][0] == (0, 3)
    assert isinstance(figure.axes[0].xaxis.get_major_formatter(), ScalarFormatter)
    assert plots.history(table, "loss", clock=True, backend="plotly").layout.xaxis.type != "date"
