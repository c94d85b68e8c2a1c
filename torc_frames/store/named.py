"""Workflows by their names."""

from __future__ import annotations

import os
from contextlib import suppress

from torc_frames.errors import NotFoundError, RefusedError, shorten
from torc_frames.store.base import Store
from torc_frames.store.records import JobRecord, WorkflowRecord

__all__ = ["by_key", "by_key_or_name", "by_name", "files_near", "job_of"]

_DATABASES = (".db", ".sqlite", ".sqlite3", ".json")


def by_name(store: Store, name: str) -> WorkflowRecord:
    """Return the workflow of a name.

    Raises
    ------
    NotFoundError
        If there is none; it tells names that are near.
    RefusedError
        If there are several; it tells their keys.
    """
    keys = store.workflow_keys(name)
    if len(keys) > 1:
        raise RefusedError(
            f"several workflows of {store.url} are named {name!r}: take one by its key, {shorten(keys)}"
        )
    if not keys:
        raise NotFoundError("workflow", [name], store.url, _hint(name, store), by="name")
    return store.get_workflow(keys[0])


def by_key(store: Store, key: str) -> WorkflowRecord:
    """Return the workflow of a key; NotFoundError says so if it is the name of one."""
    try:
        return store.get_workflow(key)
    except NotFoundError as error:
        if store.workflow_keys(key):
            error.hint = f"it is the name of a workflow: client.workflow(name={key!r})"
        elif error.kind == "workflow" and not key.isdecimal():
            error.hint = f"names are looked up by client.workflow(name={key!r}); {_hint(key, store)}"
        raise


def by_key_or_name(store: Store, text: str) -> WorkflowRecord:
    """Return the workflow that has a key, or else a name.

    Raises
    ------
    NotFoundError
        If there is none; it tells names that are near.
    RefusedError
        If one has the key and another one the name, or several have the name; it tells their keys.
    """
    with suppress(NotFoundError):
        found = store.get_workflow(text)
        others = [key for key in store.workflow_keys(text) if key != found.key]
        if others:
            raise RefusedError(
                f"{text!r} is the key of workflow {found.name!r} of {store.url}, and the name of workflow "
                f"{shorten(others)}: take the one by its name, or the other by its key"
            )
        return found
    try:
        return by_name(store, text)
    except NotFoundError as error:
        if error.kind == "workflow" and text.isdecimal():
            error.by = "key"  # that was meant, most likely
        raise


def job_of(store: Store, job_key: str, workflow: str | None) -> JobRecord:
    """Return a job, which has to be of a workflow, if its key or name is given."""
    try:
        return store.get_job(job_key, workflow)
    except NotFoundError:
        key = workflow and by_key_or_name(store, workflow).key
        if key == workflow:
            raise
    return store.get_job(job_key, key)


def files_near(path: str | os.PathLike[str]) -> str:
    """Return what to say of a file that is not there: those beside it that are near by name."""
    folder, name = os.path.split(path)
    there: list[str] = []
    with suppress(OSError), os.scandir(folder or ".") as files:
        there = sorted(file.name for file in files if file.name.endswith(_DATABASES) and file.is_file())
    others = [file for file in there if file != name]
    return _near(name, others) if others else ""


def _near(name: str, there: list[str]) -> str:
    """Return what to say of a name that is none of those that there are."""
    import difflib  # jobs in shell, which load this each time, do without

    found = difflib.get_close_matches(name, there) or there
    if not found:
        return "there is none yet"
    return f"there {'is' if len(found) == 1 else 'are'} {shorten(map(repr, found))}"


def _hint(name: str, store: Store) -> str:
    return _near(name, list(dict.fromkeys(workflow.name for workflow in store.workflows())))
