"""Tables of a workflow as streams of Arrow record batches, and those as Parquet datasets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

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
from torc_frames.workflow.pull.spool import Spool
from torc_frames.workflow.pull.spooled import JobRows, RecordRows, SpooledRows

__all__ = ["TableStream", "Wanted", "What", "stream", "to_parquet"]

What = Literal["user_data", "parameters", "results"]

_ROLES: dict[str, Role] = {"parameters": INPUT, "results": OUTPUT}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which table of a workflow, and how."""

    what: What = "user_data"
    role: Role | None = None
    on_clash: OnClash = "names"
    shape: Shape = field(default_factory=Shape)
    show: bool = True

    def __post_init__(self) -> None:
        if self.what not in get_args(What):
            raise RefusedError(
                f"what={self.what!r}: use {', '.join(map(repr, get_args(What)))}; parameters and results are "
                "joined by their job_key"
            )
        check_role(self.role)
        if self.role is not None and self.what != "user_data":
            raise RefusedError(f"role={self.role!r} goes with what='user_data'")
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

    def __init__(self, rows: SpooledRows, about: Mapping[str, Any], shape: Shape, spool: Spool) -> None:
        names = ordered(map(join, rows.paths), rows.specs, beside_reserved=rows.index is None)
        if rows.index is None:
            chosen = choose([*rows.labels, *names], shape.usecols)
            self._labels = [name for name in chosen if name in rows.labels]
            first = [label_field(name) for name in self._labels]
        else:
            chosen = choose(names, shape.usecols)
            self._labels, first = [rows.index], []
        _check_names(chosen)
        self._fields = rows.survey.fields(rows.paths, chosen[len(first) :])
        self.schema: pa.Schema = schema_of([*first, *self._fields], rows.index, about)
        self.num_rows = len(rows)
        self._rows = rows
        self._spool = spool
        self._fixed = True

    def __repr__(self) -> str:
        return f"TableStream({self.num_rows} rows, {len(self.schema)} columns)"

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for labels, arrays in self._rows.pages(self._arrays):
            first = [labels[name] for name in self._labels]
            yield pa.record_batch([*first, *arrays], schema=self.schema)

    def _arrays(self, columns: Mapping[Any, Any], length: int) -> list[pa.Array]:
        return [field.array(columns, length) for field in self._fields]

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
        self._spool.close()


def stream(
    store: Store, workflow_key: str, wanted: Wanted, folder: str | os.PathLike[str] | None = None
) -> TableStream:
    """Read a table of a workflow, and return it as a stream; see `Workflow.stream`."""

    def build(read: Reading) -> tuple[SpooledRows, Spool]:
        spool = Spool(folder)
        if wanted.what == "user_data":
            return RecordRows(read, wanted.role, spool), spool
        return JobRows(read, _ROLES[wanted.what], wanted.on_clash, spool), spool

    has_dtypes = INPUT in (wanted.role, _ROLES.get(wanted.what))
    (rows, spool), _, about = verified(
        store, workflow_key, build, wanted.shape, wanted.show, has_dtypes, wanted.what
    )
    return TableStream(rows, about, wanted.shape, spool)


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
