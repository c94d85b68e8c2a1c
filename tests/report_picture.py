"""``python -m tests.report_picture``: draw docs/report.png, the upper part of a report in a browser."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from jupyter import chromium
from studied import study, sweep

from torc_frames.store.open import open_store

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
SIZE = {"width": 1180, "height": 1560}


def main() -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        store = open_store(f"{folder}/study.db")
        about = "Which learning rate, which depth? A random search for the smallest loss."
        wf = study(store, *sweep(10_000), name="Learning rate and depth", description=about, user="ada")
        file = wf.report(f"{folder}/study.html", objective="loss", mode="min")
        page = browser().new_page(viewport=SIZE, color_scheme="light")
        page.goto(file.as_uri())
        page.locator("#jobs tbody tr").first.wait_for()
        shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
        shot.quantize(256, dither=Image.Dither.NONE).save(PICTURE, "png", optimize=True)
        store.close()


if __name__ == "__main__":
    main()
