"""Writing the report of a workflow, in the form that the name of the file says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from torc_frames.errors import RefusedError, warn
from torc_frames.files.sheets import write_book
from torc_frames.files.whole import written_whole
from torc_frames.store.base import Store
from torc_frames.workflow.report.book import book
from torc_frames.workflow.report.contents import Contents, Options, gathered
from torc_frames.workflow.report.page import page

__all__ = ["write_report"]

_PAGES, _BOOK = (".html", ".htm"), ".xlsx"


@np.errstate(over="ignore", invalid="ignore")  # results near the largest float are shown as they are
def write_report(store: Store, workflow_key: str, path: str | os.PathLike[str], options: Options) -> Path:
    """Write a report; see `Workflow.report`."""
    suffix = Path(path).suffix.lower()
    if suffix not in (*_PAGES, _BOOK):
        raise RefusedError(f"{os.fspath(path)!r} does not end in .html or .xlsx")
    contents = gathered(store, store.get_workflow(workflow_key), options)
    if suffix == _BOOK:
        sheets = book(contents)
        with written_whole(path) as file:
            write_book(sheets, file)
        return Path(path)
    made = page(contents, *_figures(contents)).encode()
    with written_whole(path) as file:
        file.write(made)
    return Path(path)


def _figures(contents: Contents) -> tuple[list[tuple[str, str]], list[str]]:
    try:
        from torc_frames.workflow.report.figures import figures
    except ImportError as error:
        warn(f"the report has no figures: {error}")
        return [], []
    return figures(contents)
