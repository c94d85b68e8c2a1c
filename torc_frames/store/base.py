"""The protocol of a store, and what each method promises."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torc_frames.frame.flatten import Path as KeyPath
from torc_frames.store.parallel import Report
from torc_frames.store.records import (
    AddedJobs,
    DependencyPage,
    JobPage,
    JobRecord,
    Kind,
    LinkPage,
    NewJobs,
    Origin,
    ResultPage,
    Role,
    RunCall,
    RunResult,
    SeriesChunk,
    TorcSettings,
    UserData,
    UserDataPage,
    WorkflowRecord,
)

if TYPE_CHECKING:
    from torc_frames.frame.conditions import Condition

__all__ = [
    "CallStore",
    "FileStore",
    "RunnableStore",
    "SelectiveSnapshot",
    "SettingsStore",
    "Snapshot",
    "Store",
]


class Snapshot(Protocol):
    """What one pull reads: all of it belongs together.

    A store either shows one moment of the workflow for as long as the snapshot is open, or `verify`
    raises when something changed meanwhile. Iterators yield pages of at least one row; they may be
    asked for anew, and then start again.
    """

    workflow: WorkflowRecord
    """The workflow, as of the moment of the snapshot."""

    requests: int
    """How many requests (or queries) the snapshot has made so far; grows with pages, not with jobs."""

    measures: bool
    """Whether it is of torc's own, whose pages have in ``more`` what no other store keeps (`OF_TORC`).

    Those of jobs have the first five of it, those of results attempt_id and the rest. A value may be None.
    """

    @property
    def unreadable(self) -> Mapping[str, str]:
        """By key, the records read so far that the store has but can't give back, and why; they are null."""

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """Yield all jobs, or the one given (NotFoundError if it does not exist), oldest first."""

    def user_data(
        self,
        *,
        job_key: str | None = None,
        role: Role | None = None,
        since: str | None = None,
        labels: bool = True,
        then: Role | None = None,
    ) -> Iterator[UserDataPage]:
        """Yield records, oldest first.

        With `job_key` or `role` only records that have a link that meets both; a record that some job has as
        output is nobody's input here, whoever consumes it. With `since` (the rev of an earlier snapshot's
        workflow) only those added or updated after it; a store whose workflows have no revs refuses it.
        Without `labels` the store may leave out names and revs, as None. `then` says which role is asked for
        next: a store that reads all roles at once may keep those records.
        """

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """Return how many records the store says that `user_data` yields for these arguments."""

    def links(
        self,
        *,
        job_key: str | None = None,
        role: Role | None = None,
        since: str | None = None,
        record_keys: Sequence[str] | None = None,
        labels: bool = True,
    ) -> Iterator[LinkPage]:
        """Yield links ordered by the age of the job, then of the record.

        With the role of inputs none of records that some job has as output. With `since` only those of jobs
        that have a record that `user_data` yields for it; a store whose workflows have no revs refuses it.
        With `record_keys` those of these records, whatever job they are of. Without `labels` the store may
        leave out the names of jobs, as empty strings.
        """

    def results(self, *, latest: bool = False, labels: bool = False) -> Iterator[ResultPage]:
        """Yield how every run of every job ended, oldest run first.

        With `latest` only what is a job's present result, if that is what its run ended with: a store may
        yield earlier ones, too, which have another run_id, or attempt_id, than the job. With `labels` the
        names of jobs are there as ``more["job_name"]``, and in an embedded store the keys of calls as
        ``more["call"]``.
        """

    def stale(self) -> Mapping[str, bool | None] | None:
        """Return which jobs are stale: True for those that are, None for those that can't be told.

        All others are not. None for all of them where the store can tell of none. A job is stale if its
        input records were changed after the run began whose outputs are there, or if there are none, after
        its last run began; outputs of no run are as of when they were stored.
        """

    def dependencies(self) -> Iterator[DependencyPage]:
        """Yield which job waits for which, ordered by the waiting job."""

    def rows(self, kind: Kind) -> list[dict[str, Any]]:
        """Return what else torc lists of the workflow, oldest first, by the names of its API's fields.

        Calls are told as `torc_frames.store.contents.read_calls` takes them.
        Empty in a store that keeps nothing of the kind. A field may be missing where it has no value.
        """

    def ephemeral(self) -> set[str]:
        """Return the keys of records that are ephemeral, of those that `user_data` has yielded at least."""

    def settings(self) -> TorcSettings:
        """Return what torc has of the workflow beside."""

    def series(self, *, job_key: str | None = None) -> Iterator[SeriesChunk]:
        """Yield the chunks of rows that jobs logged, those of one job in the order of their writing.

        A chunk may come twice, and there may be those of earlier runs. RefusedError where a store keeps none.
        """

    def others(self) -> dict[str, int]:
        """Return how many things of the workflow the store has that no method shows, by what they are."""

    def removed(self, since: str) -> list[str]:
        """Return keys of records deleted after `since`, oldest deletion first."""

    def verify(self) -> None:
        """Raise ConflictError if what was read does not belong together."""


@runtime_checkable
class SelectiveSnapshot(Snapshot, Protocol):
    """A snapshot of which some jobs, or records, can be read without the others."""

    def can_find(self, place: Origin) -> bool:
        """Return whether a column can be looked for."""

    def may_have(self, path: KeyPath, role: Role) -> bool:
        """Return whether any record of a role may have a value at a path; False is certain."""

    def jobs_like(self, condition: Condition, places: Mapping[str, Origin], first: int) -> SelectiveSnapshot:
        """Return `only` the jobs that may meet a condition, and the first of all.

        No job is left out whose row in a table meets it, or would be an error; with several records of a role
        it may meet any.
        """

    def records_like(
        self, condition: Condition, places: Mapping[str, Origin], role: Role | None, first: int
    ) -> SelectiveSnapshot:
        """Return only the records that may meet a condition, and the first of a role."""

    def only(self, job_keys: Collection[str], first: int) -> SelectiveSnapshot:
        """Return a snapshot of the same moment that shows some jobs, and the first, with what they have.

        Of a role it shows the records that these jobs have in it, not what others made and they take.
        """

    def sampled(self, count: int, jobs: int) -> SelectiveSnapshot:
        """Return a snapshot of the same moment that shows some of its jobs, with what they have.

        They are about `count` of `jobs`, or fewer, chosen at random, the same each time, and found without
        reading all.
        """


class Store(Protocol):
    """Keeps workflows, their jobs and their user_data.

    Every write is atomic: all of a call, or nothing. A server can't promise that where a call takes
    several requests: a call that failed half way is finished by the same call again, doubling nothing.

    Every method may be called from several threads and by several processes at once. Keys are strings;
    a key of another workflow is as good as none. Raw JSON is UTF-8 without newlines, as
    `torc_frames.frame.encode` makes it. All methods raise NotFoundError for a workflow, job or record that
    does not exist, and UnavailableError for a store that does not answer.

    An empty batch is no write, but its workflow has to exist. Columns that are not of one length are a
    RefusedError, and so is data that is no JSON, by row; or the store keeps it, and reading it is an
    UnreadableRecordError. Whether it is a write to put the data there that is there already, and gives a new
    rev, is the store's to say; the revs that `update_user_data` returns are true either way.
    """

    url: str
    """What `torc_frames.connect` takes to open the same store; holds no secret."""

    base: str | None
    """What paths of pointers are relative to: the folder of its file, or what its user said, if anything."""

    @property
    def needs_role(self) -> bool:
        """Whether it refuses links without a role."""

    @property
    def roles_are_of_records(self) -> bool:
        """Whether a record has one role, for all jobs it is linked to, which is told when it is added.

        Such a record has no name but ``<role>_<name of its first job>``, and is never ephemeral.
        """

    # workflows

    def workflows(self) -> list[WorkflowRecord]:
        """Return all workflows, oldest first."""

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """Return one workflow."""

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        project: str | None = None,
    ) -> WorkflowRecord:
        """Add a workflow; names need not be unique. RefusedError for a project where a store keeps none."""

    def count_jobs(self, workflow_keys: Sequence[str]) -> list[Mapping[str, int]]:
        """Return how many jobs each workflow has of each status; nothing for one that does not exist."""

    def workflow_keys(self, name: str) -> list[str]:
        """Return the keys of the workflows of a name, oldest first."""

    def update_workflow(
        self, workflow_key: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        """Set the name of a workflow, its description, or both; an empty description is none."""

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """Set the given top-level keys of the workflow's metadata, leaving all others as they are.

        A patch that changes nothing is no write.
        """

    def delete_workflow(self, workflow_key: str) -> None:
        """Delete a workflow with its jobs, records, links and results."""

    def snapshot(self, workflow_key: str) -> AbstractContextManager[Snapshot]:
        """Open a consistent view of one workflow for reading."""

    def transaction(self) -> AbstractContextManager[None]:
        """Make what this thread writes inside the ``with`` block one write: all of it or nothing.

        No other writer comes in between from the beginning of the block on; snapshots show what was
        there before. A block inside of another one is part of that: what it wrote stays, or goes, with
        the outer one, also if it failed itself. A store that has no such transactions makes each write by
        itself.
        """

    # jobs

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """Return one job; without `workflow_key`, of any workflow."""

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """Add jobs with their records and links.

        That the records of ``jobs.links`` exist, a store may take on trust. They count as updated, as whose
        they are is part of what `Workflow.user_data` shows.

        Raises
        ------
        NotFoundError
            For keys in ``jobs.depends_on`` that do not exist.
        RefusedError
            For ``jobs.links`` without a role where the store `needs_role`.
        """

    def update_commands(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        commands: Sequence[str],
        *,
        report: Report | None = None,
    ) -> None:
        """Replace the commands of jobs, whatever their status; a torc-server takes only some.

        `report` is told how many more are done, as it goes; those that have the command count. NotFoundError
        with all keys that do not exist; nothing is written then.
        """

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """Delete jobs with their links, results and dependencies, and the records that only they have.

        A record of any role goes along if all jobs that it is linked to are deleted; others stay, as do
        those without a job. A server deletes one job after the other, each before its records: no job is
        ever without them, and what a call leaves that failed half way are records without a job, which the
        same call deletes. What a server can't read, it can't delete either: such records stay.
        `report` is told how many more jobs are deleted, as it goes.

        Raises
        ------
        NotFoundError
            With all keys that do not exist; nothing is deleted then.
        RefusedError
            For jobs that run or are about to (running, pending, and what services of 2023 call submitted),
            and for those that other jobs wait for, or waited for, unless these are deleted by the same call;
            all are named, and nothing is deleted. A server is not asked again before each job.
        """

    # user_data

    def kept(self, data: Sequence[bytes]) -> list[bytes]:
        """Return what the store gives back of raw JSON, up to the order of keys and the form of numbers.

        Raises
        ------
        RefusedError
            With all that it can't keep, by row.
        """

    def get_user_data(self, workflow_key: str, record_key: str) -> UserData:
        """Return one record; UnreadableRecordError if its data is not JSON."""

    def add_user_data(
        self,
        workflow_key: str,
        data: Sequence[bytes],
        *,
        job_keys: Sequence[str | None] | None = None,
        role: Role | None = None,
        names: Sequence[str | None] | None = None,
        is_ephemeral: bool | Sequence[bool] = False,
    ) -> list[str]:
        """Add records, each linked to the job given for it, and return their keys in order.

        `data` is raw JSON, one item a record; `job_keys`, `names` and, if it is not one for all,
        `is_ephemeral` are as long as `data`. RefusedError where the store `needs_role` and none is given.
        """

    def update_user_data(
        self,
        workflow_key: str,
        record_keys: Sequence[str],
        data: Sequence[bytes],
        *,
        revs: Sequence[str | None] | None = None,
        report: Report | None = None,
    ) -> list[str | None]:
        """Replace the data of records, and return their new revs in order.

        `report` is told how many more records are done, as it goes; those that have the data count.

        Raises
        ------
        ConflictError
            If a rev is given and is no longer that of its record; nothing is written then.
        """

    def delete_user_data(self, workflow_key: str, record_keys: Sequence[str]) -> None:
        """Delete records and their links; NotFoundError, and nothing deleted, if one does not exist."""

    # series

    def add_series(self, workflow_key: str, chunks: Sequence[SeriesChunk]) -> None:
        """Add rows that jobs logged; a chunk that is there already is not added again.

        The numbers of a writer's chunks ascend, and a chunk may become one with that before. They are no
        records: no rev changes by them, and nothing but `Snapshot.series` shows them. They go with their
        job, or on a server with its workflow, and may go when a later run of the job adds some. A store that
        keeps none refuses even an empty batch.
        """

    def close(self) -> None:
        """Release what the store holds open; it opens again when it is used."""


@runtime_checkable
class SettingsStore(Store, Protocol):
    """A store that takes all of `TorcSettings`."""

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        project: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> WorkflowRecord:
        """See `Store.add_workflow`; `settings` is what else is said of it."""

    def add_parts(self, workflow_key: str, kind: str, parts: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add things to a new workflow that nobody else writes to, and return their ids in order.

        What there is already by itself, such as what jobs need by default, becomes what is given.
        """


@runtime_checkable
class FileStore(Store, Protocol):
    """A store that is one file."""

    def backup(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Make a whole copy of the file while others use it, and return its path.

        It is there whole or not at all. RefusedError if there is a file already, unless `overwrite` is set.
        """


@runtime_checkable
class CallStore(Store, Protocol):
    """A store that keeps which calls ran jobs."""

    def note_call(
        self, workflow_key: str, runner: str, details: Mapping[str, Any], *, ended: str | None = None
    ) -> None:
        """Note a call that runs jobs, or what else is known of one that was noted.

        What `details` has is set beside what there is. It is JSON, and holds no secret.
        """


@runtime_checkable
class RunnableStore(CallStore, Protocol):
    """A store whose jobs can be run on this machine, without a server."""

    def start_jobs(self, workflow_key: str, job_keys: Sequence[str], runner: str) -> list[JobRecord]:
        """Mark jobs as running and return them, their ``run_id`` one higher.

        Only jobs that are ready are started, each by one runner only, whoever else asks at the same
        time; the others are left out of the answer. `runner` says who runs them. For as long as a job runs
        it keeps its rev: what has a later one was written since it began.
        """

    def finish_job(self, workflow_key: str, result: RunResult) -> None:
        """Record how a run ended and set the job's status to it.

        Jobs that waited for nothing else become ready when the status is completed; otherwise those
        that depend on the job, directly or not, are canceled, and outputs of earlier runs are dropped, as by
        `drop_outputs`: they are not its own. A run that is not the job's current one is refused with
        ConflictError.
        """

    def drop_outputs(self, workflow_key: str, job_key: str, run_id: int | None = None) -> None:
        """Delete the outputs that earlier runs of a running job left.

        That is what was last written during one of them; what was written before or after stays, and so does
        what came with a copy. The record of its results and those that other jobs are linked to are
        emptied (``{}``). Nothing happens if the job does not run; ConflictError if `run_id` is given and is
        not its present run.
        """

    def reset_jobs(self, workflow_key: str, job_keys: Sequence[str]) -> None:
        """Set jobs back to ready, or to blocked where a dependency has not completed.

        Jobs that were canceled because of one of them are reset, too.
        """

    def add_runs(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        statuses: Sequence[str],
        run_ids: Sequence[int],
        results: ResultPage,
        calls: Sequence[RunCall] = (),
    ) -> None:
        """Say what became of new jobs in another store: status and run_id of each, and how runs ended.

        Where ``results.more["call"]`` is there, it says which of `calls` each was of, by place.

        Jobs that have not ended there (uninitialized, blocked, ready, pending, running) are ready here, or
        blocked where a dependency has not completed. `results` holds no two of one job and run.
        """

    def runners(self, workflow_key: str) -> dict[str, str]:
        """Return, for each running job, the runner that `start_jobs` was told."""
