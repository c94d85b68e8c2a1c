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

CALLS = {
    "lines": 'plots.lines(table, x="gamma", y="error", by="solver", over="seed")',
    "heatmap": 'plots.heatmap(table, x="gamma", y="alpha", metric="error")',
    "scatter": 'plots.scatter(table, x="gamma", y="alpha", by="error")',
    "parallel": 'plots.parallel(table, columns=["gamma", "alpha", "solver", "error"], by="error")',
    "slice": 'plots.slice(table, y="error", columns=["gamma", "alpha", "solver"])',
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
    made.index = pd.Index([str(at) for at in range(1, len(made) + 1)], name="job_key")
    return made


def figure(name: str) -> Any:
    """Return the figure of a call."""
    return eval(CALLS[name], {"plots": plots, "table": table()})


def page() -> str:
    """Return the page that shows all figures with their calls."""
    shown = "## {0}\n\n```python\n{1}\n```\n\n![{0}](figures/{0}.png)\n"
    return _HEAD + "\n".join(shown.format(name, call) for name, call in CALLS.items())


_HEAD = """# Figures

Each is one call on a table, such as `wf.table()`: columns by their short names, axes as the recipe of the
sweep has them, and below it what is not shown. `backend="plotly"` makes the same for the screen, where the
pointer is told the job and its parameters. `python -m tests.figures` draws them anew.

"""


def picture(name: str) -> Image.Image:
    """Return the picture of a figure, of few colors, that it be small."""
    buffer = BytesIO()
    figure(name).savefig(buffer, dpi=85)
    return Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)


def main() -> None:
    """Draw all figures, and write the page."""
    FOLDER.mkdir(exist_ok=True)
    for name in CALLS:
        picture(name).save(FOLDER / f"{name}.png", optimize=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
