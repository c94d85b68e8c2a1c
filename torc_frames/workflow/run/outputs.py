"""The output records of a job: which one holds its results, and what a store keeps of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from torc_frames.errors import InexactFloatWarning, Problem, RefusedError, shorten, warn
from torc_frames.files.pointers import relative_to
from torc_frames.frame.flatten import Path, join, leaves, set_path
from torc_frames.frame.results import Keepable, keepable, note_unstored, result_value, without
from torc_frames.frame.values import RefusalError, encode_data
from torc_frames.store.contents import read_records
from torc_frames.store.records import OUTPUT, UserData

if TYPE_CHECKING:
    from torc_frames.store.base import Store

__all__ = [
    "Fitted",
    "fit",
    "fit_documents",
    "jobs_with_output",
    "output_name",
    "result_record",
    "warn_of_unstored",
]

Fitted = tuple[bytes, dict[Path, str]]
"""A record as its store keeps it, and which of the results given are not in it, and why."""


def output_name(job_name: str) -> str:
    """Return the name of the record that holds a job's results."""
    return f"output_{job_name}"


def result_record(outputs: Iterable[UserData], job_name: str) -> UserData | None:
    """Return the one of a job's output records that its results go to; see `Job.store`."""
    fallback = None
    for output in outputs:
        if output.name == output_name(job_name):
            return output
        # A record with data and without a name was logged by someone, not declared to be filled.
        if fallback is None and (output.name is not None or output.data in (None, {})):
            fallback = output
    return fallback


def fit(store: Store, results: Keepable, before: Mapping[str, Any] | None = None) -> Fitted:
    """Return the record of some results, without those that the store can't keep.

    Parameters
    ----------
    store : Store
    results : Keepable
    before : mapping, optional
        What the record holds already, and keeps.

    Raises
    ------
    RefusedError
        If the record can't be kept with none of them.
    """
    values, unstored = results.values, dict(results.unstored)
    given = {*values, *(path[0] for path in unstored)}
    tries = 0
    while True:
        whole = note_unstored({**(before or {}), **values}, unstored, given)
        try:
            [encoded] = store.kept([encode_data(whole)])
        except RefusedError as error:
            refused = {} if tries else _refused(store, values)
            refused = refused or _largest(values, error, 2**tries)
            if not refused:
                raise
            for path in refused:
                values = without(values, path)
            unstored |= refused
            tries += 1
        else:
            return encoded, unstored


def fit_documents(store: Store, documents: Iterable[Any], label: str) -> list[bytes]:
    """Return records of outputs, of the objects without what the store can't keep; warn of that.

    Raises
    ------
    RefusedError
        For documents that are no objects and can't be kept, by their position; before any warning.
    """
    with relative_to(store.base):
        return _fit_documents(store, documents, label)


def _fit_documents(store: Store, documents: Iterable[Any], label: str) -> list[bytes]:
    fitted: list[Fitted] = []
    problems: list[Problem] = []
    for position, document in enumerate(documents):
        try:
            if isinstance(document, Mapping):
                fitted.append(fit(store, keepable(document)))
            else:
                [data] = store.kept([encode_data(result_value(document))])
                fitted.append((data, {}))
        except RefusalError as error:
            problems.append(Problem(position, None, str(error)))
        except RefusedError as error:
            problems.append(Problem(position, None, _reason(error)))
    if problems:
        raise RefusedError(problems)
    for _, unstored in fitted:
        warn_of_unstored(label, unstored)
    return [data for data, _ in fitted]


def warn_of_unstored(label: str, unstored: Mapping[Path, str]) -> None:
    """Warn of results that are not stored."""
    if unstored:
        told = shorten(f"{join(path)} ({reason})" for path, reason in unstored.items())
        warn(f"{label}: not stored: {told}; the other results are, and error.unstored says it in the record")


def _refused(store: Store, values: Mapping[str, Any]) -> dict[Path, str]:
    """Return the values that the store can't keep even each by itself."""
    refused: dict[Path, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InexactFloatWarning)
        for path, value in leaves(values):
            alone: dict[str, Any] = {}
            set_path(alone, path, value)
            try:
                store.kept([encode_data(alone)])
            except RefusedError as error:
                refused[path] = _reason(error)
    return refused


def _largest(values: Mapping[str, Any], error: RefusedError, count: int) -> dict[Path, str]:
    """Return the values that take the most room, where all of them together are refused."""
    sizes = {path: len(encode_data(value)) for path, value in leaves(values)}
    largest = sorted(sizes, key=lambda path: sizes[path])[-count:]
    return dict.fromkeys(largest, f"the record {_reason(error)}")


def _reason(error: RefusedError) -> str:
    return "; ".join(problem.reason for problem in error.problems) or str(error)


def jobs_with_output(store: Store, workflow_key: str) -> set[str]:
    """Return the jobs that have results."""
    with store.snapshot(workflow_key) as snapshot:
        found = read_records(snapshot, OUTPUT)
    filled = {key for key, data in found.raws.items() if data.strip() not in (b"", b"{}", b"null")}
    return {job for job, records in found.of_job.items() if not filled.isdisjoint(records)}
