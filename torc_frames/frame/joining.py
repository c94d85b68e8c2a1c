"""Several records of one job as one object, value by value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from torc_frames.errors import ConflictError, RefusedError
from torc_frames.frame.flatten import DATA, Path, join, leaves
from torc_frames.frame.values import canonical

__all__ = ["OnClash", "check_on_clash", "join_records"]

OnClash = Literal["error", "last", "list"]


def check_on_clash(on_clash: str) -> None:
    """Refuse what is no way to join records."""
    if on_clash not in ("error", "last", "list"):
        raise RefusedError(f"on_clash={on_clash!r}: use 'error', 'last' or 'list'")


def join_records(
    records: Iterable[Any], whose: str, on_clash: OnClash = "error", whole: frozenset[Path] = frozenset()
) -> dict[Path, Any]:
    """Return the values of decoded records by path; null is no value, equal values are one.

    Parameters
    ----------
    records : iterable of JSON values
        In their order; a record that is no object is at ``("data",)``.
    whose : str
        The job, for messages.
    on_clash : {"error", "last", "list"}
        What to do where records hold different values at one path.
    whole : frozenset of path
        Objects at these paths are values.

    Raises
    ------
    ConflictError
        With ``on_clash="error"``, naming the job and the key.
    """
    joined: dict[Path, Any] = {}
    several: set[Path] = set()
    for data in records:
        if data is None:
            continue
        pairs = leaves(data, whole) if isinstance(data, dict) else [((DATA,), data)]
        for path, value in pairs:
            before = joined.get(path)
            if before is None or value is None:
                joined[path] = value if before is None else before
            elif on_clash == "list":
                joined[path] = [*(before if path in several else [before]), value]
                several.add(path)
            elif on_clash == "last":
                joined[path] = value
            elif canonical(before) != canonical(value):
                raise ConflictError(
                    f"{whose} has {join(path)!r} in several records with different values; "
                    "pull with on_clash='last' or 'list' (in the shell --on-clash), or read user_data()"
                )
    return joined
