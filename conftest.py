"""What doctests may use."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _doctest_names(request: pytest.FixtureRequest) -> None:
    """Give examples a folder of their own, `tmp`."""
    if "doctest_namespace" in request.fixturenames or type(request.node).__name__ == "DoctestItem":
        namespace = request.getfixturevalue("doctest_namespace")
        namespace["tmp"] = Path(request.getfixturevalue("tmp_path"))
