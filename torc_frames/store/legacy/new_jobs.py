"""Jobs to add to a service of 2023: what is refused, what is looked up, and how far a call has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torc_frames.errors import NotFoundError, Problem, RefusedError
from torc_frames.store.exactly_once import settled
from torc_frames.store.legacy.links import role_in_first
from torc_frames.store.legacy.lists import LegacyListing, listed
from torc_frames.store.legacy.needs import body_of, name_of
from torc_frames.store.legacy.once import Written
from torc_frames.store.legacy.paths import REQUIREMENTS, STORES
from torc_frames.store.legacy.refusals import check
from torc_frames.store.legacy.service import Service, decoded
from torc_frames.store.legacy.user_data import check_lengths
from torc_frames.store.records import AddedJobs, NewJobs, Resources
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import Form, Items

__all__ = ["AddCall", "check_jobs", "needed"]


@dataclass(slots=True)
class AddCall:
    """The jobs of one call, and how far it has come.

    Attributes
    ----------
    known : set of str
        The jobs that there were before.
    needs : dict of Resources to str
        The keys of the documents of what the jobs need.
    """

    jobs: NewJobs
    known: set[str]
    needs: dict[Resources, str] = field(default_factory=dict)
    added: AddedJobs = field(default_factory=lambda: AddedJobs([], [], []))
    job_keys: dict[int, str] = field(default_factory=dict)
    """By row: the jobs that are known to be there, be they complete or not."""

    def begin_again(self, known: set[str]) -> None:
        """Forget what was added: somebody has deleted jobs since."""
        self.known, self.added = known, AddedJobs([], [], [])
        self.job_keys.clear()

    @property
    def taken(self) -> set[str]:
        """The jobs that can't be what is looked for."""
        return {*self.known, *self.job_keys.values()}

    def need(self, row: int) -> str | None:
        """Return the key of what a job needs, None for the default."""
        return None if self.jobs.resources is None else self.needs.get(self.jobs.resources[row])


def check_jobs(form: Form, jobs: NewJobs, known: set[str], workflow_key: str) -> None:
    """Refuse jobs that make no sense here."""
    columns = {name: getattr(jobs, name) for name in ("commands", "inputs", "depends_on", "resources")}
    columns |= {f"{role} links": rows for role, rows in jobs.links.items()}
    check_lengths(len(jobs), "jobs", columns)
    if form is Form.LATER and any(keys for keys in jobs.links.get(None, ())):
        raise RefusedError("the service links a record to a job as input or output, not without a role")
    check(form, [b"{}" if raw is None else raw for raw in jobs.inputs])
    problems = _text_problems(jobs)
    if form is Form.FIRST:
        problems += _role_problems(jobs)
    if problems:
        raise RefusedError(problems)
    waits = [key for keys in jobs.depends_on or () for key in keys]
    missing = [key for key in dict.fromkeys(waits) if key not in known]
    if missing:
        raise NotFoundError("job", missing, f"workflow {workflow_key}")


def _text_problems(jobs: NewJobs) -> list[Problem]:
    problems = []
    for what, texts in (("name", jobs.names), ("command", jobs.commands)):
        for row, text in enumerate(texts):
            try:
                text.encode()
            except UnicodeEncodeError:
                problems.append(Problem(row, None, f"{what} holds a lone surrogate, which is no text"))
    return problems


def _role_problems(jobs: NewJobs) -> list[Problem]:
    """Return the links whose role is not that of the record: in the first form a record has one for all."""
    return [
        Problem(row, None, f"user_data key {key} can't be an {role} here: its key does not say so")
        for role, rows in jobs.links.items()
        for row, keys in enumerate(rows)
        for key in keys
        if role_in_first(STORES, key) != role
    ]


def needed(
    service: Service, workflow_key: str, resources: Sequence[Resources] | None
) -> dict[Resources, str]:
    """Return the keys of what jobs need, after adding what the workflow has not yet."""
    wanted = dict.fromkeys(need for need in resources or () if need != Resources())
    there = _listed(service, workflow_key) if wanted else {}
    for need in wanted:
        name, body = name_of(need), body_of(need)

        def post(body: bytes = body) -> str:
            reply = service.send("POST", service.paths.all_of(workflow_key, REQUIREMENTS), body)
            return str(decoded(Written, reply, "what jobs need").key)

        def find(name: str = name) -> str | None:
            return _listed(service, workflow_key).get(name)

        if name not in there:
            there[name] = settled(post, find)
    return {need: there[name_of(need)] for need in wanted}


def _listed(service: Service, workflow_key: str) -> dict[str, str]:
    listing = LegacyListing(service.paths.all_of(workflow_key, REQUIREMENTS), Items[legacy.Need])
    rows = [row for page in listed(service.http.get, service.form, listing) for row in page]
    return {row.name: row.key for row in reversed(rows) if row.name is not None}
