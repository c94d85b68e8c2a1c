"""``torc-frames suggest``."""

from __future__ import annotations

from pathlib import Path

import click

from torc_frames.cli.options import StoreOptions, command
from torc_frames.cli.output import emit, output_option

__all__ = ["suggest"]


@command(
    "torc-frames suggest --metric loss",
    "torc-frames suggest 4 --metric accuracy --direction maximize --total 40 -o next.csv",
)
@click.argument("n", type=click.IntRange(0), default=8)
@click.option(
    "--metric",
    multiple=True,
    default=["results.loss"],
    show_default=True,
    metavar="NAME",
    help="The result to make best; may be repeated.",
)
@click.option(
    "--direction",
    type=click.Choice(["minimize", "maximize"]),
    multiple=True,
    default=["minimize"],
    show_default=True,
    help="Of all metrics, or repeated, of each.",
)
@click.option("--total", type=click.IntRange(0), metavar="N", help="How many jobs there are to be at last.")
@click.option("--where", metavar="TEXT", help="Only rows that meet it, as 'alpha < 0.1 and depth > 2'.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Another seed makes other rows.")
@click.option("--startup", type=click.IntRange(0), default=8, help="How many points are spread evenly first.")
@output_option
def suggest(
    options: StoreOptions,
    n: int,
    metric: tuple[str, ...],
    direction: tuple[str, ...],
    total: int | None,
    where: str | None,
    seed: int,
    startup: int,
    output: Path | None,
    raw_csv: bool,
) -> None:
    """Print N rows to push next, as an optimiser proposes them.

    It has seen all jobs; the space is that of the recipe of the tables that were pushed, which Python's
    tf.sample and tf.grid make.
    """
    from torc_frames.workflow.suggest import suggest as suggested

    frame = suggested(
        options.workflow(),
        n=n,
        metric=metric,
        direction=direction if len(direction) > 1 else direction[0],
        total=total,
        where=where,
        seed=seed,
        startup=startup,
    )
    emit(options, frame, output, raw_csv=raw_csv)
