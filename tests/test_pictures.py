"""The pictures in docs/figures are what the plots draw."""

from io import BytesIO

import numpy as np
import pytest
from figures import CALLS, FOLDER, LARGEST, PAGE, page, picture
from PIL import Image

TOLERANCE = 12
"""Root of the mean square of how far colors of small squares are off, of 255.

Another matplotlib writes letters a little wider, so that axes are a dot off: from 3.9 to 3.11 that makes 8.
Figures that differ are off by 35 and more.
"""

_SQUARE = 8


def squares(data: bytes) -> np.ndarray:
    """Return the mean color of each small square of a picture."""
    image = Image.open(BytesIO(data)).convert("RGB")
    return np.asarray(image.reduce(_SQUARE), dtype=float)


@pytest.mark.parametrize("name", CALLS)
def test_a_figure_is_drawn_as_it_is_in_the_docs(name):
    kept = (FOLDER / f"{name}.png").read_bytes()
    assert len(kept) < LARGEST
    shown, drawn = squares(kept), squares(picture(name))
    assert shown.shape == drawn.shape, "python -m tests.figures draws it anew"
    assert np.sqrt(((shown - drawn) ** 2).mean()) < TOLERANCE, "python -m tests.figures draws it anew"


def test_the_page_shows_each_with_its_call():
    assert PAGE.read_text() == page(), "python -m tests.figures writes it anew"
    assert {path.stem for path in FOLDER.iterdir()} == set(CALLS)
