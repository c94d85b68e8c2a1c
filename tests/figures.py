"""``python -m tests.figures``: draw docs/figures/ and the page that shows them, of a made-up sweep."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import torc_frames as tf
from torc_frames import plots

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
PAGE = FOLDER.with_suffix(".md")
LARGEST = 60_000
START = pd.Timestamp("2026-01-01 08:00", tz="UTC")

CALLS = {
    "lines": 'plots.lines(table, x="gamma", y="error", by="solver", over="seed")',
    "heatmap": 'plots.heatmap(table, x="gamma", y="alpha", metric="error")',
    "scatter": 'plots.scatter(table, x="gamma", y="alpha", by="error")',
    "parallel": 'plots.parallel(table, columns=["gamma", "alpha", "solver", "error"], by="error", limit=150)',
    "slice": 'plots.slice(table, y="error", columns=["gamma", "alpha", "solver"])',
    "ecdf": 'plots.ecdf(table, "error", by="solver")',
    "pareto": 'plots.pareto(table, "hours", "error", by="solver", logx=True)',
    "history": 'plots.history(table, "error", by="solver", logy=True)',
    "importance": 'plots.importance(table, "error")',
    "curves": 'plots.curves(logged, "loss", over="seed")',
    "timeline": "plots.timeline(runs)",
    "utilization": "plots.utilization(use)",
}


def table() -> pd.DataFrame:
    """Return a table as `wf.table` has it: an exact grid over five seeds, jobs of which some failed."""
    params = tf.grid(
        gamma=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
        alpha=[0.01, 0.1, 1.0, 10.0],
        solver=["cholesky", "svd"],
        seed=[0, 1, 2, 3, 4],
    )
    rng = np.random.default_rng(7)
    far = (np.log10(params["gamma"]) + 1.5) ** 2 + 0.3 * (np.log10(params["alpha"]) - 0.2) ** 2
    error = 0.05 + 0.04 * far + 0.02 * (params["solver"] == "svd")
    error *= rng.lognormal(0, 0.15, len(params))
    failed = (params["alpha"] == 0.01) & (params["gamma"] > 0.05) & (params["solver"] == "cholesky")
    made = params.add_prefix("params.")
    made.insert(0, "job_name", [f"job_{at}" for at in range(1, len(made) + 1)])
    made.insert(1, "status", np.where(failed, "failed", "completed"))
    made["results.error"] = error.where(~failed)
    hours = (
        0.5 * params["alpha"] ** -0.3 * (1 + (params["solver"] == "svd")) * rng.lognormal(0, 0.3, len(params))
    )
    made["results.hours"] = hours.where(~failed)
    made["end_time"] = START + pd.to_timedelta(rng.permutation(len(made)) * 7, unit="min")
    made.index = pd.Index([str(at) for at in range(1, len(made) + 1)], name="job_key")
    return made


def logged() -> pd.DataFrame:
    """Return curves as `wf.curves` has them: three rates over five seeds, jobs of which some ended early."""
    rng = np.random.default_rng(8)
    made = []
    for job, (rate, seed) in enumerate((rate, seed) for rate in (0.01, 0.03, 0.1) for seed in range(5)):
        epoch = np.arange(1, 41 if job % 6 else 27)
        loss = 0.2 + rng.normal(0, 0.03) + np.exp(-epoch * rate) + rng.normal(0, 0.015, len(epoch))
        rows = {"job_key": str(job), "epoch": epoch, "loss": loss, "params.rate": rate, "params.seed": seed}
        made.append(pd.DataFrame(rows))
    return pd.concat(made, ignore_index=True)


def runs() -> pd.DataFrame:
    """Return runs as `wf.runs` has them: of three nodes, four jobs at once each, some of which failed."""
    rng = np.random.default_rng(9)
    taken = rng.lognormal(3.4, 0.5, (12, 9))
    ends = taken.cumsum(axis=1)
    made = pd.DataFrame(
        {"start": (ends - taken).ravel(), "end": ends.ravel(), "lane": np.arange(12).repeat(9)}
    )
    made["job_key"] = [str(at) for at in range(1, len(made) + 1)]
    made["job_name"] = "job_" + made["job_key"]
    made["status"] = rng.choice(["completed", "failed", "terminated"], len(made), p=[0.9, 0.07, 0.03])
    made["start_time"], made["end_time"] = (
        START + pd.to_timedelta(made[name], unit="min") for name in ("start", "end")
    )
    made["host"] = [f"node-{lane // 4 + 1:02}" for lane in made["lane"]]
    return made.drop(columns=["start", "end", "lane"])


def use() -> pd.DataFrame:
    """Return what 200 jobs used of what they asked for, as `wf.utilization` has it."""
    rng = np.random.default_rng(10)
    share = {
        "cpu": np.minimum(rng.normal(0.85, 0.08, 200), 1),
        "memory": rng.lognormal(-1.6, 0.25, 200),
        "runtime": rng.lognormal(-0.8, 0.5, 200),
    }
    asked = {"cpu_asked_percent": 400.0, "memory_asked_bytes": 8.0 * 2**30, "runtime_asked_seconds": 7200.0}
    made = pd.DataFrame({"job_name": [f"job_{at}" for at in range(200)], **asked})
    for name in asked:
        what = name.split("_")[0]
        made[f"{what}_share"] = share[what]
        made[name.replace("asked", "used")] = share[what] * made[name]
    return made


FRAMES = {"table": table, "logged": logged, "runs": runs, "use": use}


def figure(name: str) -> Any:
    """Return the figure of a call."""
    frames = {called: make() for called, make in FRAMES.items() if f"({called}" in CALLS[name]}
    return eval(CALLS[name], {"plots": plots, **frames})


def page() -> str:
    """Return the page that shows all figures with their calls."""
    shown = "## {0}\n\n```python\n{1}\n```\n\n![{0}](figures/{0}.png)\n"
    return _HEAD + "\n".join(shown.format(name, call) for name, call in CALLS.items())


_HEAD = """# Figures

Each is one call on a table, such as `wf.table()`: columns by their short names, axes as the recipe of the
sweep has them, and below it what is not shown. `logged` is of `wf.curves(parameters=True)`, `runs` of
`wf.runs()`, `use` of `wf.utilization()`. `backend="plotly"` makes the same for the screen, where the
pointer is told the job and its parameters. `python -m tests.figures` draws them anew.

"""


def picture(name: str) -> bytes:
    """Return the picture of a figure as PNG, of so many colors that it is small."""
    buffer = BytesIO()
    figure(name).savefig(buffer, dpi=85)
    drawn = Image.open(buffer).convert("RGB")
    for colors in (256, 128, 64, 32):
        made = BytesIO()
        drawn.quantize(colors, dither=Image.Dither.NONE).save(made, "png", optimize=True)
        if made.tell() < LARGEST:
            break
    return made.getvalue()


def main() -> None:
    """Draw all figures, and write the page."""
    FOLDER.mkdir(exist_ok=True)
    for name in CALLS:
        (FOLDER / f"{name}.png").write_bytes(picture(name))
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
