"""``torc-frames ui``."""

from __future__ import annotations

import click

from torc_frames.cli.options import StoreOptions, command
from torc_frames.errors import TorcFramesError

__all__ = ["ui"]


@command("torc-frames ui", "torc-frames ui study.db", "torc-frames ui study.db --port 9000 --no-browser")
@click.argument("store", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0 is any free one. [default: 8530, or any free one if that is taken]",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def ui(options: StoreOptions, store: str | None, port: int | None, no_browser: bool) -> None:
    """Show the workflows of a store in a browser: results, parameters, progress, reports.

    STORE is a path or a url; by default what commands use without -u. Prints the address, which has a
    secret in it, and opens it, then serves it until it is interrupted. It can be reached from this machine
    only, or through an SSH tunnel, for which it prints the command where you are logged in by SSH.
    """
    if store is not None and options.database_url is not None:
        raise click.UsageError("the store is given twice, as STORE and by -u")
    try:
        from torc_frames.widgets.host.server import serve_pages
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "h11", "wsproto"):
            raise
        raise TorcFramesError("ui needs more: pip install 'torc_frames[server]'") from None
    options.database_url = store or options.database_url
    serve_pages(
        options.client(),
        port=port,
        browser=not no_browser,
        ready=lambda address: click.echo(address),
        say=lambda line: click.echo(line, err=True),
    )
