"""The stores that the contract is tested on: how each is made, and opened again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torc_frames.store.base import RunnableStore
from torc_frames.store.sqlite import SQLiteStore


@dataclass(frozen=True)
class StoreKind:
    """One kind of store."""

    make: Callable[[Path], RunnableStore]
    """Makes an empty store, which may keep files in a directory."""

    open: Callable[[str], RunnableStore]
    """Opens the store of a url a second time."""

    snapshots_hold_up_writers: bool = False
    """Whether a write waits until no snapshot is open."""


STORES = {
    "sqlite": StoreKind(make=lambda directory: SQLiteStore(directory / "study.db"), open=SQLiteStore),
    "sqlite-network": StoreKind(
        make=lambda directory: SQLiteStore(directory / "study.db", network=True),
        open=lambda url: SQLiteStore(url, network=True),
        snapshots_hold_up_writers=True,
    ),
}
