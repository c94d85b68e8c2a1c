"""What torc has of a workflow beside jobs and records: copied between its servers, else named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torc_frames.errors import counted
from torc_frames.frame.values import encode_data
from torc_frames.store.base import SettingsStore
from torc_frames.store.records import TorcSettings
from torc_frames.store.wire.torc_settings import ACTIONS, FILES, NEEDS, PARTS
from torc_frames.store.wire.v1 import is_own_need

__all__ = ["SettingsCopy", "lost_settings"]

_SCHEDULERS = ("slurm schedulers", "local schedulers")
_JOBS = "jobs"
_KINDS: Mapping[str, tuple[str, ...]] = {
    "resource_requirements_id": (NEEDS,),
    "failure_handler_id": ("failure handlers",),
    "scheduler_id": _SCHEDULERS,
    "input_file_ids": (FILES,),
    "output_file_ids": (FILES,),
    "job_ids": (_JOBS,),
}
"""Attributes that hold ids, and the kinds of what they are ids of."""

_NOT_SENT = ("access_groups", "is_archived", "is_canceled")
_BY_SERVER = {"resource_requirements_id"}
"""What a new job has that is told none."""


@dataclass(slots=True)
class SettingsCopy:
    """Writes what was read to another torc-server, and tells of what is not there then.

    Parameters
    ----------
    original : TorcSettings
        What was read.
    target : SettingsStore
        Where to.
    """

    original: TorcSettings
    target: SettingsStore
    _ids: dict[str, dict[int, int]] = field(default_factory=dict)
    """By kind, the new ids by the old ones."""
    _job_keys: Mapping[str, str] = field(default_factory=dict)

    def of_workflow(self) -> dict[str, Any]:
        """Return what the new workflow is told."""
        return _known(self._translated(self.original.workflow))

    def add_parts(self, workflow_key: str) -> None:
        """Add what jobs name by id."""
        for kind in PARTS:
            if kind != ACTIONS:
                self._add(workflow_key, kind)

    def of_job(self, job_key: str) -> bytes:
        """Return what a new job is told, once what it names is there."""
        return encode_data(_known(self._translated(self.original.jobs.get(job_key, {}))))

    def add_actions(self, workflow_key: str, job_keys: Mapping[str, str]) -> None:
        """Add what names jobs by id, once they are there."""
        self._job_keys = job_keys
        self._ids[_JOBS] = {int(old): int(new) for old, new in job_keys.items() if old.isdecimal()}
        self._add(workflow_key, ACTIONS)

    def left_out(self, workflow_key: str) -> list[str]:
        """Return what is not in the copy as it was, by name and count."""
        with self.target.snapshot(workflow_key) as snap:
            found = snap.settings()
        lost = [f"{name} of the workflow" for name in self._lost([(self.original.workflow, found.workflow)])]
        jobs = ((was, found.jobs[self._job_keys[key]]) for key, was in self.original.jobs.items())
        lost += [f"{name} of {counted(count, 'job')}" for name, count in self._lost(jobs).items()]
        for kind, parts in self.original.parts.items():
            there = {part["id"]: part for part in found.parts[kind]}
            pairs = ((part, there.get(self._ids[kind][part["id"]], {})) for part in parts)
            lost += [f"{name} of {kind}: {count}" for name, count in self._lost(pairs).items()]
        return lost

    def _lost(self, pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, int]:
        """Return how many have not what they had, by the names of attributes."""
        lost: Counter[str] = Counter()
        for was, found in pairs:
            wanted = self._translated(was)
            names = (was.keys() | (found.keys() - _BY_SERVER)) - {"id"}
            lost.update(name for name in names if wanted.get(name) is None or found.get(name) != wanted[name])
        return dict(sorted(lost.items()))

    def _add(self, workflow_key: str, kind: str) -> None:
        parts = self.original.parts.get(kind, ())
        if parts:
            told = [_known(self._translated(part)) for part in parts]
            new = self.target.add_parts(workflow_key, kind, told)
            self._ids[kind] = {part["id"]: one for part, one in zip(parts, new, strict=True)}

    def _translated(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Return attributes with new ids, None for those of which nobody can tell what they are of."""
        return {name: self._new(name, value) for name, value in attributes.items()}

    def _new(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._new(key, one) if key in _KINDS else one for key, one in value.items()}
        if isinstance(value, list):
            return [self._new(name, one) for one in value]  # new ids are in the order of the old ones
        if name in _KINDS:
            return next(
                (self._ids[kind][value] for kind in _KINDS[name] if value in self._ids.get(kind, ())), None
            )
        return None if name in _NOT_SENT or name.endswith(("_id", "_ids")) else value


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of attributes."""
    known = {
        name: [one for one in value if one is not None] if isinstance(value, list) else value
        for name, value in attributes.items()
    }
    return {name: value for name, value in known.items() if value is not None}


def lost_settings(settings: TorcSettings) -> list[str]:
    """Return what is lost of settings where only what pages show is kept, by name and count."""
    lost = [f"{name} of the workflow" for name in sorted(settings.workflow)]
    names: Counter[str] = Counter()
    for job in settings.jobs.values():
        names.update(job.keys() - {"resource_requirements_id"})
    lost += [f"{name} of {counted(count, 'job')}" for name, count in sorted(names.items())]
    lost += [f"{kind}: {len(parts)}" for kind, parts in settings.parts.items() if parts and kind != NEEDS]
    return lost + list(_lost_needs(settings.parts.get(NEEDS, ())))


def _lost_needs(needs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    named = [need for need in needs if not is_own_need(need)]
    several = sum(need["num_nodes"] > 1 for need in named)
    if several:
        yield f"resource requirements of several nodes: {several}"
    if named:
        yield f"names of resource requirements: {len(named)}"
