"""``torc-frames compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from torc_frames.cli.copy import check_credentials, same_credentials_option
from torc_frames.cli.options import StoreOptions, command, split_names
from torc_frames.cli.output import emit, output_option
from torc_frames.cli.text import printable

if TYPE_CHECKING:
    import pandas as pd

    from torc_frames.workflow.compare import Comparison

__all__ = ["compare"]


@command(
    "torc-frames compare ridge lasso",
    "torc-frames compare ridge 'ridge 2' --on alpha,seed -o compared.csv",
    "torc-frames compare -u study.db 1 7 --other http://host:8080/torc-service/v1",
    "torc-frames compare ridge lasso --what only-a",
)
@click.argument("a")
@click.argument("b")
@click.option(
    "--on",
    metavar="NAMES",
    help="The parameters that make a pair of jobs, with commas between them; or job_name. "
    "[default: those that both have]",
)
@click.option("--other", metavar="URL", help="The store of B, as -u. [default: the same]")
@click.option(
    "--what",
    type=click.Choice(["pairs", "only-a", "only-b"]),
    default="pairs",
    show_default=True,
    help="The pairs, or the jobs that one workflow alone has.",
)
@same_credentials_option
@output_option
def compare(
    options: StoreOptions,
    a: str,
    b: str,
    on: str | None,
    other: str | None,
    what: str,
    same_credentials: bool,
    output: Path | None,
    raw_csv: bool,
) -> None:
    """Print two workflows side by side: parameters that differ, results and their difference.

    A and B are keys or names. The difference is that of B to A.
    """
    if other is not None and not same_credentials:
        check_credentials(options.database_url, other)
    client = options.client()
    theirs = client if other is None else StoreOptions(database_url=other).client()
    workflows = [of.workflow(of.workflow_key(text)) for of, text in ((client, a), (theirs, b))]
    names = None if on is None else split_names(on)
    compared = client.compare(*workflows, on=names)
    click.echo(printable(repr(compared)), err=True)
    frame = _pairs(compared) if what == "pairs" else compared.only_a if what == "only-a" else compared.only_b
    emit(options, frame, output, "pair" if what == "pairs" else "job", raw_csv=raw_csv)


def _pairs(compared: Comparison) -> pd.DataFrame:
    """Return what is side by side with columns of one level."""
    import pandas as pd

    parts = []
    for prefix, frame in (("params.", compared.parameters), ("results.", compared.results)):
        levels = (frame.columns.get_level_values(level) for level in (0, 1))
        parts.append(
            frame.set_axis([f"{prefix}{name} ({whose})" for name, whose in zip(*levels, strict=True)], axis=1)
        )
    return pd.concat(parts, axis=1).reset_index()
