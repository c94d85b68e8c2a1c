"""The tables of the embedded store, as numbered migrations."""

from __future__ import annotations

import sqlite3

__all__ = ["APPLICATION_ID", "MIGRATIONS", "OLDEST_READ", "VERSION", "show_as_present", "upgrade"]

APPLICATION_ID = int.from_bytes(b"tfrm", "big")
"""What SQLite's header says of a file that is ours (``PRAGMA application_id``)."""

_FIRST = (
    """
    CREATE TABLE workflow (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        user TEXT,
        description TEXT,
        created TEXT NOT NULL,
        metadata TEXT NOT NULL DEFAULT '{}',
        rev INTEGER NOT NULL DEFAULT 1
    )
    """,
    """
    CREATE TABLE job (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        command TEXT NOT NULL,
        status TEXT NOT NULL,
        num_cpus INTEGER NOT NULL DEFAULT 1,
        num_gpus INTEGER NOT NULL DEFAULT 0,
        memory TEXT,
        runtime TEXT,
        run_id INTEGER NOT NULL DEFAULT 0,
        runner TEXT,
        rev INTEGER NOT NULL
    )
    """,
    "CREATE INDEX job_of_workflow ON job (workflow_id, id)",
    """
    CREATE TABLE user_data (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
        name TEXT,
        is_ephemeral INTEGER NOT NULL DEFAULT 0,
        data TEXT,
        rev INTEGER NOT NULL
    )
    """,
    "CREATE INDEX user_data_of_workflow ON user_data (workflow_id, id)",
    "CREATE INDEX user_data_changed ON user_data (workflow_id, rev)",
    """
    CREATE TABLE link (
        job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        record_id INTEGER NOT NULL REFERENCES user_data (id) ON DELETE CASCADE,
        role TEXT CHECK (role IN ('input', 'output'))
    )
    """,
    # A plain UNIQUE takes every NULL for a different value.
    "CREATE UNIQUE INDEX link_of_job ON link (job_id, record_id, ifnull(role, ''))",
    "CREATE INDEX link_of_record ON link (record_id, role)",
    """
    CREATE TABLE dependency (
        job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        depends_on_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        PRIMARY KEY (job_id, depends_on_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX dependency_on ON dependency (depends_on_id)",
    """
    CREATE TABLE result (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
        job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        run_id INTEGER NOT NULL,
        status TEXT NOT NULL,
        return_code INTEGER NOT NULL,
        start_time TEXT NOT NULL,
        end_time TEXT NOT NULL,
        UNIQUE (job_id, run_id)
    )
    """,
    "CREATE INDEX result_of_workflow ON result (workflow_id, id)",
    """
    CREATE TABLE removed_user_data (
        workflow_id INTEGER NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
        rev INTEGER NOT NULL,
        record_id INTEGER NOT NULL,
        PRIMARY KEY (workflow_id, rev, record_id)
    ) WITHOUT ROWID
    """,
)

# What only the dialect of 2023 knows of a row: a key that its client chose, its own rev where a change is
# none for the one or the other, and attributes for which there is no column, as a JSON object.
_DOCUMENTS = (
    "ALTER TABLE workflow ADD COLUMN document_key TEXT",
    "ALTER TABLE workflow ADD COLUMN document_rev INTEGER",
    "ALTER TABLE workflow ADD COLUMN attributes TEXT",
    "CREATE UNIQUE INDEX workflow_key ON workflow (document_key) WHERE document_key IS NOT NULL",
    "ALTER TABLE job ADD COLUMN document_key TEXT",
    "ALTER TABLE job ADD COLUMN document_rev INTEGER",
    "ALTER TABLE job ADD COLUMN attributes TEXT",
    "ALTER TABLE job ADD COLUMN requirement_id INTEGER",
    "CREATE UNIQUE INDEX job_key ON job (workflow_id, document_key) WHERE document_key IS NOT NULL",
    "ALTER TABLE user_data ADD COLUMN document_key TEXT",
    "ALTER TABLE user_data ADD COLUMN document_rev INTEGER",
    "CREATE UNIQUE INDEX user_data_key ON user_data (workflow_id, document_key) "
    "WHERE document_key IS NOT NULL",
    "ALTER TABLE result ADD COLUMN document_key TEXT",
    "ALTER TABLE result ADD COLUMN document_rev INTEGER",
    "ALTER TABLE result ADD COLUMN attributes TEXT",
    "CREATE UNIQUE INDEX result_key ON result (workflow_id, document_key) WHERE document_key IS NOT NULL",
    """
    CREATE TABLE document (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
        collection TEXT NOT NULL,
        document_key TEXT,
        attributes TEXT NOT NULL,
        rev INTEGER NOT NULL
    )
    """,
    "CREATE INDEX document_of_workflow ON document (workflow_id, collection, id)",
    "CREATE UNIQUE INDEX document_of_key ON document (workflow_id, collection, document_key) "
    "WHERE document_key IS NOT NULL",
)

# The rev of the workflow when a run began: what is newer was changed since. NULL where nobody can tell.
# Runs that were interrupted have no result, but what they stored is theirs, too: a run is known by its revs,
# however it ends.
_RUNS = (
    "ALTER TABLE result ADD COLUMN start_rev INTEGER",
    """
    CREATE TABLE run (
        job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        start_rev INTEGER NOT NULL,
        end_rev INTEGER NOT NULL,
        PRIMARY KEY (job_id, start_rev)
    ) WITHOUT ROWID
    """,
    """
    CREATE TRIGGER run_ended AFTER UPDATE OF status ON job
    WHEN OLD.status = 'running' AND NEW.status <> 'running' BEGIN
        INSERT OR REPLACE INTO run
        SELECT OLD.id, OLD.rev, rev FROM workflow WHERE id = OLD.workflow_id;
    END
    """,
)

# Rows that jobs logged, those of one write together. The same chunk of a writer is there once.
_SERIES = (
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        run_id INTEGER NOT NULL,
        attempt_id INTEGER NOT NULL,
        writer TEXT NOT NULL,
        number INTEGER NOT NULL,
        about TEXT NOT NULL,
        rows TEXT NOT NULL
    )
    """,
    "CREATE INDEX series_of_job ON series (job_id, id)",
    "CREATE UNIQUE INDEX series_once ON series (job_id, writer, number)",
)

# Calls that ran jobs: who, when, and what is to be known of it later, a JSON object. A run is of the call
# whose runner ended it.
_CALLS = (
    """
    CREATE TABLE call (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
        runner TEXT NOT NULL,
        started TEXT NOT NULL,
        ended TEXT,
        details TEXT NOT NULL,
        UNIQUE (workflow_id, runner)
    )
    """,
    "ALTER TABLE result ADD COLUMN call_id INTEGER REFERENCES call (id)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _DOCUMENTS, _RUNS, (*_SERIES, *_CALLS))
"""The statements of each migration; the first turns an empty file into schema 1, and so on."""

VERSION = len(MIGRATIONS)
"""The schema this package reads and writes (``PRAGMA user_version``)."""

OLDEST_READ = 3
"""The oldest schema that is read as it is where it can't be upgraded."""


def show_as_present(connection: sqlite3.Connection) -> None:
    """Give a connection that only reads what its file, of an older schema, lacks: empty tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version < VERSION:
        connection.execute("PRAGMA temp_store = MEMORY")
        for statement in (*_SERIES, *_CALLS):
            if "CREATE TABLE" in statement:
                connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE"))
        connection.execute("CREATE TEMP VIEW result AS SELECT *, NULL AS call_id FROM main.result")


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a file from its schema to `VERSION`; call it inside an exclusive transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
