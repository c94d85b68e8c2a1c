"""The way in: open a store, find or make workflows."""

from __future__ import annotations

import getpass
import os

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.shape import key_index
from torc_frames.job import Job
from torc_frames.store.base import Store
from torc_frames.store.open import open_store
from torc_frames.workflow import Workflow

__all__ = ["Client", "connect"]


def connect(
    url: str | os.PathLike[str] | None = None,
    *,
    username: str | None = None,
    password: str | None = None,
    ca_cert: str | None = None,
    insecure: bool | None = None,
    cookie: str | None = None,
    timeout: float | None = None,
) -> Client:
    """Open a store.

    Parameters
    ----------
    url : str or path, optional
        The url of a torc-server such as ``http://localhost:8080/torc-service/v1``, the path of an SQLite
        database, or ``sqlite:///study.db``. A file that does not exist is made; a database of
        torc-server's own can be read. Default: the environment's TORC_API_URL (or TORC_DATABASE_URL), what
        torc's config files say, else ``torc_frames.db`` in the working directory.
    username, password, ca_cert, insecure, cookie, timeout : optional
        For a server: basic authentication, a file of certificates to trust, whether to trust any (never
        do), a raw ``Cookie`` header, and the seconds that the server may be silent. Default: torc's
        variables (TORC_PASSWORD, …) and config files; ``torc-frames doctor`` tells what is in force.

    Returns
    -------
    Client

    Raises
    ------
    StoreFileError
        If the file is something else, or its folder does not exist; nothing is touched.
    VersionError
        If a newer torc_frames made the file, or the server is of another major version.
    UnavailableError, UnauthorizedError
        If the server does not answer, or wants other credentials.

    Examples
    --------
    >>> import torc_frames as tf
    >>> client = tf.connect(tmp / "study.db")
    >>> wf = client.create_workflow("ridge")
    >>> client.workflows()[["name"]]
                   name
    workflow_key
    1             ridge
    """
    store = open_store(
        url,
        username=username,
        password=password,
        ca_cert=ca_cert,
        insecure=insecure,
        cookie=cookie,
        timeout=timeout,
    )
    return Client(store)


class Client:
    """A store that is open; see `connect`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"Client({self._store.url!r})"

    @property
    def url(self) -> str:
        """What `connect` takes to open the same store."""
        return self._store.url

    def workflows(self) -> pd.DataFrame:
        """Return one row a workflow, oldest first.

        Returns
        -------
        DataFrame
            Indexed by workflow_key (str); columns name, user, description (str), created
            (datetime64[us, UTC]).
        """
        found = self._store.workflows()
        columns = {part: [getattr(workflow, part) for workflow in found] for part in _PARTS}
        frame = pd.DataFrame(
            {part: key_index(values).array for part, values in columns.items()},
            index=key_index([workflow.key for workflow in found], "workflow_key"),
        )
        created = pd.to_datetime(frame["created"], format="ISO8601", utc=True)
        return frame.assign(created=created.astype("datetime64[us, UTC]"))

    def workflow(self, key: str | int) -> Workflow:
        """Return the workflow with this key; NotFoundError if there is none."""
        return Workflow(self._store, self._store.get_workflow(str(key)))

    def create_workflow(
        self, name: str, *, description: str | None = None, user: str | None = None
    ) -> Workflow:
        """Make an empty workflow; `user` is who is logged in unless given."""
        if not isinstance(name, str) or not name:
            raise RefusedError(f"a workflow needs a name, not {name!r}")
        record = self._store.add_workflow(name, user=user or _login(), description=description)
        return Workflow(self._store, record)

    def delete_workflow(self, key: str | int) -> None:
        """Delete a workflow with its jobs, records and results."""
        self._store.delete_workflow(str(key))

    def job(self, key: str | int) -> Job:
        """Return a job of any workflow by its key."""
        return Job(self._store, self._store.get_job(str(key)))

    def close(self) -> None:
        """Release what is held open; the client opens again when it is used."""
        self._store.close()


_PARTS = ("name", "user", "description", "created")


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None  # a container whose user has no name
