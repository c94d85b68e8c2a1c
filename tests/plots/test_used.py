"""What jobs used of what they asked for."""

import pandas as pd
from drawn import legend, notes

from torc_frames import plots

USE = pd.DataFrame(
    {
        "job_name": ["a", "b", "c"],
        "memory_asked_bytes": pd.array([2**30, 2**30, 2**31], dtype="Int64"),
        "memory_used_bytes": pd.array([2**29, 2**20, None], dtype="Int64"),
        "memory_share": [0.5, 1 / 1024, None],
        "memory_mark": ["within", "under", None],
        "runtime_asked_seconds": 3600.0,
        "runtime_used_seconds": [90.0, 7200.0, 3600.0],
        "runtime_share": [0.025, 2.0, 1.0],
        "runtime_mark": ["under", "over", "within"],
        "cpu_share": pd.array([None] * 3, dtype="Float64"),
    }
)


def test_each_job_has_a_point_a_resource_that_was_measured():
    figure = plots.utilization(USE)
    points = [tuple(at) for each in figure.axes[0].collections for at in each.get_offsets()]
    assert sorted(round(share, 1) for share, _ in points) == [0.1, 2.5, 50, 100, 200]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["memory", "runtime"]
    assert legend(figure) == ["over", "within", "under"]


def test_it_says_how_much_that_was():
    told = notes(plots.utilization(USE))
    assert "cpu: not measured, or not asked for" in told
    assert "memory: at most 512 MiB of 1 GiB, 1 unknown" in told
    assert "runtime: at most 2 h of 1 h, 1 over" in told


def test_shares_far_over_have_a_logarithmic_axis():
    assert plots.utilization(USE).axes[0].get_xscale() == "linear"
    assert plots.utilization(USE.assign(runtime_share=9.0)).axes[0].get_xscale() == "log"


def test_groups_have_rows_of_their_own():
    figure = plots.utilization(USE, by="job_name")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["memory, a", "runtime, a", "memory, b", "runtime, b", "runtime, c"]
