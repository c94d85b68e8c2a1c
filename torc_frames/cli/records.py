"""Single records on the command line: options to make them, forms to show them."""

from __future__ import annotations

import pprint
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from torc_frames.cli.options import StoreOptions
from torc_frames.cli.output import print_json

if TYPE_CHECKING:
    from torc_frames.store.records import UserData

__all__ = ["name_option", "new_role_option", "print_records", "role_option"]

role_option = click.option(
    "--role", type=click.Choice(["input", "output"]), help="Only records of this role."
)
"""Of a command that reads."""

new_role_option = click.option(
    "--role",
    type=click.Choice(["input", "output", "none"]),
    callback=lambda context, option, role: None if role == "none" else role,
    default="input",
    show_default=True,
    help="What the records are to the job.",
)
"""Of a command that adds."""

name_option = click.option("--name", help="A name for the records.")


def print_records(options: StoreOptions, records: Iterable[UserData]) -> None:
    """Print records as Python dicts, or with ``--format json`` one JSON object a line."""
    if options.format in ("csv", "parquet"):
        raise click.UsageError(f"single records are no {options.format} table: torc-frames user-data list")
    for record in records:
        shown = _shown(record)
        if options.format in ("json", "jsonl"):
            print_json(shown)
        else:
            click.echo(pprint.pformat(shown, sort_dicts=False))


def _shown(record: UserData) -> dict[str, Any]:
    head = {"_key": record.key, "_rev": record.rev}
    if isinstance(record.data, dict) and not head.keys() & record.data.keys():
        return head | record.data
    return {**head, "data": record.data}
