"""Printing frames: as a table, JSON, CSV, Parquet or Excel, to stdout or to a file."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from torc_frames.cli.options import FORMATS, StoreOptions, together
from torc_frames.cli.text import TerminalView, print_table, printable
from torc_frames.errors import TorcFramesError, counted
from torc_frames.files.formats import SUFFIXES
from torc_frames.files.whole import written_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["all_option", "emit", "emit_keys", "output_option", "print_json"]

_SUFFIXES = {**SUFFIXES, ".txt": "table", ".xlsx": "xlsx"}


output_option = together(
    click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write to a file; its suffix (.csv, .json, .jsonl, .parquet, .xlsx) says the format.",
    ),
    click.option(
        "--raw-csv",
        is_flag=True,
        help="Write texts in CSV as they are, also those that a spreadsheet would take for formulas.",
    ),
)

all_option = click.option(
    "--all", "all_columns", is_flag=True, help="All columns and digits, also on a terminal."
)


def emit(
    options: StoreOptions,
    frame: pd.DataFrame,
    output: Path | None = None,
    row: str = "row",
    *,
    raw_csv: bool = False,
    view: Callable[[], TerminalView] | None = None,
    everything: bool = False,
) -> None:
    """Print a frame in the format asked for, or write it to a file and tell how many of what a row is.

    A terminal, and nothing else, shows no more than the view, if not everything is asked for.
    """
    if output is None:
        if options.format == "parquet" and sys.stdout.isatty():
            raise click.UsageError("Parquet is no text: give -o FILE, or send it to a file or a pipe")
        if options.format in (None, "table"):
            _print_table(frame, sys.stdout, view, everything)
        else:
            _write(frame, options.format, _stdout(), raw_csv)
        return
    format = options.format or _SUFFIXES.get(output.suffix.lower())
    if format is None:
        raise click.UsageError(
            f"{output.name!r} does not say a format: end it in {', '.join(_SUFFIXES)}, "
            f"or give --format {'|'.join(FORMATS)}"
        )
    try:
        regular = output.is_file() or not output.exists()
        with written_whole(output) if regular else output.open("wb") as file:
            _write(frame, format, file, raw_csv)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TorcFramesError(f"can not write {output}: {_reason(output, error)}") from error
    click.echo(printable(f"{counted(len(frame), row)} to {output}"), err=True)


def emit_keys(options: StoreOptions, name: str, keys: list[str]) -> None:
    """Print new keys, one a line, or in the format asked for as a table of one column."""
    if options.format is None:
        for key in keys:
            click.echo(key)
        return
    import pandas as pd

    emit(options, pd.DataFrame({name: pd.Series(keys, dtype="str")}))


def print_json(value: Any) -> None:
    """Print one JSON value on a line."""
    from torc_frames.frame.values import encode_data

    _stdout().write(encode_data(value) + b"\n")


def _stdout() -> IO[bytes]:
    sys.stdout.flush()
    return sys.stdout.buffer


def _write(frame: pd.DataFrame, format: str, file: IO[bytes], raw_csv: bool) -> None:
    if format == "table":
        text = io.StringIO()
        _print_table(frame, text)
        file.write(text.getvalue().encode())
    elif format == "xlsx":
        from torc_frames.files.sheets import write_sheet

        write_sheet(frame, file)
    else:
        from torc_frames.files.exports import write_csv, write_json, write_parquet

        if format == "csv":
            write_csv(frame, file, raw=raw_csv)
        elif format == "parquet":
            write_parquet(frame, file)
        else:
            write_json(frame, file, lines=format == "jsonl")


def _print_table(
    frame: pd.DataFrame,
    file: IO[str],
    view: Callable[[], TerminalView] | None = None,
    everything: bool = False,
) -> None:
    from torc_frames.files.exports import json_columns

    # Not every command writes files.
    context = click.get_current_context(silent=True)
    writes = context is not None and any(option.name == "output" for option in context.command.params)
    whole = "-o FILE (table.csv, say) takes all" if writes else "--format csv shows all"
    whole = whole if view is None else "--all shows all"
    shown = view() if view is not None and file.isatty() else None
    print_table(json_columns(frame), file, whole, shown, everything=everything)


def _reason(output: Path, error: OSError) -> str:
    folder = output.parent
    if not folder.exists():
        return f"there is no folder {folder}"
    return f"{folder} is no folder" if not folder.is_dir() else error.strerror or str(error)
