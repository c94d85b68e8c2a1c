"""``torc-frames serve``."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from torc_frames import settings
from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.text import printable
from torc_frames.errors import RefusedError, TorcFramesError

__all__ = ["TOKEN", "serve"]

TOKEN = "TORC_FRAMES_SERVE_TOKEN"  # noqa: S105 (the name of a variable)

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SIZE = re.compile(r"([0-9]+)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_TOKEN = 4096


def _size(text: str) -> int:
    """Return a number of bytes."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is not a size such as 500k, 64m or 1g")
    return int(found[1]) * _UNITS[found[2].lower()]


@command(
    "torc-frames serve",
    "torc-frames serve study.db --port 9000",
    "torc-frames serve study.db --host 0.0.0.0 --token-file ~/.serve-token --allow-host node17",
)
@click.argument("store", required=False)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8529, show_default=True, help="0 is any free one."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at. Any that other machines reach needs a token.",
)
@click.option(
    "--form",
    type=click.Choice(["both", "first"]),
    default="both",
    show_default=True,
    help="The dialect of 2023-03-29 only, or also that of late 2023 (torc-client 0.5 and 0.6), which "
    "torc_frames itself only reads.",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Whose text requests must show, as Bearer or as a password. [default: {TOKEN}]",
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="A name by which clients call this machine."
)
@click.option(
    "--max-body",
    type=_size,
    metavar="SIZE",
    default="64m",
    show_default=True,
    help="The largest body of a request.",
)
@click.option("--name", default="workflows", show_default=True, help="The database's name in the url.")
def serve(
    options: StoreOptions,
    store: str | None,
    port: int,
    host: str,
    form: str,
    token_file: Path | None,
    hosts: tuple[str, ...],
    max_body: int,
    name: str,
) -> None:
    """Serve a database as torc's service of 2023, for its clients of that time.

    STORE is a path or sqlite:///FILE; by default what commands use without -u. A file that does not exist
    is made. Prints the url, then serves until it is interrupted; a line for each request goes to stderr.

    Whoever reaches the service can read and change everything in the database: without a token, every user
    of this machine.
    """
    if _NAME.fullmatch(name) is None:
        raise click.BadParameter("letters, digits, _ and - make a name", param_hint="--name")
    try:
        from torc_frames.service import server
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "h11"):
            raise
        raise TorcFramesError("serve needs more: pip install 'torc_frames[server]'") from None
    from torc_frames.store.wire.legacy import Form

    server.serve(
        _file(options, store),
        host=host,
        port=port,
        forms=(Form.FIRST,) if form == "first" else (Form.FIRST, Form.LATER),
        token=_token(token_file),
        allowed_hosts=hosts,
        name=name,
        limits=server.Limits(body=max_body),
        ready=lambda url: click.echo(url),
    )


def _file(options: StoreOptions, named: str | None) -> Path:
    if named is not None and options.database_url is not None:
        raise click.UsageError("the database is given twice, as STORE and by -u")
    url = named or options.database_url or settings.default_url()
    path = settings.database_path(url)
    if path is None:
        shown = printable(re.sub(r"//[^/@]*@", "//", url))  # without a password
        raise RefusedError(f"only a file can be served, and {shown} is a server: torc-frames serve study.db")
    from torc_frames.store.torc_file.kinds import is_json, is_torc_file

    if is_json(str(path)):
        raise RefusedError(
            f"{path} is JSON: `torc-frames copy -u {path} --to study.db` makes a store of an export"
        )
    if is_torc_file(path):
        raise RefusedError(
            f"{path} is the database of a torc-server: torc-server run --database {path} serves it"
        )
    return path


def _token(file: Path | None) -> str | None:
    """Return the secret that requests must show; an empty one is a mistake, not none."""
    if file is not None:
        where = str(file)
        try:
            token = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TorcFramesError(f"can not read the token in {file}: {error}") from error
    elif TOKEN in os.environ:
        where, token = TOKEN, os.environ[TOKEN].strip()
    else:
        return None
    if not token or len(token) > _LONGEST_TOKEN or not token.isprintable():
        raise RefusedError(f"{where} holds no token: that is one line of text")
    return token
