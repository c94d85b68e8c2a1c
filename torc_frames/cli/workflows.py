"""``torc-frames workflows``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from torc_frames.cli.documents import parse_documents
from torc_frames.cli.options import StoreOptions, command, group
from torc_frames.cli.output import emit, emit_keys
from torc_frames.cli.text import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["workflows"]

log = logging.getLogger(__name__)


@group("torc-frames workflows create ridge", "torc-frames workflows list")
def workflows() -> None:
    """List, make and delete workflows."""


@command("torc-frames workflows list", "torc-frames -u study.db workflows list", name="list", of=workflows)
def list_(options: StoreOptions) -> None:
    """List the workflows of the store, with how many jobs they have of each status."""
    emit(options, _shown(options.client().workflows()))


@command(
    "torc-frames workflows create ridge --description 'alpha on diabetes'",
    "export TORC_WORKFLOW_KEY=$(torc-frames workflows create ridge)",
    of=workflows,
)
@click.argument("name")
@click.option("--description", help="What it is for.")
@click.option("--project", help="By which torc groups workflows.")
@click.option("--metadata", metavar="JSON", help="An object in JSON5, for whatever you like.")
def create(
    options: StoreOptions, name: str, description: str | None, project: str | None, metadata: str | None
) -> None:
    """Make an empty workflow and print its key.

    Makes the database, too, if it does not exist yet.
    """
    (told,) = [None] if metadata is None else parse_documents([metadata])
    workflow = options.client(create=True).create_workflow(
        name, description=description, project=project, metadata=told
    )
    log.info("Created workflow key=%s name=%s", workflow.key, printable(name))
    emit_keys(options, "workflow_key", [workflow.key])


_workflow = click.argument("workflow", metavar="KEY|NAME")


@command("torc-frames workflows show 1", "torc-frames workflows show ridge", of=workflows)
@_workflow
def show(options: StoreOptions, workflow: str) -> None:
    """Show one workflow, and how many jobs it has of each status."""
    client = options.client()
    found = client.workflow(client.workflow_key(workflow))
    row = client.workflows(counts=False).loc[[found.key]]
    counts = found.jobs()["status"].value_counts(sort=False)
    row["jobs"] = int(counts.sum())
    for status, count in counts.items():
        row[str(status)] = int(count)
    emit(options, row)


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out the statuses that no job has."""
    from torc_frames.store.records import STATUSES

    return frame.drop(columns=[status for status in STATUSES if not frame[status].any()])


@command("torc-frames workflows delete 1", "torc-frames workflows delete ridge --no-prompts", of=workflows)
@_workflow
def delete(options: StoreOptions, workflow: str) -> None:
    """Delete a workflow with its jobs, records and results.

    Asks before it does, unless --no-prompts is given.
    """
    client = options.client()
    found = client.workflow(client.workflow_key(workflow))
    if not options.no_prompts:
        question = f"Delete workflow {found.key} ({found.name}), its jobs and records?"
        click.confirm(printable(question), abort=True, err=True)
    client.delete_workflow(found)
    log.info("Deleted workflow key=%s name=%s", found.key, printable(found.name))
