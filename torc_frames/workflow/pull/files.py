"""The files behind pointers of a workflow, and those that torc knows of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.files.pointer_frames import MissingFiles, OnMissing, Pairs, load_pointers
from torc_frames.files.pointers import Pointer, is_pointer
from torc_frames.frame.flatten import Path, join, split
from torc_frames.frame.shape import Shape
from torc_frames.frame.values import decode_lines
from torc_frames.store.base import Store
from torc_frames.store.records import Role, UserDataPage
from torc_frames.workflow.pull.listings import files
from torc_frames.workflow.pull.reading import Reading, check_role, verified

__all__ = ["Loading", "load", "load_files", "pointer_names", "pointers_of", "writer"]


Write = Callable[[Pairs, MissingFiles], Any]


@dataclass(frozen=True, slots=True)
class Loading:
    """How files are found and what becomes of them; see `Workflow.load`."""

    on_missing: OnMissing = "warn"
    write: Write = load_pointers
    base: str | None = None
    remote: Sequence[str] = ()


def writer(to: str | os.PathLike[str] | None, name: str, overwrite: bool, max_rows_per_file: int) -> Write:
    """Return what makes of files what is asked for; see `Workflow.load`."""
    if to is None:
        return load_pointers
    if to in ("dict", "xarray"):
        from torc_frames.files.pointer_arrays import load_dataset, load_dict

        return load_dict if to == "dict" else partial(load_dataset, name=name)
    from torc_frames.files.pointer_dataset import write_dataset

    return partial(write_dataset, path=to, overwrite=overwrite, max_rows_per_file=max_rows_per_file)


def load(store: Store, workflow_key: str, name: str | None, role: Role, how: Loading) -> Any:
    """Return the rows of the files behind pointers, or what else is made of them; see `Workflow.load`."""

    def build(read: Reading) -> Pairs:
        pairs = pointers_of(read, str(name), role, how.base or store.base, how.remote)
        if not pairs:
            key, names = read.snap.workflow.key, shorten(map(repr, pointer_names(read, role)))
            there = f"; there are: {names}" if names else ""
            raise RefusedError(f"no {role} record of workflow {key} has a pointer named {name!r}{there}")
        return pairs

    check_role(role)
    if not isinstance(name, str):
        raise RefusedError(f"load takes the name of a pointer, not {name!r}")
    return _load(store, workflow_key, build, how)


def load_files(store: Store, workflow_key: str, file: str, how: Loading) -> Any:
    """Return the rows of files that torc knows of by their names; see `Workflow.load`."""

    def build(read: Reading) -> Pairs:
        found = files(read.snap, Shape(usecols=["name", "path", "producer"]))
        named = found[found["name"] == file]
        if not len(named):
            named = found[[fnmatchcase(name, file) for name in found["name"]]]
        if not len(named):
            names = shorten(map(repr, found["name"])) or "none"
            raise RefusedError(f"no file of workflow {workflow_key} is named {file!r}; there are: {names}")
        producers = ["" if pd.isna(job) else str(job) for job in named["producer"]]
        return list(zip(producers, map(_pointer, named["path"]), strict=True))

    if not isinstance(file, str):
        raise RefusedError(f"load takes the name of a file, or a pattern, not {file!r}")
    return _load(store, workflow_key, build, how)


def _load(store: Store, workflow_key: str, build: Callable[[Reading], Pairs], how: Loading) -> Any:
    missing = MissingFiles(how.on_missing)
    pairs, _, about = verified(store, workflow_key, build, Shape(), False, False, "files")
    made = how.write(pairs, missing)
    if isinstance(made, pd.DataFrame):
        made.attrs["torc"] = {**about, "missing": missing.files}
    return made


def _pointer(path: str) -> Pointer:
    """Return a pointer to a file as it is now, or to one that is missing."""
    if os.path.isfile(path):
        return Pointer(path)
    absolute = os.path.abspath(path)
    return Pointer.from_json({"torc_pointer": 1, "path": absolute, "size": 0, "sha256": ""})


def pointers_of(read: Reading, name: str, role: Role, base: str | None, remote: Sequence[str] = ()) -> Pairs:
    """Return the pointers of a name, each with its job."""
    pages = read.snap.user_data(role=role, labels=False)
    linked = read.links(role, labels=False)
    with read.ahead(linked.count(), pages) as (records,):
        at_record = dict(_pointers(records, split(name), base, remote))
    pairs = zip(linked.job_keys.to_pylist(), linked.record_keys.to_pylist(), strict=True)
    return [(job_key, at_record[key]) for job_key, key in pairs if key in at_record]


def pointer_names(read: Reading, role: Role) -> list[str]:
    """Return the names of all pointers of a role, in their order."""
    found: dict[str, None] = {}
    for page in read.snap.user_data(role=role, labels=False):
        for data in decode_lines(page.keys, page.data):
            found.update(dict.fromkeys(map(join, _paths(data))))
    return list(found)


def _paths(data: Any, above: Path = ()) -> Iterator[Path]:
    if is_pointer(data):
        yield above
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _paths(value, (*above, name))


def _pointers(
    pages: Iterable[UserDataPage], path: Path, base: str | None, remote: Sequence[str]
) -> Iterator[tuple[str, Pointer]]:
    for page in pages:
        for key, data in zip(page.keys, decode_lines(page.keys, page.data), strict=True):
            for name in path:
                data = data.get(name) if isinstance(data, dict) else None
            if is_pointer(data):
                yield key, Pointer.from_json(data, base=base, remote=remote)
