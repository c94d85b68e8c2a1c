"""``torc-frames run``, ``run-function`` and ``demo``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.output import print_json
from torc_frames.cli.text import printable
from torc_frames.settings.regular import open_regular

if TYPE_CHECKING:
    from torc_frames.workflow.run.runner import Rerun, RunSummary
    from torc_frames.workflow.workflow import Workflow

__all__ = ["demo", "run", "run_function"]

_COUNTS = ("completed", "failed", "canceled", "not_run", "running_elsewhere")

_TAIL = 64 * 1024

_workers = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="How many CPUs to use. [default: all]"
)


@command("torc-frames run", "torc-frames run --workers 4 --rerun failed")
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
@click.pass_context
def run(
    context: click.Context,
    options: StoreOptions,
    workers: int | None,
    rerun: Rerun | None,
    output_dir: Path | None,
) -> None:
    """Run the jobs of a workflow on this machine; those of a torc-server by `torc run`.

    The exit code is 1 if jobs failed. SIGTERM and SIGHUP end the running jobs, as Ctrl-C does.
    """
    if options.format in ("csv", "parquet"):
        raise click.UsageError(f"how a run ended is no {options.format} table: torc-frames jobs list")
    workflow = options.workflow()
    summary = workflow.run(workers=workers, rerun=rerun, output_dir=output_dir)
    if options.format in ("json", "jsonl"):
        print_json(_as_json(summary, _names(workflow, summary)))
    else:
        _print(summary, workflow, _names(workflow, summary))
    if summary.failures or summary.failed:
        context.exit(1)


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
    from torc_frames.errors import shorten, warn
    from torc_frames.frame.values import decode_data, encode_data
    from torc_frames.workflow.run.call import call
    from torc_frames.workflow.run.runner import current_job

    job = current_job()
    outcome = call(function, encode_data(job.parameters), f"job {job.key}")
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


def _names(workflow: Workflow, summary: RunSummary) -> dict[str, str]:
    """Return the names of the jobs that failed."""
    return {failure.job_key: workflow.job(failure.job_key).name for failure in summary.failures}


def _print(summary: RunSummary, workflow: Workflow, names: dict[str, str]) -> None:
    from torc_frames.workflow.run.logs import said_by_runner

    counts = {name: getattr(summary, name) for name in _COUNTS}
    shown = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    click.echo(f"Jobs: {', '.join(shown) or 'nothing to run'}")
    for failure in summary.failures:
        job = f"job {failure.job_key} ({names[failure.job_key]})"
        click.echo(printable(f"{job} failed with return code {failure.return_code}: {failure.stderr}"))
        runner = (summary.output_dir, workflow.key, failure.job_key)
        last = _last_line(failure.stderr) or said_by_runner(*runner)
        if last:
            click.echo(f"    {printable(last)}")


def _last_line(path: Path) -> str:
    """Return the last line of a file that is not empty, at most its first 200 characters; "" without one."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


def _as_json(summary: RunSummary, names: dict[str, str]) -> dict[str, object]:
    failures = [
        {
            "job_key": failure.job_key,
            "job_name": names[failure.job_key],
            "return_code": failure.return_code,
            "stderr": str(failure.stderr),
        }
        for failure in summary.failures
    ]
    counts = {name: getattr(summary, name) for name in _COUNTS}
    return {**counts, "output_dir": str(summary.output_dir), "failures": failures}
