"""``torc-frames push``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torc_frames.cli.documents import numbered
from torc_frames.cli.options import StoreOptions, command, together
from torc_frames.cli.output import emit, print_json
from torc_frames.cli.text import printable

if TYPE_CHECKING:
    from torc_frames.workflow.push.plan import Plan
    from torc_frames.workflow.push.table import OnConflict, OnExists

__all__ = ["push"]

_MARKS = ("sep", "decimal", "thousands")
_NAMES = {"tab": "\t", "\\t": "\t", "space": " "}


def _one_character(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    mark = _NAMES.get(value or "", value)
    if mark is not None and (len(mark) != 1 or mark in '"\r\n' or mark.isalnum()):
        raise click.BadParameter(f"{value!r} is no separator of one character, such as ';', ',' or tab")
    for name in _MARKS:
        if mark is not None and name != option.name and context.params.get(name) == mark:
            raise click.BadParameter(f"{value!r} is --{name} already: each mark has one meaning")
    return mark


_csv_options = together(
    click.option(
        "--sep",
        metavar="CHARACTER",
        callback=_one_character,
        help="What separates the cells of CSV: ',', ';' or tab. [default: found]",
    ),
    click.option(
        "--decimal",
        metavar="CHARACTER",
        callback=_one_character,
        help="The decimal mark in CSV. [default: found; a point where commas separate]",
    ),
    click.option(
        "--thousands",
        metavar="CHARACTER",
        callback=_one_character,
        help="The mark between thousands in CSV; without it such numbers are text.",
    ),
    click.option(
        "--na-values",
        multiple=True,
        metavar="TEXT",
        help="A text that stands for a missing cell in CSV, such as NA; may be repeated.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="The encoding of CSV, such as cp1252. [default: UTF-8, or UTF-16]",
    ),
)
"""``--sep``, ``--decimal``, ``--thousands``, ``--na-values`` and ``--encoding``."""


@command(
    "torc-frames push grid.csv --command 'python run.py --alpha {alpha}'",
    "torc-frames pull --what parameters -o p.parquet && torc-frames push p.parquet",
    "torc-frames push more.csv --on alpha --on seed --plan",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--on", multiple=True, metavar="COLUMN", help="A column that rows are known by; may be repeated."
)
@click.option(
    "--command",
    help="What a shell runs as the job; {column} is the row's value. [default: what was given last]",
)
@click.option(
    "--name",
    help="The job's name; {column} is the row's value. [default: what was given last, or job_1, job_2, …]",
)
@click.option(
    "--on-exists",
    type=click.Choice(["skip", "error", "append", "update"]),
    default="skip",
    show_default=True,
    help="What to do with a row that is there already.",
)
@click.option(
    "--on-conflict",
    type=click.Choice(["error", "ours", "theirs"]),
    default="error",
    show_default=True,
    help="What to do with a cell that others have changed as well since FILE was pulled.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, and write nothing.")
@click.option("--outputs", is_flag=True, help="Declare an output record for each new job.")
@click.option("--num-cpus", type=click.IntRange(min=1), metavar="N", help="CPUs that each new job takes.")
@click.option("--num-gpus", type=click.IntRange(min=0), metavar="N", help="GPUs that each new job takes.")
@click.option("--memory", metavar="SIZE", help="Memory that each new job takes: 512m, 2g.")
@click.option("--runtime", metavar="TIME", help="How long each new job takes at most: PT30M, P1DT2H.")
@click.option(
    "--depends-on", multiple=True, metavar="KEY", help="A job that must complete first; may be repeated."
)
@click.option(
    "--raw-csv", is_flag=True, help="Texts in CSV are as they are, an apostrophe before a formula included."
)
@_csv_options
def push(
    options: StoreOptions,
    /,
    file: Path,
    on: tuple[str, ...],
    command: str | None,
    name: str | None,
    on_exists: OnExists,
    on_conflict: OnConflict,
    only_plan: bool,
    outputs: bool,
    depends_on: tuple[str, ...],
    raw_csv: bool,
    sep: str | None,
    decimal: str | None,
    thousands: str | None,
    na_values: tuple[str, ...],
    encoding: str | None,
    **needs: int | str | None,
) -> None:
    """Make one job of each row of FILE, or update those that it names by job_key, or by --on.

    FILE is .csv, .parquet, .json (a list of objects), .jsonl or .xlsx. Pushing it again changes nothing,
    nor does pushing what was pulled.

    In CSV a column is whole numbers, decimal numbers, or true and false, if all its cells are written as
    such, else text: 007 stays 007. Where a few texts keep a column from being numbers, they are told, with
    the option that reads them. An empty cell is missing. A column that the workflow has already is read as
    what it is there. An apostrophe that pull wrote before what looks like a formula is taken off.
    """
    workflow = options.workflow()
    from torc_frames.files.delimited import CsvOptions
    from torc_frames.files.tables import LINES, read_table

    table = read_table(
        file,
        workflow.parameters(),
        raw_csv=raw_csv,
        csv_options=CsvOptions(sep, decimal, thousands or "", na_values, encoding),
        tell=lambda message: click.echo(printable(message), err=True),
    )
    lines = table.attrs.pop(LINES, None)
    with nullcontext() if lines is None else numbered([f"line {line}" for line in lines]):
        how: dict[str, Any] = {
            "on": list(on) or None,
            "command": command,
            "name": name,
            "on_exists": on_exists,
            "on_conflict": on_conflict,
            "outputs": outputs,
            "resources": {need: value for need, value in needs.items() if value is not None} or None,
            "depends_on": list(depends_on) or None,
        }
        if only_plan:
            _show(options, workflow.plan(table, **how))
            return
        pushed = workflow.push(table, **how)
    if options.format is not None:
        emit(options, pushed)
        return
    done = pushed.attrs["torc"]
    jobs = "job" if done["added"] == 1 else "jobs"
    label = printable(f"workflow {workflow.key} ({workflow.name})")
    click.echo(
        f"{done['added']} {jobs} added, {done['changed']} changed, {done['unchanged']} unchanged in {label}"
    )


def _show(options: StoreOptions, plan: Plan) -> None:
    """Print a plan: as text, all of it as one JSON object, or its rows as a table of another format."""
    if options.format in (None, "table"):
        for line in str(plan).split("\n"):
            click.echo(printable(line))
    elif options.format == "json":
        from torc_frames.files.exports import json_columns

        frames = {"rows": plan.rows, "cells": plan.cells, "commands": plan.commands}
        columns = {what: json_columns(frame) for what, frame in frames.items()}
        told = {
            what: [dict(zip(of, row, strict=True)) for row in zip(*of.values(), strict=True)]
            for what, of in columns.items()
        }
        print_json({"counts": plan.counts, "remembered": plan.remembered, **told})
    else:
        emit(options, plan.rows)
