"""The root of `torc-frames`: its commands, and how errors and warnings are told."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from torc_frames.cli.adopt import adopt
from torc_frames.cli.backup import backup
from torc_frames.cli.compare import compare
from torc_frames.cli.copy import copy
from torc_frames.cli.doctor import doctor
from torc_frames.cli.jobs import jobs
from torc_frames.cli.options import StoreOptions, group
from torc_frames.cli.pulls import curves, pull, table
from torc_frames.cli.pushes import push
from torc_frames.cli.report import report
from torc_frames.cli.runs import demo, run, run_function
from torc_frames.cli.serve import serve
from torc_frames.cli.started import runs
from torc_frames.cli.suggest import suggest
from torc_frames.cli.summaries import best, summarize
from torc_frames.cli.text import printable
from torc_frames.cli.ui import ui
from torc_frames.cli.user_data import user_data
from torc_frames.cli.workflows import workflows
from torc_frames.errors import TorcFramesError, TorcFramesWarning
from torc_frames.settings import __version__

__all__ = ["main", "root"]

_LOG_FORMAT = "%(asctime)s - %(levelname)s [%(name)s %(filename)s:%(lineno)d] : %(message)s"
_INTERRUPTED = 130

_COMPLETION = """\b
Completion of commands and options in your shell, a line for its start-up file:
  bash  eval "$(_TORC_FRAMES_COMPLETE=bash_source torc-frames)"
  zsh   eval "$(_TORC_FRAMES_COMPLETE=zsh_source torc-frames)"
  fish  _TORC_FRAMES_COMPLETE=fish_source torc-frames | source"""


class _Root(click.Group):
    """Tells errors in one line; only what the user can not mend is a traceback, with ``--debug``."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command; see `click.Group.invoke`."""
        try:
            with _logging(), _warnings():
                result = super().invoke(context)
                sys.stdout.flush()
                return result
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort) as error:
            click.echo("Interrupted" if _interrupted(error) else "Aborted, nothing was changed", err=True)
            context.exit(_INTERRUPTED if _interrupted(error) else 1)
        except Exception as error:
            if context.ensure_object(StoreOptions).debug:
                raise
            raise click.ClickException(_told(error)) from error


@group(
    "torc-frames workflows create ridge",
    "torc-frames push grid.csv --command 'python run.py --alpha {alpha}'",
    "torc-frames run",
    "torc-frames table",
    cls=_Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\n\n" + _COMPLETION,
)
@click.version_option(__version__, prog_name="torc-frames")
def root() -> None:
    """Parameter tables in, result tables out: the records of torc workflows."""


for _command in (
    workflows,
    jobs,
    user_data,
    pull,
    table,
    best,
    summarize,
    curves,
    push,
    adopt,
    compare,
    report,
    suggest,
    copy,
    backup,
    run,
    runs,
    run_function,
    serve,
    ui,
    demo,
    doctor,
):
    root.add_command(_command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    root.main(prog_name="torc-frames")


def _told(error: Exception) -> str:
    lines = [printable(line) for line in str(error).split("\n")]
    if isinstance(error, (TorcFramesError, OSError)):
        return "\n".join(lines)
    return f"unexpected {type(error).__name__}: {' '.join(lines)} (--debug shows where)"


def _interrupted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def _logging() -> Iterator[None]:
    """Show the log of this package on stderr."""
    logger = logging.getLogger("torc_frames")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


@contextmanager
def _warnings() -> Iterator[None]:
    """Show the warnings of this package in one line each, and the same only once."""
    told: set[str] = set()
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, TorcFramesWarning):
                if str(message) not in told:
                    click.echo(f"Warning: {printable(str(message))}", err=True)
                told.add(str(message))
            else:
                shown(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", TorcFramesWarning)
        warnings.showwarning = show
        yield
