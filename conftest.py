"""What doctests may use, and where editors keep drafts while tests run."""

import os
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _doctest_names(request: pytest.FixtureRequest) -> None:
    """Give examples a folder of their own, `tmp`."""
    if "doctest_namespace" in request.fixturenames or type(request.node).__name__ == "DoctestItem":
        namespace = request.getfixturevalue("doctest_namespace")
        namespace["tmp"] = Path(request.getfixturevalue("tmp_path"))


def pytest_configure() -> None:
    """Keep the drafts of tests, and of the kernels that they start, out of the user's own."""
    os.environ["TORC_FRAMES_DRAFTS"] = tempfile.mkdtemp(prefix="torc_frames-drafts-")
