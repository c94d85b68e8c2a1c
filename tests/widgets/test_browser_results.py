"""The explorer of results and the monitor in a real JupyterLab, with jobs that really run."""

import re
import threading
from pathlib import Path

import pandas as pd
import pytest
from jupyter import Jupyter, Notebook

import torc_frames as tf

COMMAND = "sleep {pause}; if [ {depth} = 8 ]; then echo 'ValueError: too deep' >&2; exit 3; fi"


def study(folder: Path, pause: float = 0) -> tf.Workflow:
    """A workflow of twelve jobs, of which three fail."""
    wf = tf.connect(folder / "study.db").create_workflow("ridge")
    params = tf.grid(alpha=[0.01, 0.1, 1.0], depth=[2, 5, 8, 9])
    params["solver"] = ["svd", "sag", "lsqr"] * 4
    params["pause"] = pause
    wf.push(params, command=COMMAND if pause else "", name="{solver} {alpha} {depth}")
    return wf


def explored(folder: Path) -> tf.Workflow:
    """The same with results, as its jobs would have stored them."""
    wf = study(folder)
    for job_key, row in wf.parameters().iterrows():
        if row["depth"] < 8:
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
    notebook = opened(lab, tmp_path, "explorer = ResultsExplorer(wf); explorer")
    notebook.output(1).get_by_role("grid").locator(".slick-cell").first.wait_for()
    return notebook


def test_results_are_filtered_sorted_and_kept_so_by_a_refresh(explorer: Notebook, tmp_path: Path) -> None:
    output, page = explorer.output(1), explorer.page
    output.get_by_role("button", name="no results 6").click()
    explorer.wait_for("len(explorer.value)", 6)
    output.get_by_role("button", name="all 12").click()
    explorer.wait_for("len(explorer.value)", 12)

    output.get_by_role("button", name="Filter").click()
    output.get_by_label("Column").select_option("results.loss")
    output.get_by_label("from").fill("abc")
    output.get_by_label("from").press("Enter")
    output.get_by_role("alert").filter(has_text="'abc' is no number").wait_for()
    output.get_by_label("from").fill("0.1")
    output.get_by_label("from").press("Enter")
    explorer.wait_for("len(explorer.value)", 4)
    output.get_by_role("columnheader", name="results.loss").click()
    output.get_by_role("columnheader", name="results.loss").click()
    explorer.wait_for("explorer.value['results.loss'].tolist()", [2.05, 2.02, 0.25, 0.22])
    page.wait_for_function(_TEXTS_JS, arg=["10", "9", "6", "5"])

    output.locator(".slick-cell", has_text="sag 0.1 2").first.click()
    explorer.wait_for(SELECTED, "5")
    wf = tf.connect(tmp_path / "study.db").workflow(1)
    wf.job(3).store(loss=9.5)
    output.get_by_role("button", name="Refresh").click()
    output.get_by_role("status").filter(has_text="1 updated").wait_for()
    explorer.wait_for("explorer.value['results.loss'].tolist()", [9.5, 2.05, 2.02, 0.25, 0.22])
    explorer.wait_for(SELECTED, "5")
    output.get_by_role("button", name="no results 5").wait_for()
    explorer.execute(
        "names = {'wf': wf}; exec(explorer.code, names); assert names['df'].equals(explorer.value)"
    )


SELECTED = "explorer.table.selection and explorer.source.key_at(explorer.table.selection.top)"
_TEXTS_JS = """keys => {
  const cells = [...document.querySelectorAll(".slick-cell[aria-colindex='1']")];
  cells.sort((a, b) => a.parentNode.ariaRowIndex - b.parentNode.ariaRowIndex);
  return JSON.stringify(cells.map(each => each.textContent)) === JSON.stringify(keys);
}"""


def test_results_are_grouped_drawn_and_exported(explorer: Notebook, lab: Jupyter) -> None:
    from playwright.sync_api import expect

    output = explorer.output(1)
    output.get_by_role("button", name="Scatter").click()
    picture = output.get_by_role("img", name="Scatter plot of results.loss against params.alpha, 12 jobs")
    picture.wait_for()
    output.get_by_role("button", name="no results 6").click()
    output.get_by_role("img", name="6 jobs").wait_for()
    output.get_by_role("button", name="no results 6").click()
    output.get_by_role("button", name="Parallel").click()
    output.get_by_role("img", name="Parallel coordinates of params.alpha").wait_for()
    picture.wait_for()
    before = picture.get_attribute("src")
    output.get_by_label("color").last.select_option("params.solver")
    expect(picture).not_to_have_attribute("src", before)
    explorer.page.set_viewport_size({"width": 1280, "height": 1700})
    explorer.screenshot("explorer-figures", output)

    output.get_by_role("button", name="Group").click()
    output.get_by_label("Group by").select_option("params.alpha")
    output.get_by_label("and tell of").select_option(["results.loss"])
    explorer.wait_for("explorer.value.columns.tolist()", ["params.alpha", "jobs", "mean results.loss"])
    explorer.wait_for("explorer.value['mean results.loss'].round(3).tolist()", [0.055, 0.235, 2.035])
    output.get_by_role("columnheader", name="mean results.loss").wait_for()

    output.get_by_role("button", name="Export").click()
    output.get_by_label("format").select_option(".csv")
    output.get_by_role("button", name="Save").click()
    output.get_by_role("status").filter(has_text="3 rows in results.csv").wait_for()
    written = pd.read_csv(lab.server.notebooks / "results.csv")
    assert written["jobs"].tolist() == [4, 4, 4]
    output.get_by_role("button", name="Python").click()
    assert ".groupby(['params.alpha']" in output.get_by_label("Python").last.input_value()


def test_columns_are_chosen_by_keyboard(explorer: Notebook) -> None:
    output, page = explorer.output(1), explorer.page
    output.get_by_role("button", name="Columns").focus()
    page.keyboard.press("Space")
    output.get_by_label("Shown").select_option(["results.steps"])
    output.get_by_title("further to the left").press("Enter")
    explorer.wait_for("explorer.value.columns.tolist()[-2:]", ["results.steps", "results.loss"])
    output.get_by_role("button", name="Hide").press("Enter")
    explorer.wait_for("explorer.value.columns.tolist()[-1]", "results.loss")
    output.get_by_label("Hidden").select_option(["results.steps"])
    output.get_by_role("button", name="Show").press("Enter")
    explorer.wait_for("explorer.value.columns.tolist()[-2:]", ["results.steps", "results.loss"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_explorer_is_accessible_in_light_and_dark(explorer: Notebook, dark: bool) -> None:
    explorer.theme(dark)
    output = explorer.output(1)
    output.get_by_role("button", name="Filter").click()
    output.locator(".slick-cell").first.click()
    for name in ("Columns", "Group", "Parallel", "Scatter", "Python", "Export"):
        output.get_by_role("button", name=name).click()
    output.get_by_role("img", name="Scatter plot").wait_for()
    output.get_by_role("img", name="Parallel").wait_for()
    explorer.page.set_viewport_size({"width": 1280, "height": 2800})
    explorer.screenshot(f"explorer-{'dark' if dark else 'light'}", output)
    # The grid is scrolled by keys of its own, of which axe knows nothing; its own tests look at it.
    found = explorer.accessibility_problems(output)
    assert [one for one in found if "slick-viewport" not in one] == []


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
