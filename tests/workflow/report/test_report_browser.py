"""The report of 10,000 jobs in a real Chromium: without a request, an error, or anything live."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from servers import wait_until
from studied import study, sweep

from torc_frames.files.tables import read_table
from torc_frames.store.open import open_store

JOBS = 10_000
MOST_BYTES = 2_000_000
HOSTILE = "</script><img src=x onerror=document.title='live'>"


class Opened:
    """A report in a browser, and the frame that it is of."""

    def __init__(self, page: Any, file: Path, table: pd.DataFrame) -> None:
        self.page, self.file, self.table = page, file, table
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text))
        page.goto(file.as_uri())
        page.locator("#jobs tbody tr").first.wait_for()

    def field(self, name: str) -> Any:
        return self.page.get_by_label(f"filter {name}", exact=True)

    def column(self, name: str) -> list[str]:
        """The cells of a column that are drawn."""
        heads = self.page.locator("#jobs thead button").all_inner_texts()
        place = heads.index(name) + 1
        return self.page.locator(f"#jobs tbody tr > :nth-child({place})").all_inner_texts()

    def count(self) -> int:
        return int(self.page.locator("#count").inner_text().split(" of ")[0].replace(",", ""))

    def show_all(self) -> None:
        self.page.get_by_role("button", name="Show all").click()


@pytest.fixture(scope="module")
def opened(browsers: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("report")
    store = open_store(str(folder / "study.db"))
    params, results = sweep(JOBS)
    params["note"] = [("plain", "=1+1", HOSTILE, None)[at % 4] for at in range(len(params))]
    wf = study(store, params, results, name="learning rates", description=HOSTILE)
    file, table = wf.report(folder / "study.html", objective="loss", mode="min"), wf.table()
    context = browsers().new_context(viewport={"width": 1280, "height": 900})
    yield Opened(context.new_page(), file, table)
    context.close()
    store.close()


@pytest.fixture
def report(opened: Opened, browser: Any) -> Iterator[Opened]:
    """The report as it is opened, which makes no requests and writes no errors."""
    opened.page.emulate_media(media="screen", color_scheme="light")
    opened.show_all()
    yield opened
    assert opened.requests == [opened.file.as_uri()]
    assert opened.errors == []
    assert opened.page.title() == "learning rates"


def screenshot(report: Opened, name: str, **options: Any) -> None:
    if folder := os.environ.get("TORC_FRAMES_SCREENSHOTS"):
        report.page.screenshot(path=Path(folder) / f"{name}.png", **options)


def test_it_is_small_and_shows_what_it_is_of(report):
    assert report.file.stat().st_size < MOST_BYTES
    assert report.count() == JOBS
    assert report.page.get_by_text(HOSTILE).first.is_visible()
    assert report.page.locator("img").count() == 0
    assert report.page.locator("figure svg").count() >= 4
    screenshot(report, "report", full_page=True)


def test_a_name_sorts_and_its_heading_says_how(report):
    head = report.field("loss").locator("..")
    button, ranked = head.get_by_role("button"), report.table["results.loss"].dropna().sort_values()
    button.focus()
    for key, state, values in (("Enter", "ascending", ranked), ("Space", "descending", ranked[::-1])):
        report.page.keyboard.press(key)
        assert head.get_attribute("aria-sort") == state
        assert list(map(float, report.column("loss")[:50])) == [
            float(f"{value:.4g}") for value in values[:50]
        ]
    button.click()
    assert head.get_attribute("aria-sort") == "none"
    assert report.column("job_name")[:3] == ["job_1", "job_2", "job_3"]


@pytest.mark.parametrize(
    ("name", "asked", "holds"),
    [
        ("loss", "<1.1", lambda t: t["results.loss"] < 1.1),
        ("loss", "1.1 .. 1.2", lambda t: t["results.loss"].between(1.1, 1.2)),
        ("loss", "-", lambda t: t["results.loss"].isna()),
        ("depth", ">=11", lambda t: t["params.depth"] >= 11),
        ("depth", "3", lambda t: t["params.depth"] == 3),
        ("depth", "!= 3", lambda t: t["params.depth"] != 3),
        ("status", "FAIL", lambda t: t["status"] == "failed"),
        ("job_name", "=job_77", lambda t: t["job_name"] == "job_77"),
        ("note", "onerror", lambda t: t["params.note"] == HOSTILE),
        ("note", "-", lambda t: t["params.note"].isna()),
    ],
)
def test_rows_are_chosen_by_what_is_typed(name, asked, holds, report):
    report.field(name).fill(asked)
    assert report.count() == int(holds(report.table).sum())


def test_filters_hold_together_and_what_is_none_is_said(report):
    report.field("depth").fill("1")
    report.page.get_by_label("Find").fill("svd")
    both = (report.table["params.depth"] == 1) & (report.table["params.solver"] == "svd")
    assert report.count() == both.sum()
    report.field("loss").fill("low")
    assert report.field("loss").get_attribute("aria-invalid") == "true"
    assert "not understood: low" in report.page.locator("#count").inner_text()
    assert report.count() == both.sum()


def test_more_rows_come_when_they_are_scrolled_to(report):
    region = report.page.locator("#jobs")
    before = region.locator("tbody tr").count()
    region.evaluate("region => region.scrollTo(0, region.scrollHeight)")
    # The page's policy forbids what Playwright's own wait_for_function does.
    wait_until(lambda: region.locator("tbody tr").count() > before, "more rows")
    first = region.locator("tbody th").first.bounding_box()
    region.evaluate("region => region.scrollTo(200, 0)")
    assert region.locator("tbody th").first.bounding_box()["x"] == first["x"]


def test_rows_are_saved_as_csv_that_comes_back_exactly(report, tmp_path):
    report.field("status").fill("completed")
    with report.page.expect_download() as download:
        report.page.get_by_role("button", name="Save these rows as CSV").click()
    file = tmp_path / "jobs.csv"
    download.value.save_as(file)
    expected = report.table[report.table["status"] == "completed"]
    saved = read_table(file)
    for name in ("job_name", "params.lr", "params.depth", "params.note", "results.loss", "results.epochs"):
        cells = [None if pd.isna(cell) else cell for cell in saved[name].tolist()]
        assert cells == [None if pd.isna(cell) else cell for cell in expected[name].tolist()], name
    assert "'=1+1" in file.read_text()


def test_dark_pages_have_light_figures(report):
    report.page.emulate_media(color_scheme="dark")
    shades = report.page.evaluate(
        "[document.body, document.querySelector('figure svg text')].map("
        "(node, at) => getComputedStyle(node)[at ? 'fill' : 'backgroundColor'])"
    )
    dark, light = (sum(map(int, shade[4:-1].split(",")[:3])) for shade in shades)
    assert (dark < 150, light > 600) == (True, True)
    screenshot(report, "report-dark", full_page=True)


def test_it_is_printed_with_500_rows_whose_headings_repeat(report):
    report.page.emulate_media(media="print")
    report.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert report.page.locator("#jobs tbody tr").count() == 500
    assert report.page.locator("details:not([open])").count() == 0
    style = report.page.locator("#jobs thead").evaluate(
        "head => [getComputedStyle(head).display, getComputedStyle(head.querySelector('th')).position]"
    )
    assert style == ["table-header-group", "static"]
    report.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert report.page.locator("details[open]").count() == 0
    if folder := os.environ.get("TORC_FRAMES_SCREENSHOTS"):
        report.page.pdf(path=Path(folder) / "report.pdf", prefer_css_page_size=True)
