"""Where jobs' stdout and stderr are: where the call that ran them put them, by default beside the store."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from torc_frames import settings
from torc_frames.errors import RefusedError
from torc_frames.settings.regular import open_regular

__all__ = [
    "TORC_OUTPUT",
    "Stream",
    "default_folder",
    "files_of_run",
    "job_stem",
    "last_lines",
    "make_folder",
    "output_files",
    "reason_of",
    "said_by_runner",
    "visible",
]

Stream = Literal["stdout", "stderr"]

TORC_OUTPUT = Path("torc_output")
"""The folder of outputs, in the working directory, of torc's runner."""

_SUFFIXES: dict[Stream, str] = {"stdout": "o", "stderr": "e"}
_BOTH = "log"
_ATTEMPT = re.compile(r"_a([0-9]+)\.(o|e|log)")

_BLOCK = 1 << 16
_MOST = 1 << 22
"""About how many bytes of a file are read for its last lines at most."""

_LONGEST = 4_000
"""How many characters of a line are shown, from its end."""

_REASON = 200
_CLOCKS_DIFFER_S = 5

# Colours and the like of terminals (CSI and OSC sequences), and what moves the cursor otherwise.
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


def job_stem(workflow_key: str, job_key: str, run_id: int) -> str:
    """Return how the names of the files of a run begin, ours and torc's."""
    return f"job_wf{workflow_key}_j{job_key}_r{run_id}"


def default_folder(url: str) -> Path:
    """Return where the outputs of a file's jobs are: ``torc_output/<its name>`` beside it; else here."""
    database = settings.database_path(url)
    if database is None:
        return Path(os.path.abspath(TORC_OUTPUT))
    return Path(os.path.abspath(database)).parent / TORC_OUTPUT / Path(database).stem


def make_folder(path: Path) -> None:
    """Make the folder of outputs, unless it is there; RefusedError if that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RefusedError(
            f"no folder for output at {str(path)!r} ({reason}): name another output_dir="
        ) from None


def output_files(
    folders: Iterable[Path],
    workflow_key: str,
    job_key: str,
    run_id: int,
    stream: Stream,
    attempt_id: int | None = None,
) -> Iterator[Path]:
    """Yield where a stream of a run may be, the likeliest place first, if it is on this machine.

    In each folder that is our file, then torc's of that attempt, or of all of them, the last first. Where a
    workflow of torc has stdout and stderr go into one file, that is both.
    """
    if not (job_key.isalnum() and workflow_key.isalnum()):
        return
    stem = job_stem(workflow_key, job_key, run_id)
    for folder in folders:
        yield folder / f"{stem}.{_SUFFIXES[stream]}"
        if attempt_id is None:
            yield from _of_all_attempts(folder / "job_stdio", stem, stream)
        else:
            named = f"{stem}_a{attempt_id}"
            yield from (folder / "job_stdio" / f"{named}.{end}" for end in (_SUFFIXES[stream], _BOTH))


def files_of_run(paths: Iterable[Path], since: float | None = None) -> Iterator[Path]:
    """Yield those of some files that are there, and were not last written before a time (in seconds)."""
    for path in paths:
        try:
            written = path.stat().st_mtime
        except (OSError, ValueError):
            continue
        if since is None or written >= since - _CLOCKS_DIFFER_S:
            yield path


def _of_all_attempts(folder: Path, stem: str, stream: Stream) -> Iterator[Path]:
    found = [(path, _ATTEMPT.fullmatch(path.name.removeprefix(stem))) for path in folder.glob(f"{stem}_a*")]
    wanted = (_SUFFIXES[stream], _BOTH)
    attempts = [(int(of[1]), of[2] != _BOTH, path) for path, of in found if of and of[2] in wanted]
    yield from (path for _, _, path in sorted(attempts, reverse=True))


def last_lines(path: Path, lines: int) -> str | None:
    r"""Return the last lines of a file as `visible` shows them, None if there is no such file.

    Only its end is read, 4 MiB at most, and empty lines are left out at the end.

    Examples
    --------
    >>> _ = (tmp / "job.e").write_bytes(b"Traceback\n  File ...\n\x1b[31mValueError\x1b[0m: \xff\n\n")
    >>> last_lines(tmp / "job.e", 2)
    '  File ...\nValueError: \ufffd'
    >>> last_lines(tmp / "none.e", 2)
    """
    try:
        with open_regular(path) as file:
            size, wanted = file.seek(0, os.SEEK_END), _BLOCK
            while True:
                file.seek(max(0, size - wanted))
                found = file.read(wanted).rstrip().split(b"\n")
                if len(found) > lines or wanted >= min(size, _MOST):
                    break
                wanted *= 4
    except (OSError, ValueError):
        return None
    # A line of a progress bar may be longer than anybody reads.
    ends = [line[-_LONGEST * 8 :].decode(errors="replace") for line in found[-lines:]]
    return "\n".join(_end_of(visible(line)) for line in ends)


def _end_of(line: str) -> str:
    return line if len(line) <= _LONGEST else f"…{line[-_LONGEST:]}"


def visible(text: str) -> str:
    r"""Return text without colours and control characters; of a progress bar its end.

    Examples
    --------
    >>> visible("10%\r90%\r\n\x1b[1mdone\x1b[0m\x07")
    '90%\ndone\\x07'
    """
    lines = _SEQUENCES.sub("", text).split("\n")
    return "\n".join(_shown(line.rstrip("\r").rpartition("\r")[2]) for line in lines)


def _shown(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in line)


def _is_harmless(char: str) -> bool:
    return char.isprintable() or char == "\t" or unicodedata.category(char) == "Zs"


def reason_of(paths: Iterable[Path]) -> str:
    """Return the last line that the first file has that says anything, "" if none does."""
    for path in paths:
        if said := (last_lines(path, 1) or "").strip():
            return said[:_REASON]
    return ""


def said_by_runner(output_dir: Path, workflow_key: str, job_key: str) -> str:
    """Return the last complaint of torc's runner about a job, "" without one.

    Of a job that lacks a declared output file, or used too much memory, nothing else tells why it failed.
    """
    about = re.compile(rf"\[\S+ (?:WARN|ERROR) [^\]]*\] (.*\b(?:job_id=|job ){re.escape(job_key)}\b.*)")
    written = {}
    for path in output_dir.glob(f"job_runner_*_wf{workflow_key}_r*.log"):
        with suppress(OSError):  # deleted meanwhile, or not for this user
            written[path] = path.stat().st_mtime
    for path in sorted(written, key=written.__getitem__, reverse=True):
        with suppress(OSError), open_regular(path) as file:
            if found := about.findall(file.read().decode(errors="replace")):
                return visible(str(found[-1]))
    return ""
