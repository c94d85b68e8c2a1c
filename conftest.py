"""What doctests may use, where editors keep drafts while tests run, and how tests share the cores."""

import gc
import operator
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

SLOW = (
    *("browser", "test_jupyter", "test_trust", "test_torc_", "test_legacy", "test_mapping", ".ipynb"),
    *("test_readme", "test_a_week", "test_started", "test_series", "test_run_by_torc"),
)
"""What is in the names of the files that take longest."""


@pytest.fixture(autouse=True)
def _doctest_names(request: pytest.FixtureRequest) -> None:
    """Give examples a folder of their own, `tmp`."""
    if "doctest_namespace" in request.fixturenames or type(request.node).__name__ == "DoctestItem":
        namespace = request.getfixturevalue("doctest_namespace")
        namespace["tmp"] = Path(request.getfixturevalue("tmp_path"))


def pytest_configure() -> None:
    """Keep the drafts of tests, and of the kernels that they start, out of the user's own."""
    os.environ["TORC_FRAMES_DRAFTS"] = tempfile.mkdtemp(prefix="torc_frames-drafts-")
    # Or each of the hundreds of processes that tests start compiles the package for itself.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is there until the end: modules and thousands of tests."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return how many processes run the tests: one a core, and none beside this one for a single file.

    One process runs all tests of a file, as they share servers, browsers and a notebook's kernel.
    """
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    files = {name.partition("::")[0] for name in config.args}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(cores, len(files)) if all(map(os.path.isfile, files)) else cores
    return workers if workers > 1 else 0


def _twice(file: pytest.Collector | None, items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the tests of a file; and a notebook's cells once more, in the same kernel."""
    cells = []
    for item in items:
        yield item
        if isinstance(item, IPyNbCell):
            cells.append(item)
    for cell in cells:
        given = {"cell_num": cell.cell_num, "cell": cell.cell, "options": cell.options}
        yield IPyNbCell.from_parent(file, name=f"{cell.name} again", **given)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run each notebook twice; let several processes begin with the slow files, to end at about one time."""
    files = groupby(items, operator.attrgetter("parent"))
    items[:] = [item for file, some in files for item in _twice(file, some)]
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(part in item.path.name for part in SLOW))
