"""The same records in signac and Optuna, and their way to a DataFrame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torc_frames as tf
from benchmarks.measure import Prepare, Timings, alternate
from benchmarks.records import DATASETS, SOLVERS, filled_store, make_rows

__all__ = ["Peer", "measure"]

_REPEATS = 5

# Optuna takes 10 ms to store a trial, signac 1 ms a job.
_SIGNAC = 10_000
_OPTUNA = 2_000


@dataclass(frozen=True, slots=True)
class Peer:
    """One comparison: the peer's call, how it was called, and on how many records."""

    name: str
    length: int
    target: float | None
    """How many times faster ours should be; None where the peer reads nothing."""
    timings: Timings


def measure(folder: Path) -> list[Peer]:
    """Time the peers and ``wf.parameters()`` in turn, on equally many records."""
    whole = _signac_project(folder / "whole", _SIGNAC, ())
    split = _signac_project(folder / "split", _SIGNAC, ("loss",))
    url = _optuna_study(folder, _OPTUNA)
    calls: list[tuple[str, Prepare, int, float | None]] = [
        ("signac, project opened anew", _signac_anew(folder / "whole"), _SIGNAC, 10),
        ("Optuna, study loaded anew", _optuna_cold(url), _OPTUNA, 50),
        ("signac, second call, state points in memory", _signac(whole), _SIGNAC, None),
        ("signac, the same, one field in the document", _signac(split), _SIGNAC, None),
        ("Optuna, second call, trials in memory", _optuna_warm(url), _OPTUNA, None),
    ]
    return [_against(name, call, length, target, folder) for name, call, length, target in calls]


def _against(name: str, peer: Prepare, length: int, target: float | None, folder: Path) -> Peer:
    path, key = filled_store(folder, length)
    workflow = tf.connect(path).workflow(key)

    def ours() -> Any:
        return lambda: workflow.parameters(show_progress=False)

    return Peer(name, length, target, alternate(ours, peer, _REPEATS))


def _signac_project(folder: Path, length: int, in_document: tuple[str, ...]) -> Any:
    import signac

    folder.mkdir()
    project = signac.init_project(path=str(folder))
    for row in make_rows(length):
        document = {name: row.pop(name) for name in in_document}
        job = project.open_job(row).init()
        if document:
            job.document.update(document)
    return project


def _signac(project: Any) -> Prepare:
    project.to_dataframe()  # from here on state points are in memory
    return lambda: project.to_dataframe


def _signac_anew(folder: Path) -> Prepare:
    import signac

    return lambda: signac.get_project(path=str(folder)).to_dataframe


def _optuna_study(folder: Path, length: int) -> str:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    floats = optuna.distributions.FloatDistribution
    ints = optuna.distributions.IntDistribution
    choices = optuna.distributions.CategoricalDistribution
    distributions = {
        "alpha": floats(1e-3, 1e2, log=True),
        "tol": floats(1e-6, 1e-2, log=True),
        "depth": ints(1, 30),
        "batch": ints(1, 1024),
        "seed": ints(0, 10**6),
        "solver": choices(SOLVERS),
        "dataset": choices(DATASETS),
        "intercept": choices([True, False]),
    }
    url = f"sqlite:///{folder / 'optuna.db'}"
    study = optuna.create_study(storage=url, study_name="benchmark")
    study.add_trials(
        optuna.trial.create_trial(
            params={name: row[name] for name in distributions},
            distributions=distributions,
            user_attrs={"tag": row["tag"]},
            value=row["loss"],
        )
        for row in make_rows(length)
    )
    return url


def _optuna_cold(url: str) -> Prepare:
    import optuna

    return lambda: optuna.load_study(study_name="benchmark", storage=url).trials_dataframe


def _optuna_warm(url: str) -> Prepare:
    import optuna

    study = optuna.load_study(study_name="benchmark", storage=url)
    return lambda: study.trials_dataframe
