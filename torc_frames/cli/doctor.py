"""``torc-frames doctor``: which store is used and why, and whether it works."""

from __future__ import annotations

import os
import platform
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import click

from torc_frames import settings
from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.output import print_json
from torc_frames.cli.text import printable
from torc_frames.errors import ServerError, StoreFileError, TorcFramesError
from torc_frames.store.http.settings import DEFAULT_PATH, ServerSettings, dialect_of, server_settings

__all__ = ["doctor"]


class _Fact(NamedTuple):
    name: str
    value: str
    source: str | None = None


@command("torc-frames doctor", "torc-frames -u http://host:8080 doctor --format json")
def doctor(options: StoreOptions) -> None:
    """Say which store is used, where each setting comes from, and whether it works.

    Passwords and cookies are not shown. Ends with exit code 1 if something is wrong, and says what to do.
    """
    if options.format not in (None, "table", "json"):
        raise click.UsageError("doctor prints lines of text, or with --format json one JSON object")
    facts: list[_Fact] = []
    problem = None
    try:
        facts.extend(_common())
        for fact in _examined(options.database_url):
            facts.append(fact)  # what was found before a problem is told, too
    except TorcFramesError as error:
        problem = _with_mend(error)
    _print(options.format, facts, problem)
    if problem is not None:
        click.get_current_context().exit(1)


def _common() -> Iterator[_Fact]:
    import pandas as pd
    import pyarrow as pa

    yield _Fact("torc_frames", settings.__version__)
    libraries = f"pandas {pd.__version__}, pyarrow {pa.__version__}, SQLite {sqlite3.sqlite_version}"
    yield _Fact("python", f"{platform.python_version()}, {libraries}")
    yield _Fact("config_files", ", ".join(map(str, settings.config_files())) or "none")


def _examined(url: str | None) -> Iterator[_Fact]:
    named = None if url else next(settings.said("url"), None)
    source = "-u" if url else "default" if named is None else named.source
    path = settings.database_path(url or settings.default_url())
    if path is None:
        yield from _server(server_settings(url), source)
        return
    from torc_frames.store.torc_file.kinds import is_json, is_torc_file

    if is_json(str(path)):
        yield from _export(path, source)
        return
    yield from (_torc_file if is_torc_file(path) else _file)(path, source)


def _export(path: Path, source: str) -> Iterator[_Fact]:
    from torc_frames.store.torc_file.exported import ExportStore

    file = os.path.abspath(path)
    yield _Fact("store", "an export of torc, read-only")
    yield _Fact("file", file, source)
    (workflow,) = ExportStore(file).workflows()
    yield _Fact("workflow", f"{workflow.key}, {workflow.name}")
    yield _Fact(
        "writable", f"no: `torc-frames copy -u {shlex.quote(file)} --to study.db` makes a store of it"
    )


def _torc_file(path: Path, source: str) -> Iterator[_Fact]:
    from torc_frames.store.torc_file.store import TORC_1, TorcFileStore

    file = os.path.abspath(path)
    yield _Fact("store", "the database of a torc-server, read-only")
    yield _Fact("file", file, source)
    schema = TorcFileStore(file).schema
    other = "a later" if schema > TORC_1 else "an earlier"
    of = "that of torc 1.0" if schema == TORC_1 else f"of {other} torc"
    yield _Fact("schema", f"{schema}, {of}")
    server = f"torc-server run --database {shlex.quote(file)}"
    yield _Fact("writable", f"no, only through the url of its server: {server}")


def _file(path: Path, source: str) -> Iterator[_Fact]:
    from torc_frames.store.named import files_near
    from torc_frames.store.sqlite import schema
    from torc_frames.store.sqlite.file import check_file, is_network, translated
    from torc_frames.store.sqlite.reading import is_read_only

    file = os.path.abspath(path)
    yield _Fact("store", "embedded, an SQLite file")
    yield _Fact("file", file, source)
    exists = check_file(file)
    network = is_network(file)
    yield _Fact("shared", "by several machines" if network else "no, on this machine's own disk")
    yield _Fact("locks", _locks(file, network))
    if exists:
        uri = f"{Path(file).as_uri()}?mode=ro&immutable=1"
        with translated(file), closing(sqlite3.connect(uri, uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        later = "" if version == schema.VERSION else f", becomes {schema.VERSION} when it is opened"
        yield _Fact("schema", f"{version}{later}")
    else:
        near = files_near(file)
        makes = "none yet: `torc-frames workflows create NAME` makes the database"
        yield _Fact("schema", f"{makes}{near and '; beside it '}{near}")
    folder = os.path.dirname(file)
    if is_read_only(file) or not (exists or os.access(folder, os.W_OK)):
        where = folder if not exists or os.access(file, os.W_OK) else file
        only_read = ", so the database can only be read" if exists else ""
        raise TorcFramesError(
            f"{where} can not be written by this user{only_read}: change its permissions, "
            "or copy the database"
        )
    yield _Fact("writable", "yes")


def _locks(file: str, network: bool) -> str:
    from torc_frames.store.sqlite.guard import can_guard

    if network:
        return "SQLite's, within a write; to open and close the file by other means then may drop them"
    if can_guard(file):
        return "held, whatever else a process that uses the database does with the file"
    return (
        "SQLite's alone, as this system has none of open file descriptions: a process that uses the database "
        "must not open the file by other means, such as shutil.copy; copy it with torc-frames backup"
    )


def _server(found: ServerSettings, source: str) -> Iterator[_Fact]:
    legacy = dialect_of(found.url) == "legacy"
    yield _Fact("store", "torc's service of 2023" if legacy else "torc-server")
    yield _Fact("url", found.url, source)
    yield from _identity(found)
    yield from _encryption(found)
    yield _Fact("timeout", f"{found.timeout_s:g} s", found.sources.get("timeout"))
    from torc_frames.store.http.session import Http
    from torc_frames.store.legacy.version import find_form
    from torc_frames.store.v1.version import check_version

    with closing(Http(found)) as http:
        if legacy:
            version = find_form(http).told
            yield _Fact("reachable", "yes")
        else:
            http.get("/ping", attempts=1)
            yield _Fact("reachable", "yes")
            version = check_version(http.get("/version", attempts=1))
        yield _Fact("version", version)
        # A server where a password is optional takes a wrong one for none, and only refuses to do things.
        http.get("/workflows", {"limit": "1"}, attempts=1)
        yield _Fact("access", "yes")


def _identity(found: ServerSettings) -> Iterator[_Fact]:
    """Yield as whom the server is spoken to; nothing of a secret, not even its length."""
    nobody = "whoever the cookie is for" if found.cookie else "anonymous, as no password is set"
    withheld = not found.send_credentials and "password" in found.sources
    user = "anonymous, as the password is not sent" if withheld else nobody
    yield _Fact("user", found.username or user, found.sources.get("username") if found.username else None)
    for name, secret in (("password", found.password), ("cookie", found.cookie)):
        said = name in found.sources
        text = "set" if secret else "set, but not sent" if said else "not set"
        yield _Fact(name, text, found.sources.get(name))


def _encryption(found: ServerSettings) -> Iterator[_Fact]:
    if found.url.startswith("http:"):
        yield _Fact("encryption", "none")
        return
    checked = "TLS, the server's certificate is checked"
    insecure = "TLS, but the server's certificate is NOT CHECKED"
    yield _Fact("encryption", insecure if found.insecure else checked, found.sources.get("insecure"))
    if found.ca_cert is not None:
        yield _Fact("ca_cert", found.ca_cert, found.sources["ca_cert"])


def _with_mend(error: TorcFramesError) -> str:
    """Return what an error says, and what to do where it does not say that."""
    if isinstance(error, StoreFileError):
        return f"{error}\nName another file with -u or {settings.API_URL}."
    if isinstance(error, ServerError):
        return f"{error}\nIs the url right? That of a torc-server usually ends in {DEFAULT_PATH}."
    return str(error)


def _print(format: str | None, facts: list[_Fact], problem: str | None) -> None:
    if format == "json":
        told = {name: {"value": value, "source": source} for name, value, source in facts}
        print_json({"ok": problem is None, "problem": problem, "facts": told})
        return
    for name, value, source in facts:
        click.echo(printable(f"{name:<13}{value}{f'  ({source})' if source else ''}"))
    if problem is None:
        click.echo("all is well")
    for line in (problem or "").splitlines():
        click.echo(f"Problem: {printable(line)}")
