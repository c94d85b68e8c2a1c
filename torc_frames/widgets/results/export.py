"""What is shown, as a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.files.exports import write_csv, write_parquet
from torc_frames.files.sheets import write_sheet
from torc_frames.files.whole import written_whole

__all__ = ["FORMATS", "export"]

FORMATS: dict[str, Callable[[pd.DataFrame, IO[bytes]], None]] = {
    ".parquet": write_parquet,
    ".csv": write_csv,
    ".xlsx": write_sheet,
}
"""How files are written, by their suffix."""


def export(frame: pd.DataFrame, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a frame to a Parquet, CSV or Excel file, as its suffix says, and return where it is.

    Raises
    ------
    RefusedError
        For another suffix, a file that exists (without `overwrite`), a folder that does not, and what the
        format can't hold.
    TorcFramesError
        If openpyxl is missing for an Excel file.

    Examples
    --------
    >>> import pandas as pd
    >>> path = export(pd.DataFrame({"note": ["=1+1"], "n": [1]}), tmp / "table.csv")
    >>> print(path.read_text(), end="")
    note,n
    '=1+1,1
    """
    target = Path(path)
    write = FORMATS.get(target.suffix.lower())
    if write is None:
        raise RefusedError(f"{target.name!r} ends in none of {', '.join(FORMATS)}")
    if not target.parent.is_dir():
        raise RefusedError(f"there is no folder {str(target.parent)!r}")
    if target.exists() and not (overwrite and target.is_file()):
        raise RefusedError(f"{str(target)!r} exists already: choose another name, or overwrite it")
    with written_whole(target) as file:
        write(frame, file)
    return target
