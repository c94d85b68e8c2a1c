"""What a worker carries in a call, so that it and what it starts are found when its parent is gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from torc_frames.settings import is_secret
from torc_frames.workflow.run.call import Function, Outcome, call
from torc_frames.workflow.run.processes import MARK, is_child_of

__all__ = ["begin_worker", "marked_call"]

_own_worker = False


def begin_worker() -> None:
    """Say that this process does nothing but calls of one map, one after the other.

    What it starts is marked by its environment then. Torc's passwords are taken out of it: an embedded store
    needs none.
    """
    global _own_worker
    _own_worker = True
    for name in [name for name, value in os.environ.items() if is_secret(name, value)]:
        del os.environ[name]


def marked_call(mark: str, func: Function | str, row: bytes, whose: str) -> Outcome:
    """Do a call (see `call`) with the mark of its job on this process."""
    with _marked(mark):
        return call(func, row, whose)


@contextmanager
def _marked(mark: str) -> Iterator[None]:
    file = _mark_file(mark)
    if _own_worker:
        os.environ[MARK] = mark
    try:
        yield
    finally:
        if _own_worker:
            os.environ.pop(MARK, None)
        if file is not None:
            os.close(file)


def _mark_file(mark: str) -> int | None:
    """Open a file in memory whose name is the mark: others see it in this process's list of open files.

    Only in workers that the mapping process has started: those of a cluster do the calls of others, too.
    """
    if not _is_child_of(mark.rpartition("/")[0], os.getppid()):
        return None
    try:
        return os.memfd_create(mark)
    except (AttributeError, OSError):  # not Linux
        return None


@lru_cache(maxsize=8)
def _is_child_of(runner: str, _parent: int) -> bool:
    return is_child_of(runner)
