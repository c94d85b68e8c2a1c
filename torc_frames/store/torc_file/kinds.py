"""Whether a file is of torc: told without what reads it, which the commands of jobs do not need."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from torc_frames.errors import TorcFramesError
from torc_frames.store.sqlite.file import is_network
from torc_frames.store.sqlite.identity import file_id
from torc_frames.store.sqlite.opening import registry_lock, using
from torc_frames.store.sqlite.reading import connect

__all__ = ["MIGRATIONS", "is_json", "is_torc_file", "tables_of"]

MIGRATIONS = "_sqlx_migrations"
"""The first table of every database of torc."""


def is_json(path: str) -> bool:
    """Return whether a file is JSON, or is named so and no database; it need not be there."""
    try:
        with open(path, "rb") as file:
            start = file.read(64)
    except OSError:
        start = b""
    named = path.lower().endswith(".json") and not start.startswith(b"SQLite format 3\0")
    return named or start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def is_torc_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is torc's own database, of whatever version; the file is not touched.

    What does not exist or can't be read is none: whoever opens it as another store says what is wrong.
    """
    file = os.path.abspath(path)
    if not os.path.isfile(file):
        return False
    try:
        # Without locks first, which leaves no trace beside the files of others. All of a database can
        # still be in its write-ahead log; torc's first table there is that of its migrations.
        uri = f"{Path(file).as_uri()}?mode=ro&immutable=1"
        with registry_lock, closing(sqlite3.connect(uri, uri=True)) as connection:  # nobody forks meanwhile
            tables = tables_of(connection)
        if not tables or MIGRATIONS in tables:
            with (
                closing(connect(file, file_id(file), network=is_network(file))) as connection,
                using(connection),
            ):
                tables = tables_of(connection)
    except (sqlite3.Error, TorcFramesError):
        return False
    return {MIGRATIONS, "workflow", "job", "user_data"} <= tables


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """Return the tables of a database."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
