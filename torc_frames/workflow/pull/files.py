"""The files behind pointers of a workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.files.pointer_frames import MissingFiles, OnMissing, Pairs, load_pointers
from torc_frames.files.pointers import Pointer, is_pointer
from torc_frames.frame.flatten import Path, split
from torc_frames.frame.shape import Shape
from torc_frames.frame.values import decode_lines
from torc_frames.store.base import Store
from torc_frames.store.records import Role, UserDataPage
from torc_frames.workflow.pull.reading import Reading, check_role, verified

__all__ = ["load", "pointers_of"]


def load(
    store: Store,
    workflow_key: str,
    name: str,
    role: Role,
    on_missing: OnMissing = "warn",
    write: Callable[[Pairs, MissingFiles], pd.DataFrame] = load_pointers,
) -> pd.DataFrame:
    """Return the rows of the files behind pointers, or what else is made of them; see `Workflow.load`."""

    def build(read: Reading) -> Pairs:
        pairs = pointers_of(read, name, role)
        if not pairs:
            key = read.snap.workflow.key
            raise RefusedError(f"no {role} record of workflow {key} has a pointer named {name!r}")
        return pairs

    check_role(role)
    if not isinstance(name, str):
        raise RefusedError(f"load takes the name of a pointer, not {name!r}")
    missing = MissingFiles(on_missing)
    pairs, _, about = verified(store, workflow_key, build, Shape(), False, False, "files")
    frame = write(pairs, missing)
    frame.attrs["torc"] = {**about, "missing": missing.files}
    return frame


def pointers_of(read: Reading, name: str, role: Role) -> Pairs:
    """Return the pointers of a name, each with its job."""
    pages = read.snap.user_data(role=role, labels=False)
    linked = read.links(role, labels=False)
    with read.ahead(linked.count(), pages) as (records,):
        at_record = dict(_pointers(records, split(name)))
    pairs = zip(linked.job_keys.to_pylist(), linked.record_keys.to_pylist(), strict=True)
    return [(job_key, at_record[key]) for job_key, key in pairs if key in at_record]


def _pointers(pages: Iterable[UserDataPage], path: Path) -> Iterator[tuple[str, Pointer]]:
    for page in pages:
        for key, data in zip(page.keys, decode_lines(page.keys, page.data), strict=True):
            for name in path:
                data = data.get(name) if isinstance(data, dict) else None
            if is_pointer(data):
                yield key, Pointer.from_json(data)
