"""Numbers and dates as people write them: whoever follows the advice stores what they meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torc_frames.widgets.table.cells import Format


def reason(text: str, dtype: str) -> str:
    return Format.of(dtype).read([text]).refused[0]


def offered(told: str) -> list[str]:
    """What a message says to write."""
    _, _, rest = told.partition(": write ")
    return re.findall(
        r"(?<![\w.,-])-?\d[\d.]*(?:E[+-]?\d+)?(?![\w])", rest.replace("thousands, ", "thousands ")
    )


@pytest.mark.parametrize(
    ("text", "in_int", "in_float"),
    [
        ("1,000", ["1000"], ["1000"]),
        ("-1,000", ["-1000"], ["-1000"]),
        ("1,000,000", ["1000000"], ["1000000"]),
        ("1.000", ["1", "1000"], None),
        ("1.000.000", ["1000000"], ["1000000"]),
        ("1 000", ["1000"], ["1000"]),
        ("1\N{NO-BREAK SPACE}000", ["1000"], ["1000"]),
        ("1\N{NARROW NO-BREAK SPACE}000,5", [], ["1000.5"]),
        ("1'000", ["1000"], ["1000"]),
        ("1\N{RIGHT SINGLE QUOTATION MARK}000.25", [], ["1000.25"]),
        ("12,34,567", ["1234567"], ["1234567"]),
        ("1,234", ["1234"], ["1234", "1.234"]),
        ("1.234", ["1234"], None),
        ("0,500", [], ["0.500"]),
        ("0,5", [], ["0.5"]),
        ("1.234,5", [], ["1234.5"]),
        ("1,234.5", [], ["1234.5"]),
        ("50%", [], ["0.50"]),
        ("100 %", ["1"], ["1.00"]),
        ("12,5 %", [], ["0.125"]),
        ("1,000%", ["10"], ["10.00"]),
        ("$1,000", ["1000"], ["1000"]),
        ("-$1,000.50", [], ["-1000.50"]),
        ("1.234,50 \N{EURO SIGN}", [], ["1234.50"]),
        ("CHF 1'000.-", ["1000"], ["1000"]),
        ("USD 5", ["5"], ["5"]),
        ("(1,000)", ["-1000"], ["-1000"]),
        ("1,000-", ["-1000"], ["-1000"]),
        ("1,5E+03", ["1500"], ["1500"]),
    ],
)
def test_what_a_number_may_mean_is_offered_and_nothing_else(text, in_int, in_float):
    assert offered(reason(text, "int64")) == in_int
    if in_float is not None:
        assert offered(reason(text, "float64")) == in_float


@pytest.mark.parametrize(
    "text", ["5 kg", "1,2,3", "1,00,0", "EUR", "%", "(", "1/2", "12:30", "10\N{SUPERSCRIPT TWO}", "1.2.3"]
)
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_where_no_number_is_meant_none_is_offered(text, dtype):
    assert offered(reason(text, dtype)) == []


def test_what_is_ambiguous_is_told_as_that_with_both():
    both = "write 1234 if the comma stands between thousands, 1.234 if it is a decimal comma"
    assert reason("1,234", "float64") == f"'1,234' is ambiguous: {both}"
    assert reason("1.000", "int64") == (
        "'1.000' is ambiguous: write 1 if it is a decimal point, 1000 if the point stands between thousands"
    )
    assert reason("1,234", "int64") == (
        "'1,234' is no whole number: write 1234 if the comma stands between thousands"
    )
    assert reason("0,5", "int64") == "'0,5' is no whole number: it means 0.5"


@dataclass(frozen=True)
class Style:
    """How a country, or a spreadsheet, writes numbers."""

    group: str
    point: str
    before: str = ""
    after: str = ""
    shift: int = 0

    def write(self, value: Decimal) -> str:
        whole, _, part = f"{abs(value).scaleb(self.shift):f}".partition(".")
        grouped = re.sub(r"(?<=\d)(?=(\d{3})+$)", self.group, whole) if self.group else whole
        number = f"{grouped}{self.point}{part}" if part else grouped
        return f"{'-' if value < 0 else ''}{self.before}{number}{self.after}"


MARKS = [
    (",", "."),
    (".", ","),
    (" ", ","),
    ("\N{NARROW NO-BREAK SPACE}", ","),
    ("'", "."),
    (" ", "."),
    ("", ","),
    ("", "."),
]
STYLES = [
    Style(group, point, before, after, shift)
    for group, point in MARKS
    for before, after, shift in [
        ("", "", 0),
        ("$", "", 0),
        ("", " \N{EURO SIGN}", 0),
        ("CHF ", "", 0),
        ("", "%", 2),
        ("", " %", 2),
    ]
]
values = st.builds(
    lambda n, places: Decimal(n).scaleb(-places), st.integers(-(10**8), 10**8), st.integers(0, 4)
)


def meant(text: str) -> set[Decimal]:
    """Every number that some style writes like that."""
    found = set()
    for style in STYLES:
        core = text.removeprefix("-").removeprefix(style.before)
        core = core[: len(core) - len(style.after)] if style.after and core.endswith(style.after) else core
        core = core.replace(style.group, "") if style.group else core
        core = core.replace(style.point, ".")
        if re.fullmatch(r"\d+(\.\d+)?", core):
            value = Decimal(("-" if text.startswith("-") else "") + core).scaleb(-style.shift)
            if style.write(value) == text:
                found.add(value)
    return found


@settings(max_examples=300)
@given(value=values, style=st.sampled_from(STYLES), dtype=st.sampled_from(["int64", "Int64", "float64"]))
def test_following_the_advice_stores_the_number_that_was_meant(value, style, dtype):
    text = style.write(value)
    parsed = Format.of(dtype).read([text])
    if parsed.good:
        return  # written as it is read
    told = parsed.refused[0]
    offers = offered(told)
    read = Format.of(dtype).read(offers)
    assert not read.refused
    numbers = {Decimal(offer) for offer in offers}
    assert numbers <= meant(text)
    assert [float(offer) for offer in offers] == [float(found) for found in read.values]
    is_whole = value == value.to_integral_value()
    if dtype != "float64" and not is_whole:
        assert value not in numbers
    elif not re.search(r",000\D*$", text):  # these are thousands
        assert value in numbers
    if len(offers) > 1:
        assert "ambiguous" in told


@pytest.mark.parametrize("text", ["1,000", "-1,000", "$1,000", "1,000 \N{EURO SIGN}", "(1,000)"])
@pytest.mark.parametrize("dtype", ["int8", "int64", "Int64", "float32", "float64"])
def test_a_thousand_is_never_one(text, dtype):
    told = reason(text, dtype)
    assert {abs(float(offer)) for offer in offered(told)} == {1000.0}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("02.11.2026", ["2026-11-02"]),
        ("2.11.2026", ["2026-11-02"]),
        ("02/11/2026", ["2026-11-02", "2026-02-11"]),
        ("02-11-2026", ["2026-11-02", "2026-02-11"]),
        ("13/02/2026", ["2026-02-13"]),
        ("2/13/2026", ["2026-02-13"]),
        ("05/05/2026", ["2026-05-05"]),
        ("2026/11/02", ["2026-11-02"]),
        ("2026.11.2", ["2026-11-02"]),
        ("Nov 2, 2026", ["2026-11-02"]),
        ("November 2nd, 2026", ["2026-11-02"]),
        ("2 Nov 2026", ["2026-11-02"]),
        ("2-Nov-2026", ["2026-11-02"]),
        ("2. März 2026", ["2026-03-02"]),
        ("02.11.2026 09:30", ["2026-11-02 09:30"]),
        ("11/13/2026 9:30:05 PM", ["2026-11-13 21:30:05"]),
        ("11/13/2026 12:05 am", ["2026-11-13 00:05"]),
    ],
)
def test_what_a_date_may_mean_is_offered_and_can_be_read(text, meant):
    told = reason(text, "datetime64[us]")
    assert re.findall(r"\d{4}-\d\d-\d\d(?: [\d:]+)?", re.split(", so |: write ", told)[-1]) == meant
    assert ("ambiguous" in told) == (len(meant) > 1)
    read = Format.of("datetime64[us]").read(meant)
    assert read.values.tolist() == [pd.Timestamp(one) for one in meant]


@pytest.mark.parametrize(
    "text", ["31.02.2026", "2/11/26", "11/13/2026 25:00", "13/13/2026", "Foo 2, 2026", "2026"]
)
def test_where_no_date_is_meant_the_way_to_write_one_is_told(text):
    assert "write it like 2026-11-02 or" in reason(text, "datetime64[us]")


@given(st.text(st.sampled_from("0123456789.,' -/%$()eEaopr:\N{EURO SIGN}"), max_size=12))
def test_any_text_is_a_value_or_has_a_reason(text):
    for dtype in ("int64", "float64", "datetime64[us]"):
        parsed = Format.of(dtype).read([text])
        assert parsed.good or parsed.refused
