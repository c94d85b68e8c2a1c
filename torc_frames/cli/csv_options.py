"""The options that say how a CSV file is to be read."""

from __future__ import annotations

import click

from torc_frames.cli.options import together

__all__ = ["csv_options"]

_MARKS = ("sep", "decimal", "thousands")
_NAMES = {"tab": "\t", "\\t": "\t", "space": " "}


def _one_character(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    mark = _NAMES.get(value or "", value)
    if mark is not None and (len(mark) != 1 or mark in '"\r\n' or mark.isalnum()):
        raise click.BadParameter(f"{value!r} is no separator of one character, such as ';', ',' or tab")
    for name in _MARKS:
        if mark is not None and name != option.name and context.params.get(name) == mark:
            raise click.BadParameter(f"{value!r} is --{name} already: each mark has one meaning")
    return mark


csv_options = together(
    click.option(
        "--sep",
        metavar="CHARACTER",
        callback=_one_character,
        help="What separates the cells of CSV: ',', ';' or tab. [default: found]",
    ),
    click.option(
        "--decimal",
        metavar="CHARACTER",
        callback=_one_character,
        help="The decimal mark in CSV. [default: found; a point where commas separate]",
    ),
    click.option(
        "--thousands",
        metavar="CHARACTER",
        callback=_one_character,
        help="The mark between thousands in CSV; without it such numbers are text.",
    ),
    click.option(
        "--na-values",
        multiple=True,
        metavar="TEXT",
        help="A text that stands for a missing cell in CSV, such as NA; may be repeated.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="The encoding of CSV, such as cp1252. [default: UTF-8, or UTF-16]",
    ),
)
"""``--sep``, ``--decimal``, ``--thousands``, ``--na-values`` and ``--encoding``."""
