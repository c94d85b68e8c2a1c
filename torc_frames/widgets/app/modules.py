"""The modules of the front end, as a page gets them: gzipped, when it asks, once."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

__all__ = ["LOADER", "module", "versions"]

_DIST = Path(__file__).parent.parent / "static" / "dist"

LOADER = _DIST / "loader.js"
"""The module that each widget carries; it asks for the others."""


@cache
def versions() -> dict[str, str]:
    """Return what each module is known by on a page: another version of it is another module."""
    names = sorted(path.stem for path in _DIST.glob("*.js") if path != LOADER)
    return {name: sha256(_read(name)).hexdigest()[:16] for name in names}


@cache
def module(name: str) -> bytes:
    """Return a module, gzipped."""
    return gzip.compress(_read(name), mtime=0)


def _read(name: str) -> bytes:
    return (_DIST / f"{name}.js").read_bytes()
