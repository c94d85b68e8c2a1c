"""All faults there are: what the modules of this folder list."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

from tests.trust.fault import Fault


def all_faults() -> list[Fault]:
    """Return the faults of every module, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [
        import_module(f"tests.trust.{name}")
        for name in names
        if not name.startswith(("_", "test_")) and name not in ("fault", "faults")
    ]
    return [fault for module in modules for fault in module.FAULTS]
