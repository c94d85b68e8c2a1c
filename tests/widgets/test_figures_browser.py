"""The editors' figures in a real Chromium: what is drawn, said beside the pointer, brushed and told."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from canvases import DARK, LIGHT, Drawn, drawn

JOBS = 60
_chance = random.Random(5)
ALPHA = [10 ** _chance.uniform(-4, 1) for _ in range(JOBS)]
LOSS = [math.log10(alpha + 0.01) ** 2 / 4 + 0.3 + 0.2 * _chance.random() for alpha in ALPHA]
SOLVERS = [_chance.randrange(3) for _ in range(JOBS)]
DEPTH = [_chance.randrange(2, 9) for _ in range(JOBS)]
BEST = min(range(JOBS), key=LOSS.__getitem__)


def axis(name: str, values: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "values": list(values), **more}


X = axis("params.alpha", ALPHA, log=True)
Y = axis("results.loss", LOSS)
SOLVER = axis("params.solver", SOLVERS, labels=["lbfgs", "sag", "svd"])
TREE = axis("params.depth", DEPTH)
END = axis("end_time", [60 * at for at in range(JOBS)], time=True)
TIME = axis("time", [0, 60, 120, 180], time=True)
COUNTS = [axis("completed", [0, 4, 10, 30]), axis("failed", [0, 1, 2, 2]), axis("ready", [40, 35, 28, 8])]
SHARES = axis("share", [0.2, 0.75, 0.001], labels=["params.depth", "params.alpha", "params.solver"])
NEW = axis("rows", [at % 2 for at in range(JOBS)], labels=["there", "new"])
KINDS: dict[str, list[dict[str, Any]]] = {
    "scatter": [X, Y, Y],
    "parallel": [X, TREE, SOLVER, Y],
    "heat": [TREE, SOLVER, Y],
    "history": [Y, END],
    "importance": [SHARES],
    "coverage": [X, TREE, NEW],
    "progress": [TIME, *COUNTS],
}
BRUSHED = ["scatter", "parallel", "heat", "history"]


@pytest.fixture(scope="module")
def pages() -> Iterator[ExitStack]:
    """What closes the page that the tests share."""
    with ExitStack() as stack:
        yield stack


_shared: dict[Any, Drawn] = {}


@pytest.fixture
def figure(browser: Any, pages: ExitStack) -> Iterator[Drawn]:
    """A page to draw on; another when its browser has died."""
    if browser not in _shared:
        _shared.clear()
        _shared[browser] = pages.enter_context(drawn(browser))
    made = _shared[browser]
    made.reset()
    yield made
    assert not made.errors


def near(value: float, wanted: float, by: float) -> bool:
    return abs(value - wanted) <= by


# What is drawn


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_by_the_tokens_of_the_page(figure: Drawn, kind: str) -> None:
    colour = {"importance": "accent", "progress": "good", "coverage": "accent", "heat": "ramp-1"}.get(
        kind, "ramp-2"
    )
    figure.show(kind, KINDS[kind], best=BEST)
    light = figure.count("rows", LIGHT[colour], slack=60)
    assert light > 20
    figure.tokens({**DARK, "good": "#4cc38a"})
    figure.again(best=BEST)
    dark = {**DARK, "good": "#4cc38a"}[colour]
    assert figure.count("rows", dark, slack=60) > 20
    assert figure.count("rows", LIGHT[colour], slack=20) < light / 10


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_nothing_that_axe_finds_wrong(figure: Drawn, kind: str) -> None:
    figure.show(kind, KINDS[kind], best=BEST)
    assert figure.violations() == {}
    front = figure.front
    assert front.get_attribute("aria-label") == "A figure"
    assert front.get_attribute("role") == ("application" if kind in BRUSHED else "img")
    assert front.get_attribute("tabindex") == ("0" if kind in BRUSHED else None)


@pytest.mark.parametrize("kind", ["scatter", "parallel", "heat", "history"])
def test_the_best_is_marked_by_its_colour(figure: Drawn, kind: str) -> None:
    figure.show(kind, KINDS[kind], best=BEST)
    assert figure.count("rows", LIGHT["best"], slack=30) > 40
    if kind != "history":  # whose line is there without it
        figure.again(best=-1)
        assert figure.pixels("rows", LIGHT["best"], slack=30) == []


def test_rows_that_are_not_picked_are_grey_and_picked_ones_on_top(figure: Drawn) -> None:
    figure.show("scatter", [axis("x", [1, 1, 2]), axis("y", [1, 1, 2]), axis("c", [0, 9, 9])], least=False)
    x, y = figure.place_of(0)
    part = [x - 3, y - 3, 6, 6]
    figure.again(brushed=True, picked=[0], least=False)
    worst = figure.count("rows", LIGHT["ramp-0"], part, slack=40)
    assert worst > 5  # though row 1, which is better, has the same place
    figure.again(brushed=True, picked=[2], least=False)
    assert figure.pixels("rows", LIGHT["ramp-0"], part, slack=20) == []
    assert figure.pixels("rows", LIGHT["ramp-2"], part, slack=40) == []


def test_the_row_of_the_table_has_a_ring(figure: Drawn) -> None:
    figure.show("scatter", KINDS["scatter"])
    assert figure.pixels("front", LIGHT["accent"]) == []
    figure.again(marked=3)
    assert figure.count("front", LIGHT["accent"], slack=30) > 20


def test_canvases_are_as_sharp_as_the_screen_and_as_large_as_the_figure(browser: Any) -> None:
    with drawn(browser, device_scale_factor=2) as figure:
        figure.show("scatter", KINDS["scatter"])
        assert figure.front.evaluate("c => [c.width, c.height]") == [1200, 528]
        figure.node.evaluate("node => void (node.style.width = '300px')")
        figure.page.wait_for_function("document.querySelector('canvas').width === 600")


def test_a_window_that_is_moved_to_another_screen_is_sharp_with_the_next_frame(browser: Any) -> None:
    with drawn(browser) as figure:
        figure.show("scatter", KINDS["scatter"])
        screen = {"width": 900, "height": 700, "deviceScaleFactor": 2, "mobile": False}
        figure.page.context.new_cdp_session(figure.page).send("Emulation.setDeviceMetricsOverride", screen)
        figure.page.wait_for_function("devicePixelRatio === 2")
        figure.point(*figure.place_of(3))
        figure.page.wait_for_function("document.querySelector('canvas').width === 1200")


def test_the_best_so_far_only_gets_better_and_reaches_the_right(figure: Drawn) -> None:
    figure.show("history", [axis("loss", [5, 7, 3, 4, 2]), axis("end_time", [10, 0, 20, 40, 30], time=True)])
    line = figure.pixels("rows", LIGHT["best"], slack=30)
    by_column: dict[int, float] = {}
    for x, y in line:
        by_column[round(x)] = max(by_column.get(round(x), 0), y)
    heights = [by_column[x] for x in sorted(by_column)]
    assert max(by_column) > 575
    assert heights[-1] > heights[0] + 100  # the least is lowest
    assert all(later >= earlier - 12 for earlier, later in itertools.pairwise(heights))


def test_jobs_of_no_given_time_are_in_the_order_of_their_keys(figure: Drawn) -> None:
    figure.show("history", [axis("loss", [3, 1, 2])], keys=["30", "9", "10"])
    told = []
    for x in (60, 312, 564):
        for y in range(36, 222, 8):
            figure.point(x, y)
            if figure.tip:
                told.append(figure.tip)
                break
    assert told == ["job 9 loss 1", "job 10 loss 2", "job 30 loss 3"]


# Ticks

MINUTE, HOUR, DAY = 60, 3_600, 86_400
TICKS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "its own values, if they are few": ({"values": [256, 32, 128, 64]}, ["32", "64", "128", "256"]),
    "round values": ({"values": [at / 100 for at in range(3, 98)]}, ["0.2", "0.4", "0.6", "0.8"]),
    "whole numbers of whole numbers": ({"values": range(1, 15)}, ["2", "4", "6", "8", "10", "12", "14"]),
    "decades": (
        {"values": [10 ** (at / 10) for at in range(-40, 11)], "log": True},
        ["1e-4", "0.001", "0.01", "0.1", "1", "10"],
    ),
    "one, two, five": ({"values": [3 + at for at in range(60)], "log": True}, ["5", "10", "20", "50"]),
    "minutes": (
        {"values": [7 * at for at in range(100)], "time": True},
        ["0", "2 min", "4 min", "6 min", "8 min", "10 min"],
    ),
    "hours": (
        {"values": [at * HOUR / 2 for at in range(49)], "time": True},
        ["0", "6 h", "12 h", "18 h", "1 d"],
    ),
    "categories": ({"values": [0, 1], "labels": ["adam", "sgd"]}, ["adam", "sgd"]),
    "every so many categories": (
        {"values": [0, 1], "labels": [f"c{at:03}" for at in range(50)], "length": 200},
        ["c000", "c010", "c020", "c030", "c040"],
    ),
}


@pytest.mark.parametrize("what", TICKS)
def test_an_axis_has_ticks_of(figure: Drawn, what: str) -> None:
    given, wanted = TICKS[what]
    figure.load("ticks", "scale")
    given = {**given, "values": list(given["values"])}
    assert figure.page.evaluate("axis => ticksOf({ name: 'x', ...axis })", given) == wanted


def test_ticks_of_any_axis_fit_and_tell_values_apart(figure: Drawn) -> None:
    chance = random.Random(3)
    axes: list[dict[str, Any]] = []
    for _ in range(2_000):
        kind = chance.choice(["plain", "log", "time"])
        low = 10 ** chance.uniform(-12, 12) * (chance.choice([1, -1]) if kind == "plain" else 1)
        wide = abs(low) * 10 ** chance.uniform(-4, 12)
        values = [low + wide * chance.random() for _ in range(chance.choice([2, 3, 9, 40]))]
        length = chance.randrange(230, 900)
        axes.append(axis("x", values, log=kind == "log", time=kind == "time", length=length))
    figure.load("ticks", "scale")
    assert figure.page.evaluate("axes => badTicks(axes)", axes) == []


# What is said


def test_a_tooltip_tells_the_job_and_the_listener_hears_of_it(figure: Drawn) -> None:
    figure.show("scatter", [X, Y, TREE], keys=[f"10{at}" for at in range(JOBS)])
    x, y = figure.place_of(BEST)
    figure.point(x, y)
    assert figure.tip.startswith(f"job 10{BEST} best alpha {ALPHA[BEST]:.6g}")
    assert f"depth {DEPTH[BEST]}" in figure.tip
    assert figure.said("hover") == [BEST]
    figure.click(x, y)
    assert figure.said("choose") == [BEST]
    figure.point(2, 200)
    assert figure.tip == ""
    assert figure.said("hover")[-1] is None


def test_texts_of_a_store_stay_text_and_are_whole_in_the_tooltip(figure: Drawn) -> None:
    hostile = '<img src=x onerror="window.hacked = 1"><b>bold</b>\n' + "long " * 30
    figure.show(
        "scatter", [axis("<script>alert(1)</script>", [0, 1], labels=[hostile, "b"]), axis("y", [1, 2])]
    )
    x, y = figure.place_of(0)
    figure.point(x, y)
    assert "<img src=x" in figure.tip
    assert "<script>alert(1)</script>" in figure.tip
    figure.point(x, 234)  # the label of the axis, which is cut
    assert figure.tip.startswith("<img src=x")
    assert "<b>bold</b>" in figure.tip
    assert figure.node.locator("img, b, script").count() == 0
    assert figure.page.evaluate("'hacked' in window") is False


def test_what_is_missing_or_infinite_is_told(figure: Drawn) -> None:
    x = axis("x", [1, None, 3, "inf", -1, 4], log=True)
    figure.show("scatter", [x, axis("y", [1, 2, None, 4, 5, 6])])
    for told in ("1 job without x", "1 job with infinite x", "1 job with x not above 0", "1 job without y"):
        assert told in figure.about


def test_lines_go_to_a_mark_below_an_axis_where_a_value_is_missing(figure: Drawn) -> None:
    both = axis("a", [1, 2, 3]), axis("loss", [1, 2, 3])
    figure.show("parallel", both, best=0)
    lowest = max(y for _, y in figure.pixels("rows", LIGHT["best"], slack=30))
    figure.show("parallel", [axis("a", [1, 2, 3]), axis("loss", [1, None, "inf"])], best=1)
    assert max(y for _, y in figure.pixels("rows", LIGHT["best"], slack=30)) > 220 - 15
    assert lowest < 264 - 20
    assert "1 job without loss" in figure.about
    assert "1 job with infinite loss" in figure.about


NOTHING = {
    "scatter": "No job has a and b",
    "parallel": "No job has a value in these columns",
    "heat": "No job has a and b and loss",
    "history": "No job has a",
    "importance": "Too few jobs to tell what is important",
    "coverage": "No row has a and b",
    "progress": "Nothing has been counted yet",
}
EMPTY = {"coverage": "No rows", "importance": "No parameters", "progress": NOTHING["progress"]}


@pytest.mark.parametrize("kind", KINDS)
def test_no_data_and_one_value_are_no_errors_and_said(figure: Drawn, kind: str) -> None:
    def show(values: list[Any]) -> str:
        axes = [axis(name, values, log=True) for name in ("params.a", "params.b", "loss")]
        if kind == "importance":
            axes = [axis("share", values, labels=[f"p{at}" for at in range(len(values))])]
        figure.show(kind, axes)
        figure.drag((200, 100), (300, 150))
        return figure.about

    assert show([]).startswith(EMPTY.get(kind, "No jobs") + ".")
    assert figure.violations() == {}
    for values in ([None, None], ["inf", "-inf"]):
        assert show(values).startswith(NOTHING[kind])
    said = show([2.5, 2.5])
    if kind in ("scatter", "parallel", "heat"):
        assert "a is 2.5 in all" in said
    show([0, 0])


def test_a_cell_tells_how_many_jobs_their_mean_and_the_best(figure: Drawn) -> None:
    axes = [axis("a", [1, 1, 2]), axis("b", [1, 1, 1]), axis("loss", [4, 2, 9])]
    figure.show("heat", axes, best=1, keys=["11", "12", "13"])
    figure.point(150, 120)
    assert figure.tip == "2 jobs best a 1 b 1 loss, mean 3 loss, best 2 (job 12)"
    assert figure.said("hover") == [1]
    figure.click(150, 120)
    assert figure.said("choose") == [1]


def test_a_share_is_written_and_a_click_chooses_the_parameter(figure: Drawn) -> None:
    figure.show("importance", [SHARES])
    figure.point(300, 20)
    assert figure.tip == "params.alpha 75%"
    figure.click(300, 20)
    assert figure.said("choose") == [1]
    assert figure.said("hover") == []  # it is no job


def test_progress_tells_the_counts_of_a_time(figure: Drawn) -> None:
    figure.show("progress", [TIME, *COUNTS])
    figure.point(460, 150)
    assert figure.tip == "2 min 40 jobs ready 28 failed 2 completed 10"
    figure.point(468, 150)
    assert figure.tip == "3 min 40 jobs ready 8 failed 2 completed 30"
    for name in ("good", "bad", "idle"):
        assert figure.count("rows", LIGHT[name], slack=90) > 40


def test_coverage_tells_what_is_there_and_what_is_new(figure: Drawn) -> None:
    figure.show(
        "coverage",
        [axis("a", [1, 2, 3]), axis("b", [1, 2, 3]), axis("rows", [0, 0, 1], labels=["there", "new"])],
    )
    x, y = figure.place_of(2)
    figure.point(x, y)
    assert figure.tip == "job 3 new a 3 b 3"


# Brushes


def test_a_drag_brushes_what_is_between_its_ends(figure: Drawn) -> None:
    figure.show("scatter", KINDS["scatter"])
    low, high = sorted((4, 17), key=ALPHA.__getitem__)
    (x0, y0), (x1, y1) = figure.place_of(low), figure.place_of(high)
    a_pixel = (ALPHA[high] / ALPHA[low]) ** (1 / (x1 - x0))
    figure.again()
    figure.drag((x0, y0), (x1, y1))
    from_x, to_x = figure.ranges["params.alpha"]
    assert ALPHA[low] / a_pixel <= from_x <= ALPHA[low] * a_pixel
    assert ALPHA[high] / a_pixel <= to_x <= ALPHA[high] * a_pixel
    a_pixel = abs((LOSS[high] - LOSS[low]) / (y1 - y0))
    ends = sorted((LOSS[low], LOSS[high]))
    assert all(
        near(value, wanted, a_pixel)
        for value, wanted in zip(figure.ranges["results.loss"], ends, strict=True)
    )


def test_a_brush_is_moved_resized_and_freed(figure: Drawn) -> None:
    figure.show("scatter", [axis("x", range(11)), axis("y", range(11))])
    figure.drag((150, 60), (250, 160))
    first = figure.ranges
    figure.drag((200, 110), (230, 110))
    moved = figure.ranges
    assert near(moved["x"][1] - moved["x"][0], first["x"][1] - first["x"][0], 1e-3)
    assert moved["x"][0] > first["x"][0] + 0.4
    assert moved["y"] == first["y"]
    figure.drag((280, 100), (330, 100))  # its right edge
    assert figure.ranges["x"][0] == moved["x"][0]
    assert figure.ranges["x"][1] > moved["x"][1] + 0.5
    figure.click(500, 200)
    assert figure.ranges == {}


@pytest.mark.parametrize("kind", BRUSHED)
def test_escape_frees_a_brush(figure: Drawn, kind: str) -> None:
    figure.show(kind, KINDS[kind])
    figure.drag((150, 60), (300, 150))
    assert figure.ranges
    figure.press("Escape")
    assert figure.ranges == {}
    assert figure.node.get_by_role("status").inner_text() == "Nothing brushed"


def test_keys_brush_move_and_extend(figure: Drawn) -> None:
    figure.show("scatter", [axis("x", range(11)), axis("y", range(11))])
    figure.press("ArrowRight")
    first = figure.ranges
    assert list(first) == ["x"]
    figure.press("ArrowRight", "ArrowRight")
    second = figure.ranges["x"]
    assert near(second[0] - first["x"][0], second[1] - first["x"][1], 1e-3)
    assert second[0] > first["x"][0]
    figure.press("Shift+ArrowRight")
    assert figure.ranges["x"][0] == second[0]
    assert figure.ranges["x"][1] > second[1]
    figure.press("ArrowUp")
    assert sorted(figure.ranges) == ["x", "y"]
    assert "x 4." in figure.node.get_by_role("status").inner_text()


def test_keys_go_from_axis_to_axis(figure: Drawn) -> None:
    figure.show("parallel", KINDS["parallel"])
    figure.press("ArrowRight", "ArrowRight", "ArrowUp")
    assert figure.ranges == {"params.solver": [1, 1]}
    figure.press("ArrowLeft", "ArrowUp")
    assert sorted(figure.ranges) == ["params.depth", "params.solver"]


def test_each_axis_has_an_interval_and_a_click_frees_it(figure: Drawn) -> None:
    figure.show("parallel", [axis("a", range(11)), axis("b", range(11)), axis("loss", range(11))])
    x = figure.front.bounding_box()["width"]  # type: ignore[index]
    figure.drag((45, 80), (45, 120))
    figure.drag((x - 50, 100), (x - 50, 150))
    assert sorted(figure.ranges) == ["a", "loss"]
    low, high = figure.ranges["a"]
    assert 0 < low < high < 10
    figure.click(45, 220)
    assert list(figure.ranges) == ["loss"]


def test_a_brush_takes_whole_categories(figure: Drawn) -> None:
    figure.show("scatter", [SOLVER, Y])
    x, _ = figure.place_of(SOLVERS.index(1))
    figure.again()
    figure.drag((x - 10, 40), (x + 10, 200))
    assert figure.ranges["params.solver"] == [1, 1]


def test_a_brush_over_cells_takes_the_values_in_them(figure: Drawn) -> None:
    values = [at / 7 for at in range(100)]
    figure.show("heat", [axis("a", values), axis("b", [at % 3 for at in range(100)]), axis("loss", values)])
    figure.drag((60, 40), (120, 60))
    low, high = figure.ranges["a"]
    assert low == 0
    assert any(near(high, value, 1e-6) for value in values)
    assert figure.ranges["b"] == [2, 2]


def test_brushes_of_other_columns_stay_and_are_known(figure: Drawn) -> None:
    other = {"params.batch": [32, 64]}
    figure.show("scatter", [axis("x", range(8)), axis("y", range(8)), axis("c", [9] * 8)], least=False)
    x, y = figure.place_of(5)
    figure.again(ranges=other, brushed=True, picked=[0, 1, 2, 3])
    figure.drag((60, 40), (590, 215), is_released=False)
    assert figure.said("ranges")[-1]["params.batch"] == [32, 64]
    # Row 5 is in the box, but the other brush left it out: it stays grey while the page is asked.
    assert figure.pixels("rows", LIGHT["ramp-2"], [x - 3, y - 3, 6, 6], slack=60) == []
    figure.page.mouse.up()
    figure.press("Escape")
    assert figure.ranges == other


def test_a_brush_from_elsewhere_is_shown(figure: Drawn) -> None:
    figure.show("scatter", KINDS["scatter"])
    assert figure.pixels("front", LIGHT["accent"], slack=30) == []
    figure.again(ranges={"params.alpha": [0.01, 0.1]}, brushed=True)
    line = figure.pixels("front", LIGHT["accent"], slack=30)
    assert max(y for _, y in line) - min(y for _, y in line) > 150  # over all of the other axis


def test_ends_are_compared_as_float32_and_stay_as_they_were_given(figure: Drawn) -> None:
    figure.show(
        "scatter", [axis("x", [0.1, 0.3, 0.5, 0.7]), axis("y", [1, 1, 1, 2]), axis("c", [9] * 4)], least=False
    )
    x, y = figure.place_of(1)
    given = {"x": [0.1, 0.3], "y": [0.9, 1.5]}  # 0.3 as a float32 is above 0.3
    figure.again(ranges=given, brushed=True, picked=[0, 1], least=False)
    line = figure.pixels("front", LIGHT["accent"], slack=30)
    top = min(y for _, y in line)
    figure.drag((200, top + 1), (200, top - 20), is_released=False)
    assert figure.ranges["x"] == given["x"]
    assert figure.ranges["y"][1] > 1.5
    assert figure.count("rows", LIGHT["ramp-2"], [x - 3, y - 3, 6, 6], slack=60) > 5


def test_a_late_answer_does_not_take_a_brush_back(figure: Drawn) -> None:
    figure.show("scatter", [axis("x", range(11)), axis("y", range(11))])
    figure.drag((150, 60), (250, 160), is_released=False)
    heard = figure.said("ranges")
    figure.again(ranges=heard[0], brushed=True)
    figure.page.mouse.up()
    figure.press("ArrowRight")
    assert near(figure.ranges["x"][0], heard[-1]["x"][0] + 11 / 40, 0.3)
    assert figure.ranges["x"][1] - figure.ranges["x"][0] > 1.5


def test_a_drag_goes_on_while_answers_come(figure: Drawn) -> None:
    figure.show("scatter", [axis("x", range(11)), axis("y", range(11))])
    figure.drag((150, 60), (250, 160), is_released=False)
    first = figure.ranges
    figure.again(ranges=first, brushed=True)
    figure.tokens(DARK)
    figure.again(ranges=first, brushed=True)
    figure.node.evaluate("node => void (node.style.height = '280px')")
    figure.frame()
    figure.point(400, 160)
    figure.page.mouse.up()
    figure.node.evaluate("node => void (node.style.height = '')")
    assert figure.ranges["x"][0] == first["x"][0]
    assert figure.ranges["x"][1] > first["x"][1] + 2


def test_a_drag_goes_on_over_rows_that_become_others(figure: Drawn) -> None:
    figure.show("scatter", [axis("x", range(11)), axis("y", range(11))])
    figure.drag((150, 60), (250, 160), is_released=False)
    first = figure.ranges
    figure.page.evaluate("renew()")
    figure.again(ranges=first, brushed=True)
    figure.point(400, 160)
    figure.page.mouse.up()
    assert figure.ranges["x"][0] == first["x"][0]
    assert figure.ranges["x"][1] > first["x"][1] + 2


def test_ranges_are_told_at_most_once_a_frame(figure: Drawn) -> None:
    figure.show("scatter", KINDS["scatter"])
    counts = figure.page.evaluate("flood()")
    assert counts == [0, 1]


# Many rows


def test_of_many_lines_some_by_chance_are_drawn_and_the_ends_of_each_axis(figure: Drawn) -> None:
    chance = random.Random(1)
    values = [chance.gauss(0, 1) for _ in range(10_000)]
    values[4321] = 40.0
    loss = [chance.random() for _ in range(10_000)]
    loss[4321] = 0.5
    figure.show("parallel", [axis("a", values), axis("b", values[::-1]), axis("loss", loss)])
    told = re.match(r"(\d),(\d{3}) of 10,000 lines, by chance", figure.about)
    assert told
    assert near(int(told[1] + told[2]), 4_000, 200)
    figure.point(60, 37)
    assert figure.tip.startswith("job 4322 loss 0.5 a 40 ")
    # What is picked comes first: all of few.
    figure.again(brushed=True, picked=range(0, 10_000, 1000))
    assert "10,000" not in figure.about


def test_a_sample_is_by_chance_and_never_every_nth(figure: Drawn) -> None:
    """Of 100 × 100 rows of a grid each column and row is drawn about as often."""
    figure.load("rows")
    counted = figure.page.evaluate("sampled()")
    total, *ends = counted
    assert near(total, 4000, 200)
    assert all(20 < count < 60 for count in ends)


@pytest.mark.parametrize("rows", [1_000, 20_000])
def test_a_brush_of_many_points_colours_those_in_it(figure: Drawn, rows: int) -> None:
    chance = random.Random(2)
    xs, ys = ([chance.random() for _ in range(rows)] for _ in range(2))
    figure.show("scatter", [axis("x", xs), axis("y", ys), axis("c", xs)], least=False)
    figure.drag((150, 60), (250, 160), is_released=False)
    assert figure.count("rows", LIGHT["ramp-1"], [150, 60, 100, 100], slack=160) > 100
    assert figure.count("rows", LIGHT["ramp-1"], [300, 60, 100, 100], slack=60) == 0
    figure.page.mouse.up()


def test_nothing_is_left_of_a_figure_that_is_destroyed(figure: Drawn) -> None:
    figure.show("scatter", KINDS["scatter"])
    figure.page.evaluate("drawing.destroy()")
    assert figure.node.evaluate("node => node.childNodes.length") == 0
