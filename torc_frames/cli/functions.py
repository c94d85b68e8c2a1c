"""``torc-frames run-function``."""

from __future__ import annotations

import sys

import click

from torc_frames.cli.options import StoreOptions, command

__all__ = ["run_function"]


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
