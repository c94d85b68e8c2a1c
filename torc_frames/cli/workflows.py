"""``torc-frames workflows``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from torc_frames.cli.documents import parse_documents
from torc_frames.cli.options import StoreOptions, command, group
from torc_frames.cli.output import emit, emit_keys
from torc_frames.cli.text import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["workflows"]

log = logging.getLogger(__name__)


_workflow = click.argument("workflow", metavar="KEY|NAME")


def _tags(what: str) -> Callable[[Any], Any]:
    return click.option("--tag", "tags", multiple=True, help=f"{what} Repeatable.")


@group("torc-frames workflows create ridge", "torc-frames workflows list")
def workflows() -> None:
    """List, make, change and delete workflows."""


@command(
    "torc-frames workflows list",
    "torc-frames -u study.db workflows list",
    "torc-frames workflows list --tag solar --tag final",
    name="list",
    of=workflows,
)
@_tags("Only workflows with this tag; several, and they have all of them.")
def list_(options: StoreOptions, tags: tuple[str, ...]) -> None:
    """List the workflows of the store, with how many jobs they have of each status."""
    emit(options, _shown(options.client().workflows(tags=tags)))


@command(
    "torc-frames workflows create ridge --description 'alpha on diabetes'",
    "export TORC_WORKFLOW_KEY=$(torc-frames workflows create ridge)",
    of=workflows,
)
@click.argument("name")
@click.option("--description", help="What it is for.")
@click.option("--project", help="By which torc groups workflows.")
@_tags("A tag, by which the workflow is found.")
@click.option("--metadata", metavar="JSON", help="An object in JSON5, for whatever you like.")
def create(
    options: StoreOptions,
    name: str,
    description: str | None,
    project: str | None,
    tags: tuple[str, ...],
    metadata: str | None,
) -> None:
    """Make an empty workflow and print its key.

    Makes the database, too, if it does not exist yet.
    """
    (told,) = [None] if metadata is None else parse_documents([metadata])
    workflow = options.client(create=True).create_workflow(
        name, description=description, project=project, tags=tags, metadata=told
    )
    log.info("Created workflow key=%s name=%s", workflow.key, printable(name))
    emit_keys(options, "workflow_key", [workflow.key])


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


@command(
    "torc-frames workflows update ridge --name 'ridge 2026' --tag solar --tag final",
    "torc-frames workflows update 1 --description 'alpha on diabetes' --tag ''",
    of=workflows,
)
@_workflow
@click.option("--name", help="Its new name.")
@click.option("--description", help="What it is for; '' takes it away.")
@_tags("A tag that it is to have, in place of those it has; '' alone takes all away.")
def update(
    options: StoreOptions, workflow: str, name: str | None, description: str | None, tags: tuple[str, ...]
) -> None:
    """Change the name, the description or the tags of a workflow."""
    client = options.client()
    found = client.workflow(client.workflow_key(workflow))
    wanted = None if not tags else [] if tags == ("",) else list(tags)
    found.update(name=name, description=description, tags=wanted)
    log.info("Updated workflow key=%s name=%s", found.key, printable(found.name))


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
