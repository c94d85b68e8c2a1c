"""What a table was pulled from: the revs of its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.joining import OnClash
from torc_frames.frame.values import decode_data

__all__ = ["Seen", "read_revs", "rev_of_content", "what_was_seen", "written_revs"]

_sorted = msgspec.json.Encoder(order="deterministic").encode


def written_revs(revs: Mapping[str, str]) -> str:
    """Return revs by record key as a text: frames copy what they carry, and texts cost nothing to copy."""
    return msgspec.json.encode(revs).decode()


def read_revs(text: object) -> dict[str, str] | None:
    """Return what `written_revs` has written; None for anything else."""
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if isinstance(text, str) else None
    except msgspec.MsgspecError:
        return None


def rev_of_content(raw: bytes) -> str:
    """Return what stands for the rev of a record that was written, where the store did not tell it.

    It is a digest of its JSON, whatever the order of keys.
    """
    return "=" + blake2b(_sorted(decode_data("", raw)), digest_size=10).hexdigest()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store had when a table was pulled, and what has been written by it since.

    Attributes
    ----------
    rev : str or None
        The rev of the workflow when it was pulled, if it has one.
    revs : mapping
        By record key: its rev when it was pulled or, where the workflow has one, when the table wrote it.
    on_clash : str
        How several records of a job became one row.
    """

    rev: str | None
    revs: Mapping[str, str]
    on_clash: OnClash = "names"

    def is_other(self, key: str, rev: str | None, raw: bytes) -> bool:
        """Return whether a record is not as it was seen, by its rev or its data now."""
        before = self.revs.get(key)
        if before is not None and before.startswith("="):
            return before != rev_of_content(raw)
        return before != rev


def what_was_seen(df: pd.DataFrame, url: str, workflow_key: str, *, by_columns: bool = False) -> Seen | None:
    """Return what a pulled table has seen of the store, None for a table of other origin.

    A table without job keys is of none, unless its rows are known by columns.

    Raises
    ------
    RefusedError
        For a table of jobs that are not this workflow's, or that does not hold parameters.
    """
    about = df.attrs.get("torc")
    names = [*df.index.names, *df.columns]
    of_several = isinstance(about, dict) and "workflows" in about and "job_key" in names
    if of_several or {"workflow_key", "job_key"}.issubset(df.index.names):
        raise RefusedError(
            "the rows of this table are jobs of several workflows: edit and push wf.parameters() of each, or "
            "df.reset_index(drop=True), without job_key, where its columns are parameters of new jobs"
        )
    if not isinstance(about, dict):
        return None
    is_here = (about.get("url"), about.get("workflow_key")) == (url, workflow_key)
    pull = about.get("pull")
    how = pull if isinstance(pull, dict) else {}
    is_parameters, upstream = about.get("kind") == "parameters", how.get("upstream")
    if "job_key" not in (df.index.name, *df.columns) and not (
        by_columns and is_here and is_parameters and not upstream
    ):
        return None
    if not is_here:
        raise RefusedError(
            f"the job keys of this table are of workflow {about.get('workflow_key')} of {about.get('url')}: "
            "df.reset_index(drop=True) makes new jobs here"
        )
    if not is_parameters:
        raise RefusedError(
            f"this is a frame of {about.get('kind')}, which would become parameters: edit and push "
            "wf.parameters(), or df.attrs.clear() if its columns are meant as parameters"
        )
    if upstream:
        raise RefusedError(
            "a table pulled with upstream=True holds what other jobs made, which is not to be edited: "
            "edit and push wf.parameters()"
        )
    revs = read_revs(about.get("revs"))
    if about.get("rev") is None and revs is None:
        return None
    on_clash = how.get("on_clash")
    return Seen(about.get("rev"), revs or {}, on_clash if on_clash in ("last", "list") else "names")
