"""What is seen first: texts of anybody stay texts, in HTML and on a terminal, and fit there."""

import pandas as pd
import pytest

from tests.trust.markup import text_of
from torc_frames.frame.description import (
    Calls,
    CellTable,
    Counts,
    Description,
    Histogram,
    Marked,
    Output,
    Remark,
    brief,
    first_rows,
)
from torc_frames.frame.shown import seen

HOSTILE = {
    "tag": "tfx <script>tfx()</script><img src=x onerror=tfx()>",
    "attribute": "tfx\" onmouseover=\"tfx()' x='",
    "closing": "tfx</td></tr></table></div><tfx>",
    "comment": "tfx<!--tfx--><![CDATA[<tfx>]]>&lt;tfx&gt;",
    "control": "tfx\x1b[31mred\x00\r\n\t\x07",
    "right to left": "tfx\u202e\u2066\u05e9\u05dc\u2028",
    "surrogate": "tfx\ud800\udfff",
    "long": "tfx" * 100_000,
    "wide": "tfx日本語" * 3 + "e\u0301",
}


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE)
def test_a_text_is_nothing_but_text_wherever_it_stands(bad):
    frame = pd.DataFrame([[bad, 1], [[bad], 2]], columns=pd.Index([bad, "n"], dtype=object), dtype=object)
    page = Description(
        bad,
        *(Remark(bad, tone) for tone in ("", "quiet", "bad")),
        Counts(bad, {bad: 2, "failed": 0}),
        CellTable((bad, "n", ""), [(bad, Marked(bad), Histogram((1, 0, 3)))], (1,), bad),
        Calls([(bad, bad)]),
        Output(bad, f"{bad}\n{bad}"),
        first_rows(frame, bad, rows=1, columns=1),
    )
    shown = page._repr_mimebundle_()
    assert text_of(shown["text/html"]).count("tfx") >= 15
    assert shown == {"text/plain": repr(page), "text/html": page._repr_html_()}
    for form in shown.values():
        assert len(form.encode()) < 10_000  # of UTF-8, in which there are no surrogates
        assert form.replace("\n", "").isprintable()


def test_a_page_of_nothing_has_no_table():
    page = Description("nothing", None, Counts("0 jobs", {}), Calls([]), first_rows(pd.DataFrame(), "it"))
    assert repr(page).splitlines()[:2] == ["nothing", "0 jobs"]
    assert "nothing" in text_of(page._repr_html_())


def test_columns_stand_below_each_other_also_with_wide_letters():
    table = CellTable(("name", "n"), [("日本", "7"), ("abc", "10")], (1,))
    assert list(table.lines()) == ["  name   n", "  日本   7", "  abc   10"]


def test_a_histogram_shows_where_values_are():
    drawn = Histogram((0, 1, 100, 50))
    assert str(drawn) == "▁▂█▅"
    assert text_of(drawn._repr_html_()) == "how many from least to most: 0, 1, 100, 50"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("nan"), "missing"),
        (pd.NA, "missing"),
        (float("-inf"), "-inf"),
        (1e300, "1e+300"),
        (10**400, "1" + "0" * 58 + "…"),
        ("a'\x1b", '"a\'\\x1b"'),
        ([1, None], "[1, None]"),
        (pd.Timestamp("2026-01-01"), "2026-01-01 00:00:00"),
    ],
)
def test_values_are_told_in_few_letters(value, told):
    assert brief(value) == told


def test_what_has_no_description_says_why_in_one_sentence():
    class Broken:
        def __repr__(self):
            return "Broken()"

        def describe(self):
            raise OSError("no <disk>")

    assert repr(seen(Broken())) == "Broken()\nOSError: no <disk>"
    assert text_of(seen(Broken())._repr_html_()).endswith("Broken()OSError: no <disk>")
