"""The table of a report as data for its page: compressed columns, whose numbers have all digits."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from torc_frames.files.cells import cell_text, neutral, neutral_name
from torc_frames.frame.dtypes import encode, utc_times
from torc_frames.frame.exact import EXACT_IN_FLOAT
from torc_frames.frame.tabulation import configurations as columns

__all__ = ["packed"]

_GROUPS = {columns.PARAMS: "parameters", columns.RESULTS: "results"}


def packed(frame: pd.DataFrame) -> str:
    """Return a frame as the text that ``table.js`` reads, of no characters but those of base64.

    A column has a kind ("number", "time" or "text") and its values; numbers that JSON or JavaScript would not
    hold are texts. What a text is in a CSV file, if it would be a formula there, stands beside it.
    """
    labels = columns.labels(map(str, frame))
    told = [
        {
            "name": labels[str(name)],
            "group": next((of for prefix, of in _GROUPS.items() if str(name).startswith(prefix)), ""),
            "csv": neutral_name(str(name)),
            **_column(series),
        }
        for name, series in frame.items()
    ]
    raw = json.dumps(told, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode()


def _column(series: pd.Series) -> dict[str, Any]:
    values, refused = encode(series)
    for row in refused:
        cell = series.iloc[row]
        values[row] = cell if isinstance(cell, float) else str(cell)
    if columns.is_numeric(series):
        return {"kind": "number", "values": [_number(value) for value in values]}
    texts = [None if value is None else cell_text(value) for value in values]
    return {
        "kind": "time" if utc_times(series) is not None and series.dtype.kind == "M" else "text",
        "values": texts,
        "live": _live(texts),
    }


def _number(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, int) and abs(value) > EXACT_IN_FLOAT else value


def _live(texts: Sequence[str | None]) -> dict[int, str]:
    """Return the texts that a CSV file has otherwise, by row."""
    written = {text: neutral(text) for text in dict.fromkeys(texts) if text}
    return {row: written[text] for row, text in enumerate(texts) if text and written[text] != text}
