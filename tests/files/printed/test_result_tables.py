"""Tables for print in each form, read back by the programs that they are for."""

import math
import re
import subprocess
from html.parser import HTMLParser
from time import process_time

import numpy as np
import openpyxl
import pandas as pd
import pytest
import tables
from markdown_it import MarkdownIt
from servers import need

import torc_frames as tf
from torc_frames.files.printed import latex_text
from torc_frames.files.printed.latex_text import latex_text as as_latex

HOSTILE = [
    r"a_b & 50% {x} \y ^ ~ # $z$ µ",
    "<script>alert(1)</script>",
    "| pipe | * star * _line_ `code` **bold** [link](x) ~~out~~ !i &amp;",
    "=1+1",
    "@SUM(A1)",
    "[4] first, *second",
    "two\nlines\ttab\x1b[31m",
    "αβγΔΩ → ≤ ± é ñ ö ß å ł ø ç",
    "--flag ''quoted'' \"x\" 'y'",
    "\\input{/etc/passwd}",
    "日本 😀 \u202eevil",
]


def jobs(**results):
    """Three methods, two sizes, four seeds; one job failed, and one completed without an accuracy."""
    table = tf.grid(method=["exact", "fast", "none"], size=[10, 100], seed=range(4), kind=["k"]).add_prefix(
        "params."
    )
    rng = np.random.default_rng(5)
    table["status"] = "completed"
    table["results.loss"] = 0.2 + rng.normal(0, 0.003, 24) + 0.05 * (table["params.method"] == "none")
    table["results.accuracy"] = 0.97 + rng.normal(0, 0.004, 24)
    table["results.time"] = 3.2e-7 * table["params.size"] * rng.uniform(0.9, 1.1, 24)
    table.loc[2, "status"], table.loc[9, "results.accuracy"] = "failed", math.nan
    return table.assign(**results)


def tabulated(**options):
    better = {"loss": "min", "accuracy": "max"}
    return tf.tabulate(jobs(), **{"over": "seed", "better": better, **options})


def hostile():
    """A table of which every text is hostile: values, labels, units, groups, caption."""
    table = pd.DataFrame({"params.a|b_c": HOSTILE, "results.x.y%": np.arange(len(HOSTILE)) / 7})
    return tf.tabulate(
        table,
        better={"x.y%": "max"},
        labels={"x.y%": HOSTILE[0]},
        units={"x.y%": HOSTILE[2]},
        groups={HOSTILE[1]: "x.y%"},
        caption=HOSTILE[7] + HOSTILE[0],
    )


class Cells(HTMLParser):
    """The texts of cells, and the names of all tags."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = set(), []
        self.feed(page)
        self.texts = [text.strip() for text in self.texts]

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th", "caption", "p"):
            self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


def in_one_line(text):
    return "".join(char if char.isprintable() else "�" for char in " ".join(text.split()))


# what is in it


def test_a_table_of_jobs_is_summarized_and_printed():
    table = tabulated(labels={"loss": "squared error"}, units={"time": "s"}, scale={"accuracy": 100})
    heads = ["method", "size", "squared error ↓", "accuracy ↑", "time (10⁻⁶ s)"]
    assert re.split("  +", repr(table).splitlines()[0]) == heads
    found = table.frame
    assert list(found)[:4] == ["params.method", "params.size", "results.loss.mean", "results.loss.std"]
    exact = jobs().query("status == 'completed' and `params.method` == 'exact' and `params.size` == 10")
    assert found.loc[0, "results.loss.mean"] == pytest.approx(exact["results.loss"].mean())
    assert found.loc[0, "results.loss.count"] == 3
    assert table.footnote == (
        "Mean ± standard deviation over seed (n = 4, or as in brackets). Of 24 jobs not counted: 1 failed, "
        "1 without accuracy. In all rows kind = k. Best bold, second underlined."
    )


def test_a_summary_may_be_sorted_and_chosen_by_pandas_first():
    summary = tf.summarize(jobs(), over="seed").sort_values("results.loss.mean").head(2)
    shown = repr(tf.tabulate(summary, "loss", better={"loss": "min"}, spread="ci95")).splitlines()
    assert len(shown) == 4
    assert "half width of the 95 % confidence interval" in shown[-1]
    assert summary.attrs["torc_summary"]["over"] == ["params.seed"]


def test_a_summary_whose_attrs_were_lost_is_one_still():
    summary = pd.DataFrame(tf.summarize(jobs(), over="seed").to_dict("list"))
    assert (
        repr(tf.tabulate(summary, "loss")).splitlines()[1]
        == repr(tabulated(metrics="loss", better=None)).splitlines()[1]
    )


def test_a_summary_that_pandas_made_needs_no_prefixes():
    grouped = (
        jobs().dropna().rename(columns={"params.method": "method", "results.time": "time"}).groupby("method")
    )
    plain = grouped["time"].agg(["mean", "std"]).add_prefix("time.").reset_index()
    shown = tf.tabulate(plain, units={"time": "s"})
    assert re.split("  +", repr(shown).splitlines()[0]) == ["method", "time (10⁻⁶ s)"]
    assert list(shown.frame) == ["method", "time.mean", "time.std"]


def test_counts_are_a_column_where_metrics_agree_and_nothing_where_all_are_the_same():
    few = jobs()
    few = few[few["params.seed"].lt(3) | few["params.method"].eq("fast")]
    assert repr(tf.tabulate(few, "loss", over="seed")).split()[:3] == ["method", "size", "n"]
    few = few.rename(columns={"results.loss": "results.n"})
    assert repr(tf.tabulate(few, "n", over="seed")).split()[:5] == ["method", "size", "n", "jobs", "n"]
    few = few.rename(columns={"results.n": "results.loss"})
    whole = few[few["params.seed"].lt(2)]
    assert "(n = 2)." in tf.tabulate(whole, "loss", over="seed").footnote


def test_single_jobs_have_no_spread():
    shown = tf.tabulate(jobs().query("`params.seed` == 1"), "loss", better={"loss": "min"})
    assert "±" not in repr(shown)
    assert shown.footnote == "In all rows seed = 1, kind = k. Best bold, second underlined."


def test_infinite_values_are_kept_and_said_and_nothing_is_marked_by_them():
    table = jobs()
    table.loc[0, "results.loss"] = math.inf
    shown = tf.tabulate(table, "loss", over="seed", better={"loss": "max"})
    assert re.search(r"^exact +10 +3 +∞$", repr(shown), re.MULTILINE)
    assert "∞: a job gave an infinite value." in shown.footnote
    assert "**∞" not in repr(shown)


@pytest.mark.parametrize("rows", [0, 1])
def test_tables_of_no_row_and_of_one_have_all_forms(rows, tmp_path):
    shown = tf.tabulate(jobs().head(rows), over="seed", better={"loss": "min"})
    assert shown.to_latex().count(r"\\") == 1 + rows
    assert "<table" in shown.to_html()
    assert shown.to_markdown().count("\n|") == 1 + rows
    assert len(shown.frame) == rows
    assert openpyxl.load_workbook(shown.to_excel(tmp_path / "t.xlsx"))["numbers"].max_row == 1 + rows


def test_all_failed_is_a_table_of_dashes():
    shown = tf.tabulate(jobs().assign(status="failed"), "loss", over="seed", better={"loss": "min"})
    assert "Of 24 jobs not counted: 24 failed." in shown.footnote
    assert repr(shown).count("–") == 6


def test_stars_are_what_a_plain_test_finds():
    table = jobs()
    shown = tf.tabulate(table, ["loss", "accuracy"], over="seed", baseline={"method": "exact"})
    p = shown.frame["results.loss.p"]
    assert p[:2].isna().all()
    values = {
        key: rows.set_index("params.seed")["results.loss"]
        for key, rows in table[table["status"] == "completed"].groupby(["params.method", "params.size"])
    }
    from scipy.stats import ttest_rel

    plain = []
    for method in ("fast", "none"):
        for size in (10, 100):
            both = pd.concat([values[method, size], values["exact", size]], axis=1).dropna()
            plain.append(ttest_rel(*both.to_numpy().T).pvalue)
    factors = np.argsort(np.argsort(plain))
    ordered = np.maximum.accumulate(np.sort(plain) * [4, 3, 2, 1])
    assert p[2:].tolist() == pytest.approx(np.minimum(ordered, 1)[factors].tolist())
    assert [line.count("*") for line in repr(shown).splitlines()[1:7]] == [0, 0, *(p[2:] < 0.05).astype(int)]
    assert "* differs from method = exact, p < 0.05: paired t-test, Holm's correction" in shown.footnote


def test_a_row_can_be_the_baseline_and_what_can_not_be_tested_is_said():
    table = jobs().query("`params.method` != 'fast' or `params.seed` == 0")
    shown = tf.tabulate(table, "loss", over="seed", baseline=0)
    assert shown.frame["results.loss.p"].isna().tolist() == [True, False, True, True, False, False]
    assert "2 not tested (n < 2, infinite, or no variation)" in shown.footnote
    again = tf.tabulate(tf.summarize(table, over="seed"), "loss", table=table, baseline=0)
    assert repr(again) == repr(shown)


def test_bold_can_be_all_that_are_not_significantly_worse():
    shown = tabulated(metrics="loss", bold="not worse")
    bold = [line.count("**") == 2 for line in repr(shown).splitlines()[1:7]]
    assert bold[4:] == [False, False]
    assert sum(bold) > 1
    assert "not significantly worse" in shown.footnote


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"better": {"los": "min"}}, "no name in better= 'los'; there are 'results.loss'"),
        ({"better": {"loss": "low"}}, "it is 'min' or 'max'"),
        ({"metrics": "lss"}, "no metric 'lss'; there are 'results.loss'"),
        ({"units": "s"}, "units='s': give values by name"),
        ({"scale": {"loss": 0}}, "'results.loss' has 0, which is no factor"),
        ({"digits": {"loss": 0.5}}, "no number of decimals"),
        ({"groups": {"a": ["loss"], "b": "loss"}}, "a metric is in one group"),
        ({"labels": {"method": "size"}}, "two columns would be called 'size'"),
        ({"bold": "all"}, "bold='all'"),
        ({"groups": ["loss"]}, "groups=['loss']: give metrics by title, such as {'quality': ['loss']}"),
        ({"metrics": []}, "metrics=[]: name one, or leave it out for all"),
        ({"level": 5}, "level=5 is not between 0 and 1"),
        ({"level": "x"}, "level='x' is not between 0 and 1"),
        ({"caption": None}, "caption=None is no text"),
        ({"baseline": {"method": "exakt"}}, "is no row; of params.method there are"),
        ({"baseline": {"kind": "k"}}, "'params.kind' is the same in all rows"),
        ({"baseline": 17}, "there are 6 rows"),
        ({"center": "average"}, "no statistic 'average'"),
    ],
)
def test_what_an_option_does_not_take_is_refused(options, said):
    with pytest.raises(tf.RefusedError, match=re.escape(said)):
        tabulated(**options)


def test_numbers_of_numpy_are_numbers():
    options = {"digits": {"loss": np.int64(2)}, "scale": {"loss": np.float32(100)}, "level": np.float64(0.01)}
    plain = {"digits": {"loss": 2}, "scale": {"loss": 100}, "level": 0.01}
    assert repr(tabulated(**options)) == repr(tabulated(**plain))


def test_tests_without_the_jobs_and_statistics_that_are_not_there_are_refused():
    summary = tf.summarize(jobs(), over="seed", stats=["mean", "count"])
    with pytest.raises(tf.RefusedError, match="tests need the jobs: give table="):
        tf.tabulate(summary, spread=None, baseline=0)
    with pytest.raises(tf.RefusedError, match="the summary has no spread='std', but 'mean', 'count'"):
        tf.tabulate(summary)


def test_workflows_that_are_compared_are_tabulated_the_same_way(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    for name, shift in {"old": 0.0, "new": -0.125}.items():
        params = tf.grid(alpha=[1, 2], seed=[0, 1, 2])
        wf = client.create_workflow(name)
        for key, row in wf.push(params).iterrows():
            wf.job(key).store(loss=row["alpha"] + row["seed"] + shift * (1 + row["seed"] / 8))
    client.workflow(name="new").push(tf.grid(alpha=[3], seed=[0]), command="true")
    compared = client.compare(*client.workflows().index)
    table = compared.to_table().assign(status="completed")
    shown = tf.tabulate(table, over="seed", better={"loss": "min"}, baseline={"workflow_name": "old"})
    assert shown.frame["workflow_name"].tolist() == ["old", "new", "old", "new", "new"]
    assert shown.frame["results.loss.mean"].tolist()[:2] == [2.0, 2.0 - 0.125 * 1.125]
    assert [p < 0.05 for p in shown.frame["results.loss.p"]] == [False, True, False, True, False]
    assert "* differs from workflow = old" in shown.footnote
    assert "Of 13 jobs not counted: 13 not finished." in tf.tabulate(compared, over="seed").footnote


# HTML


def test_html_has_every_text_as_text():
    found = Cells(hostile().to_html())
    assert found.tags == {"div", "style", "table", "caption", "thead", "tr", "th", "tbody", "td", "p"}
    assert set(map(in_one_line, HOSTILE)) <= set(found.texts)
    assert f"{HOSTILE[0]} ({in_one_line(HOSTILE[2])}) ↑" in found.texts


def test_equal_tables_are_equal_html():
    assert tabulated().to_html() == tabulated().to_html()


def test_style_is_pandas_own():
    style = tabulated().style
    assert type(style).__name__ == "Styler"
    assert style.hide(axis="columns").to_html().count("font-weight: bold") == 1


def test_bold_and_underlined_are_seen_on_light_pages_and_dark_ones(browser):
    page = browser.new_page()
    try:
        for scheme, ink in (("light", "rgb(10, 20, 30)"), ("dark", "rgb(240, 230, 220)")):
            page.emulate_media(color_scheme=scheme)
            page.set_content(f"<body style='color: {ink}; background: teal'>{tabulated().to_html()}</body>")
            look = """cells => cells.map(cell => {
                const { fontWeight, textDecorationLine, color, backgroundColor } = getComputedStyle(cell)
                return [fontWeight, textDecorationLine, color, backgroundColor]
            })"""
            looks = page.locator("td").evaluate_all(look)
            assert {tuple(style[2:]) for style in looks} == {(ink, "rgba(0, 0, 0, 0)")}
            assert sum(style[0] == "700" for style in looks) == 2
            assert sum(style[1] == "underline" for style in looks) == 2
    finally:
        page.close()


# Markdown


def test_markdown_is_read_as_it_was_meant():
    page = (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .render(hostile().to_markdown())
    )
    found = Cells(page)
    assert found.tags == {"p", "table", "thead", "tr", "th", "tbody", "td", "strong", "u"}
    assert set(map(in_one_line, HOSTILE)) <= set(found.texts)
    assert (
        Cells(MarkdownIt("commonmark").enable("table").render(tabulated().to_markdown())).texts[-1]
        == tabulated().footnote
    )


# Excel


def test_excel_has_the_table_as_printed_and_the_numbers(tmp_path):
    table = tabulated(groups={"quality": ["loss", "accuracy"]}, caption="All", baseline=0)
    book = openpyxl.load_workbook(table.to_excel(tmp_path / "table.xlsx"))
    sheet, numbers = book["table"], book["numbers"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][0] == "All"
    assert rows[1][2:4] == ["quality", None]
    assert rows[2][:3] == ["method", "size", "loss ↓"]
    assert rows[-1][0] == table.footnote
    printed = repr(table)
    for row in sheet.iter_rows(min_row=4, max_row=9, min_col=3):
        for cell in row:
            marks = ("**", "**") if cell.font.bold else ("_", "_") if cell.font.underline else ("", "")
            number, behind = re.fullmatch(r"(.*?)(\*?(?: \[\d+\])?)", cell.value).groups()
            assert f"{marks[0]}{number}{marks[1]}{behind}" in printed
    found = pd.DataFrame(list(numbers.values)[1:], columns=next(numbers.values))
    pd.testing.assert_frame_equal(found, table.frame, check_dtype=False)
    assert numbers["C2"].number_format == "0.0000"
    assert numbers["K2"].number_format == "0.000E+00"


def test_excel_has_plain_numbers_as_numbers_that_look_as_printed(tmp_path):
    table = pd.DataFrame(
        {"params.n": [-3, 1200], "results.x": [1234.6, -0.25], "results.y": [math.inf, 1e-9]}
    )
    sheet = openpyxl.load_workbook(tf.tabulate(table, spread=None).to_excel(tmp_path / "t.xlsx"))["table"]
    assert [[cell.value for cell in row] for row in sheet["A2:C3"]] == [[-3, 1235, "∞"], [1200, -0.25, 1]]
    assert [cell.number_format for cell in sheet[2]] == ["0", "#,##0", "General"]


def test_excel_has_no_formulas(tmp_path):
    book = openpyxl.load_workbook(hostile().to_excel(tmp_path / "table.xlsx"))
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    with pytest.raises(tf.RefusedError, match=r"does not end in \.xlsx"):
        hostile().to_excel(tmp_path / "table.xls")


# LaTeX


def every_character():
    """Each character that is written by a command of LaTeX, and more."""
    chars = [*latex_text._SPECIAL, *latex_text._LETTERS, *latex_text._MATH, *map(chr, range(0xA0, 0x180))]
    chars += [chr(code) for code in range(0x391, 0x3CA) if chr(code).isalpha()]
    return tf.tabulate(
        pd.DataFrame(
            {"params.text": [f"{ord(char):04x} x{char}x{char}{char}" for char in dict.fromkeys(chars)]}
        ).assign(**{"results.n": 1})
    )


@pytest.fixture(scope="module")
def set_by_latex(tmp_path_factory):
    """What pdflatex sets of many tables, page by page, as text."""
    need("pdflatex", tables.has_tex(), tables.GET_TEX)
    folder = tmp_path_factory.mktemp("latex")
    every = every_character()
    lines = every.to_latex().splitlines()
    body = [f"{line}\n\n" for line in lines if line.endswith(r"\\") and "&" in line]
    apart = "".join(line.replace("&", r"\quad").replace(r"\\" + "\n", "\n") for line in body)
    options = {
        "caption": "All of it",
        "groups": {"quality & more": ["loss", "accuracy"]},
        "baseline": {"method": "exact"},
    }
    made = [
        hostile().to_latex("tab:hostile"),
        tabulated(**options).to_latex("tab:plain", position="htbp"),
        tabulated(**options, scale={"time": -1}).to_latex(siunitx=True),
        hostile().to_latex(siunitx=True),
        tabulated(spread=None).to_latex(siunitx=True),
        tf.tabulate(jobs().head(0), over="seed").to_latex(siunitx=True),
        f"{{\\small {apart}}}",
    ]
    pdf = tables.compiled("\\clearpage ".join(made), folder, packages=r"\usepackage{siunitx}")
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True)
    return done.stdout.split("\f"), (folder / "tables.log").read_text(errors="replace")


def test_latex_is_set_and_reads_as_it_was_meant(set_by_latex):
    pages, _ = set_by_latex
    flat = " ".join(pages[0].split())
    for text in (*HOSTILE[:6], *HOSTILE[8:10]):
        fonts = str.maketrans("^~'\"", "ˆ˜’”", "_")  # noqa: RUF001 - what LaTeX's fonts have for them
        seen = in_one_line(text).translate(fonts).replace("�", "U+FFFD")
        assert "".join(seen.split()) in "".join(flat.split())  # a line under a gap is no character
    assert "U+65E5U+672C U+1F600 " in flat
    assert "root:" not in flat
    plain = pages[1]
    for line in repr(tabulated(groups=None, baseline={"method": "exact"})).splitlines()[1:7]:
        for cell in re.split("  +", line.strip()):
            assert re.sub("[*_]{1,2}(?=[0-9])|(?<=[0-9])(?:[*]{2}|_)", "", cell) in plain
    assert "quality & more" in plain


def test_latex_of_siunitx_has_the_same_numbers(set_by_latex):
    pages, _ = set_by_latex
    frame = tabulated().frame
    flat = re.sub(" ?± ?", " ± ", " ".join(pages[2].split()))
    for mean, std in zip(frame["results.loss.mean"], frame["results.loss.std"], strict=True):
        assert f"{mean:.4f} ± {std:.4f}" in flat


def test_blocks_of_rows_that_have_a_value_in_common_are_apart():
    assert tabulated().to_latex().count("addlinespace") == 2
    by_size = tf.summarize(jobs(), over="seed").sort_values("params.size")
    assert "addlinespace" not in tf.tabulate(by_size).to_latex()


def test_every_character_with_a_command_is_set(set_by_latex):
    _, log = set_by_latex
    assert "Missing character" not in log
    assert "LaTeX Warning" not in log.replace("LaTeX Warning: Label(s) may have changed", "")


@pytest.mark.parametrize("options", [{"label": "a}b"}, {"label": "é"}, {"position": "x"}])
def test_what_is_no_label_or_position_is_refused(options):
    with pytest.raises(tf.RefusedError, match=r"=.*(are allowed|is made of)"):
        tabulated().to_latex(**options)


def test_text_is_latex_that_makes_no_ligatures():
    assert as_latex("a--b---c ''d''") == "a-{}-b-{}-{}-c '{}'d'{}'"
    assert as_latex("x⁻¹₂") == "x$^{-1}$$_{2}$"
    assert as_latex("e\u0301tude") == as_latex("étude") == r"\'{e}tude"


# the page of the docs


def test_the_page_of_the_docs_runs_and_its_table_is_set(tmp_path):
    need("pdflatex", tables.has_tex(), tables.GET_TEX)
    names = tables.made(tmp_path)
    table = names["table"]
    plain = (
        names["wf"].table().groupby(["params.alpha", "params.gamma"])["results.error"].agg(["mean", "std"])
    )
    assert table.frame["results.error.mean"].tolist() == pytest.approx(plain["mean"].tolist())
    pdf = tables.compiled(table.to_latex("tab:kernels"), tmp_path)
    text = subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True
    ).stdout
    best = plain["mean"].idxmin()
    assert f"{plain.loc[best, 'mean']:.4f} ± {plain.loc[best, 'std']:.4f}" in text
    assert tables.PICTURE.exists()


def test_a_thousand_rows_are_printed_at_once():
    table = tf.grid(a=range(1000), seed=[0, 1]).add_prefix("params.")
    rng = np.random.default_rng(0)
    for name in "vwxyz":
        table[f"results.{name}"] = rng.normal(size=2000)
    summary = tf.summarize(table, over="seed")
    began = process_time()
    shown = tf.tabulate(summary, better={"v": "max"})
    assert len(shown.to_latex()) + len(shown.to_markdown()) + len(repr(shown)) > 100_000
    latex = process_time() - began
    began = process_time()
    assert len(shown.to_html()) > 100_000
    assert (latex, process_time() - began) < (2, 3)
    assert "... 940 more rows" in repr(shown)
