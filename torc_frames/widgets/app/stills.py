"""What stands in a notebook where no kernel answers: a still picture of an editor, beside its live view."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from math import log10

import numpy as np

__all__ = ["beside", "scatter"]

# The still is the output before the live view, which hides it. Where JupyterLab found no model for the view,
# its "model not found" is hidden instead. A host without sheets or scripts shows the still alone.
_SHEET = (
    ".jp-OutputArea-child:has(.tf-still) + .jp-OutputArea-child:has(> .jupyter-widgets)"
    ":not(:has(> .jupyter-widgets > *)) { display: none }"
)
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 460, 240, 62, 36, 10, 12
_MOST_POINTS = 400
_RAMP = ("#3b1d8f", "#3a9fae", "#9fb0c6")
_DECADES = 2.5


def beside(key: str, html: str) -> str:
    """Return the still of a widget as the output before its live view.

    Parameters
    ----------
    key : str
        By which the live view finds it.
    html : str
        The still; whatever in it comes from elsewhere has to be escaped.
    """
    # Of texts between dollar signs, hosts would make formulas.
    names = "tf-still mathjax_ignore tex2jax_ignore"
    return f'<style>{_SHEET}</style><div class="{names}" data-torc-frames="{escape(key)}">{html}</div>'


def scatter(x: list[float], y: list[float], names: tuple[str, str], *, least: bool) -> str:
    """Return one column against another as an image, the best ones on top; empty for fewer than two points.

    Parameters
    ----------
    x, y : list of float
        Finite, by row, the best first. Of more than 400, those at the ends and some by chance are drawn.
    names : tuple of str
        Of x and of y.
    least : bool
        Whether the least y is the best, for those who can't see it.
    """
    if len(x) < 2:
        return ""
    ends = {0, len(x) - 1, x.index(min(x)), x.index(max(x))}
    some = np.random.default_rng(0).permutation(len(x))[:_MOST_POINTS]
    kept = sorted({*ends, *some.tolist()}, reverse=True)
    across, down = _Scale(x, _LEFT, _WIDTH - _RIGHT), _Scale(y, _HEIGHT - _BOTTOM, _TOP)
    points = "".join(
        f'<circle cx="{across(x[at]):.1f}" cy="{down(y[at]):.1f}" r="3.5" fill="{_RAMP[at * 3 // len(x)]}"/>'
        for at in kept
    )
    ring = 'r="7" fill="none" stroke="#c2410c" stroke-width="2"'
    best = f'<circle cx="{across(x[0]):.1f}" cy="{down(y[0]):.1f}" {ring}/>'
    how = "least" if least else "greatest"
    told = f"{names[1]} against {names[0]}, the {how} is {y[0]:.4g} at {x[0]:.4g}"
    axes = f"M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="#586170">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<path d="{axes}" fill="none" stroke="#c8ced7"/>'
        f"{across.ticks(vertical=False)}{down.ticks(vertical=True)}{points}{best}"
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">{escape(names[0])}</text>'
        f'<text x="2" y="{_TOP + 2}">{escape(names[1])}</text></svg>'
    )
    # As an image, no part of it can be more than a picture.
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return f'<img alt="{escape(told)}" width="{_WIDTH}" height="{_HEIGHT}" src="{source}">'


class _Scale:
    """Places values between two ends, by their logarithms where they span decades."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low, self._high = min(values), max(values)
        self._log = self._low > 0 and log10(self._high) - log10(self._low) > _DECADES
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        low, high, at = (log10(each) if self._log else each for each in (self._low, self._high, value))
        # Halves, as the difference of two finite numbers need not be one.
        span = high / 2 - low / 2
        share = (at / 2 - low / 2) / span if span else 0.5
        return self._start + share * (self._end - self._start)

    def ticks(self, *, vertical: bool) -> str:
        """Return the least and the greatest value, each at its end."""
        made = []
        for value, at in dict.fromkeys([(self._low, self(self._low)), (self._high, self(self._high))]):
            place = (
                f'x="{_LEFT - 6}" y="{at + 4:.1f}"'
                if vertical
                else f'x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 16}"'
            )
            made.append(f'<text {place} text-anchor="{"end" if vertical else "middle"}">{value:.4g}</text>')
        return "".join(made)
