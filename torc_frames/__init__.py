"""Per-job user_data of torc workflows as pandas DataFrames."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torc_frames.errors import (
        ConflictError,
        DroppedConnectionError,
        FailedJobsWarning,
        FixedAttributeError,
        InexactFloatWarning,
        MissingExtraError,
        NotFoundError,
        NotInJobError,
        PointerError,
        RefusedError,
        ReplyError,
        RunCanceledError,
        RunFailedError,
        ServerError,
        StoreFileError,
        TorcFramesError,
        TorcFramesWarning,
        UnauthorizedError,
        UnavailableError,
        UncertainWriteError,
        UnreadableRecordError,
        UnverifiedPullError,
        VersionError,
    )
    from torc_frames.files.pointers import Pointer
    from torc_frames.files.printed.result_table import ResultTable, tabulate
    from torc_frames.files.sheets import to_excel
    from torc_frames.frame.rules import Rule
    from torc_frames.frame.tabulation.best import best
    from torc_frames.frame.tabulation.pivot import pivot
    from torc_frames.frame.tabulation.summarize import summarize
    from torc_frames.frame.where import select
    from torc_frames.settings import __version__ as __version__
    from torc_frames.sweep import (
        choice,
        from_recipe,
        grid,
        integers,
        loguniform,
        product,
        sample,
        uniform,
        zip_,
    )
    from torc_frames.workflow.client import Client, connect
    from torc_frames.workflow.missing import missing
    from torc_frames.workflow.pull.refresh import Refreshed
    from torc_frames.workflow.pull.stream import TableStream
    from torc_frames.workflow.push.plan import Plan
    from torc_frames.workflow.run.handle import RunHandle
    from torc_frames.workflow.run.job import Job
    from torc_frames.workflow.run.runner import current_job
    from torc_frames.workflow.run.summary import RunSummary
    from torc_frames.workflow.suggest import suggest
    from torc_frames.workflow.workflow import Workflow

__all__ = [
    "Client",
    "ConflictError",
    "DroppedConnectionError",
    "FailedJobsWarning",
    "FixedAttributeError",
    "InexactFloatWarning",
    "Job",
    "MissingExtraError",
    "NotFoundError",
    "NotInJobError",
    "Plan",
    "Pointer",
    "PointerError",
    "Refreshed",
    "RefusedError",
    "ReplyError",
    "ResultTable",
    "Rule",
    "RunCanceledError",
    "RunFailedError",
    "RunHandle",
    "RunSummary",
    "ServerError",
    "StoreFileError",
    "TableStream",
    "TorcFramesError",
    "TorcFramesWarning",
    "UnauthorizedError",
    "UnavailableError",
    "UncertainWriteError",
    "UnreadableRecordError",
    "UnverifiedPullError",
    "VersionError",
    "Workflow",
    "best",
    "choice",
    "connect",
    "current_job",
    "from_recipe",
    "grid",
    "integers",
    "loguniform",
    "missing",
    "pivot",
    "product",
    "sample",
    "select",
    "suggest",
    "summarize",
    "tabulate",
    "to_excel",
    "uniform",
    "zip_",
]

# Names are imported when first asked for: a job on a compute node does without pandas. Errors and what makes
# sweeps are not here.
_MODULES = {
    "workflow.client": ("Client", "connect"),
    "workflow.run.job": ("Job",),
    "workflow.missing": ("missing",),
    "workflow.push.plan": ("Plan",),
    "files.pointers": ("Pointer",),
    "files.printed.result_table": ("ResultTable", "tabulate"),
    "files.sheets": ("to_excel",),
    "workflow.pull.refresh": ("Refreshed",),
    "frame.rules": ("Rule",),
    "frame.tabulation.best": ("best",),
    "frame.tabulation.pivot": ("pivot",),
    "frame.tabulation.summarize": ("summarize",),
    "frame.where": ("select",),
    "workflow.run.handle": ("RunHandle",),
    "workflow.run.runner": ("current_job",),
    "workflow.run.summary": ("RunSummary",),
    "workflow.suggest": ("suggest",),
    "settings": ("__version__",),
    "workflow.pull.stream": ("TableStream",),
    "workflow.workflow": ("Workflow",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES and name not in __all__:
        raise AttributeError(f"module 'torc_frames' has no attribute {name!r}")
    other = "errors" if name.endswith(("Error", "Warning")) else "sweep"
    value = getattr(import_module(f"torc_frames.{_HOMES.get(name, other)}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
