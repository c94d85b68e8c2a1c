"""Mapping a Python function over a table: on an executor here, or as jobs for torc to run."""

from __future__ import annotations

import functools
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import pandas as pd

from torc_frames.errors import ConflictError, RefusedError, counted, shorten, warn
from torc_frames.files.foreign import Table
from torc_frames.files.pointers import warn_if_large
from torc_frames.frame.shape import Shape
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.records import BLOCKED, READY
from torc_frames.workflow.progress import progress
from torc_frames.workflow.pull import tables as pull
from torc_frames.workflow.push import apply as push
from torc_frames.workflow.push.on import names_of_on
from torc_frames.workflow.push.resources import DependsOn, ResourceTable
from torc_frames.workflow.push.steps import Steps, decide
from torc_frames.workflow.push.stored import Existing, read_existing
from torc_frames.workflow.push.table import Prepared, PushOptions, prepare
from torc_frames.workflow.run.call import Function, check_call, shown
from torc_frames.workflow.run.calls import NotedCall, noted
from torc_frames.workflow.run.mapper import Mapper
from torc_frames.workflow.run.options import Rerun, check_rerun
from torc_frames.workflow.run.processes import runner_id
from torc_frames.workflow.run.runner import alone, end_left, jobs_to_reset
from torc_frames.workflow.run.schedule import read_board, shown_runners
from torc_frames.workflow.run.signals import ended_by_signals
from torc_frames.workflow.run.summary import to_json
from torc_frames.workflow.run.workers import Crew, check_executor, crew

__all__ = ["MapOptions", "map_rows", "push_function"]

_RERUN: Rerun = "changed"
_LAST_LINES = 5
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class MapOptions:
    """How to map; see `Workflow.map`."""

    name: str | None = None
    rerun: Rerun = _RERUN
    resources: ResourceTable = None
    depends_on: DependsOn = None
    command: str = "torc-frames"
    show_progress: bool = True
    on: str | Sequence[str] | None = None


def map_rows(
    store: Store,
    workflow_key: str,
    func: Function,
    params: Table,
    executor: Executor | None,
    options: MapOptions,
) -> pd.DataFrame:
    """Call a function with each row of a table, or have torc do so; see `Workflow.map`."""
    if not isinstance(store, RunnableStore):
        _refuse_for_torc(store, workflow_key, executor, options.rerun)
        keys = push_function(store, workflow_key, func, params, options)
    else:
        keys = _mapped(store, workflow_key, func, params, executor, options)
    # Records of a job that clash are no reason to keep back what has just been made.
    table = pull.table(store, workflow_key, "list", [], Shape(), options.show_progress)
    return table.loc[keys]


def push_function(
    store: Store, workflow_key: str, func: Function, params: Table, options: MapOptions
) -> list[str]:
    """Push a table as jobs that call a function by themselves, and return their keys."""
    path = _path_of(func, options)
    here = isinstance(store, RunnableStore)
    _check_import(func, path, "jobs that go on by themselves" if here else "torc's jobs")
    command = f"{options.command}{_ending(path)}"
    template = command.replace("{", "{{").replace("}", "}}")
    pushing = replace(_pushing(options), command=template, outputs=not here)
    prepared, existing, steps = _decided(store, workflow_key, func, params, pushing, options.rerun)
    bare = [key for key in steps.job_keys if key and not existing.jobs[key].command.strip()]
    if bare:
        store.update_commands(workflow_key, bare, [command] * len(bare))
    return list(push.apply(store, workflow_key, prepared, steps, options.show_progress).index)


def _mapped(
    store: RunnableStore,
    workflow_key: str,
    func: Function,
    params: Table,
    executor: Executor | None,
    options: MapOptions,
) -> list[str]:
    """Call a function with each row on an executor, and return the keys of the jobs."""
    path = _path_of(func, options)
    check_executor(executor)
    prepared, existing, steps = _decided(store, workflow_key, func, params, _pushing(options), options.rerun)
    if _has_work(store, workflow_key, steps, options.rerun):
        _refuse_limits(prepared, existing, steps, path)
        with ended_by_signals(), crew(executor, func) as workers:
            keys = list(push.apply(store, workflow_key, prepared, steps, options.show_progress).index)
            command = f"{options.command}{_ending(path)}"
            mapper = _run(store, workflow_key, func, workers, keys, command, options)
        _tell_of_ended(mapper)
    else:
        keys = list(map(str, steps.job_keys))
    _tell_of_waiting(store, workflow_key, keys)
    return keys


def _path_of(func: Function, options: MapOptions) -> str:
    """Return where a function stands; RefusedError for what is none, and for senseless options."""
    if not callable(func):
        raise RefusedError(f"map takes a function, not a {type(func).__name__}")
    check_rerun(options.rerun)
    return _function_path(func)


def _pushing(options: MapOptions) -> PushOptions:
    return PushOptions(
        name=options.name,
        resources=options.resources,
        depends_on=options.depends_on,
        on=names_of_on(options.on),
        remember=False,
    )


def _decided(
    store: Store, workflow_key: str, func: Function, params: Table, pushing: PushOptions, rerun: Rerun
) -> tuple[Prepared, Existing, Steps]:
    """Return what a push of the rows would do; nothing is written."""
    prepared = prepare(store, workflow_key, params, pushing)
    existing = read_existing(store, workflow_key, prepared.seen)
    steps = decide(store, prepared, existing)
    steps.check()
    if prepared.frame.length and (steps.new or not steps.named):
        # Jobs that the table names may have more parameters than it has columns.
        check_call(func, dict.fromkeys(path[0] for path in prepared.frame.paths.values()))
    _refuse_other_functions(existing, steps, _function_path(func), rerun)
    return prepared, existing, steps


def _run(
    store: RunnableStore,
    workflow_key: str,
    func: Function,
    workers: Crew,
    keys: Sequence[str],
    command: str,
    options: MapOptions,
) -> Mapper:
    """Run those of some jobs that have to be run, and return what did."""
    with alone(store):
        board = read_board(store, workflow_key)
        again = jobs_to_reset(store, workflow_key, board, options.rerun).intersection(keys)
        ending = _ending(_function_path(func))
        stale = [key for key in keys if not board.jobs[key].command.endswith(ending)]
        end_left(store, workflow_key, again)
        store.update_commands(workflow_key, stale, [command] * len(stale))
        store.reset_jobs(workflow_key, [key for key in keys if key in again])
    waiting = again.union(board.with_status(READY, BLOCKED)).intersection(keys)
    call = NotedCall(runner_id())
    mapper = Mapper(store, workflow_key, func, workers, keys, call.runner)
    bar = progress(len(waiting), "map", options.show_progress, unit="job")
    with noted(store, workflow_key, call, {"jobs": list(waiting)}), bar:
        mapper.work(bar)
        call.outcome["summary"] = to_json(mapper.summary())
    return mapper


def _refuse_for_torc(store: Store, workflow_key: str, executor: Executor | None, rerun: Rerun) -> None:
    """Refuse what only embedded stores can do."""
    if executor is not None:
        raise RefusedError(
            f"torc runs the jobs of {store.url}, no executor: leave it out, then `torc run {workflow_key}`; "
            'or map in an embedded store, tf.connect("study.db")'
        )
    if rerun != _RERUN:
        raise RefusedError(
            "rerun= is for embedded stores; torc runs jobs again after "
            f"`torc workflows reset-status {workflow_key} --failed-only --reinitialize --no-prompts`"
        )


def _refuse_other_functions(existing: Existing, steps: Steps, path: str, rerun: Rerun) -> None:
    """Raise ConflictError for jobs that another function or command would have made the results of."""
    commands = {key: existing.jobs[key].command for key in steps.job_keys if key is not None}
    ending = _ending(path)
    others = {key: text for key, text in commands.items() if text.strip() and not text.endswith(ending)}
    if others and rerun != "all":
        raise ConflictError(
            f"jobs {shorten(others)} have the parameters of these rows, and another command than {path}: "
            f"{shorten(dict.fromkeys(others.values()))}. Map it in a workflow of its own, "
            "client.create_workflow(…); in an embedded store rerun='all' runs all rows again"
        )


def _refuse_limits(prepared: Prepared, existing: Existing, steps: Steps, path: str) -> None:
    """Raise RefusedError for jobs that say what no executor holds a call to."""
    old = [key for key in steps.job_keys if key is not None]
    said = [*(prepared.needs or ()), *(existing.jobs[key].resources for key in old)]
    names = [
        name for name in ("num_gpus", "memory", "runtime") if any(getattr(needs, name) for needs in said)
    ]
    if names:
        raise RefusedError(
            f"an executor holds no call to the {' and '.join(names)} that its job says: leave that out of "
            f"resources=, or have jobs of their own run by `run`: wf.push(params, command='torc-frames "
            f"run-function {path}', resources=…), wf.run()"
        )


def _has_work(store: RunnableStore, workflow_key: str, steps: Steps, rerun: Rerun) -> bool:
    if steps.new or steps.changed:
        return True
    board = read_board(store, workflow_key)
    again = jobs_to_reset(store, workflow_key, board, rerun)
    return not again.union(board.with_status(READY)).isdisjoint(steps.job_keys)


def _function_path(func: Function) -> str:
    """Return where a function stands, ``module:name``; with ``<…>`` for what has no name."""
    if isinstance(func, functools.partial):
        module, name = _function_path(func.func).split(":", 1)
        return f"{module}:<partial of {name}>"
    qualified = getattr(func, "__qualname__", None)
    if qualified is None:
        kind = type(func)
        return f"{kind.__module__}:<{kind.__qualname__}>"
    return f"{getattr(func, '__module__', None) or '<unknown>'}:{qualified}"


def _ending(path: str) -> str:
    """Return how a job's command ends that runs the function, however it calls torc-frames."""
    return f" run-function {shlex.quote(path)}"


def _check_import(func: Function, path: str, who: str) -> None:
    """Make sure that a new interpreter, as a job is one, finds the function; RefusedError if not."""
    if "<" in path:
        raise RefusedError(
            f"{who} import the function, and {path} can not be imported: define it in a module, by "
            "name and outside of any function; constant arguments are columns of the table"
        )
    if path.startswith("__main__:"):
        raise RefusedError(
            f"{who} import the function, and {shown(func)} is of this script or notebook: move it to a module"
        )
    code = "import sys; from torc_frames.workflow.run.call import load_function as f; f(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        raise RefusedError(
            f"a new Python in this folder does not find {path}, nor would {who}; install the module, or set "
            "PYTHONPATH, here and where they run:\n" + "\n".join(f"  {line}" for line in lines)
        )


def _tell_of_ended(mapper: Mapper) -> None:
    """Warn of jobs that failed, of results that are not stored, and of large records."""
    warn_if_large(mapper.large)
    if mapper.failures:
        lines = dict(mapper.failures)
        told = shorten(f"{key} ({_short(lines[key])})" for key in mapper.keys if key in lines)
        warn(
            f"{counted(len(mapper.failures), 'job')} failed: {told}; their rows have results.error.type, "
            ".message and .traceback, and the same call runs them again"
        )
    if mapper.unstored:
        told = shorten(
            f"{key} ({_short('; '.join(mapper.unstored[key]))})"
            for key in mapper.keys
            if key in mapper.unstored
        )
        warn(
            f"{counted(len(mapper.unstored), 'job')} returned what can't be stored: {told}; the other "
            "results are, and their rows have results.error.unstored"
        )


def _tell_of_waiting(store: RunnableStore, workflow_key: str, keys: Sequence[str]) -> None:
    """Warn of jobs that were not run."""
    runners = store.runners(workflow_key)
    others = {key: runners[key] for key in keys if key in runners}
    if others:
        left = f"{counted(len(others), 'job')} of workflow {workflow_key} left to other runners"
        warn(f"{left}: {shown_runners(others)}")
    blocked = set(read_board(store, workflow_key).with_status(BLOCKED)).intersection(keys)
    if blocked:
        warn(f"{counted(len(blocked), 'job')} not run, waiting for others that have not completed")


def _short(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
