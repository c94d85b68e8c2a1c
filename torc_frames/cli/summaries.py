"""``torc-frames summarize`` and ``best``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from torc_frames.cli.options import StoreOptions, command, split_names
from torc_frames.cli.output import all_option, emit, output_option
from torc_frames.cli.pulls import table_options

if TYPE_CHECKING:
    pass

__all__ = ["best", "summarize"]


def _names(*flags: str, help: str) -> Callable[[Any], Any]:
    """Return an option of names, with commas between them, or given again."""

    def split(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> list[str]:
        return split_names(*texts)

    return click.option(*flags, multiple=True, metavar="NAMES", callback=split, help=help)


_over_option = _names("--over", help="Parameters to average over, such as seed, with commas between them.")


@command(
    "torc-frames summarize --over seed",
    "torc-frames summarize --over seed,fold --metric loss --stat mean,sem -o summary.xlsx",
)
@_over_option
@_names("--metric", "metrics", help="Results of numbers. [default: all]")
@_names(
    "--stat",
    "stats",
    help="mean, std, sem, ci95, count, median, q25, q75, iqr, min, max, iqm. "
    "[default: mean, std, count, ci95]",
)
@table_options
@all_option
@output_option
def summarize(
    options: StoreOptions,
    over: list[str],
    metrics: list[str],
    stats: list[str],
    all_columns: bool,
    output: Path | None,
    raw_csv: bool,
    **how: Any,
) -> None:
    """Print one row for each configuration: statistics of its results.

    A configuration is the jobs with the same parameters, but for those of --over. Only completed jobs that
    are not stale count; how many others there are is said.
    """
    from torc_frames.cli.views import of_summary
    from torc_frames.frame.tabulation.summarize import summarize

    table = options.workflow().table(**how)
    made = summarize(table, over, metrics=metrics or None, **({"stats": stats} if stats else {}))
    view = partial(of_summary, made, table)
    emit(options, made, output, "configuration", raw_csv=raw_csv, view=view, everything=all_columns)


@command(
    "torc-frames best loss",
    "torc-frames best accuracy --mode max -n 1 --by solver",
    "torc-frames best loss --over seed",
)
@click.argument("metric")
@click.option("-n", "count", type=click.IntRange(1), default=5, show_default=True, help="How many.")
@click.option(
    "--mode", type=click.Choice(["min", "max"]), default="min", show_default=True, help="What is best."
)
@_names("--by", help="So many for each value of these parameters, with commas between them.")
@_over_option
@table_options
@all_option
@output_option
def best(
    options: StoreOptions,
    metric: str,
    count: int,
    mode: Literal["min", "max"],
    by: list[str],
    over: list[str],
    all_columns: bool,
    output: Path | None,
    raw_csv: bool,
    **how: Any,
) -> None:
    """Print the jobs with the best METRIC, the best first.

    Jobs that are as good as the last of them are there, too. With --over the rows are configurations, as
    summarize prints them, by their means.
    """
    from torc_frames.cli.views import of_summary, of_table
    from torc_frames.frame.tabulation.best import best as best_of
    from torc_frames.frame.tabulation.configurations import RESULTS, resolve
    from torc_frames.frame.tabulation.summarize import summarize

    whole = table = options.workflow().table(**how)
    if over:
        whole = summarize(table, over)
    made = best_of(whole, metric, n=count, mode=mode, by=by)
    name = resolve(whole, metric, (RESULTS,))
    view = partial(of_summary, made, table, name) if over else partial(of_table, made, name, whole=table)
    row = "configuration" if over else "job"
    emit(options, made, output, row, raw_csv=raw_csv, view=view, everything=all_columns)
