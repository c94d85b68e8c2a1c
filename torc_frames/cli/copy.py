"""``torc-frames copy``."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from torc_frames import settings
from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.output import print_json
from torc_frames.cli.text import printable
from torc_frames.errors import TorcFramesWarning, counted
from torc_frames.store.http.settings import ServerSettings, server_settings

if TYPE_CHECKING:
    from torc_frames.workflow.client import CopyReport
    from torc_frames.workflow.copying.original import OnUnkept

__all__ = ["check_credentials", "copy", "same_credentials_option"]

log = logging.getLogger(__name__)

_ARGUMENT = "argument"
_PORTS = {"http": 80, "https": 443}


same_credentials_option = click.option(
    "--same-credentials",
    is_flag=True,
    help=f"Between two servers: send {settings.PASSWORD} to both.",
)


@command(
    "torc-frames copy -u study.db -k 1 --to http://host:8080/torc-service/v1",
    "torc-frames copy -u http://host:8080/torc-service/v1 -k 7 --to archive.db",
    "torc-frames copy --to study.db --name 'ridge again'",
)
@click.option(
    "--to", "target", required=True, metavar="URL", help="The other store, as -u; a new file is made."
)
@click.option("--name", help="The name of the copy. [default: the same]")
@click.option(
    "--on-unkept",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What the other store can't keep: refuse to copy, or leave it out.",
)
@same_credentials_option
def copy(
    options: StoreOptions, target: str, name: str | None, on_unkept: OnUnkept, same_credentials: bool
) -> None:
    """Copy a workflow with its jobs and records to another store, and print its new key.

    How jobs ended is copied to a file; torc-server takes no such ends. What is not in the copy is told.
    With --format json the new keys of jobs and records are printed, by the old ones.
    """
    as_json = options.wants_json("copy prints a key")
    if not same_credentials:
        check_credentials(options.database_url, target)
    client = options.client()
    workflow = options.workflow(client)
    from torc_frames.workflow.client import connect

    report = client.copy(workflow, to=connect(target), name=name, on_unkept=on_unkept)
    _tell(report, as_json)


def _tell(report: CopyReport, as_json: bool) -> None:
    key, name = report.workflow.key, printable(report.workflow.name)
    counts = f"{counted(len(report.jobs), 'job')}, {counted(len(report.user_data), 'record')}"
    log.info("Copied to workflow key=%s name=%s: %s", key, name, counts)
    for text in report.left_out:
        click.echo(f"Left out: {printable(text)}", err=True)
    if not as_json:
        click.echo(key)
        return
    jobs, records = report.jobs["new_job_key"].to_dict(), report.user_data["new_record_key"].to_dict()
    print_json({"workflow_key": key, "jobs": jobs, "user_data": records, "left_out": report.left_out})


def check_credentials(url: str | None, target: str) -> None:
    """Refuse to send a password that was set for one server to another one, too."""
    ends = [_server(url or settings.default_url(), url or None), _server(target, target)]
    if None in ends or len({_origin(end.url) for end in ends if end is not None}) == 1:
        return
    first, second = (_from_elsewhere(end) for end in ends)
    shared = [f"{name} ({first[name]})" for name in first if name in second]
    if shared:
        raise click.UsageError(
            f"{' and '.join(shared)} would be sent to two servers: give --same-credentials if both are to "
            "have it; or copy to a file first (--to study.db), and from there with the other server's"
        )


def _from_elsewhere(server: ServerSettings | None) -> dict[str, str]:
    """Return the secrets that a server is sent and that are not in its url, and where they are from."""
    if server is None or not server.send_credentials:
        return {}
    found = {name: server.sources.get(name, _ARGUMENT) for name in ("password", "cookie")}
    return {name: source for name, source in found.items() if source != _ARGUMENT}


def _server(named: str, url: str | None) -> ServerSettings | None:
    """Return how to speak to the server of a url, None for a file."""
    if settings.database_path(named) is not None:
        return None
    with warnings.catch_warnings():
        # They are given when the store is opened.
        warnings.simplefilter("ignore", TorcFramesWarning)
        return server_settings(url)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
