"""``torc-frames adopt``, and the options of patterns."""

from __future__ import annotations

import click

from torc_frames.cli.options import StoreOptions, command, together
from torc_frames.cli.text import printable

__all__ = ["adopt", "pattern_options"]

pattern_options = together(
    click.option(
        "--pattern",
        metavar="TEMPLATE",
        help="Read parameters out of jobs' names: train_lr{lr:.4f}_bs{bs}, as in a specification of torc.",
    ),
    click.option(
        "--command-pattern",
        metavar="TEMPLATE",
        help="Read them out of commands: a whole one, or some of its words, as in --lr={lr} --seed={seed}.",
    ),
)


@command(
    "torc-frames adopt --pattern 'train_lr{lr:.4f}_bs{bs}' --plan",
    "torc-frames adopt --command-pattern '--lr={lr} --seed={seed}' --no-prompts",
)
@pattern_options
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be written, and write nothing.")
def adopt(options: StoreOptions, pattern: str | None, command_pattern: str | None, only_plan: bool) -> None:
    """Write the parameters in jobs' names or commands as their records.

    Shows what it would write, and asks before it does, unless --no-prompts is given.
    """
    from torc_frames.workflow.pull.named import FromNames

    workflow = options.workflow()
    found = workflow.parameters(pattern=pattern, command_pattern=command_pattern)
    plan = workflow.plan(FromNames(pattern, command_pattern).only(found))
    for line in str(plan).split("\n"):
        click.echo(printable(line))
    if only_plan or not plan.counts["update"]:
        return
    if not options.no_prompts:
        question = f"Write them to workflow {workflow.key} ({workflow.name})?"
        click.confirm(printable(question), abort=True, err=True)
    done = plan.apply().attrs["torc"]
    click.echo(f"{done['changed']} changed, {done['unchanged']} unchanged")
