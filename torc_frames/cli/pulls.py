"""``torc-frames pull`` and ``table``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from torc_frames.cli.adopt import pattern_options
from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.output import emit, output_option
from torc_frames.cli.records import role_option
from torc_frames.frame.joining import OnClash
from torc_frames.store.records import Role

if TYPE_CHECKING:
    import pandas as pd

    from torc_frames.workflow.workflow import Workflow

__all__ = ["pull", "table"]

_clash_option = click.option(
    "--on-clash",
    type=click.Choice(["error", "last", "list"]),
    help="Where several records of a job hold a key with different values: end with an error, which is the "
    "default, take the newest one's, or make a list of all.",
)

_JOINED = ("parameters", "results")
_OF_A_JOB = ("user_data", *_JOINED)
_ROWS = {"user_data": "record", "links": "link"}


@command(
    "torc-frames pull --what parameters",
    "torc-frames pull -o records.parquet",
    "torc-frames pull --what results --format json | jq length",
)
@click.option(
    "--what",
    type=click.Choice([*_OF_A_JOB, "jobs", "links"]),
    default="user_data",
    show_default=True,
    help="One row a record (user_data), a job (parameters, results, jobs), or a link of the two.",
)
@click.option("--job", metavar="KEY", help="Only the records of this job.")
@role_option
@pattern_options
@_clash_option
@output_option
def pull(
    options: StoreOptions,
    what: str,
    job: str | None,
    role: Role | None,
    pattern: str | None,
    command_pattern: str | None,
    on_clash: OnClash | None,
    output: Path | None,
    raw_csv: bool,
) -> None:
    """Print the records of a workflow, or write them to a file.

    In CSV a text that a spreadsheet would take for a formula, as it begins with =, +, -, @, a tab or a new
    line, has an apostrophe before it; numbers stay numbers, and push takes the apostrophe off again. In
    Excel files texts are texts.
    """
    if role is not None and what != "user_data":
        raise click.UsageError("--role goes with --what user_data")
    if job is not None and what not in _OF_A_JOB:
        raise click.UsageError(f"--job goes with --what {', '.join(_OF_A_JOB)}")
    if on_clash is not None and what not in _JOINED:
        raise click.UsageError(f"--on-clash goes with --what {', '.join(_JOINED)}")
    patterns = (pattern, command_pattern)
    if any(patterns) and what != "parameters":
        raise click.UsageError("--pattern and --command-pattern go with --what parameters")
    frame = _pulled(options.workflow(), what, job, role, on_clash or "error", patterns)
    emit(options, frame, output, _ROWS.get(what, "job"), raw_csv=raw_csv)


@command(
    "torc-frames table",
    "torc-frames table -o table.csv",
    "torc-frames table --pattern 'train_lr{lr}_bs{bs}'",
    "torc-frames table --format parquet > t.pq",
)
@click.option(
    "--load",
    multiple=True,
    metavar="NAME",
    help="Results that are pointers to files: show the files' rows and columns; may be repeated.",
)
@pattern_options
@_clash_option
@output_option
def table(
    options: StoreOptions,
    load: tuple[str, ...],
    pattern: str | None,
    command_pattern: str | None,
    on_clash: OnClash | None,
    output: Path | None,
    raw_csv: bool,
) -> None:
    """Print one row for every job: the job, its parameters, its results.

    Files that pointers name and that are missing, or were altered, are left out and named. For texts that
    look like formulas see pull.
    """
    frame = options.workflow().table(
        load=list(load),
        on_clash=on_clash or "error",
        pattern=pattern,
        command_pattern=command_pattern,
    )
    emit(options, frame, output, "row" if load else "job", raw_csv=raw_csv)


def _pulled(
    workflow: Workflow,
    what: str,
    job: str | None,
    role: Role | None,
    on_clash: OnClash,
    patterns: tuple[str | None, str | None],
) -> pd.DataFrame:
    if what == "user_data":
        return workflow.user_data(job=job, role=role)
    if what == "parameters":
        pattern, of_commands = patterns
        return workflow.parameters(job=job, on_clash=on_clash, pattern=pattern, command_pattern=of_commands)
    if what == "results":
        return workflow.results(job=job, on_clash=on_clash)
    return workflow.jobs() if what == "jobs" else workflow.links()
