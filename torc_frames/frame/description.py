"""What is seen first of a thing: a few lines and tables, as HTML and as plain text.

Texts of others are escaped in HTML, and have no control characters in either form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from torc_frames.errors import counted, printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Calls",
    "CellTable",
    "Counts",
    "Description",
    "Histogram",
    "Marked",
    "Output",
    "Remark",
    "brief",
    "cut",
    "first_rows",
]

Tone = Literal["", "quiet", "bad"]

_LONGEST_LINE = 300
_LONGEST_CELL = 60
_BLOCKS = "▁▂▃▄▅▆▇█"
_BAD = "#d9534f"
_COLORS = {
    **dict.fromkeys(("completed", "done", "create"), "#2e9e5b"),
    **dict.fromkeys(("running", "pending", "update"), "#3d8bd4"),
    **dict.fromkeys(("failed", "terminated", "pending_failed", "conflict", "delete"), _BAD),
    **dict.fromkeys(("canceled", "disabled"), "#a1776a"),
}
_OTHER = "#8a8f98"
# Colours are of the page, light or dark; what marks has a middle tone, which both show.
_STYLE = f"""<style>
.torc-frames {{ color: inherit; background: none; line-height: 1.45; overflow-x: auto; }}
.torc-frames p {{ margin: 2px 0; overflow-wrap: anywhere; }}
.torc-frames .tf-title {{ font-weight: 600; }}
.torc-frames .tf-quiet {{ opacity: 0.75; }}
.torc-frames .tf-code {{ font-family: var(--jp-code-font-family, monospace); }}
.torc-frames .tf-bad, .torc-frames pre {{ border-left: 3px solid {_BAD}; padding-left: 8px; }}
.torc-frames table {{ border-collapse: collapse; border: none; margin: 6px 0; }}
.torc-frames tr, .torc-frames th, .torc-frames td, .torc-frames pre, .torc-frames table {{
  background: none; color: inherit; font-size: inherit; }}
.torc-frames th, .torc-frames td {{ border: none; padding: 2px 18px 2px 0; text-align: left; max-width: 40em;
  vertical-align: top; white-space: normal; overflow-wrap: anywhere; }}
.torc-frames th {{ font-weight: 600; border-bottom: 1px solid currentColor; }}
.torc-frames .tf-number {{ text-align: right; font-variant-numeric: tabular-nums; }}
.torc-frames pre {{ margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
.torc-frames .tf-bar {{ display: flex; height: 8px; gap: 1px; max-width: 40em; margin: 4px 0; }}
.torc-frames .tf-bar span {{ min-width: 3px; }}
.torc-frames .tf-dot {{ display: inline-block; width: 9px; height: 9px; margin-right: 5px; }}
.torc-frames .tf-count {{ margin-right: 16px; white-space: nowrap; }}
</style>"""


class Histogram(NamedTuple):
    """How many values there are in each of some parts of a range."""

    counts: tuple[int, ...]

    def __str__(self) -> str:
        most = max(self.counts)
        return "".join(_BLOCKS[-(-count * 7 // most)] for count in self.counts)

    def _repr_html_(self) -> str:
        most, steps = max(self.counts), enumerate(self.counts)
        path = "".join(f"M{at * 8} 20v{-max(20 * count // most, 1)}h7V20z" for at, count in steps if count)
        size = f'width="{8 * len(self.counts)}" height="20"'
        told = f"how many from least to most: {', '.join(map(str, self.counts))}"
        drawn = f'<path d="{path}" fill="currentColor"></path>'
        return f'<svg {size} role="img" aria-label="{told}">{drawn}</svg>'


class Marked(str):
    """The text of a cell that is wrong."""

    __slots__ = ()


class _Part(Protocol):
    def lines(self) -> Iterable[str]: ...

    def html(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of text."""

    text: str
    tone: Tone = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines of it as text."""
        yield cut(self.text, _LONGEST_LINE)

    def html(self) -> str:
        """Return it as HTML."""
        return _element("p", cut(self.text, _LONGEST_LINE), self.tone and f"tf-{self.tone}")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many things there are of each kind, such as jobs of each status."""

    total: str
    counts: Mapping[str, int]

    def lines(self) -> Iterator[str]:
        """Yield the lines of it as text."""
        told = ", ".join(f"{count:,} {cut(kind)}" for kind, count in self.counts.items())
        yield f"{cut(self.total)}{told and f': {told}'}"

    def html(self) -> str:
        """Return it as HTML."""
        found = [(cut(kind), count, _COLORS.get(kind, _OTHER)) for kind, count in self.counts.items()]
        bar = "".join(
            f'<span style="flex: {count} 1 0; background: {color}"></span>'
            for _, count, color in found
            if count
        )
        dot = '<span class="tf-dot" style="background: {}"></span>'
        told = "".join(
            f'<span class="tf-count">{dot.format(color)}{escape(f"{count:,} {kind}")}</span>'
            for kind, count, color in found
        )
        total = _element("span", cut(self.total), "tf-count tf-title")
        return f'<div class="tf-bar">{bar}</div><p>{total}{told}</p>' if bar else f"<p>{total}{told}</p>"


@dataclass(frozen=True, slots=True)
class CellTable:
    """A table of texts and histograms.

    ``numbers`` are the columns that stand at the right; ``more`` says what is not shown.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    numbers: Sequence[int] = ()
    more: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines of it as text."""
        texts = [[cut(cell) for cell in row] for row in (self.head, *self.rows)]
        widths = [max(map(_width, column)) for column in zip(*texts, strict=True)]
        for row in texts:
            pads = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
            cells = [
                pad + cell if at in self.numbers else cell + pad
                for at, (cell, pad) in enumerate(zip(row, pads, strict=True))
            ]
            yield f"  {'  '.join(cells)}".rstrip()
        yield from [f"  {cut(self.more, _LONGEST_LINE)}"] if self.more else []

    def html(self) -> str:
        """Return it as HTML."""
        head = self._row("th", self.head)
        rows = "".join(self._row("td", row) for row in self.rows)
        more = Remark(self.more, "quiet").html() if self.more else ""
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>{more}"

    def _row(self, tag: str, row: Sequence[object]) -> str:
        cells = "".join(
            f"<td>{cell._repr_html_()}</td>"
            if isinstance(cell, Histogram)
            else _element(tag, cut(cell), _css(cell, at in self.numbers))
            for at, cell in enumerate(row)
        )
        return f"<tr>{cells}</tr>"


@dataclass(frozen=True, slots=True)
class Calls:
    """What one may call next, and why."""

    calls: Sequence[tuple[str, str]]

    def lines(self) -> Iterator[str]:
        """Yield the lines of it as text."""
        shown = [(cut(call, _LONGEST_LINE), cut(why, _LONGEST_LINE)) for call, why in self.calls]
        width = max((len(call) for call, _ in shown), default=0)
        yield from (f"{call:{width}}  # {why}" for call, why in shown)

    def html(self) -> str:
        """Return it as HTML."""
        return "".join(
            f"<p>{_element('span', cut(call, 99), 'tf-code')} {_element('span', cut(why), 'tf-quiet')}</p>"
            for call, why in self.calls
        )


@dataclass(frozen=True, slots=True)
class Output:
    """What a program wrote, line for line."""

    title: str
    text: str

    def lines(self) -> Iterator[str]:
        """Yield the lines of it as text."""
        yield f"{cut(self.title)}:"
        yield from (f"  | {line}" for line in self._shown())

    def html(self) -> str:
        """Return it as HTML."""
        return f"{_element('p', f'{cut(self.title)}:')}{_element('pre', chr(10).join(self._shown()))}"

    def _shown(self) -> list[str]:
        return [cut(line.expandtabs(4), _LONGEST_LINE) for line in self.text.split("\n")]


class Description:
    """What is seen first of a thing: it prints as text, and shows as HTML in a notebook."""

    def __init__(self, title: str, *parts: _Part | None) -> None:
        self._title = cut(title, _LONGEST_LINE)
        self._parts = [part for part in parts if part is not None]

    def __repr__(self) -> str:
        lines = chain.from_iterable(part.lines() for part in self._parts)
        return "\n".join([*filter(None, [self._title]), *lines])

    def _repr_html_(self) -> str:
        title = _element("p", self._title, "tf-title") if self._title else ""
        inside = "".join(part.html() for part in self._parts)
        names = "torc-frames mathjax_ignore tex2jax_ignore"
        return f'<div class="{names}">{_STYLE}{title}{inside}</div>'

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def cut(text: object, most: int = _LONGEST_CELL) -> str:
    """Return a text in one line, not longer than a number of characters.

    Examples
    --------
    >>> cut("abc"), cut("abcdef", 4)
    ('abc', 'abc…')
    """
    line = printable(str(text)[: most + 1])
    return line if len(line) <= most else f"{line[: most - 1]}…"


def brief(value: object) -> str:
    """Return a value in few letters: numbers to four digits, texts in quotes.

    Examples
    --------
    >>> [brief(value) for value in (0.123456, 1e-9, 12345, "a", None, True)]
    ['0.1235', '1e-09', '12345', "'a'", 'missing', 'True']
    """
    from torc_frames.frame.values import is_missing

    if is_missing(value):
        return "missing"
    if isinstance(value, float):
        return f"{float(value):.4g}"
    if isinstance(value, str | bytes):
        return cut(repr(value[:_LONGEST_CELL]))
    return cut(value)


def first_rows(frame: pd.DataFrame, rest: str, *, rows: int = 5, columns: int = 8) -> CellTable:
    """Return the first rows and columns of a frame, its index in front; `rest` says what has all of them.

    Examples
    --------
    >>> import pandas as pd
    >>> print(Description("", first_rows(pd.DataFrame({"n": range(7)}), "the frame")))
      n
      0
      1
      2
      3
      4
      and 2 more rows: the frame
    """
    head = frame.iloc[:rows]
    if None not in head.index.names:
        head = head.reset_index(allow_duplicates=True)
    width, head = head.shape[1], head.iloc[:, :columns]
    names = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in head]
    cells = [map(_plainly, head.iloc[:, at].tolist()) for at in range(head.shape[1])]
    sides = [at for at, dtype in enumerate(head.dtypes) if dtype.kind in "iuf"]
    over = ((len(frame) - rows, "row"), (width - columns, "column"))
    told = " and ".join(counted(count, f"more {what}") for count, what in over if count > 0)
    return CellTable(names, list(zip(*cells, strict=True)), sides, f"and {told}: {rest}" if told else "")


def _plainly(value: object) -> str:
    return value if isinstance(value, str) else brief(value)


def _css(cell: object, is_number: bool) -> str:
    return "tf-bad" if isinstance(cell, Marked) else "tf-number" if is_number else ""


def _element(tag: str, text: str, css: str = "") -> str:
    named = f' class="{css}"' if css else ""
    return f"<{tag}{named}>{escape(text)}</{tag}>"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
