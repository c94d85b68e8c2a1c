"""Per-job user_data of torc workflows as pandas DataFrames."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torc_frames.client import Client, connect
    from torc_frames.errors import (
        ConflictError,
        DroppedConnectionError,
        InexactFloatWarning,
        NotFoundError,
        NotInJobError,
        PointerError,
        RefusedError,
        ReplyError,
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
    from torc_frames.job import Job
    from torc_frames.plan import Plan
    from torc_frames.pointers import Pointer
    from torc_frames.refresh import Refreshed
    from torc_frames.rules import Rule
    from torc_frames.runner import RunSummary, current_job
    from torc_frames.settings import __version__ as __version__
    from torc_frames.streams.tables import TableStream
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
    from torc_frames.unfinished import missing
    from torc_frames.workflow import Workflow

__all__ = [
    "Client",
    "ConflictError",
    "DroppedConnectionError",
    "InexactFloatWarning",
    "Job",
    "NotFoundError",
    "NotInJobError",
    "Plan",
    "Pointer",
    "PointerError",
    "Refreshed",
    "RefusedError",
    "ReplyError",
    "Rule",
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
    "choice",
    "connect",
    "current_job",
    "from_recipe",
    "grid",
    "integers",
    "loguniform",
    "missing",
    "product",
    "sample",
    "uniform",
    "zip_",
]

# Names are imported when first asked for: a job on a compute node does without pandas.
_MODULES = {
    "client": ("Client", "connect"),
    "job": ("Job",),
    "unfinished": ("missing",),
    "plan": ("Plan",),
    "pointers": ("Pointer",),
    "refresh": ("Refreshed",),
    "rules": ("Rule",),
    "runner": ("RunSummary", "current_job"),
    "settings": ("__version__",),
    "streams.tables": ("TableStream",),
    "sweep": (
        "choice",
        "from_recipe",
        "grid",
        "integers",
        "loguniform",
        "product",
        "sample",
        "uniform",
        "zip_",
    ),
    "workflow": ("Workflow",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES and name not in __all__:
        raise AttributeError(f"module 'torc_frames' has no attribute {name!r}")
    value = getattr(import_module(f"torc_frames.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
