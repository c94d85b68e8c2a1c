"""A report as one page of HTML, which needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import starmap

import pandas as pd

from torc_frames.errors import counted
from torc_frames.files.cells import cell_text
from torc_frames.frame.dtypes import encode
from torc_frames.frame.tabulation import configurations as columns
from torc_frames.workflow.report.contents import Contents
from torc_frames.workflow.report.data import packed
from torc_frames.workflow.report.failures import Reason
from torc_frames.workflow.report.texts import number, time
from torc_frames.workflow.run.said import FAILURES

__all__ = ["page"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MOST_NAMED = 10
_MOST_ROWS = 50
_FIRST = ("completed", "failed")


def page(contents: Contents, figures: Sequence[tuple[str, str]], refused: Sequence[str] = ()) -> str:
    """Return the page of a report.

    Parameters
    ----------
    contents : Contents
    figures : list of (str, str)
        The SVG of each, and what is below it.
    refused : list of str
        Which ones are not there, and why.
    """
    script, style = (_static(name) for name in ("table.js", "style.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    )
    made = dict(_sections(contents, figures, refused))
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in _TITLES.items() if name in made)
    sections = "".join(
        f'<section id="{name}"><h2>{_TITLES[name]}</h2>{inside}</section>' for name, inside in made.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{text(contents.title)}</title><style>{style}</style></head><body>"
        f"<header><h1>{text(contents.title)}</h1>{_paragraphs(contents.about)}{_counts(contents)}"
        f"<nav>{links}</nav></header><main>{sections}</main>"
        f'<script type="application/octet-stream" id="data">{packed(contents.table)}</script>'
        f"<script>{script}</script></body></html>\n"
    )


_TITLES = {
    "asked": "What was asked",
    "results": "What came out",
    "figures": "Figures",
    "table": "All jobs",
    "failures": "What failed",
    "runs": "How it was run",
}


def text(value: object) -> str:
    """Return a text as HTML in which it is nothing but a text, on a screen as it reads."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value)).encode(errors="replace").decode())


def _static(name: str) -> str:
    return (files("torc_frames.workflow.report") / "static" / name).read_text("utf-8").rstrip()


def _sections(
    contents: Contents, figures: Sequence[tuple[str, str]], refused: Sequence[str]
) -> Iterator[tuple[str, str]]:
    yield "asked", _asked(contents)
    yield "results", _results(contents)
    if figures or refused:
        drawn = "".join(starmap(_figure, figures))
        yield "figures", f'<div class="figures">{drawn}</div>{_paragraphs(refused)}'
    yield "table", _jobs(contents)
    if len(contents.logs):
        yield "failures", _failures(contents)
    yield "runs", _runs(contents)


def _figure(svg: str, told: str) -> str:
    width = _WIDTH.search(svg)
    across = ' class="across"' if width and float(width[1]) > _WIDE else ""
    return f"<figure{across}>{svg}<figcaption>{text(told)}</figcaption></figure>"


_WIDTH = re.compile(r'viewBox="\S+ \S+ (\S+) ')
_WIDE = 600
"""From so many points on a figure has no other one beside it."""


def _counts(contents: Contents) -> str:
    jobs = sum(contents.counts.values())
    order = sorted(
        contents.counts,
        key=lambda name: (name not in _FIRST, _FIRST.index(name) if name in _FIRST else 0, name),
    )
    items = [("jobs", jobs), *((name, contents.counts[name]) for name in order)]
    return f'<ul class="counts">{"".join(map(_count, items))}</ul>'


def _count(item: tuple[str, int]) -> str:
    name, count = item
    of = ' class="failed"' if name in FAILURES else ""
    return f"<li{of}><b>{count:,}</b>{text(name)}</li>"


def _asked(contents: Contents) -> str:
    made = _paragraphs(
        contents.asked
        or (["The table of parameters was given as it is."] if len(contents.parameters) else [])
    )
    if contents.parameters.empty:
        return f"{made}<p>The jobs have no parameters.</p>"
    fixed = contents.parameters["different"].le(1)
    varied, constant = contents.parameters[~fixed], contents.parameters[fixed]
    parts = [made]
    if len(varied):
        frame = varied if varied["drawn"].ne("").any() else varied.drop(columns="drawn")
        parts.append(frame_html(frame.rename(columns={"different": "different values"})))
    if len(constant):
        told = "; ".join(
            f"{name} = {value or 'missing'}" for name, value in constant[["parameter", "values"]].to_numpy()
        )
        parts.append(f"<p>The same for all jobs: {text(told)}.</p>")
    return "".join(parts)


def _results(contents: Contents) -> str:
    if contents.results.empty:
        return "<p>The jobs have no results that are numbers.</p>"
    parts = ["<h3>Each result</h3>", frame_html(contents.results)]
    for heading, rows in contents.best.items():
        parts.append(f"<h3>{text(heading)}</h3>{frame_html(rows)}")
    if contents.objective is not None and contents.objective.mode and contents.objective.is_guessed:
        better = "higher" if contents.objective.mode == "max" else "lower"
        parts.append(
            f'<p class="quiet">That {better} is better is only what the name of the result tells.</p>'
        )
    if contents.summary is not None:
        rows = contents.summary.head(_MOST_ROWS)
        of = (
            f", the first {len(rows)} of {len(contents.summary):,}"
            if len(rows) < len(contents.summary)
            else ""
        )
        names = ", ".join(columns.labels(contents.over).values())
        parts.append(f"<h3>Means over {text(names)}{of}</h3>{frame_html(rows)}")
    parts.append(
        '<p class="quiet">Of jobs that completed with the parameters they have now. Numbers are shown '
        "with four digits; the pointer on one shows all.</p>"
    )
    return "".join(parts)


def _jobs(contents: Contents) -> str:
    cut = (
        f" {counted(contents.cut, 'long text')} of cells {'is' if contents.cut == 1 else 'are'} cut."
        if contents.cut
        else ""
    )
    return (
        '<p class="quiet">A click on a name sorts, another one turns the order, a third one ends it. Below '
        "the names rows are chosen: numbers by &lt;0.1, &gt;=3, 0.1..0.2 or 5, texts by a part of them or by "
        f"=all of it, missing ones by -.{cut}</p>"
        '<div id="tools" hidden><label>Find <input type="search" id="anywhere"></label>'
        '<button type="button" id="all">Show all</button>'
        '<button type="button" id="download">Save these rows as CSV</button></div>'
        '<p id="count" aria-live="polite"><noscript>The table needs JavaScript; the rest of the page does '
        'not.</noscript></p><div id="jobs" role="region" aria-label="All jobs" tabindex="0"></div>'
    )


def _failures(contents: Contents) -> str:
    parts = [f"<p>{counted(len(contents.logs), 'job')} failed; here is what they wrote last.</p>"]
    parts += map(_reason, contents.reasons)
    if contents.unexplained:
        parts.append(f"<p>{contents.unexplained:,} more failed for other reasons, which the table has.</p>")
    return "".join(parts)


def _reason(reason: Reason) -> str:
    named = ", ".join(reason.jobs[:_MOST_NAMED]) + (", …" if len(reason.jobs) > _MOST_NAMED else "")
    ends = "".join(f"<p>{text(name)}</p><pre>{text(end)}</pre>" for name, end in reason.ends)
    summary = f"{counted(len(reason.jobs), 'job')}: {text(reason.text)}"
    return f'<details><summary>{summary}</summary><p class="quiet">{text(named)}</p>{ends}</details>'


def _runs(contents: Contents) -> str:
    parts = [_paragraphs(contents.told_of_runs)]
    if len(contents.places):
        parts.append(f"<h3>Where, and with which code</h3>{frame_html(contents.places)}")
    if len(contents.used):
        parts.append(f"<h3>What jobs asked for and used</h3>{frame_html(contents.used)}")
    return "".join(parts)


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{text(one)}</p>" for one in texts)


def frame_html(frame: pd.DataFrame) -> str:
    """Return a small frame as a table; numbers with four digits, and all of them where the pointer is."""
    shown = columns.labels(map(str, frame))
    numeric = [columns.is_numeric(frame.iloc[:, at]) for at in range(frame.shape[1])]
    heads = "".join(
        f'<th scope="col"{_NUMBER if is_number else ""}>{text(shown[str(name)])}</th>'
        for name, is_number in zip(frame, numeric, strict=True)
    )
    cells = [_cells(frame.iloc[:, at], is_number) for at, is_number in enumerate(numeric)]
    rows = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*cells, strict=True))
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


_NUMBER = ' class="number"'


def _cells(series: pd.Series, is_number: bool) -> list[str]:
    if series.dtype.kind == "M":
        return [_cell(time(value), "") for value in series]
    values, refused = encode(series)
    for row in refused:
        values[row] = str(series.iloc[row])  # infinity, and what is no JSON
    texts = ["" if value is None else cell_text(value) for value in values]
    if not is_number:
        return [_cell(shown, "") for shown in texts]
    pairs = zip(values, texts, strict=True)
    return [
        _cell(number(value) if isinstance(value, float) else whole, whole, _NUMBER) for value, whole in pairs
    ]


def _cell(shown: str, whole: str, of: str = "") -> str:
    title = f' title="{text(whole)}"' if whole not in ("", shown) else ""
    return f"<td{of}{title}>{text(shown)}</td>"
