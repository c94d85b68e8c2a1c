"""Values as the texts of cells."""

from __future__ import annotations

from typing import Any

__all__ = ["cell_text"]


def cell_text(value: Any) -> str:
    """Return how a JSON value shows in a table or in CSV: strings as they are, missing as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    from torc_frames.frame.values import encode_data

    return encode_data(value).decode()
