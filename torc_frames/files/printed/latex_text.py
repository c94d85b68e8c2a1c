"""Any text as LaTeX that pdflatex sets with its own fonts, and that is nothing but that text."""

from __future__ import annotations

import re
import unicodedata
from unicodedata import normalize

__all__ = ["latex_text"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # a row that begins so is an option of the line before
    "*": "{*}",
    "−": "$-$",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}
_LETTERS = {
    **{"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"},
    **{"ı": "i", "ȷ": "j", "§": "S", "¶": "P", "£": "pounds", "©": "copyright", "†": "dag", "‡": "ddag"},
    **{"…": "ldots", "°": "textdegree", "€": "texteuro", "™": "texttrademark", "®": "textregistered"},
    **{"“": "textquotedblleft", "”": "textquotedblright", "‘": "textquoteleft", "’": "textquoteright"},
    **{"–": "textendash", "—": "textemdash", "¡": "textexclamdown", "¿": "textquestiondown"},
    **{"‰": "textperthousand", "¢": "textcent", "¥": "textyen", "•": "textbullet"},
}
_MATH = {
    **{"±": "pm", "∓": "mp", "×": "times", "÷": "div", "·": "cdot", "∞": "infty", "≤": "leq", "≥": "geq"},
    **{
        "≠": "neq",
        "≈": "approx",
        "≡": "equiv",
        "∝": "propto",
        "∼": "sim",
        "←": "leftarrow",
        "→": "rightarrow",
    },
    **{"↑": "uparrow", "↓": "downarrow", "↔": "leftrightarrow", "∑": "sum", "∏": "prod", "∫": "int"},
    **{"√": "surd", "∂": "partial", "∇": "nabla", "∈": "in", "∅": "emptyset", "∩": "cap", "∪": "cup"},
    **{"⊂": "subset", "∧": "wedge", "∨": "vee", "¬": "neg", "ℓ": "ell", "ħ": "hbar", "µ": "mu", "«": "ll"},
    **{"»": "gg", "‖": "Vert", "′": "prime", "ς": "varsigma", "ϵ": "epsilon", "ϕ": "phi", "ϑ": "vartheta"},
}
_ACCENTS = {
    **{
        "\u0300": "`",
        "\u0301": "'",
        "\u0302": "^",
        "\u0303": "~",
        "\u0304": "=",
        "\u0306": "u",
        "\u0307": ".",
    },
    **{
        "\u0308": '"',
        "\u030a": "r",
        "\u030b": "H",
        "\u030c": "v",
        "\u0323": "d",
        "\u0327": "c",
        "\u0331": "b",
    },
}
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True))
_RUN = re.compile(f"[{''.join(_RAISED)}]+|[{''.join(_LOWERED)}]+|.", re.DOTALL)
_LIGATURE = re.compile(r"(-(?=-)|'(?='))")
_GREEK = re.compile("GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)")
_LATIN = dict(
    zip(
        (
            "ALPHA",
            "BETA",
            "EPSILON",
            "ZETA",
            "ETA",
            "IOTA",
            "KAPPA",
            "MU",
            "NU",
            "OMICRON",
            "RHO",
            "TAU",
            "CHI",
        ),
        "ABEZHIKMNOPTX",
        strict=True,
    )
)
"""The Greek capitals that LaTeX has no command for."""


def latex_text(text: str) -> str:
    r"""Return a text as LaTeX; of a character that pdflatex has not, its number.

    A letter and its accent may be one character or two.

    Examples
    --------
    >>> print(latex_text("a_b & 50% {x} Δ⁻² é"))
    a\_b \& 50\% \{x\} $\Delta$$^{-2}$ \'{e}
    >>> latex_text("日")
    'U+65E5'
    """
    return _LIGATURE.sub(r"\1{}", "".join(_of(found[0]) for found in _RUN.finditer(normalize("NFC", text))))


def _of(run: str) -> str:
    if run[0] in _RAISED:
        return f"$^{{{''.join(map(_RAISED.__getitem__, run))}}}$"
    if run[0] in _LOWERED:
        return f"$_{{{''.join(map(_LOWERED.__getitem__, run))}}}$"
    if run in _SPECIAL:
        return _SPECIAL[run]
    if " " <= run <= "~":
        return run
    if run in _LETTERS:
        return f"\\{_LETTERS[run]}{{}}"
    if run in _MATH:
        return f"$\\{_MATH[run]}$"
    return _greek(run) or _accented(run) or ("~" if run.isspace() else f"U+{ord(run):04X}")


def _greek(char: str) -> str | None:
    named = _GREEK.fullmatch(unicodedata.name(char, ""))
    if named is None:
        return None
    name = named[2].replace("LAMDA", "LAMBDA")
    if named[1] == "SMALL":
        return "$o$" if name == "OMICRON" else f"$\\{name.lower()}$"
    return f"${_LATIN[name]}$" if name in _LATIN else f"$\\{name.capitalize()}$"


def _accented(char: str) -> str | None:
    base, *marks = list(unicodedata.normalize("NFD", char))
    if not marks or not "A" <= base <= "z" or any(mark not in _ACCENTS for mark in marks):
        return None
    for mark in marks:
        base = f"\\{_ACCENTS[mark]}{{{base}}}"
    return base
