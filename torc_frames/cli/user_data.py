"""``torc-frames user-data``."""

from __future__ import annotations

import logging

import click

from torc_frames.cli.documents import numbered, parse_documents
from torc_frames.cli.options import StoreOptions, examples, pass_options, shared_options
from torc_frames.cli.output import emit, emit_keys
from torc_frames.cli.records import name_option, new_role, new_role_option, print_records, role_option
from torc_frames.cli.results import own_job, parse_records
from torc_frames.store.records import Role

__all__ = ["user_data"]

log = logging.getLogger(__name__)


@click.group("user-data", epilog=examples("torc-frames user-data list", "torc-frames user-data get 1"))
@shared_options
def user_data() -> None:
    """List, read, add, change and delete records."""


@user_data.command(
    "list", epilog=examples("torc-frames user-data list", "torc-frames user-data list --job 1 --role output")
)
@click.option("--job", metavar="KEY", help="Only the records of this job.")
@role_option
@shared_options
@pass_options
def list_(options: StoreOptions, job: str | None, role: Role | None) -> None:
    """List the records of a workflow, one a row."""
    emit(options, options.workflow().user_data(job=job, role=role))


@user_data.command(
    epilog=examples("torc-frames user-data get 1", "torc-frames user-data get 1 --format json")
)
@click.argument("key")
@shared_options
@pass_options
def get(options: StoreOptions, key: str) -> None:
    """Print one record as a Python dict, or with --format json as JSON."""
    print_records(options, [options.workflow().get_user_data(key)])


@user_data.command(
    epilog=examples(
        "torc-frames user-data add '{solver: \"lsqr\"}'",
        "torc-frames user-data add --job 1 --role output '{loss: 0.31}'",
    )
)
@click.argument("documents", nargs=-1, required=True, metavar="DOC...")
@click.option("--job", metavar="KEY", help="The job to add to. [default: the workflow as a whole]")
@new_role_option
@name_option
@shared_options
@pass_options
def add(
    options: StoreOptions, documents: tuple[str, ...], job: str | None, role: str, name: str | None
) -> None:
    """Add a record for each JSON5 document, all NAME=VALUE together being one; print the new keys.

    All documents are checked before any is stored. Inside the job, the first output of a new run replaces
    those of earlier runs.
    """
    is_output = role == "output" and job is not None
    values = parse_records(documents, exact=not is_output)
    with numbered(values):
        if is_output:
            keys = own_job(options, job).add_user_data(*values, role=new_role(role), name=name)
        else:
            workflow = options.workflow()
            keys = workflow.add_user_data(job, *values, role=new_role(role), name=name)
    owner = f"workflow key={workflow.key}" if job is None else f"job key={job}"
    for key in keys:
        log.info("Added user_data key=%s to %s", key, owner)
    emit_keys(options, "record_key", keys)


@user_data.command(epilog=examples("torc-frames user-data update 1 '{loss: 0.29}'"))
@click.argument("key")
@click.argument("document", metavar="DOC")
@shared_options
@pass_options
def update(options: StoreOptions, key: str, document: str) -> None:
    """Replace the data of a record by a JSON5 document."""
    [value] = parse_documents([document])
    workflow = options.workflow()
    with numbered([value]):
        rev = workflow.update_user_data(key, value)
    log.info("Updated user_data key=%s, its rev is %s", key, rev)


@user_data.command(epilog=examples("torc-frames user-data delete 1 2"))
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@shared_options
@pass_options
def delete(options: StoreOptions, keys: tuple[str, ...]) -> None:
    """Delete records, all or none of them."""
    options.workflow().delete_user_data(*keys)
    for key in keys:
        log.info("Deleted user_data key=%s", key)
