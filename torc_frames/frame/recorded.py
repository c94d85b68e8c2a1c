"""What a push records of a table in the workflow's metadata: its columns, their order and dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torc_frames.errors import RefusedError
from torc_frames.frame.dtypes import Spec
from torc_frames.frame.flatten import Path, split

__all__ = ["KEY", "merge", "read", "whole_paths"]

KEY = "torc_frames"
"""The key of the workflow's metadata that is ours."""


def read(metadata: Mapping[str, Any]) -> dict[str, Spec]:
    """Return the recorded dtypes by column name, in the recorded order; anything else there is ignored."""
    ours = metadata.get(KEY)
    columns = ours.get("parameters") if isinstance(ours, dict) else None
    if not isinstance(columns, list):
        return {}
    return {
        column["name"]: {key: value for key, value in column.items() if key != "name"}
        for column in columns
        if isinstance(column, dict)
        and isinstance(column.get("name"), str)
        and isinstance(column.get("dtype"), str)
    }


def merge(metadata: Mapping[str, Any], specs: Mapping[str, Spec]) -> dict[str, Any]:
    """Return the patch of the metadata after a push of columns with these dtypes.

    Columns recorded before keep their places, new ones follow; a dtype pushed later replaces the
    earlier one, but unordered categories are joined.
    """
    ours = metadata.get(KEY)
    before = read(metadata)
    after = {**before, **{name: _joined(before.get(name), spec) for name, spec in specs.items()}}
    columns = [{"name": name, **spec} for name, spec in after.items()]
    return {KEY: {**(ours if isinstance(ours, dict) else {}), "parameters": columns}}


def whole_paths(specs: Mapping[str, Spec]) -> frozenset[Path]:
    """Return the paths of columns that were pushed as objects, so that dicts there are not flattened."""
    paths = set()
    for name, spec in specs.items():
        if spec["dtype"] == "object":
            try:
                paths.add(split(name))
            except RefusedError:
                continue  # a name that no push records
    return frozenset(paths)


def _joined(before: Spec | None, spec: Spec) -> Spec:
    if (
        before is None
        or before["dtype"] != "category"
        or spec["dtype"] != "category"
        or before.get("of") != spec["of"]
        or before.get("ordered")
        or spec["ordered"]
        or not isinstance(before.get("categories"), list)
    ):
        return spec
    known = before["categories"]
    return {**spec, "categories": known + [new for new in spec["categories"] if new not in known]}
