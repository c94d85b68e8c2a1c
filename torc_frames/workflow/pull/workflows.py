"""The workflows of a store as a DataFrame."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from torc_frames.frame import recorded
from torc_frames.frame.shape import Shape, key_index
from torc_frames.store.base import Store
from torc_frames.store.records import STATUSES
from torc_frames.workflow.pull.cells import Cell, framed, series

__all__ = ["workflows_frame"]


def workflows_frame(store: Store, counts: bool, tags: Collection[str] = ()) -> pd.DataFrame:
    """Return one row a workflow; see `Client.workflows`."""
    found = [one for one in store.workflows() if set(tags).issubset(recorded.tags_of(one.metadata))]
    keys = [workflow.key for workflow in found]

    def texts(part: str) -> pd.Series:
        return series(part, [getattr(workflow, part) for workflow in found], "str")

    cells: dict[str, Cell] = {
        **{part: texts(part) for part in ("name", "user", "description")},
        "created": series("created", [workflow.created for workflow in found], "time"),
        "project": texts("project"),
        "tags": series("tags", [list(recorded.tags_of(workflow.metadata)) for workflow in found], "object"),
        "metadata": series("metadata", [_shown(workflow.metadata) for workflow in found], "object"),
        "archived": pd.Series([workflow.archived for workflow in found], dtype="bool"),
        "run_id": series("run_id", [workflow.run_id for workflow in found], "Int64"),
    }
    if counts:
        counted = store.count_jobs(keys)
        cells["jobs"] = pd.Series([sum(each.values()) for each in counted], dtype="int64")
        for status in dict.fromkeys([*STATUSES, *(status for each in counted for status in each)]):
            cells[status] = pd.Series([each.get(status, 0) for each in counted], dtype="int64")
    return framed(cells, Shape(), key_index(keys, "workflow_key"))


def _shown(metadata: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in metadata.items() if key not in recorded.OURS}
