"""The explorer of results and the monitor in a real JupyterLab, with jobs that really run."""

import re
import threading
from pathlib import Path

import pandas as pd
import pytest
from jupyter import Jupyter, Notebook
from playwright.sync_api import Locator, Page

import torc_frames as tf

COMMAND = "sleep {pause}; if [ {depth} = 8 ]; then echo 'ValueError: too deep' >&2; exit 3; fi"


def study(folder: Path, pause: float = 0) -> tf.Workflow:
    """A workflow of twelve jobs, of which three fail."""
    wf = tf.connect(folder / "study.db").create_workflow("ridge")
    params = tf.grid(alpha=[0.01, 0.1, 1.0], depth=[2, 5, 8, 9])
    params["solver"] = ["svd", "sag", "lsqr"] * 4
    params["pause"] = pause
    wf.push(params, command=COMMAND, name="{solver} {alpha} {depth}")
    return wf


def explored(folder: Path) -> tf.Workflow:
    """The same, run: nine jobs have stored results, the three deepest have failed."""
    wf = study(folder)
    wf.run(workers=2, show_progress=False)
    for job_key, row in wf.parameters().iterrows():
        if row["depth"] != 8:
            wf.job(job_key).store(loss=row["alpha"] * 2 + row["depth"] / 100, steps=int(row["depth"]) * 7)
    return wf


def opened(lab: Jupyter, folder: Path, cell: str) -> Notebook:
    """Open a notebook with a widget of the workflow, as its second cell."""
    imports = (
        "import torc_frames as tf\n"
        "from torc_frames.widgets.results.widget import ResultsExplorer\n"
        "from torc_frames.widgets.progress.widget import Monitor\n"
        f"wf = tf.connect({str(folder / 'study.db')!r}).workflow(1)"
    )
    notebook = lab.open(imports, cell, "answer = 6 * 7")
    notebook.run(0)
    notebook.run(1)
    return notebook


@pytest.fixture
def explorer(lab: Jupyter, tmp_path: Path) -> Notebook:
    explored(tmp_path)
    notebook = opened(lab, tmp_path, "explorer = ResultsExplorer(wf, objective='loss', mode='min'); explorer")
    notebook.output(1).get_by_role("grid").locator(".slick-cell").first.wait_for()
    notebook.page.set_viewport_size({"width": 1280, "height": 1400})
    return notebook


def grid(notebook: Notebook) -> Locator:
    return notebook.output(1).get_by_role("grid")


def heading(notebook: Notebook, name: str) -> Locator:
    return grid(notebook).get_by_role("columnheader", name=name)


def drag(page: Page, what: Locator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag in a part of the page, from and to shares of its width and height."""
    what.hover()  # when it is in view, and has come to rest
    box = what.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=6)
    page.mouse.up()


def drawn(notebook: Notebook, name: str) -> Locator:
    """A figure, when it is painted: before, it is no application."""
    figure = notebook.output(1).get_by_role("application", name=name)
    figure.wait_for()
    return figure


def keys_are(notebook: Notebook, keys: list[str]) -> None:
    """Wait until these are the jobs in the table, in that order; the best one says so."""
    notebook.page.wait_for_function(_TEXTS_JS, arg=keys)


_TEXTS_JS = """keys => {
  const cells = [...document.querySelectorAll(".slick-cell[aria-colindex='1']")];
  cells.sort((a, b) => a.parentNode.ariaRowIndex - b.parentNode.ariaRowIndex);
  return JSON.stringify(cells.map(each => each.textContent)) === JSON.stringify(keys);
}"""


def test_it_is_sorted_by_the_objective_filtered_and_kept_so_by_a_refresh(
    explorer: Notebook, tmp_path: Path
) -> None:
    output = explorer.output(1)
    keys_are(explorer, ["1best", "2", "4", "5", "6", "8", "9", "10", "12", "3", "7", "11"])
    output.get_by_role("button", name="best loss 0.04 alpha 0.01").wait_for()
    heading(explorer, "results.loss, the objective, 0.04 to 2.09, 3 missing").wait_for()
    drawn(explorer, "Parallel of alpha, depth, solver, loss, 12 jobs")
    drawn(explorer, "Scatter of alpha, loss, 12 jobs")
    explorer.screenshot("explorer", output)

    output.get_by_role("button", name="failed 3").click()
    explorer.wait_for("list(explorer.value.index)", ["3", "7", "11"])
    drawn(explorer, "Scatter of alpha, loss, 3 of 12 jobs")
    output.get_by_role("button", name="all 12").click()
    explorer.wait_for("len(explorer.value)", 12)

    field = output.get_by_role("textbox", name="Filter")
    field.fill("loss < ")
    field.press("Enter")
    output.get_by_text("is no query of the columns").wait_for()
    field.fill("results.loss > 0.1")
    field.press("Enter")
    explorer.wait_for("len(explorer.value)", 7)
    output.get_by_text("no completed job").wait_for(state="detached")
    heading(explorer, "results.loss").locator(".tf-name").click()
    keys_are(explorer, ["12", "10", "9", "8", "6", "5", "4best"])

    grid(explorer).locator(".slick-cell", has_text="sag 0.1 2").first.click()
    explorer.wait_for("list(explorer.selected.index)", ["5"])
    wf = tf.connect(tmp_path / "study.db").workflow(1)
    wf.job(3).store(loss=9.5)
    output.get_by_role("button", name="Refresh").click()
    output.get_by_text("1 updated").wait_for()
    keys_are(explorer, ["3", "12", "10", "9", "8", "6", "5", "4best"])
    explorer.wait_for("list(explorer.selected.index)", ["5"])
    output.get_by_role("button", name="Take back the filter results.loss > 0.1").click()
    explorer.wait_for("explorer.filters", [])
    explorer.execute(
        "names = {'wf': wf}; exec(explorer.code, names); assert names['df'].equals(explorer.value)"
    )


def test_a_drag_in_a_figure_selects_and_one_in_a_heading_filters(explorer: Notebook) -> None:
    output, page = explorer.output(1), explorer.page
    scatter = drawn(explorer, "Scatter of alpha, loss")
    explorer.execute("heard = []; explorer.observe(lambda change: heard.append(len(change.new)), 'selected')")
    drag(page, scatter, (0.5, 0.05), (0.98, 0.5))
    explorer.wait_for("sorted(explorer.selected['params.alpha'].unique())", [1.0])
    explorer.wait_for("list(explorer.selected.index)", ["9", "10", "12"])
    output.get_by_role("status").filter(has_text="3 jobs brushed").wait_for()
    keys_are(explorer, ["9", "10", "12"])
    explorer.wait_for("heard[-1]", 3)
    explorer.screenshot("explorer-brushed", output)
    output.get_by_role("button", name="Keep").click()
    explorer.wait_for("len(explorer.filters)", 2)
    explorer.wait_for("(len(explorer.value), len(explorer.selected))", [3, 0])
    output.get_by_role("button", name="all 12").click()
    explorer.wait_for("len(explorer.value)", 12)

    drag(page, heading(explorer, "params.depth").locator(".tf-bars"), (0.05, 0.5), (0.5, 0.5))
    explorer.wait_for("explorer.filters", ["2 <= params.depth <= 5"])
    keys_are(explorer, ["1best", "2", "5", "6", "9", "10"])
    explorer.wait_for("explorer.exploration.query.sort", ["results.loss", True])  # a drag is no click
    heading(explorer, "params.depth").locator(".tf-bars").click()
    explorer.wait_for("explorer.filters", [])

    canvas = scatter.bounding_box()
    grid(explorer).locator(".slick-cell", has_text="svd 0.01 9").first.click()
    explorer.wait_for("list(explorer.selected.index)", ["4"])
    assert canvas is not None
    ring = page.locator(".tf-figures canvas[data-layer='rows']").first.bounding_box()
    assert ring == canvas


def test_the_log_of_a_failed_job_is_a_click_away_and_it_is_run_again(explorer: Notebook) -> None:
    output, page = explorer.output(1), explorer.page
    grid(explorer).locator(".slick-row", has_text="lsqr 0.01 8").locator(".tf-opens").click()
    dialog = output.get_by_role("dialog", name="Job 3 · lsqr 0.01 8")
    dialog.get_by_text("ValueError: too deep").wait_for()
    dialog.get_by_text("return code 3").wait_for()
    explorer.screenshot("explorer-log", output)
    assert explorer.accessibility_problems(output) == []
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    explorer.wait_for("list(explorer.selected.index)", ["3"])

    # By the keyboard alone: up and down the column of statuses.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    dialog = output.get_by_role("dialog", name="Job 7")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    output.get_by_role("button", name="Rerun").press("Enter")
    asks = output.get_by_role("dialog", name="Run 1 job again?")
    asks.get_by_text("wf.start(jobs=['7'], rerun=\"all\")").wait_for()
    explorer.screenshot("explorer-rerun", output)
    asks.get_by_role("button", name="Cancel").click()
    assert explorer.value("int(wf.jobs()['run_id'].max())") == 1
    output.get_by_role("button", name="Rerun").click()
    asks.get_by_role("button", name="Run 1 job again").click()
    output.get_by_text("1 job started again").wait_for()
    explorer.wait_for("wf.jobs()['run_id'].tolist()[6]", 2)
    explorer.execute("for run in wf.running(): run.wait(60)")
    output.get_by_role("button", name="Copy as Python").click()
    output.get_by_text("Copied as Python.").wait_for()
    assert "df.loc[['7']]" in explorer.clipboard()
    output.get_by_role("button", name="Edit").click()
    explorer.wait_for("explorer.editing", ["7"])


def test_results_are_grouped_drawn_and_exported(explorer: Notebook, lab: Jupyter) -> None:
    output = explorer.output(1)
    for kind, name in (("heat", "Heat map"), ("history", "History")):
        output.get_by_label("Figure", exact=True).last.select_option(kind)
        drawn(explorer, name)
    output.get_by_role("button", name="Group").click()
    output.get_by_role("group", name="Group by").get_by_label("params.alpha").check()
    explorer.wait_for("explorer.value.columns.tolist()", ["params.alpha", "jobs", "mean results.loss"])
    explorer.wait_for("explorer.value['mean results.loss'].round(3).tolist()", [0.073, 0.253, 2.053])
    heading(explorer, "mean results.loss").wait_for()

    output.get_by_role("button", name="Export").click()
    output.get_by_label("format").select_option(".csv")
    output.get_by_role("button", name="Save").click()
    output.get_by_text("3 rows in results.csv").wait_for()
    written = pd.read_csv(lab.server.notebooks / "results.csv")
    assert written["jobs"].tolist() == [4, 4, 4]
    output.get_by_role("button", name="Save").click()
    output.get_by_text("exists already").wait_for()
    output.get_by_role("button", name="Python", exact=True).click()
    output.get_by_role("region", name="The Python").get_by_text(".groupby(['params.alpha']").wait_for()


def test_columns_are_chosen_by_keyboard(explorer: Notebook) -> None:
    output, page = explorer.output(1), explorer.page
    output.get_by_role("button", name="Columns").focus()
    page.keyboard.press("Space")
    panel = output.get_by_role("region", name="Columns")
    panel.get_by_role("textbox").fill("steps")
    panel.get_by_role("button", name="results.steps further to the left").press("Enter")
    explorer.wait_for("explorer.value.columns.tolist()[:2]", ["results.steps", "results.loss"])
    panel.get_by_label("results.steps", exact=True).press("Space")
    explorer.wait_for("'results.steps' in explorer.value", False)
    panel.get_by_label("results.steps", exact=True).press("Space")
    explorer.wait_for("explorer.value.columns.tolist()[0]", "results.steps")
    assert explorer.page.locator(".jp-Notebook-cell").count() == 3  # no key was the notebook's


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_explorer_is_accessible_in_light_and_dark(explorer: Notebook, dark: bool) -> None:
    explorer.theme(dark)
    output = explorer.output(1)
    output.locator(f".tf-app[data-theme='{'dark' if dark else 'light'}']").wait_for()
    drawn(explorer, "Scatter")
    grid(explorer).locator(".slick-cell").first.click()
    for name in ("Columns", "Group", "Python", "Export"):
        output.get_by_role("button", name=name, exact=True).click()
    explorer.page.set_viewport_size({"width": 1280, "height": 2000})
    drag(explorer.page, drawn(explorer, "Scatter"), (0.2, 0.05), (0.98, 0.5))
    output.get_by_role("status").filter(has_text="3 jobs brushed").wait_for()
    explorer.screenshot(f"explorer-{'dark' if dark else 'light'}", output)
    assert explorer.accessibility_problems(output) == []


def test_names_of_others_are_texts(lab: Jupyter, tmp_path: Path) -> None:
    bad = "<img src=x onerror=alert(1)>"
    wf = tf.connect(tmp_path / "study.db").create_workflow(bad)
    params = pd.DataFrame({bad: [1, 2, 3], "b": [bad, "$x$", bad], "n": [1, 2, 3]})
    wf.push(params, command=f"echo '{bad}' >&2; exit 1", name=bad + " {n}")
    wf.run(workers=1, show_progress=False)
    for key in (1, 2):
        wf.job(key).store(**{bad: key / 3})
    notebook = opened(lab, tmp_path, "explorer = ResultsExplorer(wf); explorer")
    output = notebook.output(1)
    drawn(notebook, "Parallel")
    drag(notebook.page, heading(notebook, f"params.{bad}").locator(".tf-bars"), (0.4, 0.5), (1, 0.5))
    notebook.wait_for("len(explorer.value)", 2)
    for name in ("Columns", "Group", "Python"):
        output.get_by_role("button", name=name, exact=True).click()
    output.locator(".tf-opens").first.click()
    output.get_by_role("dialog").get_by_text(bad).first.wait_for()
    notebook.screenshot("explorer-hostile", output)
    assert output.locator("img").count() == 0


def test_a_run_is_watched_while_cells_run_and_its_end_is_seen(lab: Jupyter, tmp_path: Path) -> None:
    wf = study(tmp_path, pause=0.5)
    notebook = opened(lab, tmp_path, "monitor = Monitor(wf); monitor")
    output = notebook.output(1)
    bar = output.get_by_role("progressbar")
    bar.wait_for()
    assert notebook.value("monitor.watching")
    running = threading.Thread(target=lambda: wf.run(workers=2, show_progress=False))
    running.start()
    output.get_by_role("region", name="Running").wait_for()
    notebook.run(2)
    assert notebook.value("answer") == 42
    assert running.is_alive()
    output.get_by_text(", until ").wait_for()
    notebook.screenshot("monitor-running", output)
    output.get_by_role("status").filter(has_text="All 12 jobs have ended; 3 failed.").wait_for()
    running.join()
    notebook.wait_for("monitor.watching", False)
    notebook.wait_for("monitor.watch.join(1)", True)
    assert bar.get_attribute("aria-valuetext") == "9 completed, 3 failed"
    output.get_by_role("button", name="Watch", exact=True).click()
    notebook.wait_for("monitor.watching", True)
    output.get_by_role("button", name="Pause watching").click()
    notebook.wait_for("monitor.watching", False)
    notebook.wait_for("monitor.watch.join(1)", True)


def test_why_a_job_failed_is_read_by_keys_alone(lab: Jupyter, tmp_path: Path) -> None:
    study(tmp_path, pause=0.001).run(workers=2, show_progress=False)
    notebook = opened(lab, tmp_path, "monitor = Monitor(wf); monitor")
    failed = notebook.output(1).get_by_role("region", name="Failed").get_by_role("button")
    failed.first.wait_for()
    assert failed.count() == 3
    assert "ValueError: too deep" in str(failed.first.text_content())
    failed.first.focus()
    notebook.page.keyboard.press("Enter")
    log = notebook.output(1).get_by_label(re.compile("stderr of job"))
    log.wait_for()
    assert str(log.text_content()).strip() == "ValueError: too deep"
    assert notebook.value("monitor.selected") == notebook.value("monitor.progress.failures[0].job_key")
    notebook.page.keyboard.press("Enter")
    log.wait_for(state="detached")


def test_a_run_is_cancelled_after_it_was_told_what_that_does(lab: Jupyter, tmp_path: Path) -> None:
    wf = study(tmp_path, pause=100)
    run = wf.start(workers=2)
    notebook = opened(lab, tmp_path, "monitor = Monitor(wf); monitor")
    output = notebook.output(1)
    notebook.wait_for("monitor.progress.running", 2)
    output.get_by_role("button", name="Cancel run…").click()
    dialog = output.get_by_role("dialog", name="Cancel the run")
    dialog.get_by_text("end 2 running jobs, 10 waiting are not started").wait_for()
    notebook.screenshot("monitor-cancel", output)
    notebook.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert run.running()
    output.get_by_role("button", name="Cancel run…").click()
    dialog.get_by_role("button", name="End 2 running jobs").click()
    output.get_by_text("1 run cancelled.").wait_for()
    assert run.cancelled()
    assert notebook.value("monitor.value") == {"ready": 12}


def test_what_others_wrote_stays_text_in_the_monitor(lab: Jupyter, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)> $x$"
    wf = tf.connect(tmp_path / "study.db").create_workflow(evil)
    wf.push(tf.grid(n=[1]), command=f"echo '{evil}' >&2; exit {{n}}", name=evil)
    wf.run(workers=1, show_progress=False)
    notebook = opened(lab, tmp_path, "monitor = Monitor(wf); monitor")
    output = notebook.output(1)
    output.get_by_role("heading", name=evil).wait_for()
    output.get_by_role("region", name="Failed").get_by_role("button").click()
    output.get_by_label("stderr of job 1").filter(has_text=evil).wait_for()
    assert output.locator("img, .MathJax, mjx-container").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_monitor_is_accessible_in_light_and_dark(lab: Jupyter, tmp_path: Path, dark: bool) -> None:
    study(tmp_path, pause=0.001).run(workers=2, show_progress=False)
    notebook = opened(lab, tmp_path, "monitor = Monitor(wf); monitor")
    notebook.theme(dark)
    output = notebook.output(1)
    output.get_by_role("progressbar").wait_for()
    output.get_by_role("region", name="Failed").get_by_role("button").first.click()
    output.get_by_label(re.compile("stderr of job")).wait_for()
    output.get_by_role("button", name="Over time").click()
    output.get_by_role("img", name="Jobs by status over time").wait_for()
    notebook.screenshot(f"monitor-{'dark' if dark else 'light'}", output)
    assert notebook.accessibility_problems(output) == []
