"""What a monitor reads of a store: the jobs, if something changed, and why those that failed did."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from torc_frames import settings
from torc_frames.errors import NotFoundError, UnreadableRecordError
from torc_frames.settings.regular import open_regular
from torc_frames.store.records import OUTPUT
from torc_frames.widgets.progress.tally import COLUMNS, Failed
from torc_frames.workflow.workflow import Workflow

__all__ = ["JobReader", "tail"]

_TAIL_BYTES = 4096
_TAIL_LINES = 3
_LONGEST_MESSAGE = 400
_CLOCKS_DIFFER_S = 5


class JobReader:
    """Reads the jobs of a workflow again and again, as cheaply as its store allows.

    An embedded store tells by one number whether anything changed; of a server all jobs are read.

    Attributes
    ----------
    requests : int
        How many requests (or queries) were made so far.
    """

    def __init__(self, workflow: Workflow) -> None:
        # One of its own: what is read here is not what `Workflow.refresh` would refresh.
        self._workflow = copy.copy(workflow)
        self._rev: str | None = None
        self.requests = 0

    def read(self) -> pd.DataFrame | None:
        """Return the columns of jobs that `progress` takes; None if nothing changed since the last call."""
        workflow = self._workflow
        if self._rev is not None:
            self.requests += 1
            if workflow._store.get_workflow(workflow.key).rev == self._rev:
                return None
        jobs = workflow.jobs(usecols=[*COLUMNS, "stale"])
        about = jobs.attrs["torc"]
        self._rev = about["rev"]
        self.requests += about["requests"]
        jobs.attrs = {}
        return jobs

    @property
    def is_cheap(self) -> bool:
        """Whether the store tells that nothing changed without all jobs being read."""
        return self._rev is not None

    def message(self, failed: Failed) -> str:
        """Return why a job failed, as far as that can be known here; "" if it can't.

        What it stored as ``error`` is believed first, then the last lines that it wrote to stderr, if the
        file is on this machine and was written by this run.
        """
        if stored := self._stored(failed):
            return stored
        for path in self._files(failed):
            if found := tail(path, since=failed.start_time):
                return found
        return ""

    def _stored(self, failed: Failed) -> str:
        try:
            records = self._workflow.user_data(job=failed.job_key, role=OUTPUT, show_progress=False)
        except (UnreadableRecordError, NotFoundError) as error:
            return str(error)
        self.requests += records.attrs["torc"]["requests"]
        parts = [
            str(records[name].dropna().iloc[-1])
            for name in ("error.type", "error.message")
            if name in records and records[name].notna().any()
        ]
        return _shortened(": ".join(parts))

    def _files(self, failed: Failed) -> Iterator[Path]:
        """Yield where its stderr may be: from `Workflow.run`, and from ``torc run`` in this folder."""
        key, workflow = failed.job_key, self._workflow
        if not (key.isalnum() and workflow.key.isalnum()):
            return
        name = f"job_wf{workflow.key}_j{key}_r{failed.run_id}"
        database = settings.database_path(workflow._store.url)
        if database is not None:
            yield Path(database).absolute().parent / "torc_output" / Path(database).stem / f"{name}.e"
        folder = Path("torc_output", "job_stdio")
        yield from sorted(folder.glob(f"{name}_a*.e"), reverse=True)


def tail(path: Path, since: pd.Timestamp | None = None) -> str:
    r"""Return the last lines of a file, "" if there is none or it was written before a time.

    Examples
    --------
    >>> _ = (tmp / "job.e").write_text("Traceback\n  File ...\nValueError: three\n")
    >>> tail(tmp / "job.e")
    'Traceback\n  File ...\nValueError: three'
    >>> tail(tmp / "none.e")
    ''
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            content = file.read(_TAIL_BYTES)
        written = path.stat().st_mtime
    except OSError:
        return ""
    if since is not None and written < since.timestamp() - _CLOCKS_DIFFER_S:
        return ""
    lines = [line.rstrip() for line in content.decode(errors="replace").splitlines() if line.strip()]
    return _shortened("\n".join(lines[-_TAIL_LINES:]))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"…{text[-_LONGEST_MESSAGE:]}"
