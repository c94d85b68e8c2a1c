"""A real terminal of some width, which commands print on."""

from __future__ import annotations

import os
import pty
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from unittest.mock import patch

from torc_frames.cli.root import root

__all__ = ["on_a_terminal"]


def on_a_terminal(*arguments: str, columns: int) -> str:
    """Run a command in this process, with a terminal of that width as its stdout and stderr."""
    ours, theirs = pty.openpty()
    environment = {"COLUMNS": str(columns), "TERM": "dumb"}
    with ThreadPoolExecutor(1) as reader, patch.dict(os.environ, environment):
        printed = reader.submit(_read, ours)
        with suppress(SystemExit), open(theirs, "w") as told, redirect_stdout(told), redirect_stderr(told):
            root.main(arguments, prog_name="torc-frames")
        return printed.result().decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    parts = []
    with suppress(OSError):  # Linux's way to say that the other end is closed
        while part := os.read(terminal, 65536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts)
