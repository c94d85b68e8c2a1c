"""``torc-frames push``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from torc_frames.cli.options import Options, examples, pass_options, shared_options
from torc_frames.cli.output import emit
from torc_frames.cli.text import printable
from torc_frames.errors import shorten

if TYPE_CHECKING:
    from torc_frames.push import OnExists

__all__ = ["push"]


@click.command(
    epilog=examples(
        "torc-frames push grid.csv --command 'python run.py --alpha {alpha}'",
        "torc-frames pull --what parameters -o p.parquet && torc-frames push p.parquet",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--command", help="What a shell runs as the job; {column} is the row's value.")
@click.option("--name", help="The job's name; {column} is the row's value. [default: job_1, job_2, …]")
@click.option(
    "--on-exists",
    type=click.Choice(["skip", "error", "append", "update"]),
    default="skip",
    show_default=True,
    help="What to do with a row that is there already.",
)
@click.option("--outputs", is_flag=True, help="Declare an output record for each new job.")
@click.option("--num-cpus", type=click.IntRange(min=1), metavar="N", help="CPUs that each new job takes.")
@click.option(
    "--depends-on", multiple=True, metavar="KEY", help="A job that must complete first; may be repeated."
)
@shared_options
@pass_options
def push(
    options: Options,
    file: Path,
    command: str | None,
    name: str | None,
    on_exists: OnExists,
    outputs: bool,
    num_cpus: int | None,
    depends_on: tuple[str, ...],
) -> None:
    """Make one job of each row of FILE, or update those that it names by job_key.

    FILE is .csv, .parquet, .json (a list of objects), .jsonl or .xlsx. Pushing it again changes nothing.

    In CSV a column is whole numbers, decimal numbers, or true and false, if all its cells are written as
    such, else text: 007 stays 007. An empty cell is missing.
    """
    workflow = options.workflow()
    from torc_frames.cli.tables import read_table

    pushed = workflow.push(
        read_table(file),
        command=command,
        name=name,
        on_exists=on_exists,
        outputs=outputs,
        resources=None if num_cpus is None else {"num_cpus": num_cpus},
        depends_on=list(depends_on) or None,
    )
    if options.format is not None:
        emit(options, pushed)
        return
    rows = "1 row is job" if len(pushed) == 1 else f"{len(pushed)} rows are jobs"
    label = printable(f"workflow {workflow.key} ({workflow.name})")
    click.echo(f"{rows} {shorten(pushed.index)} of {label}" if len(pushed) else f"{file.name} has no rows")
