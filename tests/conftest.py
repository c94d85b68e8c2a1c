"""Fixtures that several test modules share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stores import STORES, StoreKind

from torc_frames.store.base import RunnableStore


@pytest.fixture(params=list(STORES))
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    """Every kind of store in turn."""
    return STORES[request.param]


@pytest.fixture
def store(store_kind: StoreKind, tmp_path: Path) -> Iterator[RunnableStore]:
    """An empty store, to write through."""
    store = store_kind.make(tmp_path)
    yield store
    store.close()


@pytest.fixture
def reader(store: RunnableStore, store_kind: StoreKind) -> Iterator[RunnableStore]:
    """The same store, opened a second time by its url."""
    reader = store_kind.open(store.url)
    yield reader
    reader.close()
