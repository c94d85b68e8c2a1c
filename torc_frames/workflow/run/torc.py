"""`torc run` and `torc submit` of this machine, for the jobs of a torc-server."""

from __future__ import annotations

import logging
import os
import re
import shlex
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from torc_frames.errors import (
    Problem,
    RefusedError,
    TorcFramesError,
    UnavailableError,
    counted,
    shorten,
    warn,
)
from torc_frames.store.http.replies import clean
from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    PENDING,
    READY,
    RUNNING,
    TERMINATED,
    UNINITIALIZED,
    UNSUCCESSFUL,
    JobPage,
    JobRecord,
)
from torc_frames.store.v1.runs import active_nodes, give_back, statuses_of
from torc_frames.workflow.progress import Bar, progress, watched
from torc_frames.workflow.run.calls import NotedCall, call_details, noted
from torc_frames.workflow.run.logs import (
    TORC_OUTPUT,
    files_of_run,
    job_stem,
    make_folder,
    output_files,
    reason_of,
    said_by_runner,
)
from torc_frames.workflow.run.options import RunOptions, Slurm
from torc_frames.workflow.run.outputs import jobs_with_output
from torc_frames.workflow.run.processes import runner_id
from torc_frames.workflow.run.schedule import machine_for
from torc_frames.workflow.run.signals import check_signals, ended_by_signals
from torc_frames.workflow.run.summary import Failure, RunSummary, to_json
from torc_frames.workflow.run.torc_program import TICK_S, TorcProcess, TorcProgram

if TYPE_CHECKING:
    from torc_frames.store.v1.store import V1Store

__all__ = ["check", "run"]

log = logging.getLogger(__name__)

_NODE = re.compile(r"^\[[^\]]+\] Job started (?:\w+=[0-9]+ )*?compute_node_id=([0-9]+)", re.MULTILINE)
_OPTION = re.compile("[a-z][a-z_-]*[a-z]")
_ENDED = (COMPLETED, FAILED, CANCELED, TERMINATED)
_FEW = 500
_POLL = ("--poll-interval", "1")


def run(
    store: V1Store, workflow_key: str, asked: RunOptions, noted_call: NotedCall | None = None
) -> RunSummary:
    """Have torc run the jobs of a workflow, here or on Slurm; see `Workflow.run`."""
    call = noted_call or NotedCall(runner_id())
    torc_run = TorcRun(store, workflow_key, asked, call.runner)
    if asked.slurm is not None and asked.slurm is not False:
        if asked.workers is not None:
            raise RefusedError("workers= is for a run on this machine, and slurm= is not")
        if asked.retries:
            raise RefusedError(
                "retries= is for a run on this machine: torc's failure handlers retry in Slurm"
            )
        arguments = _submission(workflow_key, asked.slurm, torc_run.output_dir)
        before = torc_run.prepared()
        log.info("%s", clean(torc_run.torc.call(*arguments)))
        return torc_run.summary(before)
    with ended_by_signals():
        before = torc_run.prepared()
        waiting = torc_run.waiting(before)
        if waiting:
            torc_run.check(waiting)
        details = call_details(asked, torc_run.output_dir)
        with noted(store, workflow_key, call, details) if noted_call is None and waiting else nullcontext():
            if waiting:
                with progress(len(waiting), "jobs", asked.show_progress, unit="job") as bar:
                    torc_run.work(before, bar if watched(asked.show_progress) else None)
            summary = torc_run.summary(before)
            call.outcome["summary"] = to_json(summary)
    return summary


def check(store: V1Store, workflow_key: str, asked: RunOptions) -> None:
    """Raise RefusedError for a run that torc will not do; nothing is changed."""
    TorcRun(store, workflow_key, asked, "").jobs_to_reset()


class TorcRun:
    """One run of the jobs of a workflow by torc.

    Raises
    ------
    RefusedError
        If torc is not on this machine, or can't be told what is asked for.
    """

    def __init__(self, store: V1Store, workflow_key: str, asked: RunOptions, runner: str) -> None:
        if asked.timeout is not None:
            raise RefusedError(
                "torc holds each job to its own runtime, and takes no timeout=: push the jobs with "
                "resources={'runtime': 'PT1H'}"
            )
        self.torc = TorcProgram(store)
        self.output_dir = Path(os.path.abspath(asked.output_dir or TORC_OUTPUT))
        self.for_others: dict[str, str] = {}
        """By job: why a runner of one machine, without labels, leaves it alone; see `prepared`."""
        self._store = store
        self._key = workflow_key
        self._asked = asked
        self._runner = runner
        self._nodes: list[str] = []

    def jobs_to_reset(self) -> tuple[dict[str, JobRecord], list[str]]:
        """Return all jobs, and which of them are to be made ready.

        RefusedError if torc would run others than those that were chosen: it takes all that are ready.
        """
        before = self._jobs()
        again = self._to_reset({key: job.status for key, job in before.items()}, self._asked.rerun)
        if (chosen := self._asked.jobs) is None:
            return before, again
        others = [key for key, job in before.items() if job.status not in _ENDED and key not in chosen]
        if others or self._asked.rerun == "changed":
            raise RefusedError(
                f"torc runs all jobs that are ready, and can't leave out {shorten(others) or 'some'}: jobs= "
                "and where= can only choose which of those that ended run again (rerun='failed', 'missing' "
                "or 'all') while no other job waits"
            )
        return before, [key for key in again if key in chosen]

    def prepared(self) -> dict[str, JobRecord]:
        """Make the jobs ready that are to run again, or are new, and return all."""
        before, again = self.jobs_to_reset()
        statuses = {key: job.status for key, job in before.items()}
        return self._made_ready(again, statuses) or before

    def waiting(self, jobs: Mapping[str, JobRecord]) -> list[JobRecord]:
        """Return the jobs that have not ended."""
        return [job for job in jobs.values() if job.status not in _ENDED]

    def check(self, waiting: Sequence[JobRecord]) -> None:
        """Raise RefusedError if torc will run none of the jobs, and warn of those that it will not run."""
        self._check_not_canceled()
        _tell_of_impossible(waiting, self._asked.slots, self.for_others)

    def work(self, before: Mapping[str, JobRecord], bar: Bar | None) -> None:
        """Run the jobs, and those that failed again as often as is asked; `before` is of `prepared`."""
        self._work(bar)
        for _ in range(self._asked.retries):
            now = {key: job.status for key, job in self._jobs().items()}
            new = _not_ended(before, now)
            if not {FAILED, TERMINATED}.intersection(new.values()):
                return
            # Those that were canceled waited for one that failed.
            again = [key for key, status in new.items() if status in (FAILED, TERMINATED, CANCELED)]
            self._made_ready(again, now)
            self._work(bar)

    def _made_ready(self, again: Sequence[str], statuses: Mapping[str, str]) -> dict[str, JobRecord] | None:
        """Make jobs ready, and return all as they are then; None if there was nothing to do."""
        for start in range(0, len(again), _FEW):
            chosen = again[start : start + _FEW]
            self.torc.call("jobs", "reset-status", *chosen, "--no-prompts")
        are_new = UNINITIALIZED in statuses.values() and len({*statuses.values()}) > 1
        if not (again or are_new or self._asked.rerun == "changed"):
            return None
        # A workflow that was never initialized is by `torc run`.
        told = self.torc.call("-f", "json", "workflows", "reinit", self._key, "--async")
        task = msgspec.json.decode(told)["task_id"]
        self.torc.call("tasks", "wait", "--poll-fallback-interval", "1", str(task))
        return self._jobs()

    def _check_not_canceled(self) -> None:
        """RefusedError for a workflow that was canceled, of which torc runs nothing and says so nowhere."""
        if self._store.service.fetch_workflow(self._key).is_canceled:
            raise RefusedError(
                f"workflow {self._key} was canceled, and torc runs none of its jobs; "
                f"`torc workflows reinit {self._key}` takes that back"
            )

    def _work(self, bar: Bar | None) -> None:
        """Run `torc run` to its end; what interrupts this ends it with its jobs, which are ready then."""
        service = self._store.service
        before = active_nodes(service, self._key)
        make_folder(self.output_dir)
        workers = self._asked.workers
        limit = () if workers is None else ("--num-cpus", str(workers))
        arguments = ("run", self._key, "--output-dir", str(self.output_dir), *_POLL, *limit)
        said = ""
        try:
            with self.torc.started("--log-level", "info", *arguments) as running:
                try:
                    shown = _EndedJobs(bar, lambda: statuses_of(service, self._key))
                    noted_node = False
                    while not running.ended(TICK_S):
                        check_signals()
                        noted_node = noted_node or self._note_node(running)
                        shown.update()
                    noted_node = noted_node or self._note_node(running)
                    shown.update()
                except BaseException:
                    said = running.said()
                    raise
        except BaseException:
            try:
                self._give_back(before, _NODE.search(said))
            except TorcFramesError as error:
                # What failed, or was interrupted, is the error, whatever becomes of the server.
                warn(f"jobs of workflow {self._key} may be left as running: {error}")
            raise

    def _note_node(self, running: TorcProcess) -> bool:
        """Note which compute node of the server this is, as soon as torc says so: its results name it."""
        told = _NODE.search(running.said())
        if told is None:
            return False
        if told[1] not in self._nodes:
            self._nodes.append(told[1])
        try:
            self._store.note_call(self._key, self._runner, {"compute_nodes": self._nodes})
        except UnavailableError as error:  # a server that does not answer is torc's to wait for
            log.warning("not noted yet which results are of this run: %s", error)
            return False
        return True

    def summary(self, before: Mapping[str, JobRecord]) -> RunSummary:
        """Return what became of the jobs."""
        with self._store.snapshot(self._key) as snapshot:
            codes = {
                key: (code, run)
                for page in snapshot.results()
                for key, code, run in zip(page.job_keys, page.return_codes, page.run_ids, strict=True)
            }
        changed = _not_ended(before, {key: job.status for key, job in self._jobs().items()})
        counts = Counter(changed.values())
        failures = [
            self._failure(key, code, run_id)
            for key, now in changed.items()
            if now in (FAILED, TERMINATED) and key in codes
            for code, run_id in [codes[key]]
        ]
        return RunSummary(
            completed=counts[COMPLETED],
            failed=counts[FAILED] + counts[TERMINATED],
            canceled=counts[CANCELED],
            not_run=sum(counts[status] for status in (READY, BLOCKED, UNINITIALIZED)),
            running_elsewhere=counts[RUNNING] + counts[PENDING],
            output_dir=self.output_dir,
            failures=tuple(failures),
        )

    def _failure(self, job_key: str, code: int, run_id: int) -> Failure:
        where = ([self.output_dir], self._key, job_key, run_id)
        errors, printed = list(output_files(*where, "stderr")), list(output_files(*where, "stdout"))
        reason = reason_of(errors) or said_by_runner(self.output_dir, self._key, job_key)
        usual = self.output_dir / "job_stdio" / f"{job_stem(self._key, job_key, run_id)}_a1.e"
        return Failure(job_key, code, next(files_of_run(errors), usual), reason or reason_of(printed))

    def _jobs(self) -> dict[str, JobRecord]:
        with self._store.snapshot(self._key) as snapshot:
            pages = list(snapshot.jobs())
        self.for_others = {key: reason for page in pages for key, reason in _for_others(page, self._key)}
        return {job.key: job for page in pages for job in page.jobs(self._key)}

    def _to_reset(self, statuses: Mapping[str, str], rerun: str | None) -> list[str]:
        wanted: set[str] = set() if rerun is None else {*UNSUCCESSFUL}
        if rerun == "all":
            wanted.add(COMPLETED)
        again = {key for key, status in statuses.items() if status in wanted}
        if rerun == "missing":
            completed = {key for key, status in statuses.items() if status == COMPLETED}
            again |= completed - jobs_with_output(self._store, self._key)
        return [key for key in statuses if key in again]

    def _give_back(self, before: Mapping[int, Any], told: re.Match[str] | None) -> None:
        """Make the jobs ready that torc had, whose compute node is what it told, or the only new one."""
        service, here = self._store.service, socket.gethostname()
        nodes = active_nodes(service, self._key)
        new = [key for key, node in nodes.items() if key not in before and node["hostname"] == here]
        mine = int(told[1]) if told else new[0] if len(new) == 1 else None
        left = give_back(service, self._key, nodes, mine)
        if left:
            warn(
                f"jobs {shorten(left)} of workflow {self._key} are pending, and may be another runner's; if "
                f"they are not, `torc jobs reset-status {left[0]} --no-prompts` makes one run again"
            )


def _not_ended(before: Mapping[str, JobRecord], now: Mapping[str, str]) -> dict[str, str]:
    """Return the statuses now of the jobs that had not ended before."""
    had_ended = {key for key, job in before.items() if job.status in _ENDED}
    return {key: status for key, status in now.items() if key not in had_ended}


def _for_others(page: JobPage, workflow_key: str) -> Iterator[tuple[str, str]]:
    for key, nodes, labels in zip(page.keys, page.more["num_nodes"], page.more["labels"], strict=True):
        if labels:
            runner = shlex.join(["torc", "run", workflow_key, "--label", ",".join(labels)])
            yield key, f"is for a runner of its labels (`{runner}`)"
        elif (nodes or 1) > 1:
            yield key, f"needs num_nodes={nodes}, and this is one machine"


def _tell_of_impossible(jobs: Sequence[JobRecord], slots: int, for_others: Mapping[str, str]) -> None:
    """Warn of jobs that torc will not run here; RefusedError if there are no others."""
    machine = machine_for(jobs, slots)
    found = [(job, for_others.get(job.key) or machine.lacks(job.resources)) for job in jobs]
    lacking = [f"job {job.key} ({job.name}) {reason}" for job, reason in found if reason]
    if len(lacking) == len(jobs):
        raise RefusedError([Problem(None, None, reason) for reason in lacking])
    if lacking:
        warn(f"{counted(len(lacking), 'job')} can't run here: {shorten(lacking)}")


class _EndedJobs:
    """How many jobs have ended, as a bar shows it; nothing is asked where nobody looks."""

    def __init__(self, bar: Bar | None, counts: Callable[[], Mapping[str, int]]) -> None:
        self._bar, self._counts = bar, counts
        self._done = self._ended()

    def update(self) -> None:
        """Show what ended since; a server that does not answer is torc's to wait for."""
        if self._bar is not None:
            with suppress(TorcFramesError):
                done = self._ended()
                self._bar.update(max(0, done - self._done))
                self._done = max(done, self._done)

    def _ended(self) -> int:
        if self._bar is None:
            return 0
        return sum(count for status, count in self._counts().items() if status in _ENDED)


def _submission(workflow_key: str, slurm: Slurm, output_dir: Path) -> list[str]:
    """Return the arguments that submit a workflow to Slurm.

    Raises
    ------
    RefusedError
        For options that are none.
    """
    where = f"--output-dir={output_dir}"
    if slurm is True or slurm == {}:
        return ["submit", workflow_key, "--no-prompts", where]
    if not isinstance(slurm, Mapping):
        raise RefusedError(f"slurm is True, or a dict such as {{'account': 'project'}}, not {slurm!r}")
    arguments = ["slurm", "regenerate", workflow_key, where]
    for name, value in {"submit": "dry_run" not in slurm, **slurm}.items():
        option = str(name).replace("_", "-")
        if not isinstance(name, str) or not _OPTION.fullmatch(name) or isinstance(value, (list, tuple, dict)):
            raise RefusedError(
                f"slurm={{{name!r}: {value!r}}} is no option of `torc slurm regenerate`, which --help lists"
            )
        if value is True:
            arguments.append(f"--{option}")
        elif value is not None and value is not False:
            arguments.append(f"--{option}={value}")
    return arguments
