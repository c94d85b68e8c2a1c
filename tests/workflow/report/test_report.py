"""A report as a file: what it says, that nothing in it is live, what it refuses."""

from __future__ import annotations

import json
import re
import sys
from base64 import b64decode
from gzip import decompress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner
from filled import fill
from studied import study, sweep

import torc_frames as tf
from tests.trust.markup import PAYLOADS
from torc_frames.cli.root import root
from torc_frames.errors import RefusedError, TorcFramesWarning
from torc_frames.store.open import open_store
from torc_frames.workflow.report.texts import time
from torc_frames.workflow.workflow import Workflow


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text("utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def data(self) -> dict[str, dict[str, Any]]:
        """The columns that its script reads, by the names that they have in CSV."""
        [packed] = re.findall(r'id="data">([^<]*)<', self.source)
        return {column["csv"]: column for column in json.loads(decompress(b64decode(packed)))}


@pytest.fixture
def store(path: Path) -> Any:
    opened = open_store(str(path))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def wf(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = open_store(str(tmp_path_factory.mktemp("studied") / "study.db"))
    yield study(opened, *sweep(25), name="learning rates", description="Which rate?")
    opened.close()


@pytest.fixture(scope="module")
def page(wf: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(wf.report(tmp_path_factory.mktemp("page") / "study.html"))


def test_the_page_tells_what_was_asked_what_came_out_and_how_it_was_run(wf, page):
    table = wf.table()
    for told in (
        "Which rate?",
        "25 points, drawn at random (seed 0): 25 rows.",
        "its logarithm uniform, from 0.0001 to 1",
        "25jobs24completed1failed",
        "Lowest loss",
        "lower is better is only what the name of the result tells",
        "node7",
        "0123456789abas committed",
        "The first began 2026-11-30 08:00:00 UTC, the last ended 2026-11-30 08:01:19 UTC: 1 min 19 s later.",
        "1 job: return code 1",
        "loss of each job by each parameter",
    ):
        assert told in page.text
    lowest = table.loc[table["results.loss"].idxmin()]
    assert page.text.split("Lowest loss")[1].index(lowest["job_name"]) < 200
    assert f'title="{float(lowest["results.loss"])!r}"' in page.source
    losses = [None if pd.isna(value) else value for value in table["results.loss"].tolist()]
    assert page.data()["results.loss"]["values"] == losses
    assert "study.db" not in page.source


def test_the_data_of_the_page_is_the_table_with_all_its_digits(store, tmp_path):
    cells = [2**60, 0.1 + 0.2, 1e-300, True, None, "=1+1", [1, {"a": None}], "2026-01-01", "x" * 1200, ""]
    wf = study(
        store, pd.DataFrame({"n": range(len(cells))}), [{"r": cell, "big": 2**60 + 1} for cell in cells]
    )
    data = Page(wf.report(tmp_path / "study.html", columns=["r", "big", "params.n", "end_time"])).data()
    assert list(data) == ["job_name", "results.r", "results.big", "params.n", "end_time"]
    shown = data["results.r"]
    assert shown["values"][:8] == [
        str(2**60),
        repr(0.1 + 0.2),
        "1e-300",
        "True",
        None,
        "=1+1",
        '[1,{"a":null}]',
        "2026-01-01",
    ]
    assert shown["live"] == {"5": "'=1+1"}
    assert (len(shown["values"][8]), shown["values"][9]) == (1001, "")
    assert data["results.big"]["values"] == [str(2**60 + 1)] * 10
    assert data["params.n"] == {
        "name": "n",
        "group": "parameters",
        "csv": "params.n",
        "kind": "number",
        "values": list(range(10)),
    }
    assert data["end_time"]["kind"] == "time"


AWKWARD: dict[str, tuple[pd.DataFrame, Any]] = {
    "all failed": (tf.grid(a=[1, 2], b=["x", "y"]), [None] * 4),
    "one job": (tf.grid(a=[1]), [{"loss": 0.5}]),
    "constant": (tf.grid(a=[1], b=[2, 2, 3]), [{"loss": 1}] * 2),
    "the largest floats": (
        tf.grid(a=[float(at) for at in range(36)]),
        [{"loss": 1e308}, *[{"loss": -1e308}] * 35],
    ),
    "no numbers": (tf.grid(a=[1, 2]), [{"r": "x"}, {"r": [1]}]),
    "names": (
        pd.DataFrame(
            {r"a\.b": [1, 2], "_x": [1, 2], "50%": ["$x$", "_"], "loss": [1, 2], "m.d": [0.1, None]}
        ),
        [{"loss": 1.5, "$y_": 1}, {"loss": 2.5, "$y_": 10**30}],
    ),
    "dtypes": (
        pd.DataFrame(
            {
                "time": pd.to_datetime(["2026-01-01", None, "2026-03-01"]),
                "zone": pd.to_datetime(["2026-01-01", None, "2026-03-01"], utc=True),
                "span": pd.to_timedelta([1, None, 3], unit="s"),
                "kind": pd.Categorical(["a", "b", None]),
                "flag": pd.array([True, None, False], dtype="boolean"),
                "whole": pd.array([1, None, 2**60], dtype="Int64"),
                "arrow": pd.array([0.5, None, 1e300], dtype="double[pyarrow]"),
                "lists": [[1, 2], None, [3]],
                "mixed": [1, "a", {"b": 1}],
            }
        ),
        [{"loss": 1e-300}, {"loss": None}, {"loss": 1e300}],
    ),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_any_workflow_has_a_report(case, store, tmp_path):
    params, results = AWKWARD[case]
    wf = study(store, params, results, name=case)
    page = Page(wf.report(tmp_path / "study.html"))
    assert page.data()["job_name"]["values"] == wf.jobs()["job_name"].tolist()
    sheet = openpyxl.load_workbook(wf.report(tmp_path / "study.xlsx"))["Table"]
    assert sheet.max_row == 1 + len(wf.jobs())


def test_a_workflow_without_jobs_or_runs_has_a_report(store, tmp_path):
    wf = tf.connect(store.url).create_workflow("empty")
    assert "The jobs have no parameters." in Page(wf.report(tmp_path / "study.html")).text
    for key in wf.push(tf.grid(a=[1, 2])).index:
        for epoch in range(3):
            wf.job(key).log(epoch=epoch, loss=1 / (epoch + int(key)))
        wf.job(key).flush()
    page = Page(wf.report(tmp_path / "study.html"))
    assert "loss as jobs logged it" in page.text
    assert "No job has been run to its end." in page.text
    assert "2ready" in page.text


def test_nothing_that_jobs_say_is_live(store, tmp_path):
    wf = tf.connect(store.url).create_workflow(PAYLOADS[0], description=" ".join(PAYLOADS))
    texts = [*PAYLOADS, "\x1b[31mred\x00", "\u202ebidi", "=1+1"]
    frame = pd.DataFrame(
        dict.fromkeys(PAYLOADS[:4], texts) | {"few": [texts[at % 5] for at in range(len(texts))]}
    )
    pushed = wf.push(frame, command="echo '<img src=x onerror=tfx()>' >&2; exit 1")
    wf.run(workers=2, where="job_key in ['1', '2']")
    loss = [{f"{PAYLOADS[5]} loss\u202e\x07": at, "r": text} for at, text in enumerate(texts[2:])]
    for key, told in zip(pushed.index[2:], loss, strict=True):
        wf.job(key).store(**told)
    page = Page(wf.report(tmp_path / "study.html", title=PAYLOADS[6]))
    assert page.text.count("tfx") > 20
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"type": "application/octet-stream", "id": "data"}, {}]
    for tag, attributes in page.elements:
        assert tag in TAGS, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{name} of <{tag}>"
            assert "tfx" not in value or name in ("title", "aria-label"), f"{name}={value!r} of <{tag}>"
            assert name not in ("src", "href", "xlink:href") or re.match("#|data:image/png;base64,", value)
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page.source)


TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "div"),
    *("h1", "h2", "h3", "p", "ul", "li", "b", "a", "table", "thead", "tbody", "tr", "th", "td"),
    *("label", "input", "button", "noscript", "figure", "figcaption", "details", "summary", "pre", "script"),
    *("svg", "g", "path", "defs", "clippath", "rect", "use", "text", "tspan", "image"),
}


def test_figures_stand_beside_each_other_in_the_colors_of_the_page(page):
    figures = [ElementTree.fromstring(svg) for svg in re.findall("<svg.*?</svg>", page.source, re.DOTALL)]
    assert len(figures) >= 3
    ids = [node.get("id") for figure in figures for node in figure.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    links = [attributes.get("xlink:href", "") for _, attributes in page.elements]
    named = {link[1:] for link in links if link.startswith("#")}
    named |= set(re.findall(r"url\(#([^)]*)\)", page.source))
    assert named <= set(ids)
    assert "currentColor" in page.source
    assert "#0a0b0c" not in page.source


def test_the_book_has_sheets_of_types_with_headings_that_stay(wf, tmp_path):
    book = openpyxl.load_workbook(wf.report(tmp_path / "study.xlsx"))
    assert {"Summary", "Parameters", "Results", "Best", "Table", "Failures", "Runs"} <= set(book.sheetnames)
    for sheet in book.worksheets:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(cell.font.bold for cell in sheet[1])
    table = pd.read_excel(tmp_path / "study.xlsx", "Table")
    expected = wf.table()
    assert table["results.loss"].tolist() == pytest.approx(
        expected["results.loss"].tolist(), rel=0, nan_ok=True
    )
    assert table["params.lr"].tolist() == expected["params.lr"].tolist()
    assert table["end_time"].dtype.kind == "M"
    assert not any(cell.data_type == "f" for sheet in book for row in sheet for cell in row)


@pytest.fixture
def small(store) -> Workflow:
    params = tf.grid(alpha=[0.1, 1.0, 10.0], seed=[0, 1])
    results = [{"epochs": at + 1, "loss": loss} for at, loss in enumerate([0.5, 0.7, 0.25, 0.35, 0.9])]
    return study(store, params, [*results, None], name="small")


def sheet(file: Path, name: str) -> pd.DataFrame:
    return pd.read_excel(file, name)


def test_rows_are_ranked_by_what_is_asked(small, tmp_path):
    both = sheet(small.report(tmp_path / "both.xlsx", objective="epochs"), "Best")
    assert both["results.epochs"].tolist() == [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]
    assert both["rank"].unique().tolist() == ["Lowest epochs", "Highest epochs"]
    told = sheet(small.report(tmp_path / "told.xlsx", objective="results.epochs", mode="max"), "Best")
    assert told["rank"].unique().tolist() == ["Highest epochs"]
    guessed = sheet(small.report(tmp_path / "guessed.xlsx"), "Best")
    assert guessed["results.loss"].tolist() == [0.25, 0.35, 0.5, 0.7, 0.9]


def test_means_over_seeds_are_there_where_seeds_are_told(small, tmp_path):
    file = small.report(tmp_path / "study.xlsx", over="seed")
    means = sheet(file, "Configurations")
    expected = small.table().groupby("params.alpha")["results.loss"].agg(["mean", "std", "count"])
    expected = expected.sort_values("mean")
    assert means["params.alpha"].tolist() == expected.index.tolist()
    assert means["results.loss.mean"].tolist() == expected["mean"].tolist()
    assert means["failed"].tolist() == [0, 0, 1]
    assert "Means over seed" in Page(small.report(tmp_path / "study.html", over=["seed"])).text
    with pytest.raises(RefusedError, match="'sed'"):
        small.report(tmp_path / "study.html", over="sed")


def test_without_matplotlib_there_are_no_figures_and_a_word(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torc_frames.workflow.report.figures", None)
    with pytest.warns(TorcFramesWarning, match="no figures"):
        file = small.report(tmp_path / "study.html")
    assert "<svg" not in file.read_text("utf-8")
    assert "Lowest loss" in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"path": "study.pdf"}, "does not end in .html or .xlsx"),
        ({"objective": "los"}, "no objective 'los'; there are 'results.loss'"),
        ({"objective": "status"}, "not of numbers"),
        ({"mode": "best"}, "'min' or 'max'"),
        ({"columns": "loss"}, "give a list of names"),
        ({"columns": 3}, "columns=3: give a list of names"),
        ({"columns": ["losss"]}, "no column 'losss'"),
        ({"title": " "}, "give a text"),
    ],
)
def test_what_makes_no_report_is_refused_and_leaves_the_old_one(options, told, wf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.html").write_text("old")
    with pytest.raises(RefusedError, match=re.escape(told)):
        wf.report(**{"path": "study.html", **options})
    assert Path("study.html").read_text() == "old"


def test_the_command_writes_what_the_call_does(small, store, clean_folder):
    def called(*arguments: str) -> Any:
        return CliRunner().invoke(root, ["report", "-u", store.url, *arguments])

    Path("report.html").write_text("old")
    done = called("--objective", "epochs", "--mode", "max", "--columns", "status,loss", "--title", "T <1>")
    assert (done.exit_code, done.stdout) == (0, "report.html\n"), done.output
    page = Page(Path("report.html"))
    assert "Highest epochs" in page.text
    assert "T <1>" in page.text
    assert list(page.data()) == ["job_name", "status", "results.loss"]
    assert json.loads(called("--format", "json", "--over", "seed", "book.xlsx").stdout) == {
        "path": "book.xlsx"
    }
    failed = called("--objective", "los")
    assert failed.exit_code == 1
    assert "no objective 'los'" in failed.output


def test_a_workflow_of_a_server_has_a_report(torc_server, tmp_path):
    key = fill(torc_server)
    wf = tf.connect(torc_server.url).workflow(key)
    page = Page(wf.report(tmp_path / "study.html"))
    assert page.data()["job_name"]["values"] == ["a", "b", "c"]
    assert "3 runs of 2 jobs ended; 1 job ran more than once." in page.text
    wf.report(tmp_path / "study.xlsx")


def test_times_without_a_zone_are_of_none():
    local = pd.Timestamp("2026-01-01", tz="Europe/Berlin")
    assert time(local) == "2025-12-31 23:00:00 UTC"
    assert time(local.tz_localize(None)) == "2026-01-01 00:00:00"
