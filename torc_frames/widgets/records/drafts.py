"""Edits of records that were not saved, kept on disk until they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from torc_frames.records import UserData
from torc_frames.settings import drafts_folder

__all__ = ["Draft", "RecordDrafts"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed, and the record that it was typed over."""

    state: Mapping[str, Any]
    """As `Form.state` tells it."""

    record: UserData


class RecordDrafts:
    """The draft of one record: a file of its own, which only its user can read.

    Parameters
    ----------
    url : str
        Of the store.
    workflow_key, key : str

    Examples
    --------
    >>> drafts = RecordDrafts("sqlite:///study.db", "1", "12", tmp)
    >>> drafts.keep({"typed": "[1, 2"}, UserData("12", "1", [1], rev="5"))
    >>> drafts.found().state
    {'typed': '[1, 2'}
    >>> drafts.drop()
    >>> drafts.found()
    """

    def __init__(self, url: str, workflow_key: str, key: str, folder: Path | None = None) -> None:
        named = blake2b(json.dumps([url, workflow_key, key]).encode(), digest_size=16).hexdigest()
        self._path = (folder or drafts_folder()) / f"record-{named}.json"
        self._about = [url, workflow_key, key]

    def keep(self, state: Mapping[str, Any], record: UserData) -> None:
        """Keep what is typed; OSError if that can't be."""
        content = {
            "of": self._about,
            "state": state,
            "data": record.data,
            "rev": record.rev,
            "name": record.name,
        }
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file)
        beside.replace(self._path)

    def found(self) -> Draft | None:
        """Return what was kept, if anything."""
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict) or content.get("of") != self._about:
            return None
        state = content.get("state")
        return Draft(state, self._record(content)) if isinstance(state, dict) else None

    def drop(self) -> None:
        """Forget it."""
        self._path.unlink(missing_ok=True)

    def _record(self, content: Mapping[str, Any]) -> UserData:
        _, workflow_key, key = self._about
        return UserData(key, workflow_key, content.get("data"), content.get("name"), rev=content.get("rev"))
