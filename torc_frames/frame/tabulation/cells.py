"""What is printed in a cell, before it is HTML, LaTeX or another form."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.frame.tabulation.marks import Mark
from torc_frames.frame.values import is_missing

__all__ = ["MISSING", "PrintedCell", "plain", "power_text", "value_texts"]

MISSING = "–"

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENT = re.compile(r"(-?[0-9.]+)e([+-]?)0*([0-9]+)")
_DIGITS = 4


class PrintedCell(NamedTuple):
    """A cell in parts: a number or text, its spread, their power of ten, what stands behind, and its mark."""

    center: str
    spread: str = ""
    power: int = 0
    joined: str = " ± {}"
    behind: str = ""
    mark: Mark = ""

    def text(self) -> str:
        """Return the cell in one line, without its mark."""
        return self.number() + self.behind

    def number(self) -> str:
        """Return what is marked, without what stands behind."""
        number = self.center + (self.joined.format(self.spread) if self.spread else "")
        if self.power:
            number = f"({number})" if self.spread else number
            number += f" · {power_text(self.power)}"
        return number


def power_text(power: int) -> str:
    """Return a power of ten.

    Examples
    --------
    >>> power_text(-6)
    '10⁻⁶'
    """
    return f"10{str(power).translate(_SUPERSCRIPTS)}"


def plain(text: str) -> str:
    r"""Return a text in one line, without control characters.

    Examples
    --------
    >>> plain("a\nb\x1b[31m")
    'a b�[31m'
    """
    spaced = " ".join(text.split())
    return (
        spaced
        if spaced.isprintable()
        else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in spaced)
    )


def value_texts(values: pd.Series) -> list[str]:
    """Return the values of a parameter as texts: floats with four digits, if they still tell them apart.

    Examples
    --------
    >>> import pandas as pd
    >>> value_texts(pd.Series([0.1, 0.123456, 1e-5])), value_texts(pd.Series([None, True, [1, 2]]))
    (['0.1', '0.1235', '10⁻⁵'], ['–', 'True', '[1, 2]'])
    """
    if values.dtype.kind == "f" and not isinstance(values.dtype, pd.CategoricalDtype):
        return _floats(values.to_numpy("float64", na_value=math.nan).tolist())
    return [plain(_text(value)) or '""' for value in values.astype(object).tolist()]


def _floats(values: list[float]) -> list[str]:
    short = [f"{value:.{_DIGITS}g}" for value in values]
    as_short = dict(zip(short, values, strict=True))
    same = all(as_short[text] == value for text, value in zip(short, values, strict=True) if value == value)
    return [_float(text if same else repr(value)) for text, value in zip(short, values, strict=True)]


def _float(text: str) -> str:
    if text in ("nan", "inf", "-inf"):
        return {"nan": MISSING, "inf": "∞", "-inf": "−∞"}[text]
    if found := _EXPONENT.fullmatch(text):
        power = power_text(int(found[2] + found[3]))
        factor = "-" if found[1] == "-1" else "" if found[1] == "1" else f"{found[1]} · "
        return f"{factor}{power}".replace("-", "−")
    return text.removesuffix(".0").replace("-", "−")


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if is_missing(value):
        return MISSING
    if isinstance(value, (float, np.floating)):
        return _float(repr(float(value)))
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return str(value).replace("-", "−")
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return str(value.date()) if value.tz is None else str(value)
    return str(value)
