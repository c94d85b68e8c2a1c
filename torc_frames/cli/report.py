"""``torc-frames report``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from torc_frames.cli.options import StoreOptions, command, split_names
from torc_frames.cli.output import print_json
from torc_frames.cli.text import printable

__all__ = ["report"]


@command(
    "torc-frames report",
    "torc-frames report study.xlsx",
    "torc-frames report --objective loss --mode min --over seed",
    "torc-frames report --columns status,loss,epochs -k ridge ridge.html",
)
@click.argument("path", default="report.html", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--objective", metavar="NAME", help="The result that rows are ranked by. [default: the first that says]"
)
@click.option("--mode", type=click.Choice(["min", "max"]), help="Which end of it is better.")
@click.option("--over", metavar="NAMES", help="Parameters that only repeat, with commas: means over them.")
@click.option("--columns", metavar="NAMES", help="What the table of all jobs shows, with commas.")
@click.option("--title", metavar="TEXT", help="What stands above. [default: the workflow's name]")
def report(
    options: StoreOptions,
    path: Path,
    objective: str | None,
    mode: Literal["min", "max"] | None,
    over: str | None,
    columns: str | None,
    title: str | None,
) -> None:
    """Write what was asked, what came out and how it was run as one file to hand over.

    PATH is by default report.html, a page that any browser opens, without a network; its table sorts and
    filters. In a file that ends in .xlsx there is a sheet of each part. A file that exists is replaced.
    """
    as_json = options.wants_json("report prints a path")
    made = options.workflow().report(
        path,
        objective=objective,
        mode=mode,
        over=None if over is None else split_names(over),
        columns=None if columns is None else split_names(columns),
        title=title,
    )
    if as_json:
        print_json({"path": str(made)})
    else:
        click.echo(printable(str(made)))
