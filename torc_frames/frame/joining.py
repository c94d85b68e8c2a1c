"""Several records of one job as one object, value by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from torc_frames.errors import ConflictError, RefusedError, shorten
from torc_frames.frame.flatten import DATA, Path, above, job_column, leaves, moved_name, set_path
from torc_frames.frame.values import canonical

__all__ = ["Joined", "Joiner", "OnClash", "Shown", "check_on_clash", "joined_cells", "joined_parameters"]

OnClash = Literal["names", "error", "last", "list"]
"""What to do with a key that several records of one job hold with different values."""

Names = Callable[[], Mapping[str, str | None]]
"""Gives the names of records by key; asked only where they are needed."""

Shown = Mapping[Path, Sequence[Any]]
"""What a table has of one job: by path the value that was pulled, and the one that it is now."""

_NOTHING: Shown = {}

_MOST_NAMES = 1_000
"""How many columns are made of names of records at most; more of them would be no table."""


class Joined(NamedTuple):
    """A value of a job, and where it is from."""

    value: Any
    places: list[tuple[int, Path]]
    """Which of the records hold it, and at which path; none for a null."""

    are_apart: bool = False
    """Whether the value is a list of what each of the places holds."""


def check_on_clash(on_clash: str) -> None:
    """Refuse what is no way to join records."""
    if on_clash not in get_args(OnClash):
        told = ", ".join(map(repr, get_args(OnClash)))
        raise RefusedError(f"on_clash={on_clash!r}: use one of {told}")


def joined_cells(
    records: Sequence[Any],
    names: Callable[[], Sequence[str | None]],
    whose: str,
    on_clash: OnClash = "names",
    whole: frozenset[Path] = frozenset(),
    shown: Shown = _NOTHING,
) -> dict[Path, Joined]:
    """Return the values of decoded records by path; null is no value, equal values are one.

    Parameters
    ----------
    records : sequence of JSON values
        In their order; a record that is no object is at ``("data",)``.
    names : callable
        Returns their names.
    whose : str
        The job, for messages.
    on_clash : {"names", "error", "last", "list"}
        What to do where records hold different values at one path. By their names, the path begins with the
        name of the record; where names don't tell them apart, the values are a list.
    whole : frozenset of path
        Objects at these paths are values.
    shown : mapping
        What a table has of the job: with names, its values are told apart, or lists, where the table's are.

    Raises
    ------
    ConflictError
        With ``on_clash="error"``, naming the job and the key.
    """
    held: dict[Path, list[tuple[int, Any]]] = {}
    for at, data in enumerate(records):
        if data is None:
            continue
        for path, value in leaves(data, whole) if isinstance(data, dict) else [((DATA,), data)]:
            held.setdefault(path, []).append((at, value))
    cells: dict[Path, Joined] = {}
    for path, found in held.items():
        valued = [(at, value) for at, value in found if value is not None]
        places = [(at, path) for at, _ in valued]
        if shown and on_clash == "names" and (as_shown := _as_shown(path, found, names(), held, shown)):
            cells |= as_shown
        elif not valued:
            cells[path] = Joined(None, [])
        elif len(valued) == 1 or (on_clash != "list" and len({canonical(value) for _, value in valued}) == 1):
            cells[path] = Joined(valued[-1 if on_clash == "last" else 0][1], places)
        elif on_clash == "last":
            cells[path] = Joined(valued[-1][1], places)
        elif on_clash == "error":
            raise ConflictError(
                f"{whose} has {job_column(path)!r} in several records with different values; pull without "
                "on_clash='error' (in the shell --on-clash), or read user_data()"
            )
        else:
            apart = _apart(path, valued, names(), held) if on_clash == "names" else None
            cells |= apart or {path: Joined([value for _, value in valued], places, are_apart=True)}
    return cells


def joined_parameters(records: Sequence[Any], names: Sequence[str | None]) -> dict[str, Any]:
    """Return the keys and values of a job's decoded input records; see `torc_frames.Job.parameters`."""
    if len(records) == 1 and isinstance(records[0], dict):
        return records[0]
    cells = joined_cells(records, lambda: names, "")
    over = {top: cells[top].value for path in cells if (top := above(path, cells))}
    # What is a value in one record and an object in another one is told apart as a whole.
    whole = frozenset(top for top, value in over.items() if value is not None and value != {})
    if whole:
        cells = joined_cells(records, lambda: names, "", whole=whole)
    joined: dict[str, Any] = {}
    for path, cell in cells.items():
        if path in whole or path not in over:
            set_path(joined, path, cell.value)
    return joined


def _apart(
    path: Path, valued: list[tuple[int, Any]], names: Sequence[str | None], held: Mapping[Path, object]
) -> dict[Path, Joined] | None:
    """Return values told apart by the names of their records, None where those don't."""
    own = [name for at, _ in valued if (name := names[at])]
    if len({*own}) < len(valued) or not {*own}.isdisjoint(key for key, *_ in held):
        return None
    return {(name, *path): Joined(value, [(at, path)]) for name, (at, value) in zip(own, valued, strict=True)}


def _as_shown(
    path: Path,
    found: list[tuple[int, Any]],
    names: Sequence[str | None],
    held: Mapping[Path, object],
    shown: Shown,
) -> dict[Path, Joined] | None:
    """Return values told apart, or as a list, where a table has them so; None where it has not."""
    if any((name, *path) in shown for name in names if name):
        return _apart(path, found, names, held)
    valued = [pair for pair in found if pair[1] is not None]
    first, *_ = told = shown.get(path, [None])
    for pairs in (found, valued):
        texts = [canonical(value) for _, value in pairs]
        was_list = isinstance(first, list) and len(first) == len(pairs)
        same = was_list and f"[{','.join(texts)}]" in map(canonical, told)
        differ = path in shown and pairs is valued and len({*texts}) > 1
        if len(pairs) > 1 and (same or differ):
            values, places = [value for _, value in pairs], [(at, path) for at, _ in pairs]
            return {path: Joined(values, places, are_apart=True)}
    return None


class Joiner:
    """The records of many jobs, a row each.

    Parameters
    ----------
    on_clash, whole
        See `joined_cells`.
    names : callable
        Returns the names of all records.

    Attributes
    ----------
    lists : dict
        By path of what became lists, as names did not tell it apart, one of the jobs.
    """

    def __init__(self, on_clash: OnClash, whole: frozenset[Path], names: Names) -> None:
        self._on_clash: OnClash = on_clash
        self._whole = whole
        self._read_names = names
        self._names: Mapping[str, str | None] | None = None
        self._by_name: set[Path] = set()
        self.lists: dict[Path, str] = {}

    def is_too_wide(self) -> bool:
        """Return whether names made so many columns that what was joined has to be joined once more."""
        if len(self._by_name) <= _MOST_NAMES:
            return False
        self._by_name.clear()
        self._read_names = dict
        self._names = None
        return True

    def row(
        self, keys: Sequence[str], records: Sequence[Any], whose: str, shown: Shown = _NOTHING
    ) -> dict[Path, Any]:
        """Return the values of one job's records by the path at which they show."""
        cells = joined_cells(records, lambda: self._names_of(keys), whose, self._on_clash, self._whole, shown)
        row = {}
        for path, cell in cells.items():
            if self._on_clash == "names":
                if cell.are_apart:
                    self.lists.setdefault(path, whose)
                elif cell.places and cell.places[0][1] != path:
                    self._by_name.add(path)
            row[moved_name(path)] = cell.value
        return row

    def _names_of(self, keys: Sequence[str]) -> list[str | None]:
        if self._names is None:
            self._names = self._read_names()
        return [self._names.get(key) for key in keys]

    def told(self) -> str | None:
        """Return what to say of cells that became lists."""
        if not self.lists:
            return None
        columns = shorten([repr(job_column(path)) for path in self.lists])
        return f"{columns} (as of {next(iter(self.lists.values()))})"
