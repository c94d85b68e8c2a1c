"""Keys that this client chooses: in the first form they say what a record is to its job."""

from __future__ import annotations

import re
import secrets

from torc_frames.store.records import INPUT, OUTPUT, Role
from torc_frames.store.wire.legacy import is_key

__all__ = ["JOURNAL", "METADATA", "can_be_key", "has_name", "name_of", "new_key", "role_of", "says_role"]

METADATA = "torc_frames"
"""The record that is no record, but the workflow's metadata."""

JOURNAL = "torc_frames_replacing"
"""What in the metadata tells which writes of several requests are under way; see `replacing`."""

_CHOSEN = re.compile(r"(input|output)-(unnamed-)?[0-9a-f]{16}")
_ROLELESS = re.compile(r"record-[0-9a-f]{16}")


def new_key(role: Role | None, *, named: bool) -> str:
    """Return a new key for a record of the first form.

    Parameters
    ----------
    role : {"input", "output"} or None
        What it is to its job.
    named : bool
        Whether it has the name that records of that role have: ``input_<name of the job>``.
    """
    kind = f"{role}-" if named else f"{role}-unnamed-"
    return f"{'record-' if role is None else kind}{secrets.token_hex(8)}"


def role_of(key: str) -> Role | None:
    """Return what a record of the first form is to the job that stores it.

    Keys of ours say so, also that it is neither; what others let a job store are its outputs.

    Examples
    --------
    >>> role_of("input-0123456789abcdef"), role_of("record-0123456789abcdef"), role_of("92181820")
    ('input', None, 'output')
    """
    if _ROLELESS.fullmatch(key):
        return None
    match = _CHOSEN.fullmatch(key)
    return INPUT if match is not None and match[1] == INPUT else OUTPUT


def says_role(key: str) -> bool:
    """Return whether a key of the first form says what the record is to its job."""
    return _ROLELESS.fullmatch(key) is not None or _CHOSEN.fullmatch(key) is not None


def has_name(key: str) -> bool:
    """Return whether a record of the first form has the name that records of its role have."""
    match = _CHOSEN.fullmatch(key)
    return match is not None and match[2] is None


def name_of(key: str, job_name: str) -> str | None:
    """Return the name of a record of the first form, that of whose job is given.

    Examples
    --------
    >>> name_of("output-0123456789abcdef", "a"), name_of("output-unnamed-0123456789abcdef", "a")
    ('output_a', None)
    """
    return f"{role_of(key)}_{job_name}" if has_name(key) else None


def can_be_key(key: object) -> bool:
    """Return whether there can be a document with this key, and a url for it."""
    return isinstance(key, str) and is_key(key) and key.strip(".") != ""
