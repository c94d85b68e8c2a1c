"""Changing the commands of jobs of a service of 2023."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from torc_frames.errors import ConflictError, NotFoundError, RefusedError, ReplyError, UncertainWriteError
from torc_frames.store.exactly_once import TRIES
from torc_frames.store.legacy import documents
from torc_frames.store.legacy.service import Service, is_missing
from torc_frames.store.legacy.user_data import check_lengths
from torc_frames.store.parallel import Report, each
from torc_frames.store.wire.legacy import JOBS, encode

__all__ = ["update"]

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def update(
    service: Service,
    workflow_key: str,
    job_keys: Sequence[str],
    commands: Sequence[str],
    report: Report | None = None,
) -> None:
    """Replace commands; see `torc_frames.store.base.Store.update_commands`."""
    check_lengths(len(job_keys), "jobs", {"commands": commands})
    wanted = dict(zip(job_keys, commands, strict=True))
    try:
        encode(commands)
    except UnicodeEncodeError:
        raise RefusedError("a command holds a lone surrogate, which is no text") from None
    known = set(service.job_keys(workflow_key))
    missing = [key for key in wanted if key not in known]
    if missing:
        raise NotFoundError("job", missing, f"workflow {workflow_key}")
    each(lambda item: _put(service, workflow_key, *item), wanted.items(), report)


def _put(service: Service, workflow_key: str, job_key: str, command: str) -> None:
    """Write a job as it is, but for its command: the service sets what is left out to its defaults."""
    for attempt in range(TRIES):
        job = _attributes(service.fetch("job", workflow_key, job_key))
        if documents.shown(msgspec.json.decode(job["command"])) == command:
            return

        def put(job: dict[str, msgspec.Raw] = job) -> None:
            job["command"] = msgspec.Raw(encode(documents.sent(service, command)))
            service.send("PUT", service.paths.one(workflow_key, JOBS, job_key), encode(job))

        try:
            documents.write(service, put)
            return
        except (ConflictError, UncertainWriteError):
            # What runs the job may have changed its status; whether it was done, is read.
            if attempt == TRIES - 1:
                raise
        except ReplyError as error:
            if not is_missing(error):
                raise
            raise NotFoundError("job", [job_key], f"workflow {workflow_key}") from None
