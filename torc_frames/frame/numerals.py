"""What is a number in a text, wherever texts are read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["INFINITY", "INTEGER", "LEADING_ZERO", "NUMBER", "Numerals", "as_number"]

INTEGER = re.compile(r"[-+]?[0-9]+")
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
"""What begins codes, which are no numbers where there may be texts."""

INFINITY = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)
_LONGEST_INTEGER = 4_000


@dataclass(frozen=True)
class Numerals:
    """How numbers are written: the mark before decimals, and the one between thousands, if there is one."""

    decimal: str = "."
    thousands: str = ""
    infinite: bool = False
    """Whether inf is a number, as pandas writes one; JSON has none."""

    def plain(self, text: str) -> str | None:
        """Return a number as Python writes it, None for what is no number.

        Examples
        --------
        >>> [Numerals(",", ".").plain(text) for text in ("1.234,5", "0,5", "0.5")]
        ['1234.5', '0.5', None]
        """
        if (self.decimal, self.thousands) != (".", ""):
            if not self._form.fullmatch(text):
                return None
            text = text.replace(self.thousands, "").replace(self.decimal, ".")
        return text if NUMBER.fullmatch(text) and not LEADING_ZERO.match(text) else None

    @cached_property
    def _form(self) -> re.Pattern[str]:
        digits = "[0-9]+"
        if self.thousands:
            digits = f"({digits}|[1-9][0-9]{{0,2}}({re.escape(self.thousands)}[0-9]{{3}})+)"
        mark = re.escape(self.decimal)
        return re.compile(rf"[-+]?({digits}({mark}[0-9]*)?|{mark}[0-9]+)([eE][-+]?[0-9]+)?")


def as_number(text: str) -> int | float | None:
    """Return the number that a text is, None if it is none, or beyond what is kept.

    Examples
    --------
    >>> [as_number(text) for text in ("3", "1e-3", "1,5", "1e999")]
    [3, 0.001, None, None]
    """
    if INTEGER.fullmatch(text):
        return int(text) if len(text) <= _LONGEST_INTEGER else None
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None
