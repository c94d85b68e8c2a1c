"""Rows that jobs logged as events of a torc-server, which it keeps apart from results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from torc_frames.errors import UnreadableRecordError
from torc_frames.store.records import SeriesChunk

__all__ = ["CATEGORY", "chunk_of", "event_data", "is_series"]

CATEGORY = "torc_frames.series"
"""What events that are chunks of rows are told from others by."""


def event_data(chunk: SeriesChunk) -> dict[str, Any]:
    """Return what an event holds of a chunk; its rows are one text, of which a server changes nothing."""
    message = f"job {chunk.job_key} logged rows: {len(chunk)}"
    about = {"category": CATEGORY, "job_id": int(chunk.job_key), "message": message}
    return about | {name: getattr(chunk, name) for name in SeriesChunk.__struct_fields__}


def is_series(event: Mapping[str, Any]) -> bool:
    """Return whether an event, as torc lists it, is a chunk of rows."""
    data = event.get("data")
    return isinstance(data, dict) and data.get("category") == CATEGORY


def chunk_of(event: Mapping[str, Any]) -> SeriesChunk:
    """Return the chunk that an event is; UnreadableRecordError for what is none."""
    try:
        return msgspec.convert(event["data"], SeriesChunk)
    except (msgspec.MsgspecError, KeyError) as error:
        raise UnreadableRecordError(f"{event.get('id')} of events", f"no rows of a job: {error}") from None
