"""The options that every command takes, before and after its name, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from torc_frames import settings
from torc_frames.cli.text import printable
from torc_frames.errors import NotFoundError, TorcFramesError

if TYPE_CHECKING:
    from torc_frames.workflow.client import Client
    from torc_frames.workflow.run.job import Job
    from torc_frames.workflow.workflow import Workflow

__all__ = ["FORMATS", "StoreOptions", "command", "group", "split_names", "together"]

FORMATS = ("table", "json", "jsonl", "csv", "parquet")


@dataclass(slots=True)
class StoreOptions:
    """The shared options of one call; ``format`` is None where none was given."""

    database_url: str | None = None
    workflow_key: str | None = None
    from_variable: bool = False
    """Whether a variable names the workflow, as runners set it: by its key."""
    format: str | None = None
    debug: bool = False
    no_prompts: bool = False

    def wants_json(self, otherwise: str) -> bool:
        """Return whether JSON is to be printed; a UsageError for formats of tables, which it is none of."""
        if self.format not in (None, "json"):
            raise click.UsageError(f"{otherwise}, or with --format json one JSON object")
        return self.format == "json"

    def client(self, *, create: bool = False) -> Client:
        """Open the store; only where `create` is set may it be one that is still to be made."""
        if not create:
            self._check_database()
        from torc_frames.workflow.client import connect

        # Not by the default url: connect knows which places may be trusted with a password.
        return connect(self.database_url or None)

    def _check_database(self) -> None:
        path = settings.database_path(self.database_url or settings.default_url())
        if path is not None and not path.exists():
            from torc_frames.store.named import files_near

            near = files_near(path)
            told = f"no database {path}{near and ': '}{near}"
            raise TorcFramesError(f"{told}; make one with `torc-frames workflows create NAME`")

    def workflow(self, client: Client | None = None) -> Workflow:
        """Return the workflow of ``-k``, or the only one that there is."""
        client = client or self.client()
        if self.workflow_key is not None:
            if self.from_variable:
                with suppress(NotFoundError):
                    return client.workflow(self.workflow_key)
            return client.workflow(client.workflow_key(self.workflow_key))
        found = client.workflows(counts=False)
        if len(found) == 1:
            workflow = client.workflow(found.index[0])
            click.echo(printable(f"Using workflow {workflow.key} ({workflow.name})"), err=True)
            return workflow
        if not len(found):
            raise click.UsageError("there is no workflow yet: torc-frames workflows create NAME")
        listed = "".join(f"\n  {key}  {printable(name)}" for key, name in found["name"].items())
        raise click.UsageError(f"which workflow? Give its key or name with -k:{listed}")

    def job(self, key: str) -> Job:
        """Return a job by its key alone; where ``-k`` is given, the job must be of that workflow.

        Without a client, who would load pandas: jobs in shell call this every time.
        """
        self._check_database()
        from torc_frames.store.named import job_of
        from torc_frames.store.open import open_store
        from torc_frames.workflow.run.job import Job

        store = open_store(self.database_url or None)
        return Job(store, job_of(store, key, self.workflow_key))


class _Command(click.Command):
    """A command; torc takes the key of a workflow as an argument, where here it is an option."""

    allow_extra_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            of_torc = rest[0].isdecimal() and not any(isinstance(one, click.Argument) for one in self.params)
            hint = f"; the workflow is given as -k {rest[0]}" if of_torc else ""
            ctx.fail(f"Got unexpected extra arguments ({' '.join(rest)}){hint}")
        return rest


def command(*lines: str, name: str | None = None, of: click.Group | None = None) -> Callable[[Any], Any]:
    """Make a command of a function, whose first argument is `StoreOptions`.

    Parameters
    ----------
    *lines : str
        Examples, which its help shows.
    name : str, optional
        Default: the function's.
    of : click.Group, optional
        The group that it belongs to.
    """

    def made(function: Any) -> click.Command:
        found = (of or click).command(name, _Command, epilog=_examples(lines))(_pass_options(function))
        own = {flag for parameter in found.params for flag in parameter.opts}
        found.params += _shared_options(own)
        return found

    return made


def group(*lines: str, name: str | None = None, **more: Any) -> Callable[[Any], click.Group]:
    """Make a group of commands, which takes the shared options, too; see `command`."""

    def made(function: Any) -> click.Group:
        epilog = _examples(lines) + more.pop("epilog", "")
        decorate: Callable[[Any], click.Group] = click.group(name, epilog=epilog, **more)
        found = decorate(function)
        found.params[:0] = _shared_options()
        return found

    return made


def together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return several options as one decorator."""
    return lambda function: reduce(lambda decorated, option: option(decorated), reversed(options), function)


def _examples(lines: tuple[str, ...]) -> str:
    """Return the Example section of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  $ {line}" for line in lines)


_pass_options = click.make_pass_decorator(StoreOptions, ensure=True)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep what was given; of several places the one nearest to the end of the line wins."""
    options = context.ensure_object(StoreOptions)
    name = parameter.name or ""
    source = context.get_parameter_source(name)
    from_environment = source is ParameterSource.ENVIRONMENT and getattr(options, name) is None
    if source is ParameterSource.COMMANDLINE or from_environment:
        setattr(options, name, value)
        if name == "workflow_key":
            options.from_variable = from_environment


def _shared_options(taken: Container[str] = ()) -> list[click.Parameter]:
    """Return the options of all commands, but for flags that a command has for something else."""

    def shared(*names: str, **more: Any) -> click.Option:
        free = [name for name in names if name not in taken]
        return click.Option(free, expose_value=False, is_eager=True, callback=_keep, **more)

    return [
        shared(
            "-u",
            "--database-url",
            metavar="URL",
            help="The store: a path, sqlite:///FILE, or http(s)://HOST:PORT of a torc-server. "
            f"[default: {settings.API_URL}, {settings.DATABASE_URL}, torc's config files, "
            f"or {settings.DEFAULT_URL}]",
        ),
        shared(
            "-k",
            "--workflow-key",
            metavar="KEY|NAME",
            envvar=[settings.WORKFLOW_KEY, settings.WORKFLOW_ID],
            show_envvar=True,
            help="The workflow, by its key or its name; needed where the store has several.",
        ),
        shared("-f", "--format", type=click.Choice(FORMATS), help="How to print tables. [default: table]"),
        shared("--debug", is_flag=True, help="Show where in the program an error comes from."),
        shared("-n", "--no-prompts", is_flag=True, help="Ask nothing, do it."),
    ]


def split_names(*texts: str) -> list[str]:
    """Return the names in texts, with commas between them.

    Examples
    --------
    >>> split_names("seed, fold", "alpha,")
    ['seed', 'fold', 'alpha']
    """
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]
