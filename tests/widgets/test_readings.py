"""What is offered for texts that are no values of their column: exact, and no meaning is chosen silently."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.errors import RefusedError
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.cells import Format
from torc_frames.widgets.table.offers import Offers
from torc_frames.widgets.table.readings import Interpretation, Pasted, choices, question
from torc_frames.widgets.table.source import Block, GridColumn

DTYPES = {"float": "float64", "int": "Int64", "datetime": "datetime64[s]", "bool": "boolean", "string": "str"}


def offered(kind: str, *texts: str) -> list[Interpretation]:
    """Return what is offered for texts in a column, refused as it refuses them."""
    refused = Format.of(DTYPES[kind]).read(texts).refused
    column = GridColumn("x", kind, DTYPES[kind])
    return choices([column], [Pasted(at, 0, text, at in refused) for at, text in enumerate(texts)])


def read(kind: str, *texts: str) -> list[list[str]]:
    """Return the texts as each choice makes them."""
    made = []
    for choice in offered(kind, *texts):
        after = list(texts)
        for row, _, text in choice.cells:
            after[row] = text
        made.append(after)
    return made


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        ("float", ["1,234.5"], [["1234.5"]]),
        ("float", ["1.234,5"], [["1234.5"]]),
        ("float", ["1 234,5"], [["1234.5"]]),
        ("float", ["1\u202f234,5"], [["1234.5"]]),
        ("float", ["1'234"], [["1234"]]),
        ("float", ["1\u2019234.5"], [["1234.5"]]),
        ("float", ["0,5"], [["0.5"]]),
        ("float", ["12 %"], [["0.12"]]),
        ("float", ["12,5%"], [["0.125"]]),
        ("float", ["$3.50", "3,50 €"], [["3.50", "3.50"]]),
        ("float", ["(1,000)"], [["-1000"]]),
        ("float", ["1,000"], [["1000"]]),
        ("float", ["1,000", "1,5"], [["1000", "1.5"]]),
        ("float", ["1,234"], [["1234"], ["1.234"]]),
        ("float", ["1,234", "0.5"], [["1234", "0.5"]]),
        ("float", ["1,234", "0,5"], [["1.234", "0.5"]]),
        ("float", ["1.234", "0,5"], [["1234", "0.5"]]),
        ("float", ["1,234", "0.5", "0,5"], [["1234", "0.5", "0.5"], ["1.234", "0.5", "0.5"]]),
        ("float", ["1,234", "7", "abc", ""], [["1234", "7", "abc", ""], ["1.234", "7", "abc", ""]]),
        ("float", ["abc", "5 kg"], []),
        ("float", ["1.5", "7"], []),
        ("float", ["1.234"], []),
        ("int", ["1,234"], [["1234"]]),
        ("int", ["1,000", "2"], [["1000", "2"]]),
        ("int", ["1.000"], [["1"], ["1000"]]),
        ("int", ["0,5"], []),
        ("int", ["12 %"], []),
        ("int", ["1'000'000"], [["1000000"]]),
        ("int", ["9,007,199,254,740,993"], [["9007199254740993"]]),
        ("datetime", ["31.12.2026"], [["2026-12-31"]]),
        ("datetime", ["12/31/2026"], [["2026-12-31"]]),
        ("datetime", ["02/11/2026"], [["2026-11-02"], ["2026-02-11"]]),
        ("datetime", ["02/11/2026", "12/31/2026"], [["2026-02-11", "2026-12-31"]]),
        ("datetime", ["02/11/2026", "31/12/2026 9:30"], [["2026-11-02", "2026-12-31 09:30"]]),
        ("datetime", ["05/05/2026"], [["2026-05-05"]]),
        ("datetime", ["2/11/26"], []),
        ("bool", ["ja", "Nein", "yes", "vielleicht"], [["true", "false", "yes", "vielleicht"]]),
        ("string", ["1,5"], []),
    ],
)
def test_texts_are_read_as_they_are_meant(kind: str, texts: list[str], expected: list[list[str]]) -> None:
    assert read(kind, *texts) == expected


LOCALES = [(".", ","), (".", " "), (".", "'"), (",", "."), (",", "\u202f"), (",", "'"), (".", ""), (",", "")]
NUMBERS = st.decimals(-10_000_000, 10_000_000, places=4).map(Decimal.normalize)


def formatted(number: Decimal, mark: str, thousands: str) -> str:
    return f"{number:,f}".replace(",", "_").replace(".", mark).replace("_", thousands)


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.sampled_from(LOCALES))
def test_numbers_of_a_locale_are_read_exactly(numbers: list[Decimal], locale: tuple[str, str]) -> None:
    mark, _ = locale
    texts = [formatted(number, *locale) for number in numbers]
    found = offered("float", *texts)
    if not found:
        return
    labels = {".": "decimal point", ",": "decimal comma"}
    ways = [choice for choice in found if choice.label in ("", labels[mark])]
    after = list(texts)
    for row, _, text in ways[0].cells:
        after[row] = text
    if len(found) == 1 and not tells(texts, mark):
        return  # all that is there is "1,000", which is a thousand, whoever wrote it
    assert [Decimal(text) for text in after] == numbers


def tells(texts: list[str], mark: str) -> bool:
    """Whether none of them has a decimal comma before three zeros."""
    return mark == "." or not any(text.endswith(",000") for text in texts)


@given(st.integers(1, 999), st.integers(0, 999))
def test_what_has_two_meanings_is_offered_both_ways(before: int, after: int) -> None:
    found = read("float", f"{before},{after:03d}")
    thousand = Decimal(before * 1000 + after)
    if after == 0:
        assert [Decimal(each[0]) for each in found] == [thousand]
    else:
        assert [Decimal(each[0]) for each in found] == [thousand, thousand / 1000]


def test_columns_are_read_each_by_itself_and_asked_about_together() -> None:
    columns = [GridColumn("a", "float", "float64"), GridColumn("t", "datetime", "datetime64[s]")]
    texts = [("1,234", "02/11/2026"), ("5", "03/11/2026")]
    pasted = [
        Pasted(row, at, text, text != "5") for row, line in enumerate(texts) for at, text in enumerate(line)
    ]
    found = choices(columns, pasted)
    assert [each.label for each in found] == [
        "decimal point, day first",
        "decimal point, month first",
        "decimal comma, day first",
        "decimal comma, month first",
    ]
    assert found[1].cells == [(0, 0, "1234"), (0, 1, "2026-02-11"), (1, 1, "2026-03-11")]
    assert question(found) == "What does 1,234 mean, 3 cells in all?"


def test_a_paste_is_offered_accepted_and_taken_back() -> None:
    frame = pd.DataFrame({"x": [0.0, 0.0, 0.0], "n": [0, 0, 0]})
    sheet = Sheet(frame, rules={"n": Rule(max=2000)})
    offers = Offers(sheet)
    sheet.paste(Block(0, 0, 1, 1), "1,234.5\t1,000\n12 %\tx\n1,5\t3\n")
    told = offers.pasted(Block(0, 0, 1, 1), "1,234.5\t1,000\n12 %\tx\n1,5\t3\n")
    assert told == {
        "id": "1",
        "text": "Read 1,234.5 as 1234.5, 4 cells in all?",
        "choices": [{"label": "", "example": "1,234.5 → 1234.5"}],
    }
    sheet.set_texts([(1, 0, "7")])
    offers.accept("1", 0)
    assert [row.texts for row in sheet.rows(0, 3)] == [["1234.5", "1000"], ["7.0", "x"], ["1.5", "3"]]
    assert sheet.undo() == "3 cells in 2 columns changed"
    assert sheet.rows(0, 1)[0].texts == ["1,234.5", "1,000"]
    with pytest.raises(RefusedError, match="not offered any more"):
        offers.accept("1", 0)
    assert offers.typed([(0, 0, "0.25")]) is None
    sheet.paste(Block(0, 1, 3, 2), "1,000")
    assert offers.pasted(Block(0, 1, 3, 2), "1,000") == {
        "id": "2",
        "text": "Read 1,000 as 1000, 3 cells in all?",
        "choices": [{"label": "", "example": "1,000 → 1000"}],
    }
    with pytest.raises(RefusedError, match="not offered"):
        offers.accept("1", 0)
    with pytest.raises(RefusedError, match="not offered"):
        offers.accept("2", 1)
    offers.accept("2", 0)
    assert sheet.value["n"].tolist() == [1000, 1000, 1000]
