"""Tables of a workflow as streams of Arrow record batches, and those as Parquet datasets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

import pyarrow as pa

from torc_frames.errors import Problem, RefusedError
from torc_frames.files.arrow import label_field, schema_of
from torc_frames.files.dataset import check_rows_per_file, new_dataset, write_parts
from torc_frames.frame.flatten import join
from torc_frames.frame.joining import OnClash, check_on_clash
from torc_frames.frame.shape import Shape, choose, ordered
from torc_frames.store.base import Store
from torc_frames.store.records import INPUT, OUTPUT, Role
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.progress import progress
from torc_frames.workflow.pull.reading import Reading, check_role, verified
from torc_frames.workflow.pull.runs import JobColumns
from torc_frames.workflow.pull.spool import Spool
from torc_frames.workflow.pull.spooled import JobRows, RecordRows, SpooledRows
from torc_frames.workflow.pull.table_rows import TableRows

__all__ = ["TableStream", "Wanted", "What", "stream", "to_parquet"]

What = Literal["user_data", "parameters", "results", "table"]

_ROLES: dict[str, Role] = {"parameters": INPUT, "results": OUTPUT}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which table of a workflow, and how."""

    what: What = "user_data"
    role: Role | None = None
    on_clash: OnClash = "names"
    shape: Shape = field(default_factory=Shape)
    show: bool = True
    job_columns: JobColumns = False

    def __post_init__(self) -> None:
        if self.what not in get_args(What):
            raise RefusedError(f"what={self.what!r}: use {', '.join(map(repr, get_args(What)))}")
        check_role(self.role)
        if self.role is not None and self.what != "user_data":
            raise RefusedError(f"role={self.role!r} goes with what='user_data'")
        if self.job_columns is not False and self.what != "table":
            raise RefusedError(f"job_columns={self.job_columns!r} goes with what='table'")
        check_on_clash(self.on_clash)


class TableStream(Fixed):
    """A table of a workflow in batches, made by `Workflow.stream`.

    It was read whole and verified, and lies in a temporary file: what is changed in the store meanwhile does
    not show, and the store is not held up. Whatever speaks Arrow's PyCapsule protocol reads it batch by
    batch, as often as wanted: ``pyarrow.table(stream)``, ``polars.DataFrame(stream)``,
    ``duckdb.sql("SELECT … FROM stream")``, ``pandas.DataFrame.from_arrow(stream)``.

    Attributes
    ----------
    schema : pyarrow.Schema
        Decided over the whole table. By its metadata ``pyarrow.table(stream).to_pandas()`` has the dtypes,
        the index and the ``attrs`` of a pull.
    num_rows : int
    """

    def __init__(
        self,
        schema: pa.Schema,
        num_rows: int,
        pages: Callable[[], Iterator[list[pa.Array]]],
        close: Callable[[], object],
    ) -> None:
        self.schema = schema
        self.num_rows = num_rows
        self._pages = pages
        self._close = close
        self._fixed = True

    def __repr__(self) -> str:
        return f"TableStream({self.num_rows} rows, {len(self.schema)} columns)"

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for arrays in self._pages():
            yield pa.record_batch(arrays, schema=self.schema)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, iter(self))
        return reader.__arrow_c_stream__(requested_schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the temporary file; otherwise that happens when nothing refers to the stream any more."""
        self._close()


def stream(
    store: Store, workflow_key: str, wanted: Wanted, folder: str | os.PathLike[str] | None = None
) -> TableStream:
    """Read a table of a workflow, and return it as a stream; see `Workflow.stream`."""
    if wanted.what == "table":
        return _table(store, workflow_key, wanted, folder)

    def build(read: Reading) -> tuple[SpooledRows, Spool]:
        spool = Spool(folder)
        if wanted.what == "user_data":
            return RecordRows(read, wanted.role, spool), spool
        return JobRows(read, _ROLES[wanted.what], wanted.on_clash, spool), spool

    has_dtypes = INPUT in (wanted.role, _ROLES.get(wanted.what))
    (rows, spool), _, about = verified(
        store, workflow_key, build, wanted.shape, wanted.show, has_dtypes, wanted.what
    )
    names = ordered(map(join, rows.paths), rows.specs, beside_reserved=rows.index is None)
    if rows.index is None:
        chosen = choose([*rows.labels, *names], wanted.shape.usecols)
        labels = [name for name in chosen if name in rows.labels]
        first = [label_field(name) for name in labels]
    else:
        chosen = choose(names, wanted.shape.usecols)
        labels, first = [rows.index], []
    _check_names(chosen)
    fields = rows.survey.fields(rows.paths, chosen[len(first) :])

    def pages() -> Iterator[list[pa.Array]]:
        found = rows.pages(lambda columns, length: [one.array(columns, length) for one in fields])
        for of_rows, arrays in found:
            yield [*(of_rows[name] for name in labels), *arrays]

    return TableStream(schema_of([*first, *fields], rows.index, about), len(rows), pages, spool.close)


def _table(
    store: Store, workflow_key: str, wanted: Wanted, folder: str | os.PathLike[str] | None
) -> TableStream:
    rows, _, about = verified(
        store,
        workflow_key,
        lambda read: TableRows(read, wanted.on_clash, wanted.job_columns, folder),
        wanted.shape,
        wanted.show,
        True,
        wanted.what,
    )
    _check_names(one.name for one in rows.fields)
    return TableStream(schema_of(rows.fields, rows.index, about), len(rows), rows.pages, rows.close)


def to_parquet(
    store: Store,
    workflow_key: str,
    path: str | os.PathLike[str],
    wanted: Wanted,
    *,
    overwrite: bool,
    max_rows_per_file: int,
) -> Path:
    """Write a table of a workflow to a folder of Parquet files; see `Workflow.to_parquet`."""
    check_rows_per_file(max_rows_per_file)
    with (
        new_dataset(path, overwrite=overwrite) as folder,
        stream(store, workflow_key, wanted, folder) as table,
        progress(table.num_rows, "write", wanted.show, unit="row") as bar,
    ):
        write_parts(folder, table.schema, _counted(table, bar.update), max_rows_per_file)
    return Path(path)


def _check_names(names: Iterable[str]) -> None:
    problems = [
        Problem(None, name, "Arrow's names have no NUL; leave it out (usecols)")
        for name in names
        if "\0" in name
    ]
    if problems:
        raise RefusedError(problems)


def _counted(batches: Iterable[pa.RecordBatch], update: Callable[[int], object]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch
        update(batch.num_rows)
