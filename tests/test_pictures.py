"""The pictures in docs/figures are what the plots draw."""

from io import BytesIO

import numpy as np
import pytest
from figures import CALLS, FOLDER, LARGEST, PAGE, page, picture
from PIL import Image

TOLERANCE = 10
"""Root of the mean square of how far colors are off, of 255: letters of another matplotlib make about 3."""


@pytest.mark.parametrize("name", CALLS)
def test_a_figure_is_drawn_as_it_is_in_the_docs(name):
    kept = (FOLDER / f"{name}.png").read_bytes()
    assert len(kept) < LARGEST
    shown, drawn = (
        np.asarray(Image.open(BytesIO(data)).convert("RGB"), dtype=float) for data in (kept, picture(name))
    )
    assert shown.shape == drawn.shape, "python -m tests.figures draws it anew"
    assert np.sqrt(((shown - drawn) ** 2).mean()) < TOLERANCE, "python -m tests.figures draws it anew"


def test_the_page_shows_each_with_its_call():
    assert PAGE.read_text() == page(), "python -m tests.figures writes it anew"
    assert {path.stem for path in FOLDER.iterdir()} == set(CALLS)
