"""``torc-frames runs``: runs that go on by themselves; and how a run is told of."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from torc_frames.cli.options import StoreOptions, command, group
from torc_frames.cli.output import emit, print_json
from torc_frames.cli.text import printable
from torc_frames.errors import FailedJobsWarning, NotFoundError, RefusedError

if TYPE_CHECKING:
    from torc_frames.workflow.run.handle import RunHandle
    from torc_frames.workflow.run.summary import Failure, RunSummary
    from torc_frames.workflow.workflow import Workflow

__all__ = ["print_started", "print_summary", "runs", "told_by_summary"]

_COUNTS = ("completed", "failed", "canceled", "not_run", "running_elsewhere")
_MOST_FAILURES = 10
"""How many jobs that failed are told of; `torc-frames jobs logs --failed` has all."""

_COLUMNS = ("run", "state", "runner", "started", "ended", "log")

_id = click.argument("run", required=False, metavar="[ID]")


@group("torc-frames run --detach", "torc-frames runs list", "torc-frames runs wait 3f2a")
def runs() -> None:
    """List runs that go on by themselves, wait for them, and cancel them.

    Where an ID is left out, it is the one that runs; the first characters of one are enough.
    """


@command("torc-frames runs list", "torc-frames runs list --all --format json", name="list", of=runs)
@click.option("--all", "over", is_flag=True, help="Also those that have ended.")
def list_(options: StoreOptions, over: bool) -> None:
    """List the runs of a workflow that have not ended, whoever started them."""
    import pandas as pd

    from torc_frames.workflow.run.handle import handles

    workflow = options.workflow()
    rows = [one._described() for one in handles(workflow._store, workflow.key, over=over)]
    columns = {name: pd.Series([row[name] for row in rows], dtype="str") for name in _COLUMNS}
    times = {name: pd.to_datetime(columns[name], format="ISO8601", utc=True) for name in ("started", "ended")}
    emit(options, pd.DataFrame(columns | times))


@command("torc-frames runs wait", "torc-frames runs wait 3f2a --timeout 600", of=runs)
@_id
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="For how long at most.")
@click.pass_context
def wait(context: click.Context, options: StoreOptions, run: str | None, timeout: float | None) -> None:
    """Wait for the end of a run, and print what it did.

    The exit code is 1 if jobs failed, or the run did.
    """
    workflow = options.workflow()
    with told_by_summary():
        summary = _find(workflow, run, over=True).wait(timeout)
    print_summary(context, options, workflow, summary)


@command("torc-frames runs cancel", "torc-frames runs cancel 3f2a", of=runs)
@_id
def cancel(options: StoreOptions, run: str | None) -> None:
    """End a run with its running jobs, which are ready again then."""
    found = _find(options.workflow(), run)
    click.echo(f"{found.id} {'canceled' if found.cancel() else 'had ended'}")


def _find(workflow: Workflow, text: str | None, *, over: bool = False) -> RunHandle:
    """Return the run of an id, of its first characters, or the only one that there is."""
    from torc_frames.workflow.run.handle import handles

    of = workflow._store, workflow.key
    if text is None:
        found = handles(*of) or handles(*of, over=over)[-1:]
    else:
        found = [one for one in handles(*of, over=True) if one.id.startswith(text)]
    if not found:
        hint = "torc-frames runs list --all shows those that have ended"
        if text is None:
            raise RefusedError(f"no run of workflow {workflow.key} goes on: {hint}")
        raise NotFoundError("run", [text], f"workflow {workflow.key}", hint)
    if len(found) > 1:
        raise click.UsageError(f"which run? {', '.join(one.id for one in found)}")
    return found[0]


@contextmanager
def told_by_summary() -> Iterator[None]:
    """Don't warn of failures that are printed anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedJobsWarning)
        warnings.filterwarnings("default", "nothing to run", FailedJobsWarning)
        yield


def print_started(options: StoreOptions, run: RunHandle) -> None:
    """Tell of a run that goes on by itself, and how to find and end it."""
    about = run._described()
    if options.format in ("json", "jsonl"):
        print_json(about)
        return
    click.echo(run.id)
    of = shlex.join(["-u", run.store.url, "-k", run.workflow_key])
    for line in (
        f"{about['runner']} runs the jobs; it goes on when this shell ends. What it says: {about['log']}",
        f"torc-frames {of} runs list",
        f"torc-frames {of} runs wait {run.id}",
        f"torc-frames {of} runs cancel {run.id}",
    ):
        click.echo(printable(line), err=True)


def print_summary(
    context: click.Context, options: StoreOptions, workflow: Workflow, summary: RunSummary
) -> None:
    """Print what a run did; the exit code is 1 if jobs failed."""
    as_json = options.format in ("json", "jsonl")
    told = summary.failures if as_json else summary.failures[:_MOST_FAILURES]
    listed = workflow.jobs(usecols=["job_name"])["job_name"].items() if told else ()
    names = {str(key): str(name) for key, name in listed}
    if as_json:
        print_json(_as_json(summary, names))
    else:
        _print(summary, told, names)
    if summary.failures or summary.failed:
        context.exit(1)


def _print(summary: RunSummary, told: Sequence[Failure], names: dict[str, str]) -> None:
    counts = {name: getattr(summary, name) for name in _COUNTS}
    shown = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    click.echo(f"Jobs: {', '.join(shown) or 'nothing to run'}")
    for failure in told:
        job = f"job {failure.job_key} ({names.get(failure.job_key, 'deleted since')})"
        click.echo(printable(f"{job} failed with return code {failure.return_code}: {failure.stderr}"))
        if failure.reason:
            click.echo(f"    {printable(failure.reason)}")
    if more := len(summary.failures) - len(told):
        click.echo(f"and {more} more: torc-frames jobs logs --failed")


def _as_json(summary: RunSummary, names: dict[str, str]) -> dict[str, Any]:
    failures = [
        {
            "job_key": failure.job_key,
            "job_name": names.get(failure.job_key),
            "return_code": failure.return_code,
            "stderr": str(failure.stderr),
            "reason": failure.reason,
        }
        for failure in summary.failures
    ]
    counts = {name: getattr(summary, name) for name in _COUNTS}
    return {**counts, "output_dir": str(summary.output_dir), "failures": failures}
