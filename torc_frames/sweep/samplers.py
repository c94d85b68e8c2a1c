"""Which of Optuna's samplers proposes points: any that needs nothing but the trials of a study."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from torc_frames.errors import RefusedError
from torc_frames.sweep.dimensions import optuna_module

__all__ = ["sampler_of"]

_OTHERS = "use TPESampler, GPSampler, RandomSampler or BruteForceSampler"
_GENERATIONS = "it keeps its generations in the study, and would draw at random from one made of a table"
_REFUSED = {
    "CmaEsSampler": "it keeps what it learned in the study, and would learn nothing from one made of a table",
    "BaseGASampler": _GENERATIONS,
    "GridSampler": "it keeps in the study where it is; tf.grid makes the whole grid, which a push adds to",
    "QMCSampler": "it keeps in the study where it is; tf.sample(n, space, method='sobol') draws such points",
}
"""By the name of a class: why it can't be used."""


def sampler_of(sampler: Any, seed: int) -> Any:
    """Return a sampler of Optuna that begins anew.

    Parameters
    ----------
    sampler : class, callable or sampler, optional
        A class is made with the seed and, if it takes that, no trials at random before it learns; a callable
        is called with the seed; of a sampler a copy is taken, so that it stays as it is.
    seed : int

    Raises
    ------
    RefusedError
        For what is no sampler, or keeps something in the study.
    """
    samplers = optuna_module().samplers
    if sampler is None:
        return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=0)
    made = sampler
    if isinstance(sampler, type) and issubclass(sampler, samplers.BaseSampler):
        _check(sampler)
        made = _of_class(sampler, seed)
    elif isinstance(sampler, samplers.BaseSampler):
        made = copy.deepcopy(sampler)
    elif callable(sampler) and not isinstance(sampler, type):
        made = sampler(seed=seed) if "seed" in inspect.signature(sampler).parameters else sampler(seed)
    if not isinstance(made, samplers.BaseSampler):
        raise RefusedError(f"sampler={sampler!r} is none of Optuna's: {_OTHERS}, or a function of a seed")
    _check(type(made))
    _check(type(getattr(made, "_base_sampler", None)))  # the one that a PartialFixedSampler asks
    return made


def _check(kind: type) -> None:
    for base in kind.__mro__:
        if base.__name__ in _REFUSED:
            raise RefusedError(f"{kind.__name__} can't be used: {_REFUSED[base.__name__]}; {_OTHERS}")


def _of_class(kind: type, seed: int) -> Any:
    takes = inspect.signature(kind).parameters
    given = {name: value for name, value in (("seed", seed), ("n_startup_trials", 0)) if name in takes}
    try:
        return kind(**given)
    except TypeError as error:
        why = f"{kind.__name__} can't be made of a seed alone: {error}"
        raise RefusedError(f"{why}; give a function of a seed that makes it") from None
