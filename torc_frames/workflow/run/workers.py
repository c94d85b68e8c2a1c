"""The workers of a map: an executor that was given, or processes of the call's own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from torc_frames.errors import RefusedError
from torc_frames.workflow.run.call import Function, begin_worker, shown
from torc_frames.workflow.run.processes import end_processes

__all__ = ["Crew", "check_executor", "crew"]

_EACH = 8
"""How many jobs are under way for each worker, so that none waits while results are stored."""

_MANY = 1_000
"""How many are under way where nobody says how many workers there are."""

_GRACE_S = 5.0
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the calls.

    Attributes
    ----------
    executor : Executor
    most : int
        How many calls to have under way.
    stop : callable
        Ends the calls that are running, given the marks of their jobs, where that is possible.
    """

    executor: Executor
    most: int
    stop: Callable[[Iterable[str]], None]


def check_executor(executor: object) -> None:
    """Raise RefusedError for what is no executor."""
    if executor is None or isinstance(executor, Executor):
        return
    if hasattr(executor, "get_executor"):
        mend = "pass client.get_executor()"
    elif isinstance(executor, int):
        mend = f"pass concurrent.futures.ProcessPoolExecutor({executor})"
    else:
        mend = "such as ProcessPoolExecutor, loky's or Dask's client.get_executor()"
    raise RefusedError(f"executor is a concurrent.futures.Executor, not a {type(executor).__name__}: {mend}")


@contextmanager
def crew(executor: Executor | None, func: Function) -> Iterator[Crew]:
    """Give the workers for a function, and leave a given executor open.

    The default is a process for each CPU, which end with the block, or with this process.

    Raises
    ------
    RefusedError
        If the function can not be sent to processes of the standard library.
    """
    if executor is not None:
        if isinstance(executor, ProcessPoolExecutor):
            _try_out(executor, func)
        workers = getattr(executor, "_max_workers", None)
        yield Crew(executor, _EACH * workers if isinstance(workers, int) else _MANY, lambda _: None)
        return
    count = os.cpu_count() or 1
    # Not by fork: a notebook has threads, whose locks a forked process would inherit.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
    try:
        _try_out(pool, func)
        yield Crew(pool, _EACH * count, partial(_stop, pool))
    except BaseException:
        _stop(pool, ())
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _try_out(pool: ProcessPoolExecutor, func: Function) -> None:
    """Send a function to a worker: what can't be found there would end the process without a word."""
    try:
        reason = pool.submit(_missing, pickle.dumps(func)).result()
    except BrokenProcessPool as error:
        raise RefusedError(
            'worker processes do not start; a script needs `if __name__ == "__main__":` around its calls, as '
            f"its workers import it, and stderr may say more ({error})"
        ) from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        reason = str(error)
    if reason is not None:
        raise RefusedError(
            f"{shown(func)} can not be sent to worker processes ({reason}): define it in a module, outside "
            "of any function, or pass an executor that takes any function: loky.get_reusable_executor()"
        )


def _missing(pickled: bytes) -> str | None:
    try:
        pickle.loads(pickled)  # noqa: S301 - by the process that started this one
    except Exception as error:  # noqa: BLE001 - importing a module can raise anything
        return f"{type(error).__name__}: {error}"
    return None


def _begin() -> None:
    """Prepare a worker: Ctrl-C is for the parent, and with the parent it ends."""
    # A handler, not SIG_IGN, which programs that the function starts would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin_worker()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _stop(pool: ProcessPoolExecutor, marks: Iterable[str]) -> None:
    """End the processes of a pool, whatever they do, and what they started for jobs."""
    processes = list((pool._processes or {}).values())
    for process in processes:
        process.terminate()
    # Not `join` with a time: it waits for a pipe that what a worker started may hold open, too.
    deadline = time.monotonic() + _GRACE_S
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    for process in processes:
        if process.is_alive():
            process.kill()
    end_processes(dict.fromkeys(marks), calls=True)
