"""Which workflows a call is about that takes several of them, of one store or of more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from numbers import Integral
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.store.base import Store
from torc_frames.store.named import by_key, by_key_or_name
from torc_frames.store.records import WorkflowRecord
from torc_frames.workflow.pull.many import Placed
from torc_frames.workflow.pull.workflows import workflows_frame
from torc_frames.workflow.workflow import Workflow

__all__ = ["Workflows", "sources_of"]

Workflows = (
    Workflow
    | str
    | int
    | Iterable[Workflow | str | int]
    | pd.DataFrame
    | pd.Series
    | pd.Index
    | Callable[[pd.DataFrame], Any]
    | None
)
"""Workflows of any client, or keys and names of one's own; see `Client.table`."""

_KEY = "workflow_key"


def sources_of(store: Store, workflows: Workflows) -> list[Placed]:
    """Return the workflows that are meant, in the order in which they are given.

    Raises
    ------
    NotFoundError, RefusedError
        For a key or name of none, a name of several, and for what is neither.
    """
    listed: dict[str, dict[str, WorkflowRecord]] = {}

    def there(of: Store) -> dict[str, WorkflowRecord]:
        if of.url not in listed:
            listed[of.url] = {record.key: record for record in of.workflows()}
        return listed[of.url]

    def source(one: object) -> Placed:
        if isinstance(one, Workflow):
            return Placed(one._store, there(one._store).get(one.key) or by_key(one._store, one.key))
        if isinstance(one, bool) or not isinstance(one, (str, Integral)):
            raise RefusedError(f"{one!r} is no workflow: give workflows, their keys or their names")
        known, text = there(store), str(one)
        if not isinstance(one, str) or isinstance(one, _Key):
            return Placed(store, known.get(text) or by_key(store, text))
        found = [record for record in known.values() if text in (record.key, record.name)]
        return Placed(store, found[0] if len(found) == 1 else by_key_or_name(store, text))

    return list(map(source, map(_Key, there(store)) if workflows is None else _given(store, workflows)))


class _Key(str):
    """A key, which no workflow has as its name."""

    __slots__ = ()


def _given(store: Store, workflows: object) -> Iterator[object]:
    """Yield what is given, one by one."""
    if callable(workflows):
        frame = workflows_frame(store, counts=True)
        chosen = workflows(frame)
        is_mask = isinstance(chosen, pd.Series) and pd.api.types.is_bool_dtype(chosen.dtype)
        yield from _given(store, frame[chosen] if is_mask else chosen)
    elif isinstance(workflows, pd.DataFrame):
        if workflows.index.name != _KEY and _KEY not in workflows:
            raise RefusedError(f"this frame has no index or column {_KEY}, as that of client.workflows() has")
        yield from map(_Key, workflows.index if workflows.index.name == _KEY else workflows[_KEY])
    elif isinstance(workflows, pd.Series) and pd.api.types.is_bool_dtype(workflows.dtype):
        yield from map(_Key, workflows.index[workflows.to_numpy(dtype=bool, na_value=False)])
    elif isinstance(workflows, pd.Index) and workflows.name == _KEY:
        yield from map(_Key, workflows)
    elif isinstance(workflows, Iterable) and not isinstance(workflows, str):
        yield from workflows
    else:
        yield workflows
