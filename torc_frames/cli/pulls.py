"""``torc-frames pull`` and ``table``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from torc_frames.cli.adopt import pattern_options
from torc_frames.cli.options import StoreOptions, command, split_names, together
from torc_frames.cli.output import all_option, emit, output_option
from torc_frames.cli.records import role_option
from torc_frames.cli.text import printable
from torc_frames.frame.joining import OnClash
from torc_frames.store.records import Role

if TYPE_CHECKING:
    import pandas as pd

    from torc_frames.workflow.pull.stream import What
    from torc_frames.workflow.workflow import Workflow

__all__ = ["curves", "pull", "table", "table_options"]

_clash_option = click.option(
    "--on-clash",
    type=click.Choice(["names", "error", "last", "list"]),
    default="names",
    help="Where several records of a job hold a key with different values: a column for each, by the names "
    "of the records, which is the default, end with an error, take the newest one's, or make a list of all.",
)

_dataset_option = together(
    click.option(
        "--dataset",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write a folder of Parquet files, in little memory, however many records there are.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace the dataset that is in DIR."),
)

_where_option = click.option(
    "--where",
    metavar="TEXT",
    help="Only the rows that it holds for, as \"loss < 0.1 and solver == 'svd'\"; names with blanks stand in "
    "backquotes.",
)

table_options = together(_where_option, pattern_options, _clash_option)
"""Those of commands that pull a table of jobs."""

_JOINED = ("parameters", "results")
_OF_A_JOB = ("user_data", *_JOINED)
_LISTINGS = ("runs", "utilization", "dependencies", "files", "compute_nodes", "events", "slurm_stats")
_SAMPLES = "resource_samples"
_ROWS = {
    **{"user_data": "record", "links": "link", "runs": "run", "dependencies": "dependency"},
    **{"files": "file", "compute_nodes": "compute node", "events": "event", "slurm_stats": "run"},
    _SAMPLES: "sample",
}


@command(
    "torc-frames pull --what parameters",
    "torc-frames pull --what runs",
    "torc-frames pull -o records.parquet",
    "torc-frames pull --what results --format json | jq length",
    "torc-frames pull --what results --dataset results",
)
@click.option(
    "--what",
    type=click.Choice([*_OF_A_JOB, "jobs", "links", *_LISTINGS, _SAMPLES]),
    default="user_data",
    show_default=True,
    help="One row a record (user_data), a job (parameters, results, jobs; utilization is what it asked for "
    "and used), a link of the two, a run, or what torc lists by that name.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where torc run wrote resource_samples. [default: torc_output]",
)
@click.option("--job", metavar="KEY", help="Only the records of this job.")
@role_option
@_where_option
@pattern_options
@_clash_option
@click.option("--upstream", is_flag=True, help="Parameters: also what jobs consume of others.")
@output_option
@_dataset_option
def pull(
    options: StoreOptions,
    what: str,
    job: str | None,
    role: Role | None,
    where: str | None,
    pattern: str | None,
    command_pattern: str | None,
    on_clash: OnClash,
    upstream: bool,
    output_dir: Path | None,
    output: Path | None,
    raw_csv: bool,
    dataset: Path | None,
    overwrite: bool,
) -> None:
    """Print the records of a workflow, or what else it has, or write them to a file.

    In CSV a text that a spreadsheet would take for a formula, as it begins with =, +, -, @, a tab or a new
    line, has an apostrophe before it; numbers stay numbers, and push takes the apostrophe off again. In
    Excel files texts are texts.
    """
    if role is not None and what != "user_data":
        raise click.UsageError("--role goes with --what user_data")
    if job is not None and what not in _OF_A_JOB:
        raise click.UsageError(f"--job goes with --what {', '.join(_OF_A_JOB)}")
    if where is not None and what not in (*_OF_A_JOB, "jobs"):
        raise click.UsageError(f"--where goes with --what {', '.join(_OF_A_JOB)}, jobs")
    if on_clash != "names" and what not in _JOINED:
        raise click.UsageError(f"--on-clash goes with --what {', '.join(_JOINED)}")
    patterns = (pattern, command_pattern)
    if any(patterns) and what != "parameters":
        raise click.UsageError("--pattern and --command-pattern go with --what parameters")
    if upstream and what != "parameters":
        raise click.UsageError("--upstream goes with --what parameters")
    if output_dir is not None and what != _SAMPLES:
        raise click.UsageError(f"--output-dir goes with --what {_SAMPLES}")
    workflow = options.workflow()
    if dataset is not None:
        if what not in _OF_A_JOB or job or where or any(patterns) or upstream or output is not None:
            goes = f"--dataset goes with --what {', '.join(_OF_A_JOB)}, without --job, --where, --pattern"
            raise click.UsageError(f"{goes}, --command-pattern, --upstream and -o")
        _write(options, workflow, dataset, what, role=role, on_clash=on_clash, overwrite=overwrite)
        return
    if what == _SAMPLES:
        frame = workflow.resource_samples(output_dir)
    else:
        frame = _pulled(workflow, what, job, role, where, on_clash, upstream, patterns)
    emit(options, frame, output, _ROWS.get(what, "job"), raw_csv=raw_csv)


@command(
    "torc-frames table",
    "torc-frames table --where 'loss < 0.1'",
    "torc-frames table -o table.csv",
    "torc-frames table --pattern 'train_lr{lr}_bs{bs}'",
    "torc-frames table --job-columns command,return_code",
    "torc-frames table --format parquet > t.pq",
)
@click.option(
    "--job-columns",
    is_flag=False,
    flag_value="",
    metavar="[NAMES]",
    help="Also show what else is known of the jobs: all that pull --what jobs does, or the columns of these "
    "names, with commas between them.",
)
@click.option(
    "--load",
    multiple=True,
    metavar="NAME",
    help="Results that are pointers to files: show the files' rows and columns; may be repeated.",
)
@table_options
@all_option
@output_option
@_dataset_option
def table(
    options: StoreOptions,
    job_columns: str | None,
    load: tuple[str, ...],
    where: str | None,
    pattern: str | None,
    command_pattern: str | None,
    on_clash: OnClash,
    all_columns: bool,
    output: Path | None,
    raw_csv: bool,
    dataset: Path | None,
    overwrite: bool,
) -> None:
    """Print one row for every job: its name and status, its parameters, its results.

    A terminal shows parameters that vary, results, and what else was asked for, as far as it is wide, with 4
    digits of decimal numbers, and says what it leaves out; --all, a file or a pipe has everything. Files that
    pointers name and that are missing, or were altered, are left out and named. For texts that look like
    formulas see pull.
    """
    names = split_names(job_columns or "")
    shown = names or job_columns is not None
    if dataset is not None:
        if load or where or pattern or command_pattern or output is not None:
            without = "--load, --where, --pattern, --command-pattern and -o"
            raise click.UsageError(f"--dataset goes without {without}")
        how = {"on_clash": on_clash, "job_columns": shown, "overwrite": overwrite}
        _write(options, options.workflow(), dataset, "table", **how)
        return
    frame = options.workflow().table(
        job_columns=shown,
        load=list(load),
        where=where,
        on_clash=on_clash,
        pattern=pattern,
        command_pattern=command_pattern,
    )
    from torc_frames.cli.views import of_table

    view = partial(of_table, frame, also=names, of_jobs=shown and not names)
    row = "row" if load else "job"
    emit(options, frame, output, row, raw_csv=raw_csv, view=view, everything=all_columns)


@command(
    "torc-frames curves",
    "torc-frames curves loss --parameters",
    "torc-frames curves loss accuracy --job 3 -o curves.parquet",
)
@click.argument("names", nargs=-1)
@click.option(
    "--by",
    multiple=True,
    metavar="NAME",
    help="A column that says where on a curve a row is; may "
    "be repeated. [default: epoch, step, global_step, iteration, batch]",
)
@click.option("--job", metavar="KEY", help="Only the rows of this job.")
@click.option("--parameters", is_flag=True, help="The parameters of jobs beside their rows.")
@click.option("--times", is_flag=True, help="When each row was logged.")
@output_option
def curves(
    options: StoreOptions,
    names: tuple[str, ...],
    by: tuple[str, ...],
    job: str | None,
    parameters: bool,
    times: bool,
    output: Path | None,
    raw_csv: bool,
) -> None:
    """Print the rows that jobs logged, also while they run.

    With NAMES only rows that have one of these, and of their columns only these and the steps.
    """
    frame = options.workflow().curves(
        *names, by=list(by) or None, job=job, parameters=parameters, times=times
    )
    emit(options, frame, output, "row", raw_csv=raw_csv)


def _write(options: StoreOptions, workflow: Workflow, folder: Path, what: str, **how: Any) -> None:
    """Write a table to a folder of Parquet files, and tell so."""
    if options.format not in (None, "parquet"):
        raise click.UsageError(f"a dataset is of Parquet files, not of {options.format}")
    workflow.to_parquet(folder, cast("What", what), **how)
    click.echo(printable(f"{what} to {folder}"), err=True)


def _pulled(
    workflow: Workflow,
    what: str,
    job: str | None,
    role: Role | None,
    where: str | None,
    on_clash: OnClash,
    upstream: bool,
    patterns: tuple[str | None, str | None],
) -> pd.DataFrame:
    if what == "user_data":
        return workflow.user_data(job=job, role=role, where=where)
    if what == "parameters":
        pattern, of_commands = patterns
        return workflow.parameters(
            job=job,
            where=where,
            on_clash=on_clash,
            upstream=upstream,
            pattern=pattern,
            command_pattern=of_commands,
        )
    if what == "results":
        return workflow.results(job=job, where=where, on_clash=on_clash)
    if what == "jobs":
        return workflow.jobs(where=where)
    return cast("pd.DataFrame", getattr(workflow, what)())
