"""``torc-frames jobs``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torc_frames.cli.documents import numbered_documents
from torc_frames.cli.options import StoreOptions, command, group
from torc_frames.cli.output import emit, emit_keys
from torc_frames.cli.records import name_option, new_role_option, print_records
from torc_frames.cli.results import is_result, own_job, parse_records, parse_results
from torc_frames.cli.text import printable
from torc_frames.errors import shorten
from torc_frames.files.cells import cell_text
from torc_frames.store.records import Role

if TYPE_CHECKING:
    from torc_frames.workflow.run.job import Job
    from torc_frames.workflow.workflow import Workflow

__all__ = ["jobs"]

log = logging.getLogger(__name__)


@group("torc-frames jobs list", "torc-frames jobs get-user-data 1")
def jobs() -> None:
    """List, show, add and delete jobs, and their records."""


@command("torc-frames jobs list", "torc-frames jobs list -k 1 --format csv", name="list", of=jobs)
def list_(options: StoreOptions) -> None:
    """List the jobs of a workflow, and how each last ended."""
    emit(options, options.workflow().jobs())


@command("torc-frames jobs show 3", "torc-frames jobs show 3 --format json", of=jobs)
@click.argument("key")
def show(options: StoreOptions, key: str) -> None:
    """Show one job: how it last ended, its parameters and its results."""
    job, workflow = _found(options, key)
    row = workflow.jobs().loc[[job.key]]
    for prefix, of in (("params", workflow.parameters(job=job)), ("results", workflow.results(job=job))):
        row = row.join(of.add_prefix(f"{prefix}."))
    if options.format is not None:
        emit(options, row)
        return
    from torc_frames.files.exports import json_columns

    lines = {"workflow": f"{workflow.key} ({workflow.name})"}
    lines |= {name: cell_text(values[0]) for name, values in json_columns(row).items()}
    width = max(map(len, map(printable, lines)))
    for name, text in lines.items():
        if text:
            click.echo(f"{printable(name):{width}}  {printable(text)}")


@command("torc-frames jobs delete 3 4", "torc-frames jobs delete 3 --no-prompts", of=jobs)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def delete(options: StoreOptions, keys: tuple[str, ...]) -> None:
    """Delete jobs with their results, and with the records that no other job has.

    All of them are of one workflow, and none is deleted if one can't be. Asks before it does, unless
    --no-prompts is given.
    """
    first, workflow = _found(options, keys[0])
    jobs = [first, *(workflow.job(key) for key in dict.fromkeys(keys) if key != first.key)]
    if not options.no_prompts:
        told = shorten(f"{job.key} ({job.name})" for job in jobs)
        question = f"Delete {told} of workflow {workflow.key} ({workflow.name}), with all results?"
        click.confirm(printable(question), abort=True, err=True)
    workflow.delete_jobs(*jobs)
    for job in jobs:
        log.info("Deleted job key=%s name=%s", job.key, printable(job.name))


def _found(options: StoreOptions, key: str) -> tuple[Job, Workflow]:
    """Return a job, of whatever workflow it is unless ``-k`` is given, and that workflow."""
    job = options.job(key)
    return job, options.client().workflow(job.workflow_key)


@command("torc-frames jobs add train --command 'python train.py'", of=jobs)
@click.argument("name")
@click.option("--command", default="", help="What a shell runs as the job.")
@click.option("--num-cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Cores it takes.")
@click.option(
    "--depends-on", multiple=True, metavar="KEY", help="A job that must complete first; repeatable."
)
def add(options: StoreOptions, name: str, command: str, num_cpus: int, depends_on: tuple[str, ...]) -> None:
    """Add a job without records and print its key."""
    resources = {"num_cpus": num_cpus}
    job = options.workflow().add_job(
        name, command=command, resources=resources, depends_on=list(depends_on) or None
    )
    log.info("Added job key=%s name=%s", job.key, printable(name))
    emit_keys(options, "job_key", [job.key])


@command("torc-frames jobs reset 3 4", of=jobs)
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
def reset(options: StoreOptions, jobs: tuple[str, ...]) -> None:
    """Make jobs of an embedded store ready to be run again.

    Also running ones, if no process of this machine runs them: those that a killed runner on another machine
    or in another container has left.
    """
    options.workflow().reset_jobs(*jobs)
    log.info("Reset %d jobs", len(jobs))


@command("torc-frames jobs logs --failed", "torc-frames jobs logs 3 --lines 50", of=jobs)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--failed", is_flag=True, help="Only of jobs that failed.")
@click.option("--lines", type=click.IntRange(min=1), default=10, show_default=True, help="Lines of each.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Where to look alone. [default: where each run put its output]",
)
def logs(
    options: StoreOptions, jobs: tuple[str, ...], failed: bool, lines: int, output_dir: Path | None
) -> None:
    """Print the last lines that jobs wrote to stderr and stdout, of the last run of each.

    With --format csv or json as a table.
    """
    keys = list(jobs) or None
    frame = options.workflow().logs(keys, failed=failed, lines=lines, output_dir=output_dir)
    if options.format not in (None, "table"):
        emit(options, frame)
        return
    cells = frame.astype(object).where(frame.notna(), None).to_dict("list")
    rows: list[tuple[Any, ...]] = list(zip(*cells.values(), strict=True))
    if not rows:
        click.echo("no job of these has failed" if failed else "no run of these jobs is known", err=True)
    for key, name, run, status, code, out, err in rows:
        told = "" if code is None else f" with return code {code}"
        click.echo(f"==> job {key} ({printable(name)}), run {run}: {status}{told}")
        for stream, said in (("stderr", err), ("stdout", out)):
            for line in (said or "").splitlines():
                click.echo(f"{stream}: {printable(line)}")


@command(
    "torc-frames jobs add-user-data 1 \"{key1: 'val1', key2: 'val2'}\" \"{key3: 'val3'}\"",
    "torc-frames jobs add-user-data 1 --role output epoch=1 loss=0.31",
    name="add-user-data",
    of=jobs,
)
@click.argument("job")
@click.argument("documents", nargs=-1, required=True, metavar="DOC...")
@new_role_option
@name_option
def add_user_data(
    options: StoreOptions, job: str, documents: tuple[str, ...], role: Role | None, name: str | None
) -> None:
    """Add a record for each JSON5 document to a job; all NAME=VALUE together are one.

    All documents are checked before any is stored. Inside the job, the first output of a new run replaces
    those of earlier runs.
    """
    is_output = role == "output"
    values = parse_records(documents, exact=not is_output)
    handle = own_job(options, job) if is_output else options.job(job)
    with numbered_documents(values):
        keys = handle.add_user_data(*values, role=role, name=name)
    for key in keys:
        log.info("Added user_data key=%s to job key=%s", key, handle.key)


@command(
    "torc-frames jobs store $TORC_JOB_ID loss=0.31 epochs=3 model.kind=ridge",
    'torc-frames jobs store 1 "{loss: 0.31, curve: [0.5, 0.31]}"',
    of=jobs,
)
@click.argument("results", nargs=-1, required=True, metavar="[JOB] RESULT...")
def store(options: StoreOptions, results: tuple[str, ...]) -> None:
    r"""Store results of a job: NAME=VALUE, or JSON5 objects.

    A VALUE is JSON5 (a number, true, null, "text", [1, 2]); what is none is text. nan, NaN and an empty one
    are missing. A dot in NAME is a level, \. a dot. Inside a job, JOB may be left out.

    Calls of one run of the job add up, the first one of a new run replaces what an earlier run stored. What
    can't be kept is left out, with a warning, and named in error.unstored of the record.
    """
    handle, values = _given(options, results)
    record_key = handle.store(**values)
    log.info("Stored results in user_data key=%s of job key=%s", record_key, handle.key)


@command(
    "torc-frames jobs log $TORC_JOB_ID epoch=3 loss=0.4",
    'torc-frames jobs log 1 "{epoch: 3}"',
    name="log",
    of=jobs,
)
@click.argument("values", nargs=-1, required=True, metavar="[JOB] NAME=VALUE...")
def log_(options: StoreOptions, values: tuple[str, ...]) -> None:
    """Append a row to the series of a job, which `torc-frames curves` prints.

    Values are written as for store; nan and inf are kept. Inside a job, JOB may be left out. The row is
    stored when the command has ended, and nothing is printed.
    """
    handle, row = _given(options, values)
    handle.log(**row)
    handle.flush()


def _given(options: StoreOptions, arguments: tuple[str, ...]) -> tuple[Job, dict[str, Any]]:
    """Return the job and the values that arguments say."""
    key = None if is_result(arguments[0]) else arguments[0]
    values = parse_results(arguments if key is None else arguments[1:])
    if not values:
        raise click.UsageError("there are no results: write NAME=VALUE, or {NAME: VALUE}")
    return own_job(options, key), values


@command(
    "torc-frames jobs get-user-data 1",
    "torc-frames jobs get-user-data 1 --format json",
    name="get-user-data",
    of=jobs,
)
@click.argument("job")
def get_user_data(options: StoreOptions, job: str) -> None:
    """Print the records of a job, the newest first.

    As Python dicts, or with --format json as one JSON object a line.
    """
    print_records(options, reversed(options.job(job).user_data()))
