"""``torc-frames backup``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from torc_frames import settings
from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.output import print_json
from torc_frames.cli.text import printable
from torc_frames.errors import RefusedError

__all__ = ["backup"]


@command(
    "torc-frames backup",
    "torc-frames backup -u study.db /archive/study.db",
    "torc-frames backup -u study.db --overwrite latest.db",
)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
def backup(options: StoreOptions, path: Path | None, overwrite: bool) -> None:
    """Make a whole copy of the database file while others use it, and print its path.

    PATH is by default beside the database, named by the time: study-20261231T235959Z.db. The copy is
    there whole or not at all. To put it back, end what has the database open first.
    """
    as_json = options.wants_json("backup prints a path")
    source = settings.database_path(options.database_url or settings.default_url())
    if source is None:
        raise RefusedError(
            "the database of a server is backed up where it runs; its workflows can be copied into a file: "
            "torc-frames copy --to archive.db"
        )
    beside = source.with_name(f"{source.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{source.suffix}")
    made = options.client().backup(path or beside, overwrite=overwrite)
    if as_json:
        print_json({"path": str(made)})
    else:
        click.echo(printable(str(made)))
