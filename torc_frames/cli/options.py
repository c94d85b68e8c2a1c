"""The options that every command takes, before and after its name, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from torc_frames import settings
from torc_frames.errors import TorcFramesError

if TYPE_CHECKING:
    from torc_frames.workflow.client import Client
    from torc_frames.workflow.run.job import Job
    from torc_frames.workflow.workflow import Workflow

__all__ = ["FORMATS", "StoreOptions", "examples", "pass_options", "shared_options"]

FORMATS = ("table", "json", "jsonl", "csv", "parquet")

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class StoreOptions:
    """The shared options of one call; ``format`` is None where none was given."""

    database_url: str | None = None
    workflow_key: str | None = None
    format: str | None = None
    debug: bool = False
    no_prompts: bool = False

    def client(self, *, create: bool = False) -> Client:
        """Open the store; only where `create` is set may that make a new database."""
        if not create:
            self._check_database()
        from torc_frames.workflow.client import connect

        # Not by the default url: connect knows which places may be trusted with a password.
        return connect(self.database_url or None)

    def _check_database(self) -> None:
        path = settings.database_path(self.database_url or settings.default_url())
        if path is not None and not path.exists():
            raise TorcFramesError(f"no database {path}; make one with `torc-frames workflows create NAME`")

    def workflow(self, client: Client | None = None) -> Workflow:
        """Return the workflow of ``-k``, or the only one that there is."""
        client = client or self.client()
        if self.workflow_key is not None:
            return client.workflow(self.workflow_key)
        found = client.workflows()
        if len(found) == 1:
            workflow = client.workflow(found.index[0])
            click.echo(_printable(f"Using workflow {workflow.key} ({workflow.name})"), err=True)
            return workflow
        if not len(found):
            raise click.UsageError("there is no workflow yet: torc-frames workflows create NAME")
        listed = "".join(f"\n  {key}  {_printable(name)}" for key, name in found["name"].items())
        raise click.UsageError(f"which workflow? Give its key with -k KEY:{listed}")

    def job(self, key: str) -> Job:
        """Return a job by its key alone; where ``-k`` is given, the job must be of that workflow.

        Without a client, who would load pandas: jobs in shell call this every time.
        """
        self._check_database()
        from torc_frames.store.open import open_store
        from torc_frames.workflow.run.job import Job

        store = open_store(self.database_url or None)
        return Job(store, store.get_job(key, self.workflow_key))


pass_options = click.make_pass_decorator(StoreOptions, ensure=True)


def shared_options(command: F) -> F:
    """Add the shared options to a command or a group; the one nearest to the end of the line wins."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def examples(*lines: str) -> str:
    """Return the Example section of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  $ {line}" for line in lines)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    options = context.ensure_object(StoreOptions)
    name = parameter.name or ""
    source = context.get_parameter_source(name)
    from_environment = source is ParameterSource.ENVIRONMENT and getattr(options, name) is None
    if source is ParameterSource.COMMANDLINE or from_environment:
        setattr(options, name, value)


def _shared(*names: str, **more: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, is_eager=True, callback=_keep, **more)


def _printable(text: str) -> str:
    from torc_frames.cli.text import printable

    return printable(text)


_SHARED: list[Callable[[Any], Any]] = [
    _shared(
        "-u",
        "--database-url",
        metavar="URL",
        help="The store: a path, sqlite:///FILE, or http(s)://HOST:PORT of a torc-server. "
        f"[default: {settings.API_URL}, {settings.DATABASE_URL}, torc's config files, "
        f"or {settings.DEFAULT_URL}]",
    ),
    _shared(
        "-k",
        "--workflow-key",
        metavar="KEY",
        envvar=[settings.WORKFLOW_KEY, settings.WORKFLOW_ID],
        show_envvar=True,
        help="The workflow; needed where the store has several.",
    ),
    _shared(
        "-f",
        "--format",
        type=click.Choice(FORMATS),
        help="How to print tables. [default: table]",
    ),
    _shared("--debug", is_flag=True, help="Show where in the program an error comes from."),
    _shared("-n", "--no-prompts", is_flag=True, help="Ask nothing, do it."),
]
