"""The job of the demo: cross-validate a kernel classifier with the parameters of this job.

Run as ``python run.py data.csv`` inside a job; the last column of the file is the class, 0 or 1.
"""

import sys

import numpy as np

import torc_frames as tf

FOLDS = 5


def kernel(left: np.ndarray, right: np.ndarray, gamma: float) -> np.ndarray:
    """Return exp(-gamma |l - r|²) for each pair of rows."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2 * left @ right.T
    weights: np.ndarray = np.exp(-gamma * squares)
    return weights


def held_out_scores(x: np.ndarray, y: np.ndarray, gamma: float, alpha: float, seed: int = 0) -> np.ndarray:
    """Return each row's score by a kernel ridge classifier that was fitted without its fold."""
    folds = np.random.default_rng(seed).permutation(len(x)) % FOLDS
    scores = np.empty(len(x))
    for fold in range(FOLDS):
        test, train = folds == fold, folds != fold
        mean, spread = x[train].mean(0), x[train].std(0)
        fitted, held_out = (x[train] - mean) / spread, (x[test] - mean) / spread
        system = kernel(fitted, fitted, gamma) + alpha * np.eye(train.sum())
        weights = np.linalg.solve(system, 2.0 * y[train] - 1)
        scores[test] = kernel(held_out, fitted, gamma) @ weights
    return scores


def main(path: str) -> None:
    """Read the job's parameters, fit, and store the results with the job."""
    job = tf.current_job()
    gamma, alpha = job.parameters["gamma"], job.parameters["alpha"]
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    x, y = table[:, :-1], table[:, -1]
    found = held_out_scores(x, y, gamma, alpha) > 0
    job.store(
        accuracy=float((found == y).mean()),
        missed=int(((y == 0) & found).sum()),
        false_alarms=int(((y == 1) & ~found).sum()),
    )


if __name__ == "__main__":
    main(sys.argv[1])
