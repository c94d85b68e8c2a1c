"""``torc-frames user-data``."""

from __future__ import annotations

import logging

import click

from torc_frames.cli.documents import numbered_documents, parse_documents
from torc_frames.cli.options import StoreOptions, command, group
from torc_frames.cli.output import emit, emit_keys
from torc_frames.cli.records import name_option, new_role_option, print_records, role_option
from torc_frames.cli.results import own_job, parse_records
from torc_frames.store.records import Role

__all__ = ["user_data"]

log = logging.getLogger(__name__)


@group("torc-frames user-data list", "torc-frames user-data get 1", name="user-data")
def user_data() -> None:
    """List, read, add, change and delete records."""


@command(
    "torc-frames user-data list",
    "torc-frames user-data list --job 1 --role output",
    name="list",
    of=user_data,
)
@click.option("--job", metavar="KEY", help="Only the records of this job.")
@role_option
def list_(options: StoreOptions, job: str | None, role: Role | None) -> None:
    """List the records of a workflow, one a row."""
    emit(options, options.workflow().user_data(job=job, role=role))


@command("torc-frames user-data get 1", "torc-frames user-data get 1 --format json", of=user_data)
@click.argument("key")
def get(options: StoreOptions, key: str) -> None:
    """Print one record as a Python dict, or with --format json as JSON."""
    print_records(options, [options.workflow().get_user_data(key)])


@command(
    "torc-frames user-data add '{solver: \"lsqr\"}'",
    "torc-frames user-data add --job 1 --role output '{loss: 0.31}'",
    of=user_data,
)
@click.argument("documents", nargs=-1, required=True, metavar="DOC...")
@click.option("--job", metavar="KEY", help="The job to add to. [default: the workflow as a whole]")
@new_role_option
@name_option
def add(
    options: StoreOptions, documents: tuple[str, ...], job: str | None, role: Role | None, name: str | None
) -> None:
    """Add a record for each JSON5 document, all NAME=VALUE together being one; print the new keys.

    All documents are checked before any is stored. Inside the job, the first output of a new run replaces
    those of earlier runs.
    """
    is_output = role == "output" and job is not None
    values = parse_records(documents, exact=not is_output)
    with numbered_documents(values):
        if is_output:
            keys = own_job(options, job).add_user_data(*values, role=role, name=name)
        else:
            workflow = options.workflow()
            keys = workflow.add_user_data(job, *values, role=role, name=name)
    owner = f"workflow key={workflow.key}" if job is None else f"job key={job}"
    for key in keys:
        log.info("Added user_data key=%s to %s", key, owner)
    emit_keys(options, "record_key", keys)


@command("torc-frames user-data update 1 '{loss: 0.29}'", of=user_data)
@click.argument("key")
@click.argument("document", metavar="DOC")
def update(options: StoreOptions, key: str, document: str) -> None:
    """Replace the data of a record by a JSON5 document."""
    [value] = parse_documents([document])
    workflow = options.workflow()
    with numbered_documents([value]):
        rev = workflow.update_user_data(key, value)
    log.info("Updated user_data key=%s, its rev is %s", key, rev)


@command("torc-frames user-data delete 1 2", of=user_data)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def delete(options: StoreOptions, keys: tuple[str, ...]) -> None:
    """Delete records, all or none of them."""
    options.workflow().delete_user_data(*keys)
    for key in keys:
        log.info("Deleted user_data key=%s", key)
