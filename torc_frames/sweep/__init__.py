"""Tables of parameters to push: every combination, side by side, or drawn at random."""

from __future__ import annotations

from torc_frames.sweep.distributions import choice, integers, loguniform, uniform
from torc_frames.sweep.grids import grid, product, zip_
from torc_frames.sweep.recipes import from_recipe
from torc_frames.sweep.sampling import sample

__all__ = ["choice", "from_recipe", "grid", "integers", "loguniform", "product", "sample", "uniform", "zip_"]
