"""What colors tell: which of few values a row has, or where it is on a scale of numbers."""

from __future__ import annotations

from itertools import product

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm, Normalize, to_rgba_array

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import is_numeric, numbers
from torc_frames.plots.description import Colors
from torc_frames.plots.scales import codes_of

__all__ = [
    "DASHES",
    "GREY",
    "INK",
    "MARKED",
    "MARKERS",
    "PALETTE",
    "SCALE",
    "colors_of",
    "norm_of",
    "one",
    "style_of",
]

INK = "#0a0b0c"
"""Of all that is written and of axes; a color of its own, so that pages can exchange it."""

GREY = "#8c8c8c"
MARKED = "#d55e00"
"""What is to be noticed: failures, the best, a front."""

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""By Okabe and Ito, for people who tell few colors apart; without black and yellow, which a page may be."""

DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "X")

_MOST_COLORS = 10


def _middle() -> Colormap:
    """Return viridis without its ends, which are hard to see on a dark, or a white, page."""
    shades = mpl.colormaps["viridis"](np.linspace(0.08, 0.92, 256))
    return LinearSegmentedColormap.from_list("viridis_middle", shades).with_extremes(bad=GREY)


SCALE = _middle()


def style_of(at: int) -> tuple[str, str, str]:
    """Return the color, dash and marker of the n-th of several; 24 differ.

    Examples
    --------
    >>> style_of(0), style_of(6)
    (('#0072b2', '-', 'o'), ('#0072b2', '--', 's'))
    """
    which, color = list(product(range(len(DASHES)), PALETTE))[at % (len(DASHES) * len(PALETTE))]
    return color, DASHES[which], MARKERS[which]


def one(color: str = PALETTE[0]) -> Colors:
    """Return one color for all rows."""
    return Colors(to_rgba_array(color))


def colors_of(values: pd.Series, title: str, *, log: bool = False) -> Colors:
    """Return the colors of rows by a column: a scale of many numbers, else a legend of few values.

    Raises
    ------
    RefusedError
        For more than 20 values that are no numbers, and logarithms of what is not above 0.
    """
    if is_numeric(values) and values.nunique() > _MOST_COLORS:
        places = numbers(values).to_numpy()
        if log and (places <= 0).any():
            raise RefusedError(
                f"{values.name!r} has values that are not above 0, of which there are no logarithms"
            )
        places = np.where(np.isfinite(places), places, np.nan)
        shades = SCALE(norm_of(places, log)(np.ma.masked_invalid(places)))
        return Colors(shades, title, values=places, log=log)
    codes, texts = codes_of(values)
    names = [(text, *style_of(at)[::2]) for at, text in enumerate(texts)]
    if (codes < 0).any():
        names.append(("missing", GREY, "o"))
        codes = np.where(codes < 0, len(texts), codes)
    palette = to_rgba_array([color for _, color, _ in names])
    shades = palette[codes] if len(codes) else np.empty((0, 4))
    return Colors(shades, title, tuple(names), codes)


def norm_of(places: np.ndarray, log: bool) -> Normalize:
    """Return what makes 0 to 1 of the numbers of a color scale."""
    known = places[np.isfinite(places)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)
    return (LogNorm if log else Normalize)(low, high)
