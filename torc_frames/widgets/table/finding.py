"""Finding and replacing in texts, in time that grows with the texts and not with the pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.errors import RefusedError

__all__ = ["Search"]


@dataclass(frozen=True, slots=True)
class Search:
    r"""What to look for in the texts of cells.

    Parameters
    ----------
    pattern : str
        A text, or with ``regex=True`` a regular expression of RE2 (which Arrow brings along): without
        backreferences and lookarounds, and no pattern makes it slow.
    whole : bool
        Whether it must be all of a cell, not a part.
    case : bool
        Whether upper and lower case differ.

    Raises
    ------
    RefusedError
        For an empty pattern that would match anywhere, and for a broken one.

    Examples
    --------
    >>> Search(r"run-(\d+)", regex=True).replaced(["run-7", "other"], r"\1")
    ['7', 'other']
    >>> Search("A", case=False).found(["a.b", "b"]).tolist()
    [True, False]
    """

    pattern: str
    regex: bool = False
    whole: bool = False
    case: bool = True

    def __post_init__(self) -> None:
        if not self.pattern and not self.whole:
            raise RefusedError(
                "nothing to look for: type a text, or look for whole cells to find missing ones"
            )
        self._run(pc.match_substring_regex, [""])

    def found(self, texts: Sequence[str]) -> Any:
        """Return in which texts it is, as an array of bool."""
        matches = self._run(pc.match_substring_regex, texts)
        return np.asarray(matches.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def replaced(self, texts: Sequence[str], by: str) -> list[str]:
        r"""Return texts with something else in its place; ``\1`` is what the first group matched."""
        if not self.regex:
            by = by.replace("\\", "\\\\")
        replaced: list[str] = self._run(pc.replace_substring_regex, texts, replacement=by).to_pylist()
        return replaced

    def _run(self, function: Any, texts: Sequence[str], **options: Any) -> Any:
        pattern = self.pattern if self.regex else _escaped(self.pattern)
        flags = "(?s)" if self.case else "(?is)"
        around = rf"\A(?:{pattern})\z" if self.whole else f"(?:{pattern})"
        try:
            return function(pa.array(texts, pa.large_string()), flags + around, **options)
        except (pa.ArrowInvalid, UnicodeEncodeError) as error:
            raise RefusedError(f"{self.pattern!r}: {str(error).splitlines()[0]}") from None


def _escaped(text: str) -> str:
    return re.sub(r"([!-/:-@\[-^`{-~])", r"\\\1", text)
