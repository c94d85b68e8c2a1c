"""A pulled frame brought up to date: only what changed is read, where the store can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames import pull
from torc_frames.errors import RefusedError
from torc_frames.frame import assemble, recorded
from torc_frames.frame.dtypes import encode
from torc_frames.frame.flatten import RESERVED
from torc_frames.frame.shape import Shape
from torc_frames.frame.values import canonical, is_missing
from torc_frames.records import INPUT, OUTPUT, LinkPage, Role
from torc_frames.store.base import Snapshot, Store

__all__ = ["Refreshed", "refresh"]

_ROLES = {"parameters": INPUT, "results": OUTPUT}


class Refreshed(NamedTuple):
    """A frame brought up to date, and what changed: keys of records, or of jobs where a row is a job."""

    frame: pd.DataFrame
    added: list[str]
    updated: list[str]
    removed: list[str]


def refresh(store: Store, workflow_key: str, frame: pd.DataFrame) -> Refreshed:
    """Return what a pull would give now; see `Workflow.refresh`."""
    about = frame.attrs.get("torc")
    here = {"url": store.url, "workflow_key": workflow_key}
    if not isinstance(about, dict) or any(about.get(name) != value for name, value in here.items()):
        raise RefusedError("refresh takes a frame that was pulled from this workflow")
    how = about.get("pull")
    if not isinstance(how, dict):
        raise RefusedError(
            f"a frame of {about.get('kind')} can't be refreshed, nor one that was pulled with a function as "
            "usecols: pull it again"
        )
    if about["rev"] is not None and _is_plain(about, how):
        with store.snapshot(workflow_key) as snap:
            if snap.workflow.rev == about["rev"]:
                return Refreshed(frame, [], [], [])
            quick = _quickly(snap, frame, about)
        if quick is not None:
            return quick
    now = pull.again(store, workflow_key, about["kind"], how)
    return Refreshed(now, *_compared(frame, now, about["kind"]))


def _is_plain(about: Mapping[str, Any], how: Mapping[str, Any]) -> bool:
    """Return whether the frame is of whole records as they are, so that rows can be replaced."""
    asked = ("job_key", "role", "usecols", "dtype_backend")
    plain = all(how.get(name) is None for name in asked) and "unreadable" not in about
    return plain and (about["kind"] == "user_data" or (about["kind"] in _ROLES and "dtypes" in about))


def _quickly(snap: Snapshot, frame: pd.DataFrame, about: Mapping[str, Any]) -> Refreshed | None:
    """Return the frame with the rows that changed, None where only a whole pull tells what it looks like."""
    kind = about["kind"]
    delta = _changed_rows(snap, about) if kind == "user_data" else _changed_jobs(snap, about, frame.index)
    if delta is None or not len(frame):
        return None
    frame = _bare(frame)
    if not len(delta):
        delta = frame.iloc[:0]
    old, new = _keys(frame, about["kind"]), _keys(delta, about["kind"])
    gone = np.array(snap.removed(about["rev"]), dtype=np.int64)
    if not (_ascend(old) and _ascend(new)) or (len(gone) and about["kind"] != "user_data"):
        return None
    at = np.searchsorted(old, new)
    there = old[np.minimum(at, len(old) - 1)] == new
    removed = np.isin(old, gone)
    touched = removed.copy()
    touched[at[there]] = True
    # Without the first row, the columns might come in another order.
    if removed[0] or not _fits(frame, delta, touched):
        return None
    now = _with_rows(frame, delta[there], at[there])
    if removed.any():
        now = now[~removed]
    if not there.all():
        order = np.argsort(np.concatenate([old[~removed], new[~there]]), kind="stable")
        now = pd.concat([now, delta[~there]]).take(order)
    if about["kind"] == "user_data":
        now = now.reset_index(drop=True)
    now.attrs = {"torc": {**about, **_when(snap), "records": len(now)}}
    changed = (new[~there], new[there], old[removed])
    return Refreshed(now, *([str(key) for key in keys.tolist()] for keys in changed))


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame without attrs, which pandas copies with every column that is looked at."""
    bare = frame.copy(deep=False)
    bare.attrs = {}
    return bare


def _changed_rows(snap: Snapshot, about: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return the records that changed as `Workflow.user_data` shows them."""
    pages = list(snap.user_data(since=about["rev"]))
    links = list(snap.links(since=about["rev"]))
    changed = {key for page in pages for key in page.keys}
    chosen = (_only(page, [key in changed for key in page.record_keys]) for page in links)
    return assemble.user_data_frame(snap.workflow.key, pages, chosen, len(changed), Shape())


def _changed_jobs(snap: Snapshot, about: Mapping[str, Any], before: pd.Index) -> pd.DataFrame | None:
    """Return the jobs whose records of one role changed, None where one has several, or a record several."""
    role = _ROLES[about["kind"]]
    specs = recorded.read(snap.workflow.metadata) if role == INPUT else {}
    pages = list(snap.user_data(since=about["rev"], labels=False))
    links = list(snap.links(since=about["rev"], labels=False))
    changed = {key for page in pages for key in page.keys}
    linked = {key for page in links for key in page.record_keys}
    of_role = [_only(page, [one == role for one in page.roles]) for page in links]
    jobs = [key for page in of_role for key in page.job_keys]
    keys = [key for page in of_role for key in page.record_keys]
    single = len(set(jobs)) == len(jobs) and len(set(keys)) == len(keys)
    if not single or not changed <= linked or pull.digest_of(specs) != about["dtypes"]:
        return None
    if not changed.issubset(keys) and _lost_jobs(snap, role, before.union(jobs)):
        return None
    wanted = changed.intersection(keys)
    records = [page.only(wanted) for page in pages]
    chosen = assemble.read_links(_only(page, [key in wanted for key in page.record_keys]) for page in of_role)
    return assemble.job_records_frame(records, chosen, len(wanted), Shape(specs=specs))


def _lost_jobs(snap: Snapshot, role: Role, jobs: pd.Index) -> bool:
    """Return whether some jobs are gone that had a record of a role, which stays as that of other jobs."""
    return snap.count_user_data(role=role) != len(jobs)


def _only(page: LinkPage, chosen: Sequence[bool]) -> LinkPage:
    return LinkPage(
        record_keys=list(compress(page.record_keys, chosen)),
        job_keys=list(compress(page.job_keys, chosen)),
        job_names=list(compress(page.job_names, chosen)),
        roles=list(compress(page.roles, chosen)),
    )


def _fits(frame: pd.DataFrame, delta: pd.DataFrame, touched: np.ndarray) -> bool:
    """Return whether a whole pull would give the same columns, of the same dtypes, with these other rows."""
    if list(delta.columns) != list(frame.columns) or touched.all():
        return False
    names = [name for name in frame.columns if name not in RESERVED or frame.index.name is not None]
    stays = int(np.argmin(touched))
    for name in names:
        values, new = frame[name].array, delta[name].array
        first = [values[0], new[0]] if touched[0] else [values[0]]
        if values.dtype != new.dtype or any(map(is_missing, first)):
            return False
        if not _keeps_its_dtype(values, touched, stays):
            return False
    return True


def _keeps_its_dtype(values: Any, touched: np.ndarray, stays: int) -> bool:
    """Return whether the rows that stay, one of which is told, are reason enough for a column's dtype."""
    kind = str(values.dtype)
    tells = _TELLS.get(kind, lambda value: not is_missing(value))
    if kind in _WITH_GAPS:
        rest = values[~touched]
        return bool(rest.isna().any() and not rest.isna().all())
    return tells(values[stays]) or any(map(tells, values[~touched].tolist()))


_WITH_GAPS = ("Int64", "boolean")
_TELLS: dict[str, Callable[[Any], bool]] = {
    # Floats without a fraction become integers, if there are no others; only lists are objects for certain.
    "float64": lambda value: value % 1 > 0,
    "object": lambda value: isinstance(value, list),
}


def _with_rows(frame: pd.DataFrame, rows: pd.DataFrame, at: np.ndarray) -> pd.DataFrame:
    """Return a frame with other rows at some places; columns in which nothing differs are shared."""
    now = frame.copy(deep=False)
    for place, name in enumerate(frame.columns):
        values = rows[name].array
        if not frame[name].array.take(at).equals(values):
            changed = frame[name].array.copy()
            changed[at] = values
            now.isetitem(place, changed)
    return now


def _keys(frame: pd.DataFrame, kind: str) -> np.ndarray:
    keys = frame["record_key"] if kind == "user_data" else frame.index
    array = pa.array(keys.array, pa.string())
    return np.asarray(array.cast(pa.int64()))


def _ascend(keys: np.ndarray) -> bool:
    return bool((keys[1:] > keys[:-1]).all())


def _when(snap: Snapshot) -> dict[str, Any]:
    pulled_at = datetime.now(UTC).isoformat()
    return {"rev": snap.workflow.rev, "pulled_at": pulled_at, "requests": snap.requests}


def _compared(old: pd.DataFrame, new: pd.DataFrame, kind: str) -> tuple[list[str], list[str], list[str]]:
    """Return the keys of rows that are new, different, and gone."""
    before, after = (_by_key(frame, kind) for frame in (old, new))
    added = [key for key in after if key not in before]
    removed = [key for key in before if key not in after]
    both = [key for key in after if key in before]
    columns = [name for name in dict.fromkeys([*old.columns, *new.columns]) if name != "rev"]
    cells = [
        (_cells(frame, name), places) for name in columns for frame, places in ((old, before), (new, after))
    ]
    updated = [
        key
        for key in both
        if any(
            _differ(one[here[key]], other[there[key]])
            for (one, here), (other, there) in zip(cells[::2], cells[1::2], strict=True)
        )
    ]
    return added, updated, removed


def _by_key(frame: pd.DataFrame, kind: str) -> dict[str, int]:
    if kind == "user_data" and "record_key" not in frame.columns:
        raise RefusedError("a frame of user_data is refreshed by its column record_key: pull it with that")
    keys = frame["record_key"] if kind == "user_data" else frame.index
    return {key: at for at, key in enumerate(keys.tolist())}


def _cells(frame: pd.DataFrame, name: str) -> list[Any]:
    return encode(frame[name])[0] if name in frame.columns else [None] * len(frame)


def _differ(one: Any, other: Any) -> bool:
    return one is not other and canonical(one) != canonical(other)
