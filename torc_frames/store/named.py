"""Workflows by their names."""

from __future__ import annotations

import difflib

from torc_frames.errors import NotFoundError, RefusedError, shorten
from torc_frames.store.base import Store
from torc_frames.store.records import WorkflowRecord

__all__ = ["by_key", "by_name"]


def by_name(store: Store, name: str) -> WorkflowRecord:
    """Return the workflow of a name.

    Raises
    ------
    NotFoundError
        If there is none; it tells names that are near.
    RefusedError
        If there are several; it tells their keys.
    """
    there = store.workflows()
    found = [workflow for workflow in there if workflow.name == name]
    if len(found) > 1:
        keys = shorten(workflow.key for workflow in found)
        raise RefusedError(
            f"several workflows of {store.url} are named {name!r}: take one by its key, {keys}"
        )
    if not found:
        raise NotFoundError("workflow", [name], store.url, _hint(name, there), by="name")
    return found[0]


def by_key(store: Store, key: str) -> WorkflowRecord:
    """Return the workflow of a key; NotFoundError says so if it is the name of one."""
    try:
        return store.get_workflow(key)
    except NotFoundError as error:
        if any(workflow.name == key for workflow in store.workflows()):
            error.hint = f"it is the name of a workflow: client.workflow(name={key!r})"
        raise


def _hint(name: str, there: list[WorkflowRecord]) -> str:
    near = difflib.get_close_matches(name, [workflow.name for workflow in there])
    if near:
        return f"there is {shorten(map(repr, near))}"
    return f"there are {shorten(repr(workflow.name) for workflow in there)}" if there else "there is none yet"
