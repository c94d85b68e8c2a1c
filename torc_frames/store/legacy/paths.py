"""Where a service of 2023 has what: its first form names the collection first, its later one the workflow."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from torc_frames.store.wire.legacy import JOBS, Form

__all__ = ["BLOCKS", "CONSUMES", "REQUIREMENTS", "REQUIRES", "STORES", "Paths"]

REQUIREMENTS = "resource_requirements"

# The names of edges.
BLOCKS = "blocks"
CONSUMES = "consumes"
REQUIRES = "requires"
STORES = "stores"


class Paths(NamedTuple):
    """The paths of a form, below the url of the service.

    Examples
    --------
    >>> Paths(Form.FIRST).one("7", "user_data", "a:b"), Paths(Form.LATER).one("7", "user_data", "a:b")
    ('/user_data/7/a%3Ab', '/workflows/7/user_data/a%3Ab')
    """

    form: Form

    def workflows(self) -> str:
        """Return where all workflows are."""
        return "/workflows"

    def workflow(self, key: str) -> str:
        """Return where one workflow is."""
        return f"/workflows/{_quoted(key)}"

    def all_of(self, workflow_key: str, collection: str) -> str:
        """Return where the documents of a collection are."""
        workflow = _quoted(workflow_key)
        return f"/{collection}/{workflow}" if self._is_first else f"/workflows/{workflow}/{collection}"

    def one(self, workflow_key: str, collection: str, key: str) -> str:
        """Return where one document is."""
        return f"{self.all_of(workflow_key, collection)}/{_quoted(key)}"

    def edges(self, workflow_key: str, name: str) -> str:
        """Return where the edges of a name are."""
        return f"{self.all_of(workflow_key, 'edges')}/{name}"

    def job_keys(self, workflow_key: str) -> str:
        """Return where the keys of all jobs are."""
        return self.all_of(workflow_key, "job_keys")

    def of_job(self, workflow_key: str, job_key: str, what: str) -> str:
        """Return where something of a job is, by the first form's name for it."""
        if self._is_first:
            return f"/{JOBS}/{what}/{_quoted(workflow_key)}/{_quoted(job_key)}"
        return f"{self.one(workflow_key, JOBS, job_key)}/{what}"

    def last_result(self, workflow_key: str, job_key: str) -> str:
        """Return where the last result of a job is."""
        if self._is_first:
            return f"/results/find_by_job/{_quoted(workflow_key)}/{_quoted(job_key)}"
        return f"/workflows/{_quoted(workflow_key)}/results/find_by_job/{_quoted(job_key)}"

    @property
    def _is_first(self) -> bool:
        return self.form is Form.FIRST


def _quoted(key: str) -> str:
    return quote(key, safe="")
