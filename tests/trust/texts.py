"""Texts from elsewhere where a constraint is expected."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from tests.trust.fault import Fault, Place
from torc_frames.errors import RefusedError
from torc_frames.frame.where import kept_by

_AT_ONCE = 2_000
_TABLE = pd.DataFrame(
    {"a": [1, 2, 2**53 + 1], "x": [0.5, np.nan, -1.0], "s": ["p", None, "q"], "f": [True, False, True]}
)
_PIECES = [
    *("a", "x", "s", "f", "row", "0", "1", "9", "0.5", "'p'", "None", "True", " "),
    *(
        "+",
        "-",
        "*",
        "**",
        "/",
        "//",
        "%",
        "==",
        "!=",
        "<",
        "<=",
        " in ",
        " not in ",
        " and ",
        " or ",
        " not ",
        "&",
        "|",
        "~",
    ),
    *(
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        ":",
        "=",
        "`",
        "'",
        '"',
        "@",
        "{",
        "}",
        ";",
        "\n",
        "\\",
        " if ",
        " else ",
        "lambda ",
    ),
    *(
        ".__class__",
        ".__init__.__globals__",
        ".to_csv('HIT')",
        "__import__('os')",
        "open('HIT', 'w')",
        "eval",
        "f'{a}'",
    ),
    *("abs(", "round(", "str(", "where(", "max(", "'a' * 10**9", "9**9**9", "import os", ":=", "..."),
]


def _attempt(place: Place) -> int:
    random = place.random
    for _ in range(_AT_ONCE):
        text = "".join(random.choices(_PIECES, k=random.randint(1, 12)))
        began = time.process_time()
        try:
            kept = kept_by(_TABLE, text)
        except RefusedError:
            continue
        finally:
            assert time.process_time() - began < 5, text
        assert kept.dtype == bool, text
    return _AT_ONCE


FAULTS = [
    Fault(
        "random texts as where=: booleans or a refusal, at once, and nothing runs",
        "embedded",
        1,
        100,
        _attempt,
    )
]
