"""The way in: open a store, find or make workflows."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from torc_frames.errors import NotFoundError, RefusedError, counted
from torc_frames.frame import recorded
from torc_frames.frame.column import DtypeBackend
from torc_frames.frame.description import CellTable, Description, Remark
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import OnError, Shape, Usecols, key_index
from torc_frames.frame.shown import Shown
from torc_frames.settings.masked import masked
from torc_frames.store.base import FileStore, Store
from torc_frames.store.keys import as_key
from torc_frames.store.named import by_key, by_key_or_name, by_name
from torc_frames.store.open import open_store
from torc_frames.store.records import Role
from torc_frames.workflow import compare
from torc_frames.workflow.about import check_name, checked_tags
from torc_frames.workflow.compare import Comparison
from torc_frames.workflow.copying import copy as copying
from torc_frames.workflow.copying.original import OnUnkept
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.overview import describe_store
from torc_frames.workflow.pull import many
from torc_frames.workflow.pull.many import Placed
from torc_frames.workflow.pull.named import FromNames
from torc_frames.workflow.pull.runs import JobColumns
from torc_frames.workflow.pull.workflows import workflows_frame
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.several import Workflows, sources_of
from torc_frames.workflow.workflow import Workflow

__all__ = ["Client", "connect"]

_PAUSES_S = (0.05, 0.2, 0.5)
_MOST_LEFT_OUT = 10

WorkflowLike = Workflow | str | int
"""A workflow, its key or its name; a number is a key."""


def connect(
    url: str | os.PathLike[str] | None = None,
    *,
    username: str | None = None,
    password: str | None = None,
    ca_cert: str | None = None,
    insecure: bool | None = None,
    cookie: str | None = None,
    timeout: float | None = None,
    base: str | os.PathLike[str] | None = None,
) -> Client:
    """Open a store.

    Parameters
    ----------
    url : str or path, optional
        The url of a torc-server such as ``http://localhost:8080/torc-service/v1``, that of a service of
        2023 such as ``http://localhost:8529/_db/workflows/torc-service``, the path of an SQLite database,
        or ``sqlite:///study.db``. A file that does not exist is made by what first writes to it
        (`Client.create_workflow`, `Client.workflow` with ``create=True``, a copy); to read it before is a
        NotFoundError, which names files that are near, but the default store is empty then. A database of
        torc-server's own can be read, and so can what ``torc workflows export --include-results`` wrote
        (``workflow.json``). Default: the environment's TORC_API_URL (or TORC_DATABASE_URL), what
        torc's config files say, else ``torc_frames.db`` in the working directory.
    username, password, ca_cert, insecure, cookie, timeout : optional
        For a server: basic authentication, a file of certificates to trust, whether to trust any (never
        do), a raw ``Cookie`` header, and the seconds that one call to it may take, whatever it sends
        meanwhile (without it, 600, of which it may be silent for 60). Default for the others: torc's
        variables (TORC_PASSWORD, …) and config files; ``torc-frames doctor`` tells what is in force.
    base : str or path, optional
        For a server, or what one left: the folder, or the url such as ``s3://bucket/study``, that the paths
        of pointers are relative to, which may be moved. Default: TORC_FRAMES_BASE, which jobs read, too. In
        an embedded store it is the folder of the file.

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
    url, password, cookie = masked(url), masked(password), masked(cookie)
    store = open_store(
        url,
        base=base,
        username=username,
        password=password,
        ca_cert=ca_cert,
        insecure=insecure,
        cookie=cookie,
        timeout=timeout,
    )
    return Client(store)


class Client(Shown, Fixed):
    """A store that is open; see `connect`."""

    _setters: ClassVar = dict.fromkeys(
        ("url", "username", "password", "ca_cert", "insecure", "cookie", "timeout"), "tf.connect(...)"
    )

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fixed = True

    def __repr__(self) -> str:
        return f"Client({self._store.url!r})"

    @property
    def url(self) -> str:
        """What `connect` takes to open the same store."""
        return self._store.url

    def describe(self) -> Description:
        """Return the newest workflows with their jobs by status: it prints, and a notebook shows it.

        Returns
        -------
        Description
            ``str()`` of it is the text.

        Raises
        ------
        UnavailableError
            If the store can't be reached; a notebook shows that instead.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> wf = client.create_workflow("ridge")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]))
        >>> "2 ready" in str(client.describe())
        True
        """
        return describe_store(self._store)

    def workflows(self, *, tags: Iterable[str] = (), counts: bool = True) -> pd.DataFrame:
        """Return one row a workflow, oldest first.

        Parameters
        ----------
        tags : list of str
            Only workflows that have all of these; see `Workflow.update`.
        counts : bool
            Whether to count the jobs, for which a server is asked once more for each workflow.

        Returns
        -------
        DataFrame
            Indexed by workflow_key (str). Columns: name, user, description (str); created (datetime64[us,
            UTC]); project (str); tags (list of str); metadata (dict, without what torc_frames keeps there
            itself); archived (bool); run_id (Int64, how often torc began to run it, missing where nothing
            counts that); jobs (int64, how many there are), and a column for each status of torc's that
            counts those of it (int64).

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> wf = client.create_workflow("ridge", project="solar", metadata={"team": "grid"})
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]))
        >>> client.workflows()[["name", "project", "archived", "jobs", "ready"]]
                       name project  archived  jobs  ready
        workflow_key
        1             ridge   solar     False     2      2
        """
        return workflows_frame(self._store, counts, checked_tags(tags))

    def workflow(
        self,
        key: str | int | None = None,
        *,
        name: str | None = None,
        create: bool = False,
        description: str | None = None,
        tags: Iterable[str] = (),
    ) -> Workflow:
        """Return a workflow by its key, or by its name.

        Parameters
        ----------
        key : str or int, optional
            Its key; or give `name`.
        name : str, optional
            Its name.
        create : bool
            Whether to make the workflow of that name if there is none. Two programs that do that at once get
            the same one.
        description, tags : optional
            As for `create_workflow`, where one is made; one that exists keeps its own.

        Raises
        ------
        NotFoundError
            If there is none; for a name it tells those that are near.
        RefusedError
            If several workflows have the name, with their keys.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> client.workflow(name="ridge", create=True)
        Workflow(key='1', name='ridge')
        >>> client.workflow(name="ridge", create=True)
        Workflow(key='1', name='ridge')
        """
        told = {"description": description, "tags": checked_tags(tags)}
        if not create and any(told.values()):
            raise RefusedError("description= and tags= go with create=True; wf.update(...) changes them")
        if name is None:
            if key is None or create:
                raise RefusedError("a workflow is named by key, or by name=, with which create=True goes")
            return Workflow(self._store, by_key(self._store, as_key(key, "workflow")))
        if key is not None:
            raise RefusedError(f"a workflow is named by key ({key!r}), or by name= ({name!r}), not by both")
        if not create:
            return Workflow(self._store, by_name(self._store, name))
        return self._open_or_make(name, told)

    def _open_or_make(self, name: str, told: Mapping[str, Any]) -> Workflow:
        for pause in (*_PAUSES_S, None):
            try:
                return Workflow(self._store, by_name(self._store, name))
            except NotFoundError:
                break
            except RefusedError:  # who makes it at this moment, too, gives up all but one
                if pause is None:
                    raise
                time.sleep(pause)
        return self._only_one(name, told)

    def _only_one(self, name: str, told: Mapping[str, Any]) -> Workflow:
        """Make a workflow of a name, unless somebody else has made it meanwhile."""
        with self._store.transaction():
            mine = self.create_workflow(name, **told)
            first = self._store.workflow_keys(name)[0]
            if first != mine.key:
                self._store.delete_workflow(mine.key)
        return self.workflow(first)

    def create_workflow(
        self,
        name: str,
        *,
        description: str | None = None,
        user: str | None = None,
        project: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Workflow:
        """Make an empty workflow.

        Parameters
        ----------
        name : str
            Need not be unique.
        description : str, optional
            What it is for.
        user : str, optional
            Default: who is logged in.
        project : str, optional
            By which torc groups workflows. A service of 2023 keeps none, and refuses it.
        tags : list of str
            By which `workflows` finds it; `Workflow.update` changes them.
        metadata : dict, optional
            Whatever JSON can hold.

        Raises
        ------
        RefusedError
            For a name that is none, and for what JSON, or the store, can't keep; nothing is made then.
        """
        check_name(name)
        if project is not None and (not isinstance(project, str) or not project):
            raise RefusedError(f"a project is a text, not {project!r}")
        if metadata is not None and not isinstance(metadata, Mapping):
            raise RefusedError(f"metadata is a dict, not {metadata!r}")
        if ours := [key for key in recorded.OURS if key in (metadata or ())]:
            raise RefusedError(f"metadata is a dict without the key {ours[0]!r}, not {metadata!r}")
        kept = checked_tags(tags)
        told = {**(metadata or {}), **({recorded.TAGS: kept} if kept else {})}
        record = self._store.add_workflow(
            name, user=user or _login(), description=description, metadata=told or None, project=project
        )
        return Workflow(self._store, record)

    def delete_workflow(self, workflow: WorkflowLike) -> None:
        """Delete a workflow with its jobs, records and results.

        Parameters
        ----------
        workflow : Workflow, str or int
            The workflow, its key, or its name.

        Raises
        ------
        NotFoundError
            If there is none.
        RefusedError
            If several have the name, or a text is the key of one and the name of another one; nothing is
            deleted then.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> wf = client.create_workflow("ridge")
        >>> client.delete_workflow("ridge")
        >>> len(client.workflows())
        0
        """
        self._store.delete_workflow(self.workflow_key(workflow))

    def workflow_key(self, workflow: WorkflowLike) -> str:
        """Return the key of a workflow that may be given by its name; see `delete_workflow`."""
        if isinstance(workflow, Workflow):
            return workflow.key
        if not isinstance(workflow, str):  # a number is no name
            return as_key(workflow, "workflow")
        return by_key_or_name(self._store, workflow).key

    def copy(
        self,
        workflow: WorkflowLike,
        *,
        to: Client | None = None,
        name: str | None = None,
        on_unkept: OnUnkept = "error",
        show_progress: bool = True,
    ) -> CopyReport:
        """Copy a workflow with its jobs and records, to another store or within this one.

        Jobs, their resources and dependencies, records with their data and links, and the recorded dtypes
        and column order are in the copy, in the same order, under new keys. How jobs ended goes along to
        an embedded store; torc-server takes neither statuses nor return codes nor times, and its copies
        start as new. Keys inside of data stay as they are. From torc to a torc-server all that else is set
        goes along: priorities, labels, environments, files, failure handlers, schedulers, actions and
        whatever attributes the server tells. A file keeps none of that. What is not in the copy is told in
        ``left_out``, by name and count. All is checked before anything is written, and what is half written
        when something fails is deleted.

        Parameters
        ----------
        workflow : Workflow, str or int
            A workflow of this client, its key, or its name.
        to : Client, optional
            Where to. Default: the same store.
        name : str, optional
            The name of the copy. Default: the same.
        on_unkept : {"error", "skip"}
            What to do with what the other store can't keep, such as a record that is a bare number and
            torc-server: refuse to copy, or leave it out.
        show_progress : bool
            Show a progress bar when it takes more than a second.

        Returns
        -------
        CopyReport
            The new workflow, all new keys by the old ones, and what was left out.

        Raises
        ------
        RefusedError
            With all that the other store can't keep, by key; nothing is written then.
        NotFoundError
            If the workflow does not exist; for a name it tells those that are near.

        Warns
        -----
        InexactFloatWarning
            If the other store gives back floats with another last digit.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> wf = client.create_workflow("ridge")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]), outputs=True)
        >>> report = client.copy(wf, to=tf.connect(tmp / "archive.db"), name="ridge 2026")
        >>> report
        CopyReport(workflow=Workflow(key='1', name='ridge 2026'), 2 jobs, 4 records, nothing left out)
        >>> report.jobs
                new_job_key
        job_key
        1                 1
        2                 2
        """
        other = to or self
        copied = copying.copy(
            self._store,
            self.workflow_key(workflow),
            other._store,
            name=name,
            on_unkept=on_unkept,
            show=show_progress,
        )
        return CopyReport(
            Workflow(other._store, copied.workflow),
            _key_map(copied.job_keys, "job_key"),
            _key_map(copied.record_keys, "record_key"),
            copied.left_out,
        )

    def table(
        self,
        workflows: Workflows = None,
        *,
        job_columns: JobColumns = False,
        usecols: Usecols = None,
        on_clash: OnClash = "names",
        pattern: str | None = None,
        command_pattern: str | None = None,
        dtype_backend: DtypeBackend = None,
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> pd.DataFrame:
        """Return one row for every job of several workflows, of one or several stores.

        Each workflow is read whole, several of them at once. Dtypes are decided over all records as over
        those of one workflow: integers here and floats there are floats if all are exact, else objects.
        Recorded dtypes that agree are kept, and categories united.

        Parameters
        ----------
        workflows : optional
            Workflows of any client, or keys and names of this one's: one of them or a list; a frame that
            `workflows` gave, or its index; a function that takes that frame, and returns rows of it, or
            which they are. Default: all workflows of the store.
        job_columns, usecols, on_clash, pattern, command_pattern, dtype_backend, on_error, show_progress
            As for `Workflow.table`.

        Returns
        -------
        DataFrame
            Indexed by workflow_key and job_key (str), of several stores by store (str, the url) before
            these. Columns: workflow_name (str), tags (lists of str), then those of `Workflow.table`.
            ``attrs["torc"]["workflows"]`` lists where they are from: url, workflow_key, rev. To edit
            parameters, take those of one workflow: no push takes this frame.

        Raises
        ------
        NotFoundError
            If a workflow does not exist.
        RefusedError, ConflictError, UnreadableRecordError
            As for `Workflow.table`; and for a name that several workflows have.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> for name, alphas in {"ridge": [0.1, 1], "lasso": [0.5]}.items():
        ...     _ = client.create_workflow(name).push(tf.grid(alpha=alphas))
        >>> client.table(usecols=["workflow_name", "status", "params.alpha"])
                             workflow_name status  params.alpha
        workflow_key job_key
        1            1               ridge  ready           0.1
                     2               ridge  ready           1.0
        2            3               lasso  ready           0.5
        >>> archive = tf.connect(tmp / "archive.db").create_workflow("old")
        >>> client.table([archive, "lasso"]).index.names
        FrozenList(['store', 'workflow_key', 'job_key'])
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend, on_error=on_error)
        named = FromNames(pattern, command_pattern)
        sources = sources_of(self._store, workflows)
        return many.table(sources, on_clash, shape, show_progress, named, job_columns)

    def user_data(
        self,
        workflows: Workflows = None,
        *,
        role: Role | None = None,
        usecols: Usecols = None,
        dtype_backend: DtypeBackend = None,
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> pd.DataFrame:
        """Return one row for every record of several workflows, of one or several stores.

        Parameters
        ----------
        workflows
            As for `table`, which also says how dtypes are decided.
        role, usecols, dtype_backend, on_error, show_progress
            As for `Workflow.user_data`.

        Returns
        -------
        DataFrame
            Columns: of several stores store (str, the url); workflow_key, workflow_name (str), tags (lists of
            str), then those of `Workflow.user_data`. A key in the data with one of these names is below
            ``data``.

        Raises
        ------
        NotFoundError, RefusedError, UnreadableRecordError
            As for `table`.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> for name, loss in {"ridge": 0.5, "lasso": 1}.items():
        ...     _ = client.create_workflow(name).add_user_data(None, {"loss": loss}, role=None)
        >>> client.user_data(["lasso", "ridge"], usecols=["workflow_name", "record_key", "loss"])
          workflow_name record_key  loss
        0         lasso          2   1.0
        1         ridge          1   0.5
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend, on_error=on_error)
        return many.user_data(sources_of(self._store, workflows), role, shape, show_progress)

    def compare(
        self,
        a: Workflow | str | int,
        b: Workflow | str | int,
        *,
        on: str | Sequence[str] | None = None,
        on_clash: OnClash = "names",
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> Comparison:
        """Put two workflows side by side, pair by pair of their jobs.

        Jobs are a pair if they have the same parameters, of those that both workflows have; or the same in
        the columns of `on`. Jobs whose parameters are all the same are paired in their order; of those that
        are left over, and that the other workflow has not, ``only_a`` and ``only_b`` tell.

        Parameters
        ----------
        a, b : Workflow, str or int
            Workflows of any client, or keys or names of this one's.
        on : str or list of str, optional
            Names of parameters, as in `Workflow.parameters`; or "job_name".
        on_clash, on_error, show_progress
            As for `Workflow.table`.

        Returns
        -------
        Comparison
            Its frames: ``parameters`` that differ, ``results`` with their difference (`b` less `a`),
            ``jobs``, ``only_a``, ``only_b``.

        Raises
        ------
        NotFoundError
            If a workflow does not exist.
        RefusedError
            For a column that there is not, if there is no parameter in common, and for several jobs that
            would be a pair with the same one, though other parameters of theirs differ.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> for name, losses in {"ridge": [0.5, 0.25], "lasso": [0.25, 0.5]}.items():
        ...     wf = client.create_workflow(name)
        ...     for key, loss in zip(wf.push(tf.grid(alpha=[1, 2], kind=[name])).index, losses):
        ...         _ = wf.job(key).store(loss=loss)
        >>> compared = client.compare("ridge", "lasso", on="alpha")
        >>> compared
        Comparison of 'ridge' and 'lasso': 2 pairs by 'alpha'; they differ in 'kind'
        >>> compared.results
                  loss
        workflow ridge lasso difference
        alpha
        1         0.50  0.25      -0.25
        2         0.25  0.50       0.25
        """
        both = sources_of(self._store, [a, b])
        table = many.table(
            both, on_clash, Shape(on_error=on_error), show_progress, FromNames(None, None), False
        )
        one, other = (many.of_source(table, source) for source in both)
        return compare.compare(one, other, _labels(both), on)

    def backup(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Make a whole copy of the database file.

        Others may write meanwhile: the copy is of one moment, and has all that was written until then. A
        file that is copied by hand while it is open lacks what is still in its log (``study.db-wal``). The
        copy is there whole or not at all, with the permissions of the original, and is a store like any
        other.

        Parameters
        ----------
        path : str or path
            The copy.
        overwrite : bool
            Whether to replace a file that exists.

        Returns
        -------
        Path
            The copy, as an absolute path.

        Raises
        ------
        RefusedError
            If the file exists and is not to be replaced, or if this client is one of a server: copy its
            workflows, see `copy`.
        UnavailableError
            If the store can not be read, or the copy not be written.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> _ = client.create_workflow("ridge").push(tf.grid(alpha=[0.1, 1.0]))
        >>> copy = client.backup(tmp / "copy.db")
        >>> len(tf.connect(copy).workflow(1).parameters())
        2
        """
        if not isinstance(self._store, FileStore):
            raise RefusedError(
                f"{self._store.url} is a server, whose database is backed up where it runs; its workflows "
                'can be copied into a file: client.copy(workflow, to=tf.connect("archive.db"))'
            )
        return self._store.backup(path, overwrite=overwrite)

    def job(self, key: str | int) -> Job:
        """Return a job of any workflow by its key."""
        return Job(self._store, self._store.get_job(as_key(key, "job")))

    def __enter__(self) -> Self:
        """Use the client for a ``with`` block, at whose end it is closed."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Release what is held open; the client opens again when it is used."""
        self._store.close()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CopyReport(Shown):
    """What `Client.copy` did.

    Attributes
    ----------
    workflow : Workflow
        The copy.
    jobs : DataFrame
        Indexed by job_key (str), the key of the job that was copied; column new_job_key (str).
    user_data : DataFrame
        Indexed by record_key (str); column new_record_key (str).
    left_out : list of str
        What is not in the copy, and why; empty if it holds everything.
    """

    workflow: Workflow
    jobs: pd.DataFrame
    user_data: pd.DataFrame
    left_out: list[str]

    def __repr__(self) -> str:
        listed = [*self.left_out[:_MOST_LEFT_OUT]]
        if len(self.left_out) > len(listed):
            listed.append(f"{len(self.left_out) - len(listed):,} more, see .left_out")
        left_out = "".join(f"\n  left out: {text}" for text in listed)
        counts = f"{counted(len(self.jobs), 'job')}, {counted(len(self.user_data), 'record')}"
        return f"CopyReport(workflow={self.workflow!r}, {counts}{left_out or ', nothing left out'})"

    def describe(self) -> Description:
        """Return what was copied, and what was not: what a notebook shows."""
        rows = [(text,) for text in self.left_out[:_MOST_LEFT_OUT]]
        rest = len(self.left_out) - len(rows)
        more = f"and {rest:,} more: report.left_out" if rest else ""
        counts = f"{counted(len(self.jobs), 'job')}, {counted(len(self.user_data), 'record')}"
        return Description(
            f"Copy: workflow {self.workflow.name!r}, key {self.workflow.key}, {counts}",
            CellTable(("left out",), rows, more=more) if rows else Remark("nothing was left out"),
        )


def _key_map(keys: Mapping[str, str], name: str) -> pd.DataFrame:
    new = key_index(list(keys.values())).array
    return pd.DataFrame({f"new_{name}": new}, index=key_index(list(keys), name))


def _labels(both: Sequence[Placed]) -> tuple[str, str]:
    """Return what two workflows are called, not both the same if they are not."""
    records = [source.record for source in both]
    first, second = (record.name for record in records)
    if first == second or "difference" in (first, second):
        first, second = (f"{record.name} ({record.key})" for record in records)
    if first == second:
        first, second = (
            f"{record.name} ({record.key} of {one.store.url})"
            for one, record in zip(both, records, strict=True)
        )
    return (first, second) if first != second else (first, f"{second} again")


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None  # a container whose user has no name
