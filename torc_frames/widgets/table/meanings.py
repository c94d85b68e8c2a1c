"""What numbers and dates mean as people and spreadsheets write them, in one country or another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal

__all__ = ["advice", "dates", "dates_by_order", "numbers", "numbers_by_mark", "written"]

_LONGEST = 60
_SPACES = " \u00a0\u2007\u2009\u202f"
_APOSTROPHES = "'`\u00b4\u02bc\u2018\u2019"
_MINUS = {ord(sign): "-" for sign in "\N{MINUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{SMALL HYPHEN-MINUS}"}
_CODES = re.compile(
    "(?:EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|RUB|UAH|TRY|ILS|ZAR|BRL|MXN|KRW"
    r"|SGD|HKD|THB|kr\.?|zł|Kč|Ft|lei|Fr\.?|Rs\.?|(?:R|US|A|C|AU|CA|NZ|HK)\$)"
)
_PERCENT = {"%": 2, "\N{FULLWIDTH PERCENT SIGN}": 2, "\N{PER MILLE SIGN}": 3}
_DASHES = re.compile(r"[.,][-\N{EN DASH}\N{EM DASH}]{1,2}$")
_EXPONENT = re.compile(r"[eE][+-]?[0-9]{1,3}$")
_BESIDE = {".": f"[,{_SPACES}{_APOSTROPHES}_]", ",": f"[.{_SPACES}{_APOSTROPHES}_]"}
"""By what stands before the decimals: what may stand between thousands."""

_MARKS = {".": "point", ",": "comma"}

Meaning = tuple[str, str]
"""How it is to be written, and if what that is; always if that is empty."""


def advice(found: list[Meaning], of: str) -> str:
    """Return what to write for a text of one meaning, or of several.

    Examples
    --------
    >>> advice(numbers("0,5"), "'0,5' is no number")
    "'0,5' is no number: write 0.5"
    >>> advice(numbers("1,234"), "'1,234'")
    "'1,234': write 1234 if the comma stands between thousands, 1.234 if it is a decimal comma"
    """
    told = [f"{text} {when}".rstrip() for text, when in found]
    return f"{of}: write {', '.join(told)}" if told else of


def numbers(text: str, *, whole: bool = False) -> list[Meaning]:
    """Return which numbers a text may mean: with thousands, decimal commas, percent, currencies.

    A text with three zeros after its only comma has them as thousands.

    Parameters
    ----------
    text : str
    whole : bool
        Whether only whole numbers are asked for.

    Examples
    --------
    >>> numbers("1.234,50 €"), numbers("12 %"), numbers("(1,000)"), numbers("5 kg")
    ([('1234.50', '')], [('0.12', '')], [('-1000', '')], [])
    """
    found: dict[Decimal, str] = {}
    for mark, value in numbers_by_mark(text).items():
        found.setdefault(value, _condition(_parts(text)[0], mark))
    if len(found) == 1:
        found = dict.fromkeys(found, "")
    wanted = [value for value in found if not whole or value == value.to_integral_value()]
    return [(written(value, whole), found[value]) for value in wanted]


def numbers_by_mark(text: str) -> dict[str, Decimal]:
    """Return which number a text means, by the mark that would stand before its decimals.

    Examples
    --------
    >>> numbers_by_mark("1,234"), numbers_by_mark("1.234,5"), numbers_by_mark("1,000")
    ({'.': Decimal('1234'), ',': Decimal('1.234')}, {',': Decimal('1234.5')}, {'.': Decimal('1000')})
    """
    body, exponent, shift, is_negative = _parts(text)
    found = {}
    for mark in _MARKS:
        digits = _digits(body, mark) if len(text) <= _LONGEST else None
        if digits is not None:
            found[mark] = Decimal(f"{'-' if is_negative else ''}{digits}{exponent}").scaleb(-shift)
    if "," in body and body.endswith("000") and "." in found:
        found.pop(",", None)
    return found


def _parts(text: str) -> tuple[str, str, int, bool]:
    """Return the digits of a number with what is between them, its exponent and shift, if it is below 0."""
    core, shift, is_negative = _bare(text)
    exponent = _EXPONENT.search(core)
    return (
        (core[: exponent.start()] if exponent else core),
        exponent[0] if exponent else "",
        shift,
        is_negative,
    )


def _bare(text: str) -> tuple[str, int, bool]:
    """Return a number without sign, currency and percent, its decimal shift, whether it is below 0."""
    core = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text.strip())
    core, shift, is_negative = core.translate(_MINUS), 0, False
    if core.startswith("(") and core.endswith(")"):
        core, is_negative = core[1:-1].strip(), True
    for _ in range(4):  # a sign, a currency and a percent sign, in whatever order
        if core[-1:] in _PERCENT and not shift:
            core, shift = core[:-1].rstrip(), _PERCENT[core[-1:]]
        core = _without_currency(core)
        core = _DASHES.sub("", core)
        if core[:1] in ("-", "+") or core[-1:] == "-":
            is_negative ^= "-" in (core[:1], core[-1:])
            core = core.strip("+-").strip()
    return core, shift, is_negative


def _without_currency(core: str) -> str:
    if core and unicodedata.category(core[0]) == "Sc":
        return core[1:].lstrip()
    if core and unicodedata.category(core[-1]) == "Sc":
        return core[:-1].rstrip()
    core = re.sub(rf"^{_CODES.pattern}(?![^\W\d])\s*", "", core)
    return re.sub(rf"\s*(?<![^\W\d]){_CODES.pattern}$", "", core)


def _digits(body: str, mark: str) -> str | None:
    """Return a number with a decimal point only, if this is what stands before its decimals; else None."""
    before, _, after = body.partition(mark)
    if not re.fullmatch("[0-9]*", after) or not before + after:
        return None
    grouped = re.fullmatch(rf"[1-9][0-9]{{0,2}}({_BESIDE[mark]})[0-9]{{3}}(?:\1[0-9]{{3}})*", before)
    lakhs = mark == "." and re.fullmatch("[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}", before)
    if not (grouped or lakhs or re.fullmatch("[0-9]*", before)):
        return None
    whole = re.sub("[^0-9]", "", before) or "0"
    return f"{whole}.{after}" if after else whole


def _condition(body: str, mark: str) -> str:
    other = next((one for one in ",." if one in body), ",")
    if other == mark:
        return f"if it is a decimal {_MARKS[other]}"
    return f"if the {_MARKS[other]} stands between thousands"


def written(value: Decimal, whole: bool) -> str:
    """Return a number as it is typed."""
    if abs(value.adjusted()) > _LONGEST:
        return str(value)
    return f"{value.to_integral_value() if whole else value:f}"


_NAMES = (
    "jan january januar janvier",
    "feb february februar",
    "mar march mär märz mrz",
    "apr april",
    "may mai",
    "jun june juni",
    "jul july juli",
    "aug august",
    "sep sept september",
    "oct october okt oktober",
    "nov november",
    "dec december dez dezember",
)
_MONTHS = {name: at for at, names in enumerate(_NAMES, 1) for name in names.split()}
_ORDERS = {"day": "if the day comes first", "month": "if the month does"}
_TIME = (
    r"(?:(?:,?\s+|T)(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d(?:[.,]\d+)?))?"
    r"\s*(?P<half>[ap]\.?m\.?)?(?:\s*Uhr)?\s*(?P<offset>Z|[+-]\d\d:?\d\d)?)?"
)
_BY_NUMBERS = re.compile(rf"(\d{{1,4}})\s*([./-])\s*(\d\d?)\s*\2\s*(\d{{1,4}}){_TIME}", re.ASCII | re.I)
_DAY_MONTH = re.compile(
    rf"(?P<day>\d\d?)(?:st|nd|rd|th|\.)?[\s-]*(?P<month>[^\W\d_]{{3,9}})\.?,?[\s-]*(?P<year>\d{{4}}){_TIME}",
    re.I,
)
_MONTH_DAY = re.compile(
    rf"(?P<month>[^\W\d_]{{3,9}})\.?\s*(?P<day>\d\d?)(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){_TIME}", re.I
)


def dates(text: str) -> list[Meaning]:
    """Return which times a text may mean; none where the year has two digits only.

    Examples
    --------
    >>> dates("02.11.2026 9:30"), dates("Nov 2, 2026"), dates("2/11/26")
    ([('2026-11-02 09:30', '')], [('2026-11-02', '')], [])
    >>> dates("02/11/2026")
    [('2026-11-02', 'if the day comes first'), ('2026-02-11', 'if the month does')]
    """
    found: dict[str, str] = {}
    for order, told in dates_by_order(text).items():
        found.setdefault(told, _ORDERS[order])
    if len(found) == 1:
        found = dict.fromkeys(found, "")
    return list(found.items())


def dates_by_order(text: str) -> dict[str, str]:
    """Return which time a text means, by what comes first in its date: the day or the month.

    Examples
    --------
    >>> dates_by_order("02/11/2026"), dates_by_order("02.11.2026")
    ({'day': '2026-11-02', 'month': '2026-02-11'}, {'day': '2026-11-02'})
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        return {}
    found: dict[str, str] = {}
    for match, year, month, day, order in _read(stripped):
        time = _time(match)
        with suppress(ValueError):  # no such day
            if time is not None:
                told = f"{date(int(year), int(month), int(day))}{time}"
                found |= dict.fromkeys([order] if order else _ORDERS, told)
    return found


def _read(text: str) -> Iterator[tuple[re.Match[str], str, str | int, str, str]]:
    """Yield year, month and day of what a text may mean, and what comes first if that is a guess."""
    if match := _BY_NUMBERS.fullmatch(text):
        first, mark, second, third = match.group(1, 2, 3, 4)
        if len(first) == 4 and len(third) <= 2:
            yield match, first, second, third, ""
        elif len(first) <= 2 and len(third) == 4:
            yield match, third, second, first, "day"
            if mark != ".":
                yield match, third, first, second, "month"
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        if (match := pattern.fullmatch(text)) and (month := _MONTHS.get(match["month"].lower())):
            yield match, match["year"], month, match["day"], ""


def _time(match: re.Match[str]) -> str | None:
    """Return the time of day with a blank before it; empty if there is none, None if it is no time."""
    if match["hour"] is None:
        return ""
    hour, half = int(match["hour"]), (match["half"] or "")[:1].lower()
    if (half and not 1 <= hour <= 12) or hour > 23 or int(match["minute"]) > 59:
        return None
    hour = hour % 12 + 12 * (half == "p") if half else hour
    second = f":{match['second'].replace(',', '.')}" if match["second"] else ""
    return f" {hour:02d}:{match['minute']}{second}{match['offset'] or ''}"
