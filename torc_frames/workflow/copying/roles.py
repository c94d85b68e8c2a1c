"""What becomes of roles, names and lifetimes in a store where a record has one role of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from torc_frames.errors import counted, shorten
from torc_frames.store.records import INPUT, OUTPUT, Role

__all__ = ["RoleFit", "fit"]

Links = dict[str | None, dict[str, list[str]]]
"""By role and job key: records."""


@dataclass(slots=True)
class RoleFit:
    """What such a store is told of records: those that are not here have neither role nor name.

    Attributes
    ----------
    several : list of str
        Records that are input and output, of which only the links are kept.
    """

    roles: dict[str, Role] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    links: Links = field(default_factory=dict)
    several: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def fit(
    links: Links, names: Mapping[str, str | None], job_names: Mapping[str, str], ephemeral: Collection[str]
) -> RoleFit:
    """Return what can be kept.

    Parameters
    ----------
    links : dict
        The links of all records.
    names : mapping
        The name of each record.
    job_names : mapping
        The names of jobs, oldest first.
    ephemeral : collection of str
        The records that are.
    """
    fitted = RoleFit()
    roles: dict[str, set[str | None]] = {}
    first_job: dict[str, str] = {}
    for job, job_name in job_names.items():
        for role, of_jobs in links.items():
            for record in of_jobs.get(job, ()):
                roles.setdefault(record, set()).add(role)
                first_job.setdefault(record, job_name)
    fitted.several = [record for record, kinds in roles.items() if len(kinds) > 1]
    fitted.roles = {
        record: role for role in (INPUT, OUTPUT) for record, kinds in roles.items() if kinds == {role}
    }
    lost = []
    for record, name in names.items():
        role = fitted.roles.get(record)
        if name is not None and role is not None and name == f"{role}_{first_job[record]}":
            fitted.names[record] = name
        elif name is not None:
            lost.append(record)
    fitted.links = _own_roles(links, fitted.roles)
    for what, records in (("the names of", lost), ("the lifetime of", list(ephemeral))):
        if records:
            told = f"{what} {counted(len(records), 'record')}: user_data keys {shorten(records)}"
            fitted.left_out.append(told)
    return fitted


def _own_roles(links: Links, roles: Mapping[str, Role]) -> Links:
    """Return links with the role that each record has for all its jobs."""
    own: Links = {}
    for of_jobs in links.values():
        for job, records in of_jobs.items():
            for record in records:
                linked = own.setdefault(roles.get(record), {}).setdefault(job, [])
                if record not in linked:
                    linked.append(record)
    return own
