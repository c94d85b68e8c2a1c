"""What is made of the results of a workflow: a part of `Workflow`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torc_frames.errors import RefusedError
from torc_frames.frame import recorded
from torc_frames.frame.shape import Shape
from torc_frames.store.base import Store
from torc_frames.sweep.dimensions import axes_of, inferred_space
from torc_frames.sweep.distributions import Distribution
from torc_frames.sweep.recipes import common_space
from torc_frames.sweep.samplers import sampler_of
from torc_frames.sweep.study import rebuilt
from torc_frames.workflow.pull import tables

if TYPE_CHECKING:
    import optuna

__all__ = ["TIMES", "WorkflowResults"]

TIMES = ("start_time", "end_time", "exec_time_minutes")
"""What a study has of jobs beside their parameters and results: times of trials, and what may be a metric."""


class WorkflowResults:
    """The part of `Workflow` that hands what it has to others."""

    key: str
    name: str
    _store: Store

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        objective: str | None = None,
        mode: Literal["min", "max"] | None = None,
        over: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        title: str | None = None,
    ) -> Path:
        """Write what was asked, what came out and how it was run as one file, for people without Python.

        A page (``.html``) needs no network and no program but a browser: the best rows, figures, a table of
        all jobs that sorts and filters, and what failed jobs wrote last. A book (``.xlsx``) has a sheet of
        each. Figures are chosen by what varies. Commands, and files of pointers, are not shown.

        Parameters
        ----------
        path : path
            The file, which ends in ``.html`` or ``.xlsx``; it is there whole or not at all, and takes the
            place of another.
        objective : str, optional
            The result that rows are ranked by, and that figures show. Default: the first one whose name says
            which end of it is better (such as loss, error, accuracy, score), or else the first of numbers.
        mode : {"min", "max"}, optional
            Which end is better. Default: what the name of the objective says; if it says nothing, the rows at
            both ends are shown.
        over : str or list of str, optional
            Parameters that only repeat, such as ``"seed"``: there is a table of means over them.
        columns : list of str, optional
            Which columns the table of all jobs has beside the name of the job. Default: status, parameters,
            results, and what else differs.
        title : str, optional
            Default: the name of the workflow.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        RefusedError
            For another suffix, and for names that are no columns.
        TorcFramesError
            For a book, if openpyxl is not installed (``pip install 'torc_frames[excel]'``).

        Warns
        -----
        TorcFramesWarning
            If the page has no figures, as matplotlib is not installed.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("squares")
        >>> _ = wf.push(tf.grid(n=[1, 2]))
        >>> for job in (1, 2):
        ...     _ = wf.job(job).store(loss=job**2)
        >>> wf.report(tmp / "study.html", title="Squares").name
        'study.html'
        """
        from torc_frames.workflow.report.contents import Options
        from torc_frames.workflow.report.write import write_report

        options = Options(objective, mode, over, columns, title)
        return write_report(self._store, self.key, path, options)

    def to_optuna(
        self,
        metric: str | Sequence[str] = "results.loss",
        direction: str | Sequence[str] = "minimize",
        space: Mapping[str, Distribution | Iterable[Any]] | None = None,
    ) -> optuna.Study:
        """Return the workflow as a study of Optuna: a trial a job.

        It is for Optuna's plots and importances, and knows nothing of the workflow: what is told or asked
        there adds no job; `suggest` is for that.

        Parameters
        ----------
        metric, direction, space
            As for `suggest`. Without a space, and where the recipes of the tables that were pushed have no
            common one, each parameter that varies is between its extremes, or one of its values.

        Returns
        -------
        optuna.Study
            In memory. Trials are complete of jobs that completed and have all metrics, as numbers, failed of
            others that ended, and running of all others, also of those that are ready. They have the times of
            the jobs, in UTC, and ``user_attrs["job_key"]`` and ``["job_name"]``. Choices of several types, or
            of lists, are texts there.

        Warns
        -----
        TorcFramesWarning
            Of rows that lack a parameter, or lie outside of the space: they are left out.

        Raises
        ------
        RefusedError
            For a metric that no job has, though there are results, and a space that makes no sense.
        ImportError
            If there is no Optuna: ``pip install 'torc_frames[optuna]'``.

        Examples
        --------
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> import optuna
        >>> import torc_frames as tf
        >>> def loss(x, y):
        ...     return {"loss": x**2}
        >>> wf = tf.connect(tmp / "study.db").create_workflow("to optuna")
        >>> params = tf.sample(16, {"x": tf.uniform(-1, 1), "y": tf.uniform(-1, 1)}, seed=7)
        >>> with ThreadPoolExecutor(1) as executor:
        ...     _ = wf.map(loss, params, executor=executor)
        >>> study = wf.to_optuna()
        >>> optuna.importance.get_param_importances(study)["x"] > 0.9
        True
        >>> study.best_trial.user_attrs["job_key"]
        '16'
        """
        table = tables.table(self._store, self.key, "names", [], Shape(), False, job_columns=TIMES)
        if space is None:
            try:
                space, _ = common_space(recorded.recipes(self._store.get_workflow(self.key).metadata))
            except RefusedError:
                space = inferred_space(table)
                if not space:
                    raise RefusedError(
                        "no parameter varies, nor does a recipe tell the space: give space="
                    ) from None
        sampler = sampler_of(None, 0)
        found = rebuilt(table, axes_of(space), metric, direction, sampler=sampler, name=self.name)
        study: optuna.Study = found.study
        return study
