"""The next rows to push, by an optimiser that has seen all that a workflow has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError, warn
from torc_frames.files.foreign import Table, as_frame
from torc_frames.frame.where import formula_of
from torc_frames.sweep.dimensions import axes_of
from torc_frames.sweep.distributions import Distribution
from torc_frames.sweep.finishing import ATTRIBUTE, Where
from torc_frames.sweep.proposals import check_count, proposed
from torc_frames.sweep.recipes import common_space
from torc_frames.workflow.results import TIMES
from torc_frames.workflow.workflow import Workflow

__all__ = ["suggest"]


def suggest(
    workflow: Workflow | Table,
    space: Mapping[str, Distribution | Iterable[Any]] | None = None,
    n: int = 8,
    *,
    metric: str | Sequence[str] = "results.loss",
    direction: str | Sequence[str] = "minimize",
    sampler: Any = None,
    seed: int = 0,
    startup: int = 8,
    total: int | None = None,
    where: Where | None = None,
) -> pd.DataFrame:
    """Return rows to push next, as an optimiser proposes them.

    The optimiser is Optuna, which is told anew of all jobs at every call: nothing is kept but the workflow,
    so that a loop goes on after a restart. Jobs that run, or wait, count as running: two calls propose
    different points, if the rows of the first are pushed. The same table gives the same rows: of two sessions
    at once that propose before they push, each needs a `seed` of its own.

    Parameters
    ----------
    workflow : Workflow or table
        A table is one as of `Workflow.table`: columns ``params.*``, those of results, ``status``.
    space : mapping, optional
        As for `sample`. Default: that of the recipes of the tables that were pushed, if it is the same of
        all, with the constraint of the last one; of a table, that of ``attrs["torc_recipe"]``.
    n : int
        How many rows. There are fewer where no more is left of the space, which a warning says.
    metric : str or sequence of str
        The column to make best, or several: ``"loss"`` is ``"results.loss"``; times of jobs will do, too:
        ``"exec_time_minutes"``. Jobs that completed without it count as failed.
    direction : {"minimize", "maximize"} or sequence of these
        Of each metric, or one for all.
    sampler : class, callable or sampler, optional
        One of Optuna's that needs nothing but trials: the class (it gets a seed), a function of a seed, or a
        sampler, which is copied. Default: a tree-structured Parzen estimator,
        ``TPESampler(multivariate=True, constant_liar=True)``. ``optuna.samplers.GPSampler`` needs fewer jobs
        and more time, and PyTorch.
    seed : int
        Another seed makes other rows.
    startup : int
        So many points are those of a Sobol sequence before the sampler is asked, and until a job completed.
        Any points of the space that jobs have count for it.
    total : int, optional
        How many jobs the workflow is to have: no more rows are proposed than it lacks, at last none.
    where : str or callable, optional
        A constraint on the parameters, as for `sample`: only rows that meet it are proposed.

    Returns
    -------
    DataFrame
        Rows that are neither in the workflow nor twice, with the columns and dtypes of `sample`, floats of 15
        digits. ``attrs["torc_recipe"]`` says who proposed them, and of what, and goes along with a push.

    Warns
    -----
    TorcFramesWarning
        Of rows that lack a parameter, or lie outside of the space: the optimiser does not see them.

    Raises
    ------
    RefusedError
        For a metric that no job has, though there are results; a space that makes no sense, or is not
        told; and a sampler that keeps what it knows in its study, such as CmaEsSampler and NSGAIISampler.
    ImportError
        If there is no Optuna: ``pip install 'torc_frames[optuna]'``.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> import torc_frames as tf
    >>> def fit(x, depth):
    ...     return {"loss": (x - 0.3) ** 2 + (depth - 4) ** 2}
    >>> wf = tf.connect(tmp / "study.db").create_workflow("suggested")
    >>> space = {"x": tf.uniform(-1, 1), "depth": tf.integers(1, 9)}
    >>> with ThreadPoolExecutor(2) as executor:
    ...     while len(params := tf.suggest(wf, space, n=8, total=32)):
    ...         _ = wf.map(fit, params, executor=executor)
    >>> table = wf.table()
    >>> len(table), bool(table["results.loss"].min() < 0.1)
    (32, True)
    """
    if isinstance(workflow, Workflow):
        table, recipes = workflow.table(job_columns=TIMES, show_progress=False), workflow.recipes()
    else:
        table = as_frame(workflow)
        recipes = [table.attrs[ATTRIBUTE]] if ATTRIBUTE in table.attrs else []
    if space is None:
        space, text = common_space(recipes)
        where = _asked_again(text, list(space)) if where is None else where
    if total is not None:
        check_count("n", n)
        check_count("total", total)
        n = min(n, max(total - len(table), 0))
    return proposed(
        table, axes_of(space), n, metric, direction, sampler=sampler, seed=seed, startup=startup, where=where
    )


def _asked_again(text: str | None, names: list[str]) -> str | None:
    """Return the constraint of a recipe, None if there is none, or it was a function."""
    if text is None:
        return None
    try:
        formula_of(text, names)
    except RefusedError:
        warn(f"suggest: the recipe's constraint was a function, {text!r}: give where= to keep to it")
        return None
    return text
