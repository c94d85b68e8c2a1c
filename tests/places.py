"""Where things are in this checkout."""

from pathlib import Path

TESTS = Path(__file__).parent
DATA = TESTS / "data"
REPOSITORY = TESTS.parent
