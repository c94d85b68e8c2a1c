"""Pushing a table: doing in bulk what was decided."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from torc_frames.errors import ConflictError, NotFoundError, UnavailableError, shorten
from torc_frames.files.foreign import Table
from torc_frames.files.pointers import LARGE_BYTES, warn_if_large
from torc_frames.frame import recorded
from torc_frames.frame.column import Column
from torc_frames.frame.dtypes import restore
from torc_frames.frame.flatten import job_column
from torc_frames.frame.shape import column_index, key_index
from torc_frames.frame.values import encode_data
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.parallel import TELL_S
from torc_frames.store.records import INPUT, AddedJobs, NewJobs
from torc_frames.workflow.progress import Bar, Progress, progress, watched
from torc_frames.workflow.push.edits import Base, keep_base, same_dtype
from torc_frames.workflow.push.records import nowhere
from torc_frames.workflow.push.resources import dependencies
from torc_frames.workflow.push.steps import (
    Steps,
    advise,
    commands_of,
    decide,
    jobs_by_columns,
    names_of,
    told_remembered,
    whole_paths,
)
from torc_frames.workflow.push.stored import Existing, read_existing
from torc_frames.workflow.push.table import Prepared, PushOptions, prepare, told_of
from torc_frames.workflow.seen import rev_of_content, written_revs

__all__ = ["apply", "made", "planned", "push"]

CHUNK = 200_000
"""How many jobs are added at once, at most."""

MANY = 100
"""From so many edited jobs on all jobs are read, in pages, instead of each."""

_FIRST_ROWS = 200

_MOST_RECIPES_BYTES = 500_000
"""A torc-server takes 2 MiB of metadata, dtypes included."""


def push(
    store: Store, workflow_key: str, df: Table, options: PushOptions, *, show_progress: Progress
) -> pd.DataFrame:
    """Make a job of each row, or update the jobs it names; see `Workflow.push`."""
    prepared = prepare(store, workflow_key, df, options, only_edits=True)
    pushed = apply(store, workflow_key, prepared, None, show_progress)
    done = pushed.attrs["torc"]
    if show_progress is True and "remembered" in done:
        print(told_remembered(done["remembered"], done["added"]), file=sys.stderr)
    return pushed


def apply(
    store: Store, workflow_key: str, prepared: Prepared, shown: Steps | None, show_progress: Progress
) -> pd.DataFrame:
    """Do what a table asks for, and return the table as it is then.

    Parameters
    ----------
    shown : Steps or None
        What the user has seen and agreed to: part of it may be done already, nothing else may have changed.
    """
    options = prepared.options
    with store.transaction(), told_of(prepared.rows):
        existing, steps = planned(store, workflow_key, prepared, again=True)
        steps.check()
        if shown is not None:
            _check_same(shown, steps)
        jobs, patch = made(prepared, steps, existing, shown)
        advise(store, workflow_key, prepared, steps, existing)
        _warn(prepared, steps)
        paced = watched(show_progress)
        total = len(existing.deleted) + len(jobs) + len(steps.changed)
        with progress(total, "push", show_progress, unit="job") as bar:
            _delete(store, workflow_key, options.delete, existing, bar, again=shown is not None)
            written = _write(store, workflow_key, steps, patch, existing, _Writing(bar, steps), paced)
            added = _add(store, workflow_key, jobs, bar, paced)
            if options.drop:
                _forget_columns(store, workflow_key, prepared, steps, existing)
        rev = store.get_workflow(workflow_key).rev
    for row, key in zip(steps.new, added.job_keys, strict=True):
        steps.job_keys[row] = key
    new = zip(added.input_keys, jobs.inputs, strict=True)
    added_records = {key: raw for key, raw in new if key is not None and raw is not None}
    now = _now(prepared, steps, existing, rev, written, added_records)
    pushed = _pushed(prepared, steps)
    counts = {**_counts(len(pushed), len(jobs), len(steps.changed)), "deleted": len(existing.deleted)}
    remembered = {"remembered": steps.remembered} if steps.remembered else {}
    about = {"url": store.url, "workflow_key": workflow_key, "kind": "parameters"}
    pushed.attrs["torc"] = {**about, **now, **counts, **remembered}
    keep_base(pushed, {(key, job_column(path)): before for (key, path), before in steps.left.items()})
    before = prepared.table.attrs.get("torc")
    if prepared.seen is not None and isinstance(before, dict):
        # What else the table says was there when it was pulled: later changes alone are conflicts.
        rest = {key: value for key, value in before.items() if key not in ("rev", "revs")}
        prepared.table.attrs["torc"] = {**rest, **now, "base": pushed.attrs["torc"]["base"]}
    return pushed


def planned(
    store: Store, workflow_key: str, prepared: Prepared, *, again: bool = False
) -> tuple[Existing, Steps]:
    """Return what the workflow has, as far as a table is about it, and what a push of that would do.

    Where this may be done in part already, jobs that are to be deleted need not be there.
    """
    delete = prepared.options.delete
    only = None
    if prepared.rows is not None and len(prepared.rows) <= MANY:
        only = [str(key) for key in prepared.targets.values]
    elif prepared.options.on is not None and prepared.options.are_of_cells and prepared.frame.length <= MANY:
        only = jobs_by_columns(store, workflow_key, prepared)
    existing = read_existing(store, workflow_key, prepared.seen, () if again else delete, only)
    existing.leave_out(delete)
    return existing, decide(store, prepared, existing)


def _now(
    prepared: Prepared,
    steps: Steps,
    existing: Existing,
    rev: str | None,
    written: Mapping[str, str],
    added: Mapping[str, bytes],
) -> dict[str, Any]:
    """Return what a table has seen of the store when it was pushed.

    Where others have written as well, or not all was read, their changes are still to be found by the next
    push of the table: it has seen what it had seen, and what it wrote itself.
    """
    seen = prepared.seen
    is_same = seen is not None and seen.rev is not None and seen.rev == existing.rev
    if seen is None or ((is_same or (prepared.rows is None and not existing.is_part)) and not existing.newer):
        if rev is not None:
            return {"rev": rev}
        before = {
            key: existing.revs[key] for job in steps.job_keys for key in existing.of_job.get(job or "", ())
        }
    else:
        before = dict(seen.revs)
        written = {key: one for key, one in written.items() if key not in existing.newer}
    revs = {**before, **written, **{key: rev_of_content(raw) for key, raw in added.items()}}
    told = {"revs": written_revs({key: one for key, one in revs.items() if one is not None})}
    return {"rev": None if seen is None else seen.rev, **told}


def made(
    prepared: Prepared, steps: Steps, existing: Existing, shown: Steps | None = None
) -> tuple[NewJobs, dict[str, Any]]:
    """Return the new jobs, and the patch of the metadata, {} if it stays as it is.

    Raises
    ------
    NotFoundError, RefusedError
        For all that these can't be: nothing that is refused is found later, but by the store itself.
    """
    options, rows = prepared.options, steps.new
    steps.remembered = options.remembered(existing.metadata, prepared.frame.cells) if rows else {}
    has_name = options.name or "name" in steps.remembered
    waits = dependencies(options.depends_on, prepared.frame.length, existing.jobs, options.delete)
    # What a plan has filled in is not filled in again; names that are counted depend on the store.
    same = shown.jobs if shown is not None and shown.new == rows else None
    jobs = NewJobs(
        names=same.names if same and has_name else names_of(prepared, steps, existing),
        commands=same.commands if same else commands_of(prepared, steps),
        inputs=[prepared.lines[row] for row in rows],
        outputs=options.outputs,
        depends_on=waits and [waits[row] for row in rows],
        resources=prepared.needs and [prepared.needs[row] for row in rows],
    )
    return jobs, _recorded(prepared, steps, existing)


def _pushed(prepared: Prepared, steps: Steps) -> pd.DataFrame:
    if prepared.rows is not None:
        rows = prepared.rows.tolist()
        places = {
            name: {rows[row]: cell for row, cell in by.items()} for name, by in prepared.differing.items()
        }
        return _with_cells(prepared.whole, places).copy(deep=False)
    table = _with_cells(prepared.whole, prepared.differing).set_axis(key_index(steps.job_keys), axis=0)
    return table.set_axis(column_index(prepared.frame.paths), axis=1)


def _check_same(shown: Steps, steps: Steps) -> None:
    """Raise ConflictError if more is to be done, or something else, than what was shown."""
    other = {
        f"job {key}"
        for key, cells in steps.cells.items()
        if any(shown.cells.get(key, {}).get(path) != change for path, change in cells.items())
    }
    other |= {f"job {key}" for key in steps.additions if key not in shown.additions}
    other |= {f"job {key}" for key, text in steps.commands.items() if shown.commands.get(key) != text}
    other |= {f"row {row}" for row in steps.new if shown.job_keys[row] is not None}
    if other:
        told = shorten(sorted(other))
        raise ConflictError(f"changed in the store since the plan was made: {told}; plan again")


def _counts(rows: int, added: int, changed: int) -> dict[str, int]:
    return {"added": added, "changed": changed, "unchanged": rows - added - changed}


def _with_cells(table: pd.DataFrame, differing: Mapping[str, Mapping[int, Any]]) -> pd.DataFrame:
    """Return a table with some cells replaced, by column and row."""
    if not differing:
        return table
    table = table.copy()
    for name, cells in differing.items():
        values = table[name].array.copy()
        if pd.api.types.is_object_dtype(values.dtype):
            for row, value in cells.items():
                values[row] = value  # which may be a list
        else:
            values[list(cells)] = list(cells.values())
        table[name] = values
    return table


def _recorded(prepared: Prepared, steps: Steps, existing: Existing) -> dict[str, Any]:
    """Return the patch of the metadata, {} if it stays as it is."""
    frame, options = prepared.frame, prepared.options
    empty = {name for name, cells in frame.cells.items() if all(cell is None for cell in cells)}
    names = {*frame.specs} if prepared.base is None else _edited_columns(prepared, prepared.base, steps)
    known = recorded.read(existing.metadata)
    # A row is known by 1.0 as by 1: that is no new dtype of the column.
    cells = {name: Column.of(frame.cells[name]) for name in options.on or () if name in known}
    names -= {name for name, of in cells.items() if restore(of, known[name]) is not None}
    # What was left alone stays as others have recorded it since; where nobody has, all are, in their order.
    specs = {name: spec for name, spec in frame.specs.items() if name in names or not known}
    replaces = names if prepared.rows is None and _names_all(steps, existing) else ()
    patch = recorded.merge(existing.metadata, specs, empty=empty, replaces=replaces, dropped=options.drop)
    patch[recorded.KEY].update(options.to_remember())
    recipe = prepared.recipe
    if recipe is not None:
        before = recorded.recipes(existing.metadata)
        if all(one.get("digest") != recipe["digest"] for one in before):
            patch[recorded.KEY]["recipes"] = _newest([*before, recipe])
    return patch if any(existing.metadata.get(key) != value for key, value in patch.items()) else {}


def _edited_columns(prepared: Prepared, base: Base, steps: Steps) -> set[str]:
    """Return the columns that are new, of another dtype, or have a cell that is written."""
    written = {path for cells in steps.cells.values() for path in cells}
    dtypes, before = prepared.params.dtypes, base.frame.dtypes
    return {
        name
        for name, path in prepared.frame.paths.items()
        if path in written or name not in before.index or not same_dtype(dtypes[name], before[name])
    }


def _names_all(steps: Steps, existing: Existing) -> bool:
    return not existing.is_part and set(existing.of_job) <= set(steps.named)


def _forget_columns(
    store: Store, workflow_key: str, prepared: Prepared, steps: Steps, existing: Existing
) -> None:
    """Forget the dtypes of columns that no job has any more, at last: until then pulls need them."""
    frame, metadata = prepared.frame, store.get_workflow(workflow_key).metadata
    names = [name for name in prepared.options.drop if name in recorded.read(metadata)]
    gone = nowhere(names, existing, steps.updates, whole_paths(existing, frame))
    # So that a column that was renamed keeps its place.
    order = frame.paths if _names_all(steps, existing) else ()
    patch = recorded.without(metadata, gone, order)
    if patch:
        store.merge_metadata(workflow_key, patch)


def _newest(recipes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return as many of the newest recipes as a workflow's metadata has room for."""
    sizes = [len(encode_data(recipe)) for recipe in reversed(recipes)]
    room = sum(size <= _MOST_RECIPES_BYTES for size in itertools.accumulate(sizes))
    return recipes[len(recipes) - room :]


def _warn(prepared: Prepared, steps: Steps) -> None:
    lines = prepared.lines
    written = itertools.chain(lines, steps.additions.values(), steps.updates.values())
    if max(map(len, written), default=0) <= LARGE_BYTES:
        return
    sizes = [(f"row {row}", len(lines[row])) for row in steps.new]
    sizes += [(f"job {key}", len(raw)) for key, raw in steps.additions.items()]
    sizes += [(f"user_data key {key}", len(raw)) for key, raw in steps.updates.items()]
    warn_if_large(sizes)


class _Writing:
    """Counts the jobs that are changed, of which one may take several writes."""

    def __init__(self, bar: Bar, steps: Steps) -> None:
        self._bar = bar
        self._jobs = len(steps.changed)
        self._writes = len(steps.commands) + len(steps.updates) + len(steps.additions)
        self._done = self._told = 0

    def report(self, done: int) -> None:
        """Note that some more writes are done."""
        self._done += done
        jobs = self._jobs * min(self._done, self._writes) // self._writes
        self._bar.update(jobs - self._told)
        self._told = jobs


def _write(
    store: Store,
    workflow_key: str,
    steps: Steps,
    patch: Mapping[str, Any],
    existing: Existing,
    writing: _Writing,
    paced: bool,
) -> dict[str, str]:
    """Change jobs that exist, and return what stands for the revs of their records then."""
    report = writing.report
    written: dict[str, str] = {}
    if patch:
        store.merge_metadata(workflow_key, patch)
    if steps.commands:
        store.update_commands(
            workflow_key, list(steps.commands), list(steps.commands.values()), report=report
        )
    if steps.updates:
        keys, data = list(steps.updates), list(steps.updates.values())
        before = [existing.revs[key] for key in keys]
        revs = store.update_user_data(workflow_key, keys, data, revs=before, report=report)
        written = {key: rev for key, rev in zip(keys, revs, strict=True) if rev is not None}
    keys, data = list(steps.additions), list(steps.additions.values())
    for part in _parts(len(keys), paced):
        added = store.add_user_data(workflow_key, data[part], job_keys=keys[part], role=INPUT)
        written |= {key: rev_of_content(raw) for key, raw in zip(added, data[part], strict=True)}
        report(len(keys[part]))
    return written


def _delete(
    store: Store, workflow_key: str, job_keys: Sequence[str], existing: Existing, bar: Bar, *, again: bool
) -> None:
    """Delete jobs; if this may be done in part already, those that are gone are no error."""
    told, there = 0, len(existing.deleted)

    def report(done: int) -> None:
        nonlocal told
        now = min(done, there - told)
        told += now
        bar.update(now)

    # All are named again at first: so a server's store knows what it has begun.
    while job_keys:
        try:
            store.delete_jobs(workflow_key, job_keys, report=report)
            break
        except NotFoundError as error:
            if not again or error.kind != "job":
                raise
            job_keys = [key for key in job_keys if key not in error.keys]


def _parts(length: int, paced: bool) -> Iterator[slice]:
    """Yield parts of rows, all of them or, where somebody watches, such that take about `TELL_S`."""
    start, size = 0, _FIRST_ROWS if paced else CHUNK
    while start < length:
        begun = time.monotonic()
        yield slice(start, start + size)
        start += size
        if paced:
            took = max(time.monotonic() - begun, TELL_S / 2)
            size = min(CHUNK, max(1, int(size * TELL_S / took)))


def _add(store: Store, workflow_key: str, jobs: NewJobs, bar: Bar, paced: bool) -> AddedJobs:
    made = AddedJobs([], [], [])
    for part in _parts(len(jobs), paced):
        chunk = NewJobs(
            names=jobs.names[part],
            commands=jobs.commands[part],
            inputs=jobs.inputs[part],
            outputs=jobs.outputs,
            depends_on=jobs.depends_on and jobs.depends_on[part],
            resources=jobs.resources and jobs.resources[part],
        )
        try:
            added = store.add_jobs(workflow_key, chunk)
        except UnavailableError as error:
            if not isinstance(store, RunnableStore):
                there = f"{len(made.job_keys):,} of {len(jobs):,} new jobs are there for certain"
                error.add_note(f"{there}: push the same table again, which adds the others and doubles none")
            raise
        made.job_keys.extend(added.job_keys)
        made.input_keys.extend(added.input_keys)
        bar.update(len(chunk))
    return made
