"""`torc_frames.tabulate`: a table of results for print."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pandas as pd

from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.files.printed.latex import latex
from torc_frames.files.printed.markdown import markdown, text
from torc_frames.files.printed.styled import html, styled
from torc_frames.files.printed.workbook import write_workbook
from torc_frames.files.whole import written_whole
from torc_frames.frame.tabulation.configurations import RESULTS, resolve_all
from torc_frames.frame.tabulation.configurations import metrics as metrics_of
from torc_frames.frame.tabulation.marks import Direction
from torc_frames.frame.tabulation.printed import Printed, printed
from torc_frames.frame.tabulation.summarize import summarize
from torc_frames.frame.tabulation.summarized import Summarized, is_summary, read
from torc_frames.frame.tabulation.wishes import Bold, Wishes

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

__all__ = ["ResultTable", "tabulate"]

_PLAIN = (1e-3, 1e6)
"""Numbers beyond are written with their power of ten in Excel."""


@runtime_checkable
class HasJobs(Protocol):
    """What has a table of jobs to tabulate, as `Client.compare` returns."""

    def to_table(self) -> pd.DataFrame:
        """Return a row a job."""


class ResultTable:
    """A table of results for print; `torc_frames.tabulate` makes it. Nothing of it changes.

    In a notebook it shows itself.
    """

    __slots__ = ("_frame", "_printed")

    def __init__(self, printed: Printed, frame: pd.DataFrame) -> None:
        self._printed = printed
        self._frame = frame

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers, not scaled: parameters, and of each metric its statistics and p-value."""
        return self._frame.copy()

    @property
    def style(self) -> Styler:
        """The printed cells with their marks, as pandas' Styler."""
        return styled(self._printed)

    @property
    def footnote(self) -> str:
        """What the table was made of: what ± is, over what, of how many jobs, and which do not count."""
        return self._printed.foot

    def to_html(self) -> str:
        """Return HTML with its style, for light pages and dark ones; without script.

        Raises
        ------
        TorcFramesError
            If Jinja2 is not installed (``pip install 'torc_frames[tables]'``).
        """
        return html(self._printed)

    def to_latex(self, label: str = "", *, position: str = "", siunitx: bool = False) -> str:
        r"""Return LaTeX, a ``table`` that needs ``\usepackage{booktabs}`` alone.

        Parameters
        ----------
        label : str
            What ``\ref`` calls it, such as "tab:results".
        position : str
            Where LaTeX may set it, such as "tb".
        siunitx : bool
            Align numbers at their points, by ``\usepackage{siunitx}``. It underlines no numbers: the second
            best is centred.

        Raises
        ------
        RefusedError
            For a label or position that would not be one.
        """
        return latex(self._printed, label, position, siunitx)

    def to_markdown(self) -> str:
        """Return a table of GitHub's Markdown, the caption above, the footnote below."""
        return markdown(self._printed)

    def to_excel(self, path: str | os.PathLike[str]) -> Path:
        """Write an Excel file: a sheet as printed, with bold and lines, and one of the numbers.

        Parameters
        ----------
        path : path
            The file, which ends in ``.xlsx``; it is there whole or not at all.

        Raises
        ------
        TorcFramesError
            If openpyxl is not installed (``pip install 'torc_frames[tables]'``).
        RefusedError
            For another suffix.
        """
        if Path(path).suffix.lower() != ".xlsx":
            raise RefusedError(f"{os.fspath(path)!r} does not end in .xlsx")
        with written_whole(path) as file:
            write_workbook(self._printed, self._frame, _formats(self._frame), file)
        return Path(path)

    def __repr__(self) -> str:
        return text(self._printed)

    def _repr_html_(self) -> str:
        try:
            return self.to_html()
        except TorcFramesError as error:
            return f"<pre>{escape(repr(self))}</pre><p>{escape(str(error))}</p>"


def tabulate(
    summary: pd.DataFrame | HasJobs,
    metrics: str | Sequence[str] | None = None,
    *,
    over: str | Sequence[str] | None = None,
    table: pd.DataFrame | None = None,
    center: str = "mean",
    spread: str | None = "std",
    better: Mapping[str, Direction] | None = None,
    bold: Bold | None = "best",
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
    digits: Mapping[str, int] | None = None,
    groups: Mapping[str, str | Sequence[str]] | None = None,
    baseline: Mapping[str, Any] | int | None = None,
    level: float = 0.05,
    constants: bool = True,
    caption: str = "",
) -> ResultTable:
    """Return a table for print: mean ± spread in a cell, the best bold.

    Digits follow the Particle Data Group's rule: two of a spread whose first three digits are up to 354, else
    one; a column has those of its finest number, unless spreads differ tenfold. What is ranked is what is
    printed: numbers that are equal in print are marked alike, and none are if all are. Columns of tiny or
    huge numbers have a power of ten in their heading. The footnote says what the numbers are, of how many
    jobs, and how many do not count. Names may be short: "loss" is ``results.loss``.

    Parameters
    ----------
    summary : DataFrame or Comparison
        What `summarize` returns, with its rows in any order; or a table of jobs, such as ``wf.table()``, or
        what `Client.compare` returns, which are summarized over `over` first.
    metrics : str or list of str, optional
        The columns of numbers, in this order. Default: all.
    over : str or list of str, optional
        Of a table of jobs: the parameters to average over, such as "seed".
    table : DataFrame, optional
        The jobs that a summary was made of, for tests.
    center, spread : str
        Statistics of `summarize`: "mean", "median" or "iqm", and "std", "sem", "ci95", "iqr" or None.
    better : dict, optional
        By metric "min" or "max", what is better: an arrow in the heading, the best bold, the second
        underlined.
    bold : {"best", "not worse"} or None
        With "not worse" all that are not significantly worse than the best are bold, none is underlined.
    labels, units : dict, optional
        What metrics and parameters are called, and what they are measured in: any text, with Greek letters
        and powers such as ``m s⁻²``.
    scale : dict, optional
        Factors by metric, such as 100 for percent; such a metric takes no power of ten.
    digits : dict, optional
        Decimals by metric, instead of the rule.
    groups : dict, optional
        Titles above several metrics, with a line: ``{"quality": ["loss", "accuracy"]}``.
    baseline : dict or int, optional
        Parameters of the rows, or the position of the row, that the others are tested against: each with the
        baseline of the same other parameters, if there are several. A star is a significant difference. The
        t-test is paired where both have most of the values of `over`, once, else Welch's, with Holm's
        correction for all of a column. Fewer than two jobs, or such that do not vary, are not tested.
    level : float
        Below which a p-value is significant.
    constants : bool
        Name parameters that have one value in the footnote.
    caption : str
        What the table shows.

    Returns
    -------
    ResultTable
        With ``to_html``, ``to_latex``, ``to_markdown``, ``to_excel``, ``style`` (pandas' Styler), ``frame``.

    Raises
    ------
    RefusedError
        For names that there are not, values that an option does not take, two columns with one name, and
        tests without the jobs.
    TorcFramesError
        If tests are asked for and scipy is not installed (``pip install 'torc_frames[tables]'``).

    Examples
    --------
    >>> import pandas as pd
    >>> import torc_frames as tf
    >>> table = tf.grid(method=["exact", "fast"], seed=[0, 1, 2]).add_prefix("params.")
    >>> table["results.loss"] = [0.201, 0.208, 0.198, 0.253, 0.262, 0.249]
    >>> tf.tabulate(table, over="seed", better={"loss": "min"})
    method             loss ↓
    exact   **0.202 ± 0.005**
    fast      _0.255 ± 0.007_
    Mean ± standard deviation over seed (n = 3). Best bold, second underlined.
    """
    if metrics is not None and not len(metrics):
        raise RefusedError(f"metrics={metrics!r}: name one, or leave it out for all")
    wishes = Wishes(
        center=center,
        spread=spread,
        better=better,
        bold=bold,
        labels=labels,
        units=units,
        scale=scale,
        digits=digits,
        groups=groups,
        baseline=baseline,
        level=level,
        constants=constants,
        caption=caption,
    )
    frame = summary.to_table() if isinstance(summary, HasJobs) else summary
    if is_summary(frame, center, over is not None):
        found = read(frame, metrics, center, spread)
    else:
        stats = [stat for stat in (center, spread, "count") if stat]
        wanted = [] if metrics is None else resolve_all(frame, metrics, (RESULTS,), what="metric")
        names = dict.fromkeys([*wanted, *metrics_of(frame)])
        found = read(summarize(frame, over, list(names), stats), wanted or None, center, spread)
        table = frame if table is None else table
    made = printed(found, wishes, table)
    return ResultTable(made, _numbers(found, wishes, made))


def _numbers(found: Summarized, wishes: Wishes, made: Printed) -> pd.DataFrame:
    """Return the columns of a summary that were printed, with p-values."""
    numbers = found.frame[found.keys].reset_index(drop=True)
    for metric in found.metrics:
        for stat in (wishes.center, wishes.spread, "count"):
            if (name := f"{metric}.{stat}") in found.frame:
                numbers[name] = found.frame[name].reset_index(drop=True)
        if metric in made.p_values:
            numbers[f"{metric}.p"] = made.p_values[metric]
    numbers.attrs = {}
    return numbers


def _formats(numbers: pd.DataFrame) -> dict[str, str]:
    """Return Excel's formats for the columns of results that are floats."""
    formats = {}
    for name, values in numbers.items():
        if str(name).startswith(RESULTS) and values.dtype.kind == "f":
            sizes = [size for size in values.abs().tolist() if 0 < size < math.inf]
            tiny = sizes and not _PLAIN[0] <= min(sizes) <= max(sizes) < _PLAIN[1]
            formats[str(name)] = "0.000E+00" if tiny else "0.0000"
    return formats
