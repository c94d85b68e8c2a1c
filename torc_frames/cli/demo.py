"""The demo: a real sweep, from a grid of parameters to a table of results and a plot."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pandas as pd

from torc_frames.cli import demo_job
from torc_frames.errors import MissingExtraError, TorcFramesError
from torc_frames.sweep import grid
from torc_frames.workflow.client import connect

__all__ = ["main"]


def main(directory: Path | None = None, workers: int | None = None) -> None:
    """Run the demo and print what it does.

    24 jobs, each a process, cross-validate a kernel classifier on the Wisconsin breast cancer data
    (569 tumours, 30 measures each; UCI Machine Learning Repository, CC BY 4.0, shipped with
    scikit-learn).

    Parameters
    ----------
    directory : Path, optional
        Where the database, the job's script, the data and the plot go. Default ``torc_frames_demo``.
    workers : int, optional
        How many jobs at once. Default: one a core.

    Raises
    ------
    TorcFramesError
        If a package that the demo needs is missing, or a job failed.
    """
    try:
        from sklearn.datasets import load_breast_cancer

        from torc_frames import plots
    except ImportError as error:
        raise MissingExtraError(
            f"the demo needs more packages: pip install 'torc_frames[demo]' ({error})"
        ) from None
    folder = Path(directory or "torc_frames_demo").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    load_breast_cancer(as_frame=True).frame.to_csv(folder / "data.csv", index=False)
    shutil.copyfile(demo_job.__file__, folder / "run.py")
    workflow = connect(folder / "demo.db").workflow(name="kernel-classifier", create=True)
    params = grid(gamma=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3], alpha=[0.01, 0.1, 1.0, 10.0])
    print(f"1. A table of parameters, {len(params)} rows:\n\n{params.head(3)}\n...\n")
    script, data = (shlex.quote(str(folder / name)) for name in ("run.py", "data.csv"))
    command = f"OMP_NUM_THREADS=1 {shlex.quote(sys.executable)} {script} {data}"
    workflow.push(params, command=command, name="gamma={gamma} alpha={alpha}")
    print(f"2. wf.push(params, command=…): a job a row, in {folder / 'demo.db'}; now wf.run() runs them.\n")
    summary = workflow.run(workers=workers)
    table = workflow.table()
    completed = int((table["status"] == "completed").sum())
    print(f"3. {completed} jobs completed, {len(table) - completed} failed. wf.table(), best first:\n")
    if completed != len(params):
        raise TorcFramesError(f"not all jobs completed; see {summary.output_dir}")
    ranked = table.sort_values("results.accuracy", ascending=False, kind="stable")
    with pd.option_context("display.width", 200, "display.max_columns", None, "display.max_rows", None):
        print(f"{ranked}\n\n4. The best row:\n\n{ranked.iloc[0].to_string()}\n")
    picture = folder / "accuracy.png"
    figure = plots.lines(table, x="params.gamma", y="results.accuracy", by="params.alpha", logx=True)
    figure.savefig(picture, dpi=150)
    print(f"5. The plot: {picture}\n")
    print("Go on in Python:\n")
    print("    import torc_frames as tf")
    print(f"    wf = tf.connect({str(folder / 'demo.db')!r}).workflow(name={workflow.name!r})")
    print("    wf.table()")
