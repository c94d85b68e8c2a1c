"""What the processes of a job's runs leave for each other in files, where its store has no revs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import blake2b

__all__ = ["RunFiles"]

_first: set[str] = set()
"""The files of runs of which this process is the first to store something."""


class RunFiles:
    """Files in the folder of a runner's outputs, which all processes of a run see.

    Parameters
    ----------
    output_dir : str
    job : tuple
        What tells the job from all others, also from one of the same key in another database.
    run : tuple
        What tells this run of it from the others.
    """

    def __init__(self, output_dir: str, job: tuple[object, ...], run: tuple[object, ...]) -> None:
        self._folder = os.path.join(output_dir, ".torc_frames")
        self._added = os.path.join(self._folder, f"added-{_digest(job)}")
        self._stored = os.path.join(self._folder, f"stored-{_digest((*job, *run))}")
        self._run = _digest(run)

    def is_first(self) -> bool:
        """Return whether this process is the first of the run that stores results.

        Where nobody can tell, it is not: adding to what is there loses nothing.
        """
        if self._stored in _first:
            return True
        try:
            os.makedirs(self._folder, exist_ok=True)
            os.close(os.open(self._stored, os.O_CREAT | os.O_EXCL, 0o600))
        except OSError:
            return False
        _first.add(self._stored)
        return True

    def note_added(self, record_keys: Iterable[str]) -> None:
        """Note which records this run has added; where that fails, the next run leaves them alone."""
        line = json.dumps([self._run, *record_keys]) + "\n"
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(self._added, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            return

    def added_earlier(self) -> set[str]:
        """Return the records that earlier runs have added, as far as that was noted."""
        try:
            with open(self._added, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
        except (OSError, ValueError, RecursionError):
            return set()
        return {str(key) for run, *keys in lines if run != self._run for key in keys}


def _digest(what: tuple[object, ...]) -> str:
    return blake2b(repr(what).encode(), digest_size=16).hexdigest()
