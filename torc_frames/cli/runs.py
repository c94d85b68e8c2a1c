"""``torc-frames run``, ``run-function`` and ``demo``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.started import print_started, print_summary, told_by_summary

if TYPE_CHECKING:
    from torc_frames.workflow.run.options import Rerun

__all__ = ["demo", "run", "run_function"]

_workers = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="How many CPUs to use. [default: all]"
)


@command("torc-frames run", "torc-frames run --workers 4 --rerun failed", "torc-frames run --detach")
@_workers
@click.option(
    "--rerun",
    type=click.Choice(["failed", "missing", "changed", "all"]),
    help="Which ended jobs to run again: failed ones; also those without output (missing); also those whose "
    "parameters changed; or all.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="For stdout and stderr of the jobs. [default: torc_output/NAME beside the database NAME.db; "
    "torc_output here for those of a torc-server]",
)
@click.option("--job", "jobs", multiple=True, metavar="KEY", help="Only this job; repeatable.")
@click.option("--where", metavar="TEXT", help="Only jobs that this keeps, such as 'params.alpha > 1'.")
@click.option("--timeout", metavar="TIME", help="How long a job may run: seconds, or PT1H and the like.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="How often to run a failed job again.",
)
@click.option("--detach", is_flag=True, help="Go on in the background, also when this shell ends.")
@click.pass_context
def run(
    context: click.Context,
    options: StoreOptions,
    workers: int | None,
    rerun: Rerun | None,
    output_dir: Path | None,
    jobs: tuple[str, ...],
    where: str | None,
    timeout: str | None,
    retries: int,
    detach: bool,
) -> None:
    """Run the jobs of a workflow on this machine; those of a torc-server by `torc run`.

    The exit code is 1 if jobs failed. SIGTERM and SIGHUP end the running jobs, as Ctrl-C does. With --detach
    it prints the id of the run, which `torc-frames runs` lists, waits for and cancels.
    """
    if options.format in ("csv", "parquet"):
        raise click.UsageError(f"how a run ended is no {options.format} table: torc-frames jobs list")
    workflow = options.workflow()
    asked: dict[str, Any] = {
        "workers": workers,
        "rerun": rerun,
        "output_dir": output_dir,
        "jobs": list(jobs) or None,
        "where": where,
        "timeout": _seconds(timeout),
        "retries": retries,
    }
    if detach:
        print_started(options, workflow.start(**asked))
        return
    with told_by_summary():
        summary = workflow.run(**asked)
    print_summary(context, options, workflow, summary)


def _seconds(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


@command("torc-frames run-function simulation:run", name="run-function")
@click.argument("function", metavar="MODULE:FUNCTION")
@click.pass_context
def run_function(context: click.Context, _options: StoreOptions, function: str) -> None:
    """Run a Python function as the job that this process is.

    It is called with the job's parameters by name, or as one dict if its only parameter is named row; the
    dict that it returns is stored with the job, but for what can't be kept, which error.unstored names. If
    it raises, error.type, error.message and error.traceback are stored, and the exit code is 1. The module
    is also looked for in the working directory.

    This is the command of the jobs that Workflow.map makes on a torc-server.
    """
    from torc_frames import settings
    from torc_frames.errors import shorten, warn
    from torc_frames.files.pointers import relative_to
    from torc_frames.frame.values import decode_data
    from torc_frames.workflow.run.call import call
    from torc_frames.workflow.run.runner import current_job

    job = current_job()
    with relative_to(settings.job_base()):
        outcome = call(function, job.parameters, f"job {job.key}")
    if outcome.unstored:
        warn(f"job {job.key} ({job.name}): not stored: {shorten(outcome.unstored)}")
    job.store(**decode_data(job.key, outcome.data))
    if outcome.error is not None:
        told = decode_data(job.key, outcome.data)["error"]
        click.echo(told["traceback"], err=True, nl=False)
        sys.stderr.flush()
        context.exit(1)


@command("torc-frames demo", "torc-frames demo --dir my-demo")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to put the files of the demo.",
)
@_workers
def demo(_options: StoreOptions, directory: Path | None, workers: int | None) -> None:
    """Run a small study from its table of parameters to its table of results."""
    from torc_frames.cli.demo import main as demo_main

    demo_main(directory, workers)
