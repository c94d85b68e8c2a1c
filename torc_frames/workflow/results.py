"""What is made of the results of a workflow: a part of `Workflow`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    """The part of `Workflow` that hands its table to others."""

    key: str
    name: str
    _store: Store

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
