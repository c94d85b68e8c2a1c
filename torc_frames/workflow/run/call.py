"""One call of a mapped function, wherever it runs: its arguments, its results as JSON, or why it failed.

A worker carries the mark of the job, so that it and what it starts are found when its parent is gone.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

from torc_frames import settings
from torc_frames.errors import RefusedError
from torc_frames.files.pointers import relative_to
from torc_frames.frame.flatten import join
from torc_frames.frame.results import keepable, note_unstored
from torc_frames.frame.typed import Types, typed
from torc_frames.frame.values import decode_data, encode_data
from torc_frames.workflow.run.processes import MARK, is_child_of, utc_now
from torc_frames.workflow.run.series import flush_all

__all__ = [
    "Function",
    "Outcome",
    "begin_worker",
    "call",
    "check_call",
    "failed",
    "load_function",
    "marked_call",
    "shown",
]

Function = Callable[..., Any]

MOST_MESSAGE = 2_000
"""How many characters of an error's message are kept, from its beginning."""

MOST_TRACEBACK = 10_000
"""How many characters of a traceback are kept, from its end."""

_own_worker = False

_PLAIN_MODULES = ("builtins", "__main__", "__mp_main__")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_KINDS_THAT_NEED_NOTHING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Outcome(NamedTuple):
    """How one call ended; ``data`` is the JSON of the job's output record, ``error`` a line, or None.

    ``unstored`` tells which results can't be kept, and why.
    """

    data: bytes
    error: str | None
    start_time: str
    end_time: str
    unstored: tuple[str, ...] = ()


def call(
    func: Function | str, row: bytes | dict[str, Any], whose: str, types: Types | None = None
) -> Outcome:
    """Call a function, or the one at an import path, with a row, and return how that ended.

    Parameters
    ----------
    func : callable or str
    row : bytes or dict
        The row, or its JSON object.
    whose : str
        Which run of which job this is. It makes calls with equal rows differ, which Dask takes for one.
    types : mapping, optional
        What the JSON stands for; see `typed`.
    """
    start = utc_now()
    try:
        function = load_function(func) if isinstance(func, str) else func
        arguments = row if isinstance(row, dict) else typed(decode_data(whose, row), types or {})
        results = function(arguments) if takes_row(function) else function(**arguments)
        data, unstored = _encoded(function, results)
        return Outcome(data, None, start, utc_now(), unstored)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a user's function raises is its result
        # The first frame is this one.
        above = error.__traceback__
        return failed(error.with_traceback(above.tb_next if above else None), start)


def failed(error: BaseException, start: str) -> Outcome:
    """Return the outcome of a call that raised."""
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in _PLAIN_MODULES else f"{kind.__module__}.{kind.__qualname__}"
    )
    try:
        message = _text(str(error))
    except Exception:  # noqa: BLE001 - an error that can not even be shown is still one
        message = f"<a {name} that can not be shown>"
    trace = _text("".join(traceback.format_exception(error)))
    if len(message) > MOST_MESSAGE:
        message = message[:MOST_MESSAGE] + "…"
    if len(trace) > MOST_TRACEBACK:
        trace = "…" + trace[-MOST_TRACEBACK:]
    told = {"type": name, "message": message, "traceback": trace}
    line = " ".join(f"{name}: {message}".split())
    return Outcome(encode_data({"error": told}), line, start, utc_now())


def takes_row(func: Function) -> bool:
    """Return whether a function takes the whole row as one dict, not its values by name.

    It does if the only parameter without a default is named ``row``, or is positional-only.
    """
    try:
        parameters = inspect.signature(func).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [
        one for one in parameters if one.default is one.empty and one.kind not in _KINDS_THAT_NEED_NOTHING
    ]
    if len(needed) != 1 or needed[0].kind not in _POSITIONAL:
        return False
    return needed[0].kind is inspect.Parameter.POSITIONAL_ONLY or needed[0].name == "row"


def check_call(func: Function, names: Iterable[str]) -> None:
    """Raise RefusedError if a function can not take arguments of these names, as far as can be told."""
    if takes_row(func):
        return
    try:
        signature = inspect.signature(func)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise RefusedError(
            f"{shown(func)}{signature} can not take the columns as its arguments, {error}: name its "
            "parameters as the columns, add **others for more of them, or give it one parameter, row, a dict"
        ) from None


def load_function(path: str) -> Function:
    """Return what stands at an import path, ``module:function``; the working directory counts.

    Raises
    ------
    RefusedError
        If the path can not be one, or there is nothing of that name in the module.
    """
    module, _, name = path.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
        raise RefusedError(f"{path!r} is no function that can be imported: write module:function")
    if module == "__main__":
        raise RefusedError(f"{path} is of a script or notebook: move the function to a module, and map that")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: Any = import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            where = getattr(found, "__file__", None) or module
            raise RefusedError(f"{path}: there is no {part!r} in {where}")
        found = getattr(found, part)
    if not callable(found):
        raise RefusedError(f"{path} is no function but a {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def shown(func: Function) -> str:
    """Return a function's name for messages."""
    return str(getattr(func, "__qualname__", None) or f"a {type(func).__name__}")


def _encoded(func: Function, results: Any) -> tuple[bytes, tuple[str, ...]]:
    if results is None:
        return b"{}", ()
    if not isinstance(results, Mapping):
        raise RefusedError(
            f"{shown(func)} returned a {type(results).__name__}, not its results by name: "
            "return a dict like {'loss': 0.3}, or None"
        )
    kept = keepable(results)
    lines = tuple(f"{join(path)} ({reason})" for path, reason in kept.unstored.items())
    return encode_data(note_unstored(kept.values, kept.unstored, kept.values)), lines


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def begin_worker() -> None:
    """Say that this process does nothing but calls of one map, one after the other.

    What it starts is marked by its environment then. Torc's passwords are taken out of it: an embedded store
    needs none.
    """
    global _own_worker
    _own_worker = True
    for name in [name for name, value in os.environ.items() if settings.is_secret(name, value)]:
        del os.environ[name]


def marked_call(
    mark: str,
    func: Function | str,
    row: bytes,
    whose: str,
    job: settings.JobEnvironment,
    types: Types | None = None,
) -> Outcome:
    """Do a call (see `call`) with the mark of its job on this process, which is at work for the job."""
    token = settings.mapped.set(job)
    try:
        with _marked(mark), relative_to(settings.job_base()):
            return call(func, row, whose, types)
    finally:
        settings.mapped.reset(token)
        flush_all()


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
