"""A pulled frame brought up to date: only what changed is read, where the store can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError, counted
from torc_frames.frame import recorded
from torc_frames.frame.column import InexactChunkError
from torc_frames.frame.compare import differing, same, taken
from torc_frames.frame.description import Counts, Description, first_rows
from torc_frames.frame.dtypes import encode
from torc_frames.frame.flatten import RESERVED
from torc_frames.frame.shape import Shape, frame_of, key_index, series_of, text_column
from torc_frames.frame.shown import seen
from torc_frames.frame.specs import Spec
from torc_frames.frame.values import is_missing
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.records import INPUT, OUTPUT, UserDataPage
from torc_frames.workflow.pull import frames, tables
from torc_frames.workflow.pull.links import Links

__all__ = ["Refreshed", "refresh"]

_ROLES = {"parameters": INPUT, "results": OUTPUT}

_MANY = 1_000
"""Fewer changed records than these are never too many to be read by themselves."""


class Refreshed(NamedTuple):
    """A frame brought up to date, and what changed: keys of records, or of jobs where a row is a job."""

    frame: pd.DataFrame
    added: list[str]
    updated: list[str]
    removed: list[str]

    def __repr__(self) -> str:
        told = ", ".join(f"{count:,} {what}" for what, count in self._counts().items())
        return f"Refreshed({told}; a frame of {counted(len(self.frame), 'row')})"

    def describe(self) -> Description:
        """Return how many rows changed, and the first of the frame: what a notebook shows."""
        rows = Counts(f"A frame of {counted(len(self.frame), 'row')}", self._counts())
        return Description("Refreshed", rows, first_rows(self.frame, ".frame"))

    def _counts(self) -> dict[str, int]:
        names = ("added", "updated", "removed")
        return {name: len(keys) for name, keys in zip(names, self[1:], strict=True)}

    def _repr_html_(self) -> str:
        return seen(self)._repr_html_()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return seen(self)._repr_mimebundle_()


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
    if about["kind"] == "user_data" and "record_key" not in frame.columns:
        raise RefusedError("a frame of user_data is refreshed by its column record_key: pull it with that")
    if about["rev"] is not None and _is_whole(frame, about, how):
        with store.snapshot(workflow_key) as snap:
            if snap.workflow.rev == about["rev"]:
                return Refreshed(frame, [], [], [])
            quick = _quickly(snap, frame, about) if _is_plain(about, how) else None
        if quick is not None:
            return quick
    now = tables.again(store, workflow_key, about["kind"], how)
    return Refreshed(now, *_compared(_bare(frame), _bare(now), about["kind"]))


def _is_whole(frame: pd.DataFrame, about: Mapping[str, Any], how: Mapping[str, Any]) -> bool:
    """Return whether the frame is what was pulled, and of nothing that changes without the workflow."""
    return list(frame.shape) == about["shape"] and "unreadable" not in about and not how.get("load")


def _is_plain(about: Mapping[str, Any], how: Mapping[str, Any]) -> bool:
    """Return whether the frame is of whole records, all of them, so that rows can be replaced."""
    asked = ("job_key", "role", "usecols", "dtype_backend", "upstream", "where")
    plain = all(how.get(name) is None for name in asked) and about["records"] == about["shape"][0]
    return plain and (about["kind"] == "user_data" or (about["kind"] in _ROLES and "dtypes" in about))


def _quickly(snap: Snapshot, frame: pd.DataFrame, about: Mapping[str, Any]) -> Refreshed | None:
    """Return the frame with the rows that changed, None where only a whole pull tells what it looks like."""
    kind, frame = about["kind"], _bare(frame)
    if not len(frame):
        return None
    read = _changed_rows if kind == "user_data" else _changed_jobs
    pages = _few(snap.user_data(since=about["rev"], labels=kind == "user_data"), len(frame))
    if pages is None:
        return None
    try:
        old, delta = read(snap, frame, about, pages)
    except InexactChunkError:
        return None
    if delta is None:
        return None
    if not len(delta):
        delta = frame.iloc[:0]
    new = _keys(delta, kind)
    gone = np.array(snap.removed(about["rev"]), dtype=np.int64)
    if not (_ascend(old) and _ascend(new)) or (len(gone) and kind != "user_data"):
        return None
    at = np.searchsorted(old, new)
    there = old[np.minimum(at, len(old) - 1)] == new
    removed = np.isin(old, gone)
    touched = removed.copy()
    touched[at[there]] = True
    # Without the first row, the columns might come in another order.
    specs = recorded.read(snap.workflow.metadata) if kind == "parameters" else {}
    if removed[0] or not _fits(frame, delta, touched, specs):
        return None
    now = _with_rows(frame, delta if there.all() else delta[there], at[there])
    if removed.any():
        now = now[~removed]
    if not there.all():
        order = np.argsort(np.concatenate([old[~removed], new[~there]]), kind="stable")
        now = pd.concat([now, delta[~there]]).take(order)
    if kind == "user_data" and len(gone) + (~there).sum():
        now = now.reset_index(drop=True)
    now.attrs = {"torc": {**about, **_when(snap), "records": len(now), "shape": list(now.shape)}}
    changed = (new[~there], new[there], old[removed])
    return Refreshed(now, *([str(key) for key in keys.tolist()] for keys in changed))


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame without attrs, which pandas copies with every column that is looked at."""
    bare = frame.copy(deep=False)
    bare.attrs = {}
    return bare


def _few(pages: Iterable[UserDataPage], of: int) -> list[UserDataPage] | None:
    """Return pages of changed records; None if they are so many that pulling all anew is faster."""
    gathered, count = [], 0
    for page in pages:
        gathered.append(page)
        count += len(page)
        if count > max(_MANY, of // 5):
            return None
    return gathered


def _changed_rows(
    snap: Snapshot, frame: pd.DataFrame, about: Mapping[str, Any], pages: list[UserDataPage]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the keys of a frame, and the records that changed as `Workflow.user_data` shows them."""
    changed = {key for page in pages for key in page.keys}
    with ThreadPoolExecutor(1) as aside:
        reading = aside.submit(list, snap.links(since=about["rev"]))
        keys = _keys(frame, about["kind"])

        def links() -> Links:
            return Links(page.only([key in changed for key in page.record_keys]) for page in reading.result())

        rows = frames.user_data_frame(snap.workflow.key, pages, links, len(changed), Shape())
    return keys, rows


def _changed_jobs(
    snap: Snapshot, frame: pd.DataFrame, about: Mapping[str, Any], pages: list[UserDataPage]
) -> tuple[np.ndarray, pd.DataFrame | None]:
    """Return the keys of a frame, and the jobs whose records of one role changed.

    No jobs where one has several records of the role, or a record several jobs, or where jobs may have lost
    theirs.
    """
    role = _ROLES[about["kind"]]
    shape = Shape(specs=recorded.read(snap.workflow.metadata) if role == INPUT else {})
    changed = [key for page in pages for key in page.keys]
    with ThreadPoolExecutor(1) as aside:
        reading = aside.submit(list, snap.links(since=about["rev"], labels=False))
        keys = _keys(frame, about["kind"])
        # Most often all of them have the role.
        rows = _decoded(pages, shape)
        linked = reading.result()
    known = {key for page in linked for key in page.record_keys}
    made = {record for page in linked for record in page.records_as(OUTPUT)}
    links = [
        (record, job)
        for page in linked
        for record, job, its in zip(page.record_keys, page.job_keys, page.roles, strict=True)
        if its == role and (role == OUTPUT or record not in made)
    ]
    job_of, jobs = dict(links), [job for _, job in links]
    single = len({*jobs}) == len(jobs) == len(job_of)
    if not single or not known.issuperset(changed) or tables.digest_of(shape.specs) != about["dtypes"]:
        return keys, None
    wanted = [key for key in changed if key in job_of]
    added = ~np.isin(np.array(jobs, dtype=np.int64), keys)
    # Records whose links changed count as changed: a job that lost its record left one without the role,
    # or it went to a job that is new here. Counting is as long as a sixth of a pull.
    doubtful = len(wanted) < len(changed) or added.any()
    if doubtful and snap.count_user_data(role=role) != len(keys) + added.sum():
        return keys, None
    if len(wanted) < len(changed):
        rows = _decoded([page.only(set(wanted)) for page in pages], shape)
    order = {key: place for place, key in enumerate(wanted)}
    chosen = [key for key, _ in links if key in order]
    places = [order[key] for key in chosen]
    if places != list(range(len(rows))):
        rows = rows.take(places)
    rows.index = key_index([job_of[key] for key in chosen])
    return keys, rows


def _decoded(pages: Iterable[UserDataPage], shape: Shape) -> pd.DataFrame:
    """Return one row a record, its data alone."""
    columns = shape.columns()
    for page in pages:
        columns.add_page((page.keys, page.data))
    return frame_of(series_of(columns.finish(), shape, columns.length), columns.length)


def _fits(frame: pd.DataFrame, delta: pd.DataFrame, touched: np.ndarray, specs: Mapping[str, Spec]) -> bool:
    """Return whether a whole pull would give the same columns, of the same dtypes, with these other rows."""
    if list(delta.columns) != list(frame.columns) or touched.all():
        return False
    stays = int(np.argmin(touched))
    for (name, old), (_, other) in zip(frame.items(), delta.items(), strict=True):
        if name in RESERVED and frame.index.name is None:
            continue
        values, new = old.array, other.array
        if values.dtype != new.dtype:
            return False
        spec = specs.get(str(name))
        if spec is not None and str(values.dtype) == spec["dtype"]:
            continue  # its place and dtype are recorded, and hold all values
        first = [values[0], new[0]] if touched[0] else [values[0]]
        if any(map(is_missing, first)):
            return False
        if not _keeps_its_dtype(values, touched, stays):
            return False
    return True


def _keeps_its_dtype(values: Any, touched: np.ndarray, stays: int) -> bool:
    """Return whether the rows that stay, one of which is told, are reason enough for a column's dtype."""
    kind = str(values.dtype)
    if kind in _WITH_GAPS:
        rest = values[~touched]
        return bool(rest.isna().any() and not rest.isna().all())
    tells = _TELLS.get(kind, lambda value: not is_missing(value))
    return tells(values[stays]) or any(map(tells, values[~touched].tolist()))


def _is_object(value: Any) -> bool:
    """Return whether a column with this value is of objects for certain; texts are before pandas 3."""
    return isinstance(value, list) or (isinstance(value, str) and _TEXTS_ARE_OBJECTS)


_TEXTS_ARE_OBJECTS = pd.api.types.is_object_dtype(text_column([["x"]]).dtype)
_WITH_GAPS = ("Int64", "boolean")
_TELLS: dict[str, Callable[[Any], bool]] = {
    # Floats without a fraction become integers, if there are no others.
    "float64": lambda value: value % 1 > 0,
    "object": _is_object,
}


def _with_rows(frame: pd.DataFrame, rows: pd.DataFrame, at: np.ndarray) -> pd.DataFrame:
    """Return a frame with other rows at some places; columns in which nothing differs are shared."""
    now = frame.copy(deep=False)
    for place, ((_, old), (_, new)) in enumerate(zip(frame.items(), rows.items(), strict=True)):
        if not _same(old.array.take(at), new.array):
            now.isetitem(place, _replaced(old.array, at, new.array))
    return now


def _same(values: Any, others: Any) -> bool:
    """Return whether values are the same to the bit: 0.0 is not -0.0, and True in a list is not 1."""
    if not isinstance(values, pd.arrays.NumpyExtensionArray):
        return bool(values.equals(others))
    one, other = values.to_numpy(), others.to_numpy()
    if not one.dtype.hasobject:
        return bool(one.tobytes() == other.tobytes())
    cells = [*one.tolist(), *other.tolist()]
    texts = {*map(type, cells)} <= {str, type(None)}
    return texts and cells[: len(one)] == cells[len(one) :]


def _replaced(values: Any, at: np.ndarray, others: Any) -> Any:
    if isinstance(values, pd.arrays.NumpyExtensionArray):
        changed = values.copy()
        changed[at] = others
        return changed
    # Arrow writes a few values much more slowly than it takes all.
    order = np.arange(len(values))
    order[at] = len(values) + np.arange(len(at))
    return type(values)._concat_same_type([values, others]).take(order)


def _keys(frame: pd.DataFrame, kind: str) -> np.ndarray:
    keys = frame["record_key"] if kind == "user_data" else frame.index
    texts = keys.to_numpy() if isinstance(keys.dtype, np.dtype) else keys.array
    return np.asarray(pa.array(texts, pa.string()).cast(pa.int64()))


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
    here, there = (np.array([places[key] for key in both], dtype=np.intp) for places in (before, after))
    updated = np.zeros(len(both), dtype=bool)
    for name in dict.fromkeys([*old.columns, *new.columns]):
        if name != "rev":
            updated |= _different(_column(old, name, here), _column(new, name, there))
    return added, list(compress(both, updated)), removed


def _by_key(frame: pd.DataFrame, kind: str) -> dict[str, int]:
    keys = frame["record_key"] if kind == "user_data" else frame.index
    return {key: at for at, key in enumerate(keys.tolist())}


def _column(frame: pd.DataFrame, name: str, places: np.ndarray) -> pd.Series:
    if name not in frame.columns:
        return pd.Series([None] * len(places), dtype="object")
    return pd.Series(frame[name].array.take(places))


def _different(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Return where two columns hold what is not the same as JSON."""
    different = differing(one, other)
    places = np.flatnonzero(different)
    cells = (encode(taken(column, places))[0] for column in (one, other))
    different[places] = [not same(left, right) for left, right in zip(*cells, strict=True)]
    return different
